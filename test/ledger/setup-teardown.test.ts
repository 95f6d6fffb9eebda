// Setup and teardown through the ledger: committed once, and what every ending means for them. Each test commits
// entries by hand and looks at the states, also at what must not have run.

import { describe, expect, test } from "bun:test";
import { CLOSED, FAILED, SETUP, started, TEARDOWN, workflow } from "./harness.ts";

const INTERRUPTED = { kind: "closed", valueJson: null, thrown: "interrupted" } as const;

describe("setup and teardown", () => {
  test("setup runs alone before everything, its value goes to every later attempt, teardown runs alone after", () => {
    const harness = started(2, [SETUP, workflow("a"), TEARDOWN]);
    expect(harness.states()).toEqual({ "::setup": "preparing", a: "waiting", "::teardown": "waiting" });
    harness.run("::setup", { kind: "closed", valueJson: '{"t":1}', thrown: null });
    expect(harness.states()).toEqual({ "::setup": "ended", a: "preparing", "::teardown": "waiting" });
    harness.run("a");
    expect(harness.states()["::teardown"]).toBe("preparing");
    expect(harness.of("dispatch").map(({ setupJson }) => setupJson)).toEqual([null, '{"t":1}', '{"t":1}', '{"t":1}']);
    harness.run("::teardown");
    expect(harness.job().outcome).toEqual({ state: "completed", errorCode: null, reason: "" });
  });

  test("a setup that throws: nothing starts, no teardown, load", () => {
    const harness = started(2, [SETUP, workflow("a"), TEARDOWN]);
    harness.run("::setup", { kind: "closed", valueJson: null, thrown: "Error: no login" });
    expect(harness.states()).toEqual({ "::setup": "failed", a: "skipped", "::teardown": "skipped" });
    expect(harness.job().outcome).toEqual({
      state: "failed",
      errorCode: "load",
      reason: "setup threw: Error: no login",
    });
    expect(harness.of("dispatch").length).toBe(1);
  });

  test("[LD-31.1.1] a setup that takes too long is stopped: nothing starts, no teardown, even if it ends well later", () => {
    const harness = started(2, [SETUP, workflow("a"), TEARDOWN]);
    harness.ready("::setup");
    expect(harness.of("deadline")).toEqual([{ kind: "deadline", job: "j", workflow: "::setup", inMs: 10_000 }]);
    harness.atMs = 10_000;
    harness.commit({ kind: "timeout", job: "j", workflow: "::setup", ownerToken: harness.ownerToken() });
    expect(harness.of("stop").map(({ mode }) => mode)).toEqual(["now"]);
    harness.close("::setup");
    expect(harness.states()).toEqual({ "::setup": "failed", a: "skipped", "::teardown": "skipped" });
    expect(harness.job().outcome).toMatchObject({ state: "failed", errorCode: "setup-timeout" });
  });

  test("[LD-31.1.3] a limit that fires after setup was committed changes nothing", () => {
    const harness = started(1, [SETUP, workflow("a")]);
    harness.run("::setup");
    const [effect] = harness.commit({
      kind: "timeout",
      job: "j",
      workflow: "::setup",
      ownerToken: harness.ownerToken(),
    });
    expect(effect).toMatchObject({ kind: "refused", code: "illegal" });
    expect(harness.job().ending).toBeNull();
  });

  test.each(["cancel", "abort", "verdict", "failure"] as const)(
    "after a committed setup, teardown runs on %s",
    (how) => {
      const harness = started(1, [SETUP, workflow("a"), workflow("b", { after: ["a"] }), TEARDOWN]);
      harness.run("::setup");
      harness.ready("a");
      const id = harness.one("a");
      const ownerToken = harness.ownerToken();
      if (how === "cancel") harness.commit({ kind: "cancel", job: "j", by: "user" });
      if (how === "abort")
        harness.commit({ kind: "abort", job: "j", workflow: "a", share: 0, attemptToken: id.token, reason: "enough" });
      if (how === "verdict")
        harness.commit({
          kind: "verdict",
          job: "j",
          ownerToken,
          metricKey: "checks",
          expression: "rate>0.9",
          isAbort: true,
        });
      if (how === "failure") harness.seal(id, FAILED);
      else {
        expect(harness.of("stop").map(({ mode }) => mode)).toEqual(["graceful"]);
        harness.seal(id);
      }
      expect(harness.states()).toMatchObject({ b: "skipped", "::teardown": "preparing" });
      harness.run("::teardown");
      const expected = {
        cancel: { state: "cancelled", errorCode: "interrupted" },
        abort: { state: "aborted", errorCode: "aborted" },
        verdict: { state: "aborted", errorCode: "thresholds" },
        failure: { state: "failed", errorCode: "failed" },
      } as const;
      expect(harness.job().outcome).toMatchObject(expected[how]);
      expect(harness.of("finished").length).toBe(1);
    },
  );

  test("a setup cancelled before it was done has no teardown; one that got to its end all the same has", () => {
    for (const completed of [0, 1]) {
      const harness = started(1, [SETUP, workflow("a"), TEARDOWN]);
      harness.ready("::setup");
      harness.commit({ kind: "cancel", job: "j", by: "other" });
      const id = harness.one("::setup");
      harness.seal(id, completed === 1 ? CLOSED : INTERRUPTED, {
        accounting: { scheduled: 1, started: 1, completed, interrupted: 1 - completed, dropped: 0, unsent: 0 },
      });
      expect(harness.states()).toEqual({
        "::setup": completed === 1 ? "ended" : "cancelled",
        a: "skipped",
        "::teardown": completed === 1 ? "preparing" : "skipped",
      });
    }
  });

  test("a teardown that takes too long is stopped, and named when nothing went wrong before", () => {
    const harness = started(1, [SETUP, workflow("a"), TEARDOWN]);
    harness.run("::setup");
    harness.run("a");
    harness.ready("::teardown");
    harness.atMs = 10_000;
    harness.commit({ kind: "timeout", job: "j", workflow: "::teardown", ownerToken: harness.ownerToken() });
    expect(harness.of("stop").map(({ mode }) => mode)).toEqual(["now"]);
    harness.close("::teardown");
    expect(harness.states()).toEqual({ "::setup": "ended", a: "ended", "::teardown": "failed" });
    expect(harness.job().outcome).toMatchObject({ errorCode: "teardown-timeout" });
  });

  test("a cancel during teardown lets it go on to its end", () => {
    const harness = started(1, [workflow("a"), TEARDOWN]);
    harness.run("a");
    harness.ready("::teardown");
    harness.commit({ kind: "cancel", job: "j", by: "user" });
    expect(harness.of("stop")).toEqual([]);
    harness.close("::teardown");
    expect(harness.job().outcome).toMatchObject({ state: "cancelled", errorCode: "interrupted" });
  });

  test("without a setup, teardown runs only if anything ever started", () => {
    const harness = started(1, [workflow("a"), TEARDOWN]);
    harness.commit({ kind: "cancel", job: "j", by: "user" });
    expect(harness.of("stop").map(({ mode }) => mode)).toEqual(["now"]);
    harness.close("a");
    expect(harness.states()).toEqual({ a: "skipped", "::teardown": "skipped" });
    expect(harness.job().phase).toBe("finished");
  });
});
