// A process that writes a log on the real disk and says what was acknowledged, for real-disk.test.ts to run under
// strace. One line a turn on stdout; exit code 74 with the reason on stderr when the log fails. Not a test itself.

import { rmSync } from "node:fs";
import { HyperscaleError } from "../../src/base/error.ts";
import { createClock } from "../../src/io/clock.ts";
import { createDisk } from "../../src/io/disk.ts";
import { openWal } from "../../src/node/consensus/wal-store.ts";
import { SMALL, contentText, workload } from "./workload.ts";

const [, , directory = "", mode = "write", turns = "12"] = process.argv;
/** Takes up space beside the log; given back when the log says that the disk is full. */
const BALLAST = `${directory}/../ballast`;

async function main(): Promise<void> {
  const random = { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };
  const opened = await openWal({
    world: { clock: createClock(), disk: createDisk(), random },
    directory,
    limits: SMALL,
    sealAfterMs: null,
    retryMs: 5,
    onStatus: (status) => {
      process.stderr.write(`status ${status}\n`);
      if (status === "full" && mode === "fill") rmSync(BALLAST);
    },
  });
  if (opened.kind === "corrupt") throw opened.refusal;
  process.stdout.write(`found ${contentText(opened.recovery)}\n`);
  if (mode === "hold")
    await new Promise((resolve) => {
      process.stdin.on("end", resolve).resume();
    });
  if (mode !== "write" && mode !== "fill") return opened.wal.close();
  for (const [at, turn] of workload({ turns: Number(turns), seed: 13 }).entries()) {
    while (opened.wal.append(turn.records) === "disk_full") await Bun.sleep(5);
    await opened.wal.flush();
    process.stdout.write(`acked ${at + 1}\n`);
  }
  await opened.wal.close();
}

try {
  await main();
} catch (error) {
  if (!(error instanceof HyperscaleError) || error.code !== "storage") throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(74);
}
