// Goal: over many lives of one log (crashes, kills, failing and full disks, one after another) nothing acknowledged is
// ever missing. Method: seeds; each life opens what the last one left, checks it against the model, writes on under
// random faults, and ends in one of several ways. A failure names its seed. What must have happened somewhere is
// counted, so that a swarm that tests nothing fails.

import { expect, test } from "bun:test";
import { createPrng, nextBelow, nextFloat, type Prng } from "../../src/base/prng.ts";
import { openWal, rebuildWal } from "../../src/node/consensus/wal-store.ts";
import { SimDisk, randomCrash, randomFaults } from "../../src/sim/disk.ts";
import { recover } from "../../src/wal/recover.ts";
import { firstSegment, nextSegment, writeFrame } from "../../src/wal/writer.ts";
import { open, type Code, type Live } from "./under-test.ts";
import { Model, contentText, turnRecords } from "./workload.ts";

const CODE: Code = { openWal, rebuildWal, recover, firstSegment, writeFrame, nextSegment, SimDisk };
const SEEDS = 150;
const LIVES = 10;

type Seen = Record<
  "crash" | "kill" | "failure" | "torn" | "unproven" | "unfinished" | "refused" | "compacted" | "unacknowledged",
  number
>;

/** What may be found: the log as acknowledged, and as it was after each turn begun since. */
type Books = { readonly model: Model; allowed: string[] };

/** Opens the log, on a disk without faults for once when it failed. */
async function reopen(disk: SimDisk, prng: Prng, seen: Seen): Promise<Live> {
  disk.configure({ fault: randomFaults(prng, { io: 0.01, full: 0.02, short: 0.1 }) });
  let opened = await open(CODE, disk).catch(() => null);
  if (opened === null) {
    seen.failure++;
    disk.configure({ fault: () => null });
    opened = await open(CODE, disk);
  }
  if (opened.kind === "corrupt") throw opened.refusal;
  return opened;
}

/** Writes turns until the disk fails or the life is over. */
async function live(opened: Live, books: Books, prng: Prng, seen: Seen): Promise<void> {
  for (let turn = 1 + nextBelow(prng, 8); turn > 0; turn--) {
    const records = turnRecords(prng, books.model, 1_200);
    let answer = opened.wal.append(records);
    while (answer === "disk_full") {
      seen.refused++;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      answer = opened.wal.append(records);
    }
    if (answer === "failed") return;
    books.allowed.push(books.model.apply(records));
    const before = opened.wal.extent.segments[0]?.segment;
    const isAcked = await opened.wal.flush().then(
      () => true,
      () => false,
    );
    if (!isAcked) return;
    if (opened.wal.extent.segments[0]?.segment !== before) seen.compacted++;
    books.allowed = books.allowed.slice(-1);
  }
  // Often the power goes in the middle of a turn.
  if (nextBelow(prng, 2) === 0) return;
  const records = turnRecords(prng, books.model, 1_200);
  if (opened.wal.append(records) !== "ok") return;
  books.allowed.push(books.model.apply(records));
  opened.wal.flush().catch(() => {
    // Its end is judged by what the next life finds.
  });
  for (let wait = nextBelow(prng, 12); wait > 0; wait--) await Promise.resolve();
}

async function run(seed: number, seen: Seen): Promise<void> {
  const prng = createPrng(seed, "swarm");
  const disk = new SimDisk();
  const books: Books = { model: new Model(), allowed: [contentText({ state: null, snapshot: null, entries: [] })] };
  for (let life = 0; life < LIVES; life++) {
    const opened = await reopen(disk, prng, seen);
    const { recovery } = opened;
    const found = contentText(recovery);
    if (!books.allowed.includes(found)) {
      throw new Error(`seed ${seed}, life ${life}: found [${found}], allowed were [${books.allowed.join("] [")}]`);
    }
    if (recovery.verdict.kind === "torn") seen.torn++;
    if (recovery.unproven !== null) seen.unproven++;
    if (recovery.unfinished !== null) seen.unfinished++;
    if (found !== books.allowed[0]) seen.unacknowledged++;
    // What was found is believed from here on: it may not be lost later.
    books.allowed = [found];
    books.model.state = recovery.state;
    books.model.snapshot = recovery.snapshot;
    books.model.entries = recovery.entries;
    await live(opened, books, prng, seen);
    if (nextFloat(prng) < 0.7) {
      seen.crash++;
      disk.crash(randomCrash(prng));
    } else {
      seen.kill++;
      disk.kill();
    }
  }
}

test(`${SEEDS} logs of ${LIVES} lives each`, async () => {
  const seen: Seen = {
    crash: 0,
    kill: 0,
    failure: 0,
    torn: 0,
    unproven: 0,
    unfinished: 0,
    refused: 0,
    compacted: 0,
    unacknowledged: 0,
  };
  for (let seed = 1; seed <= SEEDS; seed++) await run(seed, seen);
  for (const [what, times] of Object.entries(seen)) expect([what, times > 0]).toEqual([what, true]);
}, 60_000);
