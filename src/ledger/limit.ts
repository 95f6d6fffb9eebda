// The time limit of setup and teardown, and the time they are given on top when they show that they get somewhere.
// Grants shrink: 15, 7.5, 3.75, 1.875 and 1 s, and no more (29.1 s in all).

import type { EntryOf } from "./entries.ts";
import type { Job, Workflow } from "./job.ts";
import { refuse, type Turn } from "./turn.ts";

/** The first grant is half of this, each further one half of the one before it. */
const EXTENSION_BASE_MS = 30_000;
const EXTENSION_MS_MIN = 1_000;
/** Extensions an attempt may be granted. */
export const EXTENSIONS_MAX = 5;

/** Ms that extension number `granted` (0-based) adds. */
export function extensionMs(granted: number): number {
  return Math.max(EXTENSION_MS_MIN, EXTENSION_BASE_MS / 2 ** (granted + 1));
}

/** An attempt of a workflow with a limit starts at `startAtMs` (ledger time): it has the whole limit. */
export function armLimit(turn: Turn, job: Job, workflow: Workflow, startAtMs: number): void {
  const { timeoutMs } = workflow.spec;
  if (timeoutMs === null) return;
  workflow.limit = { atMs: startAtMs + timeoutMs, granted: 0, progress: 0 };
  tellLimit(turn, job, workflow, workflow.limit.atMs);
}

/** Grants more time to an attempt that shows progress. The caller has checked that the entry is of a live attempt. */
export function extend(turn: Turn, job: Job, workflow: Workflow, { progress }: EntryOf<"extend">): void {
  const { limit, spec } = workflow;
  if (limit === null || workflow.state !== "running")
    return refuse(turn, job.id, "illegal", `"${spec.name}" has no limit running`);
  if (limit.granted >= EXTENSIONS_MAX) {
    const message = `"${spec.name}" was given more time ${EXTENSIONS_MAX} times, as often as it may`;
    return refuse(turn, job.id, "limit", message);
  }
  if (progress <= limit.progress) {
    const message = `"${spec.name}" asks for more time and is no further: at ${progress}, before at ${limit.progress}`;
    return refuse(turn, job.id, "illegal", message);
  }
  limit.atMs += extensionMs(limit.granted);
  limit.granted++;
  limit.progress = progress;
  tellLimit(turn, job, workflow, limit.atMs);
  if (limit.granted === EXTENSIONS_MAX - 1)
    turn.effects.push({ kind: "warning", job: job.id, text: `"${spec.name}" may be given more time only once more` });
}

/** Has the timer of the limit set anew. */
export function tellLimit(turn: Turn, job: Job, workflow: Workflow, atMs: number): void {
  turn.effects.push({
    kind: "deadline",
    job: job.id,
    workflow: workflow.spec.name,
    inMs: Math.max(0, atMs - turn.state.nowMs),
  });
}

/** Words for the time that so many extensions gave. */
export function extended(granted: number): string {
  if (granted === 0) return "";
  let ms = 0;
  for (let at = 0; at < granted; at++) ms += extensionMs(at);
  return ` and the ${ms} ms it was given on top`;
}
