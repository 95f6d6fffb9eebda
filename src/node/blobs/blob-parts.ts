// The bytes of a blob in its own file: parts of 64 KiB, each sealed by itself, and the digest over all of them. No
// names, no folders: blob-store.ts.

import { HyperscaleError } from "../../base/error.ts";
import { createContentDigest } from "../../io/content-digest.ts";
import { DiskError } from "../../io/disk-error.ts";
import type { DiskFile } from "../../io/world.ts";
import { writeAll } from "../../io/write-all.ts";
import type { StoredValues } from "../stored-values.ts";

/** How parts are kept. */
export type BlobValues = Pick<StoredValues, "seal" | "open" | "isOfKnownKey" | "isCurrent" | "overheadBytes">;

/** SHA-256 of a content in 64 hex digits, and its size. */
export type Blob = { readonly digest: string; readonly bytes: number };

/** Bytes of a part before it is sealed; the last one may be shorter. */
export const PART_BYTES = 65_536;

/** Writes the content to the file as it comes. Throws `invalid` beyond the limit. */
export async function receive(
  file: DiskFile,
  options: {
    readonly content: Uint8Array | AsyncIterable<Uint8Array>;
    readonly values: BlobValues;
    readonly bytesMax: number;
  },
): Promise<Blob> {
  const { content, values, bytesMax } = options;
  const digest = createContentDigest();
  let bytes = 0;
  let at = 0;
  // In clear a content is written as it comes: its parts need no borders.
  for await (const part of values.overheadBytes === 0 && content instanceof Uint8Array ? [content] : parts(content)) {
    if (bytes + part.length > bytesMax) throw tooLarge(bytesMax);
    const sealed = values.seal(part, placeOf(bytes));
    await writeAll(file, at, sealed);
    digest.update(part);
    bytes += part.length;
    at += sealed.length;
  }
  return { digest: digest.hex(), bytes };
}

/** Which part it is; whose, says the digest of the whole. */
export function placeOf(offset: number): string {
  return `blob ${offset}`;
}

/** The content in parts of PART_BYTES, the last one shorter. */
async function* parts(content: Uint8Array | AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const part = new Uint8Array(PART_BYTES);
  let filled = 0;
  for await (const bytes of content instanceof Uint8Array ? [content] : content) {
    for (let at = 0; at < bytes.length;) {
      const taken = Math.min(PART_BYTES - filled, bytes.length - at);
      part.set(bytes.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled < PART_BYTES) continue;
      yield part;
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}

/** The content of a whole file; null: damaged. Throws `storage` when it is under a key that this node does not have. */
export function openedParts(sealed: Uint8Array, values: BlobValues, directory: string): Uint8Array | null {
  if (values.overheadBytes === 0) return sealed;
  const step = PART_BYTES + values.overheadBytes;
  const count = Math.ceil(sealed.length / step);
  const bytes = new Uint8Array(Math.max(0, sealed.length - count * values.overheadBytes));
  for (let at = 0, offset = 0; at < sealed.length; at += step, offset += PART_BYTES) {
    const part = openPart(sealed.subarray(at, at + step), { offset, values, directory });
    if (part === null || offset + part.length > bytes.length) return null;
    bytes.set(part, offset);
  }
  return bytes;
}

/** One part as it was; null: damaged. Throws `storage` when it is under a key that this node does not have. */
export function openPart(
  sealed: Uint8Array,
  { offset, values, directory }: { readonly offset: number; readonly values: BlobValues; readonly directory: string },
): Uint8Array | null {
  if (values.isOfKnownKey(sealed)) return values.open(sealed, placeOf(offset));
  throw new HyperscaleError("storage", `a blob in ${directory} is sealed under a key that this node does not have`, {
    hint: "was a key taken out of the key file too early? Put it back, as its last line, and start again",
  });
}

/** The content part by part; throws what `damaged` resolves to when it turns out not to be whole. Closes the file. */
export async function* checkedParts(
  file: DiskFile,
  blob: {
    readonly digest: string;
    readonly directory: string;
    readonly values: BlobValues;
    readonly damaged: () => Promise<HyperscaleError>;
  },
): AsyncIterable<Uint8Array> {
  const { values, directory } = blob;
  const sum = createContentDigest();
  const step = PART_BYTES + values.overheadBytes;
  try {
    for (let at = 0, offset = 0; ; at += step, offset += PART_BYTES) {
      const sealed = await storage(directory, () => file.read(at, step));
      const part = sealed.length === 0 ? sealed : openPart(sealed, { offset, values, directory });
      if (part === null) break;
      sum.update(part);
      if (part.length > 0) yield part;
      if (sealed.length < step) break;
    }
  } finally {
    await file.close();
  }
  if (sum.hex() !== blob.digest) throw await blob.damaged();
}

/** A content of a single part, as `stream` gives it: nothing of it where it is empty. */
export async function* inOnePart(digest: string, get: () => Promise<Uint8Array | null>): AsyncIterable<Uint8Array> {
  const bytes = await get();
  if (bytes === null) throw damagedError(`the blob ${digest}`);
  if (bytes.length > 0) yield bytes;
}

/** Of a blob that was put aside. */
export function damagedError(what: string): HyperscaleError {
  return new HyperscaleError("storage", `${what} is damaged`, {
    hint: "it was put aside; it is fetched from another node when needed",
  });
}

function tooLarge(bytesMax: number): HyperscaleError {
  return new HyperscaleError("invalid", `a blob is larger than ${bytesMax} bytes`);
}

/** Throws `invalid` for a content that is not the expected one; undefined: any is. */
export function requireDigest(digest: string, expected: string | undefined): void {
  if (expected !== undefined && expected !== digest)
    throw new HyperscaleError("invalid", `a content came as ${digest} where ${expected} was expected`);
}

/** Runs disk work; its failures as sentences. */
export async function storage<Result>(directory: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    throw storageError(directory, error);
  }
}

/** A failure of the disk as a sentence; anything else as it is. */
export function storageError(directory: string, error: unknown): unknown {
  if (!(error instanceof DiskError)) return error;
  return new HyperscaleError("storage", `blobs in ${directory}: ${error.message}`, { cause: error });
}
