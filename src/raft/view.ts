// A read-only picture of a core for status, terminal and checkers. Derived, never stored.

import type { Role } from "./contract.ts";
import type { Index, Membership, Ms, NodeId, Standing, Term } from "./entry.ts";
import { quorumContactAt } from "./lead.ts";
import { lastIndex, lastTerm } from "./log.ts";
import type { Progress, Raft } from "./state.ts";
import { membershipOf } from "./state.ts";

export type RaftView = {
  readonly self: NodeId;
  readonly cluster: string | null;
  readonly standing: Standing;
  /** Not "nothing": recovering, neither votes nor acknowledges. */
  readonly lost: "nothing" | "entries" | "votes";
  /** It is named a voter but came blank: its disk is gone, `replace` it by a new id. */
  readonly isBarred: boolean;
  readonly role: Role;
  readonly term: Term;
  readonly vote: NodeId | null;
  readonly leader: NodeId | null;
  readonly commit: Index;
  readonly lastIndex: Index;
  readonly lastTerm: Term;
  readonly snapshotIndex: Index;
  readonly membership: Membership | null;
  /** Entry of the membership in force; 0: of the beginning, or none. */
  readonly membershipIndex: Index;
  /** The membership in force is not committed yet. */
  readonly isChanging: boolean;
  /** A leader that a quorum of full voters answered within quorumMs. */
  readonly hasQuorum: boolean;
  readonly isTransferring: boolean;
  /** Why a first formation does not go on, by peer. */
  readonly formationRefusals: Readonly<Record<NodeId, string>>;
  /** A leader's members. lag: entries not acknowledged. contactAt: -Infinity when never. */
  readonly peers: Readonly<
    Record<
      NodeId,
      { readonly mode: Progress["mode"]; readonly lag: number; readonly contactAt: Ms; readonly counts: boolean }
    >
  >;
  /** Bounds in use: entries and bytes of the log, reads waiting. */
  readonly logEntries: number;
  readonly logBytes: number;
};

export function view(state: Raft): RaftView {
  const { hard, config, log, leading } = state;
  const membership = membershipOf(state);
  const end = lastIndex(log);
  return {
    self: config.self,
    cluster: hard.cluster,
    standing: hard.standing,
    lost: hard.lost,
    isBarred: hard.standing === "joining" && membership?.voters.includes(config.self) === true,
    role: state.role,
    term: hard.term,
    vote: hard.vote,
    leader: state.leader,
    commit: state.commit,
    lastIndex: end,
    lastTerm: lastTerm(log),
    snapshotIndex: state.snapshot?.index ?? 0,
    membership,
    membershipIndex: state.memberships.at(-1)?.index ?? 0,
    isChanging: (state.memberships.at(-1)?.index ?? 0) > state.commit,
    hasQuorum: leading !== null && quorumContactAt(state, leading) > state.now - config.quorumMs,
    isTransferring: leading !== null && leading.transfer !== null,
    formationRefusals: Object.fromEntries(state.formation.refusals),
    peers: Object.fromEntries(
      [...(leading?.peers ?? [])].map(([peer, { mode, acked, contactAt, counts }]) => [
        peer,
        { mode, lag: end - acked, contactAt, counts },
      ]),
    ),
    logEntries: log.entries.length,
    logBytes: log.bytes,
  };
}
