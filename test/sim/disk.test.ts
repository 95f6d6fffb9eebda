// Goal: the simulated disk loses exactly what a real one may lose, no more and no less. Method: each rule of its
// model on a file of a few sectors, with crashes chosen by hand; the contract it shares with the real disk is in
// test/io.

import { describe, expect, test } from "bun:test";
import { createPrng } from "../../src/base/prng.ts";
import { diskErrorCode } from "../../src/io/disk-error.ts";
import type { Disk, DiskFile } from "../../src/io/world.ts";
import { SimDisk, randomCrash, type DiskCall } from "../../src/sim/disk.ts";

const SECTOR = 512;
const filled = (sectors: number, byte: number): Uint8Array => new Uint8Array(sectors * SECTOR).fill(byte);
/** First byte of every sector. */
const sectorsOf = (disk: SimDisk, path = "/d/a"): readonly number[] => {
  const bytes = disk.peek(path) ?? new Uint8Array(0);
  return Array.from({ length: bytes.length / SECTOR }, (_, sector) => bytes[sector * SECTOR] ?? -1);
};

async function withFile(
  sectors: number,
): Promise<{ readonly sim: SimDisk; readonly disk: Disk; readonly file: DiskFile }> {
  const sim = new SimDisk();
  const disk = sim.boot();
  await disk.makeDirectory("/d");
  const file = await disk.open("/d/a", "create");
  await file.write(0, filled(sectors, 1));
  await file.syncData();
  await disk.syncDirectory("/d");
  return { sim, disk, file };
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  for (let turn = 0; turn < 5; turn++)
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  return settled;
}

describe("a crash", () => {
  test("keeps what was synced, and any subset of the sectors that were not", async () => {
    const { sim, file } = await withFile(3);
    await file.write(0, filled(3, 2));
    expect(sim.unsynced()).toEqual([1, 1, 1]);
    const seen = new Set<string>();
    for (let mask = 0; mask < 8; mask++) {
      let bit = 0;
      seen.add(sectorsOf(sim.fork(() => (mask >> bit++) % 2)).join());
    }
    expect(seen.size).toBe(8);
    expect(sectorsOf(sim)).toEqual([2, 2, 2]);
    await file.syncData();
    sim.crash(() => 0);
    expect(sectorsOf(sim)).toEqual([2, 2, 2]);
  });

  test("may keep any version of a sector that was written more than once", async () => {
    const { sim, file } = await withFile(1);
    await file.write(0, filled(1, 2));
    await file.write(0, filled(1, 3));
    expect(sim.unsynced()).toEqual([2]);
    expect([0, 1, 2].map((version) => sectorsOf(sim.fork(() => version))[0])).toEqual([1, 2, 3]);
  });

  test("may keep a new size with or without the bytes, or lose it", async () => {
    const { sim, file } = await withFile(1);
    await file.write(SECTOR, filled(1, 2));
    expect(sim.unsynced()).toEqual([1, 1]);
    expect(
      [
        [0, 0],
        [1, 0],
        [1, 1],
      ].map((choices) => {
        let at = 0;
        return sectorsOf(sim.fork(() => choices[at++] ?? 0));
      }),
    ).toEqual([[1], [1, 0], [1, 2]]);
  });

  test("may lose names that were not synced, each by itself, and never tears a rename", async () => {
    const { sim, disk } = await withFile(1);
    await (await disk.open("/d/b", "create")).close();
    await disk.rename("/d/a", "/d/c");
    await disk.remove("/d/b");
    expect(sim.unsynced()).toEqual([1, 1, 1]);
    const seen = new Set<string>();
    for (let mask = 0; mask < 8; mask++) {
      let bit = 0;
      seen.add(
        sim
          .fork(() => (mask >> bit++) % 2)
          .paths()
          .join(),
      );
    }
    expect([...seen].sort()).toEqual(["/d/a", "/d/a,/d/b", "/d/b,/d/c", "/d/c"]);
    await disk.syncDirectory("/d");
    sim.crash(() => 0);
    expect(sim.paths()).toEqual(["/d/c"]);
    expect(sectorsOf(sim, "/d/c")).toEqual([1]);
  });

  test("takes what was written while a sync ran for unsynced", async () => {
    const { sim, file } = await withFile(1);
    await file.write(0, filled(1, 2));
    const sync = file.syncData();
    await file.write(0, filled(1, 3));
    await sync;
    expect(sectorsOf(sim.fork(() => 0))).toEqual([2]);
    expect(sectorsOf(sim)).toEqual([3]);
  });

  test("chosen by a seed is the same every time", async () => {
    const { sim, file } = await withFile(8);
    await file.write(0, filled(8, 2));
    const states = [1, 1, 2].map((seed) => sectorsOf(sim.fork(randomCrash(createPrng(seed)))).join());
    expect(states[0]).toBe(states[1] ?? "");
    expect(states[0]).not.toBe(states[2] ?? "");
  });
});

describe("a process that ends", () => {
  test("leaves the cache and its locks; its calls never return", async () => {
    const { sim, disk, file } = await withFile(1);
    await file.write(0, filled(1, 2));
    expect(await disk.lock("/d/lock")).not.toBeNull();
    const open = file.syncData();
    const next = sim.boot();
    expect(await isSettled(open)).toBe(false);
    expect(await isSettled(disk.list("/d"))).toBe(false);
    expect(sectorsOf(sim)).toEqual([2]);
    expect(sectorsOf(sim.fork(() => 0))).toEqual([1]);
    expect(await next.lock("/d/lock")).not.toBeNull();
  });
});

describe("a fault", () => {
  test("of a sync: the next sync succeeds and the bytes are gone all the same", async () => {
    const { sim, file } = await withFile(1);
    await file.write(0, filled(1, 2));
    let failures = 1;
    sim.configure({ fault: ({ operation }) => (operation === "syncData" && failures-- > 0 ? "io" : null) });
    expect(await file.syncData().catch(diskErrorCode)).toBe("io");
    await file.syncData();
    expect(sectorsOf(sim)).toEqual([2]);
    expect(sectorsOf(sim.fork(() => 1))).toEqual([1]);
    await file.write(0, filled(1, 2));
    await file.syncData();
    expect(sectorsOf(sim.fork(() => 0))).toEqual([2]);
  });

  test("of any other call does nothing; a short write takes half", async () => {
    const { sim, disk, file } = await withFile(2);
    const calls: DiskCall[] = [];
    sim.configure({
      fault: (call) => {
        calls.push(call);
        return call.operation === "rename" ? "io" : "short";
      },
    });
    expect(await disk.rename("/d/a", "/d/b").catch(diskErrorCode)).toBe("io");
    expect(sim.paths()).toEqual(["/d/a"]);
    expect(await file.write(0, filled(2, 5))).toBe(SECTOR);
    expect(sectorsOf(sim)).toEqual([5, 1]);
    expect(calls.map(({ operation, path }) => `${operation} ${path}`)).toEqual(["rename /d/a", "write /d/a"]);
    expect(calls[1]?.number).toBe((calls[0]?.number ?? 0) + 1);
  });

  test("of capacity: a write takes what fits, then is refused; room comes back with a removal", async () => {
    const { sim, disk, file } = await withFile(2);
    sim.configure({ capacityBytes: 3 * SECTOR });
    expect(await file.write(2 * SECTOR, filled(2, 2))).toBe(SECTOR);
    expect(await file.write(3 * SECTOR, filled(1, 2)).catch(diskErrorCode)).toBe("full");
    expect(await file.write(0, filled(2, 7))).toBe(2 * SECTOR);
    await disk.remove("/d/a");
    expect(await (await disk.open("/d/b", "create")).write(0, filled(3, 1))).toBe(3 * SECTOR);
  });

  test("of the medium stays through restarts and crashes", async () => {
    const { sim } = await withFile(2);
    sim.damage("/d/a", (bytes) => {
      bytes[SECTOR] = 9;
    });
    sim.crash(() => 1);
    expect(sectorsOf(sim)).toEqual([1, 9]);
  });
});

test("with a clock, calls take their latency, a sync that of writes too; one in flight at a crash may have done nothing", async () => {
  const timers: { readonly delayMs: number; readonly run: () => void }[] = [];
  const clock = {
    setTimer: (delayMs: number, run: () => void) => {
      timers.push({ delayMs, run });
      return { cancel: () => {} };
    },
  };
  const sim = new SimDisk({ clock, latencyMs: ({ operation }) => (operation === "syncData" ? 250 : 1) });
  const disk = sim.boot();
  const step = async (): Promise<void> => {
    timers.shift()?.run();
    await isSettled(Promise.resolve());
  };
  const making = disk.makeDirectory("/d");
  await step();
  await making;
  const opening = disk.open("/d/a", "create");
  await step();
  const file = await opening;
  await file.write(0, filled(1, 2));
  const sync = file.syncData();
  expect(timers.map(({ delayMs }) => delayMs)).toEqual([251]);
  expect(await isSettled(sync)).toBe(false);
  expect(sim.unsynced().length).toBeGreaterThan(0);
  sim.crash(() => 0);
  await step();
  expect(await isSettled(sync)).toBe(false);
  expect(sim.paths()).toEqual([]);
});
