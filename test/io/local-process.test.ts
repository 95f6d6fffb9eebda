// Goal: a process is known for itself, a stopped one is woken in time and no other, and one that is started outlives who
// started it. Method: real processes that sleep; all are ended by their id.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownProcess, processOf, signalProcess, startDetached, wakeLater } from "../../src/io/local-process.ts";

const folder = mkdtempSync(join(tmpdir(), "process-"));
const started: number[] = [];
afterAll(() => {
  for (const pid of started) signalProcess(pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

function sleeper() {
  const child = Bun.spawn(["sleep", "600"], { stdio: ["ignore", "ignore", "ignore"] });
  started.push(child.pid);
  return child;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const limitMs = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > limitMs) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const stateOf = (pid: number): string => processOf(pid)?.state ?? "gone";

describe("a process", () => {
  test("knows itself as others see it", () => {
    const { pid, startTime, argv, program, directory } = ownProcess();
    expect(pid).toBe(process.pid);
    expect(processOf(pid)).toEqual({ pid, startTime, argv, state: "running" });
    expect([program, directory]).toEqual([process.execPath, process.cwd()]);
  });

  test("that ended is nobody, and takes no signal", async () => {
    const child = sleeper();
    expect(stateOf(child.pid)).toBe("running");
    expect(signalProcess(child.pid, "SIGKILL")).toBeTrue();
    await child.exited;
    expect(stateOf(child.pid)).toBe("gone");
    expect(signalProcess(child.pid, "SIGCONT")).toBeFalse();
  });
});

describe("a stopped process", () => {
  const identityOf = (pid: number) => {
    const seen = processOf(pid);
    if (seen === null) throw new Error("it is gone");
    return seen;
  };

  test("is woken in time", async () => {
    const { pid } = sleeper();
    wakeLater(identityOf(pid), 300);
    signalProcess(pid, "SIGSTOP");
    await until("it to stop", () => stateOf(pid) === "paused");
    await until("it to be woken", () => stateOf(pid) === "running");
  });

  test("is not woken by one that was called off, nor by one that means another of the same id", async () => {
    const { pid } = sleeper();
    const callOff = wakeLater(identityOf(pid), 100);
    wakeLater({ ...identityOf(pid), startTime: "17" }, 100);
    callOff();
    signalProcess(pid, "SIGSTOP");
    await until("it to stop", () => stateOf(pid) === "paused");
    // A third one that means it shows that the others had their time.
    const later = sleeper();
    wakeLater(identityOf(later.pid), 400);
    signalProcess(later.pid, "SIGSTOP");
    await until("the later one to stop", () => stateOf(later.pid) === "paused");
    await until("the later one to be woken", () => stateOf(later.pid) === "running");
    expect(stateOf(pid)).toBe("paused");
  });
});

describe("a process that is started", () => {
  test("has a session of its own, its words in the log file, and the environment it was given", async () => {
    const logFile = join(folder, "log");
    const pid = await startDetached({
      program: "/bin/sh",
      args: ["-c", 'echo "$WORD in $PWD" >&2; exec sleep 600'],
      directory: folder,
      environment: { PATH: process.env["PATH"], WORD: "hello" },
      logFile,
    });
    started.push(pid);
    await until("its words", () => readFileSync(logFile, "utf8").includes("\n"));
    expect(readFileSync(logFile, "utf8")).toBe(`hello in ${folder}\n`);
    expect(statSync(logFile).mode & 0o777).toBe(0o600);
    // proc(5): the sixth field is the session.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    expect(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]).toBe(String(pid));
  });

  test("of a program that is not there says so", async () => {
    const none = startDetached({
      program: "/none",
      args: [],
      directory: folder,
      environment: {},
      logFile: join(folder, "l"),
    });
    await none.then(
      () => expect.unreachable(),
      (error: unknown) => expect(String(error)).toContain("cannot start /none"),
    );
  });
});
