// The summary of `--summary-export` as outside programs read it: what the contract promises and these tests use. Not
// the program's own schema (src/report/): if the two drift apart, these tests fail, which is what they are for.

import { z } from "zod";

const ValuesSchema = z.record(z.string(), z.number());
const MetricSchema = z.looseObject({
  type: z.enum(["counter", "gauge", "rate", "trend"]),
  contains: z.enum(["default", "time", "data"]),
  values: ValuesSchema,
  thresholds: z.record(z.string(), z.looseObject({ ok: z.boolean() })).optional(),
});
const MetricsSchema = z.record(z.string(), MetricSchema);

/** The whole document, strict in what it promises and open to more keys. */
export const SummarySchema = z.looseObject({
  version: z.literal(1),
  job: z.looseObject({
    id: z.string().min(1),
    name: z.string().min(1),
    state: z.enum(["completed", "failed", "cancelled", "aborted"]),
    startedAt: z.number().positive(),
    durationMs: z.number().nonnegative(),
  }),
  metrics: MetricsSchema,
  checks: z.array(
    z.looseObject({ name: z.string(), workflow: z.string(), group: z.string(), passes: z.number(), fails: z.number() }),
  ),
  workflows: z.record(z.string(), z.looseObject({ state: z.string(), metrics: MetricsSchema })),
  accounting: z.looseObject({
    scheduled: z.number(),
    started: z.number(),
    dropped: z.number(),
    unsent: z.number(),
    late: z.number(),
    reruns: z.number(),
    unreportedMax: z.number(),
    disturbed: z.array(z.looseObject({ from: z.number(), to: z.number(), why: z.string() })),
  }),
  generator: z.looseObject({
    saturated: z.boolean(),
    cpu: z.unknown(),
    loopLagMs: z.looseObject({ "p(99)": z.number() }),
    nodes: z.array(z.unknown()),
  }),
  /** Beyond the contract of version 1: said once each, and what failed how often. */
  warnings: z.array(z.string()),
  errors: z.array(z.looseObject({ workflow: z.string(), message: z.string(), count: z.number() })),
});

export type Summary = z.infer<typeof SummarySchema>;

/** One value of a metric, 0 where it has no samples (a counter nothing was added to need not be there). */
export function valueOf(summary: Summary, metric: string, value: string): number {
  return summary.metrics[metric]?.values[value] ?? 0;
}

/** Requests that reached a socket: what a server must have seen. */
export function sentRequests(summary: Summary): number {
  return valueOf(summary, "http_reqs", "count") - summary.accounting.unsent;
}
