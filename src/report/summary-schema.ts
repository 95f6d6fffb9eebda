// The machine-readable summary of a job (`--summary-export`, `--json`): one zod schema, from which the type and the
// published JSON Schema (summary.schema.json) come. Keys may be added under version 1, never renamed or removed.

import { z } from "zod";

const ratio = z.number().min(0).max(1);
const whole = z.number().int().min(0);
const length = z.number().min(0);

/** counter: `count` is the sum of what was added, `rate` that of the load (not setup, teardown) per second of it. */
const counterValues = z.object({ count: z.number(), rate: z.number() });
/** rate: `rate` = passes / (passes + fails), 0 without samples. */
const rateValues = z.object({ rate: ratio, passes: whole, fails: whole });
/** gauge: the newest value, and the least and greatest seen. */
const gaugeValues = z.object({ value: z.number(), min: z.number(), max: z.number() });
/** trend: nearest-rank percentiles; more of them where the test's summaryTrendStats asks. All 0 without samples. */
const trendValues = z
  .object({
    avg: z.number(),
    min: z.number(),
    med: z.number(),
    max: z.number(),
    "p(90)": z.number(),
    "p(95)": z.number(),
    "p(99)": z.number(),
    "p(99.9)": z.number(),
    count: whole,
  })
  .catchall(z.number());

/** `value`: what the expression was compared with at the end; null where the metric had no samples, which passes. */
const thresholdOutcome = z.object({ ok: z.boolean(), value: z.number().nullable() });
const common = {
  contains: z.enum(["default", "time", "data"]),
  thresholds: z.record(z.string(), thresholdOutcome),
};
const metric = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("counter"), ...common, values: counterValues }),
    z.object({ type: z.literal("rate"), ...common, values: rateValues }),
    z.object({ type: z.literal("gauge"), ...common, values: gaugeValues }),
    z.object({ type: z.literal("trend"), ...common, values: trendValues }),
  ])
  .meta({ id: "metric" });
/** Key: a metric's name, or `name{tag:value}` as a threshold has it. */
const metrics = z.record(z.string(), metric);

const check = z.object({
  name: z.string(),
  workflow: z.string(),
  /** "" outside any group, else "::outer::inner". */
  group: z.string(),
  passes: whole,
  fails: whole,
});

const iterationAccount = {
  /** Iterations the schedule asked for, begun, ended, cut off at the end, and never begun. */
  scheduled: whole,
  started: whole,
  completed: whole,
  interrupted: whole,
  dropped: whole,
  /** Requests in http_reqs that never got a socket. */
  unsent: whole,
};
const accounting = z.object({
  ...iterationAccount,
  /** Samples that came after their share was closed: shown here, summed nowhere. */
  late: whole,
  /** How often setup or teardown was run again. */
  reruns: whole,
  /** Requests possibly sent and not in http_reqs. */
  unreportedMax: whole,
  /** from and to in ms since startedAt. */
  disturbed: z.array(z.object({ from: length, to: length, why: z.string() })),
});

const workflow = z
  .object({
    state: z.enum(["completed", "failed", "cancelled", "skipped"]),
    executor: z.string(),
    /** First start to last end, in ms since startedAt. */
    from: length,
    to: length,
    metrics,
    accounting: z.object(iterationAccount),
  })
  .meta({ id: "workflow" });

const core = z.object({
  core: whole,
  /** Mean over the time it ran, 0..1. */
  cpu: ratio,
  loopLagMs: z.object({ max: length }),
  seconds: length,
  saturatedSeconds: length,
});
const generator = z.object({
  /** In 10 % of its seconds a core was over 90 % busy, or its loop lagged over 10 ms. */
  saturated: z.boolean(),
  /** Mean per core, 0..1. */
  cpu: ratio,
  loopLagMs: z.object({ "p(99)": length, max: length }),
  nodes: z.array(z.object({ node: z.string(), cpu: ratio, saturated: z.boolean(), cores: z.array(core) })),
  /** Shares on different workers that began together did so within this; left out where one worker ran all. */
  startSkewMs: z.object({ max: length }).optional(),
});

/** The summary, version 1. Durations in ms, instants in epoch ms. */
export const summarySchema = z.object({
  version: z.literal(1),
  job: z.object({
    id: z.string(),
    name: z.string(),
    state: z.enum(["completed", "failed", "cancelled", "aborted"]),
    /** Why it was not completed; "" when it was. */
    reason: z.string(),
    startedAt: whole,
    durationMs: length,
    /** For so long of it the job was paused: rates are over the rest. */
    pausedMs: length,
  }),
  metrics,
  checks: z.array(check),
  workflows: z.record(z.string(), workflow),
  accounting,
  generator,
  warnings: z.array(z.string()),
  errors: z.array(z.object({ workflow: z.string(), message: z.string(), count: whole })),
});

export type Summary = z.infer<typeof summarySchema>;
export type SummaryMetric = z.infer<typeof metric>;
export type SummaryCheck = z.infer<typeof check>;
export type SummaryWorkflow = z.infer<typeof workflow>;
export type SummaryCore = z.infer<typeof core>;
export type IterationAccount = SummaryWorkflow["accounting"];

/** JSON Schema (2020-12) of the summary: what summary.schema.json holds. Unknown keys are allowed: more may come. */
export function summaryJsonSchema(): Record<string, unknown> {
  return {
    title: "hyperscale summary",
    description: "Written by `hyperscale submit --summary-export`. Durations in ms, instants in epoch ms, ratios 0..1.",
    ...z.toJSONSchema(summarySchema, { io: "input" }),
  };
}

/** The text of summary.schema.json, byte for byte. */
export function summaryJsonSchemaText(): string {
  return `${JSON.stringify(summaryJsonSchema(), null, 2)}\n`;
}
