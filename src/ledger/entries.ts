// The entries of the replicated log that the job machine reads: one zod schema each, types inferred (design 5 and 6).
// A proposal may be bad, late or repeated: apply.ts decides what it does. Nothing here does.

import { z } from "zod";
import type { Accounting, Resume } from "../load/share.ts";

/** Most bytes of one provided value (JSON text), and of all values a job keeps. */
export const PROVIDE_BYTES_MAX = 64 * 1024;
export const CONTEXT_BYTES_MAX = 1024 * 1024;
/** Most bytes of what setup returns (JSON text). */
export const SETUP_BYTES_MAX = 4 * 1024 * 1024;
/** Most workflows of a job, setup and teardown included, and most shares of a workflow. */
export const WORKFLOWS_MAX = 1_000;
export const SHARES_MAX = 4_096;

const name = z.string().min(1).max(256);
const count = z.number().int().nonnegative();
const ms = z.number().nonnegative();

const rangeSchema = z.tuple([count, count]).readonly();
const feedsSchema = z.record(z.string(), count);
/** Where the rest of a share begins; the schema of load/share.ts `Resume`. */
export const resumeSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("arrivals"), next: count, feeds: feedsSchema }),
  z.object({ kind: z.literal("elapsed"), elapsedMs: ms, feeds: feedsSchema }),
  z.object({ kind: z.literal("iterations"), done: z.array(count).readonly(), elapsedMs: ms, feeds: feedsSchema }),
  z.object({ kind: z.literal("ranges"), left: z.array(rangeSchema).readonly(), elapsedMs: ms, feeds: feedsSchema }),
]) satisfies z.ZodType<Resume>;

/** What an attempt did, cumulative; the schema of load/share.ts `Accounting`. */
export const accountingSchema = z.object({
  scheduled: count,
  started: count,
  completed: count,
  interrupted: count,
  dropped: count,
  unsent: count,
}) satisfies z.ZodType<Accounting>;

/**
 * What the job machine has to know of a workflow. sharesMax: cores it can use. fromMs, toMs: when it loads its cores,
 * in ms since its start (startTime to the end of gracefulStop). timeoutMs: limit of setup and teardown, else null.
 */
export const workflowSpecSchema = z.object({
  name,
  role: z.enum(["setup", "user", "teardown"]),
  after: z.array(name).max(WORKFLOWS_MAX).readonly(),
  priority: z.enum(["auto", "low", "normal", "high", "exclusive"]),
  sharesMax: z.number().int().min(1).max(SHARES_MAX),
  fromMs: ms,
  toMs: ms,
  timeoutMs: ms.nullable(),
});
/** retries: how many failed (not lost) attempts the whole job may have redone. */
export const jobSpecSchema = z.object({
  workflows: z.array(workflowSpecSchema).min(1).max(WORKFLOWS_MAX).readonly(),
  retries: count,
});

const stamp = { atMs: ms };
const owned = { job: name, ownerToken: count, ...stamp };
const attempted = { job: name, workflow: name, share: count, attemptToken: count, ...stamp };
/** resume null: nothing was begun. */
const cut = {
  seq: count,
  resume: resumeSchema.nullable(),
  accounting: accountingSchema,
  snapshot: z.string().max(256),
};

/**
 * How an attempt ended. closed: nothing is left (`valueJson`, `thrown`: of a one-shot function). failed: the code's
 * fault, costs retry budget. lost: its node is gone.
 */
export const endSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("closed"), valueJson: z.string().nullable(), thrown: z.string().nullable() }),
  z.object({ kind: z.literal("failed"), cause: z.enum(["load", "stalled", "crashed", "memory"]), message: z.string() }),
  z.object({ kind: z.literal("lost"), message: z.string() }),
]);

export const entrySchema = z.discriminatedUnion("kind", [
  /** A worker offers its cores; repeated: the newest count holds. */
  z.object({ kind: z.literal("join"), worker: name, cores: z.number().int().min(1).max(SHARES_MAX), ...stamp }),
  /** A worker is gone; its live attempts are lost. */
  z.object({ kind: z.literal("leave"), worker: name, ...stamp }),
  /** Idempotent by (job, digest). */
  z.object({ kind: z.literal("submit"), job: name, digest: z.string().max(256), spec: jobSpecSchema, ...stamp }),
  /** Its index is the ownerToken: what an earlier owner proposes from now on is stale. */
  z.object({ kind: z.literal("assign"), job: name, owner: name, ...stamp }),
  /** Gives a workflow its cores: all shares or none. */
  z.object({ kind: z.literal("place"), workflow: name, ...owned }),
  /** Its index is the attemptToken of a new attempt. */
  z.object({ kind: z.literal("dispatch"), workflow: name, share: count, ...owned }),
  /** The bundle is loaded and the VUs are made. */
  z.object({ kind: z.literal("ready"), ...attempted }),
  /** All shares are ready: the workflow starts `leadMs` after this entry's time. */
  z.object({ kind: z.literal("start"), workflow: name, leadMs: ms, ...owned }),
  /** The newest snapshot of a running attempt, not final. */
  z.object({ kind: z.literal("checkpoint"), ...attempted, ...cut }),
  /** The last snapshot of an attempt that is ever summed. */
  z.object({ kind: z.literal("seal"), ...attempted, ...cut, end: endSchema }),
  /** A value for the workflows after this one. */
  z.object({ kind: z.literal("provide"), ...attempted, key: name, json: z.string(), vu: count, iteration: count }),
  /** vu.abort(). */
  z.object({ kind: z.literal("abort"), ...attempted, reason: z.string() }),
  /** A threshold failed for good while the job runs; `isAbort`: the job ends with it. */
  z.object({
    kind: z.literal("verdict"),
    ...owned,
    metricKey: z.string(),
    expression: z.string(),
    isAbort: z.boolean(),
  }),
  /** Setup or teardown ran into its limit. */
  z.object({ kind: z.literal("timeout"), workflow: name, ...owned }),
  /** By a client: "user" is who submitted and waits, "other" anybody else. */
  z.object({ kind: z.literal("cancel"), job: name, by: z.enum(["user", "other"]), ...stamp }),
  /** Everything has ended and the thresholds are judged: the job's one terminal state. */
  z.object({ kind: z.literal("finish"), ...owned, thresholdsFailed: count }),
]);

export type WorkflowSpec = z.infer<typeof workflowSpecSchema>;
export type JobSpec = z.infer<typeof jobSpecSchema>;
export type End = z.infer<typeof endSchema>;
export type Entry = z.infer<typeof entrySchema>;
export type EntryOf<Kind extends Entry["kind"]> = Extract<Entry, { kind: Kind }>;

type WithoutTime<Any> = Any extends Entry ? Omit<Any, "atMs"> : never;
/** An entry before its proposer stamps it with ledger time. */
export type Proposal = WithoutTime<Entry>;

/** An entry read from a log or a peer. Out: null and the reason when it is not one; never throws. */
export function parseEntry(
  value: unknown,
): { readonly entry: Entry } | { readonly entry: null; readonly message: string } {
  const parsed = entrySchema.safeParse(value);
  if (parsed.success) return { entry: parsed.data };
  const issue = parsed.error.issues[0];
  return { entry: null, message: issue === undefined ? "not an entry" : `${issue.path.join(".")}: ${issue.message}` };
}
