// All checkers of one run, fed with what happens to its nodes: after every step with the cores that changed, with every
// entry a replica applies, with every request the target sees and every answer a client gets.

import type { Effect } from "../ledger/effects.ts";
import type { LedgerState } from "../ledger/job.ts";
import type { JobResult } from "../load/result.ts";
import { termAt } from "../raft/log.ts";
import type { Entry, Raft } from "../raft/raft.ts";
import { Acknowledged } from "./checkers/acknowledged.ts";
import { Applied } from "./checkers/applied.ts";
import { checkBounds, type Queue } from "./checkers/bounds.ts";
import { Commits } from "./checkers/commits.ts";
import { Counting } from "./checkers/counting.ts";
import { checkCoverage } from "./checkers/coverage.ts";
import { Endings } from "./checkers/endings.ts";
import { Fences } from "./checkers/fences.ts";
import { Leaders } from "./checkers/leaders.ts";
import { LogMatching } from "./checkers/log-matching.ts";
import { Overlap } from "./checkers/overlap.ts";
import { Payloads } from "./checkers/payloads.ts";
import { Resumption } from "./checkers/resumption.ts";
import { Violation } from "./checkers/violation.ts";
import type { Sometimes } from "./sometimes.ts";
import { type Arrived, SimTarget, type TrueAttempt } from "./target.ts";
import type { Job } from "./workload.ts";

/** What can be seen of a manager that runs; null while it starts. Never kept beyond the call. */
export type ManagerProbe = {
  raft(): Raft | null;
  ledger(): LedgerState | null;
  /** Index of the newest applied entry. */
  appliedIndex(): number;
  queues(): readonly Queue[];
  /** Rises whenever its process runs, or `touch` is called instead. */
  turns(): number;
  /** Its process stands still: it leads nobody, whatever it was. */
  isPaused(): boolean;
};

/** Every so many steps all managers are looked at, so that none changes without a turn unseen. */
const ALL_LOOKED_AT_STEPS = 256;

/** A manager that runs, and what its core looked like at the last look: the first shows everything. */
type Watched = {
  readonly node: string;
  readonly probe: ManagerProbe;
  raft: Raft | null;
  role: string;
  hard: Raft["hard"] | null;
  applied: number;
  last: Entry | undefined;
  base: number;
  hasLed: boolean;
  turns: number;
  isLeading: boolean;
};

export class Observer {
  readonly target: SimTarget;
  readonly #sometimes: Sometimes;
  readonly #payloads = new Payloads();
  readonly leaders = new Leaders();
  readonly #logs: LogMatching;
  readonly commits = new Commits(this.#payloads);
  readonly #applied = new Applied();
  readonly acknowledged = new Acknowledged();
  readonly #fences = new Fences();
  readonly #resumption = new Resumption();
  readonly #overlap = new Overlap();
  readonly endings = new Endings();
  readonly #counting = new Counting();
  #managers: readonly Watched[] = [];
  /** By id: which content of it was accepted. */
  readonly #contents = new Map<string, Job>();
  readonly #nowMs: () => number;
  #lookedAtMs = 0;
  #steps = 0;
  #isTouched = false;
  #leaderlessMs = 0;

  /** In: true time in ms. */
  constructor(nowMs: () => number, sometimes: Sometimes) {
    this.#sometimes = sometimes;
    this.#nowMs = nowMs;
    this.#logs = new LogMatching(this.#payloads, nowMs);
    this.target = new SimTarget(nowMs, {
      prepared: (attempt) => this.#prepared(attempt),
      joined: (attempt) => this.#joined(attempt),
      arrived: (request, atMs) => this.#arrived(request, atMs),
    });
  }

  /** For how long in all no manager led. */
  get leaderlessMs(): number {
    return this.#leaderlessMs;
  }

  /** A manager process runs from now on; `node` names its disk: a wiped one is another node. */
  watch(node: string, probe: ManagerProbe): void {
    const unseen = { raft: null, role: "", hard: null, applied: 0, last: undefined, base: 0, hasLed: false };
    const watched = { node, probe, ...unseen, turns: -1, isLeading: false };
    this.#managers = [...this.#managers.filter((one) => one.node !== node), watched];
    this.restart(node);
  }

  /** A snapshot took the place of its state. */
  restart(node: string): void {
    this.#fences.restart(node);
  }

  /** It runs no more. */
  unwatch(node: string): void {
    this.#managers = this.#managers.filter((one) => one.node !== node);
  }

  /** Somebody reached into managers from outside of their turns. */
  touch(): void {
    this.#isTouched = true;
  }

  /** After every step: looks at the cores that may have changed. */
  step(): void {
    let isLed = false;
    const isAll = this.#isTouched || ++this.#steps % ALL_LOOKED_AT_STEPS === 0;
    for (const watched of this.#managers) {
      const turns = watched.probe.turns();
      if (turns !== watched.turns || isAll) {
        this.#see(watched, turns);
        watched.turns = turns;
      }
      isLed ||= watched.isLeading && !watched.probe.isPaused();
    }
    this.#isTouched = false;
    const nowMs = this.#nowMs();
    if (!isLed) this.#leaderlessMs += nowMs - this.#lookedAtMs;
    this.#lookedAtMs = nowMs;
  }

  #see(watched: Watched, turns: number): void {
    const raft = watched.probe.raft();
    if (raft === null) return;
    if (turns === watched.turns && !this.#isTouched && hasChanged(watched, raft))
      throw new Violation("internal", `${watched.node} changed without a turn: the checkers may have missed something`);
    watched.isLeading = isLeading(raft);
    this.#look(watched, raft);
  }

  #look(look: Watched, raft: Raft): void {
    const { node, probe } = look;
    const { entries } = raft.log;
    const last = entries[entries.length - 1];
    const applied = probe.appliedIndex();
    if (look.raft !== raft) {
      look.raft = raft;
      look.hasLed = false;
      this.leaders.look(node, raft);
      this.#logs.look(node, raft);
      this.commits.look(node, raft, applied);
    } else this.#compare(look, raft, { last, applied });
    look.role = raft.role;
    look.hard = raft.hard;
    look.applied = applied;
    look.last = last;
    look.base = raft.log.baseIndex;
  }

  /** With what was there at the last look. */
  #compare(
    look: Watched,
    raft: Raft,
    { last, applied }: { readonly last: Entry | undefined; readonly applied: number },
  ): void {
    const { node, probe } = look;
    if (look.last !== last || look.base !== raft.log.baseIndex) this.#logs.look(node, raft);
    if (look.role !== raft.role || look.hard !== raft.hard) {
      this.leaders.look(node, raft);
      if (raft.role === "leader" && look.role !== "leader") this.commits.lead(node, raft);
      if (raft.role !== "leader") look.hasLed = false;
      if (look.hard !== null && look.hard.lost !== "nothing" && raft.hard.lost === "nothing")
        this.#sometimes.note("corrupt log repaired");
      checkBounds(node, raft, probe.queues());
    }
    if (look.applied !== applied) {
      this.commits.look(node, raft, applied);
      if (raft.log.baseIndex > look.applied) this.#sometimes.note("snapshot installed");
    }
    if (raft.role === "leader" && !look.hasLed) this.#lead(look, raft);
  }

  /** Once in a term, when its leader has applied everything before it. */
  #lead(look: Watched, raft: Raft): void {
    const { node, probe } = look;
    const ledger = probe.ledger();
    const first = raft.leading?.firstIndex ?? Infinity;
    if (ledger === null || probe.appliedIndex() < first) return;
    look.hasLed = true;
    this.acknowledged.look(node, ledger);
  }

  /** A replica applied an entry. */
  apply(node: string, index: number, job: string | null, effects: readonly Effect[], ledger: LedgerState): void {
    this.#applied.apply(node, index, effects);
    this.endings.apply(node, index, effects, ledger);
    for (const effect of effects) {
      if (effect.kind !== "begin") continue;
      const inMs = effect.startAtMs - ledger.nowMs;
      const nowMs = this.#nowMs();
      const writtenAtMs = this.#writtenAtMs(node, index) ?? nowMs;
      this.#resumption.begin(effect.job, effect.workflow, { leastMs: writtenAtMs + inMs, mostMs: nowMs + inMs });
    }
    if (job !== null && this.#fences.apply(node, ledger, job)) this.#sometimes.note("owner takeover");
  }

  /** True time at which the entry that this node applies now was first in a log: its leader stamped it then. */
  #writtenAtMs(node: string, index: number): number | null {
    const raft = this.#managers.find((one) => one.node === node)?.probe.raft();
    return raft == null ? null : this.#logs.writtenAtMs(index, termAt(raft.log, index));
  }

  /** A client was told that this content is accepted. */
  accept(job: Job): void {
    const before = this.#contents.get(job.id);
    if (before !== undefined && before.bundle.code !== job.bundle.code)
      throw new Violation("acknowledged", `two contents of ${job.id} are accepted`);
    this.#contents.set(job.id, job);
    this.acknowledged.accept(job.id);
  }

  /** A client got the result of a job. */
  finish(id: string, result: JobResult): void {
    const content = this.#contents.get(id);
    const job = this.newestLedger()?.jobs.get(id);
    if (content === undefined || job === undefined || job.phase !== "finished") return;
    this.#counting.check(job, result, this.target);
    checkCoverage(job, content.plan, this.target);
    this.#sometimes.finish(job, result);
  }

  /** The ledger that has applied most. */
  newestLedger(): LedgerState | null {
    let newest: LedgerState | null = null;
    let through = -1;
    for (const { probe } of this.#managers) {
      const ledger = probe.ledger();
      if (ledger === null || probe.appliedIndex() <= through) continue;
      newest = ledger;
      through = probe.appliedIndex();
    }
    return newest;
  }

  /** A node that leads and has a quorum, if there is one. */
  leader(): string | null {
    for (const { node, probe } of this.#managers) {
      const raft = probe.raft();
      if (raft !== null && isLeading(raft)) return node;
    }
    return null;
  }

  /** Compares the replicas that have applied as much as each other. */
  compare(): void {
    const replicas = this.#managers.flatMap(({ node, probe }) => {
      const state = probe.ledger();
      return state === null ? [] : [{ node, state, index: probe.appliedIndex() }];
    });
    const most = Math.max(...replicas.map(({ index }) => index));
    this.#applied.compare(replicas.filter(({ index }) => index === most));
  }

  #prepared(attempt: TrueAttempt): void {
    this.#fences.prepare(attempt);
    this.#resumption.prepare(attempt, this.newestLedger(), this.target);
  }

  #joined(attempt: TrueAttempt): void {
    this.#resumption.join(attempt, this.newestLedger(), this.#leaderlessMs);
    if (attempt.spec.resume !== null) this.#sometimes.note(`goes on: ${attempt.spec.executor.kind}`);
  }

  #arrived(request: Arrived, atMs: number): void {
    this.#overlap.arrive(request, atMs);
    this.#resumption.arrive(request);
  }
}

/** Whether anything is not as at the last look. */
function hasChanged({ probe, raft: before, role, hard, applied, last, base }: Watched, raft: Raft): boolean {
  const isSameLog = last === raft.log.entries.at(-1) && base === raft.log.baseIndex;
  return before !== raft || role !== raft.role || hard !== raft.hard || applied !== probe.appliedIndex() || !isSameLog;
}

/** It leads, and its term has a quorum. */
function isLeading({ leading, commit }: Raft): boolean {
  return leading !== null && commit >= leading.firstIndex;
}
