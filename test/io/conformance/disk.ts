// What every disk does, whoever made it.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { diskErrorCode } from "../../../src/io/disk-error.ts";
import type { Disk } from "../../../src/io/world.ts";
import type { WorldUnderTest } from "./world-under-test.ts";

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no error",
    (error: unknown) => diskErrorCode(error) ?? String(error),
  );
}

/** The tests of the disk port. */
export function diskSuite(world: WorldUnderTest): void {
  const onDisk = (name: string, body: (disk: Disk, dir: string) => Promise<void>): void =>
    test(name, () => world.run((here) => body(here.ports.disk, here.folder)));

  onDisk("create makes an empty file, and refuses one that is there", async (disk, dir) => {
    const file = await disk.open(join(dir, "a"), "create");
    expect(await file.sizeBytes()).toBe(0);
    await file.close();
    expect(await codeOf(disk.open(join(dir, "a"), "create"))).toBe("exists");
  });

  onDisk("read and write refuse a file that is not there", async (disk, dir) => {
    expect(await codeOf(disk.open(join(dir, "a"), "read"))).toBe("missing");
    expect(await codeOf(disk.open(join(dir, "a"), "write"))).toBe("missing");
    expect(await codeOf(disk.open(join(dir, "no", "a"), "create"))).toBe("missing");
    expect(await disk.list(dir)).toEqual([]);
  });

  onDisk("a write is read back at its position, zeros fill the gap, the end cuts a read short", async (disk, dir) => {
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

  onDisk(
    "a file opened to read cannot be written, a closed one cannot be used, closing twice is fine",
    async (disk, dir) => {
      const file = await disk.open(join(dir, "a"), "create");
      await file.close();
      await file.close();
      expect(await codeOf(file.write(0, new Uint8Array(1)))).toBe("closed");
      expect(await codeOf(file.read(0, 1))).toBe("closed");
      expect(await codeOf(file.syncData())).toBe("closed");
      const reader = await disk.open(join(dir, "a"), "read");
      expect(await codeOf(reader.write(0, new Uint8Array(1)))).toBe("closed");
      await reader.close();
    },
  );

  onDisk("rename moves a file, replaces another of that name, and needs its source", async (disk, dir) => {
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

  onDisk("a folder is renamed with what is in it", async (disk, dir) => {
    await disk.makeDirectory(join(dir, "one", "two"));
    await (await disk.open(join(dir, "one", "two", "a"), "create")).close();
    await disk.rename(join(dir, "one"), join(dir, "other"));
    await disk.syncDirectory(dir);
    expect(await disk.list(dir)).toEqual(["other"]);
    expect(await disk.list(join(dir, "other", "two"))).toEqual(["a"]);
  });

  onDisk("remove takes a file away, once; a reader that has it open reads on", async (disk, dir) => {
    const file = await disk.open(join(dir, "a"), "create");
    await file.write(0, new Uint8Array([7]));
    await disk.remove(join(dir, "a"));
    expect([...(await file.read(0, 1))]).toEqual([7]);
    await file.close();
    expect(await disk.list(dir)).toEqual([]);
    expect(await codeOf(disk.remove(join(dir, "a")))).toBe("missing");
  });

  onDisk("names are listed in order; folders that are not there are missing", async (disk, dir) => {
    for (const file of ["b", "a", "c"]) await (await disk.open(join(dir, file), "create")).close();
    await disk.makeDirectory(join(dir, "aa"));
    await disk.makeDirectory(join(dir, "aa"));
    expect(await disk.list(dir)).toEqual(["a", "aa", "b", "c"]);
    expect(await codeOf(disk.list(join(dir, "no")))).toBe("missing");
    expect(await codeOf(disk.syncDirectory(join(dir, "no")))).toBe("missing");
  });

  onDisk("a lock has one holder; released, it can be taken again", async (disk, dir) => {
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
}
