// Goal: every kind of message is heard from those who may say it, by those who may hear it, and from nobody else.
// Method: the whole table, written down a second time; a node of each role on simulated streams that is told every kind
// by a peer of each role, which keeps to nothing; one id claimed by nodes of two roles.

import { describe, expect, test } from "bun:test";
import type { PeerRole } from "../../../src/io/security/peer-identity.ts";
import { PEER_ROLES } from "../../../src/io/security/peer-identity.ts";
import type { NodeWorld } from "../../../src/io/world.ts";
import { type Links, openLinks } from "../../../src/node/network/links.ts";
import { maySay, MESSAGE_KINDS, type NodeMessage, nodeProtocol } from "../../../src/node/protocol.ts";
import { SimHost } from "../../../src/sim/host.ts";
import { Kernel } from "../../../src/sim/kernel.ts";
import { Network } from "../../../src/sim/network.ts";
import { type Channel, openChannel } from "../../../src/wire/channel.ts";
import type { Hello } from "../../../src/wire/handshake.ts";
import { helloOf, PORT } from "../sim-managers.ts";

/** Who says what to whom: all there is. */
const SAID: Readonly<Record<string, readonly string[]>> = {
  raft: ["manager manager"],
  swim: [
    ...["manager manager", "manager worker", "worker manager", "worker worker"],
    ...["gate gate", "gate manager", "manager gate", "gate worker", "worker gate"],
  ],
  propose: ["manager manager"],
  proposed: ["manager manager"],
  blobWant: ["manager manager", "manager client", "worker manager", "worker client", "client manager", "client client"],
  blobPart: ["manager manager", "manager worker", "manager client", "client manager", "client worker", "client client"],
  blobMissing: [
    "manager manager",
    "manager worker",
    "manager client",
    "client manager",
    "client worker",
    "client client",
  ],
  blobHave: ["manager manager"],
  blobStored: ["manager manager"],
  change: ["manager manager"],
  changed: ["manager manager"],
  toWorker: ["manager worker"],
  fromWorker: ["worker manager"],
  snapshot: ["worker manager"],
  toDesk: ["client manager", "client worker"],
  fromDesk: ["manager client", "worker client"],
  live: ["manager manager", "manager client"],
  relay: ["manager manager"],
  rates: ["manager manager"],
  notMember: ["manager manager"],
};

const DIGEST = "ab".repeat(32);
const ATTEMPT = { job: "j", workflow: "w", share: 0, token: 1 };
/** One of each kind that this test can make; the others are in the table above alone. */
const MESSAGES: readonly NodeMessage[] = [
  { kind: "raft", body: { kind: "timeoutNow", cluster: "c", term: 1 } },
  { kind: "swim", body: { kind: "streamAck", label: "l", seq: 1, updates: [] } },
  { kind: "propose", body: { client: "n.1", sequence: 1, since: 0, proposal: Uint8Array.of(1) } },
  { kind: "proposed", body: { client: "n.1", sequence: 1, outcome: { kind: "duplicate", index: 9 } } },
  { kind: "blobWant", body: { digest: DIGEST, offset: 0 } },
  { kind: "blobPart", body: { digest: DIGEST, offset: 0, size: 1, bytes: Uint8Array.of(1) } },
  { kind: "blobMissing", body: { digest: DIGEST } },
  { kind: "blobHave", body: { blobs: [{ digest: DIGEST, size: 1, content: null }] } },
  { kind: "blobStored", body: { digests: [DIGEST] } },
  { kind: "toWorker", body: { kind: "sealed", attempts: [] } },
  { kind: "fromWorker", body: { kind: "report", ownerToken: 1, report: { kind: "ready", attempt: ATTEMPT } } },
  { kind: "toDesk", body: { kind: "status", ask: 1 } },
  { kind: "fromDesk", body: { kind: "accepted", ask: 1, id: "j" } },
  { kind: "live", body: { id: "j", event: { kind: "log", level: "info", workflow: "w", text: "x" } } },
  { kind: "relay", body: { id: "j" } },
];

describe("the table of messages", () => {
  test("[GM-2.1.5] says for every kind which role may say it to which", () => {
    expect(Object.keys(SAID).sort()).toEqual([...MESSAGE_KINDS].sort());
    for (const kind of nodeKinds())
      for (const from of PEER_ROLES)
        for (const to of PEER_ROLES)
          expect(`${kind} ${from} ${to} ${maySay(from, kind, to)}`).toBe(
            `${kind} ${from} ${to} ${SAID[kind]?.includes(`${from} ${to}`) ?? false}`,
          );
  });
});

/** The kinds, as their type. */
function nodeKinds(): readonly NodeMessage["kind"][] {
  const ofTable = (kind: string): kind is NodeMessage["kind"] => MESSAGE_KINDS.includes(kind);
  return Object.keys(SAID).filter(ofTable);
}

type Scene = {
  readonly kernel: Kernel;
  readonly links: () => Links;
  readonly heard: string[];
  readonly host: SimHost;
  /** A channel to the node, whose owner may say whatever it likes. */
  readonly peer: (name: string, hello: Hello) => Channel<NodeMessage>;
};

const identity = (node: string) => ({ node, boot: 1, bootId: "1-00" });

function scene(role: PeerRole): Scene {
  const kernel = new Kernel(7);
  const network = new Network(kernel);
  const heard: string[] = [];
  const host = new SimHost(network, "n", { logLevel: "warn" });
  let links: Links | null = null;
  host.start((world) => {
    const hello = (): Hello => helloOf("n", identity("n"), role);
    void openLinks({ world, listen: { host: "n", port: PORT }, hello }).then((opened) => {
      links = opened;
      opened.onMessage((from, { kind }) => heard.push(`${from.node} ${kind}`));
    });
  });
  kernel.run(kernel.nowMs + 10);
  return {
    kernel,
    host,
    heard,
    links: () => {
      if (links === null) throw new Error("the node has no links");
      return links;
    },
    peer: (name, hello) => {
      const channels: Channel<NodeMessage>[] = [];
      new SimHost(network, name).start((world: NodeWorld) => {
        void world.streams.connect({ host: "n", port: PORT }, { timeoutMs: 1_000 }).then((connection) => {
          const options = { clock: world.clock, hello, protocol: nodeProtocol, isDialler: true, timeoutMs: 1_000 };
          channels.push(openChannel(connection, options));
        });
      });
      kernel.run(kernel.nowMs + 100);
      const [channel] = channels;
      if (channel === undefined) throw new Error(`${name} has no channel`);
      return channel;
    },
  };
}

describe("a node", () => {
  for (const role of PEER_ROLES)
    test(`[LD-41.23.2] that is a ${role} hears from each role what it may say, drops the rest, and says so once`, () => {
      for (const other of PEER_ROLES) {
        const at = scene(role);
        const channel = at.peer("p", helloOf("p", identity("p"), other));
        for (const message of MESSAGES) expect(channel.send(message)).toBe(true);
        at.kernel.run(at.kernel.nowMs + 100);
        const may = MESSAGES.filter(({ kind }) => SAID[kind]?.includes(`${other} ${role}`));
        expect(at.heard.toSorted()).toEqual(may.map(({ kind }) => `p ${kind}`).toSorted());
        expect(at.links().counters).toMatchObject({ invalid: 0, forbidden: MESSAGES.length - may.length });
        const said = at.host.logLines.filter((line) => line.includes(`a ${other} may not say`));
        expect(said).toHaveLength(may.length === MESSAGES.length ? 0 : 1);
        // And it says nothing itself that is not for the other.
        for (const message of MESSAGES)
          expect(`${message.kind} ${at.links().send("p", message)}`).toBe(
            `${message.kind} ${SAID[message.kind]?.includes(`${role} ${other}`) ?? false}`,
          );
      }
    });

  test("does not speak to a worker or client that claims the id of a manager as to that manager", () => {
    for (const role of ["worker", "client"] as const) {
      const at = scene("manager");
      at.peer("thief", { ...helloOf("thief", identity("m2"), role), boot: "9-00" });
      expect(at.links().peer("m2")?.role).toBe(role);
      expect(at.links().send("m2", { kind: "raft", body: { kind: "timeoutNow", cluster: "c", term: 1 } })).toBe(false);
      // The real one comes: it takes its place, and keeps it.
      at.peer("m2", helloOf("m2", identity("m2"), "manager"));
      expect(at.links().peer("m2")?.role).toBe("manager");
      at.peer("thief2", { ...helloOf("thief2", identity("m2"), role), boot: "10-00" });
      expect(at.links().peer("m2")?.role).toBe("manager");
      expect(at.host.logLines.join("\n")).toContain("two nodes of different roles claim one id");
    }
  });

  test("does not let strangers fill its log", () => {
    const at = scene("manager");
    for (let peer = 0; peer < 40; peer++) {
      const channel = at.peer(`w${peer}`, helloOf(`w${peer}`, identity(`w${peer}`), "worker"));
      channel.send({ kind: "relay", body: { id: "j" } });
    }
    at.kernel.run(at.kernel.nowMs + 100);
    expect(at.links().counters.forbidden).toBe(40);
    expect(at.host.logLines.length).toBeLessThan(20);
  });
});
