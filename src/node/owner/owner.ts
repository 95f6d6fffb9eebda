// The jobs this manager owns: routes the effects of committed entries to them, takes jobs over, gives them up. Only the
// ledger says who owns a job, this node in this very life of it. What a job then needs is owned-job.ts's.

import type { Timer } from "../../io/world.ts";
import type { Effect } from "../../ledger/effects.ts";
import { outstanding } from "../../ledger/flow.ts";
import { type Job, liveAttempts } from "../../ledger/job.ts";
import { standing } from "../../ledger/standing.ts";
import type { AttemptId } from "../../load/share.ts";
import { rebuildRun } from "./adoption.ts";
import { createIntake, type Intake } from "./intake.ts";
import { freeAtMs } from "../lease.ts";
import type { Applied } from "../ledger-port.ts";
import type { WorkerReport } from "../messages.ts";
import { OwnedJob } from "./owned-job.ts";
import type { JobPorts } from "./ownership.ts";
import type { Run } from "./run.ts";

/** A job that could not be taken over (its blobs are out of reach) is tried again after it. */
const ADOPT_RETRY_MS = 1_000;

export type OwnerPorts = JobPorts & {
  /** This node and its life, as `assign` names them. */
  readonly node: string;
  readonly boot: string;
  /** Something went wrong that is worth a line. */
  readonly note: (event: string, fields: Readonly<Record<string, string | number>>) => void;
};

/** A job of this owner. `course` is null until what came before is read. */
export type Owned = {
  readonly id: string;
  readonly token: number;
  /** This node's clock when it was assigned, and when it last renewed the lease of each worker. */
  readonly assignedAtMs: number;
  readonly renewedAtMs: Map<string, number>;
  /** By attempt token. */
  readonly intakes: Map<number, Intake>;
  course: OwnedJob | null;
  readonly timers: Set<Timer>;
  isGivenUp: boolean;
};

export class Owner {
  readonly #ports: OwnerPorts;
  readonly #owned = new Map<string, Owned>();
  readonly #adopted: ((owned: Owned) => void)[] = [];
  #isClosed = false;

  constructor(ports: OwnerPorts) {
    this.#ports = ports;
    ports.ledger.onApplied((applied) => this.#applied(applied));
    ports.ledger.onReset(() => this.#reset());
  }

  /** All jobs this manager owns now, read or not. */
  get owned(): Iterable<Owned> {
    return this.#owned.values();
  }

  of(job: string): Owned | null {
    return this.#owned.get(job) ?? null;
  }

  /** Called when a job is read and runs under this owner. */
  onAdopted(handle: (owned: Owned) => void): void {
    this.#adopted.push(handle);
  }

  /** A report from a worker whose words cannot get lost. */
  hear(report: WorkerReport): void {
    const { job } = report.kind === "snapshot" ? report.snapshot.attempt : report.attempt;
    this.#owned.get(job)?.course?.hear(report);
  }

  close(): void {
    this.#isClosed = true;
    for (const owned of [...this.#owned.values()]) this.#giveUp(owned);
  }

  /** What was heard of that attempt. */
  static intake(owned: Owned, token: number): Intake {
    const known = owned.intakes.get(token);
    if (known !== undefined) return known;
    const made = createIntake();
    owned.intakes.set(token, made);
    return made;
  }

  // ── effects ───────────────────────────────────────────────────────────────────────────────────

  #applied({ entry, effects }: Applied): void {
    if (this.#isClosed) return;
    if (entry.kind === "assign") this.look(entry.job);
    for (const effect of effects) this.#perform(effect);
  }

  /**
   * A snapshot took the place of entries, and of what they would have had this owner do: all that stands is ordered
   * again, all that is called for proposed again.
   */
  #reset(): void {
    if (this.#isClosed) return;
    this.look();
    const { state } = this.#ports.ledger;
    for (const { id, course } of this.#owned.values()) {
      const job = state.jobs.get(id);
      if (course === null || job === undefined) continue;
      for (const effect of standing(job, this.#ports.ledger.nowMs())) this.#perform(effect);
    }
    for (const effect of outstanding(state)) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    const job = jobOf(effect);
    if (job === null) return;
    const owned = this.#owned.get(job);
    if (owned === undefined) return;
    if (effect.kind === "propose") {
      const { proposal } = effect;
      const { startLeadMs, ledger } = this.#ports;
      return ledger.propose(proposal.kind === "start" ? { ...proposal, leadMs: startLeadMs } : proposal);
    }
    if (effect.kind === "lost" && !effect.isCertain) this.#awaitLease(owned, effect.attempt, effect.worker);
    owned.course?.perform(effect);
    if (effect.kind === "finished" || effect.kind === "forgotten") this.#giveUp(owned);
  }

  /** A worker gone without proof may run until its lease ends; then what it had is lost, unless it came back. */
  #awaitLease(owned: Owned, attempt: AttemptId, worker: string): void {
    const nowMs = this.#ports.clock.nowMs();
    const freeMs = freeAtMs({
      renewedAtMs: owned.renewedAtMs.get(worker) ?? null,
      assignedAtMs: owned.assignedAtMs,
    });
    if (nowMs >= freeMs) return owned.course?.lose(attempt, `worker ${worker} was silent for longer than its lease`);
    this.#arm(owned, freeMs - nowMs, () => {
      if (this.#isLost(attempt)) this.#awaitLease(owned, attempt, worker);
    });
  }

  #isLost({ job: id, workflow: name, token }: AttemptId): boolean {
    const job = this.#ports.ledger.state.jobs.get(id);
    const workflow = job?.workflows.get(name);
    if (job === undefined || workflow === undefined) return false;
    return liveAttempts(job, workflow).some(({ attempt }) => attempt.token === token && attempt.lost !== null);
  }

  // ── taking over, giving up ────────────────────────────────────────────────────────────────────

  /** Compares what is owned with what the ledger says: of that job, or of all. */
  look(only: string | null = null): void {
    const { node, boot, ledger } = this.#ports;
    for (const owned of [...this.#owned.values()]) {
      if (only !== null && owned.id !== only) continue;
      const job = ledger.state.jobs.get(owned.id);
      if (job === undefined || job.owner?.token !== owned.token || job.phase === "finished") this.#giveUp(owned);
    }
    const { roll } = ledger.state;
    for (const job of only === null ? roll.owned.values() : [roll.owned.get(only)]) {
      if (job === undefined || job.owner === null || this.#owned.has(job.id)) continue;
      if (job.owner.node === node && job.owner.boot === boot) this.#takeOn(job, job.owner.token);
    }
  }

  #takeOn(job: Job, token: number): void {
    const owned: Owned = {
      id: job.id,
      token,
      assignedAtMs: this.#ports.clock.nowMs(),
      renewedAtMs: new Map(),
      intakes: new Map(),
      course: null,
      timers: new Set(),
      isGivenUp: false,
    };
    this.#owned.set(job.id, owned);
    this.#adopt(owned);
  }

  #adopt(owned: Owned): void {
    const { ledger, vault, clock } = this.#ports;
    const job = ledger.state.jobs.get(owned.id);
    if (owned.isGivenUp || job === undefined) return;
    const elapsedMs = job.originMs === null ? 0 : Math.max(0, ledger.nowMs() - job.originMs);
    const run = rebuildRun(job, vault, elapsedMs);
    if (!(run instanceof Promise)) return this.#begin(owned, run);
    run.then(
      (rebuilt) => this.#begin(owned, rebuilt),
      (error: unknown) => {
        if (owned.isGivenUp) return;
        const message = error instanceof Error ? error.message : String(error);
        this.#ports.note("adopt-failed", { job: owned.id, message, atMs: clock.nowMs() });
        this.#arm(owned, ADOPT_RETRY_MS, () => this.#adopt(owned));
      },
    );
  }

  /** Everything that stands is ordered again: workers know attempts by their tokens. */
  #begin(owned: Owned, run: Run): void {
    const job = this.#ports.ledger.state.jobs.get(owned.id);
    if (owned.isGivenUp || job === undefined) return;
    const course = new OwnedJob(run, owned.token, this.#ports);
    owned.course = course;
    for (const effect of standing(job, this.#ports.ledger.nowMs())) this.#perform(effect);
    if (job.phase === "closing") course.judge();
    for (const handle of this.#adopted) handle(owned);
  }

  #giveUp(owned: Owned): void {
    owned.isGivenUp = true;
    owned.course?.close();
    for (const timer of owned.timers) timer.cancel();
    if (this.#owned.get(owned.id) === owned) this.#owned.delete(owned.id);
  }

  #arm(owned: Owned, delayMs: number, run: () => void): void {
    if (owned.isGivenUp) return;
    const timer = this.#ports.clock.setTimer(delayMs, () => {
      owned.timers.delete(timer);
      run();
    });
    owned.timers.add(timer);
  }
}

/** The job an effect is about. Out: null when it is for others than its owner. */
function jobOf(effect: Effect): string | null {
  switch (effect.kind) {
    case "accepted":
    case "refused":
      return null;
    case "propose":
      return "job" in effect.proposal ? effect.proposal.job : null;
    default:
      return "attempt" in effect ? effect.attempt.job : effect.job;
  }
}
