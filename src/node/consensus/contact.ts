// How current a node is: the newest moment at which there was a leader with a quorum and all that was committed then is
// applied here. Whoever must not act on old news asks this.

import { quorumContactAt } from "../../raft/lead.ts";
import { termAt } from "../../raft/log.ts";
import type { Index, Raft, RaftMessage } from "../../raft/raft.ts";
import type { NodeId } from "../network/links.ts";
import { AnswerTimes } from "./answer-times.ts";

export type Contact = {
  readonly leader: NodeId | null;
  readonly isLeader: boolean;
  /**
   * ms of the monotonic clock: at that moment there was a leader with a quorum, and this node has applied all that was
   * committed then. -Infinity before the first such moment.
   */
  readonly caughtUpAtMs: number;
  /** While it leads. */
  readonly answers: AnswerTimes;
};

export class ContactLog {
  readonly #answers = new AnswerTimes();
  #caughtUpAtMs = Number.NEGATIVE_INFINITY;
  /** What a leader with a quorum had committed at a moment, not yet all applied here. */
  #pending: { readonly atMs: number; readonly commit: Index } | null = null;

  /**
   * After the step of a message. Only a leader that has committed in its own term knows all that is committed, and only
   * a leader that heard a quorum within quorumMs still speaks as one.
   */
  heard(raft: Raft, from: NodeId, message: RaftMessage): void {
    if (message.kind === "appendReply" && raft.leading !== null && message.term === raft.hard.term) {
      const { term, round, sentAtMs } = message;
      this.#answers.answered(from, { term, round, elapsedMs: Math.max(0, raft.now - sentAtMs) });
    }
    if (message.kind !== "append" || raft.leader !== from || message.term !== raft.hard.term) return;
    if (this.#pending === null && termAt(raft.log, message.commit) === message.term)
      this.#pending = { atMs: raft.now - raft.config.quorumMs, commit: message.commit };
  }

  /** Everything up to there is applied. */
  applied(through: Index): void {
    const pending = this.#pending;
    if (pending === null || through < pending.commit) return;
    this.#caughtUpAtMs = Math.max(this.#caughtUpAtMs, pending.atMs);
    this.#pending = null;
  }

  /** As of now. */
  read(raft: Raft, nowMs: number, applied: Index): Contact {
    const { leading, commit, leader, role } = raft;
    if (leading !== null && commit >= leading.firstIndex && applied >= commit)
      this.#caughtUpAtMs = Math.max(this.#caughtUpAtMs, Math.min(nowMs, quorumContactAt(raft, leading)));
    return { leader, isLeader: role === "leader", caughtUpAtMs: this.#caughtUpAtMs, answers: this.#answers };
  }
}
