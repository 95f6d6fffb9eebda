// A finished job made by hand for the report tests: two workflows, groups, failed checks and requests, thresholds of
// both outcomes, 30 seconds. Deterministic: all numbers come from one seeded stream. Not a test itself.

import { HTTP_DEFAULTS } from "../../src/load/options/http.ts";
import { createPrng, nextFloat, type Prng } from "../../src/base/prng.ts";
import { cellIndex } from "../../src/load/histogram.ts";
import { metricDefinition } from "../../src/load/metrics.ts";
import type { JobPlan, ThresholdPlan, WorkflowPlan } from "../../src/load/plan.ts";
import type { JobResult, SecondWindow, WorkflowResult } from "../../src/load/result.ts";
import { sumSeries } from "../../src/load/merge.ts";
import {
  seriesKey,
  type Cells,
  type Contains,
  type MetricType,
  type Series,
  type Tags,
  type TrendCells,
} from "../../src/load/series.ts";

export const STARTED_AT = Date.UTC(2026, 10, 22, 10, 0, 0);

/** Cells of these values, as the engine would have counted them. */
export function trend(values: readonly number[]): TrendCells {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(cellIndex(value), (counts.get(cellIndex(value)) ?? 0) + 1);
  const index = [...counts.keys()].sort((a, b) => a - b);
  return {
    type: "trend",
    count: values.length,
    sum: values.reduce((sum, value) => sum + value, 0),
    min: Math.min(...values),
    max: Math.max(...values),
    clamped: 0,
    index: Int32Array.from(index),
    counts: Float64Array.from(index, (cell) => counts.get(cell) ?? 0),
  };
}

export function counter(sum: number, count = sum): Cells {
  return { type: "counter", count, sum };
}

export function rate(passes: number, total: number): Cells {
  return { type: "rate", passes, total };
}

/** A series; `definition` is needed for metrics that are not built in. */
export function series(
  metric: string,
  tags: Tags,
  cells: Cells,
  definition?: { type: MetricType; contains: Contains },
): Series {
  const { type, contains } = definition ?? metricDefinition(metric) ?? { type: cells.type, contains: "default" };
  return { id: { key: seriesKey(metric, tags), metric, type, contains, tags }, cells };
}

/** Of a test's own metric. */
const TYPE_OF: Readonly<Record<string, MetricType>> = { count: "counter", rate: "rate", value: "gauge" };

export function threshold(metricKey: string, expression: string, more: Partial<ThresholdPlan> = {}): ThresholdPlan {
  const metric = metricKey.replace(/\{.*$/, "");
  const aggregate = expression.replace(/[<>=!].*$/, "");
  return {
    metricKey,
    metric,
    type: metricDefinition(metric)?.type ?? TYPE_OF[aggregate] ?? "trend",
    tags: {},
    expression,
    aggregate,
    operator: "<",
    limit: 0,
    forSeconds: 0,
    abortOnFail: false,
    delayAbortEvalMs: 0,
    ...more,
  };
}

export function workflowPlan(name: string, more: Partial<WorkflowPlan> = {}): WorkflowPlan {
  return {
    name,
    after: [],
    run: { kind: "workflow", name },
    executor: { kind: "constant-vus", vus: 10, durationMs: 10_000 },
    startTimeMs: 0,
    gracefulStopMs: 30_000,
    minIterationDurationMs: 0,
    env: {},
    tags: {},
    priority: "auto",
    ...more,
  };
}

export function jobPlan(more: Partial<JobPlan> = {}): JobPlan {
  return {
    name: "checkout",
    workflows: [workflowPlan("default")],
    setup: null,
    teardown: null,
    thresholds: [],
    http: HTTP_DEFAULTS,
    tags: {},
    env: {},
    feeds: [],
    summaryTrendStats: ["avg", "min", "med", "max", "p(90)", "p(95)"],
    ...more,
  };
}

export function workflowResult(name: string, more: Partial<WorkflowResult> = {}): WorkflowResult {
  return {
    name,
    state: "completed",
    fromMs: 0,
    toMs: 10_000,
    series: [],
    accounting: { scheduled: 0, started: 0, completed: 0, interrupted: 0, dropped: 0, unsent: 0 },
    ...more,
  };
}

export function jobResult(more: Partial<JobResult> = {}): JobResult {
  return {
    id: "j-1",
    state: "completed",
    reason: "",
    errorCode: null,
    startedAtEpochMs: STARTED_AT,
    durationMs: 10_000,
    plan: jobPlan(),
    workflows: [workflowResult("default")],
    thresholds: [],
    late: 0,
    reruns: 0,
    unreportedMax: 0,
    disturbed: [],
    pauses: [],
    cores: [{ node: "local", core: 0, cpu: 0.42, loopLagMsMax: 3.5, seconds: 10, saturatedSeconds: 0 }],
    loopLagMsP99: 1.2,
    warnings: [],
    errors: [],
    ...more,
  };
}

/** One second of the shop's "browse" workflow: slower and failing now and then around second 18. */
function browseSecond(second: number, random: Prng): readonly Series[] {
  const tags = { workflow: "browse", group: "::shop", method: "GET", name: "/items", status: "200" };
  const slow = second >= 17 && second < 20 ? 8 : 1;
  const requests = 180 + Math.floor(nextFloat(random) * 40);
  const times = Array.from({ length: requests }, () => slow * (4 + 6 * -Math.log(1 - nextFloat(random))));
  const failed = slow > 1 ? 12 : 0;
  const spread = (part: number): TrendCells => trend(times.map((time) => time * part));
  return [
    series("http_reqs", tags, counter(requests)),
    series("http_req_failed", tags, rate(failed, requests)),
    series("http_req_duration", tags, trend(times)),
    series("http_req_waiting", tags, spread(0.8)),
    series("http_req_receiving", tags, spread(0.15)),
    series("http_req_sending", tags, spread(0.05)),
    series("iterations", { workflow: "browse" }, counter(requests)),
    series("iteration_duration", { workflow: "browse" }, spread(1.1)),
    series("response_time", { workflow: "browse" }, spread(1.3)),
    series(
      "checks",
      { workflow: "browse", group: "::shop", check: "status is 200" },
      rate(requests - failed, requests),
    ),
    series("checks", { workflow: "browse", group: "::shop::item", check: "has a price" }, rate(requests, requests)),
    series("data_received", { workflow: "browse" }, counter(requests * 1_250)),
    series("data_sent", { workflow: "browse" }, counter(requests * 110)),
    series("basket_value", { workflow: "browse" }, trend(times.map((time) => Math.round(time))), {
      type: "trend",
      contains: "default",
    }),
    ...(slow > 1 ? [series("dropped_iterations", { workflow: "browse" }, counter(9))] : []),
  ];
}

function loginSecond(random: Prng): readonly Series[] {
  const tags = { workflow: "login", method: "POST", name: "/login", status: "200" };
  const time = 20 + 5 * nextFloat(random);
  return [
    series("http_reqs", tags, counter(1)),
    series("http_req_failed", tags, rate(0, 1)),
    series("http_req_duration", tags, trend([time])),
    series("iterations", { workflow: "login" }, counter(1)),
    series("iteration_duration", { workflow: "login" }, trend([time + 1])),
    series("checks", { workflow: "login", group: "", check: "logged in" }, rate(1, 1)),
    series("data_received", { workflow: "login" }, counter(640)),
    series("data_sent", { workflow: "login" }, counter(230)),
  ];
}

/** The seconds of the shop job: second 0 is login, then browse. */
export function shopWindows(seconds = 30): readonly SecondWindow[] {
  const random = createPrng(7, "shop");
  return Array.from({ length: seconds }, (_, second) => ({
    second,
    epochMs: STARTED_AT + second * 1_000,
    vus: second === 0 ? 1 : Math.min(40, 8 + second * 4),
    vusMax: second === 0 ? 1 : 50,
    series: second === 0 ? loginSecond(random) : browseSecond(second, random),
  }));
}

/** The job whose seconds `windows` are. */
export function shopResult(windows: readonly SecondWindow[] = shopWindows()): JobResult {
  const total = sumSeries(windows.map((window) => window.series));
  const own = (name: string): readonly Series[] => total.filter(({ id }) => id.tags["workflow"] === name);
  const count =
    own("browse").flatMap(({ id, cells }) =>
      id.metric === "iterations" && cells.type === "counter" ? [cells.sum] : [],
    )[0] ?? 0;
  return jobResult({
    id: "01hshop",
    durationMs: windows.length * 1_000,
    plan: jobPlan({
      workflows: [
        workflowPlan("login", {
          executor: { kind: "shared-iterations", vus: 1, iterations: 1, maxDurationMs: 600_000 },
        }),
        workflowPlan("browse", {
          after: ["login"],
          executor: {
            kind: "constant-arrival-rate",
            rate: 200,
            timeUnitMs: 1_000,
            durationMs: 29_000,
            preAllocatedVus: 20,
            maxVus: 50,
            onLate: "drop",
          },
        }),
      ],
      thresholds: [
        threshold("http_req_duration", "p(95)<500"),
        threshold("http_req_duration{workflow:browse}", "p(99)<80", { tags: { workflow: "browse" } }),
        threshold("http_req_failed", "rate<0.01"),
        threshold("checks", "rate>0.95"),
        threshold("payments", "count>10"),
      ],
    }),
    workflows: [
      workflowResult("login", {
        fromMs: 0,
        toMs: 1_000,
        series: own("login"),
        accounting: { scheduled: 1, started: 1, completed: 1, interrupted: 0, dropped: 0, unsent: 0 },
      }),
      workflowResult("browse", {
        fromMs: 1_000,
        toMs: windows.length * 1_000,
        series: own("browse"),
        accounting: {
          scheduled: count + 29,
          started: count + 2,
          completed: count,
          interrupted: 2,
          dropped: 27,
          unsent: 4,
        },
      }),
    ],
    thresholds: [
      { metricKey: "http_req_duration", expression: "p(95)<500", ok: true, value: 58.3 },
      { metricKey: "http_req_duration{workflow:browse}", expression: "p(99)<80", ok: false, value: 141.9 },
      { metricKey: "http_req_failed", expression: "rate<0.01", ok: true, value: 0.0062 },
      { metricKey: "checks", expression: "rate>0.95", ok: true, value: 0.9969 },
      { metricKey: "payments", expression: "count>10", ok: true, value: null },
    ],
    cores: [
      { node: "local", core: 0, cpu: 0.61, loopLagMsMax: 6.2, seconds: 30, saturatedSeconds: 0 },
      { node: "local", core: 1, cpu: 0.58, loopLagMsMax: 8.9, seconds: 30, saturatedSeconds: 1 },
    ],
    loopLagMsP99: 2.4,
    disturbed: [{ from: 17_000, to: 20_000, why: "worker w-2 was lost; its share went on elsewhere" }],
    pauses: [],
    unreportedMax: 14,
    warnings: ["27 iterations were dropped because no VU was free: raise maxVUs (50) or shorten the iteration"],
    errors: [
      { workflow: "browse", message: "GET http://127.0.0.1:8080/items: connection reset by peer (1220)", count: 32 },
      {
        workflow: "browse",
        message: "TypeError: undefined is not an object (evaluating 'items[0].price')\n    at run (shop.ts:14:21)",
        count: 4,
      },
    ],
  });
}
