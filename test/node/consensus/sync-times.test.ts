// Goal: elections reckon with a disk that is slow, and not with one slow sync. Method: rows of times.

import { expect, test } from "bun:test";
import { SyncTimes } from "../../../src/node/consensus/sync-times.ts";

const told = (times: readonly number[]): readonly (number | null)[] => {
  const syncs = new SyncTimes();
  return times.map((ms) => syncs.took(ms));
};

test("of a disk that is well nothing is said, one slow sync among others included", () => {
  expect(told([2, 3, 900, 2, 4, 49, 30, 1_500, 1])).toEqual(Array(9).fill(null));
});

test("a disk that is slow is told of with the second slow sync, and again when it is much slower or well", () => {
  expect(told([800, 700, 720, 690, 1_900, 2_000, 3, 2])).toEqual([null, 800, 720, null, null, 1_900, null, 0]);
});
