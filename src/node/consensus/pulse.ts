// Keeps a leader and its followers in touch while a disk is slow. What a core says waits for its disk; that there is a
// leader, and that it was heard, does not depend on it and must not: else every sync that takes longer than an election
// costs a leader, and where all disks are slow there is none at all. Said again bare, a message promises nothing:
//
// An append without entries from (0, 0) holds for every log, and lets nobody commit more than he has. An answer that
// accepts nothing at index 0 is below every match, so that the leader takes it for contact alone. Votes and whatever
// else is a promise wait as ever (Raft 5.1).

import type { Clock, Timer } from "../../io/world.ts";
import { quorumDeadline } from "../../raft/lead.ts";
import type { Raft, RaftEffect, RaftMessage } from "../../raft/raft.ts";
import type { NodeId } from "../network/links.ts";
import type { SyncTimes } from "./sync-times.ts";

/** A disk that is well is faster than this. Half of the shortest heartbeat. */
const PULSE_MS = 50;

type Waiting = { readonly kind: string } | RaftEffect;

export type PulseOptions = {
  readonly clock: Clock;
  readonly raft: Raft;
  readonly syncs: Pick<SyncTimes, "waits">;
  /** What waits for the disk, in order. */
  readonly waiting: () => readonly Waiting[];
  readonly send: (to: NodeId, message: RaftMessage) => void;
};

export class Pulse {
  readonly #options: PulseOptions;
  #timer: Timer | null = null;
  /** What waits now has waited for long: what is said next does not wait for the timer, too. */
  #isSlow = false;
  /** The newest round that was said bare to each, of the term. */
  #said = new Map<NodeId, number>();
  #term = 0;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** Something begins to wait for the disk. */
  arm(): void {
    this.#timer ??= this.#options.clock.setTimer(PULSE_MS, () => {
      this.#timer = null;
      this.#isSlow = this.#options.waiting().length > 0;
      if (!this.#isSlow) return;
      this.#options.syncs.waits(this.#options.clock.nowMs());
      this.#beat();
      this.arm();
    });
  }

  /** More may wait. */
  turned(): void {
    if (this.#isSlow) this.#beat();
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
  }

  /** Says the newest of what waits for each peer. */
  #beat(): void {
    const { raft, waiting, send } = this.#options;
    if (raft.hard.term !== this.#term) this.#said = new Map();
    this.#term = raft.hard.term;
    const newest = new Map<NodeId, RaftMessage>();
    for (const effect of waiting()) {
      const bare = effect.kind === "send" && "message" in effect ? this.#bare(effect.message) : null;
      if (bare !== null && "to" in effect && bare.round > (this.#said.get(effect.to) ?? 0)) {
        this.#said.set(effect.to, bare.round);
        newest.set(effect.to, bare);
      }
    }
    for (const [to, message] of newest) send(to, message);
  }

  #bare(message: RaftMessage): Extract<RaftMessage, { kind: "append" | "appendReply" }> | null {
    const { raft, clock } = this.#options;
    const { role, leading, hard } = raft;
    if (!("term" in message) || message.term !== hard.term) return null;
    if (message.kind === "append") {
      // Who stood still may lead no more and not know it yet.
      const isLeading = leading !== null && clock.nowMs() < quorumDeadline(raft, leading);
      return isLeading ? { ...message, prevIndex: 0, prevTerm: 0, entries: [] } : null;
    }
    if (message.kind !== "appendReply" || role !== "follower" || !message.counts) return null;
    return { ...message, isAccepted: false, index: 0, hintIndex: 0, hintTerm: 0 };
  }
}
