// Cells of a trend that are changed in place, as many as are occupied, by ascending index: a sum that other cells are
// added to and taken from, or the cells of one attempt, raised by each cut. One walk over both lists per change, no
// garbage. Counts are whole: what was added and taken away leaves no trace.

import { assert } from "../base/assert.ts";
import { type CellCounts, emptyTrend } from "./histogram.ts";
import type { Series, SeriesId, TrendCells } from "./series.ts";

/** What `raise` found to be more than before: in arrays that the next raise uses again. */
export type Increments = CellCounts;

export class RunningCells {
  #index: Int32Array = new Int32Array(0);
  #counts: Float64Array = new Float64Array(0);
  #length = 0;

  /** The same cells, in arrays of its own. */
  static of(cells: CellCounts): RunningCells {
    const made = new RunningCells();
    made.add(cells);
    return made;
  }

  add(cells: CellCounts): void {
    this.#shift(cells, 1);
  }

  /** In: cells that were added before. */
  subtract(cells: CellCounts): void {
    this.#shift(cells, -1);
  }

  /** Each cell becomes the larger of both. Out: by how much, cell by cell, in `scratch`. */
  raise(cells: CellCounts, scratch: IncrementScratch): Increments {
    const { index, counts } = cells;
    const { index: grown, counts: growths } = scratch.room(index.length);
    const places = this.#index;
    const held = this.#counts;
    const length = this.#length;
    let at = 0;
    let to = 0;
    let missing = 0;
    for (let of = 0; of < index.length; of++) {
      const cell = index[of] ?? 0;
      const count = counts[of] ?? 0;
      while (at < length && (places[at] ?? 0) < cell) at++;
      const isThere = at < length && places[at] === cell;
      const more = isThere ? count - (held[at] ?? 0) : count;
      if (!isThere) missing++;
      if (more <= 0) continue;
      if (isThere) held[at] = count;
      grown[to] = cell;
      growths[to] = more;
      to++;
    }
    if (missing > 0) this.#insert(cells, missing, 1);
    return { index: grown.subarray(0, to), counts: growths.subarray(0, to) };
  }

  /** The cells as they stand, zeros among them: good until the next change. */
  view(): CellCounts {
    return { index: this.#index.subarray(0, this.#length), counts: this.#counts.subarray(0, this.#length) };
  }

  /** The occupied cells: copies. */
  read(): CellCounts {
    let length = 0;
    for (let at = 0; at < this.#length; at++) if ((this.#counts[at] ?? 0) > 0) length++;
    const index = new Int32Array(length);
    const counts = new Float64Array(length);
    let to = 0;
    for (let at = 0; at < this.#length; at++) {
      const count = this.#counts[at] ?? 0;
      if (count <= 0) continue;
      index[to] = this.#index[at] ?? 0;
      counts[to] = count;
      to++;
    }
    return { index, counts };
  }

  #shift(cells: CellCounts, sign: 1 | -1): void {
    const { index, counts } = cells;
    const places = this.#index;
    const held = this.#counts;
    const length = this.#length;
    let at = 0;
    let missing = 0;
    for (let of = 0; of < index.length; of++) {
      const cell = index[of] ?? 0;
      while (at < length && (places[at] ?? 0) < cell) at++;
      if (at < length && places[at] === cell) held[at] = (held[at] ?? 0) + sign * (counts[of] ?? 0);
      else missing++;
    }
    assert(missing === 0 || sign === 1, "only what was added is taken away");
    if (missing > 0) this.#insert(cells, missing, sign);
  }

  /** Puts those of the cells that have no place between the others, from the end. */
  #insert({ index, counts }: CellCounts, missing: number, sign: 1 | -1): void {
    const wanted = this.#length + missing;
    if (wanted > this.#index.length) this.#widen(wanted);
    let last = this.#length - 1;
    let to = wanted - 1;
    for (let of = index.length - 1; of >= 0 && to > last;) {
      const cell = index[of] ?? 0;
      const place = last >= 0 ? (this.#index[last] ?? 0) : -Infinity;
      if (place === cell) of--;
      else if (place > cell) {
        this.#index[to] = place;
        this.#counts[to--] = this.#counts[last--] ?? 0;
      } else {
        this.#index[to] = cell;
        this.#counts[to--] = sign * (counts[of--] ?? 0);
      }
    }
    this.#length = wanted;
  }

  /** New arrays, a quarter larger: what was viewed stays as it is. */
  #widen(wanted: number): void {
    const capacity = wanted + (wanted >> 2) + 4;
    const index = new Int32Array(capacity);
    const counts = new Float64Array(capacity);
    // Mostly few: a loop costs less than two views of them.
    for (let at = 0; at < this.#length; at++) {
      index[at] = this.#index[at] ?? 0;
      counts[at] = this.#counts[at] ?? 0;
    }
    this.#index = index;
    this.#counts = counts;
  }
}

/** A trend's growth in several attempts, added up. */
export class TrendGrowths {
  readonly #id: SeriesId;
  readonly #cells = new RunningCells();
  #scalars = emptyTrend();

  constructor(id: SeriesId) {
    this.#id = id;
  }

  add(growth: TrendCells): void {
    const { count, sum, clamped, min, max } = this.#scalars;
    this.#scalars = {
      ...this.#scalars,
      count: count + growth.count,
      sum: sum + growth.sum,
      clamped: clamped + growth.clamped,
      min: Math.min(min, growth.min),
      max: Math.max(max, growth.max),
    };
    this.#cells.add(growth);
  }

  read(): Series {
    return { id: this.#id, cells: { ...this.#scalars, ...this.#cells.read() } };
  }
}

/** Room for increments, used again and again. */
export class IncrementScratch {
  #index = new Int32Array(0);
  #counts = new Float64Array(0);

  room(length: number): { readonly index: Int32Array; readonly counts: Float64Array } {
    if (length > this.#index.length) {
      this.#index = new Int32Array(2 * length);
      this.#counts = new Float64Array(2 * length);
    }
    return { index: this.#index, counts: this.#counts };
  }
}
