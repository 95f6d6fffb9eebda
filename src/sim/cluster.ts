// A simulated cluster: machines, the processes on them, and what a nemesis can do to both. Which processes those are is
// processes.ts; what they are asked to do is run.ts.

import type { Prng } from "../base/prng.ts";
import { nextBelow, nextFloat } from "../base/prng.ts";
import type { NodeWorld } from "../io/world.ts";
import { Violation } from "./checkers/violation.ts";
import { randomLatency, type DiskCall, type DiskFault } from "./disk.ts";
import { between } from "./draw.ts";
import type { SimThreads } from "./engine.ts";
import { type Exit, SimHost } from "./host.ts";
import type { Kernel, Label } from "./kernel.ts";
import { LAN_LINK, type LinkOptions } from "./link.ts";
import type { Arena } from "./nemesis.ts";
import { Network } from "./network.ts";

export type Role = "manager" | "worker" | "client";

/** A process that runs. `stop`: in order; resolves when nothing of it is left. */
export type Running = { stop(): Promise<void>; readonly threads?: SimThreads };

/** Starts the process of a node on a world. Rejects when it cannot start. */
export type Launch = (node: SimNode, world: NodeWorld) => Promise<Running>;

/** One machine with its role. */
export type SimNode = {
  readonly name: string;
  readonly role: Role;
  readonly host: SimHost;
  /** Lives of its disk, from 0: each is another node to the cluster. */
  disks: number;
  running: Running | null;
  /** A bit of its log was flipped. */
  isRotten: boolean;
  /** A fault keeps it down; otherwise it is started again when it ends by itself. */
  isHeldDown: boolean;
};

/** Exit code of a bug: nothing may ever end with it. */
const EXIT_INTERNAL = 70;
/** Exit code of a disk that cannot be trusted, and how a log that is refused is told of. */
const EXIT_STORAGE = 74;
const DAMAGED = /the log is damaged/;
/** Looks, on average so far apart, for the moment at which the power goes. */
const CRASH_LOOKS = 60;
const CRASH_LOOK_MS = 5;
/** A process that ended by itself is started again after this, as a service manager does. */
const RESTART_MS = 1_000;
/** Files a bit may rot in. */
const LOG_FILE = /\/log\/\d+\.wal$/;

export type ClusterOptions = {
  readonly kernel: Kernel;
  readonly names: Readonly<Record<Role, readonly string[]>>;
  readonly launch: Launch;
  /** A process is gone, in whatever way. */
  readonly onGone: (node: SimNode) => void;
  /** Keep what the processes log. */
  readonly isVerbose: boolean;
};

export class Cluster implements Arena {
  readonly network: Network;
  readonly nodes = new Map<string, SimNode>();
  readonly #kernel: Kernel;
  readonly #prng: Prng;
  readonly #launch: Launch;
  readonly #onGone: (node: SimNode) => void;
  readonly #restart: Label;
  readonly #calmLink: LinkOptions;
  readonly #diskMeanMs: number;
  /** Who is not heard, and by whom. */
  #silences: (readonly [node: string, other: string])[] = [];
  #violation: Violation | null = null;

  constructor(options: ClusterOptions) {
    const { kernel, names } = options;
    this.#kernel = kernel;
    this.#prng = kernel.prng("cluster");
    this.#launch = options.launch;
    this.#onGone = options.onGone;
    this.#restart = kernel.label("restart", "");
    const prng = kernel.prng("calm");
    const minMs = between(prng, 0.05, 1);
    this.#calmLink = {
      ...LAN_LINK,
      latencyMinMs: minMs,
      latencyMeanMs: minMs + between(prng, 0.1, 4),
      lossProbability: nextFloat(prng) < 0.5 ? 0 : between(prng, 0, 0.02),
    };
    this.#diskMeanMs = between(prng, 0.1, 2);
    this.network = new Network(kernel, { link: this.#calmLink });
    for (const role of ["manager", "worker", "client"] as const)
      for (const name of names[role]) this.#attach(name, role, options.isVerbose);
  }

  /** What a node did that none may; null: nothing so far. */
  get violation(): Violation | null {
    return this.#violation;
  }

  names(role: Role): readonly string[] {
    return [...this.nodes.values()].filter((node) => node.role === role).map(({ name }) => name);
  }

  node(name: string): SimNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  start(name: string): void {
    const node = this.node(name);
    node.isHeldDown = false;
    if (node.host.isRunning) return;
    node.host.start((world) => {
      const { host } = node;
      const boot = host.boots;
      const isThisLife = (): boolean => host.isRunning && host.boots === boot;
      this.#launch(node, world).then(
        (running) => {
          if (isThisLife()) node.running = running;
        },
        (error: unknown) => {
          if (isThisLife()) world.process.exit(exitCode(error), `cannot start: ${String(error)}`);
        },
      );
    });
  }

  kill(name: string): boolean {
    const node = this.node(name);
    if (!node.host.isRunning) return false;
    node.isHeldDown = true;
    node.host.kill();
    this.#gone(node);
    return true;
  }

  powerCrash(name: string): boolean {
    const node = this.node(name);
    if (!node.host.isUp || node.isHeldDown) return false;
    node.isHeldDown = true;
    // The disk falls behind first, so that the power goes in the middle of something.
    this.disk(name, "slow", 1);
    this.#crashSoon(node, CRASH_LOOKS);
    return true;
  }

  /** As soon as a frame of several sectors is under way in its log, or after so many looks. */
  #crashSoon(node: SimNode, looks: number): void {
    this.#kernel.after(between(this.#prng, 0, 2 * CRASH_LOOK_MS), this.#restart, () => {
      const { host } = node;
      const isUp = node.isHeldDown && host.isUp;
      if (isUp && looks > 0 && node.role === "manager" && host.disk.unsyncedSectors(LOG_FILE) < 2)
        return this.#crashSoon(node, looks - 1);
      this.disk(node.name, "none", 0);
      if (!isUp) return;
      host.crash();
      this.#gone(node);
    });
  }

  stop(name: string): boolean {
    const node = this.node(name);
    if (node.running === null || node.host.isPaused) return false;
    node.isHeldDown = true;
    const boot = node.host.boots;
    const end = (): void => {
      if (node.host.boots !== boot || !node.host.isRunning) return;
      node.host.kill();
      this.#gone(node);
      this.#startSoon(node);
    };
    node.running.stop().then(end, end);
    return true;
  }

  pause(name: string): boolean {
    const { host } = this.node(name);
    if (!host.isRunning || host.isPaused) return false;
    host.pause();
    return true;
  }

  resume(name: string): void {
    const { host } = this.node(name);
    if (host.isPaused) host.resume();
  }

  replace(name: string): boolean {
    const node = this.node(name);
    if (node.host.isRunning || !node.isHeldDown) return false;
    node.host.wipe();
    node.disks++;
    return true;
  }

  cut(from: readonly string[], to: readonly string[]): void {
    for (const source of from) for (const target of to) if (source !== target) this.network.cut(source, target);
  }

  healCuts(): void {
    this.network.heal();
    for (const [name, other] of this.#silences) this.network.cut(name, other);
  }

  silence(name: string, other: string): boolean {
    this.#silences.push([name, other]);
    this.network.cut(name, other);
    return this.node(name).host.isRunning;
  }

  unsilence(name: string, other: string): void {
    this.#silences = this.#silences.filter((pair) => pair[0] !== name || pair[1] !== other);
    this.network.mend(name, other);
  }

  links(changes: Parameters<Arena["links"]>[0]): void {
    const { latencyMs, loss, duplicates, reorder } = changes;
    const calm = this.#calmLink;
    this.network.setLink({
      ...calm,
      latencyMinMs: latencyMs === undefined ? calm.latencyMinMs : latencyMs * 0.2,
      latencyMeanMs: latencyMs ?? calm.latencyMeanMs,
      lossProbability: loss ?? calm.lossProbability,
      duplicateProbability: duplicates ?? 0,
      reorderProbability: reorder ?? 0,
    });
  }

  resetStreams(name: string, other: string): void {
    if (name === other) this.network.resetConnections(name);
    else this.network.resetConnections(name, other);
  }

  disk(name: string, fault: "slow" | "broken" | "full" | "none", size: number): boolean {
    const { host } = this.node(name);
    const calm = { fault: noFault, capacityBytes: Infinity, latencyMs: this.#diskLatency(name, this.#diskMeanMs) };
    switch (fault) {
      case "none":
        host.configureDisk(calm);
        return true;
      case "slow":
        host.configureDisk({ latencyMs: this.#diskLatency(name, 5 + 60 * size) });
        return host.isRunning;
      case "broken":
        host.configureDisk({ fault: ioAfter(Math.floor(size * 20)) });
        return host.isRunning;
      case "full":
        host.configureDisk({ capacityBytes: host.disk.usedBytes + Math.floor(size * 20_000) });
        return host.isRunning;
    }
  }

  rot(name: string, size: number): boolean {
    const node = this.node(name);
    if (node.host.isRunning) return false;
    const { disk } = node.host;
    const files = disk.paths().filter((path) => LOG_FILE.test(path));
    const path = files[Math.floor(size * files.length)];
    if (path === undefined) return false;
    node.isRotten = true;
    disk.damage(path, (bytes) => {
      let used = bytes.length;
      while (used > 0 && bytes[used - 1] === 0) used--;
      if (used > 0) bytes[nextBelow(this.#prng, used)]! ^= 1 << nextBelow(this.#prng, 8);
    });
    return true;
  }

  drift(name: string, ppm: number): void {
    this.node(name).host.clock.setDrift(ppm);
  }

  jump(name: string, ms: number): void {
    this.node(name).host.clock.jumpWall(ms);
  }

  core(name: string, fault: "crash" | "stall", size: number): boolean {
    return this.node(name).running?.threads?.fault(fault, size) ?? false;
  }

  slowCores(name: string, factor: number): void {
    const threads = this.node(name).running?.threads;
    if (threads !== undefined) threads.slowness = factor;
  }

  /** Ends every fault there is. */
  heal(): void {
    this.#silences = [];
    this.network.heal();
    this.links({});
    for (const node of this.nodes.values()) {
      this.disk(node.name, "none", 0);
      this.slowCores(node.name, 1);
      this.resume(node.name);
      this.start(node.name);
    }
  }

  #attach(name: string, role: Role, isVerbose: boolean): void {
    const host: SimHost = new SimHost(this.network, name, {
      disk: { fault: noFault, latencyMs: this.#diskLatency(name, this.#diskMeanMs) },
      logLevel: isVerbose ? "debug" : "warn",
      onExit: (exit) => this.#exited(name, exit),
    });
    this.nodes.set(name, { name, role, host, disks: 0, running: null, isRotten: false, isHeldDown: false });
  }

  #exited(name: string, { code, message }: Exit): void {
    const node = this.node(name);
    this.#gone(node);
    if (code === EXIT_INTERNAL) this.#violation ??= new Violation("internal", `${name} ends with ${code}: ${message}`);
    if (code === EXIT_STORAGE && DAMAGED.test(message)) this.#refused(node, message);
    this.#startSoon(node);
  }

  /** What went is started again, unless a fault holds it down, which then starts it when it ends. */
  #startSoon(node: SimNode): void {
    if (node.isHeldDown) return;
    this.#kernel.after(RESTART_MS, this.#restart, () => {
      if (!node.isHeldDown) this.start(node.name);
    });
  }

  /** It refuses its own log, by name: an operator gives its seat to an empty disk. Only rot may bring that about. */
  #refused(node: SimNode, message: string): void {
    if (!node.isRotten)
      this.#violation ??= new Violation("internal", `${node.name} lost its log to no rot: ${message}`);
    node.isRotten = false;
    node.host.wipe();
    node.disks++;
  }

  #gone(node: SimNode): void {
    node.running = null;
    this.#onGone(node);
  }

  #diskLatency(name: string, meanMs: number): (call: DiskCall) => number {
    return randomLatency(this.#kernel.prng(`disk ${name} ${meanMs}`), {
      meanMs,
      stallProbability: 0.002,
      stallMs: 200,
    });
  }
}

function noFault(): DiskFault | null {
  return null;
}

/** One call fails after so many, then none. */
function ioAfter(calls: number): (call: DiskCall) => DiskFault | null {
  let left = calls;
  return ({ operation }) => {
    const isHit = left <= 0 && (operation === "write" || operation === "syncData");
    left--;
    if (!isHit) return null;
    left = Infinity;
    return "io";
  };
}

function exitCode(error: unknown): number {
  const isStorage = error instanceof Error && "code" in error && error.code === "storage";
  return isStorage ? EXIT_STORAGE : EXIT_INTERNAL;
}
