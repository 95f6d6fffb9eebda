// Plans of jobs for the node tests, with defaults for what a test does not care about. Not a test itself.

import { HTTP_DEFAULTS } from "../../src/load/options/http.ts";
import type { Bundle } from "../../src/engine/messages.ts";
import type { JobPlan, ThresholdPlan, WorkflowPlan } from "../../src/load/plan.ts";
import { parseThreshold } from "../../src/load/thresholds.ts";

export const BUNDLE: Bundle = { code: "export default () => {}", entry: "test.ts", files: {} };

export function workflowPlan(name: string, more: Partial<WorkflowPlan> = {}): WorkflowPlan {
  return {
    name,
    after: [],
    run: { kind: "export", name: "default" },
    executor: { kind: "constant-vus", vus: 10, durationMs: 3_000 },
    startTimeMs: 0,
    gracefulStopMs: 5_000,
    minIterationDurationMs: 0,
    env: {},
    tags: {},
    priority: "auto",
    ...more,
  };
}

export function threshold(metricKey: string, expression: string, more: Partial<ThresholdPlan> = {}): ThresholdPlan {
  return { ...parseThreshold(metricKey, expression), ...more };
}

export function jobPlan(more: Partial<JobPlan> = {}): JobPlan {
  return {
    name: "checkout",
    workflows: [workflowPlan("default")],
    setup: null,
    teardown: null,
    thresholds: [],
    http: HTTP_DEFAULTS,
    tags: {},
    env: {},
    feeds: [],
    summaryTrendStats: [],
    ...more,
  };
}
