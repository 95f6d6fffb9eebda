// `--html FILE`: the report as one page that needs nothing from anywhere: style, script and charts are inside, numbers
// come from the summary and the timeline. Its parts are in html/.

import { formatDuration, formatLatency } from "../base/units.ts";
import type { SecondWindow } from "../load/result.ts";
import { chart, readout, type ChartSpec, type TimeAxis } from "./html/chart.ts";
import { html, NOTHING, scriptJson, verbatim, type Markup } from "./html/markup.ts";
import { SCRIPT } from "./html/script.ts";
import { STYLE } from "./html/style.ts";
import {
  accountingTable, badge, checkTable, count, errorTable, generatorTable, metricSections, thresholdTable, warningList, workflowTable,
} from "./html/tables.ts";
import { Timeline, type Percentiles, type TimelinePoint } from "./html/timeline.ts";
import type { Summary } from "./summary-schema.ts";
import { thresholdCount, worstCore } from "./text.ts";
import { formatShare } from "./words.ts";

export { Timeline } from "./html/timeline.ts";

/**
 * The whole page as text, well under 1 MB. `history`: the job's seconds, or a Timeline that took them in while the job
 * ran (for long runs: its memory does not grow).
 */
export function htmlReport(summary: Summary, history: Timeline | readonly SecondWindow[]): string {
  const points = (history instanceof Timeline ? history : timelineOf(history)).points();
  const axis = axisOf(points, summary);
  const charts = points.length === 0 ? [] : chartSpecs(points);
  const labels = points.map(({ from, seconds }) => (seconds === 1 ? formatDuration(from * 1_000) : `${formatDuration(from * 1_000)} – ${formatDuration((from + seconds) * 1_000)}`));
  const readouts = {
    times: axis.centers.map((center) => Number(((center / axis.seconds) * 100).toFixed(3))), labels, charts: charts.map(readout),
  };
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>${summary.job.name} · hyperscale report</title>
<style>${verbatim(STYLE)}</style>
</head>
<body>
<main>
${heading(summary)}
${tiles(summary)}
<div class="charts">${charts.map((spec, index) => chart(spec, axis, index))}</div>
${thresholdTable(summary)}
${checkTable(summary)}
${errorTable(summary)}
${warningList(summary)}
${workflowTable(summary)}
${metricSections(summary)}
${accountingTable(summary)}
${generatorTable(summary)}
<footer>Times are service times unless named response_time, which counts from the intended start. Percentiles are nearest-rank, merged exactly to 0.1 %.</footer>
</main>
<script type="application/json" id="readouts">${scriptJson(readouts)}</script>
<script>${verbatim(SCRIPT)}</script>
</body>
</html>
`;
  return page.text;
}

function timelineOf(windows: readonly SecondWindow[]): Timeline {
  const timeline = new Timeline();
  for (const window of windows) timeline.second(window);
  return timeline;
}

function heading(summary: Summary): Markup {
  const { id, name, state, startedAt, durationMs } = summary.job;
  const { failed } = thresholdCount(summary);
  const isGood = state === "completed" && failed === 0;
  const tone = isGood ? "good" : state === "cancelled" ? "warn" : "bad";
  const started = new Date(startedAt).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
  return html`<header>
<p class="brand">hyperscale report</p>
<div class="title"><h1>${name}</h1>${badge(tone, isGood ? "✓ passed" : state === "completed" ? "✗ thresholds failed" : state)}</div>
<p class="facts"><span>started <b>${started}</b></span><span>took <b>${formatDuration(Math.round(durationMs / 100) * 100)}</b></span><span>job <b>${id}</b></span></p>
${verdict(summary)}${saturation(summary)}
</header>`;
}

/** Why the run is not simply good; nothing when it is. */
function verdict(summary: Summary): Markup {
  const { state, reason } = summary.job;
  const { passed, failed } = thresholdCount(summary);
  const parts: Markup[] = [];
  if (state !== "completed") parts.push(html`<p><strong>The job was ${state === "failed" ? "not completed" : state}.</strong> ${reason}</p>`);
  if (failed > 0) parts.push(html`<p><strong>${failed} of ${passed + failed} thresholds failed.</strong></p>`);
  return parts.length === 0 ? NOTHING : html`<div class="banner ${state === "cancelled" && failed === 0 ? "warn" : "bad"}">${parts}</div>`;
}

function saturation(summary: Summary): Markup {
  if (!summary.generator.saturated) return NOTHING;
  return html`<div class="banner bad"><p><strong>The generator was the bottleneck:</strong> ${worstCore(summary)}. The numbers below measure it, not the target. Give it more cores or workers, or ask for less load.</p></div>`;
}

function tiles(summary: Summary): Markup {
  const { metrics } = summary;
  const requests = metrics["http_reqs"];
  const iterations = metrics["iterations"];
  const isHttp = requests?.type === "counter" && requests.values.count > 0;
  const counted = isHttp ? requests : iterations;
  const latency = isHttp ? metrics["http_req_duration"] : metrics["iteration_duration"];
  const total = counted?.type === "counter" ? counted.values : { count: 0, rate: 0 };
  return html`<div class="tiles">
${tile(isHttp ? "Requests" : "Iterations", count(total.count), isHttp && iterations?.type === "counter" ? `${count(iterations.values.count)} iterations` : "in all")}
${tile("Rate", `${compact(total.rate)}/s`, "mean over the run")}
${latency?.type === "trend" ? tile("Latency p(95)", formatLatency(latency.values["p(95)"]), `p(99) ${formatLatency(latency.values["p(99)"])}`) : tile("Latency p(95)", "–", "nothing measured")}
${shareTile("Failed requests", metrics["http_req_failed"], "passes")}
${shareTile("Checks passed", metrics["checks"], "fails")}
${vusTile(summary)}
</div>`;
}

/** `badSide`: which side of the rate should be none. */
function shareTile(title: string, metric: Summary["metrics"][string] | undefined, badSide: "passes" | "fails"): Markup {
  if (metric?.type !== "rate" || metric.values.passes + metric.values.fails === 0) return tile(title, "–", "none made");
  const { passes, fails } = metric.values;
  const total = passes + fails;
  const share = passes > 0 && passes / total < 0.0001 ? "< 0.01%" : formatShare(passes, total);
  const note = badSide === "passes" ? `${count(passes)} of ${count(total)}` : fails === 0 ? `all ${count(total)}` : `${count(fails)} failed`;
  return tile(title, share, note, metric.values[badSide] > 0 ? "bad" : "good");
}

function vusTile(summary: Summary): Markup {
  const vus = summary.metrics["vus"];
  const most = summary.metrics["vus_max"];
  return tile("Virtual users", vus?.type === "gauge" ? count(vus.values.max) : "–", most?.type === "gauge" ? `at most, of ${count(most.values.max)}` : "at most");
}

function tile(title: string, value: string, note: string, tone: "good" | "bad" | "" = ""): Markup {
  return html`<div class="card tile"><span>${title}</span><strong class="${tone}">${value}</strong><span>${note}</span></div>`;
}

function axisOf(points: readonly TimelinePoint[], summary: Summary): TimeAxis {
  const last = points[points.length - 1];
  const seconds = Math.max(1, last === undefined ? 1 : last.from + last.seconds);
  return {
    seconds, centers: points.map((point) => point.from + point.seconds / 2),
    disturbed: summary.accounting.disturbed.map(({ from, to, why }) => ({ from: from / 1_000, to: to / 1_000, why })),
  };
}

function chartSpecs(points: readonly TimelinePoint[]): readonly ChartSpec[] {
  const isHttp = points.some(({ requests }) => requests > 0);
  const perSecond = (value: number): string => `${compact(value)}/s`;
  const each = (of: (point: TimelinePoint) => number | null): readonly (number | null)[] => points.map(of);
  const at = (kind: "latency" | "response", percentile: keyof Percentiles) => each((point) => point[kind]?.[percentile] ?? null);
  const has = (of: (point: TimelinePoint) => number): boolean => points.some((point) => of(point) > 0);
  const width = points[0]?.seconds ?? 1;
  const note = width === 1 ? "each second" : `each ${formatDuration(width * 1_000)}`;
  return [
    {
      title: isHttp ? "Requests" : "Iterations", note, format: perSecond,
      lines: [
        { name: isHttp ? "requests" : "iterations", color: "a", isArea: true, values: each(({ requests, iterations }) => (isHttp ? requests : iterations)) },
        ...(isHttp && has(({ iterations, requests }) => Math.abs(iterations - requests)) ? [{ name: "iterations", color: "e", isFaint: true, values: each(({ iterations }) => iterations) }] : []),
      ],
    },
    {
      title: isHttp ? "Request duration" : "Iteration duration", note, format: formatLatency,
      lines: [
        { name: "p(50)", color: "b", values: at("latency", "p50") },
        { name: "p(95)", color: "c", values: at("latency", "p95") },
        { name: "p(99)", color: "d", values: at("latency", "p99") },
        ...(points.some(({ response }) => response !== null) ? [{ name: "response_time p(99)", color: "e", isFaint: true, values: at("response", "p99") }] : []),
      ],
    },
    {
      title: "Failures", note, format: perSecond,
      lines: [
        { name: "failed requests", color: "d", isArea: true, values: each(({ failed }) => failed) },
        ...(has(({ checksFailed }) => checksFailed) ? [{ name: "failed checks", color: "c", values: each(({ checksFailed }) => checksFailed) }] : []),
        ...(has(({ dropped }) => dropped) ? [{ name: "dropped iterations", color: "e", values: each(({ dropped }) => dropped) }] : []),
      ],
    },
    {
      title: "Virtual users", note, format: compact, isWhole: true,
      lines: [
        { name: "vus", color: "e", isArea: true, values: each(({ vus }) => vus) },
        { name: "vus_max", color: "a", isFaint: true, values: each(({ vusMax }) => vusMax) },
      ],
    },
  ];
}

/** Three digits and a prefix: 0.25, 12.3, 950, 1.2k, 3.4M. */
function compact(value: number): string {
  const units = ["", "k", "M", "G", "T"];
  let unit = 0;
  let size = value;
  while (size >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit++;
  }
  const digits = unit === 0 && Number.isInteger(size) ? 0 : size < 10 ? 2 : size < 100 ? 1 : 0;
  return `${Number(size.toFixed(digits))}${units[unit]}`;
}
