// Measures what a second worker brings: each worker in a cpu cgroup of a quarter of one core, the target on the other
// core, runs of one and of two workers in turns. Writes bench/scale.md; exit code 1 when two bring less than 1.9 times
// the rate of one, 3 when others kept the workers from their quarters. Needs root, Linux with a cgroup cpu
// controller, nginx and two cores; says so when it lacks one.
// Usage: bun bench/scale.ts [--runs 5] [--seconds 6] [--print]

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startServer } from "./server.ts";
import { machine, median } from "./table.ts";

const HERE = import.meta.dir;
const EXECUTABLE = join(HERE, "../dist/hyperscale");
const RATIO_MIN = 1.9;
/** A quarter of one core, in turns short enough for an event loop. */
const PERIOD_US = 20_000;
const QUOTA_US = 5_000;
const CONNECTIONS = 32;
/** Of its quarter of a core a worker has to get so much, or the run is none. */
const GOT_MIN = 0.9;
const TRIES_MAX = 5;

type Group = { readonly add: (pid: number) => void; readonly remove: () => void };

/** A cgroup that may use a quarter of one core. Throws with what is missing. */
function createGroup(name: string): Group {
  const first = "/sys/fs/cgroup/cpu";
  const isFirst = existsSync(join(first, "cpu.cfs_quota_us"));
  const root = isFirst ? first : "/sys/fs/cgroup";
  if (!isFirst && !existsSync(join(root, "cgroup.controllers")))
    throw new Error(`no cgroup cpu controller is mounted at ${first} or ${root}: this bench cannot be run here`);
  const path = join(root, `hyperscale-${process.pid}-${name}`);
  try {
    if (!isFirst) writeFileSync(join(root, "cgroup.subtree_control"), "+cpu");
    mkdirSync(path);
    if (isFirst) {
      writeFileSync(join(path, "cpu.cfs_period_us"), String(PERIOD_US));
      writeFileSync(join(path, "cpu.cfs_quota_us"), String(QUOTA_US));
    } else writeFileSync(join(path, "cpu.max"), `${QUOTA_US} ${PERIOD_US}`);
  } catch (error) {
    throw new Error(`a cgroup cannot be made at ${path} (run as root, outside of a container): ${String(error)}`);
  }
  return {
    add: (pid) => writeFileSync(join(path, "cgroup.procs"), String(pid)),
    remove: () => rmdirSync(path),
  };
}

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop();
  return port;
}

/** One node on core 0. */
function node(args: readonly string[]) {
  return Bun.spawn(["taskset", "-c", "0", EXECUTABLE, ...args], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
}

async function hasWorkers(manager: string, count: number): Promise<boolean> {
  const asked = Bun.spawn([EXECUTABLE, "status", "--json", "--managers", manager], {
    stdout: "pipe",
    stderr: "ignore",
  });
  const text = await new Response(asked.stdout).text();
  return (await asked.exited) === 0 && JSON.parse(text).workers.length === count;
}

/** User and system time of a process, in seconds. */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/**
 * Requests a second of so many workers, and what part of its quarter of a core each got: below GOT_MIN others were
 * running, and the rate says nothing. Throws when the server's own count is another.
 */
async function rate(workers: number, seconds: number): Promise<{ readonly perSecond: number; readonly got: number }> {
  const dir = mkdtempSync(join(tmpdir(), "hyperscale-scale-"));
  const server = await startServer(1);
  const groups: Group[] = [];
  const port = freePort();
  const manager = `127.0.0.1:${port}`;
  const nodes = [node(["manager", "--tcp", String(port), "--data", join(dir, "m"), "--profile", "local"])];
  try {
    for (let at = 0; at < workers; at++) {
      const group = createGroup(String(at));
      groups.push(group);
      const worker = node([
        "worker",
        "--tcp",
        "0",
        "--udp",
        "0",
        "--managers",
        manager,
        "--cores",
        "1",
        "--data",
        join(dir, `w${at}`),
        "--profile",
        "local",
      ]);
      nodes.push(worker);
      group.add(worker.pid);
    }
    for (const end = performance.now() + 60_000; !(await hasWorkers(manager, workers)); await Bun.sleep(300))
      if (performance.now() > end) throw new Error(`${workers} workers did not join within 60 s`);
    const summaryFile = join(dir, "summary.json");
    const file = join(HERE, "work/one-get.ts");
    const load = ["-u", String(CONNECTIONS * workers), "-d", `${seconds}s`, "-e", `TARGET=${server.url}`];
    const used = (): number => nodes.slice(1).reduce((sum, { pid }) => sum + cpuSecondsOf(pid), 0);
    const usedBefore = used();
    const command = [EXECUTABLE, "submit", file, ...load, "-q", "--managers", manager, "--summary-export", summaryFile];
    const submit = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    const said = await new Response(submit.stderr).text();
    if ((await submit.exited) !== 0) throw new Error(`the submit ended with ${submit.exitCode}:\n${said}`);
    const summary = await Bun.file(summaryFile).json();
    const { count, rate: perSecond } = summary.metrics.http_reqs.values;
    const served = await server.requests();
    if (served !== count - summary.accounting.unsent)
      throw new Error(`the server saw ${served} requests, ${count} were counted`);
    if (summary.generator.nodes.length !== workers)
      throw new Error(`${summary.generator.nodes.length} workers ran it, not ${workers}`);
    return { perSecond, got: (used() - usedBefore) / (workers * seconds * (QUOTA_US / PERIOD_US)) };
  } finally {
    for (const one of nodes) one.kill("SIGKILL");
    await Promise.all(nodes.map((one) => one.exited));
    for (const group of groups) group.remove();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The rate of the first run in which the workers got their quarters of a core. Ends the process where none did. */
async function undisturbedRate(workers: number, seconds: number): Promise<number> {
  let most = 0;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { perSecond, got } = await rate(workers, seconds);
    if (got >= GOT_MIN) return perSecond;
    most = Math.max(most, got);
    console.error(`taken again: the workers got ${(got * 100).toFixed(0)} % of their quarters of a core`);
  }
  console.error(`this machine is too busy: the workers got ${(most * 100).toFixed(0)} % of their quarters at best`);
  process.exit(3);
}

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    seconds: { type: "string", default: "6" },
    print: { type: "boolean", default: false },
  },
});
if (cpus().length < 2) throw new Error("this bench needs two cores: one for the workers, one for the target");
if (!existsSync(EXECUTABLE)) throw new Error("dist/hyperscale is not there: run bun run build");
const rates: { readonly one: number[]; readonly two: number[] } = { one: [], two: [] };
for (let run = 1; run <= Number(values.runs); run++) {
  rates.one.push(await undisturbedRate(1, Number(values.seconds)));
  rates.two.push(await undisturbedRate(2, Number(values.seconds)));
  console.log(`run ${run}: one worker ${rates.one.at(-1)?.toFixed(0)}/s, two ${rates.two.at(-1)?.toFixed(0)}/s`);
}
const [one, two] = [median(rates.one), median(rates.two)];
const isKept = two / one >= RATIO_MIN;
const list = (of: readonly number[]): string => of.map((perSecond) => perSecond.toFixed(0)).join(", ");
const text = `# A second worker

Each worker (one engine core) in a cpu cgroup of 25 % of core 0, manager and client beside them, nginx alone on core 1;
${CONNECTIONS} VUs a worker, ${values.seconds} s a run, ${values.runs} runs of each in turns. By \`bun bench/scale.ts\`;
${loadavg()[0]?.toFixed(0)} others wanted the cores.

${machine()}

| | requests a second, each run | median |
| --- | --- | --- |
| one worker | ${list(rates.one)} | ${one.toFixed(0)} |
| two workers | ${list(rates.two)} | ${two.toFixed(0)} |

Two workers reach ${(two / one).toFixed(2)} times the rate of one; promised are ${RATIO_MIN}: ${isKept ? "kept" : "NOT KEPT"}.
`;
console.log(text);
if (!values.print) await Bun.write(join(HERE, "scale.md"), text);
process.exit(isKept ? 0 : 1);
