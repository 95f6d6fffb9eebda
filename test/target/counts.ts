// What the target saw: requests by path, the truth that a load generator's own count is held to.

/** Requests seen. Questions about the counts themselves are in neither number. */
export type Counts = {
  readonly total: number;
  readonly paths: Readonly<Record<string, number>>;
  readonly connections: number;
};

/** Mutable tally behind one target process. */
export class Tally {
  #total = 0;
  #connections = 0;
  readonly #paths = new Map<string, number>();

  /** One request of `path` was seen. Paths under /seen keep their query, so that each row of a feed is told apart. */
  see(path: string): void {
    this.#total++;
    this.#paths.set(path, (this.#paths.get(path) ?? 0) + 1);
  }

  /** One connection to the raw listener was opened. */
  connect(): void {
    this.#connections++;
  }

  /** The counts now. */
  counts(): Counts {
    return { total: this.#total, paths: Object.fromEntries(this.#paths), connections: this.#connections };
  }

  reset(): void {
    this.#total = 0;
    this.#connections = 0;
    this.#paths.clear();
  }
}
