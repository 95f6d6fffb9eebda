// Telling a manager that it was removed. The log says so to those who are in it; who was down or cut off when it was
// taken out is sent nothing any more, and would stand for election for ever. So whoever is asked for a vote by a
// manager that is none tells it who the managers are, and since which entry. It takes that for an answer as long as it
// has no newer list itself: a manager that is taken back hears so from its leader.

import type { Clock } from "../../io/world.ts";
import type { RaftView } from "../../raft/raft.ts";
import type { Links, NodeId } from "../network/links.ts";
import type { BodyOf } from "../protocol.ts";

/** From entry `index` on the voters are these, and this manager is none. */
export type Removed = Pick<BodyOf<"notMember">, "index" | "voters">;

/** The same manager is told again after so long: it asks twice a second. */
const TELL_MS = 1_000;
/** Managers that were told lately; more than a cluster ever had. */
const TOLD_MAX = 64;

export type RemovalOptions = {
  readonly clock: Clock;
  readonly links: Links;
  readonly view: () => RaftView;
};

export class Removal {
  readonly #options: RemovalOptions;
  readonly #toldAtMs = new Map<NodeId, number>();
  #heard: BodyOf<"notMember"> | null = null;

  constructor(options: RemovalOptions) {
    this.#options = options;
    options.links.onMessage((from, message) => {
      if (from.role !== "manager") return;
      if (message.kind === "raft" && message.body.kind === "vote") this.#asked(from.node, message.body.cluster);
      else if (message.kind === "notMember") this.#hear(message.body);
    });
  }

  /** In: the view of now. Out: null when nobody said so, or it knows better. */
  of(view: RaftView): Removed | null {
    const heard = this.#heard;
    return heard !== null && concerns(heard, view) ? heard : null;
  }

  /** The view with the managers as far as they are known: whoever asks the removed one hears that it is none. */
  known(view: RaftView): RaftView {
    const removed = this.of(view);
    if (removed === null || view.membership === null) return view;
    const { voters, index } = removed;
    // It is told of what is committed alone.
    return {
      ...view,
      isChanging: false,
      membershipIndex: index,
      membership: { ...view.membership, voters, learners: [], replacing: null },
    };
  }

  #hear(body: BodyOf<"notMember">): void {
    if (concerns(body, this.#options.view()) && body.index > (this.#heard?.index ?? 0)) this.#heard = body;
  }

  /** `cluster`: of the question. The hello of a link is older: it may be from before the cluster was formed. */
  #asked(node: NodeId, cluster: string): void {
    const { clock, links, view } = this.#options;
    const nowMs = clock.nowMs();
    if (nowMs - (this.#toldAtMs.get(node) ?? Number.NEGATIVE_INFINITY) < TELL_MS) return;
    const { membership, membershipIndex, isChanging, standing, lost, self, cluster: own } = view();
    // Only what is committed is so, and only who is a manager in order can say it.
    const isMember = standing === "member" && lost === "nothing" && membership?.voters.includes(self) === true;
    if (!isMember || isChanging || own === null || cluster !== own) return;
    const { voters, learners, replacing } = membership;
    if (voters.includes(node) || learners.includes(node) || replacing?.after === node) return;
    if (this.#toldAtMs.size >= TOLD_MAX) this.#toldAtMs.clear();
    this.#toldAtMs.set(node, nowMs);
    links.send(node, { kind: "notMember", body: { cluster: own, index: membershipIndex, voters } });
  }
}

/** It is of this manager's cluster, newer than what it knows itself, and without it. */
function concerns(body: BodyOf<"notMember">, { self, cluster, membershipIndex }: RaftView): boolean {
  return body.cluster === cluster && body.index > membershipIndex && !body.voters.includes(self);
}
