// What one second of a job amounts to as data points: one per metric and tag set, the form every -o output shares.
// Not how a point is written: json-lines.ts and csv.ts do that.

import { never } from "../base/assert.ts";
import { quantile } from "../load/histogram.ts";
import type { ThresholdPlan } from "../load/plan.ts";
import type { Contains, MetricType, Series, Tags } from "../load/series.ts";
import type { Second } from "./told-seconds.ts";

/** What a second's trend holds beside its mean. All in the metric's own unit. */
export type TrendExtra = {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
};

/**
 * One metric under one set of tags in one second. `value`: of a counter its growth, of a rate passes / total,
 * of a trend the mean, of a gauge the newest value. `extra` of a rate is the number of samples.
 */
export type Point = {
  readonly metric: string;
  readonly type: MetricType;
  readonly contains: Contains;
  readonly tags: Tags;
  readonly value: number;
  readonly extra: TrendExtra | { readonly count: number } | null;
};

/** What outputs say of the test itself: its thresholds, and the tags on everything that is measured. */
export type Tested = {
  readonly thresholds: readonly Pick<ThresholdPlan, "metricKey" | "expression">[];
  readonly tags: Tags;
};

/**
 * The points of a second, vus and vus_max first where they are known, under the tags of the test. Series without
 * samples give none.
 */
export function pointsOf(window: Second, tags: Tags): readonly Point[] {
  const gauge = (metric: string, value: number | null): Point[] =>
    value === null ? [] : [{ metric, type: "gauge", contains: "default", tags, value, extra: null }];
  const points: Point[] = [...gauge("vus", window.vus), ...gauge("vus_max", window.vusMax)];
  for (const series of window.series) {
    // The window's own numbers are of the whole job; a series of them would be of one workflow.
    if (series.id.metric === "vus" || series.id.metric === "vus_max") continue;
    const point = pointOf(series);
    if (point !== null) points.push(point);
  }
  return points;
}

function pointOf({ id, cells }: Series): Point | null {
  const { metric, type, contains, tags } = id;
  switch (cells.type) {
    case "counter":
      return cells.count === 0 ? null : { metric, type, contains, tags, value: cells.sum, extra: null };
    case "rate":
      return cells.total === 0
        ? null
        : { metric, type, contains, tags, value: cells.passes / cells.total, extra: { count: cells.total } };
    case "gauge":
      return { metric, type, contains, tags, value: cells.value, extra: null };
    case "trend":
      if (cells.count === 0) return null;
      return {
        metric,
        type,
        contains,
        tags,
        value: cells.sum / cells.count,
        extra: {
          count: cells.count,
          min: cells.min,
          max: cells.max,
          p50: quantile(cells, 0.5),
          p95: quantile(cells, 0.95),
          p99: quantile(cells, 0.99),
        },
      };
    default:
      return never(cells);
  }
}
