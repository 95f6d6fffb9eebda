// What has to happen at least once in a batch of seeds, or the batch proves nothing: counts of what is rare.

import type { Job } from "../ledger/job.ts";
import type { JobResult } from "../load/result.ts";

/** Every batch of the profile "all" reaches all of these. */
export const MUST_HAPPEN = [
  "election",
  "split vote",
  "snapshot installed",
  "torn tail repaired",
  "corrupt log repaired",
  "refutation",
  "owner takeover",
  "goes on: shared-iterations",
  "goes on: per-vu-iterations",
  "goes on: constant-vus",
  "goes on: ramping-vus",
  "goes on: constant-arrival-rate",
  "goes on: ramping-arrival-rate",
  "late result",
  "unreported requests",
  "budget exhausted",
  "poison",
  "wiped voter replaced",
  "job retried",
  "setup or teardown run again",
] as const;

export class Sometimes {
  readonly counts = new Map<string, number>();

  note(what: string, count = 1): void {
    if (count > 0) this.counts.set(what, (this.counts.get(what) ?? 0) + count);
  }

  /** A job has ended, and a client got this. */
  finish(job: Job, result: JobResult): void {
    this.note(`job ${result.state}`);
    if (result.late > 0) this.note("late result");
    if (result.unreportedMax > 0) this.note("unreported requests");
    if (result.reruns > 0) this.note("setup or teardown run again");
    if (job.retriesUsed > 0) this.note("job retried");
    if (result.errorCode === "failed" && job.retries > 0 && job.retriesUsed === job.retries)
      this.note("budget exhausted");
    if (/poison/.test(result.reason)) this.note("poison");
  }

  add(other: ReadonlyMap<string, number>): void {
    for (const [what, count] of other) this.note(what, count);
  }

  /** Of MUST_HAPPEN, what never did. */
  missing(): readonly string[] {
    return MUST_HAPPEN.filter((what) => !this.counts.has(what));
  }
}
