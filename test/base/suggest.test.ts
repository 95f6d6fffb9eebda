// Goal: slips of the finger find their name, and unlike words find none. Method: tables.

import { expect, test } from "bun:test";
import { editDistance, nearest } from "../../src/base/suggest.ts";

test("one inserted, removed, changed or swapped letter is one edit", () => {
  for (const [left, right, distance] of [
    ["vus", "vuss", 1],
    ["vus", "vs", 1],
    ["vus", "vuz", 1],
    ["vus", "vsu", 1],
    ["", "abc", 3],
    ["abc", "abc", 0],
    ["kitten", "sitting", 3],
  ] as const) {
    expect(editDistance(left, right)).toBe(distance);
    expect(editDistance(right, left)).toBe(distance);
  }
});

test("the nearest name is suggested, a far one is not", () => {
  expect(nearest("itertions", ["vus", "iterations", "duration"])).toBe("iterations");
  expect(nearest("dur", ["vus", "iterations", "duration"])).toBe("duration");
  expect(nearest("banana", ["vus", "iterations", "duration"])).toBeNull();
});
