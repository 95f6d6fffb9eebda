// The pauses of all VUs of a core behind one timer: a timer object for each of ten thousand would cost more memory than
// the VUs themselves. Resolution: 1 ms, as setTimeout.

import { Heap } from "../base/heap.ts";

/** Something that waits for an instant. It may have been ended otherwise by then: `due` then does nothing. */
export type Due = { due(): void };

/** Longest wait of one timer: setTimeout takes 31 bits. */
const TIMER_MS_MAX = 2 ** 30;

export class Alarms {
  readonly #heap = new Heap<Due>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** What the timer is set to, on performance.now(). */
  #armedMs = Infinity;

  /** Calls `due` after `ms`, never before. */
  add(waiting: Due, ms: number): void {
    const atMs = performance.now() + ms;
    this.#heap.add(atMs, waiting);
    if (atMs < this.#armedMs) this.#arm(atMs);
  }

  /** Forgets everything that waits. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#armedMs = Infinity;
    while (this.#heap.size > 0) this.#heap.take();
  }

  #arm(atMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#armedMs = atMs;
    this.#timer = setTimeout(
      () => this.#ring(),
      Math.min(Math.max(Math.ceil(atMs - performance.now()), 0), TIMER_MS_MAX),
    );
  }

  #ring(): void {
    this.#timer = null;
    this.#armedMs = Infinity;
    const nowMs = performance.now();
    while (this.#heap.least <= nowMs) this.#heap.take()?.due();
    // What `due` started may have armed the timer already, for something earlier than what is left.
    if (this.#heap.least < this.#armedMs) this.#arm(this.#heap.least);
  }
}
