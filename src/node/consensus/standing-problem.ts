// Why a manager has no part in its cluster, in a sentence with what to do: a blank data folder beside a cluster that is
// formed, a first formation that does not go on, a manager that was removed. Derived, never stored.

import type { RaftView } from "../../raft/raft.ts";
import type { Hello } from "../../wire/handshake.ts";
import type { Removed } from "./removal.ts";

export type Surroundings = {
  readonly view: RaftView;
  /** Nodes this one is linked to. */
  readonly peers: readonly Pick<Hello, "role" | "cluster" | "node">[];
  /** Configured managers that never answered, as "host:port". */
  readonly silent: readonly string[];
  /** What the others say: this manager is none any more. */
  readonly removed: Removed | null;
  /** Why configured and found managers do not go together; null: nothing. */
  readonly mismatch: string | null;
};

/** Out: null when the manager is a voter in order. */
export function standingProblem(surroundings: Surroundings): string | null {
  const { view, silent, removed } = surroundings;
  switch (view.standing) {
    case "blank":
      return blankProblem(surroundings);
    case "forming":
      return silent.length === 0 ? null : `the cluster is being formed and waits for ${silent.join(", ")}`;
    case "joining":
      if (view.isBarred)
        return (
          `the log of this manager is gone, and its id ${view.self} is a voter's: ` +
          "start it with an empty data folder, " +
          `then ${replaceText(view.self, "NEW")}`
        );
      return "it is joining: it gets what the others hold";
    case "member":
      return removed === null ? memberProblem(view) : removedProblem(view, removed.voters);
  }
}

/** Why so many managers, this one among them, do not form a cluster of `expect`. Out: null when they do. */
export function expectProblem(found: number, expect: number | null): string | null {
  if (expect === null || found === expect) return null;
  if (found < expect) return `no cluster yet: ${found} of ${expect} managers are found, this one among them`;
  return (
    `no cluster is formed: ${found} managers are found where ${expect} are expected: ` +
    "stop those that are too many, or expect more"
  );
}

function blankProblem({ view, peers, silent, mismatch }: Surroundings): string {
  const formed = peers.find(({ role, cluster }) => role === "manager" && cluster !== null);
  if (formed !== undefined)
    return (
      `its data folder is blank, and the others are of cluster ${formed.cluster}: it waits for ` +
      `${replaceText("OLD", view.self)} (when it stands in for a manager whose folder is gone) ` +
      `or "hyperscale peer add ${view.self}"`
    );
  if (mismatch !== null) return mismatch;
  const refusals = Object.values(view.formationRefusals);
  if (refusals.length > 0) return `no cluster can be formed: ${refusals.join("; ")}`;
  if (silent.length > 0) return `no cluster yet: it waits for ${silent.join(", ")}`;
  return "no cluster yet: all managers of its list have to be up once";
}

function memberProblem({ self, cluster, membership, lost }: RaftView): string | null {
  if (lost !== "nothing") return "its log was damaged: it gets back from the others what is missing";
  if (membership === null || membership.voters.includes(self)) return null;
  if (membership.learners.includes(self)) return "it is joining: a voter once it has caught up";
  return removedProblem({ self, cluster }, membership.voters);
}

function removedProblem({ self, cluster }: Pick<RaftView, "self" | "cluster">, voters: readonly string[]): string {
  return (
    `this manager, ${self}, was removed from cluster ${cluster}, whose managers are ${voters.join(", ")}: ` +
    `it serves nobody; stop it, or take it back with "hyperscale peer add ${self}"`
  );
}

function replaceText(before: string, after: string): string {
  return `"hyperscale peer replace ${before} ${after}"`;
}
