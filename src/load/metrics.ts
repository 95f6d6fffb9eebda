// The metrics every test has: name, type, what they hold, unit. Names and meanings are k6's; iteration_lateness and
// response_time are this product's own. Metrics that a test makes itself are not here (MetricDefinition describes
// them too).

import type { Contains, MetricType } from "./series.ts";

/** `unit`: of the summed or observed value; "" for a plain number. */
export type MetricDefinition = {
  readonly name: string;
  readonly type: MetricType;
  readonly contains: Contains;
  readonly unit: "ms" | "B" | "";
};

/** A metric made by the test at the top of its module. `isTime`: its values are milliseconds. */
export type CustomMetric = { readonly name: string; readonly type: MetricType; readonly isTime: boolean };

/** In the order in which a summary lists them. */
export const BUILT_IN_METRICS: readonly MetricDefinition[] = [
  define("checks", "rate"),
  time("http_req_duration"),
  define("http_req_failed", "rate"),
  define("http_reqs", "counter"),
  time("http_req_blocked"),
  time("http_req_connecting"),
  time("http_req_tls_handshaking"),
  time("http_req_sending"),
  time("http_req_waiting"),
  time("http_req_receiving"),
  define("iterations", "counter"),
  define("dropped_iterations", "counter"),
  time("iteration_duration"),
  /** Actual minus intended start of an iteration, of arrival-rate executors. */
  time("iteration_lateness"),
  /** End of an iteration minus its intended start, of arrival-rate executors: free of coordinated omission. */
  time("response_time"),
  time("group_duration"),
  define("vus", "gauge"),
  define("vus_max", "gauge"),
  { name: "data_received", type: "counter", contains: "data", unit: "B" },
  { name: "data_sent", type: "counter", contains: "data", unit: "B" },
];

/** Definition of a built-in metric, or of one the test made. Out: null for an unknown name. */
export function metricDefinition(name: string, custom: readonly CustomMetric[] = []): MetricDefinition | null {
  const known = BUILT_IN_METRICS.find((metric) => metric.name === name);
  if (known !== undefined) return known;
  const own = custom.find((metric) => metric.name === name);
  return own === undefined ? null : customDefinition(own);
}

/** Definition of a metric made by the test. */
export function customDefinition(metric: CustomMetric): MetricDefinition {
  return {
    name: metric.name,
    type: metric.type,
    contains: metric.isTime ? "time" : "default",
    unit: metric.isTime ? "ms" : "",
  };
}

function define(name: string, type: MetricType): MetricDefinition {
  return { name, type, contains: "default", unit: "" };
}

function time(name: string): MetricDefinition {
  return { name, type: "trend", contains: "time", unit: "ms" };
}
