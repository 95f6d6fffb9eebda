// Goal: text is measured and cut in terminal cells, whatever script it is in. Method: tables.

import { describe, expect, test } from "bun:test";
import { createPaint, cut, lineOf, padded, printable, span, widthOf, wrapped } from "../../src/tui/cells.ts";

const plain = createPaint(false);

describe("width", () => {
  for (const [text, width] of [
    ["abc", 3],
    ["", 0],
    ["é", 1],
    ["e\u0301", 1],
    ["漢字", 4],
    ["🚀", 2],
    ["✓●▇…", 4],
    ["한글", 4],
  ] as const) {
    test(`${JSON.stringify(text)} takes ${width} cells`, () => expect(widthOf(text)).toBe(width));
  }
});

describe("wrapping", () => {
  for (const [text, columns, expected] of [
    ["one two three", 7, ["one two", "three"]],
    ["one two three", 20, ["one two three"]],
    ["abcdefgh ij", 3, ["abc", "def", "gh", "ij"]],
    ["漢字漢字", 5, ["漢字", "漢字"]],
    ["", 5, [""]],
    ["漢", 1, ["漢"]],
  ] as const)
    test(`${text} in ${columns}`, () => expect(wrapped(text, columns)).toEqual([...expected]));
});

describe("cutting", () => {
  for (const [text, columns, expected] of [
    ["abcdef", 6, "abcdef"],
    ["abcdef", 5, "abcd…"],
    ["abcdef", 1, "…"],
    ["abcdef", 0, ""],
    ["漢字漢字", 5, "漢字…"],
    ["漢字漢字", 4, "漢…"],
  ] as const) {
    test(`${text} in ${columns}`, () => {
      expect(cut(text, columns)).toBe(expected);
      expect(widthOf(cut(text, columns))).toBeLessThanOrEqual(columns);
    });
  }

  test("padding fills or cuts to the very cell", () => {
    expect(padded("ab", 4)).toBe("ab  ");
    expect(padded("漢字", 5)).toBe("漢字 ");
    expect(padded("abcdef", 4)).toBe("abc…");
  });
});

test("a line that fits is whole, one that does not ends in …", () => {
  const spans = [span("abc"), span("def", "bold"), span("ghi")];
  expect(lineOf(spans, 9, plain)).toBe("abcdefghi");
  expect(lineOf(spans, 8, plain)).toBe("abcdefg…");
  expect(lineOf(spans, 6, plain)).toBe("abcde…");
  expect(lineOf(spans, 2, plain)).toBe("a…");
});

test("colour changes nothing but escape codes", () => {
  const spans = [span("abc", "good"), span("def", "bad"), span("", "bold")];
  const colored = lineOf(spans, 5, createPaint(true));
  expect(colored).toContain("\x1b[32m");
  expect(colored.replace(/\x1b\[[0-9;]*m/g, "")).toBe(lineOf(spans, 5, plain));
});

test("control characters of users' texts cannot move the cursor", () => {
  expect(printable("a\x1b[2Jb\nc\x9bd")).toBe("a?[2Jb?c?d");
});
