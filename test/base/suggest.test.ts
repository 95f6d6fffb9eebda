// Goal: a slip of a known name finds it, and another word finds nothing. Method: tables.

import { describe, expect, test } from "bun:test";
import { editDistance, nearest } from "../../src/base/suggest.ts";

describe("the nearest name", () => {
  const names = ["duration", "vus", "stages", "startVUs", "a"];
  const cases: readonly (readonly [typed: string, found: string | null])[] = [
    ["duratoin", "duration"],
    ["dura", "duration"],
    ["vsu", "vus"],
    ["stage", "stages"],
    ["startvus", "startVUs"],
    ["elsewhere", null],
    ["vxx", null],
    ["b", null],
    ["", null],
  ];
  for (const [typed, found] of cases) test(`of "${typed}" is ${found}`, () => expect(nearest(typed, names)).toBe(found));
});

test("a swap counts as one slip", () => {
  expect([editDistance("ab", "ba"), editDistance("abc", "abc"), editDistance("", "abc"), editDistance("kitten", "sitting")]).toEqual([
    1, 0, 3, 3,
  ]);
});
