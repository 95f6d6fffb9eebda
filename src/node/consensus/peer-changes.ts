// Changes of who the managers are, asked of any of them: the leader judges and carries them out, one at a time
// (raft/membership.ts), the others pass them on. A refusal is a sentence with both sides' values. A change says since
// which entry the managers are those it was decided on. Where they are others by now it is refused: it may have been
// said again because an answer was late, and what was refused to an operator is not to happen after the next change.

import type { Clock } from "../../io/world.ts";
import type { Change, Index, RaftView, RefusalReason } from "../../raft/raft.ts";
import type { Consensus } from "./consensus.ts";
import type { Links, NodeId } from "../network/links.ts";
import type { BodyOf } from "../protocol.ts";

/** appended: it is in the leader's log; the membership says when it counts. */
export type ChangeAnswer =
  { readonly kind: "appended" } | { readonly kind: "refused"; readonly code: string; readonly message: string };

/** Without a leader, or an answer of it, it is given up after so long. */
const LEADERLESS_MS = 7_000;
const LOOK_MS = 100;
/** What is passed on is said again after so long without an answer. */
const REPEAT_MS = 3_000;
/** A manager that answers nothing of what the leader says from now on, for so long, is not there. */
const THERE_MS = 2_000;

export type PeerChangesOptions = {
  readonly clock: Clock;
  readonly self: NodeId;
  readonly links: Links;
  readonly consensus: Pick<Consensus, "view" | "change">;
};

type Passed = { readonly to: NodeId; readonly atMs: number; readonly settle: (answer: ChangeAnswer) => void };

export class PeerChanges {
  readonly #options: PeerChangesOptions;
  readonly #passed = new Map<number, Passed>();
  #asked = 0;
  #isClosed = false;

  constructor(options: PeerChangesOptions) {
    this.#options = options;
    options.links.onMessage((from, message) => {
      if (from.role !== "manager" || this.#isClosed) return;
      if (message.kind === "change") void this.#serve(from.node, message.body);
      else if (message.kind === "changed") {
        const passed = this.#passed.get(message.body.ask);
        if (passed?.to === from.node) passed.settle(message.body.answer);
      }
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const { settle } of this.#passed.values()) settle(refused("unavailable", "this manager stops"));
  }

  /** Carried out by whoever leads; refused with `no_leader` when nobody does for some seconds. Never rejects. */
  async ask(change: Change, since: Index): Promise<ChangeAnswer> {
    const { clock, consensus, self } = this.#options;
    const untilMs = clock.nowMs() + LEADERLESS_MS;
    while (!this.#isClosed && clock.nowMs() < untilMs) {
      const { leader } = consensus.view();
      const answer =
        leader === null
          ? null
          : leader === self
            ? await this.#decide(change, since)
            : await this.#pass(leader, change, since);
      if (answer !== null) return answer;
      await this.#pause();
    }
    return refused("no_leader", noLeaderText(consensus.view()));
  }

  async #serve(from: NodeId, { ask, change, since }: BodyOf<"change">): Promise<void> {
    const answer = (await this.#decide(change, since)) ?? refused("not_leader", "this manager does not lead");
    if (!this.#isClosed) this.#options.links.send(from, { kind: "changed", body: { ask, answer } });
  }

  /** Out: null when this node does not lead, or is handing over: ask again. */
  async #decide(change: Change, since: Index): Promise<ChangeAnswer | null> {
    const { consensus } = this.#options;
    const isOther = (view: RaftView): boolean => view.role === "leader" && view.membershipIndex !== since;
    const absent = isOther(consensus.view()) ? null : await this.#awaitNewcomer(change);
    const isPointless = absent !== null || isOther(consensus.view());
    const problem = isPointless ? null : await this.#awaitQuorum(change);
    const view = consensus.view();
    if (isOther(view)) return refused("changed", changedText(view));
    if (absent !== null) return refused("absent", absent);
    if (problem !== null) return refused("quorum", problem);
    try {
      const outcome = await consensus.change(change);
      if (outcome.kind === "appended") return { kind: "appended" };
      const { reason } = outcome;
      if (reason === "notLeader" || reason === "transferring") return null;
      return refused(codeOf(reason), changeProblem(reason, change, view));
    } catch {
      return null;
    }
  }

  /**
   * Who is to join has to be linked here: one of another cluster is heard of, refuses every link, and would be waited
   * for without end.
   */
  async #awaitNewcomer(change: Change): Promise<string | null> {
    const { clock, consensus, links } = this.#options;
    const node = change.kind === "addLearner" ? change.node : change.kind === "replace" ? change.after : null;
    const { membership, role } = consensus.view();
    const isKnown = node === null || [...(membership?.voters ?? []), ...(membership?.learners ?? [])].includes(node);
    if (role !== "leader" || isKnown) return null;
    const sinceMs = clock.nowMs();
    while (links.peer(node) === null) {
      if (clock.nowMs() - sinceMs >= THERE_MS)
        return `there is no link to ${node}: it does not run, or is of another cluster; its log says which`;
      await this.#pause();
    }
    return null;
  }

  /** Only an answer to what was said after the question shows who is there: who died a moment ago was heard lately. */
  async #awaitQuorum(change: Change): Promise<string | null> {
    const { clock, consensus } = this.#options;
    const sinceMs = clock.nowMs();
    for (;;) {
      const problem = quorumProblem(consensus.view(), change, sinceMs);
      if (problem === null || clock.nowMs() - sinceMs >= THERE_MS) return problem;
      await this.#pause();
    }
  }

  /** Out: null when that manager gave no answer, or does not lead. */
  #pass(to: NodeId, change: Change, since: Index): Promise<ChangeAnswer | null> {
    const { clock, links } = this.#options;
    const ask = ++this.#asked;
    const { promise, resolve } = Promise.withResolvers<ChangeAnswer | null>();
    const timer = clock.setTimer(REPEAT_MS, () => resolve(null));
    this.#passed.set(ask, { to, atMs: clock.nowMs(), settle: resolve });
    links.send(to, { kind: "change", body: { ask, since, change } });
    return promise.then((answer) => {
      timer.cancel();
      this.#passed.delete(ask);
      return answer?.kind === "refused" && answer.code === "not_leader" ? null : answer;
    });
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.setTimer(LOOK_MS, resolve));
  }
}

/**
 * Why a change would leave managers that cannot agree: those of the new list that answer are no majority of it. In: a
 * leader's view; they have to have answered what it said since `sinceMs` of its clock. Out: null when it would not.
 */
export function quorumProblem(view: RaftView, change: Change, sinceMs: number): string | null {
  const before = view.membership?.voters ?? [];
  const gone = change.kind === "remove" ? change.node : change.kind === "replace" ? change.before : null;
  const came = change.kind === "promote" ? change.node : null;
  // A lone manager is replaced by adding the other first: its seat is never empty.
  if (view.role !== "leader" || (gone === null && came === null) || (before.length === 1 && came === null)) return null;
  const after = came === null ? before.filter((voter) => voter !== gone) : [...before, came];
  const isThere = (node: NodeId): boolean => {
    const peer = view.peers[node];
    return node === view.self || (peer !== undefined && peer.counts && peer.contactAt >= sinceMs);
  };
  const missing = after.filter((voter) => !isThere(voter));
  const need = Math.floor(after.length / 2) + 1;
  const have = after.length - missing.length;
  if (have >= need || after.length === 0) return null;
  const seat = gone === null ? `with ${came}` : `without ${gone}`;
  return (
    `${seat} there are ${after.length} managers, of which ${need} have to answer, and ${have} do ` +
    `(${missing.join(", ")} ${missing.length === 1 ? "does" : "do"} not): the cluster would stand still`
  );
}

function noLeaderText({ membership, term }: RaftView): string {
  const voters = membership?.voters ?? [];
  if (voters.length === 0) return "this manager belongs to no cluster yet, and knows no leader";
  const need = Math.floor(voters.length / 2) + 1;
  return `nobody leads (term ${term}): ${need} of the ${voters.length} managers have to be up for a change`;
}

function changedText({ membership }: RaftView): string {
  return `the managers have changed meanwhile: they are ${membership?.voters.join(", ") ?? "unknown"}`;
}

function codeOf(reason: RefusalReason): string {
  return reason.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The sentence of a refusal. */
function changeProblem(reason: RefusalReason, change: Change, { membership, self }: RaftView): string {
  const voters = membership?.voters ?? [];
  const replacing = membership?.replacing ?? null;
  const node = change.kind === "replace" ? change.before : "node" in change ? change.node : self;
  const list = `the managers are ${voters.join(", ")}`;
  switch (reason) {
    case "pending":
      return "another change of the managers is under way and not committed yet: ask again in a moment";
    case "replacing":
      return replacing === null
        ? "a manager is being replaced"
        : `${replacing.before} is being replaced by ${replacing.after}: one change at a time`;
    case "unknownNode":
      return `${node} is no manager ${change.kind === "promote" ? "that is joining" : "of this cluster"}; ${list}`;
    case "alreadyMember":
      return `${change.kind === "replace" ? change.after : node} is a manager of this cluster already; ${list}`;
    case "notCaughtUp":
      return `${node} has not caught up yet`;
    case "lastVoter":
      return `${node} is the only manager: without it there is no cluster`;
    case "limit":
      return `there are ${voters.length} managers, and no more are taken`;
    case "notReplacing":
      return "no manager is being replaced, or it has gone too far to be called off";
    default:
      return `the change was refused (${reason}); ${list}`;
  }
}

function refused(code: string, message: string): ChangeAnswer {
  return { kind: "refused", code, message };
}
