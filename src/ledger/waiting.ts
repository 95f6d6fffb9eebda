// Why a workflow that could start does not: what it waits for, in words for people. Placement decides (placement.ts);
// this only tells.

import { labelsText } from "../base/labels.ts";
import type { Job, LedgerState, Workflow } from "./job.ts";
import { coreRange, survey } from "./placement.ts";
import { carries } from "./queue.ts";

/** Kinds of workers that are told of where none has what is asked for. */
const KINDS_TOLD_MAX = 4;

/** What a queued workflow waits for. isStuck: nobody who is there can ever run it. */
export type Wait = { readonly text: string; readonly isStuck: boolean };

/** Out: null for a workflow that is not queued. */
export function waitOf(state: LedgerState, job: Job, workflow: Workflow): Wait | null {
  if (workflow.state !== "queued") return null;
  if (state.workers.size === 0) return { text: "no worker is there", isStuck: true };
  const { requires, priority, sharesMax } = workflow.spec;
  const fitting = survey(state).workers.filter(({ labels }) => carries(labels, requires));
  const cores = fitting.flatMap((worker) => worker.cores);
  if (cores.length === 0) return { text: `no worker has ${labelsText(requires)}${othersText(state)}`, isStuck: true };
  const busy = cores.flatMap((core) => core.job ?? []);
  const others = new Set(busy);
  others.delete(job);
  const jobs = `${others.size} other job${others.size === 1 ? "" : "s"}`;
  const text = `${busy.length} of the ${cores.length} cores it may use are busy, with ${jobs}`;
  const open = cores.filter((core) => core.job === null || core.job === job).length;
  if (open === 0) return { text, isStuck: false };
  // Some are free, and it does not get them: too few for its priority, or somebody else's.
  const { least } = coreRange(priority, cores.length);
  const needed = priority === "exclusive" ? least : Math.min(least, sharesMax);
  const why = open < needed ? `its priority, ${priority}, needs ${needed} at once` : "the others are kept for another";
  return { text: `${text}; ${why}`, isStuck: false };
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
