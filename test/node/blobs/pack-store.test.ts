// Goal: what was acknowledged is there whatever the disk does, what comes together shares a sync, and space is given
// back. Method: packs over the simulated disk: losses of power at every sync, each call failing in turn, syncs that fail
// and leave the cache, and random runs of all of it against what was acknowledged; the same steps on a real disk.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32c } from "../../../src/base/crc32c.ts";
import { createPrng, nextBelow, nextFloat, type Prng } from "../../../src/base/prng.ts";
import { digestOf } from "../../../src/io/content-digest.ts";
import { createDisk } from "../../../src/io/disk.ts";
import { diskErrorCode } from "../../../src/io/disk-error.ts";
import { packHeader, scanPack } from "../../../src/node/blobs/pack-format.ts";
import { openPacks, type PackStore } from "../../../src/node/blobs/pack-store.ts";
import type { Disk } from "../../../src/io/world.ts";
import { randomCrash, SimDisk } from "../../../src/sim/disk.ts";

const DIRECTORY = "/data/blobs";
const NOTHING = (): number => 0;

/** Bytes of that length which differ for each `fill`, where there is room. */
function bytesOf(fill: number, length = 100): Uint8Array {
  const bytes = new Uint8Array(length).fill(fill & 0xff);
  if (length >= 4) new DataView(bytes.buffer).setUint32(0, fill);
  return bytes;
}
const named = (fill: number, length = 100): string => digestOf(bytesOf(fill, length));

async function openOn(disk: SimDisk, packBytes?: number): Promise<PackStore> {
  const port = disk.boot();
  await port.makeDirectory(DIRECTORY);
  return openPacks({ disk: port, directory: DIRECTORY, ...(packBytes === undefined ? {} : { packBytes }) });
}

async function put(packs: PackStore, fill: number, length = 100): Promise<string> {
  const digest = named(fill, length);
  await packs.put(digest, bytesOf(fill, length));
  return digest;
}

const outcomeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "done",
    (error: unknown) => diskErrorCode(error) ?? String(error),
  );

/** Digests that are there and read as what they are named. */
async function readable(packs: PackStore): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const digest of packs.digests()) {
    const payload = await packs.read(digest);
    if (payload !== null && digestOf(payload) === digest) found.add(digest);
  }
  return found;
}

const files = (disk: SimDisk): readonly string[] => disk.paths().map((path) => path.slice(DIRECTORY.length + 1));

describe("blobs that come together", () => {
  test("share one write and one sync; those that come meanwhile share the next", async () => {
    const disk = new SimDisk();
    const calls: string[] = [];
    disk.configure({ fault: ({ operation }) => (calls.push(operation), null) });
    const packs = await openOn(disk);
    calls.length = 0;
    const first = put(packs, 0);
    const meanwhile = Array.from({ length: 200 }, (_, at) => put(packs, at + 1));
    await Promise.all([first, ...meanwhile]);
    const count = (operation: string): number => calls.filter((call) => call === operation).length;
    expect({ syncs: count("syncData"), writes: count("write"), names: count("syncDirectory") }).toEqual({
      syncs: 1,
      writes: 2,
      names: 1,
    });
    calls.length = 0;
    const next = [put(packs, 300)];
    await Promise.resolve();
    await Promise.resolve();
    for (let at = 0; at < 50; at++) next.push(put(packs, 301 + at));
    await Promise.all(next);
    expect(count("syncData")).toBe(2);
    disk.crash(NOTHING);
    expect((await readable(await openOn(disk))).size).toBe(201 + 51);
  });

  test("are of one batch, so that a start knows which were the last", async () => {
    const disk = new SimDisk();
    const packs = await openOn(disk);
    for (const fills of [[1, 2], [3], [4, 5, 6]]) await Promise.all(fills.map((fill) => put(packs, fill)));
    const { records } = scanPack(disk.peek(`${DIRECTORY}/00000001.pack`) ?? new Uint8Array(0), 1);
    expect(records.map(({ batch }) => batch)).toEqual([1, 1, 2, 3, 3, 3]);
  });

  test("beyond what one write takes go with the next", async () => {
    const disk = new SimDisk();
    const packs = await openOn(disk);
    await Promise.all(Array.from({ length: 5 }, (_, at) => put(packs, at, 1_048_576)));
    disk.crash(NOTHING);
    expect((await readable(await openOn(disk))).size).toBe(5);
  });
});

describe("a disk that loses power", () => {
  test("at any sync keeps what was acknowledged, and what is there after a start stays there", async () => {
    const disk = new SimDisk();
    const acked: string[] = [];
    const images: { readonly image: SimDisk; readonly acked: readonly string[] }[] = [];
    const prng = createPrng(4, "packs");
    disk.configure({
      fault: ({ operation }) => {
        if (operation.startsWith("sync"))
          for (let sample = 0; sample < 10; sample++) {
            const choose = sample === 0 ? NOTHING : sample === 1 ? (count: number) => count : randomCrash(prng);
            images.push({ image: disk.fork(choose), acked: [...acked] });
          }
        return null;
      },
    });
    const packs = await openOn(disk, 4_000);
    for (let round = 0; round < 6; round++) {
      const lengths = [0, 64, 700, 1_500];
      const digests = await Promise.all(lengths.map((length, at) => put(packs, 10 * round + at, length)));
      acked.push(...digests);
      if (round % 2 === 1) for (const digest of acked.splice(0, 5)) packs.forget(digest);
      await packs.tidy();
    }
    expect(images.length).toBeGreaterThan(100);
    for (const { image, acked: kept } of images) {
      const found = await readable(await openOn(image, 4_000));
      for (const digest of kept) expect(found).toContain(digest);
      // Somebody has been told that these are here.
      image.crash(NOTHING);
      const still = await readable(await openOn(image, 4_000));
      for (const digest of found) expect(still).toContain(digest);
    }
  });

  test("after a sync that failed has none of its blobs, or has them on disk since the start", async () => {
    const disk = new SimDisk();
    const packs = await openOn(disk);
    await put(packs, 1);
    disk.configure({ fault: ({ operation }) => (operation === "syncData" ? "io" : null) });
    expect(await outcomeOf(put(packs, 2))).toBe("io");
    expect(packs.find(named(2))).toBeNull();
    disk.configure({ fault: () => null });
    // The process alone ends: what it wrote is in the cache, and the system takes it for clean.
    const again = await openOn(disk);
    expect(await readable(again)).toEqual(new Set([named(1), named(2)]));
    disk.crash(NOTHING);
    expect(await readable(await openOn(disk))).toEqual(new Set([named(1), named(2)]));
  });

  test("keeps what is there after a start, though nothing had made the name of its pack durable before", async () => {
    const disk = new SimDisk();
    const packs = await openOn(disk);
    const isEnd = (operation: string): boolean => operation === "syncDirectory" || operation === "remove";
    disk.configure({ fault: ({ operation }) => (isEnd(operation) ? "io" : null) });
    expect(await outcomeOf(put(packs, 1))).toBe("io");
    disk.configure({ fault: () => null });
    expect(await readable(await openOn(disk))).toEqual(new Set([named(1)]));
    disk.crash(NOTHING);
    expect(await readable(await openOn(disk))).toEqual(new Set([named(1)]));
  });

  test("again and again, in random runs of everything, keeps what was acknowledged and not forgotten", async () => {
    for (let seed = 1; seed <= 25; seed++) await run(seed);
  });
});

/** Puts, forgets, tidies, fails, crashes; then all that was acknowledged and is still wanted must be there. */
async function run(seed: number): Promise<void> {
  const prng = createPrng(seed, "packs");
  const disk = new SimDisk({ capacityBytes: 60_000 });
  const wanted = new Set<string>();
  let packs = await openOn(disk, 3_000);
  let fill = 1_000 * seed;
  for (let step = 0; step < 60; step++) {
    const isFailing = nextFloat(prng) < 0.2;
    disk.configure({ fault: isFailing ? faults(prng) : () => null });
    const drawn = nextFloat(prng);
    if (drawn < 0.55) {
      const lengths = Array.from({ length: 1 + nextBelow(prng, 6) }, () => nextBelow(prng, 900));
      const puts = lengths.map(async (length) => ({
        digest: named(++fill, length),
        done: await outcomeOf(put(packs, fill, length)),
      }));
      for (const { digest, done } of await Promise.all(puts)) if (done === "done") wanted.add(digest);
    } else if (drawn < 0.75) {
      for (const digest of [...wanted])
        if (nextFloat(prng) < 0.4) {
          packs.forget(digest);
          wanted.delete(digest);
        }
    } else if (drawn < 0.9) await outcomeOf(packs.tidy());
    else {
      disk.configure({ fault: () => null });
      if (nextFloat(prng) < 0.5) disk.crash(randomCrash(prng));
      packs = await openOn(disk, 3_000);
      const found = await readable(packs);
      for (const digest of wanted) if (!found.has(digest)) throw new Error(`seed ${seed}, step ${step}: ${digest}`);
      for (const digest of packs.digests()) if (!wanted.has(digest)) packs.forget(digest);
    }
  }
  disk.configure({ fault: () => null });
  disk.crash(NOTHING);
  const found = await readable(await openOn(disk, 3_000));
  for (const digest of wanted) if (!found.has(digest)) throw new Error(`seed ${seed}, at the end: ${digest}`);
}

function faults(prng: Prng): () => "io" | "full" | "short" | null {
  return () => {
    const drawn = nextFloat(prng);
    return drawn < 0.1 ? "io" : drawn < 0.15 ? "full" : drawn < 0.4 ? "short" : null;
  };
}

describe("a blob whose bytes rot", () => {
  const rot = (disk: SimDisk, match: string): void => {
    const path = disk.paths()[0] ?? "";
    disk.damage(path, (bytes) => {
      bytes[Buffer.from(bytes).indexOf(match)] = 0;
    });
  };
  const PAYLOAD = new TextEncoder().encode("a payload that is looked for");

  test("is found damaged when it is read, and then it is not here; the others are, and it can be put again", async () => {
    const disk = new SimDisk();
    const packs = await openOn(disk);
    const digest = digestOf(PAYLOAD);
    await Promise.all([put(packs, 1), packs.put(digest, PAYLOAD), put(packs, 2)]);
    rot(disk, "looked for");
    expect(await packs.read(digest)).toBeNull();
    expect(packs.find(digest)).toBeNull();
    expect(await readable(packs)).toEqual(new Set([named(1), named(2)]));
    await packs.put(digest, PAYLOAD);
    expect(await packs.read(digest)).toEqual(PAYLOAD);
    disk.crash(NOTHING);
    expect(await readable(await openOn(disk))).toEqual(new Set([named(1), named(2), digest]));
  });

  test("is missed from a start on, and is not written anew", async () => {
    const disk = new SimDisk();
    const packs = await openOn(disk, 1_000);
    const digest = digestOf(PAYLOAD);
    await Promise.all([packs.put(digest, PAYLOAD), ...Array.from({ length: 8 }, (_, at) => put(packs, at))]);
    for (let at = 0; at < 7; at++) packs.forget(named(at));
    rot(disk, "looked for");
    await packs.tidy();
    expect(packs.digests()).toEqual([named(7)]);
    expect(await readable(await openOn(disk))).toEqual(new Set([named(7)]));
  });

  test("of a pack of another version stops the start, by name", async () => {
    const disk = new SimDisk();
    await put(await openOn(disk), 1);
    disk.damage(`${DIRECTORY}/00000001.pack`, (bytes) => {
      bytes[8] = 2;
    });
    // A header that is damaged costs nothing: what follows says itself what it is.
    expect(await readable(await openOn(disk))).toEqual(new Set([named(1)]));
    const header = packHeader(1);
    header[8] = 2;
    new DataView(header.buffer).setUint32(60, crc32c(header.subarray(0, 60)), true);
    disk.damage(`${DIRECTORY}/00000001.pack`, (bytes) => bytes.set(header));
    const opened = openOn(disk).then(() => "opened", String);
    expect(await opened).toContain("00000001.pack is of version 2, and this is 1");
  });
});

describe("space", () => {
  test("of packs of which nothing is needed is given back, of those that hold little too", async () => {
    const disk = new SimDisk();
    const packs = await openOn(disk, 2_000);
    for (let at = 0; at < 40; at++) await put(packs, at);
    expect(files(disk)).toHaveLength(4);
    for (let at = 0; at < 40; at++) if (at !== 3 && at < 36) packs.forget(named(at));
    await packs.tidy();
    expect(files(disk)).toEqual(["00000004.pack"]);
    const kept = new Set([3, 36, 37, 38, 39].map((at) => named(at)));
    expect(await readable(packs)).toEqual(kept);
    disk.crash(NOTHING);
    // What was forgotten in a pack that stays is there again after a start.
    const again = await openOn(disk);
    expect(await readable(again)).toEqual(new Set([...kept, ...[33, 34, 35].map((at) => named(at))]));
    await put(again, 50);
    expect(files(disk)).toEqual(["00000004.pack", "00000005.pack"]);
  });

  test("is given back while somebody opens the pack that goes: the blob is read where it lies then", async () => {
    const port = new SimDisk().boot();
    await port.makeDirectory(DIRECTORY);
    const gate = Promise.withResolvers<void>();
    let isHeld = false;
    const held: Disk = {
      ...port,
      async open(path, mode) {
        const waits = isHeld;
        isHeld = false;
        if (waits) await gate.promise;
        return port.open(path, mode);
      },
    };
    const packs = await openPacks({ disk: held, directory: DIRECTORY, packBytes: 2_000 });
    for (let at = 0; at < 15; at++) await put(packs, at);
    for (let at = 1; at < 11; at++) packs.forget(named(at));
    isHeld = true;
    const reading = packs.read(named(0));
    await packs.tidy();
    expect(await port.list(DIRECTORY)).toEqual(["00000002.pack"]);
    gate.resolve();
    expect(await reading).toEqual(bytesOf(0));
  });

  test("of many small packs, as many starts leave them, is joined", async () => {
    const disk = new SimDisk();
    for (let start = 0; start < 12; start++) await put(await openOn(disk), start);
    expect(files(disk)).toHaveLength(12);
    const packs = await openOn(disk);
    await put(packs, 12);
    for (let round = 0; round < 3; round++) await packs.tidy();
    expect(files(disk).length).toBeLessThan(10);
    expect((await readable(packs)).size).toBe(13);
  });

  test("that there is none of for writing anew costs nothing that is kept; there is some again when all of a pack may go", async () => {
    const disk = new SimDisk({ capacityBytes: 3_300 });
    const packs = await openOn(disk, 1_000);
    for (let at = 0; at < 15; at++) await put(packs, at);
    for (let at = 0; at < 15; at++) if (at % 3 !== 0) packs.forget(named(at));
    expect(await outcomeOf(packs.tidy())).toBe("full");
    expect((await readable(packs)).size).toBe(5);
    expect(await outcomeOf(put(packs, 20, 900))).toBe("full");
    for (let at = 0; at < 6; at++) packs.forget(named(at));
    await outcomeOf(packs.tidy());
    expect(await outcomeOf(put(packs, 20, 300))).toBe("done");
    disk.crash(NOTHING);
    const found = await readable(await openOn(disk));
    for (const digest of [named(6), named(9), named(12), named(20, 300)]) expect(found).toContain(digest);
  });
});

test("a real disk keeps and gives back the same", async () => {
  const directory = mkdtempSync(join(tmpdir(), "packs-"));
  try {
    const disk = createDisk();
    const packs = await openPacks({ disk, directory, packBytes: 20_000 });
    const digests = await Promise.all(Array.from({ length: 300 }, (_, at) => put(packs, at, 20 * at)));
    for (const digest of digests.slice(0, 250)) packs.forget(digest);
    await packs.tidy();
    expect(await readable(packs)).toEqual(new Set(digests.slice(250)));
    const again = await openPacks({ disk, directory });
    const found = await readable(again);
    for (const digest of digests.slice(250)) expect(found).toContain(digest);
    expect(await disk.list(directory)).not.toContain("00000001.pack");
  } finally {
    rmSync(directory, { recursive: true });
  }
});
