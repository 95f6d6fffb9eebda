// Goal: the index knows where each blob lies last and how much of each pack is needed, and names the packs that are worth
// writing anew. Method: tables, and random steps against counting anew.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { recordBytes, type PackPlace } from "../../../src/node/blobs/pack-format.ts";
import { PackIndex } from "../../../src/node/blobs/pack-index.ts";

const place = (pack: number, at: number, length = 64): PackPlace => ({ pack, at, length, crc: 0 });

test("a blob lies where it was put last; a place that is no longer its own deletes nothing", () => {
  const index = new PackIndex(1_000);
  const [first, second] = [place(1, 64), place(2, 64)];
  for (const pack of [1, 2]) index.grown(pack, 500);
  index.add("a", first);
  index.add("a", second);
  expect(index.get("a")).toBe(second);
  expect([index.isAt("a", first), index.isAt("a", place(2, 64))]).toEqual([false, true]);
  expect(index.delete("a", first)).toBe(false);
  expect(index.unneeded()).toEqual([1]);
  expect(index.delete("a", second)).toBe(true);
  expect(index.delete("a")).toBe(false);
  expect([index.size, index.get("a"), index.unneeded()]).toEqual([0, null, [1, 2]]);
});

test("a pack is wasteful when less than half of it is needed, but not the one that is written to", () => {
  const index = new PackIndex(1_024);
  for (const pack of [1, 2, 3]) index.grown(pack, 1_024);
  for (const [pack, blobs] of [
    [1, 3],
    [2, 4],
    [3, 3],
  ] as const)
    for (let at = 0; at < blobs; at++) index.add(`${pack} ${at}`, place(pack, 128 * at));
  expect(index.wasteful(null)).toEqual([1, 3]);
  expect(index.wasteful(3)).toEqual([1]);
});

test("packs that are small are joined when there are many", () => {
  const index = new PackIndex(1_024);
  for (let pack = 1; pack <= 8; pack++) {
    index.grown(pack, 200);
    index.add(String(pack), place(pack, 64));
  }
  expect(index.wasteful(null)).toEqual([]);
  index.grown(9, 200);
  index.add("9", place(9, 64));
  expect(index.wasteful(9)).toEqual([]);
  index.grown(10, 1_024);
  expect(index.wasteful(10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("what is needed of a pack is the sum over its blobs, whatever was added, moved and deleted", () => {
  const steps = fc.array(
    fc.record({
      digest: fc.constantFrom("a", "b", "c", "d"),
      pack: fc.integer({ min: 1, max: 3 }),
      isDeleted: fc.boolean(),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(steps, (list) => {
      const index = new PackIndex(4_096);
      const naive = new Map<string, PackPlace>();
      for (const pack of [1, 2, 3]) index.grown(pack, 4_096);
      for (const [at, { digest, pack, isDeleted }] of list.entries()) {
        if (isDeleted) {
          expect(index.delete(digest)).toBe(naive.delete(digest));
          continue;
        }
        const where = place(pack, 64 * at, at);
        index.add(digest, where);
        naive.set(digest, where);
      }
      const needed = (pack: number): number =>
        [...naive.values()].reduce((sum, one) => sum + (one.pack === pack ? recordBytes(one.length) : 0), 0);
      expect([...index.digests()].sort()).toEqual([...naive.keys()].sort());
      expect(index.unneeded()).toEqual([1, 2, 3].filter((pack) => needed(pack) === 0));
      expect(index.wasteful(null)).toEqual([1, 2, 3].filter((pack) => needed(pack) > 0 && needed(pack) < 2_048));
    }),
  );
});
