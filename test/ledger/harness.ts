// A ledger with somebody around it: proposals are committed in order, workers answer what they are told, and the test
// decides when. Keeps every entry, so that a run can be applied again from the start. Not a test itself.

import type { Labels } from "../../src/base/labels.ts";
import { apply } from "../../src/ledger/apply.ts";
import type { Effect } from "../../src/ledger/effects.ts";
import type { End, Entry, JobSpec, Proposal, WorkflowSpec } from "../../src/ledger/entries.ts";
import { createLedger, type Job, type LedgerState, liveAttempts, type Workflow } from "../../src/ledger/job.ts";
import { NO_ACCOUNTING } from "../../src/ledger/accounting.ts";
import type { Accounting, AttemptId, Resume } from "../../src/load/share.ts";

export type Dispatched = Extract<Effect, { kind: "dispatch" }>;
export type Kind<Name extends Effect["kind"]> = Extract<Effect, { kind: Name }>;

export const CLOSED: End = { kind: "closed", valueJson: null, thrown: null };

export function workflow(name: string, more: Partial<WorkflowSpec> = {}): WorkflowSpec {
  return {
    name,
    role: "user",
    after: [],
    priority: "auto",
    sharesMax: 100,
    fromMs: 0,
    toMs: 60_000,
    timeoutMs: null,
    vus: 100,
    requires: {},
    prefers: {},
    executor: "constant-vus",
    scaleMax: null,
    pool: null,
    ...more,
  };
}

export const SETUP = workflow("::setup", { role: "setup", sharesMax: 1, timeoutMs: 10_000 });
export const TEARDOWN = workflow("::teardown", { role: "teardown", sharesMax: 1, timeoutMs: 10_000 });

export const FAILED: End = { kind: "failed", cause: "stalled", message: "its loop does not turn" };
export const LOST: End = { kind: "lost", message: "w1 is gone" };

/** A job "j" on one worker "w1". */
export function started(cores: number, workflows = [workflow("a")], retries = 0): Harness {
  const harness = new Harness();
  harness.join("w1", cores);
  harness.submit(workflows, { retries });
  return harness;
}

export class Harness {
  readonly state: LedgerState = createLedger();
  readonly entries: Entry[] = [];
  readonly effects: Effect[] = [];
  /** Proposed and not yet committed. */
  readonly proposals: Proposal[] = [];
  atMs = 0;
  /** Looks at every entry and what it did. */
  watch: ((index: number, entry: Entry, effects: readonly Effect[]) => void) | null = null;

  /** Commits an entry; follow-ups wait in `proposals`. Out: its effects. */
  commit(proposal: Proposal): Effect[] {
    const entry: Entry = { ...proposal, atMs: this.atMs };
    this.entries.push(entry);
    const effects = apply(this.state, this.entries.length, entry);
    this.effects.push(...effects);
    this.watch?.(this.entries.length, entry, effects);
    for (const effect of effects) {
      if (effect.kind === "propose") this.proposals.push(effect.proposal);
      if (effect.kind === "accepted" && effect.isNew)
        this.proposals.push({ kind: "assign", job: effect.job, owner: "m1", boot: "1" });
      if (effect.kind === "close") {
        const token = this.state.jobs.get(effect.job)?.owner?.token;
        if (token !== undefined)
          this.proposals.push({
            kind: "finish",
            job: effect.job,
            ownerToken: token,
            thresholdsFailed: 0,
            result: null,
          });
      }
    }
    return effects;
  }

  /** Commits what is proposed until nothing is. */
  settle(): void {
    for (let next = this.proposals.shift(); next !== undefined; next = this.proposals.shift()) this.commit(next);
  }

  submit(workflows: readonly WorkflowSpec[], options: { readonly job?: string; readonly retries?: number } = {}): void {
    const spec: JobSpec = { workflows, retries: options.retries ?? 0 };
    this.commit({ kind: "submit", job: options.job ?? "j", digest: "d", submission: "", spec });
    this.settle();
  }

  join(worker: string, cores: number, more: { readonly boot?: string; readonly labels?: Labels } = {}): void {
    this.commit({ kind: "join", worker, cores, boot: more.boot ?? "1", labels: more.labels ?? {} });
    this.settle();
  }

  job(id = "j"): Job {
    const job = this.state.jobs.get(id);
    if (job === undefined) throw new Error(`no job ${id}`);
    return job;
  }

  workflow(name: string, job = "j"): Workflow {
    const found = this.job(job).workflows.get(name);
    if (found === undefined) throw new Error(`no workflow ${name}`);
    return found;
  }

  live(name: string, job = "j"): AttemptId[] {
    return liveAttempts(this.job(job), this.workflow(name, job)).map(({ id }) => id);
  }

  /** The live attempt of one share. */
  one(name: string, share = 0, job = "j"): AttemptId {
    const found = this.live(name, job).find((id) => id.share === share);
    if (found === undefined) throw new Error(`share ${share} of ${name} does not run`);
    return found;
  }

  ownerToken(job = "j"): number {
    return this.job(job).owner?.token ?? -1;
  }

  /** All shares of the workflow report ready. */
  ready(name: string, job = "j"): void {
    for (const { token, share } of this.live(name, job))
      this.commit({ kind: "ready", job, workflow: name, share, attemptToken: token });
    this.settle();
  }

  seal(
    id: AttemptId,
    end: End = CLOSED,
    more: {
      readonly seq?: number;
      readonly accounting?: Accounting;
      readonly resume?: Resume | null;
      readonly taken?: number;
    } = {},
  ): Effect[] {
    const effects = this.commit({
      kind: "seal",
      job: id.job,
      workflow: id.workflow,
      share: id.share,
      attemptToken: id.token,
      end,
      seq: more.seq ?? 1,
      resume: more.resume === undefined ? { kind: "elapsed", elapsedMs: 500, feeds: {} } : more.resume,
      snapshot: `${id.token}`,
      taken: more.taken ?? 0,
      accounting: more.accounting ?? { ...NO_ACCOUNTING, scheduled: 3, started: 3, completed: 3 },
    });
    this.settle();
    return effects;
  }

  /** Every live attempt of the workflow ends. */
  close(name: string, end: End = CLOSED, job = "j"): void {
    for (const id of this.live(name, job)) this.seal(id, end);
  }

  /** The workflow gets ready and runs to its end. */
  run(name: string, end: End = CLOSED, job = "j"): void {
    this.ready(name, job);
    this.close(name, end, job);
  }

  of<Name extends Effect["kind"]>(kind: Name): Kind<Name>[] {
    return this.effects.filter((effect): effect is Kind<Name> => effect.kind === kind);
  }

  states(job = "j"): Record<string, string> {
    return Object.fromEntries([...this.job(job).workflows].map(([name, { state }]) => [name, state]));
  }
}
