// Goal: what bytes mean is fixed (golden bytes), what damage means is exact (torn, corrupt, what was lost), and no
// bytes whatever make the reader throw or believe what is not there. Method: golden files, a table of damages,
// fuzz.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createPrng, nextBelow, nextU32 } from "../../src/base/prng.ts";
import {
  FLAG_RESTATES,
  SECTOR_BYTES,
  WAL_LIMITS,
  frameSectors,
  limitsProblem,
  markerOf,
} from "../../src/wal/format.ts";
import { isZero } from "../../src/wal/frame.ts";
import { decodeRecords, encodeRecords, type WalRecord } from "../../src/wal/record.ts";
import { recover, type Recovery, type SegmentFile } from "../../src/wal/recover.ts";
import { segmentName, segmentNumber } from "../../src/wal/segment.ts";
import { firstSegment, nextSegment, writeFrame, type Tail } from "../../src/wal/writer.ts";
import { goldenPath, goldenSegments, hexBytes, hexText } from "./golden.ts";
import { contentText, payload } from "./workload.ts";

const BYTES = 8_192;
const entry = (index: number, length = 20, term = 1): WalRecord => ({
  kind: "entry",
  index,
  term,
  payload: new Uint8Array(length).fill(index),
});
const state = (term: number): WalRecord => ({ kind: "state", term, payload: new Uint8Array([term]) });

/** Segments of the frames; `roll` goes on to the next segment. `starts`: file and first sector of each frame. */
function log(frames: readonly (readonly WalRecord[] | "roll")[]): {
  files: SegmentFile[];
  starts: { file: number; sector: number }[];
  tail: Tail;
} {
  const first = firstSegment(new Uint8Array(16).fill(9), BYTES);
  const files = [{ name: segmentName(1), bytes: new Uint8Array(BYTES) }];
  const starts: { file: number; sector: number }[] = [];
  const put = (bytes: Uint8Array, offset: number): void => files.at(-1)?.bytes.set(bytes, offset);
  put(first.header, 0);
  let tail = first.tail;
  for (const frame of frames) {
    if (frame === "roll") {
      const next = nextSegment(tail);
      put(next.end.bytes, next.end.offset);
      files.push({ name: segmentName(files.length + 1), bytes: new Uint8Array(BYTES) });
      put(next.header, 0);
      tail = next.tail;
      continue;
    }
    starts.push({ file: files.length - 1, sector: tail.sector });
    const written = writeFrame(tail, frame, tail.segment > 1 && tail.sector === 1 ? FLAG_RESTATES : 0);
    put(written.bytes, written.offset);
    tail = written.tail;
  }
  return { files, starts, tail };
}

type Log = ReturnType<typeof log>;

/** A byte of a frame: `at` from the frame's start. */
function flip(made: Log, frame: number, at: number): Log {
  const start = made.starts[frame];
  const bytes = made.files[start?.file ?? 0]?.bytes;
  const offset = (start?.sector ?? 0) * SECTOR_BYTES + at;
  if (bytes !== undefined) bytes[offset] = (bytes[offset] ?? 0) ^ 4;
  return made;
}

function zeroSector(made: Log, frame: number, sector: number): Log {
  const start = made.starts[frame];
  const from = ((start?.sector ?? 0) + sector) * SECTOR_BYTES;
  made.files[start?.file ?? 0]?.bytes.fill(0, from, from + SECTOR_BYTES);
  return made;
}

function verdictText({ verdict }: Recovery): string {
  if (verdict.kind === "corrupt") return `corrupt, lost ${verdict.lost}: ${verdict.reason}`;
  return verdict.kind === "torn" ? `torn at ${verdict.offset}, frame ${verdict.lsn}` : "clean";
}

describe("golden bytes", () => {
  test("what is written is what version 1 of the format is", () => {
    for (const { name, bytes } of goldenSegments()) expect(hexText(bytes)).toBe(readFileSync(goldenPath(name), "utf8"));
  });

  test("what version 1 wrote is read", () => {
    const files = [1, 2].map((number) => ({
      name: segmentName(number),
      bytes: hexBytes(readFileSync(goldenPath(segmentName(number)), "utf8")),
    }));
    const found = recover(files);
    expect(verdictText(found)).toBe("clean");
    expect(new TextDecoder().decode(found.state?.payload)).toBe("vote b");
    expect(found.snapshot?.index).toBe(2 ** 40);
    expect(
      found.entries.map(({ index, term, payload: bytes }) => [index, term, new TextDecoder().decode(bytes)]),
    ).toEqual([[2 ** 40 + 1, 2, "far"]]);
    expect(found.tail).toMatchObject({ segment: 2, lsn: 8, sector: 4 });
    expect(found.segments).toEqual([
      { name: segmentName(1), segment: 1, indexMax: 3 },
      { name: segmentName(2), segment: 2, indexMax: 2 ** 40 + 1 },
    ]);
  });
});

describe("the verdict", () => {
  const three = (): Log => log([[state(1), entry(1)], [entry(2, 1_200)], [entry(3, 1_200)]]);
  const rolled = (): Log =>
    log([
      [state(1), entry(1)],
      [entry(2)],
      "roll",
      [state(1), entry(3)],
      [state(2), entry(4, 20, 2)],
      [entry(5, 1_200, 2)],
    ]);
  const cases: readonly (readonly [name: string, made: () => readonly SegmentFile[], verdict: RegExp, last: number])[] =
    [
      ["an intact log", () => three().files, /^clean$/, 3],
      ["no log", () => [], /^clean$/, 0],
      ["a new log", () => log([]).files, /^clean$/, 0],
      ["the last frame without its first sector", () => zeroSector(three(), 2, 0).files, /^torn at 2560, frame 3$/, 2],
      ["the last frame without its middle sector", () => zeroSector(three(), 2, 1).files, /^torn at 2560, frame 3$/, 2],
      ["the last frame without its last sector", () => zeroSector(three(), 2, 2).files, /^torn at 2560, frame 3$/, 2],
      [
        "the last frame damaged, nothing of it zero",
        () => flip(three(), 2, 600).files,
        /^corrupt, lost entries: the checksum of the payload/,
        2,
      ],
      [
        "the last frame's header damaged",
        () => flip(three(), 2, 9).files,
        /^corrupt, lost votes: no frame begins here/,
        2,
      ],
      ["a marker damaged", () => flip(three(), 2, 512).files, /^corrupt, lost entries: sector 6 does not belong/, 2],
      ["padding damaged", () => flip(three(), 2, 3 * 512 - 1).files, /^corrupt, lost entries: the padding/, 2],
      [
        "an earlier frame without a sector",
        () => zeroSector(three(), 1, 1).files,
        /^corrupt, lost entries: .*frame 3 behind it is intact/,
        1,
      ],
      [
        "an earlier frame without its header",
        () => zeroSector(three(), 1, 0).files,
        /^corrupt, lost votes: .*frame 3 behind it is intact/,
        1,
      ],
      [
        "the first frame damaged",
        () => flip(three(), 0, 50).files,
        /^corrupt, lost votes: .*frame 2 behind it is intact/,
        0,
      ],
      [
        "two frames damaged, the last torn",
        () => zeroSector(flip(three(), 1, 600), 2, 1).files,
        /^corrupt, lost entries: .*frame 3 behind it is intact/,
        1,
      ],
      ["the log of two segments", () => rolled().files, /^clean$/, 5],
      [
        "the first segment damaged, a state restated behind",
        () => zeroSector(rolled(), 1, 0).files,
        /^corrupt, lost entries: .*a later segment has frames/,
        1,
      ],
      [
        "a state lost, another behind it",
        () => zeroSector(rolled(), 2, 0).files,
        /^corrupt, lost entries: .*frame 5 behind/,
        2,
      ],
      ["the newest state lost", () => zeroSector(rolled(), 3, 0).files, /^corrupt, lost votes: .*frame 6 behind/, 3],
      ["the newest state unreadable", () => flip(rolled(), 3, 60).files, /^corrupt, lost votes: .*frame 6 behind/, 3],
      [
        "no second segment",
        () => rolled().files.slice(0, 1),
        /^corrupt, lost votes: the segment says that another one follows/,
        2,
      ],
      ["no first segment", () => rolled().files.slice(1), /^corrupt, lost votes: entries 1 to 2 are missing/, 5],
      [
        "the second segment under a third one's name too",
        () => rolled().files.flatMap((file, at) => (at === 1 ? [file, { ...file, name: segmentName(3) }] : [file])),
        /^corrupt, lost votes: no frame begins here, and a later segment has frames/,
        5,
      ],
      [
        "the first segment in place of the second",
        () =>
          rolled().files.map(({ name }, at, files) => ({
            name,
            bytes: files[0]?.bytes ?? files[at]?.bytes ?? new Uint8Array(0),
          })),
        /^corrupt, lost votes: the file holds segment 1/,
        2,
      ],
      [
        "a damaged first segment, no third",
        () => {
          const made = log([
            [state(1), entry(1)],
            [entry(2, 700)],
            "roll",
            [state(1), entry(3)],
            "roll",
            [state(2), entry(4)],
          ]);
          return zeroSector(made, 1, 1).files.slice(0, 2);
        },
        /^corrupt, lost votes: sector 3 does not belong to the frame, and a later segment has frames/,
        1,
      ],
      [
        "an entry missing",
        () => log([[state(1), entry(1)], [entry(3)]]).files,
        /^corrupt, lost votes: frame 2: entry 3 where 2 is next/,
        1,
      ],
      [
        "a term that falls",
        () => log([[state(2)], [state(1)]]).files,
        /^corrupt, lost votes: frame 2: the term falls/,
        0,
      ],
      [
        "an entry above the newest promise",
        () => log([[state(1), entry(1, 20, 2)]]).files,
        /^corrupt, lost votes: an entry has term 2/,
        1,
      ],
      [
        "a later version",
        () => {
          const made = log([]);
          const bytes = made.files[0]?.bytes;
          if (bytes) bytes[8] = 2;
          return made.files;
        },
        /^corrupt, lost votes: the checksum of the segment's header/,
        0,
      ],
      [
        "bytes behind the end",
        () => {
          const made = three();
          made.files[0]?.bytes.set([1, 2, 3], BYTES - 100);
          return made.files;
        },
        /^corrupt, lost votes: sector 15 holds what belongs to no frame/,
        3,
      ],
    ];
  for (const [name, made, verdict, last] of cases) {
    test(`of ${name}`, () => {
      const found = recover(made());
      expect(verdictText(found)).toMatch(verdict);
      expect(found.entries.at(-1)?.index ?? 0).toBe(last);
      expect(found.tail === null).toBe(found.verdict.kind === "corrupt" || made().length === 0);
    });
  }

  test("of a roll cut off before the end of the first segment: clean, the second one unfinished", () => {
    const made = log([[state(1), entry(1)], "roll"]);
    made.files[0]?.bytes.fill(0, 2 * SECTOR_BYTES);
    const found = recover(made.files);
    expect(verdictText(found)).toBe("clean");
    expect(found.unfinished).toBe(segmentName(2));
    expect(found.tail).toMatchObject({ segment: 1, sector: 2, lsn: 2 });
  });

  test("of a damaged log still tells the newest state behind the damage", () => {
    const found = recover(zeroSector(rolled(), 0, 0).files);
    expect(found.state?.term).toBe(2);
    expect(found.entries).toEqual([]);
  });

  // The one case that a single file cannot tell: the newest frame was synced and acknowledged, no later frame
  // carries a watermark that says so, and one of its sectors reads as zeros. That is what a torn write looks like
  // too. A seal (written when the log is idle for a second, and on close) closes the window; peers hold what a node
  // alone cannot prove.
  test("the one case a file cannot tell: a zeroed sector of the newest, unsealed frame looks torn", () => {
    expect(verdictText(recover(zeroSector(three(), 2, 1).files))).toBe("torn at 2560, frame 3");
    const sealed = (): Log => log([[state(1), entry(1)], [entry(2, 1_200)], [entry(3, 1_200)], []]);
    for (let sector = 0; sector < 3; sector++)
      expect(verdictText(recover(zeroSector(sealed(), 2, sector).files))).toMatch(/^corrupt/);
  });

  test("the newest frame is unproven until a later one carries its watermark", () => {
    expect(recover(three().files).unproven).toMatchObject({ segment: segmentName(1), offset: 2_560 });
    expect(recover(three().files).unproven?.bytes.length).toBe(3 * SECTOR_BYTES);
    expect(recover(log([]).files).unproven).toBeNull();
    // The end of a segment is not proven by the one after it: that was there first.
    expect(recover(log([[state(1), entry(1)], "roll"]).files).unproven).toMatchObject({
      segment: segmentName(1),
      offset: 2 * SECTOR_BYTES,
    });
  });
});

describe("any bytes", () => {
  test("random segments are refused and never thrown over", () => {
    const prng = createPrng(7, "fuzz");
    for (let round = 0; round < 3_000; round++) {
      const bytes = new Uint8Array(nextBelow(prng, 5_000)).map(() => nextU32(prng));
      if (nextBelow(prng, 2) === 0) bytes.set(log([]).files[0]?.bytes.subarray(0, Math.min(512, bytes.length)) ?? []);
      expect(recover([{ name: segmentName(1), bytes }]).verdict.kind).toBe("corrupt");
    }
  });

  test("[LD-41.26.2] valid logs with random damage are refused, or read as a prefix of what was written", () => {
    const prng = createPrng(8, "damage");
    const texts = new Set<string>();
    const frames = [
      [state(1), entry(1)],
      [entry(2, 700)],
      "roll" as const,
      [state(1), entry(3, 300)],
      [entry(4, 1_000)],
      [],
      [entry(5, 90)],
    ];
    for (let length = 0; length <= frames.length; length++)
      texts.add(contentText(recover(log(frames.slice(0, length)).files)));
    for (let round = 0; round < 20_000; round++) {
      const { files } = log(frames);
      for (let times = 1 + nextBelow(prng, 3); times > 0; times--) damage(prng, files);
      const found = recover(files);
      if (found.verdict.kind !== "corrupt") expect(texts).toContain(contentText(found));
    }
  });

  test("frames within payloads are payload", () => {
    const inner = log([[state(1), entry(1)], [entry(2)]]).files[0]?.bytes.slice(0, 2_048) ?? new Uint8Array(0);
    for (let shift = 0; shift < 600; shift += 7) {
      const bytes = new Uint8Array(shift + inner.length);
      bytes.set(inner, shift);
      const made = log([[state(1), entry(1)], [{ kind: "entry", index: 2, term: 1, payload: bytes }]]);
      expect(recover(made.files).entries[1]?.payload).toEqual(bytes);
      // Torn: the frames in what is left of the payload do not make it look like damage.
      expect(verdictText(recover(zeroSector(made, 1, 0).files))).toMatch(/^torn/);
    }
  });

  test("no frame has a sector of zeros, whatever its payload", () => {
    const prng = createPrng(9, "sectors");
    const { tail } = firstSegment(new Uint8Array(16), 65_536);
    for (let round = 0; round < 300; round++) {
      const { bytes } = writeFrame({ ...tail, lsn: 1 + nextBelow(prng, 1_000) }, [
        { kind: "entry", index: 1, term: 1, payload: payload(prng, 6_000) },
      ]);
      for (let at = 0; at < bytes.length; at += SECTOR_BYTES)
        expect(bytes.subarray(at, at + SECTOR_BYTES).some((byte) => byte !== 0)).toBe(true);
    }
    for (let lsn = 0; lsn < 300; lsn++)
      expect(markerOf(lsn).toString(2).replaceAll("0", "").length).toBeGreaterThanOrEqual(2);
  });
});

/** Flips, zeroes, copies, cuts or exchanges some bytes. */
function damage(prng: ReturnType<typeof createPrng>, files: SegmentFile[]): void {
  const at = nextBelow(prng, files.length);
  const file = files[at];
  if (file === undefined) return;
  const { bytes } = file;
  const sector = SECTOR_BYTES * nextBelow(prng, Math.max(1, bytes.length / SECTOR_BYTES));
  const kind = nextBelow(prng, 5);
  if (kind === 0) bytes[nextBelow(prng, bytes.length)] = nextU32(prng);
  if (kind === 1) bytes.fill(0, sector, sector + SECTOR_BYTES);
  if (kind === 2)
    bytes.copyWithin(SECTOR_BYTES * nextBelow(prng, bytes.length / SECTOR_BYTES), sector, sector + SECTOR_BYTES);
  if (kind === 3) files[at] = { name: file.name, bytes: bytes.slice(0, nextBelow(prng, bytes.length)) };
  if (kind === 4) files.splice(at, 1);
}

describe("records", () => {
  test("of any kind come back as they were", () => {
    const records: readonly WalRecord[] = [
      state(3),
      entry(1, 0),
      entry(2 ** 52, 5, 2 ** 52),
      { kind: "truncate", from: 7 },
      { kind: "snapshot", index: 0, term: 0, replacesLog: true, payload: new Uint8Array(2) },
    ];
    expect(decodeRecords(encodeRecords(records), records.length)).toEqual({ ok: true, records });
  });

  test("of unknown kinds, with wrong lengths or impossible numbers are refused", () => {
    const good = encodeRecords([entry(1)]);
    const changed = (at: number, byte: number): Uint8Array => {
      const bytes = good.slice();
      bytes[at] = byte;
      return bytes;
    };
    for (const bytes of [
      changed(0, 0),
      changed(0, 9),
      changed(1, 1),
      changed(2, 1),
      changed(4, 99),
      changed(8, 0),
      changed(15, 1),
      good.subarray(0, 10),
      good.subarray(0, 40),
    ]) {
      expect(decodeRecords(bytes, 1).ok).toBe(false);
    }
    expect(decodeRecords(good, 2).ok).toBe(false);
  });
});

test("what is found and where to go on are plain data", () => {
  const found = recover(goldenSegments());
  expect(structuredClone(found)).toEqual(found);
});

test("names of segments sort by number, and nothing else is one", () => {
  expect([1, 2, 10, 123_456_789].map(segmentName).toSorted()).toEqual([1, 2, 10, 123_456_789].map(segmentName));
  expect(segmentNumber(segmentName(42))).toBe(42);
  for (const name of ["spare.tmp", "0000000000000000.wal", "1.wal", "0000000000000001.wal.old"])
    expect(segmentNumber(name)).toBeNull();
});

test("limits that contradict each other are told", () => {
  expect(limitsProblem(WAL_LIMITS)).toBeNull();
  for (const change of [
    { segmentBytes: 1_000 },
    { segmentBytes: 2 ** 32 },
    { framePayloadBytesMax: 16 * 1_048_576 },
    { recordBytesMax: 2 * 1_048_576 },
  ]) {
    expect(limitsProblem({ ...WAL_LIMITS, ...change })).not.toBeNull();
  }
  expect([0, 468, 469, 979, 980].map(frameSectors)).toEqual([1, 1, 2, 2, 3]);
});

test("zeros are told from anything else at every offset and length", () => {
  const bytes = new Uint8Array(new ArrayBuffer(64), 3, 50);
  let wrong = 0;
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = 1;
    for (let start = 0; start < 20; start++) {
      for (let end = start; end < bytes.length; end++)
        wrong += isZero(bytes, start, end) === (at < start || at >= end) ? 0 : 1;
    }
    bytes[at] = 0;
  }
  expect(wrong).toBe(0);
});
