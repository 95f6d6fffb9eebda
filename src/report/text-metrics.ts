// Rows of metrics and checks as k6 prints them: dotted leaders, columns aligned over a whole block. Part of text.ts.

import type pc from "picocolors";
import type { Contains } from "../load/series.ts";
import type { Summary, SummaryCheck, SummaryMetric } from "./summary-schema.ts";
import {
  compareKeys,
  formatEstimate,
  formatNumber,
  formatPerSecond,
  formatShare,
  formatValue,
  METRIC_SECTIONS,
  oneLine,
  sectionOf,
  splitKey,
  type MetricSection,
} from "./words.ts";

export type Paint = ReturnType<typeof pc.createColors>;

export type BlockLayout = {
  readonly trendStats: readonly string[];
  readonly isFull: boolean;
  /** Names of metrics that the test wants shown. */
  readonly shown: readonly string[];
  /** Length of the block's run, for checks per second. */
  readonly seconds: number;
};

/** A row before alignment. `columns` are plain text; "stat=value" pairs have the value coloured. */
type Row = { readonly label: string; readonly kind: "trend" | "plain"; readonly columns: readonly string[] };

/** Built-in metrics that k6's compact summary leaves out. One with a threshold or a submetric is shown all the same. */
const ONLY_IN_FULL: ReadonlySet<string> = new Set([
  "http_req_blocked",
  "http_req_connecting",
  "http_req_tls_handshaking",
  "http_req_sending",
  "http_req_waiting",
  "http_req_receiving",
]);

/** Checks' totals, `checkLines` after them, then the metrics by section. Blank lines are part of it. */
export function blockRows(
  metrics: Summary["metrics"],
  layout: BlockLayout,
  paint: Paint,
  checkLines: readonly string[],
): readonly string[] {
  const checks = checkTotals(metrics["checks"], layout.seconds);
  const sections = METRIC_SECTIONS.map((section) => ({ section, rows: sectionRows(metrics, section, layout) })).filter(
    ({ rows }) => rows.length > 0,
  );
  const all = sections.flatMap(({ rows }) => rows);
  const labelWidth = Math.max(...[...all, ...checks].map(({ label }) => label.length), 0) + 3;
  const widths = columnWidths(all);
  const lines: string[] = [];
  if (checks.length > 0) lines.push("", ...render(checks, labelWidth, columnWidths(checks), paint), "", ...checkLines);
  for (const { section, rows } of sections) {
    lines.push("", `    ${paint.bold(section)}`, ...render(rows, labelWidth, widths, paint));
  }
  return lines;
}

/** Each check once per group, groups nested: ✓ or ✗, and how many where some failed. */
export function checkRows(checks: readonly SummaryCheck[], paint: Paint): readonly string[] {
  const groups = new Map<string, Map<string, { passes: number; fails: number }>>();
  for (const { group, name, passes, fails } of checks) {
    const named = groups.get(group) ?? new Map<string, { passes: number; fails: number }>();
    groups.set(group, named);
    const before = named.get(name) ?? { passes: 0, fails: 0 };
    named.set(name, { passes: before.passes + passes, fails: before.fails + fails });
  }
  const lines: string[] = [];
  let path: readonly string[] = [];
  for (const group of [...groups.keys()].sort()) {
    const names = group === "" ? [] : group.split("::").slice(1);
    names.forEach((name, depth) => {
      if (names.slice(0, depth + 1).join("::") === path.slice(0, depth + 1).join("::")) return;
      if (depth === 0 && lines.length > 0) lines.push("");
      lines.push(`${" ".repeat(4 + depth * 2)}${paint.dim("↳")} ${paint.bold(oneLine(name))}`);
    });
    path = names;
    const indent = " ".repeat(4 + names.length * 2);
    for (const [name, { passes, fails }] of groups.get(group) ?? []) {
      lines.push(...checkLine(name, passes, fails, indent, paint));
    }
  }
  return lines;
}

function checkLine(name: string, passes: number, fails: number, indent: string, paint: Paint): readonly string[] {
  if (fails === 0) return [`${indent}${paint.green("✓")} ${oneLine(name)}`];
  const percent = Math.floor((passes * 100) / (passes + fails));
  return [
    `${indent}${paint.red("✗")} ${paint.red(oneLine(name))}`,
    `${indent}  ${paint.dim("↳")}  ${percent}% — ${paint.green(`✓ ${passes}`)} / ${paint.red(`✗ ${fails}`)}`,
  ];
}

function checkTotals(metric: SummaryMetric | undefined, seconds: number): readonly Row[] {
  if (metric === undefined || metric.type !== "rate") return [];
  const { passes, fails } = metric.values;
  const total = passes + fails;
  if (total === 0) return [];
  const perSecond = seconds > 0 ? total / seconds : 0;
  const outOf = (part: number): readonly string[] => [formatShare(part, total), `${part} out of ${total}`];
  return [
    { label: "checks_total", kind: "plain", columns: [String(total), formatPerSecond(perSecond, "default")] },
    { label: "checks_succeeded", kind: "plain", columns: outOf(passes) },
    { label: "checks_failed", kind: "plain", columns: outOf(fails) },
  ];
}

/** A section's metrics by name, each followed by its submetrics. */
function sectionRows(metrics: Summary["metrics"], section: MetricSection, layout: BlockLayout): readonly Row[] {
  const rows: Row[] = [];
  // A submetric stands below its own metric: below another it would be read as one of that.
  const wanted = new Set(layout.shown);
  for (const key of Object.keys(metrics)) if (splitKey(key).tags !== "") wanted.add(splitKey(key).name);
  for (const key of Object.keys(metrics).sort(compareKeys)) {
    const metric = metrics[key];
    const { name, tags } = splitKey(key);
    if (metric === undefined || sectionOf(name) !== section) continue;
    const isWanted = wanted.has(name) || Object.keys(metric.thresholds).length > 0;
    if (!layout.isFull && !isWanted && ONLY_IN_FULL.has(name)) continue;
    rows.push(rowOf(tags === "" ? oneLine(name) : `  { ${oneLine(tags)} }`, metric, layout));
  }
  return rows;
}

function rowOf(label: string, metric: SummaryMetric, layout: BlockLayout): Row {
  const { contains } = metric;
  switch (metric.type) {
    case "counter": {
      const { count, rate } = metric.values;
      return { label, kind: "plain", columns: [formatValue(count, contains), formatPerSecond(rate, contains)] };
    }
    case "rate": {
      const { passes, fails } = metric.values;
      const total = passes + fails;
      return { label, kind: "plain", columns: [formatShare(passes, total), `${passes} out of ${total}`] };
    }
    case "gauge": {
      const { value, min, max } = metric.values;
      const [now, least, most] = [value, min, max].map((one) => formatValue(one, contains));
      return { label, kind: "plain", columns: [`${now}`, `min=${least}`, `max=${most}`] };
    }
    case "trend":
      return {
        label,
        kind: "trend",
        columns: layout.trendStats.map((stat) => `${stat}=${trendValue(metric.values[stat], stat, contains)}`),
      };
  }
}

function trendValue(value: number | undefined, stat: string, contains: Contains): string {
  if (value === undefined) return "?";
  if (stat === "count") return formatNumber(value);
  if (contains === "default" && (stat === "med" || stat.startsWith("p("))) return formatEstimate(value);
  return formatValue(value, contains);
}

type Widths = { readonly trend: readonly number[]; readonly plain: readonly number[] };

function columnWidths(rows: readonly Row[]): Widths {
  const widths: { trend: number[]; plain: number[] } = { trend: [], plain: [] };
  for (const { kind, columns } of rows) {
    columns.forEach((text, at) => (widths[kind][at] = Math.max(widths[kind][at] ?? 0, text.length)));
  }
  return widths;
}

function render(rows: readonly Row[], labelWidth: number, widths: Widths, paint: Paint): readonly string[] {
  return rows.map(({ label, kind, columns }) => {
    const last = columns.length - 1;
    const values = columns.map((text, at) => {
      const padding = at === last ? "" : " ".repeat((widths[kind][at] ?? 0) - text.length);
      return `${paintColumn(text, at, paint)}${padding}`;
    });
    return `    ${label}${paint.dim(`${".".repeat(labelWidth - label.length)}:`)} ${values.join(" ")}`;
  });
}

function paintColumn(text: string, at: number, paint: Paint): string {
  const equals = text.indexOf("=");
  if (equals >= 0) return `${text.slice(0, equals + 1)}${paint.cyan(text.slice(equals + 1))}`;
  return at === 0 ? paint.cyan(text) : paint.dim(text);
}
