// Memory of the generator: (1) 10,000 VUs at one request a second each stay under 150 MB in all, and (2) at full rate
// resident memory grows by less than 5 % from second 10 to second 60. Exit code 1 when either is not so.
// Usage: bun bench/memory.ts [--cores 1] [--vus 10000] [--only many|growth]

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measured } from "./measured.ts";
import { startServer, type Server } from "./server.ts";
import { median } from "./table.ts";

const MANY_BYTES_MAX = 150e6;
const GROWTH_MAX = 0.05;
const EXECUTABLE = join(import.meta.dir, "../dist/hyperscale");

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Bun.argv.slice(2),
    options: {
      cores: { type: "string", default: "1" },
      vus: { type: "string", default: "10000" },
      only: { type: "string", default: "" },
    },
  });
  if (!existsSync(EXECUTABLE)) throw new Error(`no dist/hyperscale: run "bun run build" first`);
  const server = await startServer(1);
  try {
    const many = values.only === "growth" || (await manyVusFit(server, Number(values.vus), values.cores));
    const growth = values.only === "many" || (await growthIsSmall(server, values.cores));
    if (!many || !growth) process.exitCode = 1;
  } finally {
    await server.stop();
  }
}

async function manyVusFit(server: Server, vus: number, cores: string): Promise<boolean> {
  const seconds = 20;
  const before = await server.requests();
  const { peakBytes, samples } = await sampled(
    "work/paced.ts",
    server,
    ["-u", String(vus), "-d", `${seconds}s`, "--cores", cores],
    seconds,
  );
  const rate = ((await server.requests()) - before) / seconds;
  const isKept = peakBytes < MANY_BYTES_MAX && rate > vus * 0.85;
  console.log(
    `${vus} VUs at ${rate.toFixed(0)} requests/s: peak ${megabytes(peakBytes)}, ` +
      `at the end ${megabytes(samples.at(-1) ?? 0)} (limit ${megabytes(MANY_BYTES_MAX)}) ${isKept ? "kept" : "BROKEN"}`,
  );
  return isKept;
}

async function growthIsSmall(server: Server, cores: string): Promise<boolean> {
  const { samples } = await sampled("work/one-get.ts", server, ["-u", "64", "-d", "63s", "--cores", cores], 63);
  // Five seconds around each point: a garbage collection between two samples is no growth.
  const around = (second: number): number => median(samples.slice(second - 3, second + 2));
  const growth = around(60) / around(10) - 1;
  const isKept = growth < GROWTH_MAX;
  console.log(
    `full rate: ${megabytes(around(10))} at second 10, ${megabytes(around(60))} at second 60: ` +
      `${(growth * 100).toFixed(1)} % (limit ${GROWTH_MAX * 100} %) ${isKept ? "kept" : "BROKEN"}`,
  );
  console.log(`MB each second: ${samples.map((bytes) => (bytes / 1e6).toFixed(0)).join(" ")}`);
  return isKept;
}

/** Resident bytes of each second of a run; index 0 is second 1. */
async function sampled(
  file: string,
  server: Server,
  args: readonly string[],
  seconds: number,
): Promise<{ readonly peakBytes: number; readonly samples: readonly number[] }> {
  const dir = mkdtempSync(join(tmpdir(), "bench-memory-"));
  const samples: number[] = [];
  try {
    const run = await measured(
      [
        EXECUTABLE,
        "submit",
        join(import.meta.dir, file),
        ...args,
        "-e",
        `TARGET=${server.url}`,
        "-q",
        "--summary-export",
        "summary.json",
      ],
      { core: 0, cwd: dir, deadlineMs: (seconds + 60) * 1_000, onSecond: (_, bytes) => samples.push(bytes) },
    );
    return { peakBytes: run.residentBytesMax, samples };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

await main();
