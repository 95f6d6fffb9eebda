// The real clock.

import type { Clock } from "./world.ts";

/** Longest wait setTimeout takes; longer ones are set again. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** This process's clock. */
export function createClock(): Clock {
  return {
    nowMs: () => performance.now(),
    epochMs: () => performance.timeOrigin + performance.now(),
    setTimer: (delayMs, run) => {
      let handle = arm(delayMs);
      function arm(leftMs: number): ReturnType<typeof setTimeout> {
        if (leftMs <= TIMEOUT_MS_MAX) return setTimeout(run, Math.max(0, leftMs));
        return setTimeout(() => {
          handle = arm(leftMs - TIMEOUT_MS_MAX);
        }, TIMEOUT_MS_MAX);
      }
      return { cancel: () => clearTimeout(handle) };
    },
  };
}
