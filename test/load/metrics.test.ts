// Goal: the table of built-in metrics holds what the contract names. Method: the list itself, and k6's types.

import { expect, test } from "bun:test";
import { BUILT_IN_METRICS, customDefinition, metricDefinition } from "../../src/load/metrics.ts";

test("every metric of the contract is there once, with its type", () => {
  const names = (type: string) =>
    BUILT_IN_METRICS.filter((metric) => metric.type === type)
      .map((metric) => metric.name)
      .sort();
  expect(names("counter")).toEqual(["data_received", "data_sent", "dropped_iterations", "http_reqs", "iterations"]);
  expect(names("gauge")).toEqual(["vus", "vus_max"]);
  expect(names("rate")).toEqual(["checks", "http_req_failed"]);
  expect(names("trend")).toEqual([
    "group_duration",
    "http_req_blocked",
    "http_req_connecting",
    "http_req_duration",
    "http_req_receiving",
    "http_req_sending",
    "http_req_tls_handshaking",
    "http_req_waiting",
    "iteration_duration",
    "iteration_lateness",
    "response_time",
  ]);
});

test("every trend is a time in ms, the bytes are data, the rest are plain numbers", () => {
  for (const metric of BUILT_IN_METRICS) {
    const expected =
      metric.type === "trend" ? ["time", "ms"] : metric.name.startsWith("data_") ? ["data", "B"] : ["default", ""];
    expect<string[]>([metric.contains, metric.unit]).toEqual(expected);
  }
});

test("a metric of the test is found by name, a built-in one first, an unknown one not", () => {
  const custom = [
    { name: "wait", type: "trend", isTime: true },
    { name: "vus", type: "rate", isTime: false },
  ] as const;
  expect(metricDefinition("wait", custom)).toEqual({ name: "wait", type: "trend", contains: "time", unit: "ms" });
  expect(metricDefinition("vus", custom)?.type).toBe("gauge");
  expect(metricDefinition("wait")).toBeNull();
  expect(customDefinition({ name: "n", type: "counter", isTime: false })).toEqual({
    name: "n",
    type: "counter",
    contains: "default",
    unit: "",
  });
});
