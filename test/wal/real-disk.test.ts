// Goal: what the simulated disk proves holds for the real one: whatever system call fails, what was acknowledged is
// found again, and after a failed sync nothing is. Method: real-writer.ts as a process of its own, under `strace -e
// inject` with call k failing for every k, killed at call k, on a file system that is really full, and against
// another process.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentText, workload } from "./workload.ts";

const TURNS = 8;
const WRITER = join(import.meta.dir, "real-writer.ts");
const root = mkdtempSync(join(tmpdir(), "wal-real-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const texts = [
  contentText({ state: null, snapshot: null, entries: [] }),
  ...workload({ turns: TURNS, seed: 13 }).map(({ text }) => text),
];

/** Whether the command runs here; a test that needs it is skipped with its name when not. */
function runs(...command: readonly string[]): boolean {
  try {
    return Bun.spawnSync([...command], { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

type Run = {
  readonly exitCode: number | null;
  readonly acked: number;
  readonly stdout: string;
  readonly stderr: string;
};

function run(command: readonly string[]): Run {
  const child = Bun.spawnSync([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const stdout = child.stdout.toString();
  return {
    exitCode: child.exitCode,
    acked: [...stdout.matchAll(/^acked/gm)].length,
    stdout,
    stderr: child.stderr.toString(),
  };
}

let logs = 0;

/** One run with call k of `syscall` made to fail; then another process reads. Out: null when there was no call k. */
function inject(syscall: string, fault: string, k: number): Run | null {
  const directory = join(root, String(++logs));
  const trace = join(root, `${logs}.trace`);
  const result = run([
    "strace",
    "-f",
    "-qq",
    "-o",
    trace,
    "-e",
    `trace=${syscall}`,
    "-e",
    `inject=${syscall}:${fault}:when=${k}`,
    process.execPath,
    WRITER,
    directory,
    "write",
    String(TURNS),
  ]);
  const isKill = fault.startsWith("signal");
  if (!isKill && !readFileSync(trace, "utf8").includes("(INJECTED)")) return null;
  if (isKill && result.exitCode === 0) return null;
  const read = run([process.execPath, WRITER, directory, "read"]);
  expect(read.stderr).toBe("status closed\n");
  // In flight at most: the turn after the last acknowledged one.
  expect(texts.slice(result.acked, result.acked + 2)).toContain(read.stdout.slice("found ".length).trimEnd());
  rmSync(directory, { recursive: true, force: true });
  return result;
}

const hasStrace = runs("strace", "-f", "-qq", "-o", "/dev/null", "true");

describe.skipIf(!hasStrace)(
  `a real disk whose calls fail${hasStrace ? "" : " (needs strace, which is not here or may not trace)"}`,
  () => {
    for (const syscall of ["fdatasync", "pwrite64"]) {
      test(`EIO of ${syscall} k, every k: exit 74, nothing acknowledged is lost`, () => {
        let k = 1;
        for (
          let result = inject(syscall, "error=EIO", k);
          result !== null;
          result = inject(syscall, "error=EIO", ++k)
        ) {
          expect([k, result.exitCode]).toEqual([k, 74]);
          expect(result.stderr).toContain("input/output error of the disk");
        }
        expect(k).toBeGreaterThan(3);
      }, 60_000);
    }

    test("ENOSPC of pwrite64 k, every k: the log waits for space and goes on, or does not open", () => {
      let k = 1;
      // All but the last ones, which hit the seal.
      let waits = 0;
      for (
        let result = inject("pwrite64", "error=ENOSPC", k);
        result !== null;
        result = inject("pwrite64", "error=ENOSPC", ++k)
      ) {
        const isOpened = result.stdout.startsWith("found");
        expect([k, result.exitCode, result.acked]).toEqual([k, isOpened ? 0 : 74, isOpened ? TURNS : 0]);
        if (!isOpened) expect(result.stderr).toContain("no space left on the disk");
        else if (result.stderr.includes("status full\nstatus ok\n")) waits++;
      }
      expect(waits).toBeGreaterThan(3);
    }, 60_000);

    test("EIO of fsync and rename k: exit 74, nothing acknowledged is lost", () => {
      for (const syscall of ["fsync", "rename"]) {
        let k = 1;
        for (
          let result = inject(syscall, "error=EIO", k);
          result !== null;
          result = inject(syscall, "error=EIO", ++k)
        ) {
          expect([syscall, k, result.exitCode]).toEqual([syscall, k, 74]);
        }
        expect(k).toBeGreaterThan(1);
      }
    }, 60_000);

    test("killed at fdatasync k, every k: nothing acknowledged is lost", () => {
      let k = 1;
      while (inject("fdatasync", "signal=SIGKILL", k) !== null) k++;
      expect(k).toBeGreaterThan(3);
    }, 60_000);
  },
);

const hasMounts = runs("unshare", "-m", "true");

describe.skipIf(!hasMounts)(
  `a real disk that is full${hasMounts ? "" : " (needs the right to mount, which is not here)"}`,
  () => {
    test("takes everything once there is room again, in the same process", () => {
      const mount = join(root, "small");
      const script =
        `mkdir -p ${mount} && mount -t tmpfs -o size=64k none ${mount} && ` +
        `head -c 36864 /dev/zero > ${mount}/ballast && ` +
        `"${process.execPath}" ${WRITER} ${mount}/wal fill 60 && "${process.execPath}" ${WRITER} ${mount}/wal read`;
      const { exitCode, acked, stdout, stderr } = run(["unshare", "-m", "sh", "-c", script]);
      expect([exitCode, acked]).toEqual([0, 60]);
      expect(stderr).toContain("status full\nstatus ok\n");
      expect(stdout).toContain(`found ${workload({ turns: 60, seed: 13 }).at(-1)?.text ?? ""}\n`);
    }, 60_000);
  },
);

describe("two processes", () => {
  test("the second is refused while the first lives, and goes on where it was killed", async () => {
    const directory = join(root, "locked");
    const first = Bun.spawn([process.execPath, WRITER, directory, "hold"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    });
    const reader = first.stdout.getReader();
    await reader.read();
    const second = run([process.execPath, WRITER, directory, "read"]);
    expect([second.exitCode, second.stderr]).toEqual([74, `${directory} is in use by another process\n`]);
    first.kill("SIGKILL");
    await first.exited;
    expect(run([process.execPath, WRITER, directory, "read"]).exitCode).toBe(0);
  }, 60_000);
});
