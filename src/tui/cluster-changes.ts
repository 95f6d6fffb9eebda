// What happened in a cluster between two pictures of it, in sentences: the recent events of `status --watch`.

import type { NodeStatus } from "../node/status.ts";
import type { Style } from "./cells.ts";
import { hasQuorum, nodeText } from "./node-lines.ts";
import { jobState } from "./status-lines.ts";

export type Change = { readonly text: string; readonly style: Style };

/** In the order: leadership, quorum, members, workers, jobs. */
export function changesBetween(before: NodeStatus, after: NodeStatus): readonly Change[] {
  return [...leadership(before, after), ...members(before, after), ...workers(before, after), ...jobs(before, after)];
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
    if (old.owner !== job.owner && job.owner !== null)
      return [{ text: `job ${job.id} is owned by ${nodeText(after, job.owner)}`, style: "plain" }];
    return [];
  });
}
