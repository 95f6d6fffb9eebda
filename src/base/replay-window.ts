// Which counters of a sender were heard already, in constant memory: a ring of bits behind the highest one. Source: RFC
// 6479. Counters may come in any order, each is good once; those too far behind are refused unseen.

import { assert } from "./assert.ts";

/** Counters behind the highest that are still told apart. */
export const REPLAY_WINDOW_COUNTERS = 1_024;
const BLOCK_BITS = 32;
/** One block more than the window, so that a block is cleared whole before it is used again. */
const BLOCKS = REPLAY_WINDOW_COUNTERS / BLOCK_BITS + 1;

export type ReplayWindow = {
  /** Whether the counter (1 or more) was not accepted before and is not too old to know. Changes nothing. */
  isFresh(counter: number): boolean;
  /** Marks a fresh counter as heard: only for what was found genuine. */
  accept(counter: number): void;
};

/** A window of a sender of whom nothing was heard. */
export function createReplayWindow(): ReplayWindow {
  const blocks = new Uint32Array(BLOCKS);
  let highest = 0;

  const isFresh = (counter: number): boolean => {
    if (!Number.isSafeInteger(counter) || counter < 1) return false;
    if (counter > highest) return true;
    if (highest - counter >= REPLAY_WINDOW_COUNTERS) return false;
    return ((blocks[blockOf(counter) % BLOCKS] ?? 0) & maskOf(counter)) === 0;
  };

  return {
    isFresh,
    accept(counter) {
      assert(isFresh(counter), "only a fresh counter is accepted");
      if (counter > highest) {
        const steps = Math.min(BLOCKS, blockOf(counter) - blockOf(highest));
        for (let step = 0; step < steps; step++) blocks[(blockOf(counter) - step) % BLOCKS] = 0;
        highest = counter;
      }
      const at = blockOf(counter) % BLOCKS;
      blocks[at] = (blocks[at] ?? 0) | maskOf(counter);
    },
  };
}

function blockOf(counter: number): number {
  return Math.floor(counter / BLOCK_BITS);
}

function maskOf(counter: number): number {
  return 1 << (counter % BLOCK_BITS);
}
