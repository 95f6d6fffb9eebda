// What the node's main thread and the engine thread of one core say to each other (structured clone, in order).
// Not for the network: node/messages.ts is.

import type { FeedPlan, HttpPlan, JobPlan, FunctionRef } from "../load/plan.ts";
import type { AttemptId, ShareSpec, Snapshot, Steering } from "../load/share.ts";
import type { SeriesId } from "../load/series.ts";

/** The user's code, bundled, with the files that travel along. `baseDir` is only for messages. */
export type Bundle = {
  /** ESM text with `hyperscale` left as an import. */
  readonly code: string;
  /** Name of the entry file, for people. */
  readonly entry: string;
  /** Contents of every open()/data() file by the path the module names. */
  readonly files: Readonly<Record<string, Uint8Array>>;
};

/** What a file exports, as the client needs it for the plan. JSON-safe: functions are named only. */
export type ModuleShape = {
  /**
   * `options` of the simple form, or the default export of the job form with `workflows` (functions left out); null:
   * not exported.
   */
  readonly options: unknown;
  readonly form: "simple" | "job";
  /** Names of all that is exported. */
  readonly exports: readonly string[];
  /** Names of exported functions; "default" among them in the simple form. */
  readonly functions: readonly string[];
  readonly hasSetup: boolean;
  readonly hasTeardown: boolean;
  readonly feeds: readonly FeedPlan[];
  /** Custom metrics made at the top of the module. */
  readonly metrics: readonly {
    readonly name: string;
    readonly type: "counter" | "gauge" | "rate" | "trend";
    readonly isTime: boolean;
  }[];
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** Names that its top read of `__ENV` and that have no value. */
  readonly envMissing: readonly string[];
};

/** Shared memory of a core: the engine writes, the main thread reads (board.ts). */
export type EngineBoard = SharedArrayBuffer;

/**
 * Shared memory that says until when requests may start: one f64, ms on the clock performance.timeOrigin +
 * performance.now(). The thread itself looks at it: after the whole process stood still, no message is in time.
 */
export type EnginePermit = SharedArrayBuffer;

export type EngineRequest =
  /**
   * First message. Runs the module once for its shape, with files read from `baseDir`; answered by `shape` or
   * `broken`.
   */
  | {
      readonly kind: "evaluate";
      readonly code: string;
      readonly entry: string;
      readonly baseDir: string;
      readonly env: Readonly<Record<string, string>>;
    }
  /**
   * Loads the bundle for a job and makes the VUs of one share; answered by `ready` or `broken`. `board` is fresh for
   * each attempt, `feedCursors` (feed-cursors.ts) one for all of the job on this worker.
   */
  | {
      readonly kind: "prepare";
      readonly board: EngineBoard;
      readonly feedCursors: SharedArrayBuffer;
      readonly permit: EnginePermit;
      readonly attempt: AttemptId;
      readonly spec: ShareSpec;
      readonly run: FunctionRef;
      readonly plan: JobPlan;
      readonly http: HttpPlan;
      readonly bundle: Bundle;
      readonly tags: Readonly<Record<string, string>>;
      readonly env: Readonly<Record<string, string>>;
      readonly context: Readonly<Record<string, unknown>>;
      /** What setup returned; undefined: nothing, or there is no setup. */
      readonly setupData: unknown;
      readonly reportMs: number;
    }
  /** Starts the prepared share. `atEpochMs` on the clock performance.timeOrigin + performance.now(). */
  | {
      readonly kind: "start";
      readonly token: number;
      readonly atEpochMs: number;
      readonly jobStartEpochMs: number;
      readonly steering: Steering;
    }
  /** What is asked of its workflow from now on: to pause, to go on, to have more VUs or fewer. After `start`. */
  | { readonly kind: "steer"; readonly token: number; readonly steering: Steering }
  /**
   * No new iteration and no new request; what is open is awaited up to gracefulStop (mode "graceful") or closed at
   * once.
   */
  | { readonly kind: "stop"; readonly token: number; readonly mode: "graceful" | "now" }
  /** Makes the thread slow on purpose: it stands still for this part (0..0.99) of the time. At any time. */
  | { readonly kind: "throttle"; readonly ratio: number };

export type EngineReply =
  | { readonly kind: "shape"; readonly shape: ModuleShape }
  /** The code could not be loaded, or a function it needs is missing. */
  | { readonly kind: "broken"; readonly message: string; readonly stack: string }
  | { readonly kind: "ready"; readonly token: number }
  /** The board moved to larger memory: from now on this is where the thread counts. */
  | { readonly kind: "board"; readonly token: number; readonly board: EngineBoard }
  /** A series got its place on the board; sent before anything is counted in it. */
  | { readonly kind: "series"; readonly token: number; readonly slot: number; readonly id: SeriesId }
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot }
  /**
   * The share is over; its last snapshot (isFinal) went before. `value`: what setup returned, `thrown`: what the
   * one-shot function threw.
   */
  | { readonly kind: "ended"; readonly token: number; readonly value: unknown; readonly thrown: string | null }
  | {
      readonly kind: "provide";
      readonly token: number;
      readonly key: string;
      readonly json: string;
      readonly vu: number;
      readonly iteration: number;
    }
  /** vu.abort(): the test stops everywhere. */
  | { readonly kind: "abort"; readonly token: number; readonly reason: string }
  /** console.* of the user's code, and the engine's own warnings (said once each). */
  | {
      readonly kind: "log";
      readonly token: number;
      readonly level: "debug" | "info" | "warn" | "error";
      readonly text: string;
    }
  | { readonly kind: "warning"; readonly token: number; readonly text: string }
  /** An iteration threw, or a request failed: counted by message, sent with the reports (cumulative). */
  | {
      readonly kind: "errors";
      readonly token: number;
      readonly errors: readonly { readonly message: string; readonly count: number }[];
    };
