// Pause, resume, scale, and more time for setup and teardown: what workers are told, what stands still, and what is
// refused by name. Entries committed by hand at instants of ledger time.

import { describe, expect, test } from "bun:test";
import { ORDERS_MAX, PAUSES_MAX } from "../../src/ledger/entries.ts";
import { extensionMs, EXTENSIONS_MAX } from "../../src/ledger/limit.ts";
import { FAILED, Harness, LOST, SETUP, started, TEARDOWN, workflow } from "./harness.ts";

let orders = 0;

function tell(harness: Harness, kind: "pause" | "resume", order = `order ${++orders}`) {
  const effects = harness.commit({ kind, job: "j", order });
  harness.settle();
  return effects;
}

describe("a pause", () => {
  test("is told to every running attempt, once; so is its end", () => {
    const harness = started(2);
    harness.ready("a");
    const live = harness.live("a").map((attempt) => ({ attempt, worker: "w1" }));
    expect(tell(harness, "pause")).toEqual(live.map((one) => ({ kind: "pause", ...one })));
    expect(tell(harness, "pause")).toEqual([]);
    expect(tell(harness, "resume")).toEqual(live.map((one) => ({ kind: "resume", ...one })));
    expect(tell(harness, "resume")).toEqual([]);
  });

  test("starts nothing; what got ready meanwhile starts at its end", () => {
    const harness = started(1, [workflow("a"), workflow("b", { after: ["a"] })]);
    harness.ready("a");
    tell(harness, "pause");
    harness.close("a");
    harness.ready("b");
    expect(harness.states()).toEqual({ a: "ended", b: "preparing" });
    const start = { kind: "start", job: "j", workflow: "b", leadMs: 0, ownerToken: harness.ownerToken() } as const;
    expect(harness.commit(start)).toMatchObject([{ kind: "refused", message: expect.stringContaining("paused") }]);
    harness.atMs = 700;
    tell(harness, "resume");
    expect(harness.of("begin").at(-1)).toMatchObject({ workflow: "b", startAtMs: 700, pausedMs: 0 });
  });

  test("moves the schedule: it ends later by as much, and who joins joins where it stands", () => {
    const harness = started(1, [workflow("a", { toMs: 1_000 })], 1);
    harness.ready("a");
    harness.atMs = 400;
    tell(harness, "pause");
    harness.seal(harness.one("a"), FAILED);
    harness.atMs = 5_000;
    harness.ready("a");
    // It waits for the end of the pause.
    expect(harness.of("begin").length).toBe(1);
    harness.atMs = 5_400;
    tell(harness, "resume");
    expect(harness.of("begin").at(-1)).toMatchObject({ startAtMs: 0, pausedMs: 5_000 });
    // 900 ms of its schedule have passed, not 5,900.
    harness.atMs = 5_900;
    harness.close("a", LOST);
    expect(harness.live("a").length).toBe(1);
    harness.atMs = 6_000;
    harness.close("a", LOST);
    expect(harness.job().phase).toBe("finished");
  });

  test("does not hold up setup that runs, nor an end: a cancel ends it, and teardown runs", () => {
    const harness = started(1, [SETUP, workflow("a"), TEARDOWN]);
    harness.ready("::setup");
    expect(tell(harness, "pause")).toEqual([]);
    harness.close("::setup");
    tell(harness, "resume");
    harness.ready("a");
    tell(harness, "pause");
    harness.commit({ kind: "cancel", job: "j", by: "user" });
    expect(harness.job().isPaused).toBe(false);
    harness.close("a");
    harness.run("::teardown");
    expect(harness.states()).toEqual({ "::setup": "ended", a: "cancelled", "::teardown": "ended" });
    expect(tell(harness, "pause")).toMatchObject([{ kind: "refused", code: "finished" }]);
  });

  test("is remembered with its times, which an end of the job ends too; there are not any number of them", () => {
    const harness = started(1);
    harness.ready("a");
    harness.atMs = 100;
    tell(harness, "pause");
    tell(harness, "pause");
    harness.atMs = 250;
    tell(harness, "resume");
    harness.atMs = 300;
    tell(harness, "pause");
    expect(harness.job().pauses).toEqual([
      { fromMs: 100, toMs: 250 },
      { fromMs: 300, toMs: null },
    ]);
    harness.atMs = 330;
    harness.commit({ kind: "cancel", job: "j", by: "user" });
    expect(harness.job().pauses.at(-1)).toEqual({ fromMs: 300, toMs: 330 });
    const many = started(1);
    for (let at = 0; at < PAUSES_MAX; at++) for (const kind of ["pause", "resume"] as const) tell(many, kind);
    expect(tell(many, "pause")).toMatchObject([{ kind: "refused", code: "limit" }]);
    expect(many.job().isPaused).toBe(false);
  });

  test("said on two ways is carried out once, though the second comes after the resume; so is every order", () => {
    const harness = started(1, [workflow("a", { scaleMax: 100 })]);
    harness.ready("a");
    tell(harness, "pause", "first");
    tell(harness, "resume", "second");
    expect(tell(harness, "pause", "first")).toEqual([]);
    expect(harness.job().isPaused).toBe(false);
    const scaleTo = (vus: number, order: string) =>
      harness.commit({ kind: "scale", job: "j", order, workflow: "a", vus });
    scaleTo(5, "third");
    scaleTo(7, "fourth");
    expect(scaleTo(5, "third")).toEqual([]);
    expect(harness.job().workflows.get("a")?.scaledVus).toBe(7);
  });

  test("that was refused is refused when it is said again", () => {
    const harness = started(1, [workflow("a", { scaleMax: 10 })]);
    const order = { kind: "scale", job: "j", order: "one", workflow: "a", vus: 11 } as const;
    for (let times = 0; times < 2; times++)
      expect(harness.commit(order)).toMatchObject([{ kind: "refused", code: "invalid" }]);
  });

  test("is remembered as long as it may still be on its way: the newest so many orders", () => {
    const harness = started(1);
    harness.ready("a");
    for (let number = 0; number < 3 * ORDERS_MAX; number++) tell(harness, number % 2 === 0 ? "pause" : "resume");
    expect(harness.job().orders).toHaveLength(ORDERS_MAX);
    expect(harness.job().orders.at(-1)).toBe(`order ${orders}`);
    tell(harness, "resume");
    harness.close("a");
    expect(harness.job().orders).toEqual([]);
  });

  test("of a job that is ending is refused", () => {
    const harness = started(1);
    harness.ready("a");
    harness.commit({ kind: "cancel", job: "j", by: "user" });
    expect(tell(harness, "pause")).toMatchObject([{ kind: "refused", code: "illegal" }]);
  });
});

describe("scale", () => {
  const scale = (harness: Harness, name: string, vus: number) =>
    harness.commit({ kind: "scale", job: "j", order: `order ${++orders}`, workflow: name, vus });

  test("is told to every live attempt and to those to come, the newest count", () => {
    const harness = started(2, [workflow("a", { scaleMax: 100 })]);
    harness.ready("a");
    scale(harness, "a", 5);
    const effects = scale(harness, "a", 7);
    expect(effects).toEqual(harness.live("a").map((attempt) => ({ kind: "scale", attempt, worker: "w1", vus: 7 })));
    expect(scale(harness, "a", 7)).toEqual([]);
    harness.seal(harness.one("a"), LOST);
    expect(harness.of("dispatch").map(({ scaledVus }) => scaledVus)).toEqual([null, null, 7]);
  });

  test("is refused by name where it makes no sense", () => {
    const harness = started(2, [workflow("a", { executor: "ramping-vus" }), workflow("b", { scaleMax: 7 })]);
    const refusals: readonly (readonly [string, number, string])[] = [
      ["a", 5, 'workflow "a" cannot be scaled: its executor is ramping-vus'],
      ["b", 8, 'workflow "b" cannot have 8 VUs: 7 is the most it may have'],
      ["b", 0, "pause the job instead"],
    ];
    for (const [name, vus, text] of refusals)
      expect(scale(harness, name, vus)).toMatchObject([
        { kind: "refused", code: "invalid", message: expect.stringContaining(text) },
      ]);
    expect(scale(harness, "x", 5)).toMatchObject([{ kind: "refused", code: "unknown" }]);
    harness.run("b");
    expect(scale(harness, "b", 5)).toMatchObject([{ kind: "refused", code: "illegal" }]);
    expect(harness.of("scale")).toEqual([]);
  });
});

describe("more time", () => {
  function extend(harness: Harness, progress: number, name = "::setup") {
    const { token, share } = harness.one(name);
    return harness.commit({ kind: "extend", job: "j", workflow: name, share, attemptToken: token, progress });
  }
  function timeout(harness: Harness, atMs: number) {
    harness.atMs = atMs;
    return harness.commit({ kind: "timeout", job: "j", workflow: "::setup", ownerToken: harness.ownerToken() });
  }

  test("shrinks: 29.1 s in all", () => {
    const grants = Array.from({ length: EXTENSIONS_MAX }, (_, at) => extensionMs(at));
    expect(grants).toEqual([15_000, 7_500, 3_750, 1_875, 1_000]);
  });

  test("[MW-19.1.3] [LD-41.22.1] [LD-41.22.3] is granted to who shows progress, and refused by name to who does not or had it all", () => {
    const harness = started(1, [SETUP, workflow("a")]);
    expect(extend(harness, 1)).toMatchObject([{ kind: "refused", code: "illegal" }]);
    harness.ready("::setup");
    harness.atMs = 9_000;
    expect(extend(harness, 0)).toMatchObject([{ kind: "refused", message: expect.stringContaining("no further") }]);
    expect(extend(harness, 3)).toEqual([{ kind: "deadline", job: "j", workflow: "::setup", inMs: 16_000 }]);
    expect(extend(harness, 3)).toMatchObject([
      { kind: "refused", message: expect.stringContaining("at 3, before at 3") },
    ]);
    for (let at = 1; at < EXTENSIONS_MAX; at++) extend(harness, 3 + at);
    expect(harness.of("warning").map(({ text }) => text)).toEqual(['"::setup" may be given more time only once more']);
    expect(extend(harness, 99)).toMatchObject([{ kind: "refused", code: "limit" }]);
  });

  test("[MW-19.1.1] [LD-41.22.4] holds: a timer that was overtaken is set anew, the limit itself ends the job", () => {
    const harness = started(1, [SETUP, workflow("a")]);
    harness.ready("::setup");
    extend(harness, 1);
    expect(timeout(harness, 10_000)).toEqual([{ kind: "deadline", job: "j", workflow: "::setup", inMs: 15_000 }]);
    expect(harness.job().ending).toBeNull();
    timeout(harness, 25_000);
    expect(harness.job().ending).toMatchObject({
      errorCode: "setup-timeout",
      reason: "setup took longer than its limit of 10000 ms and the 15000 ms it was given on top",
    });
  });

  test("is for the attempt that runs: the next one has the whole limit again", () => {
    const harness = started(1, [SETUP, workflow("a")]);
    harness.ready("::setup");
    extend(harness, 5);
    harness.atMs = 20_000;
    harness.close("::setup", LOST);
    harness.ready("::setup");
    expect(harness.of("deadline").at(-1)?.inMs).toBe(10_000);
    timeout(harness, 29_999);
    expect(harness.job().ending).toBeNull();
    expect(extend(harness, 1)).toMatchObject([{ kind: "deadline", inMs: 15_001 }]);
  });

  test("is nothing for a workflow without a limit", () => {
    const harness = started(1);
    harness.ready("a");
    expect(extend(harness, 1, "a")).toMatchObject([{ kind: "refused", code: "illegal" }]);
  });
});
