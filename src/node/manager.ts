// The owner of jobs: turns what clients and workers say into ledger entries, and carries out the effects of what was
// committed. Holds the measurements meanwhile. Order, retries and the end of a job are the ledger's alone.

import { assert, never } from "../base/assert.ts";
import type { Bundle } from "../engine/messages.ts";
import { sha256 } from "../io/digest.ts";
import type { Clock, Timer } from "../io/world.ts";
import { apply } from "../ledger/apply.ts";
import type { Effect } from "../ledger/effects.ts";
import type { End, Entry, Proposal } from "../ledger/entries.ts";
import { createLedger, type Job, type LedgerState } from "../ledger/job.ts";
import type { Stripe } from "../load/dealing.ts";
import type { JobPlan } from "../load/plan.ts";
import type { AttemptId } from "../load/share.ts";
import { answer, ask, type ClientStream, createClients, follow, tell } from "./clients.ts";
import { jobSpecOf, shareSpecOf } from "./job-spec.ts";
import type { Log } from "./log.ts";
import type { ClientEvent, ClientRequest, WorkerReport, WorkerRequest } from "./messages.ts";
import { buildResult, finalThresholds } from "./result.ts";
import {
  addAttempt,
  beginAttempt,
  closeAttempt,
  closeSeconds,
  createRun,
  judgeLive,
  lastSeconds,
  loadStartMs,
  type Run,
  type RunAttempt,
  takeSnapshot,
} from "./run.ts";
import type { Stream } from "./stream.ts";
import { jobView } from "./view.ts";

/** Views go out this often, and thresholds are judged once in so many views. */
const VIEW_MS = 100;
const VIEWS_PER_JUDGEMENT = 10;
/** Life of this process: manager and worker live in one. */
const BOOT = "1";

export type ManagerOptions = {
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How often attempts report. */
  readonly reportMs: number;
  /** Between the commit of a start and the start: long enough for every worker to have heard of it. */
  readonly startLeadMs: number;
  /** Failed (not lost) attempts of a job that may be redone. */
  readonly retries: number;
};

export type Manager = {
  attachWorker(stream: Stream<WorkerRequest, WorkerReport>): void;
  attachClient(stream: Stream<ClientEvent, ClientRequest>): void;
  close(): void;
};

export function createManager(options: ManagerOptions): Manager {
  const manager = new Owner(options);
  return {
    attachWorker: (stream) => stream.onMessage((report) => manager.hearWorker(stream, report)),
    attachClient: (stream) => stream.onMessage((request) => manager.hearClient(stream, request)),
    close: () => manager.close(),
  };
}

type WorkerStream = Stream<WorkerRequest, WorkerReport>;
/** A job this manager runs. */
type Owned = { readonly run: Run; readonly timers: Set<Timer>; views: number; hasFinished: boolean };

class Owner {
  readonly #options: ManagerOptions;
  readonly #ledger: LedgerState = createLedger();
  /** Ledger time is the clock plus this: it starts at 0 and is never behind a committed entry. */
  #offsetMs: number;
  readonly #workers = new Map<string, WorkerStream>();
  readonly #clients = createClients();
  /** What was submitted, by job and digest, until the ledger says whether it is a new job. */
  readonly #submitted = new Map<string, { readonly plan: JobPlan; readonly bundle: Bundle }>();
  readonly #owned = new Map<string, Owned>();
  #isClosed = false;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#offsetMs = -options.clock.nowMs();
    options.log.onCommit((index, entry) => this.#commit(index, entry));
  }

  close(): void {
    this.#isClosed = true;
    for (const { timers } of this.#owned.values()) for (const timer of timers) timer.cancel();
  }

  hearClient(stream: ClientStream, request: ClientRequest): void {
    switch (request.kind) {
      case "submit": {
        const { id, plan, bundle } = request;
        const digest = digestOf(plan, bundle);
        ask(this.#clients, `submit ${id} ${digest}`, stream);
        this.#submitted.set(`${id} ${digest}`, { plan, bundle });
        return this.#propose({
          kind: "submit",
          job: id,
          digest,
          submission: "",
          spec: jobSpecOf(plan, this.#options.retries),
        });
      }
      case "cancel":
        ask(this.#clients, `cancel ${request.id}`, stream);
        return this.#propose({ kind: "cancel", job: request.id, by: request.by });
      default:
        never(request);
    }
  }

  hearWorker(stream: WorkerStream, report: WorkerReport): void {
    if (report.kind === "join") {
      this.#workers.set(report.node, stream);
      return this.#propose({ kind: "join", worker: report.node, boot: BOOT, cores: report.cores, labels: {} });
    }
    const id = report.kind === "snapshot" ? report.snapshot.attempt : report.attempt;
    const run = this.#owned.get(id.job)?.run;
    const attempt = run?.attempts.get(id.token);
    if (run === undefined || attempt === undefined) return;
    const fields = { job: id.job, workflow: id.workflow, share: id.share, attemptToken: id.token };
    switch (report.kind) {
      case "ready":
        return this.#propose({ kind: "ready", ...fields });
      case "snapshot":
        return takeSnapshot(run, report.snapshot);
      case "ended":
        return this.#seal(run, id, { kind: "closed", valueJson: report.valueJson, thrown: report.thrown });
      case "failed":
        this.#blame(run, attempt, report.cause);
        return this.#seal(run, id, { kind: "failed", cause: report.cause, message: report.message });
      case "provide":
        return this.#propose({
          kind: "provide",
          ...fields,
          key: report.key,
          json: report.json,
          vu: report.vu,
          iteration: report.iteration,
        });
      case "abort":
        return this.#propose({ kind: "abort", ...fields, reason: report.reason });
      case "log":
        return tell(this.#clients, id.job, {
          kind: "log",
          level: report.level,
          workflow: id.workflow,
          text: report.text,
        });
      case "warning":
        return this.#warn(run, report.text);
      case "errors":
        attempt.errors = report.errors;
        return;
      default:
        never(report);
    }
  }

  // ── the log ───────────────────────────────────────────────────────────────────────────────────

  #nowMs(): number {
    return this.#options.clock.nowMs() + this.#offsetMs;
  }

  #propose(proposal: Proposal): void {
    if (!this.#isClosed) this.#options.log.propose({ ...proposal, atMs: this.#nowMs() });
  }

  #commit(index: number, entry: Entry): void {
    if (this.#isClosed) return;
    const effects = apply(this.#ledger, index, entry);
    this.#offsetMs = Math.max(this.#offsetMs, this.#ledger.nowMs - this.#options.clock.nowMs());
    for (const effect of effects) this.#perform(effect, entry);
    if (entry.kind === "cancel") answer(this.#clients, `cancel ${entry.job}`);
  }

  #perform(effect: Effect, entry: Entry): void {
    switch (effect.kind) {
      case "accepted":
        return this.#accept(effect, entry);
      case "refused":
        return this.#refused(effect, entry);
      case "propose": {
        const { proposal } = effect;
        return this.#propose(proposal.kind === "start" ? { ...proposal, leadMs: this.#options.startLeadMs } : proposal);
      }
      case "dispatch":
        return this.#dispatch(effect);
      case "begin":
        return this.#begin(effect);
      case "deadline":
        return this.#armDeadline(effect);
      case "stop":
        return this.#order(effect.worker, { kind: "stop", attempt: effect.attempt, mode: effect.mode });
      case "sealed":
        return this.#order(effect.worker, { kind: "sealed", attempt: effect.attempt });
      case "lost":
        return this.#lose(effect);
      case "adopt":
      case "ended":
      case "forgotten":
        return;
      case "pause":
      case "resume":
      case "scale":
      case "grant":
        // Nobody asks an embedded job for these.
        return;
      case "warning": {
        const owned = this.#owned.get(effect.job);
        return owned === undefined ? undefined : this.#warn(owned.run, effect.text);
      }
      case "close":
        return this.#judge(effect.job);
      case "finished":
        return this.#finish(effect);
      default:
        never(effect);
    }
  }

  #accept({ job, isNew }: Extract<Effect, { kind: "accepted" }>, entry: Entry): void {
    assert(entry.kind === "submit", "only a submit is accepted");
    const key = `${job} ${entry.digest}`;
    const submitted = this.#submitted.get(key);
    this.#submitted.delete(key);
    for (const client of answer(this.#clients, `submit ${key}`)) {
      follow(this.#clients, job, client);
      client.send({ kind: "accepted", id: job });
    }
    if (!isNew || submitted === undefined) return;
    this.#owned.set(job, {
      run: createRun(job, submitted.plan, submitted.bundle),
      timers: new Set(),
      views: 0,
      hasFinished: false,
    });
    this.#propose({ kind: "assign", job, owner: this.#options.node, boot: BOOT });
    this.#armView(job);
  }

  /** A client hears that its request was refused; an owner's own late proposals are nobody's business. */
  #refused({ job, code, message }: Extract<Effect, { kind: "refused" }>, entry: Entry): void {
    if (entry.kind === "submit" || entry.kind === "cancel") {
      const key = entry.kind === "submit" ? `${job} ${entry.digest}` : job;
      if (entry.kind === "submit") this.#submitted.delete(key);
      // A job that has ended already needs no cancel: its client hears of the end as it is.
      const isToldOf = entry.kind === "submit" || code === "unknown";
      for (const client of answer(this.#clients, `${entry.kind} ${key}`))
        if (isToldOf) client.send({ kind: "refused", id: job, code, message });
      return;
    }
    const owned = this.#owned.get(job);
    if (entry.kind === "provide" && code === "limit" && owned !== undefined) this.#warn(owned.run, message);
  }

  /** A worker's turn at data rows: its place among the workers there are. */
  #stripeOf(worker: string): Stripe {
    const workers = [...this.#ledger.workers.keys()].sort();
    return { index: Math.max(workers.indexOf(worker), 0), of: Math.max(workers.length, 1) };
  }

  // ── attempts ──────────────────────────────────────────────────────────────────────────────────

  #dispatch({
    attempt,
    worker,
    core,
    shares,
    resume,
    context,
    setupJson,
  }: Extract<Effect, { kind: "dispatch" }>): void {
    const run = this.#owned.get(attempt.job)?.run;
    const spec =
      run === undefined
        ? null
        : shareSpecOf(run.plan, attempt.workflow, {
            share: attempt.share,
            shares,
            resume,
            feedStripe: this.#stripeOf(worker),
          });
    if (run === undefined || spec === null) return;
    addAttempt(run, attempt, worker, core);
    this.#order(worker, {
      kind: "dispatch",
      attempt,
      core,
      spec,
      plan: run.plan,
      bundle: run.bundle,
      reportMs: this.#options.reportMs,
      context: Object.fromEntries(Object.entries(context).map(([key, json]) => [key, parsed(json)])),
      setupData: setupJson === null ? null : parsed(setupJson),
    });
  }

  #begin({ job, startAtMs, originMs, attempts }: Extract<Effect, { kind: "begin" }>): void {
    const run = this.#owned.get(job)?.run;
    if (run === undefined) return;
    const nowMs = this.#nowMs();
    const startedAtEpochMs = this.#options.clock.epochMs() + originMs - nowMs;
    for (const { attempt, worker } of attempts) {
      beginAttempt(run, attempt.token, { offsetMs: startAtMs - originMs, nowMs: nowMs - originMs, startedAtEpochMs });
      this.#order(worker, { kind: "start", attempt, inMs: startAtMs - nowMs, jobElapsedMs: startAtMs - originMs });
    }
  }

  #armDeadline({ job, workflow, inMs }: Extract<Effect, { kind: "deadline" }>): void {
    this.#arm(job, inMs, () => {
      const token = this.#ledger.jobs.get(job)?.owner?.token;
      if (token !== undefined) this.#propose({ kind: "timeout", job, workflow, ownerToken: token });
    });
  }

  /** Proposes the end of an attempt with the newest snapshot held: the last one that will ever count. */
  #seal(run: Run, id: AttemptId, end: End): void {
    const attempt = closeAttempt(run, id.token);
    if (attempt === null) return;
    const cut = attempt.held?.cut;
    this.#propose({
      kind: "seal",
      job: id.job,
      workflow: id.workflow,
      share: id.share,
      attemptToken: id.token,
      end,
      seq: cut?.seq ?? 0,
      resume: cut?.resume ?? null,
      snapshot: `${id.token}:${cut?.seq ?? 0}`,
      taken: 0,
      accounting: cut?.accounting ?? { scheduled: 0, started: 0, completed: 0, interrupted: 0, dropped: 0, unsent: 0 },
    });
  }

  #lose({ attempt: id, worker }: Extract<Effect, { kind: "lost" }>): void {
    const run = this.#owned.get(id.job)?.run;
    const attempt = run?.attempts.get(id.token);
    if (run === undefined || attempt === undefined) return;
    this.#disturb(run, attempt, `worker ${worker} is gone`);
    this.#seal(run, id, { kind: "lost", message: `worker ${worker} is gone` });
  }

  /** A core gave up: each iteration that was open may have had a batch on its way that never got to the board. */
  #blame(run: Run, attempt: RunAttempt, cause: string): void {
    if (attempt.isSealing) return;
    const { core, worker, id } = attempt;
    this.#disturb(run, attempt, `core ${core} of ${worker} failed (${cause}) in workflow "${id.workflow}"`);
    run.unreportedMax += (attempt.held?.cut.accounting.interrupted ?? 0) * Math.max(1, run.plan.http.batch);
  }

  /** From the attempt's last report until now, something went wrong with it. */
  #disturb(run: Run, { heardMs, offsetMs, id }: RunAttempt, why: string): void {
    const job = this.#ledger.jobs.get(id.job);
    if (offsetMs === null || job === undefined) return;
    const to = this.#elapsedMs(job);
    run.disturbed.push({ from: Math.min(to, heardMs), to, why });
  }

  #order(worker: string, request: WorkerRequest): void {
    this.#workers.get(worker)?.send(request);
  }

  // ── seconds, thresholds, views ────────────────────────────────────────────────────────────────

  /** Ms of job time; 0 before anything started. */
  #elapsedMs(job: Job): number {
    return job.originMs === null ? 0 : Math.max(0, this.#nowMs() - job.originMs);
  }

  #armView(job: string): void {
    this.#arm(job, VIEW_MS, () => {
      const owned = this.#owned.get(job);
      if (owned === undefined || owned.hasFinished) return;
      this.#armView(job);
      this.#look(owned);
    });
  }

  #look(owned: Owned): void {
    const { run } = owned;
    const job = this.#ledger.jobs.get(run.id);
    if (job === undefined || job.phase === "finished") return;
    const elapsedMs = this.#elapsedMs(job);
    this.#completeSeconds(run, job, elapsedMs);
    const loadMs = loadStartMs(job);
    if (++owned.views % VIEWS_PER_JUDGEMENT === 0 && loadMs !== null && job.phase === "open") {
      for (const { outcome, isAbort } of judgeLive(run, elapsedMs, Math.max(0, elapsedMs - loadMs) / 1_000))
        this.#condemn(job, outcome, isAbort);
    }
    tell(this.#clients, job.id, { kind: "view", view: jobView(run, job, elapsedMs) });
  }

  #completeSeconds(run: Run, job: Job, elapsedMs: number): void {
    const { windows, failures } = closeSeconds(run, elapsedMs);
    for (const window of windows) tell(this.#clients, job.id, { kind: "second", window });
    for (const { outcome, isAbort } of failures) this.#condemn(job, outcome, isAbort);
  }

  #condemn(
    job: Job,
    { metricKey, expression }: { readonly metricKey: string; readonly expression: string },
    isAbort: boolean,
  ): void {
    if (job.owner === null || (isAbort && job.ending !== null)) return;
    this.#propose({ kind: "verdict", job: job.id, ownerToken: job.owner.token, metricKey, expression, isAbort });
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────

  #judge(id: string): void {
    const run = this.#owned.get(id)?.run;
    const job = this.#ledger.jobs.get(id);
    if (run === undefined || job?.owner == null) return;
    const endMs = this.#elapsedMs(job);
    this.#completeSeconds(run, job, endMs);
    const failed = finalThresholds(run, job, endMs).filter(({ ok }) => !ok);
    this.#propose({
      kind: "finish",
      job: id,
      ownerToken: job.owner.token,
      thresholdsFailed: failed.length,
      result: null,
    });
  }

  #finish({ job: id, outcome }: Extract<Effect, { kind: "finished" }>): void {
    const owned = this.#owned.get(id);
    const job = this.#ledger.jobs.get(id);
    if (owned === undefined || job === undefined) return;
    owned.hasFinished = true;
    for (const timer of owned.timers) timer.cancel();
    const { run } = owned;
    const endMs = this.#elapsedMs(job);
    const seconds = lastSeconds(run, endMs);
    const thresholds = finalThresholds(run, job, endMs);
    run.outcomes = thresholds;
    run.lastSecond = seconds.at(-1) ?? run.lastSecond;
    run.latencies = null;
    if (job.originMs === null) run.startedAtEpochMs = this.#options.clock.epochMs();
    for (const window of seconds) tell(this.#clients, id, { kind: "second", window });
    tell(this.#clients, id, { kind: "view", view: jobView(run, job, endMs) });
    tell(this.#clients, id, { kind: "finished", result: buildResult(run, job, { outcome, endMs, thresholds }) });
    this.#owned.delete(id);
    this.#clients.following.delete(id);
  }

  // ── warnings, timers ───────────────────────────────────────────────────────────────────────────

  /** Said once: it stays in the result. */
  #warn(run: Run, text: string): void {
    if (run.warnings.has(text)) return;
    run.warnings.add(text);
    tell(this.#clients, run.id, { kind: "log", level: "warn", workflow: "", text });
  }

  #arm(job: string, delayMs: number, run: () => void): void {
    const timers = this.#owned.get(job)?.timers;
    if (timers === undefined) return;
    const timer = this.#options.clock.setTimer(delayMs, () => {
      timers.delete(timer);
      run();
    });
    timers.add(timer);
  }
}

/** The job's identity: what is run, with which plan, on which files. */
function digestOf(plan: JobPlan, bundle: Bundle): string {
  const files = Object.entries(bundle.files).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256([JSON.stringify(plan), bundle.code, ...files.flat()]);
}

/** JSON that an engine wrote; a value that is none is handed on as its text. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
