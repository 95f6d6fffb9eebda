// Workers that join, leave and start again: which attempts are lost, how sure that is, and where they run next. Entries
// committed by hand.

import { describe, expect, test } from "bun:test";
import { heldCores, survey } from "../../src/ledger/placement.ts";
import { Harness, LOST, started, workflow } from "./harness.ts";

function leave(harness: Harness, worker: string, isCertain: boolean, boot = "1") {
  const effects = harness.commit({ kind: "leave", worker, boot, isCertain });
  harness.settle();
  return effects;
}

describe("a life of a worker", () => {
  test("[LD-37.1.1] [MW-1.1.4] that is followed by another is over: its attempts are lost for certain, the new one gets its cores", () => {
    const harness = started(2);
    harness.ready("a");
    const lives = harness.live("a");
    const effects = harness.commit({ kind: "join", worker: "w1", boot: "2", cores: 2, labels: {} });
    expect(effects.filter(({ kind }) => kind === "lost")).toEqual(
      lives.map((attempt) => ({ kind: "lost", attempt, worker: "w1", isCertain: true })),
    );
    // The dead process holds no core of the living one.
    expect(survey(harness.state).free).toBe(2);
    for (const id of lives) harness.seal(id, LOST);
    expect(harness.live("a").length).toBe(2);
    expect(heldCores(harness.workflow("a")).map(({ boot }) => boot)).toEqual(["2", "2"]);
  });

  test("[LD-37.1.2] that is over does not come back by a late word, and its leave says nothing of the newer one", () => {
    const harness = started(1);
    harness.join("w1", 1, { boot: "2" });
    for (const kind of ["join", "leave"] as const) {
      const entry =
        kind === "join"
          ? ({ kind, worker: "w1", boot: "1", cores: 1, labels: {} } as const)
          : ({ kind, worker: "w1", boot: "1", isCertain: true } as const);
      expect(harness.commit(entry)).toMatchObject([{ kind: "refused", code: "stale" }]);
    }
    expect(harness.state.workers.get("w1")?.boot).toBe("2");
  });

  test("[LD-43.10] repeated joins change cores and labels; fewer cores take back what was kept on them", () => {
    const harness = new Harness();
    harness.join("w1", 1);
    harness.join("w1", 3, { labels: { zone: "a" } });
    expect(harness.state.workers.get("w1")).toEqual({ boot: "1", cores: 3, labels: { zone: "a" }, former: [] });
    harness.submit([workflow("a")]);
    expect(harness.live("a").length).toBe(3);
    expect(harness.commit({ kind: "join", worker: "w1", boot: "1", cores: 3, labels: { zone: "a" } })).toEqual([]);
    harness.join("w1", 1);
    expect(survey(harness.state).size).toBe(1);
    // What runs on the others goes on.
    expect(harness.live("a").length).toBe(3);
  });
});

describe("a worker that may be gone", () => {
  test("[MW-5.4.3] [LD-50.1] loses its attempts uncertainly; back in the same life it simply goes on", () => {
    const harness = started(1);
    harness.ready("a");
    const id = harness.one("a");
    expect(leave(harness, "w1", false)).toEqual([{ kind: "lost", attempt: id, worker: "w1", isCertain: false }]);
    harness.join("w1", 1);
    expect(harness.one("a")).toEqual(id);
    expect(survey(harness.state).free).toBe(0);
    harness.close("a");
    expect(harness.job().outcome?.state).toBe("completed");
  });

  test("and then surely is: its attempts are named again, once", () => {
    const harness = started(1);
    harness.ready("a");
    const id = harness.one("a");
    leave(harness, "w1", false);
    expect(leave(harness, "w1", true)).toEqual([{ kind: "lost", attempt: id, worker: "w1", isCertain: true }]);
    for (const isCertain of [true, false])
      expect(leave(harness, "w1", isCertain)).toMatchObject([{ kind: "refused", code: "unknown" }]);
  });

  test("and comes back in another life: what was uncertain is certain", () => {
    const harness = started(1);
    harness.ready("a");
    const id = harness.one("a");
    leave(harness, "w1", false);
    const effects = harness.commit({ kind: "join", worker: "w1", boot: "2", cores: 1, labels: {} });
    expect(effects).toContainEqual({ kind: "lost", attempt: id, worker: "w1", isCertain: true });
  });

  test("[LD-44.2] [LD-28.1.2] a share placed there and not dispatched yet is dispatched elsewhere, even if its dispatch got lost", () => {
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
    harness.proposals.length = 0;
    leave(harness, "w1", true);
    expect(harness.live("a")).toEqual([]);
    harness.join("w2", 1);
    expect(harness.of("dispatch").map(({ worker }) => worker)).toEqual(["w2"]);
  });
});

describe("an attempt handed back whole", () => {
  test("runs again at no cost, is no failure, and is not poison however often it happens", () => {
    const harness = started(1);
    harness.join("w2", 1);
    for (let time = 0; time < 5; time++) {
      harness.ready("a");
      for (const id of harness.live("a")) harness.seal(id, { kind: "returned", message: "the worker drains" });
    }
    expect(harness.job().ending).toBeNull();
    expect(harness.job().retriesUsed).toBe(0);
    harness.run("a");
    expect(harness.job().outcome?.state).toBe("completed");
  });

  test("too often ends the job with the last reason, by a bound on attempts", () => {
    const harness = started(1);
    for (let time = 0; time < 16; time++) {
      expect(harness.job().phase).toBe("open");
      harness.ready("a");
      harness.close("a", { kind: "returned", message: "the worker drains" });
    }
    expect(harness.job().outcome).toMatchObject({ state: "failed", reason: expect.stringContaining("16 times") });
    expect(harness.workflow("a").shares[0]?.attempts.length).toBe(16);
  });

  test("in its setup runs setup again, and counts it", () => {
    const harness = started(1, [
      workflow("::setup", { role: "setup", sharesMax: 1, timeoutMs: 10_000 }),
      workflow("a"),
    ]);
    harness.ready("::setup");
    harness.close("::setup", { kind: "returned", message: "the worker drains" });
    harness.run("::setup");
    expect([harness.job().reruns, harness.states()["::setup"]]).toEqual([1, "ended"]);
  });
});

describe("poison", () => {
  test("[MW-5.4.1] looks at when the workers died, not at when that became certain", () => {
    const harness = started(1);
    harness.join("w2", 1);
    for (const [worker, diesMs, sealedMs] of [
      ["w1", 59_000, 70_500],
      ["w2", 129_000, 141_000],
    ] as const) {
      harness.ready("a");
      harness.atMs = diesMs;
      leave(harness, worker, false);
      harness.atMs = sealedMs;
      // Schedules of a minute would be over by then.
      harness.workflow("a").pausedMs = sealedMs;
      harness.close("a", LOST);
    }
    expect(harness.job().outcome?.reason).toContain("w1 and w2 died within 60 s");
  });

  test("is code that surely killed two workers while it was prepared; who is only not heard of does not count", () => {
    for (const isCertain of [true, false]) {
      const harness = started(1);
      harness.join("w2", 1);
      for (const worker of ["w1", "w2"]) {
        leave(harness, worker, isCertain);
        harness.close("a", LOST);
      }
      expect(harness.job().ending?.reason ?? "goes on").toContain(isCertain ? "poison" : "goes on");
    }
  });

  test("is not the same worker twice", () => {
    const harness = started(1);
    for (const boot of ["2", "3"]) {
      harness.ready("a");
      const id = harness.one("a");
      harness.join("w1", 1, { boot });
      harness.seal(id, LOST);
    }
    expect(harness.job().ending).toBeNull();
    expect(harness.live("a").length).toBe(1);
  });
});

describe("a checkpoint", () => {
  test("takes in every attempt of the job but the stale ones among them, which it leaves out", () => {
    const harness = started(2);
    harness.ready("a");
    const [first, second] = [harness.one("a"), harness.one("a", 1)];
    const cut = (share: number, attemptToken: number, seq: number) => ({
      workflow: "a",
      share,
      attemptToken,
      seq,
      resume: { kind: "elapsed", elapsedMs: seq, feeds: {} } as const,
      accounting: { scheduled: seq, started: seq, completed: seq, interrupted: 0, dropped: 0, unsent: 0 },
      snapshot: `s${seq}`,
      taken: 0,
    });
    const ownerToken = harness.ownerToken();
    const commit = (...cuts: ReturnType<typeof cut>[]) =>
      harness.commit({ kind: "checkpoint", job: "j", ownerToken, cuts });
    expect(commit(cut(0, first.token, 4), cut(1, first.token, 9), cut(7, 1, 1), cut(1, second.token, 5))).toEqual([]);
    commit(cut(0, first.token, 3), cut(1, second.token, 6));
    expect(harness.workflow("a").shares.map(({ attempts }) => attempts[0]?.checkpoint?.seq)).toEqual([4, 6]);
    expect(harness.commit({ kind: "checkpoint", job: "j", ownerToken: ownerToken - 1, cuts: [] })).toMatchObject([
      { code: "stale" },
    ]);
    // An owner that has just taken over may hold less than what is committed: the newer of the two is sealed.
    harness.seal(second, LOST, { seq: 2 });
    expect(harness.workflow("a").shares[1]?.attempts[0]?.seal).toMatchObject({ seq: 6, snapshot: "s6" });
    expect(harness.of("dispatch").at(-1)?.resume).toEqual({ kind: "elapsed", elapsedMs: 6, feeds: {} });
  });
});
