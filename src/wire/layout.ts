// What a schema expects of bytes, made for the reader (reader.ts): its keys and words as this program writes them, in
// objects of one shape for all kinds of schema, since the reader looks at some at every value. It reads nothing itself.

import type { Read, Readable } from "../base/schema-core.ts";
import { write } from "./writer.ts";

/** Kinds are numbers here: the reader branches on them at every value. */
export const ANY = 0;
export const TEXT = 1;
export const WORD = 2;
export const NUMBER = 3;
export const BOOLEAN = 4;
export const BYTES = 5;
export const NULLABLE = 6;
export const LIST = 7;
export const TUPLE = 8;
export const RECORD = 9;
export const OBJECT = 10;
export const UNION = 11;
export const CHECKED = 12;

/** What a layout needs beside its kind and its schema's own reader; the rest stays empty. */
type Parts = {
  /** text: characters. number: itself. list: values. */
  readonly least?: number;
  readonly most?: number;
  readonly isWhole?: boolean;
  /** word: what it may be. object: its keys. union: the words of its options. */
  readonly names?: readonly string[];
  /** object, tuple, union: what stands at each of them. */
  readonly parts?: readonly Layout[];
  /** union: the key of those words. */
  readonly key?: string;
  /** nullable, list, record, checked: of what. */
  readonly of?: Layout;
  /** checked: what becomes of what was read. record: of a key. */
  readonly check?: Read<unknown>;
};

export class Layout {
  readonly kind: number;
  /** Of values; for what is not there, or not as this program writes it. */
  readonly read: Read<unknown>;
  readonly least: number;
  readonly most: number;
  readonly isWhole: boolean;
  readonly names: readonly string[];
  /** The same as bytes. */
  readonly words: readonly Uint8Array[];
  readonly parts: readonly Layout[];
  readonly keyName: string;
  readonly key: Uint8Array;
  readonly of: Layout;
  readonly check: Read<unknown>;

  constructor(kind: number, read: Read<unknown>, parts: Parts = {}) {
    this.kind = kind;
    this.read = read;
    this.least = parts.least ?? -Infinity;
    this.most = parts.most ?? Infinity;
    this.isWhole = parts.isWhole ?? false;
    this.names = parts.names ?? [];
    this.words = this.names.map(write);
    this.parts = parts.parts ?? [];
    this.keyName = parts.key ?? "";
    this.key = write(this.keyName);
    this.of = parts.of ?? this;
    this.check = parts.check ?? read;
  }
}

/** In: any schema; what it is given later it does not learn of. */
export function layoutOf({ read, form }: Readable<unknown>): Layout {
  switch (form.kind) {
    case "any":
      return new Layout(ANY, read);
    case "boolean":
      return new Layout(BOOLEAN, read);
    case "bytes":
      return new Layout(BYTES, read);
    case "text":
      return new Layout(TEXT, read, { least: form.least, most: form.most });
    case "number":
      return new Layout(NUMBER, read, { least: form.least, most: form.most, isWhole: form.isWhole });
    case "word":
      return new Layout(WORD, read, { names: form.words });
    case "nullable":
      return new Layout(NULLABLE, read, { of: layoutOf(form.of) });
    case "checked":
      return new Layout(CHECKED, read, { of: layoutOf(form.of), check: form.check });
    case "list":
      return new Layout(LIST, read, { of: layoutOf(form.of), least: form.least, most: form.most });
    case "tuple":
      return new Layout(TUPLE, read, { parts: form.parts.map(layoutOf) });
    case "record":
      return new Layout(RECORD, read, { of: layoutOf(form.of), check: form.key.read });
    case "object": {
      // What every object has is there for `read` also where it is not in the bytes.
      if (form.keys.some((key) => key in Object.prototype)) return new Layout(ANY, read);
      return new Layout(OBJECT, read, { names: form.keys, parts: form.parts.map(layoutOf) });
    }
    case "union": {
      const [names, options] = [[...form.options.keys()], [...form.options.values()]];
      return new Layout(UNION, read, { names, parts: options.map(layoutOf), key: form.key });
    }
  }
}
