// How long a record takes to be on disk, as far as elections care: not at all while a disk is well. A single sync that
// is slow or fast says nothing, so the middle one of the last three counts. No clock: it is told.

/** Below this a disk is well: nothing is said of it. Half of the shortest heartbeat. */
const SLOW_MS = 50;
const LAST = 3;

export class SyncTimes {
  #last: readonly number[] = [];
  #toldMs = 0;

  /** A sync took so long, waiting included. Out: what elections have to reckon with from now on; null: as before. */
  took(elapsedMs: number): number | null {
    this.#last = [...this.#last, elapsedMs].slice(-LAST);
    const middle = this.#last.toSorted((a, b) => a - b)[1] ?? 0;
    const syncMs = middle < SLOW_MS ? 0 : Math.ceil(middle);
    const isNews = (syncMs === 0) !== (this.#toldMs === 0) || Math.abs(syncMs - this.#toldMs) >= SLOW_MS;
    if (!isNews) return null;
    this.#toldMs = syncMs;
    return syncMs;
  }
}
