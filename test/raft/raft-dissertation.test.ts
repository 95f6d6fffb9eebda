// Goal: each safety passage on membership, snapshots, reads, deduplication, transfer and pre-vote holds, section in the
// name: the Raft paper (extended version) from section 6 on, and Ongaro's dissertation. Terms, elections and
// replication are in raft-paper.test.ts. Method: one core driven by hand; what it must not do is compared as well.

import { describe, expect, test } from "bun:test";
import * as shipped from "../../src/raft/raft.ts";
import type { RaftEffect } from "../../src/raft/raft.ts";
import { bytes } from "./cluster.ts";
import { Bench, command, GENESIS, MEMBERSHIP } from "./passages.ts";

function bench(setup: ConstructorParameters<typeof Bench>[1] = {}): Bench {
  return new Bench(shipped, setup);
}

function persisted(effects: readonly RaftEffect[]): string[] {
  return effects.flatMap((effect) => (effect.kind === "persist" ? [effect.record.kind] : []));
}

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
    expect(node.effects).toEqual([
      { kind: "change", id: "2", outcome: { kind: "refused", reason: "pending", leader: null } },
    ]);
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
      kind: "snapshot",
      cluster: "c",
      term: 5,
      round: 1,
      sentAtMs: 0,
      index,
      indexTerm,
      size: value.length,
      offset: 0,
      chunk: Uint8Array.from(bytes(value)),
      head: { membership, sessions: GENESIS.sessions },
    };
  }

  test("7: a snapshot beyond the log replaces it, durably, before the answer", () => {
    const node = bench({ terms: [1, 1] });
    node.hear("b", chunk(9, 4));
    expect(node.effects.map((effect) => effect.kind)).toEqual([
      "persist",
      "persist",
      "installSnapshot",
      "send",
      "role",
    ]);
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
      kind: "snapshot",
      cluster: "c",
      term: 5,
      round: 1,
      sentAtMs: 0,
      index: 9,
      indexTerm: 4,
      size: text.length,
      offset,
      chunk: Uint8Array.from(bytes(text.slice(offset, end))),
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
    expect(node.effects.find((effect) => effect.kind === "installSnapshot")).toMatchObject({
      snapshot: { bytes: bytes(text) },
    });
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
    expect(node.effects.find((effect) => effect.kind === "readReady")).toEqual({
      kind: "readReady",
      ids: ["early"],
      index: 1,
    });
    node.give({ kind: "read", ids: ["next"] });
    expect(node.has("readReady")).toBe(false);
  });

  test("6.4: a deposed leader refuses the reads that wait", () => {
    const node = bench();
    node.lead();
    node.accept("b", 1);
    node.give({ kind: "read", ids: ["r"] });
    node.append("c", { term: 2, prevIndex: 1, prevTerm: 1 });
    expect(node.effects.find((effect) => effect.kind === "readRefused")).toMatchObject({
      ids: ["r"],
      outcome: { reason: "notLeader", leader: "c" },
    });
  });

  test("[MW-15.2.3] 6.2: a leader that no majority answers for 0.9 T steps down, also when it slept and is asked something else", () => {
    const node = bench();
    node.lead();
    node.accept("b", 1);
    node.now += 449;
    node.give({ kind: "tick" });
    expect(node.state.role).toBe("leader");
    node.now += 30_000;
    node.give({ kind: "propose", proposals: [{ client: "k", sequence: 1, since: 0, command: bytes("x") }] });
    expect(node.effects.find((effect) => effect.kind === "proposal")).toMatchObject({
      outcome: { reason: "notLeader" },
    });
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
    expect(node.effects).toEqual([
      { kind: "proposal", client: "k", sequence: 1, outcome: { kind: "duplicate", index: 2 } },
    ]);
  });

  test("6.3: a proposal that came twice into the log is applied once", () => {
    const node = bench();
    const twice = { ...command(2, 1), payload: command(1, 1).payload };
    node.append("b", { term: 1, entries: [command(1, 1), twice], commit: 2 });
    expect(node.effects.find((effect) => effect.kind === "commit")).toMatchObject({
      through: 2,
      commands: [{ index: 1 }],
    });
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
    expect(target.sent("vote").every(({ message }) => message.isForced && !message.isPre && message.term === 2)).toBe(
      true,
    );
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
