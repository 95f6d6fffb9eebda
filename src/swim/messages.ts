// What members of a pool say to each other, one schema each. The sender's id is not in the message: the transport
// proves it. Datagrams may be lost, repeated, delayed or reordered, stream messages may be lost with their stream;
// all of them are idempotent. Bounds here are of form; what a field means is checked in the core. Sizes: size.ts.

import * as z from "../base/schema.ts";
import {
  ACCUSERS_MAX,
  BUCKETS_MAX,
  HOST_LENGTH_MAX,
  ID_LENGTH_MAX,
  LABEL_LENGTH_MAX,
  PAYLOAD_BYTES_MAX,
  UPDATES_MAX,
} from "./config.ts";
import { type Address, BOOT_MAX, COUNT_MAX, type Update } from "./member.ts";

export const idSchema = z.string().min(1).max(ID_LENGTH_MAX);
export const portSchema = z.int().min(0).max(65_535);
const label = z.string().min(1).max(LABEL_LENGTH_MAX);
const u32 = z.int().min(0).max(0xffff_ffff);

export const addressSchema: z.Schema<Address> = z.object({
  host: z.string().min(1).max(HOST_LENGTH_MAX),
  udp: portSchema,
  tcp: portSchema,
});

/** One statement about one node (member.ts). 30 B + id + host, 17 B per accuser, payload up to 512 B. */
export const updateSchema: z.Schema<Update> = z.object({
  id: idSchema,
  address: addressSchema,
  role: z.enum(["manager", "worker", "gate"]),
  incarnation: z.object({ boot: z.int().min(0).max(BOOT_MAX), count: z.int().min(0).max(COUNT_MAX) }),
  status: z.enum(["alive", "suspect", "dead", "left"]),
  by: z.array(idSchema).max(ACCUSERS_MAX),
  payload: z
    .object({
      version: z.int().min(1).max(BOOT_MAX),
      bytes: z.instanceof(Uint8Array).refine((bytes) => bytes.length <= PAYLOAD_BYTES_MAX, "the payload is too large"),
    })
    .nullable(),
});

/** Piggybacked statements. */
const updates = z.array(updateSchema).max(UPDATES_MAX);

/**
 * Prober (or relay) to the probed: answer with an ack of this `seq`. `target`: whom it is for, null when the sender
 * knows an address only (a configured peer); any other node drops it. Datagram.
 */
export const pingSchema = z.object({ kind: z.literal("ping"), label, seq: u32, target: idSchema.nullable(), updates });

/** Probed to prober, or relay to the one that asked: the probed node answered. Datagram. */
export const ackSchema = z.object({ kind: z.literal("ack"), label, seq: u32, updates });

/**
 * Prober to a relay: ping `target` for me. `isHint`: its stream was reset, so try its stream port too. Answered by
 * ack or nack of this `seq`. Datagram.
 */
export const pingReqSchema = z.object({
  kind: z.literal("pingReq"),
  label,
  seq: u32,
  target: idSchema,
  address: addressSchema,
  isHint: z.boolean(),
  updates,
});

/**
 * Relay to the one that asked: I am well and the target did not answer in time. `isRefused`: its stream port
 * refused me. Datagram.
 */
export const nackSchema = z.object({ kind: z.literal("nack"), label, seq: u32, isRefused: z.boolean(), updates });

/** Any member to any other: rumours alone. Datagram. */
export const gossipSchema = z.object({ kind: z.literal("gossip"), label, updates });

/** Prober to the probed, by stream: as ping. Answered on the stream by streamAck. */
export const streamPingSchema = z.object({ kind: z.literal("streamPing"), label, seq: u32, target: idSchema, updates });

/** Probed to prober, by stream. */
export const streamAckSchema = z.object({ kind: z.literal("streamAck"), label, seq: u32, updates });

/**
 * Anti-entropy, first word: one hash for each bucket of running members, salted so that a collision does not last.
 * `self`: the sender's own statement. Answered by `state` where buckets differ, else not at all. Stream.
 */
export const digestSchema = z.object({
  kind: z.literal("digest"),
  label,
  salt: u32,
  hashes: z.array(u32).min(1).max(BUCKETS_MAX),
  self: updateSchema,
});

/**
 * Anti-entropy, second and third word: everything the sender holds in `buckets` (of `bucketCount`). `wantsReply`:
 * answer with what is newer at yours. At most 256 KiB; more is sent as several, each whole in itself. Stream.
 */
export const stateSchema = z.object({
  kind: z.literal("state"),
  label,
  bucketCount: z.int().min(1).max(BUCKETS_MAX),
  buckets: z
    .array(
      z
        .int()
        .min(0)
        .max(BUCKETS_MAX - 1),
    )
    .max(BUCKETS_MAX),
  wantsReply: z.boolean(),
  members: z.array(updateSchema).max(8_192),
});

export const datagramSchema = z.discriminatedUnion("kind", [
  pingSchema,
  ackSchema,
  pingReqSchema,
  nackSchema,
  gossipSchema,
]);
export const streamMessageSchema = z.discriminatedUnion("kind", [
  streamPingSchema,
  streamAckSchema,
  digestSchema,
  stateSchema,
]);

export type PingReq = z.infer<typeof pingReqSchema>;
export type StreamPing = z.infer<typeof streamPingSchema>;
export type StreamAck = z.infer<typeof streamAckSchema>;
export type Digest = z.infer<typeof digestSchema>;
export type StateMessage = z.infer<typeof stateSchema>;
export type Datagram = z.infer<typeof datagramSchema>;
export type StreamMessage = z.infer<typeof streamMessageSchema>;
