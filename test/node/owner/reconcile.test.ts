// What an owner does about the difference between the ledger and what a worker says it holds: a table over the states of
// both. Pure; jobs are made by the ledger itself.

import { describe, expect, test } from "bun:test";
import { apply } from "../../../src/ledger/apply.ts";
import type { Proposal } from "../../../src/ledger/entries.ts";
import { createLedger, type Job } from "../../../src/ledger/job.ts";
import type { AttemptId } from "../../../src/load/share.ts";
import { jobSpecOf } from "../../../src/node/job-spec.ts";
import { type Heard, reconcile, type Speaker } from "../../../src/node/owner/reconcile.ts";
import type { HeldReport } from "../../../src/node/worker-messages.ts";
import { jobPlan, workflowPlan } from "../plans.ts";

const ATTEMPT: AttemptId = { job: "j", workflow: "default", share: 0, token: 5 };
const CUT = {
  seq: 3,
  resume: null,
  snapshot: "",
  taken: 0,
  accounting: { scheduled: 0, started: 0, completed: 0, interrupted: 0, dropped: 0, unsent: 0 },
};
/** Whatever ran then, began longer ago than a lease. */
const LATER_MS = 60_000;
const STEPS = { dispatched: 0, ready: 1, running: 2, stopping: 3, sealed: 4 } as const;

/** A job of one share on w1 whose attempt (token 5) came that far. */
function jobAt(state: keyof typeof STEPS): Job {
  const ledger = createLedger();
  let index = 0;
  const commit = (proposal: Proposal): void => void apply(ledger, ++index, { ...proposal, atMs: index });
  const plan = jobPlan({ workflows: [workflowPlan("default")] });
  commit({ kind: "join", worker: "w1", boot: "b1", cores: 1, labels: {} });
  commit({ kind: "submit", job: "j", digest: "d", submission: "s", spec: jobSpecOf(plan, 0) });
  commit({ kind: "assign", job: "j", owner: "m1", boot: "1" });
  commit({ kind: "place", job: "j", ownerToken: 3, workflow: "default" });
  commit({ kind: "dispatch", job: "j", ownerToken: 3, workflow: "default", share: 0 });
  const fields = { job: "j", workflow: "default", share: 0, attemptToken: 5 };
  const far = STEPS[state];
  if (far >= STEPS.ready) commit({ kind: "ready", ...fields });
  if (far >= STEPS.running) commit({ kind: "start", job: "j", ownerToken: 3, workflow: "default", leadMs: 0 });
  if (far >= STEPS.stopping) commit({ kind: "cancel", job: "j", by: "user" });
  if (far >= STEPS.sealed)
    commit({ kind: "seal", ...fields, ...CUT, end: { kind: "closed", valueJson: null, thrown: null } });
  const job = ledger.jobs.get("j");
  if (job === undefined) throw new Error("no job");
  return job;
}

function speaker(held: readonly HeldReport[], boot = "b1"): Speaker {
  return { node: "w1", boot, held };
}

function held(state: HeldReport["state"], more: Partial<HeldReport> = {}): HeldReport {
  return { attempt: ATTEMPT, state, seq: 3, offers: 0, isAborting: false, ...more };
}

function steps(job: Job, worker: Speaker, heard: Heard = { seq: 3, offers: 0, isOver: false }) {
  return reconcile(job, worker, { heard: new Map([[ATTEMPT.token, heard]]), applied: 20, nowMs: LATER_MS }).map(
    (step) => (step.kind === "stop" ? `stop ${step.mode}` : step.kind),
  );
}

describe("an attempt the ledger has and the worker does not", () => {
  test("is dispatched again while it has not begun", () => {
    expect(steps(jobAt("dispatched"), speaker([]))).toEqual(["dispatch"]);
    expect(steps(jobAt("ready"), speaker([]))).toEqual(["dispatch"]);
  });
  test("is lost once it has: it would count from the beginning again", () => {
    expect(steps(jobAt("running"), speaker([]))).toEqual(["lost"]);
    expect(steps(jobAt("stopping"), speaker([]))).toEqual(["lost"]);
  });

  test("is not lost by words that may be of before it had it", () => {
    const job = jobAt("running");
    const startAtMs = job.workflows.get("default")?.shares[0]?.attempts[0]?.startAtMs ?? 0;
    const after = (ms: number): readonly string[] =>
      reconcile(job, speaker([]), { heard: new Map(), applied: 20, nowMs: startAtMs + ms }).map(({ kind }) => kind);
    expect([after(0), after(9_999), after(10_001)]).toEqual([[], [], ["lost"]]);
  });
  test("is nobody's business when another life of the worker had it, or another worker", () => {
    expect(steps(jobAt("running"), speaker([], "b2"))).toEqual([]);
    expect(steps(jobAt("running"), { ...speaker([]), node: "w2" })).toEqual([]);
  });
});

describe("an attempt both have", () => {
  const table: readonly (readonly [keyof typeof STEPS, HeldReport["state"], readonly string[]])[] = [
    ["dispatched", "preparing", []],
    ["dispatched", "ready", ["ready"]],
    ["ready", "ready", []],
    ["running", "preparing", []],
    ["running", "ready", ["start"]],
    ["running", "running", []],
    ["stopping", "preparing", ["stop graceful"]],
    ["stopping", "ready", ["stop graceful"]],
    ["stopping", "running", ["stop graceful"]],
    ["stopping", "stopping", []],
  ];
  for (const [ledger, worker, expected] of table) {
    test(`${ledger} in the ledger, ${worker} on the worker: ${expected.join() || "nothing"}`, () =>
      expect(steps(jobAt(ledger), speaker([held(worker)]))).toEqual([...expected]));
  }

  test("[LD-44.5] [MW-6.3.2] over and all of it heard: it is sealed; anything missing is told again", () => {
    const job = jobAt("running");
    const over = speaker([held("over", { seq: 7, offers: 2 })]);
    expect(steps(job, over, { seq: 7, offers: 2, isOver: true })).toEqual(["seal"]);
    for (const heard of [
      { seq: 6, offers: 2, isOver: true },
      { seq: 7, offers: 1, isOver: true },
      { seq: 7, offers: 2, isOver: false },
    ])
      expect(steps(job, over, heard)).toEqual(["tell"]);
    expect(reconcile(job, over, { heard: new Map(), applied: 20, nowMs: LATER_MS })).toEqual([
      { kind: "tell", attempt: ATTEMPT, heard: { seq: 0, offers: 0, isOver: false } },
    ]);
  });

  test("whose code asked for the end is heard again until the job ends", () => {
    const aborting = speaker([held("running", { isAborting: true })]);
    expect(steps(jobAt("running"), aborting)).toEqual(["tell"]);
    expect(steps(jobAt("stopping"), aborting)).toEqual(["stop graceful"]);
  });
});

describe("what people ask of a workflow", () => {
  const ask = (...kinds: readonly ("pause" | "resume" | "scale")[]): Job => {
    const job = jobAt("running");
    const workflow = job.workflows.get("default");
    if (workflow === undefined) throw new Error("no workflow");
    for (const kind of kinds) {
      if (kind === "pause") workflow.pausedAtMs = 10;
      if (kind === "resume") Object.assign(workflow, { pausedAtMs: null, pausedMs: workflow.pausedMs + 5 });
      if (kind === "scale") workflow.scaledVus = 7;
    }
    return job;
  };
  const told = (isPaused: boolean, pausedMs: number, vus: number | null) =>
    speaker([held("running", { steering: { isPaused, pausedMs, vus } })]);

  test("is told to an attempt that runs and has not heard of it, until it has", () => {
    const untouched = speaker([held("running")]);
    for (const kinds of [["pause"], ["pause", "resume"], ["scale"]] as const)
      expect(steps(ask(...kinds), untouched)).toEqual(["steer"]);
    expect(steps(ask("pause", "resume"), told(true, 0, null))).toEqual(["steer"]);
    expect(steps(ask("pause"), told(true, 0, null))).toEqual([]);
    expect(steps(ask("pause", "resume"), told(false, 5, null))).toEqual([]);
    expect(steps(ask("pause", "resume", "scale"), told(false, 5, 7))).toEqual([]);
    expect(steps(ask("scale"), told(false, 0, 6))).toEqual(["steer"]);
  });

  test("comes with the start of one that has not begun, and is nothing to one that stops", () => {
    expect(steps(ask("pause"), speaker([held("ready")]))).toEqual(["start"]);
    expect(steps(ask("pause"), speaker([held("preparing")]))).toEqual([]);
    expect(steps(jobAt("stopping"), told(true, 0, null))).toEqual(["stop graceful"]);
  });
});

describe("an attempt the worker has and the ledger does not", () => {
  test("may be forgotten: it is sealed, or never was", () => {
    expect(steps(jobAt("sealed"), speaker([held("over")]))).toEqual(["sealed"]);
    expect(
      steps(jobAt("running"), speaker([held("running"), held("running", { attempt: { ...ATTEMPT, token: 4 } })])),
    ).toEqual(["sealed"]);
  });

  test("is left alone when it may be newer than what this owner has applied", () => {
    const newer = speaker([held("running"), held("running", { attempt: { ...ATTEMPT, token: 21 } })]);
    expect(steps(jobAt("running"), newer)).toEqual([]);
  });
});
