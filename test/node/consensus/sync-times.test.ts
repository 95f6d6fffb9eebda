// Goal: elections reckon with a disk that is slow, and not with one slow sync. Method: rows of times.

import { expect, test } from "bun:test";
import { SyncTimes } from "../../../src/node/consensus/sync-times.ts";

/** What is said after each sync of these, one after another. */
const told = (times: readonly number[]): readonly (number | null)[] => {
  let said: number | null = null;
  const syncs = new SyncTimes((syncMs) => (said = syncMs));
  return times.map((ms) => {
    said = null;
    syncs.begins(0);
    syncs.ended(0, ms);
    return said;
  });
};

test("of a disk that is well nothing is said, one slow sync among others included", () => {
  expect(told([2, 3, 900, 2, 4, 49, 30, 1_500, 1])).toEqual(Array(9).fill(null));
});

test("a disk that is slow is told of with the second slow sync, and again when it is much slower or well", () => {
  expect(told([800, 700, 720, 690, 1_900, 2_000, 3, 2])).toEqual([null, 800, 720, null, null, 1_900, null, 0]);
});

test("a sync that is under way takes as long as it has taken already: told as that doubles, until it is done", () => {
  const said: number[] = [];
  const syncs = new SyncTimes((syncMs) => said.push(syncMs));
  syncs.waits(1_000);
  syncs.begins(1_000);
  for (let atMs = 1_000; atMs < 3_000; atMs += 50) syncs.waits(atMs);
  expect(said).toEqual([50, 100, 200, 400, 800, 1_600]);
  // It was one alone, and is over.
  syncs.ended(1_000, 3_000);
  syncs.waits(9_000);
  expect(said.slice(6)).toEqual([0]);
  // Of two that overlap the second counts from where the first ended.
  const overlapping = new SyncTimes((syncMs) => said.push(syncMs));
  overlapping.begins(0);
  overlapping.begins(100);
  overlapping.ended(0, 190);
  overlapping.waits(235);
  expect(said).toHaveLength(7);
  overlapping.waits(240);
  expect(said.slice(7)).toEqual([50]);
});
