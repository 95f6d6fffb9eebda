// The orders in force that a new owner gives again: all of them, once, in an order a worker can follow, and none that
// was taken back. Compared with what was said when it happened. And what is proposed again after any of it was lost.

import { expect, test } from "bun:test";
import type { Effect } from "../../src/ledger/effects.ts";
import { outstanding } from "../../src/ledger/flow.ts";
import { standing } from "../../src/ledger/standing.ts";
import { Harness, SETUP, started, TEARDOWN, workflow } from "./harness.ts";

function now(harness: Harness): Effect[] {
  return standing(harness.job(), harness.atMs);
}

test("every dispatch that is live, as it was said; begun ones with their start, and nothing of sealed ones", () => {
  const harness = started(4, [workflow("a", { sharesMax: 2 }), workflow("b", { sharesMax: 1 })]);
  harness.ready("a");
  harness.seal(harness.one("a", 1));
  const said = harness.of("dispatch").filter(({ attempt }) => attempt.workflow === "b" || attempt.share === 0);
  expect(now(harness)).toEqual([
    ...said.filter(({ attempt }) => attempt.workflow === "a"),
    expect.objectContaining({ kind: "begin", workflow: "a", startAtMs: 0, pausedMs: 0 }),
    ...said.filter(({ attempt }) => attempt.workflow === "b"),
  ]);
  harness.close("a");
  harness.ready("b");
  harness.close("b");
  expect(now(harness)).toEqual([]);
});

test("[LD-52.2] pauses, stops, losses, ranges not reported on, and the time that is left of a limit", () => {
  const harness = started(2, [workflow("a", { pool: 10, sharesMax: 2 })]);
  harness.ready("a");
  const [first, second] = [harness.one("a"), harness.one("a", 1)];
  harness.commit({ kind: "take", job: "j", workflow: "a", share: 0, attemptToken: first.token, count: 4 });
  harness.commit({ kind: "pause", job: "j", order: "1" });
  harness.atMs = 300;
  const orders = now(harness).filter(({ kind }) => kind !== "dispatch");
  expect(orders).toEqual([
    expect.objectContaining({ kind: "begin", pausedMs: 300 }),
    { kind: "pause", attempt: first, worker: "w1" },
    { kind: "grant", attempt: first, worker: "w1", from: 0, to: 4, isLast: false },
    { kind: "pause", attempt: second, worker: "w1" },
  ]);
  harness.commit({ kind: "cancel", job: "j", by: "user" });
  harness.commit({ kind: "leave", worker: "w1", boot: "1", isCertain: false });
  const kinds = now(harness).map(({ kind }) => kind);
  expect(kinds).toEqual(["dispatch", "dispatch", "begin", "grant", "stop", "lost", "stop", "lost"]);
});

test("a limit is told with what is left of it", () => {
  const harness = started(1, [SETUP, workflow("a")]);
  harness.ready("::setup");
  harness.atMs = 4_000;
  expect(now(harness).at(-1)).toEqual({ kind: "deadline", job: "j", workflow: "::setup", inMs: 6_000 });
});

test("an assign tells the new owner to adopt before anything else", () => {
  const harness = started(1);
  const effects = harness.commit({ kind: "assign", job: "j", owner: "m2", boot: "7" });
  expect(effects[0]).toEqual({ kind: "adopt", job: "j" });
  expect(harness.job().owner).toEqual({ node: "m2", boot: "7", token: harness.entries.length });
});

/** A job of setup, two workflows of two shares, teardown. Every proposal from number `lostFrom` on is lost at first. */
function forgetful(lostFrom: number): { readonly harness: Harness; readonly lost: number } {
  const harness = new Harness();
  const losing = { from: lostFrom, lost: 0 };
  const settle = harness.settle.bind(harness);
  harness.settle = () => {
    if (harness.entries.length >= losing.from && harness.proposals.length > 0 && losing.lost === 0) {
      losing.lost = harness.proposals.splice(0).filter(({ kind }) => kind !== "assign" && kind !== "finish").length;
      const before = structuredClone(harness.state);
      for (const effect of outstanding(harness.state)) {
        if (effect.kind === "propose") harness.proposals.push(effect.proposal);
        else expect(effect.kind).toBe("close");
      }
      expect(harness.state).toEqual(before);
    }
    settle();
  };
  harness.join("w1", 4);
  const two = { sharesMax: 2 };
  harness.submit([SETUP, workflow("a", two), workflow("b", { ...two, after: ["a"] }), TEARDOWN]);
  for (const name of ["::setup", "a", "b", "::teardown"]) harness.run(name);
  return { harness, lost: losing.lost };
}

test("whatever an owner missed is called for again, and only that", () => {
  let lost = 0;
  // The entries up to the job's first assignment are its leader's.
  for (let from = 3; from < 40; from++) {
    const one = forgetful(from);
    lost += one.lost;
    expect({ from, states: one.harness.states() }).toEqual({
      from,
      states: { "::setup": "ended", a: "ended", b: "ended", "::teardown": "ended" },
    });
  }
  expect(lost).toBeGreaterThan(10);
  expect(outstanding(started(1, [workflow("a")]).state)).toEqual([]);
});
