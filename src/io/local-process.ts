// Processes of this machine by their id: who they are beyond a number that may be used again, signals to them, and new
// ones that outlive this one. Linux: what is known of a process is read from /proc.

import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { HyperscaleError, messageOf } from "../base/error.ts";

/**
 * A process that cannot be mistaken for another: `startTime` is in clock ticks since the machine booted (proc(5), field
 * 22 of stat), and differs where the id is used again.
 */
export type ProcessIdentity = {
  readonly pid: number;
  readonly startTime: string;
  readonly argv: readonly string[];
};

/** paused: stopped by a signal. */
export type ProcessState = "running" | "paused";

/** What a process was started as, beyond its identity. */
export type OwnProcess = ProcessIdentity & {
  /** Absolute path of its program. */
  readonly program: string;
  readonly directory: string;
  /** The file its stderr goes to; null where that is no file. */
  readonly logFile: string | null;
};

/** This process. Throws `invalid` where the system does not tell. */
export function ownProcess(): OwnProcess {
  const self = processOf(process.pid);
  if (self === null)
    throw new HyperscaleError("invalid", "--chaos needs Linux: this system does not tell one process from another");
  const { pid, startTime, argv } = self;
  return { pid, startTime, argv, program: process.execPath, directory: process.cwd(), logFile: logFileOf() };
}

/** Who has this id now; null: nobody, or one that has ended and was not collected. */
export function processOf(pid: number): (ProcessIdentity & { readonly state: ProcessState }) | null {
  try {
    // The name within the parentheses may hold anything; the first field after it is the third.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state = "Z"] = fields;
    const startTime = fields[22 - 3];
    const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    if (startTime === undefined || state === "Z" || state === "X") return null;
    return { pid, startTime, argv, state: state === "T" || state === "t" ? "paused" : "running" };
  } catch {
    // It ended, or there is no /proc.
    return null;
  }
}

/** Sends the signal. Out: false when there is no such process (any more). */
export function signalProcess(pid: number, signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw new HyperscaleError("invalid", `${signal} to process ${pid}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Starts a program in a session of its own, so that it stays when this process ends. Its streams go to the end of the
 * log file, readable by this user alone. Out: its id. Throws `storage`.
 */
export async function startDetached(options: {
  readonly program: string;
  readonly args: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
}): Promise<number> {
  const { program, args, directory, environment, logFile } = options;
  let log: number | null = null;
  try {
    log = openSync(logFile, "a", 0o600);
    const child = spawn(program, [...args], {
      cwd: directory,
      env: environment,
      detached: true,
      stdio: ["ignore", log, log],
    });
    const started = Promise.withResolvers<void>();
    child.once("spawn", started.resolve);
    child.once("error", started.reject);
    await started.promise;
    child.unref();
    if (child.pid === undefined) throw new Error("it has no id");
    return child.pid;
  } catch (error) {
    throw new HyperscaleError("storage", `cannot start ${program}: ${messageOf(error)}`, { cause: error });
  } finally {
    if (log !== null) closeSync(log);
  }
}

/**
 * Lets a stopped process go on after `delayMs`, whatever becomes of this one: a shell that sleeps, looks whether the
 * process is still the same, and wakes it. Out: calls it off.
 */
export function wakeLater({ pid, startTime }: ProcessIdentity, delayMs: number): () => void {
  const seconds = Math.max(0.001, delayMs / 1_000).toFixed(3);
  const script =
    `sleep ${seconds}; ` +
    `[ "$(sed 's/.*) //' /proc/${pid}/stat | cut -d ' ' -f ${22 - 2})" = ${startTime} ] && kill -CONT ${pid}`;
  const child = spawn("/bin/sh", ["-c", script], { detached: true, stdio: "ignore" });
  // Without a shell the order to stop is never given: `exited` tells.
  child.on("error", () => {});
  child.unref();
  return () => {
    // Its group, so that the sleep ends with the shell.
    if (child.pid !== undefined && child.exitCode === null) {
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
  };
}

function logFileOf(): string | null {
  try {
    const target = readlinkSync("/proc/self/fd/2");
    return target.startsWith("/") && !target.startsWith("/dev/") ? target : null;
  } catch {
    return null;
  }
}
