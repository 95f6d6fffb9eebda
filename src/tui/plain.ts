// Progress off a terminal: one compact line a second, in k6's words.

import { formatLatency } from "../base/units.ts";
import type { JobView } from "../load/result.ts";

/** "running (0m13.0s), 050/100 VUs, 349 complete and 0 interrupted iterations, 120.3 req/s, p95 12ms, 0.00% failed". */
export function plainLine(view: JobView): string {
  const sum = (of: (workflow: JobView["workflows"][number]) => number): number =>
    view.workflows.reduce((total, workflow) => total + of(workflow), 0);
  const vusMax = sum((workflow) => workflow.vusMax);
  const width = String(vusMax).length;
  const dropped = sum((workflow) => workflow.dropped);
  const parts = [
    `${view.state} (${clockText(view.elapsedMs)})`,
    `${String(sum((workflow) => workflow.vus)).padStart(width, "0")}/${vusMax} VUs`,
    `${sum(({ completed }) => completed)} complete and ${sum(({ interrupted }) => interrupted)} interrupted iterations`,
  ];
  if (dropped > 0) parts.push(`${dropped} dropped`);
  if (view.requests > 0) {
    // The last whole second's: before there is one, nothing is known, and in one without requests no latency.
    if (view.elapsedMs >= 1_000) parts.push(`${view.requestsPerSecond.toFixed(1)} req/s`);
    if (view.requestsPerSecond > 0) parts.push(`p95 ${formatLatency(view.latencyNow.p95)}`);
    parts.push(`${percent(view.failedRatio)} failed`);
  }
  if (view.isSaturated) parts.push("GENERATOR SATURATED");
  return parts.join(", ");
}

/** k6's clock: 13000 -> "0m13.0s", 3661000 -> "1h01m01.0s". */
export function clockText(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  // Cut, not rounded: 59.96 s must not read as 60.0s.
  const seconds = (Math.floor((ms % 60_000) / 100) / 10).toFixed(1);
  return hours > 0
    ? `${hours}h${String(minutes).padStart(2, "0")}m${seconds.padStart(4, "0")}s`
    : `${minutes}m${seconds.padStart(4, "0")}s`;
}

/** A ratio 0..1 as "0.00%". */
export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(2)}%`;
}
