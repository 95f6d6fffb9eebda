// Goal: values become the bytes that msgpack prescribes, whatever their size. Method: another implementation reads them,
// at every border of a length and for values of any shape; known bytes for the heads.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { unpack as reference } from "msgpackr";
import { pack } from "../../src/wire/pack.ts";

const BORDERS = [0, 1, 15, 16, 31, 32, 63, 64, 65, 255, 256, 65_535, 65_536, 70_000];

describe("another implementation reads", () => {
  test.each(BORDERS)("texts, bytes, lists and maps of %d", (size) => {
    const map = Object.fromEntries(Array.from({ length: size }, (_, at) => [`k${at}`, at]));
    const values = ["x".repeat(size), "ü".repeat(size), new Uint8Array(size).fill(7), new Array(size).fill(1), map];
    for (const value of values) expect(reference(pack(value)) satisfies unknown).toEqual(value);
  });

  test("numbers around every power of two", () => {
    for (let bits = 0; bits <= 53; bits++)
      for (const near of [-1, 0, 1])
        for (const sign of [-1, 1]) {
          const number = sign * (2 ** bits + near);
          if (Number.isSafeInteger(number)) expect(reference(pack(number))).toBe(number + 0);
        }
  });

  test("values of any shape", () => {
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.integer(),
        fc.double({ noNaN: true }).map((number) => number + 0),
        fc.string({ unit: "binary" }),
        fc.boolean(),
        fc.constant(null),
        fc.uint8Array(),
        fc.array(tie("value")),
        fc.dictionary(fc.string(), tie("value"), { noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(value, (one) => {
        expect(plain(reference(pack(one)))).toEqual(plain(one));
      }),
    );
  });
});

/** Buffers as the bytes they hold; `__proto__` is a key that the other implementation renames. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value).map(([key, one]) => [key.replace("__proto__", "__proto_"), plain(one)]);
}

describe("the bytes", () => {
  test("take the shortest head", () => {
    expect(pack({ a: [1, -1, 128, 256, 65_536] })).toEqual(
      Uint8Array.of(0x81, 0xa1, 0x61, 0x95, 1, 0xff, 0xcc, 128, 0xcd, 1, 0, 0xce, 0, 1, 0, 0),
    );
  });

  test("of a key without a value are those of null", () => {
    expect(pack({ a: undefined })).toEqual(Uint8Array.of(0x81, 0xa1, 0x61, 0xc0));
  });

  test("are the caller's own", () => {
    const first = pack("one");
    pack("two");
    expect(first).toEqual(Uint8Array.of(0xa3, 0x6f, 0x6e, 0x65));
  });

  test("of what has none are refused", () => {
    expect(() => pack({ a: 1n })).toThrow("a bigint has no bytes");
  });
});
