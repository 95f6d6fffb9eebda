// A plan in words and numbers, for `validate` and the banner of a start: pure text in k6's layout, and the planned
// curve of VUs and rate. Not the drawing of it (tui/, report/).

import { never } from "../base/assert.ts";
import { labelsText } from "../base/labels.ts";
import { formatDuration } from "../base/units.ts";
import { dealt, shareCount } from "./dealing.ts";
import { vusMax } from "./plan.ts";
import { curveOf, valueAt, vusAt } from "./schedule.ts";
import { plannedTimes, vusAtOnceMax } from "./workflow-order.ts";
import type { Executor, JobPlan, Stage, WorkflowPlan } from "./plan.ts";

/** What runs and how long at most: the first line, then one line a workflow. */
export function describePlan(plan: JobPlan): readonly string[] {
  const { workflows } = plan;
  const vus = vusAtOnceMax(workflows);
  const longest = `${formatDuration(longestMs(plan))} max duration (incl. graceful stop)`;
  return [
    `workflows: ${count(workflows.length, "workflow")}, ${vus} max VU${vus === 1 ? "" : "s"}, ${longest}:`,
    ...workflows.map((workflow) => `* ${workflow.name}: ${describeWorkflow(workflow)}`),
  ];
}

/** Longest the workflows may take, in ms, along the longest path of the DAG; setup and teardown apart. */
export function longestMs(plan: JobPlan): number {
  return Math.max(0, ...[...plannedTimes(plan.workflows).values()].map((time) => time.stoppedMs));
}

/** One workflow: "50 looping VUs for 1m0s (gracefulStop: 30s)". */
export function describeWorkflow(workflow: WorkflowPlan): string {
  const { executor, run, after, startTimeMs, gracefulStopMs, minIterationDurationMs } = workflow;
  const facts = [...factsOf(executor)];
  if (run.kind === "export" && run.name !== "default") facts.push(`exec: ${run.name}`);
  if (after.length > 0) facts.push(`after: ${after.join(", ")}`);
  if (workflow.requires !== undefined) facts.push(`requires: ${labelsText(workflow.requires)}`);
  if (workflow.prefers !== undefined) facts.push(`prefers: ${labelsText(workflow.prefers)}`);
  if (startTimeMs > 0) facts.push(`startTime: ${formatDuration(startTimeMs)}`);
  if (minIterationDurationMs > 0) facts.push(`minIterationDuration: ${formatDuration(minIterationDurationMs)}`);
  if (gracefulStopMs > 0) facts.push(`gracefulStop: ${formatDuration(gracefulStopMs)}`);
  return facts.length === 0 ? describeExecutor(executor) : `${describeExecutor(executor)} (${facts.join(", ")})`;
}

/** An executor in k6's words, without limits: "200.00 iterations/s for 30s". */
export function describeExecutor(executor: Executor): string {
  switch (executor.kind) {
    case "shared-iterations":
      return `${count(executor.iterations, "iteration")} shared among ${count(executor.vus, "VU")}`;
    case "per-vu-iterations":
      return `${count(executor.iterations, "iteration")} for each of ${count(executor.vus, "VU")}`;
    case "constant-vus":
      return `${count(executor.vus, "looping VU")} for ${formatDuration(executor.durationMs)}`;
    case "ramping-vus":
      return `Up to ${count(vusMax(executor), "looping VU")} for ${overStages(executor.stages)}`;
    case "constant-arrival-rate":
      return `${rateText(executor.rate, executor.timeUnitMs)} for ${formatDuration(executor.durationMs)}`;
    case "ramping-arrival-rate": {
      const peak = executor.stages.reduce((most, stage) => Math.max(most, stage.target), executor.startRate);
      return `Up to ${rateText(peak, executor.timeUnitMs)} for ${overStages(executor.stages)}`;
    }
    case "externally-controlled": {
      const vus = `${count(executor.vus, "VU")}, ${executor.maxVus} max`;
      return `Externally controlled execution with ${vus}, for ${formatDuration(executor.durationMs)}`;
    }
    default:
      return never(executor);
  }
}

/** How a workflow is cut for so many cores: "2 shares of 12 to 13 VUs". */
export function describeShares(workflow: WorkflowPlan, cores: number): string {
  const shares = shareCount(workflow.executor, cores);
  const vus = vusMax(workflow.executor);
  const most = dealt(vus, 0, shares);
  const least = dealt(vus, shares - 1, shares);
  return `${count(shares, "share")} of ${most === least ? count(most, "VU") : `${least} to ${count(most, "VU")}`}`;
}

/** Planned load in one slice of time: at its middle, in ms since setup ended. Rate in iterations per second. */
export type CurvePoint = { readonly atMs: number; readonly vus: number; readonly rate: number };

/**
 * The planned curve in `points` equal slices, summed over workflows, each starting when those before it have used all
 * the time they may. Open executors count the VUs made before the start; closed ones have no rate of their own (0).
 */
export function curve(plan: JobPlan, points: number): readonly CurvePoint[] {
  const times = plannedTimes(plan.workflows);
  const endMs = Math.max(0, ...[...times.values()].map((time) => time.endMs));
  return Array.from({ length: points }, (_, slice) => {
    const atMs = ((slice + 0.5) * endMs) / points;
    let vus = 0;
    let rate = 0;
    for (const { name, executor } of plan.workflows) {
      const time = times.get(name);
      if (time === undefined || atMs < time.startMs || atMs >= time.endMs) continue;
      const load = loadAt(executor, atMs - time.startMs);
      vus += load.vus;
      rate += load.rate;
    }
    return { atMs, vus, rate };
  });
}

function loadAt(executor: Executor, elapsedMs: number): { readonly vus: number; readonly rate: number } {
  switch (executor.kind) {
    case "ramping-vus":
      return { vus: vusAt(curveOf(executor.stages, executor.startVus), elapsedMs), rate: 0 };
    case "constant-arrival-rate":
      return { vus: executor.preAllocatedVus, rate: (executor.rate * 1_000) / executor.timeUnitMs };
    case "ramping-arrival-rate": {
      const rate = valueAt(curveOf(executor.stages, executor.startRate), elapsedMs);
      return { vus: executor.preAllocatedVus, rate: (rate * 1_000) / executor.timeUnitMs };
    }
    default:
      return { vus: executor.vus, rate: 0 };
  }
}

function factsOf(executor: Executor): readonly string[] {
  switch (executor.kind) {
    case "shared-iterations":
    case "per-vu-iterations":
      return [`maxDuration: ${formatDuration(executor.maxDurationMs)}`];
    case "ramping-vus":
      return [`gracefulRampDown: ${formatDuration(executor.gracefulRampDownMs)}`];
    case "constant-arrival-rate":
    case "ramping-arrival-rate": {
      const { preAllocatedVus, maxVus, onLate } = executor;
      const vus = `maxVUs: ${preAllocatedVus === maxVus ? maxVus : `${preAllocatedVus}-${maxVus}`}`;
      return onLate === "queue" ? [vus, "onLate: queue"] : [vus];
    }
    default:
      return [];
  }
}

function overStages(stages: readonly Stage[]): string {
  const totalMs = stages.reduce((sum, stage) => sum + stage.durationMs, 0);
  return `${formatDuration(totalMs)} over ${count(stages.length, "stage")}`;
}

/** Always per second, as in k6. */
function rateText(rate: number, timeUnitMs: number): string {
  return `${((rate * 1_000) / timeUnitMs).toFixed(2)} iterations/s`;
}

function count(value: number, name: string): string {
  return `${value} ${name}${value === 1 ? "" : "s"}`;
}
