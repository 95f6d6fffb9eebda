// Goal: what any manager proposes is applied exactly once on all of them, whoever leads, and ledger time never falls.
// Method: managers on simulated hosts; jobs are proposed at followers while leaders are killed, cut off and started
// again; the books hold every entry of every replica.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow } from "../../../src/base/prng.ts";
import { encode } from "../../../src/wire/codec.ts";
import { Books, jobId, submitOf } from "../ledger-books.ts";
import { Managers } from "../sim-managers.ts";

function cluster(seed: number): { managers: Managers; books: Books } {
  const books = new Books();
  const managers = new Managers({ seed, onOpen: (_, replica) => books.watch(replica) });
  managers.until("a leader", () => managers.leaders().length === 1);
  return { managers, books };
}

describe("proposals", () => {
  test("of a follower are applied exactly once under changes of the leader", () => {
    for (const seed of [1, 2, 3]) {
      const { managers, books } = cluster(seed);
      const prng = createPrng(seed, "script");
      const jobs: string[] = [];
      for (let round = 0; round < 8; round++) {
        const leader = managers.leader();
        const follower = managers.follower();
        for (let count = 0; count < 10; count++) jobs.push(books.submit(follower));
        managers.run(nextBelow(prng, 4_000) / 1_000);
        if (nextBelow(prng, 2) === 0) leader.host.kill();
        else managers.network.isolate(leader.host.name);
        for (let count = 0; count < 5; count++) jobs.push(books.submit(follower));
        managers.until("another leads", () => managers.leaders().some((manager) => manager !== leader));
        if (!leader.host.isRunning) leader.host.restart();
        managers.network.heal();
        managers.until("one leads", () => managers.leaders().length === 1);
      }
      managers.until("all are applied", () => jobs.every((job) => books.outcome(job) !== null || !isAlive(job)));
      managers.untilSettled();
      for (const manager of managers.all) books.check(manager);
      expect(books.acknowledged.length).toBeGreaterThan(80);
    }
    /** Proposals of a process that was killed are given up with it. */
    function isAlive(_job: string): boolean {
      return false;
    }
  });

  test("of a follower are answered by their commit, and before it only when they are said again for want of one", () => {
    const { managers, books } = cluster(9);
    const leader = managers.leader();
    const follower = managers.follower();
    const said: string[] = [];
    for (const { links } of [leader, follower])
      links?.onMessage((_, { kind }) => {
        if (kind === "propose" || kind === "proposed") said.push(kind);
      });
    const isApplied = (job: string): boolean => books.outcome(job)?.kind === "applied";
    const job = books.submit(follower);
    managers.until("it is applied", () => isApplied(job));
    expect(said).toEqual(["propose"]);
    for (const { host } of managers.all)
      host.configureDisk({ latencyMs: ({ operation }) => (operation === "syncData" ? 1_500 : 0) });
    const late = books.submit(follower);
    managers.until("it is applied late", () => isApplied(late));
    expect(said.slice(1)).toEqual(["propose", "propose", "proposed"]);
  });

  test("more than may be open at once are all applied", () => {
    const { managers, books } = cluster(4);
    const follower = managers.follower();
    const jobs = Array.from({ length: 800 }, () => books.submit(follower));
    managers.until("all are applied", () => jobs.every((job) => books.outcome(job)?.kind === "applied"));
    managers.untilSettled();
    for (const manager of managers.all) {
      books.check(manager);
      expect(manager.replica?.state.jobs.size).toBe(800);
    }
  });

  test("of a manager that has just started are not mistaken for those of one that was forgotten", () => {
    const books = new Books();
    const submits: string[] = [];
    const managers = new Managers({
      seed: 7,
      limits: { clientsMax: 2 },
      onOpen: (manager, replica) => {
        books.watch(replica);
        // The first thing it does, before it has heard of a leader.
        if (manager.host.name === "m1") submits.push(books.submit(manager));
      },
    });
    managers.until("the first is applied", () => books.outcome(submits[0] ?? "") !== null);
    for (let start = 1; start <= 5; start++) {
      managers.manager("m1").host.kill();
      managers.until("one of the others leads", () => managers.leaders().length === 1);
      const leader = managers.leader();
      const missed = books.submit(leader);
      managers.until("what it misses is applied", () => books.outcome(missed) !== null);
      // A new leader does not know how far behind it is: it hears who leads before it hears what is committed.
      leader.host.kill();
      managers.manager("m1").host.restart();
      managers.until("it submits again", () => submits.length === start + 1);
      managers.until("its submit is applied", () => books.outcome(submits.at(-1) ?? "") !== null);
      leader.host.restart();
      managers.until("all are there", () => managers.all.every(({ replica }) => replica !== null));
    }
    expect(submits.map((job) => books.outcome(job)?.kind)).toEqual(Array(6).fill("applied"));
  });

  test("too large for the log are refused at once, the others go on", () => {
    const { managers, books } = cluster(5);
    const manager = managers.follower();
    const outcomes: unknown[] = [];
    const huge = { ...submitOf(jobId(900)), digest: "x".repeat(1_100_000) };
    manager.replica?.propose(huge, (outcome) => outcomes.push(outcome));
    managers.run(1);
    expect(outcomes).toMatchObject([{ kind: "refused", code: "too_large" }]);
    const job = books.submit(manager);
    managers.until("applied", () => books.outcome(job)?.kind === "applied");
  });

  test("that are no entries of this version are applied as nothing on every replica", () => {
    const { managers, books } = cluster(6);
    const leader = managers.leader();
    const before = leader.replica?.consensus.applied ?? 0;
    const command = new Uint8Array([...new Uint8Array(8), ...encode({ kind: "from tomorrow" })]);
    leader.replica?.consensus.propose({ client: "tomorrow", sequence: 1, since: before, command });
    leader.replica?.consensus.propose({ client: "tomorrow", sequence: 2, since: before, command: new Uint8Array(3) });
    // A time that is none: all bits of its f64 set.
    const joining = encode({ kind: "join", worker: "w1", boot: "b1", cores: 1, labels: {} });
    const timeless = new Uint8Array([...new Uint8Array(8).fill(255), ...joining]);
    leader.replica?.consensus.propose({ client: "tomorrow", sequence: 3, since: before, command: timeless });
    managers.until("all are committed", () => (leader.replica?.consensus.applied ?? 0) >= before + 3);
    const job = books.submit(managers.follower());
    managers.until("a later one is applied", () => books.outcome(job)?.kind === "applied");
    managers.untilSettled();
    const states = managers.all.map(({ replica }) => replica?.state);
    for (const state of states) expect(state).toEqual(states[0]);
    expect(states[0]?.workers.size).toBe(0);
  });
});

describe("ledger time", () => {
  test("[LD-24.2.4] runs with the clock, what is applied never falls, and it goes on from where it was under a new leader", () => {
    const { managers, books } = cluster(7);
    const last = new Map<string, number>();
    const look = (): void => {
      for (const { host, replica } of managers.all) {
        if (!host.isRunning || replica === null) continue;
        const appliedMs = replica.state.nowMs;
        expect(appliedMs).toBeGreaterThanOrEqual(last.get(host.name) ?? 0);
        expect(replica.nowMs()).toBeGreaterThanOrEqual(appliedMs);
        last.set(host.name, appliedMs);
      }
    };
    managers.kernel.onStep(look);
    const startMs = managers.kernel.nowMs;
    const begin = managers.leader().replica?.nowMs() ?? 0;
    for (let round = 0; round < 3; round++) {
      const job = books.submit(managers.leader());
      managers.until("applied", () => books.outcome(job)?.kind === "applied");
      managers.run(1_000);
      const leader = managers.leader();
      managers.network.isolate(leader.host.name);
      managers.until("another leads", () => managers.leaders().some((manager) => manager !== leader));
      managers.network.heal();
      managers.untilSettled();
    }
    const job = books.submit(managers.follower());
    managers.until("applied", () => books.outcome(job)?.kind === "applied");
    const passed = (managers.leader().replica?.nowMs() ?? 0) - begin;
    expect(Math.abs(passed - (managers.kernel.nowMs - startMs))).toBeLessThan(500);
    // Nobody runs ahead of the leader's stamps, also who led before.
    managers.untilSettled();
    const clocks = managers.all.map(({ replica }) => replica?.nowMs() ?? Number.NaN);
    expect(Math.max(...clocks) - Math.min(...clocks)).toBeLessThan(50);
  });
});
