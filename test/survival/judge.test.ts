// Goal: the judge of survive.ts sees work that is done twice at once, and how long it stood still, and nothing else.
// Method: logs written by hand, good and bad.

import { expect, test } from "bun:test";
import { movedAfterMs, overlaps } from "./judge.ts";

test("a VU that changes its connection and stays there is no overlap; one that goes back is", () => {
  const moved = [
    [1, 7, 100],
    [2, 8, 101],
    [3, 7, 100],
    [9, 7, 200],
    [10, 8, 101],
    [11, 7, 200],
  ] as const;
  expect(overlaps(moved)).toEqual([]);
  expect(overlaps([...moved, [12, 7, 100]])).toEqual([{ vu: 7, atMs: 12 }]);
});

test("the time to move is that of the first VU that speaks anew over a connection not seen before", () => {
  const log = [
    [1, 7, 100],
    [2, 8, 101],
    [6, 8, 101],
    [9, 7, 200],
    [12, 7, 200],
    [13, 99, 300],
  ] as const;
  expect(movedAfterMs(log, 5)).toBe(4);
  expect(movedAfterMs(log, 10)).toBeNull();
});
