// One simulated machine and the process that runs on it: the process's world, and what can happen to both: kill, loss
// of power, pause, restart, a wiped disk. What a process is, is the caller's matter: a function that gets a world.

import { assert } from "../base/assert.ts";
import { nextFloat, nextU32, type Prng } from "../base/prng.ts";
import { createLog, type Log, type LogLevel } from "../io/log.ts";
import type { NodeWorld, Random } from "../io/world.ts";
import { Boot } from "./boot.ts";
import { HostClock, simClock } from "./clock.ts";
import { simDatagrams } from "./datagrams.ts";
import { randomCrash, SimDisk, type CrashChoice, type SimDiskOptions } from "./disk.ts";
import type { Kernel } from "./kernel.ts";
import type { Machine, Network } from "./network.ts";
import { simStreams } from "./streams.ts";

export type SimHostOptions = {
  /** Without its clock, which is the host's. Default: calls of no latency, no faults. */
  readonly disk?: Omit<SimDiskOptions, "clock">;
  /** How fast its clock runs, in millionths. Default 0. */
  readonly driftPpm?: number;
  /** How wrong its wall clock is. Default 0. */
  readonly wallOffsetMs?: number;
  /** The least level that is kept. Default: nothing, which costs nothing. */
  readonly logLevel?: LogLevel;
  /** Called in the turn in which a process ended itself, once it is gone. */
  readonly onExit?: (exit: Exit) => void;
};

/** A process that ended itself. */
export type Exit = { readonly atMs: number; readonly code: number; readonly message: string };

/** Lines of log a host keeps. */
export const LOG_LINES_MAX = 1_000;
/** A monotonic clock begins anywhere below this. */
const CLOCK_ZERO_MS_MAX = 1e9;

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export class SimHost {
  readonly name: string;
  readonly clock: HostClock;
  readonly #kernel: Kernel;
  readonly #network: Network;
  readonly #machine: Machine;
  readonly #options: SimHostOptions;
  readonly #prng: Prng;
  #diskOptions: Omit<SimDiskOptions, "clock">;
  #disk: SimDisk;
  #boot: Boot | null = null;
  #boots = 0;
  #run: ((world: NodeWorld) => void) | null = null;
  #exits: Exit[] = [];
  #logLines: string[] = [];
  #logLinesDropped = 0;

  /** A machine that is up and runs nothing. In: a name new to the network. */
  constructor(network: Network, name: string, options: SimHostOptions = {}) {
    this.name = name;
    this.#network = network;
    this.#kernel = network.kernel;
    this.#options = options;
    this.#machine = network.attach(name);
    this.#prng = this.#kernel.prng(`host ${name}`);
    this.clock = new HostClock(this.#kernel, nextFloat(this.#prng) * CLOCK_ZERO_MS_MAX);
    this.clock.setDrift(options.driftPpm ?? 0);
    this.clock.jumpWall(options.wallOffsetMs ?? 0);
    this.#diskOptions = options.disk ?? {};
    this.#disk = new SimDisk(this.#diskOptions);
  }

  /** As it is now: wiping replaces it. */
  get disk(): SimDisk {
    return this.#disk;
  }

  get isUp(): boolean {
    return this.#machine.isUp;
  }

  get isRunning(): boolean {
    return this.#boot !== null;
  }

  get isPaused(): boolean {
    return this.#boot?.isPaused === true;
  }

  /** Of the process that runs (boot.ts); 0 when none does. */
  get turns(): number {
    return this.#boot?.turns ?? 0;
  }

  /** Times a process was started. */
  get boots(): number {
    return this.#boots;
  }

  get exits(): readonly Exit[] {
    return this.#exits;
  }

  /** The last LOG_LINES_MAX lines, oldest first. */
  get logLines(): readonly string[] {
    const dropped = this.#logLinesDropped;
    return dropped === 0 ? this.#logLines : [`(${dropped} lines before)`, ...this.#logLines];
  }

  /** Changes faults, latency or capacity of the disk from now on, also for disks to come. */
  configureDisk(options: Omit<SimDiskOptions, "clock">): void {
    this.#diskOptions = { ...this.#diskOptions, ...options };
    this.#disk.configure(options);
  }

  /** Starts a process, after a crash also the machine. `run` is called in an event of its own, soon. In: none runs. */
  start(run: (world: NodeWorld) => void): void {
    assert(this.#boot === null, `nothing runs on ${this.name}`);
    this.#run = run;
    this.#machine.isUp = true;
    this.clock.restart(nextFloat(this.#prng) * CLOCK_ZERO_MS_MAX);
    const boot = new Boot(++this.#boots);
    this.#boot = boot;
    const world = this.#world(boot);
    this.#kernel.after(0, this.#kernel.label("start", this.name), () => boot.deliver(() => run(world)));
  }

  /** Starts again what was started last; kills it first where it runs. */
  restart(): void {
    assert(this.#run !== null, `something ran on ${this.name}`);
    if (this.#boot !== null) this.kill();
    this.start(this.#run);
  }

  /** The process ends (kill -9): its system closes its connections; what the disk has in its cache stays. */
  kill(): void {
    if (!this.#endBoot()) return;
    for (const connection of [...this.#machine.connections]) connection.kill();
    this.#disk.kill();
  }

  /** The power goes, whether or not a process runs: nobody is told, and what was not synced may be lost. */
  crash(choose: CrashChoice = randomCrash(this.#prng)): void {
    this.#endBoot();
    for (const connection of [...this.#machine.connections]) connection.vanish();
    this.#machine.isUp = false;
    this.#disk.crash(choose);
  }

  /** The process stands still (SIGSTOP); what comes in waits with its system. */
  pause(): void {
    this.#boot?.pause();
  }

  resume(): void {
    const boot = this.#boot;
    if (boot === null) return;
    const label = this.#kernel.label("resume", this.name);
    for (const held of boot.resume()) this.#kernel.after(0, label, () => boot.deliver(held));
  }

  /** The disk is replaced by an empty one. In: no process runs. */
  wipe(): void {
    assert(this.#boot === null, `nothing runs on ${this.name}`);
    this.#disk = new SimDisk(this.#diskOptions);
  }

  /** Out: whether a process ran. Nothing of it runs any more. */
  #endBoot(): boolean {
    if (this.#boot === null) return false;
    this.#boot.end();
    this.#boot = null;
    this.#machine.datagramPorts.clear();
    this.#machine.streamPorts.clear();
    return true;
  }

  #world(boot: Boot): NodeWorld {
    const clock = simClock(this.#kernel, this.clock, { host: this.name, boot });
    this.#disk.configure({ clock });
    return {
      clock,
      random: this.#random(boot),
      disk: this.#disk.boot(),
      datagrams: simDatagrams(this.#network, this.#machine, boot),
      streams: simStreams(this.#network, this.#machine, boot),
      process: { exit: (code, message) => this.#exit(boot, code, message) },
      log: this.#log(boot),
    };
  }

  #exit(boot: Boot, code: number, message: string): void {
    if (boot.isOver) return;
    const exit = { atMs: this.#kernel.nowMs, code, message };
    this.#exits.push(exit);
    this.kill();
    this.#options.onExit?.(exit);
  }

  #random(boot: Boot): Random {
    const prng = this.#kernel.prng(`random ${this.name} ${boot.number}`);
    return {
      bytes: (count) => {
        const bytes = new Uint8Array(count);
        for (let at = 0; at < count; at++) bytes[at] = nextU32(prng);
        return bytes;
      },
    };
  }

  #log(boot: Boot): Log {
    const level = this.#options.logLevel;
    if (level === undefined) return SILENT;
    return createLog({
      level,
      color: false,
      line: (text) => {
        if (boot.isOver) return;
        this.#logLines.push(`${this.#kernel.nowMs.toFixed(3)} ${this.name} ${text}`);
        if (this.#logLines.length <= LOG_LINES_MAX) return;
        this.#logLines.shift();
        this.#logLinesDropped++;
      },
    });
  }
}
