// Contents under their own SHA-256: job bundles, sealed snapshots, results. A blob is whole and durable under its
// name or it is not there; what is read is checked. On disk it is in parts of 64 KiB, each as `values` seal it. Which
// blobs are needed is told by the ledger's owner (reachability), not known here.

import { assert } from "../../base/assert.ts";
import { HyperscaleError } from "../../base/error.ts";
import { createContentDigest } from "../../io/content-digest.ts";
import { DiskError, diskErrorCode } from "../../io/disk-error.ts";
import { within } from "../../io/files.ts";
import type { Disk, DiskFile } from "../../io/world.ts";
import { writeAll } from "../../io/write-all.ts";
import { CLEAR_VALUES, type StoredValues } from "../stored-values.ts";

export type BlobStoreOptions = {
  readonly disk: Disk;
  readonly directory: string;
  /** Largest content. */
  readonly blobBytesMax?: number;
  /** Blobs kept at once. */
  readonly blobsMax?: number;
  /** How contents are kept on disk; left out: as they are. */
  readonly values?: BlobValues;
  /** How long a blob that nothing names is kept: longer than it takes from `put` to the entry that names it. */
  readonly graceMs?: number;
};

/** How parts are kept. */
export type BlobValues = Pick<StoredValues, "seal" | "open" | "isOfKnownKey" | "isCurrent" | "overheadBytes">;

export type Blob = { readonly digest: string; readonly bytes: number };

export type BlobStore = {
  /**
   * Keeps a content; durable when it returns. The same content again heals a damaged copy. `expected`: its digest,
   * when known (from a peer). Throws `invalid` when it is too large, too many are kept or it is not what was
   * expected; `storage` (74) when the disk fails or is full (nothing is left behind then).
   */
  put(content: Uint8Array | AsyncIterable<Uint8Array>, expected?: string): Promise<Blob>;
  /** Somebody is about to name it: its grace begins anew. */
  touch(digest: string): void;
  /** Size of a blob, or null when it is not here. */
  find(digest: string): Promise<Blob | null>;
  /**
   * The content in parts of 64 KiB, or null when it is not here. Parts are checked as a whole: what came is
   * believed only when the iteration ends. A damaged blob throws `storage` there and is put aside
   * (`<digest>.damaged`), so that it is missing from then on and can be fetched from a peer.
   */
  stream(digest: string): Promise<AsyncIterable<Uint8Array> | null>;
  /**
   * The whole content, checked before it is returned; null when it is not here or was damaged (then it is put
   * aside).
   */
  get(digest: string): Promise<Uint8Array | null>;
  /** All blobs, by digest. */
  list(): Promise<readonly string[]>;
  /**
   * Seals all blobs anew that are under another key than the one in use, one after the other. Out: how many. Throws
   * `storage`.
   */
  reseal(): Promise<number>;
  /**
   * Removes blobs that were unreachable in an earlier call at least `graceMs` ago and still are. Out: what was
   * removed. `nowMs`: monotonic. After a restart the grace begins anew: a blob may be older than the entry that
   * names it, never the other way.
   */
  collect(reachable: ReadonlySet<string>, nowMs: number): Promise<readonly string[]>;
};

/** A blob in its file, whose name is not yet its digest. */
type Unnamed = {
  readonly unfinished: string;
  readonly digest: string;
  readonly version: number;
  readonly settled: PromiseWithResolvers<void>;
};

const PART_BYTES = 65_536;
const BLOB_BYTES_MAX = 256 * 1_048_576;
const BLOBS_MAX = 100_000;
const GRACE_MS = 60_000;
const DIGEST = /^[0-9a-f]{64}$/;
const UNFINISHED = ".tmp";
const DAMAGED = ".damaged";

/** Opens the store, making its folder where missing and removing what a crash left unfinished. Throws `storage`. */
export async function openBlobStore(options: BlobStoreOptions): Promise<BlobStore> {
  const { disk, directory } = options;
  const limits = { bytesMax: options.blobBytesMax ?? BLOB_BYTES_MAX, blobsMax: options.blobsMax ?? BLOBS_MAX };
  const graceMs = options.graceMs ?? GRACE_MS;
  const values = options.values ?? CLEAR_VALUES;
  const path = (name: string): string => within(directory, name);
  const unreachableSince = new Map<string, number>();
  let written = 0;
  /** Each blob with the number of the `put` that wrote it, 0 for what was there at the start. */
  const names = await storage(directory, async () => {
    await disk.makeDirectory(directory);
    for (const name of await disk.list(directory)) if (name.endsWith(UNFINISHED)) await disk.remove(path(name));
    await disk.syncDirectory(directory);
    return new Map((await disk.list(directory)).filter((name) => DIGEST.test(name)).map((name) => [name, 0]));
  });

  /** Changes of names follow one another: a blob is not removed while it is put again. */
  let lastChange: Promise<unknown> = Promise.resolve();
  const change = <Result>(run: () => Promise<Result>): Promise<Result> => {
    const result = lastChange.then(() => storage(directory, run));
    lastChange = result.catch((error: unknown) => {
      assert(error instanceof HyperscaleError, "a store fails with a sentence");
    });
    return result;
  };

  /** Blobs that are written and have no name yet: those that come while others get theirs share one sync. */
  let unnamed: Unnamed[] = [];
  const name = (written: Omit<Unnamed, "settled">): Promise<void> => {
    const settled = Promise.withResolvers<void>();
    unnamed.push({ ...written, settled });
    if (unnamed.length === 1) void change(nameAll);
    return settled.promise;
  };
  const nameAll = async (): Promise<void> => {
    const blobs = unnamed;
    unnamed = [];
    const fail = ({ settled }: Unnamed, error: unknown): void => settled.reject(storageError(directory, error));
    const renamed = await Promise.all(
      blobs.map((blob) =>
        disk.rename(blob.unfinished, path(blob.digest)).then(
          () => [blob],
          (error: unknown) => (fail(blob, error), []),
        ),
      ),
    );
    const named = renamed.flat();
    try {
      await disk.syncDirectory(directory);
    } catch (error) {
      for (const blob of named) fail(blob, error);
      return;
    }
    for (const { digest, version, settled } of named) {
      names.set(digest, version);
      unreachableSince.delete(digest);
      settled.resolve();
    }
  };

  /** The blob's file, or null. In: a digest of the right form, else it is a bug of the caller. */
  const openFile = async (digest: string): Promise<DiskFile | null> => {
    assert(DIGEST.test(digest), "a digest is 64 hex digits");
    if (!names.has(digest)) return null;
    return storage(directory, () =>
      disk.open(path(digest), "read").catch((error: unknown) => {
        if (diskErrorCode(error) !== "missing") throw error;
        names.delete(digest);
        return null;
      }),
    );
  };

  /** In: which writing of the blob was found damaged. One that was put again since is left alone. */
  const putAside = (digest: string, version: number): Promise<HyperscaleError> =>
    change(async () => {
      if (names.get(digest) === version) {
        names.delete(digest);
        await disk.rename(path(digest), path(`${digest}${DAMAGED}`));
        await disk.syncDirectory(directory);
      }
      return new HyperscaleError("storage", `the blob ${path(digest)} is damaged`, {
        hint: "it was put aside; it is fetched from another node when needed",
      });
    });

  const store: BlobStore = {
    async put(content, expected) {
      if (names.size >= limits.blobsMax)
        throw new HyperscaleError("invalid", `${directory} holds ${names.size} blobs already`);
      const version = ++written;
      const unfinished = path(`${version}${UNFINISHED}`);
      return storage(directory, async () => {
        const file = await disk.open(unfinished, "create");
        try {
          const blob = await receive(file, { content, values, bytesMax: limits.bytesMax });
          if (expected !== undefined && expected !== blob.digest) {
            throw new HyperscaleError("invalid", `a content came as ${blob.digest} where ${expected} was expected`);
          }
          await file.syncData();
          await file.close();
          await name({ unfinished, digest: blob.digest, version });
          return blob;
        } catch (error) {
          await discard(disk, file, unfinished);
          throw error;
        }
      });
    },
    touch: (digest) => void unreachableSince.delete(digest),
    async find(digest) {
      const file = await openFile(digest);
      if (file === null) return null;
      try {
        const size = await storage(directory, () => file.sizeBytes());
        return { digest, bytes: size - values.overheadBytes * Math.ceil(size / (PART_BYTES + values.overheadBytes)) };
      } finally {
        await file.close();
      }
    },
    async stream(digest) {
      const version = names.get(digest) ?? 0;
      const file = await openFile(digest);
      return file === null
        ? null
        : checked(file, { digest, directory, values, damaged: () => putAside(digest, version) });
    },
    async get(digest) {
      const version = names.get(digest) ?? 0;
      const file = await openFile(digest);
      if (file === null) return null;
      try {
        const sealed = await storage(directory, async () =>
          file.read(0, Math.min(await file.sizeBytes(), 2 * limits.bytesMax)),
        );
        const bytes = opened(sealed, values, directory);
        const sum = createContentDigest();
        if (bytes !== null) sum.update(bytes);
        if (bytes !== null && sum.hex() === digest) return bytes;
      } finally {
        await file.close();
      }
      await putAside(digest, version);
      return null;
    },
    async reseal() {
      let resealed = 0;
      // In clear there is nothing to seal anew.
      for (const digest of values.overheadBytes === 0 ? [] : [...names.keys()]) {
        const file = await openFile(digest);
        if (file === null) continue;
        const head = await storage(directory, () => file.read(0, values.overheadBytes)).finally(() => file.close());
        if (head.length === 0 || values.isCurrent(head)) continue;
        const content = await store.get(digest);
        if (content === null) continue;
        await store.put(content, digest);
        resealed++;
      }
      return resealed;
    },
    list: async () => [...names.keys()].sort(),
    collect: (reachable, nowMs) =>
      change(async () => {
        const removed: string[] = [];
        for (const digest of [...names.keys()].sort()) {
          const sinceMs = unreachableSince.get(digest);
          if (reachable.has(digest)) unreachableSince.delete(digest);
          else if (sinceMs === undefined) unreachableSince.set(digest, nowMs);
          else if (nowMs - sinceMs >= graceMs) {
            await disk.remove(path(digest));
            names.delete(digest);
            unreachableSince.delete(digest);
            removed.push(digest);
          }
        }
        for (const name of await disk.list(directory)) {
          const digest = name.endsWith(DAMAGED) ? name.slice(0, -DAMAGED.length) : null;
          // Kept for people while the blob is missed; not when it is whole again, or nobody's.
          if (digest !== null && (names.has(digest) || !reachable.has(digest))) await disk.remove(path(name));
        }
        await disk.syncDirectory(directory);
        return removed;
      }),
  };
  return store;
}

/** Writes the content to the file as it comes. Throws `invalid` beyond the limit. */
async function receive(
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
    if (bytes + part.length > bytesMax) throw new HyperscaleError("invalid", `a blob is larger than ${bytesMax} bytes`);
    const sealed = values.seal(part, placeOf(bytes));
    await writeAll(file, at, sealed);
    digest.update(part);
    bytes += part.length;
    at += sealed.length;
  }
  return { digest: digest.hex(), bytes };
}

/** Which part it is; whose, says the digest of the whole. */
function placeOf(offset: number): string {
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
function opened(sealed: Uint8Array, values: BlobValues, directory: string): Uint8Array | null {
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

function openPart(
  sealed: Uint8Array,
  { offset, values, directory }: { readonly offset: number; readonly values: BlobValues; readonly directory: string },
): Uint8Array | null {
  if (values.isOfKnownKey(sealed)) return values.open(sealed, placeOf(offset));
  throw new HyperscaleError("storage", `a blob in ${directory} is sealed under a key that this node does not have`, {
    hint: "was a key taken out of the key file too early? Put it back, as its last line, and start again",
  });
}

async function* checked(
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

/** Removes an unfinished file as far as the disk lets it: the next start removes it otherwise. */
async function discard(disk: Disk, file: DiskFile, path: string): Promise<void> {
  try {
    await file.close();
    await disk.remove(path);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
  }
}

/** Runs disk work; its failures as sentences. */
async function storage<Result>(directory: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    throw storageError(directory, error);
  }
}

function storageError(directory: string, error: unknown): unknown {
  if (!(error instanceof DiskError)) return error;
  return new HyperscaleError("storage", `blobs in ${directory}: ${error.message}`, { cause: error });
}
