// From the result of a job to its summary: every metric, threshold, check and account in the shape of
// summary-schema.ts. Pure; how it is printed is in text.ts and html.ts.

import { emptyCells, ofLoad, select, sumSeries } from "../load/merge.ts";
import { metricDefinition } from "../load/metrics.ts";
import { type Pause, pausedWithin } from "../load/pauses.ts";
import { SETUP, TEARDOWN, vusMax, type MetricChoice } from "../load/plan.ts";
import {
  type CoreResult,
  isSaturated,
  type JobResult,
  type SecondWindow,
  type VusSeen,
  type WorkflowResult,
} from "../load/result.ts";
import type { Accounting } from "../load/share.ts";
import type { Cells, Contains, GaugeCells, Series } from "../load/series.ts";
import { statOf } from "../load/values.ts";
import type { IterationAccount, Summary, SummaryCheck, SummaryMetric, SummaryWorkflow } from "./summary-schema.ts";
import { compareKeys } from "./words.ts";

/** Metrics that a summary has even if nothing was counted in them. */
const ALWAYS: readonly string[] = ["http_reqs", "iterations", "data_received", "data_sent"];

/** Nothing seen yet. Fold every second into it with `seeVus`. */
export const NO_VUS: VusSeen = { vus: noGauge(), vusMax: noGauge() };

/** What is known of the VUs after one more second. */
export function seeVus(seen: VusSeen, window: Pick<SecondWindow, "second" | "vus" | "vusMax">): VusSeen {
  return { vus: later(seen.vus, window.vus, window.second), vusMax: later(seen.vusMax, window.vusMax, window.second) };
}

/**
 * The summary of an ended job. `seen`: VUs over its seconds, for a result that has no series `vus` and `vus_max`;
 * without either, or for a job nobody saw a second of, what the plan gave its workflows.
 */
export function buildSummary(result: JobResult, seen: VusSeen = NO_VUS): Summary {
  const own = result.workflows.filter(isUserWorkflow);
  const series = sumSeries(result.workflows.map((workflow) => workflow.series));
  return {
    version: 1,
    job: {
      id: result.id,
      name: result.plan.name,
      state: result.state,
      reason: result.reason,
      startedAt: Math.round(result.startedAtEpochMs),
      durationMs: finite(result.durationMs),
      pausedMs: finite(pausedWithin(result.pauses, 0, result.durationMs)),
    },
    metrics: jobMetrics(result, series, own, seen),
    checks: result.workflows.flatMap(checksOf),
    workflows: Object.fromEntries(own.map((workflow) => [workflow.name, workflowSummary(result, workflow)])),
    accounting: {
      ...iterationAccount(own.map(({ accounting }) => accounting)),
      unsent: result.workflows.reduce((sum, { accounting }) => sum + accounting.unsent, 0),
      late: result.late,
      reruns: result.reruns,
      unreportedMax: Math.ceil(result.unreportedMax),
      disturbed: result.disturbed.map(({ from, to, why }) => ({ from, to, why })),
    },
    generator: generatorOf(result),
    warnings: [...result.warnings],
    errors: result.errors.map(({ workflow, message, count }) => ({ workflow, message, count })),
  };
}

/** Seconds from the first start to the last end, without pauses: what counters' rates are per. 0: nothing started. */
export function secondsOf(
  workflows: readonly Pick<WorkflowResult, "fromMs" | "toMs">[],
  pauses: readonly Pause[],
): number {
  let from = Infinity;
  let to = 0;
  for (const { fromMs, toMs } of workflows) {
    if (toMs <= fromMs) continue;
    from = Math.min(from, fromMs);
    to = Math.max(to, toMs);
  }
  return to > from ? (to - from - pausedWithin(pauses, from, to)) / 1_000 : 0;
}

function isUserWorkflow({ name }: WorkflowResult): boolean {
  return name !== SETUP && name !== TEARDOWN;
}

/** What metrics are made of: `seconds` of load, which counters' rates are per, and the trends' further columns. */
type Measured = {
  readonly series: readonly Series[];
  readonly seconds: number;
  readonly trendStats: readonly string[];
};

function jobMetrics(
  result: JobResult,
  series: readonly Series[],
  own: readonly WorkflowResult[],
  seen: VusSeen,
): Summary["metrics"] {
  const measured = {
    series,
    seconds: secondsOf(own, result.pauses),
    trendStats: result.plan.summaryTrendStats,
  };
  const metrics = new Map(Object.entries(metricsOf(measured)));
  const gauges = [
    ["vus", (result.vus ?? seen).vus],
    ["vus_max", (result.vus ?? seen).vusMax],
  ] as const;
  for (const [name, cells] of gauges) {
    if (metrics.has(name)) continue;
    const known = cells.atMs === -Infinity ? plannedVus(result, own) : cells;
    metrics.set(name, summaryMetric(known, "default", measured));
  }
  for (const choice of result.plan.shown ?? []) {
    if (!metrics.has(choice.metricKey)) metrics.set(choice.metricKey, chosenMetric(choice, measured));
  }
  for (const threshold of result.plan.thresholds) {
    const { metricKey, expression } = threshold;
    const metric = metrics.get(metricKey) ?? chosenMetric(threshold, measured);
    const outcome = result.thresholds.find((one) => one.metricKey === metricKey && one.expression === expression);
    // Not judged, as when nothing ever started: no samples, which passes.
    const { ok, value } = outcome ?? { ok: true, value: null };
    const judged = { ok, value: value === null || !Number.isFinite(value) ? null : value };
    metrics.set(metricKey, { ...metric, thresholds: { ...metric.thresholds, [expression]: judged } });
  }
  return inOrder(metrics);
}

/** A metric under a tag filter; zeros where nothing was measured. */
function chosenMetric({ metric, type, tags }: Omit<MetricChoice, "metricKey">, measured: Measured): SummaryMetric {
  const { series } = measured;
  const definition = series.find(({ id }) => id.metric === metric)?.id ?? metricDefinition(metric);
  const cells = select(series, metric, tags) ?? emptyCells(type);
  const inLoad = type === "counter" ? (select(ofLoad(series), metric, tags) ?? emptyCells(type)) : cells;
  return summaryMetric(cells, definition?.contains ?? "default", measured, inLoad);
}

/** One entry per metric name over all its tags, and the ones that are always there. */
function metricsOf(measured: Measured): Summary["metrics"] {
  const metrics = new Map<string, SummaryMetric>();
  const always = ALWAYS.map((name) => metricDefinition(name)).filter((definition) => definition !== null);
  const known = [...measured.series.map(({ id }) => ({ name: id.metric, type: id.type })), ...always];
  for (const { name, type } of known) {
    if (!metrics.has(name)) metrics.set(name, chosenMetric({ metric: name, type, tags: {} }, measured));
  }
  return inOrder(metrics);
}

function inOrder(metrics: ReadonlyMap<string, SummaryMetric>): Summary["metrics"] {
  return Object.fromEntries([...metrics].sort(([a], [b]) => compareKeys(a, b)));
}

/** `inLoad`: of a counter what was counted in the load. */
function summaryMetric(
  cells: Cells,
  contains: Contains,
  { seconds, trendStats }: Omit<Measured, "series">,
  inLoad: Cells = cells,
): SummaryMetric {
  const stat = (name: string, of: Cells = cells): number => finite(statOf(of, name, seconds) ?? 0);
  const thresholds = {};
  switch (cells.type) {
    case "counter":
      return { type: "counter", contains, values: { count: stat("count"), rate: stat("rate", inLoad) }, thresholds };
    case "rate":
      return {
        type: "rate",
        contains,
        thresholds,
        values: { rate: stat("rate"), passes: stat("passes"), fails: stat("fails") },
      };
    case "gauge":
      return {
        type: "gauge",
        contains,
        thresholds,
        values: { value: stat("value"), min: stat("min"), max: stat("max") },
      };
    case "trend": {
      const values = {
        avg: stat("avg"),
        min: stat("min"),
        med: stat("med"),
        max: stat("max"),
        "p(90)": stat("p(90)"),
        "p(95)": stat("p(95)"),
        "p(99)": stat("p(99)"),
        "p(99.9)": stat("p(99.9)"),
        count: stat("count"),
      };
      const more = trendStats.filter((name) => !(name in values)).map((name) => [name, stat(name)] as const);
      return { type: "trend", contains, values: { ...values, ...Object.fromEntries(more) }, thresholds };
    }
  }
}

function checksOf({ name: workflow, series }: WorkflowResult): readonly SummaryCheck[] {
  const checks = new Map<string, SummaryCheck>();
  for (const { id, cells } of series) {
    if (id.metric !== "checks" || cells.type !== "rate") continue;
    const name = id.tags["check"] ?? "";
    const group = id.tags["group"] ?? "";
    const key = JSON.stringify([group, name]);
    const before = checks.get(key) ?? { name, workflow, group, passes: 0, fails: 0 };
    const { passes, total } = cells;
    checks.set(key, { ...before, passes: before.passes + passes, fails: before.fails + total - passes });
  }
  return [...checks.values()];
}

function workflowSummary(result: JobResult, workflow: WorkflowResult): SummaryWorkflow {
  const plan = result.plan.workflows.find(({ name }) => name === workflow.name);
  return {
    state: workflow.state,
    executor: plan?.executor.kind ?? "",
    from: workflow.fromMs,
    to: workflow.toMs,
    metrics: metricsOf({
      series: workflow.series,
      seconds: secondsOf([workflow], result.pauses),
      trendStats: result.plan.summaryTrendStats,
    }),
    accounting: iterationAccount([workflow.accounting]),
  };
}

function iterationAccount(accounts: readonly Accounting[]): IterationAccount {
  const sum = (name: keyof Accounting): number => accounts.reduce((total, account) => total + account[name], 0);
  return {
    scheduled: sum("scheduled"),
    started: sum("started"),
    completed: sum("completed"),
    interrupted: sum("interrupted"),
    dropped: sum("dropped"),
    unsent: sum("unsent"),
  };
}

function generatorOf(result: JobResult): Summary["generator"] {
  const byNode = Map.groupBy(result.cores, ({ node }) => node);
  const nodes = [...byNode].map(([node, cores]) => ({
    node,
    cpu: meanCpu(cores),
    saturated: cores.some(isSaturated),
    cores: cores.map((core) => ({
      core: core.core,
      cpu: ratio(core.cpu),
      loopLagMs: { max: finite(core.loopLagMsMax) },
      seconds: core.seconds,
      saturatedSeconds: core.saturatedSeconds,
    })),
  }));
  return {
    saturated: result.cores.some(isSaturated),
    cpu: meanCpu(result.cores),
    loopLagMs: {
      "p(99)": finite(result.loopLagMsP99),
      max: result.cores.reduce((most, core) => Math.max(most, finite(core.loopLagMsMax)), 0),
    },
    nodes,
    ...(result.startSkewMsMax === undefined ? {} : { startSkewMs: { max: finite(result.startSkewMsMax) } }),
  };
}

/** Weighted by how long each core ran. */
function meanCpu(cores: readonly CoreResult[]): number {
  const seconds = cores.reduce((sum, core) => sum + core.seconds, 0);
  if (seconds === 0) return ratio(cores.reduce((sum, core) => sum + core.cpu, 0) / Math.max(1, cores.length));
  return ratio(cores.reduce((sum, core) => sum + core.cpu * core.seconds, 0) / seconds);
}

/** VUs of a job that ended before anybody saw a whole second of it: those its started workflows were given. */
function plannedVus(result: JobResult, own: readonly WorkflowResult[]): Cells {
  let vus = 0;
  for (const { name, fromMs, toMs } of own) {
    const executor = result.plan.workflows.find((plan) => plan.name === name)?.executor;
    if (executor === undefined || toMs <= fromMs) continue;
    vus += "preAllocatedVus" in executor ? executor.preAllocatedVus : vusMax(executor);
  }
  return vus === 0 ? noGauge() : { type: "gauge", value: vus, min: vus, max: vus, atMs: 0 };
}

function later(gauge: GaugeCells, value: number, second: number): GaugeCells {
  return {
    type: "gauge",
    value,
    atMs: second * 1_000,
    min: Math.min(gauge.min, value),
    max: Math.max(gauge.max, value),
  };
}

function noGauge(): GaugeCells {
  return { type: "gauge", value: 0, min: Infinity, max: -Infinity, atMs: -Infinity };
}

function ratio(value: number): number {
  return Math.min(1, Math.max(0, finite(value)));
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
