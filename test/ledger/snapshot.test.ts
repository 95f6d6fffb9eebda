// A ledger out and in again: equal and of the same behaviour (interleaving.test.ts runs that over random scripts), and
// a value from a peer that is none is refused with the place that is wrong.

import { expect, test } from "bun:test";
import { apply } from "../../src/ledger/apply.ts";
import { exportLedger, importLedger } from "../../src/ledger/snapshot.ts";
import { Harness, LOST, SETUP, started, workflow } from "./harness.ts";

function rich(): Harness {
  const harness = started(
    3,
    [SETUP, workflow("a", { pool: 50, sharesMax: 2 }), workflow("b", { isScalable: true })],
    2,
  );
  harness.ready("::setup");
  harness.close("::setup", { kind: "closed", valueJson: "{}", thrown: null });
  harness.ready("a");
  const { token } = harness.one("a");
  harness.commit({ kind: "take", job: "j", workflow: "a", share: 0, attemptToken: token, count: 9 });
  harness.commit({
    ...{ kind: "provide", job: "j", workflow: "a", share: 0, attemptToken: token },
    ...{ key: "k", json: "1", vu: 1, iteration: 0 },
  });
  harness.commit({ kind: "scale", job: "j", workflow: "b", vus: 3 });
  harness.commit({ kind: "leave", worker: "w1", boot: "1", isCertain: false });
  harness.seal(harness.one("a", 1), LOST);
  harness.commit({ kind: "pause", job: "j" });
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
  [
    "a job twice",
    (value: string) => value.replace(/"jobs":\[(\[.*\])\],"forgottenT/, '"jobs":[$1,$1],"forgottenT'),
    "jobs",
  ],
  ["no digest", (value: string) => value.replace('"digest":"d",', ""), "jobs.0.1.digest"],
])("%s in its place is refused with where", (_name, change, where) => {
  const text = JSON.stringify(exportLedger(rich().state));
  const value: unknown = typeof change === "function" ? JSON.parse(change(text)) : change;
  if (typeof change === "function") expect(change(text)).not.toBe(text);
  const refused = importLedger(value);
  expect(refused).toMatchObject({ ledger: null, message: expect.stringContaining(where) });
});
