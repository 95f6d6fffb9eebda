// Small blobs in packs (pack-format.ts) on a disk: those that come together share one write and one sync. What a blob
// is sealed with, and that its digest is right, is packed-blobs.ts's. A start begins a new pack; of one that was not
// closed in order the last batch is written again, because nobody knows whether its sync succeeded.

import { HyperscaleError } from "../../base/error.ts";
import { crc32c } from "../../base/crc32c.ts";
import { DiskError, diskErrorCode } from "../../io/disk-error.ts";
import { within } from "../../io/files.ts";
import type { Disk, DiskFile } from "../../io/world.ts";
import { writeAll } from "../../io/write-all.ts";
import {
  encodeBatch,
  endMark,
  lastBatch,
  PACK_HEADER_BYTES,
  PACK_VERSION,
  packHeader,
  type PackPlace,
  packVersion,
  scanPack,
} from "./pack-format.ts";
import { PackIndex } from "./pack-index.ts";

/** A pack is closed when it is larger. Raise: fewer files; more is written anew for what is no longer needed. */
const PACK_BYTES = 16 * 1_048_576;
/** Bytes of blobs in one batch, at most (or one blob). */
const BATCH_BYTES_MAX = 4 * 1_048_576;
/** Packs written anew by one `tidy`: the disk is needed for other things too. */
const REWRITTEN_MAX = 4;
const NAME = /^(\d{8,10})\.pack$/;

export type PackOptions = {
  readonly disk: Disk;
  readonly directory: string;
  readonly packBytes?: number;
  /** Told of every blob of every pack that is read at the start, the newest copy of one last. */
  readonly seen?: (digest: string, payload: Uint8Array) => void;
};

/** The pack that is written to. `reads`: settles when nobody reads from its file any more; it is not closed before. */
type Active = {
  readonly number: number;
  readonly file: DiskFile;
  sizeBytes: number;
  batch: number;
  isNamed: boolean;
  reads: Promise<unknown>;
};
type Incoming = { readonly digest: string; readonly payload: Uint8Array };
type Queued = Incoming & { readonly settled: PromiseWithResolvers<void> };

/** Reads all packs. In: the folder is there. Throws DiskError, and `storage` for packs of another version. */
export async function openPacks(options: PackOptions): Promise<PackStore> {
  const { disk, directory, packBytes = PACK_BYTES, seen = () => {} } = options;
  const index = new PackIndex(packBytes);
  const numbers = (await disk.list(directory)).flatMap((name) => {
    const [, number] = NAME.exec(name) ?? [];
    return number === undefined ? [] : [Number(number)];
  });
  for (const number of numbers.toSorted((a, b) => a - b))
    await readPack(disk, { path: pathOf(directory, number), number, index, seen });
  // The name of the last may be in the cache alone.
  if (numbers.length > 0) await disk.syncDirectory(directory);
  return new PackStore({ disk, directory, packBytes, index, next: 1 + Math.max(0, ...numbers) });
}

export class PackStore {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #packBytes: number;
  readonly #index: PackIndex;
  #next: number;
  #active: Active | null = null;
  #queued: Queued[] = [];
  /** Writing and tidying follow one another. */
  #turn: Promise<void> = Promise.resolve();

  constructor(made: Required<Omit<PackOptions, "seen">> & { readonly index: PackIndex; readonly next: number }) {
    this.#disk = made.disk;
    this.#directory = made.directory;
    this.#packBytes = made.packBytes;
    this.#index = made.index;
    this.#next = made.next;
  }

  /** Blobs. */
  get size(): number {
    return this.#index.size;
  }

  digests(): readonly string[] {
    return [...this.#index.digests()];
  }

  /** Where it lies, which is another place once it was put again; null: it is not here. */
  find(digest: string): PackPlace | null {
    return this.#index.get(digest);
  }

  /** Durable when it resolves. Rejects with DiskError; then it is here only if it was before. */
  put(digest: string, payload: Uint8Array): Promise<void> {
    const settled = Promise.withResolvers<void>();
    this.#queued.push({ digest, payload, settled });
    if (this.#queued.length === 1) this.#writeSoon();
    return settled.promise;
  }

  /** The payload; null: it is not here, or is damaged, and then no longer here. Rejects with DiskError. */
  async read(digest: string): Promise<Uint8Array | null> {
    for (let place = this.#index.get(digest); place !== null; place = this.#index.get(digest)) {
      const payload = await this.#payloadAt(place);
      if (payload !== null) return payload;
      // It was damaged, or moved to another pack meanwhile.
      this.#index.delete(digest, place);
    }
    return null;
  }

  /** It is no longer here; `place`: unless it was put again since it was found there. */
  forget(digest: string, place?: PackPlace): void {
    this.#index.delete(digest, place);
  }

  /** Gives space back: removes packs of which nothing is needed, and writes some anew that hold little. */
  tidy(): Promise<void> {
    return this.#take(() => this.#tidy());
  }

  // ── writing ─────────────────────────────────────────────────────────────────────────────────────

  #take(run: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => {});
    return result;
  }

  #writeSoon(): void {
    // Never rejects: each that waits is told by itself.
    void this.#take(async () => {
      let bytes = 0;
      const first = this.#queued.findIndex(({ payload }, at) => (bytes += payload.length) > BATCH_BYTES_MAX && at > 0);
      const batch = this.#queued.splice(0, first < 0 ? this.#queued.length : first);
      if (this.#queued.length > 0) this.#writeSoon();
      await this.#append(batch).then(
        () => batch.forEach(({ settled }) => settled.resolve()),
        (error: unknown) => batch.forEach(({ settled }) => settled.reject(error)),
      );
    });
  }

  async #append(blobs: readonly Incoming[]): Promise<void> {
    const active = this.#active ?? (await this.#begin());
    const target = { pack: active.number, at: active.sizeBytes, batch: active.batch };
    const { bytes, places } = encodeBatch(target, blobs);
    try {
      await writeAll(active.file, active.sizeBytes, bytes);
      await active.file.syncData();
      if (!active.isNamed) await this.#disk.syncDirectory(this.#directory);
    } catch (error) {
      await this.#abandon(active);
      throw error;
    }
    active.isNamed = true;
    active.sizeBytes += bytes.length;
    active.batch++;
    this.#index.grown(active.number, active.sizeBytes);
    for (const [at, { digest }] of blobs.entries()) {
      const place = places[at];
      if (place !== undefined) this.#index.add(digest, place);
    }
    if (active.sizeBytes >= this.#packBytes) await this.#close(active);
  }

  async #begin(): Promise<Active> {
    const number = this.#next++;
    const path = this.#path(number);
    const file = await this.#disk.open(path, "create");
    const reads = Promise.resolve();
    const active: Active = { number, file, sizeBytes: PACK_HEADER_BYTES, batch: 1, isNamed: false, reads };
    this.#index.grown(number, PACK_HEADER_BYTES);
    try {
      await writeAll(file, 0, packHeader(number));
    } catch (error) {
      await this.#abandon(active);
      throw error;
    }
    this.#active = active;
    return active;
  }

  /** After a failure nothing is known of its last batch: nothing is written behind it. */
  async #abandon({ number, file, reads }: Active): Promise<void> {
    this.#active = null;
    await quietly(async () => {
      await reads;
      await file.close();
      if (!this.#index.isNeeded(number)) await this.#remove(number);
    });
  }

  /** All of it is on disk; a mark that is lost costs the next start a write. */
  async #close({ number, file, sizeBytes, reads }: Active): Promise<void> {
    this.#active = null;
    const mark = endMark(number, sizeBytes);
    await quietly(() => writeAll(file, mark.at, mark.bytes));
    await reads;
    await quietly(() => file.close());
  }

  // ── tidying ─────────────────────────────────────────────────────────────────────────────────────

  async #tidy(): Promise<void> {
    const unneeded = this.#index.unneeded();
    for (const number of unneeded) {
      if (this.#active !== null && this.#active.number === number) await this.#close(this.#active);
      await this.#remove(number);
    }
    const wasteful = this.#index.wasteful(this.#active?.number ?? null).slice(0, REWRITTEN_MAX);
    for (const number of wasteful) await this.#rewrite(number);
    if (unneeded.length + wasteful.length > 0) await this.#disk.syncDirectory(this.#directory);
  }

  /** What is needed of a pack goes to the one that is written to; what is damaged is not here any more. */
  async #rewrite(number: number): Promise<void> {
    const bytes = await readAll(this.#disk, this.#path(number));
    let batch: Incoming[] = [];
    let batchBytes = 0;
    const flush = async (): Promise<void> => {
      if (batch.length > 0) await this.#append(batch);
      batch = [];
      batchBytes = 0;
    };
    for (const { digest, place } of scanPack(bytes, number).records) {
      if (!this.#index.isAt(digest, place)) continue;
      batch.push({ digest, payload: bytes.subarray(place.at, place.at + place.length) });
      batchBytes += place.length;
      if (batchBytes >= BATCH_BYTES_MAX) await flush();
    }
    await flush();
    for (const digest of this.digests()) if (this.#index.get(digest)?.pack === number) this.#index.delete(digest);
    await this.#remove(number);
  }

  async #remove(number: number): Promise<void> {
    await this.#disk.remove(this.#path(number)).catch((error: unknown) => {
      if (diskErrorCode(error) !== "missing") throw error;
    });
    this.#index.removed(number);
  }

  // ── reading ─────────────────────────────────────────────────────────────────────────────────────

  async #payloadAt({ pack, at, length, crc }: PackPlace): Promise<Uint8Array | null> {
    const payload =
      this.#active?.number === pack
        ? await readActive(this.#active, at, length)
        : await readPart(this.#disk, { path: this.#path(pack), at, length });
    return payload?.length === length && crc32c(payload) === crc ? payload : null;
  }

  #path(number: number): string {
    return pathOf(this.#directory, number);
  }
}

/** One pack at a start: into the index, and all of it on disk. */
async function readPack(
  disk: Disk,
  pack: {
    readonly path: string;
    readonly number: number;
    readonly index: PackIndex;
    readonly seen: (digest: string, payload: Uint8Array) => void;
  },
): Promise<void> {
  const { path, number, index, seen } = pack;
  const bytes = await readAll(disk, path);
  const version = packVersion(bytes);
  if (version !== null && version !== PACK_VERSION)
    throw new HyperscaleError("storage", `${path} is of version ${version}, and this is ${PACK_VERSION}`, {
      hint: "start the version of hyperscale that wrote it, or a newer one",
    });
  const scan = scanPack(bytes, number);
  if (!scan.isClosed) await settle(disk, { path, number, bytes, last: lastBatch(scan) });
  index.grown(number, bytes.length);
  for (const { digest, place } of scan.records) {
    index.add(digest, place);
    seen(digest, bytes.subarray(place.at, place.at + place.length));
  }
}

/**
 * A pack that was not closed: a failed sync may have left its last batch in the cache alone, taken for clean. Written
 * again it is on disk, or the disk says that it is not.
 */
async function settle(
  disk: Disk,
  pack: {
    readonly path: string;
    readonly number: number;
    readonly bytes: Uint8Array;
    readonly last: { readonly start: number; readonly end: number } | null;
  },
): Promise<void> {
  const { path, number, bytes, last } = pack;
  if (last === null) return;
  const file = await disk.open(path, "write");
  try {
    await writeAll(file, last.start, bytes.subarray(last.start, last.end));
    await file.syncData();
    const mark = endMark(number, bytes.length);
    await quietly(() => writeAll(file, mark.at, mark.bytes));
  } finally {
    await file.close();
  }
}

async function readAll(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, "read");
  try {
    return await file.read(0, await file.sizeBytes());
  } finally {
    await file.close();
  }
}

/** What was put last is asked for first, and its file is open already. */
function readActive(active: Active, at: number, length: number): Promise<Uint8Array> {
  const read = active.file.read(at, length);
  active.reads = Promise.allSettled([active.reads, read]);
  return read;
}

/** null: the file is not there. */
async function readPart(
  disk: Disk,
  { path, at, length }: { readonly path: string; readonly at: number; readonly length: number },
): Promise<Uint8Array | null> {
  const file = await disk.open(path, "read").catch((error: unknown) => {
    if (diskErrorCode(error) !== "missing") throw error;
    return null;
  });
  if (file === null) return null;
  try {
    return await file.read(at, length);
  } finally {
    await file.close();
  }
}

/** What may fail without harm: the next start, or the next tidying, does it. */
async function quietly(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
  }
}

function pathOf(directory: string, number: number): string {
  return within(directory, `${String(number).padStart(8, "0")}.pack`);
}
