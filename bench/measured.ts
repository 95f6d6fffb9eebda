// One command, pinned to one core and measured from outside: what the kernel says it used. The same for every
// generator, so that none is believed about its own costs.

import { existsSync, readFileSync } from "node:fs";

export type Measured = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Wall-clock time from start to end. */
  readonly seconds: number;
  /** User and system time of the process and of all children it waited for (wait4), in seconds. */
  readonly cpuSeconds: number;
  /**
   * Largest resident set of the process (VmHWM, read ten times a second). Not rusage's: that starts at the size of
   * whoever started the process.
   */
  readonly residentBytesMax: number;
};

export type MeasureOptions = {
  readonly core: number | null;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Killed after this long. */
  readonly deadlineMs: number;
  /** Called once a second with the process's resident bytes. */
  readonly onSecond?: (second: number, residentBytes: number) => void;
};

/** Runs the command to its end. Throws with its output when it is late or exits with anything but 0. */
export async function measured(command: readonly string[], options: MeasureOptions): Promise<Measured> {
  const pinned = options.core === null ? [...command] : ["taskset", "-c", String(options.core), ...command];
  const startedAt = performance.now();
  const child = Bun.spawn(pinned, {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const deadline = setTimeout(() => child.kill("SIGKILL"), options.deadlineMs);
  let residentBytesMax = 0;
  let seconds = 0;
  const ticker = setInterval(() => {
    const { now, most } = residentBytes(child.pid);
    residentBytesMax = Math.max(residentBytesMax, most);
    if (now === 0 || performance.now() - startedAt < (seconds + 1) * 1_000) return;
    seconds++;
    options.onSecond?.(seconds, now);
  }, 100);
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(deadline);
  clearInterval(ticker);
  const usage = child.resourceUsage();
  if (child.exitCode !== 0)
    throw new Error(`${command.join(" ")} ended with ${child.exitCode ?? child.signalCode}:\n${stdout}\n${stderr}`);
  return {
    exitCode: child.exitCode,
    stdout,
    stderr,
    seconds: (performance.now() - startedAt) / 1_000,
    cpuSeconds: Number(usage?.cpuTime.total ?? 0) / 1e6,
    residentBytesMax,
  };
}

/** VmRSS and VmHWM of a process, both 0 when it is gone. */
function residentBytes(pid: number): { readonly now: number; readonly most: number } {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return { now: 0, most: 0 };
  const text = readFileSync(path, "utf8");
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
  return { now: kilobytes("VmRSS") * 1_024, most: kilobytes("VmHWM") * 1_024 };
}
