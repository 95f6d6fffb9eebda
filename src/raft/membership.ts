// Changes of membership, one server at a time (dissertation 4.1): two majorities that follow each other always overlap.
// `replace` of a wiped voter: add the new node as learner, let it catch up, remove the old voter, make the new one a
// voter. Removing first means the wiped seat is never counted; a cluster of one adds first, it cannot be without
// voters.

import { assert, never } from "../base/assert.ts";
import type { Change, RefusalReason } from "./contract.ts";
import type { Membership, NodeId } from "./entry.ts";
import type { RaftLimits } from "./limits.ts";

/**
 * The membership that carries out `change`, or why it cannot. In: `hasCaughtUp` says which learners may become
 * voters.
 */
export function nextMembership(
  current: Membership,
  change: Change,
  rules: { readonly limits: RaftLimits; readonly hasCaughtUp: (node: NodeId) => boolean },
):
  { readonly kind: "next"; readonly membership: Membership } | { readonly kind: "no"; readonly reason: RefusalReason } {
  if (current.replacing !== null && change.kind !== "cancelReplace") return no("replacing");
  switch (change.kind) {
    case "addLearner": {
      if (isMember(current, change.node)) return no("alreadyMember");
      return current.learners.length < rules.limits.learnersMax ? next(withLearner(current, change.node)) : no("limit");
    }
    case "promote": {
      if (!current.learners.includes(change.node)) return no("unknownNode");
      if (current.voters.length >= rules.limits.votersMax) return no("limit");
      return rules.hasCaughtUp(change.node) ? next(withVoter(current, change.node)) : no("notCaughtUp");
    }
    case "remove": {
      if (!isMember(current, change.node)) return no("unknownNode");
      return current.voters.every((voter) => voter === change.node)
        ? no("lastVoter")
        : next(without(current, change.node));
    }
    case "replace": {
      if (!current.voters.includes(change.before)) return no("unknownNode");
      if (current.voters.includes(change.after)) return no("alreadyMember");
      const isLearner = current.learners.includes(change.after);
      if (!isLearner && current.learners.length >= rules.limits.learnersMax) return no("limit");
      const joined = isLearner ? current : withLearner(current, change.after);
      return next({ ...joined, replacing: { before: change.before, after: change.after } });
    }
    case "cancelReplace": {
      // Once the old voter is gone, or the new one in, the way forward is the only one.
      const { replacing } = current;
      if (replacing === null || !current.voters.includes(replacing.before) || current.voters.includes(replacing.after))
        return no("notReplacing");
      return next({ ...without(current, replacing.after), replacing: null });
    }
    default:
      return never(change);
  }
}

/** The next step of a replacement under way; null: none, or the new node is still behind. */
export function nextReplacement(current: Membership, hasCaughtUp: (node: NodeId) => boolean): Membership | null {
  if (current.replacing === null) return null;
  const { before, after } = current.replacing;
  const hasBefore = current.voters.includes(before);
  if (current.voters.includes(after)) return { ...(hasBefore ? without(current, before) : current), replacing: null };
  if (!hasCaughtUp(after)) return null;
  if (hasBefore && current.voters.length > 1) return without(current, before);
  const seated = withVoter(current, after);
  return hasBefore ? seated : { ...seated, replacing: null };
}

function isMember(membership: Membership, node: NodeId): boolean {
  return membership.voters.includes(node) || membership.learners.includes(node);
}

function withLearner(membership: Membership, node: NodeId): Membership {
  return { ...membership, learners: [...membership.learners, node] };
}

function withVoter(membership: Membership, node: NodeId): Membership {
  return {
    ...membership,
    voters: [...membership.voters, node].sort(),
    learners: membership.learners.filter((learner) => learner !== node),
  };
}

function without(membership: Membership, node: NodeId): Membership {
  const voters = membership.voters.filter((voter) => voter !== node);
  assert(voters.length > 0, "a cluster has voters");
  return { ...membership, voters, learners: membership.learners.filter((learner) => learner !== node) };
}

function next(membership: Membership): { readonly kind: "next"; readonly membership: Membership } {
  return { kind: "next", membership };
}

function no(reason: RefusalReason): { readonly kind: "no"; readonly reason: RefusalReason } {
  return { kind: "no", reason };
}
