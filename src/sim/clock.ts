// The clock of one simulated host: monotonic time from a zero of its own that runs a little fast or slow, wall time
// that may be wrong and jump (more than the port promises: nothing may lean on it), and timers of one process.

import { assert } from "../base/assert.ts";
import type { Clock, Timer } from "../io/world.ts";
import type { Boot } from "./boot.ts";
import type { Kernel, Label } from "./kernel.ts";

/** Wall time at the start of every simulation: 2026-01-01T00:00:00Z. */
export const SIM_EPOCH_MS = 1_767_225_600_000;

/** Oscillators are off by tens of ppm; beyond this nothing calls itself a clock. */
const DRIFT_PPM_MAX = 100_000;
/** Of a ms: what rounding may take from a delay. */
const ROUNDING_MS = 1e-6;

/** Time as one host has it. */
export class HostClock {
  readonly #kernel: Kernel;
  /** Kernel time of the last change of rate, and the host's time then. */
  #anchorMs: number;
  #anchorLocalMs: number;
  #rate = 1;
  #wallOffsetMs = 0;

  /** In: the host's monotonic time now, any. */
  constructor(kernel: Kernel, zeroMs: number) {
    this.#kernel = kernel;
    this.#anchorMs = kernel.nowMs;
    this.#anchorLocalMs = zeroMs;
  }

  nowMs(): number {
    return this.#anchorLocalMs + (this.#kernel.nowMs - this.#anchorMs) * this.#rate;
  }

  epochMs(): number {
    return SIM_EPOCH_MS + this.#kernel.nowMs + this.#wallOffsetMs;
  }

  /** Runs so many millionths fast (slow where negative) from now on. */
  setDrift(ppm: number): void {
    assert(Math.abs(ppm) <= DRIFT_PPM_MAX, `a drift is at most ${DRIFT_PPM_MAX} ppm`);
    this.#anchorLocalMs = this.nowMs();
    this.#anchorMs = this.#kernel.nowMs;
    this.#rate = 1 + ppm / 1e6;
  }

  /** Wall time moves by so much at once; monotonic time does not. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Monotonic time is a process's own: it begins anew with each. */
  restart(zeroMs: number): void {
    this.#anchorMs = this.#kernel.nowMs;
    this.#anchorLocalMs = zeroMs;
  }

  /** Virtual ms for so many ms of this host. */
  kernelMs(localMs: number): number {
    return localMs / this.#rate;
  }
}

/** The port of one process: its timers do not outlive it, and those due while it is paused fire, late, after that. */
export function simClock(
  kernel: Kernel,
  hostClock: HostClock,
  owner: { readonly host: string; readonly boot: Boot },
): Clock {
  const timers = { kernel, hostClock, boot: owner.boot, label: kernel.label("timer", owner.host) };
  return {
    nowMs: () => hostClock.nowMs(),
    epochMs: () => hostClock.epochMs(),
    setTimer: (delayMs, run) => new SimTimer(timers, Math.max(0, delayMs), run),
  };
}

/** What the timers of one process have in common. */
type Timers = {
  readonly kernel: Kernel;
  readonly hostClock: HostClock;
  readonly boot: Boot;
  readonly label: Label;
};

class SimTimer implements Timer {
  readonly #timers: Timers;
  readonly #dueMs: number;
  #run: (() => void) | null;
  #event: Timer;

  constructor(timers: Timers, delayMs: number, run: () => void) {
    this.#timers = timers;
    this.#dueMs = timers.hostClock.nowMs() + delayMs;
    this.#run = run;
    this.#event = this.#schedule(delayMs);
  }

  cancel(): void {
    this.#run = null;
    this.#event.cancel();
  }

  #schedule(leftMs: number): Timer {
    const { kernel, hostClock, label } = this.#timers;
    return kernel.after(hostClock.kernelMs(leftMs), label, () => this.#arrive());
  }

  #arrive(): void {
    const { hostClock, boot } = this.#timers;
    // The clock may have slowed down since.
    const leftMs = this.#dueMs - hostClock.nowMs();
    if (leftMs > ROUNDING_MS) this.#event = this.#schedule(leftMs);
    else if (boot.isPaused) boot.deliver(() => this.#fire());
    else if (boot.enter()) this.#fire();
  }

  #fire(): void {
    const due = this.#run;
    this.#run = null;
    due?.();
  }
}
