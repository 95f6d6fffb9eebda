// The seam below owner, desk and leader: the ledger's state, what was applied to it, and a way to propose. The same
// over consensus (replica.ts) and, here, over a log of one in memory, which an embedded submit runs on. Nothing here
// decides what an entry does: that is ledger/apply.ts.

import type { Clock } from "../io/world.ts";
import { apply } from "../ledger/apply.ts";
import type { Effect } from "../ledger/effects.ts";
import { type Entry, parseProposal, type Proposal, stamped } from "../ledger/entries.ts";
import { createLedger, type LedgerState } from "../ledger/job.ts";

/** One committed entry, applied at `index` (rising; the log has other entries in between). */
export type Applied = { readonly index: number; readonly entry: Entry; readonly effects: readonly Effect[] };

/**
 * What became of one proposal. applied: exactly once, at `index`; `effects` null when it came with a snapshot, so that
 * only the state tells what it did. refused: it never was and never will be applied, except `expired`: nobody knows,
 * ask the state. disk_full is told to a `submit` alone; every other kind waits for space.
 */
export type ProposalOutcome =
  | { readonly kind: "applied"; readonly index: number; readonly effects: readonly Effect[] | null }
  | {
      readonly kind: "refused";
      readonly code: "disk_full" | "too_large" | "invalid" | "expired";
      readonly message: string;
    };

export type LedgerPort = {
  /** The state as of the newest applied entry. Another object after `onReset`: never keep it. */
  readonly state: LedgerState;
  /**
   * Ledger time now, in ms: what the newest entry said plus the time since, and never below it. The leader's never
   * falls; that of another manager follows the leader's stamps both ways.
   */
  nowMs(): number;
  /**
   * Asks for an entry; the leader stamps it with ledger time. It is asked again, with the same number, until it is
   * answered or this process ends; it is applied at most once. Proposals may be applied in another order. `settled`:
   * once, and after the handlers of `onApplied`.
   */
  propose(proposal: Proposal, settled?: (outcome: ProposalOutcome) => void): void;
  /** Called with every applied entry, in order, never within `propose`. Any number of handlers, in order. */
  onApplied(handle: (applied: Applied) => void): void;
  /** A snapshot took the place of the state: look again at all of it. */
  onReset(handle: () => void): void;
};

/** A ledger with one voter and no disk: what is proposed is applied, in order, in a later microtask. */
export function createEmbeddedLedger(clock: Clock): LedgerPort {
  const state = createLedger();
  const startMs = clock.nowMs();
  const handlers: ((applied: Applied) => void)[] = [];
  let index = 0;
  const nowMs = (): number => Math.max(state.nowMs, clock.nowMs() - startMs);
  return {
    state,
    nowMs,
    propose(proposal, settled) {
      queueMicrotask(() => {
        const read = parseProposal(proposal);
        if (read.proposal === null) return settled?.({ kind: "refused", code: "invalid", message: read.message });
        const entry = stamped(read.proposal, nowMs());
        const applied: Applied = { index: ++index, entry, effects: apply(state, index, entry) };
        for (const handle of handlers) handle(applied);
        settled?.({ kind: "applied", index: applied.index, effects: applied.effects });
      });
    },
    onApplied: (handle) => {
      handlers.push(handle);
    },
    onReset: () => {},
  };
}
