// What the shell tells the core (events) and what the core asks of the shell (effects). Data, no behaviour.
//
// The shell performs effects in array order, and nothing after a `persist` leaves the node before that record is
// durable. It may gather the persists of several steps into one fsync, first all of them, then the rest in order.
// When a persist fails the node stops. After a batch of events it sends `tick` whenever deadline(state) <= now.

import type { Entry, HardState, Index, Membership, Ms, NodeId, Proposal, Snapshot, Term } from "./entry.ts";
import type { RaftMessage } from "./messages.ts";

export type Role = "follower" | "preCandidate" | "candidate" | "leader";

/** A change by the operator, at most one uncommitted at a time. `replace` runs as several entries, under any leader. */
export type Change =
  | { readonly kind: "addLearner"; readonly node: NodeId }
  | { readonly kind: "promote"; readonly node: NodeId }
  | { readonly kind: "remove"; readonly node: NodeId }
  /** `before` is gone for good (a wiped disk); the new node `after` takes its seat. */
  | { readonly kind: "replace"; readonly before: NodeId; readonly after: NodeId }
  | { readonly kind: "cancelReplace" };

export type RaftEvent =
  | { readonly kind: "tick" }
  /** `from` is proven by the transport; the message has passed its schema. */
  | { readonly kind: "message"; readonly from: NodeId; readonly message: RaftMessage }
  /** All proposals that wait, so that they share one append. Each is answered by `proposal`, then by `commit`. */
  | { readonly kind: "propose"; readonly proposals: readonly Proposal[] }
  /** Answered by `readReady` or `readRefused`. */
  | { readonly kind: "read"; readonly ids: readonly string[] }
  | { readonly kind: "change"; readonly id: string; readonly change: Change }
  /** Hand leadership over; null: to the voter that is furthest. */
  | { readonly kind: "transfer"; readonly to: NodeId | null }
  /** The state machine's bytes as of the `takeSnapshot` with this index. */
  | { readonly kind: "snapshotTaken"; readonly index: Index; readonly bytes: Uint8Array }
  | { readonly kind: "snapshotFailed"; readonly index: Index }
  | { readonly kind: "requestSnapshot" }
  /** The long-lived stream to that node was reset or refused: a hint, not a proof. */
  | { readonly kind: "peerReset"; readonly peer: NodeId }
  /** Local health score of the membership layer, 0 (well) to 8. */
  | { readonly kind: "health"; readonly score: number }
  /** How long a record takes to be durable, when that is long. */
  | { readonly kind: "disk"; readonly syncMs: Ms }
  /** The node ids behind every configured address, this one included; only a blank node cares. */
  | { readonly kind: "form"; readonly peers: readonly NodeId[] };

/** One record of the write-ahead log. Replaying them in order gives what `create` wants. */
export type DurableRecord =
  | { readonly kind: "hard"; readonly hard: HardState }
  /** Contiguous with what is held. */
  | { readonly kind: "entries"; readonly entries: readonly Entry[] }
  /** Entries from this index on are void. */
  | { readonly kind: "truncate"; readonly from: Index }
  /**
   * dropsLog: it came from the leader, and every entry held before is void. Otherwise entries after it stay, those up
   * to it may be dropped. Index 0 is the genesis: no state machine bytes, only the membership.
   */
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot; readonly dropsLog: boolean };

export type RefusalReason =
  | "notLeader"
  | "transferring"
  | "busy"
  | "tooLarge"
  | "expired"
  | "pending"
  | "unknownNode"
  | "alreadyMember"
  | "notCaughtUp"
  | "lastVoter"
  | "limit"
  | "replacing"
  | "notReplacing";

/** `leader`: whom to ask instead, if known. */
export type Refusal = { readonly kind: "refused"; readonly reason: RefusalReason; readonly leader: NodeId | null };

export type CommandEntry = { readonly index: Index; readonly term: Term } & Proposal;

export type RaftEffect =
  | { readonly kind: "persist"; readonly record: DurableRecord }
  | { readonly kind: "send"; readonly to: NodeId; readonly message: RaftMessage }
  /**
   * Entries up to `through` are committed: apply these commands in order, each exactly once by (client, sequence).
   * Entries of the core's own kinds and repeated proposals are left out.
   */
  | { readonly kind: "commit"; readonly commands: readonly CommandEntry[]; readonly through: Index }
  /** Replace the state machine by this; commits go on after its index. */
  | { readonly kind: "installSnapshot"; readonly snapshot: Snapshot }
  /** Serialise the state machine as it is at this point of the effects, and answer `snapshotTaken` with this index. */
  | { readonly kind: "takeSnapshot"; readonly index: Index }
  /**
   * duplicate: applied before, at `index`. appended, and pending when it was before: wait for its commit; if leadership
   * is lost, ask again with the same numbers.
   */
  | {
      readonly kind: "proposal";
      readonly client: string;
      readonly sequence: number;
      readonly outcome:
        | { readonly kind: "appended"; readonly index: Index; readonly term: Term }
        | { readonly kind: "pending"; readonly index: Index; readonly term: Term }
        | { readonly kind: "duplicate"; readonly index: Index }
        | Refusal;
    }
  /** Every write acknowledged before the read was asked is applied at this point of the effects. */
  | { readonly kind: "readReady"; readonly ids: readonly string[]; readonly index: Index }
  | { readonly kind: "readRefused"; readonly ids: readonly string[]; readonly outcome: Refusal }
  | {
      readonly kind: "change";
      readonly id: string;
      readonly outcome: { readonly kind: "appended"; readonly index: Index } | Refusal;
    }
  /** This membership is committed. */
  | { readonly kind: "membership"; readonly index: Index; readonly membership: Membership }
  | {
      readonly kind: "transfer";
      readonly outcome: { readonly kind: "started" | "aborted"; readonly to: NodeId } | Refusal;
    }
  | { readonly kind: "role"; readonly role: Role; readonly term: Term; readonly leader: NodeId | null }
  /** A peer said what cannot be; it was ignored. For the log and for a counter. */
  | { readonly kind: "suspicious"; readonly from: NodeId; readonly reason: string };
