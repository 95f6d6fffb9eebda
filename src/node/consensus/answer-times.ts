// How long the critical lane takes there and back: from what a leader says to the newest answer of each member. What
// waits for a disk is not in it, since contact does not (pulse.ts): a figure that grows means that a node stands still,
// or that the way to it is full.

import type { NodeId } from "../network/links.ts";

/** About a minute of the heartbeats of three managers. */
const TIMES_MAX = 1_024;

export class AnswerTimes {
  readonly #timesMs: number[] = [];
  readonly #rounds = new Map<NodeId, number>();
  #term = 0;
  #next = 0;

  /** A member answered a round of that term. An answer to an older round than one before says nothing new. */
  answered(from: NodeId, answer: { readonly term: number; readonly round: number; readonly elapsedMs: number }): void {
    if (answer.term !== this.#term) {
      this.#term = answer.term;
      this.#timesMs.length = 0;
      this.#rounds.clear();
      this.#next = 0;
    }
    if (answer.round <= (this.#rounds.get(from) ?? 0)) return;
    this.#rounds.set(from, answer.round);
    this.#timesMs[this.#next] = answer.elapsedMs;
    this.#next = (this.#next + 1) % TIMES_MAX;
  }

  /** Of the newest times of this term: how many there are, and ms that 99 % of them do not exceed. Null without any. */
  read(): { readonly count: number; readonly p99Ms: number } | null {
    const sorted = this.#timesMs.toSorted((left, right) => left - right);
    const p99Ms = sorted[Math.max(0, Math.ceil(sorted.length * 0.99) - 1)];
    return p99Ms === undefined ? null : { count: sorted.length, p99Ms };
  }
}
