// The final result of a job: merged from sealed snapshots only, with everything a person has to know about how far to
// trust it. Pure; report/ lays it out.

import { formatDuration } from "../../base/units.ts";
import { sealedAttempts, workflowAccounting } from "../../ledger/accounting.ts";
import type { Ending, Job, Workflow } from "../../ledger/job.ts";
import { heldSeries, sumSeries } from "../../load/merge.ts";
import { pausedWithin } from "../../load/pauses.ts";
import type { JobPlan } from "../../load/plan.ts";
import type { CoreResult, JobResult, ThresholdOutcome, WorkflowResult } from "../../load/result.ts";
import type { Series } from "../../load/series.ts";
import { finalOutcomes, windowedOutcomes } from "../../load/thresholds.ts";
import { resultWarnings } from "./result-warnings.ts";
import { loadStartMs, notesOf, pausesOf, type Run, type RunAttempt, startSkewMsMax, vuGauges, vusOf } from "./run.ts";
import { unreportedMax } from "./unreported.ts";

/** Errors told apart in the result. */
const ERRORS_MAX = 100;
/**
 * Outcomes of all thresholds on sealed data, and of those that failed while the job ran. In: the job's end in ms of job
 * time.
 */
export function finalThresholds(run: Run, job: Job, endMs: number): readonly ThresholdOutcome[] {
  const all = [...job.workflows.values()].map((workflow) => sealedSeries(run, workflow));
  const from = loadStartMs(job);
  const to = loadEndMs(run, job, endMs);
  const seconds = from === null ? 0 : Math.max(0, to - from - pausedWithin(pausesOf(job, endMs), from, to)) / 1_000;
  const judged = [
    ...windowedOutcomes(run.windowed).filter((outcome) => !run.latched.has(keyOf(outcome))),
    ...run.latched.values(),
  ];
  return finalOutcomes(run.plan.thresholds, [...sumSeries(all), ...vuGauges(run)], seconds, judged);
}

/** How the job ends once `thresholdsFailed` of them are judged to have: what `finish` commits (ledger/apply.ts). */
export function outcomeOf(job: Job, thresholdsFailed: number): Ending {
  if (job.ending !== null) return job.ending;
  const hasFailed = thresholdsFailed > 0 || job.verdicts.size > 0;
  return {
    state: "completed",
    errorCode: hasFailed ? "thresholds" : null,
    reason: hasFailed ? "thresholds failed" : "",
  };
}

/** The result of a finished job. In: what the ledger and its owner know of it, and its end in ms of job time. */
export function buildResult(
  run: Run,
  job: Job,
  ending: { readonly outcome: Ending; readonly endMs: number; readonly thresholds: readonly ThresholdOutcome[] },
): JobResult {
  const { outcome, endMs, thresholds } = ending;
  const ordered = [
    ...run.plan.workflows.map(({ name }) => name),
    ...[...job.workflows.keys()].filter((name) => name.startsWith("::")),
  ];
  const workflows = ordered.flatMap((name) => {
    const workflow = job.workflows.get(name);
    return workflow === undefined || (workflow.spec.role !== "user" && workflow.startAtMs === null)
      ? []
      : [workflowResult(run, job, workflow, endMs)];
  });
  const cores = coreResults(run, job);
  const [vus, skewMs] = [vusOf(run), startSkewMsMax(run)];
  return {
    id: job.id,
    state: outcome.state,
    reason: outcome.reason,
    errorCode: outcome.errorCode,
    startedAtEpochMs: run.startedAtEpochMs,
    durationMs: endMs,
    plan: withoutSecrets(run.plan),
    workflows,
    thresholds,
    late: notesOf(run).late,
    reruns: job.reruns,
    unreportedMax: unreportedMax(run),
    disturbed: run.disturbed,
    pauses: pausesOf(job, endMs),
    cores,
    loopLagMsP99: loadCuts(run, job).reduce(
      (most, { held }) => Math.max(most, held?.cut.generator.loopLagMsP99 ?? 0),
      0,
    ),
    ...(vus === null ? {} : { vus }),
    ...(skewMs === null ? {} : { startSkewMsMax: skewMs }),
    warnings: [...run.warnings, ...resultWarnings(run.plan.thresholds, workflows, notesOf(run).late)],
    errors: errorsOf(run),
  };
}

function workflowResult(run: Run, job: Job, workflow: Workflow, endMs: number): WorkflowResult {
  const accounting = workflowAccounting(workflow);
  const { startAtMs, spec, state } = workflow;
  const series = sealedSeries(run, workflow);
  const stateShown = state === "ended" ? "completed" : state === "failed" || state === "cancelled" ? state : "skipped";
  if (startAtMs === null || job.originMs === null)
    return { name: spec.name, state: stateShown, fromMs: 0, toMs: 0, series, accounting };
  const offsetMs = startAtMs - job.originMs;
  const toMs = offsetMs + Math.max(0, ...cutsOf(run, workflow).map(({ held }) => held?.cut.elapsedMs ?? 0));
  return {
    name: spec.name,
    state: stateShown,
    fromMs: Math.min(offsetMs + spec.fromMs, toMs),
    toMs: Math.min(toMs, Math.max(endMs, 0)),
    series,
    accounting,
  };
}

/** Sum over the workflow's sealed attempts, by ascending share. */
function sealedSeries(run: Run, workflow: Workflow): Series[] {
  return sumSeries(cutsOf(run, workflow).map(({ held }) => (held === null ? [] : heldSeries(held))));
}

/** What the owner holds of the attempts that the ledger has sealed. */
function cutsOf(run: Run, workflow: Workflow): RunAttempt[] {
  return sealedAttempts(workflow).flatMap(({ token }) => run.attempts.get(token) ?? []);
}

/** Those of user workflows: how the generator fared is told of the load, not of setup and teardown. */
function loadCuts(run: Run, job: Job): RunAttempt[] {
  return [...job.workflows.values()].flatMap((workflow) =>
    workflow.spec.role === "user" ? cutsOf(run, workflow) : [],
  );
}

/** When the last user workflow stopped measuring, in ms of job time. */
function loadEndMs(run: Run, job: Job, endMs: number): number {
  const users = [...job.workflows.values()].filter(({ spec, startAtMs }) => spec.role === "user" && startAtMs !== null);
  return users.reduce((latest, workflow) => Math.max(latest, workflowResult(run, job, workflow, endMs).toMs), 0);
}

function coreResults(run: Run, job: Job): CoreResult[] {
  const cores = new Map<
    string,
    { node: string; core: number; seconds: number; saturatedSeconds: number; cpuSeconds: number; loopLagMsMax: number }
  >();
  for (const { worker, core, held } of loadCuts(run, job)) {
    if (held === null) continue;
    const key = `${core}@${worker}`;
    const at = cores.get(key) ?? {
      node: worker,
      core,
      seconds: 0,
      saturatedSeconds: 0,
      cpuSeconds: 0,
      loopLagMsMax: 0,
    };
    const { generator } = held.cut;
    cores.set(key, {
      ...at,
      seconds: at.seconds + generator.seconds,
      saturatedSeconds: at.saturatedSeconds + generator.saturatedSeconds,
      cpuSeconds: at.cpuSeconds + generator.cpuSeconds,
      loopLagMsMax: Math.max(at.loopLagMsMax, generator.loopLagMsMax),
    });
  }
  return [...cores.values()]
    .sort((a, b) => (a.node < b.node ? -1 : a.node > b.node ? 1 : a.core - b.core))
    .map(({ cpuSeconds, ...core }) => ({
      ...core,
      cpu: core.seconds > 0 ? Math.min(1, cpuSeconds / core.seconds) : 0,
    }));
}

function errorsOf(run: Run): { workflow: string; message: string; count: number }[] {
  const counts = new Map<string, { workflow: string; message: string; count: number }>();
  for (const {
    id: { workflow },
    errors,
  } of run.attempts.values()) {
    for (const { message, count } of errors) {
      const key = `${workflow}\n${message}`;
      counts.set(key, { workflow, message, count: count + (counts.get(key)?.count ?? 0) });
    }
  }
  return [...counts.values()].sort((a, b) => b.count - a.count).slice(0, ERRORS_MAX);
}

function keyOf({ metricKey, expression }: ThresholdOutcome): string {
  return `${metricKey} ${expression}`;
}

/** The plan as results and reports may show it, to whoever may read them: what the test was given stays out. */
function withoutSecrets(plan: JobPlan): JobPlan {
  return {
    ...plan,
    env: {},
    http: { ...plan.http, tlsAuth: [] },
    workflows: plan.workflows.map((workflow) => ({ ...workflow, env: {} })),
  };
}
