// The state machine as consensus sees it: what it is told, and what it is asked for. replica.ts is the one that ships.

import type { CommandEntry, Index, Refusal, Term } from "../../raft/raft.ts";
import type { NodeId } from "../network/links.ts";

/**
 * appended, and pending when it was before: its commit follows, unless leadership is lost. duplicate: it was applied
 * before.
 */
export type ProposalAnswer =
  | { readonly kind: "appended"; readonly index: Index; readonly term: Term }
  | { readonly kind: "pending"; readonly index: Index; readonly term: Term }
  | { readonly kind: "duplicate"; readonly index: Index }
  | { readonly kind: "refused"; readonly reason: Refusal["reason"] | "diskFull"; readonly leader: NodeId | null };

/** The state machine. Called in order, never within a call of `Consensus`. */
export type Machine = {
  /** Commands up to `through`, each exactly once. */
  apply(commands: readonly CommandEntry[], through: Index): void;
  /** Be as these bytes of a `take` say; at a start, and when a leader sends its snapshot. */
  install(bytes: Uint8Array, index: Index): void;
  /** All of the state, as bytes. */
  take(): Uint8Array;
  /** Every `propose` is answered so once. */
  answered(client: string, sequence: number, answer: ProposalAnswer): void;
  /** The term, its leader or this node's part in it changed. */
  turned(leader: NodeId | null, term: Term): void;
};
