// Timers that let the sockets be read first when the process stood still: one that fires once, and the one timer of a
// core, which fires at the core's deadline, however often that moves.

import type { Clock, Timer } from "../io/world.ts";

/** Later than this means that the process stood still: what waits in its sockets is read before it acts on time. */
const LATE_MS = 20;

const STEP_MS = 0.01;

/** Fires once, `delayMs` from now; when the process stood still then, after a turn in which what waits is read. */
export function setPatientTimer(clock: Clock, delayMs: number, run: () => void): Timer {
  const atMs = clock.nowMs() + delayMs;
  let timer = clock.setTimer(delayMs, () => {
    if (clock.nowMs() - atMs > LATE_MS) timer = clock.setTimer(0, run);
    else run();
  });
  return { cancel: () => timer.cancel() };
}

export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #deadline: () => number;
  readonly #due: () => void;
  #timer: Timer | null = null;
  #atMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  /** `deadline`: ms of the clock, as of now. `due`: it has passed. */
  constructor(clock: Clock, deadline: () => number, due: () => void) {
    this.#clock = clock;
    this.#deadline = deadline;
    this.#due = due;
  }

  /** The deadline may have moved. One that moved away is looked at when the timer fires. */
  rearm(): void {
    const atMs = this.#deadline();
    if (atMs < this.#atMs) this.#set(atMs);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #set(atMs: number): void {
    this.#timer?.cancel();
    if (this.#isClosed) return;
    this.#atMs = atMs;
    const leftMs = atMs - this.#clock.nowMs();
    // A rest below the clock's own step would fire before the deadline, again and again.
    this.#timer = this.#clock.setTimer(leftMs > 0 ? Math.max(leftMs, STEP_MS) : 0, () => {
      this.#timer = null;
      this.#atMs = Number.POSITIVE_INFINITY;
      if (this.#isClosed) return;
      const nowMs = this.#clock.nowMs();
      if (this.#deadline() > nowMs) return this.rearm();
      if (nowMs - atMs > LATE_MS) return this.#set(nowMs);
      this.#due();
    });
  }
}
