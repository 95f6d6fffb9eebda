// Goal: membership works over sockets: nodes find each other from one address, a killed one is dead in time on all, one
// that leaves is no loss, one that starts again is alive. Method: five nodes with links and a datagram socket each on
// simulated hosts.

import { describe, expect, test } from "bun:test";
import type { Address } from "../../../src/io/world.ts";
import { type Identity, openIdentity } from "../../../src/node/identity.ts";
import { type Links, openLinks } from "../../../src/node/network/links.ts";
import { type Membership, openMembership } from "../../../src/node/network/membership.ts";
import { SimHost } from "../../../src/sim/host.ts";
import { Kernel } from "../../../src/sim/kernel.ts";
import { Network } from "../../../src/sim/network.ts";
import { lan } from "../../../src/swim/swim.ts";
import { helloOf, PORT } from "../sim-managers.ts";

type Node = {
  readonly host: SimHost;
  id: string;
  membership: Membership | null;
  links: Links | null;
  deaths: string[];
  /** Starts of it that others know and it does not. */
  raised: number[];
};

const SEED: Address = { host: "n1", port: PORT };

class Pool {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly nodes: Node[] = [];

  constructor(seed: number, count: number) {
    this.kernel = new Kernel(seed);
    this.network = new Network(this.kernel);
    for (let number = 1; number <= count; number++) this.add(`n${number}`);
  }

  /** `copied`: who it says it is, in place of a folder of its own. */
  add(name: string, copied: Identity | null = null): Node {
    const host = new SimHost(this.network, name, { logLevel: "warn" });
    const node: Node = { host, id: "", membership: null, links: null, deaths: [], raised: [] };
    this.nodes.push(node);
    host.start((world) => {
      const boot = async (): Promise<void> => {
        const folder = { world, directory: "/data", role: "worker", environment: "test" } as const;
        const identity = copied ?? (await openIdentity(folder));
        const hello = helloOf(name, identity, "worker");
        const links = await openLinks({ world, listen: { host: name, port: PORT }, hello: () => hello });
        const socket = await world.datagrams.bind({ host: name, port: PORT + 1 });
        const seeds = [{ host: SEED.host, udp: PORT + 1, tcp: PORT }];
        const config = lan({ label: "test", seeds });
        const membership = openMembership({
          world,
          identity,
          role: "worker",
          socket,
          address: hello.address,
          links,
          config,
          raised: (boot) => void node.raised.push(boot),
        });
        membership.onMember(({ id, after }) => {
          if (after === "dead") node.deaths.push(id);
        });
        Object.assign(node, { id: identity.node, membership, links });
      };
      node.membership = null;
      void boot();
    });
    return node;
  }

  /** What every running node holds of each node, by status. */
  statuses(id: string): readonly (string | null)[] {
    return this.nodes
      .filter(({ host, id: own }) => host.isRunning && own !== id)
      .map(({ membership }) => membership?.view().members.find((member) => member.id === id)?.status ?? null);
  }

  until(what: string, condition: () => boolean, limitMs: number): number {
    const startMs = this.kernel.nowMs;
    for (; this.kernel.nowMs < startMs + limitMs; this.kernel.run(this.kernel.nowMs + 5))
      if (condition()) return this.kernel.nowMs - startMs;
    throw new Error(`not within ${limitMs} ms: ${what}`);
  }

  untilAllAlive(): void {
    this.until(
      "all know all",
      () => this.nodes.every(({ id }) => id !== "" && this.statuses(id).every((status) => status === "alive")),
      10_000,
    );
  }

  node(name: string): Node {
    const node = this.nodes.find(({ host }) => host.name === name);
    if (node === undefined) throw new Error(`there is no ${name}`);
    return node;
  }
}

describe("five nodes", () => {
  test("find each other from one address", () => {
    const pool = new Pool(1, 5);
    pool.untilAllAlive();
    for (const { membership, deaths } of pool.nodes) {
      expect(membership?.view().members).toHaveLength(5);
      expect(membership?.view().counters.acks).toBeGreaterThan(0);
      expect(deaths).toEqual([]);
    }
  });

  test("hold a killed one for dead in a few seconds, and for alive when it is back, as the same node", () => {
    const pool = new Pool(2, 5);
    pool.untilAllAlive();
    const killed = pool.node("n3");
    const { id } = killed;
    killed.host.kill();
    const tookMs = pool.until("it is dead everywhere", () => pool.statuses(id).every((one) => one === "dead"), 10_000);
    expect(tookMs).toBeLessThan(6_000);
    killed.host.restart();
    pool.until("it is alive everywhere", () => pool.statuses(id).every((one) => one === "alive"), 10_000);
    expect(killed.id).toBe(id);
    for (const { deaths } of pool.nodes) expect(deaths.filter((dead) => dead !== id)).toEqual([]);
  });

  test("[LD-40.3.4] hold one that left for gone, not for dead", () => {
    const pool = new Pool(3, 5);
    pool.untilAllAlive();
    const leaving = pool.node("n4");
    let hasLeft = false;
    void leaving.membership?.leave().then(() => {
      hasLeft = true;
      leaving.membership?.close();
      leaving.links?.close();
      leaving.host.kill();
    });
    pool.until("it has left", () => hasLeft, 5_000);
    pool.until("all know", () => pool.statuses(leaving.id).every((status) => status === "left"), 5_000);
    pool.kernel.run(pool.kernel.nowMs + 5_000);
    for (const { deaths } of pool.nodes) expect(deaths).toEqual([]);
  });

  test("do not lose one whose streams are all reset at once", () => {
    const pool = new Pool(4, 5);
    pool.untilAllAlive();
    pool.network.resetConnections("n2");
    pool.kernel.run(pool.kernel.nowMs + 10_000);
    for (const { deaths } of pool.nodes) expect(deaths).toEqual([]);
    expect(pool.statuses(pool.node("n2").id).every((status) => status === "alive")).toBe(true);
  });

  test("hear what a node says of itself", () => {
    const pool = new Pool(5, 3);
    pool.untilAllAlive();
    const heard: string[] = [];
    const [first, second] = pool.nodes;
    first?.membership?.onPayload((node, bytes) => heard.push(`${node} ${new TextDecoder().decode(bytes)}`));
    second?.membership?.setPayload(new TextEncoder().encode("8 cores"));
    pool.until("it is heard", () => heard.includes(`${second?.id} 8 cores`), 5_000);
  });

  test("are not harmed by a copy of a folder that was started more often: its original lives on, and says what is", () => {
    const pool = new Pool(6, 4);
    pool.untilAllAlive();
    const original = pool.node("n3");
    const copy = pool.add("n5", { node: original.id, boot: 7, bootId: "7-0123abcd" });
    pool.until(
      "the copy is taken for it",
      () => pool.node("n2").links?.peer(original.id)?.boot === "7-0123abcd",
      10_000,
    );
    pool.until("the original is told", () => original.raised.length > 0, 10_000);
    let hasLeft = false;
    void copy.membership?.leave().then(() => {
      hasLeft = true;
      copy.membership?.close();
      copy.links?.close();
      copy.host.kill();
    });
    pool.until("the copy is gone", () => hasLeft, 5_000);
    pool.until("it lives", () => pool.statuses(original.id).every((status) => status === "alive"), 10_000);
    expect(original.raised.every((boot) => boot >= 7)).toBe(true);
    for (const words of [
      /others know a later start of this node/,
      /does a second process run from a copy of its folder/,
    ])
      expect(original.host.logLines.some((line) => words.test(line))).toBe(true);
  });
});
