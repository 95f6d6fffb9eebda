// The main-thread part of a worker: owns its cores, runs each attempt on an engine thread of its own and speaks for it
// to the manager. Ends threads that hang, die, eat the memory or do not stop, and keeps their numbers. Decides nothing
// about order, retries or the end of a job.

import { assert, never } from "../../base/assert.ts";
import { formatBytes } from "../../base/units.ts";
import { Board } from "../../engine/board.ts";
import { createFeedCursors } from "../../engine/feed-cursors.ts";
import type { EngineReply, EngineRequest } from "../../engine/messages.ts";
import type { Timer, World } from "../../io/world.ts";
import { UNSTEERED } from "../../load/share.ts";
import { createSlot, type EngineThread, keepCut, listen, salvaged, type Slot, tornOf } from "./engine-slot.ts";
import { workflowPlanOf } from "../job-spec.ts";
import type { CoreRequest, WorkerReport } from "../messages.ts";
import type { Stream } from "../stream.ts";

/** What a worker needs of the world: time, memory, and threads that run the engine. */
export type EngineWorld = Pick<World<EngineRequest, EngineReply>, "clock" | "threads" | "memory">;

/** A running attempt without a heartbeat for so long is stalled; one that does not become ready, after so long. */
export const STALL_MS = 5_000;
export const PREPARE_MS_MAX = 10_000;
/**
 * How often the main thread collects its garbage while shares run. It makes little, so left alone it would let a
 * minute's worth of reports pile up.
 */
const COLLECT_MS = 5_000;
/** Jobs whose row cursors are kept: far more than can run on a worker's cores at a time. */
const CURSORS_MAX = 1_024;
/** On top of gracefulStop, before a thread that was told to stop is ended. */
export const STOP_GRACE_MS = 2_000;
/** How often heartbeats and memory are looked at. */
const WATCH_MS = 250;
/** Between the order to end a thread and reading what it left: it may still count until then. */
const LAST_WORDS_MS = 50;
/** Memory comes back slowly after a thread has ended: not judged again before this. */
const MEMORY_REST_MS = 3_000;
/** Part of the memory limit of the machine or cgroup that is used by default. */
const MEMORY_PART = 0.8;
/** A thread waits this long for the next share of its job. */
const IDLE_MS = 10_000;

export type WorkerOptions = {
  readonly world: EngineWorld;
  readonly manager: Stream<WorkerReport, CoreRequest>;
  readonly cores: number;
  /** Bytes this process may hold; null: 80 % of the machine's or cgroup's memory. */
  readonly memoryMaxBytes: number | null;
};

type Dispatch = Extract<CoreRequest, { kind: "dispatch" }>;
/** A thread that has loaded a job's code and has nothing to do. */
type Idle = { readonly thread: EngineThread; readonly job: string; readonly core: number; readonly timer: Timer };
type FailureCause = "load" | "stalled" | "crashed" | "memory";

/** Serves its manager until closed. */
export function createWorker(options: WorkerOptions): { close(): void } {
  const worker = new Cores(options);
  options.manager.onMessage((request) => worker.receive(request));
  return { close: () => worker.close() };
}

class Cores {
  readonly #world: EngineWorld;
  readonly #manager: Stream<WorkerReport, CoreRequest>;
  readonly #cores: number;
  readonly #memoryMaxBytes: number;
  /** Cursors over the data rows, by job, oldest first. A job's workflows draw on from one another. */
  readonly #cursors = new Map<string, SharedArrayBuffer>();
  /** By attempt token. */
  readonly #slots = new Map<number, Slot>();
  #idle: Idle[] = [];
  #watch: Timer | null = null;
  #watchedAtMs = 0;
  #memoryRestsUntilMs = 0;
  #collectsAtMs = 0;
  #isClosed = false;

  constructor(options: WorkerOptions) {
    assert(Number.isInteger(options.cores) && options.cores >= 1, "a worker has at least one core");
    this.#world = options.world;
    this.#manager = options.manager;
    this.#cores = options.cores;
    this.#memoryMaxBytes = options.memoryMaxBytes ?? options.world.memory.limitBytes() * MEMORY_PART;
  }

  receive(request: CoreRequest): void {
    if (this.#isClosed) return;
    switch (request.kind) {
      case "dispatch":
        return this.#dispatch(request);
      case "lease":
        return this.#lease(request.attempt.token, request.forMs);
      case "start":
        return this.#start(request);
      case "steer":
        return this.#steer(request);
      case "stop":
        return this.#stop(request.attempt.token, request.mode);
      case "sealed":
        return this.#release(request.attempt.token);
      default:
        never(request);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.cancel();
    for (const slot of this.#slots.values()) {
      slot.stopTimer?.cancel();
      slot.thread.terminate();
    }
    for (const { thread, timer } of this.#idle) {
      timer.cancel();
      thread.terminate();
    }
    this.#slots.clear();
    this.#idle = [];
  }

  #cursorsOf(job: string, feeds: number): SharedArrayBuffer {
    const known = this.#cursors.get(job);
    if (known !== undefined) return known;
    const [oldest] = this.#cursors.keys();
    if (oldest !== undefined && this.#cursors.size >= CURSORS_MAX) this.#cursors.delete(oldest);
    const made = createFeedCursors(feeds);
    this.#cursors.set(job, made);
    return made;
  }

  #dispatch(request: Dispatch): void {
    const { attempt, core, spec, plan } = request;
    const workflow = workflowPlanOf(plan, spec.workflow);
    assert(
      workflow !== null && core < this.#cores && !this.#slots.has(attempt.token),
      "a dispatch names a workflow, a core and a new attempt",
    );
    const slot = createSlot(attempt, core, spec, this.#takeThread(attempt.job, core));
    this.#slots.set(attempt.token, slot);
    slot.thread.onReply((reply) => this.#hear(slot, reply));
    slot.thread.onCrash((message) => this.#fail(slot, "crashed", message));
    slot.thread.post({
      kind: "prepare",
      board: slot.board.shared,
      permit: slot.permit.buffer,
      feedCursors: this.#cursorsOf(attempt.job, plan.feeds.length),
      attempt,
      spec,
      run: workflow.run,
      plan,
      http: plan.http,
      bundle: request.bundle,
      tags: { ...plan.tags, ...workflow.tags, workflow: workflow.name },
      env: { ...plan.env, ...workflow.env },
      context: Object.fromEntries(Object.entries(request.context).map(([key, json]) => [key, parsed(json)])),
      setupData: request.setupJson === null ? undefined : parsed(request.setupJson),
      reportMs: request.reportMs,
    });
    this.#armWatch();
  }

  /** A thread that has run another job's code is never used: one job must not see what another left behind. */
  #takeThread(job: string, core: number): EngineThread {
    const fit = this.#idle.find((idle) => idle.job === job && idle.core === core);
    if (fit === undefined) return this.#world.threads.spawn();
    fit.timer.cancel();
    this.#idle = this.#idle.filter((idle) => idle !== fit);
    return fit.thread;
  }

  #lease(token: number, forMs: number): void {
    const slot = this.#slots.get(token);
    // Who was stopped at once never sends again, whatever is granted later.
    if (slot !== undefined && slot.permit[0] !== 0) slot.permit[0] = this.#world.clock.epochMs() + forMs;
  }

  #start({ attempt, inMs, jobElapsedMs, steering = UNSTEERED }: Extract<CoreRequest, { kind: "start" }>): void {
    const slot = this.#slots.get(attempt.token);
    if (slot?.state !== "ready") return;
    slot.state = "running";
    slot.silentMs = 0;
    slot.startedAtMs = this.#world.clock.nowMs() + inMs;
    const atEpochMs = this.#world.clock.epochMs() + inMs;
    const jobStartEpochMs = atEpochMs - jobElapsedMs;
    slot.thread.post({ kind: "start", token: attempt.token, atEpochMs, jobStartEpochMs, steering });
  }

  /** Who is being stopped begins nothing any more; who has not started is told with the start. */
  #steer({ attempt: { token }, steering }: Extract<CoreRequest, { kind: "steer" }>): void {
    const slot = this.#slots.get(token);
    if (slot?.state === "running" && !slot.isThreadEnded) slot.thread.post({ kind: "steer", token, steering });
  }

  #stop(token: number, mode: "graceful" | "now"): void {
    const slot = this.#slots.get(token);
    if (slot === undefined || slot.state === "reported" || slot.isThreadEnded) return;
    if (slot.state === "preparing" || slot.state === "ready")
      return this.#end(slot, () => this.#reportEnded(slot, null, null));
    slot.state = "stopping";
    if (mode === "now") slot.permit[0] = 0;
    slot.thread.post({ kind: "stop", token, mode });
    slot.stopTimer?.cancel();
    const waitMs = (mode === "graceful" ? slot.spec.gracefulStopMs : 0) + STOP_GRACE_MS;
    slot.stopTimer = this.#world.clock.setTimer(waitMs, () =>
      this.#fail(slot, "stalled", `it did not stop within ${waitMs} ms and was ended`),
    );
  }

  /** The end is committed: the thread is free for the next share of its job if it is still well. */
  #release(token: number): void {
    const slot = this.#slots.get(token);
    if (slot === undefined) return;
    this.#slots.delete(token);
    slot.stopTimer?.cancel();
    if (this.#slots.size === 0) this.#disarmWatch();
    const {
      thread,
      core,
      attempt: { job },
    } = slot;
    const discard = (): void => {
      thread.terminate();
      this.#idle = this.#idle.filter((idle) => idle.thread !== thread);
    };
    if (slot.state !== "reported" || slot.isThreadEnded) return discard();
    thread.onReply(() => {});
    thread.onCrash(discard);
    this.#idle.push({ thread, job, core, timer: this.#world.clock.setTimer(IDLE_MS, discard) });
  }

  #hear(slot: Slot, reply: EngineReply): void {
    if (slot.state === "reported" || ("token" in reply && reply.kind !== "log" && reply.token !== slot.attempt.token))
      return;
    const { attempt } = slot;
    switch (reply.kind) {
      case "shape":
        return;
      case "broken":
        return this.#fail(slot, "load", reply.stack === "" ? reply.message : `${reply.message}\n${reply.stack}`);
      case "ready":
        if (slot.state !== "preparing") return;
        slot.state = "ready";
        return this.#manager.send({ kind: "ready", attempt });
      case "board":
        slot.board = new Board(reply.board);
        return;
      case "series":
        slot.series.set(reply.slot, reply.id);
        return;
      case "snapshot":
        if (reply.snapshot.attempt.token !== attempt.token) return;
        keepCut(slot, reply.snapshot);
        return this.#manager.send({ kind: "snapshot", snapshot: reply.snapshot });
      case "ended":
        slot.stopTimer?.cancel();
        return this.#reportEnded(slot, reply.value === undefined ? null : JSON.stringify(reply.value), reply.thrown);
      case "provide":
        return this.#manager.send({
          kind: "provide",
          attempt,
          key: reply.key,
          json: reply.json,
          vu: reply.vu,
          iteration: reply.iteration,
        });
      case "abort":
        return this.#manager.send({ kind: "abort", attempt, reason: reply.reason });
      case "log":
        return this.#manager.send({ kind: "log", attempt, level: reply.level, text: reply.text });
      case "warning":
        return this.#manager.send({ kind: "warning", attempt, text: reply.text });
      case "errors":
        return this.#manager.send({ kind: "errors", attempt, errors: reply.errors });
      default:
        never(reply);
    }
  }

  #reportEnded(slot: Slot, valueJson: string | null, thrown: string | null): void {
    slot.state = "reported";
    this.#manager.send({ kind: "ended", attempt: slot.attempt, valueJson, thrown });
  }

  /** The attempt cannot go on: its thread is ended and its numbers are kept. */
  #fail(slot: Slot, cause: FailureCause, message: string): void {
    this.#end(slot, () => {
      slot.state = "reported";
      const left = cause === "load" ? {} : { torn: tornOf(slot), salvage: salvaged(slot, this.#world.clock.nowMs()) };
      this.#manager.send({ kind: "failed", attempt: slot.attempt, cause, message, ...left });
    });
  }

  /** Ends the attempt's thread, then says so. Once for each attempt. */
  #end(slot: Slot, report: () => void): void {
    if (slot.state === "reported" || slot.isThreadEnded) return;
    slot.isThreadEnded = true;
    slot.stopTimer?.cancel();
    slot.thread.terminate();
    slot.stopTimer = this.#world.clock.setTimer(LAST_WORDS_MS, report);
  }

  #armWatch(): void {
    if (this.#watch !== null) return;
    this.#watchedAtMs = this.#world.clock.nowMs();
    this.#collectsAtMs = this.#watchedAtMs + COLLECT_MS;
    const arm = (): Timer =>
      this.#world.clock.setTimer(WATCH_MS, () => {
        this.#watch = arm();
        this.#look();
      });
    this.#watch = arm();
  }

  #disarmWatch(): void {
    this.#watch?.cancel();
    this.#watch = null;
  }

  #look(): void {
    const nowMs = this.#world.clock.nowMs();
    const elapsedMs = Math.min(nowMs - this.#watchedAtMs, 2 * WATCH_MS);
    this.#watchedAtMs = nowMs;
    for (const slot of this.#slots.values()) {
      if (slot.state === "reported" || slot.isThreadEnded) continue;
      const silentMs = listen(slot, elapsedMs);
      if (slot.state === "preparing" && silentMs >= PREPARE_MS_MAX) {
        this.#fail(
          slot,
          "stalled",
          `it was not ready ${PREPARE_MS_MAX / 1_000} s after it got the test: ` +
            "something at the top of the file takes too long",
        );
      } else if (slot.state !== "preparing" && silentMs >= STALL_MS) {
        this.#fail(
          slot,
          "stalled",
          `its event loop did not turn for ${STALL_MS / 1_000} s: a loop that awaits nothing holds it up. ` +
            "Put an await (a request, a sleep) into the loop, or make it shorter",
        );
      }
    }
    this.#checkMemory(nowMs);
    if (nowMs < this.#collectsAtMs) return;
    this.#collectsAtMs = nowMs + COLLECT_MS;
    this.#world.memory.collect();
  }

  #checkMemory(nowMs: number): void {
    if (nowMs < this.#memoryRestsUntilMs) return;
    const bytes = this.#world.memory.residentBytes();
    if (bytes <= this.#memoryMaxBytes) return;
    this.#memoryRestsUntilMs = nowMs + MEMORY_REST_MS;
    const message =
      `the process holds ${formatBytes(bytes)}, over its limit of ${formatBytes(this.#memoryMaxBytes)}. ` +
      "Keep less in the test (responses, rows, VU state), use discardResponseBodies, fewer VUs, or raise --memory-max";
    for (const slot of [...this.#slots.values()]) this.#fail(slot, "memory", message);
  }
}

/** JSON that an engine wrote; a value that is none is handed on as its text. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
