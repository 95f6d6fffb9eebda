// Goal: the live log keeps its promises beside the matrix (test/wal): one sync for a turn, refusals while the disk
// is full, the lock, compaction, repair, an end that stays the end. Method: the log over the simulated disk, a few
// cases on the real one.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClock } from "../../../src/io/clock.ts";
import { createDisk } from "../../../src/io/disk.ts";
import { openWal, rebuildWal } from "../../../src/node/consensus/wal-store.ts";
import { SimDisk } from "../../../src/sim/disk.ts";
import {
  LIMITS,
  codeOf,
  entry,
  live,
  manualClock,
  openOn,
  optionsOf,
  settled,
  snapshot,
  state,
} from "../wal-fixture.ts";

describe("group commit", () => {
  test("all appends of a turn share one write and one sync; those made while it runs share the next", async () => {
    const disk = new SimDisk();
    const wal = await openOn(disk);
    await settled();
    const counts = { write: 0, syncData: 0 };
    disk.configure({
      fault: ({ operation }) => {
        if (operation === "write" || operation === "syncData") counts[operation]++;
        return null;
      },
    });
    const flushes: Promise<void>[] = [];
    wal.append([state(1)]);
    for (let index = 1; index <= 20; index++) {
      expect(wal.append([entry(index)])).toBe("ok");
      flushes.push(wal.flush());
    }
    // The first flush took what was there; the others wait for one frame more.
    await Promise.all(flushes);
    expect(counts).toEqual({ write: 2, syncData: 2 });
    for (let index = 21; index <= 40; index++) wal.append([entry(index)]);
    await wal.flush();
    expect(counts).toEqual({ write: 3, syncData: 3 });
    await wal.flush();
    expect(counts).toEqual({ write: 3, syncData: 3 });
  });

  test("[LD-41.26.4] a turn larger than a frame goes out in several, in order", async () => {
    const disk = new SimDisk();
    const wal = await openOn(disk);
    wal.append([state(1), ...Array.from({ length: 60 }, (_, at) => entry(at + 1, 1_000))]);
    await wal.flush();
    expect(wal.extent.segments.length).toBeGreaterThan(7);
    disk.crash(() => 0);
    expect(live(await openWal(optionsOf(disk.boot()))).recovery.entries).toHaveLength(60);
  });

  test("a flush of nothing returns at once", async () => {
    const wal = await openOn(new SimDisk());
    await wal.flush();
    expect(wal.extent.nextLsn).toBe(1);
  });

  test("records that do not continue the log are bugs of the caller", async () => {
    const wal = await openOn(new SimDisk());
    wal.append([state(2), entry(1), entry(2)]);
    for (const record of [
      entry(4),
      state(1),
      { kind: "truncate", from: 4 } as const,
      entry(3, 50, 3),
      snapshot(3),
      entry(3, 2_000),
    ])
      expect(() => wal.append([record])).toThrow();
    wal.append([snapshot(2)]);
    expect(() => wal.append([{ kind: "truncate", from: 2 }])).toThrow();
    expect(() => wal.append([snapshot(1)])).toThrow();
  });
});

describe("compaction", () => {
  test("drops whole segments below a durable snapshot, and what is left still tells state and snapshot", async () => {
    const disk = new SimDisk();
    const wal = await openOn(disk);
    wal.append([state(1)]);
    for (let index = 1; index <= 40; index++) {
      wal.append([entry(index, 900)]);
      await wal.flush();
    }
    const before = wal.extent.segments;
    expect(before.length).toBeGreaterThan(4);
    wal.append([snapshot(before[2]?.indexMax ?? 0)]);
    await wal.flush();
    await settled();
    expect(wal.extent.segments.map(({ segment }) => segment)).toEqual(before.slice(3).map(({ segment }) => segment));
    expect(disk.paths().filter((path) => path.endsWith(".wal"))).toHaveLength(before.length - 3);
    wal.append([snapshot(40)]);
    await wal.flush();
    await settled();
    expect(wal.extent.segments).toHaveLength(1);
    disk.crash(() => 0);
    const { recovery, wal: again } = live(await openWal(optionsOf(disk.boot())));
    expect([recovery.state?.term, recovery.snapshot?.index, recovery.entries.length]).toEqual([1, 40, 0]);
    expect(again.append([entry(41)])).toBe("ok");
    await again.flush();
  });
});

describe("a full disk", () => {
  test("refuses entries, still takes term and vote, and resumes when there is room", async () => {
    const disk = new SimDisk();
    const time = manualClock();
    const statuses: string[] = [];
    const wal = await openOn(disk, {
      clock: time.clock,
      retryMs: 500,
      onStatus: (status) => {
        statuses.push(status);
      },
    });
    await settled();
    // Room for the segment and its spare, not for the next spare.
    disk.configure({ capacityBytes: 2 * LIMITS.segmentBytes + 3_000 });
    wal.append([state(1)]);
    let index = 1;
    for (; wal.status === "ok" && index < 40; index++) {
      expect(wal.append([entry(index, 900)])).toBe("ok");
      await wal.flush();
      await settled();
    }
    expect([wal.status, statuses]).toEqual(["full", ["full"]]);
    expect(wal.append([entry(index)])).toBe("disk_full");
    expect(wal.append([state(2), entry(index)])).toBe("disk_full");
    for (let term = 2; term < 8; term++) {
      expect(wal.append([state(term)])).toBe("ok");
      await wal.flush();
    }
    expect(wal.append([entry(index, 50, 7)], { takesReserve: true })).toBe("ok");
    await wal.flush();
    index++;
    expect(time.delays()).toEqual([500]);
    await time.run();
    expect(wal.status).toBe("full");
    disk.configure({ capacityBytes: 1_000_000 });
    await time.run();
    expect([wal.status, statuses]).toEqual(["ok", ["full", "ok"]]);
    expect(wal.append([entry(index, 50, 7)])).toBe("ok");
    await wal.flush();
    disk.crash(() => 0);
    const { recovery } = live(await openWal(optionsOf(disk.boot())));
    expect([recovery.state?.term, recovery.entries.length]).toEqual([7, index]);
  });

  test("a snapshot gives the room back", async () => {
    const disk = new SimDisk();
    const time = manualClock();
    const wal = await openOn(disk, { clock: time.clock });
    await settled();
    disk.configure({ capacityBytes: 3 * LIMITS.segmentBytes + 100 });
    wal.append([state(1)]);
    let index = 1;
    for (; wal.status === "ok" && index < 60; index++) {
      wal.append([entry(index, 900)]);
      await wal.flush();
      await settled();
    }
    expect(wal.status).toBe("full");
    expect(wal.append([snapshot(index - 1)])).toBe("ok");
    await wal.flush();
    await settled();
    await time.run();
    expect(wal.status).toBe("ok");
  });

  test("[LD-41.19.4] with nothing left at all: a flush waits, closing rejects it, the log opens again", async () => {
    const disk = new SimDisk();
    const time = manualClock();
    const wal = await openOn(disk, { clock: time.clock });
    await settled();
    disk.configure({ capacityBytes: 2 * LIMITS.segmentBytes + 100 });
    // An entry keeps the first segment from being dropped.
    wal.append([state(1), entry(1)]);
    let term = 1;
    let waiting: Promise<void> | null = null;
    for (; term < 60 && waiting === null; term++) {
      wal.append([state(term)]);
      const flush = wal.flush();
      let isDone = false;
      flush.then(
        () => {
          isDone = true;
        },
        () => {},
      );
      await settled();
      if (!isDone) waiting = flush;
    }
    expect(waiting).not.toBeNull();
    const code = codeOf(waiting ?? Promise.resolve());
    expect(await codeOf(wal.close())).toBe("storage");
    expect(await code).toBe("storage");
    disk.configure({ capacityBytes: 1_000_000 });
    const { recovery } = live(await openWal(optionsOf(disk.boot())));
    expect(recovery.verdict.kind).toBe("clean");
    expect(recovery.state?.term ?? 0).toBeGreaterThanOrEqual(term - 2);
  });

  test("from the start is said", async () => {
    const disk = new SimDisk({ capacityBytes: 1_000 });
    expect(await openWal(optionsOf(disk.boot())).catch(String)).toContain("no space left on the disk");
  });
});

describe("a failed disk", () => {
  test("[LD-41.26.1] stops the log for good, tells every waiter and whoever watches, and syncs no more", async () => {
    const disk = new SimDisk();
    const statuses: string[] = [];
    const wal = await openOn(disk, {
      onStatus: (status, error) => {
        statuses.push(`${status} ${error?.code ?? ""}`);
      },
    });
    await settled();
    wal.append([state(1), entry(1)]);
    await wal.flush();
    let syncs = 0;
    disk.configure({ fault: ({ operation }) => (operation === "syncData" && syncs++ === 0 ? "io" : null) });
    wal.append([entry(2)]);
    const first = wal.flush();
    wal.append([entry(3)]);
    expect(await Promise.all([codeOf(first), codeOf(wal.flush())])).toEqual(["storage", "storage"]);
    expect(statuses).toEqual(["failed storage"]);
    expect(wal.append([entry(4)])).toBe("failed");
    expect(await codeOf(wal.flush())).toBe("storage");
    expect(await codeOf(wal.seal())).toBe("storage");
    await wal.close();
    expect([syncs, wal.status]).toEqual([1, "failed"]);
  });
});

describe("closing", () => {
  test("[LD-41.26.3] rejects when the disk fails only now, and gives the lock back all the same", async () => {
    const disk = new SimDisk();
    const port = disk.boot();
    const wal = live(await openWal(optionsOf(port))).wal;
    wal.append([state(1), entry(1)]);
    await wal.flush();
    await settled();
    disk.configure({ fault: ({ operation }) => (operation === "syncData" ? "io" : null) });
    expect(await codeOf(wal.close())).toBe("storage");
    disk.configure({ fault: () => null });
    const again = live(await openWal(optionsOf(port)));
    expect(again.recovery.entries).toHaveLength(1);
    await again.wal.close();
  });

  test("writes what was appended and not flushed", async () => {
    const disk = new SimDisk();
    const wal = await openOn(disk);
    wal.append([state(1), entry(1)]);
    await wal.close();
    disk.crash(() => 0);
    expect(live(await openWal(optionsOf(disk.boot()))).recovery.entries).toHaveLength(1);
  });

  test("does not mind that there is no room for the seal", async () => {
    const disk = new SimDisk();
    const wal = await openOn(disk);
    wal.append([state(1), entry(1)]);
    await wal.flush();
    await settled();
    disk.configure({ fault: ({ operation }) => (operation === "write" ? "full" : null) });
    await wal.close();
  });
});

describe("a seal", () => {
  test("is written once when the log is idle, and on close: the newest record is proven then", async () => {
    const disk = new SimDisk();
    const time = manualClock();
    const wal = await openOn(disk, { clock: time.clock, sealAfterMs: 1_000 });
    await settled();
    wal.append([state(1), entry(1)]);
    await wal.flush();
    await settled();
    expect(live(await openWal(optionsOf(disk.fork(() => 0).boot()))).recovery.unproven).not.toBeNull();
    expect(time.delays()).toEqual([1_000]);
    await time.run();
    expect(time.delays()).toEqual([]);
    expect(wal.extent.nextLsn).toBe(3);
    await wal.close();
    expect(wal.extent.nextLsn).toBe(3);
    // The last acknowledged record is damaged: with a seal behind it that is seen.
    disk.damage("/data/wal/log/0000000000000001.wal", (bytes) => {
      bytes.fill(0, 512, 1_024);
    });
    const opened = await openWal(optionsOf(disk.boot()));
    expect(opened.kind).toBe("corrupt");
  });
});

describe("a torn frame", () => {
  test("is cut off, and kept for people in a copy of which there are few", async () => {
    const disk = new SimDisk();
    const copies: (string | null)[] = [];
    for (let round = 0; round < 11; round++) {
      const { wal, tornCopy } = live(await openWal(optionsOf(disk.boot())));
      copies.push(tornCopy);
      const next = wal.extent.nextLsn;
      wal.append([
        state(1),
        ...(round === 0
          ? [entry(1, 900), entry(2, 900)]
          : [{ kind: "truncate", from: 1 } as const, entry(1, 900), entry(2, 900)]),
      ]);
      let isFirst = true;
      disk.configure({
        fault: ({ operation }) => {
          // Power goes before the sync: the first sector stays, the second does not.
          if (operation === "syncData" && isFirst && wal.extent.nextLsn === next) {
            isFirst = false;
            return "io";
          }
          return null;
        },
      });
      wal.flush().catch(() => {});
      while (isFirst) await settled();
      disk.damage("/data/wal/log/0000000000000001.wal", (bytes) => {
        const at = bytes.findLastIndex((byte) => byte !== 0) & ~511;
        bytes.fill(0, at, at + 512);
      });
    }
    expect(copies[0]).toBeNull();
    expect(copies.slice(1).every((path) => path?.startsWith("/data/wal/torn-") === true)).toBe(true);
    expect(disk.paths().filter((path) => path.includes("torn-"))).toHaveLength(8);
  });
});

describe("a damaged log", () => {
  async function damaged(): Promise<{ readonly disk: SimDisk; readonly path: string }> {
    const disk = new SimDisk();
    const wal = await openOn(disk);
    wal.append([state(1)]);
    for (let index = 1; index <= 6; index++) {
      wal.append([entry(index)]);
      await wal.flush();
    }
    await wal.close();
    const path = "/data/wal/log/0000000000000001.wal";
    disk.damage(path, (bytes) => {
      bytes[4 * 512 + 50] = 0x55;
    });
    return { disk, path };
  }

  test("is refused by name, place and reason, and not touched", async () => {
    const { disk, path } = await damaged();
    const before = disk.peek(path);
    const opened = await openWal(optionsOf(disk.boot()));
    expect(opened.kind === "corrupt" ? `${opened.refusal.message}. ${opened.refusal.hint}` : "open").toBe(
      "the log is damaged: /data/wal/log/0000000000000001.wal at byte 2048: the checksum of the payload does not " +
        "hold, and frame 5 behind it is intact. acknowledged entries may be gone; nothing was changed: repair it " +
        "from the other managers, or restore a copy",
    );
    expect(disk.peek(path)).toEqual(before ?? new Uint8Array(0));
    // The lock was given back.
    expect((await openWal(optionsOf(disk.boot()))).kind).toBe("corrupt");
  });

  test("is replaced by a new one with what was found, the old one kept", async () => {
    const { disk } = await damaged();
    const opened = await openWal(optionsOf(disk.boot()));
    expect(opened.recovery.entries.map(({ index }) => index)).toEqual([1, 2, 3]);
    const rebuilt = live(
      await rebuildWal(optionsOf(disk.boot()), {
        ...opened.recovery,
        state: { kind: "state", term: 4, payload: new Uint8Array([9]) },
      }),
    );
    expect(rebuilt.recovery.entries.map(({ index }) => index)).toEqual([1, 2, 3]);
    expect(rebuilt.recovery.state?.term).toBe(4);
    expect(rebuilt.wal.append([entry(4, 50, 4)])).toBe("ok");
    await rebuilt.wal.flush();
    disk.crash(() => 0);
    expect(live(await openWal(optionsOf(disk.boot()))).recovery.entries).toHaveLength(4);
    expect(disk.paths().some((path) => path.startsWith("/data/wal/log.damaged-1/"))).toBe(true);
  });

  test("whose replacement is cut off at any sync is either still damaged or whole", async () => {
    const { disk } = await damaged();
    const { recovery } = await openWal(optionsOf(disk.boot()));
    const images: SimDisk[] = [];
    let isJudged = true;
    disk.configure({
      fault: ({ operation }) => {
        if (isJudged && operation.startsWith("sync"))
          for (const choose of [() => 0, (versions: number) => versions]) images.push(disk.fork(choose));
        return null;
      },
    });
    await rebuildWal(optionsOf(disk.boot()), recovery);
    isJudged = false;
    const kinds = new Set<string>();
    for (const image of images) {
      const opened = await openWal(optionsOf(image.boot()));
      kinds.add(opened.kind);
      expect(opened.recovery.entries.map(({ index }) => index)).toEqual([1, 2, 3]);
      expect(opened.recovery.state?.term).toBe(1);
      if (opened.kind === "corrupt")
        expect((await rebuildWal(optionsOf(image.boot()), opened.recovery)).kind).toBe("open");
    }
    expect([...kinds].sort()).toEqual(["corrupt", "open"]);
  });

  test("with a snapshot is replaced by one that begins there", async () => {
    const disk = new SimDisk();
    const content = {
      state: { kind: "state", term: 3, payload: new Uint8Array(1) },
      snapshot: { kind: "snapshot", index: 900, term: 2, replacesLog: false, payload: new Uint8Array(4) },
    } as const;
    const wal = await openOn(disk);
    await wal.close();
    const entries = [901, 902].map((index) => ({ kind: "entry", index, term: 3, payload: new Uint8Array(2) }) as const);
    const { recovery } = live(await rebuildWal(optionsOf(disk.boot()), { ...content, entries }));
    expect([recovery.state?.term, recovery.snapshot?.index, recovery.entries.map(({ index }) => index)]).toEqual([
      3,
      900,
      [901, 902],
    ]);
  });
});

describe("on the real disk", () => {
  const root = mkdtempSync(join(tmpdir(), "wal-store-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test("a log is written, closed and read; a second process is refused by name", async () => {
    const options = { ...optionsOf(createDisk(), { clock: createClock() }), directory: join(root, "a/b/wal") };
    const first = live(await openWal(options));
    first.wal.append([state(1), entry(1), entry(2)]);
    await first.wal.flush();
    expect(await openWal(options).catch(String)).toContain(`${options.directory} is in use by another process`);
    await first.wal.close();
    await first.wal.close();
    const second = live(await openWal(options));
    expect(second.recovery.entries).toHaveLength(2);
    expect(second.recovery.verdict.kind).toBe("clean");
    await second.wal.close();
  });
});
