// Draws from a seeded stream in the forms that schedules of faults and jobs need.

import { assert } from "../base/assert.ts";
import { nextBelow, nextFloat, type Prng } from "../base/prng.ts";

/** True with this probability (0 to 1). */
export function happens(prng: Prng, probability: number): boolean {
  return nextFloat(prng) < probability;
}

/** A number from `from` (included) to `to` (excluded), evenly. */
export function between(prng: Prng, from: number, to: number): number {
  return from + nextFloat(prng) * (to - from);
}

/** A whole number from `from` to `to`, both included. */
export function wholeBetween(prng: Prng, from: number, to: number): number {
  return from + nextBelow(prng, to - from + 1);
}

/** One of them, evenly. In: at least one. */
export function oneOf<T>(prng: Prng, choices: readonly T[]): T {
  const chosen = choices[nextBelow(prng, choices.length)];
  assert(chosen !== undefined, "there is something to choose from");
  return chosen;
}

/** One of them by weight (0: never). In: at least one weight above 0. */
export function weighted<T extends string>(prng: Prng, weights: Readonly<Record<T, number>>, names: readonly T[]): T {
  const total = names.reduce((sum, name) => sum + weights[name], 0);
  assert(total > 0, "some weight is above 0");
  let left = nextFloat(prng) * total;
  for (const name of names) {
    left -= weights[name];
    if (left < 0) return name;
  }
  return oneOf(prng, names);
}
