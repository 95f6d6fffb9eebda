// What is replicated: entries, the membership, snapshots and the durable promises of a node. Plain data, no behaviour
// but sizes. Terms and indexes are whole numbers from 0; index 0 and term 0 stand for "before the first entry".

import { ENTRY_OVERHEAD_BYTES } from "./limits.ts";
import type { SessionRecords } from "./sessions.ts";

/** A voter or learner is its data directory's random id, never an address: a wiped disk is another node. */
export type NodeId = string;
export type Term = number;
export type Index = number;
/** Milliseconds of the node's monotonic clock. */
export type Ms = number;

/** `replacing`: the steps of a `replace` still to do, replicated so that any leader goes on with them. */
export type Membership = {
  readonly cluster: string;
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  readonly replacing: { readonly before: NodeId; readonly after: NodeId } | null;
};

/**
 * `client`: one boot of a proposer. `sequence`: from 1, rising, at most `sequencesMax` of them open. `since`: a
 * commit index it knew before its first proposal (sessions.ts). `command` is never read here.
 */
export type Proposal = {
  readonly client: string;
  readonly sequence: number;
  readonly since: Index;
  readonly command: Uint8Array;
};

export type Payload =
  | { readonly kind: "noop" }
  | { readonly kind: "config"; readonly membership: Membership }
  | ({ readonly kind: "command" } & Proposal);

export type Entry = { readonly index: Index; readonly term: Term; readonly payload: Payload };

/** Everything that entries up to `index` did. `bytes` is the state machine's own, never read here. */
export type Snapshot = {
  readonly index: Index;
  readonly term: Term;
  readonly membership: Membership;
  readonly sessions: SessionRecords;
  readonly bytes: Uint8Array;
};

/**
 * How far this node belongs to a cluster. blank: knows none. forming: took part in a first formation whose end it has
 * not seen. joining: met a formed cluster as a blank node and has not yet seen itself as a learner. member: may vote.
 */
export type Standing = "blank" | "forming" | "joining" | "member";

/** The promises of a node, durable before any message that follows from them. */
export type HardState = {
  readonly cluster: string | null;
  readonly standing: Standing;
  readonly term: Term;
  readonly vote: NodeId | null;
  /**
   * What the disk may have lost of what was acknowledged: entries (term and vote are known intact), or votes too.
   * While it is not "nothing" the node neither votes nor acknowledges (recovery.ts).
   */
  readonly lost: "nothing" | "entries" | "votes";
};

/** The promises of a node that has never been anywhere. */
export const BLANK: HardState = { cluster: null, standing: "blank", term: 0, vote: null, lost: "nothing" };

/** Bytes an entry counts for in every bound. */
export function entryBytes(entry: Entry): number {
  return ENTRY_OVERHEAD_BYTES + (entry.payload.kind === "command" ? entry.payload.command.length : 0);
}
