// Shares that are dispatched again: with what they were dispatched with at first, once at a time, with the values that
// were provided before, also under another owner; and the fences of each dispatch. Entries committed by hand; the
// worker's side message by message.

import { describe, expect, test } from "bun:test";
import { reconcile } from "../../src/node/owner/reconcile.ts";
import { CLOSED, FAILED, Harness, LOST, SETUP, started, workflow } from "../ledger/harness.ts";
import { attemptOf, M1, TenantScene } from "./tenant-scene.ts";

function provide(harness: Harness, key: string, json: string): void {
  const { token, share } = harness.one("a");
  harness.commit({
    ...{ kind: "provide", job: "j", workflow: "a", share, attemptToken: token },
    ...{ key, json, vu: 1, iteration: 0 },
  });
}

/** Setup has run, "a" has provided a value, "b" runs on two cores. */
function second(retries = 0): Harness {
  const harness = started(2, [SETUP, workflow("a", { sharesMax: 1 }), workflow("b", { after: ["a"] })], retries);
  harness.run("::setup", { kind: "closed", valueJson: '{"base":1}', thrown: null });
  harness.ready("a");
  provide(harness, "token", '"t"');
  harness.close("a");
  harness.ready("b");
  return harness;
}

describe("a share that is dispatched again", () => {
  test("[LD-41.2.1] [LD-41.11.2] [LD-41.28.3] gets what it got at first: its place, the context, what setup returned", () => {
    for (const end of [LOST, FAILED]) {
      const harness = second(1);
      const [first] = harness.of("dispatch").filter(({ attempt }) => attempt.workflow === "b" && attempt.share === 1);
      harness.seal(harness.one("b", 1), end);
      const again = harness.of("dispatch").at(-1);
      expect(first).toMatchObject({ context: { token: '"t"' }, setupJson: '{"base":1}', shares: 2 });
      const { context, setupJson, shares } = again ?? {};
      expect([again?.attempt.share, context, setupJson, shares]).toEqual([1, first?.context, first?.setupJson, 2]);
      // Setup and "a" have run once.
      expect(harness.of("dispatch").filter(({ attempt }) => attempt.workflow !== "b")).toHaveLength(2);
    }
  });

  test("[LD-41.2.3] [LD-41.2.5] is dispatched once, however often that is proposed", () => {
    const harness = second(1);
    const fields = { job: "j", workflow: "b", share: 1, ownerToken: harness.ownerToken() } as const;
    expect(harness.commit({ kind: "dispatch", ...fields })).toMatchObject([{ kind: "refused", code: "illegal" }]);
    const id = harness.one("b", 1);
    harness.proposals.length = 0;
    harness.seal(id, FAILED);
    const before = harness.of("dispatch").length;
    for (let time = 0; time < 3; time++) harness.commit({ kind: "dispatch", ...fields });
    expect(harness.of("dispatch").length).toBe(before);
    expect(harness.live("b").filter(({ share }) => share === 1)).toHaveLength(1);
  });

  test("[LD-41.8.1] shares the retries of its job with the other workflows; [LD-42.1.2] another job has its own", () => {
    const harness = new Harness();
    harness.join("w1", 4);
    for (const job of ["j", "k"]) harness.submit([workflow("a", { sharesMax: 1 }), workflow("b")], { job, retries: 1 });
    harness.ready("a");
    harness.ready("b");
    harness.seal(harness.one("a"), FAILED);
    expect([harness.job("j").retriesUsed, harness.job("k").retriesUsed]).toEqual([1, 0]);
    harness.seal(harness.one("b"), FAILED);
    expect(harness.job("j").ending).toMatchObject({ state: "failed" });
    expect(harness.job("k").ending).toBeNull();
  });
});

describe("values provided", () => {
  test("[LD-41.11.4] [LD-41.28.4] are in the ledger: under a new owner dependents see them all the same", () => {
    const harness = started(1, [workflow("a"), workflow("b", { after: ["a"] })]);
    harness.ready("a");
    provide(harness, "token", '"t"');
    harness.commit({ kind: "assign", job: "j", owner: "m2", boot: "1" });
    harness.settle();
    harness.close("a");
    expect(harness.of("dispatch").at(-1)).toMatchObject({ attempt: { workflow: "b" }, context: { token: '"t"' } });
  });

  test("[LD-41.11.5] may be none: dependents are dispatched with an empty context", () => {
    const harness = started(1, [workflow("a"), workflow("b", { after: ["a"] })]);
    harness.run("a");
    expect(harness.of("dispatch").at(-1)).toMatchObject({ attempt: { workflow: "b" }, context: {} });
  });

  test("[LD-41.28.5] by who runs nothing are refused with the reason, and change nothing", () => {
    const harness = started(1);
    harness.ready("a");
    const before = structuredClone(harness.job());
    const value = { key: "k", json: "1", vu: 1, iteration: 0 };
    for (const [workflowName, attemptToken] of [
      ["x", 1],
      ["a", 9_999],
    ] as const) {
      const fields = { job: "j", workflow: workflowName, share: 0, attemptToken };
      expect(harness.commit({ kind: "provide", ...fields, ...value })).toMatchObject([{ kind: "refused" }]);
    }
    expect(harness.job()).toEqual(before);
  });
});

describe("a worker", () => {
  test("[LD-41.3.1] [LD-41.3.2] takes a dispatch under the newest ownerToken it knows, and none under an older one", async () => {
    const scene = new TenantScene();
    scene.dispatch(M1, attemptOf(1));
    scene.dispatch({ manager: "m0", token: M1.token - 1 }, attemptOf(2, { share: 1 }), 1);
    scene.dispatch({ manager: "m2", token: M1.token + 1 }, attemptOf(3, { share: 2 }), 2);
    scene.dispatch(M1, attemptOf(4, { share: 3 }), 3);
    await scene.clock.advance(0);
    expect(scene.tenant.held.map(({ attempt }) => attempt.token)).toEqual([1, 3]);
  });

  test("[LD-45.6] that has lost what it was told before it began gets dispatch and stop again", () => {
    const harness = started(1);
    harness.commit({ kind: "cancel", job: "j", by: "user" });
    const speaker = { node: "w1", boot: "1", held: [] };
    const kinds = reconcile(harness.job(), speaker, { heard: new Map(), applied: 99, nowMs: 60_000 }).map(
      ({ kind }) => kind,
    );
    expect(kinds).toEqual(["dispatch", "stop"]);
    // Then it ends without having begun.
    harness.seal(harness.one("a"), CLOSED, { seq: 0, resume: null });
    expect(harness.job().outcome?.state).toBe("cancelled");
  });
});
