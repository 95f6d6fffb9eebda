// The layout of a log on disk: constants, limits and the picture. No code beyond arithmetic.
//
// A log is a row of segment files, each preallocated with zeros and never reused:
//
//   sector 0   segment header: magic, version, sizes, log id, sequence, first LSN, chain so far, CRC
//   sector 1.. frames, each starting on a sector; behind the last one zeros to the end of the file
//
// A frame is what one group commit writes: the records of a turn, one write, one fdatasync. It is written only
// after the frame before it is known to be on disk, so at most one frame of a log can be unsynced, and a frame's
// LSN - 1 is the durable watermark it carries. Little endian; 64-bit fields hold whole numbers below 2^53.
//
//   frame header, first 44 bytes of its first sector     later sectors of the frame
//     0 magic       "\xffHSF"                              0     marker: 0xc0 + LSN mod 32
//     4 length      u32, bytes of payload                  1..   511 bytes of payload
//     8 lsn         u64, number of the frame, from 1
//    16 syncedLsn   u64, highest LSN known to be on disk
//    24 chainBefore u32, chain of the frame before
//    28 flags       u32, what kinds of records it holds
//    32 records     u32, their count
//    36 payloadCrc  u32, CRC-32C of the payload
//    40 headerCrc   u32, CRC-32C of bytes 0-39, started with the log's id, the segment's number and the sector's
//    44 payload, 468 bytes
//
// Two things follow from sector alignment and markers. No sector of a valid frame is all zero: the first starts
// with 0xff, each later one with its marker. So an all-zero sector inside a frame is a sector that was never
// written, and nothing else (a payload of zeros cannot make one). And only a frame's first sector starts with 0xff,
// so no payload can pose as a frame, whatever it holds. The price is half a sector a commit.

/** What a disk writes whole or not at all. Torn writes are told by it. */
export const SECTOR_BYTES = 512;
export const VERSION = 1;

export const SEGMENT_MAGIC = "hswal\r\n\x1a";
export const SEGMENT_HEADER_BYTES = 56;

/** "\xffHSF" as little endian u32. */
export const FRAME_MAGIC = 0x465348ff;
export const FRAME_MAGIC_BYTE = 0xff;
export const FRAME_HEADER_BYTES = 44;
export const FIRST_SECTOR_PAYLOAD_BYTES = SECTOR_BYTES - FRAME_HEADER_BYTES;
export const LATER_SECTOR_PAYLOAD_BYTES = SECTOR_BYTES - 1;

/** Frame flags: kinds of records within, so that a frame whose payload is lost still says what was lost. */
export const FLAG_ENTRIES = 1;
export const FLAG_STATE = 2;
export const FLAG_TRUNCATE = 4;
export const FLAG_SNAPSHOT = 8;
/** The first frame of a segment: begins with the state and the snapshot in force, so that older segments may go. */
export const FLAG_RESTATES = 16;
/** The last frame of a segment, without records: another segment follows, and exists already. */
export const FLAG_ENDS_SEGMENT = 32;
export const FLAGS_KNOWN = 63;

export const LOG_ID_BYTES = 16;

export type WalLimits = {
  /** Bytes of a segment file, a multiple of the sector. Raise: fewer files, longer preallocation. */
  readonly segmentBytes: number;
  /** Bytes of payload in one frame; a larger turn takes several, one after another. */
  readonly framePayloadBytesMax: number;
  /** Bytes of one record with its header; it fits one frame beside the restated ones. */
  readonly recordBytesMax: number;
};

/** 16 MiB segments; a frame wastes at most an eighth of one when it does not fit. */
export const WAL_LIMITS: WalLimits = {
  segmentBytes: 16 * 1_048_576,
  framePayloadBytesMax: 4 * 1_048_576,
  recordBytesMax: 1_048_576 + 4_096,
};

/** Sectors a frame with so many bytes of payload takes. */
export function frameSectors(payloadBytes: number): number {
  return 1 + Math.ceil(Math.max(0, payloadBytes - FIRST_SECTOR_PAYLOAD_BYTES) / LATER_SECTOR_PAYLOAD_BYTES);
}

/**
 * First byte of a frame's later sectors: 0xc0 to 0xdf. Never 0xff (a frame's first byte), and at least two bits, so
 * that no single flipped bit makes a sector of zeros out of a marker and a payload of zeros.
 */
export function markerOf(lsn: number): number {
  return 0xc0 + (lsn % 32);
}

/** What is wrong with the limits, or null. */
export function limitsProblem(limits: WalLimits): string | null {
  const { segmentBytes, framePayloadBytesMax, recordBytesMax } = limits;
  if (!Number.isSafeInteger(segmentBytes) || segmentBytes % SECTOR_BYTES !== 0 || segmentBytes >= 2 ** 32) {
    return "segmentBytes is a multiple of 512 below 4 GiB";
  }
  // Restated state and snapshot, and one record of any kind, go into the first frame of a segment.
  if (3 * recordBytesMax > framePayloadBytesMax) return "a frame holds three of the largest records";
  // Header sector, the largest frame, the frame that ends the segment.
  if ((2 + frameSectors(framePayloadBytesMax)) * SECTOR_BYTES > segmentBytes)
    return "a segment holds its header, a frame and its end";
  return null;
}
