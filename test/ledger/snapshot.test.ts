// A ledger out and in again: equal and of the same behaviour (interleaving.test.ts runs that over random scripts), and
// a value from a peer that is none is refused with the place that is wrong.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { apply } from "../../src/ledger/apply.ts";
import { createLedger, type LedgerState } from "../../src/ledger/job.ts";
import { nextWaiting } from "../../src/ledger/roll.ts";
import { exportLedger, importLedger } from "../../src/ledger/snapshot.ts";
import { Harness, LOST, SETUP, started, workflow } from "./harness.ts";

function rich(): Harness {
  const harness = started(3, [SETUP, workflow("a", { pool: 50, sharesMax: 2 }), workflow("b", { scaleMax: 100 })], 2);
  harness.ready("::setup");
  harness.close("::setup", { kind: "closed", valueJson: "{}", thrown: null });
  harness.ready("a");
  const { token } = harness.one("a");
  harness.commit({ kind: "take", job: "j", workflow: "a", share: 0, attemptToken: token, count: 9 });
  harness.commit({
    ...{ kind: "provide", job: "j", workflow: "a", share: 0, attemptToken: token },
    ...{ key: "k", json: "1", vu: 1, iteration: 0 },
  });
  harness.commit({ kind: "scale", job: "j", order: "1", workflow: "b", vus: 3 });
  harness.commit({ kind: "leave", worker: "w1", boot: "1", isCertain: false });
  harness.seal(harness.one("a", 1), LOST);
  harness.commit({ kind: "pause", job: "j", order: "2" });
  harness.submit([workflow("x")], { job: "k" });
  harness.commit({ kind: "cancel", job: "k", by: "user" });
  harness.settle();
  harness.commit({ kind: "forget", job: "k" });
  return harness;
}

test("a ledger in the midst of things survives JSON, and shares nothing with its value", () => {
  const { state, entries } = rich();
  const value = exportLedger(state);
  const text = JSON.stringify(value);
  const imported = importLedger(JSON.parse(text));
  expect(imported.ledger).toEqual(state);
  apply(state, entries.length + 1, { kind: "cancel", job: "j", by: "user", atMs: 1 });
  expect(JSON.stringify(value)).toBe(text);
  expect(structuredClone(imported.ledger)).toEqual(imported.ledger);
});

test.each([
  ["nothing", undefined, ""],
  ["a number", 5, ""],
  ["a negative time", (value: string) => value.replace('"nowMs":0', '"nowMs":-1'), "nowMs"],
  ["a state unknown", (value: string) => value.replace('"state":"running"', '"state":"odd"'), "jobs.0.1.workflows"],
  ["a job twice", (value: string) => value.replace(/"jobs":\[(\[.*\])\],"waiting/, '"jobs":[$1,$1],"waiting'), "jobs"],
  ["no digest", (value: string) => value.replace('"digest":"d",', ""), "jobs.0.1.digest"],
])("%s in its place is refused with where", (_name, change, where) => {
  const text = JSON.stringify(exportLedger(rich().state));
  const value: unknown = typeof change === "function" ? JSON.parse(change(text)) : change;
  if (typeof change === "function") expect(change(text)).not.toBe(text);
  const refused = importLedger(value);
  expect(refused).toMatchObject({ ledger: null, message: expect.stringContaining(where) });
});

function crowd(jobs: number): LedgerState {
  const state = createLedger();
  const spec = { workflows: [workflow("a")], retries: 0 };
  for (let at = 0; at < jobs; at += 100) {
    apply(state, 1 + at, {
      kind: "submits",
      contents: [{ digest: "d".repeat(64), submission: "d".repeat(64), spec: structuredClone(spec) }],
      jobs: Array.from({ length: 100 }, (_, number) => ({ job: `job ${at + number}`, of: 0 })),
      atMs: at,
    });
  }
  return state;
}

describe("jobs that wait", () => {
  test("are kept in their order among the others, with what they share written once", () => {
    const state = crowd(300);
    apply(state, 400, { kind: "assign", job: "job 7", owner: "m1", boot: "1", atMs: 400 });
    apply(state, 401, { kind: "cancel", job: "job 8", by: "user", atMs: 401 });
    const value = exportLedger(state);
    expect(JSON.stringify(value).split('"workflows"').length - 1).toBe(3);
    const imported = importLedger(decodedAgain(value));
    if (imported.ledger === null) throw new Error(imported.message);
    expect(imported.ledger).toEqual(state);
    expect([...imported.ledger.jobs.keys()]).toEqual([...state.jobs.keys()]);
    expect([...imported.ledger.roll.owned.keys()]).toEqual(["job 7"]);
    expect(nextWaiting(imported.ledger, 500, 3).map(({ id }) => id)).toEqual(["job 8", "job 0", "job 1"]);
  });

  test.each([
    ["of no content", { contents: [], jobs: [[0, "x", 1, 0]] }],
    ["that are there already", { contents: [], jobs: [] }],
  ])("%s are refused", (_name, waiting) => {
    const value = exportLedger(crowd(100));
    if (typeof value !== "object" || value === null || !("waiting" in value)) throw new Error("no waiting jobs");
    const rows = waiting.jobs.length > 0 ? waiting : doubled(value.waiting);
    expect(importLedger({ ...value, waiting: rows }).ledger).toBeNull();
  });
});

function doubled(waiting: unknown): unknown {
  const { contents, jobs } = z.object({ contents: z.unknown(), jobs: z.array(z.unknown()) }).parse(waiting);
  return { contents, jobs: [...jobs, ...jobs] };
}

function decodedAgain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
