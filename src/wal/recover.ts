// From the bytes of the segments to what the log says, and how far it can be believed. It reads and judges; it repairs
// nothing. The verdicts:
//
//   clean    every frame is intact, zeros follow
//   torn     the last frame was being written when power or process went: it is in the last segment, no later frame is
//            intact, its LSN is above every synced watermark seen, and it holds an all-zero sector (format.ts: no whole
//            frame does). It was never acknowledged: cut it off, go on
//   corrupt  anything else: what was acknowledged may be gone. Refuse, or repair from peers

import { FLAG_ENDS_SEGMENT, FLAG_RESTATES, SECTOR_BYTES, frameSectors, markerOf } from "./format.ts";
import { isZero, logSeedOf, readHeader, readPayload, type FrameHeader, type Place } from "./frame.ts";
import { decodeRecords, type EntryRecord, type SnapshotRecord, type StateRecord } from "./record.ts";
import { applyRecord, createReplay, replayProblem, type Replay } from "./replay.ts";
import { salvage } from "./salvage.ts";
import { decodeSegmentHeader, segmentNumber, type SegmentHeader } from "./segment.ts";
import type { Tail } from "./writer.ts";

/** A segment file whole. Other files of the directory are not passed. */
export type SegmentFile = { readonly name: string; readonly bytes: Uint8Array };

export type Verdict =
  | { readonly kind: "clean" }
  /**
   * Bytes from `offset` to the segment's end are of a frame that was never acknowledged: keep a copy, write zeros,
   * sync.
   */
  | { readonly kind: "torn"; readonly segment: string; readonly offset: number; readonly lsn: number }
  /**
   * `lost`: what of the acknowledged may be gone. entries: the newest state is intact. votes: a newer one may have
   * been in what cannot be read.
   */
  | {
      readonly kind: "corrupt";
      readonly segment: string;
      readonly offset: number;
      readonly reason: string;
      readonly lost: "entries" | "votes";
    };

/** A segment of the log, with the highest entry index ever written to it (0: none): what compaction asks. */
export type SegmentSpan = { readonly name: string; readonly segment: number; readonly indexMax: number };

export type Recovery = {
  readonly verdict: Verdict;
  readonly state: StateRecord | null;
  readonly snapshot: SnapshotRecord | null;
  /** After the snapshot, contiguous. If corrupt: those before the damage. */
  readonly entries: readonly EntryRecord[];
  /** Where to write next. null: no log at all, or corrupt. */
  readonly tail: Tail | null;
  /**
   * The newest frame, when no watermark says that it is on disk: it may only be in the page cache (killed before
   * fdatasync, or after one that failed). Write the same bytes again and sync before believing it.
   */
  readonly unproven: { readonly segment: string; readonly offset: number; readonly bytes: Uint8Array } | null;
  readonly segments: readonly SegmentSpan[];
  /** The file of a roll that was not finished: to remove. It never held a frame. */
  readonly unfinished: string | null;
};

/**
 * `isLocal`: some bytes of one place are damaged, so that frames behind them still tell what they did. Else the frames
 * contradict each other, and none is believed.
 */
type Fault = {
  readonly kind: "fault";
  readonly at: number;
  readonly sector: number;
  readonly reason: string;
  readonly isLocal: boolean;
};
/** How the frames of one segment ended. */
type End =
  | { readonly kind: "end" }
  | { readonly kind: "open"; readonly sector: number }
  | { readonly kind: "torn"; readonly sector: number }
  | Fault;

/** What is known so far while walking from segment to segment. */
type Walk = {
  readonly files: readonly SegmentFile[];
  readonly headers: SegmentHeader[];
  readonly logSeed: number;
  readonly replay: Replay;
  readonly spans: SegmentSpan[];
  lsn: number;
  chain: number;
  watermark: number;
  /** File, sector and number of sectors of the newest frame. */
  newest: { readonly at: number; readonly sector: number; readonly sectors: number } | null;
};

/** In: the segment files, in any order. Never throws on any bytes. Linear in their size. */
export function recover(segments: readonly SegmentFile[]): Recovery {
  const files = segments.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  const first = files[0];
  if (first === undefined) return result(null, { kind: "clean" });
  const opening = decodeSegmentHeader(first.bytes);
  const logSeed = opening.ok ? logSeedOf(opening.header.logId) : 0;
  const walk: Walk = {
    files,
    headers: [],
    logSeed,
    replay: createReplay(opening.ok && opening.header.segment === 1),
    spans: [],
    lsn: opening.ok ? opening.header.firstLsn : 1,
    chain: opening.ok ? opening.header.chainBefore : 0,
    watermark: 0,
    newest: null,
  };
  for (let at = 0; at < files.length; at++) {
    const isLast = at === files.length - 1 || (at === files.length - 2 && isBlank(files[at + 1]));
    const fault = openSegment(walk, at);
    if (fault !== null) return corrupt(walk, fault);
    const end = walkFrames(walk, at, isLast);
    if (end.kind === "fault") return corrupt(walk, end);
    if (end.kind === "end") {
      if (at < files.length - 1) continue;
      return corrupt(walk, {
        kind: "fault",
        at,
        sector: 0,
        reason: "the segment says that another one follows, and there is none",
        isLocal: false,
      });
    }
    return finish(walk, at, end);
  }
  return result(walk, { kind: "clean" });
}

/** A segment that never took a frame: what a roll leaves that was cut off before the end of the segment before. */
function isBlank(file: SegmentFile | undefined): boolean {
  if (file === undefined || !decodeSegmentHeader(file.bytes).ok) return false;
  return isZero(file.bytes, SECTOR_BYTES, file.bytes.length);
}

function openSegment(walk: Walk, at: number): Fault | null {
  const file = walk.files[at];
  if (file === undefined) return null;
  const fault = (reason: string): Fault => ({ kind: "fault", at, sector: 0, reason, isLocal: false });
  const opening = decodeSegmentHeader(file.bytes);
  if (!opening.ok) return { ...fault(opening.reason), isLocal: true };
  const { header } = opening;
  if (segmentNumber(file.name) !== header.segment) return fault(`the file holds segment ${header.segment}`);
  const before = walk.headers.at(-1);
  if (before !== undefined) {
    if (header.segment !== before.segment + 1) return fault(`segment ${before.segment + 1} is missing before it`);
    if (logSeedOf(header.logId) !== walk.logSeed) return fault("the segment is of another log");
    if (header.firstLsn !== walk.lsn || header.chainBefore !== walk.chain)
      return fault("the segment does not continue the one before");
  } else if (header.segment === 1 && (header.firstLsn !== 1 || header.chainBefore !== 0)) {
    return fault("the first segment does not begin a log");
  }
  walk.headers.push(header);
  // The segment was made when all before it was on disk but the end of the one before (writer.ts, nextSegment).
  walk.watermark = Math.max(walk.watermark, header.firstLsn - 2);
  walk.spans.push({ name: file.name, segment: header.segment, indexMax: 0 });
  return null;
}

/** Reads frames until the segment's end frame, zeros, or something else. */
function walkFrames(walk: Walk, at: number, isLast: boolean): End {
  const bytes = walk.files[at]?.bytes ?? new Uint8Array(0);
  const segment = walk.headers.at(-1)?.segment ?? 0;
  const sectors = bytes.length / SECTOR_BYTES;
  let sector = 1;
  while (sector < sectors) {
    const fault = (reason: string): Fault => ({ kind: "fault", at, sector, reason, isLocal: false });
    const place = { logSeed: walk.logSeed, segment, sector };
    const header = readHeader(bytes, place);
    if (header === null) return judge(walk, { at, place, header, isLast, reason: "no frame begins here" });
    if (header.lsn !== walk.lsn) return fault(`frame ${header.lsn} where ${walk.lsn} is next`);
    if (header.chainBefore !== walk.chain) return fault(`frame ${header.lsn} does not continue the chain`);
    const read = readPayload(bytes, sector, header);
    if (!read.ok) return judge(walk, { at, place, header, isLast, reason: read.reason });
    const problem = takeFrame(walk, header, read.payload, { isFirst: sector === 1, segment });
    if (problem !== null) return fault(problem);
    walk.newest = { at, sector, sectors: frameSectors(header.length) };
    sector += frameSectors(header.length);
    if ((header.flags & FLAG_ENDS_SEGMENT) !== 0) {
      return isZero(bytes, sector * SECTOR_BYTES, bytes.length)
        ? { kind: "end" }
        : fault("something follows the end of the segment");
    }
  }
  return { kind: "fault", at, sector: sectors - 1, reason: "the segment is full and has no end", isLocal: false };
}

function takeFrame(
  walk: Walk,
  header: FrameHeader,
  payload: Uint8Array,
  where: { readonly isFirst: boolean; readonly segment: number },
): string | null {
  const restates = (header.flags & FLAG_RESTATES) !== 0;
  if (restates !== (where.isFirst && where.segment > 1))
    return `frame ${header.lsn} ${restates ? "restates" : "does not restate"} what holds`;
  const decoded = decodeRecords(payload, header.records);
  if (!decoded.ok) return decoded.reason;
  let indexMax = walk.spans.at(-1)?.indexMax ?? 0;
  for (const record of decoded.records) {
    const problem = applyRecord(walk.replay, record);
    if (problem !== null) return `frame ${header.lsn}: ${problem}`;
    if (record.kind === "entry") indexMax = Math.max(indexMax, record.index);
  }
  const span = walk.spans.pop();
  if (span !== undefined) walk.spans.push({ ...span, indexMax });
  walk.lsn = header.lsn + 1;
  walk.chain = header.chain;
  walk.watermark = Math.max(walk.watermark, header.syncedLsn);
  return null;
}

type Suspect = {
  readonly at: number;
  readonly place: Place;
  readonly header: FrameHeader | null;
  readonly isLast: boolean;
  readonly reason: string;
};

/** No intact frame where one is next: the end of the log, a torn one, or damage. */
function judge(walk: Walk, suspect: Suspect): End {
  const { at, header, isLast } = suspect;
  const { sector } = suspect.place;
  const bytes = walk.files[at]?.bytes ?? new Uint8Array(0);
  const start = sector * SECTOR_BYTES;
  const fault = (reason: string): Fault => ({ kind: "fault", at, sector, reason, isLocal: true });
  if (!isLast) return fault(`${suspect.reason}, and a later segment has frames`);
  if (header === null && isZero(bytes, start, bytes.length)) return { kind: "open", sector };
  const later = laterHeader(bytes, suspect.place);
  if (later !== null) return fault(`${suspect.reason}, and frame ${later.lsn} behind it is intact`);
  if ((header?.lsn ?? walk.lsn) <= walk.watermark)
    return fault(`${suspect.reason}, and the frame is known to have been on disk`);
  // Sectors of the frame: as the header says, or all that are left when the header is what was never written.
  const end = header === null ? bytes.length : start + frameSectors(header.length) * SECTOR_BYTES;
  if (end > bytes.length || !isZero(bytes, end, bytes.length)) return fault(suspect.reason);
  if (header !== null) return hasZeroSector(bytes, start, end) ? { kind: "torn", sector } : fault(suspect.reason);
  if (!isZero(bytes, start, start + SECTOR_BYTES)) return fault(suspect.reason);
  for (let next = start + SECTOR_BYTES; next < end; next += SECTOR_BYTES) {
    const isOfFrame = bytes[next] === markerOf(walk.lsn) || isZero(bytes, next, next + SECTOR_BYTES);
    if (!isOfFrame) return fault(`sector ${next / SECTOR_BYTES} holds what belongs to no frame`);
  }
  return { kind: "torn", sector };
}

function laterHeader(bytes: Uint8Array, place: Place): FrameHeader | null {
  for (let sector = place.sector + 1; sector * SECTOR_BYTES < bytes.length; sector++) {
    const header = readHeader(bytes, { ...place, sector });
    if (header !== null) return header;
  }
  return null;
}

function hasZeroSector(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += SECTOR_BYTES) if (isZero(bytes, at, at + SECTOR_BYTES)) return true;
  return false;
}

/** The log ends in file `at`, open or torn. */
function finish(walk: Walk, at: number, end: { readonly kind: "open" | "torn"; readonly sector: number }): Recovery {
  const header = walk.headers.at(-1);
  const file = walk.files[at];
  const problem = replayProblem(walk.replay);
  if (header === undefined || file === undefined) return result(null, { kind: "clean" });
  if (problem !== null)
    return corrupt(walk, { kind: "fault", at, sector: end.sector, reason: problem, isLocal: false });
  if (walk.newest === null && header.segment > 1) {
    return corrupt(walk, {
      kind: "fault",
      at,
      sector: 1,
      reason: "the segments before it are missing",
      isLocal: false,
    });
  }
  const offset = end.sector * SECTOR_BYTES;
  const verdict: Verdict =
    end.kind === "open" ? { kind: "clean" } : { kind: "torn", segment: file.name, offset, lsn: walk.lsn };
  const tail = {
    logId: header.logId,
    segmentBytes: header.segmentBytes,
    segment: header.segment,
    sector: end.sector,
    lsn: walk.lsn,
    chain: walk.chain,
  };
  return { ...result(walk, verdict), tail, unproven: unprovenOf(walk), unfinished: walk.files[at + 1]?.name ?? null };
}

function unprovenOf(walk: Walk): Recovery["unproven"] {
  const { newest } = walk;
  const file = newest === null ? undefined : walk.files[newest.at];
  if (newest === null || file === undefined || walk.lsn - 1 <= walk.watermark) return null;
  const offset = newest.sector * SECTOR_BYTES;
  return { segment: file.name, offset, bytes: file.bytes.slice(offset, offset + newest.sectors * SECTOR_BYTES) };
}

function corrupt(walk: Walk, fault: Fault): Recovery {
  const segment = walk.files[fault.at]?.name ?? "";
  const found = salvage(walk.files.slice(fault.at), { logSeed: walk.logSeed, sector: fault.sector, lsn: walk.lsn });
  const verdict: Verdict = {
    kind: "corrupt",
    segment,
    offset: fault.sector * SECTOR_BYTES,
    reason: fault.reason,
    lost: fault.isLocal ? found.lost : "votes",
  };
  return { ...result(walk, verdict), state: found.state ?? walk.replay.state };
}

function result(walk: Walk | null, verdict: Verdict): Recovery {
  return {
    verdict,
    state: walk?.replay.state ?? null,
    snapshot: walk?.replay.snapshot ?? null,
    entries: walk?.replay.entries ?? [],
    tail: null,
    unproven: null,
    segments: walk?.spans ?? [],
    unfinished: null,
  };
}
