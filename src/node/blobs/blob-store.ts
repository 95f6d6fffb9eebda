// Contents under their own SHA-256: job bundles, sealed snapshots, results. A blob is whole and durable under its
// name or it is not there; what is read is checked. On disk it is in parts of 64 KiB, each as `values` seal it: one of
// a single part lies in a pack with others (packed-blobs.ts), a larger one in a file of its own. Which blobs are needed
// is told by the ledger's owner (reachability), not known here.

import { assert } from "../../base/assert.ts";
import { HyperscaleError } from "../../base/error.ts";
import { createContentDigest, digestOf } from "../../io/content-digest.ts";
import { DiskError, diskErrorCode } from "../../io/disk-error.ts";
import { within } from "../../io/files.ts";
import type { Disk, DiskFile } from "../../io/world.ts";
import { CLEAR_VALUES } from "../stored-values.ts";
import {
  type Blob,
  type BlobValues,
  checkedParts,
  damagedError,
  inOnePart,
  openedParts,
  PART_BYTES,
  receive,
  requireDigest,
  storage,
  storageError,
} from "./blob-parts.ts";
import { openPackedBlobs } from "./packed-blobs.ts";

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
   * believed only when the iteration ends. A damaged blob throws `storage` there and is put aside (a file as
   * `<digest>.damaged`), so that it is missing from then on and can be fetched from a peer.
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

const BLOB_BYTES_MAX = 256 * 1_048_576;
/** As many as jobs may wait, each with a content of its own, and what those that ran keep. */
const BLOBS_MAX = 400_000;
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
  const found = await storage(directory, async () => {
    await disk.makeDirectory(directory);
    for (const name of await disk.list(directory)) if (name.endsWith(UNFINISHED)) await disk.remove(path(name));
    await disk.syncDirectory(directory);
    return disk.list(directory);
  });
  /** Each file with the number of the `put` that wrote it, 0 for what was there at the start. */
  const names = new Map(found.filter((name) => DIGEST.test(name)).map((name) => [name, 0]));
  /** There may be files that were put aside. */
  let hasDamaged = found.some((name) => name.endsWith(DAMAGED));
  const packed = await storage(directory, () => openPackedBlobs({ disk, directory, values }));

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
        hasDamaged = true;
        await disk.rename(path(digest), path(`${digest}${DAMAGED}`));
        await disk.syncDirectory(directory);
      }
      return damagedError(`the blob ${path(digest)}`);
    });

  const store: BlobStore = {
    async put(content, expected) {
      if (names.size + packed.size >= limits.blobsMax)
        throw new HyperscaleError("invalid", `${directory} holds ${names.size + packed.size} blobs already`);
      if (content instanceof Uint8Array && content.length <= Math.min(PART_BYTES, limits.bytesMax)) {
        const digest = digestOf(content);
        requireDigest(digest, expected);
        unreachableSince.delete(digest);
        const blob = await storage(directory, () => packed.put(content, digest));
        unreachableSince.delete(blob.digest);
        return blob;
      }
      const version = ++written;
      const unfinished = path(`${version}${UNFINISHED}`);
      return storage(directory, async () => {
        const file = await disk.open(unfinished, "create");
        try {
          const blob = await receive(file, { content, values, bytesMax: limits.bytesMax });
          requireDigest(blob.digest, expected);
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
      const bytes = packed.sizeOf(digest);
      if (bytes !== null) return { digest, bytes };
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
      if (packed.sizeOf(digest) !== null) return inOnePart(digest, () => storage(directory, () => packed.get(digest)));
      const version = names.get(digest) ?? 0;
      const file = await openFile(digest);
      return file === null
        ? null
        : checkedParts(file, { digest, directory, values, damaged: () => putAside(digest, version) });
    },
    async get(digest) {
      const content = await storage(directory, () => packed.get(digest));
      if (content !== null) return content;
      const version = names.get(digest) ?? 0;
      const file = await openFile(digest);
      if (file === null) return null;
      try {
        const sealed = await storage(directory, async () =>
          file.read(0, Math.min(await file.sizeBytes(), 2 * limits.bytesMax)),
        );
        const bytes = openedParts(sealed, values, directory);
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
      let resealed = await storage(directory, () => packed.reseal());
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
    list: async () => [...names.keys(), ...packed.digests()].sort(),
    collect: (reachable, nowMs) =>
      change(async () => {
        const removed: string[] = [];
        let isChanged = false;
        for (const digest of [...names.keys(), ...packed.digests()].sort()) {
          const sinceMs = unreachableSince.get(digest);
          if (reachable.has(digest)) unreachableSince.delete(digest);
          else if (sinceMs === undefined) unreachableSince.set(digest, nowMs);
          else if (nowMs - sinceMs >= graceMs) {
            packed.forget(digest);
            if (names.delete(digest)) {
              isChanged = true;
              await disk.remove(path(digest));
            }
            unreachableSince.delete(digest);
            removed.push(digest);
          }
        }
        if (hasDamaged) {
          const damaged = (await disk.list(directory)).filter((name) => name.endsWith(DAMAGED));
          for (const name of damaged) {
            const digest = name.slice(0, -DAMAGED.length);
            // Kept for people while the blob is missed; not when it is whole again, or nobody's.
            if (!names.has(digest) && reachable.has(digest)) continue;
            isChanged = true;
            await disk.remove(path(name));
          }
          hasDamaged = damaged.length > 0;
        }
        if (isChanged) await disk.syncDirectory(directory);
        await packed.tidy();
        return removed;
      }),
  };
  return store;
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
