// Goal: the live view shows what matters at every size of terminal and never overflows one. Method: imagined views at
// many sizes, content checked by what a person looks for.

import { describe, expect, test } from "bun:test";
import { finalLines, liveLines, type LiveOptions } from "../../src/tui/live.ts";
import { widthOf } from "../../src/tui/cells.ts";
import { jobView, workflowView } from "./views.ts";

const SPARK = Array.from({ length: 90 }, (_, at) => 100 + (at % 10));
const options = (columns: number, rows: number, changes: Partial<LiveOptions> = {}): LiveOptions => ({
  columns,
  rows,
  color: false,
  requestsBySecond: SPARK,
  totalMs: 45_000,
  ...changes,
});
const TROUBLED = jobView({
  isSaturated: true,
  failedRatio: 0.0312,
  checks: { passes: 900, fails: 31 },
  workflows: [
    workflowView({
      name: "login",
      state: "ended",
      vus: 0,
      vusMax: 1,
      completed: 1,
      iterationsTotal: 1,
      elapsedMs: 300,
    }),
    workflowView({ dropped: 1_234 }),
    workflowView({ name: "a-very-long-workflow-name-indeed", state: "waiting", completed: 0, elapsedMs: 0 }),
  ],
  thresholds: [
    { metricKey: "http_req_duration{workflow:browse}", expression: "p(95)<5", ok: false, value: 20.4 },
    { metricKey: "checks", expression: "rate>0.9", ok: true, value: 0.96 },
  ],
});

describe("a terminal of any size", () => {
  const many = jobView({
    workflows: Array.from({ length: 60 }, (_, at) =>
      workflowView({ name: `workflow-${at}`, state: at === 37 ? "running" : "waiting" }),
    ),
  });
  for (const [columns, rows] of [
    [80, 24],
    [160, 50],
    [40, 20],
    [24, 8],
    [20, 4],
    [300, 100],
    [1, 1],
  ] as const) {
    test(`${columns} x ${rows} is never overflown`, () => {
      for (const view of [
        jobView(),
        TROUBLED,
        many,
        jobView({ workflows: [workflowView({ state: "waiting", waitsFor: "no worker has region=eu ".repeat(20) })] }),
        jobView({ workflows: [], requests: 0, histogram: [], thresholds: [], cores: [] }),
      ]) {
        const lines = liveLines(view, options(columns, rows));
        expect(lines.length).toBeLessThanOrEqual(Math.max(3, rows - 1));
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(Math.max(20, columns - 1));
      }
    });
  }

  test("of many workflows those that run are shown, the others counted", () => {
    const text = liveLines(many, options(80, 24)).join("\n");
    expect(text).toContain("workflow-37");
    expect(text).toMatch(/and 50 more workflows/);
  });
});

describe("80 x 24", () => {
  const text = liveLines(jobView(), options(80, 24)).join("\n");
  for (const [what, pattern] of [
    ["name, state and time", /^checkout running +00:13 \/ 00:45$/m],
    ["a workflow's bar, VUs, time and rate", /^● browse \[=+>-+\] +20\/100 VUs +00:10\/00:30 +200 iters\/s/m],
    ["requests, failures, checks", /requests +12,345 +200\/s +failed 0\.00% +checks 100\.00%/],
    ["data and cpu", /received +1\.2 MB\/s +sent 23 kB\/s +cpu 42% 38%/],
    [
      "latencies by column",
      /latency +avg +p50 +p90 +p95 +p99 +max\n +now +12\.3ms +11\.8ms +18\.2ms +21\.5ms +40\.1ms +88\.4ms\n +all +11\.9ms/,
    ],
    ["requests by second", /req\/s +[▁-█]+ max 109/],
    ["a histogram", /to 10ms +█+ 6,100/],
    ["thresholds", /thresholds ✓ 1 +✗ 0/],
  ] as const) {
    test(`shows ${what}`, () => expect(text).toMatch(pattern));
  }

  test("shows what went wrong", () => {
    const troubled = liveLines(TROUBLED, options(80, 24)).join("\n");
    for (const pattern of [
      /! generator saturated \(cpu 42%, loop 400µs late\)/,
      /failed 3\.12%/,
      /31 failed/,
      /1,234 dropped/,
      /✗ http_req_duration\{workflow:browse\} p\(95\)<5 +is 20\.4/,
    ]) {
      expect(troubled).toMatch(pattern);
    }
    expect(troubled).toMatch(/✓ login +\[=+\] +0\/1 VUs +1\/1 iters/);
    expect(troubled).toMatch(/○ a-very-long-workfl… +\[-+\] +waiting/);
  });

  test("a healthy view says nothing of saturation, drops or failures", () => {
    expect(text).not.toMatch(/saturated|dropped|more workflows/);
  });
});

test("when rows are few, the picture goes before the numbers, and the header stays", () => {
  const text = liveLines(TROUBLED, options(80, 12)).join("\n");
  expect(text).toContain("checkout running");
  expect(text).toContain("saturated");
  expect(text).toContain("requests");
  expect(text).not.toContain("to 10ms");
});

test("without a planned length only the elapsed time is shown", () => {
  expect(liveLines(jobView(), options(80, 24, { totalMs: null }))[0]).toMatch(/running +00:13$/);
});

test("before the first request there are no latencies", () => {
  expect(liveLines(jobView({ requests: 0, histogram: [] }), options(80, 24)).join("\n")).not.toContain("latency");
});

test("a workflow that waits for cores says why, on a line of its own", () => {
  const waiting = workflowView({ name: "eu", state: "waiting", waitsFor: "no worker has region=eu" });
  const lines = liveLines(jobView({ workflows: [workflowView(), waiting] }), options(80, 24));
  expect(lines.filter((line) => line.includes("waits"))).toEqual(["  eu waits: no worker has region=eu"]);
});

test("a job that stops says so", () => {
  expect(liveLines(jobView({ workflows: [workflowView({ state: "stopping" })] }), options(80, 24))[0]).toContain(
    "stopping",
  );
});

test("colour adds escape codes and nothing else", () => {
  const colored = liveLines(TROUBLED, options(80, 24, { color: true }));
  expect(colored.join("")).toContain("\x1b[31m");
  expect(colored.map((line) => line.replace(/\x1b\[[0-9;]*m/g, ""))).toEqual(liveLines(TROUBLED, options(80, 24)));
  expect(liveLines(TROUBLED, options(80, 24)).join("")).not.toContain("\x1b");
});

test("what stays at the end is header and workflows", () => {
  expect(
    finalLines(jobView({ state: "ended", workflows: [workflowView({ state: "ended" })] }), options(80, 24)),
  ).toHaveLength(2);
});

test("names cannot smuggle escape codes in", () => {
  const text = liveLines(
    jobView({ name: "x\x1b[2Jy", workflows: [workflowView({ name: "a\x1bb" })] }),
    options(80, 24),
  ).join("\n");
  expect(text).not.toContain("\x1b");
});
