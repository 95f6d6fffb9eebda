// A timer of one purpose that is armed again and again, for any time ahead: setTimeout itself takes 31 bits of ms.

/** Longest wait armed at once. */
const STEP_MS_MAX = 2 ** 30;

export class LongTimer {
  readonly #run: () => void;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #atMs = Infinity;

  constructor(run: () => void) {
    this.#run = run;
  }

  /** Runs `inMs` from now, never earlier, instead of when it was armed for before. */
  arm(inMs: number): void {
    this.cancel();
    this.#atMs = performance.now() + inMs;
    this.#wait(inMs);
  }

  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #wait(inMs: number): void {
    this.#timer = setTimeout(this.#look, Math.min(Math.max(inMs, 0), STEP_MS_MAX));
  }

  readonly #look = (): void => {
    this.#timer = null;
    const leftMs = this.#atMs - performance.now();
    if (leftMs > 0) this.#wait(leftMs);
    else this.#run();
  };
}
