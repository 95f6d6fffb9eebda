// The lists of jobs by what they need: kept through any history they are what the jobs themselves say, and they answer
// who is next. Histories are drawn; the lists are made anew from the jobs and compared.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { WorkflowSpec } from "../../src/ledger/entries.ts";
import { OWNED_MAX, duties } from "../../src/ledger/duties.ts";
import { liveCount, nextWaiting, rollOf } from "../../src/ledger/roll.ts";
import { Harness, workflow } from "./harness.ts";

const priority = fc.constantFrom<WorkflowSpec["priority"]>("low", "normal", "auto", "high", "exclusive");
const step = fc.record({
  what: fc.constantFrom("submit", "assign", "cancel", "settle", "forget", "join", "pause", "resume"),
  job: fc.integer({ min: 0, max: 5 }),
  priority,
});

test("whatever happens, the lists hold each job once, where it belongs, in order", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const harness = new Harness();
      for (const [at, { what, job, priority }] of steps.entries()) {
        const id = `j${job}`;
        const spec = { workflows: [workflow("a", { priority })], retries: 0 };
        if (what === "submit") harness.commit({ kind: "submit", job: id, digest: "d", submission: "", spec });
        else if (what === "assign") harness.commit({ kind: "assign", job: id, owner: "m1", boot: "1" });
        else if (what === "cancel") harness.commit({ kind: "cancel", job: id, by: "user" });
        else if (what === "settle") harness.settle();
        else if (what === "join") harness.join("w1", 2);
        else if (what === "forget") harness.commit({ kind: what, job: id });
        else harness.commit({ kind: what, job: id, order: `order ${at}` });
        const { roll, jobs } = harness.state;
        expect(rollOf(jobs)).toEqual(roll);
        expect([...roll.owned.keys()]).toEqual([...rollOf(jobs).owned.keys()]);
        for (const [owned, known] of roll.owned) expect(known).toBe(harness.job(owned));
        expect(liveCount(harness.state)).toBe([...jobs.values()].filter(({ phase }) => phase !== "finished").length);
      }
    }),
    { numRuns: 200 },
  );
});

test("next are those that are to end, then by priority, where a minute of waiting is worth a step, then the older", () => {
  const harness = new Harness();
  const submit = (job: string, of: WorkflowSpec["priority"], atMs: number): void => {
    harness.atMs = atMs;
    const spec = { workflows: [workflow("a", { priority: of })], retries: 0 };
    harness.commit({ kind: "submit", job, digest: "d", submission: "", spec });
  };
  submit("low", "low", 0);
  submit("auto", "auto", 1_000);
  submit("normal", "normal", 2_000);
  submit("high", "high", 3_000);
  submit("cancelled", "low", 4_000);
  submit("high too", "high", 61_000);
  harness.commit({ kind: "cancel", job: "cancelled", by: "user" });
  const next = (nowMs: number, count = 9) => nextWaiting(harness.state, nowMs, count).map(({ id }) => id);
  expect(next(62_000)).toEqual(["cancelled", "auto", "normal", "high", "high too", "low"]);
  expect(next(1e9)).toEqual(["cancelled", "low", "auto", "normal", "high", "high too"]);
  expect(next(62_000, 2)).toEqual(["cancelled", "auto"]);
  expect(next(62_000, 0)).toEqual([]);
});

test("only so many jobs have an owner at a time; the next gets one when one has ended", () => {
  const harness = new Harness();
  const spec = { workflows: [workflow("a")], retries: 0 };
  for (let at = 0; at <= OWNED_MAX + 1; at++)
    harness.commit({ kind: "submit", job: `j${at}`, digest: "d", submission: "", spec });
  harness.proposals.length = 0;
  const managers = [{ node: "m1", boot: "1", isAlive: true }];
  const due = () => duties(harness.state, { nowMs: 0, managers, workers: [] });
  expect(due()).toHaveLength(OWNED_MAX);
  for (const duty of due()) harness.commit(duty);
  expect(due()).toEqual([]);
  harness.commit({ kind: "cancel", job: "j3", by: "user" });
  harness.settle();
  expect(due()).toEqual([{ kind: "assign", job: `j${OWNED_MAX}`, owner: "m1", boot: "1" }]);
  // A dead owner's jobs need another, however many are owned.
  const moved = duties(harness.state, { nowMs: 0, managers: [{ node: "m2", boot: "1", isAlive: true }], workers: [] });
  expect(moved).toHaveLength(OWNED_MAX);
});
