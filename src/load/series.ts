// A series: one metric under one set of tags, as cells that only grow. Merging two cuts of one attempt takes the
// newer; summing attempts happens when read. Not the engine's live store (engine/board.ts), which is cut into these.

export type MetricType = "counter" | "gauge" | "rate" | "trend";
export type Contains = "default" | "time" | "data";
export type Tags = Readonly<Record<string, string>>;

/**
 * What a series is of. `key` is canonical: the metric's name, then its tags sorted:
 * `http_reqs{method:GET,status:200}`.
 */
export type SeriesId = {
  readonly key: string;
  readonly metric: string;
  readonly type: MetricType;
  readonly contains: Contains;
  readonly tags: Tags;
};

export type CounterCells = { readonly type: "counter"; readonly count: number; readonly sum: number };
export type RateCells = { readonly type: "rate"; readonly passes: number; readonly total: number };
/** `atMs`: job-elapsed time of the newest value. */
export type GaugeCells = {
  readonly type: "gauge";
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly atMs: number;
};
/**
 * A histogram of constant size. `cells` holds only occupied ones, by ascending index (histogram.ts gives an index's
 * value; 0 is the zero cell, negative indices negative values). `clamped` counts values beyond the range.
 */
export type TrendCells = {
  readonly type: "trend";
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly clamped: number;
  readonly index: Int32Array;
  readonly counts: Float64Array;
};
export type Cells = CounterCells | RateCells | GaugeCells | TrendCells;
export type Series = { readonly id: SeriesId; readonly cells: Cells };

/**
 * Canonical key of a metric under tags. Commas, colons and braces in values are kept as they are: keys are compared,
 * never parsed.
 */
export function seriesKey(metric: string, tags: Tags): string {
  const names = Object.keys(tags).sort();
  return names.length === 0 ? metric : `${metric}{${names.map((name) => `${name}:${tags[name]}`).join(",")}}`;
}
