// A cluster as one of its nodes knows it, as text: lines for `status`, `jobs` and `status --watch`.

import { addressText } from "../base/address.ts";
import { labelsText } from "../base/labels.ts";
import { formatLatency } from "../base/units.ts";
import type { JobLine, NodeStatus } from "../node/status.ts";
import { jobCountsText, jobState } from "./job-state.ts";
import { horizontalBar, sparkline } from "./bars.ts";
import { createPaint, lineOf, padded, printable, span, type Span, type Style, wrapped } from "./cells.ts";
import { circuitsSpan, hasQuorum, nodeText, plural, quorumText, roleText, shortId } from "./node-lines.ts";
import { clockText, percent } from "./plain.ts";
import { type Column, table, type TableOptions } from "./table.ts";

export type StatusOptions = TableOptions;

type Member = NodeStatus["members"][number];
type Worker = NodeStatus["workers"][number];
type Share = NodeStatus["shares"][number];

/** The whole picture. */
export function statusLines(status: NodeStatus, options: StatusOptions): string[] {
  const tables = [
    memberLines(status, options),
    workerLines(status, options),
    circuitLines(status, options),
    shareLines(status, options),
    status.jobs.length === 0 ? [] : jobLines(status, options),
  ];
  return tables.reduce<string[]>(
    (all, part) => (part.length === 0 ? all : [...all, "", ...part]),
    headingLines(status, options),
  );
}

/** Cells of the facts' names. */
export const NAME_COLUMNS = 9;

/** Who was asked, who leads, and how much of everything there is. */
export function headingLines(status: NodeStatus, options: StatusOptions): string[] {
  const paint = createPaint(options.color);
  const { node } = status;
  const asked = `${node.role} ${addressText(node.address)} (${shortId(node.id)}), environment ${node.environment}`;
  const facts = [["asked", span(asked)] as const, ...factsOf(status, options.columns - NAME_COLUMNS)];
  return facts.map(([name, ...spans]) =>
    lineOf([span(padded(name, NAME_COLUMNS), "dim"), ...spans], options.columns, paint),
  );
}

/** Facts by name, the most important first, a problem in as many rows of `columns` as it needs; of a worker none. */
export function factsOf(status: NodeStatus, columns: number): readonly (readonly [name: string, ...spans: Span[]])[] {
  const { node, cluster, workers, jobs, problem, circuits, waiting } = status;
  if (node.role !== "manager") return [];
  const cores = workers.reduce((sum, worker) => sum + worker.cores, 0);
  const busy = workers.reduce((sum, worker) => sum + worker.busy, 0);
  return [
    ["cluster", cluster === null ? span("none yet", "warn") : span(cluster)],
    ...(problem === null ? [] : wrapped(problem, columns)).map(
      (row, at) => [at === 0 ? "problem" : "", span(row, "warn")] as const,
    ),
    ...(status.isDiskFull ? [["disk", span("full: submits are refused until there is space", "bad")] as const] : []),
    ["leader", leaderSpan(status)],
    ["quorum", span(quorumText(status), hasQuorum(status) ? "plain" : "bad")],
    ["workers", span(`${workers.length}, ${busy} of ${plural(cores, "core")} busy`)],
    ["jobs", span(jobCountsText(jobs, waiting))],
    ...(circuits.length === 0 ? [] : [["circuits", circuitsSpan(status)] as const]),
  ];
}

function leaderSpan(status: NodeStatus): Span {
  if (status.leader !== null) return span(`${nodeText(status, status.leader)}, term ${status.term ?? 0}`);
  return status.problem === null ? span(roleText(status), "bad") : span("not known here", "warn");
}

/** A table of the members; none: no lines. */
export function memberLines(status: NodeStatus, options: StatusOptions): string[] {
  const { members, leader, node } = status;
  const order = { manager: 0, gate: 1, worker: 2 } as const;
  const rows = members.toSorted(
    (a, b) => order[a.role] - order[b.role] || (addressText(a.address) < addressText(b.address) ? -1 : 1),
  );
  const columns: readonly Column<Member>[] = [
    { head: "NODE", of: ({ id }) => id, rank: 2 },
    { head: "ROLE", of: ({ id, role }) => partCell(status, id, role) },
    { head: "ADDRESS", of: ({ address }) => addressText(address) },
    { head: "STATUS", of: (member) => ({ text: member.status, style: MEMBER_STYLES[member.status] }) },
    { head: "INCARNATION", of: ({ incarnation: { boot, count } }) => `${boot}.${count}`, rank: 1 },
    {
      head: "LINK",
      of: ({ id, isLinked }) => (id === node.id ? { text: "itself", style: "dim" } : isLinked ? "linked" : ""),
      rank: 3,
    },
  ];
  return rows.length === 0 ? [] : table(columns, rows, options);

  function partCell({ quorum }: NodeStatus, id: string, role: Member["role"]): { text: string; style?: Style } {
    if (id === leader) return { text: "leader", style: "accent" };
    if (role !== "manager" || quorum === null) return { text: role };
    if (quorum.learners.includes(id)) return { text: "learner", style: "warn" };
    return quorum.voters.length === 0 || quorum.voters.includes(id)
      ? { text: role }
      : { text: "outside", style: "warn" };
  }
}

export const MEMBER_STYLES: Readonly<Record<Member["status"], Style>> = {
  alive: "good",
  suspect: "warn",
  dead: "bad",
  left: "dim",
  unconfirmed: "warn",
};

const BAR_COLUMNS = 10;

/** A table of the workers of the pool; none: no lines. */
export function workerLines({ workers, members }: NodeStatus, options: StatusOptions): string[] {
  const known = new Map(members.map((member) => [member.id, member]));
  const columns: readonly Column<Worker>[] = [
    { head: "WORKER", of: ({ id }) => id, rank: 4 },
    { head: "ADDRESS", of: ({ id }) => placeOf(known.get(id)) },
    { head: "CORES", of: ({ cores }) => String(cores), isNumber: true },
    { head: "BUSY", of: ({ busy }) => String(busy), isNumber: true },
    { head: "", of: ({ busy, cores }) => ({ text: barOf(busy, cores), style: "accent" }), rank: 5 },
    { head: "RUNS", of: ({ jobs }) => jobs.map(({ id, cores }) => `${printable(id)} ${cores}`).join(", "), rank: 2 },
    { head: "LABELS", of: ({ labels }) => printable(labelsText(labels, " ")), rank: 3 },
  ];
  return workers.length === 0 ? [] : table(columns, workers, options);
}

function placeOf(member: Member | undefined): string {
  return member === undefined ? "unknown" : addressText(member.address);
}

function barOf(busy: number, cores: number): string {
  return busy === 0 ? "" : horizontalBar(busy / Math.max(1, cores), BAR_COLUMNS);
}

/** A table of the circuits to other managers that are not simply closed; none: no lines. */
export function circuitLines(status: NodeStatus, options: StatusOptions): string[] {
  const rows = status.circuits.filter(({ state, failures }) => state !== "closed" || failures > 0);
  const columns: readonly Column<(typeof rows)[number]>[] = [
    { head: "CIRCUIT TO", of: ({ peer }) => nodeText(status, peer) },
    { head: "STATE", of: ({ state }) => ({ text: state, style: state === "closed" ? "plain" : "bad" }) },
    { head: "FAILED", of: ({ failures, samples }) => `${failures} of ${samples}` },
    {
      head: "OPENED",
      of: ({ opens }) => (opens === 0 ? "never" : `${opens} ${opens === 1 ? "time" : "times"}`),
      rank: 1,
    },
  ];
  return rows.length === 0 ? [] : table(columns, rows, options);
}

function shareLines({ shares }: NodeStatus, options: StatusOptions): string[] {
  const columns: readonly Column<Share>[] = [
    { head: "JOB", of: ({ job }) => printable(job) },
    { head: "WORKFLOW", of: ({ workflow }) => printable(workflow) },
    { head: "SHARE", of: ({ share }) => String(share), isNumber: true },
    { head: "STATE", of: ({ state }) => state },
  ];
  return shares.length === 0 ? [] : table(columns, shares, options);
}

/** A table of the jobs, in the order given. `history`: requests a second of jobs that run, the newest last. */
export function jobLines(
  status: Pick<NodeStatus, "jobs" | "members">,
  options: StatusOptions,
  history: ReadonlyMap<string, readonly number[]> = new Map(),
): string[] {
  const live = (of: (rate: NonNullable<JobLine["live"]>) => string) => (job: JobLine) =>
    job.live === null ? "" : of(job.live);
  const columns: readonly Column<JobLine>[] = [
    { head: "JOB", of: ({ id }) => printable(id) },
    { head: "NAME", of: live(({ name }) => printable(name)), rank: 7 },
    { head: "STATE", of: (job) => ({ text: jobState(job), style: jobStyle(job) }) },
    { head: "TIME", of: live(({ elapsedMs }) => clockText(elapsedMs)), isNumber: true, rank: 4 },
    { head: "VUS", of: live(({ vus }) => String(vus)), isNumber: true, rank: 5 },
    { head: "REQ/S", of: live(({ requestsPerSecond }) => requestsPerSecond.toFixed(0)), isNumber: true, rank: 0 },
    {
      head: "P99",
      of: live(({ p99Ms, requests }) => (requests === 0 ? "" : formatLatency(p99Ms))),
      isNumber: true,
      rank: 0,
    },
    { head: "FAILED", of: live(failedText), isNumber: true, rank: 0 },
    { head: "REQUESTS", of: live(({ requests }) => String(requests)), isNumber: true, rank: 6 },
    { head: "CORES", of: ({ state, cores }) => (state === "finished" ? "" : String(cores)), isNumber: true, rank: 2 },
    { head: "OWNER", of: (job) => ownerOf(job), rank: 3 },
    { head: "LAST MINUTE", of: ({ id }) => ({ text: sparkOf(history.get(id)), style: "accent" }), rank: 8 },
  ];
  return table(columns, status.jobs, options);

  function ownerOf({ owner, state }: JobLine): string {
    return owner === null || state === "finished" ? "" : ownerText(status, owner);
  }
}

const HISTORY_COLUMNS = 30;

function sparkOf(history: readonly number[] | undefined): string {
  return history === undefined || history.length < 2 ? "" : sparkline(history, HISTORY_COLUMNS);
}

function failedText({ failedRatio, requests }: NonNullable<JobLine["live"]>): string {
  return requests === 0 ? "" : percent(failedRatio);
}

function jobStyle(job: JobLine): Style {
  if (job.state !== "finished") return "accent";
  return job.outcome === "completed" ? "good" : "bad";
}

function ownerText({ members }: Pick<NodeStatus, "members">, owner: string): string {
  const member = members.find(({ id }) => id === owner);
  return member === undefined ? shortId(owner) : addressText(member.address);
}
