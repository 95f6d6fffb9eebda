// Blobs of a single part, sealed and under their digests, in packs (pack-store.ts). Larger ones are blob-store.ts's.

import { digestOf } from "../../io/content-digest.ts";
import type { Disk } from "../../io/world.ts";
import { type Blob, type BlobValues, openPart, placeOf } from "./blob-parts.ts";
import { openPacks, type PackStore } from "./pack-store.ts";

/** Reads all packs. In: the folder is there. Throws DiskError, and `storage` for packs of another version. */
export async function openPackedBlobs(options: {
  readonly disk: Disk;
  readonly directory: string;
  readonly values: BlobValues;
}): Promise<PackedBlobs> {
  const { disk, directory, values } = options;
  const stale = new Set<string>();
  const seen = (digest: string, payload: Uint8Array): void =>
    void (values.isCurrent(payload) ? stale.delete(digest) : stale.add(digest));
  return new PackedBlobs({ packs: await openPacks({ disk, directory, seen }), directory, values, stale });
}

/** Its methods reject with DiskError. */
export class PackedBlobs {
  readonly #packs: PackStore;
  readonly #directory: string;
  readonly #values: BlobValues;
  /** Those that are sealed under another key than the one in use. */
  readonly #stale: Set<string>;

  constructor(made: {
    readonly packs: PackStore;
    readonly directory: string;
    readonly values: BlobValues;
    readonly stale: Set<string>;
  }) {
    this.#packs = made.packs;
    this.#directory = made.directory;
    this.#values = made.values;
    this.#stale = made.stale;
  }

  /** Blobs. */
  get size(): number {
    return this.#packs.size;
  }

  digests(): readonly string[] {
    return this.#packs.digests();
  }

  /** Bytes of its content; null: it is not here. */
  sizeOf(digest: string): number | null {
    const place = this.#packs.find(digest);
    return place === null ? null : place.length - this.#values.overheadBytes;
  }

  /** Durable when it resolves. In: at most PART_BYTES, and their digest. */
  async put(content: Uint8Array, digest: string): Promise<Blob> {
    await this.#packs.put(digest, this.#values.seal(content, placeOf(0)));
    this.#stale.delete(digest);
    return { digest, bytes: content.length };
  }

  /** The content, checked; null when it is not here or damaged, and then it is not here any more. */
  async get(digest: string): Promise<Uint8Array | null> {
    for (let place = this.#packs.find(digest); place !== null; place = this.#packs.find(digest)) {
      const sealed = await this.#packs.read(digest);
      const where = { offset: 0, values: this.#values, directory: this.#directory };
      const bytes = sealed === null ? null : openPart(sealed, where);
      if (bytes !== null && digestOf(bytes) === digest) return bytes;
      this.#packs.forget(digest, place);
    }
    return null;
  }

  forget(digest: string): void {
    this.#packs.forget(digest);
  }

  /** Seals those anew that are under another key than the one in use. Out: how many. */
  async reseal(): Promise<number> {
    let resealed = 0;
    for (const digest of [...this.#stale]) {
      const content = await this.get(digest);
      this.#stale.delete(digest);
      if (content === null) continue;
      await this.put(content, digest);
      resealed++;
    }
    return resealed;
  }

  /** Gives back the space of what was forgotten. */
  tidy(): Promise<void> {
    return this.#packs.tidy();
  }
}
