// Goal: a file's options become the plan that k6's rules say. Method: tables of files against executors and plans. What
// the command line changes is in options-overrides.test.ts, what is wrong with options in options-problems.test.ts.

import { describe, expect, test } from "bun:test";
import { executors, job, plan } from "./plans.ts";
import type { Executor } from "../../src/load/plan.ts";

const OPEN = { timeUnitMs: 1_000, onLate: "drop" } as const;

describe("the executor that options mean", () => {
  const stages = [
    { duration: "30s", target: 10 },
    { duration: 500, target: 0 },
  ];
  const stagesMs = [
    { durationMs: 30_000, target: 10 },
    { durationMs: 500, target: 0 },
  ];
  const cases: readonly (readonly [title: string, options: unknown, executor: Executor])[] = [
    ["nothing: one iteration", null, { kind: "shared-iterations", vus: 1, iterations: 1, maxDurationMs: 600_000 }],
    ["duration", { duration: "10s" }, { kind: "constant-vus", vus: 1, durationMs: 10_000 }],
    ["vus and duration", { vus: 50, duration: "1m30s" }, { kind: "constant-vus", vus: 50, durationMs: 90_000 }],
    ["a duration in ms", { duration: 250 }, { kind: "constant-vus", vus: 1, durationMs: 250 }],
    ["iterations", { iterations: 5 }, { kind: "shared-iterations", vus: 1, iterations: 5, maxDurationMs: 600_000 }],
    [
      "vus and iterations",
      { vus: 2, iterations: 5, maxDuration: "5s" },
      { kind: "shared-iterations", vus: 2, iterations: 5, maxDurationMs: 5_000 },
    ],
    [
      "iterations bounded by a duration",
      { iterations: 5, duration: "1s" },
      { kind: "shared-iterations", vus: 1, iterations: 5, maxDurationMs: 1_000 },
    ],
    ["stages", { stages }, { kind: "ramping-vus", startVus: 1, stages: stagesMs, gracefulRampDownMs: 30_000 }],
    [
      "stages from vus",
      { vus: 7, stages, gracefulRampDown: 0 },
      { kind: "ramping-vus", startVus: 7, stages: stagesMs, gracefulRampDownMs: 0 },
    ],
    [
      "stages from startVUs",
      { startVUs: 0, stages },
      { kind: "ramping-vus", startVus: 0, stages: stagesMs, gracefulRampDownMs: 30_000 },
    ],
    [
      "stages of a rate",
      { stages, startRate: 2, preAllocatedVUs: 3 },
      { kind: "ramping-arrival-rate", startRate: 2, stages: stagesMs, preAllocatedVus: 3, maxVus: 3, ...OPEN },
    ],
    [
      "a bare rate: VUs for a second, ten seconds at most",
      { rate: 40, duration: "1s" },
      { kind: "constant-arrival-rate", rate: 40, durationMs: 1_000, preAllocatedVus: 40, maxVus: 400, ...OPEN },
    ],
    [
      "a bare high rate: 1,000 VUs",
      { rate: 90_000, duration: "1s" },
      {
        kind: "constant-arrival-rate",
        rate: 90_000,
        durationMs: 1_000,
        preAllocatedVus: 1_000,
        maxVus: 10_000,
        ...OPEN,
      },
    ],
    [
      "a bare low rate: one VU",
      { rate: 6, timeUnit: "1m", duration: "1h" },
      {
        kind: "constant-arrival-rate",
        rate: 6,
        timeUnitMs: 60_000,
        durationMs: 3_600_000,
        preAllocatedVus: 1,
        maxVus: 10,
        onLate: "drop",
      },
    ],
    [
      "bare stages of a rate",
      { timeUnit: "1s", stages },
      { kind: "ramping-arrival-rate", startRate: 0, stages: stagesMs, preAllocatedVus: 10, maxVus: 100, ...OPEN },
    ],
    [
      "rate and maxVUs",
      { rate: 40, duration: "1s", maxVUs: 4 },
      { kind: "constant-arrival-rate", rate: 40, durationMs: 1_000, preAllocatedVus: 4, maxVus: 4, ...OPEN },
    ],
    [
      "rate and vus",
      { rate: 40, duration: "1s", vus: 4 },
      { kind: "constant-arrival-rate", rate: 40, durationMs: 1_000, preAllocatedVus: 4, maxVus: 4, ...OPEN },
    ],
    [
      "a queueing rate",
      { rate: 1, duration: "1s", onLate: "queue" },
      {
        kind: "constant-arrival-rate",
        rate: 1,
        timeUnitMs: 1_000,
        durationMs: 1_000,
        preAllocatedVus: 1,
        maxVus: 10,
        onLate: "queue",
      },
    ],
  ];
  for (const [title, options, executor] of cases) {
    test(title, () => {
      expect(executors(plan(options))).toEqual([executor]);
      if (options !== null) expect(executors(job({ name: "j", workflows: { w: options } }))).toEqual([executor]);
    });
  }

  const named: readonly (readonly [options: Readonly<Record<string, unknown>>, executor: Executor])[] = [
    [{ executor: "shared-iterations" }, { kind: "shared-iterations", vus: 1, iterations: 1, maxDurationMs: 600_000 }],
    [
      { executor: "per-vu-iterations", vus: 3, iterations: 2 },
      { kind: "per-vu-iterations", vus: 3, iterations: 2, maxDurationMs: 600_000 },
    ],
    [
      { executor: "constant-vus", duration: "1s" },
      { kind: "constant-vus", vus: 1, durationMs: 1_000 },
    ],
    [
      { executor: "ramping-vus", stages },
      { kind: "ramping-vus", startVus: 1, stages: stagesMs, gracefulRampDownMs: 30_000 },
    ],
    [
      { executor: "constant-arrival-rate", rate: 5, duration: "2s", preAllocatedVUs: 2, maxVUs: 9 },
      { kind: "constant-arrival-rate", rate: 5, durationMs: 2_000, preAllocatedVus: 2, maxVus: 9, ...OPEN },
    ],
    [
      { executor: "constant-arrival-rate", rate: 5, duration: "2s", preAllocatedVUs: 0, maxVUs: 9 },
      { kind: "constant-arrival-rate", rate: 5, durationMs: 2_000, preAllocatedVus: 0, maxVus: 9, ...OPEN },
    ],
    [
      { executor: "ramping-arrival-rate", stages, preAllocatedVUs: 2 },
      { kind: "ramping-arrival-rate", startRate: 0, stages: stagesMs, preAllocatedVus: 2, maxVus: 2, ...OPEN },
    ],
    [
      { executor: "externally-controlled", duration: "1s", vus: 2, maxVUs: 5 },
      { kind: "externally-controlled", vus: 2, maxVus: 5, durationMs: 1_000 },
    ],
    [
      { executor: "externally-controlled", duration: "1s" },
      { kind: "externally-controlled", vus: 1, maxVus: 1, durationMs: 1_000 },
    ],
  ];
  for (const [options, executor] of named) {
    test(`named: ${Object.keys(options).join(", ")}`, () => {
      expect(executors(plan({ scenarios: { s: options } }))).toEqual([executor]);
      expect(executors(job({ name: "j", workflows: { w: options } }))).toEqual([executor]);
    });
  }
});

describe("the plan", () => {
  test("of a file without options has k6's defaults", () => {
    expect(plan(null)).toEqual({
      warnings: [],
      plan: {
        name: "test",
        setup: null,
        teardown: null,
        thresholds: [],
        tags: {},
        env: {},
        feeds: [],
        summaryTrendStats: ["avg", "min", "med", "max", "p(90)", "p(95)"],
        workflows: [
          {
            name: "default",
            after: [],
            run: { kind: "export", name: "default" },
            executor: { kind: "shared-iterations", vus: 1, iterations: 1, maxDurationMs: 600_000 },
            startTimeMs: 0,
            gracefulStopMs: 30_000,
            minIterationDurationMs: 0,
            env: {},
            tags: {},
            priority: "auto",
          },
        ],
        http: {
          discardResponseBodies: false,
          insecureSkipTlsVerify: false,
          noConnectionReuse: false,
          noVuConnectionReuse: false,
          noCookiesReset: false,
          maxRedirects: 10,
          batch: 20,
          batchPerHost: 6,
          userAgent: "hyperscale/0.1",
          connectTimeoutMs: 30_000,
          hosts: {},
          dns: { ttlMs: 300_000, select: "random", policy: "preferIPv4" },
          tlsAuth: [],
          tlsCaCerts: [],
          tlsVersionMin: "",
          tlsVersionMax: "",
        },
      },
    });
  });

  test("carries what a scenario says beside its executor", () => {
    const scenario = {
      executor: "constant-vus",
      duration: "1s",
      exec: "browse",
      startTime: "5s",
      gracefulStop: "1s",
      minIterationDuration: 20,
      env: { A: "1" },
      tags: { kind: "x" },
      priority: "high",
      requires: { region: "us-east-1" },
      prefers: { type: "build" },
      after: ["b", "b"],
    };
    const { plan: made, warnings } = plan({
      minIterationDuration: "1s",
      scenarios: { a: scenario, b: { executor: "constant-vus", duration: 1 } },
    });
    expect(made.workflows[0]).toEqual({
      name: "a",
      after: ["b"],
      run: { kind: "export", name: "browse" },
      executor: { kind: "constant-vus", vus: 1, durationMs: 1_000 },
      startTimeMs: 5_000,
      gracefulStopMs: 1_000,
      minIterationDurationMs: 20,
      env: { A: "1" },
      tags: { kind: "x" },
      priority: "high",
      requires: { region: "us-east-1" },
      prefers: { type: "build" },
    });
    expect(made.workflows[1]).toMatchObject({
      minIterationDurationMs: 1_000,
      run: { kind: "export", name: "default" },
    });
    expect(warnings).toEqual([]);
  });

  test("of a job names it, runs its workflows by name and keeps their order", () => {
    const { plan: made } = job({
      name: "checkout",
      tags: { t: "1" },
      setup: null,
      teardown: null,
      workflows: {
        login: { run: null, vus: 1, iterations: 1 },
        browse: { after: ["login"], startTime: "1s", duration: "1s" },
      },
    });
    expect(made.name).toBe("checkout");
    expect(made.workflows.map(({ name, after, run, startTimeMs }) => ({ name, after, run, startTimeMs }))).toEqual([
      { name: "login", after: [], run: { kind: "workflow", name: "login" }, startTimeMs: 0 },
      { name: "browse", after: ["login"], run: { kind: "workflow", name: "browse" }, startTimeMs: 1_000 },
    ]);
    expect(made.tags).toEqual({ t: "1" });
  });

  test("has setup and teardown where the file has them, for 60 s unless said otherwise, and not where switched off", () => {
    const module = { hasSetup: true, hasTeardown: true };
    expect(plan({}, { module }).plan).toMatchObject({ setup: { timeoutMs: 60_000 }, teardown: { timeoutMs: 60_000 } });
    const options = { setupTimeout: "5s", teardownTimeout: 70 };
    expect(plan(options, { module }).plan).toMatchObject({ setup: { timeoutMs: 5_000 }, teardown: { timeoutMs: 70 } });
    expect(plan(options, { module, overrides: { noSetup: true, noTeardown: true } }).plan).toMatchObject({
      setup: null,
      teardown: null,
    });
    expect(plan(options).plan).toMatchObject({ setup: null, teardown: null });
  });

  test("takes the http client's settings, the command line's first", () => {
    const cert = "-----BEGIN CERTIFICATE-----";
    const key = "-----BEGIN PRIVATE KEY-----";
    const options = {
      discardResponseBodies: true,
      insecureSkipTLSVerify: true,
      noConnectionReuse: true,
      noVUConnectionReuse: true,
      noCookiesReset: true,
      maxRedirects: 0,
      batch: 3,
      batchPerHost: 2,
      userAgent: "me",
      connectTimeout: "2s",
      hosts: { "a.test": "127.0.0.1" },
      dns: { ttl: "inf", select: "first", policy: "any" },
      tlsAuth: [{ cert, key, domains: ["a.test"] }],
      tlsCACerts: cert,
      tlsVersion: "tls1.3",
    };
    expect(plan(options).plan.http).toEqual({
      discardResponseBodies: true,
      insecureSkipTlsVerify: true,
      noConnectionReuse: true,
      noVuConnectionReuse: true,
      noCookiesReset: true,
      maxRedirects: 0,
      batch: 3,
      batchPerHost: 2,
      userAgent: "me",
      connectTimeoutMs: 2_000,
      hosts: { "a.test": "127.0.0.1" },
      dns: { ttlMs: 2_592_000_000, select: "first", policy: "any" },
      tlsAuth: [{ cert, key, password: "", domains: ["a.test"] }],
      tlsCaCerts: [cert],
      tlsVersionMin: "tls1.3",
      tlsVersionMax: "tls1.3",
    });
    const http = { userAgent: "you", maxRedirects: 4, insecureSkipTlsVerify: false, discardResponseBodies: undefined };
    expect(plan(options, { overrides: { http } }).plan.http).toMatchObject({
      userAgent: "you",
      maxRedirects: 4,
      insecureSkipTlsVerify: false,
      discardResponseBodies: true,
    });
    expect(plan({ dns: { ttl: "1m" }, tlsVersion: { min: "tls1.2" } }).plan.http).toMatchObject({
      dns: { ttlMs: 60_000, select: "random" },
      tlsVersionMin: "tls1.2",
      tlsVersionMax: "",
    });
  });

  test("takes tags, env and trend columns, the command line's first", () => {
    const { plan: made } = plan(
      { tags: { a: "1", b: "2" }, summaryTrendStats: ["avg", "p(99.9)"] },
      { overrides: { tags: { b: "3" }, env: { K: "V" } } },
    );
    expect(made).toMatchObject({ tags: { a: "1", b: "3" }, env: { K: "V" }, summaryTrendStats: ["avg", "p(99.9)"] });
    expect(plan({}, { overrides: { summaryTrendStats: ["med"] } }).plan.summaryTrendStats).toEqual(["med"]);
  });

  test("has the file's thresholds, then the command line's, each once", () => {
    const thresholds = {
      http_req_duration: ["p(95)<500", { threshold: "avg<100", abortOnFail: true }],
      checks: "rate>0.9",
      mine: ["count>1"],
    };
    const module = { metrics: [{ name: "mine", type: "counter", isTime: false }] } as const;
    const overrides = {
      thresholds: [
        { metric: "checks", expression: "rate>0.5" },
        { metric: "checks", expression: "rate>0.9" },
      ],
    };
    const made = plan({ thresholds }, { module, overrides }).plan.thresholds;
    expect(made.map(({ metricKey, expression, abortOnFail }) => [metricKey, expression, abortOnFail])).toEqual([
      ["http_req_duration", "p(95)<500", false],
      ["http_req_duration", "avg<100", true],
      ["checks", "rate>0.9", false],
      ["mine", "count>1", false],
      ["checks", "rate>0.5", false],
    ]);
    expect(plan({ thresholds: { nonsense: ["x"] } }, { overrides: { noThresholds: true } }).plan.thresholds).toEqual(
      [],
    );
  });

  test("has the metrics whose thresholds are no expression at all, to be shown", () => {
    const thresholds = { "http_reqs{page:home}": [], checks: ["rate>0.9"] };
    const { plan: made } = plan({ thresholds });
    expect(made.shown).toEqual([
      { metricKey: "http_reqs{page:home}", metric: "http_reqs", type: "counter", tags: { page: "home" } },
    ]);
    expect(made.thresholds.map(({ metricKey }) => metricKey)).toEqual(["checks"]);
    expect("shown" in plan({ thresholds: { checks: ["rate>0.9"] } }).plan).toBe(false);
    expect(() => plan({ thresholds: { "nonsense{a:b}": [] } })).toThrow('there is no metric "nonsense"');
    expect(plan({ thresholds }, { overrides: { noThresholds: true } }).plan.shown).toBeUndefined();
  });

  test("warns of exports that nothing reads, in the form of the file or nearly spelled as those that are read", () => {
    const warned = (exports: readonly string[]): readonly string[] => plan({}, { module: { exports } }).warnings;
    expect(warned(["default", "options", "setup", "teardown", "setup1", "helper"])).toEqual([]);
    expect(warned(["option", "tearDown"])).toEqual([
      'the export "option" is read by nothing: did you mean "options"?',
      'the export "tearDown" is read by nothing: did you mean "teardown"?',
    ]);
    const workflows = { a: { iterations: 1 } };
    expect(job({ name: "j", workflows }, { module: { exports: ["default", "setup", "option"] } }).warnings).toEqual([
      'the export "setup" is not read beside a job: put it into defineJob({ ... })',
    ]);
  });

  test("warns of a threshold on a workflow that is none: it would pass without a sample", () => {
    const scenarios = { buy: { executor: "constant-vus", duration: "1s" } };
    const warned = (key: string): readonly string[] => plan({ scenarios, thresholds: { [key]: ["count>0"] } }).warnings;
    expect(warned("http_reqs{scenario:byu}")).toEqual([
      'threshold on "http_reqs{scenario:byu}": "byu" is no workflow of this test; did you mean "buy"?',
    ]);
    for (const key of ["http_reqs{workflow:buy}", "http_reqs{workflow:::setup}", "http_reqs{status:200}", "http_reqs"])
      expect(warned(key)).toEqual([]);
  });

  test("is JSON-safe", () => {
    const { plan: made } = plan({ vus: 2, duration: "1s", dns: { ttl: "inf" }, thresholds: { checks: ["rate>0.5"] } });
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  });
});
