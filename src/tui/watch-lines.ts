// `status --watch`: a cluster on one screen, with the rates of what runs and what happened lately. Lines of text that
// fit; when they are drawn is cli/'s business.

import { formatLatency } from "../base/units.ts";
import type { JobView } from "../load/result.ts";
import type { NodeStatus } from "../node/status.ts";
import { createPaint, lineOf, padded, span } from "./cells.ts";
import type { Change } from "./cluster-changes.ts";
import { percent } from "./plain.ts";
import { statusParts } from "./status-lines.ts";

export type Watched = {
  readonly status: NodeStatus;
  /** The newest view of jobs that run, by id. */
  readonly views: ReadonlyMap<string, JobView>;
  /** The newest last. */
  readonly events: readonly (Change & { readonly ageMs: number })[];
  /** Why what is shown is old; null: it is not. */
  readonly problem: string | null;
};

export type WatchOptions = { readonly columns: number; readonly rows: number; readonly color: boolean };

const EVENTS_MAX = 8;

/** At most rows - 1 lines. What does not fit goes in this order: events, ended jobs, members, workers. */
export function watchLines({ status, views, events, problem }: Watched, options: WatchOptions): string[] {
  const columns = Math.max(20, options.columns - 1);
  const rows = Math.max(8, options.rows - 1);
  const paint = createPaint(options.color);
  const parts = statusParts(status, { columns, color: options.color }, (id) => rateCells(views.get(id)));
  const recent = events
    .slice(-EVENTS_MAX)
    .map(({ ageMs, text, style }) =>
      lineOf([span(padded(agoText(ageMs), 9), "dim"), span(text, style)], columns, paint),
    );
  const head = problem === null ? parts.heading : [...parts.heading, lineOf([span(problem, "bad")], columns, paint)];
  const tables = [
    { lines: parts.jobs, isFromEnd: true, least: 2 },
    { lines: parts.workers, isFromEnd: false, least: 2 },
    { lines: parts.members, isFromEnd: false, least: 4 },
    { lines: parts.shares, isFromEnd: false, least: 2 },
    {
      lines: recent.length === 0 ? [] : [lineOf([span("LATELY", "dim")], columns, paint), ...recent],
      isFromEnd: true,
      least: 3,
    },
  ].filter(({ lines }) => lines.length > 0);
  let left = rows - head.length - tables.length;
  const room = tables.map(({ lines, least }) => {
    const given = Math.max(0, Math.min(lines.length, least, left));
    left -= given;
    return given;
  });
  for (const [at, { lines }] of tables.entries()) {
    const more = Math.max(0, Math.min(lines.length - (room[at] ?? 0), left));
    room[at] = (room[at] ?? 0) + more;
    left -= more;
  }
  const body = tables.flatMap(({ lines, isFromEnd }, at) => {
    const shown = fitted(lines, room[at] ?? 0, isFromEnd);
    return shown.length === 0 ? [] : ["", ...shown];
  });
  return [...head, ...body].slice(0, rows);
}

/** The first line is the heading of the columns and stays. */
function fitted(lines: readonly string[], room: number, isFromEnd: boolean): readonly string[] {
  if (room >= lines.length || room === 0) return lines.slice(0, room);
  const [heading = "", ...rest] = lines;
  return [heading, ...(isFromEnd ? rest.slice(rest.length - (room - 1)) : rest.slice(0, room - 1))];
}

/** Requests a second, p99 and errors of a job that runs. */
function rateCells(view: JobView | undefined): readonly string[] {
  if (view === undefined || view.requests === 0) return ["", "", ""];
  return [view.requestsPerSecond.toFixed(0), formatLatency(view.latencyNow.p99), percent(view.failedRatio)];
}

/** "now", "12s ago", "3m ago". */
function agoText(ageMs: number): string {
  const seconds = Math.floor(ageMs / 1_000);
  if (seconds < 1) return "now";
  return seconds < 120 ? `${seconds}s ago` : `${Math.floor(seconds / 60)}m ago`;
}
