// Which cores a workflow gets: all shares or none, by priority, spread over workers, shared within a job and never
// between jobs. Plain pools and jobs committed by hand; the cores are read off the dispatches.

import { describe, expect, test } from "bun:test";
import { coreRange } from "../../src/ledger/placement.ts";
import { Harness, SETUP, workflow } from "./harness.ts";

/** Cores of every dispatch, by workflow: "w1/0". */
function placed(harness: Harness): Record<string, string[]> {
  const cores: Record<string, string[]> = {};
  for (const { attempt, worker, core } of harness.of("dispatch"))
    (cores[attempt.workflow] ??= []).push(`${worker}/${core}`);
  return cores;
}

function pool(cores: readonly number[], ...jobs: readonly (readonly ReturnType<typeof workflow>[])[]): Harness {
  const harness = new Harness();
  for (const [at, count] of cores.entries()) harness.join(`w${at + 1}`, count);
  for (const [at, workflows] of jobs.entries()) harness.submit(workflows, { job: at === 0 ? "j" : `j${at + 1}` });
  return harness;
}

describe("one workflow", () => {
  test("[MW-2.1.1] takes every core of every worker, the same core of each worker before the next", () => {
    expect(placed(pool([2, 3], [workflow("a")]))).toEqual({ a: ["w1/0", "w2/0", "w1/1", "w2/1", "w2/2"] });
  });

  test("takes no more cores than it has shares", () => {
    expect(placed(pool([8], [workflow("a", { sharesMax: 3 })]))).toEqual({ a: ["w1/0", "w1/1", "w1/2"] });
  });

  test.each([
    ["auto", 8, { least: 1, most: 8 }],
    ["low", 8, { least: 1, most: 2 }],
    ["normal", 8, { least: 2, most: 6 }],
    ["high", 8, { least: 6, most: 8 }],
    ["exclusive", 8, { least: 8, most: 8 }],
    ["normal", 1, { least: 1, most: 1 }],
    ["high", 3, { least: 3, most: 3 }],
    ["low", 1, { least: 1, most: 1 }],
  ] as const)("[MW-4.1.1] priority %s on %d cores has the range %o", (priority, cores, range) => {
    expect(coreRange(priority, cores)).toEqual(range);
    const [job] = [placed(pool([cores], [workflow("a", { priority })]))["a"]];
    expect(job?.length).toBe(range.most);
  });
});

describe("workflows side by side in one job", () => {
  test("divide the cores evenly, and what one cannot use goes to the other", () => {
    expect(placed(pool([4], [workflow("a"), workflow("b")]))).toEqual({ a: ["w1/0", "w1/1"], b: ["w1/2", "w1/3"] });
    expect(placed(pool([4], [workflow("a"), workflow("b", { sharesMax: 1 })]))).toEqual({
      a: ["w1/0", "w1/1", "w1/2"],
      b: ["w1/3"],
    });
  });

  test("all start at once on fewer cores than workflows: they share cores rather than wait", () => {
    const harness = pool([2], [workflow("a"), workflow("b"), workflow("c")]);
    expect(placed(harness)).toEqual({ a: ["w1/0"], b: ["w1/1"], c: ["w1/0"] });
    expect(Object.values(harness.states())).toEqual(["preparing", "preparing", "preparing"]);
  });

  test("those that never load a core at the same time each get all of them", () => {
    const harness = pool(
      [2],
      [workflow("a", { fromMs: 0, toMs: 30_000 }), workflow("b", { fromMs: 30_000, toMs: 60_000 })],
    );
    expect(placed(harness)).toEqual({ a: ["w1/0", "w1/1"], b: ["w1/0", "w1/1"] });
  });

  test("[MW-2.3.2] [MW-2.4.1] a core whose share has ended is used by the next workflow before the rest has ended", () => {
    const harness = pool(
      [3],
      [workflow("a", { sharesMax: 1 }), workflow("b", { sharesMax: 2 }), workflow("c", { after: ["a"] })],
    );
    harness.run("a");
    expect(harness.states()["b"]).toBe("preparing");
    expect(placed(harness)["c"]?.[0]).toBe("w1/0");
  });

  test("[MW-4.1.3] [MW-4.4.1] [MW-4.4.3] an exclusive one waits until the others are done, holds back those behind it, and runs alone", () => {
    const harness = pool([2], [SETUP, workflow("x", { priority: "exclusive" }), workflow("a")]);
    harness.run("::setup");
    expect(harness.states()).toEqual({ "::setup": "ended", x: "preparing", a: "queued" });
    expect(placed(harness)["x"]).toEqual(["w1/0", "w1/1"]);
    harness.run("x");
    expect(harness.states()["a"]).toBe("preparing");
  });
});

describe("jobs side by side", () => {
  test("[MW-10.1.2] [MW-10.1.3] [MW-2.2.2] never share a core: the second waits whole, and starts when enough cores came free", () => {
    const harness = pool([2], [workflow("a", { sharesMax: 2 })], [workflow("b", { priority: "high" })]);
    expect(harness.states("j2")).toEqual({ b: "queued" });
    harness.ready("a");
    harness.seal(harness.one("a", 0));
    // One of two cores is free: a high priority asks for both, all or none.
    expect(harness.states("j2")).toEqual({ b: "queued" });
    harness.seal(harness.one("a", 1));
    expect(harness.states("j2")).toEqual({ b: "preparing" });
    expect(placed(harness)["b"]).toEqual(["w1/0", "w1/1"]);
  });

  test("[MW-2.5.1] [MW-4.2.2] the higher priority is served first, then the older job", () => {
    const harness = pool([1], [workflow("a")], [workflow("b")], [workflow("c")], [workflow("d", { priority: "high" })]);
    const order = ["a", "d", "b", "c"];
    for (const [at, name] of order.entries()) {
      const job = { a: "j", b: "j2", c: "j3", d: "j4" }[name] ?? "";
      expect(placed(harness)).toHaveProperty(name);
      for (const later of order.slice(at + 1)) expect(placed(harness)).not.toHaveProperty(later);
      harness.run(name, undefined, job);
    }
  });

  test("a worker that leaves takes its cores with it", () => {
    const harness = pool([1, 1], [workflow("a", { sharesMax: 1 })]);
    harness.commit({ kind: "leave", worker: "w2", boot: "1", isCertain: true });
    harness.submit([workflow("b")], { job: "j2" });
    expect(harness.states("j2")).toEqual({ b: "queued" });
    harness.run("a");
    expect(placed(harness)["b"]).toEqual(["w1/0"]);
  });
});
