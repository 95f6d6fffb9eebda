// What an applied entry asks to be done, as data, in order. Only the job's owner carries it out; others drop it.

import type { AttemptId, Resume } from "../load/share.ts";
import type { Proposal } from "./entries.ts";
import type { Ending } from "./job.ts";

export type Effect =
  /** The submit is committed. `isNew` false: the same id and digest came before. */
  | { readonly kind: "accepted"; readonly job: string; readonly isNew: boolean }
  /** The entry changed nothing. stale: an older fence; late: beyond the seal; illegal: not in this state. */
  | { readonly kind: "refused"; readonly job: string; readonly code: RefusalCode; readonly message: string }
  /** The job has a new owner: it reads the state, and what stands (standing.ts). */
  | { readonly kind: "adopt"; readonly job: string }
  /** The state calls for this entry next. */
  | { readonly kind: "propose"; readonly proposal: Proposal }
  /** resume null: from the beginning. context: JSON text by key. scaledVus: of the whole workflow, null: as planned. */
  | {
      readonly kind: "dispatch";
      readonly attempt: AttemptId;
      readonly worker: string;
      readonly core: number;
      readonly shares: number;
      readonly resume: Resume | null;
      readonly context: Readonly<Record<string, string>>;
      readonly setupJson: string | null;
      readonly scaledVus: number | null;
    }
  /**
   * These attempts start at `startAtMs` (ledger time; in the past for those that join later, whose schedule stands at
   * now - startAtMs - pausedMs).
   */
  | {
      readonly kind: "begin";
      readonly job: string;
      readonly workflow: string;
      readonly startAtMs: number;
      readonly pausedMs: number;
      readonly originMs: number;
      readonly attempts: readonly { readonly attempt: AttemptId; readonly worker: string }[];
    }
  /** Propose `timeout` when the workflow still runs after `inMs`; replaces an earlier one. */
  | { readonly kind: "deadline"; readonly job: string; readonly workflow: string; readonly inMs: number }
  | { readonly kind: "stop"; readonly attempt: AttemptId; readonly worker: string; readonly mode: "graceful" | "now" }
  /** The attempt's schedule stands still from now on; goes on; has that many VUs (of the whole workflow). */
  | { readonly kind: "pause"; readonly attempt: AttemptId; readonly worker: string }
  | { readonly kind: "resume"; readonly attempt: AttemptId; readonly worker: string }
  | { readonly kind: "scale"; readonly attempt: AttemptId; readonly worker: string; readonly vus: number }
  /** Iterations from (included) to (excluded) are the attempt's. Empty: none is free. isLast: no more are free now. */
  | {
      readonly kind: "grant";
      readonly attempt: AttemptId;
      readonly worker: string;
      readonly from: number;
      readonly to: number;
      readonly isLast: boolean;
    }
  /** The worker may forget the attempt. */
  | { readonly kind: "sealed"; readonly attempt: AttemptId; readonly worker: string }
  /** Its worker is gone: seal it with the newest snapshot held, at once when that is certain, else after its lease. */
  | { readonly kind: "lost"; readonly attempt: AttemptId; readonly worker: string; readonly isCertain: boolean }
  /** A workflow is over. */
  | { readonly kind: "ended"; readonly job: string; readonly workflow: string }
  /** For people. */
  | { readonly kind: "warning"; readonly job: string; readonly text: string }
  /** Everything has ended: judge the thresholds on sealed data and propose `finish`. */
  | { readonly kind: "close"; readonly job: string }
  | { readonly kind: "finished"; readonly job: string; readonly outcome: Ending }
  /** Nothing of the job is kept any more. */
  | { readonly kind: "forgotten"; readonly job: string };

export type RefusalCode =
  "unknown" | "stale" | "late" | "illegal" | "conflict" | "invalid" | "limit" | "finished" | "expired";
