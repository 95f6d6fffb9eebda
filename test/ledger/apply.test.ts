// The course of one job through the ledger: order, fences, cancel, failure, retries, context.
// Each test commits entries by hand and looks at the state and at the effects, also at those that must not be there.

import { describe, expect, test } from "bun:test";
import { apply } from "../../src/ledger/apply.ts";
import { isLate, shareAccounting, workflowAccounting } from "../../src/ledger/accounting.ts";
import { type Entry, parseProposal, type Proposal } from "../../src/ledger/entries.ts";
import { createLedger } from "../../src/ledger/job.ts";
import { CLOSED, FAILED, Harness, LOST, SETUP, started, workflow } from "./harness.ts";

describe("a job's way", () => {
  test("every share is dispatched, all start when all are ready, and one end comes when all are sealed", () => {
    const harness = started(2);
    expect(harness.of("dispatch").map(({ attempt, core, shares }) => [attempt.share, core, shares])).toEqual([
      [0, 0, 2],
      [1, 1, 2],
    ]);
    const [first, second] = [harness.one("a"), harness.one("a", 1)];
    harness.commit({ kind: "ready", job: "j", workflow: "a", share: 0, attemptToken: first.token });
    harness.settle();
    expect(harness.of("begin")).toEqual([]);
    harness.atMs = 40;
    harness.commit({ kind: "ready", job: "j", workflow: "a", share: 1, attemptToken: second.token });
    harness.settle();
    expect(
      harness.of("begin").map(({ startAtMs, originMs, attempts }) => [startAtMs, originMs, attempts.length]),
    ).toEqual([[40, 40, 2]]);
    harness.seal(first);
    expect(harness.states()).toEqual({ a: "running" });
    expect(harness.of("finished")).toEqual([]);
    harness.seal(second);
    expect(harness.of("finished").map(({ outcome }) => outcome)).toEqual([
      { state: "completed", errorCode: null, reason: "" },
    ]);
    expect(harness.of("sealed").length).toBe(2);
  });

  test("a workflow starts when all before it have ended, and not before", () => {
    const harness = started(4, [
      workflow("a", { sharesMax: 1 }),
      workflow("b", { sharesMax: 1 }),
      workflow("c", { after: ["a", "b"] }),
    ]);
    expect(harness.states()).toEqual({ a: "preparing", b: "preparing", c: "waiting" });
    harness.run("a");
    expect(harness.states()["c"]).toBe("waiting");
    harness.run("b");
    expect(harness.states()["c"]).toBe("preparing");
    expect(harness.live("c").length).toBe(4);
    harness.run("c");
    expect(harness.job().phase).toBe("finished");
  });

  test("[MW-1.2.1] without a worker a job waits, and goes on when one joins", () => {
    const harness = new Harness();
    harness.submit([workflow("a")]);
    expect(harness.states()).toEqual({ a: "queued" });
    harness.join("w1", 2);
    expect(harness.live("a").length).toBe(2);
  });

  test("[LD-32.2.3] [LD-41.5.4] the same submit again is the same job, another content under its id is a conflict", () => {
    const harness = started(1);
    const again = harness.commit({
      kind: "submit",
      job: "j",
      digest: "d",
      submission: "",
      spec: { workflows: [workflow("a")], retries: 0 },
    });
    expect(again).toEqual([{ kind: "accepted", job: "j", isNew: false }]);
    const other = harness.commit({
      kind: "submit",
      job: "j",
      digest: "e",
      submission: "",
      spec: { workflows: [workflow("a")], retries: 0 },
    });
    expect(other.map((effect) => effect.kind === "refused" && effect.code)).toEqual(["conflict"]);
    expect(harness.state.jobs.size).toBe(1);
  });

  test.each([
    ["a cycle", [workflow("a", { after: ["b"] }), workflow("b", { after: ["a"] })], "wait for each other: a, b"],
    ["an unknown name", [workflow("a", { after: ["x"] })], '"a" comes after "x", which does not exist'],
    ["two of one name", [workflow("a"), workflow("a")], 'two workflows are named "a"'],
    ["nothing to run", [SETUP], "no workflow to run"],
    ["two setups", [SETUP, { ...SETUP, name: "s2" }, workflow("a")], "more than one setup"],
  ])("a plan with %s is refused and makes no job", (_name, workflows, message) => {
    const harness = new Harness();
    const [effect] = harness.commit({
      kind: "submit",
      job: "j",
      digest: "d",
      submission: "",
      spec: { workflows, retries: 0 },
    });
    expect(effect).toMatchObject({ kind: "refused", code: "invalid", message: expect.stringContaining(message) });
    expect(harness.state.jobs.size).toBe(0);
  });
});

describe("fences", () => {
  test("[LD-28.2.1] [LD-28.2.2] [LD-43.4] an earlier owner's proposals are stale, and the new owner is told again what is outstanding", () => {
    const harness = new Harness();
    harness.join("w1", 1);
    harness.commit({
      kind: "submit",
      job: "j",
      digest: "d",
      submission: "",
      spec: { workflows: [workflow("a")], retries: 0 },
    });
    harness.settle();
    const old = harness.ownerToken();
    harness.commit({ kind: "assign", job: "j", owner: "m2", boot: "1" });
    const [effect] = harness.commit({ kind: "place", job: "j", workflow: "a", ownerToken: old });
    expect(effect).toMatchObject({ kind: "refused", code: "stale" });
    harness.settle();
    const id = harness.one("a");
    harness.commit({ kind: "ready", job: "j", workflow: "a", share: 0, attemptToken: id.token });
    // The start proposed for m2 is lost with it; m3 proposes it again.
    harness.proposals.length = 0;
    harness.commit({ kind: "assign", job: "j", owner: "m3", boot: "1" });
    harness.settle();
    expect(harness.of("begin").length).toBe(1);
    expect(harness.states()).toEqual({ a: "running" });
  });

  test("[LD-28.3.3] [LD-44.3] [LD-22.2.3] a sealed attempt's entries are late, an unknown token's are stale, and neither changes anything", () => {
    const harness = started(2);
    harness.ready("a");
    const id = harness.one("a");
    harness.seal(id, CLOSED, { seq: 7 });
    const before = structuredClone(harness.state);
    const codes = [id.token, 9_999].map((token) =>
      harness.seal({ ...id, token }, FAILED, { seq: 9 }).map((effect) => effect.kind === "refused" && effect.code),
    );
    expect(codes).toEqual([["late"], ["stale"]]);
    expect(harness.state).toEqual(before);
    expect(isLate(harness.job(), "a", id.token, 7)).toBe(false);
    expect(isLate(harness.job(), "a", id.token, 8)).toBe(true);
    expect(isLate(harness.job(), "a", 9_999, 1)).toBe(true);
  });

  test("an older attempt's seal does not end the newer attempt of its share", () => {
    const harness = started(1, [workflow("a")], 1);
    harness.ready("a");
    const old = harness.one("a");
    harness.seal(old, FAILED);
    harness.ready("a");
    const newer = harness.one("a");
    for (const token of [old.token, 9_999]) harness.seal({ ...old, token }, CLOSED, { seq: 99 });
    expect(harness.live("a")).toEqual([newer]);
    expect(harness.states()).toEqual({ a: "running" });
  });

  test("a finish before everything has ended is refused", () => {
    const harness = started(1);
    for (const step of ["preparing", "running"]) {
      expect(harness.states()).toEqual({ a: step });
      const refused = harness.commit({
        kind: "finish",
        job: "j",
        ownerToken: harness.ownerToken(),
        thresholdsFailed: 0,
        result: null,
      });
      expect(refused).toMatchObject([{ kind: "refused", code: "illegal" }]);
      harness.ready("a");
    }
    expect(harness.job().outcome).toBeNull();
  });

  test("[LD-28.3.4] [MW-7.2.1] nothing is accepted after the end: the terminal state stays", () => {
    const harness = started(1);
    harness.run("a");
    const outcome = harness.job().outcome;
    const token = harness.ownerToken();
    for (const proposal of [
      { kind: "cancel", job: "j", by: "user" },
      { kind: "finish", job: "j", ownerToken: token, thresholdsFailed: 3, result: null },
      { kind: "assign", job: "j", owner: "m2", boot: "1" },
    ] as const) {
      expect(harness.commit(proposal)).toMatchObject([{ kind: "refused", code: "finished" }]);
    }
    expect(harness.job().outcome).toEqual(outcome);
    expect(harness.of("finished").length).toBe(1);
  });

  test("[LD-43.3] a cancel between the close and the finish comes too late", () => {
    const harness = started(1);
    harness.ready("a");
    const id = harness.one("a");
    const { proposals } = harness;
    harness.commit({
      kind: "seal",
      job: "j",
      workflow: "a",
      share: 0,
      attemptToken: id.token,
      end: CLOSED,
      seq: 1,
      resume: null,
      snapshot: "s",
      taken: 0,
      accounting: { scheduled: 0, started: 0, completed: 0, interrupted: 0, dropped: 0, unsent: 0 },
    });
    expect(proposals.map(({ kind }) => kind)).toEqual(["finish"]);
    expect(harness.commit({ kind: "cancel", job: "j", by: "user" })).toMatchObject([
      { kind: "refused", code: "illegal" },
    ]);
    harness.settle();
    expect(harness.job().outcome?.state).toBe("completed");
  });
});

describe("failed and lost", () => {
  test("[MW-20.3.3] [MW-7.1.4] a failed attempt ends the job with core, workflow and cause named; others stop, dependents are skipped", () => {
    const harness = started(2, [workflow("a"), workflow("b", { after: ["a"] })]);
    harness.ready("a");
    const [first, second] = [harness.one("a"), harness.one("a", 1)];
    harness.seal(first, FAILED);
    expect(harness.of("stop")).toMatchObject([{ attempt: second, mode: "graceful" }]);
    harness.seal(second);
    expect(harness.states()).toEqual({ a: "failed", b: "skipped" });
    expect(harness.job().outcome).toEqual({
      state: "failed",
      errorCode: "failed",
      reason: 'core 0 of w1 stalled in workflow "a": its loop does not turn',
    });
  });

  test("[LD-41.24.4] code that does not load fails the job as load, without a retry", () => {
    const harness = started(1, [workflow("a")], 5);
    harness.close("a", { kind: "failed", cause: "load", message: "no default export" });
    expect(harness.job().outcome).toEqual({ state: "failed", errorCode: "load", reason: "no default export" });
  });

  test("[MW-20.3.1] [LD-47.3] [MW-3.1.4] with retry budget the rest runs again under a new token from the sealed resume, until it is spent", () => {
    const harness = started(1, [workflow("a")], 1);
    harness.ready("a");
    const first = harness.one("a");
    harness.seal(first, FAILED);
    const again = harness.one("a");
    expect(again.token).toBeGreaterThan(first.token);
    expect(harness.of("dispatch").at(-1)?.resume).toEqual({ kind: "elapsed", elapsedMs: 500, feeds: {} });
    harness.atMs = 900;
    harness.ready("a");
    // It joins the running workflow at its offset.
    expect(harness.of("begin").map(({ startAtMs, attempts }) => [startAtMs, attempts[0]?.attempt.token])).toEqual([
      [0, first.token],
      [0, again.token],
    ]);
    harness.close("a", FAILED);
    expect(harness.job().outcome).toMatchObject({ state: "failed", errorCode: "failed" });
    expect(harness.workflow("a").shares.map((share) => shareAccounting(share).completed)).toEqual([6]);
  });

  test("[LD-51.2] [LD-45.8] a lost attempt costs no budget; its share moves, and is summed over both", () => {
    const harness = started(1);
    harness.join("w2", 1);
    harness.ready("a");
    const first = harness.one("a");
    const lost = harness.commit({ kind: "leave", worker: "w1", boot: "1", isCertain: true });
    expect(lost).toEqual([{ kind: "lost", attempt: first, worker: "w1", isCertain: true }]);
    harness.seal(first, LOST);
    expect(harness.of("dispatch").at(-1)).toMatchObject({ worker: "w2", attempt: { share: 0 } });
    harness.run("a");
    expect(harness.job().outcome?.state).toBe("completed");
    expect(workflowAccounting(harness.workflow("a")).started).toBe(6);
    expect(harness.job().retriesUsed).toBe(0);
  });

  test("[LD-30.2.2] two different workers that die within a minute of a share's start: poison, both named", () => {
    const harness = started(1);
    harness.join("w2", 1);
    harness.ready("a");
    harness.commit({ kind: "leave", worker: "w1", boot: "1", isCertain: true });
    harness.close("a", LOST);
    harness.atMs = 30_000;
    harness.ready("a");
    harness.commit({ kind: "leave", worker: "w2", boot: "1", isCertain: true });
    harness.close("a", LOST);
    expect(harness.job().outcome).toMatchObject({
      state: "failed",
      errorCode: "failed",
      reason: expect.stringContaining("w1 and w2"),
    });
  });

  test("a setup whose runner died runs again and is counted", () => {
    const harness = started(1, [SETUP, workflow("a")]);
    harness.join("w2", 1);
    harness.ready("::setup");
    harness.commit({ kind: "leave", worker: "w1", boot: "1", isCertain: true });
    harness.close("::setup", LOST);
    harness.run("::setup");
    expect(harness.job().reruns).toBe(1);
    expect(harness.states()).toEqual({ "::setup": "ended", a: "preparing" });
    expect(harness.of("warning").map(({ text }) => text)).toEqual(["lost setup: w1 is gone"]);
  });

  test("[LD-22.2.4] a share whose schedule has passed is closed when it is lost, not run again", () => {
    const harness = started(1, [workflow("a", { toMs: 1_000 })]);
    harness.ready("a");
    harness.atMs = 1_000;
    harness.close("a", LOST);
    expect(harness.job().phase).toBe("finished");
    expect(harness.of("dispatch").length).toBe(1);
  });
});

describe("provide", () => {
  const DAG = [
    workflow("a", { sharesMax: 2 }),
    workflow("b", { after: ["a"] }),
    workflow("c", { after: ["b"] }),
    workflow("d", { sharesMax: 1 }),
  ];

  function provide(
    harness: Harness,
    key: string,
    json: string,
    [vu, iteration]: readonly [number, number] = [1, 0],
    share = 0,
  ) {
    const id = harness.one("a", share);
    return harness.commit({
      kind: "provide",
      job: "j",
      workflow: "a",
      share,
      attemptToken: id.token,
      key,
      json,
      vu,
      iteration,
    });
  }

  test("[LD-41.11.1] is seen by all that come after, near and far, and by nobody else", () => {
    const harness = started(4, DAG);
    harness.ready("a");
    provide(harness, "token", '"t"');
    harness.close("a");
    harness.run("b");
    const contexts = Object.fromEntries(
      harness.of("dispatch").map(({ attempt, context }) => [attempt.workflow, context]),
    );
    expect(contexts).toEqual({ a: {}, d: {}, b: { token: '"t"' }, c: { token: '"t"' } });
  });

  test("[LD-41.28.2] of several providers the highest VU, then iteration, holds in any order, and their number is said", () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const harness = started(4, DAG);
      harness.ready("a");
      const offers = [
        [1, 9],
        [2, 0],
        [2, 1],
      ] as const;
      for (const at of order) provide(harness, "k", String(at), offers[at] ?? [0, 0]);
      harness.close("a");
      expect(harness.of("dispatch").find(({ attempt }) => attempt.workflow === "b")?.context).toEqual({ k: "2" });
      expect(harness.of("warning").map(({ text }) => text)).toEqual([
        'workflow "a" provided "k" 3 times; VU 2, iteration 1 holds',
      ]);
    }
  });

  test("a value over 64 KiB and a job over 1 MiB are refused by name; replacing a value is not adding to it", () => {
    const harness = started(4, DAG);
    harness.ready("a");
    const big = JSON.stringify("x".repeat(65_534));
    expect(provide(harness, "k", `${big} `)).toMatchObject([
      { kind: "refused", code: "limit", message: expect.stringContaining("65537 bytes") },
    ]);
    // Two bytes each in UTF-8: half as many characters fit.
    expect(provide(harness, "k", JSON.stringify("é".repeat(40_000)))).toMatchObject([
      { kind: "refused", code: "limit" },
    ]);
    for (let at = 0; at < 16; at++) expect(provide(harness, `k${at}`, big)).toEqual([]);
    expect(provide(harness, "k16", "1")).toMatchObject([
      { kind: "refused", code: "limit", message: expect.stringContaining("1048577") },
    ]);
    expect(provide(harness, "k3", big, [2, 0])).toEqual([]);
  });
});

describe("thresholds", () => {
  test("a verdict without abort is remembered and the job completes with thresholds failed", () => {
    const harness = started(1);
    harness.ready("a");
    const ownerToken = harness.ownerToken();
    for (let time = 0; time < 2; time++) {
      harness.commit({
        kind: "verdict",
        job: "j",
        ownerToken,
        metricKey: "checks",
        expression: "rate>0.9 for 5s",
        isAbort: false,
      });
    }
    expect(harness.of("stop")).toEqual([]);
    harness.close("a");
    expect(harness.job().outcome).toEqual({ state: "completed", errorCode: "thresholds", reason: "thresholds failed" });
    expect(harness.job().verdicts.size).toBe(1);
  });

  test("the first reason to end holds", () => {
    const harness = started(1);
    harness.ready("a");
    harness.commit({ kind: "cancel", job: "j", by: "other" });
    harness.commit({
      kind: "verdict",
      job: "j",
      ownerToken: harness.ownerToken(),
      metricKey: "checks",
      expression: "rate>1",
      isAbort: true,
    });
    harness.commit({ kind: "cancel", job: "j", by: "user" });
    harness.close("a", FAILED);
    expect(harness.job().outcome).toMatchObject({ state: "cancelled", errorCode: "cancelled" });
    expect(harness.of("stop").length).toBe(1);
  });
});

describe("entries", () => {
  test("a bad entry from outside is named by field; a good one survives", () => {
    const proposal: Proposal = { kind: "cancel", job: "j", by: "user" };
    expect(parseProposal(JSON.parse(JSON.stringify(proposal)))).toEqual({ proposal });
    // Ledger time is the leader's to say.
    expect(parseProposal({ ...proposal, atMs: 3 })).toEqual({ proposal });
    const message = expect.stringContaining("by");
    expect(parseProposal({ ...proposal, by: "root" })).toMatchObject({ proposal: null, message });
    expect(parseProposal({ kind: "explode" })).toMatchObject({ proposal: null });
    expect(parseProposal(null)).toMatchObject({ proposal: null });
  });

  test("entries about what does not exist are refused and change nothing", () => {
    const state = createLedger();
    const owned = { job: "x", ownerToken: 1, atMs: 5 };
    const attempted = { job: "x", workflow: "a", share: 0, attemptToken: 1, atMs: 5 };
    const entries: Entry[] = [
      { kind: "place", workflow: "a", ...owned },
      { kind: "dispatch", workflow: "a", share: 0, ...owned },
      { kind: "ready", ...attempted },
      { kind: "abort", reason: "", ...attempted },
      { kind: "cancel", job: "x", by: "user", atMs: 5 },
      { kind: "leave", worker: "w", boot: "1", isCertain: true, atMs: 5 },
    ];
    for (const [at, entry] of entries.entries())
      expect(apply(state, at + 1, entry)).toMatchObject([{ kind: "refused", code: "unknown" }]);
    expect(state.jobs.size).toBe(0);
    expect(state.nowMs).toBe(5);
  });
});
