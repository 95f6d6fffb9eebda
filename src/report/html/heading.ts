// The top of the HTML report: what ran, how it ended, and the six numbers everybody looks for first.

import { formatDuration, formatLatency } from "../../base/units.ts";
import type { Summary, SummaryMetric } from "../summary-schema.ts";
import { thresholdCount, worstCore } from "../verdict.ts";
import { formatCompact, formatCount, formatShare } from "../words.ts";
import { badge, html, NOTHING, type Markup } from "./markup.ts";

/** Name, outcome and facts of the job, then what spoils it: a bad end, failed thresholds, a saturated generator. */
export function headingPart(summary: Summary): Markup {
  const { id, name, state, startedAt, durationMs } = summary.job;
  const isGood = state === "completed" && thresholdCount(summary).failed === 0;
  const tone = isGood ? "good" : state === "cancelled" ? "warn" : "bad";
  const outcome = isGood ? "✓ passed" : state === "completed" ? "✗ thresholds failed" : state;
  const started = new Date(startedAt)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
  return html`<header>
    <p class="brand">hyperscale report</p>
    <div class="title">
      <h1>${name}</h1>
      ${badge(tone, outcome)}
    </div>
    <p class="facts">
      <span>started <b>${started}</b></span>
      <span>took <b>${formatDuration(Math.round(durationMs / 100) * 100)}</b></span>
      <span>job <b>${id}</b></span>
    </p>
    ${endBanner(summary)}${saturationBanner(summary)}
  </header>`;
}

/** Requests, rate, latency, failures, checks and VUs. A job without http has iterations in place of requests. */
export function tilesPart({ metrics }: Summary): Markup {
  const requests = metrics["http_reqs"];
  const iterations = metrics["iterations"];
  const isHttp = requests?.type === "counter" && requests.values.count > 0;
  const counted = isHttp ? requests : iterations;
  const { count, rate } = counted?.type === "counter" ? counted.values : { count: 0, rate: 0 };
  const iterated = iterations?.type === "counter" ? iterations.values.count : 0;
  const note = isHttp ? `${formatCount(iterated)} iterations` : "in all";
  return html`<div class="tiles">
    ${tile(isHttp ? "Requests" : "Iterations", formatCount(count), note)}
    ${tile("Rate", `${formatCompact(rate)}/s`, "mean over the run")}
    ${latencyTile(isHttp ? metrics["http_req_duration"] : metrics["iteration_duration"])}
    ${shareTile("Failed requests", metrics["http_req_failed"], "passes")}
    ${shareTile("Checks passed", metrics["checks"], "fails")} ${vusTile(metrics["vus"], metrics["vus_max"])}
  </div>`;
}

/** Why the run is not simply good; nothing when it is. */
function endBanner(summary: Summary): Markup {
  const { state, reason } = summary.job;
  const { passed, failed } = thresholdCount(summary);
  const parts: Markup[] = [];
  if (state !== "completed") {
    const ended = state === "failed" ? "The job was not completed." : `The job was ${state}.`;
    parts.push(html`<p><strong>${ended}</strong> ${reason}</p>`);
  }
  if (failed > 0) parts.push(html`<p><strong>${failed} of ${passed + failed} thresholds failed.</strong></p>`);
  if (parts.length === 0) return NOTHING;
  return html`<div class="banner ${state === "cancelled" && failed === 0 ? "warn" : "bad"}">${parts}</div>`;
}

function saturationBanner(summary: Summary): Markup {
  if (!summary.generator.saturated) return NOTHING;
  return html`<div class="banner bad">
    <p>
      <strong>The generator was the bottleneck:</strong> ${worstCore(summary)}. The numbers below measure it, not the
      target. Give it more cores or workers, or ask for less load.
    </p>
  </div>`;
}

function latencyTile(metric: SummaryMetric | undefined): Markup {
  const title = "Latency p(95)";
  if (metric?.type !== "trend") return tile(title, "–", "nothing measured");
  return tile(title, formatLatency(metric.values["p(95)"]), `p(99) ${formatLatency(metric.values["p(99)"])}`);
}

/** `badSide`: which side of the rate should be none. */
function shareTile(title: string, metric: SummaryMetric | undefined, badSide: "passes" | "fails"): Markup {
  if (metric?.type !== "rate" || metric.values.passes + metric.values.fails === 0) return tile(title, "–", "none made");
  const { passes, fails } = metric.values;
  const total = passes + fails;
  const share = passes > 0 && passes / total < 0.0001 ? "< 0.01%" : formatShare(passes, total);
  const bad = metric.values[badSide];
  const failures = fails === 0 ? `all ${formatCount(total)}` : `${formatCount(fails)} failed`;
  const note = badSide === "fails" ? failures : `${formatCount(passes)} of ${formatCount(total)}`;
  return tile(title, share, note, bad > 0 ? "bad" : "good");
}

function vusTile(vus: SummaryMetric | undefined, most: SummaryMetric | undefined): Markup {
  const value = vus?.type === "gauge" ? formatCount(vus.values.max) : "–";
  const note = most?.type === "gauge" ? `at most, of ${formatCount(most.values.max)}` : "at most";
  return tile("Virtual users", value, note);
}

function tile(title: string, value: string, note: string, tone: "good" | "bad" | "" = ""): Markup {
  return html`<div class="card tile">
    <span>${title}</span><strong class="${tone}">${value}</strong><span>${note}</span>
  </div>`;
}
