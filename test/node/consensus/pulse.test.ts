// Goal: slow disks cost time and no leader, and what is said while a disk is waited for promises nothing. Method: three
// managers on simulated hosts whose syncs take longer than any election; terms, what is applied, and every message that a
// manager says while its disk is slow.

import { expect, test } from "bun:test";
import type { RaftMessage } from "../../../src/raft/raft.ts";
import { createPrng, nextBelow } from "../../../src/base/prng.ts";
import { quorumContactAt } from "../../../src/raft/lead.ts";
import { create, lan } from "../../../src/raft/raft.ts";
import { BLANK } from "../../../src/raft/entry.ts";
import { Pulse } from "../../../src/node/consensus/pulse.ts";
import { Books } from "../ledger-books.ts";
import { type Manager, Managers } from "../sim-managers.ts";

function cluster(seed: number): { readonly managers: Managers; readonly books: Books } {
  const books = new Books();
  const managers = new Managers({ seed, onOpen: (_, replica) => books.watch(replica) });
  managers.until("a leader", () => managers.leaders().length === 1);
  books.submit(managers.leader());
  managers.run(2_000);
  return { managers, books };
}

const slow = ({ host }: Manager, syncMs: number): void =>
  host.configureDisk({ latencyMs: ({ operation }) => (operation.startsWith("sync") ? syncMs : 0) });

const termOf = ({ replica }: Manager): number => replica?.consensus.view().term ?? 0;

test("syncs of 2 s on every disk cost no leader, and what is submitted is applied all the same", () => {
  for (const seed of [1, 2, 3]) {
    const { managers, books } = cluster(seed);
    const leader = managers.leader();
    const term = termOf(leader);
    for (const manager of managers.all) slow(manager, 2_000);
    const jobs = Array.from({ length: 8 }, (_, at) => {
      const job = books.submit(managers.all[at % 3] ?? leader);
      managers.run(700);
      return job;
    });
    managers.until("all applied", () => jobs.every((job) => books.outcome(job)?.kind === "applied"), 40_000);
    expect(managers.leaders()).toEqual([leader]);
    expect(managers.all.map(termOf)).toEqual([term, term, term]);
    managers.untilSettled();
    for (const manager of managers.all) books.check(manager);
  }
});

test("a leader on slow disks hears its quorum hardly later than on good ones: there is time for standing still", () => {
  const { managers, books } = cluster(6);
  const leader = managers.leader();
  const oldestMs = (): number => {
    let ageMs = 0;
    for (let at = 0; at < 2_000; at++) {
      if (at % 100 === 0) books.submit(leader);
      managers.run(5);
      const raft = leader.replica?.consensus.raft;
      if (raft?.leading === null || raft === undefined) throw new Error("it leads no more");
      ageMs = Math.max(ageMs, (leader.world?.clock.nowMs() ?? Infinity) - quorumContactAt(raft, raft.leading));
    }
    return ageMs;
  };
  const goodMs = oldestMs();
  for (const manager of managers.all) slow(manager, 2_000);
  // That the first sync of a disk is slow shows after half a heartbeat, once.
  expect(oldestMs() - goodMs).toBeLessThan(70);
  const slowMs = oldestMs();
  expect(slowMs - goodMs).toBeLessThan(20);
});

test("where a leader dies among disks whose syncs take longer than an election, another is elected all the same", () => {
  for (const syncMs of [700, 1_500, 3_000]) {
    const { managers, books } = cluster(20 + syncMs);
    const leader = managers.leader();
    for (const manager of managers.all) slow(manager, syncMs);
    // That disks are slow is known before it matters.
    const job = books.submit(leader);
    managers.until("applied", () => books.outcome(job)?.kind === "applied", 40_000);
    managers.run(1_000);
    leader.host.kill();
    const killedAtMs = managers.kernel.nowMs;
    managers.until("another leads", () => managers.leaders().some((one) => one !== leader), 60_000);
    const after = books.submit(managers.leader());
    managers.until("what is submitted then is applied", () => books.outcome(after)?.kind === "applied", 60_000);
    // A vote, its answer and the first entries: each is a sync, and may wait for one that is under way.
    expect(managers.kernel.nowMs - killedAtMs).toBeLessThan(1_500 + 12 * syncMs);
  }
});

test("where a leader dies just when disks become slow, an election ends before the next one begins", () => {
  for (let seed = 31; seed <= 50; seed++) {
    const { managers, books } = cluster(seed);
    const leader = managers.leader();
    const term = termOf(leader);
    for (const manager of managers.all) slow(manager, 2_000);
    // Half of them with a sync under way.
    if (seed % 2 === 0) for (const manager of managers.all) books.submit(manager);
    managers.run(100 * (seed % 7));
    leader.host.kill();
    managers.until("another leads", () => managers.leaders().some((one) => one !== leader), 60_000);
    expect(termOf(managers.leader())).toBeLessThanOrEqual(term + 2);
  }
});

test("where managers stand still now and then among slow disks, elections end, and one leads again soon after", () => {
  let terms = 0;
  for (let seed = 61; seed <= 80; seed++) {
    const { managers, books } = cluster(seed);
    const prng = createPrng(seed, "stalls");
    for (const manager of managers.all) slow(manager, 2_000);
    for (let round = 0; round < 12; round++) {
      const manager = managers.all[nextBelow(prng, 3)];
      if (manager === undefined) throw new Error("there are three");
      books.submit(manager);
      manager.host.pause();
      managers.run(300 + nextBelow(prng, 700));
      manager.host.resume();
      managers.run(nextBelow(prng, 1_500));
    }
    const calmAtMs = managers.kernel.nowMs;
    managers.until("one leads", () => managers.leaders().length === 1, 60_000);
    // Two elections of three syncs each, at most.
    expect(managers.kernel.nowMs - calmAtMs).toBeLessThan(15_000);
    terms += Math.max(...managers.all.map(termOf)) - 1;
  }
  // Two that stand at once leave the third the time to decide: else it is two and a half elections a run.
  expect(terms / 20).toBeLessThan(2);
});

test("a leader alone with its slow disk goes on to lead; one that is cut off steps down all the same", () => {
  const { managers, books } = cluster(4);
  const leader = managers.leader();
  const term = termOf(leader);
  slow(leader, 2_000);
  for (let at = 0; at < 6; at++) {
    books.submit(leader);
    managers.run(900);
  }
  expect([managers.leaders(), termOf(leader)]).toEqual([[leader], term]);
  for (const { host } of managers.all.filter((one) => one !== leader)) {
    managers.network.cut(leader.host.name, host.name);
    managers.network.cut(host.name, leader.host.name);
  }
  managers.until("another leader", () => managers.leaders().some((one) => one !== leader));
  managers.until("the old one to step down", () => leader.replica?.consensus.view().role !== "leader");
});

test("what is said bare holds for every log: no entries, nothing matched, no vote", () => {
  const timers: (() => void)[] = [];
  const clock = {
    nowMs: () => 100,
    epochMs: () => 0,
    setTimer: (_delayMs: number, run: () => void) => {
      timers.push(run);
      return { cancel: () => {} };
    },
  };
  const raft = create(lan("self"), { hard: { ...BLANK, term: 7 }, snapshot: null, entries: [] }, { seed: 1, now: 0 });
  const said: (readonly [to: string, message: RaftMessage])[] = [];
  const reply: RaftMessage = {
    kind: "appendReply",
    cluster: "c",
    term: 7,
    round: 4,
    sentAtMs: 90,
    isAccepted: true,
    index: 12,
    hintIndex: 3,
    hintTerm: 2,
    counts: true,
  };
  const vote: RaftMessage = { kind: "voteReply", cluster: "c", term: 7, isPre: false, isGranted: true };
  const waiting = [
    { kind: "barrier" },
    { kind: "send" as const, to: "a", message: { ...reply, round: 3 } },
    { kind: "send" as const, to: "a", message: reply },
    { kind: "send" as const, to: "b", message: vote },
    // Of an older term, of one that does not count, and a leader's of one that does not lead.
    { kind: "send" as const, to: "b", message: { ...reply, term: 6 } },
    { kind: "send" as const, to: "c", message: { ...reply, counts: false } },
  ];
  let left: typeof waiting = waiting;
  const syncs = { waits: () => {} };
  const pulse = new Pulse({ clock, raft, syncs, waiting: () => left, send: (to, message) => said.push([to, message]) });
  pulse.arm();
  timers.shift()?.();
  expect(said).toEqual([["a", { ...reply, isAccepted: false, index: 0, hintIndex: 0, hintTerm: 0 }]]);
  // Not again while nothing newer waits; and not at all once the disk has caught up.
  timers.shift()?.();
  expect(said).toHaveLength(1);
  left = [];
  timers.shift()?.();
  expect(timers).toEqual([]);
});
