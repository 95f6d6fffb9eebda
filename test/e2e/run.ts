// Runs the built executable the way a person does: real argv, a fresh directory, real signals, files it wrote. Builds
// it first when it is missing or older than the sources. At most three run side by side, so that none starves.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SummarySchema, type Summary } from "./summary.ts";

export type RunOptions = {
  /** Files to write into the run's directory, by relative path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Added to a clean environment: nothing of HYPERSCALE_* or NO_COLOR is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  /** A directory of its own unless given. */
  readonly dir?: string;
  /** Sends the signal once `when` holds; asked every 20 ms. Several are sent one after another. */
  readonly signals?: readonly { readonly signal: NodeJS.Signals; readonly when: () => Promise<boolean> | boolean }[];
  /** Killed and reported as a failure after this long. Default 60,000. */
  readonly deadlineMs?: number;
};

export type Run = {
  /** null when a signal ended it: see `signal`. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Both streams: for words that may stand on either. */
  readonly output: string;
  readonly dir: string;
  readonly durationMs: number;
};

/** A run of `submit` whose summary was written; `text` is the document as it stands in the file. */
export type SubmitRun = Run & { readonly summary: Summary | null; readonly summaryText: string };

const ROOT = join(import.meta.dir, "../..");
const RUNS_MAX = 3;
const dirs: string[] = [];
let runtime: string | null = null;

/** An empty directory, until `removeDirs`. */
export function freshDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "e2e-"));
  dirs.push(dir);
  return dir;
}

/** One user's runtime directory for all runs of a test file: what they start without credentials shares a key there. */
export function runtimeDir(): string {
  runtime ??= freshDir();
  return runtime;
}

/** Removes every directory runs were given so far: for afterAll of each file that runs something. */
export function removeDirs(): void {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
  runtime = null;
}

let built: Promise<string> | null = null;

/** Path of an executable as new as the sources (or of $TEST_EXECUTABLE). */
export function executable(): Promise<string> {
  built ??= build();
  return built;
}

/** Runs the executable with `args` to its end. Throws when the deadline passes, with everything it had printed. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const path = await executable();
  await takeSlot();
  try {
    return await runNow(path, args, options);
  } finally {
    freeSlot();
  }
}

/**
 * `submit FILE --summary-export summary.json` on the text of a workflow file, named test.ts in a fresh directory.
 * `summary` is null when none was written; one that breaks the contract throws.
 */
export async function submit(
  source: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<SubmitRun> {
  return submitArgs(["test.ts", ...args], { ...options, files: { "test.ts": source, ...options.files } });
}

/** The same with whatever is to be submitted (a URL, a file by another name) among `args`. */
export async function submitArgs(args: readonly string[], options: RunOptions = {}): Promise<SubmitRun> {
  const dir = options.dir ?? freshDir();
  const ended = await run(["submit", ...args, "--summary-export", "summary.json"], { ...options, dir });
  const file = Bun.file(join(dir, "summary.json"));
  const summaryText = (await file.exists()) ? await file.text() : "";
  return { ...ended, summaryText, summary: summaryText === "" ? null : SummarySchema.parse(JSON.parse(summaryText)) };
}

/** The summary of a run that must have written one; its output is in the error when it did not. */
export function summaryOf(ended: SubmitRun): Summary {
  if (ended.summary === null)
    throw new Error(`no summary was written; exit code ${ended.exitCode}, output:\n${ended.output}`);
  return ended.summary;
}

async function runNow(path: string, args: readonly string[], options: RunOptions): Promise<Run> {
  const dir = options.dir ?? freshDir();
  for (const [name, content] of Object.entries(options.files ?? {})) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    await Bun.write(join(dir, name), content);
  }
  const startedAt = performance.now();
  const child = Bun.spawn([path, ...args], {
    cwd: dir,
    env: { ...cleanEnv(dir), ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let isLate = false;
  const deadline = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, options.deadlineMs ?? 60_000);
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    sendSignals(child, options.signals ?? []),
    child.exited,
  ]);
  clearTimeout(deadline);
  const output = `${stdout}\n${stderr}`;
  if (isLate) throw new Error(`hyperscale ${args.join(" ")} did not end within its deadline; output:\n${output}`);
  return {
    exitCode: child.exitCode,
    signal: child.signalCode === null ? null : String(child.signalCode),
    stdout,
    stderr,
    output,
    dir,
    durationMs: performance.now() - startedAt,
  };
}

async function sendSignals(child: Bun.Subprocess, signals: NonNullable<RunOptions["signals"]>): Promise<void> {
  for (const { signal, when } of signals) {
    while (child.exitCode === null && child.signalCode === null) {
      if (await when()) {
        child.kill(signal);
        break;
      }
      await Bun.sleep(20);
    }
  }
}

/** The environment without what would change the program's behaviour behind a test's back. */
export function cleanEnv(home: string): Record<string, string> {
  const env: Record<string, string> = { HOME: home, XDG_RUNTIME_DIR: runtimeDir() };
  for (const [name, value] of Object.entries(process.env)) {
    const isOurs =
      name.startsWith("HYPERSCALE_") ||
      name === "NO_COLOR" ||
      name === "FORCE_COLOR" ||
      name === "HOME" ||
      name.startsWith("XDG_");
    if (value !== undefined && !isOurs) env[name] = value;
  }
  return env;
}

async function build(): Promise<string> {
  const given = process.env["TEST_EXECUTABLE"];
  if (given !== undefined && given !== "") return given;
  const path = join(ROOT, "dist/hyperscale");
  if (existsSync(path) && statSync(path).mtimeMs >= newestSourceMs()) return path;
  const child = Bun.spawn([process.execPath, "run", ".ci/build.ts"], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (child.exitCode !== 0 || !existsSync(path)) throw new Error(`the build failed:\n${stdout}\n${stderr}`);
  return path;
}

function newestSourceMs(): number {
  const names = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).map((name) =>
    join(ROOT, "src", name),
  );
  return [...names, join(ROOT, "package.json")].reduce((newest, name) => Math.max(newest, statSync(name).mtimeMs), 0);
}

let running = 0;
const queue: (() => void)[] = [];

async function takeSlot(): Promise<void> {
  if (running < RUNS_MAX) {
    running++;
    return;
  }
  await new Promise<void>((resolve) => queue.push(resolve));
}

function freeSlot(): void {
  const next = queue.shift();
  if (next === undefined) running--;
  else next();
}
