// What the members of one cluster say to each other, one schema each. The sender's id is not in the message: the
// transport proves it. Every message may be lost, repeated, delayed or reordered; receivers are idempotent.
// Bounds here are of form; what a field means, and whether it can be true, is checked in the core.

import * as z from "../base/schema.ts";
import type { Change } from "./contract.ts";
import type { Entry, Membership, Payload } from "./entry.ts";
import { ID_LENGTH_MAX, INDEX_MAX, LIMITS, TERM_MAX } from "./limits.ts";
import type { SessionRecords } from "./sessions.ts";

const id = z.string().min(1).max(ID_LENGTH_MAX);
const term = z.int().min(0).max(TERM_MAX);
const index = z.int().min(0).max(INDEX_MAX);
const round = z.int().min(0).max(INDEX_MAX);
const bytes = z.instanceof(Uint8Array);
const nodes = z.array(id).max(LIMITS.votersMax + LIMITS.learnersMax);

export const membershipSchema: z.Schema<Membership> = z.object({
  cluster: id,
  voters: z.array(id).min(1).max(LIMITS.votersMax),
  learners: z.array(id).max(LIMITS.learnersMax),
  replacing: z.object({ before: id, after: id }).nullable(),
});

const payloadSchema: z.Schema<Payload> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("noop") }),
  z.object({ kind: z.literal("config"), membership: membershipSchema }),
  z.object({
    kind: z.literal("command"),
    client: id,
    sequence: z.int().min(1).max(INDEX_MAX),
    since: index,
    command: bytes.refine((command) => command.length <= LIMITS.commandBytesMax, "the command is too large"),
  }),
]);

export const entrySchema: z.Schema<Entry> = z.object({ index, term, payload: payloadSchema });

export const sessionsSchema: z.Schema<SessionRecords> = z.object({
  evictedThrough: index,
  clients: z
    .array(
      z.object({
        client: id,
        floor: z.int().min(0).max(INDEX_MAX),
        usedAt: index,
        applied: z.array(z.tuple([z.int().min(1).max(INDEX_MAX), index])).max(LIMITS.sequencesMax),
      }),
    )
    .max(LIMITS.clientsMax),
});

/** The round of an append that only tells what is committed: what it accepts is not answered. */
export const NO_ROUND = 0;

/**
 * Leader to every member: entries after (prevIndex, prevTerm); without entries a heartbeat. `round` grows with every
 * message of the term that is answered (read-index), `sentAtMs` is the leader's clock; both are echoed. At most one
 * frame. Idempotent.
 */
export const appendSchema = z.object({
  kind: z.literal("append"),
  cluster: id,
  term,
  round,
  sentAtMs: z.number().nonnegative(),
  prevIndex: index,
  prevTerm: term,
  commit: index,
  entries: z.array(entrySchema).max(LIMITS.appendEntriesMax),
});

/**
 * Member to leader. accepted: the log equals the leader's up to `index`. Not accepted: it differs at `index`, and can
 * agree at most at (hintIndex, hintTerm). `counts` false: the sender is no full voter now (joining, recovering), use
 * this for flow control only. < 250 B. Idempotent.
 */
export const appendReplySchema = z.object({
  kind: z.literal("appendReply"),
  cluster: id,
  term,
  round,
  sentAtMs: z.number().nonnegative(),
  isAccepted: z.boolean(),
  index,
  hintIndex: index,
  hintTerm: term,
  counts: z.boolean(),
});

/**
 * Candidate to voters. isPre: "would you vote for me in `term`?", binds nobody (dissertation 9.6). isForced: the
 * leader asked for it (transfer), a fresh leader is no reason to refuse. < 250 B. Idempotent.
 */
export const voteSchema = z.object({
  kind: z.literal("vote"),
  cluster: id,
  term,
  isPre: z.boolean(),
  isForced: z.boolean(),
  lastIndex: index,
  lastTerm: term,
});

/** Voter to candidate. `term`: the one asked for when granted, the voter's own when refused. < 200 B. Idempotent. */
export const voteReplySchema = z.object({
  kind: z.literal("voteReply"),
  cluster: id,
  term,
  isPre: z.boolean(),
  isGranted: z.boolean(),
});

/**
 * Leader to a member whose log ends before the leader's begins: bytes of the snapshot from `offset`, in order. The
 * first chunk carries the membership and the sessions. At most one frame. Idempotent.
 */
export const snapshotSchema = z.object({
  kind: z.literal("snapshot"),
  cluster: id,
  term,
  round,
  sentAtMs: z.number().nonnegative(),
  index,
  indexTerm: term,
  size: z.int().min(0).max(LIMITS.snapshotBytesMax),
  offset: z.int().min(0).max(LIMITS.snapshotBytesMax),
  chunk: bytes.refine((chunk) => chunk.length <= LIMITS.snapshotChunkBytes, "the chunk is too large"),
  head: z.object({ membership: membershipSchema, sessions: sessionsSchema }).nullable(),
});

/** Member to leader: bytes of that snapshot held so far, in order. < 200 B. Idempotent. */
export const snapshotReplySchema = z.object({
  kind: z.literal("snapshotReply"),
  cluster: id,
  term,
  round,
  sentAtMs: z.number().nonnegative(),
  index,
  held: z.int().min(0).max(LIMITS.snapshotBytesMax),
  counts: z.boolean(),
});

/** Leader to the voter that shall follow it: stand for election at once (dissertation 3.10). < 150 B. Idempotent. */
export const timeoutNowSchema = z.object({ kind: z.literal("timeoutNow"), cluster: id, term });

/**
 * First node of a formation to each configured peer: are you blank, and were you given the same peers? < 1.5 KiB.
 * Idempotent.
 */
export const blankQuerySchema = z.object({ kind: z.literal("blankQuery"), peers: nodes });

/**
 * Answer: `cluster` null when blank, else the cluster the node belongs to; `peers` null while it was given none.
 * `nonce` is of this boot: it ties a later `form` to this answer. < 1.5 KiB.
 */
export const blankReplySchema = z.object({
  kind: z.literal("blankReply"),
  cluster: id.nullable(),
  peers: nodes.nullable(),
  nonce: z.int().min(0),
});

/**
 * First node to a peer that answered blank: be a voter of this cluster. Valid for the boot that chose `nonce` alone.
 * Idempotent.
 */
export const formSchema = z.object({ kind: z.literal("form"), membership: membershipSchema, nonce: z.int().min(0) });

/** Peer to first node: it durably is. < 150 B. Idempotent. */
export const formReplySchema = z.object({ kind: z.literal("formReply"), cluster: id });

/** Recovering voter to the others: your term, and if you lead, the end of your log? < 150 B. Idempotent. */
export const recoveryQuerySchema = z.object({ kind: z.literal("recoveryQuery"), cluster: id, nonce: z.int().min(0) });

/** Answer; `lastIndex` null when the sender does not lead. < 200 B. */
export const recoveryReplySchema = z.object({
  kind: z.literal("recoveryReply"),
  cluster: id,
  nonce: z.int().min(0),
  term,
  lastIndex: index.nullable(),
});

/** An operator's change of the membership, on its way to the leader. */
export const changeSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("addLearner"), node: id }),
  z.object({ kind: z.literal("promote"), node: id }),
  z.object({ kind: z.literal("remove"), node: id }),
  z.object({ kind: z.literal("replace"), before: id, after: id }),
  z.object({ kind: z.literal("cancelReplace") }),
]) satisfies z.Schema<Change>;

export const raftMessageSchema = z.discriminatedUnion("kind", [
  appendSchema,
  appendReplySchema,
  voteSchema,
  voteReplySchema,
  snapshotSchema,
  snapshotReplySchema,
  timeoutNowSchema,
  blankQuerySchema,
  blankReplySchema,
  formSchema,
  formReplySchema,
  recoveryQuerySchema,
  recoveryReplySchema,
]);

export type AppendMessage = z.infer<typeof appendSchema>;
export type AppendReply = z.infer<typeof appendReplySchema>;
export type VoteMessage = z.infer<typeof voteSchema>;
export type VoteReply = z.infer<typeof voteReplySchema>;
export type SnapshotMessage = z.infer<typeof snapshotSchema>;
export type SnapshotReply = z.infer<typeof snapshotReplySchema>;
export type TimeoutNowMessage = z.infer<typeof timeoutNowSchema>;
export type BlankReply = z.infer<typeof blankReplySchema>;
export type FormMessage = z.infer<typeof formSchema>;
export type FormReply = z.infer<typeof formReplySchema>;
export type RecoveryReply = z.infer<typeof recoveryReplySchema>;
export type RaftMessage = z.infer<typeof raftMessageSchema>;
