// What a final result warns about, and what it does not. Method: results written by hand.

import { expect, test } from "bun:test";
import type { WorkflowResult } from "../../../src/load/result.ts";
import { seriesKey, type Series, type Tags } from "../../../src/load/series.ts";
import { parseThreshold } from "../../../src/load/thresholds.ts";
import { resultWarnings } from "../../../src/node/owner/result-warnings.ts";

function counter(metric: string, tags: Tags, sum: number): Series {
  return {
    id: { key: seriesKey(metric, tags), metric, type: "counter", contains: "default", tags },
    cells: { type: "counter", count: 1, sum },
  };
}

function result(series: readonly Series[], dropped = 0): WorkflowResult {
  const accounting = { scheduled: 100, started: 100 - dropped, completed: 0, interrupted: 0, dropped, unsent: 0 };
  return { name: "w", state: "completed", fromMs: 0, toMs: 1_000, series, accounting };
}

test("dropped iterations are told with their reasons", () => {
  const series = [
    counter("dropped_iterations", { workflow: "w", reason: "no_vu" }, 3),
    counter("dropped_iterations", { workflow: "w", reason: "max_duration" }, 40),
  ];
  const warnings = resultWarnings([], [result(series, 43)], 0);
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toStartWith('workflow "w" dropped 3 of 100 iterations: no VU was free');
  expect(warnings[1]).toStartWith('workflow "w" dropped 40 of 100 iterations: maxDuration was over');
});

test("a threshold on a tag that nothing carries is told, for it passed without judging", () => {
  const series = [counter("http_reqs", { workflow: "w", name: "http://h/", status: "200" }, 9)];
  const warned = (key: string): readonly string[] =>
    resultWarnings([parseThreshold(key, "count<1")], [result(series)], 0);
  expect(warned("http_reqs{url:http://h/}")).toEqual([
    'the threshold on http_reqs{url:http://h/} judged nothing: nothing measured has a tag "url": ' +
      "addresses are in the tag name",
  ]);
  expect(warned("http_reqs{pgae:1}")).toHaveLength(1);
  // A value that did not occur, tags that only failures or parts have, no tag at all, nothing measured: no slips.
  for (const key of ["http_reqs{status:500}", "http_reqs{error_code:1050}", "http_reqs{group:::g}", "http_reqs{pgae:}"])
    expect(warned(key)).toEqual([]);
  expect(warned("http_reqs")).toEqual([]);
  expect(warned("iterations{page:1}")).toEqual([]);
});
