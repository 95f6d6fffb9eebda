// Goal: a schema reads what zod's of the same words reads, and refuses what it refuses. Method: each schema built twice,
// here and with zod, over random values near its border; then what only this one promises: paths, keys, no prototype.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { z as zod } from "zod";
import * as own from "../../src/base/schema.ts";

/** The same schemas with either library. */
function ownSchemas() {
  const range = own.tuple([own.int().min(0), own.number().nonnegative()]);
  const shape = { kind: own.literal("a"), text: own.string().min(1).max(3), more: own.boolean().optional() };
  const first = own.object(shape);
  const second = own.object({ kind: own.literal("b"), list: own.array(range).min(1).max(2).readonly() });
  return {
    int: own.int().min(-1).max(3),
    number: own.number().max(2),
    text: own.string().regex(/^a*$/),
    one: own.enum(["a", "b"]),
    maybe: own.boolean().nullable(),
    first,
    loose: own.looseObject(shape),
    strict: own.strictObject(shape),
    given: own.object({ text: own.string().default("a") }),
    union: own.discriminatedUnion("kind", [first, second]),
    record: own.record(own.string().max(2), own.unknown()),
    bytes: own.array(own.instanceof(Uint8Array)),
    few: own.array(own.null()).refine(({ length }) => length < 2, "too many"),
    map: own.array(own.tuple([own.string(), own.int()])).transform((pairs) => new Map(pairs)),
  };
}

function zodSchemas(): Record<keyof ReturnType<typeof ownSchemas>, zod.ZodType> {
  const range = zod.tuple([zod.int().min(0), zod.number().nonnegative()]);
  const shape = { kind: zod.literal("a"), text: zod.string().min(1).max(3), more: zod.boolean().optional() };
  const first = zod.object(shape);
  const second = zod.object({ kind: zod.literal("b"), list: zod.array(range).min(1).max(2).readonly() });
  return {
    int: zod.int().min(-1).max(3),
    number: zod.number().max(2),
    text: zod.string().regex(/^a*$/),
    one: zod.enum(["a", "b"]),
    maybe: zod.boolean().nullable(),
    first,
    loose: zod.looseObject(shape),
    strict: zod.strictObject(shape),
    given: zod.object({ text: zod.string().default("a") }),
    union: zod.discriminatedUnion("kind", [first, second]),
    record: zod.record(zod.string().max(2), zod.unknown()),
    bytes: zod.array(zod.instanceof(Uint8Array)),
    few: zod.array(zod.null()).refine(({ length }) => length < 2, "too many"),
    map: zod.array(zod.tuple([zod.string(), zod.int()])).transform((pairs) => new Map(pairs)),
  };
}

const leaf = fc.constantFrom<unknown>(
  ...[null, undefined, true, "", "a", "b", "aaa", "aaaa", -2, -1, 0, 1, 1.5, 3, 4, NaN, Infinity, 2 ** 53],
  new Uint8Array(1),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, leaf, tie("list"), tie("map")),
  list: fc.array(tie("value"), { maxLength: 3 }),
  map: fc.oneof(
    fc.dictionary(fc.constantFrom("kind", "text", "more", "list", "aaa"), tie("value"), { maxKeys: 4 }),
    fc.record({ kind: fc.constant("a"), text: fc.constantFrom("a", "aaa", "aaaa"), extra: tie("value") }),
    fc.record({ kind: fc.constant("a"), text: fc.constantFrom("a", "aaa", "aaaa") }),
    fc.record({ kind: fc.constant("b"), list: fc.array(fc.tuple(leaf, leaf), { maxLength: 3 }) }),
  ),
}));

describe("a schema", () => {
  const zods = zodSchemas();
  for (const [name, schema] of Object.entries<own.Schema<unknown>>(ownSchemas()))
    test(`reads and refuses as zod does: ${name}`, () => {
      const [, other] = Object.entries(zods).find(([key]) => key === name) ?? [];
      let read = 0;
      const pairs = fc.array(fc.tuple(fc.constantFrom("a", "b"), leaf), { maxLength: 2 });
      fc.assert(
        fc.property(fc.oneof(leaf, value, pairs), (given) => {
          // To zod bytes are an object as any other, here they are not.
          fc.pre(!(given instanceof Uint8Array));
          const [mine, theirs] = [schema.safeParse(given), other?.safeParse(given)];
          expect(mine.success).toBe(theirs?.success ?? !mine.success);
          if (!mine.success) return;
          expect(mine.data).toEqual(theirs?.data);
          read++;
        }),
        { numRuns: 1_000 },
      );
      expect(read).toBeGreaterThan(0);
    });

  test("says where and what is wrong", () => {
    const schema = own.object({ list: own.array(own.object({ text: own.string().max(1) })) });
    const parsed = schema.safeParse({ list: [{ text: "a" }, { text: "ab" }] });
    expect(parsed.success ? null : parsed.error.issues).toEqual([
      { path: ["list", 1, "text"], message: "expected at most 1 characters" },
    ]);
    expect(() => schema.parse({})).toThrow("list: expected a list");
  });

  test("reads a value of its own: what was given may change", () => {
    const given = { list: [1], extra: 2 };
    const read = own.object({ list: own.array(own.int()) }).parse(given);
    given.list.push(3);
    expect(read).toEqual({ list: [1] });
  });

  test("never sets a prototype", () => {
    const evil: unknown = JSON.parse('{"__proto__": {"isAdmin": true}, "text": "a"}');
    expect(own.record(own.string(), own.unknown()).safeParse(evil).success).toBe(false);
    const loose = own.looseObject({ text: own.string() }).parse(evil);
    expect([Object.getPrototypeOf(loose), Object.hasOwn(loose, "__proto__")]).toEqual([Object.prototype, false]);
  });
});
