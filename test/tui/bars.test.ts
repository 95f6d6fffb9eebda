// Goal: bars show their part, and never more or less than their cells. Method: tables and every part in steps.

import { describe, expect, test } from "bun:test";
import { horizontalBar, progressBar, sparkline } from "../../src/tui/bars.ts";

describe("progress bar", () => {
  for (const [part, bar] of [
    [0, "[----------]"],
    [0.001, "[>---------]"],
    [0.5, "[=====>----]"],
    [0.99, "[=========>]"],
    [1, "[==========]"],
    [7, "[==========]"],
    [Number.NaN, "[----------]"],
    [-1, "[----------]"],
  ] as const) {
    test(`${part}`, () => expect(progressBar(part, 12)).toBe(bar));
  }

  test("keeps its width at every part and size", () => {
    for (let columns = 3; columns < 40; columns += 4) {
      for (let part = 0; part <= 1; part += 0.01) expect(progressBar(part, columns)).toHaveLength(columns);
    }
  });
});

test("a sparkline shows the newest values against their maximum", () => {
  expect(sparkline([0, 1, 2, 4, 8], 10)).toBe("▁▁▂▄█");
  expect(sparkline([9, 9, 1, 2], 2)).toBe("▄█");
  expect(sparkline([0, 0], 5)).toBe("▁▁");
  expect(sparkline([], 5)).toBe("");
});

test("a horizontal bar is as long as its part, to an eighth, and never empty above 0", () => {
  expect(horizontalBar(0, 4)).toBe("");
  expect(horizontalBar(1e-9, 4)).toBe("▏");
  expect(horizontalBar(0.5, 4)).toBe("██");
  expect(horizontalBar(0.53125, 4)).toBe("██▏");
  expect(horizontalBar(1, 4)).toBe("████");
  expect(horizontalBar(3, 4)).toBe("████");
});
