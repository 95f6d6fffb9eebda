// A table of messages: for each kind its tag on the wire, its lane and its schema. From it: bytes of a message, and a
// message from bytes. It knows no message itself; the node's table is node/protocol.ts.

import type * as z from "../base/schema.ts";
import { assert } from "../base/assert.ts";
import { decode, type Decoder, decoderOf, encodeBehind } from "./codec.ts";
import { FRAME_HEADER_BYTES, type Lane, putHeader, TAG_MAX, TAG_RESERVED } from "./frame.ts";

/** What travels: a kind of the table and its body. */
export type Message<Kind extends string = string, Body = unknown> = { readonly kind: Kind; readonly body: Body };

/** One row. `tag`: 10 to 65,000, append only, never reused. */
export type Row<Body = unknown> = { readonly tag: number; readonly lane: Lane; readonly schema: z.Schema<Body> };
export type Table = Readonly<Record<string, Row>>;

/** The messages of a table. */
export type MessageOf<Rows extends Table> = {
  [Kind in keyof Rows & string]: Message<Kind, z.infer<Rows[Kind]["schema"]>>;
}[keyof Rows & string];

/** The table of these messages. */
type TableOf<Any extends Message> = {
  readonly [Kind in Any["kind"]]: Row<Extract<Any, Message<Kind>>["body"]>;
};

/** What came under a known tag and is none of its messages. `body`: as far as it can be read at all, else null. */
export type Misread = {
  readonly kind: "invalid";
  readonly of: string;
  readonly body: unknown;
  /** What is wrong with it, and where: 200 characters at most. */
  readonly text: string;
};

/** unknown: a tag of a newer version. invalid: not decodable, or not of its schema. Both are dropped and counted. */
export type Unpacked<Any> =
  { readonly kind: "message"; readonly message: Any } | { readonly kind: "unknown"; readonly text: string } | Misread;

export type Protocol<Any extends Message> = {
  /** Lane and frame of a message. Not validated: what this node says is typed. */
  pack(message: Any): { readonly lane: Lane; readonly frame: Uint8Array };
  /** Never throws. */
  unpack(tag: number, payload: Uint8Array): Unpacked<Any>;
};

/** What is wrong may quote what the other side sent. */
const PROBLEM_LENGTH_MAX = 200;

/** Throws AssertionError when two kinds share a tag or a tag is out of bounds. */
export function defineProtocol<Any extends Message>(table: TableOf<Any>): Protocol<Any> {
  const rows = new Map<string, Row>(Object.entries<Row>(table));
  const byTag = new Map<number, { readonly kind: string; readonly decode: Decoder<unknown> }>();
  for (const [kind, row] of rows) {
    const { tag } = row;
    assert(Number.isInteger(tag) && tag > TAG_RESERVED && tag <= TAG_MAX, `the tag of ${kind} is in bounds`);
    assert(!byTag.has(tag), `tag ${tag} is given once`);
    byTag.set(tag, { kind, decode: decoderOf(row.schema) });
  }
  /** True for a body that the schema of this kind has read. */
  const isOf = (message: Message, kind: string): message is Any => message.kind === kind;
  return {
    pack({ kind, body }) {
      const row = rows.get(kind);
      assert(row !== undefined, `${kind} is in the table`);
      const { lane, tag } = row;
      const frame = encodeBehind(FRAME_HEADER_BYTES, body);
      putHeader(frame, lane, tag);
      return { lane, frame };
    },
    unpack(tag, payload) {
      const row = byTag.get(tag);
      if (row === undefined) return { kind: "unknown", text: `tag ${tag}` };
      const decoded = row.decode(payload);
      if (!decoded.ok) {
        const raw = decode(payload);
        const text = decoded.message.slice(0, PROBLEM_LENGTH_MAX);
        return { kind: "invalid", of: row.kind, body: raw.ok ? raw.value : null, text };
      }
      const message: Message = { kind: row.kind, body: decoded.value };
      return isOf(message, row.kind) ? { kind: "message", message } : { kind: "unknown", text: row.kind };
    },
  };
}
