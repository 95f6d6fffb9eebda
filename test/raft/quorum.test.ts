// Goal: quorum arithmetic is right for every set of voters. Method: properties against a naive second implementation
// that enumerates all majorities, and the two facts consensus rests on (majorities overlap, also across one change).

import { expect, test } from "bun:test";
import fc from "fast-check";
import { majority, quorumValue, tally } from "../../src/raft/quorum.ts";

const VOTERS = ["a", "b", "c", "d", "e", "f", "g"];

/** Every subset of the voters with more than half of them. */
function majoritiesOf(voters: readonly string[]): string[][] {
  const sets: string[][] = [];
  for (let mask = 0; mask < 1 << voters.length; mask++) {
    const set = voters.filter((_, at) => (mask & (1 << at)) !== 0);
    if (set.length * 2 > voters.length) sets.push(set);
  }
  return sets;
}

const voterSets = fc.integer({ min: 1, max: 7 }).map((count) => VOTERS.slice(0, count));

test("[MW-15.2.1] the quorum value is the best minimum that some majority reaches", () => {
  fc.assert(
    fc.property(
      voterSets,
      fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 7, maxLength: 7 }),
      (voters, values) => {
        const valueOf = (voter: string): number => values[VOTERS.indexOf(voter)] ?? 0;
        const naive = Math.max(...majoritiesOf(voters).map((set) => Math.min(...set.map(valueOf))));
        expect(quorumValue(voters, valueOf)).toBe(naive);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("an election is won when a majority granted, lost when none can any more, else open", () => {
  const answers = fc.array(fc.constantFrom(true, false, null), { minLength: 7, maxLength: 7 });
  fc.assert(
    fc.property(voterSets, answers, (voters, given) => {
      const votes = new Map<string, boolean>();
      for (const [at, answer] of given.entries()) {
        const voter = VOTERS[at];
        if (voter !== undefined && answer !== null) votes.set(voter, answer);
      }
      const sets = majoritiesOf(voters);
      const isWon = sets.some((set) => set.every((voter) => votes.get(voter) === true));
      const isLost = sets.every((set) => set.some((voter) => votes.get(voter) === false));
      expect(tally(voters, votes)).toBe(isWon ? "won" : isLost ? "lost" : "open");
    }),
    { numRuns: 2_000 },
  );
});

test("[LD-41.21.2] votes of nodes that are no voters count for nothing", () => {
  expect(
    tally(
      ["a", "b", "c"],
      new Map([
        ["a", true],
        ["x", true],
        ["y", true],
      ]),
    ),
  ).toBe("open");
  expect(tally([], new Map([["x", true]]))).toBe("lost");
  expect(quorumValue([], () => 9)).toBe(Number.NEGATIVE_INFINITY);
});

test("two majorities overlap, of one set of voters and of two that differ by one", () => {
  for (let count = 1; count <= 6; count++) {
    const before = VOTERS.slice(0, count);
    for (const after of [before, VOTERS.slice(0, count + 1)]) {
      for (const left of majoritiesOf(before))
        for (const right of majoritiesOf(after)) expect(left.some((voter) => right.includes(voter))).toBe(true);
    }
    expect(majority(count) * 2).toBeGreaterThan(count);
    expect((majority(count) - 1) * 2).toBeLessThanOrEqual(count);
  }
});
