// flock(2) by FFI: the runtime has no file locks. The kernel releases it when the process ends, however it ends, so
// there is no stale lock to judge.

import { CString, dlopen, FFIType, read, type Pointer } from "bun:ffi";
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { DiskError } from "./disk-error.ts";

const LOCK_EXCLUSIVE = 2;
const LOCK_NOT_WAITING = 4;

type System = {
  flock(descriptor: number, operation: number): number;
  errorNumber(): number;
  errorText(code: number): string;
};

/**
 * Locks the file, making it where missing. Out: its descriptor (for unlockFile), or null when someone else holds
 * it. Throws DiskError.
 */
export function lockFile(path: string, mode: number): number | null {
  const system = loadSystem(path);
  const descriptor = openSync(path, "a+", mode);
  if (system.flock(descriptor, LOCK_EXCLUSIVE | LOCK_NOT_WAITING) === 0) {
    // For people who look at the file; nothing reads it to decide.
    ftruncateSync(descriptor);
    writeSync(descriptor, `${process.pid}\n`);
    return descriptor;
  }
  const code = system.errorNumber();
  closeSync(descriptor);
  // EWOULDBLOCK: 11 on Linux, 35 on macOS.
  if (code === (process.platform === "darwin" ? 35 : 11)) return null;
  throw new DiskError("other", "lock", path, {
    reason: `${system.errorText(code)} (does the file system know locks?)`,
  });
}

/** Gives the lock back. */
export function unlockFile(descriptor: number): void {
  closeSync(descriptor);
}

function loadSystem(path: string): System {
  const name = process.platform === "darwin" ? "__error" : "__errno_location";
  const failures: string[] = [];
  for (const library of librariesOf()) {
    try {
      const { symbols } = dlopen(library, {
        flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
        [name]: { args: [], returns: FFIType.ptr },
        strerror: { args: [FFIType.i32], returns: FFIType.ptr },
      });
      const errorAt: () => unknown = symbols[name] ?? (() => null);
      return {
        flock: (descriptor, operation) => Number(symbols.flock(descriptor, operation)),
        errorNumber: () => {
          const at = errorAt();
          return isPointer(at) ? read.i32(at, 0) : 0;
        },
        errorText: (code) => {
          const at: unknown = symbols.strerror(code);
          return isPointer(at) ? String(new CString(at)) : `error ${code}`;
        },
      };
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new DiskError("other", "lock", path, {
    reason: `the system's C library cannot be loaded (${failures.join("; ")})`,
  });
}

function librariesOf(): readonly string[] {
  if (process.platform === "darwin") return ["libSystem.B.dylib"];
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  let maps = "";
  try {
    maps = readFileSync("/proc/self/maps", "utf8");
  } catch {
    // No /proc: the usual names below.
  }
  // The library this very process runs on, so that errno is the same one.
  const loaded = /\S*\/(?:libc\.so\.6|libc\.musl-\S+|ld-musl-\S+)$/m.exec(maps)?.[0];
  return [...(loaded === undefined ? [] : [loaded]), "libc.so.6", `libc.musl-${machine}.so.1`];
}

function isPointer(value: unknown): value is Pointer {
  return typeof value === "number" && value !== 0;
}
