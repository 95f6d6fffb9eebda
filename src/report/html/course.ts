// The course of a job over time in the HTML report: which charts there are, and the numbers under the pointer.

import { formatDuration, formatLatency } from "../../base/units.ts";
import type { Disturbance } from "../../load/result.ts";
import { formatCompact } from "../words.ts";
import { chart, readout, type ChartLine, type ChartReadout, type ChartSpec, type TimeAxis } from "./chart.ts";
import type { Markup } from "./markup.ts";
import type { Percentiles, TimelinePoint } from "./timeline.ts";

/** What script.ts reads: `times` are the points' places in percent of the width, `labels` their time in words. */
export type Readouts = {
  readonly times: readonly number[];
  readonly labels: readonly string[];
  readonly charts: readonly ChartReadout[];
};

/** Two rates no further apart than this part of one are one line to the eye. */
const SAME_PART = 0.05;

/** The charts and their read-outs; none of either for a job without a second. */
export function coursePart(
  points: readonly TimelinePoint[],
  disturbed: readonly Disturbance[],
): { readonly charts: readonly Markup[]; readonly readouts: Readouts } {
  const axis = axisOf(points, disturbed);
  const specs = points.length === 0 ? [] : chartSpecs(points);
  return {
    charts: specs.map((spec, index) => chart(spec, axis, index)),
    readouts: {
      times: axis.centers.map((center) => Number(((center / axis.seconds) * 100).toFixed(3))),
      labels: points.map(labelOf),
      charts: specs.map(readout),
    },
  };
}

function axisOf(points: readonly TimelinePoint[], disturbed: readonly Disturbance[]): TimeAxis {
  const last = points[points.length - 1];
  return {
    seconds: last === undefined ? 1 : last.from + last.seconds,
    centers: points.map(({ from, seconds }) => from + seconds / 2),
    disturbed: disturbed.map(({ from, to, why }) => ({ from: from / 1_000, to: to / 1_000, why })),
  };
}

function labelOf({ from, seconds }: TimelinePoint): string {
  const start = formatDuration(from * 1_000);
  return seconds === 1 ? start : `${start} – ${formatDuration(Math.round((from + seconds) * 1_000))}`;
}

function chartSpecs(points: readonly TimelinePoint[]): readonly ChartSpec[] {
  const isHttp = points.some(({ requests }) => requests > 0);
  const width = points[0]?.seconds ?? 1;
  const note = width <= 1 || points.length === 1 ? "each second" : `each ${formatDuration(width * 1_000)}`;
  const perSecond = (value: number): string => `${formatCompact(value)}/s`;
  const [what, duration] = isHttp ? ["Requests", "Request duration"] : ["Iterations", "Iteration duration"];
  return [
    { title: what, note, format: perSecond, lines: rateLines(points, isHttp) },
    { title: duration, note, format: formatLatency, lines: latencyLines(points) },
    { title: "Failures", note, format: perSecond, lines: failureLines(points) },
    { title: "Virtual users", note, format: formatCompact, isWhole: true, lines: vusLines(points) },
  ];
}

function rateLines(points: readonly TimelinePoint[], isHttp: boolean): readonly ChartLine[] {
  const iterations = points.map((point) => point.iterations);
  if (!isHttp) return [{ name: "iterations", color: "a", isArea: true, values: iterations }];
  const values = points.map((point) => point.requests);
  const requests: ChartLine = { name: "requests", color: "a", isArea: true, values };
  // One request per iteration: the second line would only hide under the first.
  const isSame = points.every((point) => Math.abs(point.iterations - point.requests) <= SAME_PART * point.requests);
  return isSame ? [requests] : [requests, { name: "iterations", color: "e", isFaint: true, values: iterations }];
}

function latencyLines(points: readonly TimelinePoint[]): readonly ChartLine[] {
  const values = (kind: "latency" | "response", percentile: keyof Percentiles): readonly (number | null)[] =>
    points.map((point) => point[kind]?.[percentile] ?? null);
  const lines: ChartLine[] = [
    { name: "p(50)", color: "b", values: values("latency", "p50") },
    { name: "p(95)", color: "c", values: values("latency", "p95") },
    { name: "p(99)", color: "d", values: values("latency", "p99") },
  ];
  if (points.some(({ response }) => response !== null)) {
    lines.push({ name: "response_time p(99)", color: "e", isFaint: true, values: values("response", "p99") });
  }
  return lines;
}

function failureLines(points: readonly TimelinePoint[]): readonly ChartLine[] {
  const lines: ChartLine[] = [
    { name: "failed requests", color: "d", isArea: true, values: points.map(({ failed }) => failed) },
    { name: "failed checks", color: "c", values: points.map(({ checksFailed }) => checksFailed) },
    { name: "dropped iterations", color: "e", values: points.map(({ dropped }) => dropped) },
  ];
  return lines.filter(({ values }, at) => at === 0 || values.some((value) => value !== null && value > 0));
}

function vusLines(points: readonly TimelinePoint[]): readonly ChartLine[] {
  return [
    { name: "vus", color: "e", isArea: true, values: points.map(({ vus }) => vus) },
    { name: "vus_max", color: "a", isFaint: true, values: points.map(({ vusMax }) => vusMax) },
  ];
}
