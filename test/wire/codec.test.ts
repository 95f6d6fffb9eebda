// Goal: values come back as they went, and no bytes of a peer throw, build what is not asked for or cost more than
// their size. Method: tables of hostile bytes; random values there and back; random and damaged bytes.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Packr, unpack } from "msgpackr";
import { createPrng, nextBelow, nextU32 } from "../../src/base/prng.ts";
import { AssertionError } from "../../src/base/assert.ts";
import { decode, DEPTH_MAX, encode, encodeBehind } from "../../src/wire/codec.ts";

function problem(bytes: readonly number[]): string {
  const decoded = decode(Uint8Array.from(bytes));
  return decoded.ok ? `decoded ${JSON.stringify(decoded.value)}` : decoded.message;
}

const text = (value: string): readonly number[] => [0xa0 + value.length, ...new TextEncoder().encode(value)];

describe("values", () => {
  test("of every kind come back as they went", () => {
    const value = {
      none: null,
      yes: true,
      no: false,
      numbers: [
        0,
        -1,
        127,
        128,
        255,
        -32,
        -33,
        -128,
        -129,
        256,
        -32_769,
        -(2 ** 31),
        65_535,
        2 ** 31,
        2 ** 32,
        -(2 ** 40),
        2 ** 53 - 1,
        0.1,
        -1e300,
        Infinity,
      ],
      text: "grüße 漢字 🚀",
      long: "x".repeat(70_000),
      bytes: Uint8Array.of(0, 255, 7),
      empty: { list: [], map: {}, text: "", bytes: new Uint8Array(0) },
      many: Array.from({ length: 70_000 }, (_, at) => at),
    };
    expect(decode(encode(value))).toEqual({ ok: true, value });
  });

  test("of any shape come back as they went", () => {
    const leaf = fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.string(), fc.boolean(), fc.constant(null));
    const shape = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.array(tie("value")),
        fc.dictionary(
          fc.string().filter((key) => key !== "__proto__"),
          tie("value"),
        ),
      ),
    })).value;
    fc.assert(
      fc.property(shape, (value) => {
        const decoded = decode(encode(value));
        expect(decoded.ok && JSON.stringify(decoded.value)).toBe(JSON.stringify(value));
      }),
      { numRuns: 300 },
    );
  });

  test("are read as msgpackr reads them", () => {
    const value = fc.anything({
      maxDepth: 4,
      values: [
        fc.maxSafeInteger(),
        fc.float(),
        fc.double(),
        fc.string({ unit: "grapheme", maxLength: 90 }),
        fc.uint8Array(),
      ],
      key: fc.string({ unit: "grapheme", maxLength: 90 }).filter((key) => key !== "__proto__"),
    });
    fc.assert(
      fc.property(value, (one) => {
        const bytes = encode(one);
        expect(decode(bytes)).toEqual({ ok: true, value: unpack(bytes) });
      }),
      { numRuns: 300 },
    );
  });

  test("are written byte for byte as msgpackr writes them", () => {
    const packer = new Packr({ useRecords: false, encodeUndefinedAsNil: true });
    const units = fc.array(fc.integer({ min: 0xd780, max: 0xe010 }), { maxLength: 90 });
    const value = fc.anything({
      maxDepth: 4,
      values: [
        ...[fc.integer(), fc.maxSafeInteger(), fc.double(), fc.constantFrom<unknown>(-0, null, undefined, true)],
        ...[fc.string({ maxLength: 300 }), fc.string({ unit: "binary", maxLength: 300 })],
        // Halves of pairs, alone and together.
        units.map((codes) => String.fromCharCode(...codes)),
        fc.constantFrom("x".repeat(65_535), "ü".repeat(40_000)),
        fc.uint8Array({ maxLength: 300 }),
      ],
    });
    fc.assert(
      fc.property(value, (one) => expect(encode(one).toHex()).toBe(packer.pack(one).toString("hex"))),
      { numRuns: 1_000 },
    );
    const edges = [0, 1, 31, 32, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 40];
    for (const edge of edges.flatMap((one) => [one - 1, one, one + 1, -one, -one - 1]))
      expect(encode(edge).toHex()).toBe(packer.pack(edge).toString("hex"));
    for (const length of [15, 16, 31, 32, 33, 63, 64, 200, 201, 255, 256, 65_535, 65_536])
      for (const sized of ["a".repeat(length), "ü".repeat(length), new Uint8Array(length), new Array(length).fill(7)])
        expect(encode(sized).toHex()).toBe(packer.pack(sized).toString("hex"));
  });

  test("of no kind of the codec are a programmer's error, also deep within", () => {
    for (const none of [10n, () => 1, Symbol("none"), new Map([[1, 2]]), new Set([1]), new Date(0), /x/])
      expect(() => encode({ list: [none] })).toThrow(AssertionError);
    // What failed left nothing behind.
    expect(decode(encode({ a: 1 }))).toEqual({ ok: true, value: { a: 1 } });
  });

  test("do not change when another is written after them", () => {
    const first = encode({ text: "first" });
    encode({ text: "other" });
    expect(decode(first)).toEqual({ ok: true, value: { text: "first" } });
  });

  test("behind room for a head are the same bytes, and stay so whatever is written after them", () => {
    const prng = createPrng(3);
    const written: { readonly bytes: Uint8Array; readonly hex: string }[] = [];
    for (let round = 0; round < 600; round++) {
      // Now and then larger than what frames share, and than the buffer.
      const length = nextBelow(prng, round % 50 === 0 ? 200_000 : round % 7 === 0 ? 9_000 : 600);
      const value = { round, text: "x".repeat(length), content: new Uint8Array(nextBelow(prng, 80)).fill(round) };
      if (round % 5 === 0) expect(() => encodeBehind(7, { value, none: Symbol("none") })).toThrow(AssertionError);
      const bytes = encodeBehind(7, value);
      bytes.fill(round, 0, 7);
      const plain = encode(value);
      expect(Buffer.compare(bytes.subarray(7), plain)).toBe(0);
      written.push({ bytes, hex: bytes.toHex() });
    }
    for (const { bytes, hex } of written) expect(bytes.toHex() === hex).toBe(true);
  });

  test("hold copies of bytes: what they came in may be used again", () => {
    const bytes = encode({ content: Uint8Array.of(1, 2, 3) });
    const decoded = decode(bytes);
    bytes.fill(0);
    expect(decoded).toEqual({ ok: true, value: { content: Uint8Array.of(1, 2, 3) } });
  });

  test("of a type that only others write are read too", () => {
    expect(problem([0xca, 0x3f, 0xc0, 0, 0])).toBe("decoded 1.5");
    expect(problem([0xd1, 0xff, 0x00])).toBe("decoded -256");
    expect(problem([0xdd, 0, 0, 0, 1, 0xd0, 0xff])).toBe("decoded [-1]");
    expect(problem([0xdf, 0, 0, 0, 1, 0xdb, 0, 0, 0, 1, 0x61, 0xc6, 0, 0, 0, 0])).toBe('decoded {"a":{}}');
  });

  test("that are short texts are told apart, however alike", () => {
    const words = Array.from({ length: 50_000 }, (_, at) => `word ${at.toString(36)}`);
    expect(decode(encode(words))).toEqual({ ok: true, value: words });
    expect(decode(encode(words))).toEqual({ ok: true, value: words });
  });

  test("undefined becomes null", () => {
    expect(decode(encode({ a: undefined, b: 1 }))).toEqual({ ok: true, value: { a: null, b: 1 } });
  });
});

describe("hostile bytes", () => {
  const cases: readonly (readonly [name: string, bytes: readonly number[], message: string])[] = [
    ["nothing", [], "cut short"],
    ["lists in lists without end", new Array<number>(100_000).fill(0x91), "nested deeper"],
    ["maps in maps without end", new Array<number>(50_000).fill(0).flatMap(() => [0x81, 0xa1, 0x61]), "nested deeper"],
    ["a list of 4 thousand million", [0xdd, 0xff, 0xff, 0xff, 0xff, 1], "cut short"],
    ["a map of 4 thousand million", [0xdf, 0xff, 0xff, 0xff, 0xff, 1], "cut short"],
    ["a text of 4 GiB", [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61], "cut short"],
    ["bytes of 4 GiB", [0xc6, 0xff, 0xff, 0xff, 0xff, 0x61], "cut short"],
    ["a length that is cut", [0xc5, 0x01], "cut short"],
    ["a list that lacks a value", [0x92, 1], "cut short"],
    ["a map that lacks a value", [0x81, ...text("a")], "cut short"],
    ["an extension of any type", [0xd4, 0x00, 0x00], "type 0xd4"],
    ["a date", [0xd6, 0xff, 0, 0, 0, 0], "type 0xd6"],
    ["an extension with a length", [0xc7, 1, 0x72, 0], "type 0xc7"],
    ["a 64-bit integer", [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "type 0xcf"],
    ["the type that is never used", [0xc1], "type 0xc1"],
    ["a key that is a number", [0x81, 1, 1], "no text"],
    ["a key that is a list", [0x81, 0x90, 1], "no text"],
    ["a key that is bytes", [0x81, 0xc4, 1, 0x61, 1], "no text"],
    ["a key __proto__", [0x81, ...text("__proto__"), 0x81, ...text("polluted"), 0xc3], "__proto__"],
    ["a long key __proto__", [0x81, 0xd9, 9, ...text("__proto__").slice(1), 0x80], "__proto__"],
    ["two values", [1, 2], "1 bytes follow"],
  ];
  for (const [name, bytes, message] of cases)
    test(`${name} is refused`, () => expect(problem(bytes)).toContain(message));

  test("of a key that comes twice the last value holds", () => {
    expect(problem([0x82, ...text("a"), 1, ...text("a"), 2])).toBe('decoded {"a":2}');
  });

  test("nesting is allowed up to its bound", () => {
    const nested = (depth: number): number[] => [...new Array<number>(depth).fill(0x91), 1];
    expect(problem(nested(DEPTH_MAX))).toStartWith("decoded");
    expect(problem(nested(DEPTH_MAX + 1))).toContain("nested deeper");
  });

  test("constructor, prototype and toString are keys like others", () => {
    const value = { constructor: 1, prototype: 2, toString: 3 };
    expect(decode(encode(value))).toEqual({ ok: true, value });
    expect(Object.prototype).not.toHaveProperty("polluted");
  });

  test("a hundred thousand random and damaged ones never throw", () => {
    const prng = createPrng(3);
    const good = encode({ kind: "append", term: 7, entries: [{ index: 1, command: new Uint8Array(9) }], name: "x" });
    let refused = 0;
    for (let round = 0; round < 100_000; round++) {
      const bytes = round % 2 === 0 ? good.slice() : new Uint8Array(1 + nextBelow(prng, 24));
      if (round % 2 === 1) for (let at = 0; at < bytes.length; at++) bytes[at] = nextU32(prng);
      for (let count = 1 + nextBelow(prng, 3); count > 0; count--)
        bytes[nextBelow(prng, bytes.length)] = nextU32(prng) & 0xff;
      if (!decode(bytes).ok) refused++;
    }
    expect(refused).toBeGreaterThan(30_000);
  });
});

test("words that are remembered are not taken for others of the same bytes", () => {
  // Their first, middle and last bytes are equal, and so is what the characters of one are as bytes of the other.
  for (const words of [
    ["abcdefgh", "axcdefgh", "abcxefgh"],
    ["Ã©", "é", "Ã©"],
    ["é", "è", "é"],
  ])
    for (const word of words) expect(decode(encode({ [word]: word }))).toEqual({ ok: true, value: { [word]: word } });
});
