// Appends per second of the log on this machine's disk, one at a time and in groups, in one run. Every append is
// acknowledged by an fdatasync that returned. Exit code 1 when groups of 1,000 are not 20 times as fast as one at a
// time. Usage: bun bench/wal.ts [folder on the disk to measure]

import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createClock } from "../src/io/clock.ts";
import { createDisk } from "../src/io/disk.ts";
import { openWal } from "../src/node/wal-store.ts";
import type { Wal } from "../src/node/wal-writer.ts";

/** A ledger entry as the wire carries it, about. */
const PAYLOAD_BYTES = 223;
const SECONDS = 3;
const FACTOR_MIN = 20;
const GROUPS = [1, 10, 100, 1_000, 10_000] as const;

type Rate = { readonly appendsPerSecond: number; readonly flushMsP50: number; readonly flushMsP99: number };

/** Appends groups of so many entries, each group acknowledged before the next, for some seconds. */
async function rateOf(wal: Wal, next: { index: number }, group: number): Promise<Rate> {
  const payload = new Uint8Array(PAYLOAD_BYTES).map((_, at) => at);
  const flushesMs: number[] = [];
  let appends = 0;
  const startedAt = performance.now();
  let nowMs = startedAt;
  while (nowMs < startedAt + SECONDS * 1_000) {
    for (let at = 0; at < group; at++) wal.append([{ kind: "entry", index: next.index++, term: 1, payload }]);
    await wal.flush();
    appends += group;
    const endedAt = performance.now();
    flushesMs.push(endedAt - nowMs);
    nowMs = endedAt;
  }
  // As the ledger does: what is in a snapshot leaves the disk.
  wal.append([{ kind: "snapshot", index: next.index - 1, term: 1, replacesLog: false, payload: new Uint8Array(64) }]);
  await wal.flush();
  flushesMs.sort((left, right) => left - right);
  const at = (part: number): number => flushesMs[Math.floor(part * (flushesMs.length - 1))] ?? 0;
  return { appendsPerSecond: appends / ((nowMs - startedAt) / 1_000), flushMsP50: at(0.5), flushMsP99: at(0.99) };
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), "bench-wal-"));
  try {
    const random = { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };
    const opened = await openWal({ world: { clock: createClock(), disk: createDisk(), random }, directory });
    if (opened.kind === "corrupt") throw opened.refusal;
    opened.wal.append([{ kind: "state", term: 1, payload: new Uint8Array(16) }]);
    await opened.wal.flush();
    console.log(
      `log on ${directory}, ${PAYLOAD_BYTES} B a record, ${SECONDS} s each, ` +
        `${cpus().length} x ${cpus()[0]?.model ?? "?"}, Bun ${Bun.version}`,
    );
    console.log("appends per fdatasync   appends/s    flush p50 ms   flush p99 ms   factor");
    const next = { index: 1 };
    let single = 0;
    let factor = 0;
    for (const group of GROUPS) {
      const rate = await rateOf(opened.wal, next, group);
      if (group === 1) single = rate.appendsPerSecond;
      if (group === 1_000) factor = rate.appendsPerSecond / single;
      console.log(
        [
          String(group).padStart(21),
          Math.round(rate.appendsPerSecond).toLocaleString("en").padStart(12),
          rate.flushMsP50.toFixed(3).padStart(15),
          rate.flushMsP99.toFixed(3).padStart(14),
          (rate.appendsPerSecond / single).toFixed(1).padStart(8),
        ].join(" "),
      );
    }
    await opened.wal.close();
    console.log(
      `${factor >= FACTOR_MIN ? "kept  " : "BROKEN"} 1,000 appends a sync are ${factor.toFixed(0)} x one ` +
        `(at least ${FACTOR_MIN})`,
    );
    if (factor < FACTOR_MIN) process.exitCode = 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
