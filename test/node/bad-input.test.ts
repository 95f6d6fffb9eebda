// Goal: what goes wrong between nodes of different versions, clocks, ages or sizes ends in a sentence with both sides'
// values and what to do, where the person is who has to do it. Method: whole nodes on simulated hosts; links under
// mutual TLS on loopback where it is about certificates.

import { describe, expect, test } from "bun:test";
import { HyperscaleError } from "../../src/base/error.ts";
import { mintJobId } from "../../src/base/ids.ts";
import { createLog } from "../../src/io/log.ts";
import { createWorld } from "../../src/io/real-world.ts";
import { selfIssue, timeText } from "../../src/io/security/credentials.ts";
import { createTlsStreams } from "../../src/io/security/tls.ts";
import type { Clock } from "../../src/io/world.ts";
import type { FromDesk } from "../../src/node/client-messages.ts";
import { type Links, openLinks } from "../../src/node/network/links.ts";
import type { NodeMessage } from "../../src/node/protocol.ts";
import { packSubmission, unpackSubmission } from "../../src/node/submission.ts";
import { type Hello, PROTOCOL_MAJOR, PROTOCOL_MINOR } from "../../src/wire/handshake.ts";
import { encode } from "../../src/wire/codec.ts";
import { jobPlan, workflowPlan } from "./plans.ts";
import { SimCluster } from "./sim-cluster.ts";

const HOUR_MS = 3_600_000;
const MIB = 1_048_576;

const helloOf = (node: string, more: Partial<Hello> = {}): Hello => ({
  cluster: null,
  environment: "default",
  role: "manager",
  node,
  boot: "1-00000000",
  address: { host: "127.0.0.1", udp: 1, tcp: 1 },
  major: PROTOCOL_MAJOR,
  minor: PROTOCOL_MINOR,
  features: [],
  ...more,
});

describe("another version", () => {
  test("[LD-41.18.5] a manager refuses a node of another major version, and both say which they are and what to do", () => {
    const cluster = new SimCluster({ seed: 1, managers: 1, workers: 0 });
    cluster.until(() => cluster.leader() !== null);
    const refusals: string[] = [];
    let links: Links | null = null;
    cluster.host("newer").start((world) => {
      const hello = (): Hello => helloOf("beef", { role: "worker", major: PROTOCOL_MAJOR + 1, minor: 7 });
      void openLinks({ world, listen: null, hello }).then((opened) => {
        links = opened;
        opened.onRefused((_address, failure, _node, why) => refusals.push(`${failure}: ${why}`));
        opened.want({ host: "m0", port: 9_000 });
      });
    });
    cluster.until(() => refusals.length > 0);
    const versions = [`${PROTOCOL_MAJOR}.${PROTOCOL_MINOR}`, `${PROTOCOL_MAJOR + 1}.7`];
    const there = cluster.host("m0").logLines.filter((line) => line.includes("speaks protocol"));
    expect(there).toHaveLength(1);
    for (const said of [refusals[0], there[0]])
      for (const word of [...versions, "run the same version of hyperscale on both"]) expect(said).toContain(word);
    expect(there[0]).toContain("worker beef");
    expect(refusals[0]).toContain(cluster.managers.get("m0")?.view().node ?? "nobody");
    // Nothing but the refusal: neither side has the other, and the manager goes on.
    cluster.run(5_000);
    expect((links as Links | null)?.peers()).toEqual([]);
    expect(cluster.managers.get("m0")?.parts.links.peers()).toEqual([]);
    expect(cluster.leader()).toBe("m0");
  });
});

describe("a question that this version cannot read", () => {
  test("is answered with what is wrong by managers and workers, and said in the log at most ten times in 10 s", () => {
    const cluster = new SimCluster({ seed: 2, managers: 1, workers: 1 });
    cluster.until(() => cluster.leader() !== null);
    const answers: FromDesk[] = [];
    // As a later version's client might ask.
    const asking = (ask: number): NodeMessage => JSON.parse(`{"kind":"toDesk","body":{"kind":"gates","ask":${ask}}}`);
    const unanswerable: NodeMessage = JSON.parse('{"kind":"toDesk","body":{"kind":"status","ask":"all"}}');
    const later: NodeMessage = JSON.parse('{"kind":"live","body":{"ask":7}}');
    cluster.host("later").start((world) => {
      const hello = (): Hello => helloOf("c1", { role: "client" });
      void openLinks({ world, listen: null, hello }).then((links) => {
        links.onMessage((_, message) => {
          if (message.kind === "fromDesk") answers.push(message.body);
        });
        links.onUp(({ node, role }) => {
          if (role === "worker") return void links.send(node, asking(99));
          for (const message of [unanswerable, later]) links.send(node, message);
          for (let ask = 1; ask <= 30; ask++) links.send(node, asking(ask));
        });
        for (const host of ["m0", "w0"]) links.want({ host, port: 9_000 });
      });
    });
    cluster.until(() => answers.length >= 31);
    cluster.run(1_000);
    expect(answers.map((answer) => ("ask" in answer ? answer.ask : -1)).toSorted((a, b) => a - b)).toEqual(
      [...Array(30).keys()].map((at) => at + 1).concat(99),
    );
    for (const answer of answers) {
      expect(answer).toMatchObject({ kind: "refused", code: "unreadable" });
      expect(JSON.stringify(answer).length).toBeLessThan(512);
    }
    const said = cluster.host("m0").logLines.filter((line) => line.includes('said "toDesk"'));
    expect(said.length).toBeWithin(1, 11);
    expect(cluster.leader()).toBe("m0");
  });
});

describe("a clock far off", () => {
  test("a manager whose clock runs hours ahead is refused: the log says both times and what to set", async () => {
    const key = new Uint8Array(32).fill(7);
    const lines: string[] = [];
    const log = createLog({ level: "debug", color: false, line: (text) => void lines.push(text) });
    const { clock, random } = createWorld(log);
    const ahead: Clock = {
      ...clock,
      setTimer: (ms, run) => clock.setTimer(ms, run),
      nowMs: () => clock.nowMs(),
      epochMs: () => clock.epochMs() + 3 * HOUR_MS,
    };
    const open = (node: string, own: Clock, listen: boolean): Promise<Links> => {
      const credentials = selfIssue({ keys: [key], role: "manager", node, epochMs: own.epochMs() });
      const streams = createTlsStreams({
        ...{ credentials, clock: own },
        onRefused: ({ host }, why) => log.warn(`a connection from ${host} was refused: ${why}`),
      });
      const hello = (): Hello => helloOf(node);
      return openLinks({
        world: { clock, random, streams, log },
        listen: listen ? { host: "127.0.0.1", port: 0 } : null,
        hello,
      });
    };
    const [here, there] = [await open("m1", clock, true), await open("m2", ahead, false)];
    const refused = Promise.withResolvers<string>();
    there.onRefused((_address, failure, _node, why) => refused.resolve(`${failure}: ${why}`));
    there.want(here.address);
    const why = await refused.promise;
    // It comes from who cannot judge: it believes its own clock.
    expect(why).toContain("a clock be far off; the log there says which");
    const [said = ""] = lines.filter((line) => line.includes("was refused"));
    const hours = (epochMs: number): string => timeText(epochMs).slice(0, 13);
    expect(said).toContain("manager m2");
    expect(said).toContain(`is valid from ${hours(ahead.epochMs() - HOUR_MS)}`);
    expect(said).toContain(`the clock here says ${hours(clock.epochMs())}`);
    expect(said).toContain("set the clock right");
    expect([here.peers(), there.peers()]).toEqual([[], []]);
    here.close();
    there.close();
  });
});

describe("an id that has expired", () => {
  test("[GM-1.5.1] is refused with how old it is, and never run again; a new id of the same test runs", () => {
    const cluster = new SimCluster({ seed: 2, workers: 1 });
    const plan = {
      workflows: [workflowPlan("default", { executor: { kind: "constant-vus", vus: 1, durationMs: 500 } })],
    };
    const epochMs = 1_790_000_000_000;
    const [id, later] = [0, HOUR_MS].map((ms) => mintJobId(epochMs + ms, new Uint8Array(10)));
    if (id === undefined || later === undefined) throw new Error("two ids");
    for (const job of [id, later]) cluster.finish(cluster.submit(`of ${job}`, job, plan));
    const leader = cluster.managers.get(cluster.leader() ?? "");
    for (const job of [id, later]) leader?.parts.replica.propose({ kind: "forget", job });
    cluster.run(1_000);
    const { size } = cluster.target.attempts;
    const again = cluster.submit("again", id, plan);
    cluster.until(() => again.error !== null);
    expect(again.error).toBeInstanceOf(HyperscaleError);
    expect(again.error).toMatchObject({ code: "cluster", cause: "expired" });
    const said = String(again.error);
    for (const word of [id, "1h", "under a new id", "set the clock right"]) expect(said).toContain(word);
    cluster.run(5_000);
    expect(cluster.target.attempts.size).toBe(size);
    const fresh = cluster.submit("fresh", mintJobId(epochMs + 2 * HOUR_MS, new Uint8Array(10)), plan);
    expect(cluster.finish(fresh).state).toBe("completed");
  });
});

describe("an oversized bundle", () => {
  const bundle = {
    code: "export default () => {}",
    entry: "test.ts",
    files: { "/rows.csv": new Uint8Array(81 * MIB) },
  };
  const submission = { plan: jobPlan(), bundle, retries: 0 };

  test("is refused before a byte is sent, with its size, the limit and what to do", async () => {
    const cluster = new SimCluster({ seed: 3, managers: 1, workers: 0 });
    cluster.until(() => cluster.leader() !== null);
    const failed = Promise.withResolvers<unknown>();
    void cluster.client("client").then((client) => client.hand("large", submission).catch(failed.resolve));
    cluster.run(1_000);
    const error = await failed.promise;
    expect(error).toMatchObject({ code: "invalid", hint: expect.stringContaining("smaller files") });
    for (const word of ["85 MB", "84 MB"]) expect(String(error)).toContain(word);
    expect(cluster.managers.get("m0")?.view().ledger.jobs.size).toBe(0);
  });

  test("sent all the same, by a client that does not look, it is refused by the manager in the same words", () => {
    const read = unpackSubmission(encode(submission));
    if (read.submission !== null) throw new Error("it was taken");
    for (const word of ["85 MB", "84 MB", "smaller files"]) expect(read.message).toContain(word);
    const small = { ...submission, bundle: { ...bundle, files: {} } };
    expect(unpackSubmission(packSubmission(small)).submission).toEqual(small);
  });
});
