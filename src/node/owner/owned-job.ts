// One job as its present owner runs it: carries out the effects of what was committed, holds the measurements, turns
// what workers report into proposals. Order, retries and the end of the job are the ledger's alone.

import { never } from "../../base/assert.ts";
import type { Clock, Timer } from "../../io/world.ts";
import type { Effect } from "../../ledger/effects.ts";
import type { End, Proposal } from "../../ledger/entries.ts";
import { type Job, type LedgerState, liveAttempt } from "../../ledger/job.ts";
import type { Stripe } from "../../load/dealing.ts";
import type { JobResult } from "../../load/result.ts";
import type { AttemptId } from "../../load/share.ts";
import { type ForeignSeal, foreignSeals, takeSeals } from "./adoption.ts";
import { shareSpecOf } from "../job-spec.ts";
import type { LedgerPort } from "../ledger-port.ts";
import type { LiveEvent, WorkerReport, WorkerRequest } from "../messages.ts";
import { buildResult, finalThresholds, outcomeOf } from "./result.ts";
import {
  addAttempt,
  beginAttempt,
  closeAttempt,
  closeSeconds,
  judgeLive,
  lastSeconds,
  loadStartMs,
  notesOf,
  type Run,
  type RunAttempt,
  takeSnapshot,
} from "./run.ts";
import { checkpointEntry, sealEntry } from "./seal-entry.ts";
import { unreportedOf } from "./unreported.ts";
import type { Kept, Vault } from "./vault.ts";
import { jobView } from "./view.ts";

/** Thresholds on the whole are judged this often. */
const JUDGE_MS = 1_000;
/** Running attempts are kept this often. */
const CHECKPOINT_MS = 5_000;
/** What could not be kept is tried again after it. */
const RETRY_MS = 500;

export type JobPorts = {
  readonly clock: Clock;
  readonly ledger: LedgerPort;
  readonly vault: Vault;
  /** The order goes to the worker, under the job's ownerToken; it may get lost. */
  readonly order: (worker: string, job: Job, request: WorkerRequest) => void;
  /** To all who follow the job. */
  readonly tell: (job: string, event: LiveEvent) => void;
  /** The job's end is committed. */
  readonly finished: (job: string, result: JobResult) => void;
  /** How often attempts report, and how often the job shows itself. */
  readonly reportMs: number;
  readonly viewMs: number;
  /** Between the commit of a start and the start: long enough for every worker to have heard of it. */
  readonly startLeadMs: number;
  /** Whether others may have to take the job over. */
  readonly doesCheckpoint: boolean;
};

type EffectOf<Kind extends Effect["kind"]> = Extract<Effect, { kind: Kind }>;
type Failed = Extract<WorkerReport, { kind: "failed" }>;

export class OwnedJob {
  readonly run: Run;
  readonly #ports: JobPorts;
  readonly #token: number;
  readonly #timers = new Set<Timer>();
  readonly #deadlines = new Map<string, Timer>();
  /** Values proposed and not yet applied, and seals that wait for them, by attempt token. */
  readonly #providing = new Map<number, number>();
  readonly #sealsDue = new Map<number, () => void>();
  #judgedAtMs = -Infinity;
  #isKeeping = false;
  /** Made when everything has ended, told when that is committed. */
  #result: JobResult | null = null;
  #isClosed = false;

  constructor(run: Run, token: number, ports: JobPorts) {
    this.run = run;
    this.#token = token;
    this.#ports = ports;
    this.#armView();
    if (ports.doesCheckpoint) this.#armCheckpoint();
  }

  /** The job is another's, or over: nothing more is done or said. */
  close(): void {
    this.#isClosed = true;
    for (const timer of [...this.#timers, ...this.#deadlines.values()]) timer.cancel();
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
        return this.#warn(effect.text);
      case "close":
        return this.judge();
      case "finished":
        return this.#finish();
      case "pause":
      case "resume":
      case "scale":
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
      feedStripe: stripeOf(this.#ports.ledger.state, worker),
    });
    if (spec === null) return;
    const orderedAtMs = this.#ports.clock.nowMs();
    if (!run.attempts.has(attempt.token)) addAttempt(run, attempt, { worker, core, orderedAtMs });
    this.#order(worker, {
      kind: "dispatch",
      attempt,
      core,
      spec,
      plan: run.plan,
      bundle: run.bundle,
      reportMs: this.#ports.reportMs,
      context,
      setupJson,
    });
  }

  #begin({ startAtMs, originMs, attempts }: EffectOf<"begin">): void {
    const nowMs = this.#nowMs();
    const startedAtEpochMs = this.#ports.clock.epochMs() + originMs - nowMs;
    for (const { attempt, worker } of attempts) {
      beginAttempt(this.run, attempt.token, {
        offsetMs: startAtMs - originMs,
        nowMs: nowMs - originMs,
        startedAtEpochMs,
      });
      const inMs = startAtMs - nowMs;
      this.#order(worker, { kind: "start", attempt, inMs, jobElapsedMs: startAtMs - originMs });
    }
  }

  #armDeadline({ job, workflow, inMs }: EffectOf<"deadline">): void {
    this.#deadlines.get(workflow)?.cancel();
    const timer = this.#ports.clock.setTimer(inMs, () =>
      this.#propose({ kind: "timeout", job, workflow, ownerToken: this.#token }),
    );
    this.#deadlines.set(workflow, timer);
  }

  // ── reports ───────────────────────────────────────────────────────────────────────────────────

  hear(report: WorkerReport): void {
    const id = report.kind === "snapshot" ? report.snapshot.attempt : report.attempt;
    const { run } = this;
    const attempt = run.attempts.get(id.token);
    if (this.#isClosed || id.job !== run.id || attempt === undefined) return;
    const fields = { job: id.job, workflow: id.workflow, share: id.share, attemptToken: id.token };
    switch (report.kind) {
      case "ready":
        return this.#propose({ kind: "ready", ...fields });
      case "snapshot":
        return takeSnapshot(run, report.snapshot);
      case "ended":
        return this.#seal(id, { kind: "closed", valueJson: report.valueJson, thrown: report.thrown });
      case "failed":
        return this.#fail(attempt, report);
      case "provide": {
        const { key, json, vu, iteration } = report;
        return this.#provide({ kind: "provide", ...fields, key, json, vu, iteration });
      }
      case "abort":
        return this.#propose({ kind: "abort", ...fields, reason: report.reason });
      case "log":
        return this.#tell({ kind: "log", level: report.level, workflow: id.workflow, text: report.text });
      case "warning":
        return this.#warn(report.text);
      case "errors":
        attempt.errors = report.errors;
        return;
      default:
        never(report);
    }
  }

  /** A value counts only before its attempt's seal, and proposals may be applied in another order. */
  #provide(proposal: Extract<Proposal, { kind: "provide" }>): void {
    const { attemptToken } = proposal;
    this.#providing.set(attemptToken, (this.#providing.get(attemptToken) ?? 0) + 1);
    this.#ports.ledger.propose(proposal, (outcome) => {
      const left = (this.#providing.get(attemptToken) ?? 1) - 1;
      this.#providing.set(attemptToken, left);
      if (left === 0) {
        this.#providing.delete(attemptToken);
        this.#sealsDue.get(attemptToken)?.();
        this.#sealsDue.delete(attemptToken);
      }
      if (outcome.kind !== "applied") return;
      for (const effect of outcome.effects ?? [])
        if (effect.kind === "refused" && effect.code === "limit") this.#warn(effect.message);
    });
  }

  /** A core gave up: each iteration that was open may have had a batch on its way that never got to the board. */
  #fail(attempt: RunAttempt, { cause, message }: Failed): void {
    const { core, worker, id, isSealing } = attempt;
    if (!isSealing) {
      this.#disturb(attempt, `core ${core} of ${worker} failed (${cause}) in workflow "${id.workflow}"`);
      this.#noteOpen(attempt);
    }
    this.#seal(id, { kind: "failed", cause, message });
  }

  /** What an iteration that was broken off had on its way may be on no board. */
  #noteOpen({ id, held }: RunAttempt): void {
    const open = (held?.cut.accounting.interrupted ?? 0) * Math.max(1, this.run.plan.http.batch);
    if (open > 0) this.run.unreported.set(id.token, open);
  }

  /** Its worker handed it back: whole, or as its core left it when that had to be ended. */
  takeBack(id: AttemptId, { message, isWhole }: { readonly message: string; readonly isWhole: boolean }): void {
    const attempt = this.run.attempts.get(id.token);
    if (attempt === undefined || attempt.isSealing) return;
    this.#disturb(attempt, message);
    if (!isWhole) this.#noteOpen(attempt);
    this.#seal(id, { kind: "returned", message });
  }

  /** Nothing more will be heard of it: what is held is all there is, and the rest is bounded. */
  lose(id: AttemptId, why: string): void {
    const attempt = this.run.attempts.get(id.token);
    const job = this.#job();
    if (attempt === undefined || attempt.isSealing || job === null) return;
    this.#disturb(attempt, why);
    const unreported = unreportedOf(this.run, attempt, this.#elapsedMs(job));
    if (unreported > 0) this.run.unreported.set(id.token, unreported);
    this.#seal(id, { kind: "lost", message: why });
  }

  /** From the attempt's last report until now, something went wrong with it. */
  #disturb({ heardMs, offsetMs }: RunAttempt, why: string): void {
    const job = this.#job();
    if (offsetMs === null || job === null) return;
    const to = this.#elapsedMs(job);
    this.run.disturbed.push({ from: Math.min(to, heardMs), to, why });
  }

  // ── seals and checkpoints ─────────────────────────────────────────────────────────────────────

  /** Commits the end of an attempt with the newest snapshot held: the last one that will ever count. */
  #seal(id: AttemptId, end: End): void {
    const attempt = closeAttempt(this.run, id.token);
    if (attempt === null) return;
    const held = attempt.held;
    const propose = (name: string): void => {
      attempt.keptAs = name;
      if (this.#providing.has(id.token)) this.#sealsDue.set(id.token, () => this.#proposeSeal(attempt, end, name));
      else this.#proposeSeal(attempt, end, name);
    };
    if (held === null && !this.run.unreported.has(id.token)) return propose("");
    const attempts = held === null ? [] : [{ held, errors: attempt.errors }];
    const kept: Kept = { notes: notesOf(this.run), attempts };
    this.#keep(() => this.#ports.vault.keep(kept), propose);
  }

  #proposeSeal(attempt: RunAttempt, end: End, snapshot: string): void {
    const { id } = attempt;
    const proposal = sealEntry(attempt, this.#token, end, snapshot);
    if (this.#isClosed) return;
    this.#ports.ledger.propose(proposal, (outcome) => {
      if (outcome.kind === "applied" || this.#isClosed || !this.#isLive(id)) return;
      if (outcome.code === "expired") return this.#proposeSeal(attempt, end, snapshot);
      const message = `its end could not be committed: ${outcome.message}`;
      const isTooLarge = end.kind === "closed" && (end.valueJson !== null || end.thrown !== null);
      if (isTooLarge) this.#proposeSeal(attempt, { kind: "closed", valueJson: null, thrown: message }, snapshot);
    });
  }

  /** Runs `then` once it is kept, at once where nothing has to be. Tries until then, while the job is this owner's. */
  #keep<Name>(keep: () => Name | Promise<Name>, then: (name: Name) => void): void {
    const kept = keep();
    if (!(kept instanceof Promise)) return then(kept);
    kept.then(
      (name) => {
        if (!this.#isClosed) then(name);
      },
      () => this.#arm(RETRY_MS, () => this.#keep(keep, then)),
    );
  }

  #armCheckpoint(): void {
    this.#arm(CHECKPOINT_MS, () => {
      this.#armCheckpoint();
      this.#checkpoint();
    });
  }

  /** All running attempts in one blob and one entry. */
  #checkpoint(): void {
    const job = this.#job();
    const running = [...this.run.attempts.values()].filter(
      ({ id, held, isSealing, offsetMs }) => held !== null && !isSealing && offsetMs !== null && this.#isLive(id),
    );
    if (job === null || this.#isKeeping || running.length === 0) return;
    this.#isKeeping = true;
    const attempts = running.flatMap(({ held, errors }) => (held === null ? [] : [{ held, errors }]));
    const done = (): void => {
      this.#isKeeping = false;
    };
    Promise.resolve(this.#ports.vault.keep({ notes: notesOf(this.run), attempts })).then((snapshot) => {
      done();
      const owner = { job: job.id, ownerToken: this.#token };
      this.#propose(
        checkpointEntry(
          owner,
          attempts.map(({ held }) => held),
          snapshot,
        ),
      );
    }, done);
  }

  // ── seconds, thresholds, views ────────────────────────────────────────────────────────────────

  #armView(): void {
    this.#arm(this.#ports.viewMs, () => {
      this.#armView();
      this.#look();
    });
  }

  #look(): void {
    const job = this.#job();
    if (job === null || job.phase === "finished") return;
    const elapsedMs = this.#elapsedMs(job);
    this.#completeSeconds(job, elapsedMs);
    const loadMs = loadStartMs(job);
    const isDue = this.#ports.clock.nowMs() - this.#judgedAtMs >= JUDGE_MS;
    if (isDue && loadMs !== null && job.phase === "open") {
      this.#judgedAtMs = this.#ports.clock.nowMs();
      const seconds = Math.max(0, elapsedMs - loadMs) / 1_000;
      for (const { outcome, isAbort } of judgeLive(this.run, elapsedMs, seconds)) this.#condemn(job, outcome, isAbort);
    }
    this.#tell({ kind: "view", view: jobView(this.run, job, elapsedMs) });
  }

  #completeSeconds(job: Job, elapsedMs: number): void {
    const { windows, failures } = closeSeconds(this.run, elapsedMs);
    for (const window of windows) this.#tell({ kind: "second", window });
    for (const { outcome, isAbort } of failures) this.#condemn(job, outcome, isAbort);
  }

  #condemn(
    job: Job,
    { metricKey, expression }: { readonly metricKey: string; readonly expression: string },
    isAbort: boolean,
  ): void {
    if (isAbort && job.ending !== null) return;
    this.#propose({ kind: "verdict", job: job.id, ownerToken: this.#token, metricKey, expression, isAbort });
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────

  /** Everything has ended: thresholds are judged, the result is made and kept, the finish proposed. */
  judge(): void {
    const { run } = this;
    const job = this.#job();
    if (job === null || job.phase !== "closing" || this.#result !== null) return;
    const foreign = foreignSeals(run, job);
    if (foreign.length > 0) return this.#read(foreign);
    const endMs = this.#elapsedMs(job);
    this.#completeSeconds(job, endMs);
    const seconds = lastSeconds(run, endMs);
    const thresholds = finalThresholds(run, job, endMs);
    const thresholdsFailed = thresholds.filter(({ ok }) => !ok).length;
    run.outcomes = thresholds;
    run.lastSecond = seconds.at(-1) ?? run.lastSecond;
    run.latencies = null;
    if (job.originMs === null) run.startedAtEpochMs = this.#ports.clock.epochMs();
    for (const window of seconds) this.#tell({ kind: "second", window });
    const result = buildResult(run, job, { outcome: outcomeOf(job, thresholdsFailed), endMs, thresholds });
    this.#result = result;
    // Now, not with the commit of the end: after that nobody follows the job any more.
    this.#tell({ kind: "view", view: jobView(run, job, endMs) });
    this.#keep(
      () => this.#ports.vault.keepResult(result),
      (name) => this.#propose({ kind: "finish", job: job.id, ownerToken: this.#token, thresholdsFailed, result: name }),
    );
  }

  /** Seals that an earlier owner got in after this one had taken over count as well: what they name is read. */
  #read(foreign: readonly ForeignSeal[]): void {
    this.#keep(
      () => Promise.all(foreign.map(({ name }) => (name === "" ? null : this.#ports.vault.load(name)))),
      (kept) => {
        takeSeals(this.run, foreign, kept);
        this.judge();
      },
    );
  }

  #finish(): void {
    const job = this.#job();
    if (job === null || this.#result === null) return;
    this.#ports.finished(job.id, this.#result);
    this.close();
  }

  // ── small things ──────────────────────────────────────────────────────────────────────────────

  /** The job as the ledger has it. Out: null when it is not this owner's any more. */
  #job(): Job | null {
    const job = this.#ports.ledger.state.jobs.get(this.run.id);
    return job?.owner?.token === this.#token ? job : null;
  }

  #isLive({ workflow, share, token }: AttemptId): boolean {
    const at = this.#job()?.workflows.get(workflow)?.shares[share];
    return at !== undefined && liveAttempt(at)?.token === token;
  }

  #nowMs(): number {
    return this.#ports.ledger.nowMs();
  }

  /** Ms of job time; 0 before anything started. */
  #elapsedMs(job: Job): number {
    return job.originMs === null ? 0 : Math.max(0, this.#nowMs() - job.originMs);
  }

  #order(worker: string, request: WorkerRequest): void {
    const job = this.#job();
    if (job !== null) this.#ports.order(worker, job, request);
  }

  #propose(proposal: Proposal): void {
    if (!this.#isClosed) this.#ports.ledger.propose(proposal);
  }

  #tell(event: LiveEvent): void {
    this.#ports.tell(this.run.id, event);
  }

  /** Said once: it stays in the result. */
  #warn(text: string): void {
    if (this.run.warnings.has(text)) return;
    this.run.warnings.add(text);
    this.#tell({ kind: "log", level: "warn", workflow: "", text });
  }

  #arm(delayMs: number, run: () => void): void {
    if (this.#isClosed) return;
    const timer = this.#ports.clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      if (!this.#isClosed) run();
    });
    this.#timers.add(timer);
  }
}

/** A worker's turn at data rows: its place among the workers there are. */
function stripeOf(state: LedgerState, worker: string): Stripe {
  const workers = [...state.workers.keys()].sort();
  return { index: Math.max(workers.indexOf(worker), 0), of: Math.max(workers.length, 1) };
}
