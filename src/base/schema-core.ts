// What all schemas are (schema.ts has the words that make them): a reader of values, what JSON Schema says of them, and
// their form, from which a reader of bytes is made (wire/layout.ts). It knows no kind of value.

import type { JsonSchema } from "./schema-json.ts";

/** What a reader says instead of a value; why is in its trouble. */
export const NO: unique symbol = Symbol("no");

/** The first thing that was wrong. `path`: keys, innermost first. */
export type Trouble = { message: string; path: (string | number)[] };
export type Read<Value> = (value: unknown, trouble: Trouble) => Value | typeof NO;

/** What other schemas, and readers of bytes, need of one. */
export type Readable<Value> = { readonly read: Read<Value>; readonly json: JsonSchema; readonly form: Form };

/**
 * What a schema reads where it is there at all, as plain words; whatever the form says holds for `read` too. any: what
 * its `read` says alone. checked: what `check` makes of what `of` has read. text: least and most characters. object:
 * keys beside its own are dropped.
 */
export type Form =
  | { readonly kind: "any" | "boolean" | "bytes" }
  | { readonly kind: "text"; readonly least: number; readonly most: number }
  | { readonly kind: "number"; readonly isWhole: boolean; readonly least: number; readonly most: number }
  | { readonly kind: "word"; readonly words: readonly string[] }
  | { readonly kind: "nullable"; readonly of: Readable<unknown> }
  | { readonly kind: "checked"; readonly of: Readable<unknown>; readonly check: Read<unknown> }
  | { readonly kind: "list"; readonly of: Readable<unknown>; readonly least: number; readonly most: number }
  | { readonly kind: "tuple"; readonly parts: readonly Readable<unknown>[] }
  | { readonly kind: "record"; readonly key: Readable<string>; readonly of: Readable<unknown> }
  | { readonly kind: "object"; readonly keys: readonly string[]; readonly parts: readonly Readable<unknown>[] }
  | { readonly kind: "union"; readonly key: string; readonly options: ReadonlyMap<string, Readable<unknown>> };

export type Issue = { readonly path: readonly (string | number)[]; readonly message: string };
export type Parsed<Value> =
  | { readonly success: true; readonly data: Value; readonly error?: undefined }
  | { readonly success: false; readonly error: { readonly message: string; readonly issues: readonly Issue[] } };
/** What a transformation says about a value that will not do. */
export type Context = { addIssue(issue: { readonly message: string }): void };

export class Schema<Value> implements Readable<Value> {
  /** For other schemas. */
  readonly read: Read<Value>;
  readonly json: JsonSchema;
  readonly form: Form;

  constructor(read: Read<Value>, json: JsonSchema, form: Form = { kind: "any" }) {
    this.read = read;
    this.json = json;
    this.form = form;
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
    return new Schema<Value | null>(
      (value, trouble) => (value === null ? null : read(value, trouble)),
      { anyOf: [this.json, { type: "null" }] },
      { kind: "nullable", of: this },
    );
  }

  /** As a key of an object: it may be left out. */
  optional(): OptionalSchema<Value> {
    const { read } = this;
    return new OptionalSchema<Value>(
      (value, trouble) => (value === undefined ? undefined : read(value, trouble)),
      this.json,
      this.form,
    );
  }

  /** As a key of an object: this where it is left out. */
  default(otherwise: Value): DefaultSchema<Value> {
    const { read } = this;
    return new DefaultSchema<Value>(
      (value, trouble) => (value === undefined ? otherwise : read(value, trouble)),
      { default: otherwise, ...this.json },
      this.form,
    );
  }

  readonly(): Schema<Readonly<Value>> {
    return new Schema<Readonly<Value>>(this.read, { readOnly: true, ...this.json }, this.form);
  }

  refine(isFine: (value: Value) => boolean, message = "invalid"): Schema<Value> {
    return this.#then((data, trouble) => (isFine(data) ? data : refuse(trouble, message)));
  }

  transform<Next>(change: (value: Value, context: Context) => Next): Schema<Next> {
    return this.#then((data, trouble) => {
      let problem: string | null = null;
      const next = change(data, {
        addIssue: ({ message }) => {
          problem ??= message;
        },
      });
      return problem === null ? next : refuse(trouble, problem);
    });
  }

  /** What `check` makes of what this has read. */
  #then<Next>(check: (data: Value, trouble: Trouble) => Next | typeof NO): Schema<Next> {
    const { read } = this;
    /** True for what this has read. */
    const isOurs = (data: unknown): data is Value => data !== NO;
    return new Schema<Next>(
      (value, trouble) => {
        const data = read(value, trouble);
        return data === NO ? NO : check(data, trouble);
      },
      this.json,
      { kind: "checked", of: this, check: (data, trouble) => (isOurs(data) ? check(data, trouble) : NO) },
    );
  }
}

export class OptionalSchema<Value> extends Schema<Value | undefined> {
  readonly isOptional = true;
}

/** What is read has the key. */
export class DefaultSchema<Value> extends Schema<Value> {
  readonly hasDefault = true;
}

/** For readers: the value is none, for this reason. */
export function refuse(trouble: Trouble, message: string): typeof NO {
  trouble.message = message;
  trouble.path = [];
  return NO;
}

/** For readers: the value at this key is none. */
export function within(trouble: Trouble, key: string | number): typeof NO {
  trouble.path.push(key);
  return NO;
}
