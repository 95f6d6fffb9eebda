// Goal: every wrong option is named with where it is, what was found and what is allowed, all of them at once.
// Method: tables of files against the lines of the error.

import { describe, expect, test } from "bun:test";
import { job, plan, problems } from "./plans.ts";

const WHOLE_VUS = "it must be a whole number from 1 to 1,000,000";
const POSITIVE = 'it must be a duration such as "30s", "1m30s" or milliseconds, above 0 to 30 days';
const HOST_ADDRESS = 'it must be an address such as "127.0.0.1", "127.0.0.1:8443" or "[::1]:8443"';
const FROM_ZERO = 'it must be a duration such as "30s", "1m30s" or milliseconds, from 0 to 30 days';

describe("an option of the simple form is refused by name", () => {
  const cases: readonly (readonly [options: unknown, line: string])[] = [
    [3, "options is 3: it must be an object"],
    [[], "options is []: it must be an object"],
    [{ duratoin: "1s" }, 'options: "duratoin" is no option: did you mean "duration"?'],
    [{ zzzzzz: 1 }, 'options: "zzzzzz" is no option'],
    [{ vus: 2, requires: { region: "eu" } }, 'options: "requires" is no option of a file: it is one of a scenario'],
    [{ vus: 0, duration: 1 }, `options: "vus" is 0: ${WHOLE_VUS}`],
    [{ vus: -1 }, `options: "vus" is -1: ${WHOLE_VUS}`],
    [{ vus: 1.5 }, `options: "vus" is 1.5: ${WHOLE_VUS}`],
    [{ vus: Number.NaN }, `options: "vus" is NaN: ${WHOLE_VUS}`],
    [{ vus: Infinity }, `options: "vus" is Infinity: ${WHOLE_VUS}`],
    [{ vus: "5" }, `options: "vus" is "5": ${WHOLE_VUS}`],
    [{ vus: null }, `options: "vus" is null: ${WHOLE_VUS}`],
    [{ vus: 1_000_001 }, `options: "vus" is 1000001: ${WHOLE_VUS}`],
    [{ iterations: 0 }, 'options: "iterations" is 0: it must be a whole number from 1 to 1,000,000,000,000'],
    [{ duration: "10 parsecs" }, `options: "duration" is "10 parsecs": ${POSITIVE}`],
    [{ duration: -1 }, `options: "duration" is -1: ${POSITIVE}`],
    [{ duration: "0s" }, `options: "duration" is "0s": ${POSITIVE}`],
    [{ duration: Number.NaN }, `options: "duration" is NaN: ${POSITIVE}`],
    [{ duration: "31d" }, `options: "duration" is "31d": ${POSITIVE}`],
    [{ duration: 1, gracefulStop: "x" }, `options: "gracefulStop" is "x": ${FROM_ZERO}`],
    [{ stages: [] }, 'options: "stages" is []: it must have at least one { duration, target }'],
    [{ stages: 5 }, 'options: "stages" is 5: it must be a list of { duration, target }'],
    [{ stages: ["30s:10"] }, 'options: "stages[0]" is "30s:10": it must be an object { duration, target }'],
    [
      { stages: [{ duration: "1s", target: 1 }, { duration: "1s" }] },
      'options: "stages[1].target" is missing: it must be a number from 0 up',
    ],
    [{ stages: [{ duration: "1s", target: -1 }] }, 'options: "stages[0].target" is -1: it must be a number from 0 up'],
    [
      { stages: [{ duration: "1s", target: 1.5 }] },
      'options: "stages[0].target" is 1.5: it must be a whole number of VUs from 0 to 1,000,000',
    ],
    [
      { stages: [{ duration: "1s", target: 2_000_000 }] },
      'options: "stages[0].target" is 2000000: it must be a whole number of VUs from 0 to 1,000,000',
    ],
    [
      { stages: [{ duration: 0, target: 1 }] },
      'options: "stages" last 0s in all: at least one must have a "duration" above 0',
    ],
    [
      {
        stages: [
          { duration: "20d", target: 1 },
          { duration: "11d", target: 1 },
        ],
      },
      'options: "stages" last longer than 30 days in all',
    ],
    [
      { startVUs: 0, stages: [{ duration: 1, target: 0 }] },
      'options: "startVUs" and the "stages" stay at 0: no VU would ever run',
    ],
    [
      { startRate: 0, stages: [{ duration: 1, target: 0 }] },
      'options: "startRate" and the "stages" stay at 0: no iteration would ever start',
    ],
    [
      { duration: "1s", stages: [{ duration: 1, target: 1 }] },
      'options: "duration" and "stages" do not go together (keep one of them, or name an "executor")',
    ],
    [
      { iterations: 3, stages: [{ duration: 1, target: 1 }] },
      'options: "iterations" and "stages" do not go together (keep one of them, or name an "executor")',
    ],
    [
      { rate: 3, duration: 5, stages: [{ duration: 1, target: 1 }] },
      'options: "duration" and "stages" do not go together (keep one of them, or name an "executor")',
    ],
    [
      { rate: 3, stages: [{ duration: 1, target: 1 }] },
      'options: "rate" and "stages" do not go together (keep one of them, or name an "executor")',
    ],
    [
      { rate: 3, iterations: 3 },
      'options: "rate" and "iterations" do not go together (keep one of them, or name an "executor")',
    ],
    [{ rate: 0, duration: 1 }, 'options: "rate" is 0: it must be a number above 0'],
    [{ rate: -5, duration: 1 }, 'options: "rate" is -5: it must be a number above 0'],
    [{ rate: 5 }, 'options: "duration" is missing: constant-arrival-rate needs it'],
    [{ rate: 20_000_000, duration: 1 }, 'options: "rate" is 20000000 in 1s: at most 10,000,000 a second are allowed'],
    [
      { startRate: 20_000, timeUnit: 1, stages: [{ duration: 1, target: 1 }] },
      'options: "startRate" is 20000 in 1ms: at most 10,000,000 a second are allowed',
    ],
    [
      { startRate: 0, timeUnit: 1, stages: [{ duration: 1, target: 20_000 }] },
      'options: "stages[0].target" is 20000 in 1ms: at most 10,000,000 a second are allowed',
    ],
    [{ rate: 5, duration: 1, timeUnit: 0 }, `options: "timeUnit" is 0: ${POSITIVE}`],
    [{ rate: 5, duration: 1, preAllocatedVUs: 5, maxVUs: 4 }, 'options: "maxVUs" is 4, less than "preAllocatedVUs", 5'],
    [
      { rate: 5, duration: 1, preAllocatedVUs: 0 },
      'options: "preAllocatedVUs" is 0: it must be at least 1 where there is no "maxVUs"',
    ],
    [
      { rate: 5, duration: 1, vus: 3, preAllocatedVUs: 3 },
      'options: "vus" and "preAllocatedVUs" do not go together: they mean the same here',
    ],
    [
      { vus: 5, startVUs: 5, stages: [{ duration: 1, target: 1 }] },
      'options: "vus" and "startVUs" do not go together: they mean the same here',
    ],
    [
      { iterations: 5, duration: 1, maxDuration: 1 },
      'options: "duration" and "maxDuration" do not go together: they mean the same here',
    ],
    [{ rate: 5, duration: 1, onLate: "dorp" }, 'options: "onLate" is "dorp": did you mean "drop"?'],
    [{ rate: 5, duration: 1, onLate: "xxxx" }, 'options: "onLate" is "xxxx": it must be one of "drop", "queue"'],
    [{ iterations: 2, vus: 3 }, 'options: "iterations" is 2, fewer than "vus", 3: some VUs would have nothing to do'],
    [{ duration: 1, startVUs: 3 }, 'options: "startVUs" does not go with constant-vus: it is an option of ramping-vus'],
    [
      { maxVUs: 3 },
      'options: "maxVUs" does not go with shared-iterations: it is an option of constant-arrival-rate, ramping-arrival-rate, externally-controlled',
    ],
    [{ scenarios: {} }, 'options: "scenarios" is {}: it must have at least one scenario'],
    [{ scenarios: 3 }, 'options: "scenarios" is 3: it must be { name: { executor, ... } }'],
    [{ tags: { a: 1 } }, 'options: "tags.a" is 1: a tag\'s value must be text'],
    [{ tags: "x" }, 'options: "tags" is "x": it must be { name: "text" }'],
    [{ setupTimeout: 0 }, `options: "setupTimeout" is 0: ${POSITIVE}`],
    [{ teardownTimeout: "soon" }, `options: "teardownTimeout" is "soon": ${POSITIVE}`],
    [
      { summaryTrendStats: ["p(101)"] },
      'options: "summaryTrendStats[0]" is "p(101)": it must be avg, min, med, max, count or a percentile such as p(95)',
    ],
    [{ thresholds: 3 }, 'options: "thresholds" is 3: it must be { "metric": ["expression", ...] }'],
    [{ discardResponseBodies: "yes" }, 'options: "discardResponseBodies" is "yes": it must be true or false'],
    [{ maxRedirects: -1 }, 'options: "maxRedirects" is -1: it must be a whole number from 0 to 1,000'],
    [{ batch: 0 }, 'options: "batch" is 0: it must be a whole number from 1 to 10,000'],
    [{ userAgent: "a\nb" }, 'options: "userAgent" is "a\\nb": it must be one line'],
    [{ hosts: { a: 1 } }, 'options: "hosts.a" is 1: a host\'s address, as in { "api.test": "127.0.0.1" } must be text'],
    [{ hosts: { a: "1.2.3.4:x" } }, `options: "hosts.a" is "1.2.3.4:x": ${HOST_ADDRESS}`],
    [{ hosts: { a: "1.2.3.4:70000" } }, `options: "hosts.a" is "1.2.3.4:70000": ${HOST_ADDRESS}`],
    [{ dns: { ttl: "never" } }, `options: "dns.ttl" is "never": ${FROM_ZERO}`],
    [{ dns: { select: "all" } }, 'options: "dns.select" is "all": it must be one of "first", "random", "roundRobin"'],
    [{ dns: { tlt: 1 } }, 'options: "dns.tlt" is no option: did you mean "ttl"?'],
    [{ dns: { cache: 1 } }, 'options: "dns.cache" is no option: there are "ttl", "select", "policy"'],
    [
      { tlsVersion: "tls1.0" },
      'options: "tlsVersion" is "tls1.0": it must be "tls1.2", "tls1.3" or { min, max } of these',
    ],
    [
      { tlsVersion: { min: "tls1.3", max: "tls1.2" } },
      'options: "tlsVersion" is {"min":"tls1.3","max":"tls1.2"}: "min" must not be above "max"',
    ],
    [{ tlsAuth: {} }, 'options: "tlsAuth" is {}: it must be a list of { cert, key, domains }'],
    [
      { tlsAuth: [{ cert: "-----BEGIN CERTIFICATE-----", key: "./my.key" }] },
      'options: "tlsAuth[0].key" is not shown: it must be PEM text: read the file with open()',
    ],
    [
      { tlsAuth: [{ cert: "-----BEGIN CERTIFICATE-----" }] },
      'options: "tlsAuth[0].key" is missing: it must be PEM text',
    ],
    [
      { tlsCACerts: "./ca.pem" },
      'options: "tlsCACerts" is "./ca.pem": it must be PEM text (read the file with open()), or a list of such',
    ],
    [{ rps: 5 }, 'options: "rps" is not supported (use the constant-arrival-rate executor)'],
    [{ throw: true }, 'options: "throw" is not supported (check response.error, or throw yourself)'],
    [
      { executionSegment: "0:1/2" },
      'options: "executionSegment" is not supported (work is dealt over cores and workers: use --cores or --managers)',
    ],
    [
      { blockHostnames: ["a"] },
      'options: "blockHostnames" is not supported (point "hosts" elsewhere, or block the names outside)',
    ],
  ];
  for (const [options, line] of cases) test(line, () => expect(problems(() => plan(options))).toEqual([line]));

  test("a default function that is not exported is missed", () => {
    const missing = () => plan(null, { module: { functions: ["browse"] } });
    expect(problems(missing)).toEqual([
      "options: the file exports no default function (export default async function (vu) { ... })",
    ]);
  });
});

describe("a scenario is refused by name", () => {
  const fine = { executor: "constant-vus", duration: "1s" };
  const cases: readonly (readonly [scenarios: Readonly<Record<string, unknown>>, line: string])[] = [
    [{ s: 5 }, 'scenario "s" is 5: it must be an object'],
    [
      { s: { duration: "1s" } },
      'scenario "s": "executor" is missing: it must be one of shared-iterations, per-vu-iterations, constant-vus, ramping-vus, constant-arrival-rate, ramping-arrival-rate, externally-controlled',
    ],
    [
      { s: { ...fine, executor: "constant-vu" } },
      'scenario "s": "executor" is "constant-vu": did you mean "constant-vus"?',
    ],
    [
      { s: { ...fine, exec: "brows" } },
      'scenario "s": "exec" is "brows": the file exports no such function; did you mean "browse"?',
    ],
    [
      { s: { ...fine, exec: "elsewhere" } },
      'scenario "s": "exec" is "elsewhere": the file exports no such function; it exports default, browse',
    ],
    [{ s: { ...fine, exec: 5 } }, 'scenario "s": "exec" is 5: it must be text'],
    [{ s: { ...fine, env: { A: 1 } } }, 'scenario "s": "env.A" is 1: a value must be text'],
    [
      { s: { ...fine, requires: { region: 1 } } },
      'scenario "s": "requires.region" is 1: a label\'s value must be text',
    ],
    [
      { s: { ...fine, prefers: { "": "x" } } },
      'scenario "s": "prefers" is {"":"x"}: it must be at most 64 labels, with names of 1 to 64 letters and values of up to 256',
    ],
    [{ s: { ...fine, priority: "hihg" } }, 'scenario "s": "priority" is "hihg": did you mean "high"?'],
    [
      { s: { ...fine, options: { browser: {} } } },
      'scenario "s": "options" is not supported (browser scenarios are not supported)',
    ],
    [
      { s: { ...fine, startVUs: 5 } },
      'scenario "s": "startVUs" does not go with constant-vus: it is an option of ramping-vus',
    ],
    [{ "s s": fine }, 'scenario "s s": a name is 1 to 100 of the letters a-z and A-Z, digits, "_", "-" and "."'],
    [
      { "::setup": fine },
      'scenario "::setup": a name is 1 to 100 of the letters a-z and A-Z, digits, "_", "-" and "."',
    ],
    [{ "": fine }, 'scenario "": a name is 1 to 100 of the letters a-z and A-Z, digits, "_", "-" and "."'],
  ];
  for (const [scenarios, line] of cases) test(line, () => expect(problems(() => plan({ scenarios }))).toEqual([line]));

  test("beside a schedule of the file, unless the command line replaces both", () => {
    const options = { duration: "1s", scenarios: { s: fine } };
    expect(problems(() => plan(options))).toEqual([
      'options: "duration" and "scenarios" do not go together (move "duration" into a scenario)',
    ]);
    expect(problems(() => plan(options, { overrides: { iterations: 1 } }))).toEqual([]);
  });
});

describe("a workflow is refused by name", () => {
  const cases: readonly (readonly [workflow: unknown, lines: readonly string[]])[] = [
    [
      { executor: "constant-arrival-rate", rate: 5, duration: "1s" },
      ['"preAllocatedVUs" is missing: constant-arrival-rate needs it'],
    ],
    [
      { executor: "constant-arrival-rate" },
      [
        '"rate" is missing: constant-arrival-rate needs it',
        '"duration" is missing: constant-arrival-rate needs it',
        '"preAllocatedVUs" is missing: constant-arrival-rate needs it',
      ],
    ],
    [{ executor: "ramping-arrival-rate", preAllocatedVUs: 1 }, ['"stages" is missing: ramping-arrival-rate needs it']],
    [{ executor: "ramping-vus" }, ['"stages" is missing: ramping-vus needs it']],
    [{ executor: "constant-vus" }, ['"duration" is missing: constant-vus needs it']],
    [{ executor: "externally-controlled" }, ['"duration" is missing: externally-controlled needs it']],
    [{ executor: "externally-controlled", duration: 1, vus: 3, maxVUs: 2 }, ['"maxVUs" is 2, less than "vus", 3']],
    [
      { executor: "shared-iterations", duration: "1s" },
      [
        '"duration" does not go with shared-iterations: it is an option of constant-vus, constant-arrival-rate, externally-controlled',
      ],
    ],
    [
      { executor: "per-vu-iterations", vus: 1_000_000, iterations: 1_000_001 },
      ['"vus" times "iterations" is above 1,000,000,000,000'],
    ],
    [
      { executor: "constant-arrival-rate", rate: 1, duration: 1, preAllocatedVUs: 1, vus: 1 },
      [
        '"vus" does not go with constant-arrival-rate: it is an option of shared-iterations, per-vu-iterations, constant-vus, externally-controlled',
      ],
    ],
    [
      { duration: 1, exec: "default" },
      ['"exec" is not supported (it is an option of a scenario; a workflow runs its own run())'],
    ],
    [{ duration: 1, after: "login" }, ['"after" is "login": it must be a list of workflow names']],
    [
      { duration: 1, after: ["logn"] },
      ['"after" names "logn", which is no workflow of this job: did you mean "login"?'],
    ],
    [{ duration: 1, after: ["elsewhere"] }, ['"after" names "elsewhere", which is no workflow of this job']],
    [{ duration: 1, vsu: 1 }, ['"vsu" is no option: did you mean "vus"?']],
  ];
  for (const [workflow, lines] of cases) {
    test(lines.join("; "), () => {
      const named = lines.map((line) => `workflow "browse": ${line}`);
      expect(problems(() => job({ name: "j", workflows: { login: { iterations: 1 }, browse: workflow } }))).toEqual(
        named,
      );
    });
  }
});

describe("a job is refused", () => {
  const one = { duration: 1 };
  const cases: readonly (readonly [title: string, options: unknown, line: string])[] = [
    ["that is nothing", null, "job is null: it must be an object"],
    [
      "without a name",
      { workflows: { one } },
      'job: "name" is missing: a job\'s name must be text of 1 to 200 letters',
    ],
    [
      "with an empty name",
      { name: "", workflows: { one } },
      'job: "name" is "": a job\'s name must be text of 1 to 200 letters',
    ],
    ["without workflows", { name: "j" }, 'job: "workflows" is missing: it must be { name: workflow({ ... }) }'],
    ["with no workflow", { name: "j", workflows: {} }, 'job: "workflows" is {}: it must have at least one workflow'],
    [
      "with a schedule of its own",
      { name: "j", vus: 5, workflows: { one } },
      'job: "vus" is no option of a job: it is one of a workflow',
    ],
    [
      "with labels of its own",
      { name: "j", requires: { region: "eu" }, workflows: { one } },
      'job: "requires" is no option of a job: it is one of a workflow',
    ],
    [
      "with an unknown option",
      { name: "j", threshold: {}, workflows: { one } },
      'job: "threshold" is no option: did you mean "thresholds"?',
    ],
    [
      "with a workflow after itself",
      { name: "j", workflows: { a: { ...one, after: ["a"] } } },
      'job: "after" goes in a circle: a after a (take one of these names out of its "after")',
    ],
    [
      "with a cycle, which is named",
      {
        name: "j",
        workflows: {
          first: one,
          a: { ...one, after: ["first", "c"] },
          b: { ...one, after: ["a"] },
          c: { ...one, after: ["b"] },
        },
      },
      'job: "after" goes in a circle: a after c after b after a (take one of these names out of its "after")',
    ],
    [
      "with too many VUs in all",
      { name: "j", workflows: { a: { ...one, vus: 600_000 }, b: { ...one, vus: 600_000 } } },
      "job: 1,200,000 VUs in all: at most 1,000,000 are allowed",
    ],
    [
      "with too many workflows",
      { name: "j", workflows: Object.fromEntries(Array.from({ length: 1_001 }, (_, at) => [`w${at}`, one])) },
      "job: 1,001 workflows: at most 1,000 are allowed",
    ],
  ];
  for (const [title, options, line] of cases) test(title, () => expect(problems(() => job(options))).toEqual([line]));
});

describe("several problems", () => {
  test("are said at once, one line each, with what to do", () => {
    const options = { vus: 0, rps: 3, thresholds: { checks: ["rate>0.5"] }, dns: { tlt: 1 } };
    expect(problems(() => plan(options))).toEqual([
      'options: "rps" is not supported (use the constant-arrival-rate executor)',
      `options: "vus" is 0: ${WHOLE_VUS}`,
      'options: "dns.tlt" is no option: did you mean "ttl"?',
    ]);
  });

  test("of all workflows and thresholds come together", () => {
    const workflows = { a: { executor: "constant-vus" }, b: { duration: 1, after: ["x"] } };
    const lines = problems(() =>
      job({ name: "j", workflows, thresholds: { nonsense: ["avg<1"], checks: ["rate>>1"] } }),
    );
    expect(lines.slice(0, 2)).toEqual([
      'workflow "a": "duration" is missing: constant-vus needs it',
      'workflow "b": "after" names "x", which is no workflow of this job',
    ]);
    expect(lines).toHaveLength(4);
    expect(lines[2]).toContain("nonsense");
    expect(lines[3]).toContain("rate>>1");
  });

  test("show ten at most", () => {
    const options = Object.fromEntries(Array.from({ length: 14 }, (_, at) => [`zzzzzzzz${at}`, 1]));
    const lines = problems(() => plan(options));
    expect(lines).toHaveLength(11);
    expect(lines[10]).toBe("and 4 more");
  });
});

test("a feed without rows is refused", () => {
  const feeds = [{ id: 0, source: "./users.csv", pick: "unique", rows: 0 }] as const;
  expect(problems(() => plan(null, { module: { feeds } }))).toEqual(['data: "./users.csv" has no rows']);
  const filled = [{ id: 0, source: "./users.csv", pick: "unique", rows: 1 }] as const;
  expect(plan(null, { module: { feeds: filled } }).plan.feeds).toEqual(filled);
});
