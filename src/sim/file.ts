// One file of the simulated disk: cached bytes, durable bytes, and the versions of each sector in between.

import type { CrashChoice } from "./disk.ts";

/** What survives a crash whole or not at all. */
export const SECTOR_BYTES = 512;

/** How far the versions of each sector, and the size, had come when a sync began. */
export type SyncMark = { readonly versions: ReadonlyMap<number, number>; readonly sizeBytes: number };

export class SimFile {
  #cached = new Uint8Array(0);
  #sizeBytes = 0;
  #durable = new Uint8Array(0);
  /** Contents of each unsynced sector, oldest first, and how many were dropped in front. */
  #pending = new Map<number, { dropped: number; readonly versions: Uint8Array[] }>();

  get sizeBytes(): number {
    return this.#sizeBytes;
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
    for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      const pending = this.#pending.get(sector) ?? { dropped: 0, versions: [] };
      pending.versions.push(this.#cached.slice(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES));
      this.#pending.set(sector, pending);
    }
  }

  mark(): SyncMark {
    const versions = new Map(
      [...this.#pending].map(([sector, { dropped, versions: kept }]) => [sector, dropped + kept.length]),
    );
    return { versions, sizeBytes: this.#sizeBytes };
  }

  /** Makes durable what was there at the mark. */
  sync(mark: SyncMark): void {
    if (mark.sizeBytes > this.#durable.length) this.#durable = resized(this.#durable, mark.sizeBytes);
    for (const [sector, through] of mark.versions) {
      const pending = this.#pending.get(sector);
      if (pending === undefined) continue;
      const covered = pending.versions.splice(0, Math.max(0, through - pending.dropped));
      pending.dropped += covered.length;
      const newest = covered.at(-1);
      if (newest !== undefined) put(this.#durable, sector, newest);
      if (pending.versions.length === 0) this.#pending.delete(sector);
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
    for (const [sector, { versions }] of this.#pending) {
      const chosen = versions[choose(versions.length) - 1];
      if (chosen !== undefined) put(bytes, sector, chosen);
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
