// Every job ends exactly once and within its retry budget, every workflow starts at one instant, and setup and teardown
// are committed once.

import type { Effect } from "../../ledger/effects.ts";
import type { LedgerState } from "../../ledger/job.ts";
import { Violation } from "./violation.ts";

export class Endings {
  /** By job: the index of its end, and how it ended. */
  readonly #ends = new Map<string, { readonly index: number; readonly outcome: string }>();
  readonly #starts = new Map<string, number>();
  readonly #accepted = new Map<string, number>();

  /** Jobs that ended. */
  get count(): number {
    return this.#ends.size;
  }

  outcomeOf(job: string): string | null {
    return this.#ends.get(job)?.outcome ?? null;
  }

  /** A replica applied an entry. */
  apply(node: string, index: number, effects: readonly Effect[], ledger: LedgerState): void {
    for (const effect of effects) {
      if (effect.kind === "finished") this.#finish(node, index, effect.job, JSON.stringify(effect.outcome));
      if (effect.kind === "finished") checkBudget(ledger, effect.job);
      if (effect.kind === "begin") this.#begin(effect.job, effect.workflow, effect.startAtMs);
      if (effect.kind === "accepted" && effect.isNew) this.#accept(effect.job, index);
      if (effect.kind === "sealed") oneShotOnce(ledger, effect.attempt.job, effect.attempt.workflow);
    }
  }

  #finish(node: string, index: number, job: string, outcome: string): void {
    const before = this.#ends.get(job);
    if (before === undefined) this.#ends.set(job, { index, outcome });
    else if (before.index !== index || before.outcome !== outcome)
      throw new Violation("endings", `${job} ends at ${before.index} and, on ${node}, at ${index}`);
  }

  #begin(job: string, workflow: string, startAtMs: number): void {
    const key = `${job} ${workflow}`;
    const before = this.#starts.get(key);
    if (before === undefined) this.#starts.set(key, startAtMs);
    else if (before !== startAtMs)
      throw new Violation("endings", `"${workflow}" of ${job} starts at ${before} and again at ${startAtMs}`);
  }

  #accept(job: string, index: number): void {
    const before = this.#accepted.get(job);
    if (before === undefined) this.#accepted.set(job, index);
    else if (before !== index) throw new Violation("endings", `${job} is new at ${before} and again at ${index}`);
  }
}

/** Failed attempts of a job that were redone, by its own attempts: never more than it may. */
function checkBudget(ledger: LedgerState, id: string): void {
  const job = ledger.jobs.get(id);
  if (job === undefined) return;
  const redone = [...job.workflows.values()].flatMap(({ shares }) =>
    shares.flatMap(({ attempts }) => attempts.slice(0, -1).filter(({ end }) => end?.kind === "failed")),
  ).length;
  if (redone > job.retries) throw new Violation("endings", `${id} redoes ${redone} failed attempts of ${job.retries}`);
}

function oneShotOnce(ledger: LedgerState, jobId: string, name: string): void {
  const workflow = ledger.jobs.get(jobId)?.workflows.get(name);
  if (workflow === undefined || workflow.spec.role === "user") return;
  const closed = workflow.shares.flatMap(({ attempts }) => attempts.filter(({ end }) => end?.kind === "closed"));
  if (closed.length > 1) throw new Violation("endings", `${workflow.spec.role} of ${jobId} is committed twice`);
}
