// What happened in a cluster between two pictures of it, in sentences: the recent events of `status --watch`.

import type { NodeStatus } from "../node/status.ts";
import type { Style } from "./cells.ts";
import { hasQuorum, nodeText } from "./node-lines.ts";
import { jobState } from "./job-state.ts";

export type Change = { readonly text: string; readonly style: Style };

/**
 * In the order: who is asked, leadership, quorum, managers, members, circuits, workers, jobs. Pictures of two nodes may
 * differ in what they know: what one of them alone knows (its links, its circuits) is compared with itself only.
 */
export function changesBetween(before: NodeStatus, after: NodeStatus): readonly Change[] {
  const isSame = before.node.id === after.node.id;
  return [
    ...(isSame ? [] : [{ text: `asking ${nodeText(after, after.node.id)} from now on`, style: "dim" } as const]),
    ...leadership(before, after),
    ...managers(before, after),
    ...members(before, after),
    ...(isSame ? circuits(before, after) : []),
    ...workers(before, after),
    ...jobs(before, after),
  ];
}

function leadership(before: NodeStatus, after: NodeStatus): Change[] {
  const changes: Change[] = [];
  if (before.leader !== after.leader)
    changes.push(
      after.leader === null
        ? { text: "nobody leads", style: "bad" }
        : { text: `${nodeText(after, after.leader)} leads, term ${after.term ?? 0}`, style: "accent" },
    );
  if (after.quorum !== null && hasQuorum(before) !== hasQuorum(after))
    changes.push(
      hasQuorum(after) ? { text: "there is a quorum", style: "good" } : { text: "there is no quorum", style: "bad" },
    );
  return changes;
}

/** Who counts, by the word of operators. */
function managers(before: NodeStatus, after: NodeStatus): Change[] {
  if (before.quorum === null || after.quorum === null || before.cluster !== after.cluster) return [];
  const [had, has] = [before.quorum, after.quorum];
  const came = has.voters.filter((id) => !had.voters.includes(id));
  const went = had.voters.filter((id) => !has.voters.includes(id));
  const joins = has.learners.filter((id) => !had.learners.includes(id) && !had.voters.includes(id));
  return [
    ...went.map((id): Change => ({ text: `manager ${nodeText(before, id)} counts no more`, style: "warn" })),
    ...joins.map((id): Change => ({ text: `manager ${nodeText(after, id)} is joining`, style: "accent" })),
    ...came.map((id): Change => ({ text: `manager ${nodeText(after, id)} counts now`, style: "good" })),
  ];
}

function circuits(before: NodeStatus, after: NodeStatus): Change[] {
  const known = new Map(before.circuits.map(({ peer, state }) => [peer, state]));
  return after.circuits.flatMap(({ peer, state }): Change[] => {
    const old = known.get(peer) ?? "closed";
    if (old === state || state === "half-open") return [];
    const name = `the circuit to ${nodeText(after, peer)}`;
    return state === "open"
      ? [{ text: `${name} opened`, style: "bad" }]
      : [{ text: `${name} closed again`, style: "good" }];
  });
}

function members(before: NodeStatus, after: NodeStatus): Change[] {
  const known = new Map(before.members.map((member) => [member.id, member]));
  return after.members.flatMap((member): Change[] => {
    const old = known.get(member.id);
    const name = `${member.role} ${nodeText(after, member.id)}`;
    if (old !== undefined && old.incarnation.boot < member.incarnation.boot)
      return [{ text: `${name} started again`, style: "accent" }];
    if (old?.status === member.status) return [];
    switch (member.status) {
      case "alive":
        return [{ text: `${name} is alive`, style: "good" }];
      case "dead":
        return [{ text: `${name} is dead`, style: "bad" }];
      case "left":
        return [{ text: `${name} has left`, style: "dim" }];
      case "suspect":
        return [{ text: `${name} is suspected`, style: "warn" }];
      case "unconfirmed":
        return [];
    }
  });
}

function workers(before: NodeStatus, after: NodeStatus): Change[] {
  const had = new Set(before.workers.map(({ id, boot }) => `${id} ${boot}`));
  const has = new Set(after.workers.map(({ id, boot }) => `${id} ${boot}`));
  const came = after.workers.filter(({ id, boot }) => !had.has(`${id} ${boot}`));
  const went = before.workers.filter(({ id, boot }) => !has.has(`${id} ${boot}`));
  return [
    ...went.map(({ id }): Change => ({ text: `the cores of worker ${nodeText(after, id)} are gone`, style: "warn" })),
    ...came.map(({ id, cores }): Change => ({
      text: `worker ${nodeText(after, id)} gives ${cores} cores`,
      style: "good",
    })),
  ];
}

function jobs(before: NodeStatus, after: NodeStatus): Change[] {
  const known = new Map(before.jobs.map((job) => [job.id, job]));
  return after.jobs.flatMap((job): Change[] => {
    const old = known.get(job.id);
    if (job.state === "finished")
      return old?.state === "finished"
        ? []
        : [{ text: `job ${job.id} ended: ${jobState(job)}`, style: job.outcome === "completed" ? "good" : "bad" }];
    if (old === undefined) return [{ text: `job ${job.id} was accepted`, style: "accent" }];
    const changes: Change[] = [];
    if (old.owner !== job.owner && job.owner !== null)
      changes.push({ text: `job ${job.id} is owned by ${nodeText(after, job.owner)}`, style: "plain" });
    if (old.state === "finished") return changes;
    if (old.isPaused !== job.isPaused)
      changes.push({ text: `job ${job.id} ${job.isPaused ? "is paused" : "goes on"}`, style: "accent" });
    if (old.state === "open" && job.state === "closing")
      changes.push({ text: `job ${job.id} is ending`, style: "plain" });
    return changes;
  });
}
