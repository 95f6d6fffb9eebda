// The first sector of a segment file, and its name.

import { assert } from "../base/assert.ts";
import { crc32c } from "../base/crc32c.ts";
import { isZero } from "./frame.ts";
import { LOG_ID_BYTES, SECTOR_BYTES, SEGMENT_HEADER_BYTES, SEGMENT_MAGIC, VERSION } from "./format.ts";
import { readWhole, writeWhole } from "./whole.ts";

export type SegmentHeader = {
  readonly logId: Uint8Array;
  readonly segmentBytes: number;
  /** Number of the segment in its log, from 1. */
  readonly segment: number;
  readonly firstLsn: number;
  /** Chain of the last frame before this segment, 0 for the first. */
  readonly chainBefore: number;
};

export type SegmentHeaderRead =
  { readonly ok: true; readonly header: SegmentHeader } | { readonly ok: false; readonly reason: string };

/** "0000000000000001.wal": sorts by number. */
export function segmentName(segment: number): string {
  return `${String(segment).padStart(16, "0")}.wal`;
}

/** Number of the segment with that name, or null for any other file. */
export function segmentNumber(name: string): number | null {
  const digits = /^(\d{16})\.wal$/.exec(name)?.[1];
  const segment = Number(digits ?? 0);
  return segment > 0 && Number.isSafeInteger(segment) ? segment : null;
}

/** The whole first sector. */
export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  assert(header.logId.length === LOG_ID_BYTES, "a log's id is 16 bytes");
  const bytes = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < SEGMENT_MAGIC.length; at++) bytes[at] = SEGMENT_MAGIC.charCodeAt(at);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, header.segmentBytes, true);
  bytes.set(header.logId, 16);
  writeWhole(view, 32, header.segment);
  writeWhole(view, 40, header.firstLsn);
  view.setUint32(48, header.chainBefore, true);
  view.setUint32(52, crc32c(bytes.subarray(0, 52)), true);
  return bytes;
}

/** The header of a segment's bytes, or what is wrong with it. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeaderRead {
  if (bytes.length < SECTOR_BYTES)
    return { ok: false, reason: `the file ends after ${bytes.length} bytes, within its header` };
  const view = new DataView(bytes.buffer, bytes.byteOffset, SECTOR_BYTES);
  for (let at = 0; at < SEGMENT_MAGIC.length; at++) {
    if (bytes[at] !== SEGMENT_MAGIC.charCodeAt(at))
      return { ok: false, reason: "the file does not begin as a segment does" };
  }
  const isIntact = view.getUint32(52, true) === crc32c(bytes.subarray(0, 52));
  if (!isIntact) return { ok: false, reason: "the checksum of the segment's header does not hold" };
  const version = view.getUint32(8, true);
  if (version !== VERSION)
    return { ok: false, reason: `written in version ${version} of the format, this program reads ${VERSION}` };
  const segment = readWhole(view, 32);
  const firstLsn = readWhole(view, 40);
  if (segment === null || firstLsn === null || segment < 1 || firstLsn < 1)
    return { ok: false, reason: "the segment's header holds impossible numbers" };
  if (!isZero(bytes, SEGMENT_HEADER_BYTES, SECTOR_BYTES))
    return { ok: false, reason: "the padding behind the segment's header is not zero" };
  const header = {
    logId: bytes.slice(16, 32),
    segmentBytes: view.getUint32(12, true),
    segment,
    firstLsn,
    chainBefore: view.getUint32(48, true),
  };
  if (header.segmentBytes !== bytes.length) {
    return { ok: false, reason: `the file has ${bytes.length} bytes where its header says ${header.segmentBytes}` };
  }
  return { ok: true, header };
}
