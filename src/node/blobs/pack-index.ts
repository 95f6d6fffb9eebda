// Which small blobs there are and in which pack each lies, how much of a pack is still needed, and which packs are
// worth writing anew. No I/O: pack-store.ts reads and writes.

import { recordBytes, type PackPlace } from "./pack-format.ts";

/** A pack of which less than this part is needed is written anew: disks hold twice what is needed, at most. */
const NEEDED_PART_MIN = 0.5;
/** So many packs that are smaller than a quarter of a full one are joined: each start begins a pack. */
const SMALL_PACKS_MAX = 8;
const SMALL_PART = 0.25;

type Pack = { sizeBytes: number; neededBytes: number };

export class PackIndex {
  readonly #packBytes: number;
  readonly #places = new Map<string, PackPlace>();
  readonly #packs = new Map<number, Pack>();

  /** In: bytes of a full pack. */
  constructor(packBytes: number) {
    this.#packBytes = packBytes;
  }

  /** Blobs. */
  get size(): number {
    return this.#places.size;
  }

  digests(): Iterable<string> {
    return this.#places.keys();
  }

  get(digest: string): PackPlace | null {
    return this.#places.get(digest) ?? null;
  }

  /** A pack has that size now. */
  grown(pack: number, sizeBytes: number): void {
    const known = this.#packs.get(pack);
    if (known === undefined) this.#packs.set(pack, { sizeBytes, neededBytes: 0 });
    else known.sizeBytes = sizeBytes;
  }

  /** A blob lies there, and nowhere else from now on. In: a pack that is known. */
  add(digest: string, place: PackPlace): void {
    this.delete(digest);
    this.#places.set(digest, place);
    this.#count(place, 1);
  }

  /** `place`: only when it still lies there. Out: whether it is gone. */
  delete(digest: string, place?: PackPlace): boolean {
    const known = this.#places.get(digest);
    if (known === undefined || (place !== undefined && place !== known)) return false;
    this.#places.delete(digest);
    this.#count(known, -1);
    return true;
  }

  /** Whether a blob of a scan is the one that counts. */
  isAt(digest: string, { pack, at }: PackPlace): boolean {
    const known = this.#places.get(digest);
    return known !== undefined && known.pack === pack && known.at === at;
  }

  /** The pack is no more. In: nothing of it is needed. */
  removed(pack: number): void {
    this.#packs.delete(pack);
  }

  isNeeded(pack: number): boolean {
    return (this.#packs.get(pack)?.neededBytes ?? 0) > 0;
  }

  /** Packs of which nothing is needed, the one that is written to (null: none) among them. */
  unneeded(): readonly number[] {
    return [...this.#packs].flatMap(([pack, { neededBytes }]) => (neededBytes === 0 ? [pack] : []));
  }

  /** Packs that should be written anew, never the one that is written to. */
  wasteful(active: number | null): readonly number[] {
    const others = [...this.#packs].filter(([pack, { neededBytes }]) => pack !== active && neededBytes > 0);
    const small = others.filter(([, { sizeBytes }]) => sizeBytes < SMALL_PART * this.#packBytes);
    const isJoined = small.length > SMALL_PACKS_MAX;
    return others
      .filter(
        ([, pack]) =>
          pack.neededBytes < NEEDED_PART_MIN * pack.sizeBytes ||
          (isJoined && pack.sizeBytes < SMALL_PART * this.#packBytes),
      )
      .map(([pack]) => pack);
  }

  #count({ pack, length }: PackPlace, by: 1 | -1): void {
    const known = this.#packs.get(pack);
    if (known !== undefined) known.neededBytes += by * recordBytes(length);
  }
}
