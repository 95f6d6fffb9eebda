// What a job's owner and the cores of a worker say to each other, and what a client hears: the same embedded and in a
// cluster. How it travels between nodes is in worker-messages.ts and client-messages.ts.

import type { JobPlan } from "../load/plan.ts";
import type { AttemptId, ShareSpec, Snapshot, Steering } from "../load/share.ts";
import type { JobResult, JobView, SecondWindow } from "../load/result.ts";
import type { Bundle } from "../engine/messages.ts";

/** What happens in a job while it runs, from its owner to all who follow it. */
export type LiveEvent =
  | { readonly kind: "view"; readonly view: JobView }
  | { readonly kind: "second"; readonly window: SecondWindow }
  | {
      readonly kind: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly workflow: string;
      readonly text: string;
    };

/** What a client hears of its job. `finished` (or `refused`) is the last. */
export type ClientEvent =
  | { readonly kind: "accepted"; readonly id: string }
  | { readonly kind: "refused"; readonly id: string; readonly code: string; readonly message: string }
  | LiveEvent
  | { readonly kind: "finished"; readonly result: JobResult };

/** Manager to worker. */
export type WorkerRequest =
  | {
      readonly kind: "dispatch";
      readonly attempt: AttemptId;
      readonly core: number;
      readonly spec: ShareSpec;
      readonly plan: JobPlan;
      readonly bundle: Bundle;
      /** JSON text by key, and what setup returned. */
      readonly context: Readonly<Record<string, string>>;
      readonly setupJson: string | null;
      readonly reportMs: number;
    }
  /** `inMs`: from receipt. `steering` left out: nobody has touched the workflow. */
  | {
      readonly kind: "start";
      readonly attempt: AttemptId;
      readonly inMs: number;
      readonly jobElapsedMs: number;
      readonly steering?: Steering;
    }
  /** What is asked of the workflow from now on; said again it changes nothing. */
  | { readonly kind: "steer"; readonly attempt: AttemptId; readonly steering: Steering }
  | { readonly kind: "stop"; readonly attempt: AttemptId; readonly mode: "graceful" | "now" }
  /** The final snapshot is committed: forget the attempt, free the core. */
  | { readonly kind: "sealed"; readonly attempt: AttemptId };

/** To the cores of a worker; leases they get from their own node, which an embedded one does not need. */
export type CoreRequest =
  | WorkerRequest
  /** The attempt's requests may start for so long from receipt; without one, for ever. */
  | { readonly kind: "lease"; readonly attempt: AttemptId; readonly forMs: number };

/** What a core that had to be ended did beyond its last cut: requests it counted, and iterations that were open. */
export type Torn = { readonly requests: number; readonly iterations: number };

/** Worker to manager, about one attempt. */
export type WorkerReport =
  | { readonly kind: "ready"; readonly attempt: AttemptId }
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot }
  /** After the final snapshot. setup's value as JSON text. */
  | {
      readonly kind: "ended";
      readonly attempt: AttemptId;
      readonly valueJson: string | null;
      readonly thrown: string | null;
    }
  /**
   * The core could not go on: the code would not load, the thread stalled, died or ate its memory. `torn`: left out
   * where nothing can have been done. `salvage`: a cut of all that its board held, for when nothing of its share runs
   * again: its numbers are newer than where its rest begins.
   */
  | {
      readonly kind: "failed";
      readonly attempt: AttemptId;
      readonly cause: "load" | "stalled" | "crashed" | "memory";
      readonly message: string;
      readonly torn?: Torn | undefined;
      readonly salvage?: Snapshot | undefined;
    }
  | {
      readonly kind: "provide";
      readonly attempt: AttemptId;
      readonly key: string;
      readonly json: string;
      readonly vu: number;
      readonly iteration: number;
    }
  | { readonly kind: "abort"; readonly attempt: AttemptId; readonly reason: string }
  | {
      readonly kind: "log";
      readonly attempt: AttemptId;
      readonly level: "debug" | "info" | "warn" | "error";
      readonly text: string;
    }
  | { readonly kind: "warning"; readonly attempt: AttemptId; readonly text: string }
  | {
      readonly kind: "errors";
      readonly attempt: AttemptId;
      readonly errors: readonly { readonly message: string; readonly count: number }[];
    };
