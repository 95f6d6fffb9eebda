// Scenarios MW-7, the states of a workflow and its attempts: goal, every legal way and no other. Method: entries
// committed by hand; after an end every kind of entry is tried and nothing may change.

import { describe, expect, test } from "bun:test";
import type { End, Proposal } from "../../src/ledger/entries.ts";
import { CLOSED, FAILED, type Harness, started, workflow } from "../ledger/harness.ts";

/** State of the workflow and of its only attempt. */
function at(harness: Harness): readonly (string | undefined)[] {
  const found = harness.workflow("a");
  return [found.state, found.shares[0]?.attempts.at(-1)?.state];
}

const WAYS = {
  completed: (harness: Harness) => harness.run("a"),
  failed: (harness: Harness) => harness.run("a", FAILED),
  cancelled: (harness: Harness) => {
    harness.ready("a");
    harness.commit({ kind: "cancel", job: "j", by: "other" });
    harness.close("a");
  },
};

/** Everything that anybody could propose about the job and its last attempt. */
function everything(harness: Harness): Proposal[] {
  const ownerToken = harness.ownerToken();
  const attemptToken = harness.workflow("a").shares[0]?.attempts.at(-1)?.token ?? 0;
  const owned = { job: "j", workflow: "a", ownerToken };
  const attempt = { job: "j", workflow: "a", share: 0, attemptToken };
  const cut = {
    seq: 99,
    resume: null,
    snapshot: "",
    taken: 0,
    accounting: { scheduled: 9, started: 9, completed: 9, interrupted: 0, dropped: 0, unsent: 0 },
  };
  const ends: End[] = [CLOSED, FAILED, { kind: "lost", message: "" }, { kind: "returned", message: "" }];
  return [
    { kind: "assign", job: "j", owner: "m2", boot: "1" },
    { kind: "place", ...owned },
    { kind: "dispatch", share: 0, ...owned },
    { kind: "ready", ...attempt },
    { kind: "start", leadMs: 0, ...owned },
    { kind: "checkpoint", job: "j", ownerToken, cuts: [{ workflow: "a", share: 0, attemptToken, ...cut }] },
    ...ends.map((end): Proposal => ({ kind: "seal", ...attempt, ...cut, end })),
    { kind: "provide", ...attempt, key: "k", json: "1", vu: 1, iteration: 0 },
    { kind: "take", ...attempt, count: 1 },
    { kind: "extend", ...attempt, progress: 1 },
    { kind: "abort", ...attempt, reason: "late" },
    { kind: "verdict", job: "j", ownerToken, metricKey: "checks", expression: "rate>1", isAbort: true },
    { kind: "timeout", ...owned },
    { kind: "cancel", job: "j", by: "user" },
    { kind: "pause", job: "j", order: "1" },
    { kind: "resume", job: "j", order: "2" },
    { kind: "scale", job: "j", order: "3", workflow: "a", vus: 3 },
    { kind: "finish", job: "j", ownerToken, thresholdsFailed: 0, result: null },
  ];
}

describe("a workflow", () => {
  test("[MW-7.1.1] [MW-7.1.2] [MW-7.1.3] is queued, dispatched, runs and has ended, a step for each entry", () => {
    const harness = started(1, [workflow("b", { sharesMax: 1 }), workflow("a", { after: ["b"], sharesMax: 1 })]);
    expect(at(harness)).toEqual(["waiting", undefined]);
    harness.ready("b");
    harness.commit({ kind: "leave", worker: "w1", boot: "1", isCertain: false });
    harness.close("b");
    // Nobody has a core for it.
    expect(at(harness)).toEqual(["queued", undefined]);
    harness.join("w2", 1);
    expect(at(harness)).toEqual(["preparing", "dispatched"]);
    const { token } = harness.one("a");
    harness.commit({ kind: "ready", job: "j", workflow: "a", share: 0, attemptToken: token });
    expect(at(harness)).toEqual(["preparing", "ready"]);
    harness.settle();
    expect(at(harness)).toEqual(["running", "running"]);
    harness.close("a");
    expect(at(harness)).toEqual(["ended", "sealed"]);
    expect(harness.job().outcome?.state).toBe("completed");
  });

  test("[MW-7.1.5] is cancelled from wherever it is", () => {
    const cancel = (harness: Harness) => {
      harness.commit({ kind: "cancel", job: "j", by: "user" });
      harness.settle();
    };
    const queued = started(1, [workflow("b", { priority: "exclusive" }), workflow("a")]);
    expect(at(queued)).toEqual(["queued", undefined]);
    cancel(queued);
    expect(at(queued)).toEqual(["skipped", undefined]);
    const dispatched = started(1);
    cancel(dispatched);
    expect(at(dispatched)).toEqual(["preparing", "stopping"]);
    expect(dispatched.of("stop").map(({ mode }) => mode)).toEqual(["now"]);
    dispatched.close("a");
    expect(at(dispatched)).toEqual(["skipped", "sealed"]);
    const running = started(1);
    running.ready("a");
    cancel(running);
    expect(at(running)).toEqual(["running", "stopping"]);
    expect(running.of("stop").map(({ mode }) => mode)).toEqual(["graceful"]);
    running.close("a");
    expect(at(running)).toEqual(["cancelled", "sealed"]);
    for (const { outcome } of [dispatched, running].map((harness) => harness.job()))
      expect(outcome).toMatchObject({ state: "cancelled", errorCode: "interrupted" });
  });

  for (const [id, way] of [
    ["[MW-7.2.1]", "completed"],
    ["[MW-7.2.2]", "failed"],
    ["[MW-7.2.3]", "cancelled"],
  ] as const) {
    test(`${id} that is ${way} stays so, whatever anybody proposes`, () => {
      const harness = started(1);
      WAYS[way](harness);
      harness.settle();
      expect(harness.job().outcome?.state).toBe(way);
      const before = structuredClone(harness.state);
      for (const entry of everything(harness))
        expect(harness.commit(entry)).toMatchObject([{ kind: "refused", code: "finished" }]);
      expect(harness.state).toEqual(before);
      expect(harness.of("finished").length).toBe(1);
    });
  }

  test("[MW-7.4.1] is told to have ended once, before its job has", () => {
    for (const end of [CLOSED, FAILED]) {
      const harness = started(1, [workflow("a"), workflow("b", { after: ["a"] })]);
      harness.run("a", end);
      if (end === CLOSED) harness.run("b");
      const told = harness.effects.flatMap((effect) => {
        if (effect.kind === "ended") return [effect.workflow];
        return effect.kind === "finished" ? ["the job"] : [];
      });
      expect(told).toEqual(["a", "b", "the job"]);
    }
  });
});
