// What a node shows of itself while it runs: a block on a terminal, one line otherwise. Lines of text from its status;
// when and where they are printed is cli/'s business.

import { addressText } from "../base/address.ts";
import type { NodeStatus } from "../node/status.ts";
import { jobCountsText } from "./job-state.ts";
import { createPaint, lineOf, padded, type Paint, span, type Span, type Style, wrapped } from "./cells.ts";

/** The first characters of a node's id: enough for people. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

/** A node as people know it: its place, where it is known, and its id. */
export function nodeText(status: NodeStatus, id: string): string {
  const member = status.members.find((one) => one.id === id);
  return member === undefined ? shortId(id) : `${addressText(member.address)} (${shortId(id)})`;
}

/** One line that only changes when something of note did. */
export function nodeLine(status: NodeStatus): string {
  const { members, jobs, shares } = status;
  if (status.node.role === "worker") {
    const managers = members.filter(({ role, isLinked }) => role === "manager" && isLinked).length;
    const running = new Set(shares.map(({ job }) => job)).size;
    const work = `${plural(shares.length, "share")} of ${plural(running, "job")}`;
    const problem = status.problem === null ? "" : `; ${status.problem}`;
    return `worker: linked to ${plural(managers, "manager")}, ${work}${problem}`;
  }
  if (status.problem !== null) return `manager: ${status.problem}`;
  const cores = status.workers.reduce((sum, worker) => sum + worker.cores, 0);
  const own = jobs.filter(({ owner, state }) => owner === status.node.id && state !== "finished").length;
  return [
    `manager: ${roleText(status)}`,
    quorumText(status),
    `${plural(status.workers.length, "worker")} with ${plural(cores, "core")}`,
    `jobs: ${jobCountsText(jobs, status.waiting)}, ${own} owned here`,
    ...(status.isDiskFull ? ["its disk is full"] : []),
    ...(status.circuits.some(({ state }) => state === "open") ? [`circuits: ${circuitsSpan(status).text}`] : []),
  ].join("; ");
}

/** Cells of the names in a block. */
const BLOCK_NAME_COLUMNS = 12;

/** The block of a terminal, its lines within `columns`. */
export function nodeBlock(
  status: NodeStatus,
  options: { readonly columns: number; readonly color: boolean },
): string[] {
  const paint = createPaint(options.color);
  const lines: Span[][] = [[]];
  const row = (name: string, ...spans: readonly Span[]): void => {
    lines.push([span(padded(`  ${name}`, BLOCK_NAME_COLUMNS), "dim"), ...spans]);
  };
  if (status.node.role === "manager") {
    const role = wrapped(roleText(status), options.columns - BLOCK_NAME_COLUMNS);
    for (const [at, text] of role.entries())
      row(at === 0 ? "role" : "", span(text, status.leader === null ? "warn" : "plain"));
    row("quorum", span(quorumText(status), hasQuorum(status) ? "plain" : "bad"));
    if (status.isDiskFull) row("disk", span("full: submits are refused until there is space", "bad"));
  }
  row("members", ...memberSpans(status));
  if (status.node.role === "manager") {
    if (status.circuits.length > 0) row("circuits", circuitsSpan(status));
    const busy = status.workers.reduce((sum, worker) => sum + worker.busy, 0);
    const cores = status.workers.reduce((sum, worker) => sum + worker.cores, 0);
    row("workers", span(`${status.workers.length}, ${busy} of ${plural(cores, "core")} busy`));
    row("jobs", span(jobCountsText(status.jobs, status.waiting)));
    const live = status.jobs.filter(({ state }) => state !== "finished");
    for (const job of live.slice(-JOBS_SHOWN))
      row("", span(`${job.id}  ${plural(job.cores, "core")}${job.owner === status.node.id ? "  owned here" : ""}`));
  } else {
    const problem = status.problem === null ? [] : wrapped(status.problem, options.columns - BLOCK_NAME_COLUMNS);
    for (const [at, text] of problem.entries()) row(at === 0 ? "problem" : "", span(text, "warn"));
    row("shares", span(String(status.shares.length)));
    for (const { job, workflow, share, state } of status.shares.slice(0, JOBS_SHOWN))
      row("", span(`${job}  ${workflow} ${share}  ${state}`));
  }
  return lines.map((line) => painted(line, options.columns, paint));
}

/** "leader of term 3", "follower of 127.0.0.1:9002 (1f00aa21), term 3", "nobody leads, term 3", "not formed yet". */
export function roleText(status: NodeStatus): string {
  if (status.problem !== null) return status.problem;
  if (status.cluster === null) return "no cluster yet";
  if (status.leader === null) return `nobody leads, term ${status.term ?? 0}`;
  if (status.leader === status.node.id) return `leader of term ${status.term ?? 0}`;
  return `follower of ${nodeText(status, status.leader)}, term ${status.term ?? 0}`;
}

/** "quorum 3 of 3 managers, 2 needed". */
export function quorumText({ quorum }: NodeStatus): string {
  if (quorum === null || quorum.voters.length === 0) return "no quorum yet";
  return `${quorum.have} of ${plural(quorum.voters.length, "manager")}, ${quorum.need} needed`;
}

export function hasQuorum({ quorum }: NodeStatus): boolean {
  return quorum !== null && quorum.voters.length > 0 && quorum.have >= quorum.need;
}

/** "all closed", "1 open: 127.0.0.1:9004 (1f00aa21)". */
export function circuitsSpan(status: NodeStatus): Span {
  const open = status.circuits.filter(({ state }) => state !== "closed");
  if (open.length === 0) return span(`${plural(status.circuits.length, "circuit")}, all closed`);
  return span(`${open.length} open: ${open.map(({ peer }) => nodeText(status, peer)).join(", ")}`, "bad");
}

export function plural(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

const JOBS_SHOWN = 5;

const STYLES: Readonly<Record<NodeStatus["members"][number]["status"], Style>> = {
  alive: "good",
  suspect: "warn",
  dead: "bad",
  left: "dim",
  unconfirmed: "warn",
};

/** "3 alive, 1 suspect". */
function memberSpans({ members }: NodeStatus): Span[] {
  const spans: Span[] = [];
  for (const [status, of] of Map.groupBy(members, (member) => member.status)) {
    if (spans.length > 0) spans.push(span(", "));
    spans.push(span(`${of.length} ${status}`, STYLES[status]));
  }
  return spans;
}

function painted(line: readonly Span[], columns: number, paint: Paint): string {
  return lineOf(line, columns, paint);
}
