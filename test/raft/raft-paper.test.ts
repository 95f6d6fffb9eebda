// Goal: each safety passage of the Raft paper (extended version) on terms, elections and replication holds, section in
// the name. Method: one core driven by hand; what it sends, persists and commits is compared, and what it must not do.

import { describe, expect, test } from "bun:test";
import * as shipped from "../../src/raft/raft.ts";
import type { RaftEffect } from "../../src/raft/raft.ts";
import { Bench, command, GENESIS, logOf } from "./passages.ts";

function bench(setup: ConstructorParameters<typeof Bench>[1] = {}): Bench {
  return new Bench(shipped, setup);
}

function persisted(effects: readonly RaftEffect[]): string[] {
  return effects.flatMap((effect) => (effect.kind === "persist" ? [effect.record.kind] : []));
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

  test("[LD-52.3] 5.1: a request with a stale term is rejected, and changes nothing", () => {
    const node = bench({ terms: [1, 3] });
    node.append("b", { term: 2, prevIndex: 2, prevTerm: 3, entries: [command(3, 2)], commit: 3 });
    expect(node.sent("appendReply")[0]?.message).toMatchObject({ isAccepted: false, term: 3, round: 0 });
    expect([node.log(), node.state.leader, persisted(node.effects)]).toEqual(["1@1 2@3", null, []]);
    expect(node.askVote("c", { term: 2 })).toBe(false);
  });

  test("[MW-15.3.2] 5.1: a late answer of an older term does not count", () => {
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

  test("[MW-15.2.2] [LD-41.21.5] 5.2: a candidate wins with a majority of all voters, not with fewer, and not with the same vote twice", () => {
    const node = bench({ voters: ["a", "b", "c", "d", "e"] });
    node.tick();
    for (const voter of ["b", "b", "b"])
      node.hear(voter, { kind: "voteReply", cluster: "c", term: 1, isPre: true, isGranted: true });
    expect(node.state.role).toBe("preCandidate");
    node.hear("c", { kind: "voteReply", cluster: "c", term: 1, isPre: true, isGranted: true });
    for (const voter of ["b", "b", "x"])
      node.hear(voter, { kind: "voteReply", cluster: "c", term: 1, isPre: false, isGranted: true });
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
      const state = shipped.create(
        shipped.lan("a"),
        { hard: { ...shipped.BLANK, cluster: "c", standing: "member" }, snapshot: GENESIS, entries: [] },
        { seed, now: 0 },
      );
      return shipped.deadline(state);
    });
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_001);
    for (let band = 500; band < 1_000; band += 100)
      expect(waits.filter((wait) => wait >= band && wait < band + 100).length).toBeGreaterThan(15);
  });

  test("5.2 election safety: a second leader of one term is not followed", () => {
    const node = bench();
    node.append("b", { term: 1 });
    node.append("c", { term: 1, entries: [command(1, 1)] });
    expect([node.has("suspicious"), node.state.leader, node.log()]).toEqual([true, "b", ""]);
  });
});

describe("5.3 log replication", () => {
  test("[MW-15.1.2] [MW-15.1.3] 5.3: an entry is committed once a majority holds it, with all before it, and not earlier", () => {
    const node = bench({ voters: ["a", "b", "c", "d", "e"], terms: [1, 1] });
    node.lead(["b", "c"]);
    node.accept("b", 3);
    expect(node.has("commit")).toBe(false);
    node.accept("c", 3);
    expect(node.effects.find((effect) => effect.kind === "commit")).toMatchObject({
      through: 3,
      commands: [{ index: 1 }, { index: 2 }],
    });
  });

  test("5.3: a follower refuses entries whose predecessor it lacks or has otherwise", () => {
    const node = bench({ terms: [1, 1] });
    for (const [prevIndex, prevTerm] of [
      [3, 1],
      [2, 2],
    ] as const) {
      node.append("b", { term: 3, prevIndex, prevTerm, entries: [command(prevIndex + 1, 3)], commit: 4 });
      expect(node.sent("appendReply")[0]?.message.isAccepted).toBe(false);
      expect([node.log(), node.state.commit]).toEqual(["1@1 2@1", 0]);
    }
  });

  test("5.3: a conflicting entry is deleted with all that follow it, durably, before the answer", () => {
    const node = bench({ terms: [1, 1, 2, 2] });
    node.append("b", { term: 3, prevIndex: 1, prevTerm: 1, entries: [command(2, 1), command(3, 3)] });
    expect(node.log()).toBe("1@1 2@1 3@3");
    const kinds = node.effects.map((effect) => (effect.kind === "persist" ? effect.record.kind : effect.kind));
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
      a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
      b: [1, 1, 1, 4],
      c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      e: [1, 1, 1, 4, 4, 4, 4],
      f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
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
      expect(
        leader.log().startsWith(
          logOf(leaderTerms)
            .map(({ index, term }) => `${index}@${term}`)
            .join(" "),
        ),
      ).toBe(true);
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
    const cases: readonly (readonly [number, number, boolean])[] = [
      [3, 2, true],
      [4, 2, true],
      [1, 3, true],
      [2, 2, false],
      [9, 1, false],
      [0, 0, false],
    ];
    for (const [lastIndex, lastTerm, isGranted] of cases) {
      for (const isPre of [true, false])
        expect([lastIndex, lastTerm, bench({ terms: own }).askVote("b", { lastIndex, lastTerm, isPre })]).toEqual([
          lastIndex,
          lastTerm,
          isGranted,
        ]);
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
