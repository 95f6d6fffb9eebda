// Goal: what changed of series comes back from bytes as it went, in however many pieces, and bytes of a stranger are
// refused, never believed and never thrown. Method: round trips, a table of bad pieces, seeded damage.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow } from "../../src/base/prng.ts";
import type { ChangedSeries } from "../../src/load/changes.ts";
import type { Series, SeriesId } from "../../src/load/series.ts";
import { ByteReader, ByteWriter } from "../../src/node/byte-writer.ts";
import { readCells, writeCells } from "../../src/node/cells-codec.ts";
import { packChanges, unpackChanges } from "../../src/node/delta-codec.ts";
import { nextSample, seriesOf, trendOf } from "../load/samples.ts";

const COUNTER = seriesOf("c", { a: "1", ["__proto__"]: "é" }, { type: "counter", count: 3, sum: -2.5 });
const TREND = seriesOf("t", { x: "y" }, trendOf([0, -3, 0.5, 12, 12, 900, 1e15, -1e15]), "time");
const SERIES: readonly Series[] = [
  COUNTER,
  seriesOf("r", {}, { type: "rate", passes: 1, total: 2 }, "time"),
  seriesOf("g", {}, { type: "gauge", value: 1, min: -1, max: 4, atMs: 100 }),
  seriesOf("unset", {}, { type: "gauge", value: 0, min: Infinity, max: -Infinity, atMs: -Infinity }, "data"),
  TREND,
  seriesOf("none", {}, trendOf([])),
];
const ALL: readonly ChangedSeries[] = SERIES.map((series, number) => ({ number, isNew: true, series }));

function namesOf(changed: readonly ChangedSeries[]): Map<number, SeriesId> {
  return new Map(changed.map(({ number, series }) => [number, series.id]));
}

describe("changes as bytes", () => {
  test("come back as they went, with their ids the first time and by number from then on", () => {
    const [piece = new Uint8Array(0), ...more] = packChanges(ALL, 1_000_000);
    expect(more).toEqual([]);
    expect(unpackChanges(piece, new Map())).toEqual({ series: [...SERIES], names: namesOf(ALL) });
    const again = packChanges(
      ALL.map((one) => ({ ...one, isNew: false })),
      1_000_000,
    );
    expect(again[0]?.length).toBeLessThan(piece.length * 0.7);
    expect(unpackChanges(again[0] ?? piece, namesOf(ALL))).toEqual({ series: [...SERIES], names: new Map() });
  });

  test("nothing changed is one empty piece, and much is several, each within its bound", () => {
    expect(packChanges([], 100)).toEqual([new Uint8Array(0)]);
    const changed = Array.from({ length: 50 }, (_, number) => ({ number, isNew: true, series: TREND }));
    const pieces = packChanges(changed, 400);
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.every(({ length }) => length <= 400)).toBe(true);
    expect(pieces.flatMap((piece) => unpackChanges(piece, new Map())?.series ?? [])).toEqual(
      changed.map(({ series }) => series),
    );
  });

  test("a number nobody named, another type than named, and what is cut short or goes on are refused", () => {
    const [piece = new Uint8Array(0)] = packChanges([{ number: 4, isNew: false, series: TREND }], 9_999);
    expect(unpackChanges(piece, new Map())).toBeNull();
    expect(unpackChanges(piece, new Map([[4, COUNTER.id]]))).toBeNull();
    expect(unpackChanges(piece, namesOf(ALL))).not.toBeNull();
    for (let length = 1; length < piece.length; length++)
      expect(unpackChanges(piece.slice(0, length), namesOf(ALL))).toBeNull();
    expect(unpackChanges(new Uint8Array([...piece, 4]), namesOf(ALL))).toBeNull();
    expect(unpackChanges(new Uint8Array([0xff, 0xff, 0xff, 0x7f, 0, 1]), namesOf(ALL))).toBeNull();
  });

  test("random and damaged bytes never throw", () => {
    const prng = createPrng(5, "changes");
    const [good = new Uint8Array(0)] = packChanges(ALL, 1_000_000);
    for (let run = 0; run < 2_000; run++) {
      const bytes = good.slice();
      for (let times = 0; times < 3; times++) bytes[nextBelow(prng, bytes.length)] = nextBelow(prng, 256);
      expect(() => unpackChanges(bytes.slice(0, nextBelow(prng, bytes.length + 1)), new Map())).not.toThrow();
    }
  });
});

describe("cells and numbers as bytes", () => {
  test("cells of any values come back, those at both ends and of the largest counts too", () => {
    const prng = createPrng(6, "cells");
    for (let run = 0; run < 100; run++) {
      const { index, counts } = trendOf(Array.from({ length: nextBelow(prng, 200) }, () => nextSample(prng)));
      if (counts.length > 0 && run % 3 === 0) counts[0] = 2 ** nextBelow(prng, 52);
      const writer = new ByteWriter();
      writeCells(writer, { index, counts });
      expect(readCells(new ByteReader(writer.take()))).toEqual({ index, counts });
    }
  });

  test("whole numbers of every size come back, and one that is none is refused at once", () => {
    const writer = new ByteWriter(1);
    const numbers = Array.from({ length: 54 }, (_, bits) => [2 ** bits - 1, 2 ** Math.min(bits, 52)]).flat();
    for (const number of numbers) writer.whole(number);
    const reader = new ByteReader(writer.take());
    expect(numbers.map(() => reader.whole())).toEqual(numbers);
    expect([reader.left, reader.isBad]).toEqual([0, false]);
    for (const bad of [-1, 0.5, NaN, 2 ** 53]) expect(() => writer.whole(bad)).toThrow("whole number");
    const endless = new ByteReader(new Uint8Array(20).fill(0xff));
    endless.whole();
    expect(endless.isBad).toBe(true);
  });

  test("neighbouring cells take one to three bytes each", () => {
    const index = Int32Array.from({ length: 2_000 }, (_, at) => 5_000 + at);
    const writer = new ByteWriter();
    writeCells(writer, { index, counts: new Float64Array(2_000).fill(1_500) });
    expect(writer.length).toBeLessThan(2_000 * 2 + 10);
  });
});
