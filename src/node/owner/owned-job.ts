// One job as its present owner runs it: carries out the effects of what was committed, turns what workers report into
// proposals. Order, retries and the end of the job are the ledger's alone; seals are seals.ts's, figures judging.ts's.

import { never } from "../../base/assert.ts";
import type { Effect } from "../../ledger/effects.ts";
import type { LedgerState } from "../../ledger/job.ts";
import { steeringOf } from "../../ledger/standing.ts";
import type { Stripe } from "../../load/dealing.ts";
import { type AttemptId, isSameSteering, type Steering, UNSTEERED } from "../../load/share.ts";
import { shareSpecOf } from "../job-spec.ts";
import { closedEnd, openValues, providedValue } from "./passed-values.ts";
import type { Torn, WorkerReport, WorkerRequest } from "../messages.ts";
import { Judging } from "./judging.ts";
import { type JobPorts, Ownership } from "./ownership.ts";
import { addAttempt, beginAttempt, closeAttempt, type Run, type RunAttempt, takeSnapshot } from "./run.ts";
import { Seals } from "./seals.ts";
import { unheardOf } from "./unreported.ts";

type EffectOf<Kind extends Effect["kind"]> = Extract<Effect, { kind: Kind }>;
type Failed = Extract<WorkerReport, { kind: "failed" }>;

export class OwnedJob {
  readonly run: Run;
  readonly #own: Ownership;
  readonly #seals: Seals;
  readonly #judging: Judging;
  /** Each takes back the timer of a workflow's limit. */
  readonly #deadlines = new Map<string, () => void>();

  constructor(run: Run, token: number, ports: JobPorts) {
    this.run = run;
    this.#own = new Ownership(run, token, ports);
    this.#judging = new Judging(this.#own);
    this.#seals = new Seals(this.#own);
  }

  /** The job is another's, or over: nothing more is done or said. */
  close(): void {
    this.#own.close();
  }

  /** What is known of it is kept, for whoever takes it over. */
  keep(): Promise<void> {
    return this.#seals.checkpoint();
  }

  /** Everything has ended, as far as the ledger says: the result is made. */
  judge(): void {
    this.#judging.judge();
  }

  // ── effects ───────────────────────────────────────────────────────────────────────────────────

  perform(effect: Effect): void {
    switch (effect.kind) {
      case "dispatch":
        return this.#dispatch(effect);
      case "begin":
        return this.#begin(effect);
      case "deadline":
        return this.#armDeadline(effect);
      case "stop":
        return this.#order(effect.worker, { kind: "stop", attempt: effect.attempt, mode: effect.mode });
      case "sealed":
        // It may be a seal that an earlier owner proposed.
        closeAttempt(this.run, effect.attempt.token);
        return this.#order(effect.worker, { kind: "sealed", attempt: effect.attempt });
      case "lost":
        return effect.isCertain ? this.lose(effect.attempt, `worker ${effect.worker} is gone`) : undefined;
      case "warning":
        return this.#own.warn(effect.text);
      case "close":
        return this.#judging.judge();
      case "finished":
        return this.#finish();
      case "pause":
      case "resume":
      case "scale":
        return this.steer(effect.attempt, effect.worker);
      case "grant":
      case "propose":
      case "accepted":
      case "refused":
      case "adopt":
      case "ended":
      case "forgotten":
        return;
      default:
        never(effect);
    }
  }

  #dispatch({ attempt, worker, core, shares, resume, context, setupJson }: EffectOf<"dispatch">): void {
    const { run } = this;
    const spec = shareSpecOf(run.plan, attempt.workflow, {
      share: attempt.share,
      shares,
      resume,
      feedStripe: stripeOf(this.#own.ports.ledger.state, worker),
    });
    const values = openValues(this.#own.ports.vault.values, run.id, { context, setupJson });
    if (values === null) this.#own.warn("values of this job are stored under a key that its manager does not have");
    if (spec === null || values === null) return;
    const orderedAtMs = this.#own.ports.clock.nowMs();
    if (!run.attempts.has(attempt.token)) addAttempt(run, attempt, { worker, core, orderedAtMs });
    this.#order(worker, {
      kind: "dispatch",
      attempt,
      core,
      spec,
      plan: run.plan,
      bundle: run.bundle,
      reportMs: this.#own.ports.reportMs,
      ...values,
    });
  }

  #begin({ startAtMs, originMs, attempts }: EffectOf<"begin">): void {
    const nowMs = this.#own.ports.ledger.nowMs();
    const startedAtEpochMs = this.#own.ports.clock.epochMs() + originMs - nowMs;
    for (const { attempt, worker } of attempts) {
      beginAttempt(this.run, attempt.token, {
        offsetMs: startAtMs - originMs,
        nowMs: nowMs - originMs,
        startedAtEpochMs,
      });
      const inMs = startAtMs - nowMs;
      const steering = this.#steering(attempt);
      const start = { kind: "start", attempt, inMs, jobElapsedMs: startAtMs - originMs } as const;
      this.#order(worker, isSameSteering(steering, UNSTEERED) ? start : { ...start, steering });
    }
  }

  /** What people ask of the attempt's workflow, as the ledger has it now. */
  #steering({ workflow: name }: AttemptId): Steering {
    const workflow = this.#own.job()?.workflows.get(name);
    return workflow === undefined ? UNSTEERED : steeringOf(workflow);
  }

  /** The attempt gets to know what people ask of its workflow: what holds now, whatever changed. */
  steer(attempt: AttemptId, worker: string): void {
    this.#order(worker, { kind: "steer", attempt, steering: this.#steering(attempt) });
  }

  #armDeadline({ job, workflow, inMs }: EffectOf<"deadline">): void {
    this.#deadlines.get(workflow)?.();
    const cancel = this.#own.arm(inMs, () =>
      this.#own.propose({ kind: "timeout", job, workflow, ownerToken: this.#own.token }),
    );
    this.#deadlines.set(workflow, cancel);
  }

  // ── reports ───────────────────────────────────────────────────────────────────────────────────

  hear(report: WorkerReport): void {
    const id = report.kind === "snapshot" ? report.snapshot.attempt : report.attempt;
    const { run } = this;
    const attempt = run.attempts.get(id.token);
    if (this.#own.isClosed || id.job !== run.id || attempt === undefined) return;
    const fields = { job: id.job, workflow: id.workflow, share: id.share, attemptToken: id.token };
    switch (report.kind) {
      case "ready":
        return this.#own.propose({ kind: "ready", ...fields });
      case "snapshot":
        return takeSnapshot(run, report.snapshot);
      case "ended":
        return this.#seals.seal(id, closedEnd(this.#own.ports.vault.values, id, report));
      case "failed":
        return this.#fail(attempt, report);
      case "provide": {
        const { key, vu, iteration } = report;
        const stored = providedValue(this.#own.ports.vault.values, id, report);
        return this.#seals.provide({ kind: "provide", ...fields, ...stored, key, vu, iteration });
      }
      case "abort":
        return this.#own.propose({ kind: "abort", ...fields, reason: report.reason });
      case "log":
        return this.#own.tell({ kind: "log", level: report.level, workflow: id.workflow, text: report.text });
      case "warning":
        return this.#own.warn(report.text);
      case "errors":
        attempt.errors = report.errors;
        return;
      default:
        never(report);
    }
  }

  /** A core gave up: what its last cut tells of counts, or all that it left when nothing of its share runs again. */
  #fail(attempt: RunAttempt, { cause, message, torn, salvage }: Failed): void {
    const { core, worker, id, isSealing } = attempt;
    if (!isSealing) {
      this.#disturb(attempt, `core ${core} of ${worker} failed (${cause}) in workflow "${id.workflow}"`);
      const isSalvaged = salvage !== undefined && this.#own.job()?.retries === 0;
      if (isSalvaged) takeSnapshot(this.run, salvage);
      if (torn !== undefined) this.#noteTorn(id, isSalvaged ? { ...torn, requests: 0 } : torn);
    }
    this.#seals.seal(id, { kind: "failed", cause, message });
  }

  /** Each iteration that was broken off may have had a batch on its way that never got to the board. */
  #noteTorn({ token }: AttemptId, { requests, iterations }: Torn): void {
    const most = requests + iterations * Math.max(1, this.run.plan.http.batch);
    if (most > 0) this.run.unheard.set(token, { requests: most, seconds: 0 });
  }

  /** Its worker handed it back: whole, or as its core left it when that had to be ended. */
  takeBack(id: AttemptId, { message, torn }: { readonly message: string; readonly torn?: Torn | undefined }): void {
    const attempt = this.run.attempts.get(id.token);
    if (attempt === undefined || attempt.isSealing) return;
    this.#disturb(attempt, message);
    if (torn !== undefined) this.#noteTorn(id, torn);
    this.#seals.seal(id, { kind: "returned", message });
  }

  /** Nothing more will be heard of it: what is held is all there is, and the rest is bounded. */
  lose(id: AttemptId, why: string): void {
    const attempt = this.run.attempts.get(id.token);
    const job = this.#own.job();
    if (attempt === undefined || attempt.isSealing || job === null) return;
    this.#disturb(attempt, why);
    const unheard = unheardOf(this.run, attempt, this.#own.elapsedMs(job));
    if (unheard.requests > 0 || unheard.seconds > 0) this.run.unheard.set(id.token, unheard);
    this.#seals.seal(id, { kind: "lost", message: why });
  }

  /** From the attempt's last report until now, something went wrong with it. */
  #disturb({ heardMs, offsetMs }: RunAttempt, why: string): void {
    const job = this.#own.job();
    if (offsetMs === null || job === null) return;
    const to = this.#own.elapsedMs(job);
    this.run.disturbed.push({ from: Math.min(to, heardMs), to, why });
  }

  #finish(): void {
    if (this.#judging.finish()) this.close();
  }

  #order(worker: string, request: WorkerRequest): void {
    const job = this.#own.job();
    if (job !== null) this.#own.ports.order(worker, job, request);
  }
}

/** A worker's turn at data rows: its place among the workers there are. */
function stripeOf(state: LedgerState, worker: string): Stripe {
  const workers = [...state.workers.keys()].sort();
  return { index: Math.max(workers.indexOf(worker), 0), of: Math.max(workers.length, 1) };
}
