// The bound on what a lost attempt may have sent unheard: from its own pace, its siblings', or what a core can do at
// most; longer where the managers themselves were away. Pure.

import { expect, test } from "bun:test";
import type { Snapshot } from "../../../src/load/share.ts";
import {
  addAttempt,
  beginAttempt,
  createRun,
  notesOf,
  type Run,
  takeNotes,
  takeSnapshot,
} from "../../../src/node/owner/run.ts";
import { unheardOf, unreportedMax } from "../../../src/node/owner/unreported.ts";
import { seriesOf } from "../../load/samples.ts";
import { BUNDLE, jobPlan, workflowPlan } from "../plans.ts";

function id(token: number) {
  return { job: "j", workflow: "default", share: token, token };
}

function runOf(...tokens: readonly number[]): Run {
  const run = createRun("j", jobPlan(), BUNDLE);
  for (const token of tokens) {
    addAttempt(run, id(token), { worker: `w${token}`, core: 0, orderedAtMs: 0 });
    beginAttempt(run, token, { offsetMs: 0, nowMs: 0, startedAtEpochMs: 1 });
  }
  return run;
}

function told(token: number, seq: number, requests: number): Snapshot {
  return {
    attempt: id(token),
    seq,
    elapsedMs: seq * 1_000,
    content: "changed",
    isFinal: false,
    resume: { kind: "elapsed", elapsedMs: 0, feeds: {} },
    accounting: { scheduled: 0, started: 0, completed: 0, interrupted: 0, dropped: 0, unsent: 0 },
    generator: { seconds: 0, saturatedSeconds: 0, cpuSeconds: 0, loopLagMsMax: 0, loopLagMsP99: 0, stillMs: 0 },
    vus: 2,
    vusMax: 2,
    series: [seriesOf("http_reqs", {}, { type: "counter", count: requests, sum: requests })],
  };
}

function bound(run: Run, token: number, untilMs: number): number {
  const attempt = run.attempts.get(token);
  if (attempt === undefined) throw new Error("no attempt");
  run.unheard.set(token, unheardOf(run, attempt, untilMs));
  return unreportedMax(run);
}

// Two VUs, each with at most one batch of 20 on its way.
const OPEN = 40;
/** Seconds until a report that leaves the pace behind is here. */
const NOTICE = 0.2;

test("three times its fastest pace so far, since its last report", () => {
  const run = runOf(1);
  for (const [seq, requests] of [
    [1, 100],
    [2, 300],
    [3, 350],
  ] as const)
    takeSnapshot(run, told(1, seq, requests));
  expect(bound(run, 1, 5_000)).toBe(200 * 3 * (2 + NOTICE) + OPEN);
  expect(bound(run, 1, 3_000)).toBe(200 * 3 * NOTICE + OPEN);
});

test("one that never reported: its siblings' pace, whenever it is heard; where nobody did, the most a core can send", () => {
  const run = runOf(1, 2);
  expect(bound(run, 2, 2_000)).toBe(50_000 * 3 * (2 + NOTICE));
  takeSnapshot(run, told(1, 1, 80));
  expect(unreportedMax(run)).toBe(80 * 3 * (2 + NOTICE));
  // Who took up its work counts too, and so does the next owner, who is told the seconds.
  const next = runOf(1, 2, 3);
  takeNotes(next, notesOf(run));
  takeSnapshot(next, told(3, 1, 120));
  expect(unreportedMax(next)).toBe(Math.round(120 * 3 * (2 + NOTICE)));
});

test("one that did not begin has sent nothing", () => {
  const run = createRun("j", jobPlan(), BUNDLE);
  addAttempt(run, id(1), { worker: "w1", core: 0, orderedAtMs: 0 });
  expect(bound(run, 1, 9_000)).toBe(0);
});

test("one not heard of since the owner changed may have gone on until its lease ended, while no ledger time passed", () => {
  const run = runOf(1);
  takeSnapshot(run, told(1, 1, 10));
  const attempt = run.attempts.get(1);
  if (attempt === undefined) throw new Error("no attempt");
  attempt.isTakenOver = true;
  expect(bound(run, 1, 1_000)).toBe(10 * 3 * (13 + NOTICE) + OPEN);
});

test("a pace is that of the time it ran: who takes up a share begins in the middle of its schedule", () => {
  const run = runOf(1);
  addAttempt(run, id(2), { worker: "w2", core: 0, orderedAtMs: 0 });
  beginAttempt(run, 2, { offsetMs: 0, nowMs: 1_500, startedAtEpochMs: 1 });
  takeSnapshot(run, told(2, 2, 30));
  expect(bound(run, 1, 1_000)).toBe(60 * 3 * (1 + NOTICE));
});

test("what it did is laid on the time in which its loop turned: standing still is no pace", () => {
  const run = runOf(1, 2);
  const cut = told(2, 9, 20);
  takeSnapshot(run, { ...cut, generator: { ...cut.generator, stillMs: 8_000 } });
  expect(bound(run, 1, 2_000)).toBe(20 * 3 * (2 + NOTICE));
  // So it is where only its newest cut is known.
  const next = runOf(1, 2);
  takeSnapshot(next, { ...cut, content: "scalars", generator: { ...cut.generator, stillMs: 8_000 } });
  expect(bound(next, 1, 2_000)).toBe(20 * 3 * (2 + NOTICE));
});

test("who was seen low on a ramp stands for one at its height", () => {
  const [first] = jobPlan().workflows;
  if (first === undefined) throw new Error("no workflow");
  const stages = [{ durationMs: 1_000, target: 8 }];
  const executor = { kind: "ramping-vus", startVus: 1, stages, gracefulRampDownMs: 0 } as const;
  const run = createRun("j", { ...jobPlan(), workflows: [{ ...first, name: "default", executor }] }, BUNDLE);
  for (const token of [1, 2]) {
    addAttempt(run, id(token), { worker: `w${token}`, core: 0, orderedAtMs: 0 });
    beginAttempt(run, token, { offsetMs: 0, nowMs: 0, startedAtEpochMs: 1 });
  }
  takeSnapshot(run, told(2, 1, 10));
  expect(bound(run, 1, 1_000)).toBe(10 * 4 * 3 * (1 + NOTICE));
});

test("a ramp of arrivals is bounded by its height where those that were seen ran at its foot", () => {
  const run = createRun(
    "j",
    jobPlan({
      workflows: [
        workflowPlan("default", {
          executor: {
            kind: "ramping-arrival-rate",
            startRate: 20,
            timeUnitMs: 1_000,
            stages: [{ durationMs: 4_000, target: 0 }],
            preAllocatedVus: 2,
            maxVus: 2,
            onLate: "drop",
          },
        }),
      ],
    }),
    BUNDLE,
  );
  for (const token of [1, 2]) {
    addAttempt(run, { ...id(token), share: 0 }, { worker: `w${token}`, core: 0, orderedAtMs: 0 });
    beginAttempt(run, token, { offsetMs: 0, nowMs: 0, startedAtEpochMs: 1 });
  }
  const foot = told(2, 3, 2);
  const accounting = { ...foot.accounting, started: 1 };
  takeSnapshot(run, { ...foot, attempt: { ...foot.attempt, share: 0 }, accounting });
  // Two requests an iteration, 20 iterations a second at the height.
  expect(bound(run, 1, 1_000)).toBe(20 * 2 * 3 * (1 + NOTICE));
});
