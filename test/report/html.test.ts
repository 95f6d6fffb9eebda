// Goal: the HTML report is one page that loads nothing, runs nothing from the test's own words, and shows every part of
// the summary. Method: the page's text for a whole job, for an empty one, for a hostile one, and for a day of seconds.

import { describe, expect, test } from "bun:test";
import { SETUP } from "../../src/load/plan.ts";
import { htmlReport, Timeline } from "../../src/report/html.ts";
import { html, scriptJson, verbatim } from "../../src/report/html/markup.ts";
import { SCRIPT } from "../../src/report/html/script.ts";
import { STYLE } from "../../src/report/html/style.ts";
import { buildSummary, NO_VUS, seeVus } from "../../src/report/summary.ts";
import {
  counter,
  jobPlan,
  jobResult,
  rate,
  series,
  shopResult,
  shopWindows,
  STARTED_AT,
  threshold,
  trend,
  workflowResult,
} from "./fixture.ts";

const windows = shopWindows();
const shop = buildSummary(shopResult(windows), windows.reduce(seeVus, NO_VUS));
const page = htmlReport(shop, windows);

/** Elements of the page by name, void ones left out; throws where they are not properly nested. */
function elementsOf(text: string): readonly string[] {
  const VOID = new Set(["meta", "path"]);
  const open: string[] = [];
  const seen: string[] = [];
  const body = text.replace(/<!doctype html>/i, "").replace(/<(style|script)([^>]*)>[\s\S]*?<\/\1>/g, "<$1$2></$1>");
  for (const [, slash, name = ""] of body.matchAll(/<(\/?)([a-z][a-z0-9]*)\b(?:"[^"]*"|[^">])*>/gi)) {
    if (VOID.has(name)) continue;
    if (slash === "") {
      open.push(name);
      seen.push(name);
    } else if (open.pop() !== name) throw new Error(`</${name}> closes nothing: ${open.join(" ")}`);
  }
  if (open.length > 0) throw new Error(`left open: ${open.join(" ")}`);
  return seen;
}

describe("the page", () => {
  test("is one well-formed document under 1 MB", () => {
    const elements = elementsOf(page);
    expect(elements.filter((name) => name === "figure")).toHaveLength(4);
    expect(elements.filter((name) => name === "svg")).toHaveLength(4);
    expect(page.length).toBeLessThan(200_000);
    expect(page.startsWith("<!doctype html>")).toBe(true);
  });

  test("refers to nothing outside of itself, and forbids it", () => {
    const withoutErrors = htmlReport({ ...shop, errors: [] }, windows);
    expect(withoutErrors).not.toMatch(/https?:|\/\/[a-z]|@import|url\(|\bsrc=|\bhref=|<link|<img|<iframe/i);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"`);
    expect(STYLE).toContain("prefers-color-scheme: dark");
  });

  test("holds every threshold with its outcome, every check, workflow, error, warning and metric", () => {
    const expected = [
      ...Object.keys(shop.metrics).map((key) => `<th scope="row">${key}</th>`),
      ...Object.values(shop.metrics)
        .flatMap(({ thresholds }) => Object.keys(thresholds))
        .map((text) => html`<td class="code">${text}</td>`.text),
      ...shop.checks.map(({ name }) => `<th scope="row">${name}</th>`),
      "<td>shop › item</td>",
      ...Object.keys(shop.workflows).map((name) => `<th scope="row">${name}</th>`),
      ...shop.errors.map(({ message }) => html`<td class="wrap code">${message}</td>`.text),
      ...shop.warnings.map((warning) => `<li>${warning}</li>`),
      ...["avg", "med", "p(90)", "p(95)", "p(99)", "p(99.9)"].map((stat) => `<th scope="col" class="n">${stat}</th>`),
      "1 of 5 thresholds failed.",
      "worker w-2 was lost",
      "<h2>Generator</h2>",
      "<h2>Accounting</h2>",
    ];
    expect(expected.filter((text) => !page.includes(text))).toEqual([]);
    expect(page.match(/✗ failed/g)).toHaveLength(1);
    expect(page.match(/✓ passed/g)).toHaveLength(4);
  });

  test("says loudly that the generator was the bottleneck, and only then", () => {
    expect(page).not.toContain("bottleneck:");
    expect(htmlReport({ ...shop, generator: { ...shop.generator, saturated: true } }, windows)).toContain(
      "The generator was the bottleneck:",
    );
  });

  test("of an empty job is a page all the same", () => {
    const summary = buildSummary(
      jobResult({
        state: "failed",
        reason: "setup threw: no server",
        workflows: [workflowResult("default", { state: "skipped", toMs: 0 })],
        cores: [],
      }),
    );
    const text = htmlReport(summary, []);
    elementsOf(text);
    expect(text).toContain("The job was not completed.");
    expect(text).toContain("setup threw: no server");
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("without http shows iterations in place of requests, and names setup plainly", () => {
    const seconds = [
      {
        second: 0,
        epochMs: STARTED_AT,
        vus: 1,
        vusMax: 1,
        series: [series("iterations", {}, counter(5)), series("iteration_duration", {}, trend([5]))],
      },
    ];
    const summary = buildSummary(
      jobResult({
        workflows: [
          workflowResult("a", { series: seconds[0]?.series ?? [] }),
          workflowResult("b"),
          workflowResult(SETUP, { series: [series("checks", { check: "ready" }, rate(1, 1))] }),
        ],
      }),
    );
    const text = htmlReport(summary, seconds);
    expect(text).toContain("<h3>Iterations</h3>");
    expect(text).toContain("<h3>Iteration duration</h3>");
    expect(text).toContain("<td>setup</td>");
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe("text from outside", () => {
  const evil = `</script><script>alert(1)</script><img src=x onerror="alert('2')">`;

  test("is never markup, wherever it comes from", () => {
    const result = jobResult({
      id: evil,
      reason: evil,
      state: "failed",
      plan: jobPlan({ name: evil, thresholds: [threshold(evil, `count<${evil}`)] }),
      thresholds: [{ metricKey: evil, expression: `count<${evil}`, ok: false, value: 1 }],
      workflows: [
        workflowResult(evil, {
          series: [
            series("checks", { check: evil, group: `::${evil}` }, rate(1, 2)),
            series(evil, {}, counter(1)),
            series("t", {}, trend([1])),
          ],
        }),
        workflowResult("other"),
      ],
      warnings: [evil],
      errors: [{ workflow: evil, message: evil, count: 1 }],
      disturbed: [{ from: 0, to: 1, why: evil }],
      cores: [{ node: evil, core: 0, cpu: 1, loopLagMsMax: 1, seconds: 1, saturatedSeconds: 1 }],
    });
    const text = htmlReport(buildSummary(result), windows);
    elementsOf(text);
    expect(text).not.toContain("<img");
    expect(text).not.toContain("<script>alert");
    expect(text.match(/<script/g)).toHaveLength(2);
    expect(text.match(/&lt;script&gt;alert/g)?.length).toBeGreaterThan(10);
  });

  test("is escaped in text and attributes; lists are joined, markup is kept", () => {
    expect(html`<p title="${`"'<&`}">${["a<b", html`<i>${1}</i>`, verbatim("<b/>")]}</p>`.text).toBe(
      '<p title="&quot;&#39;&lt;&amp;">a&lt;b<i>1</i><b/></p>',
    );
  });

  test("cannot end a script element that holds data", () => {
    const json = scriptJson({ a: "</script><!--" }).text;
    expect(json).not.toContain("<");
    expect(JSON.parse(json)).toEqual({ a: "</script><!--" });
  });

  test("is never built into HTML by the page's own script, which parses", () => {
    expect(() => new Bun.Transpiler({ loader: "js" }).scan(SCRIPT)).not.toThrow();
    expect(SCRIPT).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|fetch/);
  });
});

describe("the timeline", () => {
  const second = (at: number, count: number, times: readonly number[] = [], vus = 1) => ({
    second: at,
    epochMs: STARTED_AT + at * 1_000,
    vus,
    vusMax: vus + 1,
    series: [
      series("http_reqs", {}, counter(count)),
      ...(times.length === 0 ? [] : [series("http_req_duration", {}, trend(times))]),
    ],
  });

  test("keeps every second of a short run apart", () => {
    const timeline = new Timeline();
    for (const window of windows) timeline.second(window);
    expect(timeline.points().map(({ from, seconds }) => [from, seconds])).toEqual(windows.map((_, at) => [at, 1]));
    expect(timeline.points()[18]?.failed).toBe(12);
  });

  test("folds a day into at most 600 points that lose no request and merge percentiles, not average them", () => {
    const timeline = new Timeline();
    for (let at = 0; at < 86_400; at++) timeline.second(second(at, 2, at % 100 === 50 ? [1_000, 1] : [1, 1], at % 7));
    const points = timeline.points();
    expect(points.length).toBeGreaterThan(299);
    expect(points.length).toBeLessThanOrEqual(600);
    expect(points.map(({ seconds }) => seconds)).toEqual([...points.slice(1).map(() => 256), 86_400 - 337 * 256]);
    for (const point of points) {
      expect(point.requests).toBe(2);
      expect(point.vus).toBe(6);
      expect(point.latency?.p50).toBeCloseTo(1, 2);
      expect(point.latency?.p99).toBeCloseTo(1, 2);
    }
    expect(htmlReport(shop, timeline).length).toBeLessThan(400_000);
  });

  test("percentiles of a wide point are those of all its values", () => {
    const timeline = new Timeline(2);
    const values = Array.from({ length: 400 }, (_, at) => at + 1);
    for (let at = 0; at < 4; at++) timeline.second(second(at, 100, values.slice(at * 100, at * 100 + 100)));
    const [first, last] = timeline.points();
    expect(Math.abs((first?.latency?.p95 ?? 0) - 190) / 190).toBeLessThan(0.001);
    expect(Math.abs((last?.latency?.p50 ?? 0) - 300) / 300).toBeLessThan(0.001);
  });

  test("the last, partial second is one of its own length, and too short a rest joins the point before it", () => {
    const timeline = new Timeline();
    for (const [at, count] of [
      [0, 100],
      [1, 100],
      [2, 80],
    ] as const)
      timeline.second(second(at, count));
    const shape = (durationMs: number) =>
      timeline
        .points(durationMs)
        .map(({ from, seconds, requests }) => [from, Number(seconds.toFixed(3)), Math.round(requests)]);
    expect(shape(2_800)).toEqual([
      [0, 1, 100],
      [1, 1, 100],
      [2, 0.8, 100],
    ]);
    expect(shape(2_100)).toEqual([
      [0, 1, 100],
      [1, 1.1, 164],
    ]);
    expect(shape(60_000)).toEqual([
      [0, 1, 100],
      [1, 1, 100],
      [2, 1, 80],
    ]);
    const short = new Timeline();
    short.second(second(0, 5));
    expect(short.points(100)).toMatchObject([{ from: 0, seconds: 0.5, requests: 10 }]);
  });

  test("shows a second nobody reported as one in which nothing happened, without latencies", () => {
    const timeline = new Timeline();
    timeline.second(second(0, 5, [1]));
    timeline.second(second(2, 5, [1]));
    expect(timeline.points().map(({ requests, latency }) => [requests, latency === null])).toEqual([
      [5, false],
      [0, true],
      [5, false],
    ]);
    expect(htmlReport(shop, timeline)).not.toMatch(/NaN/);
  });
});
