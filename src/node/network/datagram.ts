// Membership's datagrams as bytes: lists instead of maps, since what fits one Ethernet frame is counted by swim/size.ts
// for fields by position. In front of the message stands who sends it. Streams carry the same words as maps
// (protocol.ts).

import { datagramSchema } from "../../swim/messages.ts";
import type { Datagram, Update } from "../../swim/swim.ts";
import { decode, encode } from "../../wire/codec.ts";

/** Another layout is another number. */
const VERSION = 1;

const KINDS = ["ping", "ack", "pingReq", "nack", "gossip"] as const;
const ROLES = ["manager", "worker", "gate"] as const;
const STATUSES = ["alive", "suspect", "dead", "left"] as const;

/** `tcp`: the sender's stream port; its host and its datagram port are those the datagram came from. */
export type Envelope = { readonly from: string; readonly tcp: number; readonly message: Datagram };

export function encodeDatagram({ from, tcp, message }: Envelope): Uint8Array {
  const head = [VERSION, from, tcp, KINDS.indexOf(message.kind), message.label];
  return encode([...head, ...bodyOf(message), message.updates.map(listOf)]);
}

function bodyOf(message: Datagram): readonly unknown[] {
  switch (message.kind) {
    case "ping":
      return [message.seq, message.target];
    case "ack":
      return [message.seq];
    case "pingReq": {
      const { host, udp, tcp } = message.address;
      return [message.seq, message.target, host, udp, tcp, message.isHint];
    }
    case "nack":
      return [message.seq, message.isRefused];
    case "gossip":
      return [];
  }
}

function listOf({ id, address, role, incarnation, status, by, payload }: Update): readonly unknown[] {
  const { host, udp, tcp } = address;
  const fixed = [id, host, udp, tcp, ROLES.indexOf(role), incarnation.boot, incarnation.count];
  const said = payload === null ? [] : [payload.version, payload.bytes];
  return [...fixed, STATUSES.indexOf(status), by, ...said];
}

/** Out: null for bytes that are no datagram of this version; never throws. */
export function decodeDatagram(bytes: Uint8Array): Envelope | null {
  const decoded = decode(bytes);
  if (!decoded.ok || !Array.isArray(decoded.value)) return null;
  const fields: readonly unknown[] = decoded.value;
  const [version, from, tcp, kind, label, ...body] = fields;
  const updates = body.at(-1);
  if (version !== VERSION || typeof from !== "string" || from.length === 0 || from.length > 64) return null;
  if (typeof tcp !== "number" || !Number.isInteger(tcp) || tcp < 0 || tcp > 65_535 || !Array.isArray(updates))
    return null;
  const parsed = datagramSchema.safeParse({
    kind: typeof kind === "number" ? KINDS[kind] : null,
    label,
    ...fieldsOf(kind, body),
    updates: updates.map(updateOf),
  });
  return parsed.success ? { from, tcp, message: parsed.data } : null;
}

function fieldsOf(kind: unknown, body: readonly unknown[]): Readonly<Record<string, unknown>> {
  switch (typeof kind === "number" ? KINDS[kind] : undefined) {
    case "ping":
      return { seq: body[0], target: body[1] };
    case "ack":
      return { seq: body[0] };
    case "pingReq":
      return {
        seq: body[0],
        target: body[1],
        address: { host: body[2], udp: body[3], tcp: body[4] },
        isHint: body[5],
      };
    case "nack":
      return { seq: body[0], isRefused: body[1] };
    default:
      return {};
  }
}

function updateOf(value: unknown): unknown {
  if (!Array.isArray(value)) return null;
  const list: readonly unknown[] = value;
  const [id, host, udp, tcp, role, boot, count, status, by, version, bytes] = list;
  return {
    id,
    address: { host, udp, tcp },
    role: typeof role === "number" ? ROLES[role] : null,
    incarnation: { boot, count },
    status: typeof status === "number" ? STATUSES[status] : null,
    by,
    payload: list.length > 9 ? { version, bytes } : null,
  };
}
