// What others may see of membership: a snapshot, independent of the state.

import {
  type Address,
  type Incarnation,
  type Ms,
  type NodeId,
  type Payload,
  type Role,
  shownStatus,
  type ShownStatus,
} from "./member.ts";
import type { Counters, Swim } from "./state.ts";

export type MemberView = {
  readonly id: NodeId;
  readonly role: Role;
  readonly address: Address;
  readonly status: ShownStatus;
  readonly statusAt: Ms;
  readonly incarnation: Incarnation;
  readonly payload: Payload | null;
};

export type SwimView = {
  readonly self: NodeId;
  readonly incarnation: Incarnation;
  /** Local health score: 0 well, 8 worst. */
  readonly score: number;
  /** This node included, by id. The dead and the departed are there until they are forgotten. */
  readonly members: readonly MemberView[];
  readonly silentSeeds: readonly Address[];
  readonly rumours: number;
  readonly counters: Readonly<Counters>;
};

/** A snapshot for status, terminal views and checkers. */
export function view(state: Swim): SwimView {
  const members: MemberView[] = [];
  for (const member of state.members.values()) {
    const { id, role, address, statusAt, incarnation, payload } = member;
    members.push({ id, role, address, status: shownStatus(member), statusAt, incarnation, payload });
  }
  members.sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    self: state.self,
    incarnation: state.members.get(state.self)?.incarnation ?? { boot: 0, count: 0 },
    score: state.score,
    members,
    silentSeeds: state.seeds.filter(({ node }) => node === null).map(({ address }) => address),
    rumours: state.rumours.tellings.size,
    counters: { ...state.counters },
  };
}
