// The open model keeps its rate: 5,000 arrivals a second on one core for 30 s start at that rate within 1 %, and every
// scheduled one is either started or counted as dropped. Exit code 1 when not so. Usage: bun bench/arrival.ts

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SummarySchema, sentRequests, valueOf } from "../test/e2e/summary.ts";
import { measured } from "./measured.ts";
import { startServer } from "./server.ts";

const RATE = 5_000;
const SECONDS = 30;
const ERROR_MAX = 0.01;
const EXECUTABLE = join(import.meta.dir, "../dist/hyperscale");

async function main(): Promise<void> {
  if (!existsSync(EXECUTABLE)) throw new Error(`no dist/hyperscale: run "bun run build" first`);
  const dir = mkdtempSync(join(tmpdir(), "bench-arrival-"));
  const server = await startServer(1);
  try {
    const file = join(dir, "summary.json");
    const before = await server.requests();
    const run = await measured(
      [
        EXECUTABLE,
        "submit",
        join(import.meta.dir, "work/arrivals.ts"),
        "--cores",
        "1",
        "-e",
        `TARGET=${server.url}`,
        "-q",
        "--summary-export",
        file,
      ],
      { core: 0, cwd: dir, deadlineMs: (SECONDS + 60) * 1_000 },
    );
    const served = (await server.requests()) - before;
    const summary = SummarySchema.parse(await Bun.file(file).json());
    const { scheduled, started, dropped } = summary.accounting;
    const error = Math.abs(valueOf(summary, "iterations", "count") / (RATE * SECONDS) - 1);
    const facts: readonly (readonly [text: string, isKept: boolean])[] = [
      [`rate error ${(error * 100).toFixed(3)} % (limit ${ERROR_MAX * 100} %)`, error < ERROR_MAX],
      [
        `started ${started} + dropped ${dropped} = scheduled ${scheduled}`,
        started + dropped === scheduled && scheduled === RATE * SECONDS,
      ],
      [`the server saw ${served} of ${sentRequests(summary)} requests`, served === sentRequests(summary)],
    ];
    for (const [text, isKept] of facts) console.log(`${isKept ? "kept  " : "BROKEN"} ${text}`);
    console.log(
      `lateness p(99) ${valueOf(summary, "iteration_lateness", "p(99)").toFixed(3)} ms, response_time p(99) ` +
        `${valueOf(summary, "response_time", "p(99)").toFixed(3)} ms, ` +
        `${((run.cpuSeconds / run.seconds) * 100).toFixed(0)} % of the core`,
    );
    if (facts.some(([, isKept]) => !isKept)) process.exitCode = 1;
  } finally {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

await main();
