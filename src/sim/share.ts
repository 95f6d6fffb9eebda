// One share on a simulated core: driven by the shipped driver (load/driver.ts) and counted on the shipped board. Each
// iteration "sends" one request to the simulated target. It runs no code: what the functions of a test do is written in
// the bundle (script.ts).

import { Board, HEADER } from "../engine/board.ts";
import { STILL_MS } from "../engine/health.ts";
import { Measure } from "../engine/measure.ts";
import type { EngineReply, EngineRequest } from "../engine/messages.ts";
import type { Clock, Timer } from "../io/world.ts";
import {
  claim,
  createDriver,
  type Driver,
  finish,
  hasEnded,
  nextArrivalMs,
  nextChangeMs,
  resume,
  scale,
  skipLost,
  takeArrival,
  vuNumber,
  vusWanted,
} from "../load/driver.ts";
import { scheduleMs, SETUP, TEARDOWN } from "../load/plan.ts";
import { nextFloat, type Prng } from "../base/prng.ts";
import { createScheduleClock, type ScheduleClock, scheduleAt, steer } from "../load/schedule-clock.ts";
import type { Steering } from "../load/share.ts";
import { readScript, type Script } from "./script.ts";
import type { SimTarget, TrueAttempt } from "./target.ts";

type Prepare = Extract<EngineRequest, { kind: "prepare" }>;

/** How often a core shows that it lives; its worker takes it for stalled after several seconds. */
const BEAT_MS = 1_000;
/** How often a VU that may not send looks again. */
const HELD_MS = 20;
/** The simulated clock's own step. */
const STEP_MS = 0.001;

/** The thread a share is on. */
export type ShareHost = { say(reply: EngineReply): void; slowness(): number; crash(): void };
/** A VU that runs an iteration. `unit`: the iteration claimed. `isSent`: its request reached the target. */
type Open = { readonly local: number; readonly unit: number; readonly isSent: boolean; readonly timer: Timer };

/** Where a share runs: see SimThreadsOptions. */
type ShareWorld = {
  readonly node: string;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly target: SimTarget;
  readonly kill?: () => void;
};

/** From its preparation to its final cut. */
export class SimShare {
  readonly #options: ShareWorld;
  readonly #request: Prepare;
  readonly #host: ShareHost;
  readonly #script: Script;
  readonly #board: Board;
  readonly #measure: Measure;
  readonly #driver: Driver;
  readonly #permit: Float64Array;
  readonly #truth: TrueAttempt;
  readonly #timers = new Set<Timer>();
  readonly #open = new Map<number, Open>();
  /** Intended instants of arrivals that wait for a VU. */
  readonly #queue: number[] = [];
  #scheduleTimer: Timer | null = null;
  #endTimer: Timer | null = null;
  #clock: ScheduleClock | null = null;
  #startMs = Infinity;
  #jobStartMs = 0;
  #seq = 0;
  #vusMade = 0;
  #beatDueMs = Infinity;
  #stillMs = 0;
  #isStarted = false;
  #isStopping = false;
  #isEnded = false;
  #isDead = false;
  #hasProvided = false;

  constructor(options: ShareWorld, request: Prepare, host: ShareHost) {
    this.#options = options;
    this.#request = request;
    this.#host = host;
    const { attempt, spec } = request;
    this.#script = readScript(request.bundle, spec.workflow);
    this.#truth = options.target.prepare(attempt, options.node, spec, request.setupData);
    const token = attempt.token;
    this.#board = new Board(request.board, (board) => host.say({ kind: "board", token, board }));
    this.#measure = new Measure(this.#board, request.tags, {
      series: (slot, id) => host.say({ kind: "series", token, slot, id }),
      warning: (text) => host.say({ kind: "warning", token, text }),
    });
    this.#driver = createDriver(spec);
    this.#permit = new Float64Array(request.permit);
    this.#beat();
    if (this.#script.isBroken) host.say({ kind: "broken", message: "SyntaxError: unexpected end of file", stack: "" });
    else this.#after(this.#script.readyMs, () => host.say({ kind: "ready", token }));
  }

  get token(): number {
    return this.#request.attempt.token;
  }

  get isRunning(): boolean {
    return this.#isStarted && !this.#isEnded && !this.#isDead;
  }

  /** Instants in epoch ms of this process's clock. */
  start({ atEpochMs, jobStartEpochMs, steering }: Extract<EngineRequest, { kind: "start" }>): void {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    const offsetMs = nowMs - clock.epochMs();
    this.#startMs = atEpochMs + offsetMs + this.#request.spec.startTimeMs;
    this.#jobStartMs = jobStartEpochMs + offsetMs;
    this.#clock = createScheduleClock(this.#startMs, steering, nowMs);
    this.#scale(steering);
    this.#armReport();
    if (!this.#clock.isPaused) this.#await();
  }

  /** As engine/loop.ts does. */
  steer(steering: Steering): void {
    const clock = this.#clock;
    if (clock === null || this.#isEnded) return;
    this.#scale(steering);
    steer(clock, steering, this.#options.clock.nowMs());
    if (this.#isStopping) return;
    this.#scheduleTimer?.cancel();
    this.#endTimer?.cancel();
    if (!clock.isPaused) this.#goOn();
    else this.#checkEnd();
  }

  #scale({ vus }: Steering): void {
    if (vus !== null) scale(this.#driver, vus);
  }

  #goOn(): void {
    if (!this.#isStarted) return this.#await();
    this.#armEnd();
    if (!this.#driver.isOpen) return this.#follow();
    for (let local = this.#freeVu(); local >= 0 && this.#queue.length > 0; local = this.#freeVu())
      this.#next(local, this.#queue.shift() ?? 0);
    this.#arrivals();
  }

  #await(): void {
    const waitMs = (this.#clock?.zeroMs ?? Infinity) - this.#options.clock.nowMs();
    this.#scheduleTimer = this.#after(waitMs, () => this.#begin());
  }

  get #isPaused(): boolean {
    return this.#clock?.isPaused === true;
  }

  stop(mode: "graceful" | "now"): void {
    if (this.#isEnded) return;
    this.#isStopping = true;
    this.#drop(this.#queue.splice(0).length);
    this.#after(mode === "now" ? 0 : this.#request.spec.gracefulStopMs, () => this.#interruptAll());
    this.#checkEnd();
  }

  /** Nothing happens in it any more. */
  die(): void {
    this.#isDead = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #after(delayMs: number, run: () => void): Timer {
    // A rest below the clock's own step would fire in the same instant, again and again.
    const timer = this.#options.clock.setTimer(delayMs > 0 ? Math.max(delayMs, STEP_MS) : 0, () => {
      this.#timers.delete(timer);
      if (!this.#isDead) run();
    });
    this.#timers.add(timer);
    return timer;
  }

  #beat(): void {
    this.#stillMs += this.#stoodStillMs();
    this.#beatDueMs = this.#options.clock.nowMs() + BEAT_MS;
    this.#board.words[HEADER.heartbeat] = this.#options.clock.epochMs();
    if (!this.#isEnded) this.#after(BEAT_MS, () => this.#beat());
  }

  /** Since it started, until now: as a late beat tells. */
  #stoodStillMs(): number {
    const lateMs = this.#isStarted ? this.#options.clock.nowMs() - this.#beatDueMs : 0;
    return lateMs > STILL_MS ? lateMs : 0;
  }

  #elapsedMs(): number {
    return this.#isStarted && this.#clock !== null ? scheduleAt(this.#clock, this.#options.clock.nowMs()) : 0;
  }

  #begin(): void {
    if (this.#isEnded || this.#isStopping) return this.#checkEnd();
    this.#isStarted = true;
    const { spec } = this.#request;
    const elapsedMs = this.#elapsedMs();
    this.#options.target.join(this.#truth, elapsedMs);
    this.#armEnd();
    if (this.#script.abortMs !== null) {
      const { token } = this;
      this.#after(this.#script.abortMs - elapsedMs, () =>
        this.#host.say({ kind: "abort", token, reason: "the script says so" }),
      );
    }
    if (this.#script.crashMs !== null && elapsedMs <= this.#script.crashMs)
      this.#after(this.#script.crashMs - elapsedMs, () => this.#host.crash());
    if (this.#script.killMs !== null && elapsedMs <= this.#script.killMs)
      this.#after(this.#script.killMs - elapsedMs, () => this.#options.kill?.());
    if (!this.#driver.isOpen) return this.#follow();
    const lost = spec.resume === null ? 0 : skipLost(this.#driver, elapsedMs);
    this.#drop(lost);
    this.#arrivals();
  }

  #armEnd(): void {
    const { executor, gracefulStopMs } = this.#request.spec;
    this.#endTimer = this.#after(scheduleMs(executor) - this.#elapsedMs() + gracefulStopMs, () => {
      // Arrivals that nothing was permitted for until now were due as well.
      const held = this.#driver.isOpen && !this.#isStopping ? skipLost(this.#driver, this.#driver.endMs) : 0;
      this.#isStopping = true;
      this.#drop(this.#queue.splice(0).length + held);
      this.#interruptAll();
    });
  }

  /** Closed executors: as many VUs run as the schedule wants now. A VU that is over ends its iteration first. */
  #follow(): void {
    if (this.#isStopping || this.#isEnded || this.#isPaused) return;
    const elapsedMs = this.#elapsedMs();
    const wanted = vusWanted(this.#driver, elapsedMs);
    this.#vusMade = Math.max(this.#vusMade, wanted);
    for (let local = 0; local < wanted; local++) if (!this.#open.has(local)) this.#next(local, -1);
    const nextMs = nextChangeMs(this.#driver, elapsedMs);
    this.#scheduleTimer?.cancel();
    if (nextMs !== Infinity) this.#scheduleTimer = this.#after(nextMs - this.#elapsedMs(), () => this.#follow());
    this.#checkEnd();
  }

  /** Open executors: begins every arrival that is due. */
  #arrivals(): void {
    if (this.#isStopping || this.#isEnded || this.#isPaused) return;
    if (!this.#isPermitted()) {
      this.#scheduleTimer = this.#after(HELD_MS, () => this.#arrivals());
      return;
    }
    for (;;) {
      const dueMs = nextArrivalMs(this.#driver);
      // After the last arrival the rest of the schedule's time still runs.
      const waitMs = Math.min(dueMs, this.#driver.endMs) - this.#elapsedMs();
      if (waitMs > 0) {
        this.#scheduleTimer = this.#after(waitMs, () => this.#arrivals());
        return;
      }
      if (dueMs === Infinity) return this.#checkEnd();
      takeArrival(this.#driver);
      const local = this.#freeVu();
      if (local >= 0) this.#next(local, dueMs);
      else if (this.#isQueueing()) this.#queue.push(dueMs);
      else this.#drop(1);
    }
  }

  #freeVu(): number {
    for (let local = 0; local < this.#driver.vus; local++) if (!this.#open.has(local)) return local;
    return -1;
  }

  #isQueueing(): boolean {
    const { executor } = this.#request.spec;
    return "onLate" in executor && executor.onLate === "queue";
  }

  #drop(count: number): void {
    if (count === 0) return;
    this.#count(HEADER.scheduled, count);
    this.#count(HEADER.dropped, count);
    this.#measure.add(this.#measure.base, "dropped_iterations", "counter", "default", count, 0);
  }

  #count(word: number, by: number): void {
    this.#board.words[word] = (this.#board.words[word] ?? 0) + by;
  }

  /** Begins the VU's next iteration, if there is one. `intendedMs` -1: a closed executor. */
  #next(local: number, intendedMs: number): void {
    if (this.#isPaused) {
      if (this.#driver.isOpen) this.#queue.unshift(intendedMs);
      return;
    }
    // Nothing is sent without a permit (EnginePermit): the VU waits for a new one, or to be stopped.
    if (!this.#isPermitted()) return this.#hold(local, intendedMs);
    let unit = intendedMs;
    if (!this.#driver.isOpen) {
      if (this.#isStopping) return;
      unit = claim(this.#driver, local, this.#elapsedMs());
      if (unit < 0) return;
    }
    // An arrival that waits for a VU is not counted: where the rest begins leaves it to the next attempt.
    this.#count(HEADER.scheduled, 1);
    this.#count(HEADER.started, 1);
    this.#vusMade = Math.max(this.#vusMade, local + 1);
    const { prng, target } = this.#options;
    const isSent = nextFloat(prng) >= this.#script.unsentPart;
    const elapsedMs = this.#elapsedMs();
    if (isSent) target.receive(this.#truth, intendedMs < 0 ? null : intendedMs, elapsedMs);
    const latencyMs = this.#script.latencyMs * (0.5 + nextFloat(prng)) * this.#host.slowness();
    this.#provide(local);
    if (this.#script.doesHang && this.#isOneShot()) {
      // It awaits what never comes; only an interrupt ends it.
      this.#open.set(local, { local, unit, isSent, timer: { cancel: () => undefined } });
      return;
    }
    const timer = this.#after(latencyMs, () => this.#done(local, latencyMs));
    this.#open.set(local, { local, unit, isSent, timer });
  }

  #isPermitted(): boolean {
    return this.#options.clock.epochMs() < this.#permit[0]!;
  }

  /** An arrival waits with the others, so that where the rest begins leaves it to the next attempt. */
  #hold(local: number, intendedMs: number): void {
    if (intendedMs >= 0) this.#queue.unshift(intendedMs);
    this.#after(HELD_MS, () => {
      if (this.#open.has(local)) return;
      const queued = intendedMs < 0 ? intendedMs : this.#queue.shift();
      if (queued !== undefined) this.#next(local, queued);
    });
  }

  #isOneShot(): boolean {
    const { workflow } = this.#request.spec;
    return workflow === SETUP || workflow === TEARDOWN;
  }

  #provide(local: number): void {
    if (this.#hasProvided || this.#script.provide === null) return;
    this.#hasProvided = true;
    const { key } = this.#script.provide;
    const vu = vuNumber(this.#driver, local);
    this.#host.say({
      kind: "provide",
      token: this.token,
      key,
      json: JSON.stringify(`${this.#request.spec.workflow} ${vu}`),
      vu,
      iteration: 0,
    });
  }

  #done(local: number, latencyMs: number): void {
    const open = this.#open.get(local);
    if (open === undefined) return;
    this.#open.delete(local);
    this.#countRequest(open.isSent, latencyMs);
    this.#count(HEADER.completed, 1);
    if (!this.#isOneShot()) this.#measure.iteration(this.#measure.base, latencyMs);
    this.#measure.check(this.#measure.base, "status is 200", true, undefined);
    if (!this.#driver.isOpen) finish(this.#driver, local, open.unit);
    const queued = this.#isPaused ? undefined : this.#queue.shift();
    if (queued !== undefined) this.#next(local, queued);
    else if (!this.#driver.isOpen) this.#next(local, -1);
    this.#checkEnd();
  }

  #countRequest(isSent: boolean, durationMs: number): void {
    this.#measure.add(this.#measure.base, "http_reqs", "counter", "default", 1, 0);
    this.#measure.add(this.#measure.base, "http_req_duration", "trend", "time", durationMs, 0);
    this.#truth.requests++;
    if (isSent) return;
    this.#truth.unsent++;
    this.#count(HEADER.unsent, 1);
  }

  /** Open requests are closed and counted. */
  #interruptAll(): void {
    for (const { timer, isSent } of this.#open.values()) {
      timer.cancel();
      this.#countRequest(isSent, 0);
      this.#count(HEADER.interrupted, 1);
    }
    this.#open.clear();
    this.#checkEnd();
  }

  #checkEnd(): void {
    if (this.#isEnded || this.#open.size > 0) return;
    if (!this.#isStopping && (!this.#isStarted || this.#queue.length > 0 || !hasEnded(this.#driver, this.#elapsedMs())))
      return;
    this.#isEnded = true;
    this.#report(true);
    const { value, thrown } = this.#outcome();
    this.#host.say({ kind: "ended", token: this.token, value, thrown });
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #outcome(): { readonly value: unknown; readonly thrown: string | null } {
    if (!this.#isOneShot()) return { value: undefined, thrown: null };
    if ((this.#board.words[HEADER.completed] ?? 0) === 0)
      return { value: undefined, thrown: "InterruptedError: stopped" };
    if (this.#script.doesThrow) return { value: undefined, thrown: "Error: thrown by the script" };
    return { value: { by: this.token }, thrown: null };
  }

  #armReport(): void {
    const everyMs = this.#request.reportMs;
    const elapsedMs = this.#options.clock.nowMs() - this.#jobStartMs;
    const nextMs = (Math.floor(elapsedMs / everyMs) + 1) * everyMs;
    this.#after(nextMs - elapsedMs, () => {
      if (this.#isEnded) return;
      this.#report(false);
      this.#armReport();
    });
  }

  #report(isFinal: boolean): void {
    this.#driver.waiting = this.#queue.length;
    const { clock } = this.#options;
    const seq = ++this.#seq;
    const from = resume(this.#driver, Math.max(this.#elapsedMs(), 0), {});
    this.#truth.cuts.push({ seq, requests: this.#truth.requests, unsent: this.#truth.unsent, resume: from });
    const elapsedMs = this.#startMs === Infinity ? 0 : clock.nowMs() - this.#startMs + this.#request.spec.startTimeMs;
    this.#host.say({
      kind: "snapshot",
      snapshot: {
        attempt: this.#request.attempt,
        seq,
        elapsedMs,
        content: isFinal ? "all" : "changed",
        isFinal,
        resume: from,
        accounting: this.#board.accounting(),
        generator: {
          ...{ seconds: 0, saturatedSeconds: 0, cpuSeconds: 0, loopLagMsMax: 0, loopLagMsP99: 0 },
          stillMs: this.#stillMs + this.#stoodStillMs(),
        },
        vus: this.#open.size,
        vusMax: this.#vusMade,
        series: this.#measure.cut(isFinal ? "all" : "changed"),
      },
    });
  }
}
