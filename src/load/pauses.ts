// Pauses of a job, in ms since its start: how much of a time they take. Pure questions; who pauses is the ledger's.

/** A stretch in which all schedules stood still. */
export type Pause = { readonly from: number; readonly to: number };

/** Ms of the time from `from` to `to` that are paused. The pauses are apart from one another. */
export function pausedWithin(pauses: readonly Pause[], from: number, to: number): number {
  return pauses.reduce((sum, pause) => sum + Math.max(0, Math.min(pause.to, to) - Math.max(pause.from, from)), 0);
}

/** True when some of that time is paused. */
export function isPausedWithin(pauses: readonly Pause[], from: number, to: number): boolean {
  return pauses.some((pause) => pause.from < to && pause.to > from);
}
