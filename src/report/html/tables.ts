// The tables of the HTML report, each from its part of the summary; an empty part gives nothing. Layout only: numbers
// are worded in words.ts. The tables of metrics are in metric-tables.ts.

import { formatDuration, formatLatency } from "../../base/units.ts";
import type { Summary, SummaryCore, SummaryWorkflow } from "../summary-schema.ts";
import {
  formatCount,
  formatRatio,
  formatShare,
  formatThresholdValue,
  INTERRUPTED_TEXT,
  workflowName,
} from "../words.ts";
import { badge, figures, html, meter, NOTHING, section, table, type Markup, type Part } from "./markup.ts";

/** Every threshold with what was measured and whether it held; failed ones first. */
export function thresholdTable(summary: Summary): Markup {
  const judged = Object.entries(summary.metrics).flatMap(([key, metric]) =>
    Object.entries(metric.thresholds).map(([expression, { ok, value }]) => ({ key, metric, expression, ok, value })),
  );
  if (judged.length === 0) return NOTHING;
  judged.sort((a, b) => Number(a.ok) - Number(b.ok));
  const rows = judged.map(({ key, metric, expression, ok, value }) => {
    const measured =
      value === null ? html`<span class="soft">no samples</span>` : formatThresholdValue(expression, value, metric);
    return html`<tr>
      <td class="tight">${ok ? badge("good", "✓ passed") : badge("bad", "✗ failed")}</td>
      <th scope="row">${key}</th>
      <td class="code">${expression}</td>
      <td class="n">${measured}</td>
    </tr>`;
  });
  return section("Thresholds", table(["", "Metric", "Threshold", figures("Measured")], rows));
}

/** Every check by workflow and group; those with failures first. */
export function checkTable(summary: Summary): Markup {
  if (summary.checks.length === 0) return NOTHING;
  const hasGroups = summary.checks.some(({ group }) => group !== "");
  const hasWorkflows = Object.keys(summary.workflows).length > 1;
  const columns: Part[] = ["Check", figures("Passed"), figures("Passes"), figures("Fails")];
  if (hasGroups) columns.push("Group");
  if (hasWorkflows) columns.push("Workflow");
  const checks = [...summary.checks].sort((a, b) => Number(a.fails === 0) - Number(b.fails === 0));
  const rows = checks.map(({ name, workflow, group, passes, fails }) => {
    const total = passes + fails;
    const part = meter(passes / Math.max(1, total), fails > 0 ? "bad" : "good", formatShare(passes, total));
    return html`<tr>
      <th scope="row">${name}</th>
      <td class="n">${part}</td>
      <td class="n">${formatCount(passes)}</td>
      <td class="n${fails > 0 ? " bad" : ""}">${formatCount(fails)}</td>
      ${hasGroups ? html`<td>${groupName(group)}</td>` : NOTHING}
      ${hasWorkflows ? html`<td>${workflowName(workflow)}</td>` : NOTHING}
    </tr>`;
  });
  return section("Checks", table(columns, rows));
}

/** One line per workflow: what it did and how it fared. */
export function workflowTable(summary: Summary): Markup {
  const rows = Object.entries(summary.workflows).map(([name, workflow]) => workflowRow(name, workflow));
  if (rows.length === 0) return NOTHING;
  const counts = ["Ran", "Iterations", "Dropped", "Requests", "Failed", "p(95)"].map(figures);
  return section("Workflows", table(["Workflow", "Executor", "State", ...counts], rows));
}

function workflowRow(name: string, { state, executor, from, to, metrics, accounting }: SummaryWorkflow): Markup {
  const requests = metrics["http_reqs"];
  const failed = metrics["http_req_failed"];
  const latency = metrics["http_req_duration"];
  const ran = `${formatDuration(Math.round(from))} – ${formatDuration(Math.round(to))}`;
  return html`<tr>
    <th scope="row">${name}</th>
    <td>${executor}</td>
    <td>${badge(state === "completed" ? "good" : state === "failed" ? "bad" : "warn", state)}</td>
    <td class="n">${state === "skipped" ? "–" : ran}</td>
    <td class="n">${formatCount(accounting.completed)}</td>
    <td class="n${accounting.dropped > 0 ? " warn" : ""}">${formatCount(accounting.dropped)}</td>
    <td class="n">${requests?.type === "counter" ? formatCount(requests.values.count) : "–"}</td>
    <td class="n">${failed?.type === "rate" ? formatRatio(failed.values.rate) : "–"}</td>
    <td class="n">${latency?.type === "trend" ? formatLatency(latency.values["p(95)"]) : "–"}</td>
  </tr>`;
}

/** Distinct errors, most frequent first. */
export function errorTable(summary: Summary): Markup {
  if (summary.errors.length === 0) return NOTHING;
  const hasWorkflows = Object.keys(summary.workflows).length > 1;
  const rows = summary.errors.map(
    ({ workflow, message, count }) =>
      html`<tr>
        <td class="n bad">${formatCount(count)}</td>
        <td class="wrap code">${message}</td>
        ${hasWorkflows ? html`<td>${workflowName(workflow)}</td>` : NOTHING}
      </tr>`,
  );
  return section("Errors", table([figures("Count"), "Error", ...(hasWorkflows ? ["Workflow"] : [])], rows));
}

/** What the run warned of, as a list. */
export function warningList(summary: Summary): Markup {
  if (summary.warnings.length === 0) return NOTHING;
  return html`<h2>Warnings</h2>
    <ul class="card list">
      ${summary.warnings.map((warning) => html`<li>${warning}</li>`)}
    </ul>`;
}

/** Accounts that are as they should be when above 0. */
const FINE_ACCOUNTS: ReadonlySet<string> = new Set(["Iterations scheduled", "started", "completed"]);

/** What was asked for and what became of it, with every loss bounded. */
export function accountingTable({ accounting }: Summary): Markup {
  const accounts: readonly (readonly [name: string, value: number, meaning: string])[] = [
    ["Iterations scheduled", accounting.scheduled, "asked for by the executors"],
    ["started", accounting.started, "begun by a VU"],
    ["completed", accounting.completed, "run to their end"],
    ["interrupted", accounting.interrupted, INTERRUPTED_TEXT],
    ["dropped", accounting.dropped, "never begun: the warnings say why"],
    ["Requests unsent", accounting.unsent, "in http_reqs, yet never got a socket: the target did not see them"],
    ["unreported, at most", accounting.unreportedMax, "possibly sent, in no total"],
    ["Samples late", accounting.late, "came after their share was closed: in no total"],
    ["Reruns of setup or teardown", accounting.reruns, "their runner died before the result was kept"],
  ];
  const rows = accounts.map(
    ([name, value, meaning]) =>
      html`<tr>
        <th scope="row">${name}</th>
        <td class="n${value > 0 && !FINE_ACCOUNTS.has(name) ? " warn" : ""}">${formatCount(value)}</td>
        <td class="soft">${meaning}</td>
      </tr>`,
  );
  const faults = accounting.disturbed.map(({ from, to, why }) => {
    const stretch = `${formatDuration(Math.round(from))} – ${formatDuration(Math.round(to))}`;
    return html`<li><b class="warn">Disturbed ${stretch}</b> ${why}</li>`;
  });
  return html`${section("Accounting", table(["Account", figures("Count"), "Meaning"], rows))}
  ${
    faults.length === 0
      ? NOTHING
      : html`<ul class="card list gap">
          ${faults}
        </ul>`
  }`;
}

/** How the machines that made the load fared: whether the numbers can be trusted. */
export function generatorTable(summary: Summary): Markup {
  const { nodes, loopLagMs } = summary.generator;
  if (nodes.length === 0) return NOTHING;
  const rows = nodes.flatMap(({ node, cores }) => cores.map((core) => coreRow(node, core)));
  const columns = ["Node", ...["Core", "CPU", "Loop lag, max", "Saturated seconds"].map(figures)];
  return html`${section("Generator", table(columns, rows))}
    <p class="soft small">
      Loop lag p(99) ${formatLatency(loopLagMs["p(99)"])}. A second is saturated when the core was over 90 % busy or its
      loop lagged over 10 ms in it; with 10 % of them, the generator counts as the bottleneck.
    </p>`;
}

function coreRow(node: string, { core, cpu, loopLagMs, seconds, saturatedSeconds }: SummaryCore): Markup {
  const saturated = `${Math.round(saturatedSeconds)} of ${Math.round(seconds)}`;
  return html`<tr>
    <th scope="row">${node}</th>
    <td class="n">${core}</td>
    <td class="n">${meter(cpu, cpu > 0.9 ? "bad" : "plain", formatRatio(cpu))}</td>
    <td class="n">${formatLatency(loopLagMs.max)}</td>
    <td class="n${saturatedSeconds > 0 ? " warn" : ""}">${saturated}</td>
  </tr>`;
}

function groupName(group: string): string {
  return group
    .split("::")
    .filter((name) => name !== "")
    .join(" › ");
}
