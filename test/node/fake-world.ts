// A world in virtual time with engines that only pretend: they count requests at a given rate on a real board and
// answer the messages of engine/messages.ts, or misbehave on purpose. Tests with it never wait. Not a test itself.

import { Board, HEADER } from "../../src/engine/board.ts";
import type { EngineReply, EngineRequest } from "../../src/engine/messages.ts";
import type { Clock, Thread, Timer } from "../../src/io/world.ts";
import { scheduleMs, vusMax } from "../../src/load/plan.ts";
import type { EngineWorld } from "../../src/node/worker/worker.ts";
import type { SeriesId } from "../../src/load/series.ts";
import { dealt } from "../../src/load/dealing.ts";

/** How the engine of a workflow behaves. Times in ms from the workflow's start; Infinity: never. */
export type Behaviour = {
  readonly perSecond: number;
  readonly latencyMs: number;
  readonly failedPerSecond: number;
  readonly readyAfterMs: number;
  readonly brokenBy: string | null;
  /** Length of setup and teardown. */
  readonly oneShotMs: number;
  readonly value: unknown;
  readonly thrown: string | null;
  readonly stallAtMs: number;
  readonly crashAtMs: number;
  readonly abortAtMs: number;
  readonly stopTakesMs: number;
  readonly provides: readonly { readonly key: string; readonly json: string; readonly vu: number }[];
  readonly droppedPerSecond: number;
  readonly saturatedPart: number;
};

const GOOD: Behaviour = {
  perSecond: 100,
  latencyMs: 5,
  failedPerSecond: 0,
  readyAfterMs: 20,
  brokenBy: null,
  oneShotMs: 10,
  value: null,
  thrown: null,
  stallAtMs: Infinity,
  crashAtMs: Infinity,
  abortAtMs: Infinity,
  stopTakesMs: 30,
  provides: [],
  droppedPerSecond: 0,
  saturatedPart: 0,
};

export class VirtualClock implements Clock {
  #nowMs = 5_000;
  #order = 0;
  #timers: { readonly atMs: number; readonly order: number; readonly run: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return 1_800_000_000_000 + this.#nowMs;
  }

  get pending(): number {
    return this.#timers.length;
  }

  setTimer(delayMs: number, run: () => void): Timer {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** Time passes and nobody gets a turn. */
  leap(ms: number): void {
    this.#nowMs += ms;
  }

  /** Runs everything that is due until `ms` from now, each with all that follows from it at once. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    for (let next = this.#due(untilMs); next !== null; next = this.#due(untilMs)) {
      const due = next;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.run();
      await settled();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Advances until the condition holds. Throws when it does not within `ms`. */
  async until(condition: () => boolean, ms = 600_000): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    while (!condition()) {
      const next = this.#due(untilMs);
      if (next === null) throw new Error(`the condition did not hold within ${ms} ms of virtual time`);
      await this.advance(Math.max(0, next.atMs - this.#nowMs));
    }
  }

  #due(untilMs: number) {
    let first: { readonly atMs: number; readonly order: number; readonly run: () => void } | null = null;
    for (const timer of this.#timers) {
      if (
        timer.atMs <= untilMs &&
        (first === null || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order))
      )
        first = timer;
    }
    return first;
  }
}

/** All microtasks have run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class FakeWorld implements EngineWorld {
  readonly clock = new VirtualClock();
  readonly engines: FakeEngine[] = [];
  readonly behaviours = new Map<string, Partial<Behaviour>>();
  residentBytes = 100e6;
  collections = 0;
  readonly memory = {
    residentBytes: () => this.residentBytes,
    collect: () => void this.collections++,
    limitBytes: () => 1_000e6,
  };
  readonly threads = {
    spawn: (): Thread<EngineRequest, EngineReply> => {
      const engine = new FakeEngine(this);
      this.engines.push(engine);
      return engine;
    },
  };

  get alive(): FakeEngine[] {
    return this.engines.filter(({ isTerminated }) => !isTerminated);
  }

  /** Requests all engines have counted, whoever heard of them. */
  get sent(): number {
    return this.engines.reduce((sum, { sent }) => sum + sent, 0);
  }
}

type Prepare = Extract<EngineRequest, { kind: "prepare" }>;

export class FakeEngine implements Thread<EngineRequest, EngineReply> {
  readonly #world: FakeWorld;
  readonly prepared: Prepare[] = [];
  isTerminated = false;
  sent = 0;
  #reply: ((reply: EngineReply) => void) | null = null;
  #crash: ((message: string) => void) | null = null;
  #share: FakeShare | null = null;

  constructor(world: FakeWorld) {
    this.#world = world;
  }

  post(request: EngineRequest): void {
    if (this.isTerminated) return;
    if (request.kind === "prepare") {
      this.prepared.push(request);
      this.#share = new FakeShare(this.#world, this, request, (reply) => this.#say(reply));
      return;
    }
    if (request.kind === "evaluate" || request.kind === "throttle") return;
    if (this.#share === null || this.#share.token !== request.token) return;
    if (request.kind === "start") this.#share.start(request);
    else this.#share.stop();
  }

  onReply(handle: (reply: EngineReply) => void): void {
    this.#reply = handle;
  }

  onCrash(handle: (message: string) => void): void {
    this.#crash = handle;
  }

  terminate(): void {
    this.isTerminated = true;
    this.#share?.die();
  }

  crash(message: string): void {
    this.#share?.die();
    queueMicrotask(() => {
      if (!this.isTerminated) this.#crash?.(message);
    });
  }

  /** Messages between threads are copies. */
  #say(reply: EngineReply): void {
    const copy = structuredClone(reply);
    queueMicrotask(() => {
      if (!this.isTerminated) this.#reply?.(copy);
    });
  }
}

const REQUESTS: SeriesId = { key: "http_reqs", metric: "http_reqs", type: "counter", contains: "default", tags: {} };
const FAILED: SeriesId = {
  key: "http_req_failed",
  metric: "http_req_failed",
  type: "rate",
  contains: "default",
  tags: {},
};
const DURATION: SeriesId = {
  key: "http_req_duration",
  metric: "http_req_duration",
  type: "trend",
  contains: "time",
  tags: {},
};

class FakeShare {
  readonly #world: FakeWorld;
  readonly #engine: FakeEngine;
  readonly #request: Prepare;
  readonly #say: (reply: EngineReply) => void;
  readonly #board: Board;
  readonly #places: { readonly requests: number; readonly failed: number; readonly duration: number };
  readonly #behaviour: Behaviour;
  readonly #timers = new Set<Timer>();
  #startMs = 0;
  #jobStartMs = 0;
  #seq = 0;
  #isOver = false;
  #isStalled = false;
  #failures = 0;

  constructor(world: FakeWorld, engine: FakeEngine, request: Prepare, say: (reply: EngineReply) => void) {
    this.#world = world;
    this.#engine = engine;
    this.#request = request;
    this.#say = say;
    this.#board = new Board(request.board);
    this.#behaviour = { ...GOOD, ...world.behaviours.get(request.spec.workflow) };
    this.#places = {
      requests: this.#board.allocate("counter"),
      failed: this.#board.allocate("rate"),
      duration: this.#board.allocate("trend"),
    };
    const { token } = this;
    for (const [slot, id] of [
      [this.#places.requests, REQUESTS],
      [this.#places.failed, FAILED],
      [this.#places.duration, DURATION],
    ] as const) {
      say({ kind: "series", token, slot, id });
    }
    this.#beat();
    const { brokenBy } = this.#behaviour;
    if (brokenBy !== null) say({ kind: "broken", message: brokenBy, stack: "" });
    else if (this.#behaviour.readyAfterMs !== Infinity)
      this.#after(this.#behaviour.readyAfterMs, () => say({ kind: "ready", token }));
    else this.#isStalled = true;
  }

  get token(): number {
    return this.#request.attempt.token;
  }

  start({ atEpochMs, jobStartEpochMs }: Extract<EngineRequest, { kind: "start" }>): void {
    const { clock } = this.#world;
    this.#startMs = clock.nowMs() + atEpochMs - clock.epochMs();
    this.#jobStartMs = clock.nowMs() + jobStartEpochMs - clock.epochMs();
    const { spec } = this.#request;
    const behaviour = this.#behaviour;
    const lengthMs = this.#isOneShot() ? behaviour.oneShotMs : scheduleMs(spec.executor);
    const at = (ms: number, run: () => void): void => {
      if (ms !== Infinity) this.#after(this.#startMs + spec.startTimeMs + ms - clock.nowMs(), run);
    };
    for (const { key, json, vu } of behaviour.provides)
      at(0, () => this.#say({ kind: "provide", token: this.token, key, json, vu, iteration: 0 }));
    at(behaviour.stallAtMs, () => {
      this.#count();
      this.#isStalled = true;
    });
    at(behaviour.crashAtMs, () => {
      this.#count();
      this.#engine.crash("the thread ended with code 1");
    });
    at(behaviour.abortAtMs, () => this.#say({ kind: "abort", token: this.token, reason: "enough" }));
    at(lengthMs, () => this.#end(false));
    this.#armReport();
  }

  stop(): void {
    if (this.#behaviour.stopTakesMs !== Infinity) this.#after(this.#behaviour.stopTakesMs, () => this.#end(true));
  }

  die(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#isOver = true;
  }

  #isOneShot(): boolean {
    return this.#request.spec.workflow.startsWith("::");
  }

  #after(ms: number, run: () => void): void {
    const timer = this.#world.clock.setTimer(ms, () => {
      this.#timers.delete(timer);
      if (!this.#isOver && !this.#isStalled) run();
    });
    this.#timers.add(timer);
  }

  #beat(): void {
    this.#board.words[HEADER.heartbeat] = this.#world.clock.epochMs();
    this.#after(100, () => this.#beat());
  }

  #armReport(): void {
    const elapsedMs = this.#world.clock.nowMs() - this.#jobStartMs;
    const nextMs = (Math.floor(elapsedMs / this.#request.reportMs) + 1) * this.#request.reportMs;
    this.#after(nextMs - elapsedMs, () => {
      this.#report(false);
      this.#armReport();
    });
  }

  /** Writes what was done until now on the board. */
  #count(): void {
    const { perSecond, failedPerSecond, latencyMs, droppedPerSecond, saturatedPart } = this.#behaviour;
    const seconds = Math.max(0, this.#world.clock.nowMs() - this.#startMs - this.#request.spec.startTimeMs) / 1_000;
    const words = this.#board.words;
    const done = (this.#isOneShot() ? 0 : Math.floor(seconds * perSecond)) - (words[HEADER.completed] ?? 0);
    for (let at = 0; at < done; at++) {
      this.#board.count(this.#places.requests, 1);
      const isFailed = this.#failures < Math.floor(seconds * failedPerSecond);
      if (isFailed) this.#failures++;
      this.#board.rate(this.#places.failed, isFailed);
      this.#board.trend(this.#places.duration, latencyMs);
      this.#engine.sent++;
    }
    const total = (words[HEADER.completed] ?? 0) + Math.max(0, done);
    const dropped = Math.floor(seconds * droppedPerSecond);
    words[HEADER.completed] = total;
    words[HEADER.started] = total;
    words[HEADER.dropped] = dropped;
    words[HEADER.scheduled] = total + dropped;
    words[HEADER.seconds] = Math.floor(seconds);
    words[HEADER.saturatedSeconds] = Math.floor(seconds) * saturatedPart;
    words[HEADER.cpuSeconds] = Math.floor(seconds) / 2;
    words[HEADER.loopLagMsMax] = 3;
  }

  #report(isFinal: boolean): void {
    this.#count();
    const { board, token } = { board: this.#board, token: this.token };
    const { share, shares, executor } = this.#request.spec;
    const vus = dealt(vusMax(executor), share, shares);
    const words = board.words;
    const series = [
      [this.#places.requests, REQUESTS],
      [this.#places.failed, FAILED],
      [this.#places.duration, DURATION],
    ] as const;
    this.#say({
      kind: "snapshot",
      snapshot: {
        attempt: { ...this.#request.attempt, token },
        seq: ++this.#seq,
        elapsedMs: this.#world.clock.nowMs() - this.#startMs,
        content: isFinal ? "all" : "changed",
        isFinal,
        resume: { kind: "elapsed", elapsedMs: 0, feeds: {} },
        accounting: board.accounting(),
        vus: isFinal ? 0 : vus,
        vusMax: vus,
        generator: {
          seconds: words[HEADER.seconds] ?? 0,
          saturatedSeconds: words[HEADER.saturatedSeconds] ?? 0,
          cpuSeconds: words[HEADER.cpuSeconds] ?? 0,
          loopLagMsMax: words[HEADER.loopLagMsMax] ?? 0,
          loopLagMsP99: 2,
          stillMs: 0,
        },
        series: series
          .map(([at, id]) => ({ id, cells: board.read(at, id.type) }))
          .filter(({ cells }) => !("count" in cells) || cells.count > 0),
      },
    });
  }

  #end(isStopped: boolean): void {
    const { token } = this;
    this.#report(true);
    if (this.#isOneShot() && !isStopped) this.#board.words[HEADER.completed] = 1;
    if (this.#isOneShot()) this.#report(true);
    const { value, thrown } = this.#behaviour;
    this.#say({ kind: "errors", token, errors: [{ message: "Error: boom", count: 2 }] });
    this.#say({ kind: "ended", token, value, thrown: isStopped && this.#isOneShot() ? "interrupted" : thrown });
    this.#isOver = true;
  }
}
