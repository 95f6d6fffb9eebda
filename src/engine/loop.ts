// Drives the VUs of one share on this core's event loop: asks the pure driver (load/driver.ts) what may begin, runs the
// user's function, and interrupts what outlives its time. Decides nothing about order, retries or the end of a job.

import {
  claim,
  createDriver,
  type Driver,
  finish,
  hasEnded,
  neverBegun,
  nextArrivalMs,
  nextChangeMs,
  resume,
  scale,
  skipLost,
  takeArrival,
  vuNumber,
  vusWanted,
} from "../load/driver.ts";
import { scheduleMs } from "../load/plan.ts";
import { createScheduleClock, type ScheduleClock, scheduleAt, steer } from "../load/schedule-clock.ts";
import { type Feeds, isSameSteering, type Resume, type ShareSpec, type Steering, UNSTEERED } from "../load/share.ts";
import { ArrivalQueue } from "./arrival-queue.ts";
import { type Board, HEADER } from "./board.ts";
import { InterruptedError } from "./http/owner.ts";
import { IterationCounts } from "./iteration-counts.ts";
import { LongTimer } from "./long-timer.ts";
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

export class ShareLoop {
  readonly #host: VuHost;
  readonly #spec: ShareSpec;
  readonly #driver: Driver;
  readonly #run: IterationFunction;
  readonly #data: unknown;
  readonly #board: Board;
  readonly #counts: IterationCounts;
  readonly #events: LoopEvents;
  readonly #isOneShot: boolean;
  readonly #vus: VirtualUser[] = [];
  readonly #free: VirtualUser[] = [];
  readonly #queue = new ArrivalQueue();
  #running = 0;
  #runningMost = 0;
  /** On performance.now(), startTime included. Its schedule begins with `start`. */
  #clock: ScheduleClock = createScheduleClock(Infinity, UNSTEERED, 0);
  #steering: Steering = UNSTEERED;
  #isStarted = false;
  #isStopping = false;
  #isEnded = false;
  #sinceTurn = 0;
  #turnMs = 0;
  /** performance.now() when the last iteration ended or a VU was set going: asked once for both. */
  #nowMs = 0;
  /** VUs that go on after the loop had a turn. */
  #waiting: VirtualUser[] = [];
  readonly #scheduleTimer = new LongTimer(() => this.#proceed());
  readonly #deadlineTimer = new LongTimer(() => this.#expire());
  readonly #rampTimer = new LongTimer(() => this.#rampDown());
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
    this.#counts = new IterationCounts(options.board, options.host.measure);
    this.#events = options.events;
    this.#isOneShot = options.isOneShot;
    this.#driver = createDriver(options.spec);
    for (let local = 0; local < this.#driver.preAllocated; local++) this.#make();
    // The free VUs are a stack: the busiest stay warm, and VU 1 goes first.
    if (this.#driver.isOpen) this.#free.push(...this.#vus.toReversed());
  }

  /**
   * Starts at an instant of performance.now() (past or future); the workflow's startTime and the pauses it had come on
   * top.
   */
  start(atMs: number, steering: Steering): void {
    this.#clock = createScheduleClock(atMs + this.#spec.startTimeMs, steering, performance.now());
    this.#scale(steering);
    this.#steering = steering;
    if (!this.#clock.isPaused) this.#proceed();
  }

  /** What is asked of the workflow now, once it has its start; said again, it changes nothing. */
  steer(steering: Steering): void {
    const isBefore = this.#clock.startMs === Infinity;
    if (isBefore || this.#isEnded || isSameSteering(this.#steering, steering)) return;
    this.#scale(steering);
    this.#steering = steering;
    steer(this.#clock, steering, performance.now());
    if (this.#clock.isPaused) this.#stand();
    else this.#goOn();
  }

  /** Ms of schedule driven so far; 0 before the start. */
  elapsedMs(): number {
    return this.#isStarted ? scheduleAt(this.#clock, performance.now()) : 0;
  }

  /** Where the rest begins, for a cut now. */
  resume(feeds: Feeds): Resume {
    this.#driver.waiting = this.#queue.length;
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
    this.#counts.dropped("stopped", this.#queue.clear());
    for (const vu of this.#vus) vu.stop();
    this.#deadlineTimer.arm(mode === "now" ? 0 : this.#spec.gracefulStopMs);
    this.#checkEnd();
  }

  close(): void {
    this.#isEnded = true;
    for (const timer of [this.#scheduleTimer, this.#deadlineTimer, this.#rampTimer]) timer.cancel();
    for (const vu of this.#vus) vu.close();
  }

  /** What the schedule asks for now, which may be its beginning. */
  #proceed(): void {
    if (this.#isEnded || this.#isStopping) return this.#checkEnd();
    if (this.#isStarted) return this.#driver.isOpen ? this.#arrivals() : this.#follow();
    const waitMs = this.#clock.zeroMs - performance.now();
    if (waitMs <= 0.5) this.#begin();
    else this.#scheduleTimer.arm(waitMs);
  }

  #begin(): void {
    this.#isStarted = true;
    this.#turnMs = performance.now();
    this.#armEnd();
    if (this.#driver.isOpen && this.#spec.resume !== null)
      this.#counts.dropped("lost", skipLost(this.#driver, this.elapsedMs()));
    this.#proceed();
  }

  // ── steering ──────────────────────────────────────────────────────────────────────────────────

  #scale({ vus }: Steering): void {
    if (vus !== null && vus !== this.#steering.vus) scale(this.#driver, vus);
  }

  /** No iteration begins; those that run go on to their ends. */
  #stand(): void {
    this.#scheduleTimer.cancel();
    if (!this.#isStopping) this.#deadlineTimer.cancel();
    this.#checkEnd();
  }

  /** The schedule runs, perhaps from another instant on, perhaps with more VUs or fewer. */
  #goOn(): void {
    if (this.#isStopping || this.#isEnded) return;
    this.#scheduleTimer.cancel();
    if (this.#isStarted) this.#armEnd();
    while (this.#queue.length > 0) {
      const vu = this.#free.pop();
      if (vu === undefined) break;
      this.#runArrival(vu, -1);
    }
    this.#proceed();
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
    if (this.#isStopping || this.#isEnded || this.#clock.isPaused) return;
    const elapsedMs = this.elapsedMs();
    const wanted = vusWanted(this.#driver, elapsedMs);
    const { executor, gracefulStopMs } = this.#spec;
    const rampDownMs = executor.kind === "ramping-vus" ? executor.gracefulRampDownMs : gracefulStopMs;
    // At the end of the schedule nobody is ramped down: gracefulStop holds for all (armDeadline).
    const isRamping = elapsedMs < this.#driver.endMs;
    while (this.#vus.length < wanted) this.#make();
    for (const vu of this.#vus) {
      if (vu.local < wanted) {
        vu.interruptAtMs = Infinity;
        if (!vu.isRunning && !vu.isAbandoned) this.#runVu(vu);
      } else if (isRamping && vu.isRunning && vu.interruptAtMs === Infinity) {
        vu.interruptAtMs = performance.now() + rampDownMs;
      }
    }
    this.#armRampDown();
    const nextMs = nextChangeMs(this.#driver, elapsedMs);
    if (nextMs !== Infinity) this.#scheduleTimer.arm(nextMs - this.elapsedMs());
    this.#checkEnd();
  }

  #armRampDown(): void {
    let earliestMs = Infinity;
    for (const vu of this.#vus) if (vu.isRunning && vu.interruptAtMs < earliestMs) earliestMs = vu.interruptAtMs;
    if (earliestMs === Infinity) this.#rampTimer.cancel();
    else this.#rampTimer.arm(earliestMs - performance.now());
  }

  #rampDown(): void {
    const nowMs = performance.now() + 1;
    this.#interrupt(this.#vus.filter((vu) => vu.isRunning && vu.interruptAtMs <= nowMs));
    this.#armRampDown();
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
    if (this.#isStopping || this.#isEnded || this.#clock.isPaused) return;
    let begun = 0;
    for (;;) {
      const dueMs = nextArrivalMs(this.#driver);
      // After the last arrival the rest of the schedule's time still runs.
      const waitMs = Math.min(dueMs, this.#driver.endMs) - (performance.now() - this.#clock.zeroMs);
      if (waitMs > 0 || begun >= TURN_ITERATIONS_MAX) {
        this.#scheduleTimer.arm(begun >= TURN_ITERATIONS_MAX ? 0 : waitMs);
        return;
      }
      if (dueMs === Infinity) return this.#checkEnd();
      begun++;
      this.#arrive(takeArrival(this.#driver));
    }
  }

  #arrive(intendedMs: number): void {
    const vu = this.#free.pop() ?? (this.#vus.length < this.#driver.vus ? this.#make() : null);
    if (vu !== null) this.#runArrival(vu, intendedMs);
    else if (this.#isQueueing()) this.#queue.push(intendedMs);
    else this.#counts.dropped("no_vu", 1);
  }

  #isQueueing(): boolean {
    const { executor } = this.#spec;
    return "onLate" in executor && executor.onLate === "queue";
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
      vu.beginIteration();
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
      if (vu.intendedMs < 0 && !vu.isStopping && !this.#clock.isPaused) vu.intendedMs = this.#queue.take();
      if (vu.intendedMs < 0) return false;
      vu.dueMs = this.#clock.zeroMs + vu.intendedMs;
      // Counted when it begins: where the rest begins leaves an arrival that waits to the next attempt.
      this.#board.words[HEADER.scheduled]!++;
      return true;
    }
    if (this.#isStopping || vu.isStopping || this.#clock.isPaused) return false;
    vu.claimed = claim(this.#driver, vu.local, this.#nowMs - this.#clock.zeroMs);
    if (vu.claimed < 0) return false;
    this.#board.words[HEADER.scheduled]!++;
    return true;
  }

  /** The function's promise is settled. */
  #settled(vu: VirtualUser, value: unknown, thrown: unknown, hasThrown: boolean): void {
    if (this.#settle(vu, value, thrown, hasThrown)) this.#go(vu);
  }

  /** The function returned or threw. Out: true if the next iteration may begin at once; else somebody sees to it. */
  #settle(vu: VirtualUser, value: unknown, thrown: unknown, hasThrown: boolean): boolean {
    if (vu.isOpen) {
      this.#warnOpen(vu);
      void vu.whenIdle().then(() => {
        // What it left open may have been cut off: then the iteration is, as if it had been awaited.
        if (this.#finish(vu, value, thrown, hasThrown || vu.isStopping)) this.#next(vu);
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
      if (!this.#isOneShot) this.#counts.measured(vu, endedMs);
      if (!this.#driver.isOpen) finish(this.#driver, vu.local, vu.claimed);
    }
    if (thrown instanceof AbortError) vu.retire();
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

  #pace(vu: VirtualUser, leftMs: number): void {
    const go = (): void => this.#next(vu);
    vu.sleep(leftMs).then(go, go);
  }

  #warnOpen(vu: VirtualUser): void {
    if (this.#hasWarnedAwait || vu.isStopping) return;
    this.#hasWarnedAwait = true;
    const what = vu.http.openCount > 0 ? "requests" : "a sleep";
    this.#events.warning(
      `an iteration of "${this.#spec.workflow}" ended with ${what} still open (missing await?): ` +
        "what is open is awaited before the next one",
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

  /** What still runs gracefulStop after the end of the schedule is interrupted. */
  #armEnd(): void {
    this.#deadlineTimer.arm(scheduleMs(this.#spec.executor) - this.elapsedMs() + this.#spec.gracefulStopMs);
  }

  #expire(): void {
    // Arrivals that a core which stood still has not come to yet were due as well.
    const late = this.#driver.isOpen && !this.#isStopping ? skipLost(this.#driver, this.#driver.endMs) : 0;
    this.#isStopping = true;
    this.#counts.dropped("stopped", this.#queue.clear() + late);
    this.#interrupt(this.#vus.filter((vu) => vu.isRunning));
    this.#checkEnd();
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
    const isOver = this.#isStarted && this.#queue.length === 0 && hasEnded(this.#driver, this.elapsedMs());
    if (!this.#isStopping && !isOver) return;
    this.#isEnded = true;
    this.#counts.dropped("max_duration", neverBegun(this.#driver, this.elapsedMs()));
    this.close();
    this.#events.ended(this.#value, this.#thrown);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value instanceof Promise) return true;
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
