// Schemas of what comes from outside: of messages, entries and files. They speak zod's words and are read as zod's are,
// because that is what everybody knows; they stand in its place where every message passes through, as they are built
// in a fiftieth of the time (all of them are, at every start) and read in a fifth. A value read is a new one, without
// what its schema does not name. Not for what people write: sentences for those are load/options/schema.ts.

import { type JsonSchema, none, text as jsonText } from "./schema-json.ts";

/** What a reader says instead of a value; why is in its trouble. */
const NO: unique symbol = Symbol("no");

/** The first thing that was wrong. `path`: keys, innermost first. */
type Trouble = { message: string; path: (string | number)[] };
type Read<Value> = (value: unknown, trouble: Trouble) => Value | typeof NO;

export type Issue = { readonly path: readonly (string | number)[]; readonly message: string };
export type Parsed<Value> =
  | { readonly success: true; readonly data: Value; readonly error?: undefined }
  | { readonly success: false; readonly error: { readonly message: string; readonly issues: readonly Issue[] } };
/** What a transformation says about a value that will not do. */
export type Context = { addIssue(issue: { readonly message: string }): void };

/** What other schemas need of one. */
type Readable<Value> = { readonly read: Read<Value>; readonly json: JsonSchema };

export class Schema<Value> implements Readable<Value> {
  /** For other schemas. */
  readonly read: Read<Value>;
  readonly json: JsonSchema;

  constructor(read: Read<Value>, json: JsonSchema) {
    this.read = read;
    this.json = json;
  }

  /** Never throws, but by what `refine` and `transform` were given. */
  safeParse(value: unknown): Parsed<Value> {
    const trouble: Trouble = { message: "", path: [] };
    const data = this.read(value, trouble);
    if (data !== NO) return { success: true, data };
    const issue = { path: trouble.path.toReversed(), message: trouble.message };
    return { success: false, error: { message: `${issue.path.join(".")}: ${issue.message}`, issues: [issue] } };
  }

  /** Throws Error with the path and what is wrong there. */
  parse(value: unknown): Value {
    const parsed = this.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new Error(parsed.error.message);
  }

  nullable(): Schema<Value | null> {
    const { read } = this;
    return new Schema<Value | null>((value, trouble) => (value === null ? null : read(value, trouble)), {
      anyOf: [this.json, { type: "null" }],
    });
  }

  /** As a key of an object: it may be left out. */
  optional(): OptionalSchema<Value> {
    const { read } = this;
    return new OptionalSchema<Value>(
      (value, trouble) => (value === undefined ? undefined : read(value, trouble)),
      this.json,
    );
  }

  /** As a key of an object: this where it is left out. */
  default(otherwise: Value): DefaultSchema<Value> {
    const { read } = this;
    return new DefaultSchema<Value>((value, trouble) => (value === undefined ? otherwise : read(value, trouble)), {
      default: otherwise,
      ...this.json,
    });
  }

  readonly(): Schema<Readonly<Value>> {
    return new Schema<Readonly<Value>>(this.read, { readOnly: true, ...this.json });
  }

  refine(isFine: (value: Value) => boolean, message = "invalid"): Schema<Value> {
    const { read } = this;
    return new Schema<Value>((value, trouble) => {
      const data = read(value, trouble);
      return data === NO || isFine(data) ? data : refuse(trouble, message);
    }, this.json);
  }

  transform<Next>(change: (value: Value, context: Context) => Next): Schema<Next> {
    const { read } = this;
    return new Schema<Next>((value, trouble) => {
      const data = read(value, trouble);
      if (data === NO) return NO;
      let problem: string | null = null;
      const next = change(data, {
        addIssue: ({ message }) => {
          problem ??= message;
        },
      });
      return problem === null ? next : refuse(trouble, problem);
    }, this.json);
  }
}

export class OptionalSchema<Value> extends Schema<Value | undefined> {
  readonly isOptional = true;
}

/** What is read has the key. */
export class DefaultSchema<Value> extends Schema<Value> {
  readonly hasDefault = true;
}

function refuse(trouble: Trouble, message: string): typeof NO {
  trouble.message = message;
  trouble.path = [];
  return NO;
}

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
  return custom((value): value is boolean => typeof value === "boolean", "expected true or false", { type: "boolean" });
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
): Schema<Value> {
  return new Schema<Value>((value, trouble) => (is(value) ? value : refuse(trouble, message)), json);
}

function oneOf<const Values extends readonly string[]>(values: Values): Schema<Values[number]> {
  const known = new Set<string>(values);
  const is = (value: unknown): value is Values[number] => typeof value === "string" && known.has(value);
  return custom(is, `expected one of ${values.join(", ")}`, { type: "string", enum: values });
}

function nothing(): Schema<null> {
  return custom((value) => value === null, "expected null", { type: "null" });
}

function instanceOf<Value>(kind: abstract new (...parts: never[]) => Value): Schema<Value> {
  return custom((value): value is Value => value instanceof kind, `expected ${kind.name}`);
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

function within(trouble: Trouble, key: string | number): typeof NO {
  trouble.path.push(key);
  return NO;
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
  const readers = new Map(options.map((option) => [option.shape[key].value, option.read]));
  const names = [...readers.keys()].join(", ");
  /** True for what one of the options has read. */
  const isRead = (value: unknown): value is Infer<Options[number]> => value !== NO;
  return new Schema<Infer<Options[number]>>(
    (value, trouble) => {
      if (!isPlain(value)) return refuse(trouble, "expected an object");
      const kind = value[key];
      const read = typeof kind === "string" ? readers.get(kind) : undefined;
      if (read === undefined) {
        refuse(trouble, `expected one of ${names}`);
        return within(trouble, key);
      }
      const one = read(value, trouble);
      return isRead(one) ? one : NO;
    },
    { oneOf: options.map(({ json }) => json) },
  );
}

/** The type of what a schema reads. */
type Infer<Of> = Of extends { readonly read: Read<infer Value> } ? Value : never;
export { type Infer as infer };

/** The JSON Schema (2020-12) of what may be written for it, as text; `head`: its first keys. */
export function jsonSchemaText(schema: Readable<unknown>, head: JsonSchema): string {
  return jsonText(schema.json, head);
}
