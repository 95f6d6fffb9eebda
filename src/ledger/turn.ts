// One application of one entry: the state it changes and the effects it gathers. Shared by apply.ts and flow.ts.

import type { AttemptId } from "../load/share.ts";
import type { Effect, RefusalCode } from "./effects.ts";
import type { Attempt, Job, LedgerState } from "./job.ts";

/** `doPlace`: cores came free or work was queued, so that queued workflows are offered their cores at the end. */
export type Turn = {
  readonly state: LedgerState;
  readonly index: number;
  readonly effects: Effect[];
  doPlace: boolean;
};

/** The entry changes nothing, and says why. */
export function refuse(turn: Turn, job: string, code: RefusalCode, message: string): void {
  turn.effects.push({ kind: "refused", job, code, message });
}

/** Tells the attempt's worker to stop it. An attempt that already stops is only told again when the mode is harder. */
export function stop(turn: Turn, id: AttemptId, attempt: Attempt, mode: "graceful" | "now"): void {
  if (attempt.state === "stopping" && mode === "graceful") return;
  attempt.state = "stopping";
  attempt.stopMode = mode;
  turn.effects.push({ kind: "stop", attempt: id, worker: attempt.worker, mode });
}

/** Fields of a proposal that only the job's owner makes. Out: null while the job has none. */
export function ownedBy(job: Job): { readonly job: string; readonly ownerToken: number } | null {
  return job.owner === null ? null : { job: job.id, ownerToken: job.owner.token };
}
