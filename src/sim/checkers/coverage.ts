// A share's sealed attempts cover its schedule exactly once: all arrivals, all iterations, the whole time, none twice.

import type { Job, Share, Workflow } from "../../ledger/job.ts";
import { shareAccounting } from "../../ledger/accounting.ts";
import { dealt, iterationBlock } from "../../load/dealing.ts";
import { type Executor, type JobPlan, scheduleMs } from "../../load/plan.ts";
import { arrivalsTotal, curveOf, flatCurve } from "../../load/schedule.ts";
import { countedAt, type SimTarget } from "../target.ts";
import { Violation } from "./violation.ts";

/** Looks at a job that has ended. */
export function checkCoverage(job: Job, plan: JobPlan, target: SimTarget): void {
  for (const { name, executor } of plan.workflows) {
    const workflow = job.workflows.get(name);
    if (workflow === undefined) continue;
    for (const [at, share] of workflow.shares.entries()) {
      if (!isWhole(workflow, share, executor)) continue;
      const { what, done, wanted } = workOf(executor, { at, shares: workflow.shares.length, share }, target);
      const isCovered = what === "ms of schedule" ? done >= wanted - 1 : done === wanted;
      if (!isCovered)
        throw new Violation("coverage", `share ${at} of "${name}" of ${job.id}: ${done} ${what} of ${wanted}`);
    }
  }
}

/** It ran to its end: nobody stopped it, and its last attempt closed it before time was up. */
function isWhole(workflow: Workflow, { attempts }: Share, executor: Executor): boolean {
  const last = attempts.at(-1);
  if (last?.end?.kind !== "closed" || last.stopMode !== null || workflow.startAtMs === null || last.endAtMs === null)
    return false;
  const isTimed = executor.kind === "per-vu-iterations" || executor.kind === "shared-iterations";
  return !isTimed || last.endAtMs < workflow.startAtMs + workflow.spec.fromMs + scheduleMs(executor);
}

function workOf(
  executor: Executor,
  { at, shares, share }: { readonly at: number; readonly shares: number; readonly share: Share },
  target: SimTarget,
): { readonly what: string; readonly done: number; readonly wanted: number } {
  const { scheduled, completed } = shareAccounting(share);
  switch (executor.kind) {
    case "constant-arrival-rate":
    case "ramping-arrival-rate": {
      const curve =
        executor.kind === "constant-arrival-rate"
          ? flatCurve(executor.rate, executor.durationMs)
          : curveOf(executor.stages, executor.startRate);
      return {
        what: "arrivals",
        done: scheduled,
        wanted: dealt(arrivalsTotal(curve, executor.timeUnitMs), at, shares),
      };
    }
    case "per-vu-iterations":
      return { what: "iterations", done: completed, wanted: dealt(executor.vus, at, shares) * executor.iterations };
    case "shared-iterations": {
      const [from, to] = iterationBlock(executor.iterations, executor.vus, at, shares);
      return { what: "iterations", done: completed, wanted: to - from };
    }
    default: {
      const last = share.attempts.at(-1);
      const truth = last === undefined ? undefined : target.attempts.get(last.token);
      const resume = truth === undefined ? null : countedAt(truth, last?.seal?.seq ?? 0).resume;
      const done = resume?.kind === "elapsed" ? resume.elapsedMs : 0;
      return { what: "ms of schedule", done, wanted: scheduleMs(executor) };
    }
  }
}
