// Goal: what is written second by second adds up to the result, also where seconds never came. Method: the seconds of
// the shop job, whole and with holes.

import { expect, test } from "bun:test";
import type { SecondWindow } from "../../src/load/result.ts";
import { sumSeries } from "../../src/load/merge.ts";
import { pointsOf } from "../../src/report/points.ts";
import { type Rest, ToldSeconds } from "../../src/report/told-seconds.ts";
import { shopResult, shopWindows } from "./fixture.ts";

const windows = shopWindows();
const result = { ...shopResult(windows), durationMs: windows.length * 1_000 + 20 };

function restAfter(told: readonly SecondWindow[]): Rest | null {
  const seconds = new ToldSeconds();
  for (const window of told) seconds.tell(window);
  return seconds.rest(result);
}

/** Units of each series that is a sum. */
function counts(lists: readonly (Pick<SecondWindow, "series"> | undefined)[]): Record<string, number> {
  const series = sumSeries(lists.flatMap((one) => (one === undefined ? [] : [one.series])));
  return Object.fromEntries(
    series.flatMap(({ id, cells }) => {
      if (cells.type === "gauge") return [];
      return [[id.key, cells.type === "rate" ? cells.total : cells.count]];
    }),
  );
}

test("seconds that all came leave nothing", () => {
  expect(restAfter(windows)).toBeNull();
});

test("what seconds held that never came is told as the last of the longest hole, and all adds up", () => {
  const told = windows.filter(({ second }) => second !== 2 && (second < 8 || second > 14));
  const rest = restAfter(told);
  expect(rest?.text).toBe("seconds 2, 8 to 14 of the job never came here: what they held is written as second 14");
  expect(rest?.second).toMatchObject({ second: 14, epochMs: windows[14]?.epochMs ?? 0, vus: null, vusMax: null });
  expect(counts([...told, rest?.second])).toEqual(counts(windows));
  const metrics = pointsOf(rest?.second ?? { ...result, second: 0, epochMs: 0, series: [], vus: 0, vusMax: 0 }, {});
  expect(metrics.map(({ metric }) => metric)).not.toContain("vus");
});

test("a hole at the start and one at the end are holes, too", () => {
  const rest = (told: readonly SecondWindow[]): string | undefined => restAfter(told)?.text;
  expect(rest(windows.slice(5))).toContain("seconds 0 to 4 of the job");
  expect(rest(windows.slice(0, -4))).toContain(`seconds ${windows.length - 4} to ${windows.length - 1} of the job`);
  expect(rest([])).toContain(`seconds 0 to ${windows.length - 1} of the job`);
});

test("an owner that died may take a part of a second with it, and no second is missing", () => {
  const torn = windows.map((window) => (window.second === 9 ? { ...window, series: [] } : window));
  const rest = restAfter(torn);
  expect(rest?.text).toStartWith("parts of some seconds never came here");
  expect(counts([...torn, rest?.second])).toEqual(counts(windows));
});
