// Goal: whole clusters keep their promises under faults, and the simulator is what it claims to be: repeatable, and
// able to see. Method: a small fixed batch and every seed that ever failed, each with all checkers; one seed twice. The
// large batches are `bun run sim`, the planted bugs mutants.md.

import { describe, expect, test } from "bun:test";
import type { Profile } from "../../src/sim/profile.ts";
import { run, type RunPlan } from "../../src/sim/run.ts";
import { commandOf } from "../../src/sim/shrink.ts";
import { planOf } from "../../src/sim/swarm.ts";

/** Seeds that failed once, with what was wrong then. */
const REGRESSIONS: readonly {
  readonly seed: number;
  readonly managers: number;
  readonly what: string;
}[] = [
  { seed: 31, managers: 3, what: "a blank node that joined a formed cluster turned in circles" },
  { seed: 17, managers: 3, what: "a worker trusted an old sample of a clock that had moved" },
  { seed: 163, managers: 3, what: "an owner's ledger clock ran ahead of the leader's" },
  {
    seed: 201,
    managers: 5,
    what: "the open request of a core that died while handed back was not told of",
  },
  { seed: 93, managers: 3, what: "lost packets were sent again by the loss of long ago, and two links stood still" },
  { seed: 385, managers: 3, what: "an arrival waited for less than the clock's step, without end" },
  { seed: 602, managers: 3, what: "a client saw no manager although two links were up" },
  { seed: 901, managers: 3, what: "an owner that was cut off was held to the start that others had heard of" },
  { seed: 35, managers: 3, what: "who took up a share was thought as slow as if it had run from its beginning" },
  { seed: 50, managers: 3, what: "a first attempt began late because its owner heard late" },
  { seed: 75, managers: 3, what: "a start was held to when it was committed, not to when it was meant" },
  { seed: 80, managers: 5, what: "a bound came from the pace of an attempt that had just begun" },
  { seed: 12_065, managers: 3, what: "an owner never heard of what came to it in a snapshot, and its job stood still" },
  { seed: 641, managers: 3, what: "arrivals that were held back until the end of a share were in no count" },
  { seed: 1557, managers: 3, what: "a bound came from the mean since a schedule began, not since the attempt did" },
  { seed: 1669, managers: 3, what: "an owner that took over gave up work by what a worker had said before it began" },
  { seed: 20_083, managers: 3, what: "an attempt was held to the resumes of a finished job, which keeps none" },
  { seed: 70_138, managers: 3, what: "a manager that was elected while it stopped left the others without a leader" },
  { seed: 71_022, managers: 3, what: "a checker took a leader that stood still to lead" },
  { seed: 71_366, managers: 3, what: "a worker read a start by the clock of its owner's life before" },
  { seed: 80_188, managers: 5, what: "a bound came from the pace of a sibling that had stood still" },
];
const BATCH: readonly (readonly [seed: number, managers: number, profile: Profile])[] = [
  [1, 3, "all"],
  [2, 3, "net"],
  [3, 5, "all"],
  [7, 3, "disk"],
  [5, 3, "crash"],
  [6, 3, "clock"],
];

function plan(seed: number, managers: number, profile: Profile = "all"): RunPlan {
  return planOf(seed, { managers, profile });
}

/** What is wrong with a run, "" when nothing is. */
function problemOf(of: RunPlan): string {
  const { violation } = run(of);
  return violation === null ? "" : `${violation.message} (${commandOf(of)})`;
}

describe("a simulated cluster", () => {
  for (const [seed, managers, profile] of BATCH)
    test(`of ${managers} managers keeps its promises under ${profile} faults, seed ${seed}`, () => {
      expect(problemOf(plan(seed, managers, profile))).toBe("");
    }, 60_000);

  for (const { seed, managers, what } of REGRESSIONS)
    test(`seed ${seed} holds, where once ${what}`, () => expect(problemOf(plan(seed, managers))).toBe(""), 60_000);

  test("does the same twice", () => {
    const first = run(plan(8, 3));
    const second = run(plan(8, 3));
    expect([second.traceHash, second.events]).toEqual([first.traceHash, first.events]);
  }, 60_000);
});
