// One engine thread of a worker and the attempt on it: what is on its board, how long it has been silent, and what can
// be said of the attempt once the thread can no longer speak for itself.

import { Board, HEADER, salvage } from "../../engine/board.ts";
import type { EngineReply, EngineRequest } from "../../engine/messages.ts";
import type { Thread, Timer } from "../../io/world.ts";
import { select } from "../../load/merge.ts";
import type { Torn } from "../messages.ts";
import { createDriver, resume } from "../../load/driver.ts";
import type { Series, SeriesId } from "../../load/series.ts";
import type { AttemptId, ShareSpec, Snapshot } from "../../load/share.ts";

export type EngineThread = Thread<EngineRequest, EngineReply>;

/** preparing > ready > running > stopping > reported (its end is on the way to the manager; only `sealed` frees it). */
export type SlotState = "preparing" | "ready" | "running" | "stopping" | "reported";

export type Slot = {
  readonly attempt: AttemptId;
  readonly core: number;
  readonly spec: ShareSpec;
  readonly thread: EngineThread;
  board: Board;
  /** Epoch ms until which its requests may start (EnginePermit). */
  readonly permit: Float64Array<SharedArrayBuffer>;
  /** Series by their place on the board. */
  readonly series: Map<number, SeriesId>;
  state: SlotState;
  /** Clock ms of the workflow's start; null before. */
  startedAtMs: number | null;
  last: Snapshot | null;
  /** Requests that its cuts have told of, by series. */
  readonly requests: Map<string, number>;
  /** The last heartbeat seen on the board, and how long it has been the same. */
  heartbeat: number;
  silentMs: number;
  /** The thread was ended and can take no other share. */
  isThreadEnded: boolean;
  /** Ends the thread when it does not stop in time; then waits for its last words. */
  stopTimer: Timer | null;
};

/** A slot for an attempt whose thread is about to prepare it. */
export function createSlot(attempt: AttemptId, core: number, spec: ShareSpec, thread: EngineThread): Slot {
  return {
    attempt,
    core,
    spec,
    thread,
    board: new Board(),
    permit: createPermit(),
    series: new Map(),
    state: "preparing",
    startedAtMs: null,
    last: null,
    requests: new Map(),
    heartbeat: 0,
    silentMs: 0,
    isThreadEnded: false,
    stopTimer: null,
  };
}

function createPermit(): Float64Array<SharedArrayBuffer> {
  const permit = new Float64Array(new SharedArrayBuffer(8));
  permit[0] = Infinity;
  return permit;
}

/**
 * Looks at the heartbeat once more, `elapsedMs` after the last look. Out: ms of silence by the looks taken, so that a
 * main thread that was itself held up accuses nobody.
 */
export function listen(slot: Slot, elapsedMs: number): number {
  const heartbeat = slot.board.words[HEADER.heartbeat] ?? 0;
  slot.silentMs = heartbeat === slot.heartbeat ? slot.silentMs + elapsedMs : 0;
  slot.heartbeat = heartbeat;
  return slot.silentMs;
}

/** Takes note of a cut that the thread made itself. */
export function keepCut(slot: Slot, snapshot: Snapshot): void {
  slot.last = snapshot;
  for (const { id, cells } of snapshot.series)
    if (id.metric === "http_reqs" && cells.type === "counter") slot.requests.set(id.key, cells.count);
}

/** What the ended thread of an attempt had done that none of its cuts tells of. */
export function tornOf(slot: Slot): Torn {
  const { started, completed, interrupted } = slot.board.accounting();
  const told = [...slot.requests.values()].reduce((sum, count) => sum + count, 0);
  const counted = requestsOf(salvage(slot.board.shared, slot.series));
  return { requests: Math.max(0, counted - told), iterations: Math.max(0, started - completed - interrupted) };
}

/**
 * A last snapshot of an attempt whose thread has ended: everything its board holds. Iterations that were open are
 * interrupted. Where the rest begins is as the thread last said, which may be before what the numbers tell of.
 */
export function salvaged(slot: Slot, nowMs: number): Snapshot {
  const { board, last } = slot;
  const accounting = board.accounting();
  const words = board.words;
  return {
    attempt: slot.attempt,
    seq: (last?.seq ?? 0) + 1,
    content: "all",
    isFinal: true,
    elapsedMs: slot.startedAtMs === null ? 0 : Math.max(last?.elapsedMs ?? 0, nowMs - slot.startedAtMs),
    resume: last?.resume ?? slot.spec.resume ?? resume(createDriver(slot.spec), 0, {}),
    accounting: {
      ...accounting,
      interrupted: Math.max(accounting.interrupted, accounting.started - accounting.completed),
    },
    generator: {
      seconds: words[HEADER.seconds] ?? 0,
      saturatedSeconds: words[HEADER.saturatedSeconds] ?? 0,
      cpuSeconds: words[HEADER.cpuSeconds] ?? 0,
      loopLagMsMax: words[HEADER.loopLagMsMax] ?? 0,
      loopLagMsP99: last?.generator.loopLagMsP99 ?? 0,
      stillMs: words[HEADER.stillMs] ?? 0,
    },
    vus: 0,
    vusMax: last?.vusMax ?? 0,
    series: salvage(board.shared, slot.series),
  };
}

function requestsOf(series: readonly Series[]): number {
  const cells = select(series, "http_reqs", {});
  return cells?.type === "counter" ? cells.count : 0;
}
