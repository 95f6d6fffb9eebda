// Every metric of a job and of its workflows as tables of the HTML report: trends with percentiles, then the rest.

import type { Summary, SummaryMetric } from "../summary-schema.ts";
import { formatCount, formatEstimate, formatPerSecond, formatRatio, formatValue } from "../words.ts";
import { figures, html, NOTHING, table, type Markup } from "./markup.ts";

const TREND_COLUMNS = ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "p(99.9)"] as const;

type Trend = Extract<SummaryMetric, { type: "trend" }>;
type Plain = Exclude<SummaryMetric, { type: "trend" }>;

/** The metrics of the whole job, then of each workflow, folded, where there is more than one. */
export function metricSections(summary: Summary): Markup {
  const workflows = Object.entries(summary.workflows).filter(([, { state }]) => state !== "skipped");
  const folded = workflows.map(
    ([name, { executor, metrics }]) =>
      html`<details class="card keys">
        <summary>${name}<span class="soft">${executor}</span></summary>
        ${metricTables(metrics)}
      </details>`,
  );
  return html`<h2>Metrics</h2>
    <div class="card keys">${metricTables(summary.metrics)}</div>
    ${folded.length < 2 ? NOTHING : folded}`;
}

function metricTables(metrics: Summary["metrics"]): Markup {
  const trends: Markup[] = [];
  const plain: Markup[] = [];
  for (const [key, metric] of Object.entries(metrics)) {
    if (metric.type === "trend") trends.push(trendRow(key, metric));
    else plain.push(plainRow(key, metric));
  }
  return html`${trends.length === 0 ? NOTHING : table(["Trend", ...[...TREND_COLUMNS, "count"].map(figures)], trends)}
  ${plain.length === 0 ? NOTHING : table(["Metric", figures("Value"), figures("")], plain)}`;
}

function trendRow(key: string, { contains, values }: Trend): Markup {
  const cells = TREND_COLUMNS.map((column) => {
    const value = values[column];
    const text = contains === "default" ? formatCount(Number(formatEstimate(value))) : formatValue(value, contains);
    return html`<td class="n">${text}</td>`;
  });
  return html`<tr>
    <th scope="row">${key}</th>
    ${cells}
    <td class="n">${formatCount(values.count)}</td>
  </tr>`;
}

function plainRow(key: string, metric: Plain): Markup {
  const [value, more] = plainValues(metric);
  return html`<tr>
    <th scope="row">${key}</th>
    <td class="n">${value}</td>
    <td class="n soft">${more}</td>
  </tr>`;
}

function plainValues({ contains, ...metric }: Plain): readonly [value: string, more: string] {
  const worded = (value: number): string =>
    contains === "default" ? formatCount(value) : formatValue(value, contains);
  switch (metric.type) {
    case "counter": {
      const { count, rate } = metric.values;
      const perSecond = `${formatCount(Number(rate.toFixed(rate < 10 ? 3 : 1)))}/s`;
      return [worded(count), contains === "default" ? perSecond : formatPerSecond(rate, contains)];
    }
    case "rate": {
      const { rate, passes, fails } = metric.values;
      return [formatRatio(rate), `${formatCount(passes)} of ${formatCount(passes + fails)}`];
    }
    case "gauge": {
      const { value, min, max } = metric.values;
      return [worded(value), `min ${worded(min)}, max ${worded(max)}`];
    }
  }
}
