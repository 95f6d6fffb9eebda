// What the target's log says of a job whose nodes were disturbed: was work done twice at once, and how long did the
// work of who was gone stand still. Pure.

import { sentOf } from "../e2e/cluster.ts";
import { type SubmitRun, summaryOf } from "../e2e/run.ts";
import type { Seen } from "./target.ts";

/**
 * VUs that went on over an older connection after a newer one had spoken: two attempts of one share sent at the same
 * time. A VU sends one request after the other, and a connection it left it never takes again.
 */
export function overlaps(log: readonly Seen[]): readonly { readonly vu: number; readonly atMs: number }[] {
  const order = new Map<number, Map<number, number>>();
  const found: { readonly vu: number; readonly atMs: number }[] = [];
  for (const [atMs, vu, port] of [...log].sort(([a], [b]) => a - b)) {
    const ports = order.get(vu) ?? new Map<number, number>();
    order.set(vu, ports);
    const place = ports.get(port);
    if (place === undefined) ports.set(port, ports.size);
    else if (place < ports.size - 1) found.push({ vu, atMs });
  }
  return found;
}

/** Ms from an instant to the first request of a VU that then changed its connection; null: none did. */
export function movedAfterMs(log: readonly Seen[], sinceMs: number): number | null {
  const before = new Map<number, Set<number>>();
  for (const [atMs, vu, port] of log) if (atMs < sinceMs) before.set(vu, (before.get(vu) ?? new Set()).add(port));
  let firstMs = Infinity;
  for (const [atMs, vu, port] of log) {
    const known = before.get(vu);
    if (atMs >= sinceMs && known !== undefined && !known.has(port)) firstMs = Math.min(firstMs, atMs);
  }
  return firstMs === Infinity ? null : firstMs - sinceMs;
}

/** `moveMsMax`: a worker is gone, its requests may be unreported and its work moves within so long; null: none is. */
export type Promised = { readonly moveMsMax: number | null; readonly isTotal?: boolean };

/** What came of a job that was disturbed at an instant of the target's clock. */
export type Round = { readonly text: string; readonly movedMs: number | null; readonly problems: readonly string[] };

export function judgeJob(promised: Promised, ended: SubmitRun, log: readonly Seen[], atMs: number): Round {
  const problems: string[] = [];
  const { moveMsMax, isTotal = false } = promised;
  if (ended.exitCode !== 0) problems.push(`exit code ${ended.exitCode}: ${ended.stderr.slice(-600)}`);
  const { job, accounting, ...rest } = summaryOf(ended);
  if (job.state !== "completed") problems.push(`the job ${job.state}`);
  const missing = log.length - sentOf({ job, accounting, ...rest });
  const bound = moveMsMax === null ? 0 : accounting.unreportedMax;
  if (missing < 0 || missing > bound) {
    const errors = rest.errors.map(({ message, count }) => `${count} ${message}`).join("; ");
    problems.push(`${missing} requests are not counted, ${bound} may be missing; errors: ${errors || "none"}`);
  }
  if (moveMsMax === null && accounting.unreportedMax !== 0)
    problems.push(`unreportedMax is ${accounting.unreportedMax} though every worker lived`);
  const twice = overlaps(log);
  if (twice.length > 0) problems.push(`${twice.length} requests of VUs whose work was elsewhere already`);
  const movedMs = moveMsMax === null || isTotal ? null : movedAfterMs(log, atMs);
  if (moveMsMax !== null && !isTotal && movedMs === null) problems.push("the work of who was gone did not move");
  if (movedMs !== null && moveMsMax !== null && movedMs > moveMsMax)
    problems.push(`it moved after ${movedMs.toFixed(0)} ms`);
  const moved = movedMs === null ? "" : `, moved after ${movedMs.toFixed(0)} ms`;
  return { text: `${log.length} seen, ${missing} of at most ${bound} missing${moved}`, movedMs, problems };
}
