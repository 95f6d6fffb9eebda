// performance.now() without the stalls of a busy machine, and with leaps on demand. Not a test itself.

import { afterAll, beforeAll } from "bun:test";

/** What passes between two looks at the clock counts as no more than this. */
const STALL_MS = 15;
/** The clock is looked at so often, so that waiting for a timer is no stall. */
const LOOK_MS = 5;

/**
 * Replaces performance.now() for the tests of the file (or describe) this is called in. A process that gets no time of
 * a core then sees no time pass, so that a schedule of half a second has its iterations however busy the machine is.
 * Timers are the real ones. `leap`: lets that many ms pass at once.
 */
export function steadyClock(): { leap(ms: number): void } {
  const real = performance.now;
  const realNow = (): number => real.call(performance);
  let lastMs = realNow();
  let nowMs = lastMs;
  let look: ReturnType<typeof setInterval> | undefined;
  beforeAll(() => {
    lastMs = realNow();
    performance.now = () => {
      const atMs = realNow();
      nowMs += Math.min(atMs - lastMs, STALL_MS);
      lastMs = atMs;
      return nowMs;
    };
    look = setInterval(() => performance.now(), LOOK_MS);
  });
  afterAll(() => {
    clearInterval(look);
    performance.now = real;
  });
  return { leap: (ms) => void (nowMs += ms) };
}
