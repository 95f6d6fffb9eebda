// Scenarios MW-3, the dispatch of a share: goal, that the right workers are asked, that they get everything a share is
// made of, and that their answer counts though a message is lost. Method: entries by hand; whole jobs on a simulated
// cluster whose cores remember what they were given.

import { describe, expect, test } from "bun:test";
import { survey } from "../../src/ledger/placement.ts";
import { reconcile } from "../../src/node/owner/reconcile.ts";
import { Harness, started, workflow } from "../ledger/harness.ts";
import { workflowPlan } from "../node/plans.ts";
import { clusterUp } from "./cluster.ts";

describe("who is asked", () => {
  test("[MW-3.2.5] a workflow starts only where as many cores are free as its priority needs at least", () => {
    const harness = new Harness();
    for (const worker of ["w1", "w2", "w3", "w4"]) harness.join(worker, 2);
    harness.submit([workflow("a", { sharesMax: 7 })], { job: "first" });
    // normal: a quarter of eight.
    harness.submit([workflow("b", { priority: "normal" })], { job: "second" });
    expect([survey(harness.state).free, harness.states("second")]).toEqual([1, { b: "queued" }]);
    harness.ready("a", "first");
    harness.seal(harness.one("a", 0, "first"));
    expect(harness.live("b", "second").length).toBe(2);
  });
});

describe("the answer", () => {
  test("[MW-3.4.1] [MW-3.4.2] that a share is ready counts, on the core it was given, also when its report was lost", () => {
    const harness = started(2);
    const [first, second] = [harness.one("a"), harness.one("a", 1)];
    harness.commit({ kind: "ready", job: "j", workflow: "a", share: 0, attemptToken: first.token });
    expect(harness.of("begin")).toEqual([]);
    // Of the second nothing was heard but what its worker says it holds, a second later.
    const report = { attempt: second, state: "ready", seq: 0, offers: 0, isAborting: false } as const;
    const held = [{ ...report, attempt: first }, report];
    const steps = reconcile(
      harness.job(),
      { node: "w1", boot: "1", held },
      { heard: new Map(), applied: 99, nowMs: 60_000 },
    );
    expect(steps).toEqual([{ kind: "ready", attempt: second }]);
    harness.commit({ kind: "ready", job: "j", workflow: "a", share: 1, attemptToken: second.token });
    harness.settle();
    expect(harness.of("begin").map(({ attempts }) => attempts.length)).toEqual([2]);
    expect(harness.workflow("a").shares.map(({ attempts }) => [attempts[0]?.core, attempts[0]?.state])).toEqual([
      [0, "running"],
      [1, "running"],
    ]);
  });

  test("[MW-3.5.2] that it cannot be done is said with its reason, and the share is given to a core again, once", () => {
    const harness = started(1, [workflow("a")], 1);
    harness.join("w2", 1);
    const refused = { kind: "failed", cause: "crashed", message: "there is no core 0 here" } as const;
    const first = harness.one("a");
    harness.seal(first, refused, { seq: 0, resume: null });
    const said = 'core 0 of w1 crashed in workflow "a": there is no core 0 here';
    expect(harness.of("warning").map(({ text }) => text)).toEqual([`${said}; the rest of its share runs again`]);
    const again = harness.of("dispatch").at(-1);
    expect(again).toMatchObject({ attempt: { share: 0 }, resume: null });
    expect(again?.attempt.token).toBeGreaterThan(first.token);
    harness.seal(harness.one("a"), refused, { seq: 0, resume: null });
    expect(harness.job().outcome).toMatchObject({
      state: "failed",
      reason: expect.stringContaining("there is no core 0 here"),
    });
    expect(harness.of("dispatch").length).toBe(2);
  });
});

describe("what is given", () => {
  test("[MW-3.3.1] [MW-3.3.2] [MW-3.3.4] code, share, schedule, VUs and setup's value, to as many cores as its priority has", () => {
    const cluster = clusterUp({ managers: 1 });
    const result = cluster.finish(
      cluster.submit(
        "c0",
        "job1",
        {
          setup: { timeoutMs: 10_000 },
          workflows: [
            workflowPlan("many", { priority: "high", executor: { kind: "constant-vus", vus: 9, durationMs: 500 } }),
            workflowPlan("few", {
              after: ["many"],
              priority: "low",
              executor: { kind: "constant-vus", vus: 4, durationMs: 500 },
            }),
          ],
        },
        // Only who has the code of this very job knows that "few" never reaches the target.
        { few: { unsentPart: 1 }, many: { unsentPart: 0 } },
      ),
    );
    expect(result.state).toBe("completed");
    const attempts = [...cluster.target.attempts.values()].sort((a, b) => a.id.share - b.id.share);
    const given = attempts.map(({ spec, node, setupData, seen }) => ({
      spec: [spec.workflow, spec.share, spec.shares, spec.resume],
      vus: "vus" in spec.executor && spec.executor.vus,
      vuBase: spec.vuBase,
      node,
      hasSetup: setupData !== undefined,
      isSeen: seen > 0,
    }));
    const setup = { spec: ["::setup", 0, 1, null], hasSetup: false };
    const share = (at: number) => ({ vus: 9, vuBase: 0, spec: ["many", at, 4, null], hasSetup: true, isSeen: true });
    const few = { vus: 4, vuBase: 9, spec: ["few", 0, 1, null], hasSetup: true, isSeen: false };
    const of = (name: string) => given.filter(({ spec }) => spec[0] === name);
    expect(of("::setup")).toMatchObject([setup]);
    expect(of("many")).toMatchObject([share(0), share(1), share(2), share(3)]);
    expect(of("few")).toMatchObject([few]);
    expect(
      of("many")
        .map(({ node }) => node)
        .sort(),
    ).toEqual(["w0", "w0", "w1", "w1"]);
  });
});
