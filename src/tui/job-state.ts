// What a job of a cluster is at, in one word, and how many are at what. Words only; tables are status-lines.ts.

import type { JobLine } from "../node/status.ts";

/** Jobs by what they are at; queued: its owner waits for cores. Those that wait for an owner are in none. */
export function jobCounts(jobs: readonly JobLine[]): {
  readonly running: number;
  readonly queued: number;
  readonly finished: number;
} {
  const finished = jobs.filter(({ state }) => state === "finished").length;
  const queued = jobs.filter((job) => jobState(job) === "queued").length;
  const waiting = jobs.filter((job) => jobState(job) === "waiting").length;
  return { running: jobs.length - finished - queued - waiting, queued, finished };
}

/** One word: how it ended, or what it is at. */
export function jobState({ state, outcome, isPaused, owner, cores }: JobLine): string {
  if (state === "finished") return outcome ?? "finished";
  if (isPaused) return "paused";
  if (state === "closing") return "ending";
  if (owner === null) return "waiting";
  return cores === 0 ? "queued" : "running";
}
