// The layout of a pack: one file that many small blobs share, so that those that come together are made durable by one
// sync. Bytes only, no I/O (pack-store.ts), and not whose blobs are needed.
//
//   header, 64 bytes, then records, each beginning at a multiple of 64 bytes, then (closed in order) an end mark
//
//   header                            record, end mark
//     0 magic    "hspack\r\n"           0 magic       "\xffHSB"; of an end mark "\xffHSE"
//     8 version  u32                    4 batch       u32, number of the write that it came with, from 1
//    12 number   u32, of the pack       8 length      u32, bytes of payload
//    16 zeros                          12 payloadCrc  u32, CRC-32C of the payload
//    60 crc      u32, of bytes 0-59    16 digest      32 bytes, the blob's name
//                                      48 zeros
//                                      60 headerCrc   u32, of bytes 0-59, begun with the pack's number and the place
//                                      64 payload (the blob as it is sealed), zeros up to a multiple of 64
//
// A batch is written only after the one before it is on disk, and an end mark after the last: of a pack with an end
// mark all is on disk, of one without the last batch may not be. Little endian.

import { assert } from "../../base/assert.ts";
import { crc32c } from "../../base/crc32c.ts";

export const PACK_VERSION = 1;
export const PACK_HEADER_BYTES = 64;
const RECORD_HEADER_BYTES = 64;
const ALIGNMENT_BYTES = 64;
const HEADER_CRC_AT = 60;
const MAGIC = new TextEncoder().encode("hspack\r\n");
const BLOB_MAGIC = 0x425348ff;
const END_MAGIC = 0x455348ff;
const MAGIC_BYTE = 0xff;
/** What is hashed of a place. */
const PLACE_BYTES = 8;
const DIGEST_AT = 16;
const DIGEST_BYTES = 32;

/** Where a blob lies: offset of its payload in a pack, bytes of it, and its CRC-32C. */
export type PackPlace = { readonly pack: number; readonly at: number; readonly length: number; readonly crc: number };

/** One blob of a scan, with its batch. */
export type PackRecord = { readonly digest: string; readonly batch: number; readonly place: PackPlace };

/** What a pack holds. `damagedBytes`: of it, nothing is known. `isClosed`: it has an end mark. */
export type PackScan = {
  readonly records: readonly PackRecord[];
  readonly damagedBytes: number;
  readonly isClosed: boolean;
};

/** Bytes that a payload of so many takes in a pack. */
export function recordBytes(payloadBytes: number): number {
  return RECORD_HEADER_BYTES + aligned(payloadBytes);
}

/** The first bytes of a pack. */
export function packHeader(number: number): Uint8Array {
  const bytes = new Uint8Array(PACK_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, PACK_VERSION, true);
  view.setUint32(12, number, true);
  view.setUint32(HEADER_CRC_AT, crc32c(bytes, 0, HEADER_CRC_AT), true);
  return bytes;
}

/** The version that a pack says it is of; null where its header is damaged. */
export function packVersion(bytes: Uint8Array): number | null {
  if (bytes.length < PACK_HEADER_BYTES || MAGIC.some((byte, at) => bytes[at] !== byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, PACK_HEADER_BYTES);
  const isWhole = view.getUint32(HEADER_CRC_AT, true) === crc32c(bytes, 0, HEADER_CRC_AT);
  return isWhole ? view.getUint32(8, true) : null;
}

/**
 * Blobs as they are appended to a pack, and where each lies then. In: `at`, where the pack ends, a multiple of 64;
 * digests of 64 hex digits.
 */
export function encodeBatch(
  target: { readonly pack: number; readonly at: number; readonly batch: number },
  blobs: readonly { readonly digest: string; readonly payload: Uint8Array }[],
): { readonly bytes: Uint8Array; readonly places: readonly PackPlace[] } {
  assert(target.at % ALIGNMENT_BYTES === 0, "a record begins at a multiple of 64");
  const bytes = new Uint8Array(blobs.reduce((sum, { payload }) => sum + recordBytes(payload.length), 0));
  const places: PackPlace[] = [];
  let at = 0;
  for (const { digest, payload } of blobs) {
    const crc = crc32c(payload);
    const header = bytes.subarray(at, at + RECORD_HEADER_BYTES);
    header.set(Uint8Array.fromHex(digest), DIGEST_AT);
    finishHeader(header, { magic: BLOB_MAGIC, batch: target.batch, length: payload.length, crc }, target, at);
    bytes.set(payload, at + RECORD_HEADER_BYTES);
    places.push({ pack: target.pack, at: target.at + at + RECORD_HEADER_BYTES, length: payload.length, crc });
    at += recordBytes(payload.length);
  }
  return { bytes, places };
}

/** What is written behind all that is on disk. In: where the pack ends. Out: the mark, and where it goes. */
export function endMark(pack: number, packBytes: number): { readonly at: number; readonly bytes: Uint8Array } {
  const at = aligned(packBytes);
  const bytes = new Uint8Array(RECORD_HEADER_BYTES);
  finishHeader(bytes, { magic: END_MAGIC, batch: 0, length: 0, crc: 0 }, { pack, at }, 0);
  return { at, bytes };
}

/** All whole blobs of a pack, in the order in which they were written, whatever is damaged between them. */
export function scanPack(bytes: Uint8Array, pack: number): PackScan {
  const records: PackRecord[] = [];
  let damagedBytes = 0;
  let isClosed = false;
  for (let at = PACK_HEADER_BYTES; at < bytes.length;) {
    const header = readHeader(bytes, pack, at);
    if (header === null) {
      // Wherever the next record is, it begins at a multiple of 64.
      damagedBytes += Math.min(ALIGNMENT_BYTES, bytes.length - at);
      at += ALIGNMENT_BYTES;
      continue;
    }
    const { magic, digest, batch, length, crc } = header;
    const start = at + RECORD_HEADER_BYTES;
    at += recordBytes(length);
    if (magic === END_MAGIC) isClosed = true;
    else if (crc32c(bytes.subarray(start, start + length)) !== crc) damagedBytes += recordBytes(length);
    else records.push({ digest, batch, place: { pack, at: start, length, crc } });
  }
  return { records, damagedBytes, isClosed };
}

/** Bytes of the last batch, from its first record (included) to the end of its last (excluded); null: there is none. */
export function lastBatch({ records }: PackScan): { readonly start: number; readonly end: number } | null {
  const last = records.at(-1);
  if (last === undefined) return null;
  const first = records.find(({ batch }) => batch === last.batch) ?? last;
  return { start: first.place.at - RECORD_HEADER_BYTES, end: last.place.at + last.place.length };
}

type Header = {
  readonly magic: number;
  readonly digest: string;
  readonly batch: number;
  readonly length: number;
  readonly crc: number;
};

/** A valid header whose payload lies in the pack, or null. */
function readHeader(bytes: Uint8Array, pack: number, at: number): Header | null {
  if (bytes[at] !== MAGIC_BYTE || at + RECORD_HEADER_BYTES > bytes.length) return null;
  const header = bytes.subarray(at, at + RECORD_HEADER_BYTES);
  const view = new DataView(header.buffer, header.byteOffset, RECORD_HEADER_BYTES);
  const magic = view.getUint32(0, true);
  if (magic !== BLOB_MAGIC && magic !== END_MAGIC) return null;
  const seed = seedOf({ pack, at }, new DataView(new ArrayBuffer(PLACE_BYTES)));
  if (view.getUint32(HEADER_CRC_AT, true) !== crc32c(header, seed, HEADER_CRC_AT)) return null;
  const length = view.getUint32(8, true);
  if (at + RECORD_HEADER_BYTES + length > bytes.length) return null;
  const digest = header.subarray(DIGEST_AT, DIGEST_AT + DIGEST_BYTES).toHex();
  return { magic, digest, batch: view.getUint32(4, true), length, crc: view.getUint32(12, true) };
}

function finishHeader(
  header: Uint8Array,
  { magic, batch, length, crc }: Omit<Header, "digest">,
  { pack, at }: { readonly pack: number; readonly at: number },
  offset: number,
): void {
  const view = new DataView(header.buffer, header.byteOffset, RECORD_HEADER_BYTES);
  // Where magic and batch will be there is room for the place until then.
  const seed = seedOf({ pack, at: at + offset }, view);
  view.setUint32(0, magic, true);
  view.setUint32(4, batch, true);
  view.setUint32(8, length, true);
  view.setUint32(12, crc, true);
  view.setUint32(HEADER_CRC_AT, crc32c(header, seed, HEADER_CRC_AT), true);
}

/** A record that is found anywhere else than where it was written is not valid. Writes over the first PLACE_BYTES. */
function seedOf({ pack, at }: { readonly pack: number; readonly at: number }, view: DataView): number {
  view.setUint32(0, pack, true);
  view.setUint32(4, at / ALIGNMENT_BYTES, true);
  return crc32c(new Uint8Array(view.buffer, view.byteOffset, PLACE_BYTES));
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
