// What an applied entry asks to be done, as data, in order. Only the job's owner carries it out; others drop it.

import type { AttemptId, Resume } from "../load/share.ts";
import type { Proposal } from "./entries.ts";
import type { Ending } from "./job.ts";

export type Effect =
  /** The submit is committed. `isNew` false: the same id and digest came before. */
  | { readonly kind: "accepted"; readonly job: string; readonly isNew: boolean }
  /** The entry changed nothing. stale: an older fence; late: beyond the seal; illegal: not in this state. */
  | { readonly kind: "refused"; readonly job: string; readonly code: RefusalCode; readonly message: string }
  /** The state calls for this entry next. */
  | { readonly kind: "propose"; readonly proposal: Proposal }
  /** `resume` null: from the beginning. `context`: JSON text by key. */
  | {
      readonly kind: "dispatch";
      readonly attempt: AttemptId;
      readonly worker: string;
      readonly core: number;
      readonly shares: number;
      readonly resume: Resume | null;
      readonly context: Readonly<Record<string, string>>;
      readonly setupJson: string | null;
    }
  /** These attempts start at `startAtMs` (ledger time; in the past for those that join later). */
  | {
      readonly kind: "begin";
      readonly job: string;
      readonly workflow: string;
      readonly startAtMs: number;
      readonly originMs: number;
      readonly attempts: readonly { readonly attempt: AttemptId; readonly worker: string }[];
    }
  /** Propose `timeout` when the workflow still runs after `inMs`. */
  | { readonly kind: "deadline"; readonly job: string; readonly workflow: string; readonly inMs: number }
  | { readonly kind: "stop"; readonly attempt: AttemptId; readonly worker: string; readonly mode: "graceful" | "now" }
  /** The worker may forget the attempt. */
  | { readonly kind: "sealed"; readonly attempt: AttemptId; readonly worker: string }
  /** Its worker is gone: seal it with the newest snapshot held. */
  | { readonly kind: "lost"; readonly attempt: AttemptId; readonly worker: string }
  /** A workflow is over. */
  | { readonly kind: "ended"; readonly job: string; readonly workflow: string }
  /** For people. */
  | { readonly kind: "warning"; readonly job: string; readonly text: string }
  /** Everything has ended: judge the thresholds on sealed data and propose `finish`. */
  | { readonly kind: "close"; readonly job: string }
  | { readonly kind: "finished"; readonly job: string; readonly outcome: Ending };

export type RefusalCode = "unknown" | "stale" | "late" | "illegal" | "conflict" | "invalid" | "limit" | "finished";
