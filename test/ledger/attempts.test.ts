// Goal: a workflow starts once and with all its shares, and each attempt of a share begins where the one before it ended.
// Method: entries committed by hand (harness.ts).

import { describe, expect, test } from "bun:test";
import { NO_ACCOUNTING, workflowAccounting } from "../../src/ledger/accounting.ts";
import type { Effect } from "../../src/ledger/effects.ts";
import { type Harness, LOST, started, workflow } from "./harness.ts";

function start(harness: Harness): Effect[] {
  return harness.commit({ kind: "start", job: "j", workflow: "a", leadMs: 0, ownerToken: harness.ownerToken() });
}

describe("a start", () => {
  test("is refused before every share is ready, and when it has been: the clock of the first one stays", () => {
    const harness = started(2, [workflow("a", { sharesMax: 2 })]);
    const [first, second] = harness.live("a");
    if (first === undefined || second === undefined) throw new Error("there are two shares");
    const isReady = ({ share, token }: typeof first): void =>
      void harness.commit({ kind: "ready", job: "j", workflow: "a", share, attemptToken: token });
    isReady(first);
    expect(start(harness)).toMatchObject([{ kind: "refused", code: "illegal" }]);
    expect(harness.workflow("a").startAtMs).toBeNull();
    isReady(second);
    harness.settle();
    expect(harness.of("begin").length).toBe(1);
    harness.atMs = 5_000;
    expect(start(harness)).toMatchObject([{ kind: "refused", code: "illegal" }]);
    expect([harness.workflow("a").startAtMs, harness.of("begin").length]).toEqual([0, 1]);
  });
});

describe("a share that moves more than once", () => {
  test("[LD-45.8] goes on each time from its newest seal, and a seal that says nothing of it takes nothing back", () => {
    const harness = started(1, [workflow("a")]);
    harness.ready("a");
    const from: number[] = [];
    for (const elapsedMs of [1_000, 2_500, null, 4_000]) {
      const resume = elapsedMs === null ? null : ({ kind: "elapsed", elapsedMs, feeds: {} } as const);
      harness.seal(harness.one("a"), { kind: "returned", message: "its worker stops" }, { resume });
      const next = harness.of("dispatch").at(-1)?.resume;
      from.push(next?.kind === "elapsed" ? next.elapsedMs : Number.NaN);
      harness.ready("a");
    }
    expect(from).toEqual([1_000, 2_500, 2_500, 4_000]);
  });

  test("[LD-51.2] is the sum of all its attempts, in everything that is counted", () => {
    const harness = started(1, [workflow("a")]);
    harness.ready("a");
    const done = { scheduled: 9, started: 8, completed: 5, interrupted: 3, dropped: 1, unsent: 2 };
    harness.seal(harness.one("a"), LOST, { accounting: done });
    harness.join("w2", 1);
    harness.ready("a");
    harness.seal(harness.one("a"), { kind: "returned", message: "its worker stops" }, { accounting: NO_ACCOUNTING });
    harness.ready("a");
    harness.seal(harness.one("a"), undefined, { accounting: done });
    expect(workflowAccounting(harness.workflow("a"))).toEqual({
      scheduled: 18,
      started: 16,
      completed: 10,
      interrupted: 6,
      dropped: 2,
      unsent: 4,
    });
  });
});
