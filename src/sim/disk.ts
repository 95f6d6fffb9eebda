// A simulated disk: what a process reads (the page cache) against what a power cut leaves (the durable image), for each
// sector of a file and each name in a folder. Faults and latency are the caller's to choose; nothing here is random by
// itself. The model:
//
//   write           reaches the cache at once; each sector's versions since its last sync are kept. What it takes is
//                   waited for by the next call that is none: most of all by its sync
//   syncData        makes durable what was written before the call, and the size
//   failed sync     the pages are taken for clean: a later sync succeeds and does not save them (fsyncgate)
//   create, rename, remove   reach the cache; durable after syncDirectory
//   crash           of each unsynced sector any version survives, of each unsynced change of names it or not
//   kill            the process goes, the cache stays

import { assert } from "../base/assert.ts";
import { nextBelow, nextFloat, type Prng } from "../base/prng.ts";
import { DiskError } from "../io/disk-error.ts";
import type { Clock, Disk, DiskFile, DiskLock } from "../io/world.ts";
import { SECTOR_BYTES, SimFile } from "./file.ts";

/** io, full: the call fails and does nothing (a failed sync: see above). short: a write takes half of its sectors. */
export type DiskFault = "io" | "full" | "short";
export type DiskOperation =
  | "open"
  | "read"
  | "write"
  | "syncData"
  | "sizeBytes"
  | "close"
  | "list"
  | "makeDirectory"
  | "rename"
  | "remove"
  | "syncDirectory"
  | "lock";
/** One call of the port, numbered from 1 over the life of the disk. */
export type DiskCall = { readonly number: number; readonly operation: DiskOperation; readonly path: string };

/**
 * What survives of one unsynced thing: 0 for what was durable before, up to `versions` for the newest. Called for every
 * unsynced thing in a fixed order.
 */
export type CrashChoice = (versions: number) => number;

export type SimDiskOptions = {
  /**
   * With a clock, each call takes `latencyMs` of its time (writes: see above); without, calls return in the order of
   * their promises.
   */
  readonly clock?: Pick<Clock, "setTimer">;
  readonly latencyMs?: (call: DiskCall) => number;
  /** Asked before each call. */
  readonly fault?: (call: DiskCall) => DiskFault | null;
  /** Bytes of all files together. */
  readonly capacityBytes?: number;
};

type Change =
  | { readonly kind: "add"; readonly name: string; readonly node: Node }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "rename"; readonly source: string; readonly target: string; readonly node: Node };
type Folder = { readonly kind: "folder"; names: Map<string, Node>; durable: Map<string, Node>; changes: Change[] };
type Node = Folder | SimFile;

/** Each unsynced thing survives or not, evenly. */
export function randomCrash(prng: Prng): CrashChoice {
  return (versions) => nextBelow(prng, versions + 1);
}

/** Each call fails with these probabilities (0 to 1), short writes apart from failures. */
export function randomFaults(
  prng: Prng,
  rates: { readonly io: number; readonly full: number; readonly short: number },
): (call: DiskCall) => DiskFault | null {
  return () => {
    const drawn = nextFloat(prng);
    if (drawn < rates.io) return "io";
    if (drawn < rates.io + rates.full) return "full";
    return drawn < rates.io + rates.full + rates.short ? "short" : null;
  };
}

/** Latency of a disk: exponential around its mean (ms), and now and then a stall of a sync. */
export function randomLatency(
  prng: Prng,
  shape: { readonly meanMs: number; readonly stallProbability: number; readonly stallMs: number },
): (call: DiskCall) => number {
  return ({ operation }) => {
    const stalls = nextFloat(prng) < shape.stallProbability;
    const latencyMs = -shape.meanMs * Math.log(1 - nextFloat(prng));
    return stalls && operation.startsWith("sync") ? latencyMs + shape.stallMs : latencyMs;
  };
}

export class SimDisk {
  #root: Folder;
  #options: SimDiskOptions;
  #calls = 0;
  /** What writes take that nobody has waited for. */
  #writesMs = 0;
  #boot = 0;
  #locked = new Set<string>();

  constructor(options: SimDiskOptions = {}, root: unknown = null) {
    this.#options = options;
    this.#root = isFolder(root) ? root : newFolder();
  }

  /** Calls so far. */
  get calls(): number {
    return this.#calls;
  }

  /** Changes faults, latency or capacity from now on. */
  configure(options: SimDiskOptions): void {
    this.#options = { ...this.#options, ...options };
  }

  /** The port for one process. Those of processes before it are dead: their calls never return. */
  boot(): Disk {
    this.kill();
    return this.#port(this.#boot);
  }

  /** The process ends: its locks are released, its calls never return, the cache stays. */
  kill(): void {
    this.#boot++;
    this.#writesMs = 0;
    this.#locked.clear();
  }

  /** The power goes: what is unsynced survives by `choose`, the rest is gone. */
  crash(choose: CrashChoice): void {
    this.kill();
    this.#root = survivor(this.#root, choose);
  }

  /** Another disk with what a crash now would leave; this one goes on. Without faults, latency or capacity. */
  fork(choose: CrashChoice): SimDisk {
    return new SimDisk({}, survivor(this.#root, choose));
  }

  /**
   * For every unsynced thing, how many versions of it may survive beside the durable one, in the order of
   * CrashChoice.
   */
  unsynced(): readonly number[] {
    const versions: number[] = [];
    survivor(this.#root, (count) => {
      versions.push(count);
      return 0;
    });
    return versions;
  }

  /** Sectors of the files whose path matches that are not durable. */
  unsyncedSectors(match: RegExp): number {
    let sectors = 0;
    for (const path of this.paths()) if (match.test(path)) sectors += this.#fileAt(path, "look at").unsyncedSectors;
    return sectors;
  }

  /** Damages a file's bytes in cache and on disk alike: bit rot, misdirected writes. In: the file is there. */
  damage(path: string, change: (bytes: Uint8Array) => void): void {
    this.#fileAt(path, "damage").damage(change);
  }

  /** Bytes as a process would read them now, or null when there is no such file. */
  peek(path: string): Uint8Array | null {
    const node = this.#find(path);
    return node instanceof SimFile ? node.read(0, node.sizeBytes) : null;
  }

  /** Bytes of all files, as their sizes are now. */
  get usedBytes(): number {
    return usedBytes(this.#root);
  }

  /** Paths of all files, sorted. */
  paths(): readonly string[] {
    const found: string[] = [];
    const walk = (folder: Folder, path: string): void => {
      for (const [name, node] of folder.names)
        node instanceof SimFile ? found.push(`${path}/${name}`) : walk(node, `${path}/${name}`);
    };
    walk(this.#root, "");
    return found.sort();
  }

  #port(boot: number): Disk {
    const call = <Result>(
      operation: DiskOperation,
      path: string,
      run: (fault: DiskFault | null) => Result,
    ): Promise<Result> => this.#call(boot, operation, path, run);
    return {
      open: (path, mode) => call("open", path, () => this.#open(boot, path, mode)),
      list: (path) => call("list", path, () => [...this.#folderAt(path, "list").names.keys()].sort()),
      makeDirectory: (path) => call("makeDirectory", path, () => this.#makeDirectory(path)),
      rename: (source, target) => call("rename", source, () => this.#rename(source, target)),
      remove: (path) => call("remove", path, () => this.#remove(path)),
      syncDirectory: (path) =>
        call("syncDirectory", path, () => {
          const folder = this.#folderAt(path, "sync");
          folder.durable = new Map(folder.names);
          folder.changes = [];
        }),
      lock: (path) => call("lock", path, () => this.#lock(boot, path)),
    };
  }

  /** Counts, delays and maybe fails one call; `run` acts on the model. */
  #call<Result>(
    boot: number,
    operation: DiskOperation,
    path: string,
    run: (fault: DiskFault | null) => Result,
  ): Promise<Result> {
    if (boot !== this.#boot) return neverReturning();
    const call = { number: ++this.#calls, operation, path };
    const fault = this.#options.fault?.(call) ?? null;
    const { clock, latencyMs } = this.#options;
    return new Promise((resolve, reject) => {
      const act = (): void => {
        if (boot !== this.#boot) return;
        if (fault !== null && fault !== "short" && operation !== "syncData")
          return reject(new DiskError(fault, operation, path));
        try {
          resolve(run(fault));
        } catch (error) {
          reject(error);
        }
      };
      if (clock === undefined) return void Promise.resolve().then(act);
      this.#writesMs += latencyMs?.(call) ?? 0;
      if (operation === "write") return act();
      clock.setTimer(this.#writesMs, act);
      this.#writesMs = 0;
    });
  }

  #open(boot: number, path: string, mode: "read" | "write" | "create"): DiskFile {
    let node = this.#find(path);
    if (mode === "create") {
      if (node !== null) throw new DiskError("exists", "open", path);
      node = new SimFile();
      this.#change(path, { kind: "add", name: nameOf(path), node });
    }
    if (!(node instanceof SimFile)) throw new DiskError(node === null ? "missing" : "other", "open", path);
    const file = node;
    let isOpen = true;
    const call = <Result>(operation: DiskOperation, run: (fault: DiskFault | null) => Result): Promise<Result> =>
      this.#call(boot, operation, path, (fault) => {
        if (!isOpen) throw new DiskError("closed", operation, path);
        return run(fault);
      });
    return {
      read: (position, length) => call("read", () => file.read(position, length)),
      write: (position, bytes) =>
        call("write", (fault) => {
          if (mode === "read") throw new DiskError("closed", "write", path);
          const taken = fault === "short" ? halfOf(position, bytes) : bytes;
          return this.#write(file, path, { position, bytes: taken });
        }),
      syncData: () => {
        // What is written while the disk works is not part of this sync.
        const mark = file.mark();
        return call("syncData", (fault) => {
          if (fault === null || fault === "short") return file.sync(mark);
          file.forget();
          throw new DiskError(fault, "sync", path);
        });
      },
      sizeBytes: () => call("sizeBytes", () => file.sizeBytes),
      close: async () => {
        if (isOpen)
          await call("close", () => {
            isOpen = false;
          });
      },
    };
  }

  #write(file: SimFile, path: string, what: { readonly position: number; readonly bytes: Uint8Array }): number {
    const growth = what.position + what.bytes.length - file.sizeBytes;
    const { capacityBytes = Infinity } = this.#options;
    const free = capacityBytes === Infinity ? Infinity : capacityBytes - usedBytes(this.#root);
    const taken = growth <= free ? what.bytes.length : what.bytes.length - (growth - Math.max(0, free));
    if (taken <= 0) throw new DiskError("full", "write", path);
    file.write(what.position, what.bytes.subarray(0, taken));
    return taken;
  }

  #makeDirectory(path: string): void {
    let at = "";
    for (const name of partsOf(path)) {
      at += `/${name}`;
      const node = this.#find(at);
      if (node instanceof SimFile) throw new DiskError("exists", "make", at);
      if (node !== null) continue;
      const parent = this.#folderAt(parentOf(at), "make");
      const made = newFolder();
      parent.names.set(name, made);
      parent.durable.set(name, made);
    }
  }

  #rename(source: string, target: string): void {
    const node = this.#find(source);
    if (node === null) throw new DiskError("missing", "rename", source);
    assert(parentOf(source) === parentOf(target), "a rename stays within its folder");
    this.#change(source, { kind: "rename", source: nameOf(source), target: nameOf(target), node });
  }

  #remove(path: string): void {
    if (!(this.#find(path) instanceof SimFile)) throw new DiskError("missing", "remove", path);
    this.#change(path, { kind: "remove", name: nameOf(path) });
  }

  #lock(boot: number, path: string): DiskLock | null {
    const folder = this.#folderAt(parentOf(path), "lock");
    if (this.#locked.has(path)) return null;
    if (!folder.names.has(nameOf(path))) this.#change(path, { kind: "add", name: nameOf(path), node: new SimFile() });
    this.#locked.add(path);
    return {
      release: async () => {
        if (boot === this.#boot) this.#locked.delete(path);
      },
    };
  }

  #change(path: string, change: Change): void {
    const folder = this.#folderAt(parentOf(path), "change");
    applyChange(folder.names, change);
    folder.changes.push(change);
  }

  #find(path: string): Node | null {
    let node: Node = this.#root;
    for (const name of partsOf(path)) {
      const next: Node | undefined = node instanceof SimFile ? undefined : node.names.get(name);
      if (next === undefined) return null;
      node = next;
    }
    return node;
  }

  #folderAt(path: string, operation: string): Folder {
    const node = this.#find(path);
    if (node === null || node instanceof SimFile) throw new DiskError("missing", operation, path);
    return node;
  }

  #fileAt(path: string, operation: string): SimFile {
    const node = this.#find(path);
    if (!(node instanceof SimFile)) throw new DiskError("missing", operation, path);
    return node;
  }
}

/** The durable image with each unsynced thing chosen. Nodes are new: nothing is shared with the original. */
function survivor(folder: Folder, choose: CrashChoice): Folder {
  const names = new Map(folder.durable);
  for (const change of folder.changes) if (choose(1) === 1) applyChange(names, change);
  const survived = new Map(
    [...names].map(([name, node]) => [name, node instanceof SimFile ? node.survivor(choose) : survivor(node, choose)]),
  );
  return { kind: "folder", names: survived, durable: new Map(survived), changes: [] };
}

function usedBytes(folder: Folder): number {
  let bytes = 0;
  for (const node of folder.names.values()) bytes += node instanceof SimFile ? node.sizeBytes : usedBytes(node);
  return bytes;
}

/** A change whose ground did not survive has no effect. */
function applyChange(names: Map<string, Node>, change: Change): void {
  if (change.kind === "add") names.set(change.name, change.node);
  if (change.kind === "remove") names.delete(change.name);
  if (change.kind === "rename" && names.get(change.source) === change.node) {
    names.delete(change.source);
    names.set(change.target, change.node);
  }
}

function newFolder(): Folder {
  return { kind: "folder", names: new Map(), durable: new Map(), changes: [] };
}

function isFolder(value: unknown): value is Folder {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "folder";
}

/** About half of the bytes, to the border of a sector: systems cut a write between pages, never within a sector. */
function halfOf(position: number, bytes: Uint8Array): Uint8Array {
  const border = Math.floor((position + bytes.length / 2) / SECTOR_BYTES) * SECTOR_BYTES;
  return border > position ? bytes.subarray(0, border - position) : bytes;
}

function neverReturning(): Promise<never> {
  return new Promise<never>(() => {});
}

/** Paths taken apart before: the same few come again and again. */
const parts = new Map<string, readonly string[]>();
const PARTS_MAX = 10_000;

function partsOf(path: string): readonly string[] {
  const known = parts.get(path);
  if (known !== undefined) return known;
  assert(path.startsWith("/"), `${path} is absolute`);
  const made = path.split("/").filter((part) => part !== "");
  if (parts.size >= PARTS_MAX) parts.clear();
  parts.set(path, made);
  return made;
}

function parentOf(path: string): string {
  return `/${partsOf(path).slice(0, -1).join("/")}`;
}

function nameOf(path: string): string {
  return partsOf(path).at(-1) ?? "";
}
