// One seed: a cluster, its clients, its faults, in two phases. Safety: everything at once, with all checkers looking.
// Liveness: all faults end, and everything that was asked for has to come to its end in time.

import { checkConvergence, membershipProblem } from "./checkers/convergence.ts";
import { checkLiveness } from "./checkers/liveness.ts";
import { Violation } from "./checkers/violation.ts";
import { SIM_EPOCH_MS } from "./clock.ts";
import { Cluster, type SimNode } from "./cluster.ts";
import { Kernel } from "./kernel.ts";
import { drawFaults, type Fault, inflict, undo } from "./nemesis.ts";
import { Observer } from "./observer.ts";
import { Processes } from "./processes.ts";
import type { Profile } from "./profile.ts";
import { Sometimes } from "./sometimes.ts";
import { type Action, drawWorkload } from "./workload.ts";

/** What is run. `withoutFaults`, `withoutActions`: numbers left out, for shrinking. */
export type RunPlan = {
  readonly seed: number;
  readonly managers: number;
  readonly profile: Profile;
  readonly withoutFaults: ReadonlySet<number>;
  readonly withoutActions: ReadonlySet<number>;
  readonly isVerbose: boolean;
};

export type RunOutcome = {
  readonly plan: RunPlan;
  /** null: everything held. */
  readonly violation: Violation | null;
  readonly traceHash: number;
  readonly virtualMs: number;
  readonly events: number;
  readonly commits: number;
  readonly requests: number;
  readonly jobs: number;
  readonly faults: readonly Fault[];
  readonly actions: readonly Action[];
  /** By kind, those that hit. */
  readonly faultCounts: ReadonlyMap<string, number>;
  readonly sometimes: ReadonlyMap<string, number>;
  readonly eventsByKind: ReadonlyMap<string, number>;
  /** The last lines each host logged. */
  readonly logLines: readonly string[];
};

/** Virtual ms: faults come between the first two and all but long ones are over by the third; the fourth is a least. */
const FAULTS_FROM_MS = 2_500;
const FAULTS_UNTIL_MS = 14_000;
const HEAL_MS = 15_000;
const LENGTH_MS_MIN = 30_000;
/** All members see each other so long after the last fault. */
const CONVERGED_WITHIN_MS = 30_000;
const CHECK_MS = 500;
const SUBMITS = 20;
const FAULTS_MIN = 5;

/** What the code under test threw where nobody caught it; who starts a run gathers it, and the run fails by it. */
export type Strays = string[];

export function run(plan: RunPlan, strays: Strays = []): RunOutcome {
  strays.length = 0;
  return new Run(plan, strays).run();
}

/** An outcome that fails by what was gathered after the run was over. */
export function judged(outcome: RunOutcome, strays: Strays): RunOutcome {
  const [first] = strays;
  return first === undefined || outcome.violation !== null
    ? outcome
    : { ...outcome, violation: new Violation("internal", `thrown and not caught: ${first}`) };
}

/** A run never takes so many events, unless something turns in circles. */
const EVENTS_MAX = 1_000_000;

class Run {
  readonly #plan: RunPlan;
  readonly #kernel: Kernel;
  readonly #sometimes = new Sometimes();
  readonly #observer: Observer;
  readonly #processes: Processes;
  readonly #cluster: Cluster;
  readonly #faults: readonly Fault[];
  readonly #actions: readonly Action[];
  readonly #faultCounts = new Map<string, number>();
  readonly #healMs: number;
  readonly #strays: Strays;

  constructor(plan: RunPlan, strays: Strays) {
    this.#plan = plan;
    this.#strays = strays;
    const kernel = new Kernel(plan.seed);
    this.#kernel = kernel;
    const numbered = (letter: string, count: number): readonly string[] =>
      Array.from({ length: count }, (_, at) => `${letter}${at}`);
    const names = { manager: numbered("m", plan.managers), worker: numbered("w", 3), client: numbered("c", 2) };
    const shared = { submits: SUBMITS, clients: names.client.length, epochMs: SIM_EPOCH_MS };
    this.#actions = drawWorkload(kernel.prng("workload"), {
      ...shared,
      untilMs: FAULTS_UNTIL_MS,
      isSteered: plan.profile === "steer",
    }).filter(({ number }) => !plan.withoutActions.has(number));
    this.#faults = drawFaults(kernel.prng("nemesis"), {
      profile: plan.profile,
      nodes: { managers: names.manager, workers: names.worker, clients: names.client },
      faultsMin: FAULTS_MIN,
      fromMs: FAULTS_FROM_MS,
      untilMs: FAULTS_UNTIL_MS,
    }).filter(({ number }) => !plan.withoutFaults.has(number));
    this.#healMs = Math.max(HEAL_MS, ...this.#faults.map(({ atMs, lastsMs }) => atMs + lastsMs));
    this.#observer = new Observer(() => kernel.nowMs, this.#sometimes);
    this.#processes = new Processes({ kernel, observer: this.#observer, sometimes: this.#sometimes, names });
    this.#cluster = new Cluster({
      kernel,
      names,
      launch: (node, world) => this.#processes.launch(node, world),
      onGone: (node) => this.#processes.gone(node),
      isVerbose: plan.isVerbose,
    });
  }

  run(): RunOutcome {
    let violation: Violation | null = null;
    try {
      this.#play();
    } catch (thrown) {
      violation = thrown instanceof Violation ? thrown : new Violation("internal", describe(thrown));
    }
    return this.#outcome(violation);
  }

  #play(): void {
    const kernel = this.#kernel;
    for (const name of this.#cluster.nodes.keys()) this.#cluster.start(name);
    this.#schedule();
    kernel.onStep(() => {
      this.#observer.step();
      if (this.#cluster.violation !== null) throw this.#cluster.violation;
      if (this.#processes.violation !== null) throw this.#processes.violation;
      if (this.#strays[0] !== undefined) throw new Violation("internal", `thrown and not caught: ${this.#strays[0]}`);
      if (kernel.events > EVENTS_MAX) throw new Violation("bounds", `${EVENTS_MAX} events in ${kernel.nowMs} ms`);
    });
    const healMs = this.#healMs;
    kernel.run(healMs);
    this.#cluster.heal();
    let ledMs = healMs;
    for (let atMs = healMs + CHECK_MS; !this.#isDone(atMs); atMs += CHECK_MS) {
      kernel.run(atMs);
      if (this.#observer.leader() !== null) ledMs = atMs;
      checkLiveness({
        sinceHealMs: atMs - healMs,
        leaderlessMs: atMs - ledMs,
        unanswered: this.#processes.unanswered(),
        unended: this.#processes.unended(),
      });
      checkConvergence(atMs - healMs > CONVERGED_WITHIN_MS ? this.#membershipProblem() : "", atMs - healMs);
    }
    this.#observer.compare();
    const ledger = this.#observer.newestLedger();
    if (ledger !== null) this.#observer.acknowledged.look("the newest replica", ledger);
    this.#note();
  }

  #isDone(atMs: number): boolean {
    if (atMs <= LENGTH_MS_MIN) return false;
    const isAnswered = this.#processes.unanswered().length === 0 && this.#processes.unended().length === 0;
    return isAnswered && this.#membershipProblem() === "";
  }

  #membershipProblem(): string {
    return membershipProblem(this.#processes.membership());
  }

  #schedule(): void {
    const kernel = this.#kernel;
    const everybody = [...this.#cluster.nodes.keys()];
    for (const action of this.#actions)
      kernel.after(action.atMs, kernel.label("action", action.kind), () => this.#processes.act(action));
    for (const fault of this.#faults) {
      const label = kernel.label("fault", fault.kind);
      kernel.after(fault.atMs, label, () => {
        if (!inflict(this.#cluster, fault, everybody)) return;
        this.#faultCounts.set(fault.kind, (this.#faultCounts.get(fault.kind) ?? 0) + 1);
        kernel.after(fault.lastsMs, label, () => undo(this.#cluster, fault));
      });
    }
  }

  #note(): void {
    this.#sometimes.note("election", this.#observer.leaders.elections - 1);
    this.#sometimes.note("split vote", this.#observer.leaders.splitVotes);
    for (const view of this.#processes.membership()) this.#sometimes.note("refutation", view.counters.refutations);
    for (const { host } of this.#cluster.nodes.values())
      if (host.disk.paths().some((path) => /\/torn-[^/]+$/.test(path))) this.#sometimes.note("torn tail repaired");
  }

  #outcome(violation: Violation | null): RunOutcome {
    const kernel = this.#kernel;
    return {
      plan: this.#plan,
      violation,
      traceHash: kernel.traceHash,
      virtualMs: kernel.nowMs,
      events: kernel.events,
      commits: this.#observer.commits.last,
      requests: this.#observer.target.seen,
      jobs: this.#observer.endings.count,
      faults: this.#faults,
      actions: this.#actions,
      faultCounts: this.#faultCounts,
      sometimes: this.#sometimes.counts,
      eventsByKind: kernel.eventsByKind,
      logLines: [...this.#cluster.nodes.values()].flatMap(({ host }: SimNode) => host.logLines),
    };
  }
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}\n${thrown.stack ?? ""}` : String(thrown);
}
