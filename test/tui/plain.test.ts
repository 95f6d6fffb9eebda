// Goal: the line of progress off a terminal reads as k6's. Method: whole lines of imagined views.

import { describe, expect, test } from "bun:test";
import { clockText, percent, plainLine } from "../../src/tui/plain.ts";
import { jobView, workflowView } from "./views.ts";

test("a running job", () => {
  const view = jobView({
    workflows: [workflowView({ vus: 5, completed: 349 })],
    requestsPerSecond: 120.3,
    requests: 400,
  });
  expect(plainLine(view)).toBe(
    "running (0m13.0s), 005/100 VUs, 349 complete and 0 interrupted iterations, 120.3 req/s, p95 21.5ms, 0.00% failed",
  );
});

test("several workflows are summed; dropped iterations and saturation are said", () => {
  const view = jobView({
    workflows: [
      workflowView({ vus: 1, vusMax: 4, interrupted: 2, dropped: 7, completed: 3 }),
      workflowView({ vus: 2, vusMax: 5, completed: 4 }),
    ],
    requests: 0,
    isSaturated: true,
  });
  expect(plainLine(view)).toBe(
    "running (0m13.0s), 3/9 VUs, 7 complete and 2 interrupted iterations, 7 dropped, GENERATOR SATURATED",
  );
});

test("nothing is said of requests before there is one", () => {
  expect(plainLine(jobView({ state: "preparing", elapsedMs: 0, requests: 0, workflows: [] }))).toBe(
    "preparing (0m00.0s), 0/0 VUs, 0 complete and 0 interrupted iterations",
  );
});

test("nothing is said of a rate before the first second is over, nor of latencies in a second without requests", () => {
  const view = jobView({ workflows: [], requests: 9, requestsPerSecond: 0, failedRatio: 0.5 });
  const counts = "0/0 VUs, 0 complete and 0 interrupted iterations";
  expect(plainLine({ ...view, elapsedMs: 300 })).toBe(`running (0m00.3s), ${counts}, 50.00% failed`);
  expect(plainLine({ ...view, elapsedMs: 2_300 })).toBe(`running (0m02.3s), ${counts}, 0.0 req/s, 50.00% failed`);
});

describe("clock", () => {
  for (const [ms, text] of [
    [0, "0m00.0s"],
    [13_000, "0m13.0s"],
    [59_960, "0m59.9s"],
    [60_000, "1m00.0s"],
    [3_661_500, "1h01m01.5s"],
  ] as const) {
    test(text, () => expect(clockText(ms)).toBe(text));
  }
});

test("percent", () => expect(percent(0.03125)).toBe("3.13%"));
