// Goal: a scan finds every whole blob of a pack whatever happened to the bytes around it, and nothing that was not
// written there. Method: packs of seeded blobs; every length that a torn file may have, every byte damaged, bytes moved.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, nextU32 } from "../../../src/base/prng.ts";
import { digestOf } from "../../../src/io/content-digest.ts";
import {
  encodeBatch,
  endMark,
  lastBatch,
  PACK_HEADER_BYTES,
  packHeader,
  packVersion,
  recordBytes,
  scanPack,
} from "../../../src/node/blobs/pack-format.ts";

type Blob = { readonly digest: string; readonly payload: Uint8Array };

function blob(seed: number, length: number): Blob {
  const prng = createPrng(seed, "pack");
  const payload = Uint8Array.from({ length }, () => nextU32(prng));
  return { digest: digestOf(payload), payload };
}

/** A pack of these batches, in order, without an end mark. */
function packOf(number: number, ...batches: readonly (readonly Blob[])[]): Uint8Array {
  let pack: Uint8Array = packHeader(number);
  for (const [at, blobs] of batches.entries()) {
    const { bytes } = encodeBatch({ pack: number, at: pack.length, batch: at + 1 }, blobs);
    pack = Buffer.concat([pack, bytes]);
  }
  return new Uint8Array(pack);
}

function withMark(number: number, pack: Uint8Array): Uint8Array {
  const { at, bytes } = endMark(number, pack.length);
  const marked = new Uint8Array(at + bytes.length);
  marked.set(pack);
  marked.set(bytes, at);
  return marked;
}

const digests = (pack: Uint8Array, number = 7): readonly string[] =>
  scanPack(pack, number).records.map(({ digest }) => digest);

const FIRST = [blob(1, 0), blob(2, 1), blob(3, 64)];
const SECOND = [blob(4, 65), blob(5, 500)];
const ALL = [...FIRST, ...SECOND].map(({ digest }) => digest);

describe("a pack", () => {
  test("gives back what was put in, where it was said to lie, with its batch", () => {
    const { places } = encodeBatch({ pack: 7, at: PACK_HEADER_BYTES, batch: 1 }, FIRST);
    const pack = packOf(7, FIRST, SECOND);
    const { records, damagedBytes, isClosed } = scanPack(pack, 7);
    expect(records.map(({ digest }) => digest)).toEqual(ALL);
    expect(records.map(({ batch }) => batch)).toEqual([1, 1, 1, 2, 2]);
    expect(records.slice(0, 3).map(({ place }) => place)).toEqual([...places]);
    for (const [at, { place }] of records.entries())
      expect(digestOf(pack.subarray(place.at, place.at + place.length))).toBe(ALL[at] ?? "");
    expect({ damagedBytes, isClosed }).toEqual({ damagedBytes: 0, isClosed: false });
    expect(pack.length).toBe(
      PACK_HEADER_BYTES + [...FIRST, ...SECOND].reduce((sum, { payload }) => sum + recordBytes(payload.length), 0),
    );
  });

  test("is closed by its mark alone, and not by that of another pack or place", () => {
    const pack = packOf(7, FIRST);
    expect(scanPack(withMark(7, pack), 7)).toMatchObject({ isClosed: true, damagedBytes: 0 });
    expect(scanPack(withMark(8, pack), 7).isClosed).toBe(false);
    const early = new Uint8Array([...pack, ...endMark(7, pack.length + 64).bytes]);
    expect(scanPack(early, 7).isClosed).toBe(false);
  });

  test("says which bytes were written last", () => {
    const pack = packOf(7, FIRST, SECOND);
    const last = lastBatch(scanPack(pack, 7));
    expect(last).toEqual({ start: packOf(7, FIRST).length, end: pack.length - (64 - (500 % 64)) });
    expect(lastBatch(scanPack(packHeader(7), 7))).toBeNull();
  });

  test("says its version, unless the header is damaged", () => {
    const header = packHeader(7);
    expect(packVersion(header)).toBe(1);
    for (let at = 0; at < header.length; at++) {
      const damaged = header.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 4;
      expect(packVersion(damaged)).toBeNull();
    }
    expect(packVersion(header.subarray(0, 63))).toBeNull();
    expect(digests(new Uint8Array([...new Uint8Array(PACK_HEADER_BYTES), ...packOf(7, FIRST).subarray(64)]))).toEqual(
      FIRST.map(({ digest }) => digest),
    );
  });
});

describe("of a pack that is damaged", () => {
  test("at its end, by a write that was torn, all is found that is whole", () => {
    const pack = packOf(7, FIRST, SECOND);
    const ends = scanPack(pack, 7).records.map(({ place }) => place.at + place.length);
    for (let length = 0; length < pack.length; length++) {
      const whole = ends.filter((end) => end <= length).length;
      expect(digests(pack.subarray(0, length))).toEqual(ALL.slice(0, whole));
      const zeros = new Uint8Array(pack.length);
      zeros.set(pack.subarray(0, length));
      // A payload that ends in zeros may be whole without its last bytes.
      expect(digests(zeros).length).toBeGreaterThanOrEqual(whole);
      for (const found of digests(zeros)) expect(ALL).toContain(found);
    }
  });

  test("in any byte, the blob of that byte is lost at most, and none is found that was not put in", () => {
    const pack = withMark(7, packOf(7, FIRST, SECOND));
    for (let at = PACK_HEADER_BYTES; at < pack.length; at++) {
      const damaged = pack.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x55;
      const found = digests(damaged);
      expect(found.length).toBeGreaterThanOrEqual(ALL.length - 1);
      expect(found).toEqual(ALL.filter((digest) => found.includes(digest)));
      const { records } = scanPack(damaged, 7);
      for (const { digest, place } of records)
        expect(digestOf(damaged.subarray(place.at, place.at + place.length))).toBe(digest);
    }
  });

  test("by bytes of another place or another pack, those are no blobs", () => {
    const pack = packOf(7, FIRST, SECOND);
    expect(digests(pack, 8)).toEqual([]);
    const shifted = new Uint8Array(pack.length + 64);
    shifted.set(pack.subarray(0, PACK_HEADER_BYTES));
    shifted.set(pack.subarray(PACK_HEADER_BYTES), PACK_HEADER_BYTES + 64);
    expect(digests(shifted)).toEqual([]);
  });

  test("in many places, no scan throws or runs on", () => {
    const prng = createPrng(3, "rot");
    const pack = withMark(7, packOf(7, FIRST, SECOND));
    for (let round = 0; round < 2_000; round++) {
      const damaged = pack.slice(0, nextBelow(prng, pack.length + 1));
      for (let many = 0; many < 8 && damaged.length > 0; many++)
        damaged[nextBelow(prng, damaged.length)] = nextU32(prng);
      for (const digest of digests(damaged)) expect(ALL).toContain(digest);
    }
  });
});

test("a blob that holds a pack is one blob", () => {
  const inner = packOf(7, FIRST, SECOND);
  const outer = { digest: digestOf(inner), payload: inner };
  expect(digests(packOf(7, [outer], [FIRST[1] ?? outer]))).toEqual([outer.digest, FIRST[1]?.digest ?? ""]);
});
