// One file of the simulated disk: cached bytes, and of each unsynced write what it took the place of. From these follow
// the durable bytes and, for each sector, the versions from which a crash chooses. A file is written and synced far
// more often than it crashes: what a sync makes durable is not copied, only what would be needed to undo it is dropped.

import type { CrashChoice } from "./disk.ts";

/** What survives a crash whole or not at all. */
export const SECTOR_BYTES = 512;

/** How many writes there were, and the size, when a sync began. */
export type SyncMark = { readonly writes: number; readonly sizeBytes: number };
/**
 * What one write, by its number, took the place of: `length` bytes of the sectors from `sector` on, whole ones. The
 * first `kept` of them lie in `shelf` from `start`, the others were zeros.
 */
type Written = {
  readonly write: number;
  readonly sector: number;
  readonly length: number;
  readonly shelf: Uint8Array;
  readonly start: number;
  readonly kept: number;
};

/** A file keeps what it may lose in pieces of memory up to this: one of its own for each write is far slower. */
const SHELF_BYTES_MAX = 65_536;
/** What a file that is written to begins with. */
const ROOM_BYTES_MIN = 4_096;

export class SimFile {
  /** As far as something other than zeros was written (`extent`, whole sectors), with room behind that. */
  #cached = new Uint8Array(0);
  #extentBytes = 0;
  #sizeBytes = 0;
  #durableBytes = 0;
  #writes = 0;
  /** Unsynced, oldest first. */
  #pending: Written[] = [];
  /** Durable content of sectors whose cached one is taken for clean and is not on disk, after a failed sync. */
  readonly #lost = new Map<number, Uint8Array>();
  /** Holds what the newest of `pending` took the place of; used from the beginning again when all is synced. */
  #shelf = new Uint8Array(0);
  #shelfUsed = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get unsyncedSectors(): number {
    return this.#versions().size;
  }

  read(position: number, length: number): Uint8Array {
    const start = Math.min(position, this.#sizeBytes);
    const end = Math.min(position + length, this.#sizeBytes);
    if (end <= this.#cached.length) return this.#cached.slice(start, end);
    return resized(this.#cached.subarray(start), end - start);
  }

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length;
    const endOfSectors = sectorsUp(end);
    const first = Math.floor(position / SECTOR_BYTES);
    const start = first * SECTOR_BYTES;
    // A log is zeros up to its end before it is written: nothing keeps those.
    const isZeros = position >= this.#sizeBytes && position >= this.#extentBytes && isBlank(position, bytes);
    this.#keep(first, endOfSectors - start, Math.max(0, Math.min(endOfSectors, this.#extentBytes) - start));
    this.#sizeBytes = Math.max(this.#sizeBytes, end);
    if (isZeros) return;
    this.#cached = roomy(this.#cached, endOfSectors);
    this.#cached.set(bytes, position);
    this.#extentBytes = Math.max(this.#extentBytes, endOfSectors);
  }

  /** Copies what a write is about to take the place of, until it is synced. */
  #keep(sector: number, length: number, kept: number): void {
    if (this.#pending.length === 0) this.#shelfUsed = 0;
    if (this.#shelfUsed + kept > this.#shelf.length) {
      this.#shelf = new Uint8Array(Math.max(kept, Math.min(2 * this.#shelf.length, SHELF_BYTES_MAX)));
      this.#shelfUsed = 0;
    }
    const start = this.#shelfUsed;
    if (kept > 0) {
      const from = sector * SECTOR_BYTES;
      this.#shelf.set(this.#cached.subarray(from, from + kept), start);
      this.#shelfUsed += kept;
    }
    this.#pending.push({ write: ++this.#writes, sector, length, shelf: this.#shelf, start, kept });
  }

  mark(): SyncMark {
    return { writes: this.#writes, sizeBytes: this.#sizeBytes };
  }

  /** Makes durable what was there at the mark. */
  sync(mark: SyncMark): void {
    this.#durableBytes = Math.max(this.#durableBytes, mark.sizeBytes);
    let synced = 0;
    for (const written of this.#pending) {
      if (written.write > mark.writes) break;
      synced++;
      if (this.#lost.size > 0) for (const sector of sectorsOf(written)) this.#lost.delete(sector);
    }
    if (synced === this.#pending.length) this.#pending.length = 0;
    else this.#pending.splice(0, synced);
  }

  /** After a failed sync: the cache keeps what it holds, and nothing of it is written any more. */
  forget(): void {
    for (const written of this.#pending)
      for (const sector of sectorsOf(written))
        if (!this.#lost.has(sector)) this.#lost.set(sector, before(written, sector).slice());
    this.#pending.length = 0;
  }

  damage(change: (bytes: Uint8Array) => void): void {
    const bytes = resized(this.#cached, this.#sizeBytes);
    change(bytes);
    this.#become(bytes, bytes.length);
  }

  /** The file after a crash. */
  survivor(choose: CrashChoice): SimFile {
    const isGrown = this.#sizeBytes > this.#durableBytes && choose(1) === 1;
    const length = isGrown ? this.#sizeBytes : this.#durableBytes;
    const chosen = new Map<number, Uint8Array>();
    for (const [sector, versions] of this.#versions()) {
      const version = versions[choose(versions.length - 1)];
      if (version !== undefined) chosen.set(sector, version);
    }
    // Zeros at its end are not kept here either.
    const bytes = resized(this.#cached, Math.min(this.#extentBytes, length));
    for (const [sector, content] of this.#lost) put(bytes, sector, content);
    for (const [sector, content] of chosen) put(bytes, sector, content);
    const survivor = new SimFile();
    survivor.#become(bytes, length);
    return survivor;
  }

  /** These bytes and zeros behind them, all of it durable. */
  #become(bytes: Uint8Array, length: number): void {
    this.#extentBytes = sectorsUp(bytes.length);
    this.#cached = resized(bytes, this.#extentBytes);
    this.#sizeBytes = length;
    this.#durableBytes = length;
    this.#pending.length = 0;
    this.#lost.clear();
  }

  /** Contents of each unsynced sector, the durable one first, then oldest first. */
  #versions(): ReadonlyMap<number, readonly Uint8Array[]> {
    const sectors = new Map<number, Uint8Array[]>();
    for (const written of this.#pending) {
      for (const sector of sectorsOf(written)) {
        const versions = sectors.get(sector);
        // What a write took the place of is what the write before it had made.
        if (versions === undefined) sectors.set(sector, [this.#lost.get(sector) ?? before(written, sector)]);
        else versions.push(before(written, sector));
      }
    }
    for (const [sector, versions] of sectors) {
      const start = sector * SECTOR_BYTES;
      versions.push(start < this.#extentBytes ? this.#cached.subarray(start, start + SECTOR_BYTES) : ZEROS);
    }
    return sectors;
  }
}

function* sectorsOf({ sector, length }: Written): Iterable<number> {
  for (let at = 0; at < length; at += SECTOR_BYTES) yield sector + at / SECTOR_BYTES;
}

/** What a sector held before the write. In: one of the write's. */
function before({ sector: first, shelf, start, kept }: Written, sector: number): Uint8Array {
  const at = (sector - first) * SECTOR_BYTES;
  return at < kept ? shelf.subarray(start + at, start + at + SECTOR_BYTES) : ZEROS;
}

/** Writes as much of a sector as there is of the file. */
function put(file: Uint8Array, sector: number, content: Uint8Array): void {
  const start = sector * SECTOR_BYTES;
  if (start < file.length) file.set(content.subarray(0, file.length - start), start);
}

/** The same bytes with room for so many. */
function roomy(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  return length <= bytes.length ? bytes : resized(bytes, Math.max(length, 2 * bytes.length, ROOM_BYTES_MIN));
}

/** Of a sector. Nobody writes to it. */
const ZEROS = new Uint8Array(SECTOR_BYTES);

/** Whole sectors from their beginning, all zeros. Ends at the first byte that is none. */
function isBlank(position: number, bytes: Uint8Array): boolean {
  if (position % SECTOR_BYTES !== 0 || bytes.byteOffset % 4 !== 0 || bytes[0] !== 0) return false;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  for (let at = 0; at < words.length; at++) if (words[at] !== 0) return false;
  for (let at = words.length * 4; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

function resized(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}

function sectorsUp(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}
