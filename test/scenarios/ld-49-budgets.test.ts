// Budgets and limits under change: retries across a new owner, several failures at once, more time that is not used up.
// Entries committed by hand.

import { expect, test } from "bun:test";
import { FAILED, SETUP, started, workflow } from "../ledger/harness.ts";

test("[LD-49.1] [LD-45.3] what was spent of the retries stays spent under a new owner, and what is left can be used", () => {
  const harness = started(1, [workflow("a")], 2);
  harness.ready("a");
  harness.seal(harness.one("a"), FAILED);
  for (const owner of ["m2", "m3"]) {
    harness.commit({ kind: "assign", job: "j", owner, boot: "1" });
    harness.settle();
  }
  expect(harness.job().retriesUsed).toBe(1);
  harness.ready("a");
  harness.seal(harness.one("a"), FAILED);
  expect([harness.job().retriesUsed, harness.job().ending]).toEqual([2, null]);
  harness.ready("a");
  harness.seal(harness.one("a"), FAILED);
  expect(harness.job().outcome).toMatchObject({ state: "failed" });
});

test("[LD-49.3] shares that fail at the same time share one budget: who comes after its end fails the job", () => {
  const harness = started(3, [workflow("a")], 2);
  harness.ready("a");
  const [first, second, third] = [harness.one("a", 0), harness.one("a", 1), harness.one("a", 2)];
  harness.seal(first, FAILED);
  harness.seal(second, FAILED);
  // Both run again side by side, each from its own seal.
  expect(harness.live("a").map(({ share }) => share)).toEqual([0, 1, 2]);
  expect([harness.job().retriesUsed, harness.job().ending]).toEqual([2, null]);
  harness.seal(third, FAILED);
  expect(harness.job().ending).toMatchObject({ state: "failed" });
  expect(harness.live("a").map(({ share }) => share)).toEqual([0, 1]);
});

test("[LD-49.2] who was given more time and ends before it is needed leaves no limit behind", () => {
  const harness = started(1, [SETUP, workflow("a")]);
  harness.ready("::setup");
  const { token, share } = harness.one("::setup");
  harness.commit({ kind: "extend", job: "j", workflow: "::setup", share, attemptToken: token, progress: 1 });
  harness.atMs = 4_000;
  harness.close("::setup");
  expect(harness.workflow("::setup")).toMatchObject({ state: "ended", limit: null });
  // The timer of the old limit fires all the same.
  harness.atMs = 10_000;
  const ownerToken = harness.ownerToken();
  expect(harness.commit({ kind: "timeout", job: "j", workflow: "::setup", ownerToken })).toMatchObject([
    { kind: "refused", code: "illegal" },
  ]);
  expect(harness.job().ending).toBeNull();
});
