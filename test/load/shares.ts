// Makes specs of shares and plans of workflows for tests, with defaults for what a test does not name.

import fc from "fast-check";
import type { Executor, Stage, WorkflowPlan } from "../../src/load/plan.ts";
import type { Resume, ShareSpec } from "../../src/load/share.ts";

/** One share of a workflow "w" that begins at once. */
export function specOf(executor: Executor, share = 0, shares = 1, resume: Resume | null = null): ShareSpec {
  return {
    workflow: "w",
    share,
    shares,
    executor,
    vuBase: 0,
    startTimeMs: 0,
    gracefulStopMs: 0,
    minIterationDurationMs: 0,
    resume,
  };
}

/** A workflow that runs `executor`, with no limits beyond it. */
export function workflowOf(name: string, executor: Executor, rest: Partial<WorkflowPlan> = {}): WorkflowPlan {
  return {
    name,
    after: [],
    run: { kind: "workflow", name },
    executor,
    startTimeMs: 0,
    gracefulStopMs: 0,
    minIterationDurationMs: 0,
    env: {},
    tags: {},
    priority: "auto",
    ...rest,
  };
}

export function constantVus(vus: number, durationMs: number): Executor {
  return { kind: "constant-vus", vus, durationMs };
}

export function sharedIterations(vus: number, iterations: number): Executor {
  return { kind: "shared-iterations", vus, iterations, maxDurationMs: 1_000_000 };
}

export function rampingVus(startVus: number, stages: readonly Stage[]): Executor {
  return { kind: "ramping-vus", startVus, stages, gracefulRampDownMs: 0 };
}

export function constantRate(rate: number, durationMs: number, maxVus = 10): Executor {
  return {
    kind: "constant-arrival-rate",
    rate,
    timeUnitMs: 1_000,
    durationMs,
    preAllocatedVus: 1,
    maxVus,
    onLate: "drop",
  };
}

export function rampingRate(startRate: number, stages: readonly Stage[], maxVus = 10): Executor {
  return {
    kind: "ramping-arrival-rate",
    startRate,
    timeUnitMs: 1_000,
    stages,
    preAllocatedVus: 1,
    maxVus,
    onLate: "drop",
  };
}

/** Up to six stages, jumps and flat ones among them, not all of no duration. */
export function someStages(targetMax: number, durationMsMax: number): fc.Arbitrary<readonly Stage[]> {
  const stage = fc.record({
    durationMs: fc.oneof(
      { weight: 1, arbitrary: fc.constant(0) },
      { weight: 5, arbitrary: fc.integer({ min: 1, max: durationMsMax }) },
    ),
    target: fc.integer({ min: 0, max: targetMax }),
  });
  return fc
    .array(stage, { minLength: 1, maxLength: 6 })
    .filter((stages) => stages.some(({ durationMs }) => durationMs > 0));
}
