// Measures what it costs a manager to merge the snapshots of many cores, and writes bench/merge.md: a real manager (the
// built executable, TLS, disk), workers whose cores are played (merge-cores.ts), a client that follows the job. The
// merged result is checked to the last request. Exit code 1 when a promised figure is not kept.
// Usage: bun bench/merge.ts [--seconds 60] [--cores 200] [--rate 5000] [--keep-report]

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { EngineReply, EngineRequest } from "../src/engine/messages.ts";
import { createWorld } from "../src/io/real-world.ts";
import { openCredentials } from "../src/io/security/open-credentials.ts";
import { secureWorld } from "../src/io/security/secure-world.ts";
import { parseThreshold } from "../src/load/thresholds.ts";
import { statOf } from "../src/load/values.ts";
import { select } from "../src/load/merge.ts";
import { openClient } from "../src/node/client.ts";
import type { ClusterClient } from "../src/node/cluster-client.ts";
import { streamsAt } from "../src/node/station.ts";
import { BUNDLE, jobPlan, workflowPlan } from "../test/node/plans.ts";
import type { CoresPlay } from "./merge-cores.ts";
import { machine, median } from "./table.ts";

const HERE = import.meta.dir;
const EXECUTABLE = join(HERE, "../dist/hyperscale");
const FILE = join(HERE, "merge.md");
/** Of one core, and MB a second into the manager. */
const CORE_MAX = 0.5;
const MB_MAX = 10;
/** What memory may grow by over the second half of the run. */
const GROWTH_MAX = 0.2;
const WORKERS = 10;
const WARM_UP_SECONDS = 5;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    cores: { type: "string", default: "200" },
    rate: { type: "string", default: "5000" },
    "keep-report": { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);
const play: CoresPlay = {
  manager: { host: "127.0.0.1", tcp: 0, udp: 0 },
  workers: WORKERS,
  coresEach: Math.ceil(Number(values.cores) / WORKERS),
  cells: 2_000,
  perSecond: Number(values.rate),
};
const CORES = play.workers * play.coresEach;
const TREND_NAMES = ["duration", "blocked", "connecting", "tls_handshaking", "sending", "waiting", "receiving"];

/** One second of the manager, from outside. */
type Second = {
  readonly core: number;
  readonly megabytes: number;
  readonly snapshots: number;
  readonly residentMb: number;
};

async function freePort(): Promise<number> {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop();
  return port;
}

/** User and system time in seconds, and resident MB. */
function usageOf(pid: number): { readonly cpuSeconds: number; readonly residentMb: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  return { cpuSeconds: ticks / 100, residentMb: kilobytes / 1_024 };
}

async function openFollower(manager: CoresPlay["manager"]): Promise<ClusterClient> {
  const world = createWorld<EngineRequest, EngineReply>();
  const credentials = await openCredentials({
    given: { kind: "none" },
    role: "client",
    host: null,
    node: null,
    epochMs: world.clock.epochMs(),
    environment: process.env,
  });
  const secured = secureWorld(world, credentials);
  return openClient({ world: secured.world, managers: [streamsAt(manager)], environment: "default" });
}

async function until(what: string, seconds: number, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + seconds * 1_000; performance.now() < end; await Bun.sleep(200))
    if (await isSo()) return;
  throw new Error(`${what}: not within ${seconds} s`);
}

function rowText({ core, megabytes, residentMb }: Second): string {
  return `${core.toFixed(2)} of a core, ${megabytes.toFixed(1)} MB/s, ${residentMb.toFixed(0)} MB`;
}

function planOf() {
  const executor = { kind: "constant-vus", vus: CORES * 10, durationMs: seconds * 1_000 } as const;
  const thresholds = [...TREND_NAMES.map((name) => `http_req_${name}`), "iteration_duration"].map((name) =>
    parseThreshold(name, "p(95)<60000"),
  );
  return jobPlan({ name: "merge", workflows: [workflowPlan("default", { executor })], thresholds });
}

async function run(directory: string): Promise<{ readonly rows: Second[]; readonly problems: string[] }> {
  const tcp = await freePort();
  const manager = { host: "127.0.0.1", tcp, udp: tcp };
  const env = { ...process.env, MERGE_CORES: JSON.stringify({ ...play, manager }) };
  const node = Bun.spawn(
    [EXECUTABLE, "manager", "--tcp", String(tcp), "--udp", String(tcp), "--data", directory, "--profile", "local"],
    { stdout: "ignore", stderr: Bun.file(join(directory, "../merge-manager.log")) },
  );
  const cores = Bun.spawn([process.execPath, join(HERE, "merge-cores.ts")], { env, stdout: "pipe", stderr: "inherit" });
  try {
    let made = { bytesOut: 0, snapshots: 0 };
    const reading = (async () => {
      let text = "";
      for await (const chunk of cores.stdout) {
        const lines = (text + new TextDecoder().decode(chunk)).split("\n");
        text = lines.pop() ?? "";
        for (const line of lines) made = JSON.parse(line);
      }
    })();
    const client = await openFollower(manager);
    await until("workers join", 60, async () => (await client.status()).workers.length === WORKERS);
    const rows: Second[] = [];
    let views = 0;
    const job = client.submit(`merge-${Date.now()}`, { plan: planOf(), bundle: BUNDLE, retries: 0 }, (event) => {
      if (event.kind === "view") views++;
    });
    await job.accepted;
    let isOver = false;
    const finished = job.result.finally(() => (isOver = true));
    let [before, madeBefore, atMs] = [usageOf(node.pid), made, performance.now()];
    while (!isOver) {
      await Bun.sleep(1_000);
      const [now, madeNow, nowMs] = [usageOf(node.pid), made, performance.now()];
      const elapsed = (nowMs - atMs) / 1_000;
      rows.push({
        core: (now.cpuSeconds - before.cpuSeconds) / elapsed,
        megabytes: (madeNow.bytesOut - madeBefore.bytesOut) / 1e6 / elapsed,
        snapshots: (madeNow.snapshots - madeBefore.snapshots) / elapsed,
        residentMb: now.residentMb,
      });
      [before, madeBefore, atMs] = [now, madeNow, nowMs];
      const row = rows.at(-1);
      if (rows.length % 10 === 0 && row !== undefined) console.log(`${rows.length} s: ${rowText(row)}`);
    }
    const problems = problemsOf(await finished, views);
    client.close();
    reading.catch(() => {});
    return { rows, problems };
  } finally {
    cores.kill("SIGINT");
    node.kill();
    await Promise.all([cores.exited, node.exited]);
  }
}

/** What is wrong with the merged result. */
function problemsOf(result: Awaited<ReturnType<ClusterClient["submit"]>["result"]>, views: number): string[] {
  const problems: string[] = [];
  const series = result.workflows.flatMap((workflow) => workflow.series);
  const counted = select(series, "http_reqs", {});
  const trend = select(series, "http_req_duration", {});
  const requests = counted?.type === "counter" ? counted.count : 0;
  const started = result.workflows.reduce((sum, { accounting }) => sum + accounting.started, 0);
  if (result.state !== "completed") problems.push(`the job is ${result.state}: ${result.reason}`);
  if (requests !== started || requests === 0) problems.push(`${requests} requests merged, ${started} were made`);
  const values = trend === null ? 0 : (statOf(trend, "count", 0) ?? 0);
  if (values !== requests + CORES * play.cells)
    problems.push(`${values} values in the merged trend, ${requests + CORES * play.cells} were measured`);
  if (views < seconds) problems.push(`${views} views in ${seconds} s`);
  if (result.unreportedMax > 0) problems.push(`${result.unreportedMax} requests may be unreported`);
  console.log(`${requests} requests of ${result.cores.length} cores merged, ${views} views`);
  return problems;
}

const directory = mkdtempSync(join(tmpdir(), "hyperscale-merge-"));
const { rows, problems } = await run(join(directory, "data"));
rmSync(directory, { recursive: true, force: true });
const steady = rows.slice(WARM_UP_SECONDS, -1);
const mean = (of: (row: Second) => number, list = steady): number =>
  list.reduce((sum, row) => sum + of(row), 0) / Math.max(1, list.length);
const core = mean((row) => row.core);
const megabytes = mean((row) => row.megabytes);
const snapshots = mean((row) => row.snapshots);
const quarter = Math.max(1, Math.floor(steady.length / 4));
const memory = (list: readonly Second[]): number => median(list.map(({ residentMb }) => residentMb));
const [third, last] = [memory(steady.slice(2 * quarter, 3 * quarter)), memory(steady.slice(-quarter))];
const growth = last / third - 1;
if (snapshots < 0.95 * CORES)
  problems.push(
    `only ${snapshots.toFixed(0)} snapshots a second were made: this machine is too busy for a measurement`,
  );
if (core >= CORE_MAX) problems.push(`it took ${core.toFixed(2)} of a core, ${CORE_MAX} is the bound`);
if (megabytes >= MB_MAX) problems.push(`it took in ${megabytes.toFixed(1)} MB/s, ${MB_MAX} is the bound`);
if (growth >= GROWTH_MAX)
  problems.push(`memory grew by ${(growth * 100).toFixed(0)} % from the third to the last quarter`);

const worst = Math.max(...steady.map((row) => row.core));
const overTime = Array.from({ length: 13 }, (_, at) => steady[Math.floor((at * (steady.length - 1)) / 12)]?.residentMb);
const change = `${growth >= 0 ? "+" : ""}${(growth * 100).toFixed(1)} %`;
const command = `bun bench/merge.ts --seconds ${seconds} --cores ${CORES} --rate ${play.perSecond}`;
const verdict =
  problems.length === 0
    ? "All bounds are kept, and the merged result holds every request."
    : problems.map((problem) => `- NOT KEPT: ${problem}`).join("\n");
const text = `# Merging on a manager

${CORES} cores on ${WORKERS} workers, each with 8 trends of at least ${play.cells} occupied cells (${play.perSecond} new
values a second in each) and 12 other metrics; one manager (the built executable, TLS, checkpoints every 5 s on disk),
eight thresholds on merged percentiles judged every second, a client that follows. Cores are played, everything else is
real. By \`${command}\`; ${loadavg()[0]?.toFixed(0)} others wanted the cores.

${machine()}

| | measured | bound |
| --- | --- | --- |
| CPU of the manager, mean | ${core.toFixed(2)} of a core | ${CORE_MAX} |
| CPU of the manager, worst second | ${worst.toFixed(2)} of a core | |
| CPU of the manager for each snapshot | ${((core / snapshots) * 1e3).toFixed(2)} ms | |
| snapshots merged | ${snapshots.toFixed(0)} a second | ${CORES} |
| into the manager, mean | ${megabytes.toFixed(1)} MB/s | ${MB_MAX} |
| resident, third quarter of the run | ${third.toFixed(0)} MB | |
| resident, last quarter | ${last.toFixed(0)} MB (${change}) | +${GROWTH_MAX * 100} % |

Resident MB over time: ${overTime.map((mb) => mb?.toFixed(0)).join(", ")}.

${verdict}
`;
console.log(text);
if (!values["keep-report"]) await Bun.write(FILE, text);
process.exit(problems.length === 0 ? 0 : 1);
