// What a client submits: plan and bundle, as one blob whose bytes do not depend on where or in which order it was made,
// so that its digest is the job's identity (design 5).

import * as z from "../base/schema.ts";
import { HyperscaleError } from "../base/error.ts";
import { formatBytes } from "../base/units.ts";
import { labelsSchema } from "../base/labels.ts";
import type { Bundle } from "../engine/messages.ts";
import type { JobPlan } from "../load/plan.ts";
import { decoderOf, encode } from "../wire/codec.ts";

/** `retries`: failed (not lost) attempts of the job that may be redone. */
export type Submission = { readonly plan: JobPlan; readonly bundle: Bundle; readonly retries: number };

/** Most bytes of a submission: the files that may travel along, and room for code and plan. */
const SUBMISSION_BYTES_MAX = 80 * 1024 * 1024;

const bundleSchema = z.object({
  code: z.string(),
  entry: z.string(),
  files: z.record(z.string(), z.instanceof(Uint8Array)),
});

const planShape = z.looseObject({
  name: z.string(),
  workflows: z
    .array(
      z.looseObject({
        name: z.string().min(1).max(256),
        after: z.array(z.string()),
        executor: z.looseObject({ kind: z.string() }),
        startTimeMs: z.number().nonnegative(),
        gracefulStopMs: z.number().nonnegative(),
        priority: z.enum(["auto", "low", "normal", "high", "exclusive"]),
        requires: labelsSchema.optional(),
        prefers: labelsSchema.optional(),
      }),
    )
    .min(1)
    .max(998),
  setup: z.object({ timeoutMs: z.number().nonnegative() }).nullable(),
  teardown: z.object({ timeoutMs: z.number().nonnegative() }).nullable(),
  thresholds: z.array(z.looseObject({ metricKey: z.string(), expression: z.string() })),
  http: z.looseObject({ batch: z.number() }),
  tags: z.record(z.string(), z.string()),
  env: z.record(z.string(), z.string()),
  feeds: z.array(z.looseObject({ id: z.number(), rows: z.number() })),
});

/** The plan was checked by the client that made it; here only as far as the machine itself relies on it. */
const isPlan = (value: unknown): value is JobPlan => planShape.safeParse(value).success;
const planSchema = z.custom(isPlan, "the plan is none");

const readSubmission = decoderOf(
  z.object({ plan: planSchema, bundle: bundleSchema, retries: z.int().min(0).max(1_000) }),
);

/** Throws `invalid` when it is larger than managers take. */
export function packSubmission(submission: Submission): Uint8Array {
  const bytes = encode(sorted(submission));
  if (bytes.length <= SUBMISSION_BYTES_MAX) return bytes;
  throw new HyperscaleError("invalid", tooLargeText(bytes.length), { hint: SMALLER });
}

const SMALLER = "open() fewer or smaller files, or let the workflow fetch them from a server";

function tooLargeText(length: number): string {
  const most = formatBytes(SUBMISSION_BYTES_MAX);
  return `the submission has ${formatBytes(length)}, more than the ${most} that managers take`;
}

/** Out: null and what is wrong with it; never throws. */
export function unpackSubmission(
  bytes: Uint8Array,
): { readonly submission: Submission } | { readonly submission: null; readonly message: string } {
  if (bytes.length > SUBMISSION_BYTES_MAX)
    return { submission: null, message: `${tooLargeText(bytes.length)}: ${SMALLER}` };
  const decoded = readSubmission(bytes);
  if (decoded.ok) return { submission: decoded.value };
  return { submission: null, message: `the submission cannot be read: ${decoded.message}` };
}

/** The same value with the keys of all its records in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
