// The order that `after` puts workflows in: cycles, when each would run at the latest, and how many VUs may meet. For
// plans and their descriptions; the running of a job is ordered by ledger/ alone.

import { scheduleMs, vusMax } from "./plan.ts";
import type { WorkflowPlan } from "./plan.ts";

/** What of a workflow decides its place. */
export type Ordered = { readonly name: string; readonly after: readonly string[] };

/** The first cycle found, from a workflow back to itself ("a", "b", "a"), or null. Unknown names are no edges. */
export function findCycle(workflows: readonly Ordered[]): readonly string[] | null {
  const byName = new Map(workflows.map((workflow) => [workflow.name, workflow]));
  const ended = new Set<string>();
  for (const workflow of workflows) {
    const cycle = walk(workflow.name, { byName, ended, path: [] });
    if (cycle !== null) return cycle;
  }
  return null;
}

/** When a workflow is planned to run, in ms since setup ended, if every one before it takes all the time it may. */
export type PlannedTime = {
  /** Its schedule begins (startTime included) and ends. */
  readonly startMs: number;
  readonly endMs: number;
  /** Its last iteration has ended at the latest. */
  readonly stoppedMs: number;
};

/** Planned times by name. The workflows must have no cycle. */
export function plannedTimes(workflows: readonly WorkflowPlan[]): ReadonlyMap<string, PlannedTime> {
  const byName = new Map(workflows.map((workflow) => [workflow.name, workflow]));
  const times = new Map<string, PlannedTime>();
  const timeOf = (workflow: WorkflowPlan): PlannedTime => {
    const known = times.get(workflow.name);
    if (known !== undefined) return known;
    let startMs = 0;
    for (const name of workflow.after) {
      const before = byName.get(name);
      if (before !== undefined) startMs = Math.max(startMs, timeOf(before).stoppedMs);
    }
    startMs += workflow.startTimeMs;
    const endMs = startMs + scheduleMs(workflow.executor);
    const time = { startMs, endMs, stoppedMs: endMs + workflow.gracefulStopMs };
    times.set(workflow.name, time);
    return time;
  };
  for (const workflow of workflows) timeOf(workflow);
  return times;
}

/**
 * VUs there may be at one time, over all workflows: a bound that holds however soon a workflow ends. Workflows that
 * surely follow each other make a chain, and at most one of a chain runs at a time.
 */
export function vusAtOnceMax(workflows: readonly WorkflowPlan[]): number {
  const times = plannedTimes(workflows);
  const stoppedMs = (workflow: WorkflowPlan): number => times.get(workflow.name)?.stoppedMs ?? 0;
  const startMs = (workflow: WorkflowPlan): number => times.get(workflow.name)?.startMs ?? 0;
  const ancestors = ancestorsOf(workflows);
  // Where nothing comes before a workflow, its startTime is the earliest it can start.
  const isBefore = (one: WorkflowPlan, other: WorkflowPlan): boolean =>
    ancestors.get(other.name)?.has(one.name) === true || stoppedMs(one) <= other.startTimeMs;
  const chains: { last: WorkflowPlan; vus: number }[] = [];
  for (const workflow of [...workflows].sort((one, other) => startMs(one) - startMs(other))) {
    const chain = chains.find(({ last }) => isBefore(last, workflow));
    if (chain === undefined) {
      chains.push({ last: workflow, vus: vusMax(workflow.executor) });
    } else {
      chain.last = workflow;
      chain.vus = Math.max(chain.vus, vusMax(workflow.executor));
    }
  }
  return chains.reduce((sum, chain) => sum + chain.vus, 0);
}

/** Every workflow's `after`, and theirs, and so on. The workflows must have no cycle. */
function ancestorsOf(workflows: readonly Ordered[]): ReadonlyMap<string, ReadonlySet<string>> {
  const byName = new Map(workflows.map((workflow) => [workflow.name, workflow]));
  const known = new Map<string, Set<string>>();
  const of = (workflow: Ordered): Set<string> => {
    const found = known.get(workflow.name);
    if (found !== undefined) return found;
    const all = new Set<string>();
    for (const name of workflow.after) {
      all.add(name);
      const before = byName.get(name);
      if (before !== undefined) for (const ancestor of of(before)) all.add(ancestor);
    }
    known.set(workflow.name, all);
    return all;
  };
  for (const workflow of workflows) of(workflow);
  return known;
}

type Walk = { readonly byName: ReadonlyMap<string, Ordered>; readonly ended: Set<string>; readonly path: string[] };

/** Depth first; the path holds the workflows being walked. */
function walk(name: string, state: Walk): readonly string[] | null {
  const workflow = state.byName.get(name);
  if (workflow === undefined || state.ended.has(name)) return null;
  const at = state.path.indexOf(name);
  if (at >= 0) return [...state.path.slice(at), name];
  state.path.push(name);
  for (const before of workflow.after) {
    const cycle = walk(before, state);
    if (cycle !== null) return cycle;
  }
  state.path.pop();
  state.ended.add(name);
  return null;
}
