// Running sums over all attempts of a job, by series: what thresholds and views read every second. A new cut of one
// attempt costs its own cells; reading costs only what changed. Equal to summing all attempts anew (merge.ts
// `sumSeries`), whatever was replaced or taken away in between. No clock; the only truth is what `hold` was given.

import { assert } from "../base/assert.ts";
import { hasCellsOf, RunningCells } from "./histogram.ts";
import { emptyCells, type HeldAttempt, mergeCells } from "./merge.ts";
import type { Cells, Series, SeriesId, TrendCells } from "./series.ts";

/** One attempt's part of a series. */
type Part = { readonly token: number; series: Series };
type Total = {
  readonly id: SeriesId;
  /** By ascending token. */
  readonly parts: Part[];
  /** Cells of all parts; null: no trend. */
  readonly running: RunningCells | null;
  /** null: a part has changed since it was read. */
  read: Series | null;
};

/** Sums over attempts that are named by their tokens. */
export class Totals {
  readonly #totals = new Map<string, Total>();
  /** Series held of each attempt, by key. */
  readonly #held = new Map<number, HeldAttempt["series"]>();
  #all: readonly Series[] | null = null;

  /** From now on this is held of the attempt, and nothing of what was before (null: nothing at all). */
  hold(token: number, held: HeldAttempt | null): void {
    const before = this.#held.get(token);
    const now = held?.series;
    if (before === now) return;
    if (now === undefined) this.#held.delete(token);
    else this.#held.set(token, now);
    for (const [key, { series }] of now ?? []) if (before?.get(key)?.series !== series) this.#put(token, series);
    for (const key of before?.keys() ?? []) if (now?.has(key) !== true) this.#drop(token, key);
  }

  /** Sum of each series over the attempts, in order of first appearance; the same list until something changes. */
  series(): readonly Series[] {
    this.#all ??= [...this.#totals.values()].map((total) => (total.read ??= { id: total.id, cells: sumOf(total) }));
    return this.#all;
  }

  #put(token: number, series: Series): void {
    const total = this.#totalOf(series.id);
    const at = placeOf(total.parts, token);
    const part = total.parts[at];
    if (part?.token === token) {
      if (total.running !== null) replaceIn(total.running, trendOf(part.series), trendOf(series));
      part.series = series;
    } else {
      total.parts.splice(at, 0, { token, series });
      total.running?.add(trendOf(series));
    }
    this.#changed(total);
  }

  #drop(token: number, key: string): void {
    const total = this.#totals.get(key);
    if (total === undefined) return;
    const [part] = total.parts.splice(placeOf(total.parts, token), 1);
    assert(part?.token === token, `series ${key} of attempt ${token} is in its sum`);
    total.running?.subtract(trendOf(part.series));
    if (total.parts.length === 0) this.#totals.delete(key);
    this.#changed(total);
  }

  #totalOf(id: SeriesId): Total {
    const known = this.#totals.get(id.key);
    if (known !== undefined) return known;
    const made: Total = { id, parts: [], running: id.type === "trend" ? new RunningCells() : null, read: null };
    this.#totals.set(id.key, made);
    return made;
  }

  #changed(total: Total): void {
    total.read = null;
    this.#all = null;
  }
}

/** A later cut of an attempt has all cells of the one before, and is cheap; anything else may come too. */
function replaceIn(running: RunningCells, before: TrendCells, after: TrendCells): void {
  if (hasCellsOf(after, before)) return running.replace(before, after);
  running.subtract(before);
  running.add(after);
}

/** Everything but the cells of trends is few numbers: summed anew, so that sums do not drift. */
function sumOf({ id, parts, running }: Total): Cells {
  if (running === null)
    return parts.reduce<Cells>((sum, { series }) => mergeCells(sum, series.cells), emptyCells(id.type));
  if (parts.length === 1 && parts[0] !== undefined) return parts[0].series.cells;
  let [count, sum, clamped] = [0, 0, 0];
  let [min, max] = [Infinity, -Infinity];
  for (const { series } of parts) {
    const cells = trendOf(series);
    count += cells.count;
    sum += cells.sum;
    clamped += cells.clamped;
    min = Math.min(min, cells.min);
    max = Math.max(max, cells.max);
  }
  return { type: "trend", count, sum, min, max, clamped, ...running.read() };
}

function trendOf({ id, cells }: Series): TrendCells {
  assert(cells.type === "trend", `series ${id.key} is no trend`);
  return cells;
}

/** Where the token is, or belongs. */
function placeOf(parts: readonly Part[], token: number): number {
  let from = 0;
  let to = parts.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((parts[middle]?.token ?? Infinity) < token) from = middle + 1;
    else to = middle;
  }
  return from;
}
