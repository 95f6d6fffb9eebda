// One manager's hold on one job: the job as the ledger has it while it is this owner's, and what an owner does with it:
// propose, tell those who follow, set timers. Nothing is done or said any more once it is closed.

import type { Clock, Timer } from "../../io/world.ts";
import type { Proposal } from "../../ledger/entries.ts";
import { type Job, liveAttempt } from "../../ledger/job.ts";
import type { JobResult } from "../../load/result.ts";
import type { AttemptId } from "../../load/share.ts";
import type { LedgerPort, ProposalOutcome } from "../ledger-port.ts";
import { setPatientTimer } from "../deadline-timer.ts";
import type { LiveEvent, WorkerRequest } from "../messages.ts";
import { measuredMs, type Run } from "./run.ts";
import type { Vault } from "./vault.ts";

export type JobPorts = {
  readonly clock: Clock;
  readonly ledger: LedgerPort;
  readonly vault: Vault;
  /** The order goes to the worker, under the job's ownerToken; it may get lost. */
  readonly order: (worker: string, job: Job, request: WorkerRequest) => void;
  /** To all who follow the job. */
  readonly tell: (job: string, event: LiveEvent) => void;
  /** When, by the clock, this node's ledger was last known to be as far as that of who leads. */
  readonly caughtUpAtMs: () => number;
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

/** What could not be kept is tried again after it. */
const RETRY_MS = 500;

export class Ownership {
  readonly run: Run;
  readonly token: number;
  readonly ports: JobPorts;
  readonly #timers = new Set<Timer>();
  #isClosed = false;

  constructor(run: Run, token: number, ports: JobPorts) {
    this.run = run;
    this.token = token;
    this.ports = ports;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) timer.cancel();
  }

  /** The job as the ledger has it. Out: null when it is not this owner's any more. */
  job(): Job | null {
    const job = this.ports.ledger.state.jobs.get(this.run.id);
    return job?.owner?.token === this.token ? job : null;
  }

  isLive({ workflow, share, token }: AttemptId): boolean {
    const at = this.job()?.workflows.get(workflow)?.shares[share];
    return at !== undefined && liveAttempt(at)?.token === token;
  }

  /** Ms of job time, never less than what was measured took; 0 before anything started. */
  elapsedMs(job: Job): number {
    return job.originMs === null ? 0 : Math.max(measuredMs(this.run), this.ports.ledger.nowMs() - job.originMs);
  }

  propose(proposal: Proposal, settled?: (outcome: ProposalOutcome) => void): void {
    if (!this.#isClosed) this.ports.ledger.propose(proposal, settled);
  }

  tell(event: LiveEvent): void {
    this.ports.tell(this.run.id, event);
  }

  /** Said once: it stays in the result. */
  warn(text: string): void {
    if (this.run.warnings.has(text)) return;
    this.run.warnings.add(text);
    this.tell({ kind: "log", level: "warn", workflow: "", text });
  }

  /** Runs `then` once it is kept, at once where nothing has to be. Tries until then, while the job is this owner's. */
  keep<Name>(keep: () => Name | Promise<Name>, then: (name: Name) => void): void {
    const kept = keep();
    if (!(kept instanceof Promise)) return then(kept);
    kept.then(
      (name) => {
        if (!this.#isClosed) then(name);
      },
      () => this.arm(RETRY_MS, () => this.keep(keep, then)),
    );
  }

  /**
   * An owner that stood still hears first what workers and managers said meanwhile: it tells no second as empty and
   * gives nothing up for late that has come. Out: takes the timer back.
   */
  arm(delayMs: number, run: () => void): () => void {
    if (this.#isClosed) return () => {};
    const timer = setPatientTimer(this.ports.clock, delayMs, () => {
      this.#timers.delete(timer);
      if (!this.#isClosed) run();
    });
    this.#timers.add(timer);
    return () => {
      timer.cancel();
      this.#timers.delete(timer);
    };
  }
}
