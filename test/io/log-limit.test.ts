// Goal: strangers cannot fill the log, and what is left out is counted. Method: a clock by hand.

import { expect, test } from "bun:test";
import { limitWarnings } from "../../src/io/log-limit.ts";

test("a line is said once in 10 s, at most ten lines are, and the next one says how many were not", () => {
  const said: string[] = [];
  let nowMs = 0;
  const log = { warn: (text: string, fields = {}) => void said.push(`${text} ${JSON.stringify(fields)}`) };
  const warn = limitWarnings(() => log, { nowMs: () => nowMs });
  for (let time = 0; time < 5; time++) warn("same", { from: "a" });
  expect(said).toEqual(['same {"from":"a"}']);
  for (let line = 0; line < 100; line++) warn(`line ${line}`);
  expect(said).toHaveLength(10);
  expect(said[1]).toBe('line 0 {"unsaid":4}');
  nowMs = 10_000;
  warn("same", { from: "a" });
  expect(said.at(-1)).toBe('same {"from":"a","unsaid":91}');
});
