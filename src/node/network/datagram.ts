// Membership's datagrams as bytes: lists instead of maps, since what fits one Ethernet frame is counted by swim/size.ts
// for fields by position. In front of the message stands who sends it. Streams carry the same words as maps
// (protocol.ts).

import {
  ACCUSERS_MAX,
  HOST_LENGTH_MAX,
  ID_LENGTH_MAX,
  LABEL_LENGTH_MAX,
  PAYLOAD_BYTES_MAX,
  UPDATES_MAX,
} from "../../swim/config.ts";
import { BOOT_MAX, COUNT_MAX } from "../../swim/member.ts";
import type { Datagram, Update } from "../../swim/swim.ts";
import { decode, encode } from "../../wire/codec.ts";

/** Another layout is another number. */
const VERSION = 1;

const PORT_MAX = 65_535;
const U32_MAX = 0xffff_ffff;

/** Version, sender, its port, kind and label come before a kind's own fields; the updates are the last one. */
const HEAD_FIELDS = 5;
const CODES = { ping: 0, ack: 1, pingReq: 2, nack: 3, gossip: 4 } as const;
const ROLES = ["manager", "worker", "gate"] as const;
const STATUSES = ["alive", "suspect", "dead", "left"] as const;

/** `tcp`: the sender's stream port; its host and its datagram port are those the datagram came from. */
export type Envelope = { readonly from: string; readonly tcp: number; readonly message: Datagram };

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
  const from = fields[1];
  const tcp = fields[2];
  if (fields[0] !== VERSION || !isText(from, ID_LENGTH_MAX) || !isWhole(tcp, PORT_MAX)) return null;
  const message = messageOf(fields);
  return message === null ? null : { from, tcp, message };
}

// What is read here is what datagramSchema accepts (a test holds the two together), at a third of its cost.

function messageOf(fields: readonly unknown[]): Datagram | null {
  const updates = fields.length > HEAD_FIELDS ? updatesOf(fields[fields.length - 1]) : null;
  const code = fields[3];
  const label = fields[4];
  const seq = fields[5];
  if (updates === null || !isText(label, LABEL_LENGTH_MAX)) return null;
  if (code === CODES.gossip) return { kind: "gossip", label, updates };
  if (!isWhole(seq, U32_MAX)) return null;
  const next = fields[6];
  switch (code) {
    case CODES.ping:
      return next === null || isText(next, ID_LENGTH_MAX) ? { kind: "ping", label, seq, target: next, updates } : null;
    case CODES.ack:
      return { kind: "ack", label, seq, updates };
    case CODES.pingReq: {
      const address = addressOf(fields, 7);
      const isHint = fields[10];
      if (!isText(next, ID_LENGTH_MAX) || address === null || typeof isHint !== "boolean") return null;
      return { kind: "pingReq", label, seq, target: next, address, isHint, updates };
    }
    case CODES.nack:
      return typeof next === "boolean" ? { kind: "nack", label, seq, isRefused: next, updates } : null;
    default:
      return null;
  }
}

function updatesOf(list: unknown): Update[] | null {
  if (!Array.isArray(list) || list.length > UPDATES_MAX) return null;
  const updates: Update[] = [];
  for (const one of list) {
    const update = Array.isArray(one) ? updateOf(one) : null;
    if (update === null) return null;
    updates.push(update);
  }
  return updates;
}

function updateOf(fields: readonly unknown[]): Update | null {
  const id = fields[0];
  const address = addressOf(fields, 1);
  const role = typeof fields[4] === "number" ? ROLES[fields[4]] : undefined;
  const boot = fields[5];
  const count = fields[6];
  const status = typeof fields[7] === "number" ? STATUSES[fields[7]] : undefined;
  const by = fields[8];
  if (!isText(id, ID_LENGTH_MAX) || address === null || role === undefined || status === undefined) return null;
  if (!isWhole(boot, BOOT_MAX) || !isWhole(count, COUNT_MAX) || !areAccusers(by)) return null;
  const payload = fields.length > 9 ? payloadOf(fields[9], fields[10]) : null;
  if (payload === undefined) return null;
  return { id, address, role, incarnation: { boot, count }, status, by, payload };
}

function addressOf(fields: readonly unknown[], at: number): Update["address"] | null {
  const host = fields[at];
  const udp = fields[at + 1];
  const tcp = fields[at + 2];
  return isText(host, HOST_LENGTH_MAX) && isWhole(udp, PORT_MAX) && isWhole(tcp, PORT_MAX) ? { host, udp, tcp } : null;
}

/** Out: undefined for what is none. */
function payloadOf(version: unknown, bytes: unknown): Update["payload"] | undefined {
  if (!isWhole(version, BOOT_MAX) || version < 1) return undefined;
  return bytes instanceof Uint8Array && bytes.length <= PAYLOAD_BYTES_MAX ? { version, bytes } : undefined;
}

function areAccusers(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= ACCUSERS_MAX && value.every((id) => isText(id, ID_LENGTH_MAX));
}

/** A text that is not empty. */
function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= lengthMax;
}

/** From 0. */
function isWhole(value: unknown, most: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= most;
}
