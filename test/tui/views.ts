// Views of imagined jobs for tests of the live view.

import type { JobView, WorkflowView } from "../../src/load/result.ts";

export function workflowView(changes: Partial<WorkflowView> = {}): WorkflowView {
  return {
    name: "browse",
    state: "running",
    executor: "constant-arrival-rate",
    vus: 20,
    vusMax: 100,
    elapsedMs: 10_000,
    totalMs: 30_000,
    completed: 2_000,
    interrupted: 0,
    dropped: 0,
    iterationsTotal: null,
    waitsFor: null,
    ...changes,
  };
}

export function jobView(changes: Partial<JobView> = {}): JobView {
  return {
    id: "job-1",
    name: "checkout",
    state: "running",
    elapsedMs: 13_000,
    workflows: [workflowView()],
    requests: 12_345,
    requestsPerSecond: 199.8,
    iterationsPerSecond: 199.8,
    failedRatio: 0,
    checks: { passes: 12_345, fails: 0 },
    bytesReceivedPerSecond: 1_234_567,
    bytesSentPerSecond: 23_456,
    latencyNow: { avg: 12.3, p50: 11.8, p90: 18.2, p95: 21.5, p99: 40.1, max: 88.4 },
    latencyAll: { avg: 11.9, p50: 11.2, p90: 17.9, p95: 20.4, p99: 38.7, max: 412.5 },
    histogram: [1, 2, 5, 10, 20, 50, 100].map((toMs, at) => ({
      fromMs: toMs / 2,
      toMs,
      count: [12, 180, 2_400, 6_100, 3_200, 420, 33][at] ?? 0,
    })),
    cores: [
      { cpu: 0.42, loopLagMs: 0.4 },
      { cpu: 0.38, loopLagMs: 0.3 },
    ],
    isSaturated: false,
    thresholds: [{ metricKey: "http_req_duration", expression: "p(95)<500", ok: true, value: 20.4 }],
    ...changes,
  };
}
