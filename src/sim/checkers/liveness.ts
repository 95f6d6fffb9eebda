// Progress, once a majority lives and hears each other: a leader, an answer to every submit, an end of every job, each
// within its time.

import { Violation } from "./violation.ts";

/** Longest time without a leader, and for the rest ms after the last fault. */
export const LEADERLESS_MS_MAX = 5_000;
export const ANSWERS_WITHIN_MS = 15_000;
export const ENDS_WITHIN_MS = 90_000;

/** What is still open so long after the last fault. */
export type Standing = {
  readonly sinceHealMs: number;
  readonly leaderlessMs: number;
  readonly unanswered: readonly string[];
  readonly unended: readonly string[];
};

/** Throws on the first thing that took too long. */
export function checkLiveness({ sinceHealMs, leaderlessMs, unanswered, unended }: Standing): void {
  const after = `${Math.round(sinceHealMs)} ms after the last fault`;
  if (leaderlessMs > LEADERLESS_MS_MAX)
    throw new Violation("liveness", `for ${leaderlessMs} ms there is no leader, ${after}`);
  if (unanswered.length > 0 && sinceHealMs > ANSWERS_WITHIN_MS)
    throw new Violation("liveness", `the submits of ${unanswered.join(", ")} have no answer ${after}`);
  if (unended.length > 0 && sinceHealMs > ENDS_WITHIN_MS)
    throw new Violation("liveness", `${unended.join(", ")} have not ended ${after}`);
}
