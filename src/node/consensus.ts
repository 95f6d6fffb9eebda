// Consensus on a disk: the raft core with its write-ahead log around it. One queue of events, one turn at a time, and
// everything behind a persist waits until it is on disk. What commands mean is the state machine's (replica.ts).

import type { Change, RaftMessage, RaftView, Refusal } from "../raft/raft.ts";
import type { NodeId } from "./links.ts";

/** How current this node is. */
export type Contact = {
  readonly leader: NodeId | null;
  readonly isLeader: boolean;
  /**
   * ms of the monotonic clock: at that moment there was a leader with a quorum, and this node has applied all that was
   * committed then. -Infinity before the first such moment.
   */
  readonly caughtUpAtMs: number;
};

export type Consensus = {
  /** What a peer's link brought. */
  hear(from: NodeId, message: RaftMessage): void;
  /** A link to that node broke: a hint. */
  peerReset(node: NodeId): void;
  /** Health score of the membership layer, 0 to 8. */
  health(score: number): void;
  /** The node ids behind every configured address, this one included; once all are known, and when they change. */
  form(nodes: readonly NodeId[]): void;
  /** Resolves when every write acknowledged before it is applied here. Rejects with `cluster` when not leading. */
  read(): Promise<void>;
  change(change: Change): Promise<{ readonly kind: "appended"; readonly index: number } | Refusal>;
  /** Hands leadership over (null: to whom is furthest); resolves when it is handed over, refused or given up. */
  transfer(to: NodeId | null): Promise<"started" | "aborted" | "refused">;
  view(): RaftView;
  /** Index of the newest applied entry. */
  readonly applied: number;
  contact(): Contact;
  /** Flushes and closes the log. Idempotent. */
  stop(): Promise<void>;
};
