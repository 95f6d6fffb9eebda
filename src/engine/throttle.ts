// An engine thread that is made slow on purpose (`hyperscale chaos slow`): it stands still for a part of every period,
// as under a CPU quota (sched-bwc.rst: the threads of a cgroup that has used up its quota wait for the next period). It
// burns nothing meanwhile, so that only this thread is slow. Its lateness is measured and reported like any other.

/** The default period of the kernel's quotas. */
const PERIOD_MS = 100;

export class Throttle {
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  #stillMs = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** In: the part of the time to stand still, 0 (not at all) to 0.99. */
  set(ratio: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#stillMs = Math.min(0.99, Math.max(0, ratio)) * PERIOD_MS;
    if (this.#stillMs > 0) this.#arm();
  }

  #arm(): void {
    this.#timer = setTimeout(() => {
      // Blocks the whole thread: timers, sockets, the user's code.
      Atomics.wait(this.#sleeper, 0, 0, this.#stillMs);
      this.#arm();
    }, PERIOD_MS - this.#stillMs);
  }
}
