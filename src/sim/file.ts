// One file of the simulated disk: cached bytes, durable bytes, and the writes in between, from which a crash chooses
// for each sector.

import type { CrashChoice } from "./disk.ts";

/** What survives a crash whole or not at all. */
export const SECTOR_BYTES = 512;

/** How many writes there were, and the size, when a sync began. */
export type SyncMark = { readonly writes: number; readonly sizeBytes: number };
/**
 * What one write, by its number, made of the sectors from `sector` on: whole ones, `length` bytes of `shelf` from
 * `start`. `isZeros`: nothing but zeros.
 */
type Written = {
  readonly write: number;
  readonly sector: number;
  readonly shelf: Uint8Array;
  readonly start: number;
  readonly length: number;
  readonly isZeros: boolean;
};

/** A file keeps what it may lose in pieces of memory up to this: one of its own for each write is far slower. */
const SHELF_BYTES_MAX = 65_536;

export class SimFile {
  /** Both as far as something other than zeros was written, or with room behind that. */
  #cached = new Uint8Array(0);
  #durable = new Uint8Array(0);
  #sizeBytes = 0;
  #durableBytes = 0;
  #writes = 0;
  /** Unsynced, oldest first. */
  #pending: Written[] = [];
  /** Holds the bytes of the newest of them; used from the beginning again when all is synced. */
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
    const first = Math.floor(position / SECTOR_BYTES);
    // A log is zeros up to its end before it is written: nothing keeps those.
    if (position >= this.#sizeBytes && position >= this.#cached.length && isBlank(position, bytes)) {
      this.#sizeBytes = end;
      const length = sectorsUp(end) - position;
      this.#pending.push({
        write: ++this.#writes,
        sector: first,
        shelf: zeros(length),
        start: 0,
        length,
        isZeros: true,
      });
      return;
    }
    this.#cached = roomy(this.#cached, sectorsUp(end));
    this.#cached.set(bytes, position);
    this.#sizeBytes = Math.max(this.#sizeBytes, end);
    this.#keep(first, this.#cached.subarray(first * SECTOR_BYTES, sectorsUp(end)));
  }

  /** Copies what a write made of whole sectors, until it is synced. */
  #keep(sector: number, bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.#pending.length === 0) this.#shelfUsed = 0;
    if (this.#shelfUsed + length > this.#shelf.length) {
      this.#shelf = new Uint8Array(Math.max(length, Math.min(2 * this.#shelf.length, SHELF_BYTES_MAX)));
      this.#shelfUsed = 0;
    }
    const start = this.#shelfUsed;
    this.#shelf.set(bytes, start);
    this.#shelfUsed += length;
    this.#pending.push({ write: ++this.#writes, sector, shelf: this.#shelf, start, length, isZeros: false });
  }

  mark(): SyncMark {
    return { writes: this.#writes, sizeBytes: this.#sizeBytes };
  }

  /** Makes durable what was there at the mark. */
  sync(mark: SyncMark): void {
    this.#durableBytes = Math.max(this.#durableBytes, mark.sizeBytes);
    let synced = 0;
    for (const { write, sector, shelf, start, length, isZeros } of this.#pending) {
      if (write > mark.writes) break;
      synced++;
      if (isZeros && sector * SECTOR_BYTES >= this.#durable.length) continue;
      this.#durable = roomy(this.#durable, sector * SECTOR_BYTES + length);
      put(this.#durable, this.#durableBytes, sector, shelf.subarray(start, start + length));
    }
    if (synced === this.#pending.length) this.#pending.length = 0;
    else this.#pending.splice(0, synced);
  }

  /** After a failed sync: the cache keeps what it holds, and nothing of it is written any more. */
  forget(): void {
    this.#pending = [];
  }

  damage(change: (bytes: Uint8Array) => void): void {
    const bytes = resized(this.#cached, this.#sizeBytes);
    change(bytes);
    this.#cached = bytes.slice();
    this.#durable = bytes;
    this.#durableBytes = bytes.length;
    this.#pending = [];
  }

  /** The file after a crash. */
  survivor(choose: CrashChoice): SimFile {
    const isGrown = this.#sizeBytes > this.#durableBytes && choose(1) === 1;
    const length = isGrown ? this.#sizeBytes : this.#durableBytes;
    // Zeros at its end are not kept here either.
    let written = this.#durable.length;
    for (const one of this.#pending)
      if (!one.isZeros) written = Math.max(written, one.sector * SECTOR_BYTES + one.length);
    const bytes = resized(this.#durable.subarray(0, this.#durableBytes), Math.min(written, length));
    for (const [sector, versions] of this.#versions()) {
      const chosen = versions[choose(versions.length) - 1];
      if (chosen !== undefined) put(bytes, bytes.length, sector, chosen);
    }
    const survivor = new SimFile();
    survivor.#cached = bytes;
    survivor.#sizeBytes = length;
    survivor.#durable = bytes.slice();
    survivor.#durableBytes = length;
    return survivor;
  }

  /** Contents of each unsynced sector, oldest first. */
  #versions(): ReadonlyMap<number, readonly Uint8Array[]> {
    const sectors = new Map<number, Uint8Array[]>();
    for (const { sector: first, shelf, start, length } of this.#pending) {
      for (let at = 0; at < length; at += SECTOR_BYTES) {
        const sector = first + at / SECTOR_BYTES;
        const version = shelf.subarray(start + at, start + Math.min(at + SECTOR_BYTES, length));
        const versions = sectors.get(sector);
        if (versions === undefined) sectors.set(sector, [version]);
        else versions.push(version);
      }
    }
    return sectors;
  }
}

/** Writes as much of the sectors from `sector` on as there is of a file of that length. */
function put(file: Uint8Array, length: number, sector: number, content: Uint8Array): void {
  const start = sector * SECTOR_BYTES;
  if (start < length) file.set(start + content.length <= length ? content : content.subarray(0, length - start), start);
}

/** The same bytes with room for so many. */
function roomy(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  return length <= bytes.length ? bytes : resized(bytes, Math.max(length, 2 * bytes.length));
}

/** What zeros are kept as: one piece of memory for all. */
const ZEROS = new Uint8Array(2 ** 20);

function zeros(length: number): Uint8Array {
  return length <= ZEROS.length ? ZEROS.subarray(0, length) : new Uint8Array(length);
}

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
