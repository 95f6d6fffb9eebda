// What the leader ought to propose: from the ledger and membership, each duty, its negative, and that applying what is
// proposed leaves nothing to propose.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { apply } from "../../src/ledger/apply.ts";
import { duties, type Seen, type WorkerSeen } from "../../src/ledger/duties.ts";
import { createLedger, type LedgerState } from "../../src/ledger/job.ts";
import { Harness, started, workflow } from "./harness.ts";

const M1 = { node: "m1", boot: "1", isAlive: true } as const;

function worker(name: string, more: Partial<WorkerSeen> = {}): WorkerSeen {
  return { worker: name, boot: "1", cores: 2, labels: {}, status: "alive", isCertain: false, ...more };
}

function seen(more: Partial<Seen> = {}): Seen {
  return { nowMs: 0, managers: [M1], workers: [], ...more };
}

describe("workers", () => {
  test("[MW-1.1.5] that are alive and not known join, with their newest cores, labels and life; suspects do not", () => {
    const state = createLedger();
    const workers = [worker("w1"), worker("w2", { status: "suspect" })];
    const [join] = duties(state, seen({ workers }));
    expect(join).toEqual({ kind: "join", worker: "w1", boot: "1", cores: 2, labels: {} });
    if (join !== undefined) apply(state, 1, { ...join, atMs: 0 });
    expect(duties(state, seen({ workers }))).toEqual([]);
    for (const change of [{ boot: "2" }, { cores: 3 }, { labels: { zone: "a" } }])
      expect(duties(state, seen({ workers: [worker("w1", change)] }))).toMatchObject([{ kind: "join", ...change }]);
  });

  test("[LD-44.7] that are dead or left leave, in that life only; suspects and those not named stay", () => {
    const harness = new Harness();
    harness.join("w1", 2, { boot: "2" });
    for (const status of ["dead", "left"] as const) {
      const gone = worker("w1", { boot: "2", status, isCertain: status === "left" });
      expect(duties(harness.state, seen({ workers: [gone] }))).toEqual([
        { kind: "leave", worker: "w1", boot: "2", isCertain: status === "left" },
      ]);
      expect(duties(harness.state, seen({ workers: [{ ...gone, boot: "1" }] }))).toEqual([]);
    }
    for (const workers of [[], [worker("w1", { boot: "2", status: "suspect" })]])
      expect(duties(harness.state, seen({ workers }))).toEqual([]);
  });

  test("whose death was uncertain leave again once it is certain, if anything waits for that", () => {
    const harness = started(1);
    harness.ready("a");
    const dead = (isCertain: boolean) => seen({ workers: [worker("w1", { cores: 1, status: "dead", isCertain })] });
    harness.commit({ kind: "leave", worker: "w1", boot: "1", isCertain: false });
    expect(duties(harness.state, dead(false))).toEqual([]);
    const [leave] = duties(harness.state, dead(true));
    expect(leave).toEqual({ kind: "leave", worker: "w1", boot: "1", isCertain: true });
    if (leave !== undefined) harness.commit(leave);
    expect(duties(harness.state, dead(true))).toEqual([]);
  });

  test("of an earlier life that somebody still tells of do not come back", () => {
    const harness = new Harness();
    harness.join("w1", 2);
    harness.join("w1", 2, { boot: "2" });
    expect(duties(harness.state, seen({ workers: [worker("w1")] }))).toEqual([]);
  });
});

describe("jobs", () => {
  function submitted(count: number): LedgerState {
    const harness = new Harness();
    for (let at = 0; at < count; at++) {
      const spec = { workflows: [workflow("a")], retries: 0 };
      harness.commit({ kind: "submit", job: `j${at}`, digest: "d", submission: "", spec });
    }
    return harness.state;
  }

  test("[LD-30.2.1] without an owner go to the managers that own fewest, the oldest job first", () => {
    const state = submitted(5);
    const managers = [{ ...M1, node: "m2" }, M1, { ...M1, node: "m3", isAlive: false }];
    const owners = duties(state, seen({ managers })).map((duty) => duty.kind === "assign" && [duty.job, duty.owner]);
    expect(owners).toEqual([
      ["j0", "m1"],
      ["j1", "m2"],
      ["j2", "m1"],
      ["j3", "m2"],
      ["j4", "m1"],
    ]);
    expect(duties(state, seen({ managers: [] }))).toEqual([]);
  });

  test.each([
    ["is dead", [{ ...M1, isAlive: false }]],
    ["has started again", [{ ...M1, boot: "2", isAlive: false }]],
    ["is no manager any more", []],
  ])("whose owner %s go to another; those of living owners stay", (_what, managers) => {
    const harness = new Harness();
    harness.submit([workflow("a")]);
    harness.submit([workflow("a")], { job: "k" });
    harness.commit({ kind: "assign", job: "k", owner: "m2", boot: "1" });
    const all = [...managers, { ...M1, node: "m2" }];
    expect(duties(harness.state, seen({ managers: all }))).toEqual([
      { kind: "assign", job: "j", owner: "m2", boot: "1" },
    ]);
  });

  test("[LD-37.2.1] that have ended are forgotten after their time, or when there are too many, the oldest first", () => {
    const harness = new Harness();
    harness.join("w1", 1);
    for (const [at, id] of ["j0", "j1", "j2", "j3"].entries()) {
      harness.atMs = at * 100;
      harness.submit([workflow("a")], { job: id });
      if (id !== "j3") harness.run("a", undefined, id);
    }
    const forgotten = (nowMs: number, ms: number, jobs: number) =>
      duties(harness.state, seen({ nowMs }), { ms, jobs }).map((duty) => duty.kind === "forget" && duty.job);
    expect(forgotten(200, 1_000, 3)).toEqual([]);
    expect(forgotten(200, 1_000, 1)).toEqual(["j0", "j1"]);
    expect(forgotten(1_101, 1_000, 3)).toEqual(["j0", "j1"]);
    expect(forgotten(9_999, 1_000, 3)).toEqual(["j0", "j1", "j2"]);
  });
});

test("what is proposed, applied, leaves nothing to propose: any ledger, any membership", () => {
  const status = fc.constantFrom("alive", "suspect", "dead", "left");
  const member = fc.record({
    status,
    boot: fc.constantFrom("1", "2"),
    cores: fc.integer({ min: 1, max: 3 }),
    isCertain: fc.boolean(),
  });
  const view = fc.record({
    workers: fc.array(member, { maxLength: 3 }),
    alive: fc.array(fc.boolean(), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(
      fc.array(view, { minLength: 1, maxLength: 6 }),
      fc.array(fc.boolean(), { maxLength: 4 }),
      (views, jobs) => {
        const harness = new Harness();
        harness.join("w0", 2);
        for (const [at, isRun] of jobs.entries()) {
          harness.submit([workflow("a", { sharesMax: 1 })], { job: `j${at}` });
          if (isRun && harness.states(`j${at}`)["a"] === "preparing") harness.run("a", undefined, `j${at}`);
        }
        for (const { workers, alive } of views) {
          const all = seen({
            nowMs: harness.atMs,
            workers: workers.map((one, at) => worker(`w${at}`, one)),
            managers: alive.map((isAlive, at) => ({ node: `m${at}`, boot: "1", isAlive })),
          });
          for (const duty of duties(harness.state, all, { ms: 1_000, jobs: 1 })) harness.commit(duty);
          expect(duties(harness.state, all, { ms: 1_000, jobs: 1 })).toEqual([]);
          harness.settle();
        }
      },
    ),
    { numRuns: 200, seed: 13 },
  );
});
