// The tables of the HTML report, each from its part of the summary; an empty part gives nothing. Layout only: numbers are
// worded in words.ts.

import { formatDuration, formatLatency } from "../../base/units.ts";
import { SETUP, TEARDOWN } from "../../load/plan.ts";
import type { Summary, SummaryMetric } from "../summary-schema.ts";
import { formatEstimate, formatPerSecond, formatRatio, formatShare, formatThresholdValue, formatValue } from "../words.ts";
import { html, NOTHING, type Markup, type Part } from "./markup.ts";

const TREND_COLUMNS = ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "p(99.9)"] as const;

/** Every threshold with what was measured and whether it held; failed ones first. */
export function thresholdTable(summary: Summary): Markup {
  const rows = Object.entries(summary.metrics).flatMap(([key, metric]) =>
    Object.entries(metric.thresholds).map(([expression, { ok, value }]) => ({ key, metric, expression, ok, value })));
  if (rows.length === 0) return NOTHING;
  rows.sort((a, b) => Number(a.ok) - Number(b.ok));
  return section("Thresholds", table(["", "Metric", "Threshold", number("Measured")], rows.map(({ key, metric, expression, ok, value }) => html`<tr>
<td class="tight">${ok ? badge("good", "✓ passed") : badge("bad", "✗ failed")}</td><th scope="row">${key}</th><td class="code">${expression}</td>
<td class="n">${value === null ? html`<span class="soft">no samples</span>` : formatThresholdValue(expression, value, metric)}</td></tr>`)));
}

/** Every check by workflow and group; those with failures first. */
export function checkTable(summary: Summary): Markup {
  if (summary.checks.length === 0) return NOTHING;
  const hasGroups = summary.checks.some(({ group }) => group !== "");
  const hasWorkflows = Object.keys(summary.workflows).length > 1;
  const rows = [...summary.checks].sort((a, b) => Number(a.fails === 0) - Number(b.fails === 0));
  const columns: Part[] = ["Check", number("Passed"), number("Passes"), number("Fails"), ...(hasGroups ? ["Group"] : []), ...(hasWorkflows ? ["Workflow"] : [])];
  return section("Checks", table(columns, rows.map(({ name, workflow, group, passes, fails }) => html`<tr>
<th scope="row">${name}</th><td class="n">${meter(passes / Math.max(1, passes + fails), fails > 0 ? "bad" : "good")}<span>${formatShare(passes, passes + fails)}</span></td>
<td class="n">${count(passes)}</td><td class="n${fails > 0 ? " bad" : ""}">${count(fails)}</td>
${hasGroups ? html`<td>${groupName(group)}</td>` : NOTHING}${hasWorkflows ? html`<td>${workflowName(workflow)}</td>` : NOTHING}</tr>`)));
}

/** One line per workflow: what it did and how it fared. */
export function workflowTable(summary: Summary): Markup {
  const entries = Object.entries(summary.workflows);
  if (entries.length === 0) return NOTHING;
  const columns = ["Workflow", "Executor", "State", number("Ran"), number("Iterations"), number("Dropped"), number("Requests"), number("Failed"), number("p(95)")];
  return section("Workflows", table(columns, entries.map(([name, { state, executor, from, to, metrics, accounting }]) => {
    const requests = metrics["http_reqs"];
    const failed = metrics["http_req_failed"];
    const latency = metrics["http_req_duration"];
    return html`<tr><th scope="row">${name}</th><td>${executor}</td><td>${badge(state === "completed" ? "good" : state === "failed" ? "bad" : "warn", state)}</td>
<td class="n">${state === "skipped" ? "–" : `${formatDuration(Math.round(from))} – ${formatDuration(Math.round(to))}`}</td>
<td class="n">${count(accounting.completed)}</td><td class="n${accounting.dropped > 0 ? " warn" : ""}">${count(accounting.dropped)}</td>
<td class="n">${requests?.type === "counter" ? count(requests.values.count) : "–"}</td>
<td class="n">${failed?.type === "rate" ? formatRatio(failed.values.rate) : "–"}</td>
<td class="n">${latency?.type === "trend" ? formatLatency(latency.values["p(95)"]) : "–"}</td></tr>`;
  })));
}

/** Trends with all their percentiles, then counters, rates and gauges. */
export function metricTables(metrics: Summary["metrics"]): Markup {
  const entries = Object.entries(metrics);
  const trends = entries.flatMap(([key, metric]) => (metric.type === "trend" ? [{ key, metric }] : []));
  const plain = entries.filter(([, metric]) => metric.type !== "trend");
  return html`${trends.length === 0 ? NOTHING : table(["Trend", ...TREND_COLUMNS.map(number), number("count")], trends.map(({ key, metric }) => html`<tr>
<th scope="row">${key}</th>${TREND_COLUMNS.map((column) => html`<td class="n">${trendValue(metric.values[column], metric)}</td>`)}<td class="n">${count(metric.values.count)}</td></tr>`))}
${plain.length === 0 ? NOTHING : table(["Metric", number("Value"), number("")], plain.map(([key, metric]) => plainRow(key, metric)))}`;
}

/** The metrics of the whole job, then of each workflow, folded. */
export function metricSections(summary: Summary): Markup {
  const workflows = Object.entries(summary.workflows).filter(([, { state }]) => state !== "skipped");
  return html`<h2>Metrics</h2><div class="card keys">${metricTables(summary.metrics)}</div>
${workflows.length < 2 ? NOTHING : workflows.map(([name, { executor, metrics }]) => html`<details class="card keys"><summary>${name}<span class="soft">${executor}</span></summary>${metricTables(metrics)}</details>`)}`;
}

/** Distinct errors, most frequent first. */
export function errorTable(summary: Summary): Markup {
  if (summary.errors.length === 0) return NOTHING;
  const hasWorkflows = Object.keys(summary.workflows).length > 1;
  return section("Errors", table([number("Count"), "Error", ...(hasWorkflows ? ["Workflow"] : [])], summary.errors.map(({ workflow, message, count: times }) => html`<tr>
<td class="n bad">${count(times)}</td><td class="wrap code">${message}</td>${hasWorkflows ? html`<td>${workflowName(workflow)}</td>` : NOTHING}</tr>`)));
}

export function warningList(summary: Summary): Markup {
  if (summary.warnings.length === 0) return NOTHING;
  return html`<h2>Warnings</h2><ul class="card list">${summary.warnings.map((warning) => html`<li>${warning}</li>`)}</ul>`;
}

/** What was asked for and what became of it, with every loss bounded. */
export function accountingTable(summary: Summary): Markup {
  const { scheduled, started, completed, interrupted, dropped, unsent, late, reruns, unreportedMax, disturbed } = summary.accounting;
  const rows: readonly (readonly [name: string, value: number, meaning: string])[] = [
    ["Iterations scheduled", scheduled, "asked for by the executors"],
    ["started", started, "begun by a VU"],
    ["completed", completed, "run to their end"],
    ["interrupted", interrupted, "cut off after gracefulStop"],
    ["dropped", dropped, "never begun: no VU was free at their time"],
    ["Requests unsent", unsent, "in http_reqs, yet never got a socket: the target did not see them"],
    ["unreported, at most", unreportedMax, "possibly sent, in no total"],
    ["Samples late", late, "came after their share was closed: in no total"],
    ["Reruns of setup or teardown", reruns, "their runner died before the result was kept"],
  ];
  const body = table(["Account", number("Count"), "Meaning"], rows.map(([name, value, meaning]) => html`<tr>
<th scope="row">${name}</th><td class="n${value > 0 && !FINE_ACCOUNTS.has(name) ? " warn" : ""}">${count(value)}</td><td class="soft">${meaning}</td></tr>`));
  const faults = disturbed.length === 0 ? NOTHING : html`<ul class="card list gap">${disturbed.map(({ from, to, why }) => html`<li><b class="warn">Disturbed ${formatDuration(Math.round(from))} – ${formatDuration(Math.round(to))}</b> ${why}</li>`)}</ul>`;
  return html`${section("Accounting", body)}${faults}`;
}

const FINE_ACCOUNTS: ReadonlySet<string> = new Set(["Iterations scheduled", "started", "completed"]);

/** How the machines that made the load fared: whether the numbers can be trusted. */
export function generatorTable(summary: Summary): Markup {
  const { nodes, loopLagMs } = summary.generator;
  if (nodes.length === 0) return NOTHING;
  const rows = nodes.flatMap(({ node, cores }) => cores.map((core) => html`<tr><th scope="row">${node}</th><td class="n">${core.core}</td>
<td class="n">${meter(core.cpu, core.cpu > 0.9 ? "bad" : "plain")}<span>${formatRatio(core.cpu)}</span></td><td class="n">${formatLatency(core.loopLagMs.max)}</td>
<td class="n${core.saturatedSeconds > 0 ? " warn" : ""}">${core.saturatedSeconds} of ${core.seconds}</td></tr>`));
  const note = html`<p class="soft small">Loop lag p(99) ${formatLatency(loopLagMs["p(99)"])}. A saturated second is one in which the core was over 90 % busy or its loop lagged over 10 ms; in 10 % of them, the generator counts as the bottleneck.</p>`;
  return html`${section("Generator", table(["Node", number("Core"), number("CPU"), number("Loop lag, max"), number("Saturated seconds")], rows))}${note}`;
}

export function badge(tone: "good" | "bad" | "warn", text: string): Markup {
  return html`<span class="badge ${tone}">${text}</span>`;
}

/** 1234567 -> "1,234,567"; fractions keep six decimals. */
export function count(value: number): string {
  const [whole = "", fraction] = String(Number(value.toFixed(6))).split(".");
  const grouped = /^-?\d+$/.test(whole) ? whole.replace(/\B(?=(\d{3})+$)/g, ",") : whole;
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

function plainRow(key: string, metric: SummaryMetric): Markup {
  const [value, more] = plainValues(metric);
  return html`<tr><th scope="row">${key}</th><td class="n">${value}</td><td class="n soft">${more}</td></tr>`;
}

function plainValues(metric: SummaryMetric): readonly [value: string, more: string] {
  const worded = (value: number): string => (metric.contains === "default" ? count(value) : formatValue(value, metric.contains));
  switch (metric.type) {
    case "counter":
      return [worded(metric.values.count), perSecond(metric.values.rate, metric)];
    case "rate": {
      const { rate, passes, fails } = metric.values;
      return [formatRatio(rate), `${count(passes)} of ${count(passes + fails)}`];
    }
    case "gauge":
      return [worded(metric.values.value), `min ${worded(metric.values.min)}, max ${worded(metric.values.max)}`];
    case "trend":
      return [trendValue(metric.values.avg, metric), `${count(metric.values.count)} samples`];
  }
}

function perSecond(rate: number, metric: SummaryMetric): string {
  return metric.contains === "default" ? `${count(Number(rate.toFixed(rate < 10 ? 3 : 1)))}/s` : formatPerSecond(rate, metric.contains);
}

function trendValue(value: number, metric: SummaryMetric): string {
  return metric.contains === "default" ? count(Number(formatEstimate(value))) : formatValue(value, metric.contains);
}

function groupName(group: string): string {
  return group.split("::").filter((name) => name !== "").join(" › ");
}

function workflowName(name: string): string {
  return name === SETUP ? "setup" : name === TEARDOWN ? "teardown" : name;
}

function meter(ratio: number, tone: "good" | "bad" | "plain"): Markup {
  return html`<span class="meter ${tone}"><i style="width:${(Math.min(1, ratio) * 100).toFixed(1)}%"></i></span>`;
}

function section(title: string, body: Markup): Markup {
  return html`<h2>${title}</h2><div class="card">${body}</div>`;
}

function number(title: string): Markup {
  return html`<span class="n">${title}</span>`;
}

/** `columns`: titles; those made by `number` stand over figures. */
function table(columns: readonly Part[], rows: readonly Markup[]): Markup {
  const heads = columns.map((column) => (typeof column === "object" && "kind" in column
    ? html`<th scope="col" class="n">${column}</th>`
    : html`<th scope="col">${column}</th>`));
  return html`<div class="scroll"><table><thead><tr>${heads}</tr></thead><tbody>${rows}</tbody></table></div>`;
}
