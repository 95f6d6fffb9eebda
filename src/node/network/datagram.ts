// Membership's datagrams as bytes: lists instead of maps, since what fits one Ethernet frame is counted by swim/size.ts
// for fields by position. In front of the message stands who sends it. Streams carry the same words as maps
// (protocol.ts).

import * as z from "../../base/schema.ts";
import { datagramSchema, idSchema, portSchema } from "../../swim/messages.ts";
import type { Update } from "../../swim/member.ts";
import { decode, encode } from "../../wire/codec.ts";

/** Another layout is another number. */
const VERSION = 1;

/** Version, sender, its port, kind and label come before a kind's own fields; the updates are the last one. */
const HEAD_FIELDS = 5;
const CODES = { ping: 0, ack: 1, pingReq: 2, nack: 3, gossip: 4 } as const;
const ROLES = ["manager", "worker", "gate"] as const;
const STATUSES = ["alive", "suspect", "dead", "left"] as const;

/** `tcp`: the sender's stream port; its host and its datagram port are those the datagram came from. */
export type Envelope = z.infer<typeof envelopeSchema>;
const envelopeSchema = z.object({ from: idSchema, tcp: portSchema, message: datagramSchema });

// No spread and no rest in what follows: datagrams are the most frequent messages of a large pool.

export function encodeDatagram({ from, tcp, message }: Envelope): Uint8Array {
  const { kind, label } = message;
  const code = CODES[kind];
  const updates = message.updates.map(listOf);
  switch (kind) {
    case "ping":
      return encode([VERSION, from, tcp, code, label, message.seq, message.target, updates]);
    case "ack":
      return encode([VERSION, from, tcp, code, label, message.seq, updates]);
    case "pingReq": {
      const { seq, target, address, isHint } = message;
      const { host, udp } = address;
      return encode([VERSION, from, tcp, code, label, seq, target, host, udp, address.tcp, isHint, updates]);
    }
    case "nack":
      return encode([VERSION, from, tcp, code, label, message.seq, message.isRefused, updates]);
    case "gossip":
      return encode([VERSION, from, tcp, code, label, updates]);
  }
}

function listOf({ id, address, role, incarnation, status, by, payload }: Update): readonly unknown[] {
  const { host, udp, tcp } = address;
  const { boot, count } = incarnation;
  const [roleCode, statusCode] = [ROLES.indexOf(role), STATUSES.indexOf(status)];
  if (payload === null) return [id, host, udp, tcp, roleCode, boot, count, statusCode, by];
  return [id, host, udp, tcp, roleCode, boot, count, statusCode, by, payload.version, payload.bytes];
}

/** Out: null for bytes that are no datagram of this version; never throws. */
export function decodeDatagram(bytes: Uint8Array): Envelope | null {
  const decoded = decode(bytes);
  if (!decoded.ok || !Array.isArray(decoded.value)) return null;
  const fields: readonly unknown[] = decoded.value;
  if (fields[0] !== VERSION) return null;
  const parsed = envelopeSchema.safeParse({ from: fields[1], tcp: fields[2], message: messageOf(fields) });
  return parsed.success ? parsed.data : null;
}

/** What the schema is to judge. */
function messageOf(fields: readonly unknown[]): unknown {
  const list = fields.length > HEAD_FIELDS ? fields[fields.length - 1] : null;
  const updates = Array.isArray(list) ? list.map(updateOf) : null;
  const label = fields[4];
  const seq = fields[5];
  switch (fields[3]) {
    case CODES.ping:
      return { kind: "ping", label, seq, target: fields[6], updates };
    case CODES.ack:
      return { kind: "ack", label, seq, updates };
    case CODES.pingReq: {
      const address = { host: fields[7], udp: fields[8], tcp: fields[9] };
      return { kind: "pingReq", label, seq, target: fields[6], address, isHint: fields[10], updates };
    }
    case CODES.nack:
      return { kind: "nack", label, seq, isRefused: fields[6], updates };
    case CODES.gossip:
      return { kind: "gossip", label, updates };
    default:
      return null;
  }
}

function updateOf(value: unknown): unknown {
  if (!Array.isArray(value)) return null;
  const fields: readonly unknown[] = value;
  const role = fields[4];
  const status = fields[7];
  return {
    id: fields[0],
    address: { host: fields[1], udp: fields[2], tcp: fields[3] },
    role: typeof role === "number" ? ROLES[role] : null,
    incarnation: { boot: fields[5], count: fields[6] },
    status: typeof status === "number" ? STATUSES[status] : null,
    by: fields[8],
    payload: fields.length > 9 ? { version: fields[9], bytes: fields[10] } : null,
  };
}
