// How many rows of each unique or circular feed the cores of one worker have drawn together: shared memory, one atomic
// counter a feed. Which rows those are is load/dealing.ts.

/** Shared counters for the feeds of a job, all 0. */
export function createFeedCursors(feeds: number): SharedArrayBuffer {
  return new SharedArrayBuffer(feeds * BigInt64Array.BYTES_PER_ELEMENT);
}

/** Draws from one thread; every thread of the worker has its own over the same memory. */
export class FeedCursors {
  readonly #counts: BigInt64Array;

  constructor(shared: SharedArrayBuffer) {
    this.#counts = new BigInt64Array(shared);
  }

  /** Takes the next turn at a feed: 0, 1, 2 ... each handed to one caller only. */
  draw(feed: number): number {
    return Number(Atomics.add(this.#counts, feed, 1n));
  }

  /** Turns taken so far. */
  drawn(feed: number): number {
    return Number(Atomics.load(this.#counts, feed));
  }
}
