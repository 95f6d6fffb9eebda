// When a client asks again what a manager had no room for: at its turn, where it was given one; else not before it was
// said, never all at once with others, within the budget of retries, and not for ever. And what was not decided: soon.
// Knows no messages.

import { createRetryBudget, countFirst, retryOf, RETRIES, type RetryConfig } from "../health/retry-budget.ts";
import type { Clock, Timer } from "../io/world.ts";

/** A request that managers have no room for is given up after so long. */
export const PATIENCE_MS = 30_000;
/** Out of budget: how long until it is looked at again. */
const BROKE_MS = 500;
/** After the first answer that decides nothing, and at most. */
const UNDECIDED_MS = 100;
const UNDECIDED_MS_MAX = 2_000;
/**
 * Its own deadline ends a request, not a number of tries. A refusal costs a manager next to nothing, and says when to
 * come: more may come again than after a failure, and sooner.
 */
const CONFIG: RetryConfig = { ...RETRIES, attemptsMax: 1_000_000, floorPerSecond: 60, capMs: 1_000 };

/** A request that was refused for want of room. `say`: once, when it is time; `giveUp`: instead, when it is over. */
export type Refused = {
  readonly retryAfterMs: number;
  /** It has its turn then. */
  readonly hasTurn: boolean;
  /** When it was asked first; null: it is asked for ever. */
  readonly beganAtMs: number | null;
  readonly say: () => void;
  readonly giveUp: (afterMs: number) => void;
};

export class ComeAgain {
  readonly #clock: Clock;
  readonly #budget;
  readonly #timers = new Map<number, Timer>();
  readonly #soon = new Map<number, Timer>();
  /** How often each was refused. */
  readonly #attempts = new Map<number, number>();

  /** In: seed of the jitter. */
  constructor(clock: Clock, seed: number) {
    this.#clock = clock;
    this.#budget = createRetryBudget(CONFIG, seed);
  }

  /** A request is asked for the first time. */
  first(): void {
    countFirst(this.#budget, this.#clock.nowMs());
  }

  /** Whether that request waits for its time. */
  isWaiting(key: number): boolean {
    return this.#timers.has(key);
  }

  refused(key: number, refused: Refused): void {
    // It is no retry: it was taken, for a later time. No others come then, and whoever is late lets the turn go by.
    if (refused.hasTurn) return this.#later(key, refused.retryAfterMs, refused.say);
    const attempt = (this.#attempts.get(key) ?? 0) + 1;
    this.#attempts.set(key, attempt);
    this.#decide(key, attempt, refused);
  }

  /**
   * Nothing was decided, as while managers choose a leader: `say` soon, and the oftener it was, the later. It may be
   * said at any time before.
   */
  undecided(key: number, say: () => void): void {
    const attempt = this.#attempts.get(key) ?? 0;
    this.#attempts.set(key, attempt + 1);
    this.#soon.get(key)?.cancel();
    const delayMs = Math.min(UNDECIDED_MS_MAX, UNDECIDED_MS * 2 ** Math.min(attempt, 10));
    this.#soon.set(key, this.#clock.setTimer(delayMs, say));
  }

  /** It is answered, or asked no more. */
  forget(key: number): void {
    for (const timers of [this.#timers, this.#soon]) {
      timers.get(key)?.cancel();
      timers.delete(key);
    }
    this.#attempts.delete(key);
  }

  close(): void {
    for (const timers of [this.#timers, this.#soon]) {
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
    }
  }

  #decide(key: number, attempt: number, refused: Refused): void {
    const nowMs = this.#clock.nowMs();
    const { retryAfterMs, beganAtMs, say, giveUp } = refused;
    const deadlineMs = beganAtMs === null ? null : beganAtMs + PATIENCE_MS;
    const decision = retryOf(this.#budget, CONFIG, nowMs, { attempt, retryAfterMs, deadlineMs });
    if (decision.kind === "retry") return this.#later(key, decision.delayMs, say);
    if (decision.why === "budget")
      return this.#later(key, BROKE_MS, () => this.#decide(key, attempt, { ...refused, retryAfterMs: 0 }));
    giveUp(nowMs - (beganAtMs ?? nowMs));
  }

  #later(key: number, delayMs: number, run: () => void): void {
    this.#timers.get(key)?.cancel();
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(key);
      run();
    });
    this.#timers.set(key, timer);
  }
}
