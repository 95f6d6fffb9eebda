// Goal: the real disk and the simulated one keep the same contract, so that what is proven on one holds on the other.
// Method: one list of behaviours, run on each over a fresh folder.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diskErrorCode } from "../../src/io/disk-error.ts";
import { createDisk } from "../../src/io/disk.ts";
import type { Disk } from "../../src/io/world.ts";
import { SimDisk } from "../../src/sim/disk.ts";

const root = mkdtempSync(join(tmpdir(), "disk-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no error",
    (error: unknown) => diskErrorCode(error) ?? String(error),
  );
}

const disks: readonly (readonly [name: string, make: () => { readonly disk: Disk; readonly base: string }])[] = [
  ["real", () => ({ disk: createDisk(), base: root })],
  ["simulated", () => ({ disk: new SimDisk().boot(), base: "/data" })],
];

for (const [name, make] of disks) {
  let folders = 0;
  const fresh = async (): Promise<{ readonly disk: Disk; readonly dir: string }> => {
    const { disk, base } = make();
    const dir = join(base, String(folders++));
    await disk.makeDirectory(dir);
    return { disk, dir };
  };

  describe(`the ${name} disk`, () => {
    test("create makes an empty file, and refuses one that is there", async () => {
      const { disk, dir } = await fresh();
      const file = await disk.open(join(dir, "a"), "create");
      expect(await file.sizeBytes()).toBe(0);
      await file.close();
      expect(await codeOf(disk.open(join(dir, "a"), "create"))).toBe("exists");
    });

    test("read and write refuse a file that is not there", async () => {
      const { disk, dir } = await fresh();
      expect(await codeOf(disk.open(join(dir, "a"), "read"))).toBe("missing");
      expect(await codeOf(disk.open(join(dir, "a"), "write"))).toBe("missing");
      expect(await codeOf(disk.open(join(dir, "no", "a"), "create"))).toBe("missing");
      expect(await disk.list(dir)).toEqual([]);
    });

    test("a write is read back at its position, zeros fill the gap, the end cuts a read short", async () => {
      const { disk, dir } = await fresh();
      const file = await disk.open(join(dir, "a"), "create");
      expect(await file.write(1000, new Uint8Array([1, 2, 3]))).toBe(3);
      expect(await file.sizeBytes()).toBe(1003);
      expect([...(await file.read(998, 100))]).toEqual([0, 0, 1, 2, 3]);
      expect((await file.read(2000, 10)).length).toBe(0);
      await file.write(1001, new Uint8Array([9]));
      expect([...(await file.read(1000, 3))]).toEqual([1, 9, 3]);
      await file.syncData();
      await file.close();
      const again = await disk.open(join(dir, "a"), "write");
      expect([...(await again.read(1000, 3))]).toEqual([1, 9, 3]);
      await again.close();
    });

    test("a file opened to read cannot be written, a closed one cannot be used, closing twice is fine", async () => {
      const { disk, dir } = await fresh();
      const file = await disk.open(join(dir, "a"), "create");
      await file.close();
      await file.close();
      expect(await codeOf(file.write(0, new Uint8Array(1)))).toBe("closed");
      expect(await codeOf(file.read(0, 1))).toBe("closed");
      expect(await codeOf(file.syncData())).toBe("closed");
      const reader = await disk.open(join(dir, "a"), "read");
      expect(await codeOf(reader.write(0, new Uint8Array(1)))).toBe("closed");
      await reader.close();
    });

    test("rename moves a file, replaces another of that name, and needs its source", async () => {
      const { disk, dir } = await fresh();
      for (const [file, byte] of [
        ["a", 1],
        ["b", 2],
      ] as const) {
        const opened = await disk.open(join(dir, file), "create");
        await opened.write(0, new Uint8Array([byte]));
        await opened.close();
      }
      await disk.rename(join(dir, "a"), join(dir, "b"));
      await disk.syncDirectory(dir);
      expect(await disk.list(dir)).toEqual(["b"]);
      const file = await disk.open(join(dir, "b"), "read");
      expect([...(await file.read(0, 9))]).toEqual([1]);
      await file.close();
      expect(await codeOf(disk.rename(join(dir, "a"), join(dir, "c")))).toBe("missing");
    });

    test("a folder is renamed with what is in it", async () => {
      const { disk, dir } = await fresh();
      await disk.makeDirectory(join(dir, "one", "two"));
      await (await disk.open(join(dir, "one", "two", "a"), "create")).close();
      await disk.rename(join(dir, "one"), join(dir, "other"));
      await disk.syncDirectory(dir);
      expect(await disk.list(dir)).toEqual(["other"]);
      expect(await disk.list(join(dir, "other", "two"))).toEqual(["a"]);
    });

    test("remove takes a file away, once; a reader that has it open reads on", async () => {
      const { disk, dir } = await fresh();
      const file = await disk.open(join(dir, "a"), "create");
      await file.write(0, new Uint8Array([7]));
      await disk.remove(join(dir, "a"));
      expect([...(await file.read(0, 1))]).toEqual([7]);
      await file.close();
      expect(await disk.list(dir)).toEqual([]);
      expect(await codeOf(disk.remove(join(dir, "a")))).toBe("missing");
    });

    test("names are listed in order; folders that are not there are missing", async () => {
      const { disk, dir } = await fresh();
      for (const file of ["b", "a", "c"]) await (await disk.open(join(dir, file), "create")).close();
      await disk.makeDirectory(join(dir, "aa"));
      await disk.makeDirectory(join(dir, "aa"));
      expect(await disk.list(dir)).toEqual(["a", "aa", "b", "c"]);
      expect(await codeOf(disk.list(join(dir, "no")))).toBe("missing");
      expect(await codeOf(disk.syncDirectory(join(dir, "no")))).toBe("missing");
    });

    test("a lock has one holder; released, it can be taken again", async () => {
      const { disk, dir } = await fresh();
      const lock = await disk.lock(join(dir, "lock"));
      expect(lock).not.toBeNull();
      expect(await disk.lock(join(dir, "lock"))).toBeNull();
      await lock?.release();
      await lock?.release();
      const again = await disk.lock(join(dir, "lock"));
      expect(again).not.toBeNull();
      await again?.release();
      expect(await codeOf(disk.lock(join(dir, "no", "lock")))).toBe("missing");
    });
  });
}
