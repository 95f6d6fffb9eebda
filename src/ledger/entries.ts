// The entries of the replicated log that the job machine reads: one schema each, types inferred (design 5 and 6).
// A proposal may be bad, late or repeated: apply.ts decides what it does. Nothing here does.

import { labelsSchema } from "../base/labels.ts";
import * as z from "../base/schema.ts";
import type { Accounting, Resume } from "../load/share.ts";

/** Most bytes of one provided value (JSON text), and of all values a job keeps. */
export const PROVIDE_BYTES_MAX = 64 * 1024;
export const CONTEXT_BYTES_MAX = 1024 * 1024;
/** Most bytes of what setup returns (JSON text). */
export const SETUP_BYTES_MAX = 4 * 1024 * 1024;
/** Most workflows of a job, setup and teardown included, and most shares of a workflow. */
export const WORKFLOWS_MAX = 1_000;
export const SHARES_MAX = 4_096;

/** Most jobs of one entry. */
export const SUBMITS_MAX = 256;

/** Characters that are kept of a text for people. */
export const TEXT_MAX = 4_096;
/** Most VUs a workflow is scaled to, iterations taken at once, and attempts of one checkpoint. */
export const VUS_MAX = 10_000_000;
export const TAKE_MAX = 1_000_000;
export const CUTS_MAX = SHARES_MAX;
/** Most keys a workflow provides, and thresholds of a job that fail while it runs. */
export const PROVIDE_KEYS_MAX = 10_000;
export const VERDICTS_MAX = 1_000;
/** Most pauses of a job. */
export const PAUSES_MAX = 1_000;
/** Orders of a job that are remembered, the newest. */
export const ORDERS_MAX = 64;

const name = z.string().min(1).max(256);
const count = z.number().int().nonnegative();
const ms = z.number().nonnegative();
const digest = z.string().max(256);
const boot = z.string().min(1).max(256);

const rangeSchema = z.tuple([count, count]).readonly();
const feedsSchema = z.record(z.string(), count);
/** Where the rest of a share begins; the schema of load/share.ts `Resume`. */
export const resumeSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("arrivals"), next: count, feeds: feedsSchema }),
  z.object({ kind: z.literal("elapsed"), elapsedMs: ms, feeds: feedsSchema }),
  z.object({ kind: z.literal("iterations"), done: z.array(count).readonly(), elapsedMs: ms, feeds: feedsSchema }),
  z.object({ kind: z.literal("ranges"), left: z.array(rangeSchema).readonly(), elapsedMs: ms, feeds: feedsSchema }),
]) satisfies z.Schema<Resume>;

/** What an attempt did, cumulative; the schema of load/share.ts `Accounting`. */
export const accountingSchema = z.object({
  scheduled: count,
  started: count,
  completed: count,
  interrupted: count,
  dropped: count,
  unsent: count,
}) satisfies z.Schema<Accounting>;

/**
 * What the job machine has to know of a workflow. sharesMax: cores it can use. vus: most VUs at one time. fromMs, toMs:
 * when it loads its cores, in ms since its start (startTime to the end of gracefulStop), pauses left out. timeoutMs:
 * limit of setup and teardown, else null. requires: only workers with all these labels; prefers: such workers first.
 * executor: its kind, for people. scaleMax: most VUs `scale` may give it; null: it cannot be scaled. pool: iterations
 * that attempts take in ranges; null: dealt beforehand.
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
  vus: count,
  requires: labelsSchema,
  prefers: labelsSchema,
  executor: z.string().max(64),
  scaleMax: count.nullable(),
  pool: count.nullable(),
});
/** retries: how many failed (not lost) attempts the whole job may have redone. */
export const jobSpecSchema = z.object({
  workflows: z.array(workflowSpecSchema).min(1).max(WORKFLOWS_MAX).readonly(),
  retries: count,
});

/**
 * What people ask of a job while it runs. order: the asker's name of it, the same when it is said again through another
 * manager: it is carried out once.
 */
const ordered = { job: name, order: name };
const owned = { job: name, ownerToken: count };
const attempted = { job: name, workflow: name, share: count, attemptToken: count };
/**
 * Numbers of one snapshot. resume null: nothing was begun. taken: iterations of all granted ranges the attempt had
 * heard of by then (0 where nothing is taken): what of them is not in resume.left is done.
 */
const cut = {
  seq: count,
  resume: resumeSchema.nullable(),
  accounting: accountingSchema,
  snapshot: digest,
  taken: count,
};

/**
 * How an attempt ended. closed: nothing is left (`valueJson`, `thrown`: of a one-shot function). failed: the code's
 * fault, costs retry budget. lost: its node is gone. returned: its worker handed it back whole (it drains, or its lease
 * ran out): nobody's fault.
 */
export const endSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("closed"), valueJson: z.string().nullable(), thrown: z.string().nullable() }),
  z.object({ kind: z.literal("failed"), cause: z.enum(["load", "stalled", "crashed", "memory"]), message: z.string() }),
  z.object({ kind: z.literal("lost"), message: z.string() }),
  z.object({ kind: z.literal("returned"), message: z.string() }),
]);

/** One attempt's part of a checkpoint. */
export const cutSchema = z.object({ workflow: name, share: count, attemptToken: count, ...cut });

/** What the log holds: an entry before its leader stamps it with ledger time. */
export const proposalSchema = z.discriminatedUnion("kind", [
  /** A worker offers its cores; repeated: the newest count and labels hold. Another boot: its earlier life is over. */
  z.object({
    kind: z.literal("join"),
    worker: name,
    boot,
    cores: z.number().int().min(1).max(SHARES_MAX),
    labels: labelsSchema,
  }),
  /** A worker is gone; its live attempts are lost. isCertain: it surely sends nothing any more. */
  z.object({ kind: z.literal("leave"), worker: name, boot, isCertain: z.boolean() }),
  /** Idempotent by (job, digest). submission: name of the blob with plan and bundle, "" when embedded. */
  z.object({ kind: z.literal("submit"), job: name, digest, submission: digest, spec: jobSpecSchema }),
  /** Several submits at once, as if one came after the other; `of`: which content each is of. */
  z.object({
    kind: z.literal("submits"),
    contents: z
      .array(z.object({ digest, submission: digest, spec: jobSpecSchema }))
      .max(SUBMITS_MAX)
      .readonly(),
    jobs: z
      .array(z.object({ job: name, of: count }))
      .min(1)
      .max(SUBMITS_MAX)
      .readonly(),
  }),
  /** A finished job is dropped; its id never runs again. */
  z.object({ kind: z.literal("forget"), job: name }),
  /** Its index is the ownerToken: what an earlier owner, or an earlier life of it, proposes from now on is stale. */
  z.object({ kind: z.literal("assign"), job: name, owner: name, boot }),
  /** Gives a workflow its cores: all shares or none. */
  z.object({ kind: z.literal("place"), workflow: name, ...owned }),
  /** Its index is the attemptToken of a new attempt. */
  z.object({ kind: z.literal("dispatch"), workflow: name, share: count, ...owned }),
  /** The bundle is loaded and the VUs are made. */
  z.object({ kind: z.literal("ready"), ...attempted }),
  /** All shares are ready: the workflow starts `leadMs` after this entry's time. */
  z.object({ kind: z.literal("start"), workflow: name, leadMs: ms, ...owned }),
  /** The newest snapshots of a job's running attempts, not final. Stale ones among them are left out. */
  z.object({ kind: z.literal("checkpoint"), ...owned, cuts: z.array(cutSchema).max(CUTS_MAX).readonly() }),
  /** The last snapshot of an attempt that is ever summed. */
  // ownerToken: only who owns the job now may say that an attempt is lost: others may have renewed its lease since.
  z.object({ kind: z.literal("seal"), ...attempted, ...cut, end: endSchema, ownerToken: count.optional() }),
  /** A value for the workflows after this one. `bytes`: of its JSON; left out: `json` is in clear, and they are its. */
  z.object({
    kind: z.literal("provide"),
    ...attempted,
    key: name,
    json: z.string(),
    bytes: count.optional(),
    vu: count,
    iteration: count,
  }),
  /** Asks for `count` more iterations of the workflow's pool. */
  z.object({ kind: z.literal("take"), ...attempted, count: z.number().int().min(1).max(TAKE_MAX) }),
  /** An attempt with a time limit asks for more time and shows how far it came: a number that grows. */
  z.object({ kind: z.literal("extend"), ...attempted, progress: ms }),
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
  z.object({ kind: z.literal("cancel"), job: name, by: z.enum(["user", "other"]) }),
  /** By a client: the schedules of running user workflows stand still, nothing starts. */
  z.object({ kind: z.literal("pause"), ...ordered }),
  /** By a client: ends a pause. */
  z.object({ kind: z.literal("resume"), ...ordered }),
  /** By a client: VUs of the whole workflow from now on. workflow null: the only one of the job that can be scaled. */
  z.object({ kind: z.literal("scale"), ...ordered, workflow: name.nullable(), vus: count.max(VUS_MAX) }),
  /** Everything has ended and the thresholds are judged: the one terminal state. result: its blob, null: none. */
  z.object({ kind: z.literal("finish"), ...owned, thresholdsFailed: count, result: digest.nullable() }),
]);

export type WorkflowSpec = z.infer<typeof workflowSpecSchema>;
export type JobSpec = z.infer<typeof jobSpecSchema>;
export type CutEntry = z.infer<typeof cutSchema>;
export type End = z.infer<typeof endSchema>;
/** An entry before its leader stamps it. */
export type Proposal = z.infer<typeof proposalSchema>;
type Stamped<Any> = Any extends Proposal ? Any & { readonly atMs: number } : never;
/** `atMs`: ledger time at which it came into the log. */
export type Entry = Stamped<Proposal>;
export type EntryOf<Kind extends Entry["kind"]> = Extract<Entry, { kind: Kind }>;

/** A proposal with its ledger time. */
export function stamped(proposal: Proposal, atMs: number): Entry {
  return { ...proposal, atMs };
}

/** A proposal of this process or a peer. Out: null and the reason when it is not one; never throws. */
export function parseProposal(
  value: unknown,
): { readonly proposal: Proposal } | { readonly proposal: null; readonly message: string } {
  const parsed = proposalSchema.safeParse(value);
  if (parsed.success) return { proposal: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    proposal: null,
    message: issue === undefined ? "not an entry" : `${issue.path.join(".")}: ${issue.message}`,
  };
}
