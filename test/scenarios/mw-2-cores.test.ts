// Scenarios MW-2, the allocation of cores: goal, that cores are given once, followed exactly, and come free. Method:
// entries committed by hand; what is free and held is asked of the ledger, which derives it from its attempts.

import { describe, expect, test } from "bun:test";
import { parseProposal, type Proposal } from "../../src/ledger/entries.ts";
import { heldCores, survey } from "../../src/ledger/placement.ts";
import { CLOSED, FAILED, Harness, started, workflow } from "../ledger/harness.ts";

function free(harness: Harness): number {
  return survey(harness.state).free;
}

/** A submit and its owner, with everything that follows from them proposed and nothing committed. */
function queued(harness: Harness, job: string): number {
  const spec = { workflows: [workflow("a")], retries: 0 };
  harness.commit({ kind: "submit", job, digest: "d", submission: "", spec });
  harness.commit({ kind: "assign", job, owner: "m1", boot: "1" });
  return harness.ownerToken(job);
}

describe("cores", () => {
  test("[MW-2.1.2] seen as free by two workflows at once go to the first entry committed, whole, and to nobody else", () => {
    const harness = new Harness();
    harness.join("w1", 2);
    const tokens = ["j", "k"].map((job) => queued(harness, job));
    // Both owners looked at the same pool: two free cores.
    expect(free(harness)).toBe(2);
    harness.proposals.length = 0;
    expect(harness.commit({ kind: "place", job: "k", workflow: "a", ownerToken: tokens[1] ?? 0 }).length).toBe(2);
    expect(harness.commit({ kind: "place", job: "j", workflow: "a", ownerToken: tokens[0] ?? 0 })).toEqual([]);
    expect([harness.states("j"), harness.states("k")]).toEqual([{ a: "queued" }, { a: "preparing" }]);
    expect(heldCores(harness.workflow("a", "k")).map(({ core }) => core)).toEqual([0, 1]);
    expect([heldCores(harness.workflow("a", "j")), free(harness)]).toEqual([[], 0]);
  });

  test("[MW-2.1.3] [MW-2.1.4] held and free ones are told by workflow and in all, and add up", () => {
    const harness = new Harness();
    harness.join("w1", 4);
    harness.join("w2", 4);
    expect(free(harness)).toBe(8);
    harness.submit([workflow("a", { sharesMax: 3 })]);
    expect(heldCores(harness.workflow("a")).map(({ worker, core }) => `${worker}/${core}`)).toEqual([
      "w1/0",
      "w2/0",
      "w1/1",
    ]);
    expect(free(harness)).toBe(5);
    harness.submit([workflow("b", { sharesMax: 2 })], { job: "k" });
    expect(heldCores(harness.workflow("b", "k")).length).toBe(2);
    expect(free(harness)).toBe(3);
  });

  test("[MW-2.2.3] none, or fewer than none, are refused at the border, where they are offered and where asked for", () => {
    const join = { kind: "join", worker: "w1", boot: "1", cores: 1, labels: {} } satisfies Proposal;
    const submit = (sharesMax: number) => ({
      kind: "submit",
      job: "j",
      digest: "d",
      submission: "",
      spec: { workflows: [workflow("a", { sharesMax })], retries: 0 },
    });
    expect([parseProposal(join).proposal, parseProposal(submit(1)).proposal]).not.toContain(null);
    const refusedFor = (key: string) => ({ proposal: null, message: expect.stringContaining(key) });
    for (const cores of [0, -1, 1.5, 5_000]) {
      expect(parseProposal({ ...join, cores })).toMatchObject(refusedFor("cores"));
      expect(parseProposal(submit(cores))).toMatchObject(refusedFor("sharesMax"));
    }
  });

  test("[MW-2.2.4] are given once: a workflow placed already, a share that runs already get no others", () => {
    const harness = started(2, [workflow("a", { sharesMax: 1 })]);
    const owned = { job: "j", workflow: "a", ownerToken: harness.ownerToken() };
    const before = structuredClone(harness.state);
    for (const entry of [
      { kind: "place", ...owned },
      { kind: "dispatch", share: 0, ...owned },
    ] as const)
      expect(harness.commit(entry)).toMatchObject([{ kind: "refused", code: "illegal" }]);
    expect(harness.state).toEqual(before);
    expect(free(harness)).toBe(1);
  });
});

describe("cores come free", () => {
  test("[MW-2.3.1] all of them at the end, however it came", () => {
    for (const end of [CLOSED, FAILED]) {
      const harness = started(4);
      harness.ready("a");
      expect(free(harness)).toBe(0);
      harness.close("a", end);
      expect(harness.job().phase).toBe("finished");
      expect(free(harness)).toBe(4);
    }
  });

  test("[MW-2.4.2] [MW-2.4.3] one with each share that ends, until the workflow holds none", () => {
    const harness = started(3);
    harness.ready("a");
    const ids = harness.live("a");
    for (const [at, id] of ids.entries()) {
      harness.seal(id);
      expect(heldCores(harness.workflow("a")).map(({ core }) => core)).toEqual([0, 1, 2].slice(at + 1));
      expect(free(harness)).toBe(at + 1);
    }
    expect(harness.states()).toEqual({ a: "ended" });
  });

  test("[MW-2.3.3] and in the same entry are offered to who waits for them", () => {
    const harness = started(2);
    harness.submit([workflow("b", { sharesMax: 1 })], { job: "k" });
    harness.ready("a");
    expect(harness.states("k")).toEqual({ b: "queued" });
    const effects = harness.seal(harness.one("a"));
    expect(effects).toContainEqual({
      kind: "propose",
      proposal: { kind: "place", job: "k", workflow: "b", ownerToken: harness.ownerToken("k") },
    });
    expect([harness.live("a").length, harness.live("b", "k").length]).toEqual([1, 1]);
  });
});
