// One file of the simulated disk: cached bytes, durable bytes, and the versions of each sector in between.

import type { CrashChoice } from "./disk.ts";

/** What survives a crash whole or not at all. */
export const SECTOR_BYTES = 512;

/** How many writes there were, and the size, when a sync began. */
export type SyncMark = { readonly writes: number; readonly sizeBytes: number };
/** What one write, by its number, made of a sector. */
type Version = { readonly write: number; readonly bytes: Uint8Array };

export class SimFile {
  #cached = new Uint8Array(0);
  #sizeBytes = 0;
  #durable = new Uint8Array(0);
  #writes = 0;
  /** Contents of each unsynced sector, oldest first. */
  #pending = new Map<number, Version[]>();

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get unsyncedSectors(): number {
    return this.#pending.size;
  }

  read(position: number, length: number): Uint8Array {
    return this.#cached.slice(Math.min(position, this.#sizeBytes), Math.min(position + length, this.#sizeBytes));
  }

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length;
    if (end > this.#cached.length) {
      const grown = new Uint8Array(Math.max(sectorsUp(end), 2 * this.#cached.length));
      grown.set(this.#cached);
      this.#cached = grown;
    }
    this.#cached.set(bytes, position);
    this.#sizeBytes = Math.max(this.#sizeBytes, end);
    const write = ++this.#writes;
    const first = Math.floor(position / SECTOR_BYTES);
    const copy = this.#cached.slice(first * SECTOR_BYTES, sectorsUp(end));
    for (let sector = first; sector * SECTOR_BYTES < end; sector++) {
      const from = (sector - first) * SECTOR_BYTES;
      const version = { write, bytes: copy.subarray(from, from + SECTOR_BYTES) };
      const versions = this.#pending.get(sector);
      if (versions === undefined) this.#pending.set(sector, [version]);
      else versions.push(version);
    }
  }

  mark(): SyncMark {
    return { writes: this.#writes, sizeBytes: this.#sizeBytes };
  }

  /** Makes durable what was there at the mark. */
  sync(mark: SyncMark): void {
    if (mark.sizeBytes > this.#durable.length) this.#durable = resized(this.#durable, mark.sizeBytes);
    for (const [sector, versions] of this.#pending) {
      const newest = versions.findLast(({ write }) => write <= mark.writes);
      if (newest === undefined) continue;
      put(this.#durable, sector, newest.bytes);
      if (versions.at(-1) === newest) this.#pending.delete(sector);
      else versions.splice(0, versions.indexOf(newest) + 1);
    }
  }

  /** After a failed sync: the cache keeps what it holds, and nothing of it is written any more. */
  forget(): void {
    this.#pending.clear();
  }

  damage(change: (bytes: Uint8Array) => void): void {
    const bytes = this.#cached.slice(0, this.#sizeBytes);
    change(bytes);
    this.#cached = bytes.slice();
    this.#durable = bytes;
    this.#pending.clear();
  }

  /** The file after a crash. */
  survivor(choose: CrashChoice): SimFile {
    const isGrown = this.#sizeBytes > this.#durable.length && choose(1) === 1;
    const bytes = resized(this.#durable, isGrown ? this.#sizeBytes : this.#durable.length);
    for (const [sector, versions] of this.#pending) {
      const chosen = versions[choose(versions.length) - 1];
      if (chosen !== undefined) put(bytes, sector, chosen.bytes);
    }
    const survivor = new SimFile();
    survivor.#cached = bytes;
    survivor.#sizeBytes = bytes.length;
    survivor.#durable = bytes.slice();
    return survivor;
  }
}

/** Writes as much of the sector as the bytes have room for. */
function put(bytes: Uint8Array, sector: number, content: Uint8Array): void {
  const start = sector * SECTOR_BYTES;
  if (start < bytes.length) bytes.set(content.subarray(0, bytes.length - start), start);
}

function resized(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}

function sectorsUp(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}
