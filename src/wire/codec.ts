// Values as bytes and back: msgpack with plain maps. Numbers, strings, booleans, null, bytes, lists and maps with text
// keys; nothing else. What a peer sends never throws here, never touches a prototype and never costs more than its size
// (reader.ts). What is of a known schema is read as it says, at a third of what reading and then checking costs.

import { NO, type Schema } from "../base/schema-core.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { type Decoded, read, readAs } from "./reader.ts";
import { write, writeBehind } from "./writer.ts";

export { type Decoded, DEPTH_MAX } from "./reader.ts";

/**
 * Bytes of a value of the kinds above; `undefined` becomes null. Whole numbers stay below 2^53. The
 * bytes are the caller's own. Throws AssertionError for a value of no such kind.
 */
export function encode(value: unknown): Uint8Array {
  return write(value);
}

/** As `encode`, behind so many bytes (few) that are the caller's to fill. */
export function encodeBehind(headBytes: number, value: unknown): Uint8Array {
  return writeBehind(headBytes, value);
}

/** The value, whose bytes are copies. Of a key that comes twice the last value holds, as in JSON. Never throws. */
export function decode(bytes: Uint8Array): Decoded {
  return read(bytes);
}

/** Bytes to a value of a schema, never throwing; `message`: what is wrong, and where. */
export type Decoder<Value> = (
  bytes: Uint8Array,
) => { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly message: string };

/**
 * Reads what `decode` and then the schema read, in one pass. Made once for a schema, ready at its first bytes. What the
 * schema was given to refine and to transform must not decode anything.
 */
export function decoderOf<Value>(schema: Schema<Value>): Decoder<Value> {
  let layout: Layout | null = null;
  /** True for what a layout of the schema has read. */
  const isRead = (value: unknown): value is Value => value !== NO;
  return (bytes) => {
    layout ??= layoutOf(schema);
    const one = readAs(layout, bytes);
    if (isRead(one)) return { ok: true, value: one };
    const decoded = read(bytes);
    if (!decoded.ok) return decoded;
    const parsed = schema.safeParse(decoded.value);
    return parsed.success ? { ok: true, value: parsed.data } : { ok: false, message: parsed.error.message };
  };
}
