// What can still be said about a damaged log: the newest state (term and vote) behind the damage, and whether a
// newer one may be gone. A node that lost entries may still know its votes; one that lost votes must not vote at
// all.

import { FLAG_ENDS_SEGMENT, FLAG_RESTATES, FLAG_STATE, SECTOR_BYTES, frameSectors } from "./format.ts";
import { isZero, readHeader, readPayload } from "./frame.ts";
import { decodeRecords, type StateRecord } from "./record.ts";
import { decodeSegmentHeader, segmentNumber } from "./segment.ts";

export type Salvaged = {
  /** null: none behind the damage, the one before it is the newest known. */
  readonly state: StateRecord | null;
  readonly lost: "entries" | "votes";
};

/**
 * A frame behind the damage. `mayHoldState`: its payload cannot be read, and it had a state. `isEnd`: a segment
 * must follow.
 */
type Seen = {
  readonly lsn: number;
  readonly state: StateRecord | null;
  readonly mayHoldState: boolean;
  readonly isEnd: boolean;
};

/** In: the files from the damaged one on; the sector of the damage in the first, the LSN that was next there. */
export function salvage(
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  from: { readonly logSeed: number; readonly sector: number; readonly lsn: number },
): Salvaged {
  const seen: Seen[] = [];
  let isEndKnown = false;
  let isInPlace = true;
  for (const [at, { name, bytes }] of files.entries()) {
    const opening = decodeSegmentHeader(bytes);
    const segment = segmentNumber(name);
    if (segment === null || (opening.ok && opening.header.segment !== segment)) isInPlace = false;
    else
      isEndKnown =
        opening.ok && lookThrough(bytes, { logSeed: from.logSeed, segment, sector: at === 0 ? from.sector : 1 }, seen);
  }
  seen.sort((left, right) => left.lsn - right.lsn);
  if (!isInPlace || seen.at(-1)?.isEnd === true) isEndKnown = false;
  let newest: Seen | null = null;
  // The highest LSN that is unread and may have held a state.
  let unknown = isEndKnown ? 0 : Infinity;
  let next = from.lsn;
  for (const frame of seen) {
    if (frame.lsn > next) unknown = Math.max(unknown, frame.lsn - 1);
    if (frame.mayHoldState) unknown = Math.max(unknown, frame.lsn);
    if (frame.state !== null) newest = frame;
    next = Math.max(next, frame.lsn + 1);
  }
  return { state: newest?.state ?? null, lost: (newest?.lsn ?? 0) >= unknown ? "entries" : "votes" };
}

/**
 * Collects the segment's frames from a sector on. Out: whether zeros follow the last of them, so that it is the
 * last.
 */
function lookThrough(
  bytes: Uint8Array,
  start: { readonly logSeed: number; readonly segment: number; readonly sector: number },
  seen: Seen[],
): boolean {
  let end = Math.max(1, start.sector) * SECTOR_BYTES;
  for (let sector = Math.max(1, start.sector); sector * SECTOR_BYTES < bytes.length; sector++) {
    const header = readHeader(bytes, { ...start, sector });
    if (header === null) continue;
    end = (sector + frameSectors(header.length)) * SECTOR_BYTES;
    const read = readPayload(bytes, sector, header);
    const decoded = read.ok ? decodeRecords(read.payload, header.records) : null;
    const records = decoded !== null && decoded.ok ? decoded.records : null;
    const state = records?.findLast((record) => record.kind === "state") ?? null;
    seen.push({
      lsn: header.lsn,
      state,
      mayHoldState: records === null && (header.flags & (FLAG_STATE | FLAG_RESTATES)) !== 0,
      isEnd: (header.flags & FLAG_ENDS_SEGMENT) !== 0,
    });
  }
  return isZero(bytes, Math.min(end, bytes.length), bytes.length);
}
