// Job ids: they sort by age, differ within a millisecond, and give their time back; a key that somebody chose has none.
// Fixed instants and bytes.

import { expect, test } from "bun:test";
import { jobIdTimeMs, mintJobId } from "../../src/base/ids.ts";

const ZEROS = new Uint8Array(10);

test("[LD-32.1.3] ids sort by age and differ within a millisecond", () => {
  const ids = [0, 1, 31, 32, 1_700_000_000_000, 1_700_000_000_001].map((ms) => mintJobId(ms, ZEROS));
  expect(ids).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id) => /^[0-9a-z]{20}$/.test(id))).toBe(true);
  expect(mintJobId(5, ZEROS)).not.toBe(mintJobId(5, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0)));
});

test("an id gives its creation time back, whatever its random part", () => {
  for (const ms of [1_577_836_800_000, 1_700_000_000_001, 32 ** 9 - 1]) {
    for (const byte of [0, 31, 255]) expect(jobIdTimeMs(mintJobId(ms, new Uint8Array(10).fill(byte)))).toBe(ms);
  }
});

test.each([
  "",
  "nightly",
  "checkout-2026-07-01",
  "abcdefghjkmnpqrstvwx",
  "00000000000000000000",
  "01234567890123456789",
  "01hq3w8z6k0000000000x",
  "01HQ3W8Z6K0000000000",
])("a key of a user's own has no time: %p", (key) => {
  expect(jobIdTimeMs(key)).toBeNull();
});
