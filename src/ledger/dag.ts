// Order of a job's workflows: which may start, which values they see, and whether a plan has an order at all.
// setup comes before all, teardown after all; their special endings are decided in apply.ts.

import type { JobSpec } from "./entries.ts";
import { isOver, type Job, type Workflow } from "./job.ts";

/** What is wrong with the order asked for, naming the workflows. Out: null when it can be run. */
export function orderProblem(spec: JobSpec): string | null {
  const after = new Map<string, readonly string[]>();
  for (const workflow of spec.workflows) {
    if (after.has(workflow.name)) return `two workflows are named "${workflow.name}"`;
    after.set(workflow.name, workflow.after);
  }
  for (const role of ["setup", "teardown"] as const) {
    if (spec.workflows.filter((workflow) => workflow.role === role).length > 1) return `more than one ${role}`;
  }
  if (!spec.workflows.some((workflow) => workflow.role === "user")) return "no workflow to run";
  for (const workflow of spec.workflows) {
    const unknown = workflow.after.find((before) => !after.has(before));
    if (unknown !== undefined) return `workflow "${workflow.name}" comes after "${unknown}", which does not exist`;
  }
  return cycleProblem(after);
}

/** Removes what has nothing before it until nothing changes: whatever is left goes in circles. */
function cycleProblem(after: ReadonlyMap<string, readonly string[]>): string | null {
  const left = new Map(after);
  for (let isMoving = true; isMoving;) {
    isMoving = false;
    for (const [name, before] of left) {
      if (before.some((other) => left.has(other))) continue;
      left.delete(name);
      isMoving = true;
    }
  }
  return left.size === 0 ? null : `workflows wait for each other: ${[...left.keys()].join(", ")}`;
}

/** True when everything the workflow waits for has ended (setup and teardown: apply.ts asks these itself). */
export function isStartable(job: Job, workflow: Workflow): boolean {
  if (workflow.state !== "waiting") return false;
  return workflow.spec.after.every((before) => {
    const other = job.workflows.get(before);
    return other !== undefined && isOver(other);
  });
}

/**
 * What the workflow sees in its context: JSON text by key, of setup and of every workflow before it, near or far.
 * Where two of them gave the same key the later in the order wins; plan order among equals.
 */
export function contextOf(job: Job, workflow: Workflow): Record<string, string> {
  if ([...job.workflows.values()].every(({ provided }) => provided.size === 0)) return {};
  const before = workflow.spec.role === "teardown" ? new Set(job.workflows.keys()) : ancestors(job, workflow);
  const depths = depthsOf(job);
  const byDepth = [...job.workflows.values()]
    .filter(({ spec }) => spec.role === "setup" || before.has(spec.name))
    .sort((a, b) => (depths.get(a.spec.name) ?? 0) - (depths.get(b.spec.name) ?? 0));
  const context = new Map<string, string>();
  for (const { provided } of byDepth) for (const [key, { json }] of provided) context.set(key, json);
  return Object.fromEntries(context);
}

function ancestors(job: Job, workflow: Workflow): Set<string> {
  const found = new Set<string>();
  const open = [...workflow.spec.after];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    open.push(...(job.workflows.get(name)?.spec.after ?? []));
  }
  return found;
}

/** Longest way from a root, by name; setup is at -1. */
function depthsOf(job: Job): Map<string, number> {
  const depths = new Map<string, number>();
  const depthOf = (name: string): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    const spec = job.workflows.get(name)?.spec;
    const depth =
      spec === undefined || spec.role === "setup"
        ? -1
        : spec.after.reduce((most, before) => Math.max(most, depthOf(before) + 1), 0);
    depths.set(name, depth);
    return depth;
  };
  for (const name of job.workflows.keys()) depthOf(name);
  return depths;
}
