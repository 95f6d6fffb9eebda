// What a job of a cluster is at, in one word, and how many are at what. Words only; tables are status-lines.ts.

import type { JobLine } from "../node/status.ts";

/**
 * "2 running, 1 queued, 3 waiting, 4 finished", without what there is none of but runs and ends. queued: its owner
 * waits for cores. `waiting`: for an owner, as the status counts them: the jobs listed are the newest only.
 */
export function jobCountsText(jobs: readonly JobLine[], waiting = 0): string {
  const states = jobs.filter(({ state }) => state !== "finished").map(jobState);
  const queued = states.filter((state) => state === "queued").length;
  const running = states.filter((state) => state !== "queued" && state !== "waiting").length;
  return [
    `${running} running`,
    ...(queued === 0 ? [] : [`${queued} queued`]),
    ...(waiting === 0 ? [] : [`${waiting} waiting`]),
    `${jobs.length - states.length} finished`,
  ].join(", ");
}

/** One word: how it ended, or what it is at. */
export function jobState({ state, outcome, isPaused, owner, cores }: JobLine): string {
  if (state === "finished") return outcome ?? "finished";
  if (isPaused) return "paused";
  if (state === "closing") return "ending";
  if (owner === null) return "waiting";
  return cores === 0 ? "queued" : "running";
}
