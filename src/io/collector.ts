// Tells the runtime's garbage collector to keep memory small. It sizes its heaps by the machine's memory and lets
// garbage grow to the size of what is in use before a full collection; what ten thousand waiting VUs hold is enough to
// matter then. The settings are read from the environment before any code runs, so the process replaces itself once.

import { dlopen, FFIType, ptr } from "bun:ffi";

/** What the collector shall take for the machine's memory. Heaps over a quarter of it grow by half, not by double. */
const COLLECTOR_MEMORY_BYTES = 128_000_000;
const F_SETFD = 2; // fcntl.h
const VARIABLE = "BUN_JSC_forceRAMSize";
/**
 * Pages of garbage are needed again a moment later: giving them back to the system, and a thread that fetches new ones
 * ahead, cost 1 to 2 % of a busy core's time and save nothing at 10,000 VUs.
 */
const PAGE_SETTINGS = ["BUN_JSC_decommitUnusedMarkedBlockPages=0", "BUN_JSC_useWarmUpMarkedBlocks=0"];

/**
 * Replaces this process by itself (same id, arguments and streams) with the collector's settings in its environment.
 * Returns only when that is not needed or not possible: set already, not the executable, not Linux.
 */
export function restartWithSmallHeap(): void {
  if (process.env[VARIABLE] !== undefined || process.platform !== "linux" || !import.meta.url.includes("$bunfs"))
    return;
  const libc = openLibc();
  if (libc === null) return;
  const path = text(process.execPath);
  const args = texts([process.argv0, ...process.argv.slice(2)]);
  const environment = texts([
    ...Object.entries(process.env).map(([name, value]) => `${name}=${value ?? ""}`),
    `${VARIABLE}=${COLLECTOR_MEMORY_BYTES}`,
    ...PAGE_SETTINGS,
  ]);
  for (const descriptor of namedDescriptors()) libc.symbols.fcntl(descriptor, F_SETFD, 0);
  // Comes back only if it failed, and then everything goes on as it was.
  libc.symbols.execve(ptr(path), ptr(args.pointers), ptr(environment.pointers));
  libc.close();
}

/**
 * Open files that a person named as /dev/fd/N, which is what a shell makes of `<(command)` and `>(command)`. The
 * runtime marks all that it finds open as its own, to be closed by a program that takes its place.
 */
function namedDescriptors(): readonly number[] {
  const given = [...process.argv.slice(2), ...Object.values(process.env)].join("\n");
  return [...given.matchAll(/\/(?:dev|proc\/self)\/fd\/(\d{1,6})\b/g)].map((match) => Number(match[1]));
}

function openLibc() {
  try {
    return dlopen("libc.so.6", {
      execve: { args: [FFIType.ptr, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
      fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    });
  } catch {
    // Another C library: the collector keeps its own idea.
    return null;
  }
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

/** An array of C strings, ended by null. `bytes` keeps alive what `pointers` points to. */
function texts(values: readonly string[]): { readonly pointers: BigUint64Array; readonly bytes: readonly Buffer[] } {
  const bytes = values.map(text);
  return { pointers: BigUint64Array.from([...bytes.map((one) => BigInt(ptr(one))), 0n]), bytes };
}
