// Schemas of what comes from outside: of messages, entries and files. They speak zod's words and are read as zod's are,
// because that is what everybody knows; they stand in its place where every message passes through, as they are built
// in a fiftieth of the time (all of them are, at every start) and read in a fifth. A value read is a new one, without
// what its schema does not name. Not for what people write: sentences for those are load/options/schema.ts.

import { type Form, NO, type Read, type Readable, refuse, Schema, within } from "./schema-core.ts";
import { type JsonSchema, none, text as jsonText } from "./schema-json.ts";

export { type Context, DefaultSchema, type Issue, OptionalSchema, type Parsed, Schema } from "./schema-core.ts";

// ── single values ───────────────────────────────────────────────────────────────────────────────

class StringSchema extends Schema<string> {
  readonly #least: number;
  readonly #most: number;

  constructor(least = 0, most = Infinity) {
    const size = { ...(least > 0 ? { minLength: least } : {}), ...(most < Infinity ? { maxLength: most } : {}) };
    super(
      (value, trouble) => {
        if (typeof value !== "string") return refuse(trouble, "expected a text");
        if (value.length < least) return refuse(trouble, `expected at least ${least} characters`);
        return value.length <= most ? value : refuse(trouble, `expected at most ${most} characters`);
      },
      { type: "string", ...size },
      { kind: "text", least, most },
    );
    this.#least = least;
    this.#most = most;
  }

  /** Characters: units of UTF-16. */
  min(least: number): StringSchema {
    return new StringSchema(least, this.#most);
  }

  max(most: number): StringSchema {
    return new StringSchema(this.#least, most);
  }

  regex(pattern: RegExp): Schema<string> {
    return this.refine((value) => pattern.test(value), `expected text of the form ${pattern.source}`);
  }
}

/** The least of all numbers above 0. */
const MORE_THAN_0 = Number.MIN_VALUE;

class NumberSchema extends Schema<number> {
  readonly #isWhole: boolean;
  readonly #least: number;
  readonly #most: number;

  constructor(isWhole: boolean, least: number, most: number) {
    super(
      (value, trouble) => {
        if (typeof value !== "number" || !(isWhole ? Number.isSafeInteger(value) : Number.isFinite(value)))
          return refuse(trouble, isWhole ? "expected a whole number" : "expected a number");
        if (value < least)
          return refuse(trouble, least === MORE_THAN_0 ? "expected more than 0" : `expected at least ${least}`);
        return value <= most ? value : refuse(trouble, `expected at most ${most}`);
      },
      {
        type: isWhole ? "integer" : "number",
        ...(least > -Infinity ? { minimum: least } : {}),
        ...(most < Infinity ? { maximum: most } : {}),
      },
      { kind: "number", isWhole, least, most },
    );
    this.#isWhole = isWhole;
    this.#least = least;
    this.#most = most;
  }

  int(): NumberSchema {
    const [least, most] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    return new NumberSchema(true, Math.max(this.#least, least), Math.min(this.#most, most));
  }

  min(least: number): NumberSchema {
    return new NumberSchema(this.#isWhole, Math.max(this.#least, least), this.#most);
  }

  max(most: number): NumberSchema {
    return new NumberSchema(this.#isWhole, this.#least, Math.min(this.#most, most));
  }

  nonnegative(): NumberSchema {
    return this.min(0);
  }

  positive(): NumberSchema {
    return this.min(MORE_THAN_0);
  }
}

class LiteralSchema<Value extends string | number | boolean> extends Schema<Value> {
  readonly value: Value;

  constructor(expected: Value) {
    super(
      (value, trouble) => (value === expected ? expected : refuse(trouble, `expected ${JSON.stringify(expected)}`)),
      { type: typeof expected === "string" ? "string" : typeof expected, const: expected },
      typeof expected === "string" ? { kind: "word", words: [expected] } : { kind: "any" },
    );
    this.value = expected;
  }
}

export function string(): StringSchema {
  return new StringSchema();
}

/** Finite. */
export function number(): NumberSchema {
  return new NumberSchema(false, -Infinity, Infinity);
}

/** Whole, and exact: up to 2^53 - 1. */
export function int(): NumberSchema {
  return number().int();
}

export function literal<const Value extends string | number | boolean>(value: Value): LiteralSchema<Value> {
  return new LiteralSchema(value);
}

export function boolean(): Schema<boolean> {
  const is = (value: unknown): value is boolean => typeof value === "boolean";
  return custom(is, "expected true or false", { type: "boolean" }, { kind: "boolean" });
}

/** Anything, also nothing. */
export function unknown(): Schema<unknown> {
  return new Schema<unknown>((value) => value, none);
}

/** What the test says yes to. */
export function custom<Value>(
  is: (value: unknown) => value is Value,
  message: string,
  json: JsonSchema = none,
  form: Form = { kind: "any" },
): Schema<Value> {
  return new Schema<Value>((value, trouble) => (is(value) ? value : refuse(trouble, message)), json, form);
}

function oneOf<const Values extends readonly string[]>(values: Values): Schema<Values[number]> {
  const known = new Set<string>(values);
  const is = (value: unknown): value is Values[number] => typeof value === "string" && known.has(value);
  const json = { type: "string", enum: values };
  return custom(is, `expected one of ${values.join(", ")}`, json, { kind: "word", words: values });
}

function nothing(): Schema<null> {
  return custom((value) => value === null, "expected null", { type: "null" });
}

function instanceOf<Value>(kind: abstract new (...parts: never[]) => Value): Schema<Value> {
  const is = (value: unknown): value is Value => value instanceof kind;
  // Of objects of other kinds none comes in bytes.
  return custom(is, `expected ${kind.name}`, none, { kind: Object.is(kind, Uint8Array) ? "bytes" : "any" });
}

export { instanceOf as instanceof, nothing as null, oneOf as enum };

// ── lists, maps, objects ────────────────────────────────────────────────────────────────────────

class ArraySchema<Value> extends Schema<Value[]> {
  readonly #of: Readable<Value>;
  readonly #least: number;
  readonly #most: number;

  constructor(of: Readable<Value>, least = 0, most = Infinity) {
    const { read } = of;
    const size = { ...(least > 0 ? { minItems: least } : {}), ...(most < Infinity ? { maxItems: most } : {}) };
    super(
      (value, trouble) => {
        if (!Array.isArray(value)) return refuse(trouble, "expected a list");
        const { length } = value;
        if (length < least) return refuse(trouble, `expected at least ${least} of them`);
        if (length > most) return refuse(trouble, `expected at most ${most} of them`);
        const list: Value[] = [];
        for (let at = 0; at < length; at++) {
          const one = read(value[at], trouble);
          if (one === NO) return within(trouble, at);
          list.push(one);
        }
        return list;
      },
      { ...size, type: "array", items: of.json },
      { kind: "list", of, least, most },
    );
    this.#of = of;
    this.#least = least;
    this.#most = most;
  }

  min(least: number): ArraySchema<Value> {
    return new ArraySchema(this.#of, least, this.#most);
  }

  max(most: number): ArraySchema<Value> {
    return new ArraySchema(this.#of, this.#least, most);
  }
}

export function array<Value>(of: Readable<Value>): ArraySchema<Value> {
  return new ArraySchema(of);
}

type Tuple<Parts extends readonly Readable<unknown>[]> = { -readonly [At in keyof Parts]: Infer<Parts[At]> };

/** A list of just these. */
export function tuple<const Parts extends readonly Readable<unknown>[]>(parts: Parts): Schema<Tuple<Parts>> {
  /** True for a list each of whose parts was read. */
  const isRead = (list: unknown[]): list is Tuple<Parts> & unknown[] => list.length === parts.length;
  return new Schema<Tuple<Parts>>(
    (value, trouble) => {
      if (!Array.isArray(value) || value.length !== parts.length)
        return refuse(trouble, `expected a list of ${parts.length}`);
      const list: unknown[] = [];
      for (const [at, part] of parts.entries()) {
        const one = part.read(value[at], trouble);
        if (one === NO) return within(trouble, at);
        list.push(one);
      }
      return isRead(list) ? list : NO;
    },
    { type: "array", prefixItems: parts.map(({ json }) => json) },
    { kind: "tuple", parts },
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

export function record<Value>(key: Readable<string>, of: Readable<Value>): Schema<Record<string, Value>> {
  return new Schema<Record<string, Value>>(
    (value, trouble) => {
      if (!isPlain(value)) return refuse(trouble, "expected a map");
      const made: Record<string, Value> = {};
      for (const name of Object.keys(value)) {
        // Set as any other key it would change what the record is.
        if (name === "__proto__" || key.read(name, trouble) === NO)
          return within(trouble, name === "__proto__" ? name : name.slice(0, KEY_LENGTH_TOLD));
        const one = of.read(value[name], trouble);
        if (one === NO) return within(trouble, name);
        made[name] = one;
      }
      return made;
    },
    { type: "object", propertyNames: key.json, additionalProperties: of.json },
    { kind: "record", key, of },
  );
}

/** Of a key that is none, what is repeated of it. */
const KEY_LENGTH_TOLD = 64;

type Shape = Readonly<Record<string, Readable<unknown>>>;
type Flat<Value> = { [Key in keyof Value]: Value[Key] };
type OptionalKeys<Of extends Shape> = {
  [Key in keyof Of]: Of[Key] extends { readonly isOptional: true } ? Key : never;
}[keyof Of];
type ObjectOf<Of extends Shape> = Flat<
  { [Key in Exclude<keyof Of, OptionalKeys<Of>>]: Infer<Of[Key]> } & {
    [Key in OptionalKeys<Of>]?: Infer<Of[Key]>;
  }
>;
/** What becomes of keys that the shape does not name. */
type Others = "dropped" | "kept" | "refused";

class ObjectSchema<Of extends Shape, Extra = unknown> extends Schema<ObjectOf<Of> & Extra> {
  readonly shape: Of;

  constructor(shape: Of, others: Others) {
    const keys = Object.keys(shape);
    const readers = keys.map((key) => shape[key]?.read ?? ((value: unknown) => value));
    /** True for an object each of whose keys was read. */
    const isRead = (made: unknown): made is ObjectOf<Of> & Extra => made !== null;
    super(
      (value, trouble) => {
        if (!isPlain(value)) return refuse(trouble, "expected an object");
        const made: Record<string, unknown> = {};
        for (let at = 0; at < keys.length; at++) {
          const key = keys[at] ?? "";
          const before = value[key];
          const one = readers[at]?.(before, trouble);
          if (one === NO) return within(trouble, key);
          if (one !== undefined || before !== undefined || key in value) made[key] = one;
        }
        if (others !== "dropped") {
          for (const key of Object.keys(value)) {
            if (key === "__proto__" || Object.hasOwn(shape, key)) continue;
            if (others === "refused") return refuse(trouble, `the key ${JSON.stringify(key)} is not known`);
            made[key] = value[key];
          }
        }
        return isRead(made) ? made : NO;
      },
      objectJson(shape, others),
      others === "dropped" ? { kind: "object", keys, parts: Object.values(shape) } : { kind: "any" },
    );
    this.shape = shape;
  }

  extend<const More extends Shape>(more: More): ObjectSchema<Of & More> {
    return new ObjectSchema({ ...this.shape, ...more }, "dropped");
  }

  /** With no other keys than these. */
  strict(): ObjectSchema<Of> {
    return new ObjectSchema(this.shape, "refused");
  }
}

function objectJson(shape: Shape, others: Others): JsonSchema {
  const entries = Object.entries(shape);
  const isNeeded = (schema: Readable<unknown>): boolean => !("isOptional" in schema || "hasDefault" in schema);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([key, { json }]) => [key, json])),
    required: entries.flatMap(([key, schema]) => (isNeeded(schema) ? [key] : [])),
    ...(others === "refused" ? { additionalProperties: false } : {}),
  };
}

/** Keys it does not name are left out of what is read. */
export function object<const Of extends Shape>(shape: Of): ObjectSchema<Of> {
  return new ObjectSchema(shape, "dropped");
}

/** Keys it does not name stay, unread. */
export function looseObject<const Of extends Shape>(shape: Of): ObjectSchema<Of, Record<string, unknown>> {
  return new ObjectSchema(shape, "kept");
}

/** Keys it does not name are an error. */
export function strictObject<const Of extends Shape>(shape: Of): ObjectSchema<Of> {
  return new ObjectSchema(shape, "refused");
}

type Option<Key extends string> = Readable<unknown> & {
  readonly shape: Readonly<Record<Key, Readable<string> & { readonly value: string }>>;
};

/** One of these, by the text its key holds. */
export function discriminatedUnion<Key extends string, const Options extends readonly Option<Key>[]>(
  key: Key,
  options: Options,
): Schema<Infer<Options[number]>> {
  const byName = new Map(options.map((option) => [option.shape[key].value, option]));
  const names = [...byName.keys()].join(", ");
  /** True for what one of the options has read. */
  const isRead = (value: unknown): value is Infer<Options[number]> => value !== NO;
  return new Schema<Infer<Options[number]>>(
    (value, trouble) => {
      if (!isPlain(value)) return refuse(trouble, "expected an object");
      const kind = value[key];
      const read = typeof kind === "string" ? byName.get(kind)?.read : undefined;
      if (read === undefined) {
        refuse(trouble, `expected one of ${names}`);
        return within(trouble, key);
      }
      const one = read(value, trouble);
      return isRead(one) ? one : NO;
    },
    { oneOf: options.map(({ json }) => json) },
    { kind: "union", key, options: byName },
  );
}

/** The type of what a schema reads. */
type Infer<Of> = Of extends { readonly read: Read<infer Value> } ? Value : never;
export { type Infer as infer };

/** The JSON Schema (2020-12) of what may be written for it, as text; `head`: its first keys. */
export function jsonSchemaText(schema: Readable<unknown>, head: JsonSchema): string {
  return jsonText(schema.json, head);
}
