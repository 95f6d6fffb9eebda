// Goal: a decoder of a schema reads, refuses and says just what decoding first and then the schema do, whatever bytes
// come. Method: both ways side by side over schemas of every form, with values in and out of order, keys more, fewer
// and twice, in other encodings, cut and damaged; all messages of the node's table.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createPrng, nextBelow, nextU32, type Prng } from "../../src/base/prng.ts";
import * as z from "../../src/base/schema.ts";
import { raftMessageSchema } from "../../src/raft/messages.ts";
import { streamMessageSchema } from "../../src/swim/messages.ts";
import { decode, type Decoder, decoderOf, DEPTH_MAX, encode } from "../../src/wire/codec.ts";

const leaf = z.object({ kind: z.literal("leaf"), text: z.string().min(1).max(9), count: z.int().min(0) });
const branch = z.object({
  kind: z.literal("branch"),
  ends: z.array(leaf).max(3),
  pair: z.tuple([z.number(), z.boolean().nullable()]),
  more: z.string().optional(),
  level: z.enum(["low", "high"]).default("low"),
  after: z.int().nullable().default(null),
});
const tree = z.discriminatedUnion("kind", [leaf, branch]);
const SCHEMAS: Readonly<Record<string, z.Schema<unknown>>> = {
  tree,
  trees: z.array(tree).min(1).readonly(),
  record: z.record(z.string().max(4), z.instanceof(Uint8Array)),
  upper: z.string().transform((text) => text.toUpperCase()),
  even: z.int().refine((count) => count % 2 === 0, "expected an even one"),
  refused: z.string().transform((text, context) => (text === "no" ? context.addIssue({ message: "no" }) : text)),
  strict: z.strictObject({ a: z.int(), b: z.null() }),
  loose: z.looseObject({ a: z.unknown().optional(), b: z.literal(7) }),
  late: z.object({ first: z.int(), kind: z.literal("late") }),
  inherited: z.object({ toString: z.int().default(3) }),
};

type Both = { readonly schema: z.Schema<unknown>; readonly decoder: Decoder<unknown> };

/** What both ways say; the order of keys counts too, as entries are written again to the disk. */
function bothWays({ schema, decoder }: Both, bytes: Uint8Array): readonly [direct: unknown, two: unknown] {
  const direct = decoder(bytes);
  const decoded = decode(bytes);
  if (!decoded.ok) return [direct, decoded];
  const parsed = schema.safeParse(decoded.value);
  const two = parsed.success ? { ok: true, value: parsed.data } : { ok: false, message: parsed.error.message };
  const isRead = direct.ok && parsed.success;
  return [
    { ...direct, order: isRead ? JSON.stringify(direct.value) : "" },
    { ...two, order: isRead ? JSON.stringify(parsed.data) : "" },
  ];
}

function expectBoth(both: Both, bytes: Uint8Array): void {
  const [direct, two] = bothWays(both, bytes);
  expect(direct).toEqual(two);
}

/** Flips, cuts, puts in and repeats some bytes. */
function damaged(bytes: Uint8Array, prng: Prng): Uint8Array {
  const list = [...bytes];
  for (let count = 1 + nextBelow(prng, 2); count > 0; count--) {
    const at = nextBelow(prng, list.length);
    const kind = nextBelow(prng, 4);
    if (kind === 0) list[at] = nextU32(prng) & 0xff;
    else if (kind === 1) list.splice(at, 1 + nextBelow(prng, 4));
    else if (kind === 2) list.splice(at, 0, nextU32(prng) & 0xff);
    else list[at] = ((list[at] ?? 0) + (nextBelow(prng, 2) === 0 ? 1 : 255)) & 0xff;
    if (list.length === 0) list.push(0xc0);
  }
  return Uint8Array.from(list);
}

const word = fc.constantFrom("leaf", "branch", "low", "high", "no", "", "a", "ä", "0123456789");
const small = fc.oneof(word, fc.integer({ min: -2, max: 300 }), fc.double(), fc.constantFrom(null, true, false, 7));
const leafValue = fc.record({ kind: fc.constant("leaf"), text: word, count: fc.nat() });
const branchValue = fc.record(
  {
    kind: fc.constant("branch"),
    ends: fc.array(leafValue, { maxLength: 4 }),
    pair: fc.tuple(fc.double(), fc.option(fc.boolean())),
    more: word,
    level: fc.constantFrom("low", "high", "none"),
    after: fc.option(fc.nat()),
  },
  { requiredKeys: ["kind", "ends", "pair"] },
);
const other = fc.dictionary(fc.constantFrom("a", "b", "kind", "first", "toString", "more"), small, { maxKeys: 4 });
const bytesByName = fc.dictionary(fc.string({ maxLength: 5 }), fc.uint8Array({ maxLength: 60 }), { maxKeys: 3 });
const ends = fc.oneof(
  fc.record({ a: small, b: fc.constant(7) }),
  fc.record({ a: fc.nat(), b: fc.constant(null) }),
  fc.record({ kind: fc.constant("late"), first: fc.nat() }),
  fc.record({ toString: fc.nat() }),
  fc.nat(99),
);
const given = fc.oneof(
  ends,
  leafValue,
  branchValue,
  fc.array(fc.oneof(leafValue, branchValue)),
  other,
  bytesByName,
  small,
);

/** The same with its keys in another order, and perhaps one more. */
function shuffled(value: unknown, prng: Prng): unknown {
  if (Array.isArray(value)) return value.map((one) => shuffled(one, prng));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const entries = Object.entries(value).map(([key, one]): [string, unknown] => [key, shuffled(one, prng)]);
  if (nextBelow(prng, 3) === 0) entries.push(["later", [{ a: 1 }]]);
  for (let at = entries.length - 1; at > 0; at--) {
    const swapped = nextBelow(prng, at + 1);
    const [one, two] = [entries[at], entries[swapped]];
    if (one !== undefined && two !== undefined) [entries[at], entries[swapped]] = [two, one];
  }
  return Object.fromEntries(entries);
}

describe("a decoder of a schema says what decoding and then the schema say", () => {
  for (const [name, schema] of Object.entries(SCHEMAS))
    test(`of values good and bad, in any order, whole and damaged: ${name}`, () => {
      const prng = createPrng(name.length);
      const both = { schema, decoder: decoderOf(schema) };
      let read = 0;
      fc.assert(
        fc.property(given, (value) => {
          const bytes = encode(value);
          expectBoth(both, bytes);
          expectBoth(both, encode(shuffled(value, prng)));
          expectBoth(both, damaged(bytes, prng));
          if (both.decoder(bytes).ok) read++;
        }),
        { numRuns: 400, seed: 11 },
      );
      expect(read).toBeGreaterThan(5);
    });

  test("of messages of the raft and of the membership, damaged", () => {
    const prng = createPrng(11);
    const id = "a139effaf0985222.1";
    const entry = { kind: "command", client: id, sequence: 48, since: 13, command: new Uint8Array(70).fill(9) };
    const address = { host: "10.0.0.7", udp: 7_946, tcp: 7_947 };
    const incarnation = { boot: 2 ** 40, count: 3 };
    const update = { id, address, role: "worker", incarnation, status: "suspect", by: ["m1"], payload: null };
    const good: readonly (readonly [z.Schema<unknown>, unknown])[] = [
      [
        raftMessageSchema,
        {
          ...{ kind: "append", cluster: id, term: 3, round: 70_000, sentAtMs: 267_074_182.72, prevIndex: 250 },
          ...{ prevTerm: 3, commit: 250, entries: [{ index: 251, term: 3, payload: entry }] },
        },
      ],
      [raftMessageSchema, { kind: "recoveryReply", cluster: id, nonce: 2 ** 33, term: 1, lastIndex: null }],
      [streamMessageSchema, { kind: "streamPing", label: "x", seq: 9, target: id, updates: [update, update] }],
    ];
    let refused = 0;
    for (const [schema, value] of good) {
      const bytes = encode(value);
      const both = { schema, decoder: decoderOf(schema) };
      expect(both.decoder(bytes)).toEqual({ ok: true, value });
      for (let round = 0; round < 1_500; round++) {
        const bad = damaged(bytes, prng);
        expectBoth(both, bad);
        if (!both.decoder(bad).ok) refused++;
      }
    }
    expect(refused).toBeGreaterThan(1_500);
  });
});

describe("bytes that this program does not write", () => {
  const schema: z.Schema<unknown> = z.object({ a: z.int(), b: z.string().default("none") });
  const text = (value: string): readonly number[] => [0xa0 + value.length, ...new TextEncoder().encode(value)];
  const cases: readonly (readonly [name: string, bytes: readonly number[], value: unknown])[] = [
    ["a short map", [0x81, ...text("a"), 5], { a: 5, b: "none" }],
    ["a key in a longer form", [0x81, 0xd9, 1, 0x61, 5], { a: 5, b: "none" }],
    ["a whole number as a float", [0x81, ...text("a"), 0xca, 0x40, 0xa0, 0, 0], { a: 5, b: "none" }],
    ["a key twice: the last value holds", [0x82, ...text("a"), 1, ...text("a"), 5], { a: 5, b: "none" }],
    ["a bad value of a key that comes again", [0x82, ...text("a"), 0xc0, ...text("a"), 5], { a: 5, b: "none" }],
    ["keys in another order", [0x82, ...text("b"), ...text("x"), ...text("a"), 5], { a: 5, b: "x" }],
    ["a key that is not known", [0x82, ...text("z"), 0x91, 0xc0, ...text("a"), 5], { a: 5, b: "none" }],
  ];
  for (const [name, bytes, value] of cases)
    test(`are read all the same: ${name}`, () => {
      const read = decoderOf(schema)(Uint8Array.from(bytes));
      expect(read).toEqual({ ok: true, value });
      expect(Object.keys(read.ok ? Object(read.value) : {})).toEqual(["a", "b"]);
    });

  test("are refused where they name a prototype, also as a key that is not known", () => {
    const record = z.record(z.string(), z.unknown());
    const evil = [0x82, ...text("a"), 5, ...text("__proto__"), 0x81, ...text("evil"), 0xc3];
    for (const one of [schema, record])
      expect(decoderOf(one)(Uint8Array.from(evil))).toEqual({ ok: false, message: "a key is __proto__" });
  });

  test("are refused beyond the depth, also where the schema takes anything", () => {
    const deep = (lists: number): Uint8Array =>
      Uint8Array.from([0x81, ...text("a"), ...new Array(lists).fill(0x91), 1]);
    const decoder = decoderOf(z.object({ a: z.unknown() }));
    expect(decoder(deep(DEPTH_MAX - 1)).ok).toBe(true);
    expect(decoder(deep(DEPTH_MAX))).toEqual({ ok: false, message: `it is nested deeper than ${DEPTH_MAX}` });
  });

  test("that follow the value are refused", () => {
    expect(decoderOf(z.int())(Uint8Array.of(1, 1))).toEqual({ ok: false, message: "1 bytes follow the value" });
  });
});

test("the message names what is wrong and where", () => {
  const read = decoderOf(z.array(leaf))(encode([{ kind: "leaf", text: "a", count: -1 }]));
  expect(read).toEqual({ ok: false, message: "0.count: expected at least 0" });
});

test("bytes read are copies, also within a schema", () => {
  const bytes = encode([Uint8Array.of(1, 2), new Uint8Array(300).fill(3)]);
  const read = decoderOf(z.array(z.instanceof(Uint8Array)))(bytes);
  bytes.fill(0);
  expect(read).toEqual({ ok: true, value: [Uint8Array.of(1, 2), new Uint8Array(300).fill(3)] });
});
