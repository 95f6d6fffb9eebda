// What can go wrong between a dispatch and its end, and what is done about it: a dispatch nobody answers, one that is
// refused, one whose code cannot be had; what a function gives back that cannot travel. The worker by hand; a simulated
// cluster where more than one node has a say.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { VALUE_BYTES_MAX } from "../../src/node/worker-messages.ts";
import { clusterUp, eventsOf, jobOf, seen, steady, workerId } from "./cluster.ts";
import { attemptOf, M1, TenantScene } from "./tenant-scene.ts";

setDefaultTimeout(60_000);

describe("a dispatch", () => {
  test("[MW-20.1.2] of a core that is not there is refused with the reason, and nothing is begun", async () => {
    const scene = new TenantScene();
    scene.dispatch(M1, attemptOf(1), 4);
    await scene.clock.advance(0);
    expect(scene.reports("over")).toMatchObject([
      { manager: "m1", report: { end: { kind: "failed", message: "there is no core 4 here" } } },
    ]);
    expect(scene.ordered).toEqual([]);
  });

  test("[MW-20.1.3] whose submission nobody has just now waits and asks again, and nothing else is held up", async () => {
    const scene = new TenantScene();
    let asked = 0;
    scene.fetch = () => (++asked < 4 ? Promise.reject(new Error("nobody has it")) : Promise.resolve("found"));
    scene.dispatch(M1, attemptOf(1));
    await scene.clock.advance(1_000);
    expect([scene.state(1), scene.ordered.length]).toEqual(["preparing", 0]);
    await scene.clock.advance(1_000);
    expect([scene.state(1), asked]).toEqual(["ready", 4]);
  });

  test("[MW-20.1.1] to a worker that died before it answered goes to another one", () => {
    const cluster = clusterUp({ cores: 1 });
    const scripts = { default: { readyMs: 60_000 } };
    const submitted = cluster.submit("c0", "job1", { workflows: steady(2, { vus: 2 }) }, scripts);
    cluster.until(() => cluster.target.attempts.size === 2);
    const before = [...cluster.target.attempts.values()].find(({ node }) => node === "w1");
    cluster.kill("w1");
    cluster.until(() => cluster.target.attempts.size > 2, 40_000);
    const moved = [...cluster.target.attempts.values()].slice(2);
    expect(moved.map(({ node, id }) => `${node} ${id.share}`)).toContain(`w0 ${before?.id.share}`);
    submitted.job.cancel();
    expect(cluster.finish(submitted, 60_000).state).toBe("cancelled");
  });
});

describe("what a function gives", () => {
  test("[MW-20.2.2] [MW-10.2.2] a value too large to travel is named with its size, and counts as thrown", async () => {
    const scene = new TenantScene();
    await scene.run(attemptOf(1));
    const json = `"${"x".repeat(VALUE_BYTES_MAX)}"`;
    scene.report({ kind: "provide", attempt: attemptOf(1), key: "big", json, vu: 1, iteration: 0 });
    scene.report({ kind: "ended", attempt: attemptOf(1), valueJson: json, thrown: null });
    await scene.clock.advance(0);
    expect(scene.reports("provide")).toEqual([]);
    expect(scene.reports("warning").map(({ report }) => report.text)).toEqual([
      expect.stringContaining(`provide("big") in "default" is ${json.length} bytes`),
    ]);
    expect(scene.reports("over").map(({ report }) => report.end)).toEqual([
      { kind: "closed", valueJson: null, thrown: expect.stringContaining(`returned ${json.length} bytes`) },
    ]);
  });
});

describe("a core that crashes", () => {
  test("[MW-20.2.1] [MW-20.3.3] fails the job with worker, core, workflow and cause, and the client hears of it", () => {
    const cluster = clusterUp({ workers: 1, cores: 1 });
    const submitted = cluster.submit(
      "c0",
      "job1",
      { workflows: steady(5, { vus: 2 }) },
      { default: { crashMs: 1_000 } },
    );
    const result = cluster.finish(submitted, 30_000);
    expect(result).toMatchObject({ state: "failed", errorCode: "failed" });
    for (const part of [`core 0 of ${workerId(cluster, "w0")}`, 'workflow "default"', "crashed"])
      expect(result.reason).toContain(part);
    expect(seen(cluster)).toBeGreaterThan(0);
  });

  test("[MW-20.3.1] with retries left its share runs again, the budget is spent and the failure told", () => {
    const cluster = clusterUp({ workers: 1, cores: 1 });
    // It crashes in every attempt that is there at 1 s; the second one joins later.
    const submitted = cluster.submit(
      "c0",
      "job1",
      { workflows: steady(4, { vus: 2 }) },
      { default: { crashMs: 1_000 } },
      1,
    );
    cluster.until(() => jobOf(cluster)?.retriesUsed === 1, 30_000);
    const result = cluster.finish(submitted, 30_000);
    expect(result.state).toBe("completed");
    expect(eventsOf(submitted, "log").some(({ text }) => text.includes("runs again"))).toBe(true);
    expect(cluster.target.attempts.size).toBe(2);
  });
});
