// Who the managers of a cluster are, out of a node's status: those that count, those on their way, and those that are
// up and do not belong to it. Derived, for people and programs.

import type { NodeStatus } from "./status.ts";

/** voter: it counts. learner: on its way to count. outside: a manager that is up and belongs to no cluster here. */
export type PeerStanding = "voter" | "learner" | "outside";

export type Peer = {
  readonly id: string;
  readonly standing: PeerStanding;
  readonly isLeader: boolean;
  /** Where it was last heard of; null: never by the node that was asked. */
  readonly address: NodeStatus["node"]["address"] | null;
  readonly status: NodeStatus["members"][number]["status"] | "unknown";
  /** Entries of the log it does not hold yet; null where the node asked does not lead. */
  readonly behind: number | null;
  /** It takes the place of that one, or that one takes its. */
  readonly replaces: string | null;
  readonly replacedBy: string | null;
};

/** In the order: voters, learners, outside; by address within. */
export function peersOf(status: NodeStatus): readonly Peer[] {
  const { quorum, members, leader, node } = status;
  const voters = quorum?.voters ?? [];
  const learners = quorum?.learners ?? [];
  const replacing = quorum?.replacing ?? null;
  const known = new Map(members.map((member) => [member.id, member]));
  const inside = new Set([...voters, ...learners]);
  const outside = members.filter(({ id, role, status: shown }) => {
    return role === "manager" && !inside.has(id) && shown !== "dead" && shown !== "left";
  });
  const peer = (id: string, standing: PeerStanding): Peer => {
    const member = known.get(id);
    return {
      id,
      standing,
      isLeader: id === leader,
      address: member?.address ?? (id === node.id ? node.address : null),
      status: id === node.id ? "alive" : (member?.status ?? "unknown"),
      behind: quorum?.behind[id] ?? null,
      replaces: replacing?.after === id ? replacing.before : null,
      replacedBy: replacing?.before === id ? replacing.after : null,
    };
  };
  return [
    ...sorted(voters.map((id) => peer(id, "voter"))),
    ...sorted(learners.map((id) => peer(id, "learner"))),
    ...sorted(outside.map(({ id }) => peer(id, "outside"))),
  ];
}

function sorted(peers: readonly Peer[]): readonly Peer[] {
  const key = ({ address, id }: Peer): string => (address === null ? `~${id}` : `${address.host} ${address.tcp} ${id}`);
  return [...peers].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
