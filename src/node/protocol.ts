// THE table of messages between nodes: kind, tag, lane, schema. Tags are append only, never given twice (a test holds
// the list). Schemas stand beside what they belong to; those without a core of their own are here or in messages.ts.

import { z } from "zod";
import { raftMessageSchema } from "../raft/messages.ts";
import { ID_LENGTH_MAX, INDEX_MAX, LIMITS } from "../raft/limits.ts";
import { streamMessageSchema } from "../swim/messages.ts";
import { defineProtocol, type MessageOf } from "../wire/protocol.ts";
import { fromDeskSchema, liveSchema, relaySchema, toDeskSchema } from "./client-messages.ts";
import { fromWorkerSchema, snapshotSchema, toWorkerSchema } from "./worker-messages.ts";

/** Bytes of a blob that one message carries. */
export const BLOB_PART_BYTES = 65_536;
export const BLOB_BYTES_MAX = 256 * 1_048_576;

const id = z.string().min(1).max(ID_LENGTH_MAX);
const index = z.int().min(0).max(INDEX_MAX);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const size = z.int().min(0).max(BLOB_BYTES_MAX);
const bytes: z.ZodType<Uint8Array> = z.instanceof(Uint8Array);
const sequence = z.int().min(1).max(INDEX_MAX);

/**
 * Manager to the leader: please append. `proposal`: a ledger proposal in the codec's bytes, without its time.
 * Idempotent by (client, sequence). Answered by `proposed`.
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
/** Manager to manager: I hold it, keep it too. Answered by blobStored once it is durable there. Idempotent. */
export const blobHaveSchema = z.object({ digest, size });
/** It is durable here. Idempotent. */
export const blobStoredSchema = z.object({ digest });

/**
 * 10 to 29: consensus, membership, proposals, blobs. From 30 on: managers, workers and clients (worker-messages.ts,
 * client-messages.ts).
 */
const TABLE = {
  raft: { tag: 10, lane: "critical", schema: raftMessageSchema },
  swim: { tag: 11, lane: "critical", schema: streamMessageSchema },
  propose: { tag: 12, lane: "control", schema: proposeSchema },
  proposed: { tag: 13, lane: "control", schema: proposedSchema },
  blobWant: { tag: 14, lane: "submit", schema: blobWantSchema },
  blobPart: { tag: 15, lane: "submit", schema: blobPartSchema },
  blobMissing: { tag: 16, lane: "submit", schema: blobMissingSchema },
  blobHave: { tag: 17, lane: "control", schema: blobHaveSchema },
  blobStored: { tag: 18, lane: "control", schema: blobStoredSchema },
  toWorker: { tag: 30, lane: "control", schema: toWorkerSchema },
  fromWorker: { tag: 31, lane: "control", schema: fromWorkerSchema },
  snapshot: { tag: 32, lane: "stats", schema: snapshotSchema },
  toDesk: { tag: 33, lane: "submit", schema: toDeskSchema },
  fromDesk: { tag: 34, lane: "control", schema: fromDeskSchema },
  live: { tag: 35, lane: "stats", schema: liveSchema },
  relay: { tag: 36, lane: "control", schema: relaySchema },
} as const;

export type NodeMessage = MessageOf<typeof TABLE>;
export type BodyOf<Kind extends NodeMessage["kind"]> = Extract<NodeMessage, { readonly kind: Kind }>["body"];

/** Bytes of messages between nodes, and back. */
export const nodeProtocol = defineProtocol<NodeMessage>(TABLE);
