// Goal: the figure of the critical lane is that of the newest answers of this term. Method: answers by hand.

import { expect, test } from "bun:test";
import { AnswerTimes } from "../../../src/node/consensus/answer-times.ts";

test("99 of 100 answers take no longer than it says; nothing is said without any", () => {
  const times = new AnswerTimes();
  expect(times.read()).toBeNull();
  for (let round = 1; round <= 100; round++) times.answered("a", { term: 1, round, elapsedMs: round });
  expect(times.read()).toEqual({ count: 100, p99Ms: 99 });
});

test("an answer to an older round, held up by a disk, is no news; another member's is", () => {
  const times = new AnswerTimes();
  times.answered("a", { term: 1, round: 5, elapsedMs: 10 });
  times.answered("a", { term: 1, round: 4, elapsedMs: 2_000 });
  times.answered("a", { term: 1, round: 5, elapsedMs: 2_000 });
  expect(times.read()).toEqual({ count: 1, p99Ms: 10 });
  times.answered("b", { term: 1, round: 4, elapsedMs: 20 });
  expect(times.read()).toEqual({ count: 2, p99Ms: 20 });
});

test("another term begins anew, and the oldest of very many are forgotten", () => {
  const times = new AnswerTimes();
  times.answered("a", { term: 1, round: 900, elapsedMs: 900 });
  for (let round = 1; round <= 2_000; round++)
    times.answered("a", { term: 2, round, elapsedMs: round <= 900 ? 900 : 1 });
  expect(times.read()).toEqual({ count: 1_024, p99Ms: 1 });
});
