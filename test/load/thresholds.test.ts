// Goal: thresholds mean what k6's mean, and a bad one is refused with words that help. Method: tables of expressions,
// good and bad; judgements on small series; windowed thresholds second by second, and against a naive search for
// streaks.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HyperscaleError } from "../../src/base/error.ts";
import { SETUP, TEARDOWN, type ThresholdPlan } from "../../src/load/plan.ts";
import type { SecondWindow } from "../../src/load/result.ts";
import type { Series } from "../../src/load/series.ts";
import {
  createWindowedThresholds,
  evaluate,
  evaluateLive,
  finalOutcomes,
  judge,
  parseMetricKey,
  parseThreshold,
  windowedOutcomes,
} from "../../src/load/thresholds.ts";
import { seriesOf, trendOf } from "./samples.ts";

const CUSTOM = [
  { name: "wait", type: "trend", isTime: true },
  { name: "size", type: "trend", isTime: false },
  { name: "cost", type: "counter", isTime: true },
  { name: "depth", type: "gauge", isTime: false },
] as const;

function refusal(metricKey: string, source: unknown): { readonly message: string; readonly hint: string } {
  try {
    parseThreshold(metricKey, source, CUSTOM);
  } catch (thrown) {
    if (thrown instanceof HyperscaleError && thrown.code === "invalid")
      return { message: thrown.message, hint: thrown.hint ?? "" };
    throw thrown;
  }
  throw new Error(`${metricKey}: ${JSON.stringify(source)} was accepted`);
}

function condition(metricKey: string, expression: string): readonly unknown[] {
  const plan = parseThreshold(metricKey, expression, CUSTOM);
  return [plan.aggregate, plan.operator, plan.limit, plan.forSeconds];
}

describe("expressions", () => {
  test("every aggregate, comparison and form of number is read", () => {
    const table: readonly (readonly [string, string, string, string, number, number])[] = [
      ["http_req_duration", "p(95)<500", "p(95)", "<", 500, 0],
      ["http_req_duration", " p( 99.90 ) <= 1.5e3 ", "p(99.9)", "<=", 1_500, 0],
      ["http_req_duration", "p(0)>-1", "p(0)", ">", -1, 0],
      ["http_req_duration", "avg<.5", "avg", "<", 0.5, 0],
      ["http_req_duration", "min >= 1", "min", ">=", 1, 0],
      ["http_req_duration", "max == 2", "max", "==", 2, 0],
      ["http_req_duration", "med===2.", "med", "==", 2, 0],
      ["http_req_duration", "med!=+3", "med", "!=", 3, 0],
      ["http_reqs", "count>100", "count", ">", 100, 0],
      ["http_reqs", "rate>100 for 1m", "rate", ">", 100, 60],
      ["checks", "rate>0.99", "rate", ">", 0.99, 0],
      ["vus", "value<=50", "value", "<=", 50, 0],
      ["depth", "value!=0", "value", "!=", 0, 0],
      ["http_req_duration", "p(95)<500 for 10s", "p(95)", "<", 500, 10],
      ["http_req_duration", "p(95)<500   for   1s", "p(95)", "<", 500, 1],
    ];
    for (const [key, expression, ...expected] of table) expect(condition(key, expression)).toEqual(expected);
  });

  test("limits of times may carry a unit, other limits may not", () => {
    expect(condition("http_req_duration", "p(95)<1.5s for 10s")).toEqual(["p(95)", "<", 1_500, 10]);
    expect(condition("wait", "avg<250us")).toEqual(["avg", "<", 0.25, 0]);
    expect(condition("cost", "count<2m")).toEqual(["count", "<", 120_000, 0]);
    expect(refusal("size", "avg<1s").message).toContain('"1s" is not a number');
    expect(refusal("cost", "rate<1s").message).toContain('"1s" is not a number');
    expect(refusal("http_req_duration", "avg<1 s").message).toContain('"1 s" is no limit');
  });

  test("key and expression are kept as written, and options are read", () => {
    expect(parseThreshold("http_req_duration{ workflow:browse }", " p(95) < 500")).toEqual({
      metricKey: "http_req_duration{ workflow:browse }",
      metric: "http_req_duration",
      type: "trend",
      tags: { workflow: "browse" },
      expression: " p(95) < 500",
      aggregate: "p(95)",
      operator: "<",
      limit: 500,
      forSeconds: 0,
      abortOnFail: false,
      delayAbortEvalMs: 0,
    });
    const plan = parseThreshold("checks", { threshold: "rate>0.9", abortOnFail: true, delayAbortEval: "1m30s" });
    expect([plan.expression, plan.abortOnFail, plan.delayAbortEvalMs]).toEqual(["rate>0.9", true, 90_000]);
    expect(parseThreshold("checks", { threshold: "rate>0.9", delayAbortEval: 250 }).delayAbortEvalMs).toBe(250);
  });

  test("a bad expression is refused by name of metric and expression, with what is wrong and what is valid", () => {
    const table: readonly (readonly [string, string, string])[] = [
      ["http_req_duration", "", "no comparison"],
      ["http_req_duration", "p(95)", "no comparison"],
      ["http_req_duration", "<500", "does not say what to compare"],
      ["http_req_duration", "p(95)<", "the limit is missing"],
      ["http_req_duration", "p(95)<<500", '"<<" is no comparison'],
      ["http_req_duration", "p(95)=500", '"=" is no comparison'],
      ["http_req_duration", "p(95)=>500", '"=>" is no comparison'],
      ["http_req_duration", "p(95)<five", '"five" is not a number'],
      ["http_req_duration", "p(95)<5e", '"5e" is not a number'],
      ["http_req_duration", "p95<500", 'no aggregate "p95"'],
      ["http_req_duration", "p(101)<500", 'no aggregate "p(101)"'],
      ["http_req_duration", "p(N)<500", 'no aggregate "p(N)"'],
      ["http_req_duration", "mean<500", 'no aggregate "mean"'],
      ["http_req_duration", "rate<500", 'a trend has no "rate"'],
      ["http_req_duration", "count<500", 'a trend has no "count"'],
      ["http_reqs", "p(95)<500", 'a counter has no "p(95)"'],
      ["checks", "count>5", 'a rate has no "count"'],
      ["vus", "max>5", 'a gauge has no "max"'],
      ["http_req_duration", "p(95)<500 && avg<5", '"500 && avg<5" is no limit'],
      ["http_req_duration", "p(95)<500 for 1500ms", '"for 1500ms" has to be whole seconds'],
      ["http_req_duration", "p(95)<500 for 0s", "has to be whole seconds"],
      ["http_req_duration", "p(95)<500 for", '"500 for" is no limit'],
      ["http_req_duration", "p(95)<500 for ever", '"for ever" has to be whole seconds'],
    ];
    for (const [key, expression, text] of table) {
      const { message, hint } = refusal(key, expression);
      expect(message).toStartWith(`threshold on "${key}", "${expression}": `);
      expect(message).toContain(text);
      expect(hint).toContain(`${key} is a `);
    }
    expect(refusal("http_req_duration", "rate<1").hint).toBe(
      "http_req_duration is a trend: write one of avg, min, max, med, p(N) and a comparison, " +
        'e.g. "p(95)<500" or "p(95)<500 for 10s", times in ms',
    );
    expect(refusal("checks", "count>1").hint).toBe(
      'checks is a rate: write one of rate and a comparison, e.g. "rate>0.9" or "rate>0.9 for 10s"',
    );
  });

  test("an unknown metric is refused with the metrics there are, those of the test among them", () => {
    const { message, hint } = refusal("http_req_durations", "p(95)<1");
    expect(message).toBe('threshold on "http_req_durations": there is no metric "http_req_durations"');
    expect(hint).toContain("http_req_duration,");
    expect(hint).toContain("wait, size, cost, depth");
    expect(() => parseThreshold("wait", "avg<1")).toThrow('no metric "wait"');
  });

  test("what is neither text nor a threshold object is refused", () => {
    for (const source of [5, null, undefined, ["p(95)<1"], true])
      expect(refusal("checks", source).message).toContain("is no threshold");
    expect(refusal("checks", { abortOnFail: true }).message).toContain('"threshold" has to be text');
    expect(refusal("checks", { threshold: "rate>0.9", abortOnfail: true }).message).toContain(
      'unknown field "abortOnfail"',
    );
    expect(refusal("checks", { threshold: "rate>0.9", abortOnFail: "yes" }).message).toContain(
      "abortOnFail has to be true or false",
    );
    expect(refusal("checks", { threshold: "rate>0.9", delayAbortEval: "soon" }).message).toContain(
      'delayAbortEval "soon" is no duration',
    );
  });

  test("no text makes the parser do anything but read it or refuse it", () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(..."p(95)<>=! 5for10s{:,}\"'avgrte.-".split("")), maxLength: 30 }),
      fc.string(),
    );
    fc.assert(
      fc.property(text, text, (key, expression) => {
        for (const [metricKey, source] of [
          ["http_req_duration", expression],
          [`checks{${key}}`, "rate>0"],
          [key, expression],
        ] as const) {
          try {
            expect(Number.isFinite(parseThreshold(metricKey, source).limit)).toBe(true);
          } catch (thrown) {
            if (!(thrown instanceof HyperscaleError) || thrown.code !== "invalid" || thrown.hint === undefined)
              throw thrown;
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("tag filters", () => {
  test("name a workflow by k6's word for it too", () => {
    expect(parseMetricKey("m{scenario:browse}")).toEqual({ metric: "m", tags: { workflow: "browse" } });
  });

  test("values may hold colons, braces and blanks, and commas where quoted", () => {
    const table: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      ["m", {}],
      ["m{a:b}", { a: "b" }],
      ["m { a : b , c:d } ", { a: "b", c: "d" }],
      ["m{url:http://x/}", { url: "http://x/" }],
      ["m{group:::login}", { group: "::login" }],
      ["m{url:\"http://x/?a=1,2\",n:'b, c'}", { url: "http://x/?a=1,2", n: "b, c" }],
      ["m{name:/items/${}}", { name: "/items/${}" }],
      ["m{name:two words}", { name: "two words" }],
      ["m{a:}", { a: "" }],
    ];
    for (const [key, tags] of table) expect(parseMetricKey(key)).toEqual({ metric: "m", tags });
  });

  test("a filter that cannot be read is refused by its faulty part", () => {
    const table: readonly (readonly [string, string])[] = [
      ["checks{a:b", 'no closing "}"'],
      ["checks{a:b}x", 'no closing "}"'],
      ["checks{}", '"" is not tag:value'],
      ["checks{a}", '"a" is not tag:value'],
      ["checks{a:1,b}", '"b" is not tag:value'],
      ["checks{a:1,}", "ends with a comma"],
      ["checks{a:1,a:2}", '"a" is given twice'],
      ['checks{a:"b"c}', "is not tag:value"],
      ['checks{a:"b}', "is not tag:value"],
      ["checks{:b}", "is not tag:value"],
    ];
    for (const [key, text] of table) {
      const { message, hint } = refusal(key, "rate>0");
      expect(message).toContain(`"${key}"`);
      expect(message).toContain(text);
      expect(hint).toContain("a tag filter looks like this");
    }
  });
});

function plansOf(
  ...list: readonly (readonly [
    string,
    string | { threshold: string; abortOnFail?: boolean; delayAbortEval?: string },
  ])[]
): ThresholdPlan[] {
  return list.map(([key, source]) => parseThreshold(key, source, CUSTOM));
}

function reqs(count: number, tags: Readonly<Record<string, string>> = {}): Series {
  return seriesOf("http_reqs", tags, { type: "counter", count, sum: count });
}

describe("judging", () => {
  test("a threshold looks at the series of its metric and tags, summed", () => {
    const series = [
      seriesOf("http_req_duration", { workflow: "browse", status: "200" }, trendOf([100, 200])),
      seriesOf("http_req_duration", { workflow: "browse", status: "500" }, trendOf([900])),
      seriesOf("http_req_duration", { workflow: "login" }, trendOf([5_000])),
      reqs(30),
      seriesOf("checks", {}, { type: "rate", passes: 9, total: 10 }),
      seriesOf("depth", {}, { type: "gauge", value: 4, min: 0, max: 9, atMs: 1 }),
    ];
    const table: readonly (readonly [string, string, boolean, number])[] = [
      ["http_req_duration", "max<5000", false, 5_000],
      ["http_req_duration{workflow:browse}", "max<5000", true, 900],
      ["http_req_duration{workflow:browse,status:500}", "avg==900", true, 900],
      ["http_req_duration{workflow:browse}", "avg<=400", true, 400],
      ["http_reqs", "rate>=3", true, 3],
      ["http_reqs", "count!=30", false, 30],
      ["checks", "rate>0.9", false, 0.9],
      ["depth", "value>4", false, 4],
    ];
    for (const [key, expression, ok, value] of table) {
      const [plan] = plansOf([key, expression]);
      if (plan === undefined) throw new Error("no plan");
      expect(evaluate(plan, series, 10)).toEqual({ metricKey: key, expression, ok, value });
    }
  });

  test("a threshold without samples passes with no value", () => {
    for (const [key, expression] of [
      ["http_reqs", "count>5"],
      ["http_req_duration{workflow:none}", "p(95)<1"],
      ["checks", "rate>1"],
    ] as const) {
      const empty = [
        reqs(0),
        seriesOf("checks", {}, { type: "rate", passes: 0, total: 0 }),
        seriesOf("http_req_duration", {}, trendOf([9])),
      ];
      const [plan] = plansOf([key, expression]);
      if (plan === undefined) throw new Error("no plan");
      expect(evaluate(plan, empty, 10)).toEqual({ metricKey: key, expression, ok: true, value: null });
    }
  });

  test("at the end a counter to which nothing was added is judged as 0, other metrics pass", () => {
    const plans = [
      ...plansOf(["http_reqs", "count>5"], ["http_reqs{status:500}", "count<1"], ["http_reqs", "rate>0"]),
      parseThreshold("cost", "rate>0", CUSTOM),
      parseThreshold("depth", "value>3", CUSTOM),
      ...plansOf(["http_req_duration", "p(95)<1"], ["checks", "rate>1"]),
    ];
    const outcomes = finalOutcomes(plans, [reqs(0)], 10, []).map(({ ok, value }) => [ok, value]);
    expect(outcomes.slice(0, 4)).toEqual([
      [false, 0],
      [true, 0],
      [false, 0],
      [false, 0],
    ]);
    expect(outcomes.slice(4)).toEqual([
      [true, null],
      [true, null],
      [true, null],
    ]);
    expect(evaluateLive(plans, [reqs(0)], 10_000).outcomes.every(({ ok }) => ok)).toBe(true);
  });

  test("a counter's rate leaves out what setup and teardown counted; its count does not", () => {
    const series = [reqs(900, { workflow: SETUP }), reqs(30, { workflow: "browse" }), reqs(70, { workflow: TEARDOWN })];
    const values = plansOf(["http_reqs", "rate>50"], ["http_reqs", "count>50"]).map((plan) =>
      evaluate(plan, series, 10),
    );
    expect(values.map(({ ok, value }) => [ok, value])).toEqual([
      [false, 3],
      [true, 1_000],
    ]);
  });

  test("only a failed threshold with abortOnFail ends the test, the first one, and not before its delay", () => {
    const plans = plansOf(
      ["http_reqs", "count>100"],
      ["http_reqs", { threshold: "count>50", abortOnFail: true, delayAbortEval: "10s" }],
      ["http_reqs", { threshold: "count<20", abortOnFail: true }],
      ["http_reqs", { threshold: "count>99 for 1s", abortOnFail: true }],
    );
    const early = evaluateLive(plans, [reqs(10)], 9_999);
    expect(early.outcomes.map((outcome) => outcome.ok)).toEqual([false, false, true]);
    expect(early.abort).toBeNull();
    expect(evaluateLive(plans, [reqs(10)], 10_000).abort?.expression).toBe("count>50");
    expect(evaluateLive(plans, [reqs(30)], 5_000).abort?.expression).toBe("count<20");
    expect(evaluateLive(plansOf(["http_reqs", "rate>3"]), [reqs(30)], 10_000).outcomes[0]?.value).toBe(3);
    expect(evaluateLive(plansOf(["http_reqs", "rate>3"]), [reqs(30)], 10_000, 5).outcomes[0]?.value).toBe(6);
  });

  test("at the end plain thresholds are judged on the final data, and what failed for good stays failed", () => {
    const plans = plansOf(
      ["http_reqs", "count>5"],
      ["http_reqs", { threshold: "count>9", abortOnFail: true }],
      ["http_reqs", "rate>1 for 2s"],
      ["http_reqs", "rate>2 for 2s"],
    );
    const judged = [
      { metricKey: "http_reqs", expression: "count>9", ok: false, value: 3 },
      { metricKey: "http_reqs", expression: "count>5", ok: true, value: 6 },
      { metricKey: "http_reqs", expression: "rate>1 for 2s", ok: true, value: 4 },
    ];
    expect(finalOutcomes(plans, [reqs(10)], 10, judged)).toEqual([
      { metricKey: "http_reqs", expression: "count>5", ok: true, value: 10 },
      { metricKey: "http_reqs", expression: "count>9", ok: false, value: 3 },
      { metricKey: "http_reqs", expression: "rate>1 for 2s", ok: true, value: 4 },
      { metricKey: "http_reqs", expression: "rate>2 for 2s", ok: true, value: null },
    ]);
  });
});

describe("windowed thresholds", () => {
  const windowOf = (second: number, values: readonly number[]): SecondWindow => ({
    second,
    epochMs: 0,
    vus: 1,
    vusMax: 1,
    series: values.length === 0 ? [] : [seriesOf("http_req_duration", {}, trendOf(values))],
  });
  /** First second after which the threshold has failed; null if it never does. */
  const failsAfter = (expression: string, seconds: readonly (readonly number[])[]): number | null => {
    const state = createWindowedThresholds(plansOf(["http_req_duration", expression]));
    const at = seconds.findIndex((values, second) => judge(state, windowOf(second, values)).outcomes[0]?.ok === false);
    return at === -1 ? null : at;
  };

  test("[MW-11.3.2] fails only after so many bad seconds in a row; a good or an empty second ends the streak", () => {
    expect(failsAfter("max<10 for 3s", [[20], [20], [20]])).toBe(2);
    expect(failsAfter("max<10 for 3s", [[20], [20], [5], [20], [20]])).toBeNull();
    expect(failsAfter("max<10 for 3s", [[20], [20], [], [20], [20]])).toBeNull();
    expect(failsAfter("max<10 for 3s", [[20], [20], [], [20], [20], [20]])).toBe(5);
    expect(failsAfter("max<10 for 1s", [[5], [], [20]])).toBe(2);
    expect(
      failsAfter("avg<10 for 2s", [
        [5, 30],
        [19, 2],
      ]),
    ).toBe(1);
  });

  test("agrees with a search for the first streak, for any seconds", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("bad", "good", "empty"), { maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        (seconds, length) => {
          const text = seconds.map((second) => (second === "bad" ? "x" : ".")).join("");
          const at = text.indexOf("x".repeat(length));
          const values = seconds.map((second) => (second === "empty" ? [] : [second === "bad" ? 20 : 5]));
          expect(failsAfter(`max<10 for ${length}s`, values)).toBe(at === -1 ? null : at + length - 1);
        },
      ),
    );
  });

  test("a failure stays, with the value that failed it; rates are per second of the window", () => {
    const state = createWindowedThresholds(plansOf(["http_reqs", "count>1"], ["http_reqs", "rate>5 for 2s"]));
    const window = (second: number, count: number): SecondWindow => ({
      ...windowOf(second, []),
      series: [reqs(count)],
    });
    expect(windowedOutcomes(state)).toEqual([
      { metricKey: "http_reqs", expression: "rate>5 for 2s", ok: true, value: null },
    ]);
    expect(judge(state, window(0, 4)).outcomes).toEqual([
      { metricKey: "http_reqs", expression: "rate>5 for 2s", ok: true, value: 4 },
    ]);
    expect(judge(state, window(1, 3)).outcomes[0]).toEqual({
      metricKey: "http_reqs",
      expression: "rate>5 for 2s",
      ok: false,
      value: 3,
    });
    expect(judge(state, window(2, 90)).outcomes[0]).toEqual({
      metricKey: "http_reqs",
      expression: "rate>5 for 2s",
      ok: false,
      value: 3,
    });
    expect(judge(state, window(3, 0)).abort).toBeNull();
  });

  test("ends the test if asked to, once its delay has passed", () => {
    const state = createWindowedThresholds(
      plansOf(["http_req_duration", { threshold: "max<10 for 1s", abortOnFail: true, delayAbortEval: "3s" }]),
    );
    const aborts = [0, 1, 2, 3].map((second) => judge(state, windowOf(second, [20])).abort?.expression ?? null);
    expect(aborts).toEqual([null, null, "max<10 for 1s", "max<10 for 1s"]);
  });
});
