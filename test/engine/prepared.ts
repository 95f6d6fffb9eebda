// The first order of an engine thread that runs one share alone, with defaults for what a caller does not care about.
// Not a test itself.

import { Board } from "../../src/engine/board.ts";
import { createFeedCursors } from "../../src/engine/feed-cursors.ts";
import type { Bundle, EngineRequest } from "../../src/engine/messages.ts";
import type { Executor } from "../../src/load/plan.ts";
import { jobPlan, workflowPlan } from "../node/plans.ts";

/** Token of the attempt. */
export const TOKEN = 1;

/** The whole workflow "default" as one share that may send for ever. */
export function prepareShare(share: {
  readonly executor: Executor;
  readonly bundle: Bundle;
  readonly env: Readonly<Record<string, string>>;
  readonly reportMs: number;
}): EngineRequest {
  const { executor, bundle, env, reportMs } = share;
  const plan = jobPlan({ workflows: [workflowPlan("default", { executor })], env });
  return {
    kind: "prepare",
    board: new Board().shared,
    permit: new Float64Array(new SharedArrayBuffer(8)).fill(Infinity).buffer,
    feedCursors: createFeedCursors(0),
    attempt: { job: "alone", workflow: "default", share: 0, token: TOKEN },
    spec: {
      workflow: "default",
      share: 0,
      shares: 1,
      executor,
      vuBase: 0,
      startTimeMs: 0,
      gracefulStopMs: 5_000,
      minIterationDurationMs: 0,
      resume: null,
    },
    run: { kind: "export", name: "default" },
    plan,
    http: plan.http,
    bundle,
    tags: { workflow: "default" },
    env,
    context: {},
    setupData: undefined,
    reportMs,
  };
}
