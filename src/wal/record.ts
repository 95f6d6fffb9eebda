// Records, the meaning inside frames, and their bytes. Payloads are the caller's: consensus is not known here.
//
//   0 kind u8 · 1 flag u8 · 2 zero u16 · 4 payload length u32 · 8 index u64 · 16 term u64 · 24 payload

import { FLAG_ENTRIES, FLAG_SNAPSHOT, FLAG_STATE, FLAG_TRUNCATE } from "./format.ts";
import { readWhole, writeWhole } from "./whole.ts";

/** A log entry. Indexes are contiguous from 1. */
export type EntryRecord = {
  readonly kind: "entry";
  readonly index: number;
  readonly term: number;
  readonly payload: Uint8Array;
};
/** Term, vote and other promises of a node. The newest holds. Terms never fall. */
export type StateRecord = { readonly kind: "state"; readonly term: number; readonly payload: Uint8Array };
/** Entries from `from` on are no more: a leader's log conflicted. */
export type TruncateRecord = { readonly kind: "truncate"; readonly from: number };
/**
 * Everything up to `index` is in a snapshot; `payload` says where (or is it, when small). `replacesLog`: entries after
 * `index` go too, as when a leader's snapshot is installed over a log that conflicts with it; else they stay.
 */
export type SnapshotRecord = {
  readonly kind: "snapshot";
  readonly index: number;
  readonly term: number;
  readonly replacesLog: boolean;
  readonly payload: Uint8Array;
};
export type WalRecord = EntryRecord | StateRecord | TruncateRecord | SnapshotRecord;

export const RECORD_HEADER_BYTES = 24;

const KINDS = { entry: 1, state: 2, truncate: 3, snapshot: 4 } as const;
const FLAGS = { entry: FLAG_ENTRIES, state: FLAG_STATE, truncate: FLAG_TRUNCATE, snapshot: FLAG_SNAPSHOT } as const;
const NOTHING = new Uint8Array(0);

/** Bytes the record takes in a frame's payload. */
export function recordBytes(record: WalRecord): number {
  return RECORD_HEADER_BYTES + (record.kind === "truncate" ? 0 : record.payload.length);
}

/** Frame flags that name the kinds among the records. */
export function flagsOf(records: readonly WalRecord[]): number {
  let flags = 0;
  for (const record of records) flags |= FLAGS[record.kind];
  return flags;
}

/** The records one after another. Throws AssertionError when an index or term is no whole number. */
export function encodeRecords(records: readonly WalRecord[]): Uint8Array {
  let length = 0;
  for (const record of records) length += recordBytes(record);
  const buffer = new ArrayBuffer(length);
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  let at = 0;
  for (const record of records) {
    const payload = record.kind === "truncate" ? NOTHING : record.payload;
    bytes[at] = KINDS[record.kind];
    bytes[at + 1] = record.kind === "snapshot" && record.replacesLog ? 1 : 0;
    view.setUint32(at + 4, payload.length, true);
    writeWhole(view, at + 8, record.kind === "state" ? 0 : record.kind === "truncate" ? record.from : record.index);
    writeWhole(view, at + 16, record.kind === "truncate" ? 0 : record.term);
    bytes.set(payload, at + RECORD_HEADER_BYTES);
    at += RECORD_HEADER_BYTES + payload.length;
  }
  return bytes;
}

export type DecodedRecords =
  { readonly ok: true; readonly records: readonly WalRecord[] } | { readonly ok: false; readonly reason: string };

/**
 * The inverse. Payloads are views of `bytes`. In: a payload whose CRC holds; even so nothing in it is taken on
 * trust.
 */
export function decodeRecords(bytes: Uint8Array, count: number): DecodedRecords {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records: WalRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    const number = records.length + 1;
    if (at + RECORD_HEADER_BYTES > bytes.length) return bad(number, "is cut short");
    const end = at + RECORD_HEADER_BYTES + view.getUint32(at + 4, true);
    if (end > bytes.length) return bad(number, "is longer than its frame");
    const record = decodeRecord(view, at, bytes.subarray(at + RECORD_HEADER_BYTES, end));
    if (record === null) return bad(number, "is of no known kind or form");
    records.push(record);
    at = end;
  }
  return records.length === count
    ? { ok: true, records }
    : { ok: false, reason: `${records.length} records where the header says ${count}` };
}

/** One record whose header lies at `at`. Out: null when a field holds what no writer of this version puts there. */
function decodeRecord(view: DataView, at: number, payload: Uint8Array): WalRecord | null {
  const kind = view.getUint8(at);
  const flag = view.getUint8(at + 1);
  const index = readWhole(view, at + 8);
  const term = readWhole(view, at + 16);
  if (index === null || term === null || view.getUint16(at + 2, true) !== 0) return null;
  if (flag > (kind === KINDS.snapshot ? 1 : 0)) return null;
  if (kind === KINDS.entry && index > 0) return { kind: "entry", index, term, payload };
  if (kind === KINDS.state && index === 0) return { kind: "state", term, payload };
  if (kind === KINDS.truncate && index > 0 && term === 0 && payload.length === 0)
    return { kind: "truncate", from: index };
  if (kind === KINDS.snapshot) return { kind: "snapshot", index, term, replacesLog: flag === 1, payload };
  return null;
}

function bad(number: number, what: string): DecodedRecords {
  return { ok: false, reason: `record ${number} of the frame ${what}` };
}
