// A file of the simulated disk against a naive one that keeps a whole list of versions for every sector. Goal: what a
// crash may leave is all that the model allows, in the same order of choices. Method: seeded random writes, syncs,
// failed syncs and crashes on both.

import { expect, test } from "bun:test";
import { createPrng, nextBelow, type Prng } from "../../src/base/prng.ts";
import type { CrashChoice } from "../../src/sim/disk.ts";
import { SECTOR_BYTES, SimFile, type SyncMark } from "../../src/sim/file.ts";

const SECTORS = 12;
const EMPTY = new Uint8Array(SECTOR_BYTES);

/** Of each sector: durable, cached, and each unsynced version with the number of its write. */
class NaiveFile {
  sizeBytes = 0;
  durableBytes = 0;
  writes = 0;
  readonly cached = new Uint8Array(SECTORS * SECTOR_BYTES);
  readonly durable = new Map<number, Uint8Array>();
  versions: { readonly write: number; readonly sector: number; readonly content: Uint8Array }[] = [];

  write(position: number, bytes: Uint8Array): void {
    this.cached.set(bytes, position);
    this.writes++;
    const end = position + bytes.length;
    this.sizeBytes = Math.max(this.sizeBytes, end);
    for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      const start = sector * SECTOR_BYTES;
      this.versions.push({ write: this.writes, sector, content: this.cached.slice(start, start + SECTOR_BYTES) });
    }
  }

  sync(mark: SyncMark): void {
    this.durableBytes = Math.max(this.durableBytes, mark.sizeBytes);
    for (const { write, sector, content } of this.versions) if (write <= mark.writes) this.durable.set(sector, content);
    this.versions = this.versions.filter(({ write }) => write > mark.writes);
  }

  crashed(choose: CrashChoice): Uint8Array {
    const isGrown = this.sizeBytes > this.durableBytes && choose(1) === 1;
    const left = new Uint8Array(SECTORS * SECTOR_BYTES);
    for (const [sector, content] of this.durable) left.set(content, sector * SECTOR_BYTES);
    for (const sector of new Set(this.versions.map((version) => version.sector))) {
      const versions = this.versions.filter((version) => version.sector === sector);
      const chosen = versions[choose(versions.length) - 1];
      left.set(chosen?.content ?? this.durable.get(sector) ?? EMPTY, sector * SECTOR_BYTES);
    }
    return left.slice(0, isGrown ? this.sizeBytes : this.durableBytes);
  }
}

function randomBytes(prng: Prng, length: number): Uint8Array {
  // Zeros are kept in a way of their own.
  const isZeros = nextBelow(prng, 4) === 0;
  return Uint8Array.from({ length }, () => (isZeros ? 0 : nextBelow(prng, 256)));
}

function randomWrite(prng: Prng, file: SimFile): { readonly position: number; readonly bytes: Uint8Array } {
  const end = SECTORS * SECTOR_BYTES;
  const anywhere = nextBelow(prng, 2) === 0 ? file.sizeBytes : nextBelow(prng, end);
  const position = Math.min(end - 1, nextBelow(prng, 2) === 0 ? anywhere : anywhere - (anywhere % SECTOR_BYTES));
  return { position, bytes: randomBytes(prng, 1 + nextBelow(prng, Math.min(1_500, end - position))) };
}

test("a crash leaves of a file what it leaves of a naive one, whatever was written, synced and failed before", () => {
  const prng = createPrng(7, "files");
  let failed = 0;
  for (let round = 0; round < 150; round++) {
    const file = new SimFile();
    const naive = new NaiveFile();
    let mark = file.mark();
    for (let at = 0; at < 24; at++) {
      const drawn = nextBelow(prng, 10);
      if (drawn < 5) {
        const { position, bytes } = randomWrite(prng, file);
        file.write(position, bytes);
        naive.write(position, bytes);
      } else if (drawn < 7) mark = file.mark();
      else if (drawn < 9) {
        file.sync(mark);
        naive.sync(mark);
      } else {
        file.forget();
        naive.versions = [];
        failed++;
      }
      expect(file.read(0, file.sizeBytes)).toEqual(naive.cached.slice(0, naive.sizeBytes));
      const asked: number[] = [];
      const drawnChoices: number[] = [];
      const survivor = file.survivor((versions) => {
        asked.push(versions);
        drawnChoices.push(nextBelow(prng, versions + 1));
        return drawnChoices.at(-1) ?? 0;
      });
      const left = naive.crashed((versions) => {
        expect(asked.shift()).toBe(versions);
        return drawnChoices.shift() ?? 0;
      });
      expect(asked).toEqual([]);
      expect(survivor.read(0, survivor.sizeBytes)).toEqual(left);
    }
  }
  expect(failed).toBeGreaterThan(100);
});
