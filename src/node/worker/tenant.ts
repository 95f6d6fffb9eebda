// A worker among the managers of its cluster: serves the owners of many jobs at once, each as long as its lease of the
// job lasts, and keeps what it has to say until that is committed. What runs on the cores is worker.ts's. It believes
// the higher fence: of owners the newer ownerToken, of attempts of one share the newer attemptToken.

import { never } from "../../base/assert.ts";
import { messageOf } from "../../base/error.ts";
import type { PressureLevel } from "../../health/backpressure.ts";
import type { Clock, Timer } from "../../io/world.ts";
import type { Labels } from "../../base/labels.ts";
import { type AttemptId, UNSTEERED } from "../../load/share.ts";
import { DeadlineTimer } from "../deadline-timer.ts";
import { leaseUntilMs } from "../lease.ts";
import { clockOf, localMs, noteAnswer, type OwnerClock, type OwnerClocks } from "./owner-clock.ts";
import type { CoreRequest, WorkerReport } from "../messages.ts";
import {
  closedOf,
  createOutbox,
  heldReport,
  keepSnapshot,
  keepValue,
  type Outbox,
  overReport,
  reportsSince,
  snapshotParts,
} from "./outbox.ts";
import { SnapshotFlow } from "./snapshot-flow.ts";
import { PendingValues } from "../dispatch-values.ts";
import { shareSpecOf } from "../job-spec.ts";
import type { Stream } from "../stream.ts";
import type { Submission } from "../submission.ts";
import { type Command, type FromWorker, type ToWorker, VALUE_BYTES_MAX, type WireReport } from "../worker-messages.ts";
import type { WireSnapshot } from "../worker-messages.ts";

/** How often a worker renews its leases and says what it holds. */
export const RENEW_MS = 1_000;
/** The same while it holds nothing: managers take who is silent for 5 s for gone. */
const IDLE_RENEW_MS = 2_000;
const DRAIN_LEAD_MS = 500;
/** Jobs whose fences are remembered after nothing of them is held any more. */
const TENURES_MAX = 4_096;
/** A submission that nobody gave is asked for again after it. */
const FETCH_RETRY_MS = 500;
/** An attempt whose submission nobody gave for so long is handed back. */
const FETCH_MS_MAX = 30_000;

export type TenantPorts = {
  readonly clock: Clock;
  /** The worker's own cores. */
  readonly cores: Stream<CoreRequest, WorkerReport>;
  readonly coreCount: number;
  readonly boot: string;
  readonly labels: Labels;
  /** To one manager; it may get lost. */
  readonly say: (manager: string, message: FromWorker) => void;
  readonly stream: (manager: string, part: WireSnapshot) => void;
  /** All managers there is a link to. */
  readonly managers: () => readonly string[];
  /** The submission of that digest. Rejects when nobody has it now. */
  readonly submission: (digest: string) => Promise<Submission>;
  /** Something went wrong that is worth a line. */
  readonly warn: (text: string) => void;
};

/** One job as this worker knows it. */
type Tenure = {
  readonly job: string;
  owner: string | null;
  ownerToken: number;
  /** Its clock; -Infinity before the first renewal. */
  leaseUntilMs: number;
  /** Newest attempt token by workflow and share. */
  readonly fences: Map<string, number>;
};

export class Tenant {
  readonly #ports: TenantPorts;
  readonly #tenures = new Map<string, Tenure>();
  readonly #outboxes = new Map<number, Outbox>();
  readonly #clocks: OwnerClocks = new Map();
  readonly #values = new PendingValues();
  readonly #timers = new Set<Timer>();
  readonly #flow: SnapshotFlow;
  readonly #leaseEnd: DeadlineTimer;
  #isDraining = false;
  #isClosed = false;
  readonly #emptied: (() => void)[] = [];

  constructor(ports: TenantPorts) {
    this.#ports = ports;
    this.#leaseEnd = new DeadlineTimer(
      ports.clock,
      () => this.#firstLeaseEndMs(),
      () => this.#endLeases(),
    );
    this.#flow = new SnapshotFlow({ clock: ports.clock, send: (token) => this.#streamTo(token) });
    ports.cores.onMessage((report) => this.#report(report));
    this.#armRenew();
  }

  /** How much its managers ask of it. */
  get pressure(): PressureLevel {
    return this.#flow.level;
  }

  /** Attempts held, for views and checkers. */
  get held(): readonly { readonly attempt: AttemptId; readonly state: Outbox["state"]; readonly ownerToken: number }[] {
    return [...this.#outboxes.values()].map(({ attempt, state }) => ({
      attempt,
      state,
      ownerToken: this.#tenures.get(attempt.job)?.ownerToken ?? 0,
    }));
  }

  close(): void {
    this.#isClosed = true;
    this.#flow.close();
    this.#leaseEnd.close();
    for (const timer of this.#timers) timer.cancel();
    this.#tellEmpty();
  }

  /** Hands everything back; resolves when it is committed elsewhere (or this worker is closed). */
  drain(): Promise<void> {
    this.#isDraining = true;
    this.renew();
    // First the managers are to know, or what is handed back would be placed here again.
    this.#arm(DRAIN_LEAD_MS, () => {
      for (const outbox of this.#outboxes.values()) this.#handBack(outbox, "its worker stops");
    });
    return new Promise((resolve) => {
      this.#emptied.push(resolve);
      if (this.#outboxes.size === 0) this.#tellEmpty();
    });
  }

  /** Says to every manager what is here, now; by itself once a second. */
  renew(): void {
    for (const manager of this.#ports.managers()) this.renewWith(manager);
  }

  renewWith(manager: string): void {
    this.#ports.say(manager, {
      kind: "renew",
      boot: this.#ports.boot,
      sentAtMs: this.#ports.clock.nowMs(),
      cores: this.#ports.coreCount,
      labels: this.#ports.labels,
      isDraining: this.#isDraining,
      attempts: [...this.#outboxes.values()].map(heldReport),
    });
  }

  // ── what managers say ─────────────────────────────────────────────────────────────────────────

  hear(from: { readonly node: string; readonly boot: string }, message: ToWorker): void {
    if (this.#isClosed) return;
    const { node: manager } = from;
    const clock = clockOf(this.#clocks, from);
    this.#endLeases();
    switch (message.kind) {
      case "command": {
        const tenure = this.#serve(message.command.attempt.job, manager, message.ownerToken);
        return tenure === null ? undefined : this.#obey(tenure, clock, message.command);
      }
      case "sealed":
        for (const { token } of message.attempts) this.#forget(token);
        return;
      case "heard": {
        const outbox = this.#outboxes.get(message.token);
        const tenure = this.#tenures.get(message.job);
        if (outbox?.attempt.job === message.job && tenure?.ownerToken === message.ownerToken)
          outbox.acked = Math.max(outbox.acked, message.seq);
        return;
      }
      case "renewed":
        return this.#renewed(manager, clock, message);
      default:
        never(message);
    }
  }

  /** The job's tenure when that manager may speak for it. A newer owner holds nothing yet. */
  #serve(job: string, manager: string, ownerToken: number): Tenure | null {
    const tenure = this.#tenureOf(job);
    if (ownerToken < tenure.ownerToken) return null;
    if (ownerToken > tenure.ownerToken) {
      for (const outbox of this.#outboxes.values()) if (outbox.attempt.job === job) outbox.acked = 0;
    }
    tenure.ownerToken = ownerToken;
    tenure.owner = manager;
    return tenure;
  }

  #tenureOf(job: string): Tenure {
    const known = this.#tenures.get(job);
    if (known !== undefined) return known;
    const made: Tenure = { job, owner: null, ownerToken: 0, leaseUntilMs: -Infinity, fences: new Map() };
    this.#tenures.set(job, made);
    if (this.#tenures.size > TENURES_MAX) {
      const busy = new Set([...this.#outboxes.values()].map(({ attempt }) => attempt.job));
      const oldest = [...this.#tenures.keys()].find((other) => other !== job && !busy.has(other));
      if (oldest !== undefined) this.#tenures.delete(oldest);
    }
    return made;
  }

  #obey(tenure: Tenure, clock: OwnerClock, command: Command): void {
    const outbox = this.#outboxes.get(command.attempt.token);
    switch (command.kind) {
      case "dispatch":
        return this.#dispatch(tenure, command);
      case "values":
        return this.#values.keep(command.attempt.token, command.part, command);
      case "start":
        return outbox === undefined ? undefined : this.#start(tenure, clock, outbox, command);
      case "steer":
        if (outbox === undefined || outbox.end !== null) return;
        outbox.steering = command.steering;
        return this.#ports.cores.send(command);
      case "stop":
        if (outbox === undefined || outbox.end !== null) return;
        // Nobody may ever have its code: its cores need not know of it.
        if (outbox.state === "preparing")
          return this.#discard(outbox, { kind: "closed", valueJson: null, thrown: null });
        if (outbox.state === "running") outbox.state = "stopping";
        return this.#ports.cores.send({ kind: "stop", attempt: outbox.attempt, mode: command.mode });
      case "tell":
        if (outbox === undefined) return;
        outbox.acked = command.seq;
        for (const part of snapshotParts(outbox, tenure.ownerToken)) this.#stream(tenure, part);
        for (const report of reportsSince(outbox, command.offers)) this.#tell(outbox, report);
        return;
      default:
        never(command);
    }
  }

  #dispatch(tenure: Tenure, command: Extract<Command, { kind: "dispatch" }>): void {
    const { attempt, core, valueParts = 0 } = command;
    const share = `${attempt.share} ${attempt.workflow}`;
    if ((tenure.fences.get(share) ?? 0) >= attempt.token || this.#outboxes.has(attempt.token)) return;
    const values = this.#values.take(attempt.token, valueParts, command);
    // It is ordered again at the next renewal, with all that belongs to it.
    if (values === null) return;
    tenure.fences.set(share, attempt.token);
    for (const other of this.#outboxes.values()) {
      const isOlder = other.attempt.job === attempt.job && `${other.attempt.share} ${other.attempt.workflow}` === share;
      if (isOlder) this.#handBack(other, "a newer attempt of its share was dispatched");
    }
    const outbox = createOutbox(attempt);
    this.#outboxes.set(attempt.token, outbox);
    if (core >= this.#ports.coreCount)
      return this.#end(outbox, { kind: "failed", cause: "crashed", message: `there is no core ${core} here` });
    if (this.#isDraining) return this.#handBack(outbox, "its worker stops");
    this.#prepare(outbox, { ...command, ...values }, this.#ports.clock.nowMs() + FETCH_MS_MAX);
    if (tenure.owner !== null) this.renewWith(tenure.owner);
  }

  #prepare(outbox: Outbox, command: Extract<Command, { kind: "dispatch" }>, untilMs: number): void {
    const { attempt, core, place, context, setupJson, reportMs } = command;
    const isWanted = (): boolean =>
      !this.#isClosed && this.#outboxes.get(attempt.token) === outbox && outbox.end === null;
    this.#ports.submission(command.submission).then(
      ({ plan, bundle, retries }) => {
        if (!isWanted()) return;
        outbox.mayRunAgain = retries > 0;
        const spec = shareSpecOf(plan, attempt.workflow, place);
        if (spec === null)
          return this.#end(outbox, {
            kind: "failed",
            cause: "load",
            message: `the plan has no workflow "${attempt.workflow}"`,
          });
        this.#ports.cores.send({ kind: "dispatch", attempt, core, spec, plan, bundle, reportMs, context, setupJson });
      },
      (error: unknown) => {
        if (!isWanted()) return;
        const left = untilMs - this.#ports.clock.nowMs();
        if (left > 0) this.#arm(FETCH_RETRY_MS, () => isWanted() && this.#prepare(outbox, command, untilMs));
        else this.#unfetched(outbox, messageOf(error));
      },
    );
  }

  /** Another worker may get what this one does not: the attempt is handed back. */
  #unfetched(outbox: Outbox, why: string): void {
    const { attempt } = outbox;
    const text = `the test of job ${attempt.job} could not be fetched for ${FETCH_MS_MAX / 1_000} s: ${why}`;
    this.#ports.warn(text);
    this.#handBack(outbox, text);
  }

  #start(tenure: Tenure, clock: OwnerClock, outbox: Outbox, command: Extract<Command, { kind: "start" }>): void {
    if (outbox.state !== "ready" || outbox.start !== null) return;
    const known = localMs(clock, command.startAtMs);
    // Never later than if the command had come without a delay just now.
    const latestMs = this.#ports.clock.nowMs() + command.inMs;
    const atMs = Math.min(known?.atMs ?? latestMs, latestMs);
    // Off by what the clocks may disagree, or by how late the word came.
    const errorMs = known === null ? null : Math.max(known.errorMs, latestMs - command.inMs - atMs);
    outbox.start = { atMs, jobElapsedMs: command.jobElapsedMs, errorMs };
    outbox.steering = command.steering ?? outbox.steering;
    this.#startIfLeased(tenure, outbox);
  }

  /** Nothing starts without a lease; with one it starts where its workflow is by then. */
  #startIfLeased(tenure: Tenure, outbox: Outbox): void {
    const { start, state, attempt, steering } = outbox;
    const nowMs = this.#ports.clock.nowMs();
    if (start === null || state !== "ready" || nowMs >= tenure.leaseUntilMs) return;
    outbox.state = "running";
    this.#permit(tenure, outbox);
    this.#ports.cores.send({
      kind: "start",
      attempt,
      inMs: start.atMs - nowMs,
      jobElapsedMs: start.jobElapsedMs,
      ...(steering === UNSTEERED ? {} : { steering }),
    });
  }

  /** The core itself keeps the lease too: it may run on before this thread does, once the process stood still. */
  #permit(tenure: Tenure, { attempt }: Outbox): void {
    this.#ports.cores.send({ kind: "lease", attempt, forMs: tenure.leaseUntilMs - this.#ports.clock.nowMs() });
  }

  /** Its end is committed, or nobody wants it: the core is free. */
  #forget(token: number): void {
    const outbox = this.#outboxes.get(token);
    if (outbox === undefined) return;
    this.#outboxes.delete(token);
    this.#ports.cores.send({ kind: "sealed", attempt: outbox.attempt });
    if (this.#outboxes.size === 0) this.#tellEmpty();
  }

  // ── leases ────────────────────────────────────────────────────────────────────────────────────

  #renewed(manager: string, clock: OwnerClock, message: Extract<ToWorker, { kind: "renewed" }>): void {
    const { sentAtMs, ownerMs, pressure, jobs } = message;
    this.#flow.hear(manager, pressure);
    const heardAtMs = this.#ports.clock.nowMs();
    noteAnswer(clock, { sentAtMs, heardAtMs, ownerMs });
    // What was over before this came stays so: its work may be elsewhere.
    this.#endLeases();
    for (const { job, ownerToken } of jobs) {
      const tenure = this.#serve(job, manager, ownerToken);
      if (tenure === null) continue;
      tenure.leaseUntilMs = leaseUntilMs(tenure.leaseUntilMs, Math.min(sentAtMs, heardAtMs));
      for (const outbox of this.#outboxes.values()) {
        if (outbox.attempt.job !== job) continue;
        if (isSending(outbox.state) && outbox.returning === null) this.#permit(tenure, outbox);
        this.#startIfLeased(tenure, outbox);
      }
    }
    this.#leaseEnd.rearm();
  }

  /** When the first lease ends under which something is sent; Infinity: none does. */
  #firstLeaseEndMs(): number {
    let firstMs = Infinity;
    for (const { state, returning, attempt } of this.#outboxes.values())
      if (isSending(state) && returning === null)
        firstMs = Math.min(firstMs, this.#tenures.get(attempt.job)?.leaseUntilMs ?? Infinity);
    return firstMs;
  }

  /** Whose lease is over stops at once. */
  #endLeases(): void {
    const nowMs = this.#ports.clock.nowMs();
    for (const outbox of this.#outboxes.values()) {
      const untilMs = this.#tenures.get(outbox.attempt.job)?.leaseUntilMs ?? -Infinity;
      if (isSending(outbox.state) && nowMs >= untilMs) this.#handBack(outbox, "no owner of the job renewed its lease");
    }
    this.#leaseEnd.rearm();
  }

  /** Stops it at once; it is reported as returned, with everything it measured. */
  #handBack(outbox: Outbox, why: string): void {
    if (outbox.end !== null || outbox.returning !== null) return;
    outbox.returning = why;
    const isPreparing = outbox.state === "preparing";
    outbox.state = "stopping";
    // Its code may not have come yet; then there is nothing to stop and nothing was done.
    if (isPreparing) return this.#discard(outbox, { kind: "returned", message: why });
    this.#ports.cores.send({ kind: "stop", attempt: outbox.attempt, mode: "now" });
  }

  /** It ends before it was ready: nothing was done. */
  #discard(outbox: Outbox, end: NonNullable<Outbox["end"]>): void {
    this.#ports.cores.send({ kind: "sealed", attempt: outbox.attempt });
    this.#end(outbox, end);
  }

  // ── what the cores say ────────────────────────────────────────────────────────────────────────

  #report(report: WorkerReport): void {
    const id = report.kind === "snapshot" ? report.snapshot.attempt : report.attempt;
    const outbox = this.#outboxes.get(id.token);
    if (this.#isClosed || outbox === undefined || outbox.end !== null) return;
    this.#endLeases();
    switch (report.kind) {
      case "ready":
        if (outbox.state === "preparing") outbox.state = "ready";
        return this.#tell(outbox, report);
      case "snapshot":
        keepSnapshot(outbox, report.snapshot);
        return this.#flow.offer(id.token, report.snapshot.isFinal);
      case "ended":
        return this.#end(outbox, closedOf(report));
      case "failed":
        return this.#fail(outbox, report);
      case "provide":
        return this.#provide(outbox, report);
      case "abort":
        outbox.abortReason = report.reason;
        return this.#tell(outbox, report);
      case "errors":
        outbox.errors = report.errors;
        return this.#tell(outbox, report);
      case "log":
      case "warning":
        return this.#tell(outbox, report);
      default:
        never(report);
    }
  }

  #fail(outbox: Outbox, { cause, message, torn, salvage }: Extract<WorkerReport, { kind: "failed" }>): void {
    const isLast = outbox.returning === null && !outbox.mayRunAgain;
    if (isLast && salvage !== undefined) {
      keepSnapshot(outbox, salvage);
      this.#streamTo(outbox.attempt.token);
    }
    const left = torn === undefined ? {} : { torn: isLast ? { ...torn, requests: 0 } : torn };
    this.#end(outbox, { kind: "failed", cause, message, ...left });
  }

  #provide(outbox: Outbox, report: Extract<WorkerReport, { kind: "provide" }>): void {
    if (report.json.length <= VALUE_BYTES_MAX) return this.#tell(outbox, keepValue(outbox, report));
    const { workflow } = outbox.attempt;
    const text =
      `provide("${report.key}") in "${workflow}" is ${report.json.length} bytes of JSON; ` +
      `a value may have ${VALUE_BYTES_MAX}`;
    this.#tell(outbox, { kind: "warning", attempt: outbox.attempt, text });
  }

  #end(outbox: Outbox, end: NonNullable<Outbox["end"]>): void {
    outbox.state = "over";
    const message = outbox.returning;
    const left = end.kind === "failed" && end.torn !== undefined ? { torn: end.torn } : {};
    outbox.end = message === null ? end : { kind: "returned", message, ...left };
    const over = overReport(outbox);
    if (over !== null) this.#tell(outbox, over);
  }

  // ── to the owner ──────────────────────────────────────────────────────────────────────────────

  #tell(outbox: Outbox, report: WireReport): void {
    const tenure = this.#tenures.get(outbox.attempt.job);
    if (tenure === undefined || tenure.owner === null) return;
    this.#ports.say(tenure.owner, { kind: "report", ownerToken: tenure.ownerToken, report });
  }

  #streamTo(token: number): void {
    const outbox = this.#outboxes.get(token);
    const tenure = this.#tenures.get(outbox?.attempt.job ?? "");
    if (outbox === undefined || tenure === undefined) return;
    for (const part of snapshotParts(outbox, tenure.ownerToken)) this.#stream(tenure, part);
  }

  #stream({ owner }: Tenure, part: WireSnapshot): void {
    if (owner !== null) this.#ports.stream(owner, part);
  }

  #armRenew(): void {
    this.#arm(this.#outboxes.size === 0 ? IDLE_RENEW_MS : RENEW_MS, () => {
      this.#armRenew();
      this.#endLeases();
      this.renew();
    });
  }

  #arm(delayMs: number, run: () => void): void {
    if (this.#isClosed) return;
    const timer = this.#ports.clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      if (!this.#isClosed) run();
    });
    this.#timers.add(timer);
  }

  #tellEmpty(): void {
    for (const resolve of this.#emptied.splice(0)) resolve();
  }
}

/** True when requests may be on their way. */
function isSending(state: Outbox["state"]): boolean {
  return state === "running" || state === "stopping";
}
