// A cancel from the client to the last core: whom the ledger tells to stop, how a worker passes it on, and that a job
// whose worker cannot be reached is cancelled all the same, in bounded time, with what is not known said. Ledger and
// worker by hand; a simulated cluster in virtual time for the rest.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { LEASE_MS } from "../../src/node/lease.ts";
import { counted } from "../node/sim-cluster.ts";
import { Harness, workflow } from "../ledger/harness.ts";
import { clusterUp, seen, steady, workerId } from "./cluster.ts";
import { OwnerScene } from "./owner-scene.ts";
import { attemptOf, cutOf, M1, TenantScene } from "./tenant-scene.ts";

setDefaultTimeout(60_000);

describe("the ledger", () => {
  function cancelled(): Harness {
    const harness = new Harness();
    harness.join("w1", 1);
    harness.join("w2", 1);
    harness.join("w3", 1);
    harness.submit([workflow("a", { sharesMax: 2 }), workflow("b", { after: ["a"] })]);
    harness.ready("a");
    harness.commit({ kind: "cancel", job: "j", by: "other" });
    return harness;
  }

  test("[MW-14.1.2] a cancel holds for what runs and for what waits: the first is stopped, the others never start", () => {
    const harness = cancelled();
    expect(harness.states()).toEqual({ a: "running", b: "skipped" });
    expect(harness.live("a").length).toBe(2);
    harness.close("a");
    expect(harness.states()).toEqual({ a: "cancelled", b: "skipped" });
    expect(harness.job().outcome).toMatchObject({ state: "cancelled", errorCode: "cancelled" });
  });

  test("[MW-14.1.3] each worker that runs a share of the job is told to stop it, once, and no other worker is", () => {
    const harness = cancelled();
    expect(harness.of("stop").map(({ worker, mode }) => [worker, mode])).toEqual([
      ["w1", "graceful"],
      ["w2", "graceful"],
    ]);
    harness.commit({ kind: "cancel", job: "j", by: "user" });
    expect(harness.of("stop").length).toBe(2);
  });

  test("[MW-14.3.2] the end is told once, when the last share has ended and not before", () => {
    const harness = cancelled();
    const [first, second] = [harness.one("a", 0), harness.one("a", 1)];
    harness.seal(first);
    expect(harness.of("finished")).toEqual([]);
    harness.seal(second);
    expect(harness.of("finished").map(({ outcome }) => outcome.state)).toEqual(["cancelled"]);
  });

  test("[LD-44.6] a share that failed and waits to run again when the cancel comes does not run again", () => {
    const harness = new Harness();
    harness.join("w1", 1);
    harness.submit([workflow("a")], { retries: 3 });
    harness.ready("a");
    const id = harness.one("a");
    harness.commit({ kind: "cancel", job: "j", by: "user" });
    harness.seal(id, { kind: "failed", cause: "crashed", message: "boom" });
    expect(harness.of("dispatch").length).toBe(1);
    expect(harness.job().retriesUsed).toBe(0);
    expect(harness.job().outcome).toMatchObject({ state: "cancelled", errorCode: "interrupted" });
  });
});

describe("the worker", () => {
  test("[MW-14.2.1] passes a stop on to the core that runs the share, in its mode, and to no other", async () => {
    const scene = new TenantScene();
    scene.isObedient = false;
    for (const token of [1, 2]) {
      scene.dispatch(M1, attemptOf(token, { share: token }), token);
      await scene.clock.advance(0);
      scene.report({ kind: "ready", attempt: attemptOf(token, { share: token }) });
      await scene.clock.advance(0);
      scene.renew(M1);
      scene.start(M1, attemptOf(token, { share: token }));
    }
    scene.command(M1, { kind: "stop", attempt: attemptOf(2, { share: 2 }), mode: "graceful" });
    await scene.clock.advance(0);
    expect([scene.stops, scene.state(1), scene.state(2)]).toEqual([["2 graceful"], "running", "stopping"]);
  });

  test("a stop of what it does not have, or of what is over, reaches no core", async () => {
    const scene = new TenantScene();
    await scene.run(attemptOf(1));
    scene.command(M1, { kind: "stop", attempt: attemptOf(5), mode: "now" });
    scene.report({ kind: "ended", attempt: attemptOf(1), valueJson: null, thrown: null });
    await scene.clock.advance(0);
    scene.command(M1, { kind: "stop", attempt: attemptOf(1), mode: "now" });
    await scene.clock.advance(0);
    expect(scene.stops).toEqual([]);
  });
});

describe("the owner", () => {
  test("[MW-14.3.3] puts what went wrong on every core into the result of the cancelled job, the most frequent first", async () => {
    const scene = new OwnerScene({}, ["w1", "w2"]);
    const [first, second] = await scene.begin();
    if (first === undefined || second === undefined) throw new Error("two shares run");
    scene.ledger.propose({ kind: "cancel", job: "j", by: "user" });
    await scene.clock.advance(0);
    const reset = "read ECONNRESET";
    scene.say({ kind: "errors", attempt: first, errors: [{ message: reset, count: 2 }] });
    scene.say({
      kind: "errors",
      attempt: second,
      errors: [
        { message: "InterruptedError: stopped", count: 3 },
        { message: reset, count: 4 },
      ],
    });
    for (const attempt of [first, second]) {
      scene.say({ kind: "snapshot", snapshot: cutOf(attempt, 1, 5, true) });
      scene.say({ kind: "ended", attempt, valueJson: null, thrown: null });
    }
    await scene.clock.advance(100);
    expect(scene.result).toMatchObject({ state: "cancelled", errorCode: "interrupted" });
    expect(scene.result?.errors).toEqual([
      { workflow: "default", message: reset, count: 6 },
      { workflow: "default", message: "InterruptedError: stopped", count: 3 },
    ]);
  });
});

describe("a cluster", () => {
  test("[MW-14.2.3] [LD-53.10] within a second every share has ended as cancelled, and all that was sent is counted", () => {
    const cluster = clusterUp();
    const submitted = cluster.submit("c0", "job1", { workflows: steady(30, { vus: 4 }) });
    cluster.until(() => seen(cluster) > 20);
    submitted.job.cancel();
    const cancelledAtMs = cluster.kernel.nowMs;
    const result = cluster.finish(submitted, 10_000);
    expect(result).toMatchObject({ state: "cancelled", unreportedMax: 0, disturbed: [] });
    expect(result.workflows.map(({ state }) => state)).toEqual(["cancelled"]);
    const { requests, unsent } = counted(result);
    expect(requests - unsent).toBe(seen(cluster));
    cluster.run(3_000);
    for (const { lastAtMs } of cluster.target.attempts.values()) expect(lastAtMs - cancelledAtMs).toBeLessThan(1_000);
  });

  test("[MW-14.4.1] [MW-14.4.2] [MW-14.4.3] a worker that cannot be reached holds up a cancel for its lease and no longer", () => {
    const cluster = clusterUp();
    const submitted = cluster.submit("c0", "job1", { workflows: steady(60, { vus: 4 }) });
    cluster.until(() => seen(cluster) > 40);
    const lost = workerId(cluster, "w1");
    cluster.network.isolate("w1");
    submitted.job.cancel();
    const cancelledAtMs = cluster.kernel.nowMs;
    const result = cluster.finish(submitted, 30_000);
    expect(cluster.kernel.nowMs - cancelledAtMs).toBeLessThan(LEASE_MS * 1.1 + 5_000);
    expect(result.state).toBe("cancelled");
    // Who was not reached is named, and what it may have sent is bounded.
    expect(result.disturbed.map(({ why }) => why)).toEqual(
      expect.arrayContaining([expect.stringContaining(`worker ${lost}`)]),
    );
    const { requests, unsent } = counted(result);
    expect(seen(cluster) - (requests - unsent)).toBeLessThanOrEqual(result.unreportedMax);
    expect(result.unreportedMax).toBeGreaterThan(0);
  });
});
