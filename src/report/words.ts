// How numbers and foreign text read in a report: shared by the printed summary and the HTML page. No layout.

import { formatBytes, formatLatency } from "../base/units.ts";
import { SETUP, TEARDOWN } from "../load/plan.ts";
import type { Contains, MetricType } from "../load/series.ts";

/** Why an iteration that began is in no `iterations`. */
export const INTERRUPTED_TEXT = "cut off: gracefulStop was over, or the job was ended";

/** A workflow as people know it: "::setup" -> "setup". */
export function workflowName(name: string): string {
  if (name === SETUP) return "setup";
  return name === TEARDOWN ? "teardown" : name;
}

/** A value of a metric in its unit: 12.5 of "time" -> "12.5ms", of "data" -> "13 B", else plain with six decimals. */
export function formatValue(value: number, contains: Contains): string {
  if (contains === "time") return formatLatency(value);
  if (contains === "data") return formatBytes(value);
  return formatNumber(value);
}

/** Six decimals at most, none where there are none: 5 -> "5", 152.355556 -> "152.355556". */
export function formatNumber(value: number): string {
  return String(Number(value.toFixed(6)));
}

/** A percentile of plain numbers, which is known to 0.1 %: four digits, and never fewer than the whole ones. */
export function formatEstimate(value: number): string {
  const digits = Math.max(4, Math.trunc(Math.abs(value)).toString().length);
  return String(Number(value.toPrecision(Math.min(21, digits))));
}

/** 1234567 -> "1,234,567"; fractions keep six decimals. */
export function formatCount(value: number): string {
  const [whole = "", fraction] = formatNumber(value).split(".");
  const grouped = /^-?\d+$/.test(whole) ? whole.replace(/\B(?=(\d{3})+$)/g, ",") : whole;
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** Three digits and a prefix: 0.25, 12.3, 950, 1.2k, 3.4M. */
export function formatCompact(value: number): string {
  const prefixes = ["", "k", "M", "G", "T"];
  let size = value;
  let power = 0;
  while (size >= 1_000 && power < prefixes.length - 1) {
    size /= 1_000;
    power++;
  }
  const digits = size < 10 ? 2 : size < 100 ? 1 : 0;
  return `${Number(size.toFixed(digits))}${prefixes[power]}`;
}

/** A rate per second: "6.561089/s", of data "31 kB/s". */
export function formatPerSecond(rate: number, contains: Contains): string {
  return contains === "data" ? `${formatBytes(rate)}/s` : `${formatNumber(rate)}/s`;
}

/** Percent of a part, cut (not rounded) to two decimals as in k6: 100.00% means all of them. No total: 0.00%. */
export function formatShare(part: number, total: number): string {
  return `${(total === 0 ? 0 : Math.floor((part * 10_000) / total) / 100).toFixed(2)}%`;
}

/** Percent of a ratio 0..1, cut to two decimals. The tiny addition undoes binary fractions: 0.29 is 29.00%. */
export function formatRatio(ratio: number): string {
  return `${(Math.floor(ratio * 10_000 + 1e-6) / 100).toFixed(2)}%`;
}

/** The statistic a threshold expression judges: "p(95)<500 for 10s" -> "p(95)". */
export function aggregateOf(expression: string): string {
  return (/^[^<>=!]*/.exec(expression)?.[0] ?? "").trim();
}

/** What a threshold's value reads like: rates of rate metrics as percent, else in the metric's unit. */
export function formatThresholdValue(
  expression: string,
  value: number,
  { type, contains }: { readonly type: MetricType; readonly contains: Contains },
): string {
  const aggregate = aggregateOf(expression);
  if (aggregate === "rate") return type === "rate" ? formatRatio(value) : formatPerSecond(value, contains);
  if (aggregate === "count" && type === "trend") return formatNumber(value);
  return formatValue(value, contains);
}

/** Control characters, and those that turn the direction of writing. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text from the test or the target on one line, with nothing that could steer a terminal. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").replace(UNPRINTABLE, "\ufffd").trim();
}

/** Parts of a metric's key: `http_req_duration{workflow:browse}` -> name and "workflow:browse"; "" without braces. */
export function splitKey(key: string): { readonly name: string; readonly tags: string } {
  const brace = key.indexOf("{");
  if (brace < 0) return { name: key, tags: "" };
  return { name: key.slice(0, brace), tags: key.slice(brace + 1, key.lastIndexOf("}")).trim() };
}

/** Order of metric keys: by name, a metric before its own submetrics (plain text order has vus_max before vus{...}). */
export function compareKeys(a: string, b: string): number {
  const [first, second] = [splitKey(a), splitKey(b)];
  if (first.name !== second.name) return first.name < second.name ? -1 : 1;
  return first.tags < second.tags ? -1 : first.tags > second.tags ? 1 : 0;
}

/** Which part of a report a metric belongs in. */
export type MetricSection = "CUSTOM" | "HTTP" | "EXECUTION" | "NETWORK";
export const METRIC_SECTIONS: readonly MetricSection[] = ["CUSTOM", "HTTP", "EXECUTION", "NETWORK"];

const EXECUTION: ReadonlySet<string> = new Set([
  "iterations",
  "iteration_duration",
  "iteration_lateness",
  "response_time",
  "dropped_iterations",
  "group_duration",
  "vus",
  "vus_max",
]);

/** Section of a metric by its name; null for checks, which are listed one by one. */
export function sectionOf(name: string): MetricSection | null {
  if (name === "checks") return null;
  if (EXECUTION.has(name)) return "EXECUTION";
  if (name === "data_sent" || name === "data_received") return "NETWORK";
  return name.startsWith("http_req") ? "HTTP" : "CUSTOM";
}
