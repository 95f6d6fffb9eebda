// The clock of one share's schedule: it runs from the workflow's agreed start, stands still in pauses, and goes on
// where it stood. A record that these functions change; instants are the caller's clock in ms. Not the schedule.

import type { Steering } from "./share.ts";

/** Only the functions of this file write it. */
export type ScheduleClock = {
  /** Where schedule 0 would be without any pause. */
  readonly startMs: number;
  /** Where it is: pauses that are over have put it off. */
  zeroMs: number;
  isPaused: boolean;
  /** Since when it stands still; nothing while it runs. */
  pausedAtMs: number;
};

/** A clock that begins at `startMs` (past or future), and is steered as its workflow is by now. */
export function createScheduleClock(startMs: number, steering: Steering, nowMs: number): ScheduleClock {
  const clock = { startMs, zeroMs: startMs + steering.pausedMs, isPaused: false, pausedAtMs: 0 };
  if (steering.isPaused) steer(clock, steering, nowMs);
  return clock;
}

/** Ms of schedule at an instant, below 0 before it begins. */
export function scheduleAt(clock: ScheduleClock, nowMs: number): number {
  return (clock.isPaused ? clock.pausedAtMs : nowMs) - clock.zeroMs;
}

/**
 * Takes in what is asked now; said again it changes nothing. After a pause the schedule goes on where it stood here, or
 * where it stands for all when that is earlier: who heard of the pause late waits for the others. It never leaps ahead,
 * so that no arrival is late because of a pause.
 */
export function steer(clock: ScheduleClock, { isPaused, pausedMs }: Steering, nowMs: number): void {
  if (isPaused) {
    if (!clock.isPaused) clock.pausedAtMs = nowMs;
    clock.isPaused = true;
    return;
  }
  const agreed = nowMs - clock.startMs - pausedMs;
  clock.zeroMs = nowMs - Math.min(scheduleAt(clock, nowMs), agreed);
  clock.isPaused = false;
}
