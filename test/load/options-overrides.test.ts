// Goal: the command line goes over a file's options by k6's rules, and what is ignored is said.
// Method: tables of files and command lines against executors, error lines and warnings.

import { describe, expect, test } from "bun:test";
import { job, plan, problems } from "./plans.ts";
import type { Overrides } from "../../src/load/options.ts";
import type { Executor } from "../../src/load/plan.ts";

const OPEN = { timeUnitMs: 1_000, onLate: "drop" } as const;

describe("the command line over the file", () => {
  const scenarios = { a: { executor: "constant-vus", duration: "1s", exec: "browse" } };
  const cases: readonly (readonly [title: string, options: unknown, overrides: Overrides, executor: Executor])[] = [
    [
      "--vus keeps the duration",
      { vus: 5, duration: "1s" },
      { vus: 9 },
      { kind: "constant-vus", vus: 9, durationMs: 1_000 },
    ],
    [
      "--duration keeps the VUs",
      { vus: 5, duration: "1s" },
      { durationMs: 50 },
      { kind: "constant-vus", vus: 5, durationMs: 50 },
    ],
    [
      "--duration replaces iterations",
      { vus: 5, iterations: 9 },
      { durationMs: 50 },
      { kind: "constant-vus", vus: 5, durationMs: 50 },
    ],
    [
      "--duration replaces stages",
      { stages: [{ duration: 1, target: 1 }], gracefulRampDown: 5 },
      { durationMs: 50 },
      { kind: "constant-vus", vus: 1, durationMs: 50 },
    ],
    [
      "--duration keeps a rate",
      { rate: 5, duration: "1s", preAllocatedVUs: 2 },
      { durationMs: 50 },
      { kind: "constant-arrival-rate", rate: 5, durationMs: 50, preAllocatedVus: 2, maxVus: 2, ...OPEN },
    ],
    [
      "--iterations replaces a duration",
      { vus: 5, duration: "1s" },
      { iterations: 7 },
      { kind: "shared-iterations", vus: 5, iterations: 7, maxDurationMs: 600_000 },
    ],
    [
      "--iterations with --duration bounds them",
      { vus: 2, maxDuration: "9s", iterations: 3 },
      { iterations: 7, durationMs: 50 },
      { kind: "shared-iterations", vus: 2, iterations: 7, maxDurationMs: 50 },
    ],
    [
      "--stage replaces a duration and starts at the file's VUs",
      { vus: 5, duration: "1s" },
      { stages: [{ durationMs: 10, target: 3 }] },
      { kind: "ramping-vus", startVus: 5, stages: [{ durationMs: 10, target: 3 }], gracefulRampDownMs: 30_000 },
    ],
    [
      "--vus is where stages start",
      { startVUs: 4, stages: [{ duration: 1, target: 1 }] },
      { vus: 2 },
      { kind: "ramping-vus", startVus: 2, stages: [{ durationMs: 1, target: 1 }], gracefulRampDownMs: 30_000 },
    ],
    [
      "--rate keeps the duration and takes the file's VUs",
      { vus: 5, duration: "1s" },
      { rate: { rate: 9, timeUnitMs: 500 } },
      {
        kind: "constant-arrival-rate",
        rate: 9,
        timeUnitMs: 500,
        durationMs: 1_000,
        preAllocatedVus: 5,
        maxVus: 5,
        onLate: "drop",
      },
    ],
    [
      "--vus is a rate's VUs and lifts its most",
      { rate: 5, duration: "1s", preAllocatedVUs: 1, maxVUs: 3 },
      { vus: 8 },
      { kind: "constant-arrival-rate", rate: 5, durationMs: 1_000, preAllocatedVus: 8, maxVus: 8, ...OPEN },
    ],
    [
      "everything on nothing",
      null,
      { vus: 3, durationMs: 50, rate: { rate: 1, timeUnitMs: 1_000 } },
      { kind: "constant-arrival-rate", rate: 1, durationMs: 50, preAllocatedVus: 3, maxVus: 3, ...OPEN },
    ],
    [
      "replaces scenarios and runs the default function",
      { scenarios },
      { vus: 2, durationMs: 50 },
      { kind: "constant-vus", vus: 2, durationMs: 50 },
    ],
  ];
  for (const [title, options, overrides, executor] of cases) {
    test(title, () => {
      const { plan: made } = plan(options, { overrides });
      expect(made.workflows.map(({ name, run, executor: found }) => ({ name, run, found }))).toEqual([
        { name: "default", run: { kind: "export", name: "default" }, found: executor },
      ]);
    });
  }

  test("is put on the only workflow of a job, which keeps its name and executor where it can", () => {
    const workflows = { w: { executor: "per-vu-iterations", vus: 2, iterations: 3, gracefulStop: 5 } };
    const more = job({ name: "j", workflows }, { overrides: { iterations: 9 } }).plan.workflows[0];
    expect(more).toMatchObject({
      name: "w",
      gracefulStopMs: 5,
      executor: { kind: "per-vu-iterations", vus: 2, iterations: 9, maxDurationMs: 600_000 },
    });
    const other = job({ name: "j", workflows }, { overrides: { durationMs: 9 } }).plan.workflows[0];
    expect(other).toMatchObject({
      name: "w",
      gracefulStopMs: 5,
      executor: { kind: "constant-vus", vus: 2, durationMs: 9 },
    });
  });

  test("cannot be put on a job of several workflows", () => {
    const workflows = { a: { duration: 1 }, b: { duration: 1 } };
    const line =
      "command line: a schedule cannot be put on a job of 2 workflows (change the workflows in the file; -e KEY=VALUE can parameterize them)";
    expect(problems(() => job({ name: "j", workflows }, { overrides: { vus: 2 } }))).toEqual([line]);
    expect(problems(() => job({ name: "j", workflows }, { overrides: { durationMs: 2 } }))).toEqual([line]);
  });

  const wrong: readonly (readonly [overrides: Overrides, lines: readonly string[]])[] = [
    [{ vus: 0 }, ['command line: "vus" is 0: it must be a whole number from 1 to 1,000,000']],
    [{ vus: 1.5, durationMs: 5 }, ['command line: "vus" is 1.5: it must be a whole number from 1 to 1,000,000']],
    [
      { durationMs: 0 },
      [
        'command line: "duration" is 0: it must be a duration such as "30s", "1m30s" or milliseconds, above 0 to 30 days',
      ],
    ],
    [
      { durationMs: 5, stages: [{ durationMs: 1, target: 1 }] },
      ['command line: "duration" and "stages" do not go together (keep one of them, or name an "executor")'],
    ],
    [
      { stages: [{ durationMs: 1, target: 1 }], iterations: 3 },
      ['command line: "iterations" and "stages" do not go together (keep one of them, or name an "executor")'],
    ],
    [{ rate: { rate: 5, timeUnitMs: 1_000 } }, ['command line: "duration" is missing: constant-arrival-rate needs it']],
    [
      { vus: 5, iterations: 3 },
      ['options and command line: "iterations" is 3, fewer than "vus", 5: some VUs would have nothing to do'],
    ],
  ];
  for (const [overrides, lines] of wrong)
    test(`${JSON.stringify(overrides)} is refused`, () =>
      expect(problems(() => plan(null, { overrides }))).toEqual(lines));

  test("is named as it was written, beside the file's options where both hold", () => {
    const from = (overrides: Overrides, options: unknown = null): readonly string[] =>
      problems(() => plan(options, { overrides }));
    expect(from({ source: "HYPERSCALE_DURATION", durationMs: 0 })[0]).toStartWith(
      'HYPERSCALE_DURATION: "duration" is 0',
    );
    expect(from({ source: "-u", vus: 5 }, { vus: 1, iterations: 1 })).toEqual([
      'options and -u: "iterations" is 1, fewer than "vus", 5: some VUs would have nothing to do',
    ]);
    expect(from({}, { vus: 5, iterations: 1 })[0]).toStartWith("options: ");
    const thresholds = [{ metric: "nope", expression: "count>0", source: "threshold in c.json" }];
    expect(from({ thresholds })[0]).toStartWith('threshold in c.json: threshold on "nope": there is no metric');
  });

  test("needs a default function to replace scenarios with", () => {
    const given = { overrides: { durationMs: 5 }, module: { functions: ["browse"] } };
    expect(problems(() => plan({ scenarios }, given))).toEqual([
      "command line: the file exports no default function (export default async function (vu) { ... })",
    ]);
  });
});

describe("a warning is given", () => {
  const scenarios = { a: { executor: "constant-vus", duration: "1s" } };
  const cases: readonly (readonly [
    title: string,
    options: unknown,
    overrides: Overrides,
    warnings: readonly string[],
  ])[] = [
    [
      "for VUs without a schedule",
      { vus: 10 },
      {},
      ['options: "vus" is ignored without "duration", "iterations" or "stages": one iteration runs in one VU'],
    ],
    [
      "for scenarios that are replaced",
      { scenarios },
      { iterations: 1 },
      ["command line: its schedule replaces the file's scenarios (a)"],
    ],
    [
      "for --vus over scenarios",
      { scenarios },
      { vus: 2 },
      [
        'command line: "vus" is ignored: the file has scenarios; a duration, iterations, stages or rate beside it would replace them',
      ],
    ],
    [
      "for top options beside scenarios",
      { scenarios, vus: 2, gracefulStop: 1 },
      {},
      [
        'options: "vus" is ignored: the file has scenarios',
        'options: "gracefulStop" is ignored: the file has scenarios',
      ],
    ],
    [
      "for what only k6 has and changes nothing",
      {
        ext: {},
        cloud: {},
        noUsageReport: true,
        systemTags: [],
        linger: false,
        summaryTimeUnit: "s",
        metricSamplesBufferSize: 3,
      },
      {},
      [
        'options: "ext" is ignored: it configures k6\'s services',
        'options: "cloud" is ignored: there is no cloud service',
        'options: "noUsageReport" is ignored: no usage is ever reported',
        'options: "systemTags" is ignored: every tag is kept',
        'options: "linger" is ignored: there is no server to keep open',
        'options: "summaryTimeUnit" is ignored: the summary picks units itself',
        'options: "metricSamplesBufferSize" is ignored: samples are not buffered',
      ],
    ],
    [
      "for tags that the run sets itself, wherever they are given",
      {
        scenarios: { a: { executor: "per-vu-iterations", tags: { scenario: "b", team: "blue" } } },
        tags: { status: "x" },
      },
      { tags: { workflow: "x", name: "items", url: "y" } },
      ["status", "workflow", "scenario"].map(
        (name) => `the tag "${name}" is set by the run itself, and its value wins: choose another name`,
      ),
    ],
    ["for nothing else", { vus: 1, duration: "1s", tags: { team: "blue" } }, {}, []],
  ];
  for (const [title, options, overrides, warnings] of cases)
    test(title, () => expect(plan(options, { overrides }).warnings).toEqual(warnings));
});
