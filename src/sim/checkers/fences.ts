// Both fences only rise: ownerToken within a job, attemptToken within a share, on every replica; and a worker that knew
// a newer attempt of a share prepares no older one.

import type { LedgerState } from "../../ledger/job.ts";
import type { TrueAttempt } from "../target.ts";
import { Violation } from "./violation.ts";

export class Fences {
  /** "node job" -> newest ownerToken. */
  readonly #owners = new Map<string, number>();
  /** "process job workflow share" -> newest attemptToken prepared. */
  readonly #prepared = new Map<string, number>();

  /** A replica starts from what its disk holds, or from a snapshot: it applies entries again. */
  restart(node: string): void {
    for (const key of this.#owners.keys()) if (key.startsWith(`${node} `)) this.#owners.delete(key);
  }

  /** A replica applied an entry of this job. Out: true when the job has another owner than before. */
  apply(node: string, ledger: LedgerState, jobId: string): boolean {
    const job = ledger.jobs.get(jobId);
    if (job === undefined) return false;
    for (const { shares } of job.workflows.values()) {
      for (const { attempts } of shares) {
        const last = attempts.at(-1);
        const before = attempts.at(-2);
        if (last === undefined || before === undefined) continue;
        if (last.token <= before.token)
          throw new Violation("fences", `${jobId}: attempt ${last.token} follows ${before.token} on ${node}`);
        if (before.seal === null)
          throw new Violation("fences", `${jobId}: attempt ${last.token} begins before ${before.token} is sealed`);
      }
    }
    if (job.owner === null) return false;
    const key = `${node} ${jobId}`;
    const before = this.#owners.get(key);
    if (before === job.owner.token) return false;
    if (before !== undefined && before > job.owner.token)
      throw new Violation("fences", `${jobId}: owner token ${job.owner.token} after ${before} on ${node}`);
    this.#owners.set(key, job.owner.token);
    return before !== undefined;
  }

  /** A core of a worker process prepares an attempt. */
  prepare({ id, node }: TrueAttempt): void {
    const key = `${node} ${id.job} ${id.workflow} ${id.share}`;
    const before = this.#prepared.get(key) ?? -1;
    if (id.token < before)
      throw new Violation("fences", `${node} prepares attempt ${id.token} of ${key} after attempt ${before}`);
    this.#prepared.set(key, id.token);
  }
}
