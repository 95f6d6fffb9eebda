// How much memory this process holds and may hold: cgroup v2 and v1 limits, else the machine's.

import { readFileSync } from "node:fs";
import { constants, totalmem } from "node:os";
import { dirname, join } from "node:path";
import type { Memory } from "./world.ts";

/** This process's memory. The limit is read once, here. `resident`: asks the system, which opens a file for it. */
export function createMemory(resident: () => number = () => process.memoryUsage.rss()): Memory {
  const limitBytes = Math.min(
    totalmem(),
    cgroupLimitBytes((path) => readOr(path, "")),
  );
  let residentBytes = 0;
  return {
    residentBytes: () => {
      try {
        residentBytes = resident();
      } catch (thrown) {
        // A test took every descriptor there is: the last answer holds until one is free.
        if (!isNoDescriptor(thrown)) throw thrown;
      }
      return residentBytes;
    },
    collect: () => Bun.gc(true),
    limitBytes: () => limitBytes,
  };
}

/**
 * The lowest limit of the process's cgroup and of those above it. In: reads a file's text, "" where there is none.
 * Out: Infinity without a limit.
 */
export function cgroupLimitBytes(read: (path: string) => string): number {
  let lowest = Infinity;
  for (const line of read("/proc/self/cgroup").split("\n")) {
    const [, controllers, path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined) continue;
    if (controllers === "") lowest = Math.min(lowest, lowestUpwards("/sys/fs/cgroup", path, "memory.max", read));
    else if (controllers.split(",").includes("memory")) {
      lowest = Math.min(lowest, lowestUpwards("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", read));
    }
  }
  return lowest;
}

function isNoDescriptor(thrown: unknown): boolean {
  const { EMFILE, ENFILE } = constants.errno;
  return thrown instanceof Error && "errno" in thrown && (thrown.errno === EMFILE || thrown.errno === ENFILE);
}

function lowestUpwards(root: string, path: string, file: string, read: (path: string) => string): number {
  let lowest = Infinity;
  for (let at = join("/", path); ; at = dirname(at)) {
    const text = read(join(root, at, file)).trim();
    if (/^\d+$/.test(text)) lowest = Math.min(lowest, Number(text));
    if (at === "/") return lowest;
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // No such file on this system: no such limit.
    return otherwise;
  }
}
