// A cluster as one of its nodes knows it, as text: lines for `status` and `jobs`.

import type { JobLine, NodeStatus } from "../node/status.ts";
import { createPaint, lineOf, padded, printable, span, type Span, type Style, widthOf } from "./cells.ts";
import { hasQuorum, nodeText, placeText, plural, quorumText, roleText, shortId } from "./node-lines.ts";

export type StatusOptions = { readonly columns: number; readonly color: boolean };

export type Cell = { readonly text: string; readonly style?: Style };

/** The parts of a picture; a table that would be empty has no lines. */
export type StatusParts = Readonly<Record<"heading" | "members" | "workers" | "shares" | "jobs", readonly string[]>>;

/** The whole picture. */
export function statusLines(status: NodeStatus, options: StatusOptions): string[] {
  const { heading: lines, members, workers, shares, jobs } = statusParts(status, options);
  return [members, workers, shares, jobs].reduce<string[]>(
    (all, part) => (part.length === 0 ? all : [...all, "", ...part]),
    [...lines],
  );
}

/** In: requests a second, p99 and errors of a job, where they are known. */
export function statusParts(status: NodeStatus, options: StatusOptions, ratesOf?: RatesOf): StatusParts {
  const part = (head: readonly string[], rows: readonly (readonly Cell[])[]): readonly string[] =>
    rows.length === 0 ? [] : table(head, rows, options);
  return {
    heading: heading(status, options),
    members: part(["NODE", "ROLE", "ADDRESS", "STATUS", "INCARNATION"], memberRows(status)),
    workers: part(["WORKER", "CORES", "BUSY", "LABELS"], workerRows(status)),
    shares: part(["JOB", "WORKFLOW", "SHARE", "STATE"], shareRows(status)),
    jobs: status.jobs.length === 0 ? [] : jobLines(status, options, ratesOf),
  };
}

type RatesOf = (job: string) => readonly string[];

/** A table of the jobs, the newest last. */
export function jobLines(
  status: Pick<NodeStatus, "jobs" | "members">,
  options: StatusOptions,
  ratesOf?: RatesOf,
): string[] {
  return table(
    ["JOB", "STATE", "CORES", "OWNER", ...(ratesOf === undefined ? [] : ["REQ/S", "P99", "FAILED"])],
    status.jobs.map((job) => [
      { text: printable(job.id) },
      { text: jobState(job), style: jobStyle(job) },
      { text: job.state === "finished" ? "" : String(job.cores) },
      { text: job.owner === null || job.state === "finished" ? "" : ownerText(status, job.owner) },
      ...(ratesOf?.(job.id) ?? []).map((text) => ({ text })),
    ]),
    options,
  );
}

/** One word: how it ended, or what it is at. */
export function jobState({ state, outcome, isPaused, owner }: JobLine): string {
  if (state === "finished") return outcome ?? "finished";
  if (isPaused) return "paused";
  if (state === "closing") return "ending";
  return owner === null ? "waiting" : "running";
}

function jobStyle(job: JobLine): Style {
  if (job.state !== "finished") return "accent";
  return job.outcome === "completed" ? "good" : "bad";
}

function ownerText({ members }: Pick<NodeStatus, "members">, owner: string): string {
  const member = members.find(({ id }) => id === owner);
  return member === undefined ? shortId(owner) : placeText(member.address);
}

function heading(status: NodeStatus, options: StatusOptions): string[] {
  const { node, cluster, workers, jobs } = status;
  const facts: (readonly [name: string, ...spans: Span[]])[] = [
    ["asked", span(`${node.role} ${placeText(node.address)} (${shortId(node.id)}), environment ${node.environment}`)],
  ];
  if (node.role === "manager") {
    const cores = workers.reduce((sum, worker) => sum + worker.cores, 0);
    const busy = workers.reduce((sum, worker) => sum + worker.busy, 0);
    const running = jobs.filter(({ state }) => state !== "finished").length;
    facts.push(
      ["cluster", span(cluster ?? "none yet: all managers of its list have to be up once")],
      ["leader", leaderSpan(status)],
      ["quorum", span(quorumText(status), hasQuorum(status) ? "plain" : "bad")],
      ["workers", span(`${workers.length}, ${busy} of ${plural(cores, "core")} busy`)],
      ["jobs", span(`${running} running, ${jobs.length - running} finished`)],
    );
  }
  const paint = createPaint(options.color);
  return facts.map(([name, ...spans]) => lineOf([span(padded(name, 9), "dim"), ...spans], options.columns, paint));
}

function leaderSpan(status: NodeStatus): Span {
  if (status.leader === null) return span(roleText(status), "bad");
  return span(`${nodeText(status, status.leader)}, term ${status.term ?? 0}`);
}

const STATUS_STYLES: Readonly<Record<NodeStatus["members"][number]["status"], Style>> = {
  alive: "good",
  suspect: "warn",
  dead: "bad",
  left: "dim",
  unconfirmed: "warn",
};

function memberRows({ members, leader }: NodeStatus): Cell[][] {
  const order = { manager: 0, gate: 1, worker: 2 } as const;
  return [...members]
    .sort((a, b) => order[a.role] - order[b.role] || (placeText(a.address) < placeText(b.address) ? -1 : 1))
    .map(({ id, role, address, status, incarnation }) => [
      { text: id },
      { text: id === leader ? "leader" : role },
      { text: placeText(address) },
      { text: status, style: STATUS_STYLES[status] },
      { text: `${incarnation.boot}.${incarnation.count}` },
    ]);
}

function workerRows({ workers }: NodeStatus): Cell[][] {
  return workers.map(({ id, cores, busy, labels }) => [
    { text: id },
    { text: String(cores) },
    { text: String(busy) },
    {
      text: printable(
        Object.entries(labels)
          .map(([name, value]) => `${name}=${value}`)
          .join(" "),
      ),
    },
  ]);
}

function shareRows({ shares }: NodeStatus): Cell[][] {
  return shares.map(({ job, workflow, share, state }) => [
    { text: printable(job) },
    { text: printable(workflow) },
    { text: String(share) },
    { text: state },
  ]);
}

/** Columns as wide as their widest cell, two cells apart. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], options: StatusOptions): string[] {
  const paint = createPaint(options.color);
  const widths = head.map((name, at) => Math.max(widthOf(name), ...rows.map((row) => widthOf(row[at]?.text ?? ""))));
  const line = (cells: readonly Cell[], style: Style): string =>
    lineOf(
      cells.map((cell, at) =>
        span(at === cells.length - 1 ? cell.text : padded(cell.text, (widths[at] ?? 0) + 2), cell.style ?? style),
      ),
      options.columns,
      paint,
    );
  return [
    line(
      head.map((text) => ({ text })),
      "dim",
    ),
    ...rows.map((row) => line(row, "plain")),
  ];
}
