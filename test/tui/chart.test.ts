// Goal: the chart of a plan shows its highest value, its zeros and its length. Method: whole charts as text.

import { expect, test } from "bun:test";
import { chartCells, chartLines } from "../../src/tui/chart.ts";

test("a ramp rises from left to right under its scale, above its time axis", () => {
  expect(
    chartLines([0, 1, 2, 3, 4, 5, 6, 7, 8, 8], { title: "virtual users:", columns: 20, rows: 2, totalMs: 90_000 }),
  ).toEqual([
    "virtual users:",
    "      8 ┤      ▂▄▆██",
    "      0 ┤  ▂▄▆██████",
    "        └───────────",
    "          0s   1m30s",
  ]);
});

test("a small value is seen beside a large one, zero is not", () => {
  const [, top = "", bottom = ""] = chartLines([0, 1, 1_000_000], { title: "t", columns: 20, rows: 2, totalMs: 1_000 });
  expect(top).toBe("     1M ┤   █");
  expect(bottom).toBe("      0 ┤  ▁█");
});

test("a plan of nothing draws nothing", () => {
  const lines = chartLines([0, 0, 0], { title: "t", columns: 20, rows: 3, totalMs: 1_000 });
  expect(lines.join("")).not.toMatch(/[▁-█]/);
});

test("lines fit the columns", () => {
  for (const columns of [20, 80, 100]) {
    const values = Array.from({ length: chartCells(columns) }, (_, at) => at * 1_234);
    for (const line of chartLines(values, { title: "t", columns, rows: 5, totalMs: 3_600_000 }))
      expect([...line].length).toBeLessThanOrEqual(columns);
  }
});
