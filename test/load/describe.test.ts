// Goal: a plan is described as k6 would, with times and VUs that hold, and its curve is that of the executors.
// Method: tables of workflows against lines; curves sampled by hand.

import { describe, expect, test } from "bun:test";
import { curve, describePlan, describeShares, describeWorkflow, longestMs } from "../../src/load/describe.ts";
import { plan } from "./plans.ts";
import { constantRate, constantVus, rampingRate, rampingVus, sharedIterations, workflowOf } from "./shares.ts";
import type { Executor, JobPlan, WorkflowPlan } from "../../src/load/plan.ts";

function planOf(...workflows: readonly WorkflowPlan[]): JobPlan {
  return { ...plan(null).plan, workflows };
}

describe("a workflow in words", () => {
  const stop = { gracefulStopMs: 30_000 };
  const stages = [
    { durationMs: 30_000, target: 40 },
    { durationMs: 60_000, target: 0 },
  ];
  const cases: readonly (readonly [executor: Executor, rest: Partial<WorkflowPlan>, line: string])[] = [
    [constantVus(50, 60_000), stop, "50 looping VUs for 1m0s (gracefulStop: 30s)"],
    [constantVus(1, 500), {}, "1 looping VU for 500ms"],
    [
      constantVus(1, 500),
      { requires: { region: "us-east-1", type: "build" }, prefers: { disk: "fast" } },
      "1 looping VU for 500ms (requires: region=us-east-1, type=build, prefers: disk=fast)",
    ],
    [{ ...constantRate(200, 30_000, 100) }, stop, "200.00 iterations/s for 30s (maxVUs: 1-100, gracefulStop: 30s)"],
    [
      {
        kind: "constant-arrival-rate",
        rate: 90,
        timeUnitMs: 60_000,
        durationMs: 1_000,
        preAllocatedVus: 5,
        maxVus: 5,
        onLate: "queue",
      },
      {},
      "1.50 iterations/s for 1s (maxVUs: 5, onLate: queue)",
    ],
    [
      rampingRate(2, stages, 20),
      stop,
      "Up to 40.00 iterations/s for 1m30s over 2 stages (maxVUs: 1-20, gracefulStop: 30s)",
    ],
    [
      rampingVus(1, stages),
      stop,
      "Up to 40 looping VUs for 1m30s over 2 stages (gracefulRampDown: 0s, gracefulStop: 30s)",
    ],
    [
      { kind: "shared-iterations", vus: 2, iterations: 10, maxDurationMs: 600_000 },
      stop,
      "10 iterations shared among 2 VUs (maxDuration: 10m0s, gracefulStop: 30s)",
    ],
    [
      { kind: "per-vu-iterations", vus: 1, iterations: 1, maxDurationMs: 1_000 },
      {},
      "1 iteration for each of 1 VU (maxDuration: 1s)",
    ],
    [
      { kind: "externally-controlled", vus: 2, maxVus: 9, durationMs: 60_000 },
      {},
      "Externally controlled execution with 2 VUs, 9 max, for 1m0s",
    ],
    [
      constantVus(2, 1_000),
      {
        run: { kind: "export", name: "browse" },
        after: ["a", "b"],
        startTimeMs: 5_000,
        minIterationDurationMs: 10,
        ...stop,
      },
      "2 looping VUs for 1s (exec: browse, after: a, b, startTime: 5s, minIterationDuration: 10ms, gracefulStop: 30s)",
    ],
    [constantVus(2, 1_000), { run: { kind: "export", name: "default" } }, "2 looping VUs for 1s"],
  ];
  for (const [executor, rest, line] of cases)
    test(line, () => expect(describeWorkflow(workflowOf("w", executor, rest))).toBe(line));
});

describe("a plan in words", () => {
  const login = workflowOf(
    "login",
    { kind: "shared-iterations", vus: 1, iterations: 1, maxDurationMs: 60_000 },
    { gracefulStopMs: 30_000 },
  );
  const browse = workflowOf("browse", constantRate(200, 30_000, 100), { after: ["login"], gracefulStopMs: 30_000 });

  test("says the workflows, the most VUs and the longest path", () => {
    expect(longestMs(planOf(login, browse))).toBe(150_000);
    expect(describePlan(planOf(login, browse))).toEqual([
      "workflows: 2 workflows, 100 max VUs, 2m30s max duration (incl. graceful stop):",
      "* login: 1 iteration shared among 1 VU (maxDuration: 1m0s, gracefulStop: 30s)",
      "* browse: 200.00 iterations/s for 30s (maxVUs: 1-100, after: login, gracefulStop: 30s)",
    ]);
  });

  test("speaks of one as one", () => {
    expect(describePlan(planOf(login))[0]).toBe(
      "workflows: 1 workflow, 1 max VU, 1m30s max duration (incl. graceful stop):",
    );
  });
});

test("shares are described with their VUs", () => {
  expect(describeShares(workflowOf("w", constantVus(25, 1)), 2)).toBe("2 shares of 12 to 13 VUs");
  expect(describeShares(workflowOf("w", constantVus(24, 1)), 2)).toBe("2 shares of 12 VUs");
  expect(describeShares(workflowOf("w", sharedIterations(1, 5)), 8)).toBe("1 share of 1 VU");
});

describe("the planned curve", () => {
  test("is sampled in the middle of equal slices and summed over workflows", () => {
    const ramp = workflowOf("ramp", rampingVus(0, [{ durationMs: 1_000, target: 10 }]));
    const rate = workflowOf("rate", rampingRate(0, [{ durationMs: 500, target: 100 }]), { startTimeMs: 500 });
    expect(curve(planOf(ramp, rate), 4)).toEqual([
      { atMs: 125, vus: 1, rate: 0 },
      { atMs: 375, vus: 3, rate: 0 },
      { atMs: 625, vus: 7, rate: 25 },
      { atMs: 875, vus: 9, rate: 75 },
    ]);
  });

  test("starts a workflow when those before it have stopped at the latest", () => {
    const before = workflowOf("before", constantVus(4, 500), { gracefulStopMs: 250 });
    const after = workflowOf("after", constantRate(60, 250), { after: ["before"] });
    expect(curve(planOf(before, after), 4)).toEqual([
      { atMs: 125, vus: 4, rate: 0 },
      { atMs: 375, vus: 4, rate: 0 },
      { atMs: 625, vus: 0, rate: 0 },
      { atMs: 875, vus: 1, rate: 60 },
    ]);
  });
});
