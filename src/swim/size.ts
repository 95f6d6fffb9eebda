// Bytes of messages on the wire, estimated from above for a compact codec: fields by position, varints, strings with a
// length. A codec may be smaller, never larger; the test holds an existing one (msgpack of arrays) against it.

import type { Datagram, StreamMessage } from "./messages.ts";
import type { Address, Update } from "./member.ts";

/**
 * What sealing adds to a datagram: version and key number 2, sender's id hashed to 8, boot 5, salt 16, counter 5,
 * tag 16, and 8 to spare.
 */
export const SEAL_BYTES = 60;
/** IPv4 and UDP headers; counted in traffic figures, not in the datagram's budget. */
export const UDP_HEADER_BYTES = 28;
/** What a stream message costs beside its body: frame and record headers, and half of a TCP/IP header with its ack. */
export const STREAM_OVERHEAD_BYTES = 80;
/** Bytes of rumours that a stream probe or its answer may carry. */
export const STREAM_RUMOUR_BYTES = 4_096;
/** Kind, list lengths, flags, numbers of 5 B: no message has more of them than this. */
const FIXED_BYTES = 12;

/** UTF-8 bytes of a text with its length prefix. */
function textBytes(text: string): number {
  let bytes = text.length < 32 ? 1 : 2;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
  }
  return bytes;
}

function addressBytes({ host }: Address): number {
  return textBytes(host) + 1 + 3 + 3;
}

function integerBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x1_0000 ? 3 : value < 0x1_0000_0000 ? 5 : 9;
}

/** Bytes of one statement. */
export function updateBytes({ id, address, incarnation, by, payload }: Update): number {
  // The list itself, role, status, two incarnation parts, lengths.
  let bytes =
    6 + integerBytes(incarnation.boot) + integerBytes(incarnation.count) + textBytes(id) + addressBytes(address);
  for (const accuser of by) bytes += textBytes(accuser);
  if (payload !== null) bytes += 4 + integerBytes(payload.version) + payload.bytes.length;
  return bytes;
}

function updatesBytes(updates: readonly Update[]): number {
  let bytes = 0;
  for (const update of updates) bytes += updateBytes(update);
  return bytes;
}

/** Bytes of a message: sealed for a datagram, with frame overhead for a stream message; without UDP and IP headers. */
export function sizeOf(message: Datagram | StreamMessage): number {
  const bytes = FIXED_BYTES + textBytes(message.label);
  switch (message.kind) {
    case "ping":
      return (
        SEAL_BYTES + bytes + (message.target === null ? 1 : textBytes(message.target)) + updatesBytes(message.updates)
      );
    case "pingReq":
      return (
        SEAL_BYTES + bytes + textBytes(message.target) + addressBytes(message.address) + updatesBytes(message.updates)
      );
    case "ack":
    case "nack":
    case "gossip":
      return SEAL_BYTES + bytes + updatesBytes(message.updates);
    case "streamPing":
      return STREAM_OVERHEAD_BYTES + bytes + textBytes(message.target) + updatesBytes(message.updates);
    case "streamAck":
      return STREAM_OVERHEAD_BYTES + bytes + updatesBytes(message.updates);
    case "digest":
      return STREAM_OVERHEAD_BYTES + bytes + 5 * message.hashes.length + updateBytes(message.self);
    case "state":
      return STREAM_OVERHEAD_BYTES + bytes + 2 * message.buckets.length + updatesBytes(message.members);
  }
}
