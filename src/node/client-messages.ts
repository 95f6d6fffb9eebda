// What clients and managers of a cluster say to each other, and managers among themselves for their clients. A client
// may ask any manager; live events come from the job's owner and are passed on.

import * as z from "../base/schema.ts";
import { changeSchema } from "../raft/messages.ts";
import { packedSeriesSchema } from "./series-codec.ts";
import { jobLineSchema, nodeStatusSchema } from "./status.ts";
import type { Hello } from "../wire/handshake.ts";
import type { Misread } from "../wire/protocol.ts";

const name = z.string().min(1).max(256);
const count = z.number().int().nonnegative();
const text = z.string().max(512 * 1024);

/** A submission of up to so many bytes travels inside the submit: it costs no round trip of its own. */
export const CONTENT_BYTES_MAX = 65_536;
const content: z.Schema<Uint8Array> = z
  .instanceof(Uint8Array)
  .refine(({ length }) => length <= CONTENT_BYTES_MAX, "the submission is too large to come along");

/** What is asked of a job that runs. scale: VUs of the whole workflow; null: the only one that can be scaled. */
const orderSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("pause") }),
  z.object({ kind: z.literal("resume") }),
  z.object({ kind: z.literal("scale"), workflow: name.nullable(), vus: count }),
]);

/** `ask` is the client's own number: every answer to it carries it. All are idempotent. */
export const toDeskSchema = z.discriminatedUnion("kind", [
  /**
   * `submission`: digest of the blob with plan and bundle, which the client serves; `content`: the blob itself, when it
   * is small. Answer: accepted or refused.
   */
  z.object({ kind: z.literal("submit"), ask: count, id: name, submission: name, content: content.nullable() }),
  z.object({ kind: z.literal("cancel"), ask: count, id: name, by: z.enum(["user", "other"]) }),
  /** done: it is committed, or was so before. */
  z.object({ kind: z.literal("steer"), ask: count, id: name, order: orderSchema }),
  /** Live events of the job from now on, then finished. Said again after every new connection. */
  z.object({ kind: z.literal("follow"), ask: count, id: name }),
  /** A page of all jobs, the oldest first: those after that place (0: from the beginning). */
  z.object({ kind: z.literal("jobs"), ask: count, after: count }),
  /**
   * Of who the managers are since entry `since` of the log (quorum.membershipIndex of a status). done: it is in the
   * leader's log. Refused as `changed` when they are others by now: what is said twice is done once, and what was
   * refused is not done later.
   */
  z.object({ kind: z.literal("change"), ask: count, since: count, change: changeSchema }),
  /** To any node, a worker too: what it knows of the cluster. */
  z.object({ kind: z.literal("status"), ask: count }),
]);

/**
 * The JSON of a live view: managers pass it on as it is, and only the client it is for reads it (live-codec.ts).
 */
const viewJson = text;

const eventSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("view"), viewJson }),
  /** A whole second, its series in `parts` messages. */
  z.object({
    kind: z.literal("second"),
    second: count,
    epochMs: z.number(),
    vus: count,
    vusMax: count,
    part: count,
    parts: z.number().int().min(1),
    series: z.array(packedSeriesSchema).readonly(),
  }),
  z.object({
    kind: z.literal("log"),
    level: z.enum(["debug", "info", "warn", "error"]),
    workflow: z.string().max(256),
    text,
  }),
]);

export const fromDeskSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("accepted"), ask: count, id: name }),
  z.object({ kind: z.literal("done"), ask: count, id: name }),
  /**
   * `unavailable`: nothing was decided, ask again; `limited`: the same, `retryAfterMs` from now at the earliest.
   * `hasTurn`: what comes again then, and not much later, is let in.
   */
  z.object({
    kind: z.literal("refused"),
    ask: count,
    id: name,
    code: name,
    message: text,
    retryAfterMs: count.optional(),
    hasTurn: z.boolean().optional(),
  }),
  /** next: where the page after this one begins; null: this is the last. */
  z.object({ kind: z.literal("jobs"), ask: count, jobs: z.array(jobLineSchema).readonly(), next: count.nullable() }),
  z.object({ kind: z.literal("status"), ask: count, status: nodeStatusSchema }),
  /** The job is over; its result is the blob `result` (null: it is not kept any more). */
  z.object({ kind: z.literal("finished"), id: name, result: name.nullable() }),
]);

/** What happens in a job, from its owner to other managers and from any manager to its clients. May get lost. */
export const liveSchema = z.object({ id: name, event: eventSchema });

/** A manager to a job's owner, said again every few seconds: send me its live events. */
export const relaySchema = z.object({ id: name });

const numbered = z.object({ ask: count });

/**
 * The answer to a client whose question this version cannot read: without one it would ask until its time is up. Out:
 * null for what is no question, or has no number to answer to. < 512 B.
 */
export function unreadable(from: Hello, { of, body, text: problem }: Misread): FromDesk | null {
  const asked = numbered.safeParse(body);
  if (from.role !== "client" || of !== "toDesk" || !asked.success) return null;
  const message = `what was asked cannot be read here (${problem}): run the same version on both sides`;
  return { kind: "refused", ask: asked.data.ask, id: "request", code: "unreadable", message };
}

export type SteerOrder = z.infer<typeof orderSchema>;
export type ToDesk = z.infer<typeof toDeskSchema>;
export type FromDesk = z.infer<typeof fromDeskSchema>;
export type WireEvent = z.infer<typeof eventSchema>;
