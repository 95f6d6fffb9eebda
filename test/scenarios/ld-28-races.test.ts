// Two things at once, in every order: dispatch, cancel, completion, a new owner, the end of a lease. Entries committed
// by hand; the worker's side message by message.

import { describe, expect, test } from "bun:test";
import { LEASE_MS } from "../../src/node/lease.ts";
import { standing } from "../../src/ledger/standing.ts";
import { CLOSED, Harness, workflow } from "../ledger/harness.ts";
import { attemptOf, M1, TenantScene } from "./tenant-scene.ts";

const M2 = { manager: "m2", token: 20 };

/** A placed job whose dispatch is proposed and not committed. */
function placed(): Harness {
  const harness = new Harness();
  harness.join("w1", 1);
  harness.commit({
    kind: "submit",
    job: "j",
    digest: "d",
    submission: "",
    spec: { workflows: [workflow("a")], retries: 0 },
  });
  while (harness.states()["a"] !== "preparing") {
    const next = harness.proposals.shift();
    if (next === undefined) throw new Error("nothing is proposed");
    harness.commit(next);
  }
  return harness;
}

describe("a dispatch", () => {
  test("[LD-28.1.3] and a cancel: whichever is committed first, nothing starts and the job ends cancelled", () => {
    for (const isCancelFirst of [true, false]) {
      const harness = placed();
      if (!isCancelFirst) harness.settle();
      harness.commit({ kind: "cancel", job: "j", by: "user" });
      harness.settle();
      expect(harness.of("dispatch").length).toBe(isCancelFirst ? 0 : 1);
      if (!isCancelFirst) {
        // It never started, so there is nothing to end gracefully; its readiness comes too late.
        expect(harness.of("stop").map(({ mode }) => mode)).toEqual(["now"]);
        harness.ready("a");
        harness.close("a");
      }
      expect(harness.of("begin")).toEqual([]);
      expect(harness.job().outcome).toMatchObject({ state: "cancelled", errorCode: "interrupted" });
    }
  });

  test("[LD-28.1.4] [LD-22.2.1] [LD-45.5] and an end that comes before the start: it is no completion, and counts as a crash by name", () => {
    const harness = placed();
    harness.settle();
    const id = harness.one("a");
    harness.seal(id, CLOSED);
    expect(harness.job().outcome).toMatchObject({
      state: "failed",
      reason: expect.stringContaining("ended before it was started"),
    });
    // The word that it is ready, overtaken by its end.
    const late = harness.commit({ kind: "ready", job: "j", workflow: "a", share: 0, attemptToken: id.token });
    expect(late).toMatchObject([{ kind: "refused" }]);
  });
});

describe("a new owner", () => {
  test("[LD-28.2.3] and a cancel: in either order the new owner has every share stopped, and the job ends once", () => {
    for (const isCancelFirst of [true, false]) {
      const harness = new Harness();
      harness.join("w1", 2);
      harness.submit([workflow("a")]);
      harness.ready("a");
      const lives = harness.live("a");
      const cancel = { kind: "cancel", job: "j", by: "user" } as const;
      const assign = { kind: "assign", job: "j", owner: "m2", boot: "1" } as const;
      for (const entry of isCancelFirst ? [cancel, assign] : [assign, cancel]) harness.commit(entry);
      const stops = standing(harness.job(), harness.atMs).filter(({ kind }) => kind === "stop");
      expect(stops).toEqual(lives.map((attempt) => ({ kind: "stop", attempt, worker: "w1", mode: "graceful" })));
      harness.close("a");
      expect(harness.of("finished").map(({ outcome }) => outcome.state)).toEqual(["cancelled"]);
    }
  });

  test("[LD-28.2.4] just within the lease finds its share running; just after it, a share that stays stopped", async () => {
    for (const [atMs, state] of [
      [LEASE_MS - 1, "running"],
      [LEASE_MS, "over"],
    ] as const) {
      const scene = new TenantScene();
      await scene.run(attemptOf(1));
      await scene.clock.advance(atMs);
      scene.renew(M2);
      await scene.clock.advance(5_000);
      expect(scene.state(1)).toBe(state);
      expect(scene.ordered.filter(({ kind }) => kind === "start")).toHaveLength(1);
    }
  });

  test("[LD-28.2.2] [LD-41.3.3] dispatches a share again while the older dispatch is under way: the worker runs the newer alone", async () => {
    const scene = new TenantScene();
    scene.isObedient = false;
    scene.dispatch(M1, attemptOf(1));
    await scene.clock.advance(0);
    scene.dispatch(M2, attemptOf(2));
    scene.dispatch(M1, attemptOf(1));
    scene.dispatch(M2, attemptOf(1));
    await scene.clock.advance(0);
    expect([scene.state(1), scene.state(2)]).toEqual(["over", "preparing"]);
    expect(scene.ordered.map(({ kind }) => kind)).toEqual(["dispatch", "sealed", "dispatch"]);
  });
});
