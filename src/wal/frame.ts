// One frame to and from the sectors of a segment. It knows bytes and checksums, not the order of a log.

import { assert } from "../base/assert.ts";
import { crc32c } from "../base/crc32c.ts";
import {
  FIRST_SECTOR_PAYLOAD_BYTES,
  FLAGS_KNOWN,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  FRAME_MAGIC_BYTE,
  LATER_SECTOR_PAYLOAD_BYTES,
  SECTOR_BYTES,
  frameSectors,
  markerOf,
} from "./format.ts";
import { readWhole, writeWhole } from "./whole.ts";

/** In a header: its CRC is behind what it is of. */
const HEADER_CRC_AT = 40;
/** What is hashed of a place. */
const PLACE_BYTES = 16;

export type FrameHeader = {
  readonly lsn: number;
  readonly syncedLsn: number;
  readonly chainBefore: number;
  readonly flags: number;
  readonly records: number;
  readonly length: number;
  readonly payloadCrc: number;
  /** Chain of this frame: what the next one carries as `chainBefore`. */
  readonly chain: number;
};

export type FrameFields = Pick<FrameHeader, "lsn" | "syncedLsn" | "chainBefore" | "flags" | "records">;

/** Where a frame lies: header CRCs start with it, so that a frame found anywhere else is not valid. */
export type Place = { readonly logSeed: number; readonly segment: number; readonly sector: number };

/** First CRC of a log, made of its id: frames of another log are never valid in this one. */
export function logSeedOf(logId: Uint8Array): number {
  return crc32c(logId);
}

/** The frame as whole sectors, ready to be written at its place, and its chain. */
export function encodeFrame(
  place: Place,
  fields: FrameFields,
  payload: Uint8Array,
): { readonly bytes: Uint8Array; readonly chain: number } {
  assert(fields.syncedLsn < fields.lsn, "a frame is written before it is synced");
  const buffer = new ArrayBuffer(frameSectors(payload.length) * SECTOR_BYTES);
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  // Where the header will be there is room for the place until then.
  const seed = seedOf(place, bytes, view);
  view.setUint32(0, FRAME_MAGIC, true);
  view.setUint32(4, payload.length, true);
  writeWhole(view, 8, fields.lsn);
  writeWhole(view, 16, fields.syncedLsn);
  view.setUint32(24, fields.chainBefore, true);
  view.setUint32(28, fields.flags, true);
  view.setUint32(32, fields.records, true);
  view.setUint32(36, crc32c(payload), true);
  view.setUint32(HEADER_CRC_AT, crc32c(bytes, seed, HEADER_CRC_AT), true);
  bytes.set(payload.subarray(0, FIRST_SECTOR_PAYLOAD_BYTES), FRAME_HEADER_BYTES);
  const marker = markerOf(fields.lsn);
  let from = FIRST_SECTOR_PAYLOAD_BYTES;
  for (let at = SECTOR_BYTES; at < bytes.length; at += SECTOR_BYTES) {
    bytes[at] = marker;
    bytes.set(payload.subarray(from, from + LATER_SECTOR_PAYLOAD_BYTES), at + 1);
    from += LATER_SECTOR_PAYLOAD_BYTES;
  }
  return { bytes, chain: chainOf(bytes, fields.chainBefore) };
}

/** The header at a sector, or null when none is valid there. In: the bytes of the whole segment. */
export function readHeader(segment: Uint8Array, place: Place): FrameHeader | null {
  const at = place.sector * SECTOR_BYTES;
  if (at + SECTOR_BYTES > segment.length || segment[at] !== FRAME_MAGIC_BYTE) return null;
  const header = segment.subarray(at, at + FRAME_HEADER_BYTES);
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  if (view.getUint32(0, true) !== FRAME_MAGIC) return null;
  const where = new Uint8Array(PLACE_BYTES);
  const seed = seedOf(place, where, new DataView(where.buffer));
  if (view.getUint32(HEADER_CRC_AT, true) !== crc32c(header, seed, HEADER_CRC_AT)) return null;
  const lsn = readWhole(view, 8);
  const syncedLsn = readWhole(view, 16);
  const flags = view.getUint32(28, true);
  if (lsn === null || syncedLsn === null || syncedLsn >= lsn || (flags & ~FLAGS_KNOWN) !== 0) return null;
  const chainBefore = view.getUint32(24, true);
  return {
    lsn,
    syncedLsn,
    chainBefore,
    flags,
    records: view.getUint32(32, true),
    length: view.getUint32(4, true),
    payloadCrc: view.getUint32(36, true),
    chain: chainOf(header, chainBefore),
  };
}

/** The payload behind a valid header, or why there is none. Every byte of the frame's sectors is checked. */
export function readPayload(
  segment: Uint8Array,
  sector: number,
  header: FrameHeader,
): { readonly ok: true; readonly payload: Uint8Array } | { readonly ok: false; readonly reason: string } {
  const start = sector * SECTOR_BYTES;
  const end = start + frameSectors(header.length) * SECTOR_BYTES;
  if (end > segment.length) return { ok: false, reason: "the frame is longer than its segment" };
  const payload = new Uint8Array(header.length);
  const within = Math.min(header.length, FIRST_SECTOR_PAYLOAD_BYTES);
  payload.set(segment.subarray(start + FRAME_HEADER_BYTES, start + FRAME_HEADER_BYTES + within));
  const marker = markerOf(header.lsn);
  let filled = within;
  let last = start + FRAME_HEADER_BYTES + within;
  for (let at = start + SECTOR_BYTES; at < end; at += SECTOR_BYTES) {
    if (segment[at] !== marker)
      return { ok: false, reason: `sector ${at / SECTOR_BYTES} does not belong to the frame` };
    const chunk = Math.min(header.length - filled, LATER_SECTOR_PAYLOAD_BYTES);
    payload.set(segment.subarray(at + 1, at + 1 + chunk), filled);
    filled += chunk;
    last = at + 1 + chunk;
  }
  if (crc32c(payload) !== header.payloadCrc) return { ok: false, reason: "the checksum of the payload does not hold" };
  return isZero(segment, last, end)
    ? { ok: true, payload }
    : { ok: false, reason: "the padding behind the payload is not zero" };
}

/** Whether bytes start (included) to end (excluded) are all zero. Four at a time: most of a segment may be zeros. */
export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  for (; at < end && (bytes.byteOffset + at) % 4 !== 0; at++) if (bytes[at] !== 0) return false;
  if (at >= end) return true;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >> 2);
  for (let word = 0; word < words.length; word++) if (words[word] !== 0) return false;
  for (at += words.length * 4; at < end; at++) if (bytes[at] !== 0) return false;
  return true;
}

function chainOf(header: Uint8Array, chainBefore: number): number {
  return crc32c(header, chainBefore, FRAME_HEADER_BYTES);
}

/** In: bytes, and a view of them, whose first PLACE_BYTES may be written over. */
function seedOf(place: Place, bytes: Uint8Array, view: DataView): number {
  writeWhole(view, 0, place.segment);
  writeWhole(view, 8, place.sector);
  return crc32c(bytes, place.logSeed, PLACE_BYTES);
}
