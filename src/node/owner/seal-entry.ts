// The entries that commit what an owner holds of attempts: the seal of one that ended, the checkpoint of those running.
// Pure.

import { NO_ACCOUNTING } from "../../ledger/accounting.ts";
import type { End, Proposal } from "../../ledger/entries.ts";
import type { HeldAttempt } from "../../load/merge.ts";
import type { AttemptId } from "../../load/share.ts";

type Held = { readonly id: AttemptId; readonly held: HeldAttempt | null };

/** The end of an attempt with what is held of it, kept under `snapshot` ("": nothing is). */
export function sealEntry(
  { id, held }: Held,
  ownerToken: number,
  end: End,
  snapshot: string,
): Extract<Proposal, { kind: "seal" }> {
  const cut = held?.cut;
  return {
    kind: "seal",
    ownerToken,
    job: id.job,
    workflow: id.workflow,
    share: id.share,
    attemptToken: id.token,
    end,
    seq: cut?.seq ?? 0,
    resume: cut?.resume ?? null,
    snapshot,
    taken: 0,
    accounting: cut?.accounting ?? NO_ACCOUNTING,
  };
}

/** The newest cuts of running attempts, kept together under `snapshot`. */
export function checkpointEntry(
  owner: { readonly job: string; readonly ownerToken: number },
  held: readonly HeldAttempt[],
  snapshot: string,
): Extract<Proposal, { kind: "checkpoint" }> {
  const cuts = held.map(({ cut: { attempt, seq, resume, accounting } }) => ({
    workflow: attempt.workflow,
    share: attempt.share,
    attemptToken: attempt.token,
    seq,
    resume,
    accounting,
    snapshot,
    taken: 0,
  }));
  return { kind: "checkpoint", ...owner, cuts };
}
