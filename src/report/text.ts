// The printed summary, in the layout k6 users know, with what k6 does not say: accounting, the generator's own health,
// errors. Pure text of a Summary; the rows of metrics are laid out in text-metrics.ts.

import pc from "picocolors";
import { formatDuration, formatLatency } from "../base/units.ts";
import { blockRows, checkRows, type BlockLayout, type Paint } from "./text-metrics.ts";
import type { Summary, SummaryMetric } from "./summary-schema.ts";
import { thresholdCount, worstCore } from "./verdict.ts";
import {
  aggregateOf,
  formatRatio,
  formatShare,
  formatThresholdValue,
  INTERRUPTED_TEXT,
  oneLine,
  workflowName,
} from "./words.ts";

export type SummaryTextOptions = {
  readonly color: boolean;
  /** Width of the terminal in cells: prose is wrapped there, rows of numbers never. */
  readonly columns: number;
  /** Columns of trend rows: the plan's summaryTrendStats. */
  readonly trendStats: readonly string[];
  /** With every built-in metric; false: k6's compact choice. */
  readonly isFull?: boolean;
  /** Names of metrics that are in the compact choice, too: those of the plan's `shown`. */
  readonly shown?: readonly string[];
};

/** Errors shown; the JSON summary and the HTML page hold all. */
const ERRORS_MAX = 10;
const PROSE_COLUMNS_MIN = 40;

/** The whole summary, ending in a line feed. */
export function summaryText(summary: Summary, options: SummaryTextOptions): string {
  const paint = pc.createColors(options.color);
  const sections = [
    thresholdLines(summary, paint),
    totalLines(summary, options, paint),
    ...workflowSections(summary, options, paint),
    accountingLines(summary, options, paint),
    generatorLines(summary, options, paint),
    warningLines(summary, options, paint),
    errorLines(summary, options, paint),
  ];
  const body = sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n\n");
  return `\n${body}\n\n\n${verdictLines(summary, options, paint).join("\n")}\n`;
}

function header(title: string, paint: Paint): string {
  return `  █ ${paint.bold(title)}`;
}

function thresholdLines(summary: Summary, paint: Paint): readonly string[] {
  const judged = Object.entries(summary.metrics).filter(([, metric]) => Object.keys(metric.thresholds).length > 0);
  if (judged.length === 0) return [];
  const lines = [header("THRESHOLDS", paint)];
  for (const [key, metric] of judged) lines.push("", `    ${oneLine(key)}`, ...outcomeLines(metric, paint));
  return lines;
}

function outcomeLines(metric: SummaryMetric, paint: Paint): readonly string[] {
  return Object.entries(metric.thresholds).map(([expression, { ok, value }]) => {
    const mark = ok ? paint.green("✓") : paint.red("✗");
    const reading =
      value === null
        ? paint.dim("no samples")
        : `${aggregateOf(expression)}=${paint.cyan(formatThresholdValue(expression, value, metric))}`;
    return `    ${mark} '${oneLine(expression)}' ${reading}`;
  });
}

function totalLines(summary: Summary, options: SummaryTextOptions, paint: Paint): readonly string[] {
  const layout = layoutOf(options, secondsOf(summary));
  return [
    header("TOTAL RESULTS", paint),
    ...blockRows(summary.metrics, layout, paint, checkRows(summary.checks, paint)),
  ];
}

/** Each workflow by itself, where there is more than one. */
function workflowSections(summary: Summary, options: SummaryTextOptions, paint: Paint): readonly (readonly string[])[] {
  const entries = Object.entries(summary.workflows);
  if (entries.length < 2) return [];
  return entries.map(([name, workflow]) => {
    const state = workflow.state === "completed" ? "" : ` ${paint.yellow(`(${workflow.state})`)}`;
    const title = `${header(`WORKFLOW: ${oneLine(name)}`, paint)}${state}  ${paint.dim(workflow.executor)}`;
    if (workflow.state === "skipped") return [title, "", `    ${paint.dim("never started")}`];
    const layout = layoutOf(options, (workflow.to - workflow.from) / 1_000);
    const checks = summary.checks.filter((check) => check.workflow === name);
    return [title, ...blockRows(workflow.metrics, layout, paint, checkRows(checks, paint))];
  });
}

function layoutOf(options: SummaryTextOptions, seconds: number): BlockLayout {
  return { trendStats: options.trendStats, isFull: options.isFull ?? false, shown: options.shown ?? [], seconds };
}

/** What the plain numbers do not show; nothing where everything went as asked. */
function accountingLines(summary: Summary, options: SummaryTextOptions, paint: Paint): readonly string[] {
  const { accounting } = summary;
  const { scheduled, started, interrupted, dropped, unsent, late, reruns, unreportedMax, disturbed } = accounting;
  if (interrupted + dropped + unsent + late + reruns + unreportedMax + disturbed.length === 0) return [];
  const rows: (readonly [name: string, value: string, note: string])[] = [
    ["iterations_scheduled", String(scheduled), ""],
    ["iterations_started", String(started), started + dropped === scheduled ? "started + dropped = scheduled" : ""],
  ];
  const add = (name: string, count: number, note: string): void => {
    if (count > 0) rows.push([name, String(count), note]);
  };
  add("iterations_dropped", dropped, `${formatShare(dropped, scheduled)} of scheduled never began`);
  add("iterations_interrupted", interrupted, INTERRUPTED_TEXT);
  add("requests_unsent", unsent, "in http_reqs, yet never got a socket: the target did not see them");
  add("samples_late", late, "came after their share was closed: in no total");
  add("reruns", reruns, "setup or teardown ran again after its runner died");
  add("requests_unreported", unreportedMax, "at most so many were sent and are in no total");
  const width = Math.max(...rows.map(([name]) => name.length)) + 3;
  const valueWidth = Math.max(...rows.map(([, value]) => value.length));
  const lines = rows.map(([name, value, note]) => {
    const leader = paint.dim(`${".".repeat(width - name.length)}:`);
    const remark = note === "" ? "" : `${" ".repeat(valueWidth - value.length)} ${paint.dim(note)}`;
    return `    ${name}${leader} ${paint.cyan(value)}${remark}`;
  });
  for (const { from, to, why } of disturbed) {
    const stretch = `from ${formatDuration(Math.round(from))} to ${formatDuration(Math.round(to))}`;
    lines.push(...bullet(paint.yellow("!"), `disturbed ${stretch}: ${oneLine(why)}`, options));
  }
  return [header("ACCOUNTING", paint), "", ...lines];
}

function generatorLines(summary: Summary, options: SummaryTextOptions, paint: Paint): readonly string[] {
  const { saturated, cpu, loopLagMs, nodes, startSkewMs } = summary.generator;
  const cores = nodes.reduce((sum, node) => sum + node.cores.length, 0);
  if (cores === 0) return [];
  const where = nodes.length > 1 ? ` on ${nodes.length} nodes` : "";
  const mean = cores === 1 ? "of 1 core" : `of each of ${cores} cores${where}`;
  const load = `    cpu${paint.dim("........:")} ${paint.cyan(formatRatio(cpu))} ${mean}`;
  const [p99, max] = [loopLagMs["p(99)"], loopLagMs.max].map((lag) => paint.cyan(formatLatency(lag)));
  const lines = [header("GENERATOR", paint), "", load, `    loop_lag${paint.dim("...:")} p(99)=${p99} max=${max}`];
  if (startSkewMs !== undefined)
    lines.push(`    start_skew${paint.dim(".:")} max=${paint.cyan(formatLatency(startSkewMs.max))} between workers`);
  if (!saturated) return lines;
  const prose =
    `SATURATED: the generator was the bottleneck: ${worstCore(summary)}. ` +
    "The numbers above measure it, not the target. Give it more cores or workers, or ask for less load.";
  return [...lines, "", ...bullet(paint.red("✗"), prose, options).map((line) => paint.red(paint.bold(line)))];
}

function warningLines(summary: Summary, options: SummaryTextOptions, paint: Paint): readonly string[] {
  if (summary.warnings.length === 0) return [];
  const lines = summary.warnings.flatMap((warning) => bullet(paint.yellow("!"), oneLine(warning), options));
  return [header("WARNINGS", paint), "", ...lines];
}

function errorLines(summary: Summary, options: SummaryTextOptions, paint: Paint): readonly string[] {
  const { errors } = summary;
  if (errors.length === 0) return [];
  const shown = errors.slice(0, ERRORS_MAX);
  const width = Math.max(...shown.map(({ count }) => String(count).length));
  const hasWorkflows = Object.keys(summary.workflows).length > 1;
  const lines = shown.flatMap(({ workflow, message, count }) => {
    const prose = hasWorkflows ? `${oneLine(workflowName(workflow))}: ${oneLine(message)}` : oneLine(message);
    return bullet(paint.red(String(count).padStart(width)), prose, options, width);
  });
  const rest = errors.length - shown.length;
  const more = rest === 0 ? [] : [`    ${paint.dim(`and ${rest} more kinds: see --summary-export or --html`)}`];
  return [header("ERRORS", paint), "", ...lines, ...more];
}

function verdictLines(summary: Summary, options: SummaryTextOptions, paint: Paint): readonly string[] {
  const { name, state, reason, durationMs, pausedMs } = summary.job;
  const { passed, failed } = thresholdCount(summary);
  const isGood = state === "completed" && failed === 0;
  const thresholds =
    failed > 0
      ? `, ${failed} of ${passed + failed} thresholds failed`
      : passed > 0
        ? `, ${passed === 1 ? "its threshold" : `all ${passed} thresholds`} passed`
        : "";
  // A completed job has no other reason than its thresholds, which are counted.
  const because = reason === "" || state === "completed" ? "" : `: ${oneLine(reason)}`;
  const paused = pausedMs > 0 ? `, ${roundedDuration(pausedMs)} of them paused` : "";
  const prose = `${oneLine(name)} ${state} after ${roundedDuration(durationMs)}${paused}${because}${thresholds}`;
  const color = isGood ? paint.green : paint.red;
  return bullet(color(isGood ? "✓" : "✗"), prose, options, 1, 2).map((line) => paint.bold(line));
}

function roundedDuration(ms: number): string {
  return formatDuration(ms < 1_000 ? Math.round(ms) : Math.round(ms / 100) * 100);
}

function secondsOf(summary: Summary): number {
  const started = Object.values(summary.workflows).filter(({ to }) => to > 0);
  if (started.length === 0) return 0;
  const spanMs = Math.max(...started.map(({ to }) => to)) - Math.min(...started.map(({ from }) => from));
  return Math.max(0, spanMs - summary.job.pausedMs) / 1_000;
}

/** Prose behind a mark, wrapped at the terminal's width with a hanging indent. `markWidth`: cells of the mark. */
function bullet(
  mark: string,
  prose: string,
  options: SummaryTextOptions,
  markWidth = 1,
  indent = 4,
): readonly string[] {
  const hang = indent + markWidth + 1;
  return wrap(prose, Math.max(PROSE_COLUMNS_MIN, options.columns) - hang).map((line, at) =>
    at === 0 ? `${" ".repeat(indent)}${mark} ${line}` : `${" ".repeat(hang)}${line}`,
  );
}

function wrap(prose: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of prose.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
