// Why a workflow that could start does not: what it waits for, in words for people. Placement decides (placement.ts);
// this only tells.

import type { Labels } from "../base/labels.ts";
import { type Job, type LedgerState, type Workflow, liveAttempt } from "./job.ts";
import { carries } from "./queue.ts";

/** Kinds of workers that are told of where none has what is asked for. */
const KINDS_TOLD_MAX = 4;

/** What a queued workflow waits for. isStuck: nobody who is there can ever run it. */
export type Wait = { readonly text: string; readonly isStuck: boolean };

/** Out: null for a workflow that is not queued. */
export function waitOf(state: LedgerState, job: Job, workflow: Workflow): Wait | null {
  if (workflow.state !== "queued") return null;
  if (state.workers.size === 0) return { text: "no worker is there", isStuck: true };
  const { requires } = workflow.spec;
  const fitting = [...state.workers].filter(([, { labels }]) => carries(labels, requires));
  const cores = fitting.reduce((sum, [, worker]) => sum + worker.cores, 0);
  if (cores === 0) return { text: `no worker has ${labelsText(requires)}${othersText(state)}`, isStuck: true };
  const names = new Set(fitting.map(([name]) => name));
  const jobs = new Set<Job>();
  let taken = 0;
  for (const other of state.roll.owned.values())
    for (const { worker } of placesOf(other)) {
      if (!names.has(worker)) continue;
      taken++;
      if (other !== job) jobs.add(other);
    }
  const others = `${jobs.size} other job${jobs.size === 1 ? "" : "s"}`;
  return { text: `${taken} of the ${cores} cores it may use are busy, with ${others}`, isStuck: false };
}

/** "region=eu, type=build". */
function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

/** What the workers carry instead. */
function othersText({ workers }: LedgerState): string {
  const kinds = new Set(Array.from(workers.values(), ({ labels }) => labelsText(labels)));
  kinds.delete("");
  if (kinds.size === 0) return "; those that are there have no labels";
  const told = [...kinds].slice(0, KINDS_TOLD_MAX).join("; or ");
  const more = kinds.size > KINDS_TOLD_MAX ? "; or others" : "";
  return ` (there is: ${told}${more})`;
}

/** Worker and core of each share that runs or is about to; a core counts once. */
function placesOf(job: Job): readonly { readonly worker: string }[] {
  const places = new Map<string, { readonly worker: string }>();
  for (const { shares } of job.workflows.values())
    for (const share of shares) {
      const place = liveAttempt(share) ?? share.place;
      if (place !== null) places.set(`${place.worker} ${place.core}`, place);
    }
  return [...places.values()];
}
