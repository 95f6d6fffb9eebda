// The live view of a job as lines of text: pure, from one JobView and the seconds before it. What does not fit the
// terminal is left out, the least needed first. Drawing is painter.ts's.

import { formatBytes, formatLatency } from "../base/units.ts";
import type { JobView, LatencyView, WorkflowView } from "../load/result.ts";
import { horizontalBar, progressBar, sparkline } from "./bars.ts";
import { createPaint, cut, lineOf, padded, printable, span, widthOf, type Span, type Style } from "./cells.ts";
import { percent } from "./plain.ts";

export type LiveOptions = {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
  /** Requests of each whole second so far, oldest first. */
  readonly requestsBySecond: readonly number[];
  /** Planned length of the job; null where iterations decide it. */
  readonly totalMs: number | null;
};

/** A part of the view; the lower its rank, the longer it stays when rows are few. */
type Block = { readonly rank: number; readonly lines: readonly (readonly Span[])[] };

const COLUMNS_MAX = 120;
const NAME_COLUMNS_MAX = 24;
/** Below it, lines say less. */
const NARROW_COLUMNS = 64;

/** At most rows - 1 lines of at most columns - 1 cells: the last cell and row would make some terminals scroll. */
export function liveLines(view: JobView, options: LiveOptions): string[] {
  const columns = Math.max(20, Math.min(COLUMNS_MAX, options.columns - 1));
  const rows = Math.max(3, options.rows - 1);
  const blocks: readonly Block[] = [
    { rank: 0, lines: [headerSpans(view, options, columns)] },
    { rank: 1, lines: saturationLines(view) },
    { rank: 2, lines: workflowLines(view.workflows, columns, rows) },
    { rank: 3, lines: totalsLines(view, columns) },
    { rank: 4, lines: latencyLines(view, columns) },
    { rank: 6, lines: sparkLines(view, options, columns) },
    { rank: 7, lines: histogramLines(view, columns) },
    { rank: 5, lines: thresholdLines(view) },
  ];
  const paint = createPaint(options.color);
  return arrange(blocks, rows).map((spans) => lineOf(spans, columns, paint));
}

/** What stays on the screen when the job has ended: header and workflows. */
export function finalLines(view: JobView, options: LiveOptions): string[] {
  const columns = Math.max(20, Math.min(COLUMNS_MAX, options.columns - 1));
  const paint = createPaint(options.color);
  return [headerSpans(view, options, columns), ...workflowLines(view.workflows, columns, options.rows)].map((spans) =>
    lineOf(spans, columns, paint),
  );
}

/** Keeps the blocks that fit, by rank, each with an empty line before it while there is room. */
function arrange(blocks: readonly Block[], rows: number): readonly (readonly Span[])[] {
  const filled = blocks.filter((block) => block.lines.length > 0);
  const kept = new Set<Block>();
  let used = 0;
  for (const block of filled.toSorted((left, right) => left.rank - right.rank)) {
    if (used + block.lines.length > rows) continue;
    kept.add(block);
    used += block.lines.length;
  }
  let gaps = rows - used;
  return filled
    .filter((block) => kept.has(block))
    .flatMap((block, index) => {
      if (index === 0 || block.rank === 1 || gaps <= 0) return block.lines;
      gaps--;
      return [[], ...block.lines];
    });
}

function headerSpans(view: JobView, options: LiveOptions, columns: number): readonly Span[] {
  const state =
    view.state === "running" && view.workflows.some((workflow) => workflow.state === "stopping")
      ? "stopping"
      : view.state;
  const total = options.totalMs === null ? "" : ` / ${minutesText(options.totalMs)}`;
  const right = `${minutesText(view.elapsedMs)}${total}`;
  const stateText = ` ${state} `;
  const name = cut(printable(view.name), Math.max(6, columns - stateText.length - right.length - 2));
  const gap = Math.max(1, columns - widthOf(name) - stateText.length - right.length);
  return [span(name, "bold"), span(stateText, stateStyle(state)), span(" ".repeat(gap)), span(right, "dim")];
}

function stateStyle(state: string): Style {
  return state === "running" ? "good" : state === "ended" ? "dim" : "accent";
}

function saturationLines(view: JobView): readonly (readonly Span[])[] {
  if (!view.isSaturated) return [];
  const busiest = view.cores.reduce((most, core) => Math.max(most, core.cpu), 0);
  const lag = view.cores.reduce((most, core) => Math.max(most, core.loopLagMs), 0);
  const state = `cpu ${Math.round(busiest * 100)}%, loop ${timeText(lag)} late`;
  return [[span(`! generator saturated (${state}): times include its own delay`, "bad")]];
}

const MARKS: Readonly<Record<WorkflowView["state"], readonly [mark: string, style: Style]>> = {
  waiting: ["○", "dim"],
  preparing: ["○", "accent"],
  running: ["●", "accent"],
  stopping: ["●", "warn"],
  ended: ["✓", "good"],
  failed: ["✗", "bad"],
  skipped: ["–", "dim"],
};

function workflowLines(
  workflows: readonly WorkflowView[],
  columns: number,
  rows: number,
): readonly (readonly Span[])[] {
  const most = Math.max(2, Math.floor(rows / 2));
  // Where not all fit, those that run say more than those that wait or have ended.
  const shown =
    workflows.length <= most
      ? workflows
      : workflows.toSorted((left, right) => activity(right) - activity(left)).slice(0, most - 1);
  const lines = rowsOf(shown.map(workflowRow), columns);
  const rest = workflows.length - shown.length;
  return [
    ...lines,
    ...(rest === 0 ? [] : [[span(`  and ${rest} more workflows`, "dim")]]),
    ...waitLines(workflows, columns),
  ];
}

/** What the first of those that wait waits for: others mostly wait for the same. */
function waitLines(workflows: readonly WorkflowView[], columns: number): readonly (readonly Span[])[] {
  const first = workflows.find(({ waitsFor }) => waitsFor);
  if (first === undefined) return [];
  return [[span(cut(`  ${printable(first.name)} waits: ${printable(first.waitsFor ?? "")}`, columns), "warn")]];
}

function activity(workflow: WorkflowView): number {
  if (workflow.state === "running" || workflow.state === "stopping") return 3;
  if (workflow.state === "failed") return 2;
  return workflow.state === "preparing" ? 1 : 0;
}

/** What a workflow's line says, before it is known how wide its neighbours are. */
type WorkflowRow = {
  readonly mark: string;
  readonly style: Style;
  readonly name: string;
  readonly vus: string;
  readonly progress: string;
  readonly dropped: string;
  readonly rate: string;
  readonly part: number;
  readonly isOver: boolean;
};

function workflowRow(workflow: WorkflowView): WorkflowRow {
  const [mark, style] = MARKS[workflow.state];
  const seconds = workflow.elapsedMs / 1_000;
  const total = workflow.iterationsTotal;
  return {
    mark,
    style,
    name: printable(workflow.name),
    vus:
      workflow.state === "waiting" || workflow.state === "skipped"
        ? workflow.state
        : `${workflow.vus}/${workflow.vusMax} VUs`,
    progress:
      total === null
        ? `${minutesText(workflow.elapsedMs)}/${minutesText(workflow.totalMs)}`
        : `${count(workflow.completed)}/${count(total)} iters`,
    dropped: workflow.dropped > 0 ? `${count(workflow.dropped)} dropped` : "",
    rate: seconds > 0 && workflow.completed > 0 ? `${rateText(workflow.completed / seconds)} iters/s` : "",
    part: total === null ? workflow.elapsedMs / Math.max(1, workflow.totalMs) : workflow.completed / Math.max(1, total),
    isOver: workflow.state === "ended",
  };
}

/** Rows in common columns. Where they do not fit, the rate goes first, then the bar, then the VUs. */
function rowsOf(rows: readonly WorkflowRow[], columns: number): readonly (readonly Span[])[] {
  const widest = (of: (row: WorkflowRow) => string): number => Math.max(0, ...rows.map((row) => widthOf(of(row))));
  const gap = (width: number): number => (width === 0 ? 0 : width + 2);
  const name = Math.min(
    NAME_COLUMNS_MAX,
    Math.max(10, Math.floor(columns / 4)),
    Math.max(
      4,
      widest((row) => row.name),
    ),
  );
  const [vus, progress, dropped] = [
    widest((row) => row.vus),
    widest((row) => row.progress),
    widest((row) => row.dropped),
  ];
  const fixed = 2 + name + gap(progress) + gap(dropped);
  const hasVus = fixed + gap(vus) <= columns;
  const left = columns - fixed - (hasVus ? gap(vus) : 0);
  const rate = widest((row) => row.rate);
  const hasRate = left - gap(rate) >= 12;
  const bar = Math.min(30, left - (hasRate ? gap(rate) : 0) - 1);
  return rows.map((row) => [
    span(`${row.mark} `, row.style),
    span(padded(row.name, name)),
    span(bar >= 6 ? ` ${progressBar(row.isOver ? 1 : row.part, bar)}` : "", row.style),
    span(hasVus ? `  ${padded(row.vus, vus)}` : ""),
    span(`  ${padded(row.progress, progress)}`),
    span(hasRate && rate > 0 ? `  ${padded(row.rate, rate)}` : "", "dim"),
    span(row.dropped === "" ? "" : `  ${row.dropped}`, "warn"),
  ]);
}

function totalsLines(view: JobView, columns: number): readonly (readonly Span[])[] {
  const { passes, fails } = view.checks;
  const requests: Span[] = [
    span("requests ", "dim"),
    span(count(view.requests).padStart(9), "bold"),
    span(`  ${rateText(view.requestsPerSecond)}/s`, "accent"),
    span("  failed ", "dim"),
    span(percent(view.failedRatio), view.failedRatio > 0 ? "bad" : "good"),
  ];
  const checks: Span[] =
    passes + fails === 0
      ? []
      : [
          span("checks ", "dim"),
          span(percent(passes / (passes + fails)), fails > 0 ? "bad" : "good"),
          span(fails > 0 ? ` ${count(fails)} failed` : "", "bad"),
        ];
  const cpu: Span[] =
    view.cores.length === 0
      ? []
      : [
          span("  cpu ", "dim"),
          span(
            view.cores.map((core) => `${Math.round(core.cpu * 100)}%`).join(" "),
            view.isSaturated ? "bad" : "plain",
          ),
        ];
  const traffic: Span[] = [
    span("received ", "dim"),
    span(`${formatBytes(view.bytesReceivedPerSecond)}/s`.padStart(9)),
    span("  sent ", "dim"),
    span(`${formatBytes(view.bytesSentPerSecond)}/s`),
  ];
  if (columns < NARROW_COLUMNS) return [requests, ...(checks.length === 0 ? [] : [checks]), traffic];
  return [checks.length === 0 ? requests : [...requests, span("  "), ...checks], [...traffic, ...cpu]];
}

const LATENCY_COLUMNS: readonly (readonly [name: string, of: (latency: LatencyView) => number])[] = [
  ["avg", (latency) => latency.avg],
  ["p50", (latency) => latency.p50],
  ["p90", (latency) => latency.p90],
  ["p95", (latency) => latency.p95],
  ["p99", (latency) => latency.p99],
  ["max", (latency) => latency.max],
];

function latencyLines(view: JobView, columns: number): readonly (readonly Span[])[] {
  if (view.requests === 0) return [];
  // Narrow terminals show the columns people ask for first.
  const shown =
    columns >= NARROW_COLUMNS
      ? LATENCY_COLUMNS
      : columns >= 46
        ? LATENCY_COLUMNS.filter(([name]) => name !== "avg" && name !== "p90")
        : LATENCY_COLUMNS.filter(([name]) => name === "p50" || name === "p95" || name === "p99");
  const width = columns >= 46 ? 10 : 9;
  const row = (label: string, latency: LatencyView): Span[] => [
    span(label.padEnd(9), "dim"),
    ...shown.map(([, of]) => span(timeText(of(latency)).padStart(width))),
  ];
  return [
    [span("latency".padEnd(9), "dim"), ...shown.map(([name]) => span(name.padStart(width), "dim"))],
    row("  now", view.latencyNow),
    row("  all", view.latencyAll),
  ];
}

function sparkLines(view: JobView, options: LiveOptions, columns: number): readonly (readonly Span[])[] {
  if (options.requestsBySecond.length < 2) return [];
  const most = options.requestsBySecond.reduce((max, value) => Math.max(max, value), 0);
  const label = "req/s    ";
  const scale = ` max ${rateText(most)}`;
  return [
    [
      span(label, "dim"),
      span(sparkline(options.requestsBySecond, columns - label.length - scale.length), "accent"),
      span(scale, "dim"),
    ],
  ];
}

function histogramLines(view: JobView, columns: number): readonly (readonly Span[])[] {
  const bins = view.histogram.filter((bin) => bin.count > 0);
  if (bins.length < 2) return [];
  const most = bins.reduce((max, bin) => Math.max(max, bin.count), 0);
  const labelOf = (bin: JobView["histogram"][number]): string => `to ${timeText(bin.toMs)}`;
  const labelColumns = Math.max(...bins.map((bin) => widthOf(labelOf(bin))), 8) + 1;
  const barColumns = Math.max(8, Math.min(60, columns - labelColumns - 12));
  return bins.map((bin) => [
    span(padded(labelOf(bin), labelColumns), "dim"),
    span(horizontalBar(bin.count / most, barColumns), "accent"),
    span(` ${count(bin.count)}`, "dim"),
  ]);
}

function thresholdLines(view: JobView): readonly (readonly Span[])[] {
  if (view.thresholds.length === 0) return [];
  const failing = view.thresholds.filter((threshold) => !threshold.ok);
  const passing = view.thresholds.length - failing.length;
  const lines: (readonly Span[])[] = [
    [
      span("thresholds ", "dim"),
      span(`✓ ${passing}`, passing > 0 ? "good" : "dim"),
      span(`  ✗ ${failing.length}`, failing.length > 0 ? "bad" : "dim"),
    ],
  ];
  for (const { metricKey, expression, value } of failing.slice(0, 3)) {
    lines.push([
      span(`  ✗ ${printable(metricKey)} ${printable(expression)}`, "bad"),
      span(value === null ? "" : `  is ${Number(value.toFixed(2))}`),
    ]);
  }
  if (failing.length > 3) lines.push([span(`  and ${failing.length - 3} more`, "bad")]);
  return lines;
}

/** 73000 -> "01:13"; beyond an hour "1:01:13". */
function minutesText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3_600);
  const rest = `${two(Math.floor((seconds % 3_600) / 60))}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** Three digits: more would only flicker. */
function timeText(ms: number): string {
  return formatLatency(Number(ms.toPrecision(3)));
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function rateText(rate: number): string {
  return rate >= 100 ? count(Math.round(rate)) : rate.toFixed(1);
}
