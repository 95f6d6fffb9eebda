// Arrivals that wait for a free VU (onLate "queue"): intended instants in ms of schedule, first in, first out.

/** Space in front of the queue is given back when it is as large as this, and as the rest. */
const SPARE_MAX = 1_024;

export class ArrivalQueue {
  #waiting: number[] = [];
  #head = 0;

  get length(): number {
    return this.#waiting.length - this.#head;
  }

  push(intendedMs: number): void {
    this.#waiting.push(intendedMs);
  }

  /** Out: -1 when none waits. */
  take(): number {
    if (this.#head >= this.#waiting.length) return -1;
    const intendedMs = this.#waiting[this.#head++] ?? -1;
    if (this.#head > SPARE_MAX && this.#head * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    return intendedMs;
  }

  /** Out: how many waited. */
  clear(): number {
    const waited = this.length;
    this.#waiting = [];
    this.#head = 0;
    return waited;
  }
}
