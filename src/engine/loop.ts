// Drives the VUs of one share on this core's event loop: asks the pure driver (load/driver.ts) what may begin, runs the
// user's function, and interrupts what outlives its time. Decides nothing about order, retries or the end of a job.

import {
  claim,
  createDriver,
  type Driver,
  finish,
  isOver,
  nextArrivalMs,
  nextChangeMs,
  resume,
  skipLost,
  takeArrival,
  vuNumber,
  vusWanted,
} from "../load/driver.ts";
import { scheduleMs } from "../load/plan.ts";
import type { Feeds, Resume, ShareSpec } from "../load/share.ts";
import { type Board, HEADER } from "./board.ts";
import { InterruptedError } from "./http/owner.ts";
import { AbortError, VirtualUser, type VuHost } from "./vu.ts";
import type { VU } from "./hyperscale.d.ts";

/** The user's function; `data` is what setup returned. */
export type IterationFunction = (vu: VU, data: unknown) => unknown;

/** What the loop tells its thread. */
export type LoopEvents = {
  /** An iteration threw (and was not interrupted). */
  threw(thrown: unknown, vu: number): void;
  warning(text: string): void;
  /** No iteration runs and none will. `value`: what the last iteration returned. */
  ended(value: unknown, thrown: unknown): void;
};

/**
 * The loop gives timers and sockets a turn after so many iterations or so long, whatever the user's function awaits.
 */
const TURN_ITERATIONS_MAX = 1_000;
const TURN_MS_MAX = 10;
/** An interrupted iteration that did not end after this is abandoned: it waits for something that is not ours. */
const ABANDON_MS = 100;
/** Longest wait armed in one timer: setTimeout takes 31 bits. */
const TIMER_MS_MAX = 2 ** 30;

export class ShareLoop {
  readonly #host: VuHost;
  readonly #spec: ShareSpec;
  readonly #driver: Driver;
  readonly #run: IterationFunction;
  readonly #data: unknown;
  readonly #board: Board;
  readonly #events: LoopEvents;
  readonly #isOneShot: boolean;
  readonly #vus: VirtualUser[] = [];
  readonly #free: VirtualUser[] = [];
  readonly #queue: number[] = [];
  #queueHead = 0;
  #running = 0;
  #runningMost = 0;
  #startedAtMs = 0;
  #isStarted = false;
  #isStopping = false;
  #isEnded = false;
  #sinceTurn = 0;
  #turnMs = 0;
  /** performance.now() when the last iteration ended or a VU was set going: asked once for both. */
  #nowMs = 0;
  /** VUs that go on after the loop had a turn. */
  #waiting: VirtualUser[] = [];
  #scheduleTimer: ReturnType<typeof setTimeout> | null = null;
  #deadlineTimer: ReturnType<typeof setTimeout> | null = null;
  #rampTimer: ReturnType<typeof setTimeout> | null = null;
  #hasWarnedAwait = false;
  #value: unknown = undefined;
  #thrown: unknown = null;

  constructor(options: {
    host: VuHost;
    spec: ShareSpec;
    run: IterationFunction;
    data: unknown;
    board: Board;
    events: LoopEvents;
    isOneShot: boolean;
  }) {
    this.#host = options.host;
    this.#spec = options.spec;
    this.#run = options.run;
    this.#data = options.data;
    this.#board = options.board;
    this.#events = options.events;
    this.#isOneShot = options.isOneShot;
    this.#driver = createDriver(options.spec);
    for (let local = 0; local < this.#driver.preAllocated; local++) this.#make();
    // The free VUs are a stack: the busiest stay warm, and VU 1 goes first.
    if (this.#driver.isOpen) this.#free.push(...this.#vus.toReversed());
  }

  /** Starts at an instant of performance.now() (past or future); the workflow's startTime comes on top. */
  start(atMs: number): void {
    this.#startedAtMs = atMs + this.#spec.startTimeMs;
    const open = (): void => {
      const waitMs = this.#startedAtMs - performance.now();
      if (this.#isEnded || this.#isStopping) return this.#checkEnd();
      if (waitMs > 0.5) {
        this.#scheduleTimer = setTimeout(open, Math.min(waitMs, TIMER_MS_MAX));
        return;
      }
      this.#begin();
    };
    open();
  }

  /** Ms of schedule driven so far; 0 before the start. */
  elapsedMs(): number {
    return this.#isStarted ? performance.now() - this.#startedAtMs : 0;
  }

  /** Where the rest begins, for a cut now. */
  resume(feeds: Feeds): Resume {
    this.#driver.waiting = this.#queue.length - this.#queueHead;
    return resume(this.#driver, Math.max(this.elapsedMs(), 0), feeds);
  }

  get running(): number {
    return this.#running;
  }

  /** Most VUs that ran at once since this was last asked. */
  takeRunningMost(): number {
    const most = this.#runningMost;
    this.#runningMost = this.#running;
    return most;
  }

  get vusMade(): number {
    return this.#vus.length;
  }

  /**
   * No new iteration and no new request. What is open is awaited up to gracefulStop ("graceful") or closed at once
   * ("now").
   */
  stop(mode: "graceful" | "now"): void {
    if (this.#isEnded) return;
    this.#isStopping = true;
    this.#dropQueue();
    for (const vu of this.#vus) vu.stop();
    this.#armDeadline(mode === "now" ? 0 : this.#spec.gracefulStopMs);
    this.#checkEnd();
  }

  close(): void {
    this.#isEnded = true;
    for (const timer of [this.#scheduleTimer, this.#deadlineTimer, this.#rampTimer])
      if (timer !== null) clearTimeout(timer);
    for (const vu of this.#vus) vu.close();
  }

  #begin(): void {
    this.#isStarted = true;
    this.#turnMs = performance.now();
    const nowMs = this.elapsedMs();
    const leftMs = scheduleMs(this.#spec.executor) - nowMs;
    this.#armDeadline(leftMs + this.#spec.gracefulStopMs);
    if (this.#driver.isOpen) {
      const lost = this.#spec.resume === null ? 0 : skipLost(this.#driver, nowMs);
      for (let at = 0; at < lost; at++) this.#drop("lost");
      this.#arrivals();
    } else this.#follow();
  }

  #make(): VirtualUser {
    const local = this.#vus.length;
    const vu = new VirtualUser(this.#host, vuNumber(this.#driver, local), local);
    vu.fulfilled = (value) => this.#settled(vu, value, null, false);
    vu.rejected = (thrown) => this.#settled(vu, undefined, thrown, true);
    this.#vus.push(vu);
    this.#board.words[HEADER.vusMax] = this.#vus.length;
    return vu;
  }

  // ── closed executors ──────────────────────────────────────────────────────────────────────────

  /** Starts and winds down VUs so that as many run as the schedule wants now. */
  #follow(): void {
    if (this.#isStopping || this.#isEnded) return;
    const elapsedMs = this.elapsedMs();
    const wanted = vusWanted(this.#driver, elapsedMs);
    const executor = this.#spec.executor;
    // At the end of the schedule nobody is ramped down: gracefulStop holds for all (armDeadline).
    const isRamping = executor.kind === "ramping-vus" && elapsedMs < this.#driver.endMs;
    while (this.#vus.length < wanted) this.#make();
    for (const vu of this.#vus) {
      if (vu.local < wanted) {
        vu.interruptAtMs = Infinity;
        if (!vu.isRunning && !vu.isAbandoned) this.#runVu(vu);
      } else if (isRamping && vu.isRunning && vu.interruptAtMs === Infinity) {
        vu.interruptAtMs = performance.now() + executor.gracefulRampDownMs;
      }
    }
    this.#armRampDown();
    const nextMs = nextChangeMs(this.#driver, elapsedMs);
    if (nextMs !== Infinity) {
      this.#scheduleTimer = setTimeout(
        () => this.#follow(),
        Math.min(Math.max(nextMs - this.elapsedMs(), 0), TIMER_MS_MAX),
      );
    }
    this.#checkEnd();
  }

  #armRampDown(): void {
    let earliestMs = Infinity;
    for (const vu of this.#vus) if (vu.isRunning && vu.interruptAtMs < earliestMs) earliestMs = vu.interruptAtMs;
    if (this.#rampTimer !== null) clearTimeout(this.#rampTimer);
    this.#rampTimer = null;
    if (earliestMs === Infinity) return;
    this.#rampTimer = setTimeout(
      () => {
        const nowMs = performance.now() + 1;
        this.#interrupt(this.#vus.filter((vu) => vu.isRunning && vu.interruptAtMs <= nowMs));
        this.#armRampDown();
      },
      Math.min(Math.max(earliestMs - performance.now(), 0), TIMER_MS_MAX),
    );
  }

  #runVu(vu: VirtualUser): void {
    vu.isRunning = true;
    vu.revive();
    this.#enter();
    this.#next(vu);
  }

  #enter(): void {
    this.#running++;
    if (this.#running > this.#runningMost) this.#runningMost = this.#running;
    this.#board.words[HEADER.vus] = this.#running;
  }

  #leave(vu: VirtualUser): void {
    vu.isRunning = false;
    if (this.#driver.isOpen && !vu.isStopping) this.#free.push(vu);
    this.#running--;
    this.#board.words[HEADER.vus] = this.#running;
    this.#checkEnd();
  }

  // ── open executors ────────────────────────────────────────────────────────────────────────────

  /** Begins every arrival that is due, then sleeps until the next. */
  #arrivals(): void {
    if (this.#isStopping || this.#isEnded) return;
    let begun = 0;
    for (;;) {
      const dueMs = nextArrivalMs(this.#driver);
      if (dueMs === Infinity) return this.#checkEnd();
      const waitMs = dueMs - (performance.now() - this.#startedAtMs);
      if (waitMs > 0 || begun >= TURN_ITERATIONS_MAX) {
        const delayMs = begun >= TURN_ITERATIONS_MAX ? 0 : waitMs;
        this.#scheduleTimer = setTimeout(() => this.#arrivals(), Math.min(delayMs, TIMER_MS_MAX));
        return;
      }
      begun++;
      this.#arrive(takeArrival(this.#driver));
    }
  }

  #arrive(intendedMs: number): void {
    const vu = this.#free.pop() ?? (this.#vus.length < this.#driver.vus ? this.#make() : null);
    if (vu !== null) this.#runArrival(vu, intendedMs);
    else if (this.#isQueueing()) this.#queue.push(intendedMs);
    else this.#drop("no_vu");
  }

  #isQueueing(): boolean {
    const executor = this.#spec.executor;
    return (
      (executor.kind === "constant-arrival-rate" || executor.kind === "ramping-arrival-rate") &&
      executor.onLate === "queue"
    );
  }

  #drop(reason: "no_vu" | "lost" | "stopped"): void {
    this.#board.words[HEADER.scheduled]!++;
    this.#board.words[HEADER.dropped]!++;
    const measure = this.#host.measure;
    measure.add(measure.extend(measure.base, { reason }), "dropped_iterations", "counter", "default", 1, 0);
  }

  #dropQueue(): void {
    for (; this.#queueHead < this.#queue.length; this.#queueHead++) this.#drop("stopped");
    this.#queue.length = 0;
    this.#queueHead = 0;
  }

  #takeQueued(): number {
    if (this.#queueHead >= this.#queue.length) return -1;
    const intendedMs = this.#queue[this.#queueHead++] ?? -1;
    if (this.#queueHead > 1_024 && this.#queueHead * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#queueHead);
      this.#queueHead = 0;
    }
    return intendedMs;
  }

  #runArrival(vu: VirtualUser, intendedMs: number): void {
    vu.isRunning = true;
    vu.intendedMs = intendedMs;
    this.#enter();
    this.#next(vu);
  }

  // ── one iteration after another ───────────────────────────────────────────────────────────────
  // A state machine of plain calls, not async functions: a waiting VU then costs one promise of ours, not two frames.

  /** Begins the VU's next iteration, and goes on for as long as they end without waiting for anything. */
  #next(vu: VirtualUser): void {
    this.#nowMs = performance.now();
    this.#go(vu);
  }

  /** As #next, right after an iteration ended: #nowMs is its end. */
  #go(vu: VirtualUser): void {
    while (this.#claim(vu)) {
      this.#board.words[HEADER.started]!++;
      vu.isBusy = true;
      vu.http.beginIteration();
      vu.beganMs = this.#nowMs;
      let result: unknown;
      try {
        result = this.#run(vu.api, this.#data);
      } catch (thrown) {
        if (!this.#settle(vu, undefined, thrown, true)) return;
        continue;
      }
      if (isThenable(result)) {
        result.then(vu.fulfilled, vu.rejected);
        return;
      }
      if (!this.#settle(vu, result, null, false)) return;
    }
    this.#leave(vu);
  }

  /** Takes what the VU may begin now. Out: false when it has to stop, or to wait for its next arrival. */
  #claim(vu: VirtualUser): boolean {
    if (this.#driver.isOpen) {
      if (vu.intendedMs < 0 && !vu.isStopping) vu.intendedMs = this.#takeQueued();
      if (vu.intendedMs < 0) return false;
      // Counted when it begins: where the rest begins leaves an arrival that waits to the next attempt.
      this.#board.words[HEADER.scheduled]!++;
      return true;
    }
    if (this.#isStopping || vu.isStopping) return false;
    vu.claimed = claim(this.#driver, vu.local, this.#nowMs - this.#startedAtMs);
    if (vu.claimed < 0) return false;
    this.#board.words[HEADER.scheduled]!++;
    return true;
  }

  /** The function's promise is settled. */
  #settled(vu: VirtualUser, value: unknown, thrown: unknown, hasThrown: boolean): void {
    if (this.#settle(vu, value, thrown, hasThrown)) this.#go(vu);
  }

  /**
   * The function returned or threw. Out: true if the next iteration may begin at once; else somebody will see to it.
   */
  #settle(vu: VirtualUser, value: unknown, thrown: unknown, hasThrown: boolean): boolean {
    if (vu.http.openCount > 0) {
      this.#warnOpen(vu);
      void vu.http.whenIdle().then(() => {
        if (this.#finish(vu, value, thrown, hasThrown)) this.#next(vu);
      });
      return false;
    }
    return this.#finish(vu, value, thrown, hasThrown);
  }

  /** Nothing of the iteration is open any more: counts it. Out: as #settle. */
  #finish(vu: VirtualUser, value: unknown, thrown: unknown, hasThrown: boolean): boolean {
    if (vu.isAbandoned) return false;
    vu.isBusy = false;
    vu.iteration++;
    this.#value = value;
    const words = this.#board.words;
    const endedMs = performance.now();
    this.#nowMs = endedMs;
    if (hasThrown && (vu.isStopping || thrown instanceof InterruptedError || thrown instanceof AbortError)) {
      words[HEADER.interrupted]!++;
      if (this.#isOneShot) this.#thrown = thrown;
    } else {
      words[HEADER.completed]!++;
      if (hasThrown) {
        this.#thrown = thrown;
        this.#events.threw(thrown, vu.id);
      }
      if (!this.#isOneShot) this.#count(vu, endedMs);
      if (!this.#driver.isOpen) finish(this.#driver, vu.local, vu.claimed);
    }
    vu.intendedMs = -1;
    const leftMs = this.#spec.minIterationDurationMs - (endedMs - vu.beganMs);
    if (leftMs > 0 && !vu.isStopping) {
      this.#pace(vu, leftMs);
      return false;
    }
    if (++this.#sinceTurn < TURN_ITERATIONS_MAX && endedMs - this.#turnMs <= TURN_MS_MAX) return true;
    this.#afterTurn(vu);
    return false;
  }

  #count(vu: VirtualUser, endedMs: number): void {
    const measure = this.#host.measure;
    measure.iteration(measure.base, endedMs - vu.beganMs);
    if (vu.intendedMs < 0) return;
    const dueMs = this.#startedAtMs + vu.intendedMs;
    measure.add(measure.base, "iteration_lateness", "trend", "time", Math.max(vu.beganMs - dueMs, 0), 0);
    measure.add(measure.base, "response_time", "trend", "time", endedMs - dueMs, 0);
  }

  #pace(vu: VirtualUser, leftMs: number): void {
    const go = (): void => this.#next(vu);
    vu.sleep(leftMs).then(go, go);
  }

  #warnOpen(vu: VirtualUser): void {
    if (this.#hasWarnedAwait || vu.isStopping) return;
    this.#hasWarnedAwait = true;
    this.#events.warning(
      `an iteration of "${this.#spec.workflow}" ended with requests still open (missing await?): ` +
        "they are awaited before the next one",
    );
  }

  /** The VU goes on after timers and sockets had a turn. */
  #afterTurn(vu: VirtualUser): void {
    this.#waiting.push(vu);
    if (this.#waiting.length > 1) return;
    setImmediate(() => {
      const waiting = this.#waiting;
      this.#waiting = [];
      this.#sinceTurn = 0;
      this.#turnMs = performance.now();
      for (const one of waiting) this.#next(one);
    });
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────

  #armDeadline(inMs: number): void {
    if (this.#deadlineTimer !== null) clearTimeout(this.#deadlineTimer);
    const atMs = performance.now() + inMs;
    const check = (): void => {
      const leftMs = atMs - performance.now();
      if (leftMs > 0) {
        this.#deadlineTimer = setTimeout(check, Math.min(leftMs, TIMER_MS_MAX));
        return;
      }
      this.#isStopping = true;
      this.#dropQueue();
      this.#interrupt(this.#vus.filter((vu) => vu.isRunning));
      this.#checkEnd();
    };
    this.#deadlineTimer = setTimeout(check, Math.min(Math.max(inMs, 0), TIMER_MS_MAX));
  }

  /** Interrupts iterations; those that do not end soon are abandoned and counted interrupted. */
  #interrupt(vus: readonly VirtualUser[]): void {
    for (const vu of vus) vu.interrupt();
    setTimeout(() => {
      for (const vu of vus) {
        if (!vu.isRunning || !vu.isBusy || !vu.isStopping || vu.isAbandoned) continue;
        vu.isAbandoned = true;
        this.#board.words[HEADER.interrupted]!++;
        this.#leave(vu);
      }
    }, ABANDON_MS);
  }

  #checkEnd(): void {
    if (this.#isEnded || this.#running > 0) return;
    const isWaiting = this.#queueHead < this.#queue.length;
    if (!this.#isStopping && (!this.#isStarted || isWaiting || !isOver(this.#driver, this.elapsedMs()))) return;
    this.#isEnded = true;
    this.close();
    this.#events.ended(this.#value, this.#thrown);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value instanceof Promise) return true;
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
