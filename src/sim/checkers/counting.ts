// Counting once (design 6): a job's figures are the sum of its sealed attempts up to their sealed cuts and of nothing
// else; and counted + late + unreported covers every request the target saw.

import type { Job } from "../../ledger/job.ts";
import { select } from "../../load/merge.ts";
import type { JobResult } from "../../load/result.ts";
import { countedAt, type SimTarget } from "../target.ts";
import { Violation } from "./violation.ts";

export class Counting {
  /** By job: what its first result said. */
  readonly #told = new Map<string, string>();

  /** A client got a result. */
  check(job: Job, result: JobResult, target: SimTarget): void {
    const counted = requestsOf(result);
    const told = `${result.state} ${counted} ${result.unreportedMax}`;
    const before = this.#told.get(job.id);
    if (before === told) return;
    if (before !== undefined)
      throw new Violation(
        "counting",
        `${job.id} has the results "${before}" and "${told}" (state, requests, unreported)`,
      );
    this.#told.set(job.id, told);
    let sealed = 0;
    let unsent = 0;
    for (const { token, seal } of sealsOf(job)) {
      const truth = target.attempts.get(token);
      if (truth === undefined) continue;
      const cut = countedAt(truth, seal.seq);
      sealed += cut.requests;
      unsent += cut.unsent;
    }
    if (counted !== sealed)
      throw new Violation("counting", `${job.id} counts ${counted} requests; its sealed cuts hold ${sealed}`);
    const unsentTold = result.workflows.reduce((sum, { accounting }) => sum + accounting.unsent, 0);
    if (unsentTold !== unsent)
      throw new Violation("counting", `${job.id} tells of ${unsentTold} unsent requests of ${unsent}`);
    const seen = target.seenOf.get(job.id) ?? 0;
    const missing = seen - (counted - unsent);
    if (missing < 0) throw new Violation("counting", `${job.id} counts ${counted - unsent} requests; ${seen} arrived`);
    if (missing > result.late + result.unreportedMax)
      throw new Violation(
        "counting",
        `${job.id}: ${seen} requests arrived, ${counted - unsent} counted; ` +
          `late ${result.late} and unreported at most ${result.unreportedMax} do not cover the rest`,
      );
  }
}

/** http_reqs over all workflows. */
export function requestsOf(result: JobResult): number {
  return result.workflows.reduce((sum, { series }) => {
    const cells = select(series, "http_reqs", {});
    return sum + (cells?.type === "counter" ? cells.count : 0);
  }, 0);
}

function sealsOf(job: Job) {
  return [...job.workflows.values()].flatMap(({ shares }) =>
    shares.flatMap(({ attempts }) => attempts.flatMap(({ token, seal }) => (seal === null ? [] : [{ token, seal }]))),
  );
}
