// What managers and workers of a cluster say to each other, with the schemas at the border. All of it may get lost with
// a connection: what matters is said again by comparing (reconcile.ts), never by counting on one message.

import * as z from "../base/schema.ts";
import { PRESSURE_LEVELS } from "../health/backpressure.ts";
import { labelsSchema } from "../base/labels.ts";
import { accountingSchema, resumeSchema, SHARES_MAX } from "../ledger/entries.ts";
import { PARTS_MAX } from "./dispatch-values.ts";

const name = z.string().min(1).max(256);
const count = z.number().int().nonnegative();
const ms = z.number();
const text = z.string().max(512 * 1024);
const bytes: z.Schema<Uint8Array> = z.instanceof(Uint8Array);
/** Most characters of JSON of one value in a message: what a one-shot function returns, or a value provided. */
export const VALUE_BYTES_MAX = 256 * 1024;

/** Most attempts of one worker named in one message. */
const ATTEMPTS_MAX = 8_192;

export const attemptIdSchema = z.object({ job: name, workflow: name, share: count, token: count });

// ── manager to worker ───────────────────────────────────────────────────────────────────────────

/** A share as share.ts has it; executor and the rest are the plan's, which the submission holds. */
const placeSchema = z.object({
  share: count,
  shares: z.number().int().min(1),
  resume: resumeSchema.nullable(),
  feedStripe: z.object({ index: count, of: z.number().int().min(1) }),
});

/** JSON text by key, and what setup returned (dispatch-values.ts). */
const values = { context: z.record(z.string(), z.string()), setupJson: z.string().nullable() };

/** What is asked of a workflow while it runs; the schema of load/share.ts `Steering`. */
const steeringSchema = z.object({ isPaused: z.boolean(), pausedMs: ms.nonnegative(), vus: count.nullable() });

/**
 * An owner's command about one attempt; idempotent. `submission`: blob with plan and bundle. `context`: JSON by key.
 * start: the attempt's workflow starts at `startAtMs` of the sender's clock, `inMs` from its sending; the job
 * began `jobElapsedMs` before that.
 */
const commandSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("dispatch"),
    attempt: attemptIdSchema,
    core: count,
    place: placeSchema,
    submission: name,
    ...values,
    /** So many messages with more values came before it. */
    valueParts: count.max(PARTS_MAX).optional(),
    reportMs: ms.min(10),
  }),
  /** Values that do not fit into the dispatch that follows. */
  z.object({ kind: z.literal("values"), attempt: attemptIdSchema, part: count, ...values }),
  z.object({
    kind: z.literal("start"),
    attempt: attemptIdSchema,
    startAtMs: ms,
    inMs: ms,
    jobElapsedMs: ms,
    steering: steeringSchema.optional(),
  }),
  z.object({ kind: z.literal("steer"), attempt: attemptIdSchema, steering: steeringSchema }),
  z.object({ kind: z.literal("stop"), attempt: attemptIdSchema, mode: z.enum(["graceful", "now"]) }),
  /** Everything of the attempt again: what the owner holds ends at snapshot `seq` and provided value `offers`. */
  z.object({ kind: z.literal("tell"), attempt: attemptIdSchema, seq: count, offers: count }),
]);

export const toWorkerSchema = z.discriminatedUnion("kind", [
  /** By a job's owner. The higher ownerToken wins. */
  z.object({ kind: z.literal("command"), ownerToken: count, command: commandSchema }),
  /** By any manager: these attempts' ends are committed, or nothing is known of them any more. Forget them. */
  z.object({ kind: z.literal("sealed"), attempts: z.array(attemptIdSchema).max(ATTEMPTS_MAX).readonly() }),
  /** The owner holds the attempt up to this snapshot. */
  z.object({ kind: z.literal("heard"), ownerToken: count, job: name, token: count, seq: count }),
  /**
   * Answer to `renew`: the sender owns these jobs, and their leases run from `sentAtMs` (the worker's clock, given
   * back). `ownerMs`: the sender's monotonic clock. `pressure`: how much it asks of those who report.
   */
  z.object({
    kind: z.literal("renewed"),
    sentAtMs: ms,
    ownerMs: ms,
    pressure: z.enum(PRESSURE_LEVELS).default("none"),
    jobs: z
      .array(z.object({ job: name, ownerToken: count }))
      .max(ATTEMPTS_MAX)
      .readonly(),
  }),
]);

// ── worker to manager ───────────────────────────────────────────────────────────────────────────

/** preparing > ready > running > stopping > over. */
export const attemptStateSchema = z.enum(["preparing", "ready", "running", "stopping", "over"]);

/**
 * What a worker holds of an attempt: newest snapshot, values provided; isAborting: its code asked for the end.
 * steering: as it was last told, left out where nobody has touched the workflow.
 */
const heldSchema = z.object({
  attempt: attemptIdSchema,
  state: attemptStateSchema,
  seq: count,
  offers: count,
  isAborting: z.boolean(),
  steering: steeringSchema.optional(),
});

/** A cut without its series; the schema of load/share.ts `Snapshot`. */
export const cutSchema = z.object({
  attempt: attemptIdSchema,
  seq: count,
  elapsedMs: ms,
  isFinal: z.boolean(),
  resume: resumeSchema,
  accounting: accountingSchema,
  generator: z.object({
    seconds: z.number(),
    saturatedSeconds: z.number(),
    cpuSeconds: z.number(),
    loopLagMsMax: z.number(),
    loopLagMsP99: z.number(),
    stillMs: z.number(),
  }),
  vus: count,
  vusMax: count,
});

/** What a core that had to be ended did beyond its last cut; the schema of messages.ts `Torn`. */
const tornSchema = z.object({ requests: count, iterations: count });

const level = z.enum(["debug", "info", "warn", "error"]);
const reportSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready"), attempt: attemptIdSchema }),
  /** The `offer`-th value of the attempt. isAgain: one of those that count, said again; all up to `offer` are said. */
  z.object({
    kind: z.literal("provide"),
    attempt: attemptIdSchema,
    offer: count,
    isAgain: z.boolean(),
    key: name,
    json: text,
    vu: count,
    iteration: count,
  }),
  z.object({ kind: z.literal("abort"), attempt: attemptIdSchema, reason: text }),
  z.object({ kind: z.literal("log"), attempt: attemptIdSchema, level, text }),
  z.object({ kind: z.literal("warning"), attempt: attemptIdSchema, text }),
  z.object({
    kind: z.literal("errors"),
    attempt: attemptIdSchema,
    errors: z
      .array(z.object({ message: text, count }))
      .max(1_000)
      .readonly(),
  }),
  /**
   * It is over, with its last snapshot `seq` and `offers` values. returned: by its worker, which drains or whose lease
   * ran out. torn: its core had to be ended.
   */
  z.object({
    kind: z.literal("over"),
    attempt: attemptIdSchema,
    seq: count,
    offers: count,
    end: z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("closed"), valueJson: text.nullable(), thrown: text.nullable() }),
      z.object({
        kind: z.literal("failed"),
        cause: z.enum(["load", "stalled", "crashed", "memory"]),
        message: text,
        torn: tornSchema.optional(),
      }),
      z.object({ kind: z.literal("returned"), message: text, torn: tornSchema.optional() }),
    ]),
  }),
]);

export const fromWorkerSchema = z.discriminatedUnion("kind", [
  /** To every manager, once a second: what the worker offers and holds. `boot`: its life. */
  z.object({
    kind: z.literal("renew"),
    boot: name,
    sentAtMs: ms,
    cores: z.number().int().min(1).max(SHARES_MAX),
    labels: labelsSchema,
    isDraining: z.boolean(),
    attempts: z.array(heldSchema).max(ATTEMPTS_MAX).readonly(),
  }),
  /** To a job's owner. */
  z.object({ kind: z.literal("report"), ownerToken: count, report: reportSchema }),
]);

/**
 * To a job's owner: one cut, with what changed of its series since snapshot `base` (delta-codec.ts), in `parts`
 * messages. Values are cumulative: idempotent, in any order, for whoever holds everything up to `base`.
 */
export const snapshotSchema = z.object({
  ownerToken: count,
  base: count,
  part: count,
  parts: z.number().int().min(1).max(4_096),
  content: z.enum(["all", "changed", "scalars"]),
  cut: cutSchema,
  /** Its workflow's start on this worker was off the agreed instant by this at most; null: not known. */
  startErrorMs: ms.nonnegative().nullable().default(null),
  changes: bytes,
});

export type ToWorker = z.infer<typeof toWorkerSchema>;
export type FromWorker = z.infer<typeof fromWorkerSchema>;
export type Command = z.infer<typeof commandSchema>;
export type HeldReport = z.infer<typeof heldSchema>;
export type WireReport = z.infer<typeof reportSchema>;
export type Renew = Extract<FromWorker, { kind: "renew" }>;
export type WireSnapshot = z.infer<typeof snapshotSchema>;
