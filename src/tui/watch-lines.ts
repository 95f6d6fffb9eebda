// `status --watch`: a cluster on one screen, in four views, with the rates of what runs and what happened lately. Lines
// of text that fit any terminal; when they are drawn is cli/'s business.

import { addressText } from "../base/address.ts";
import type { NodeStatus } from "../node/status.ts";
import { createPaint, lineOf, padded, type Paint, span, type Span, widthOf } from "./cells.ts";
import type { Change } from "./cluster-changes.ts";
import type { Key } from "./keys.ts";
import { shortId } from "./node-lines.ts";
import {
  circuitLines,
  factsOf,
  jobLines,
  memberLines,
  statusLines,
  workerLines,
  NAME_COLUMNS,
} from "./status-lines.ts";
import type { TableOptions } from "./table.ts";

export type Watched = {
  readonly status: NodeStatus;
  /** Requests a second of jobs that run, by id, the newest last. */
  readonly history: ReadonlyMap<string, readonly number[]>;
  /** The newest last. */
  readonly events: readonly (Change & { readonly ageMs: number })[];
  /** Why what is shown is old; null: it is not. */
  readonly problem: string | null;
};

export const VIEWS = ["cluster", "jobs", "workers", "events"] as const;
export type View = (typeof VIEWS)[number];

/** What is looked at: a view, and how many of its lines are above the first one shown. */
export type Gaze = { readonly view: View; readonly top: number };

export type WatchOptions = TableOptions & { readonly rows: number };

/** What a key does to what is looked at; null: leave. `page`: lines of a page. */
export function gazeAfter(gaze: Gaze, key: Key, page: number): Gaze | null {
  const to = (top: number): Gaze => ({ ...gaze, top: Math.max(0, top) });
  const turned = (by: number): Gaze => ({
    view: VIEWS[(VIEWS.indexOf(gaze.view) + by + VIEWS.length) % VIEWS.length] ?? "cluster",
    top: 0,
  });
  switch (key) {
    case "interrupt":
      return null;
    case "up":
      return to(gaze.top - 1);
    case "down":
      return to(gaze.top + 1);
    case "pageUp":
      return to(gaze.top - page);
    case "pageDown":
      return to(gaze.top + page);
    case "home":
      return to(0);
    case "end":
      return to(Number.MAX_SAFE_INTEGER);
    case "left":
      return turned(-1);
    case "right":
      return turned(1);
    default:
      return gazeAtChar(gaze, key.char, { to, turned });
  }
}

function gazeAtChar(
  gaze: Gaze,
  char: string,
  { to, turned }: { readonly to: (top: number) => Gaze; readonly turned: (by: number) => Gaze },
): Gaze | null {
  const view = VIEWS[Number(char) - 1];
  if (view !== undefined) return { view, top: 0 };
  switch (char) {
    case "q":
    case "Q":
      return null;
    case "k":
      return to(gaze.top - 1);
    case "j":
      return to(gaze.top + 1);
    case "\t":
      return turned(1);
    default:
      return gaze;
  }
}

/** Exactly `rows` lines, each shorter than the terminal; and where the view really is: nobody scrolls past its end. */
export function watchLines(
  watched: Watched,
  gaze: Gaze,
  options: WatchOptions,
): { readonly lines: readonly string[]; readonly gaze: Gaze } {
  const columns = Math.max(10, options.columns - 1);
  const rows = Math.max(6, options.rows);
  const inner = { columns, color: options.color };
  const paint = createPaint(options.color);
  const head = headLines(watched, columns, paint);
  const room = rows - head.length - 2;
  const { lines: body, top, hidden } = bodyLines(watched, gaze, { ...inner, rows: room });
  const filled = [...head, "", ...body, ...Array<string>(Math.max(0, room - body.length)).fill("")];
  return { lines: [...filled.slice(0, rows - 1), footLine(gaze.view, hidden, columns, paint)], gaze: { ...gaze, top } };
}

// ── head and foot ───────────────────────────────────────────────────────────────────────────────

const WIDE_COLUMNS = 110;

/** Who was asked and the facts, two in a line where there is room. */
function headLines({ status, problem }: Watched, columns: number, paint: Paint): string[] {
  const { node } = status;
  const who = `${node.role} ${addressText(node.address)} (${shortId(node.id)}), environment ${node.environment}`;
  const named = (name: string, ...spans: readonly Span[]): Span[] => [
    span(padded(name, NAME_COLUMNS), "dim"),
    ...spans,
  ];
  const facts = [
    named("asked", span(who)),
    ...factsOf(status, columns - NAME_COLUMNS).map(([name, ...spans]) => named(name, ...spans)),
  ];
  const lines: string[] = [];
  const isWide = columns >= WIDE_COLUMNS;
  const half = Math.floor(columns / 2);
  for (let at = 0; at < facts.length; at++) {
    const [left = [], right = []] = [facts[at], facts[at + 1]];
    if (isWide && textWidth(left) <= half - 2 && right.length > 0 && textWidth(right) <= columns - half) {
      lines.push(lineOf([...left, span(" ".repeat(half - textWidth(left))), ...right], columns, paint));
      at++;
    } else lines.push(lineOf(left, columns, paint));
  }
  return problem === null ? lines : [...lines, lineOf([span(problem, "bad")], columns, paint)];
}

function footLine(view: View, hidden: string, columns: number, paint: Paint): string {
  const tabs = VIEWS.flatMap((name, at): Span[] => {
    const label = `${at + 1} ${name}`;
    return [name === view ? span(`[${label}]`, "accent") : span(` ${label} `, "dim"), span(" ")];
  });
  return lineOf(
    [...tabs, span(" ↑↓ scroll  q quit", "dim"), span(hidden === "" ? "" : `  ${hidden}`, "warn")],
    columns,
    paint,
  );
}

function textWidth(spans: readonly Span[]): number {
  return spans.reduce((sum, { text }) => sum + widthOf(text), 0);
}

// ── bodies ──────────────────────────────────────────────────────────────────────────────────────

type Body = { readonly lines: readonly string[]; readonly top: number; readonly hidden: string };

function bodyLines(watched: Watched, { view, top }: Gaze, options: WatchOptions): Body {
  const { status } = watched;
  switch (view) {
    case "cluster":
      return top === 0 ? fittedBody(watched, options) : scrolled([], wholeBody(watched, options), top, options.rows);
    case "jobs":
      return table(
        jobLines({ ...status, jobs: newestFirst(status) }, options, watched.history),
        "no jobs",
        top,
        options,
      );
    case "workers": {
      const pool = workerLines(status, options);
      const rest = [memberLines(status, options), circuitLines(status, options)].filter(({ length }) => length > 0);
      return scrolled([], [pool.length === 0 ? ["no workers"] : pool, ...rest].flatMap(spaced), top, options.rows);
    }
    case "events": {
      const lines = eventLines(watched, options).toReversed();
      return scrolled([], lines.length === 0 ? ["nothing happened since this was started"] : lines, top, options.rows);
    }
  }
}

/** A table whose heading stays where it is. */
function table(lines: readonly string[], none: string, top: number, { rows }: WatchOptions): Body {
  const [heading = "", ...rest] = lines;
  return rest.length === 0 ? scrolled([], [none], 0, rows) : scrolled([heading], rest, top, rows);
}

function scrolled(heading: readonly string[], lines: readonly string[], wanted: number, rows: number): Body {
  const room = Math.max(1, rows - heading.length);
  const top = Math.min(wanted, Math.max(0, lines.length - room));
  const shown = lines.slice(top, top + room);
  const hidden = lines.length <= room ? "" : `${top + 1} to ${top + shown.length} of ${lines.length}`;
  return { lines: [...heading, ...shown], top, hidden };
}

function spaced(lines: readonly string[], at: number): readonly string[] {
  return at === 0 ? lines : ["", ...lines];
}

/** Everything of the cluster, to scroll through. */
function wholeBody(watched: Watched, options: WatchOptions): readonly string[] {
  const parts = partsOf(watched, options).map(({ lines }) => lines);
  return parts.filter(({ length }) => length > 0).flatMap(spaced);
}

type Part = { readonly lines: readonly string[]; readonly least: number };

/** In the order shown, what is wanted most first where rows are few: `least` lines each, then more. */
function partsOf(watched: Watched, options: WatchOptions): readonly Part[] {
  const { status } = watched;
  const paint = createPaint(options.color);
  const jobs =
    status.jobs.length === 0 ? [] : jobLines({ ...status, jobs: newestFirst(status) }, options, watched.history);
  const events = eventLines(watched, options).toReversed();
  const lately = events.length === 0 ? [] : [paint("LATELY", "dim"), ...events];
  if (status.node.role === "worker")
    return [
      { lines: statusLines(status, options).slice(2), least: 6 },
      { lines: lately, least: 4 },
    ];
  return [
    { lines: jobs, least: 4 },
    ...poolParts(status, options),
    { lines: circuitLines(status, options), least: 2 },
    { lines: lately, least: 4 },
  ];
}

const GAP = 4;

/** Members and workers, side by side where there is room. */
function poolParts(status: NodeStatus, options: WatchOptions): readonly Part[] {
  const members = memberLines(status, options);
  const workers = workerLines(status, options);
  const width = Math.max(0, ...members.map(plainWidth));
  const left = options.columns - width - GAP;
  if (workers.length === 0 || left < 50)
    return [
      { lines: members, least: 5 },
      { lines: workers, least: 3 },
    ];
  const beside = workerLines(status, { ...options, columns: left });
  const count = Math.max(members.length, beside.length);
  const lines = Array.from({ length: count }, (_, at) => {
    const member = members[at] ?? "";
    return `${member}${" ".repeat(width + GAP - plainWidth(member))}${beside[at] ?? ""}`.trimEnd();
  });
  return [{ lines, least: 6 }];
}

/** As much of each part as there is room for: first the least of each, then more of the first. */
function fittedBody(watched: Watched, options: WatchOptions): Body {
  const parts = partsOf(watched, options).filter(({ lines }) => lines.length > 0);
  let left = options.rows - (parts.length - 1);
  const rooms = parts.map(({ lines, least }) => {
    const room = Math.max(0, Math.min(lines.length, least, left));
    left -= room;
    return room;
  });
  for (const [at, { lines }] of parts.entries()) {
    const more = Math.max(0, Math.min(lines.length - (rooms[at] ?? 0), left));
    rooms[at] = (rooms[at] ?? 0) + more;
    left -= more;
  }
  // A heading without a line under it says nothing.
  const shown = parts.map(({ lines }, at) => lines.slice(0, (rooms[at] ?? 0) < 2 ? 0 : rooms[at]));
  const isCut = shown.some(({ length }, at) => length < (parts[at]?.lines.length ?? 0));
  const lines = shown.filter(({ length }) => length > 0).flatMap(spaced);
  return { lines: lines.slice(0, options.rows), top: 0, hidden: isCut ? "more below" : "" };
}

/** Those that run, then those that ended; the newest of both first. */
function newestFirst({ jobs }: NodeStatus): NodeStatus["jobs"] {
  const newest = jobs.toReversed();
  const isOver = ({ state }: (typeof newest)[number]): boolean => state === "finished";
  return [...newest.filter((job) => !isOver(job)), ...newest.filter(isOver)];
}

const AGE_COLUMNS = 9;

/** The newest last. */
function eventLines({ events }: Watched, { columns, color }: WatchOptions): string[] {
  const paint = createPaint(color);
  return events.map(({ ageMs, text, style }) =>
    lineOf([span(padded(agoText(ageMs), AGE_COLUMNS), "dim"), span(text, style)], columns, paint),
  );
}

/** "now", "12s ago", "3m ago", "2h ago". */
function agoText(ageMs: number): string {
  const seconds = Math.floor(ageMs / 1_000);
  if (seconds < 1) return "now";
  if (seconds < 120) return `${seconds}s ago`;
  return seconds < 7_200 ? `${Math.floor(seconds / 60)}m ago` : `${Math.floor(seconds / 3_600)}h ago`;
}

function plainWidth(line: string): number {
  return widthOf(line.replace(/\x1b\[[0-9;]*m/g, ""));
}
