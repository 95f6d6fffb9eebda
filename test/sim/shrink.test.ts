// Goal: a failing run is made as small as it gets, without losing what fails. Method: a run that is only pretended fails
// exactly when certain faults and actions are in it.

import { expect, test } from "bun:test";
import { Violation } from "../../src/sim/checkers/violation.ts";
import { Kernel } from "../../src/sim/kernel.ts";
import { drawFaults } from "../../src/sim/nemesis.ts";
import type { RunOutcome, RunPlan } from "../../src/sim/run.ts";
import { commandOf, scheduleLines, shrink } from "../../src/sim/shrink.ts";
import { planOf } from "../../src/sim/swarm.ts";
import { drawWorkload } from "../../src/sim/workload.ts";

const NODES = { managers: ["m0", "m1", "m2"], workers: ["w0"], clients: ["c0"] };
const faults = drawFaults(new Kernel(1).prng("nemesis"), {
  profile: "all",
  nodes: NODES,
  faultsMin: 8,
  fromMs: 0,
  untilMs: 10_000,
});
const actions = drawWorkload(new Kernel(1).prng("workload"), {
  submits: 20,
  clients: 2,
  untilMs: 9_000,
  epochMs: 1.8e12,
});

/** Fails by `property` when fault 1 and fault 5 and action 6 are in it. */
function pretended(plan: RunPlan): RunOutcome {
  const isThere = !plan.withoutFaults.has(1) && !plan.withoutFaults.has(5) && !plan.withoutActions.has(6);
  return {
    plan,
    violation: isThere ? new Violation("overlap", "it happened") : null,
    traceHash: 0,
    virtualMs: 0,
    events: 0,
    commits: 0,
    requests: 0,
    jobs: 0,
    faults: faults.filter(({ number }) => !plan.withoutFaults.has(number)),
    actions: actions.filter(({ number }) => !plan.withoutActions.has(number)),
    faultCounts: new Map(),
    sometimes: new Map(),
    eventsByKind: new Map(),
    logLines: [],
  };
}

test("what is not needed is left out, and the command says so", () => {
  const plan = planOf(3, { managers: 3, profile: "all" });
  const small = shrink(pretended(plan), pretended);
  expect(small.violation?.property).toBe("overlap");
  expect(small.faults.map(({ number }) => number).toSorted()).toEqual([1, 5]);
  expect(small.actions.map(({ number }) => number)).toEqual([6]);
  expect(commandOf(small.plan)).toStartWith("bun run sim --seed 3 --nodes 3 --profile all --without-faults ");
  expect(scheduleLines(small)).toHaveLength(3);
});

test("a run has five faults of three kinds at least, and never loses two disks", () => {
  for (let seed = 0; seed < 200; seed++) {
    const drawn = drawFaults(new Kernel(seed).prng("nemesis"), {
      profile: "all",
      nodes: NODES,
      faultsMin: 5,
      fromMs: 2_000,
      untilMs: 17_000,
    });
    const kinds = drawn.map(({ kind }) => kind);
    expect(drawn.length).toBeGreaterThanOrEqual(5);
    expect(new Set(kinds).size).toBeGreaterThanOrEqual(3);
    expect(kinds.filter((kind) => kind === "wipe" || kind === "bitRot").length).toBeLessThanOrEqual(1);
  }
});
