// Histogram of a Trend: a zero cell and, for each sign, logarithmic cells of ratio 1.002 from 1e-9 to 1e12. A cell's
// value is its geometric middle, so any value read back is within sqrt(1.002) - 1 < 0.1 % of a value put in (the idea
// of DDSketch: Masson, Rim, Lee, VLDB 2019). Cells are whole counts: merging adds them and loses nothing. Not the
// engine's live store (engine/board.ts), which calls `cellIndex` and keeps the counts.

import { assert } from "../base/assert.ts";
import type { TrendCells } from "./series.ts";

/** Smallest size with a cell of its own; anything nearer to 0 is in the zero cell (absolute error below 1e-9). */
export const VALUE_MIN = 1e-9;
/** Largest size with a cell of its own; anything larger is counted in the last cell, and in `clamped`. */
export const VALUE_MAX = 1e12;

const CELL_RATIO = 1.002;
const LOG_RATIO = Math.log(CELL_RATIO);
const LOG_MIN = Math.log(VALUE_MIN);
const CELLS_PER_LOG = 1 / LOG_RATIO;
// Cell 1 begins at VALUE_MIN. The billionth of a cell keeps VALUE_MIN itself out of cell 0 whatever rounding does.
const FIRST_CELL = 1 + 1e-9 - LOG_MIN * CELLS_PER_LOG;

/**
 * Cells of one sign: ln(1e21) / ln(1.002) = 24,201.1, rounded up. Indices run from -CELLS_PER_SIGN to CELLS_PER_SIGN.
 */
export const CELLS_PER_SIGN = Math.ceil(Math.log(VALUE_MAX / VALUE_MIN) / LOG_RATIO);

/** Cells and their counts, as a trend has them. */
export type CellCounts = Pick<TrendCells, "index" | "counts">;

/** Cell of a value: 0 for the zero cell (NaN too: refuse it before), sign and 1..CELLS_PER_SIGN else. About 15 ns. */
export function cellIndex(value: number): number {
  if (value >= VALUE_MIN) {
    const cell = Math.floor(Math.log(value) * CELLS_PER_LOG + FIRST_CELL);
    return cell < CELLS_PER_SIGN ? cell : CELLS_PER_SIGN;
  }
  return value <= -VALUE_MIN ? -cellIndex(-value) : 0;
}

/** True for a value beyond the last cell: it is counted there, and has to be counted in `clamped` too. */
export function isClamped(value: number): boolean {
  return value > VALUE_MAX || value < -VALUE_MAX;
}

/** Geometric middle of a cell: within 0.1 % of every value in it (0 for the zero cell). */
export function cellValue(index: number): number {
  if (index === 0) return 0;
  return Math.sign(index) * Math.exp(LOG_MIN + (Math.abs(index) - 0.5) * LOG_RATIO);
}

/**
 * Nearest-rank quantile: the smallest value that at least q * count values do not exceed, within 0.1 %; the smallest
 * and the largest value exactly. In: q 0..1. Out: 0 when there are no values. Walks the occupied cells once.
 */
export function quantile(cells: TrendCells, q: number): number {
  assert(q >= 0 && q <= 1, "a quantile is between 0 and 1");
  if (cells.count === 0) return 0;
  const rank = nearestRank(q, cells.count);
  if (rank <= 1) return cells.min;
  if (rank >= cells.count) return cells.max;
  let seen = 0;
  for (let at = 0; at < cells.index.length; at++) {
    seen += cells.counts[at]!;
    if (seen >= rank) return within(cells, cellValue(cells.index[at]!));
  }
  return cells.max;
}

/**
 * Rank (from 1) of a quantile among `count` values: ceil(q * count), not thrown off by 0.07 * 100 =
 * 7.000000000000001.
 */
export function nearestRank(q: number, count: number): number {
  return Math.max(1, Math.ceil(q * count * (1 - 8 * Number.EPSILON)));
}

/** A trend without values: what merging leaves unchanged. min is +Infinity and max is -Infinity. */
export function emptyTrend(): TrendCells {
  return {
    type: "trend",
    count: 0,
    sum: 0,
    min: Infinity,
    max: -Infinity,
    clamped: 0,
    index: new Int32Array(0),
    counts: new Float64Array(0),
  };
}

/** Trend of the values of both: counts add. For many trends use TrendSum. */
export function addTrends(a: TrendCells, b: TrendCells): TrendCells {
  if (b.count === 0) return a;
  if (a.count === 0) return b;
  return {
    type: "trend",
    count: a.count + b.count,
    sum: a.sum + b.sum,
    clamped: a.clamped + b.clamped,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    ...unite(a, b, "add"),
  };
}

/**
 * One attempt's trend from two cuts of it: the larger count of each cell, since cells only grow. `later` is the newer
 * cut; when it holds all that `earlier` does, which is the rule, it is returned as it is.
 */
export function laterTrend(earlier: TrendCells, later: TrendCells): TrendCells {
  if (later.index.length >= earlier.index.length && covers(later, earlier)) return later;
  return { ...laterScalars(earlier, later), ...unite(earlier, later, "larger") };
}

/** Everything of it but the cells, which are `later`'s. */
export function laterScalars(earlier: TrendCells, later: TrendCells): TrendCells {
  return {
    ...later,
    count: Math.max(earlier.count, later.count),
    sum: later.count >= earlier.count ? later.sum : earlier.sum,
    min: Math.min(earlier.min, later.min),
    max: Math.max(earlier.max, later.max),
    clamped: Math.max(earlier.clamped, later.clamped),
  };
}

/**
 * Extremes of what came between two cuts, in the cells `grown`: exact where the cut set a new one, else within 0.1 %.
 */
export function extremesOf(
  later: TrendCells,
  earlier: TrendCells | null,
  { index }: CellCounts,
): Pick<TrendCells, "min" | "max"> {
  const lowest = index.length === 0 ? later.min : within(later, cellValue(index[0]!));
  const highest = index.length === 0 ? later.max : within(later, cellValue(index[index.length - 1]!));
  return {
    min: earlier === null || later.min < earlier.min ? later.min : lowest,
    max: earlier === null || later.max > earlier.max ? later.max : highest,
  };
}

/**
 * Values that came between two cuts of one trend. Their count and cells are exact; min and max are exact where the cut
 * set a new extreme, else within 0.1 %. Out: null when no value came.
 */
export function trendGrowth(later: TrendCells, earlier: TrendCells): TrendCells | null {
  if (later.count <= earlier.count) return null;
  if (earlier.count === 0) return later;
  const { index: laterIndex, counts: laterCounts } = later;
  const { index: earlierIndex, counts: earlierCounts } = earlier;
  const index = new Int32Array(laterIndex.length);
  const counts = new Float64Array(laterIndex.length);
  let length = 0;
  let before = 0;
  for (let at = 0; at < laterIndex.length; at++) {
    const cell = laterIndex[at]!;
    while (before < earlierIndex.length && earlierIndex[before]! < cell) before++;
    const isKnown = before < earlierIndex.length && earlierIndex[before]! === cell;
    const more = laterCounts[at]! - (isKnown ? earlierCounts[before]! : 0);
    if (more <= 0) continue;
    index[length] = cell;
    counts[length] = more;
    length++;
  }
  const grown = { index: index.slice(0, length), counts: counts.slice(0, length) };
  return {
    type: "trend",
    count: later.count - earlier.count,
    sum: later.sum - earlier.sum,
    ...extremesOf(later, earlier, grown),
    clamped: Math.max(0, later.clamped - earlier.clamped),
    ...grown,
  };
}

/**
 * Adds up many trends: a plain array over all cells (387 kB), so that a cell costs one addition. 200 cores x 8 trends
 * x 2,000 cells are 3.2 million additions, a few ms. Add, then `take` once; it is empty again afterwards.
 */
export class TrendSum {
  readonly #counts = new Float64Array(2 * CELLS_PER_SIGN + 1);
  #lowest = this.#counts.length;
  #highest = -1;
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = -Infinity;
  #clamped = 0;

  add(cells: TrendCells): void {
    const { index, counts } = cells;
    if (cells.count === 0 || index.length === 0) return;
    const total = this.#counts;
    for (let at = 0; at < index.length; at++) total[index[at]! + CELLS_PER_SIGN]! += counts[at]!;
    this.#lowest = Math.min(this.#lowest, index[0]! + CELLS_PER_SIGN);
    this.#highest = Math.max(this.#highest, index[index.length - 1]! + CELLS_PER_SIGN);
    this.#count += cells.count;
    this.#sum += cells.sum;
    this.#min = Math.min(this.#min, cells.min);
    this.#max = Math.max(this.#max, cells.max);
    this.#clamped += cells.clamped;
  }

  take(): TrendCells {
    const total = this.#counts;
    let length = 0;
    for (let at = this.#lowest; at <= this.#highest; at++) if (total[at]! > 0) length++;
    const index = new Int32Array(length);
    const counts = new Float64Array(length);
    let to = 0;
    for (let at = this.#lowest; at <= this.#highest; at++) {
      if (total[at]! <= 0) continue;
      index[to] = at - CELLS_PER_SIGN;
      counts[to] = total[at]!;
      to++;
    }
    const taken: TrendCells = {
      type: "trend",
      count: this.#count,
      sum: this.#sum,
      min: this.#min,
      max: this.#max,
      clamped: this.#clamped,
      index,
      counts,
    };
    this.#clear();
    return taken;
  }

  #clear(): void {
    if (this.#lowest <= this.#highest) this.#counts.fill(0, this.#lowest, this.#highest + 1);
    this.#lowest = this.#counts.length;
    this.#highest = -1;
    this.#count = 0;
    this.#sum = 0;
    this.#min = Infinity;
    this.#max = -Infinity;
    this.#clamped = 0;
  }
}

/** A cell's middle can lie outside of what was seen: bring it back. */
function within(cells: TrendCells, value: number): number {
  return Math.min(cells.max, Math.max(cells.min, value));
}

/** True if no count of `small` goes beyond that of `large`. */
function covers(large: TrendCells, small: TrendCells): boolean {
  if (large.count < small.count || large.clamped < small.clamped) return false;
  const { index, counts } = large;
  const { index: smallIndex, counts: smallCounts } = small;
  let at = 0;
  for (let of = 0; of < smallIndex.length; of++) {
    const cell = smallIndex[of]!;
    while (at < index.length && index[at]! < cell) at++;
    if (at === index.length || index[at]! !== cell || counts[at]! < smallCounts[of]!) return false;
  }
  return true;
}

/** Cells of both, by ascending index; a cell that both have is added up, or the larger count is kept. */
function unite(a: CellCounts, b: CellCounts, both: "add" | "larger"): CellCounts {
  const { index: indexA, counts: countsA } = a;
  const { index: indexB, counts: countsB } = b;
  const isSum = both === "add";
  const index = new Int32Array(indexA.length + indexB.length);
  const counts = new Float64Array(index.length);
  let length = 0;
  let atA = 0;
  let atB = 0;
  while (atA < indexA.length && atB < indexB.length) {
    const cellA = indexA[atA]!;
    const cellB = indexB[atB]!;
    const countA = cellA <= cellB ? countsA[atA++]! : 0;
    const countB = cellB <= cellA ? countsB[atB++]! : 0;
    index[length] = cellA < cellB ? cellA : cellB;
    counts[length] = isSum ? countA + countB : Math.max(countA, countB);
    length++;
  }
  for (; atA < indexA.length; atA++, length++) {
    index[length] = indexA[atA]!;
    counts[length] = countsA[atA]!;
  }
  for (; atB < indexB.length; atB++, length++) {
    index[length] = indexB[atB]!;
    counts[length] = countsB[atB]!;
  }
  return { index: index.slice(0, length), counts: counts.slice(0, length) };
}
