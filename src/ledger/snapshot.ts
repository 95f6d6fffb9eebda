// The ledger as a plain value for the log's snapshot, and back. A snapshot may come from a peer, so it is checked as
// strictly as an entry is. Maps become lists of [key, value] in their order: the order is part of the state.

import * as z from "../base/schema.ts";
import { labelsSchema } from "../base/labels.ts";
import {
  accountingSchema,
  endSchema,
  jobSpecSchema,
  type JobSpec,
  ORDERS_MAX,
  PAUSES_MAX,
  resumeSchema,
  SHARES_MAX,
  WORKFLOWS_MAX,
  workflowSpecSchema,
} from "./entries.ts";
import type { Attempt, Cut, Ending, Job, LedgerState, Share, Worker, Workflow } from "./job.ts";
import type { Pool } from "./pool.ts";
import { rollOf } from "./roll.ts";
import { waitingJob } from "./submissions.ts";

const text = z.string();
const count = z.number().int().nonnegative();
const ms = z.number().nonnegative();
const place = { worker: text, boot: text, core: count };
const range = z.tuple([count, count]).readonly();

const cutSchema = z.object({
  seq: count,
  resume: resumeSchema.nullable(),
  accounting: accountingSchema,
  snapshot: text,
  taken: count,
}) satisfies z.Schema<Cut>;

const attemptSchema = z.object({
  ...place,
  token: count,
  state: z.enum(["dispatched", "ready", "running", "stopping", "sealed"]),
  stopMode: z.enum(["graceful", "now"]).nullable(),
  lost: z.object({ atMs: ms, isCertain: z.boolean() }).nullable(),
  startAtMs: ms.nullable(),
  endAtMs: ms.nullable(),
  checkpoint: cutSchema.nullable(),
  seal: cutSchema.nullable(),
  end: endSchema.nullable(),
}) satisfies z.Schema<Attempt>;

const shareSchema = z.object({
  place: z.object(place).nullable(),
  isOver: z.boolean(),
  attempts: z.array(attemptSchema),
}) satisfies z.Schema<Share>;

const leaseSchema = z.object({ heard: count, open: z.array(range), fresh: z.array(range) });
const poolSchema = z.object({
  size: count,
  next: count,
  returned: z.array(range),
  closed: count,
  leases: mapOf(count, leaseSchema),
}) satisfies z.Schema<Pool>;

const providedSchema = z.object({ json: text, bytes: count, vu: count, iteration: count, providers: count });

const workflowSchema = z.object({
  spec: workflowSpecSchema,
  state: z.enum(["waiting", "queued", "preparing", "running", "ended", "failed", "cancelled", "skipped"]),
  shares: z.array(shareSchema).max(SHARES_MAX),
  queuedAtMs: ms.nullable(),
  startAtMs: ms.nullable(),
  endAtMs: ms.nullable(),
  pausedAtMs: ms.nullable(),
  pausedMs: ms,
  scaledVus: count.nullable(),
  limit: z.object({ atMs: ms, granted: count, progress: ms }).nullable(),
  pool: poolSchema.nullable(),
  provided: mapOf(text, providedSchema),
}) satisfies z.Schema<Workflow>;

const endingSchema = z.object({
  state: z.enum(["completed", "cancelled", "aborted", "failed"]),
  errorCode: z
    .enum(["load", "setup-timeout", "teardown-timeout", "thresholds", "cancelled", "interrupted", "aborted", "failed"])
    .nullable(),
  reason: text,
}) satisfies z.Schema<Ending>;

const jobSchema = z.object({
  id: text,
  digest: text,
  submission: text,
  submitIndex: count,
  submittedAtMs: ms,
  spec: z.null(),
  retries: count,
  workflows: mapOf(text, workflowSchema, WORKFLOWS_MAX),
  owner: z.object({ node: text, boot: text, token: count }).nullable(),
  phase: z.enum(["open", "closing", "finished"]),
  ending: endingSchema.nullable(),
  outcome: endingSchema.nullable(),
  isPaused: z.boolean(),
  pauses: z.array(z.object({ fromMs: ms, toMs: ms.nullable() })).max(PAUSES_MAX),
  orders: z.array(text).max(ORDERS_MAX),
  finishedAtMs: ms.nullable(),
  result: text.nullable(),
  originMs: ms.nullable(),
  setupJson: text.nullable(),
  verdicts: mapOf(text, z.object({ metricKey: text, expression: text })),
  retriesUsed: count,
  reruns: count,
}) satisfies z.Schema<Job>;

const workerSchema = z.object({
  boot: text,
  cores: count,
  labels: labelsSchema,
  former: z.array(text),
}) satisfies z.Schema<Worker>;

/** Jobs that wait are many and alike: what each was submitted with is written once for all that share it. */
const waitingSchema = z.object({
  contents: z.array(z.object({ digest: text, submission: text, spec: jobSpecSchema })),
  /** Content, id, submitIndex, submittedAtMs. */
  jobs: z.array(z.tuple([count, text, count, ms])),
});

const ledgerSchema = z
  .object({
    nowMs: ms,
    workers: mapOf(text, workerSchema),
    jobs: mapOf(text, jobSchema),
    waiting: waitingSchema,
    forgottenThroughMs: z.number().min(-1),
    forgottenKeys: mapOf(text, text),
  })
  .transform(({ waiting: rows, ...rest }, context): LedgerState => {
    const jobs = joined(rest.jobs, rows);
    if (jobs === null) context.addIssue({ message: "a job twice, or without its content" });
    const all = jobs ?? rest.jobs;
    return { ...rest, jobs: all, roll: rollOf(all) };
  });

/** The ledger as what JSON and MessagePack can hold. It shares nothing with the state that could change. */
export function exportLedger({ roll: _, jobs, ...rest }: LedgerState): unknown {
  const contents: Content[] = [];
  const placeOf = contentPlaces(contents);
  const waitingJobs: unknown[] = [];
  const others: unknown[] = [];
  for (const job of jobs.values()) {
    const { id, digest, submission, spec, submitIndex, submittedAtMs } = job;
    if (spec === null) {
      others.push([id, plain(job)]);
      continue;
    }
    waitingJobs.push([placeOf({ digest, submission, spec }), id, submitIndex, submittedAtMs]);
  }
  return { ...plainRecord(rest), jobs: others, waiting: { contents, jobs: waitingJobs } };
}

type Content = z.infer<typeof waitingSchema>["contents"][number];

/** Where a content is in the list; it is added when it is not yet there. Specs are compared only under one digest. */
function contentPlaces(contents: Content[]): (content: Content) => number {
  const known = new Map<string, number[]>();
  const texts = new Map<JobSpec, string>();
  const textOf = (spec: JobSpec): string => {
    const text = texts.get(spec) ?? JSON.stringify(spec);
    texts.set(spec, text);
    return text;
  };
  return (content) => {
    const key = `${content.digest} ${content.submission}`;
    const places = known.get(key) ?? [];
    for (const place of places) {
      const spec = contents[place]?.spec;
      if (spec === content.spec) return place;
      if (spec !== undefined && textOf(spec) === textOf(content.spec)) return place;
    }
    known.set(key, [...places, contents.length]);
    return contents.push(content) - 1;
  };
}

/** The ledger that was exported. Out: null and the reason when the value is none; never throws. */
export function importLedger(
  value: unknown,
): { readonly ledger: LedgerState } | { readonly ledger: null; readonly message: string } {
  const parsed = ledgerSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return {
      ledger: null,
      message: issue === undefined ? "not a ledger" : `${issue.path.join(".")}: ${issue.message}`,
    };
  }
  return { ledger: parsed.data };
}

/** All jobs in the order of their submits. Out: null when a row is none. */
function joined(
  jobs: ReadonlyMap<string, Job>,
  { contents, jobs: rows }: z.infer<typeof waitingSchema>,
): Map<string, Job> | null {
  const all: Job[] = [...jobs.values()];
  for (const [at, id, submitIndex, submittedAtMs] of rows) {
    const content = contents[at];
    if (content === undefined) return null;
    const { digest, submission, spec } = content;
    all.push(waitingJob({ id, digest, submission, submitIndex, submittedAtMs, spec }));
  }
  all.sort((a, b) => a.submitIndex - b.submitIndex);
  const ordered = new Map(all.map((job) => [job.id, job]));
  return ordered.size === all.length ? ordered : null;
}

/** A list of [key, value] as a map; a key twice is an error. */
function mapOf<Key, Value>(key: z.Schema<Key>, value: z.Schema<Value>, sizeMax = Infinity) {
  return z
    .array(z.tuple([key, value]))
    .refine((pairs) => pairs.length <= sizeMax, `more than ${sizeMax}`)
    .refine((pairs) => new Set(pairs.map(([one]) => one)).size === pairs.length, "a key twice")
    .transform((pairs) => new Map(pairs));
}

function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const list: unknown[] = [];
  if (value instanceof Map) {
    for (const [key, one] of value) list.push([key, plain(one)]);
    return list;
  }
  if (!Array.isArray(value)) return plainRecord(value);
  for (const one of value) list.push(plain(one));
  return list;
}

function plainRecord(value: object): Record<string, unknown> {
  const copy: Record<string, unknown> = { ...value };
  for (const key in copy) {
    const one = copy[key];
    if (typeof one === "object") copy[key] = plain(one);
  }
  return copy;
}
