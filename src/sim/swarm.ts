// Many seeds, one after the other: what they had in common, what they reached, and the first things that went wrong.

import type { Profile } from "./profile.ts";
import { judged, run, type RunOutcome, type RunPlan, type Strays } from "./run.ts";
import { Sometimes } from "./sometimes.ts";

export type SwarmOptions = {
  /** The seed to run now; null: that was all. */
  readonly next: () => Promise<number | null>;
  /** null: 5 in every fourth seed, else 3. */
  readonly managers: number | null;
  readonly profile: Profile;
  /** Whether to run this seed twice and compare its traces. */
  readonly isTwice: (seed: number) => boolean;
  /** What nobody caught (run.ts); `settled` resolves when all of it has been gathered. */
  readonly strays: Strays;
  readonly settled: () => Promise<void>;
};

/** A seed that failed. `property` "trace": two runs of it differ. */
export type Failure = {
  readonly seed: number;
  readonly managers: number;
  readonly property: string;
  readonly text: string;
};

/** Sums over seeds. Plain data. */
export type Tally = {
  seeds: number;
  virtualMs: number;
  events: number;
  commits: number;
  requests: number;
  jobs: number;
  faults: Record<string, number>;
  sometimes: Record<string, number>;
  failures: Failure[];
};

export function emptyTally(): Tally {
  return {
    seeds: 0,
    virtualMs: 0,
    events: 0,
    commits: 0,
    requests: 0,
    jobs: 0,
    faults: {},
    sometimes: {},
    failures: [],
  };
}

/** The plan of a seed as the swarm runs it. */
export function planOf(seed: number, options: Pick<SwarmOptions, "managers" | "profile">): RunPlan {
  return {
    seed,
    managers: options.managers ?? (seed % 4 === 0 ? 5 : 3),
    profile: options.profile,
    withoutFaults: new Set(),
    withoutActions: new Set(),
    isVerbose: false,
  };
}

/** Runs them all. `seen` is told after each. */
export async function swarm(
  options: SwarmOptions,
  seen: (outcome: RunOutcome) => void = () => undefined,
): Promise<Tally> {
  const { strays, settled } = options;
  const tally = emptyTally();
  for (let seed = await options.next(); seed !== null; seed = await options.next()) {
    const plan = planOf(seed, options);
    const ran = run(plan, strays);
    await settled();
    const outcome = judged(ran, strays);
    count(tally, outcome);
    if (options.isTwice(seed) && run(plan, strays).traceHash !== outcome.traceHash)
      tally.failures.push({ ...named(plan), property: "trace", text: "two runs of this seed differ" });
    seen(outcome);
  }
  return tally;
}

/** The sum of two. */
export function addTally(left: Tally, right: Tally): Tally {
  return {
    seeds: left.seeds + right.seeds,
    virtualMs: left.virtualMs + right.virtualMs,
    events: left.events + right.events,
    commits: left.commits + right.commits,
    requests: left.requests + right.requests,
    jobs: left.jobs + right.jobs,
    faults: addCounts(left.faults, right.faults),
    sometimes: addCounts(left.sometimes, right.sometimes),
    failures: [...left.failures, ...right.failures],
  };
}

/** Of what a batch has to reach, what this one did not. */
export function missingOf(tally: Tally): readonly string[] {
  const sometimes = new Sometimes();
  sometimes.add(new Map(Object.entries(tally.sometimes)));
  return sometimes.missing();
}

/** Lines for people. */
export function tallyLines(tally: Tally): readonly string[] {
  const counts = (of: Readonly<Record<string, number>>): readonly string[] =>
    Object.entries(of)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, value]) => `  ${name.padEnd(34)} ${value}`);
  return [
    `seeds ${tally.seeds}, virtual hours ${(tally.virtualMs / 3_600_000).toFixed(2)}, events ${tally.events}, ` +
      `commits ${tally.commits}, requests ${tally.requests}, jobs ended ${tally.jobs}`,
    "faults:",
    ...counts(tally.faults),
    "sometimes:",
    ...counts(tally.sometimes),
  ];
}

function count(tally: Tally, outcome: RunOutcome): void {
  tally.seeds++;
  tally.virtualMs += outcome.virtualMs;
  tally.events += outcome.events;
  tally.commits += outcome.commits;
  tally.requests += outcome.requests;
  tally.jobs += outcome.jobs;
  tally.faults = addCounts(tally.faults, Object.fromEntries(outcome.faultCounts));
  tally.sometimes = addCounts(tally.sometimes, Object.fromEntries(outcome.sometimes));
  const { violation, plan } = outcome;
  if (violation !== null)
    tally.failures.push({ ...named(plan), property: violation.property, text: violation.message });
}

function named({ seed, managers }: RunPlan): Pick<Failure, "seed" | "managers"> {
  return { seed, managers };
}

function addCounts(
  left: Readonly<Record<string, number>>,
  right: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum = { ...left };
  for (const [name, value] of Object.entries(right)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}
