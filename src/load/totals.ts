// What an owner holds of all attempts of a job, merged as it comes: the newest cells of each attempt, and by series the
// sum over all, which thresholds and views read every second. A cut costs its own cells, whatever there is besides;
// reading costs what changed. Equal to merging and summing everything anew (merge.ts), whatever was replaced or taken
// away in between. The cells of an attempt's trends are raised in place: whoever keeps them beyond a turn copies them.

import { assert } from "../base/assert.ts";
import { extremesOf, laterScalars } from "./histogram.ts";
import { applySnapshot, emptyCells, type HeldAttempt, type HeldSeries, mergeCells } from "./merge.ts";
import { type Increments, IncrementScratch, RunningCells } from "./running-cells.ts";
import type { Cells, Series, SeriesId, TrendCells } from "./series.ts";
import type { Snapshot } from "./share.ts";

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
type Attempt = { held: HeldAttempt; readonly trends: Map<string, RunningCells> };

/** What is held of an attempt after a cut, and what its trends grew by: good until the next cut is taken in. */
export type Taken = { readonly held: HeldAttempt; readonly growth: readonly Series[] };

/** Sums over attempts that are named by their tokens. */
export class Totals {
  readonly #totals = new Map<string, Total>();
  readonly #attempts = new Map<number, Attempt>();
  /** One for each trend of a cut. */
  readonly #scratch: IncrementScratch[] = [];
  #all: readonly Series[] | null = null;

  /** Takes in a cut of the attempt, full or delta, as `applySnapshot` does. */
  take(token: number, snapshot: Snapshot): Taken {
    const attempt = this.#attempts.get(token);
    const trends = snapshot.series.filter(({ id }) => id.type === "trend");
    const others = snapshot.series.filter(({ id, cells }) => {
      const known = attempt?.held.series.get(id.key)?.series.cells.type ?? cells.type;
      return cells.type !== "trend" && known === cells.type;
    });
    const held = applySnapshot(attempt?.held ?? null, { ...snapshot, series: others });
    const series = new Map(held.series);
    const grown = attempt ?? { held, trends: new Map<string, RunningCells>() };
    const growth = trends.flatMap((arrived, at) => {
      const known = series.get(arrived.id.key);
      const { later, increments } = this.#raise(grown, known, { arrived, seq: snapshot.seq, at });
      if (later === null) return [];
      series.set(arrived.id.key, later);
      this.#put(token, later.series, increments);
      return growthOf(known?.series ?? null, later.series, increments) ?? [];
    });
    for (const one of others) {
      const merged = series.get(one.id.key)?.series;
      if (merged !== undefined) this.#put(token, merged, null);
    }
    grown.held = { cut: held.cut, series };
    this.#attempts.set(token, grown);
    return { held: grown.held, growth };
  }

  /** From now on this is held of the attempt, and nothing of what was before (null: nothing at all). */
  hold(token: number, held: HeldAttempt | null): void {
    const before = this.#attempts.get(token)?.held ?? null;
    if (before === held) return;
    for (const key of before?.series.keys() ?? []) this.#drop(token, key);
    if (held === null) {
      this.#attempts.delete(token);
      return;
    }
    this.#attempts.set(token, { held, trends: new Map() });
    for (const { series } of held.series.values())
      this.#put(token, series, series.cells.type === "trend" ? series.cells : null);
  }

  /** Sum of each series over the attempts, in order of first appearance; the same list until something changes. */
  series(): readonly Series[] {
    this.#all ??= [...this.#totals.values()].map((total) => (total.read ??= { id: total.id, cells: sumOf(total) }));
    return this.#all;
  }

  /** The trend after a cut of it; `at`: which of the cut's trends. Out: null when what came is no trend as known. */
  #raise(
    { trends }: Attempt,
    known: HeldSeries | undefined,
    { arrived, seq, at }: { readonly arrived: Series; readonly seq: number; readonly at: number },
  ): { readonly later: HeldSeries | null; readonly increments: Increments | null } {
    const { id, cells } = arrived;
    const before = known?.series.cells ?? null;
    if (cells.type !== "trend" || (before !== null && before.type !== "trend"))
      return { later: null, increments: null };
    let running = trends.get(id.key);
    if (running === undefined) {
      running = before === null ? new RunningCells() : RunningCells.of(before);
      trends.set(id.key, running);
    }
    const scratch = (this.#scratch[at] ??= new IncrementScratch());
    const increments = running.raise(cells, scratch);
    const isNewer = known === undefined || seq > known.seq;
    const scalars = before === null ? cells : isNewer ? laterScalars(before, cells) : laterScalars(cells, before);
    const later: TrendCells = { ...scalars, ...running.view() };
    const series = { id: known?.series.id ?? id, cells: later };
    return { later: { seq: Math.max(seq, known?.seq ?? 0), series }, increments };
  }

  /** In: what it has more than before, of a trend. */
  #put(token: number, series: Series, more: Increments | null): void {
    const total = this.#totalOf(series.id);
    const at = placeOf(total.parts, token);
    const part = total.parts[at];
    if (part?.token === token) part.series = series;
    else total.parts.splice(at, 0, { token, series });
    if (more !== null) total.running?.add(more);
    this.#changed(total);
  }

  #drop(token: number, key: string): void {
    for (const type of ["counter", "rate", "gauge", "trend"]) {
      const total = this.#totals.get(`${type} ${key}`);
      const at = total === undefined ? 0 : placeOf(total.parts, token);
      const part = total?.parts[at];
      if (total === undefined || part?.token !== token) continue;
      total.parts.splice(at, 1);
      total.running?.subtract(trendOf(part.series));
      if (total.parts.length === 0) this.#totals.delete(`${type} ${key}`);
      this.#changed(total);
    }
  }

  #totalOf(id: SeriesId): Total {
    // Two attempts that say different things of one key are no sum.
    const key = `${id.type} ${id.key}`;
    const known = this.#totals.get(key);
    if (known !== undefined) return known;
    const made: Total = { id, parts: [], running: id.type === "trend" ? new RunningCells() : null, read: null };
    this.#totals.set(key, made);
    return made;
  }

  #changed(total: Total): void {
    total.read = null;
    this.#all = null;
  }
}

/** What came between two cuts of a trend, by its increments. Out: null when nothing did. */
function growthOf(before: Series | null, { id, cells }: Series, increments: Increments | null): Series | null {
  const later = trendOf({ id, cells });
  const earlier = before === null ? null : trendOf(before);
  const count = later.count - (earlier?.count ?? 0);
  if (increments === null || count <= 0) return null;
  return {
    id,
    cells: {
      type: "trend",
      count,
      sum: later.sum - (earlier?.sum ?? 0),
      clamped: Math.max(0, later.clamped - (earlier?.clamped ?? 0)),
      ...extremesOf(later, earlier, increments),
      ...increments,
    },
  };
}

/** Everything but the cells of trends is few numbers: summed anew, so that sums do not drift. */
function sumOf({ id, parts, running }: Total): Cells {
  if (running === null)
    return parts.reduce<Cells>((sum, { series }) => mergeCells(sum, series.cells), emptyCells(id.type));
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
