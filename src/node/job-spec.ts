// What the job machine and the engine each need of a plan: workflows for the ledger, share specs for the cores. Setup
// and teardown become workflows of one share here and nowhere else.

import { type JobSpec, SHARES_MAX } from "../ledger/entries.ts";
import { shareCount, vuBases, vusBeyond } from "../load/dealing.ts";
import { type JobPlan, scaleMax, SETUP, scheduleMs, TEARDOWN, vusMax, type WorkflowPlan } from "../load/plan.ts";
import type { ShareSpec } from "../load/share.ts";

/** The plan as the ledger's submit entry carries it. `retries`: failed attempts that may be redone. */
export function jobSpecOf(plan: JobPlan, retries: number): JobSpec {
  return {
    retries,
    workflows: allWorkflows(plan).map(({ role, timeoutMs, workflow }) => ({
      name: workflow.name,
      role,
      after: [...workflow.after],
      priority: workflow.priority,
      sharesMax: shareCount(workflow.executor, SHARES_MAX),
      fromMs: workflow.startTimeMs,
      toMs: workflow.startTimeMs + scheduleMs(workflow.executor) + workflow.gracefulStopMs,
      timeoutMs,
      vus: vusMax(workflow.executor),
      requires: workflow.requires ?? {},
      prefers: workflow.prefers ?? {},
      executor: workflow.executor.kind,
      scaleMax: role === "user" ? scaleMax(workflow.executor) : null,
      pool: null,
    })),
  };
}

/** The workflow of that name, setup and teardown among them. Out: null when the plan has none. */
export function workflowPlanOf(plan: JobPlan, name: string): WorkflowPlan | null {
  return allWorkflows(plan).find(({ workflow }) => workflow.name === name)?.workflow ?? null;
}

/** One share of a workflow as its core gets it. `resume` null: from the beginning. */
export function shareSpecOf(
  plan: JobPlan,
  name: string,
  place: Pick<Required<ShareSpec>, "share" | "shares" | "resume" | "feedStripe">,
): ShareSpec | null {
  const workflow = workflowPlanOf(plan, name);
  if (workflow === null) return null;
  const at = plan.workflows.indexOf(workflow);
  const bases = vuBases(plan.workflows);
  const used = plan.workflows.reduce((sum, { executor }) => sum + vusMax(executor), 0);
  return {
    workflow: name,
    share: place.share,
    shares: place.shares,
    executor: workflow.executor,
    // Setup and teardown have a VU of their own, behind those of the load.
    vuBase: bases[at] ?? (name === SETUP ? used : used + 1),
    vusBeyond: vusBeyond(plan.workflows, name),
    startTimeMs: workflow.startTimeMs,
    gracefulStopMs: workflow.gracefulStopMs,
    minIterationDurationMs: workflow.minIterationDurationMs,
    resume: place.resume,
    feedStripe: place.feedStripe,
  };
}

type Planned = {
  readonly role: "setup" | "user" | "teardown";
  readonly timeoutMs: number | null;
  readonly workflow: WorkflowPlan;
};

function allWorkflows(plan: JobPlan): Planned[] {
  const planned: Planned[] = plan.workflows.map((workflow) => ({ role: "user", timeoutMs: null, workflow }));
  if (plan.setup !== null)
    planned.push({ role: "setup", timeoutMs: plan.setup.timeoutMs, workflow: oneShot(SETUP, plan.setup.timeoutMs) });
  if (plan.teardown !== null)
    planned.push({
      role: "teardown",
      timeoutMs: plan.teardown.timeoutMs,
      workflow: oneShot(TEARDOWN, plan.teardown.timeoutMs),
    });
  return planned;
}

/** The job's own limit ends it (ledger `timeout`); the schedule's is a little longer, so that only one of them does. */
function oneShot(name: string, timeoutMs: number): WorkflowPlan {
  return {
    name,
    after: [],
    run: { kind: "workflow", name },
    executor: { kind: "per-vu-iterations", vus: 1, iterations: 1, maxDurationMs: timeoutMs + 10_000 },
    startTimeMs: 0,
    gracefulStopMs: 0,
    minIterationDurationMs: 0,
    env: {},
    // k6's group of what they measure.
    tags: { group: name },
    priority: "auto",
  };
}
