// Goal: each checker sees what it is for, and nothing else. Method: a plausible history for each, and the same with one
// thing wrong in it. Checkers that need whole cores are proven by the planted bugs of mutants.md.

import { describe, expect, test } from "bun:test";
import { createLedger } from "../../src/ledger/job.ts";
import { BLANK, create, lan } from "../../src/raft/raft.ts";
import { Acknowledged } from "../../src/sim/checkers/acknowledged.ts";
import { Applied } from "../../src/sim/checkers/applied.ts";
import { membershipProblem } from "../../src/sim/checkers/convergence.ts";
import { Endings } from "../../src/sim/checkers/endings.ts";
import { Fences } from "../../src/sim/checkers/fences.ts";
import { checkLiveness, type Standing } from "../../src/sim/checkers/liveness.ts";
import { Overlap } from "../../src/sim/checkers/overlap.ts";
import { Resumption } from "../../src/sim/checkers/resumption.ts";
import { Observer } from "../../src/sim/observer.ts";
import { Sometimes } from "../../src/sim/sometimes.ts";
import { countedAt, SimTarget, type TrueAttempt } from "../../src/sim/target.ts";
import type { ShareSpec } from "../../src/load/share.ts";
import type { SwimView } from "../../src/swim/view.ts";
import { addFormed, createCluster, leaderOf, runFor } from "../raft/cluster.ts";

const SPEC: ShareSpec = {
  workflow: "a",
  share: 0,
  shares: 1,
  executor: { kind: "constant-vus", vus: 1, durationMs: 1_000 },
  vuBase: 0,
  startTimeMs: 0,
  gracefulStopMs: 0,
  minIterationDurationMs: 0,
  resume: null,
};

/** A target with a clock that is set by hand. */
function target(): { readonly target: SimTarget; readonly at: (ms: number) => void } {
  let nowMs = 0;
  const nothing = (): void => undefined;
  return {
    target: new SimTarget(() => nowMs, { prepared: nothing, joined: nothing, arrived: nothing }),
    at: (ms) => {
      nowMs = ms;
    },
  };
}

function attempt(token: number, spec: ShareSpec = SPEC): TrueAttempt {
  return target().target.prepare({ job: "j", workflow: "a", share: 0, token }, "w0 1", spec, null);
}

describe("overlap", () => {
  const arrived = (token: number) => ({ attempt: attempt(token), intendedMs: null, scheduleMs: 0 });
  test("an older attempt that sends after a newer one is seen", () => {
    const overlap = new Overlap();
    overlap.arrive(arrived(5), 1_000);
    overlap.arrive(arrived(9), 2_000);
    expect(() => overlap.arrive(arrived(5), 3_000)).toThrow("attempt 5 sends 1000 ms after attempt 9 began");
  });
  test("one attempt after the other is fine", () => {
    const overlap = new Overlap();
    for (const [token, atMs] of [
      [5, 1_000],
      [5, 1_500],
      [9, 2_000],
      [9, 9_000],
    ] as const)
      overlap.arrive(arrived(token), atMs);
  });
});

describe("fences", () => {
  test("a process that prepares an older attempt after a newer one is seen", () => {
    const fences = new Fences();
    fences.prepare(attempt(5));
    fences.prepare(attempt(9));
    expect(() => fences.prepare(attempt(5))).toThrow("after attempt 9");
  });
});

describe("resumption", () => {
  test("an attempt that takes its workflow's start for another instant is seen, in both directions", () => {
    const joining = (startAtMs: number): (() => void) => {
      const resumption = new Resumption();
      resumption.begin("j", "a", { leastMs: 10_000, mostMs: 10_000 });
      const one = attempt(5);
      one.joined = { scheduleMs: 0, startAtMs };
      return () => resumption.join(one, null, 0);
    };
    expect(joining(10_400)).not.toThrow();
    expect(joining(30_000)).toThrow("20000 ms off");
    expect(joining(5_000)).toThrow("-5000 ms off");
  });
  test("a start that waited for the next leader may be taken as the one before meant it, and not earlier", () => {
    const joining = (startAtMs: number): (() => void) => {
      const resumption = new Resumption();
      resumption.begin("j", "a", { leastMs: 6_000, mostMs: 10_000 });
      const one = attempt(5);
      one.joined = { scheduleMs: 0, startAtMs };
      return () => resumption.join(one, null, 0);
    };
    expect(joining(6_000)).not.toThrow();
    expect(joining(3_000)).toThrow("-3000 ms off");
    expect(joining(20_000)).toThrow("10000 ms off");
  });
  test("an arrival that was due before a resumed attempt joined is not to be fired", () => {
    const resumption = new Resumption();
    const one = attempt(5, { ...SPEC, resume: { kind: "arrivals", next: 3, feeds: {} } });
    one.joined = { scheduleMs: 4_000, startAtMs: 0 };
    resumption.arrive({ attempt: one, intendedMs: 4_000, scheduleMs: 4_001 });
    expect(() => resumption.arrive({ attempt: one, intendedMs: 3_900, scheduleMs: 4_001 })).toThrow("lost before");
  });
});

describe("endings", () => {
  const finished = (state: "completed" | "failed") =>
    ({ kind: "finished", job: "j", outcome: { state, errorCode: null, reason: "" } }) as const;
  test("a job that ends twice, or otherwise elsewhere, is seen", () => {
    const endings = new Endings();
    endings.apply("m0", 7, [finished("completed")], createLedger());
    endings.apply("m1", 7, [finished("completed")], createLedger());
    expect(() => endings.apply("m1", 9, [finished("completed")], createLedger())).toThrow("ends at 7");
    expect(() => endings.apply("m2", 7, [finished("failed")], createLedger())).toThrow("ends at 7");
  });
  test("a workflow that starts at two instants is seen", () => {
    const begin = (startAtMs: number) =>
      ({ kind: "begin", job: "j", workflow: "a", startAtMs, pausedMs: 0, originMs: 0, attempts: [] }) as const;
    const endings = new Endings();
    endings.apply("m0", 7, [begin(100)], createLedger());
    expect(() => endings.apply("m0", 8, [begin(200)], createLedger())).toThrow("starts at 100 and again at 200");
  });
});

describe("replicas", () => {
  test("other effects of the same entry are seen", () => {
    const applied = new Applied();
    applied.apply("m0", 3, [{ kind: "accepted", job: "j", isNew: true }]);
    applied.apply("m1", 3, [{ kind: "accepted", job: "j", isNew: true }]);
    expect(() => applied.apply("m2", 3, [])).toThrow("entry 3 has other effects on m2 than on m0");
  });
  test("ledgers that differ are seen, an order of keys is not", () => {
    const [left, right] = [createLedger(), { ...createLedger(), nowMs: 1 }];
    const applied = new Applied();
    applied.compare([
      { node: "m0", state: left },
      { node: "m1", state: createLedger() },
    ]);
    expect(() =>
      applied.compare([
        { node: "m0", state: left },
        { node: "m1", state: right },
      ]),
    ).toThrow("differ");
  });
  test("a leader without an acknowledged job is seen", () => {
    const acknowledged = new Acknowledged();
    acknowledged.look("m0", createLedger());
    acknowledged.accept("j");
    expect(() => acknowledged.look("m0", createLedger())).toThrow("m0 leads and has no job j");
  });
});

describe("progress", () => {
  const well: Standing = { sinceHealMs: 200_000, leaderlessMs: 0, unanswered: [], unended: [] };
  test("what takes too long is seen", () => {
    expect(() => checkLiveness(well)).not.toThrow();
    expect(() => checkLiveness({ ...well, leaderlessMs: 9_000 })).toThrow("no leader");
    expect(() => checkLiveness({ ...well, unanswered: ["j"] })).toThrow("no answer");
    expect(() => checkLiveness({ ...well, unended: ["j"] })).toThrow("have not ended");
  });
  test("members that do not see each other, or see one that is gone, are named", () => {
    const view = (self: string, alive: readonly string[]): Pick<SwimView, "self" | "members"> => ({
      self,
      members: alive.map((id) => ({
        id,
        role: "manager",
        address: { host: id, udp: 1, tcp: 1 },
        status: "alive",
        statusAt: 0,
        incarnation: { boot: 1, count: 0 },
        payload: null,
      })),
    });
    expect(membershipProblem([view("a", ["a", "b"]), view("b", ["a", "b"])])).toBe("");
    expect(membershipProblem([view("a", ["a"]), view("b", ["a", "b"])])).toBe("a does not see b alive");
    expect(membershipProblem([view("a", ["a", "x"])])).toBe("a sees x alive, which is gone");
  });
});

describe("the truth of an attempt", () => {
  test("is what its core had counted at that cut, and beyond the last one what its board held", () => {
    const one = attempt(5);
    const resume = { kind: "elapsed", elapsedMs: 1_000, feeds: {} } as const;
    one.cuts.push({ seq: 1, requests: 4, unsent: 0, resume }, { seq: 2, requests: 9, unsent: 1, resume });
    one.requests = 11;
    one.unsent = 1;
    expect([0, 1, 2, 3].map((seq) => countedAt(one, seq).requests)).toEqual([0, 4, 9, 11]);
  });
});

describe("a manager", () => {
  /** One that is watched and voted for a; `revote` makes it vote for b in the same term. */
  function watched() {
    const raft = create(lan("m0"), { hard: BLANK, snapshot: null, entries: [] }, { seed: 1, now: 0 });
    const observer = new Observer(() => 0, new Sometimes());
    const process = { turns: 1 };
    const vote = (name: string): void => {
      raft.hard = { ...raft.hard, term: 5, vote: name };
    };
    vote("a");
    const probe = { ledger: () => null, appliedIndex: () => 0, queues: () => [] };
    observer.watch("m0", { ...probe, raft: () => raft, turns: () => process.turns, isPaused: () => false });
    observer.step();
    return { observer, process, revote: () => vote("b") };
  }
  test("leads while its process does not stand still", () => {
    const raft = createCluster({ seed: 1 });
    addFormed(raft, ["m0"]);
    expect(runFor(raft, 10_000, () => leaderOf(raft)?.appliedThrough === 1)).toBe(true);
    let nowMs = 0;
    let isPaused = false;
    const observer = new Observer(() => nowMs, new Sometimes());
    const probe = { ledger: () => null, appliedIndex: () => 0, queues: () => [], turns: () => 1 };
    observer.watch("m0", { ...probe, raft: () => leaderOf(raft)?.state ?? null, isPaused: () => isPaused });
    observer.step();
    const passed = (ms: number): number => {
      nowMs += ms;
      observer.step();
      return observer.leaderlessMs;
    };
    expect(passed(100)).toBe(0);
    isPaused = true;
    expect(passed(100)).toBe(100);
    isPaused = false;
    expect(passed(100)).toBe(100);
  });
  test("is looked at in the step in which its process had a turn, or was reached into", () => {
    const first = watched();
    first.revote();
    first.process.turns++;
    expect(() => first.observer.step()).toThrow("m0 votes for a and b in term 5");
    const second = watched();
    second.revote();
    second.observer.touch();
    expect(() => second.observer.step()).toThrow("m0 votes for a and b in term 5");
  });
  test("that changes without a turn is a fault of the simulator, which is soon seen", () => {
    const { observer, revote } = watched();
    for (let step = 0; step < 1_000; step++) observer.step();
    revote();
    expect(() => {
      for (let step = 0; step < 1_000; step++) observer.step();
    }).toThrow("m0 changed without a turn");
  });
});
