// One life of a process on a simulated host, from its start to its kill or the crash of the host. What the world wants
// of the process goes through it: dropped when that life is over, kept back while it is paused.

export class Boot {
  /** Counts the lives of a host from 1. */
  readonly number: number;
  /** How often anything of the world came to the process: while it stays the same, so does the process. */
  turns = 0;
  #isOver = false;
  #isPaused = false;
  #held: (() => void)[] = [];

  constructor(number: number) {
    this.number = number;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Runs it in this event; after `resume`, in order, while paused; never once this life is over. */
  deliver(run: () => void): void {
    if (this.#isPaused && !this.#isOver) this.#held.push(run);
    else if (this.enter()) run();
  }

  /** Out: whether this event may go on into the process. In: it is not paused, else `deliver` is what to call. */
  enter(): boolean {
    if (this.#isOver) return false;
    this.turns++;
    return true;
  }

  /** Ends this life. */
  end(): void {
    this.#isOver = true;
    this.#held = [];
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Out: what was kept back, first come first; each is to go through `deliver` again. */
  resume(): readonly (() => void)[] {
    const held = this.#held;
    this.#isPaused = false;
    this.#held = [];
    return held;
  }
}
