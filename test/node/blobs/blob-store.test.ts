// Goal: a blob is whole and durable under its digest, or it is not there; damage is seen; only what nobody names is
// removed. Method: the store over the simulated disk, with crashes at every sync, each call failing in turn, and
// damaged bytes.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { createPrng, nextBelow } from "../../../src/base/prng.ts";
import { HyperscaleError } from "../../../src/base/error.ts";
import { createValueCipher } from "../../../src/io/security/value-cipher.ts";
import { openBlobStore, type BlobStore } from "../../../src/node/blobs/blob-store.ts";
import { sealedValues, type StoredValues } from "../../../src/node/stored-values.ts";
import { SimDisk } from "../../../src/sim/disk.ts";

const DIRECTORY = "/data/blobs";
const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const bytesOf = (length: number, fill: number): Uint8Array =>
  new Uint8Array(length).map((_, at) => (at * 31 + fill) % 251);

function openOn(
  disk: SimDisk,
  limits: { readonly blobBytesMax?: number; readonly blobsMax?: number; readonly values?: StoredValues } = {},
): Promise<BlobStore> {
  return openBlobStore({ disk: disk.boot(), directory: DIRECTORY, graceMs: 1_000, ...limits });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "none",
    (error: unknown) => (error instanceof HyperscaleError ? error.code : String(error)),
  );
}

async function collected(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const part of parts) chunks.push(part);
  return Buffer.concat(chunks);
}

async function* inParts(bytes: Uint8Array, partBytes: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += partBytes) yield bytes.subarray(at, at + partBytes);
}

describe("a blob", () => {
  test("is kept under its digest, whole or in parts, and survives a power cut", async () => {
    const disk = new SimDisk();
    const store = await openOn(disk);
    const content = bytesOf(200_000, 1);
    expect(await store.put(inParts(content, 7_777))).toEqual({ digest: digestOf(content), bytes: 200_000 });
    const empty = await store.put(new Uint8Array(0));
    disk.crash(() => 0);
    const again = await openOn(disk);
    expect(await again.list()).toEqual([digestOf(content), empty.digest].sort());
    expect(await again.find(digestOf(content))).toEqual({ digest: digestOf(content), bytes: 200_000 });
    expect(digestOf((await again.get(digestOf(content))) ?? new Uint8Array(0))).toBe(digestOf(content));
    const parts = await again.stream(digestOf(content));
    expect(parts === null ? null : digestOf(await collected(parts))).toBe(digestOf(content));
    expect(await again.get(empty.digest)).toEqual(new Uint8Array(0));
  });

  test("that is not here is null, not an error", async () => {
    const store = await openOn(new SimDisk());
    const nobody = digestOf(new Uint8Array(1));
    expect([await store.find(nobody), await store.get(nobody), await store.stream(nobody)]).toEqual([null, null, null]);
  });

  test("[MW-10.2.1] that is too large or not the expected one is refused and leaves nothing", async () => {
    const disk = new SimDisk();
    const store = await openOn(disk, { blobBytesMax: 1_000, blobsMax: 1 });
    expect(await codeOf(store.put(inParts(bytesOf(1_001, 0), 100)))).toBe("invalid");
    expect(await codeOf(store.put(bytesOf(10, 0), digestOf(bytesOf(10, 1))))).toBe("invalid");
    expect(disk.paths()).toEqual([]);
    await store.put(bytesOf(1_000, 0), digestOf(bytesOf(1_000, 0)));
    expect(await codeOf(store.put(bytesOf(5, 0)))).toBe("invalid");
    expect(disk.paths()).toHaveLength(1);
  });

  test("whose source fails leaves nothing", async () => {
    const disk = new SimDisk();
    const store = await openOn(disk);
    async function* broken(): AsyncIterable<Uint8Array> {
      yield bytesOf(100, 0);
      throw new HyperscaleError("cluster", "the peer went away");
    }
    expect(await codeOf(store.put(broken()))).toBe("cluster");
    expect(disk.paths()).toEqual([]);
  });

  test("with any damaged byte is not returned, is put aside, and is healed by the same content", async () => {
    const disk = new SimDisk();
    const store = await openOn(disk);
    const content = bytesOf(100_000, 3);
    const { digest } = await store.put(content);
    const damage = (at: number): void =>
      disk.damage(`${DIRECTORY}/${digest}`, (bytes) => {
        bytes[at] = (bytes[at] ?? 0) ^ 1;
      });
    damage(99_999);
    expect(await store.get(digest)).toBeNull();
    expect(await store.find(digest)).toBeNull();
    expect(disk.paths()).toEqual([`${DIRECTORY}/${digest}.damaged`]);
    await store.put(content);
    damage(0);
    const parts = await store.stream(digest);
    expect(parts === null ? "missing" : await codeOf(collected(parts))).toBe("storage");
    expect(await store.list()).toEqual([]);
    await store.put(content);
    expect(await store.get(digest)).toEqual(content);
    await store.collect(new Set([digest]), 0);
    expect(disk.paths()).toEqual([`${DIRECTORY}/${digest}`]);
  });

  test("of a single part and damaged is missing alone, and is healed by the same content", async () => {
    const disk = new SimDisk();
    const store = await openOn(disk);
    const content = bytesOf(3_000, 5);
    const { digest } = await store.put(content);
    const other = await store.put(bytesOf(3_000, 6));
    const pack = disk.paths()[0] ?? "";
    disk.damage(pack, (bytes) => {
      bytes[Buffer.from(bytes).indexOf(content) + 1_000] = 0xff;
    });
    const parts = await store.stream(digest);
    expect(parts === null ? "missing" : await codeOf(collected(parts))).toBe("storage");
    expect([await store.find(digest), await store.get(digest), await store.stream(digest)]).toEqual([null, null, null]);
    expect(await store.list()).toEqual([other.digest]);
    await store.put(content);
    expect(await store.get(digest)).toEqual(content);
    expect(await (await openOn(disk)).list()).toEqual([digest, other.digest].sort());
  });

  test("put again while a reader finds the old copy damaged stays", async () => {
    const disk = new SimDisk();
    const store = await openOn(disk);
    const content = bytesOf(100_000, 3);
    const { digest } = await store.put(content);
    disk.damage(`${DIRECTORY}/${digest}`, (bytes) => {
      bytes[0] = 0xff;
    });
    const parts = await store.stream(digest);
    await store.put(content);
    expect(parts === null ? "missing" : await codeOf(collected(parts))).toBe("storage");
    expect(await store.get(digest)).toEqual(content);
  });
});

describe("a sealed blob", () => {
  const [OLD, NEW] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const under = (...keys: readonly Uint8Array[]): StoredValues =>
    sealedValues(createValueCipher(keys, { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) }));
  /** Bytes of what is on the disk under that name. */
  const stored = async (disk: SimDisk, digest: string): Promise<Uint8Array> => {
    const file = await disk.boot().open(`${DIRECTORY}/${digest}`, "read");
    return file.read(0, 10_000_000).finally(() => file.close());
  };

  test("is read as it was put, of any size, and shows nothing of itself on the disk", async () => {
    for (const size of [0, 1, 65_535, 65_536, 65_537, 200_000]) {
      const disk = new SimDisk();
      const store = await openOn(disk, { values: under(OLD) });
      const content = bytesOf(size, 5);
      const { digest } = await store.put(inParts(content, 10_007));
      const again = await openOn(disk, { values: under(OLD) });
      expect(await again.get(digest)).toEqual(content);
      expect(await again.find(digest)).toEqual({ digest, bytes: size });
      const parts = await again.stream(digest);
      expect(parts === null ? null : await collected(parts)).toEqual(content);
      const bytes = Buffer.from(await stored(disk, digest));
      if (size > 100) expect(bytes.includes(content.subarray(0, 64))).toBe(false);
    }
  });

  test("that is damaged is put aside; one under a key that is not here stays, and says so", async () => {
    const disk = new SimDisk();
    const { digest } = await (await openOn(disk, { values: under(OLD) })).put(bytesOf(100_000, 1));
    const stranger = await openOn(disk, { values: under(NEW) });
    expect(await codeOf(stranger.get(digest))).toBe("storage");
    expect(await stranger.list()).toEqual([digest]);
    const store = await openOn(disk, { values: under(NEW, OLD) });
    expect(await store.get(digest)).toEqual(bytesOf(100_000, 1));
    disk.damage(`${DIRECTORY}/${digest}`, (bytes) => {
      bytes[70_000] = (bytes[70_000] ?? 0) ^ 1;
    });
    expect(await store.get(digest)).toBeNull();
    expect(await store.list()).toEqual([]);
  });

  test("is sealed anew under a new key, so that the old one can go", async () => {
    const disk = new SimDisk();
    const before = await openOn(disk, { values: under(OLD) });
    const digests: string[] = [];
    for (const size of [10, 70_000]) digests.push((await before.put(bytesOf(size, 2))).digest);
    const both = await openOn(disk, { values: under(NEW, OLD) });
    expect(await both.reseal()).toBe(2);
    expect(await both.reseal()).toBe(0);
    const after = await openOn(disk, { values: under(NEW) });
    for (const [at, digest] of digests.entries())
      expect(await after.get(digest)).toEqual(bytesOf(at === 0 ? 10 : 70_000, 2));
  });
});

describe("the disk", () => {
  test("losing power at any sync leaves acknowledged blobs whole, and no blob that is not", async () => {
    const disk = new SimDisk();
    const acked: string[] = [];
    const images: { readonly disk: SimDisk; readonly acked: readonly string[] }[] = [];
    const prng = createPrng(1, "blobs");
    let isJudged = true;
    disk.configure({
      fault: ({ operation }) => {
        if (!isJudged || !operation.startsWith("sync")) return null;
        for (let sample = 0; sample < 12; sample++) {
          const choose =
            sample === 0
              ? () => 0
              : sample === 1
                ? (count: number) => count
                : (count: number) => nextBelow(prng, count + 1);
          images.push({ disk: disk.fork(choose), acked: [...acked] });
        }
        return null;
      },
    });
    const store = await openOn(disk);
    for (let at = 0; at < 6; at++) acked.push((await store.put(bytesOf(at * 700, at))).digest);
    await store.collect(new Set(acked.slice(1)), 0);
    acked.shift();
    await store.collect(new Set(acked), 1_000);
    isJudged = false;
    for (const image of images) {
      const again = await openOn(image.disk);
      const listed = await again.list();
      for (const digest of image.acked) expect(listed).toContain(digest);
      for (const digest of listed) expect(await again.get(digest)).not.toBeNull();
      expect(image.disk.paths().filter((path) => path.endsWith(".tmp"))).toEqual([]);
    }
    expect(images.length).toBeGreaterThan(90);
  });

  test("failing at any call fails the put with storage, and a later put works", async () => {
    for (const fault of ["io", "full"] as const) {
      for (let k = 1; ; k++) {
        const disk = new SimDisk();
        const store = await openOn(disk);
        const first = disk.calls;
        disk.configure({ fault: ({ number }) => (number === first + k ? fault : null) });
        const code = await codeOf(store.put(bytesOf(3_000, 1)));
        if (disk.calls < first + k) break;
        expect(code).toBe("storage");
        expect(await store.list()).toEqual([]);
        const { digest } = await store.put(bytesOf(3_000, 1));
        disk.crash(() => 0);
        expect((await (await openOn(disk)).get(digest))?.length).toBe(3_000);
      }
    }
  });

  test("full refuses, and takes blobs again when there is room", async () => {
    const disk = new SimDisk({ capacityBytes: 5_000 });
    const store = await openOn(disk);
    const kept = await store.put(bytesOf(4_000, 1));
    expect(await codeOf(store.put(bytesOf(2_000, 2)))).toBe("storage");
    expect(disk.paths()).toHaveLength(1);
    await store.collect(new Set(), 0);
    await store.collect(new Set(), 1_000);
    expect((await store.put(bytesOf(2_000, 2))).bytes).toBe(2_000);
    expect(await store.list()).not.toContain(kept.digest);
  });
});

describe("collecting", () => {
  test("removes what stays unreachable for the grace time, and nothing else", async () => {
    const disk = new SimDisk();
    const store = await openOn(disk);
    const [named, left, again] = await Promise.all([1, 2, 3].map((fill) => store.put(bytesOf(50, fill))));
    const reachable = new Set([named?.digest ?? ""]);
    expect(await store.collect(reachable, 5_000)).toEqual([]);
    expect(await store.collect(reachable, 5_999)).toEqual([]);
    // Put again: the grace begins anew.
    await store.put(bytesOf(50, 3));
    expect(await store.collect(reachable, 6_000)).toEqual([left?.digest ?? ""]);
    expect(await store.list()).toEqual([named?.digest ?? "", again?.digest ?? ""].sort());
    disk.crash(() => 0);
    const after = await openOn(disk);
    expect(await after.collect(reachable, 100_000)).toEqual([]);
    // What was removed from a pack that holds others is there again after a start, and goes again.
    expect(await after.collect(reachable, 101_000)).toEqual([left?.digest ?? "", again?.digest ?? ""].sort());
    expect(await after.list()).toEqual([named?.digest ?? ""]);
  });
});
