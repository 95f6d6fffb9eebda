// Goal: the printed summary has k6's layout and says plainly what went wrong. Method: one whole summary against a
// golden file (read the diff, then rewrite it with UPDATE_GOLDEN=1), and single sections against what they must say and
// not say.

import { describe, expect, test } from "bun:test";
import type { JobResult } from "../../src/load/result.ts";
import { buildSummary, NO_VUS, seeVus } from "../../src/report/summary.ts";
import { summaryText, type SummaryTextOptions } from "../../src/report/text.ts";
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
  workflowResult,
} from "./fixture.ts";

const GOLDEN = new URL("../data/report/shop-summary.txt", import.meta.url);
const PLAIN: SummaryTextOptions = {
  color: false,
  columns: 100,
  trendStats: ["avg", "min", "med", "max", "p(90)", "p(95)"],
};
const ESCAPE = "\u001b";

const windows = shopWindows();
const shop = buildSummary(shopResult(windows), windows.reduce(seeVus, NO_VUS));

function textOf(result: Partial<JobResult>, options: Partial<SummaryTextOptions> = {}): string {
  return summaryText(buildSummary(jobResult(result)), { ...PLAIN, ...options });
}

function withoutColor(text: string): string {
  return text.replaceAll(/\u001b\[\d+m/g, "");
}

describe("the whole summary", () => {
  test("is the golden one", async () => {
    const text = summaryText(shop, PLAIN);
    if (process.env["UPDATE_GOLDEN"] === "1") await Bun.write(GOLDEN, text);
    expect(text).toBe(await Bun.file(GOLDEN).text());
  });

  test("differs in nothing but colour when coloured, and has no escape sequence when not", () => {
    const colored = summaryText(shop, { ...PLAIN, color: true });
    expect(colored).toContain(ESCAPE);
    expect(withoutColor(colored)).toBe(summaryText(shop, PLAIN));
    expect(summaryText(shop, PLAIN)).not.toContain(ESCAPE);
  });

  test("has its sections in k6's order, and those of a healthy run only", () => {
    const text = textOf({
      plan: jobPlan({ thresholds: [threshold("http_reqs", "count>1")] }),
      thresholds: [{ metricKey: "http_reqs", expression: "count>1", ok: true, value: 12 }],
      workflows: [
        workflowResult("default", {
          series: [
            series("http_reqs", {}, counter(12)),
            series("http_req_duration", {}, trend([1, 2])),
            series("iterations", {}, counter(12)),
            series("orders", {}, counter(3)),
            series("checks", { check: "ok", workflow: "default" }, rate(2, 2)),
          ],
        }),
      ],
    });
    const titles = [...text.matchAll(/█ .*|^    (?:CUSTOM|HTTP|EXECUTION|NETWORK)$|checks_total|✓ ok/gm)].map(
      ([found]) => found.trim(),
    );
    expect(titles).toEqual([
      "█ THRESHOLDS",
      "█ TOTAL RESULTS",
      "checks_total",
      "✓ ok",
      "CUSTOM",
      "HTTP",
      "EXECUTION",
      "NETWORK",
      "█ GENERATOR",
    ]);
    expect(text).toContain("✓ checkout completed after 10s, its threshold passed");
  });
});

describe("rows", () => {
  test("leaders and columns line up over all sections", () => {
    const lines = summaryText(shop, PLAIN).split("\n");
    const total = lines.slice(
      lines.findIndex((line) => line.includes("TOTAL RESULTS")),
      lines.findIndex((line) => line.includes("WORKFLOW: login")),
    );
    const rows = total.filter((line) => /\.{3,}:/.test(line));
    expect(rows.length).toBeGreaterThan(12);
    expect(new Set(rows.map((line) => line.indexOf(":", line.indexOf("..."))))).toHaveLength(1);
    const trends = rows.filter((line) => line.includes("avg="));
    for (const stat of ["min=", "med=", "max=", "p(90)=", "p(95)="])
      expect(new Set(trends.map((line) => line.indexOf(stat)))).toHaveLength(1);
  });

  test("phases of a request are shown on demand, or when a threshold is on them", () => {
    const workflows = [workflowResult("default", { series: [series("http_req_waiting", {}, trend([3]))] })];
    expect(textOf({ workflows })).not.toContain("http_req_waiting");
    expect(textOf({ workflows }, { isFull: true })).toContain("http_req_waiting");
    const judged = { plan: jobPlan({ thresholds: [threshold("http_req_waiting", "avg<5")] }), workflows };
    expect(textOf(judged)).toContain("http_req_waiting...");
    expect(textOf({ workflows }, { shown: ["http_req_waiting"] })).toContain("http_req_waiting...");
  });

  test("a submetric stands below its own metric, though that is shown for nothing else", () => {
    const phase = (metric: string) => series(metric, { status: "200" }, trend([3]));
    const workflows = [workflowResult("default", { series: [phase("http_req_sending"), phase("http_req_waiting")] })];
    const onSub = threshold("http_req_waiting{status:200}", "avg<5", { tags: { status: "200" } });
    const plan = jobPlan({ thresholds: [threshold("http_req_sending", "avg<5"), onSub] });
    expect(textOf({ workflows, plan })).toMatch(
      /http_req_sending\.+: .*\n +http_req_waiting\.+: .*\n +\{ status:200 \}/,
    );
  });

  test("trend columns are those asked for", () => {
    const workflows = [workflowResult("default", { series: [series("http_req_duration", {}, trend([3, 5]))] })];
    const text = textOf(
      { workflows, plan: jobPlan({ summaryTrendStats: ["p(99.99)", "count"] }) },
      { trendStats: ["p(99.99)", "count"] },
    );
    expect(text).toContain(": p(99.99)=5ms count=2\n");
  });
});

describe("what went wrong", () => {
  test("a saturated generator is named loudly, a healthy one is not accused", () => {
    const core = { node: "w-1", core: 3, cpu: 0.99, loopLagMsMax: 60, seconds: 10 };
    const text = textOf({ cores: [{ ...core, saturatedSeconds: 8 }] }, { columns: 400 });
    expect(text).toContain(
      "✗ SATURATED: the generator was the bottleneck: core 3 of w-1 was over 90 % busy or lagged over 10 ms in 8 of its 10 seconds",
    );
    expect(text).toContain("The numbers above measure it, not the target");
    expect(textOf({ cores: [{ ...core, saturatedSeconds: 0 }] })).not.toContain("SATURATED");
  });

  test("dropped, unsent, interrupted and late work is accounted for, and nothing is said when there is none", () => {
    const text = textOf({
      late: 5,
      unreportedMax: 6,
      disturbed: [{ from: 1_000, to: 2_500, why: "a worker was lost" }],
      workflows: [
        workflowResult("default", {
          accounting: { scheduled: 100, started: 90, completed: 88, interrupted: 2, dropped: 10, unsent: 4 },
        }),
      ],
    });
    expect(text).toMatch(/iterations_dropped\.+: 10\s+10\.00% of scheduled/);
    expect(text).toMatch(/iterations_started\.+: 90\s+started \+ dropped = scheduled/);
    for (const row of [/interrupted\.+: 2/, /unsent\.+: 4/, /late\.+: 5/, /unreported\.+: 6/])
      expect(text).toMatch(row);
    expect(text).toContain("! disturbed from 1s to 2.5s: a worker was lost");
    expect(textOf({})).not.toContain("ACCOUNTING");
  });

  test("an aborted job, failed thresholds and a check without samples say so", () => {
    const text = textOf({
      state: "aborted",
      reason: "target is down",
      durationMs: 3_210,
      plan: jobPlan({ thresholds: [threshold("http_req_failed", "rate<0.01"), threshold("http_reqs", "count>0")] }),
      thresholds: [
        { metricKey: "http_req_failed", expression: "rate<0.01", ok: false, value: 0.5 },
        { metricKey: "http_reqs", expression: "count>0", ok: true, value: null },
      ],
    });
    expect(text).toContain("    ✗ 'rate<0.01' rate=50.00%");
    expect(text).toContain("    ✓ 'count>0' no samples");
    expect(text).toContain("✗ checkout aborted after 3.2s: target is down, 1 of 2 thresholds failed");
  });

  test("a completed job says once that thresholds failed", () => {
    const text = textOf({
      reason: "thresholds failed",
      errorCode: "thresholds",
      durationMs: 3_000,
      plan: jobPlan({ thresholds: [threshold("http_reqs", "count<0")] }),
      thresholds: [{ metricKey: "http_reqs", expression: "count<0", ok: false, value: 0 }],
    });
    expect(text).toContain("✗ checkout completed after 3s, 1 of 1 thresholds failed");
  });

  test("errors are the ten most frequent, with a hint at the rest", () => {
    const errors = Array.from({ length: 13 }, (_, at) => ({
      workflow: "default",
      message: `error number ${at}`,
      count: 1_300 - at * 100,
    }));
    const text = textOf({ errors });
    expect(text).toContain("    1300 error number 0\n");
    expect(text).toContain("     400 error number 9\n");
    expect(text).not.toContain("error number 10");
    expect(text).toContain("and 3 more kinds");
  });

  test("prose is wrapped at the terminal's width, rows of numbers never", () => {
    const lines = textOf({ warnings: ["word ".repeat(60)] }, { columns: 50 }).split("\n");
    expect(lines.filter((line) => line.includes("word")).length).toBeGreaterThan(5);
    for (const line of lines.filter((each) => each.includes("word"))) expect(line.length).toBeLessThanOrEqual(50);
    expect(summaryText(shop, { ...PLAIN, columns: 50 })).toContain("p(95)=");
  });

  test("names and messages cannot bring escape sequences or lines of their own", () => {
    const evil = `${ESCAPE}[2J\n  █ FAKE`;
    const text = textOf({
      reason: evil,
      state: "failed",
      warnings: [evil],
      errors: [{ workflow: evil, message: evil, count: 1 }],
      workflows: [
        workflowResult(evil, {
          series: [series("checks", { check: evil, group: `::${evil}` }, rate(1, 1)), series(evil, {}, counter(1))],
        }),
      ],
    });
    expect(text).not.toContain(ESCAPE);
    expect(text).not.toMatch(/^\s*█ FAKE/m);
  });
});

describe("checks", () => {
  test("are nested by group, merged over workflows in the total, and counted where some failed", () => {
    const check = (workflow: string, group: string, name: string, passes: number, total: number) =>
      series("checks", { workflow, group, check: name }, rate(passes, total));
    const text = textOf({
      workflows: [
        workflowResult("one", { series: [check("one", "", "up", 5, 5), check("one", "::a::b", "deep", 1, 3)] }),
        workflowResult("two", { series: [check("two", "", "up", 2, 5), check("two", "::a", "flat", 1, 1)] }),
      ],
    });
    const total = text.slice(0, text.indexOf("█ WORKFLOW"));
    expect(total).toContain(
      [
        "    ✗ up",
        "      ↳  70% — ✓ 7 / ✗ 3",
        "",
        "    ↳ a",
        "      ✓ flat",
        "      ↳ b",
        "        ✗ deep",
        "          ↳  33% — ✓ 1 / ✗ 2",
      ].join("\n"),
    );
    expect(total).toMatch(/checks_succeeded\.+: 64\.28% 9 out of 14/);
    expect(text.slice(text.indexOf("█ WORKFLOW: two"))).toContain("      ↳  40% — ✓ 2 / ✗ 3");
  });
});
