// Goal: the summary is the contract's shape and its numbers are those of the result. Method: hand-made results of known
// totals; every part of a full summary is removed or spoiled in turn, and the schema has to refuse each.

import { describe, expect, test } from "bun:test";
import { emptyCells } from "../../src/load/merge.ts";
import { SETUP } from "../../src/load/plan.ts";
import { buildSummary, NO_VUS, seeVus } from "../../src/report/summary.ts";
import { summaryJsonSchemaText, summarySchema, type SummaryMetric } from "../../src/report/summary-schema.ts";
import {
  counter,
  jobPlan,
  jobResult,
  rate,
  series,
  shopResult,
  shopWindows,
  threshold,
  trend,
  workflowPlan,
  workflowResult,
} from "./fixture.ts";

const windows = shopWindows();
const shop = buildSummary(shopResult(windows), windows.reduce(seeVus, NO_VUS));

/** Every place in a JSON value, as the keys that lead there. */
function* places(value: unknown, path: readonly (string | number)[] = []): Generator<readonly (string | number)[]> {
  if (path.length > 0) yield path;
  if (Array.isArray(value)) for (const [at, entry] of value.entries()) yield* places(entry, [...path, at]);
  else if (typeof value === "object" && value !== null)
    for (const [key, entry] of Object.entries(value)) yield* places(entry, [...path, key]);
}

/** A copy of `value` with what stands at `path` replaced, or left out for `undefined`. */
function withChange(value: unknown, path: readonly (string | number)[], replacement: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return replacement;
  if (Array.isArray(value))
    return value.map((entry, at) => (at === key ? withChange(entry, rest, replacement) : entry));
  const copy: Record<string, unknown> = { ...(typeof value === "object" ? value : {}) };
  const changed = withChange(copy[key], rest, replacement);
  if (changed === undefined) delete copy[key];
  else copy[key] = changed;
  return copy;
}

function of(metrics: Readonly<Record<string, SummaryMetric>>, name: string): Readonly<Record<string, number>> {
  return { ...metrics[name]?.values };
}

describe("the schema", () => {
  const json: unknown = JSON.parse(JSON.stringify(shop));

  test("accepts a built summary and keeps every key of it through JSON", () => {
    expect(summarySchema.parse(json)).toEqual(shop);
  });

  test("refuses a summary in which any one value has another type", () => {
    let spoiled = 0;
    for (const path of places(json)) {
      const changed = withChange(json, path, path.at(-1) === "saturated" || path.at(-1) === "ok" ? "true" : true);
      expect({ path, ok: summarySchema.safeParse(changed).success }).toEqual({ path, ok: false });
      spoiled++;
    }
    expect(spoiled).toBeGreaterThan(300);
  });

  test("refuses a summary that lacks any required key", () => {
    const isEntry = (path: readonly (string | number)[]): boolean => {
      const parent = path.at(-2);
      return (
        parent === "metrics" || parent === "workflows" || parent === "thresholds" || typeof path.at(-1) === "number"
      );
    };
    for (const path of places(json)) {
      if (isEntry(path)) continue;
      expect({ path, ok: summarySchema.safeParse(withChange(json, path, undefined)).success }).toEqual({
        path,
        ok: false,
      });
    }
  });

  test("refuses numbers that JSON cannot hold, another version, and a state nobody knows", () => {
    for (const [path, value] of [
      [["job", "durationMs"], NaN],
      [["metrics", "http_reqs", "values", "rate"], Infinity],
      [["version"], 2],
      [["job", "state"], "done"],
      [["generator", "cpu"], 1.5],
      [["metrics", "http_reqs", "type"], "trend"],
      [["accounting", "unsent"], -1],
    ] as const) {
      expect({ path, ok: summarySchema.safeParse(withChange(shop, path, value)).success }).toEqual({ path, ok: false });
    }
  });

  test("allows keys that a later release adds", () => {
    expect(summarySchema.safeParse({ ...shop, added: 1, job: { ...shop.job, added: 2 } }).success).toBe(true);
  });

  test("is what the checked-in JSON Schema says", async () => {
    const published = await Bun.file(new URL("../../src/report/summary.schema.json", import.meta.url)).text();
    expect(published).toBe(summaryJsonSchemaText());
    expect(published).not.toContain('"additionalProperties": false');
  });
});

describe("metrics", () => {
  test("a count is over all tags, workflows, setup and teardown; a rate is what the workflows counted a second", () => {
    const summary = buildSummary(
      jobResult({
        workflows: [
          workflowResult("one", {
            fromMs: 2_000,
            toMs: 6_000,
            series: [
              series("http_reqs", { workflow: "one", status: "200" }, counter(30)),
              series("http_reqs", { workflow: "one", status: "500" }, counter(6)),
            ],
          }),
          workflowResult("two", {
            fromMs: 5_000,
            toMs: 12_000,
            series: [series("http_reqs", { workflow: "two" }, counter(62))],
          }),
          workflowResult(SETUP, {
            fromMs: 0,
            toMs: 1_500,
            series: [series("http_reqs", { workflow: SETUP }, counter(2))],
          }),
        ],
      }),
    );
    expect(of(summary.metrics, "http_reqs")).toEqual({ count: 100, rate: 9.8 });
    expect(of(summary.workflows["one"]?.metrics ?? {}, "http_reqs")).toEqual({ count: 36, rate: 9 });
    expect(Object.keys(summary.workflows)).toEqual(["one", "two"]);
  });

  test("trends, rates and gauges have the contract's values, and trends those the test asks for", () => {
    const values = Array.from({ length: 1_000 }, (_, at) => at + 1);
    const summary = buildSummary(
      jobResult({
        plan: jobPlan({ summaryTrendStats: ["avg", "p(99.5)"] }),
        workflows: [
          workflowResult("default", {
            series: [
              series("http_req_duration", { status: "200" }, trend(values.slice(0, 500))),
              series("http_req_duration", { status: "500" }, trend(values.slice(500))),
              series("http_req_failed", {}, rate(3, 12)),
              series("queue", {}, { type: "gauge", value: 4, min: 1, max: 9, atMs: 5 }),
            ],
          }),
        ],
      }),
    );
    const latency = of(summary.metrics, "http_req_duration");
    expect(Object.keys(latency).sort()).toEqual([
      "avg",
      "count",
      "max",
      "med",
      "min",
      "p(90)",
      "p(95)",
      "p(99)",
      "p(99.5)",
      "p(99.9)",
    ]);
    expect(latency).toMatchObject({ avg: 500.5, min: 1, max: 1_000, count: 1_000 });
    for (const [stat, exact] of [
      ["med", 500],
      ["p(90)", 900],
      ["p(99)", 990],
      ["p(99.5)", 995],
      ["p(99.9)", 999],
    ] as const) {
      expect(Math.abs((latency[stat] ?? 0) - exact) / exact).toBeLessThan(0.001);
    }
    expect(summary.metrics["http_req_duration"]?.contains).toBe("time");
    expect(of(summary.metrics, "http_req_failed")).toEqual({ rate: 0.25, passes: 3, fails: 9 });
    expect(of(summary.metrics, "queue")).toEqual({ value: 4, min: 1, max: 9 });
  });

  test("without any sample, requests, iterations, data and vus are there with zeros, and no times are", () => {
    const summary = summarySchema.parse(
      buildSummary(jobResult({ workflows: [workflowResult("default", { state: "skipped", toMs: 0 })] })),
    );
    const names = ["data_received", "data_sent", "http_reqs", "iterations", "vus", "vus_max"];
    expect(Object.keys(summary.metrics).sort()).toEqual(names);
    expect(of(summary.metrics, "http_reqs")).toEqual({ count: 0, rate: 0 });
    expect(of(summary.metrics, "iterations")).toEqual({ count: 0, rate: 0 });
    expect(of(summary.metrics, "vus")).toEqual({ value: 0, min: 0, max: 0 });
    expect(summary.metrics["data_sent"]?.contains).toBe("data");
  });

  test("vus come from the result's series, else from the seconds seen, else from the plan", () => {
    const bySeries = buildSummary(
      jobResult({
        workflows: [
          workflowResult("default", {
            series: [series("vus", {}, { type: "gauge", value: 2, min: 1, max: 7, atMs: 9 })],
          }),
        ],
      }),
      windows.reduce(seeVus, NO_VUS),
    );
    expect(of(bySeries.metrics, "vus")).toEqual({ value: 2, min: 1, max: 7 });
    expect(of(shop.metrics, "vus")).toEqual({ value: 40, min: 1, max: 40 });
    expect(of(shop.metrics, "vus_max")).toEqual({ value: 50, min: 1, max: 50 });
    expect(of(buildSummary(jobResult()).metrics, "vus_max")).toEqual({ value: 10, min: 10, max: 10 });
  });

  test("empty cells become zeros, never infinities", () => {
    const empty = (["trend", "gauge", "rate", "counter"] as const).map((type) =>
      series(`my_${type}`, {}, emptyCells(type)),
    );
    const summary = buildSummary(jobResult({ workflows: [workflowResult("default", { series: empty })] }));
    expect(summarySchema.safeParse(summary).success).toBe(true);
    expect(of(summary.metrics, "my_trend")).toMatchObject({ min: 0, max: 0, "p(99)": 0, count: 0 });
  });
});

describe("thresholds", () => {
  test("each stands under its metric as written, beside others of the same metric", () => {
    expect(shop.metrics["http_req_duration"]?.thresholds).toEqual({ "p(95)<500": { ok: true, value: 58.3 } });
    expect(shop.metrics["http_req_duration{workflow:browse}"]?.thresholds).toEqual({
      "p(99)<80": { ok: false, value: 141.9 },
    });
    expect(of(shop.metrics, "http_req_duration{workflow:browse}")["count"]).toBe(
      (of(shop.metrics, "http_req_duration")["count"] ?? 0) - 1,
    );
    const two = buildSummary(
      jobResult({
        plan: jobPlan({ thresholds: [threshold("http_reqs", "count>1"), threshold("http_reqs", "rate>1")] }),
        thresholds: [
          { metricKey: "http_reqs", expression: "count>1", ok: false, value: 0 },
          { metricKey: "http_reqs", expression: "rate>1", ok: true, value: 2 },
        ],
      }),
    );
    expect(two.metrics["http_reqs"]?.thresholds).toEqual({
      "count>1": { ok: false, value: 0 },
      "rate>1": { ok: true, value: 2 },
    });
  });

  test("a metric without samples appears with zeros, of its own type", () => {
    const summary = buildSummary(
      jobResult({
        plan: jobPlan({
          thresholds: [
            threshold("http_req_duration{status:500}", "p(95)<1", { tags: { status: "500" } }),
            threshold("http_req_failed", "rate<1"),
            threshold("mine", "count>1"),
            threshold("mine", "rate>1"),
            threshold("level", "value<1"),
            threshold("part", "rate>1"),
          ],
        }),
      }),
    );
    const types = Object.entries(summary.metrics).map(([key, { type }]) => `${key} ${type}`);
    expect(types).toContain("http_req_duration{status:500} trend");
    expect(types).toContain("http_req_failed rate");
    expect(types).toContain("mine counter");
    expect(types).toContain("level gauge");
    expect(types).toContain("part rate");
    expect(of(summary.metrics, "http_req_duration{status:500}")).toMatchObject({ avg: 0, count: 0 });
    expect(summary.metrics["mine"]?.thresholds["count>1"]).toEqual({ ok: true, value: null });
  });
});

test("a metric that is only to be shown stands in the summary, judged by nothing", () => {
  const tags = { page: "home" };
  const shown = [
    { metricKey: "http_reqs{page:home}", metric: "http_reqs", type: "counter", tags },
    { metricKey: "http_req_blocked{page:home}", metric: "http_req_blocked", type: "trend", tags },
    { metricKey: "never{page:home}", metric: "never", type: "rate", tags },
    { metricKey: "vus", metric: "vus", type: "gauge", tags: {} },
  ] as const;
  const own = series("http_reqs", { page: "home", workflow: "default" }, counter(3));
  const other = series("http_reqs", { workflow: "default" }, counter(4));
  const workflows = [workflowResult("default", { series: [own, other] })];
  const summary = buildSummary(jobResult({ plan: jobPlan({ shown }), workflows }));
  expect(of(summary.metrics, "http_reqs{page:home}")).toMatchObject({ count: 3 });
  expect(summary.metrics["http_reqs{page:home}"]?.thresholds).toEqual({});
  expect(of(summary.metrics, "http_req_blocked{page:home}")).toMatchObject({ count: 0 });
  expect(of(summary.metrics, "vus")).toEqual(of(buildSummary(jobResult({ workflows })).metrics, "vus"));
  expect(of(summary.metrics, "never{page:home}")).toEqual({ rate: 0, passes: 0, fails: 0 });
});

describe("checks, accounts and the generator", () => {
  test("a check is counted once per workflow and group, whatever other tags its series have", () => {
    const check = (workflow: string, group: string, more: Readonly<Record<string, string>>, passes: number) =>
      series("checks", { check: "is up", workflow, group, ...more }, rate(passes, 10));
    const summary = buildSummary(
      jobResult({
        workflows: [
          workflowResult("one", {
            series: [
              check("one", "", { page: "a" }, 10),
              check("one", "", { page: "b" }, 7),
              check("one", "::g", {}, 10),
            ],
          }),
          workflowResult("two", { series: [series("checks", { check: "is up", workflow: "two" }, rate(9, 10))] }),
        ],
      }),
    );
    expect(summary.checks).toEqual([
      { name: "is up", workflow: "one", group: "", passes: 17, fails: 3 },
      { name: "is up", workflow: "one", group: "::g", passes: 10, fails: 0 },
      { name: "is up", workflow: "two", group: "", passes: 9, fails: 1 },
    ]);
  });

  test("accounts are sums over the user's workflows, unsent requests over setup and teardown too", () => {
    const account = { scheduled: 10, started: 8, completed: 7, interrupted: 1, dropped: 2, unsent: 3 };
    const { accounting } = buildSummary(
      jobResult({
        late: 4,
        reruns: 1,
        unreportedMax: 2.5,
        disturbed: [{ from: 1, to: 2, why: "x" }],
        workflows: [
          workflowResult("a", { accounting: account }),
          workflowResult("b", { accounting: account }),
          workflowResult(SETUP, { accounting: account }),
        ],
      }),
    );
    expect(accounting).toEqual({
      scheduled: 20,
      started: 16,
      completed: 14,
      interrupted: 2,
      dropped: 4,
      unsent: 9,
      late: 4,
      reruns: 1,
      unreportedMax: 3,
      disturbed: [{ from: 1, to: 2, why: "x" }],
    });
  });

  test("the generator is saturated when any core was so in 10 % of its seconds, and not in fewer", () => {
    const core = (node: string, at: number, saturatedSeconds: number) => ({
      node,
      core: at,
      cpu: at === 0 ? 0.2 : 0.8,
      loopLagMsMax: 1 + at,
      seconds: 100,
      saturatedSeconds,
    });
    const built = (saturatedSeconds: number) =>
      buildSummary(jobResult({ cores: [core("a", 0, 0), core("a", 1, saturatedSeconds), core("b", 0, 0)] })).generator;
    expect(built(9).saturated).toBe(false);
    expect(built(10)).toMatchObject({ saturated: true, loopLagMs: { "p(99)": 1.2, max: 2 } });
    expect(built(10).cpu).toBeCloseTo(0.4);
    expect(built(10).nodes.map(({ node, saturated, cores }) => [node, saturated, cores.length])).toEqual([
      ["a", true, 2],
      ["b", false, 1],
    ]);
    expect(buildSummary(jobResult({ cores: [] })).generator).toEqual({
      saturated: false,
      cpu: 0,
      loopLagMs: { "p(99)": 1.2, max: 0 },
      nodes: [],
    });
  });

  test("workflows carry their executor and their own accounts; the job its reason", () => {
    const summary = buildSummary(
      jobResult({
        state: "aborted",
        reason: "target is down",
        plan: jobPlan({ workflows: [workflowPlan("default")] }),
        warnings: ["w"],
        errors: [{ workflow: "default", message: "boom", count: 2 }],
      }),
    );
    expect(summary.job).toMatchObject({ state: "aborted", reason: "target is down", name: "checkout" });
    expect(summary.workflows["default"]).toMatchObject({
      state: "completed",
      executor: "constant-vus",
      from: 0,
      to: 10_000,
    });
    expect(summary.warnings).toEqual(["w"]);
    expect(summary.errors).toEqual([{ workflow: "default", message: "boom", count: 2 }]);
  });
});
