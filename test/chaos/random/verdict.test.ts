// Goal: a verdict says what was lost, doubled or out of bounds, and does not call a run proven that proves nothing.
// Method: a run in which everything is right, judged as held; then one thing planted in it at a time.

import { describe, expect, test } from "bun:test";
import { quantileOf } from "../../../src/chaos/random/quantile.ts";
import {
  type FaultRecord,
  type Finding,
  type JobRecord,
  judgeRun,
  type RunRecord,
} from "../../../src/chaos/random/verdict.ts";

const fault = (changes: Partial<FaultRecord> = {}): FaultRecord => ({
  kind: "kill",
  target: "manager 0",
  firedAtMs: 5_000,
  endedAtMs: 8_000,
  isTotal: false,
  ...changes,
});

const job = (number: number, changes: Partial<JobRecord> = {}): JobRecord => ({
  id: `job-${number}`,
  submits: [{ atMs: number * 500, acknowledgedAtMs: number * 500 + 20 }],
  isCancelled: false,
  planned: 20,
  served: 20,
  ends: [{ atMs: number * 500 + 900, state: "completed", reason: "", requests: 20, unreportedMax: 0 }],
  listed: Array.from({ length: 3 }, () => ({ outcome: "completed", result: `digest-${number}` })),
  ...changes,
});

const run = (changes: Partial<JobRecord> = {}, of: Partial<RunRecord> = {}): RunRecord => ({
  kinds: ["kill"],
  peaceMs: 5_000,
  faults: [fault()],
  isWhole: true,
  jobs: Array.from({ length: 40 }, (_, number) => (number === 20 ? job(20, changes) : job(number))),
  ...of,
});

const end = (changes: Partial<JobRecord["ends"][number]>): JobRecord["ends"][number] => ({
  atMs: 11_000,
  state: "completed",
  reason: "",
  requests: 20,
  unreportedMax: 0,
  ...changes,
});

describe("a run in which nothing is wrong", () => {
  test("holds, and says how many", () => {
    expect(judgeRun(run())).toMatchObject({
      verdict: "held",
      invalid: "",
      submitted: 40,
      acknowledged: 40,
      completed: 40,
      lost: 0,
      duplicated: 0,
      overBound: 0,
      findings: [],
    });
  });

  test("tells why a job was not acknowledged, and counts those that were told the same", () => {
    const refused = (number: number, refusal: string | null): JobRecord => {
      const { id } = job(number);
      const said = refusal === null ? null : `${id}: ${refusal}`;
      return job(number, { submits: [{ atMs: 1, acknowledgedAtMs: null, refusal: said }], ends: [], listed: [] });
    };
    const jobs = [job(1), refused(2, "the disk is full"), refused(3, "the disk is full"), refused(4, null)];
    expect(judgeRun(run({}, { jobs })).unacknowledged).toEqual([
      { because: "ID: the disk is full", jobs: 2 },
      { because: "no answer came before the end", jobs: 1 },
    ]);
  });

  const fine: readonly (readonly [name: string, changes: Partial<JobRecord>])[] = [
    [
      "a job that was never acknowledged, and is nowhere",
      { submits: [{ atMs: 1, acknowledgedAtMs: null }], ends: [], listed: [null, null, null] },
    ],
    [
      "a job submitted twice that ran once",
      {
        submits: [
          { atMs: 1, acknowledgedAtMs: 9 },
          { atMs: 2, acknowledgedAtMs: 8 },
        ],
        ends: [end({}), end({})],
      },
    ],
    [
      "a cancelled job with the requests it had sent",
      {
        isCancelled: true,
        served: 7,
        ends: [end({ state: "cancelled", requests: 7 })],
        listed: [{ outcome: "cancelled", result: "d" }],
      },
    ],
    ["more received than counted, within the bound it states", { served: 24, ends: [end({ unreportedMax: 5 })] }],
    ["a job that has fallen out of full lists", { listed: [] }],
  ];
  for (const [name, changes] of fine)
    test(`holds with ${name}`, () => expect(judgeRun(run(changes))).toMatchObject({ verdict: "held", findings: [] }));
});

describe("a planted fault is found:", () => {
  const wrong: readonly (readonly [name: string, kind: Finding["kind"], changes: Partial<JobRecord>])[] = [
    ["an acknowledged job that nobody knows", "lost", { ends: [], listed: [null, null, null] }],
    ["an acknowledged job that never ends", "lost", { ends: [], listed: [{ outcome: null, result: null }] }],
    ["a job that one manager has forgotten", "lost", { listed: [{ outcome: "completed", result: "d" }, null] }],
    ["an end that managers list otherwise", "lost", { listed: [{ outcome: "failed", result: "d" }] }],
    ["a job that completed without all of its requests", "lost", { served: 15, ends: [end({ requests: 15 })] }],
    ["a job that ran twice", "duplicated", { served: 40 }],
    ["a job that ran twice and counted both", "duplicated", { served: 40, ends: [end({ requests: 40 })] }],
    ["a job that ended twice, differently", "duplicated", { ends: [end({}), end({ state: "failed" })] }],
    [
      "two results of one job",
      "duplicated",
      {
        listed: [
          { outcome: "completed", result: "a" },
          { outcome: "completed", result: "b" },
        ],
      },
    ],
    ["requests counted that nobody received", "overBound", { served: 19 }],
    ["one more received than the bound allows", "overBound", { served: 26, ends: [end({ unreportedMax: 5 })] }],
    [
      "a job that failed",
      "failed",
      { ends: [end({ state: "failed", reason: "crashed" })], listed: [{ outcome: "failed", result: "d" }] },
    ],
    [
      "a job cancelled by nobody",
      "failed",
      { ends: [end({ state: "cancelled" })], listed: [{ outcome: "cancelled", result: "d" }] },
    ],
  ];
  for (const [name, kind, changes] of wrong)
    test(name, () => {
      const verdict = judgeRun(run(changes));
      expect(verdict.verdict).toBe("violated");
      expect(verdict.findings.map((finding) => finding.kind)).toContain(kind);
      expect(verdict.findings.every((finding) => finding.job === "job-20")).toBeTrue();
      expect(verdict.findings.map((finding) => finding.message).join()).not.toContain("undefined");
    });

  test("nodes that do not come together again", () => {
    expect(judgeRun(run({}, { isWhole: false }))).toMatchObject({
      verdict: "violated",
      findings: [{ kind: "notWhole" }],
    });
  });
});

describe("a run proves nothing", () => {
  test("when fewer than one job a second was acknowledged before the first fault", () => {
    const slow = Array.from({ length: 4 }, (_, number) => job(number));
    const verdict = judgeRun(run({}, { jobs: slow }));
    expect(verdict).toMatchObject({ verdict: "invalid", findings: [] });
    expect(verdict.invalid).toContain("0.80 jobs a second");
    // Five in five seconds are enough.
    expect(judgeRun(run({}, { jobs: [...slow, job(4)] })).verdict).toBe("held");
  });

  test("when nothing was hurt because too little was acknowledged, and says for how long it was tried", () => {
    const slow = Array.from({ length: 20 }, (_, number) => job(number));
    const verdict = judgeRun(run({}, { jobs: slow, peaceMs: 30_000, faults: [] }));
    expect(verdict).toMatchObject({ verdict: "invalid", findings: [] });
    expect(verdict.invalid).toContain("only 0.67 jobs a second were acknowledged in 30.0 s without a fault");
  });

  test("when a kind of fault never hit anything, and names it", () => {
    const verdict = judgeRun(
      run({}, { kinds: ["kill", "pause"], faults: [fault(), fault({ kind: "pause", firedAtMs: null })] }),
    );
    expect(verdict).toMatchObject({ verdict: "invalid", invalid: "these faults never hit anything: pause" });
  });

  test("but one that found something wrong has proven that", () => {
    expect(judgeRun(run({ ends: [], listed: [null] }, { kinds: ["kill", "pause"] })).verdict).toBe("violated");
  });
});

describe("recovery", () => {
  test("counts from the fault to the first submit after it that was acknowledged, and to the first that completed", () => {
    const jobs = [
      ...Array.from({ length: 10 }, (_, number) => job(number)),
      // Begun before the fault: no sign of recovery.
      job(10, { submits: [{ atMs: 4_990, acknowledgedAtMs: 5_010 }] }),
      job(11, { submits: [{ atMs: 5_100, acknowledgedAtMs: 5_900 }], ends: [end({ atMs: 9_000 })] }),
      job(12, { submits: [{ atMs: 5_600, acknowledgedAtMs: 5_700 }], ends: [end({ atMs: 9_500 })] }),
    ];
    expect(judgeRun(run({}, { jobs })).recovery).toEqual([
      {
        kind: "kill",
        faults: 1,
        acknowledgedMsP50: 700,
        acknowledgedMsP99: 700,
        completedMsP50: 4_000,
        completedMsP99: 4_000,
      },
    ]);
  });

  test("counts from the end of a fault during which nobody can answer", () => {
    const { recovery } = judgeRun(run({}, { faults: [fault({ isTotal: true })] }));
    expect(recovery[0]?.acknowledgedMsP50).toBe(20);
    expect(judgeRun(run({}, { faults: [fault({ firedAtMs: 60_000 })] })).recovery[0]?.acknowledgedMsP50).toBeNull();
  });

  test("quantiles are nearest ranks", () => {
    const values = Array.from({ length: 100 }, (_, at) => 100 - at);
    expect([quantileOf(values, 0.5), quantileOf(values, 0.99), quantileOf(values, 1)]).toEqual([50, 99, 100]);
    expect([quantileOf([7], 0.5), quantileOf([], 0.5)]).toEqual([7, null]);
  });
});
