// Goal: each safety passage of the Raft paper (extended version) and of Ongaro's dissertation holds, section in the name.
// Method: one core driven by hand; what it sends, persists and commits is compared, and what it must not do as well.

import { describe, expect, test } from "bun:test";
import * as shipped from "../../src/raft/raft.ts";
import type { RaftEffect } from "../../src/raft/raft.ts";
import { bytes } from "./cluster.ts";
import { Bench, command, GENESIS, logOf, MEMBERSHIP } from "./passages.ts";

function bench(setup: ConstructorParameters<typeof Bench>[1] = {}): Bench {
  return new Bench(shipped, setup);
}

function persisted(effects: readonly RaftEffect[]): string[] {
  return effects.flatMap((effect) => effect.kind === "persist" ? [effect.record.kind] : []);
}

describe("5.1 terms", () => {
  test("5.1: a server whose term is out of date adopts the larger one and becomes follower", () => {
    const leader = bench({ terms: [1] });
    leader.lead();
    leader.accept("b", 0, { term: 9, isAccepted: false });
    expect([leader.state.role, leader.state.hard.term, leader.state.hard.vote]).toEqual(["follower", 9, null]);
    const follower = bench({ terms: [1] });
    follower.append("b", { term: 5, prevIndex: 1, prevTerm: 1 });
    expect([follower.state.leader, follower.state.hard.term]).toEqual(["b", 5]);
  });

  test("5.1: a request with a stale term is rejected, and changes nothing", () => {
    const node = bench({ terms: [1, 3] });
    node.append("b", { term: 2, prevIndex: 2, prevTerm: 3, entries: [command(3, 2)], commit: 3 });
    expect(node.sent("appendReply")[0]?.message).toMatchObject({ isAccepted: false, term: 3, round: 0 });
    expect([node.log(), node.state.leader, persisted(node.effects)]).toEqual(["1@1 2@3", null, []]);
    expect(node.askVote("c", { term: 2 })).toBe(false);
  });

  test("5.1: a late answer of an older term does not count", () => {
    const node = bench({ terms: [1] });
    node.lead();
    node.accept("b", 2, { term: 1 });
    expect(node.has("commit")).toBe(false);
  });
});

describe("5.2 leader election", () => {
  test("5.2: a follower stays follower as long as it hears a leader", () => {
    const node = bench();
    for (let beat = 0; beat < 50; beat++) {
      node.now += 400;
      node.append("b", { term: 1 });
      node.give({ kind: "tick" });
    }
    expect(node.state.role).toBe("follower");
    expect(node.core.deadline(node.state)).toBeGreaterThanOrEqual(node.now + 500);
  });

  test("5.2: to begin an election it increments its term, votes for itself durably, then asks all others", () => {
    const node = bench({ terms: [1] });
    node.tick();
    node.hear("b", { kind: "voteReply", cluster: "c", term: 2, isPre: true, isGranted: true });
    expect(node.effects.map((effect) => effect.kind)).toEqual(["persist", "send", "send", "role"]);
    expect(node.state.hard).toMatchObject({ term: 2, vote: "a" });
    expect(node.sent("vote").map(({ to }) => to)).toEqual(["b", "c"]);
  });

  test("5.2: each server votes for at most one candidate in a term, first come first served, and repeats its answer", () => {
    const node = bench();
    expect(node.askVote("b", { term: 1 })).toBe(true);
    expect(node.askVote("c", { term: 1 })).toBe(false);
    expect(node.askVote("b", { term: 1 })).toBe(true);
    expect(node.askVote("c", { term: 2 })).toBe(true);
  });

  test("5.2: the vote is remembered across a restart", () => {
    const node = bench({ hard: { term: 4, vote: "b" } });
    expect(node.askVote("c", { term: 4 })).toBe(false);
    expect(node.askVote("b", { term: 4 })).toBe(true);
  });

  test("5.2: a candidate wins with a majority of all voters, not with fewer, and not with the same vote twice", () => {
    const node = bench({ voters: ["a", "b", "c", "d", "e"] });
    node.tick();
    for (const voter of ["b", "b", "b"]) node.hear(voter, { kind: "voteReply", cluster: "c", term: 1, isPre: true, isGranted: true });
    expect(node.state.role).toBe("preCandidate");
    node.hear("c", { kind: "voteReply", cluster: "c", term: 1, isPre: true, isGranted: true });
    for (const voter of ["b", "b", "x"]) node.hear(voter, { kind: "voteReply", cluster: "c", term: 1, isPre: false, isGranted: true });
    expect(node.state.role).toBe("candidate");
    node.hear("d", { kind: "voteReply", cluster: "c", term: 1, isPre: false, isGranted: true });
    expect(node.state.role).toBe("leader");
  });

  test("5.2: a candidate that hears a leader of its term follows it; one of an older term it refuses", () => {
    const node = bench({ terms: [1] });
    node.tick();
    node.hear("b", { kind: "voteReply", cluster: "c", term: 2, isPre: true, isGranted: true });
    node.append("c", { term: 1, prevIndex: 1, prevTerm: 1 });
    expect(node.state.role).toBe("candidate");
    node.append("c", { term: 2, prevIndex: 1, prevTerm: 1 });
    expect([node.state.role, node.state.leader]).toEqual(["follower", "c"]);
  });

  test("5.2: election timeouts are spread over [T, 2T]", () => {
    const waits = Array.from({ length: 200 }, (_, seed) => {
      const state = shipped.create(shipped.lan("a"), { hard: { ...shipped.BLANK, cluster: "c", standing: "member" }, snapshot: GENESIS, entries: [] }, { seed, now: 0 });
      return shipped.deadline(state);
    });
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_001);
    for (let band = 500; band < 1_000; band += 100) expect(waits.filter((wait) => wait >= band && wait < band + 100).length).toBeGreaterThan(15);
  });

  test("5.2 election safety: a second leader of one term is not followed", () => {
    const node = bench();
    node.append("b", { term: 1 });
    node.append("c", { term: 1, entries: [command(1, 1)] });
    expect([node.has("suspicious"), node.state.leader, node.log()]).toEqual([true, "b", ""]);
  });
});

describe("5.3 log replication", () => {
  test("5.3: an entry is committed once a majority holds it, with all before it, and not earlier", () => {
    const node = bench({ voters: ["a", "b", "c", "d", "e"], terms: [1, 1] });
    node.lead(["b", "c"]);
    node.accept("b", 3);
    expect(node.has("commit")).toBe(false);
    node.accept("c", 3);
    expect(node.effects.find((effect) => effect.kind === "commit")).toMatchObject({ through: 3, commands: [{ index: 1 }, { index: 2 }] });
  });

  test("5.3: a follower refuses entries whose predecessor it lacks or has otherwise", () => {
    const node = bench({ terms: [1, 1] });
    for (const [prevIndex, prevTerm] of [[3, 1], [2, 2]] as const) {
      node.append("b", { term: 3, prevIndex, prevTerm, entries: [command(prevIndex + 1, 3)], commit: 4 });
      expect(node.sent("appendReply")[0]?.message.isAccepted).toBe(false);
      expect([node.log(), node.state.commit]).toEqual(["1@1 2@1", 0]);
    }
  });

  test("5.3: a conflicting entry is deleted with all that follow it, durably, before the answer", () => {
    const node = bench({ terms: [1, 1, 2, 2] });
    node.append("b", { term: 3, prevIndex: 1, prevTerm: 1, entries: [command(2, 1), command(3, 3)] });
    expect(node.log()).toBe("1@1 2@1 3@3");
    const kinds = node.effects.map((effect) => effect.kind === "persist" ? effect.record.kind : effect.kind);
    expect(kinds.slice(-4)).toEqual(["truncate", "entries", "send", "role"]);
  });

  test("5.3: a late message with less than is held deletes nothing", () => {
    const node = bench({ terms: [1, 1, 1] });
    node.append("b", { term: 1, prevIndex: 0, entries: [command(1, 1)] });
    expect([node.log(), persisted(node.effects)]).toEqual(["1@1 2@1 3@1", []]);
    expect(node.sent("appendReply")[0]?.message).toMatchObject({ isAccepted: true, index: 1 });
  });

  test("5.3, figure 7: the leader of term 8 brings each of the six followers to its own log", () => {
    const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    const followers = {
      a: [1, 1, 1, 4, 4, 5, 5, 6, 6], b: [1, 1, 1, 4], c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      e: [1, 1, 1, 4, 4, 4, 4], f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    };
    for (const [name, terms] of Object.entries(followers)) {
      const leader = bench({ terms: leaderTerms, hard: { term: 7 } });
      leader.lead(["c"]);
      const follower = bench({ terms, hard: { term: 7 } });
      let rounds = 0;
      let asked = leader.sent("append").filter(({ to }) => to === "b");
      while (asked.length > 0 && rounds < 20) {
        rounds++;
        const answers = asked.flatMap(({ message }) => {
          follower.hear("b", message);
          return follower.sent("appendReply");
        });
        asked = answers.flatMap(({ message }) => {
          leader.hear("b", message);
          return leader.sent("append").filter(({ to }) => to === "b");
        });
      }
      expect(`${name}: ${follower.log()}`).toBe(`${name}: ${leader.log()}`);
      // The hint: one round for each term that differs, not for each entry.
      expect(rounds).toBeLessThanOrEqual(5);
      expect(leader.log().startsWith(logOf(leaderTerms).map(({ index, term }) => `${index}@${term}`).join(" "))).toBe(true);
    }
  });

  test("5.3: the commit index of a follower never passes what it compared with the leader", () => {
    const node = bench({ terms: [1, 1, 2] });
    node.append("b", { term: 3, prevIndex: 1, prevTerm: 1, commit: 3 });
    expect(node.state.commit).toBe(1);
  });

  test("5.3: lost, repeated and reordered answers do no harm", () => {
    const node = bench({ terms: [1] });
    node.lead();
    node.accept("b", 2);
    node.accept("b", 2);
    node.accept("b", 1);
    node.accept("b", 1, { isAccepted: false, hintIndex: 0 });
    expect([node.state.commit, node.state.leading?.peers.get("b")?.match]).toEqual([2, 2]);
    node.accept("b", 99);
    expect([node.has("suspicious"), node.state.commit]).toEqual([true, 2]);
  });
});

describe("5.4 safety", () => {
  test("5.4.1: a vote is refused to a candidate whose log is older, by last term and then by length", () => {
    const own = [1, 2, 2];
    const cases: readonly (readonly [number, number, boolean])[] = [[3, 2, true], [4, 2, true], [1, 3, true], [2, 2, false], [9, 1, false], [0, 0, false]];
    for (const [lastIndex, lastTerm, isGranted] of cases) {
      for (const isPre of [true, false]) expect([lastIndex, lastTerm, bench({ terms: own }).askVote("b", { lastIndex, lastTerm, isPre })]).toEqual([lastIndex, lastTerm, isGranted]);
    }
  });

  test("5.4.2, figure 8: an entry of an older term is not committed by counting, only under one of the leader's own", () => {
    const node = bench({ terms: [1, 2], hard: { term: 3 }, voters: ["a", "b", "c", "d", "e"] });
    node.lead(["b", "c"]);
    node.accept("b", 2);
    node.accept("c", 2);
    node.accept("d", 2);
    expect(node.state.commit).toBe(0);
    node.accept("b", 3);
    node.accept("c", 3);
    expect(node.state.commit).toBe(3);
  });

  test("5.5: a repeated request changes nothing and is answered alike", () => {
    const node = bench();
    const message = { term: 1, entries: [command(1, 1), command(2, 1)], commit: 1 };
    node.append("b", message);
    const first = node.sent("appendReply");
    node.append("b", message);
    expect(node.sent("appendReply")).toEqual(first);
    expect([persisted(node.effects), node.has("commit")]).toEqual([[], false]);
  });

  test("figure 2: promises and entries are persisted before the answer leaves", () => {
    const node = bench();
    node.append("b", { term: 1, entries: [command(1, 1)] });
    expect(node.effects.map((effect) => effect.kind)).toEqual(["persist", "persist", "send", "role"]);
    const voter = bench();
    voter.askVote("b", { term: 1 });
    expect(voter.effects.map((effect) => effect.kind)).toEqual(["persist", "persist", "send", "role"]);
  });
});

describe("6 and dissertation 4: membership", () => {
  /** A leader of a, b, c that has committed an entry of its term. */
  function ready(): Bench {
    const node = bench();
    node.lead();
    node.accept("b", 1);
    return node;
  }

  test("4.1: a membership is in force when it is appended, not when it is committed", () => {
    const node = ready();
    node.give({ kind: "change", id: "1", change: { kind: "remove", node: "c" } });
    expect(node.core.view(node.state)).toMatchObject({ commit: 1, membership: { voters: ["a", "b"] } });
    // Both of the two are now needed, and both are enough.
    node.accept("b", 2);
    expect(node.state.commit).toBe(2);
  });

  test("4.1: a second change waits until the first is committed", () => {
    const node = ready();
    node.give({ kind: "change", id: "1", change: { kind: "addLearner", node: "d" } });
    node.give({ kind: "change", id: "2", change: { kind: "remove", node: "c" } });
    expect(node.effects).toEqual([{ kind: "change", id: "2", outcome: { kind: "refused", reason: "pending", leader: null } }]);
  });

  test("4.1, erratum of 2015: no change before an entry of the leader's own term is committed", () => {
    const node = bench();
    node.lead();
    node.give({ kind: "change", id: "1", change: { kind: "addLearner", node: "d" } });
    expect(node.effects).toMatchObject([{ kind: "change", outcome: { kind: "refused", reason: "pending" } }]);
  });

  test("4.1: a membership that the next leader voids is no longer in force", () => {
    const node = ready();
    node.give({ kind: "change", id: "1", change: { kind: "remove", node: "c" } });
    node.append("c", { term: 2, prevIndex: 1, prevTerm: 1, entries: [command(2, 2)] });
    expect(node.core.view(node.state).membership?.voters).toEqual(["a", "b", "c"]);
  });

  test("4.2.1: a learner holds entries but makes no majority, and does not stand", () => {
    const node = ready();
    node.give({ kind: "change", id: "1", change: { kind: "addLearner", node: "d" } });
    node.accept("d", 2);
    expect(node.state.commit).toBe(1);
    node.accept("b", 2);
    expect(node.state.commit).toBe(2);
    const learner = bench({ voters: ["x", "y"] });
    expect(learner.core.deadline(learner.state)).toBe(Number.POSITIVE_INFINITY);
  });

  test("4.2.1: a learner that lags is not made a voter", () => {
    const node = ready();
    node.give({ kind: "change", id: "1", change: { kind: "addLearner", node: "d" } });
    node.accept("b", 2);
    node.give({ kind: "change", id: "2", change: { kind: "promote", node: "d" } });
    expect(node.effects).toMatchObject([{ outcome: { kind: "refused", reason: "notCaughtUp" } }]);
    node.accept("d", 2, { counts: false });
    node.give({ kind: "change", id: "3", change: { kind: "promote", node: "d" } });
    expect(node.effects).toMatchObject([{ outcome: { kind: "refused", reason: "notCaughtUp" } }]);
    node.accept("d", 2);
    node.give({ kind: "change", id: "4", change: { kind: "promote", node: "d" } });
    expect(node.core.view(node.state).membership?.voters).toEqual(["a", "b", "c", "d"]);
  });

  test("4.2.2: a leader that removes itself does not count itself, and leaves once that is committed", () => {
    const node = ready();
    node.give({ kind: "change", id: "1", change: { kind: "remove", node: "a" } });
    node.accept("b", 2);
    expect([node.state.role, node.state.commit]).toEqual(["leader", 1]);
    node.accept("c", 2);
    expect([node.state.role, node.state.commit]).toEqual(["follower", 2]);
    expect(node.sent("timeoutNow").length).toBe(1);
    expect(node.core.deadline(node.state)).toBe(Number.POSITIVE_INFINITY);
  });

  test("4.2.3: a vote is refused within the minimum election timeout of hearing a leader, however high the term", () => {
    const node = bench();
    node.append("b", { term: 1 });
    node.now += 499;
    expect(node.askVote("c", { term: 99 })).toBe(false);
    expect(node.state.hard.term).toBe(1);
    node.now += 1;
    expect(node.askVote("c", { term: 99 })).toBe(true);
  });

  test("the last voter cannot be removed, and a node is not added twice", () => {
    const node = bench({ voters: ["a"] });
    node.tick();
    node.give({ kind: "change", id: "1", change: { kind: "remove", node: "a" } });
    expect(node.effects).toMatchObject([{ outcome: { reason: "lastVoter" } }]);
    node.give({ kind: "change", id: "1", change: { kind: "addLearner", node: "a" } });
    expect(node.effects).toMatchObject([{ outcome: { reason: "alreadyMember" } }]);
  });
});

describe("7 snapshots", () => {
  const membership = MEMBERSHIP;
  function chunk(index: number, indexTerm: number, value = "1 k 1 x"): shipped.RaftMessage {
    return {
      kind: "snapshot", cluster: "c", term: 5, round: 1, sentAtMs: 0, index, indexTerm, size: value.length, offset: 0, chunk: Uint8Array.from(bytes(value)), head: { membership, sessions: GENESIS.sessions },
    };
  }

  test("7: a snapshot beyond the log replaces it, durably, before the answer", () => {
    const node = bench({ terms: [1, 1] });
    node.hear("b", chunk(9, 4));
    expect(node.effects.map((effect) => effect.kind)).toEqual(["persist", "persist", "installSnapshot", "send", "role"]);
    expect(node.core.view(node.state)).toMatchObject({ commit: 9, lastIndex: 9, lastTerm: 4, snapshotIndex: 9 });
  });

  test("7: a snapshot whose last entry is held keeps the entries that follow it", () => {
    const node = bench({ terms: [1, 1, 1] });
    node.hear("b", chunk(2, 1));
    expect([node.log(), node.state.commit, node.has("installSnapshot")]).toEqual(["1@1 2@1 3@1", 2, false]);
  });

  test("7: a snapshot behind what is committed is ignored", () => {
    const node = bench({ snapshot: { ...GENESIS, index: 20, term: 4 }, hard: { term: 5 } });
    node.hear("b", chunk(9, 3));
    expect([node.has("installSnapshot"), node.state.commit]).toEqual([false, 20]);
    expect(node.sent("appendReply")[0]?.message).toMatchObject({ isAccepted: true, index: 20 });
  });

  test("7: chunks are taken in order, each once; a gap is not filled with what follows", () => {
    const node = bench();
    const text = "1 k 1 abcdefgh";
    const part = (offset: number, end: number): shipped.RaftMessage => ({
      kind: "snapshot", cluster: "c", term: 5, round: 1, sentAtMs: 0, index: 9, indexTerm: 4, size: text.length, offset, chunk: Uint8Array.from(bytes(text.slice(offset, end))),
      head: offset === 0 ? { membership, sessions: GENESIS.sessions } : null,
    });
    node.hear("b", part(4, 8));
    expect(node.sent("snapshotReply")[0]?.message.held).toBe(0);
    node.hear("b", part(0, 4));
    node.hear("b", part(0, 4));
    node.hear("b", part(8, text.length));
    expect(node.sent("snapshotReply")[0]?.message.held).toBe(4);
    node.hear("b", part(4, 8));
    node.hear("b", part(8, text.length));
    expect(node.effects.find((effect) => effect.kind === "installSnapshot")).toMatchObject({ snapshot: { bytes: bytes(text) } });
  });
});

describe("8 and dissertation 3.10, 6.2, 6.3, 6.4, 9.6", () => {
  test("8: a leader opens its term with an entry of its own", () => {
    const node = bench({ terms: [1] });
    node.lead();
    expect(node.state.log.entries.at(-1)).toEqual({ index: 2, term: 2, payload: { kind: "noop" } });
  });

  test("6.4: a read waits for an entry of the term, then for a round of answers begun after it was asked", () => {
    const node = bench();
    node.lead();
    node.give({ kind: "read", ids: ["early"] });
    const before = node.state.leading?.round ?? 0;
    node.accept("b", 1);
    expect(node.has("readReady")).toBe(false);
    node.accept("b", 1, { round: before });
    expect(node.has("readReady")).toBe(false);
    node.accept("b", 1);
    expect(node.effects.find((effect) => effect.kind === "readReady")).toEqual({ kind: "readReady", ids: ["early"], index: 1 });
    node.give({ kind: "read", ids: ["next"] });
    expect(node.has("readReady")).toBe(false);
  });

  test("6.4: a deposed leader refuses the reads that wait", () => {
    const node = bench();
    node.lead();
    node.accept("b", 1);
    node.give({ kind: "read", ids: ["r"] });
    node.append("c", { term: 2, prevIndex: 1, prevTerm: 1 });
    expect(node.effects.find((effect) => effect.kind === "readRefused")).toMatchObject({ ids: ["r"], outcome: { reason: "notLeader", leader: "c" } });
  });

  test("6.2: a leader that no majority answers for 0.9 T steps down, also when it slept and is asked something else", () => {
    const node = bench();
    node.lead();
    node.accept("b", 1);
    node.now += 449;
    node.give({ kind: "tick" });
    expect(node.state.role).toBe("leader");
    node.now += 30_000;
    node.give({ kind: "propose", proposals: [{ client: "k", sequence: 1, since: 0, command: bytes("x") }] });
    expect(node.effects.find((effect) => effect.kind === "proposal")).toMatchObject({ outcome: { reason: "notLeader" } });
  });

  test("6.2: contact counts from when the question was sent, not from when the answer came", () => {
    const node = bench();
    node.lead();
    const sentAtMs = node.now;
    node.now += 400;
    node.accept("b", 1, { sentAtMs });
    node.now = sentAtMs + 450;
    node.give({ kind: "tick" });
    expect(node.state.role).toBe("follower");
  });

  test("6.3: a proposal made twice is appended once, and one applied before is answered with its index", () => {
    const node = bench();
    node.lead();
    const proposal = { client: "k", sequence: 1, since: 0, command: bytes("x") };
    node.give({ kind: "propose", proposals: [proposal, proposal] });
    expect(node.state.log.entries.length).toBe(2);
    node.accept("b", 2);
    node.give({ kind: "propose", proposals: [proposal] });
    expect(node.effects).toEqual([{ kind: "proposal", client: "k", sequence: 1, outcome: { kind: "duplicate", index: 2 } }]);
  });

  test("6.3: a proposal that came twice into the log is applied once", () => {
    const node = bench();
    const twice = { ...command(2, 1), payload: command(1, 1).payload };
    node.append("b", { term: 1, entries: [command(1, 1), twice], commit: 2 });
    expect(node.effects.find((effect) => effect.kind === "commit")).toMatchObject({ through: 2, commands: [{ index: 1 }] });
  });

  test("9.6: a pre-vote changes neither term nor vote, on either side", () => {
    const node = bench({ terms: [1] });
    expect(node.askVote("b", { isPre: true, term: 7 })).toBe(true);
    expect([node.state.hard.term, node.state.hard.vote, persisted(node.effects)]).toEqual([1, null, []]);
    for (let timeout = 0; timeout < 100; timeout++) node.tick();
    expect([node.state.role, node.state.hard.term]).toEqual(["preCandidate", 1]);
  });

  test("3.10: the target stands at once and is heard though the leader is fresh; the leader takes no proposals meanwhile", () => {
    const node = bench();
    node.lead();
    node.accept("b", 1);
    node.give({ kind: "transfer", to: "b" });
    expect(node.sent("timeoutNow").map(({ to }) => to)).toEqual(["b"]);
    node.give({ kind: "propose", proposals: [{ client: "k", sequence: 1, since: 0, command: bytes("x") }] });
    expect(node.effects).toMatchObject([{ outcome: { reason: "transferring" } }]);
    expect(node.askVote("b", { isForced: true })).toBe(true);
    const target = bench();
    target.append("b", { term: 1 });
    target.hear("b", { kind: "timeoutNow", cluster: "c", term: 1 });
    expect(target.sent("vote").every(({ message }) => message.isForced && !message.isPre && message.term === 2)).toBe(true);
  });

  test("3.10: a target that is behind is brought level first, and after one timeout the leader goes on", () => {
    const node = bench();
    node.lead();
    node.accept("b", 1);
    node.give({ kind: "transfer", to: "c" });
    expect(node.sent("timeoutNow")).toEqual([]);
    for (let at = 0; at < 6; at++) {
      node.now += 90;
      node.accept("b", 1);
      node.give({ kind: "tick" });
    }
    expect([node.core.view(node.state).isTransferring, node.state.role]).toEqual([false, "leader"]);
  });
});
