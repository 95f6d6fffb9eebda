// The live state of a job for its client, made up to ten times a second from what its owner holds. Pure.

import { addAccounting, NO_ACCOUNTING, workflowAccounting } from "../../ledger/accounting.ts";
import { type Job, type Workflow, workflowOf } from "../../ledger/job.ts";
import type { Wait } from "../../ledger/waiting.ts";
import { cellValue } from "../../load/histogram.ts";
import { select } from "../../load/merge.ts";
import { pausedWithin } from "../../load/pauses.ts";
import { type Executor, scheduleMs, vusMax, type WorkflowPlan } from "../../load/plan.ts";
import { isSaturated, type JobView, type LatencyView, type WorkflowView } from "../../load/result.ts";
import type { Cells, Series, TrendCells } from "../../load/series.ts";
import { windowedOutcomes } from "../../load/thresholds.ts";
import { statOf } from "../../load/values.ts";
import { allSeries, type Latencies, pausesOf, type Run, type RunAttempt } from "./run.ts";

const BINS = 12;

/** What workflows wait for, by name. */
export type Waits = ReadonlyMap<string, Wait>;

const NO_WAITS: Waits = new Map();

/** The view at `elapsedMs` of job time. */
export function jobView(run: Run, job: Job, elapsedMs: number, waits: Waits = NO_WAITS): JobView {
  const series = allSeries(run);
  const now = run.lastSecond?.series ?? [];
  const checks = rateOf(select(series, "checks", {}));
  const failed = rateOf(select(series, "http_req_failed", {}));
  const latencies = latenciesOf(run, series);
  const live = liveOf(run, job);
  return {
    id: job.id,
    name: run.plan.name,
    state: stateOf(job),
    elapsedMs,
    workflows: run.plan.workflows.flatMap((plan) => {
      const workflow = job.workflows.get(plan.name);
      if (workflow === undefined) return [];
      return [{ ...workflowView(run, job, workflow, plan, elapsedMs), waitsFor: waits.get(plan.name)?.text ?? null }];
    }),
    requests: countOf(series, "http_reqs"),
    requestsPerSecond: countOf(now, "http_reqs"),
    iterationsPerSecond: countOf(now, "iterations"),
    failedRatio: failed.total === 0 ? 0 : failed.passes / failed.total,
    checks: { passes: checks.passes, fails: checks.total - checks.passes },
    bytesReceivedPerSecond: countOf(now, "data_received"),
    bytesSentPerSecond: countOf(now, "data_sent"),
    ...latencies,
    cores: live.map(({ cpu, held }) => ({ cpu, loopLagMs: held?.cut.generator.loopLagMsP99 ?? 0 })),
    isSaturated: live.some(({ held }) => held !== null && isSaturated(held.cut.generator)),
    thresholds: thresholdsOf(run),
  };
}

/** Trends come with whole seconds and are what a view costs: they are looked at once a second. */
function latenciesOf(run: Run, series: readonly Series[]): Latencies {
  const { lastSecond } = run;
  if (run.latencies === null || run.latencies.of !== lastSecond) {
    const duration = trendOf(select(series, "http_req_duration", {}));
    const value = {
      latencyNow: latency(trendOf(select(lastSecond?.series ?? [], "http_req_duration", {}))),
      latencyAll: latency(duration),
      histogram: bins(duration),
    };
    run.latencies = { of: lastSecond, value };
  }
  return run.latencies.value;
}

/** What is known of each threshold so far, in the order of the plan. */
function thresholdsOf(run: Run): JobView["thresholds"] {
  const known = [...run.latched.values(), ...run.outcomes, ...windowedOutcomes(run.windowed)];
  return run.plan.thresholds.flatMap(
    ({ metricKey, expression }) =>
      known.find((one) => one.metricKey === metricKey && one.expression === expression) ?? [],
  );
}

function stateOf(job: Job): JobView["state"] {
  if (job.phase !== "open") return "ended";
  const begun = (workflow: Workflow | null): boolean =>
    workflow !== null && workflow.startAtMs !== null && workflow.endAtMs === null;
  if (begun(workflowOf(job, "setup"))) return "setup";
  const teardown = workflowOf(job, "teardown");
  if (teardown !== null && teardown.state !== "waiting" && teardown.state !== "skipped") return "teardown";
  // Before the load, too: it does not begin.
  if (job.isPaused) return "paused";
  const hasStarted = [...job.workflows.values()].some(
    ({ spec, startAtMs }) => spec.role === "user" && startAtMs !== null,
  );
  return hasStarted ? "running" : "preparing";
}

function workflowView(
  run: Run,
  job: Job,
  workflow: Workflow,
  plan: WorkflowPlan,
  elapsedMs: number,
): Omit<WorkflowView, "waitsFor"> {
  const attempts = [...run.attempts.values()].filter(({ id }) => id.workflow === plan.name);
  // Sealed attempts by the ledger, live ones by what is held: together every attempt once.
  const accounting = attempts.reduce(
    (total, { held, isSealing }) =>
      held === null || (isSealing && isSealed(workflow, held.cut.attempt.token))
        ? total
        : addAccounting(total, held.cut.accounting),
    workflow.shares.length === 0 ? NO_ACCOUNTING : workflowAccounting(workflow),
  );
  const beganMs =
    workflow.startAtMs === null || job.originMs === null ? null : workflow.startAtMs - job.originMs + plan.startTimeMs;
  const endedMs = workflow.endAtMs === null || job.originMs === null ? elapsedMs : workflow.endAtMs - job.originMs;
  const untilMs = Math.min(elapsedMs, endedMs);
  const pausedMs = beganMs === null ? 0 : pausedWithin(pausesOf(job, elapsedMs), beganMs, untilMs);
  return {
    name: plan.name,
    state: workflowState(workflow),
    executor: plan.executor.kind,
    vus: attempts.reduce((total, { held, isSealing }) => total + (isSealing ? 0 : (held?.cut.vus ?? 0)), 0),
    vusMax: workflow.scaledVus ?? vusMax(plan.executor),
    elapsedMs: beganMs === null ? 0 : Math.max(0, untilMs - beganMs - pausedMs),
    totalMs: scheduleMs(plan.executor),
    completed: accounting.completed,
    interrupted: accounting.interrupted,
    dropped: accounting.dropped,
    iterationsTotal: iterationsOf(plan.executor),
  };
}

function isSealed(workflow: Workflow, token: number): boolean {
  return workflow.shares.some(({ attempts }) =>
    attempts.some((attempt) => attempt.token === token && attempt.seal !== null),
  );
}

function workflowState(workflow: Workflow): WorkflowView["state"] {
  switch (workflow.state) {
    case "waiting":
    case "queued":
      return "waiting";
    case "cancelled":
      return "ended";
    case "running":
      return workflow.shares.some(({ attempts }) => attempts.at(-1)?.state === "stopping") ? "stopping" : "running";
    default:
      return workflow.state;
  }
}

function iterationsOf(executor: Executor): number | null {
  if (executor.kind === "shared-iterations") return executor.iterations;
  return executor.kind === "per-vu-iterations" ? executor.iterations * executor.vus : null;
}

/** The attempt now or last on each core, in the order of cores. */
function liveOf(run: Run, job: Job): RunAttempt[] {
  const byCore = new Map<string, RunAttempt>();
  for (const attempt of run.attempts.values()) {
    if (job.workflows.get(attempt.id.workflow)?.spec.role === "user" && attempt.held !== null)
      byCore.set(`${attempt.worker} ${attempt.core}`, attempt);
  }
  return [...byCore.values()].sort((a, b) => (a.worker < b.worker ? -1 : a.worker > b.worker ? 1 : a.core - b.core));
}

function countOf(series: readonly Series[], metric: string): number {
  const cells = select(series, metric, {});
  return cells?.type === "counter" ? cells.sum : 0;
}

function rateOf(cells: Cells | null): { readonly passes: number; readonly total: number } {
  return cells?.type === "rate" ? cells : { passes: 0, total: 0 };
}

function trendOf(cells: Cells | null): TrendCells | null {
  return cells?.type === "trend" ? cells : null;
}

function latency(cells: TrendCells | null): LatencyView {
  const stat = (name: string): number => (cells === null ? 0 : (statOf(cells, name, 0) ?? 0));
  return {
    avg: stat("avg"),
    p50: stat("med"),
    p90: stat("p(90)"),
    p95: stat("p(95)"),
    p99: stat("p(99)"),
    max: stat("max"),
  };
}

/** Bins of equal ratio between the smallest and the largest value. */
function bins(cells: TrendCells | null): JobView["histogram"] {
  if (cells === null || cells.count === 0) return [];
  const from = Math.max(cells.min, 0.001);
  const to = Math.max(cells.max, from * 1.01);
  const ratio = Math.log(to / from) / BINS;
  const found = Array.from({ length: BINS }, (_, at) => ({
    fromMs: from * Math.exp(ratio * at),
    toMs: from * Math.exp(ratio * (at + 1)),
    count: 0,
  }));
  for (const [at, index] of cells.index.entries()) {
    const value = cellValue(index);
    const bin = found[Math.max(0, Math.min(BINS - 1, value <= from ? 0 : Math.floor(Math.log(value / from) / ratio)))];
    if (bin !== undefined) bin.count += cells.counts[at] ?? 0;
  }
  return found;
}
