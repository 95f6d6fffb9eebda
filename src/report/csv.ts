// `-o csv=FILE`: k6's columns, one line per metric, tag set and second, with four columns more for trends at the end.

import type { Tags } from "../load/series.ts";
import type { LineFormat } from "./output.ts";
import { pointsOf, type Point, type Tested } from "./points.ts";

/** Tags that have a column of their own; all others go into extra_tags as `name=value&name=value`. */
const TAG_COLUMNS = [
  "check",
  "error",
  "error_code",
  "expected_response",
  "group",
  "method",
  "name",
  "proto",
  "scenario",
  "service",
  "status",
  "subproto",
  "tls_version",
  "url",
] as const;
const TAGS_WITH_COLUMN: ReadonlySet<string> = new Set(TAG_COLUMNS);

/** The header line's names, in order. */
export const CSV_COLUMNS: readonly string[] = [
  "metric_name",
  "timestamp",
  "metric_value",
  ...TAG_COLUMNS,
  "extra_tags",
  "metadata",
  "count",
  "min",
  "max",
  "p95",
];

/** RFC 4180 with line feeds. timestamp: epoch seconds; values in the metric's own unit (ms, bytes), six decimals. */
export function csv({ tags }: Tested): LineFormat {
  return {
    head: () => `${CSV_COLUMNS.join(",")}\n`,
    second(window) {
      const timestamp = String(Math.floor(window.epochMs / 1_000));
      let text = "";
      for (const point of pointsOf(window, tags)) text += `${row(point, timestamp)}\n`;
      return text;
    },
  };
}

function row({ metric, value, tags, extra }: Point, timestamp: string): string {
  const fields = [field(metric), timestamp, value.toFixed(6)];
  // What k6 calls a scenario is a workflow here.
  for (const column of TAG_COLUMNS) {
    fields.push(field((column === "scenario" ? tags["workflow"] : undefined) ?? tags[column] ?? ""));
  }
  fields.push(field(extraTags(tags)), "");
  fields.push(extra === null ? "" : String(extra.count));
  if (extra !== null && "p95" in extra) fields.push(extra.min.toFixed(6), extra.max.toFixed(6), extra.p95.toFixed(6));
  else fields.push("", "", "");
  return fields.join(",");
}

function extraTags(tags: Tags): string {
  return Object.keys(tags)
    .filter((name) => !TAGS_WITH_COLUMN.has(name))
    .sort()
    .map((name) => `${name}=${tags[name]}`)
    .join("&");
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
