// The board of one core: a SharedArrayBuffer that the engine thread counts in and the main thread may read at any time,
// so that a stuck or dying thread loses no numbers. Layout in 8-byte words: header, then slots, page directories and
// pages as they are needed (bump allocation). A full board moves to one twice as large, up to a bound: the collector
// counts shared memory as its own, so a large one from the start would let garbage pile up to its size.

import { assert } from "../base/assert.ts";
import { CELLS_PER_SIGN, cellIndex, isClamped } from "../load/histogram.ts";
import type { Cells, MetricType, Series, SeriesId, TrendCells } from "../load/series.ts";
import type { Accounting } from "../load/share.ts";

/** A board begins with this and may grow to that. */
const BOARD_BYTES = 2 ** 16;
const BOARD_BYTES_MAX = 64 * 2 ** 20;
const WORDS_MAX = BOARD_BYTES_MAX / 8;
/** New series are refused when less than this is left, so that the existing ones can still fill their pages. */
const RESERVE_WORDS = WORDS_MAX / 4;
/** Cells of one page: 64 counts, 512 bytes. Latencies of one series touch 10 to 60 pages. */
const PAGE_CELLS = 64;
const PAGE_SHIFT = 6;
const DIRECTORY_ENTRIES = (CELLS_PER_SIGN >> PAGE_SHIFT) + 1;

/** Header words. Times are epoch ms; the rest as in Accounting and GeneratorHealth. */
export const HEADER = {
  heartbeat: 0,
  free: 1,
  scheduled: 2,
  started: 3,
  completed: 4,
  interrupted: 5,
  dropped: 6,
  unsent: 7,
  seconds: 8,
  saturatedSeconds: 9,
  cpuSeconds: 10,
  loopLagMsMax: 11,
  vus: 12,
  vusMax: 13,
  stillMs: 14,
  words: 16,
} as const;

/** Words of a slot by type; a trend is count, sum, min, max, clamped, zeros, directory of positives, of negatives. */
const SLOT_WORDS: Readonly<Record<MetricType, number>> = { counter: 2, rate: 2, gauge: 4, trend: 8 };

/**
 * Writes and reads one board. The engine thread makes one to count; the main thread makes one over the same memory to
 * read.
 */
export class Board {
  shared: SharedArrayBuffer;
  /** Read it anew at each use: a board that moves has others. */
  words: Float64Array;
  #directory: Uint32Array;
  readonly #moved: (shared: SharedArrayBuffer) => void;

  /** `moved` is told of the new memory before anything is counted there; the old is not written any more. */
  constructor(
    shared: SharedArrayBuffer = new SharedArrayBuffer(BOARD_BYTES),
    moved: (shared: SharedArrayBuffer) => void = () => undefined,
  ) {
    this.shared = shared;
    this.words = new Float64Array(shared);
    this.#directory = new Uint32Array(shared);
    this.#moved = moved;
    if (this.words[HEADER.free] === 0) this.words[HEADER.free] = HEADER.words;
  }

  /** Place for a new series: a word offset, or 0 when the board is too full to take one. */
  allocate(type: MetricType): number {
    return this.words[HEADER.free]! + RESERVE_WORDS > WORDS_MAX ? 0 : this.allocateReserved(type);
  }

  /** As allocate, out of the reserve: for the few series that must exist. */
  allocateReserved(type: MetricType): number {
    const at = this.#take(SLOT_WORDS[type]);
    if (type === "trend") {
      this.words[at + 2] = Infinity;
      this.words[at + 3] = -Infinity;
    }
    if (type === "gauge") {
      this.words[at + 1] = Infinity;
      this.words[at + 2] = -Infinity;
      this.words[at + 3] = -1;
    }
    return at;
  }

  /** Adds to a counter. */
  count(at: number, value: number): void {
    const words = this.words;
    words[at]!++;
    words[at + 1]! += value;
  }

  /** Values that were added to a counter. */
  counted(at: number): number {
    return this.words[at]!;
  }

  /** Adds one observation to a rate. */
  rate(at: number, isPass: boolean): void {
    const words = this.words;
    if (isPass) words[at]!++;
    words[at + 1]!++;
  }

  /** Sets a gauge at a job-elapsed time in ms. */
  gauge(at: number, value: number, atMs: number): void {
    const words = this.words;
    words[at] = value;
    if (value < words[at + 1]!) words[at + 1] = value;
    if (value > words[at + 2]!) words[at + 2] = value;
    words[at + 3] = atMs;
  }

  /** Adds one value to a trend. Hot: eight a request. */
  trend(at: number, value: number): void {
    // Short, so that it is inlined: most phases of a request on a kept connection are 0 (10 ns instead of 25).
    if (value !== 0) return this.#trendValue(at, value);
    const words = this.words;
    words[at]!++;
    words[at + 5]!++;
    if (words[at + 2]! > 0) words[at + 2] = 0;
    if (words[at + 3]! < 0) words[at + 3] = 0;
  }

  #trendValue(at: number, value: number): void {
    // Not used after #increment, which may move the board.
    const words = this.words;
    words[at]!++;
    if (value < words[at + 2]!) words[at + 2] = value;
    if (value > words[at + 3]!) words[at + 3] = value;
    words[at + 1]! += value;
    const index = cellIndex(value);
    if (isClamped(value)) words[at + 4]!++;
    if (index === 0) words[at + 5]!++;
    else if (index > 0) this.#increment(at + 6, index);
    else this.#increment(at + 7, -index);
  }

  #increment(root: number, index: number): void {
    let directory = this.words[root]!;
    if (directory === 0) {
      directory = this.#take((DIRECTORY_ENTRIES + 1) >> 1);
      this.words[root] = directory;
    }
    const entry = directory * 2 + (index >> PAGE_SHIFT);
    let page = this.#directory[entry]!;
    if (page === 0) {
      page = this.#take(PAGE_CELLS);
      this.#directory[entry] = page;
    }
    this.words[page + (index & (PAGE_CELLS - 1))]!++;
  }

  #take(words: number): number {
    const at = this.words[HEADER.free]!;
    if (at + words > this.words.length) this.#grow(at + words);
    this.words[HEADER.free] = at + words;
    return at;
  }

  #grow(words: number): void {
    assert(words <= WORDS_MAX, "the board of this core is full");
    const shared = new SharedArrayBuffer(Math.min(Math.max(this.words.length * 2, words), WORDS_MAX) * 8);
    const moved = new Float64Array(shared);
    moved.set(this.words);
    this.#moved(shared);
    this.shared = shared;
    this.words = moved;
    this.#directory = new Uint32Array(shared);
  }

  /** The cells at a slot, copied out. */
  read(at: number, type: MetricType): Cells {
    const words = this.words;
    switch (type) {
      case "counter":
        return { type, count: words[at]!, sum: words[at + 1]! };
      case "rate":
        return { type, passes: words[at]!, total: words[at + 1]! };
      case "gauge":
        return { type, value: words[at]!, min: words[at + 1]!, max: words[at + 2]!, atMs: words[at + 3]! };
      case "trend":
        return this.#readTrend(at);
    }
  }

  #readTrend(at: number): TrendCells {
    const words = this.words;
    const index: number[] = [];
    const counts: number[] = [];
    this.#collect(words[at + 7]!, -1, index, counts);
    index.reverse();
    counts.reverse();
    if (words[at + 5]! > 0) {
      index.push(0);
      counts.push(words[at + 5]!);
    }
    this.#collect(words[at + 6]!, 1, index, counts);
    const count = words[at]!;
    return {
      type: "trend",
      count,
      sum: words[at + 1]!,
      min: words[at + 2]!,
      max: words[at + 3]!,
      clamped: words[at + 4]!,
      index: new Int32Array(index),
      counts: new Float64Array(counts),
    };
  }

  #collect(directory: number, sign: number, index: number[], counts: number[]): void {
    if (directory === 0) return;
    for (let entry = 0; entry < DIRECTORY_ENTRIES; entry++) {
      const page = this.#directory[directory * 2 + entry]!;
      if (page === 0) continue;
      for (let cell = 0; cell < PAGE_CELLS; cell++) {
        const count = this.words[page + cell]!;
        if (count === 0) continue;
        index.push(sign * (entry * PAGE_CELLS + cell));
        counts.push(count);
      }
    }
  }

  /** Accounting as it stands. */
  accounting(): Accounting {
    const words = this.words;
    return {
      scheduled: words[HEADER.scheduled]!,
      started: words[HEADER.started]!,
      completed: words[HEADER.completed]!,
      interrupted: words[HEADER.interrupted]!,
      dropped: words[HEADER.dropped]!,
      unsent: words[HEADER.unsent]!,
    };
  }
}

/**
 * Every series of a board, read from outside by the places its owner announced. For a thread that can no longer
 * report.
 */
export function salvage(shared: SharedArrayBuffer, slots: ReadonlyMap<number, SeriesId>): Series[] {
  const board = new Board(shared);
  return [...slots].map(([at, id]) => ({ id, cells: board.read(at, id.type) }));
}
