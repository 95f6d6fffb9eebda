// Merging of measurements (design section 6). Three merges that must not be mixed up: two cuts of ONE attempt (the
// newer, cell by cell the larger: loss, repetition and reordering do no harm), DIFFERENT attempts and shares (the
// sum), and the growth between two cuts of one attempt (the difference). Values for people are read in values.ts.

import { assert, AssertionError, never } from "../base/assert.ts";
import { addTrends, emptyTrend, laterTrend, trendGrowth, TrendSum } from "./histogram.ts";
import { SETUP, TEARDOWN } from "./plan.ts";
import type { Cells, GaugeCells, MetricType, Series, Tags, TrendCells } from "./series.ts";
import type { VusSeen } from "./result.ts";
import type { AttemptId, Snapshot } from "./share.ts";

/** What is known of one attempt: the newest cut's state, and of each series the newest cells that arrived. */
export type HeldAttempt = {
  /** The newest cut, without its series. */
  readonly cut: Omit<Snapshot, "series" | "content">;
  /** By series key. */
  readonly series: ReadonlyMap<string, HeldSeries>;
};
/** `seq`: of the newest cut that carried the series. */
export type HeldSeries = { readonly seq: number; readonly series: Series };

/** Cells of nothing measured: merging them into others changes nothing. */
export function emptyCells(type: MetricType): Cells {
  switch (type) {
    case "counter":
      return { type, count: 0, sum: 0 };
    case "rate":
      return { type, passes: 0, total: 0 };
    case "gauge":
      return { type, value: 0, min: Infinity, max: -Infinity, atMs: -Infinity };
    case "trend":
      return emptyTrend();
    default:
      return never(type);
  }
}

/** True if nothing was measured. */
export function isEmpty(cells: Cells): boolean {
  switch (cells.type) {
    case "counter":
      return cells.count === 0;
    case "rate":
      return cells.total === 0;
    case "gauge":
      return cells.atMs === -Infinity;
    case "trend":
      return cells.count === 0;
    default:
      return never(cells);
  }
}

/**
 * Sum of two attempts' cells. Counters, rates and trends add. The newest gauge value wins, b's when both are of the
 * same instant (give the higher share as b); its min and max are over both.
 */
export function mergeCells(a: Cells, b: Cells): Cells {
  if (a.type === "counter" && b.type === "counter") {
    return { type: "counter", count: a.count + b.count, sum: a.sum + b.sum };
  }
  if (a.type === "rate" && b.type === "rate") {
    return { type: "rate", passes: a.passes + b.passes, total: a.total + b.total };
  }
  if (a.type === "gauge" && b.type === "gauge") return mergeGauges(a, b, b.atMs >= a.atMs ? b : a);
  if (a.type === "trend" && b.type === "trend") return addTrends(a, b);
  return unlike(a, b);
}

/** VUs over the seconds of both: null is no second. */
export function joinVus(a: VusSeen | null, b: VusSeen | null): VusSeen | null {
  if (a === null || b === null) return a ?? b;
  const joined = (one: GaugeCells, other: GaugeCells): GaugeCells =>
    mergeGauges(one, other, other.atMs >= one.atMs ? other : one);
  return { vus: joined(a.vus, b.vus), vusMax: joined(a.vusMax, b.vusMax) };
}

/**
 * One attempt's cells from two cuts of it, `later` of the higher seq: counts, which only grow, are the larger of both;
 * sums and gauges, which may fall, are the later cut's.
 */
export function laterCells(earlier: Cells, later: Cells): Cells {
  if (earlier.type === "counter" && later.type === "counter") return later;
  if (earlier.type === "rate" && later.type === "rate") {
    const passes = Math.max(earlier.passes, later.passes);
    return { type: "rate", passes, total: Math.max(earlier.total, later.total) };
  }
  if (earlier.type === "gauge" && later.type === "gauge") return mergeGauges(earlier, later, later);
  if (earlier.type === "trend" && later.type === "trend") return laterTrend(earlier, later);
  return unlike(earlier, later);
}

/**
 * What was measured between two cuts of one attempt (`earlier` null: since its beginning). A gauge gives its newest
 * value, with an extreme only where this growth set it. Out: null when nothing was measured; never a negative count.
 */
export function growth(later: Cells, earlier: Cells | null): Cells | null {
  if (earlier === null) return isEmpty(later) ? null : later;
  if (later.type === "counter" && earlier.type === "counter") {
    if (later.count <= earlier.count) return null;
    return { type: "counter", count: later.count - earlier.count, sum: later.sum - earlier.sum };
  }
  if (later.type === "rate" && earlier.type === "rate") {
    if (later.total <= earlier.total) return null;
    return { type: "rate", passes: Math.max(0, later.passes - earlier.passes), total: later.total - earlier.total };
  }
  if (later.type === "gauge" && earlier.type === "gauge") return gaugeGrowth(later, earlier);
  if (later.type === "trend" && earlier.type === "trend") return trendGrowth(later, earlier);
  return unlike(later, earlier);
}

/** The newer of two cuts of one attempt (the first when they are the same cut). */
export function newer(a: Snapshot, b: Snapshot): Snapshot {
  return b.seq > a.seq ? b : a;
}

/**
 * What is held of an attempt after one more snapshot of it, full or delta (null: nothing was held). Everything in it
 * is cumulative, so that the result depends only on which snapshots have arrived, not on their order or number. A
 * trend may carry the cells alone that changed since an earlier snapshot: it counts fully once that one has arrived
 * too (intake.ts sees to it). A series whose only delta was lost stays as old as it is until a later one carries it.
 */
export function applySnapshot(held: HeldAttempt | null, snapshot: Snapshot): HeldAttempt {
  const { attempt, seq } = snapshot;
  assert(held === null || isSameAttempt(held.cut.attempt, attempt), "snapshots of different attempts are never merged");
  const series = new Map(held === null ? [] : held.series);
  for (const arrived of snapshot.series) {
    const known = series.get(arrived.id.key);
    series.set(arrived.id.key, known === undefined ? { seq, series: arrived } : laterSeries(known, arrived, seq));
  }
  if (held !== null && held.cut.seq >= seq) return { cut: held.cut, series };
  const { elapsedMs, isFinal, resume, accounting, generator, vus, vusMax } = snapshot;
  return { cut: { attempt, seq, elapsedMs, isFinal, resume, accounting, generator, vus, vusMax }, series };
}

/** All series held of an attempt, in the order in which they first arrived. */
export function heldSeries(held: HeldAttempt): Series[] {
  return Array.from(held.series.values(), (one) => one.series);
}

/** Sum over attempts or shares, by series key: lists by ascending share, result in order of first appearance. */
export function sumSeries(lists: readonly (readonly Series[])[]): Series[] {
  if (lists.length === 1) return [...(lists[0] ?? [])];
  const parts = new Map<string, Series[]>();
  for (const list of lists) {
    for (const series of list) {
      const same = parts.get(series.id.key);
      if (same === undefined) parts.set(series.id.key, [series]);
      else same.push(series);
    }
  }
  const sums: Series[] = [];
  for (const same of parts.values()) {
    const first = same[0];
    if (first === undefined) continue;
    sums.push(same.length === 1 ? first : { id: first.id, cells: sumCells(same) });
  }
  return sums;
}

/** True if the series carries every one of these tags; an empty value asks for a series without the tag. */
export function hasTags(series: Series, tags: Tags): boolean {
  for (const name in tags) if ((series.id.tags[name] ?? "") !== tags[name]) return false;
  return true;
}

/** Sum of all series of a metric that carry the tags (none: all of them). Out: null when there is no such series. */
export function select(series: readonly Series[], metric: string, tags: Tags): Cells | null {
  let first: Series | null = null;
  let matching: Series[] | null = null;
  for (const one of series) {
    if (one.id.metric !== metric || !hasTags(one, tags)) continue;
    if (first === null) first = one;
    else if (matching === null) matching = [first, one];
    else matching.push(one);
  }
  return matching === null ? (first?.cells ?? null) : sumCells(matching);
}

/** Those of the load alone: what setup and teardown counted is no part of any rate per second of the load. */
export function ofLoad(series: readonly Series[]): readonly Series[] {
  return series.filter(({ id }) => id.tags["workflow"] !== SETUP && id.tags["workflow"] !== TEARDOWN);
}

/** Made once: it is as large as all cells there may be, and empty between two sums. */
let trendSum: TrendSum | null = null;

/** Many trends are added up in an array over all cells, few pair by pair. */
function sumCells(series: readonly Series[]): Cells {
  const type = series[0]?.cells.type ?? "counter";
  if (type === "trend" && series.length > 2) {
    const trends = series.map(trendOf);
    trendSum ??= new TrendSum();
    for (const one of trends) trendSum.add(one);
    return trendSum.take();
  }
  let sum = emptyCells(type);
  for (const one of series) sum = mergeCells(sum, one.cells);
  return sum;
}

function trendOf(series: Series): TrendCells {
  assert(series.cells.type === "trend", `series ${series.id.key} is no trend`);
  return series.cells;
}

function laterSeries(known: HeldSeries, arrived: Series, seq: number): HeldSeries {
  const { id, cells } = known.series;
  const merged = seq > known.seq ? laterCells(cells, arrived.cells) : laterCells(arrived.cells, cells);
  return { seq: Math.max(seq, known.seq), series: { id, cells: merged } };
}

function isSameAttempt(a: AttemptId, b: AttemptId): boolean {
  return a.token === b.token && a.share === b.share && a.workflow === b.workflow && a.job === b.job;
}

function mergeGauges(a: GaugeCells, b: GaugeCells, newest: GaugeCells): GaugeCells {
  const { value, atMs } = newest;
  return { type: "gauge", value, min: Math.min(a.min, b.min), max: Math.max(a.max, b.max), atMs };
}

function gaugeGrowth(later: GaugeCells, earlier: GaugeCells): GaugeCells | null {
  const isNewer = later.atMs > earlier.atMs || (later.atMs === earlier.atMs && later.value !== earlier.value);
  if (!isNewer) return null;
  return {
    type: "gauge",
    value: later.value,
    atMs: later.atMs,
    min: later.min < earlier.min ? later.min : later.value,
    max: later.max > earlier.max ? later.max : later.value,
  };
}

function unlike(a: Cells, b: Cells): never {
  throw new AssertionError(`cannot merge a ${a.type} with a ${b.type}`);
}
