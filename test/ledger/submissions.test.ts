// Jobs come and go: the same submit is the same job, a forgotten id never runs again, and there are limits. Entries
// committed by hand.

import { describe, expect, test } from "bun:test";
import { mintJobId } from "../../src/base/ids.ts";
import type { Effect } from "../../src/ledger/effects.ts";
import { FORGOTTEN_KEYS_MAX, JOBS_MAX } from "../../src/ledger/submissions.ts";
import { SUBMITS_MAX } from "../../src/ledger/entries.ts";
import { Harness, SETUP, workflow } from "./harness.ts";

const NOW_MS = 1_790_000_000_000;

function minted(ms: number, byte = 0): string {
  return mintJobId(ms, new Uint8Array(10).fill(byte));
}

function submit(harness: Harness, job: string, digest = "d"): Effect[] {
  const spec = { workflows: [workflow("a", { sharesMax: 1 })], retries: 0 };
  const effects = harness.commit({ kind: "submit", job, digest, submission: "blob", spec });
  harness.settle();
  return effects;
}

/** Waiting jobs by one entry, with ids from that number down. */
function submitAll(harness: Harness, from: number, count: number): Effect[] {
  const effects = harness.commit({
    kind: "submits",
    contents: [{ digest: "d", submission: "blob", spec: { workflows: [workflow("a")], retries: 0 } }],
    jobs: Array.from({ length: count }, (_, at) => ({ job: `job ${from - at}`, of: 0 })),
  });
  harness.proposals.length = 0;
  return effects;
}

function codeOf(effects: readonly Effect[]): string {
  const [first] = effects;
  return first?.kind === "refused" ? first.code : (first?.kind ?? "nothing");
}

/** Submits, runs and forgets the job. */
function past(harness: Harness, job: string): void {
  submit(harness, job);
  harness.run("a", undefined, job);
  expect(codeOf(harness.commit({ kind: "forget", job }))).toBe("forgotten");
}

function onePool(): Harness {
  const harness = new Harness();
  harness.join("w1", 1);
  return harness;
}

describe("a forgotten job", () => {
  test("[LD-32.2.4] whose id is from a clock far ahead is expired itself, and ids of right clocks stay new", () => {
    const harness = onePool();
    const ahead = minted(NOW_MS + 86_400_000);
    submit(harness, ahead);
    harness.run("a", undefined, ahead);
    for (const at of [1, 2]) submit(harness, minted(NOW_MS + at));
    expect(codeOf(harness.commit({ kind: "forget", job: ahead }))).toBe("forgotten");
    expect(codeOf(submit(harness, ahead))).toBe("expired");
    expect(codeOf(submit(harness, minted(NOW_MS + 3)))).toBe("accepted");
  });

  test("[GM-1.5.1] [LD-32.1.4] [LD-32.2.4] is expired by its id, and so is every id minted before it; a newer one runs", () => {
    const harness = onePool();
    const id = minted(NOW_MS);
    expect(codeOf(submit(harness, id))).toBe("accepted");
    expect(submit(harness, id)).toEqual([{ kind: "accepted", job: id, isNew: false }]);
    harness.run("a", undefined, id);
    expect(submit(harness, id)).toEqual([{ kind: "accepted", job: id, isNew: false }]);
    harness.commit({ kind: "forget", job: id });
    expect(harness.state.jobs.size).toBe(0);
    for (const [other, code] of [
      [id, "expired"],
      [minted(NOW_MS, 9), "expired"],
      [minted(NOW_MS - 1), "expired"],
      [minted(NOW_MS + 1), "accepted"],
    ] as const)
      expect(codeOf(submit(harness, other))).toBe(code);
    expect(harness.state.jobs.size).toBe(1);
  });

  test("is expired by a key of the user's own, a conflict with another content; other keys are not touched", () => {
    const harness = onePool();
    past(harness, "nightly");
    expect([submit(harness, "nightly"), submit(harness, "nightly", "e"), submit(harness, "other")].map(codeOf)).toEqual(
      ["expired", "conflict", "accepted"],
    );
  });

  test("[LD-32.1.2] [LD-41.5.5] [LD-42.1.3] keys are kept in bounds, the newest of them", () => {
    const harness = onePool();
    for (let at = 0; at <= FORGOTTEN_KEYS_MAX; at++) harness.state.forgottenKeys.set(`k${at}`, "d");
    harness.state.forgottenKeys.delete("k0");
    past(harness, "newest");
    expect(harness.state.forgottenKeys.size).toBe(FORGOTTEN_KEYS_MAX);
    expect([submit(harness, "newest"), submit(harness, "k2"), submit(harness, "k1")].map(codeOf)).toEqual([
      "expired",
      "expired",
      "accepted",
    ]);
  });

  test("must have ended, and must be there", () => {
    const harness = onePool();
    submit(harness, "j");
    expect(codeOf(harness.commit({ kind: "forget", job: "j" }))).toBe("illegal");
    expect(codeOf(harness.commit({ kind: "forget", job: "k" }))).toBe("unknown");
    expect(harness.state.jobs.size).toBe(1);
  });
});

describe("live jobs", () => {
  test("have a limit: beyond it a submit is refused with what to do, and accepted once one has ended", () => {
    const harness = onePool();
    submit(harness, "job 0");
    for (let left = JOBS_MAX - 1; left > 0; left -= SUBMITS_MAX) submitAll(harness, left, Math.min(left, SUBMITS_MAX));
    const [refused] = submit(harness, "one more");
    expect(refused).toMatchObject({ kind: "refused", code: "limit", message: expect.stringContaining("cancel one") });
    // A repeat is no new job.
    expect(codeOf(submit(harness, "job 0"))).toBe("accepted");
    harness.run("a", undefined, "job 0");
    expect(codeOf(submit(harness, "one more"))).toBe("accepted");
  });
});

describe("several submits in one entry", () => {
  test("are taken one by one, in order: new, known, of another content, of none", () => {
    const harness = onePool();
    submit(harness, "known");
    const spec = { workflows: [workflow("a")], retries: 0 };
    const effects = harness.commit({
      kind: "submits",
      contents: [
        { digest: "d", submission: "blob", spec },
        { digest: "other", submission: "blob 2", spec: { workflows: [], retries: 0 } },
      ],
      jobs: [
        { job: "new", of: 0 },
        { job: "known", of: 0 },
        { job: "new", of: 1 },
        { job: "empty", of: 1 },
        { job: "lost", of: 2 },
        { job: "newer", of: 0 },
      ],
    });
    expect(effects.map((effect) => codeOf([effect]))).toEqual([
      ...["accepted", "accepted", "conflict", "invalid", "invalid", "accepted"],
    ]);
    expect([...harness.state.jobs.keys()]).toEqual(["known", "new", "newer"]);
    const [first, second] = ["new", "newer"].map((id) => harness.job(id).submitIndex);
    expect(second).toBeGreaterThan(first ?? Infinity);
  });

  test("make jobs that hold no workflows until an entry is about them", () => {
    const harness = onePool();
    submitAll(harness, 2, 2);
    expect(harness.job("job 1")).toMatchObject({ spec: { retries: 0 }, owner: null, phase: "open" });
    expect(harness.job("job 1").workflows.size).toBe(0);
    harness.commit({ kind: "pause", job: "job 2", order: "1" });
    expect(harness.job("job 2")).toMatchObject({ spec: null, isPaused: true });
    expect(harness.states("job 2")).toEqual({ a: "waiting" });
    expect(harness.job("job 1").workflows.size).toBe(0);
    expect([...harness.state.jobs.keys()]).toEqual(["job 2", "job 1"]);
  });

  test("may be cancelled before anybody owns them: they are closed once they have an owner", () => {
    const harness = onePool();
    submitAll(harness, 1, 1);
    harness.commit({ kind: "cancel", job: "job 1", by: "other" });
    expect(harness.job("job 1").phase).toBe("closing");
    harness.commit({ kind: "assign", job: "job 1", owner: "m1", boot: "1" });
    harness.settle();
    expect(harness.job("job 1").outcome).toMatchObject({ state: "cancelled" });
  });
});

describe("a finished job", () => {
  test("[MW-7.4.3] keeps its end, result, sums and names of seals, and nothing that only a run needs", () => {
    const harness = onePool();
    harness.submit([SETUP, workflow("a")]);
    harness.run("::setup", { kind: "closed", valueJson: '{"secret":1}', thrown: null });
    harness.ready("a");
    const id = harness.one("a");
    harness.commit({
      ...{ kind: "provide", job: "j", workflow: "a", share: 0, attemptToken: id.token },
      ...{ key: "k", json: '"v"', vu: 1, iteration: 0 },
    });
    harness.atMs = 77;
    const { proposals } = harness;
    harness.watch = () => {
      for (const [at, proposal] of proposals.entries())
        if (proposal.kind === "finish") proposals[at] = { ...proposal, result: "blob of the result" };
    };
    harness.seal(id);
    expect(harness.job()).toMatchObject({ phase: "finished", finishedAtMs: 77, setupJson: null, submission: "" });
    expect(harness.workflow("a").provided.size).toBe(0);
    expect(JSON.stringify([...harness.job().workflows.values()])).not.toContain("secret");
    expect(harness.workflow("a").shares[0]?.attempts[0]).toMatchObject({
      seal: { resume: null, snapshot: String(id.token), accounting: { started: 3 } },
      checkpoint: null,
    });
  });
});
