// A manager's side of the workers: hears what they renew and report, grants leases of the jobs it owns, compares what
// they hold with the ledger and orders the difference. Any manager tells a worker what is committed for good.

import type { PressureLevel } from "../../health/backpressure.ts";
import type { Clock, Timer } from "../../io/world.ts";
import { contextOf } from "../../ledger/dag.ts";
import type { Labels } from "../../base/labels.ts";
import { type Attempt, type Job, liveAttempt, liveAttempts, type Workflow } from "../../ledger/job.ts";
import { beginOf, dispatchOf } from "../../ledger/standing.ts";
import type { AttemptId } from "../../load/share.ts";
import { splitValues } from "../dispatch-values.ts";
import { heardOf, type Intake, isWhole, takeOffer, takePart } from "./intake.ts";
import { freeAtMs, mayRenew } from "../lease.ts";
import type { LedgerPort } from "../ledger-port.ts";
import type { WorkerRequest } from "../messages.ts";
import { Owner, type Owned } from "./owner.ts";
import { type Heard, reconcile, type Step } from "./reconcile.ts";
import { noteStart } from "./run.ts";
import type { FromWorker, HeldReport, Renew, ToWorker, WireReport, WireSnapshot } from "../worker-messages.ts";

/** How often silent workers are looked for. */
const WATCH_MS = 1_000;
/** A worker that has not spoken for so long is not thought to be present. */
const PRESENT_MS = 5_000;

/** A worker as it last spoke here. */
export type Present = {
  readonly node: string;
  readonly boot: string;
  readonly cores: number;
  readonly labels: Labels;
  readonly isDraining: boolean;
  readonly heardAtMs: number;
};

export type HallPorts = {
  readonly clock: Clock;
  readonly ledger: LedgerPort;
  readonly owner: Owner;
  /** The newest entry applied here. */
  readonly applied: () => number;
  /** When this manager last knew itself up to date, on its clock. */
  readonly caughtUpAtMs: () => number;
  readonly say: (worker: string, message: ToWorker) => void;
  /** The life of that worker which hears what is said; null: none does. */
  readonly bootOf: (worker: string) => string | null;
  /** How much is asked of those who report. */
  readonly pressure: () => PressureLevel;
};

export class WorkerHall {
  readonly #ports: HallPorts;
  readonly #present = new Map<string, Present>();
  /** The newest renewal of each worker, for jobs that this manager takes over in between. */
  readonly #renewals = new Map<string, Renew>();
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(ports: HallPorts) {
    this.#ports = ports;
    ports.owner.onAdopted((owned) => this.#greet(owned));
    this.#armWatch();
  }

  /** Workers that spoke here lately. */
  get present(): readonly Present[] {
    const nowMs = this.#ports.clock.nowMs();
    return [...this.#present.values()].filter(({ heardAtMs }) => nowMs - heardAtMs <= PRESENT_MS);
  }

  /** Attempts that workers hold and whose end is not committed; `parting`: of workers that stop. */
  get unfinished(): { readonly held: number; readonly parting: number } {
    const counts = { held: 0, parting: 0 };
    for (const { node, isDraining } of this.present) {
      const attempts = this.#renewals.get(node)?.attempts ?? [];
      const held = attempts.filter(({ attempt }) => !this.#isSettled(attempt)).length;
      counts.held += held;
      if (isDraining) counts.parting += held;
    }
    return counts;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** Its link broke: until it speaks again, only membership knows whether it lives. */
  parted(worker: string): void {
    this.#present.delete(worker);
  }

  /** An order of an owner to one of its workers. */
  order(worker: string, job: Job, request: WorkerRequest): void {
    if (job.owner === null) return;
    if (request.kind === "sealed") return this.#ports.say(worker, { kind: "sealed", attempts: [request.attempt] });
    // A worker that was started anew would take up what its life before has done.
    if (!isOfLife(job, request.attempt, this.#ports.bootOf(worker))) return;
    const ownerToken = job.owner.token;
    if (request.kind === "start") {
      const startAtMs = Math.max(0, this.#ports.clock.nowMs() + request.inMs);
      return this.#ports.say(worker, { kind: "command", ownerToken, command: { ...request, startAtMs } });
    }
    if (request.kind !== "dispatch") return this.#ports.say(worker, { kind: "command", ownerToken, command: request });
    const { attempt, core, spec, context, setupJson, reportMs } = request;
    const { share, shares, resume, feedStripe = { index: 0, of: 1 } } = spec;
    const place = { share, shares, resume, feedStripe };
    const { submission } = job;
    const [first, ...more] = splitValues({ context, setupJson });
    for (const [part, values] of more.entries())
      this.#ports.say(worker, { kind: "command", ownerToken, command: { kind: "values", attempt, part, ...values } });
    const valueParts = more.length === 0 ? {} : { valueParts: more.length };
    const values = first ?? { context: {}, setupJson: null };
    this.#ports.say(worker, {
      kind: "command",
      ownerToken,
      command: { kind: "dispatch", attempt, core, place, submission, ...values, ...valueParts, reportMs },
    });
  }

  // ── renewals ──────────────────────────────────────────────────────────────────────────────────

  hear(worker: string, boot: string, message: FromWorker): void {
    if (this.#isClosed) return;
    if (message.kind === "report") return this.#report(boot, message.ownerToken, message.report);
    if (message.boot !== boot) return;
    const { cores, labels, isDraining } = message;
    this.#present.set(worker, { node: worker, boot, cores, labels, isDraining, heardAtMs: this.#ports.clock.nowMs() });
    this.#renewals.set(worker, message);
    this.#renew(worker, message);
  }

  #renew(worker: string, renewal: Renew): void {
    const byJob = Map.groupBy(renewal.attempts, ({ attempt }) => attempt.job);
    const mine: { readonly owned: Owned; readonly job: Job }[] = [];
    for (const owned of this.#ports.owner.owned) {
      const job = this.#ports.ledger.state.jobs.get(owned.id);
      if (job === undefined || job.owner?.token !== owned.token) continue;
      if (byJob.has(job.id) || hasWorkOn(job, worker, renewal.boot)) mine.push({ owned, job });
    }
    this.#grant(worker, renewal, mine);
    for (const { owned, job } of mine) {
      if (owned.course !== null)
        this.#compare(owned, job, { node: worker, boot: renewal.boot, held: byJob.get(job.id) ?? [] });
      byJob.delete(job.id);
    }
    this.#settle(worker, [...byJob.values()].flat());
  }

  /** Leases of the jobs owned here that have work on that worker. */
  #grant(worker: string, { sentAtMs }: Renew, mine: readonly { readonly owned: Owned; readonly job: Job }[]): void {
    const { clock, ledger, caughtUpAtMs } = this.#ports;
    const nowMs = clock.nowMs();
    const jobs: { job: string; ownerToken: number }[] = [];
    if (mayRenew(nowMs, caughtUpAtMs())) {
      for (const { owned, job } of mine) {
        owned.renewedAtMs.set(worker, nowMs);
        jobs.push({ job: job.id, ownerToken: owned.token });
      }
    }
    this.#ports.say(worker, { kind: "renewed", sentAtMs, ownerMs: nowMs, pressure: this.#ports.pressure(), jobs });
  }

  /** What is committed for good, or was never committed, of jobs that are nobody's here. */
  #settle(worker: string, held: readonly HeldReport[]): void {
    const attempts = held.map(({ attempt }) => attempt).filter((attempt) => this.#isSettled(attempt));
    if (attempts.length > 0) this.#ports.say(worker, { kind: "sealed", attempts });
  }

  #isSettled({ job: id, workflow, share, token }: AttemptId): boolean {
    const job = this.#ports.ledger.state.jobs.get(id);
    // A job not heard of yet has tokens above what is applied here.
    if (job === undefined) return token <= this.#ports.applied();
    const attempts = job.workflows.get(workflow)?.shares[share]?.attempts ?? [];
    const known = attempts.find((attempt) => attempt.token === token);
    return known === undefined ? token <= this.#ports.applied() : known.state === "sealed";
  }

  /** A job was taken over: workers are asked by what they said last. */
  #greet(owned: Owned): void {
    const nowMs = this.#ports.clock.nowMs();
    for (const [worker, renewal] of this.#renewals) {
      const isFresh = nowMs - (this.#present.get(worker)?.heardAtMs ?? -Infinity) <= 2 * WATCH_MS;
      const isOfJob = renewal.attempts.some(({ attempt }) => attempt.job === owned.id);
      if (isFresh && isOfJob) this.#renew(worker, renewal);
    }
  }

  // ── what to do about the difference ───────────────────────────────────────────────────────────

  #compare(owned: Owned, job: Job, speaker: { node: string; boot: string; held: readonly HeldReport[] }): void {
    const heard = new Map<number, Heard>();
    for (const [token, intake] of owned.intakes) heard.set(token, heardOf(intake));
    const known = { heard, applied: this.#ports.applied(), nowMs: this.#ports.ledger.nowMs() };
    for (const step of reconcile(job, speaker, known)) this.#take(owned, job, speaker.node, step);
  }

  #take(owned: Owned, job: Job, worker: string, step: Step): void {
    const { course, token: ownerToken } = owned;
    const { attempt } = step;
    if (course === null) return;
    switch (step.kind) {
      case "dispatch":
      case "start": {
        const at = named(job, attempt);
        if (at === null) return;
        const nowMs = this.#ports.ledger.nowMs();
        const effects =
          step.kind === "dispatch"
            ? dispatchOf(job, at.workflow, attempt, contextOf(job, at.workflow))
            : [beginOf(job, at.workflow, [{ id: attempt, attempt: at.attempt }], nowMs)];
        for (const effect of effects) course.perform(effect);
        return;
      }
      case "steer":
        return course.steer(attempt, worker);
      case "stop":
        return course.perform({ kind: "stop", attempt, worker, mode: step.mode });
      case "ready":
        return course.hear({ kind: "ready", attempt });
      case "tell": {
        const { seq, offers } = step.heard;
        return this.#ports.say(worker, {
          kind: "command",
          ownerToken,
          command: { kind: "tell", attempt, seq, offers },
        });
      }
      case "seal":
        return this.#end(owned, Owner.intake(owned, attempt.token));
      case "lost":
        return course.lose(attempt, `worker ${worker} does not have it any more`);
      case "sealed":
        return this.#ports.say(worker, { kind: "sealed", attempts: [attempt] });
    }
  }

  // ── reports ───────────────────────────────────────────────────────────────────────────────────

  #report(boot: string, ownerToken: number, report: WireReport): void {
    const owned = this.#ports.owner.of(report.attempt.job);
    const course = owned?.course ?? null;
    if (owned === null || course === null || owned.token !== ownerToken) return;
    // A token that names no attempt of the job would be kept for nothing.
    if (!course.run.attempts.has(report.attempt.token) || !this.#isOfLife(report.attempt, boot)) return;
    const intake = Owner.intake(owned, report.attempt.token);
    switch (report.kind) {
      case "provide":
        if (takeOffer(intake, report)) course.hear(report);
        return;
      case "over":
        intake.over = report;
        return this.#end(owned, intake);
      default:
        return course.hear(report);
    }
  }

  snapshot(worker: string, boot: string, message: WireSnapshot): void {
    const { attempt } = message.cut;
    const owned = this.#ports.owner.of(attempt.job);
    const course = owned?.course ?? null;
    if (this.#isClosed || owned === null || course === null || owned.token !== message.ownerToken) return;
    if (!course.run.attempts.has(attempt.token) || !this.#isOfLife(attempt, boot)) return;
    const intake = Owner.intake(owned, attempt.token);
    const snapshot = takePart(intake, message);
    if (snapshot === null) return;
    noteStart(course.run, attempt.token, message.startErrorMs);
    course.hear({ kind: "snapshot", snapshot });
    this.#ports.say(worker, {
      kind: "heard",
      ownerToken: owned.token,
      job: attempt.job,
      token: attempt.token,
      seq: intake.seq,
    });
    this.#end(owned, intake);
  }

  #isOfLife(attempt: AttemptId, boot: string): boolean {
    const job = this.#ports.ledger.state.jobs.get(attempt.job);
    return job !== undefined && isOfLife(job, attempt, boot);
  }

  /** The attempt is over: it is sealed as soon as nothing of it is missing. */
  #end({ course }: Owned, intake: Intake): void {
    const { over } = intake;
    if (course === null || over === null || !isWhole(intake)) return;
    const { attempt, end } = over;
    switch (end.kind) {
      case "closed":
        return course.hear({ kind: "ended", attempt, valueJson: end.valueJson, thrown: end.thrown });
      case "failed":
        return course.hear({ ...end, attempt });
      case "returned":
        return course.takeBack(attempt, end);
    }
  }

  // ── silence ───────────────────────────────────────────────────────────────────────────────────

  #armWatch(): void {
    this.#timer = this.#ports.clock.setTimer(WATCH_MS, () => {
      this.#armWatch();
      this.#forgetSilent();
      this.#watch();
    });
  }

  /** Workers come and go under ever new names: who speaks again is known again. */
  #forgetSilent(): void {
    const present = new Set(this.present.map(({ node }) => node));
    for (const worker of this.#renewals.keys()) {
      if (present.has(worker)) continue;
      this.#present.delete(worker);
      this.#renewals.delete(worker);
    }
  }

  /** A worker that lives for others and not for this owner: its leases are over, so that its work may move. */
  #watch(): void {
    const { clock, ledger, owner, caughtUpAtMs } = this.#ports;
    const nowMs = clock.nowMs();
    if (!mayRenew(nowMs, caughtUpAtMs())) return;
    for (const { course, id, renewedAtMs, assignedAtMs } of owner.owned) {
      const job = ledger.state.jobs.get(id);
      if (course === null || job === undefined) continue;
      for (const { id: attempt, worker } of allLive(job)) {
        const freeMs = freeAtMs({ renewedAtMs: renewedAtMs.get(worker) ?? null, assignedAtMs });
        const orderedAtMs = course.run.attempts.get(attempt.token)?.orderedAtMs ?? -Infinity;
        if (nowMs < freeMs || nowMs < freeAtMs({ renewedAtMs: null, assignedAtMs: orderedAtMs })) continue;
        course.lose(attempt, `worker ${worker} was silent for longer than its lease`);
      }
    }
  }
}

function allLive(job: Job): { readonly id: AttemptId; readonly worker: string }[] {
  return [...job.workflows.values()].flatMap((workflow) =>
    liveAttempts(job, workflow).map(({ id, attempt }) => ({ id, worker: attempt.worker })),
  );
}

function hasWorkOn(job: Job, worker: string, boot: string): boolean {
  for (const { shares } of job.workflows.values()) {
    for (const share of shares) {
      const attempt = liveAttempt(share);
      if (attempt !== null && attempt.worker === worker && attempt.boot === boot) return true;
    }
  }
  return false;
}

/** Whether the attempt was given to that life of its worker. */
function isOfLife(job: Job, id: AttemptId, boot: string | null): boolean {
  return named(job, id)?.attempt.boot === boot;
}

function named(job: Job, id: AttemptId): { readonly workflow: Workflow; readonly attempt: Attempt } | null {
  const workflow = job.workflows.get(id.workflow);
  const attempt = workflow?.shares[id.share]?.attempts.find(({ token }) => token === id.token);
  return workflow === undefined || attempt === undefined ? null : { workflow, attempt };
}
