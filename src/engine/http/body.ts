// Bodies, both ways: what a request body of any form is as bytes, and the content codings (gzip, deflate, br, zstd).
// Transfer codings are chunked.ts and request.ts.

import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateRawSync,
  inflateSync,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import { messageOf } from "../../base/error.ts";
import type { File, FormField, Params, RequestBody } from "../hyperscale.d.ts";
import { isHeaderValue } from "./grammar.ts";

/** Bytes a response body may have after decompression. */
export const DECODED_BYTES_MAX = 268_435_456;

export type Coding = NonNullable<Params["compression"]>;

/** A body as sent, before compression. `contentType` is "" where the caller has to know. */
export type EncodedBody = { readonly bytes: Buffer; readonly contentType: string };

/** Bytes of a request body; null for none. Throws TypeError on a value of another type. */
export function encodeBody(body: RequestBody | undefined): EncodedBody | null {
  if (body === undefined || body === null) return null;
  if (typeof body === "string") return { bytes: Buffer.from(body), contentType: "" };
  if (ArrayBuffer.isView(body))
    return { bytes: Buffer.from(body.buffer, body.byteOffset, body.byteLength), contentType: "" };
  if (body instanceof ArrayBuffer) return { bytes: Buffer.from(body), contentType: "" };
  if (body instanceof URLSearchParams) return { bytes: Buffer.from(body.toString()), contentType: FORM };
  if (!isFields(body)) {
    const what = typeof body !== "object" ? typeof body : Array.isArray(body) ? "an array" : kindOf(body);
    throw new TypeError(`the body must be text, bytes or a record of fields, not ${what}: JSON.stringify it for JSON`);
  }
  const fields = Object.entries(body).flatMap(([name, value]): Field[] =>
    isList(value) ? value.map((one): Field => [name, one]) : [[name, value]],
  );
  return fields.some(([, value]) => isFile(value)) ? encodeMultipart(fields) : encodeForm(fields);
}

/** Compresses a request body. */
export function compress(bytes: Buffer, coding: Coding): Buffer {
  switch (coding) {
    case "gzip":
      return gzipSync(bytes);
    case "deflate":
      return deflateSync(bytes);
    case "br":
      return brotliCompressSync(bytes);
    case "zstd":
      return zstdCompressSync(bytes);
    default:
      throw new TypeError(`params.compression must be gzip, deflate, br or zstd, not ${JSON.stringify(coding)}`);
  }
}

/** Undoes a Content-Encoding, the last coding first. Out: the bytes, or what is wrong in words. */
export function decompress(bytes: Buffer, contentEncoding: string, limit = DECODED_BYTES_MAX): Buffer | string {
  let decoded = bytes;
  for (const coding of contentEncoding.split(",").reverse()) {
    const name = coding.trim().toLowerCase();
    if (name === "" || name === "identity") continue;
    try {
      const step = decodeOne(decoded, name, limit);
      if (step === null) return `content-encoding ${JSON.stringify(name)} is not supported`;
      decoded = step;
    } catch (error) {
      const isTooLong =
        error instanceof RangeError ||
        (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE");
      return isTooLong
        ? `the body is longer than ${limit} bytes after ${name}`
        : `the body is not valid ${name}: ${messageOf(error)}`;
    }
  }
  return decoded;
}

function decodeOne(bytes: Buffer, coding: string, limit: number): Buffer | null {
  const options = { maxOutputLength: limit };
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return gunzipSync(bytes, options);
    case "deflate":
      // The field says zlib's format; some servers send the bare stream (RFC 9110 8.4.1.2). zlib's first byte names
      // method 8.
      return ((bytes[0] ?? 0) & 15) === 8 ? inflateSync(bytes, options) : inflateRawSync(bytes, options);
    case "br":
      return brotliDecompressSync(bytes, options);
    case "zstd":
      // Bun's decoder takes a cut stream for a short one.
      if (!isWholeZstd(bytes)) throw new Error("it is cut short or no zstd");
      return zstdDecompressSync(bytes, options);
    default:
      return null;
  }
}

/** Walks the frames and blocks (RFC 8878 3.1) without decoding them: true if the last one is complete. */
function isWholeZstd(bytes: Buffer): boolean {
  let at = 0;
  while (at + 5 <= bytes.length) {
    const magic = bytes.readUInt32LE(at);
    if (magic >= 0x184d2a50 && magic <= 0x184d2a5f && at + 8 <= bytes.length) {
      at += 8 + bytes.readUInt32LE(at + 4);
      continue;
    }
    if (magic !== 0xfd2fb528) return false;
    const descriptor = bytes.readUInt8(at + 4);
    const isSingleSegment = (descriptor & 32) !== 0;
    const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
    at += 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes;
    for (let isLast = false; !isLast;) {
      if (at + 3 > bytes.length) return false;
      const block = bytes.readUIntLE(at, 3);
      isLast = (block & 1) === 1;
      // A run-length block holds one byte, whatever its size says.
      at += ((block >> 1) & 3) === 1 ? 4 : 3 + (block >> 3);
    }
    if ((descriptor & 4) !== 0) at += 4;
  }
  return at === bytes.length && at > 0;
}

type Field = readonly [name: string, value: string | number | boolean | File];

const FORM = "application/x-www-form-urlencoded";

/** A record, and not what would be sent as nothing at all (Map, Date, FormData, a promise). */
function isFields(body: unknown): body is Readonly<Record<string, FormField>> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return false;
  if (Object.keys(body).length > 0) return true;
  const prototype: unknown = Object.getPrototypeOf(body);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function kindOf(body: object): string {
  const name = body.constructor?.name;
  return name === undefined || name === "" ? "such an object" : `a ${name}`;
}

function isList(value: FormField): value is Extract<FormField, readonly unknown[]> {
  return Array.isArray(value);
}

function isFile(value: unknown): value is File {
  return typeof value === "object" && value !== null && "data" in value && "filename" in value;
}

/** application/x-www-form-urlencoded, in the order of the record (URL standard 5.2). */
function encodeForm(fields: readonly Field[]): EncodedBody {
  const form = new URLSearchParams();
  for (const [name, value] of fields) form.append(name, textOf(name, value));
  return { bytes: Buffer.from(form.toString()), contentType: FORM };
}

/** multipart/form-data (RFC 7578). */
function encodeMultipart(fields: readonly Field[]): EncodedBody {
  const boundary = `------------------------${Math.random().toString(36).slice(2, 14).padEnd(12, "0")}`;
  const pieces: Buffer[] = [];
  for (const [name, value] of fields) {
    const disposition = `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(name)}"`;
    if (isFile(value)) {
      if (!isHeaderValue(value.content_type))
        throw new TypeError(`the content type of file ${JSON.stringify(name)} has a line break`);
      pieces.push(
        Buffer.from(
          `${disposition}; filename="${escapeName(value.filename)}"\r\nContent-Type: ${value.content_type}\r\n\r\n`,
        ),
      );
      pieces.push(typeof value.data === "string" ? Buffer.from(value.data) : Buffer.from(value.data));
    } else {
      pieces.push(Buffer.from(`${disposition}\r\n\r\n${textOf(name, value)}`));
    }
    pieces.push(Buffer.from("\r\n"));
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  return { bytes: Buffer.concat(pieces), contentType: `multipart/form-data; boundary=${boundary}` };
}

function textOf(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new TypeError(
    `body field ${JSON.stringify(name)} must be text, a number, a boolean or http.file(), ` +
      `not ${value === null ? "null" : typeof value} (JSON.stringify the body to send JSON)`,
  );
}

/** As browsers do it (HTML standard, multipart/form-data encoding). */
function escapeName(name: string): string {
  return name.replace(/\n/g, "%0A").replace(/\r/g, "%0D").replace(/"/g, "%22");
}
