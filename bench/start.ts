// How long the executable takes to be of use: a manager and a worker to the line that says where they listen,
// `--version` and the submit of an empty test to their end; and the README's six commands, as they stand there, all at
// once, to the first request. Each start has a folder of its own. CPU time is of all threads of the process, read from
// the kernel when the line comes. Writes bench/start.md. Exit code 1 when a promised figure is not kept.
// Usage: bun bench/start.ts [--starts 20] [--clusters 5] [--port 23000] [--executable PATH] [--print]

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machine } from "./table.ts";

const { values: given } = parseArgs({
  options: {
    starts: { type: "string", default: "20" },
    clusters: { type: "string", default: "5" },
    port: { type: "string", default: "23000" },
    executable: { type: "string", default: join(import.meta.dir, "../dist/hyperscale") },
    print: { type: "boolean", default: false },
  },
});
const FILE = join(import.meta.dir, "start.md");
/** From the start of a node to its line, and from the first command to the first request. */
const LISTENING_MS_MAX = 100;
const FIRST_REQUEST_MS_MAX = 10_000;
const EMPTY_TEST = "export const options = { iterations: 1, vus: 1 };\nexport default function () {}\n";

/** `mainMs`: CPU of the main thread; null: not known any more. */
type Start = { readonly wallMs: number; readonly cpuMs: number; readonly mainMs: number | null };
type Kind = { readonly name: string; readonly start: (at: number) => Promise<Start> };

const dir = mkdtempSync(join(tmpdir(), "bench-"));
const runtime = join(dir, "runtime");
mkdirSync(runtime, { mode: 0o700 });
const test = join(dir, "empty.ts");
writeFileSync(test, EMPTY_TEST);

/** CPU of all threads that are there, and of the main one. */
function cpuOf(pid: number): Pick<Start, "cpuMs" | "mainMs"> {
  const threadMs = (task: string | number): number =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  const cpuMs = readdirSync(`/proc/${pid}/task`).reduce((sum, task) => sum + threadMs(task), 0);
  return { cpuMs, mainMs: threadMs(pid) };
}

function spawn(args: readonly string[], cwd = dir) {
  return Bun.spawn([given.executable, ...args], {
    env: { ...process.env, XDG_RUNTIME_DIR: runtime, NO_COLOR: "1" },
    ...{ cwd, stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  });
}

/** A node until it says that it listens, with a new data folder and the key of the folder `runtime`. */
async function listening(role: "manager" | "worker", at: number): Promise<Start> {
  const port = Number(given.port) + 4 * at + (role === "manager" ? 0 : 2);
  const args = [role, "--tcp", String(port), "--data", join(dir, `${role}${at}`)];
  const beganAt = performance.now();
  const child = spawn(role === "manager" ? args : [...args, "--cores", "1", "--managers", "127.0.0.1:1"]);
  let said = "";
  let start: Start | null = null;
  for await (const bytes of child.stderr) {
    said += new TextDecoder().decode(bytes);
    if (!said.includes(" listens at ")) continue;
    start = { wallMs: performance.now() - beganAt, ...cpuOf(child.pid) };
    break;
  }
  child.kill("SIGKILL");
  await child.exited;
  if (start === null) throw new Error(`the ${role} did not start: ${said}`);
  return start;
}

/** A command until it ends. */
async function whole(args: readonly string[]): Promise<Start> {
  const beganAt = performance.now();
  const child = spawn(args);
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${args.join(" ")}: ${said}`);
  const wallMs = performance.now() - beganAt;
  return { wallMs, cpuMs: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e3, mainMs: null };
}

/** The README's commands for a cluster and a job on it. */
function sixCommands(): readonly string[] {
  const readme = readFileSync(join(import.meta.dir, "../README.md"), "utf8");
  const block = /## A cluster in six commands[^]*?```sh\n([^]*?)```/.exec(readme)?.[1] ?? "";
  const commands = block.trim().split("\n");
  if (commands.length !== 6) throw new Error(`the README has ${commands.length} commands for a cluster`);
  return commands;
}

/** ms from the first of the six to the first request at the target. */
async function firstRequest(commands: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(dir, "cluster-"));
  const arrived = Promise.withResolvers<number>();
  const target = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0 },
    fetch: () => {
      arrived.resolve(performance.now());
      return new Response("ok");
    },
  });
  const test = `export default async ({ http, env }) => { await http.get(env.TARGET); };\n`;
  writeFileSync(join(folder, "test.ts"), `export const options = { vus: 2, duration: "1s" };\n${test}`);
  const beganAt = performance.now();
  const children = commands.map((command) => {
    const words = command.split(/\s+/).map((word) => word.replace("http://127.0.0.1:8080", String(target.url)));
    return spawn(words.slice(1), folder);
  });
  const submit = children.at(-1);
  const ended = submit?.exited.then(() => "the submit ended without a request");
  try {
    const first = await Promise.race([arrived.promise, ended]);
    if (typeof first !== "number") throw new Error(`${first}: ${await new Response(submit?.stderr).text()}`);
    await submit?.exited;
    return first - beganAt;
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map(({ exited }) => exited));
    await target.stop(true);
  }
}

const kinds: readonly Kind[] = [
  { name: "`manager`, to its line", start: (at) => listening("manager", at) },
  { name: "`worker`, to its line", start: (at) => listening("worker", at) },
  { name: "`--version`", start: () => whole(["--version"]) },
  { name: "`submit` of an empty test", start: () => whole(["submit", test, "--cores", "1"]) },
];
const clusters: number[] = [];
const starts = new Map<Kind, Start[]>(kinds.map((kind) => [kind, []]));
try {
  // In turns, so that whatever else the machine does meets all alike; the first of each warms the page cache.
  for (let at = 0; at <= Number(given.starts); at++)
    for (const [kind, of] of starts) {
      const start = await kind.start(at);
      if (at > 0) of.push(start);
    }
  for (let at = 0; at < Number(given.clusters); at++) clusters.push(await firstRequest(sixCommands()));
} finally {
  rmSync(dir, { recursive: true, force: true });
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

const rows = [...starts].map(([{ name }, of]) => {
  const wall = of.map(({ wallMs }) => wallMs);
  const cpu = of.map(({ cpuMs }) => cpuMs);
  const main = of.map(({ mainMs }) => mainMs).filter((ms) => ms !== null);
  const figures = [quantile(wall, 0), quantile(wall, 0.5), quantile(cpu, 0), quantile(cpu, 0.5), quantile(main, 0.5)];
  return `| ${[name, of.length, ...figures.map((ms) => (Number.isNaN(ms) ? "" : ms.toFixed(0)))].join(" | ")} |`;
});
// What else the machine does makes wall time longer; a start waits for nothing but its own thread and its disk.
const promised = kinds.slice(0, 2).map((kind) => {
  const ms = quantile(starts.get(kind)?.map(({ mainMs }) => mainMs ?? Number.NaN) ?? [], 0.5);
  const text = `${kind.name}: ${ms.toFixed(0)} ms of CPU of its main thread p50 (limit ${LISTENING_MS_MAX})`;
  return { text, isKept: ms < LISTENING_MS_MAX };
});
if (clusters.length > 0) {
  const ms = Math.max(...clusters);
  const seconds = (ms / 1_000).toFixed(1);
  promised.push({
    text: `the README's six commands at once, to the first request: ${seconds} s at most (limit 10)`,
    isKept: ms < FIRST_REQUEST_MS_MAX,
  });
}
const first = [quantile(clusters, 0.5), Math.max(...clusters)].map((ms) => ms.toFixed(0));
const text = `# Starting, measured

Generated by \`bun bench/start.ts\`: the built executable, each time with a new data folder; a key of the user is there.
Times in ms. CPU is of all threads, the kernel's part included; "main" is that of the thread that everything waits for.

${machine()}

| | starts | wall least | wall p50 | CPU least | CPU p50 | main p50 |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
${rows.join("\n")}

The README's six commands (3 managers, 2 workers, a submit), started at once with new data folders: to the first request
${clusters.length === 0 ? "not measured" : `${first[0]} ms p50, ${first[1]} at most, of ${clusters.length}`}.

## Promised figures

${promised.map(({ text: what, isKept }) => `- ${isKept ? "kept" : "BROKEN"}: ${what}`).join("\n")}
`;
console.log(text);
if (!given.print) await Bun.write(FILE, text);
process.exit(promised.every(({ isKept }) => isKept) ? 0 : 1);
