// How long a record takes to be on disk, as far as elections care: not at all while a disk is well. A single sync that
// was slow or fast says nothing, so the middle one of the last three counts; one that is under way takes at least as
// long as it has taken already, so that nobody stands again while his own vote is on its way to disk. No clock: it is
// told.

/** Below this a disk is well: nothing is said of it. Half of the shortest heartbeat. */
const SLOW_MS = 50;
const LAST = 3;

/** In: whom to tell what elections have to reckon with from now on. */
export class SyncTimes {
  readonly #tell: (syncMs: number) => void;
  readonly #last: number[] = [];
  #toldMs = 0;
  #underWay = 0;
  /** When the sync that is under way began, or the one before it ended. */
  #sinceMs = 0;

  constructor(tell: (syncMs: number) => void) {
    this.#tell = tell;
  }

  /** A sync begins. */
  begins(nowMs: number): void {
    if (this.#underWay++ === 0) this.#sinceMs = nowMs;
  }

  /** A look at what is under way. */
  waits(nowMs: number): void {
    const elapsedMs = nowMs - this.#sinceMs;
    if (this.#underWay > 0 && elapsedMs >= Math.max(SLOW_MS, 2 * this.#toldMs)) this.#say(elapsedMs);
  }

  /** A sync that began then, waiting included, is done. */
  ended(beganAtMs: number, nowMs: number): void {
    this.#underWay--;
    this.#sinceMs = nowMs;
    if (this.#last.push(nowMs - beganAtMs) > LAST) this.#last.shift();
    const middle = middleOf(this.#last);
    const syncMs = middle < SLOW_MS ? 0 : middle;
    if ((syncMs === 0) !== (this.#toldMs === 0) || Math.abs(syncMs - this.#toldMs) >= SLOW_MS) this.#say(syncMs);
  }

  #say(syncMs: number): void {
    this.#toldMs = Math.ceil(syncMs);
    this.#tell(this.#toldMs);
  }
}

/** The middle one of three, the larger one of two; one alone says nothing. */
function middleOf([first, second, third = Infinity]: readonly number[]): number {
  if (first === undefined || second === undefined) return 0;
  return Math.max(Math.min(first, second), Math.min(Math.max(first, second), third));
}
