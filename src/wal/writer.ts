// The writing end of a log as a value: where the next frame goes and what it must carry. It makes bytes; putting
// them on disk, one frame at a time and each synced before the next, is the caller's part.

import { assert } from "../base/assert.ts";
import { FLAG_ENDS_SEGMENT, SECTOR_BYTES, frameSectors } from "./format.ts";
import { encodeFrame, logSeedOf } from "./frame.ts";
import { encodeRecords, flagsOf, type WalRecord } from "./record.ts";
import { encodeSegmentHeader } from "./segment.ts";

/** The next frame is number `lsn`, at `sector` of `segment`; `chain` is that of the frame before. */
export type Tail = {
  readonly logId: Uint8Array;
  readonly segmentBytes: number;
  readonly segment: number;
  readonly sector: number;
  readonly lsn: number;
  readonly chain: number;
};

/** Bytes to write at `offset` of the tail's segment, and the tail once they are on disk. */
export type Written = { readonly bytes: Uint8Array; readonly offset: number; readonly tail: Tail };

/** Whether a frame with so many bytes of payload fits the segment, with room left for the frame that ends it. */
export function fits(tail: Tail, payloadBytes: number): boolean {
  return (tail.sector + frameSectors(payloadBytes) + 1) * SECTOR_BYTES <= tail.segmentBytes;
}

/** The first segment of a new log: its first sector, and the tail behind it. */
export function firstSegment(
  logId: Uint8Array,
  segmentBytes: number,
): { readonly header: Uint8Array; readonly tail: Tail } {
  return opened({ logId, segmentBytes, segment: 1, sector: 1, lsn: 1, chain: 0 });
}

/** One frame with the records. `extraFlags`: what the records do not say themselves. In: it fits. */
export function writeFrame(tail: Tail, records: readonly WalRecord[], extraFlags = 0): Written {
  const payload = encodeRecords(records);
  assert(fits(tail, payload.length) || extraFlags === FLAG_ENDS_SEGMENT, "the frame fits its segment");
  const place = { logSeed: logSeedOf(tail.logId), segment: tail.segment, sector: tail.sector };
  // One frame is in flight at most, so all before this one are on disk: its watermark is the LSN before its own.
  const fields = {
    lsn: tail.lsn,
    syncedLsn: tail.lsn - 1,
    chainBefore: tail.chain,
    flags: flagsOf(records) | extraFlags,
    records: records.length,
  };
  const { bytes, chain } = encodeFrame(place, fields, payload);
  const after = { ...tail, sector: tail.sector + bytes.length / SECTOR_BYTES, lsn: tail.lsn + 1, chain };
  assert(after.sector * SECTOR_BYTES <= tail.segmentBytes, "the frame ends within its segment");
  return { bytes, offset: tail.sector * SECTOR_BYTES, tail: after };
}

/**
 * Going over to the next segment: the frame that ends this one, the first sector of the next, the tail there. On
 * disk in another order than listed: first the next segment, whole and under its name, then the end of this one. So
 * an end says that a next one must be there, and its loss is seen.
 */
export function nextSegment(tail: Tail): { readonly end: Written; readonly header: Uint8Array; readonly tail: Tail } {
  const end = writeFrame(tail, [], FLAG_ENDS_SEGMENT);
  return { end, ...opened({ ...end.tail, segment: tail.segment + 1, sector: 1 }) };
}

function opened(tail: Tail): { readonly header: Uint8Array; readonly tail: Tail } {
  const header = encodeSegmentHeader({
    logId: tail.logId,
    segmentBytes: tail.segmentBytes,
    segment: tail.segment,
    firstLsn: tail.lsn,
    chainBefore: tail.chain,
  });
  return { header, tail };
}
