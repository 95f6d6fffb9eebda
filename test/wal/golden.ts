// The log of the golden bytes in test/data/wal: fixed for version 1 of the format. Rewritten only when a new version is
// meant: bun test/wal/golden.ts. Not a test itself.

import { join } from "node:path";
import { FLAG_RESTATES } from "../../src/wal/format.ts";
import type { WalRecord } from "../../src/wal/record.ts";
import type { SegmentFile } from "../../src/wal/recover.ts";
import { segmentName } from "../../src/wal/segment.ts";
import { firstSegment, nextSegment, writeFrame } from "../../src/wal/writer.ts";
import { ROOT } from "../source-files.ts";

const SEGMENT_BYTES = 4_096;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Every kind of record; frames of one and of three sectors; a payload of zeros; a roll with what it restates. */
const STATE: WalRecord = { kind: "state", term: 2, payload: text("vote b") };
const SNAPSHOT: WalRecord = { kind: "snapshot", index: 2, term: 1, replacesLog: false, payload: text("blob 2") };
const BEFORE: readonly (readonly WalRecord[])[] = [
  [
    { kind: "state", term: 1, payload: text("vote a") },
    { kind: "entry", index: 1, term: 1, payload: text("one") },
  ],
  [
    { kind: "entry", index: 2, term: 1, payload: new Uint8Array(1_000) },
    { kind: "entry", index: 3, term: 1, payload: text("three") },
  ],
  [
    STATE,
    { kind: "truncate", from: 3 },
    { kind: "entry", index: 3, term: 2, payload: text("another three") },
    SNAPSHOT,
  ],
];
const AFTER: readonly (readonly WalRecord[])[] = [
  [{ kind: "entry", index: 4, term: 2, payload: text("four") }],
  [],
  [
    { kind: "snapshot", index: 2 ** 40, term: 2, replacesLog: true, payload: text("blob far") },
    { kind: "entry", index: 2 ** 40 + 1, term: 2, payload: text("far") },
  ],
];

/** The two segments, as this code writes them. */
export function goldenSegments(): readonly SegmentFile[] {
  const first = firstSegment(
    Uint8Array.from({ length: 16 }, (_, at) => at),
    SEGMENT_BYTES,
  );
  const segments = [new Uint8Array(SEGMENT_BYTES), new Uint8Array(SEGMENT_BYTES)] as const;
  segments[0].set(first.header);
  let tail = first.tail;
  for (const records of BEFORE) {
    const written = writeFrame(tail, records);
    segments[0].set(written.bytes, written.offset);
    tail = written.tail;
  }
  const next = nextSegment(tail);
  segments[0].set(next.end.bytes, next.end.offset);
  segments[1].set(next.header);
  tail = next.tail;
  for (const [at, records] of AFTER.entries()) {
    const written =
      at === 0 ? writeFrame(tail, [STATE, SNAPSHOT, ...records], FLAG_RESTATES) : writeFrame(tail, records);
    segments[1].set(written.bytes, written.offset);
    tail = written.tail;
  }
  return segments.map((bytes, at) => ({ name: segmentName(at + 1), bytes }));
}

/**
 * Where the stored bytes of a segment are: the length, then lines of offset and 32 bytes in hex, lines of zeros
 * left out.
 */
export function goldenPath(name: string): string {
  return join(ROOT, "test/data/wal", `v1-${name}.hex`);
}

/** Bytes as stored text. */
export function hexText(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 32) {
    const line = Buffer.from(bytes.subarray(at, at + 32)).toString("hex");
    if (!/^0+$/.test(line)) lines.push(`${at.toString(16).padStart(4, "0")} ${line}`);
  }
  return `${bytes.length}\n${lines.join("\n")}\n`;
}

/** Stored text as bytes. */
export function hexBytes(stored: string): Uint8Array {
  const [length = "0", ...lines] = stored.trim().split("\n");
  const bytes = new Uint8Array(Number(length));
  for (const line of lines) {
    const [at = "", hex = ""] = line.split(" ");
    bytes.set(Buffer.from(hex, "hex"), Number.parseInt(at, 16));
  }
  return bytes;
}

if (import.meta.main) for (const { name, bytes } of goldenSegments()) await Bun.write(goldenPath(name), hexText(bytes));
