// THE table of messages between nodes: kind, tag, lane, who says it to whom, schema. Tags are append only, never given
// twice (a test holds the list). Schemas stand beside what they belong to; those without a core of their own are here
// or in messages.ts.

import * as z from "../base/schema.ts";
import { changeSchema, raftMessageSchema } from "../raft/messages.ts";
import { ID_LENGTH_MAX, INDEX_MAX, LIMITS } from "../raft/limits.ts";
import { streamMessageSchema } from "../swim/messages.ts";
import type { PeerRole } from "../io/security/peer-identity.ts";
import { defineProtocol, type MessageOf } from "../wire/protocol.ts";
import { ratesSchema } from "./job-rates.ts";
import { fromDeskSchema, liveSchema, relaySchema, toDeskSchema } from "./client-messages.ts";
import { fromWorkerSchema, snapshotSchema, toWorkerSchema } from "./worker-messages.ts";

/** Bytes of a blob that one message carries. */
export const BLOB_PART_BYTES = 65_536;
export const BLOB_BYTES_MAX = 256 * 1_048_576;
/** Blobs that one message tells of. */
export const BLOBS_TOLD_MAX = 512;

const id = z.string().min(1).max(ID_LENGTH_MAX);
const index = z.int().min(0).max(INDEX_MAX);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const size = z.int().min(0).max(BLOB_BYTES_MAX);
const bytes: z.Schema<Uint8Array> = z.instanceof(Uint8Array);
const sequence = z.int().min(1).max(INDEX_MAX);

/**
 * Manager to the leader: please append. `proposal`: a ledger proposal in the codec's bytes, without its time.
 * Idempotent by (client, sequence). Answered by its commit; by `proposed` when it comes again or is refused.
 */
export const proposeSchema = z.object({
  client: id,
  sequence,
  since: index,
  proposal: bytes.refine(({ length }) => length < LIMITS.commandBytesMax, "the proposal is too large"),
});

/** Leader (or who was taken for it) to the proposer. appended: wait for its commit. < 250 B. Idempotent. */
export const proposedSchema = z.object({
  client: id,
  sequence,
  outcome: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("appended"), index, term: index }),
    z.object({ kind: z.literal("duplicate"), index }),
    z.object({ kind: z.literal("refused"), reason: z.string().min(1).max(64), leader: id.nullable() }),
  ]),
});

/** Manager to the leader: please change who the managers are. Answered by `changed` with the same `ask`. < 250 B. */
export const changeMessageSchema = z.object({ ask: index, since: index, change: changeSchema });

/** The leader's answer; appended: wait until the membership says so. < 4 KiB. */
export const changedSchema = z.object({
  ask: index,
  answer: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("appended") }),
    z.object({ kind: z.literal("refused"), code: z.string().min(1).max(64), message: z.string().max(4_096) }),
  ]),
});

/**
 * Manager to one that asks for votes and is none of the cluster: from entry `index` on the voters are these. < 1 KiB.
 * Idempotent.
 */
export const notMemberSchema = z.object({
  cluster: id,
  index,
  voters: z.array(id).max(LIMITS.votersMax).readonly(),
});

/** Anybody to a holder: the part at `offset`, please. Answered by blobPart or blobMissing. < 200 B. Idempotent. */
export const blobWantSchema = z.object({ digest, offset: size });
/** `size`: of the whole blob. At most 64 KiB of bytes. Idempotent. */
export const blobPartSchema = z.object({
  digest,
  offset: size,
  size,
  bytes: bytes.refine(({ length }) => length <= BLOB_PART_BYTES, "the part is too large"),
});
/** It is not here. Idempotent. */
export const blobMissingSchema = z.object({ digest });
/** Manager to manager: I hold these, keep them too. Answered by blobStored as they become durable there. Idempotent. */
export const blobHaveSchema = z.object({
  blobs: z
    .array(
      z.object({
        digest,
        size,
        /** All of it, where it is small: nobody has to ask for it. */
        content: bytes.refine(({ length }) => length <= BLOB_PART_BYTES, "the content is too large").nullable(),
      }),
    )
    .max(BLOBS_TOLD_MAX)
    .readonly(),
});
/** They are durable here. Idempotent. */
export const blobStoredSchema = z.object({ digests: z.array(digest).max(BLOBS_TOLD_MAX).readonly() });

const MANAGER = ["manager"] as const;
const WORKER = ["worker"] as const;
const CLIENT = ["client"] as const;
const MEMBERS = ["manager", "worker", "gate"] as const;
/** Of blobs: a client reads results and holds its submission, a worker only reads. */
const READERS = ["manager", "worker", "client"] as const;
const HOLDERS = ["manager", "client"] as const;

/**
 * 10 to 29: consensus, membership, proposals, blobs. From 30 on: managers, workers and clients (worker-messages.ts,
 * client-messages.ts). `from`, `to`: who may say it, and to whom; links.ts holds every node to it, by the role that its
 * certificate proves.
 */
const TABLE = {
  raft: { tag: 10, lane: "critical", from: MANAGER, to: MANAGER, schema: raftMessageSchema },
  swim: { tag: 11, lane: "critical", from: MEMBERS, to: MEMBERS, schema: streamMessageSchema },
  propose: { tag: 12, lane: "control", from: MANAGER, to: MANAGER, schema: proposeSchema },
  proposed: { tag: 13, lane: "control", from: MANAGER, to: MANAGER, schema: proposedSchema },
  blobWant: { tag: 14, lane: "submit", from: READERS, to: HOLDERS, schema: blobWantSchema },
  blobPart: { tag: 15, lane: "submit", from: HOLDERS, to: READERS, schema: blobPartSchema },
  blobMissing: { tag: 16, lane: "submit", from: HOLDERS, to: READERS, schema: blobMissingSchema },
  blobHave: { tag: 17, lane: "control", from: MANAGER, to: MANAGER, schema: blobHaveSchema },
  blobStored: { tag: 18, lane: "control", from: MANAGER, to: MANAGER, schema: blobStoredSchema },
  change: { tag: 19, lane: "control", from: MANAGER, to: MANAGER, schema: changeMessageSchema },
  changed: { tag: 20, lane: "control", from: MANAGER, to: MANAGER, schema: changedSchema },
  notMember: { tag: 21, lane: "control", from: MANAGER, to: MANAGER, schema: notMemberSchema },
  toWorker: { tag: 30, lane: "control", from: MANAGER, to: WORKER, schema: toWorkerSchema },
  fromWorker: { tag: 31, lane: "control", from: WORKER, to: MANAGER, schema: fromWorkerSchema },
  snapshot: { tag: 32, lane: "stats", from: WORKER, to: MANAGER, schema: snapshotSchema },
  toDesk: { tag: 33, lane: "submit", from: CLIENT, to: ["manager", "worker"], schema: toDeskSchema },
  fromDesk: { tag: 34, lane: "control", from: ["manager", "worker"], to: CLIENT, schema: fromDeskSchema },
  live: { tag: 35, lane: "stats", from: MANAGER, to: ["manager", "client"], schema: liveSchema },
  relay: { tag: 36, lane: "control", from: MANAGER, to: MANAGER, schema: relaySchema },
  rates: { tag: 37, lane: "stats", from: MANAGER, to: MANAGER, schema: ratesSchema },
} as const;

export type NodeMessage = MessageOf<typeof TABLE>;
export type BodyOf<Kind extends NodeMessage["kind"]> = Extract<NodeMessage, { readonly kind: Kind }>["body"];

/** Bytes of messages between nodes, and back. */
export const nodeProtocol = defineProtocol<NodeMessage>(TABLE);

/** Kinds of messages, in the order of their tags. */
export const MESSAGE_KINDS: readonly string[] = Object.keys(TABLE);

/** Whether a node of one role may say a message of that kind to one of the other. */
export function maySay(from: PeerRole, kind: NodeMessage["kind"], to: PeerRole): boolean {
  const row: { readonly from: readonly PeerRole[]; readonly to: readonly PeerRole[] } = TABLE[kind];
  return row.from.includes(from) && row.to.includes(to);
}
