// Goal: cycles are found and named, planned times follow the longest path, and the bound on VUs holds and is tight
// where workflows surely follow each other. Method: small graphs by hand; a property over random graphs.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { findCycle, plannedTimes, vusAtOnceMax } from "../../src/load/workflow-order.ts";
import { constantVus, workflowOf } from "./shares.ts";

describe("a cycle", () => {
  const graph = (edges: Readonly<Record<string, readonly string[]>>) =>
    Object.entries(edges).map(([name, after]) => ({ name, after }));

  test("is not found where there is none, unknown names and diamonds included", () => {
    expect(findCycle(graph({ a: ["x"], b: ["a"], c: ["a"], d: ["b", "c"] }))).toBeNull();
    expect(findCycle([])).toBeNull();
  });

  test("is looked for once along each path, however many paths there are", () => {
    const layers = Array.from({ length: 100 }, (_, layer) => {
      const after = layer === 0 ? [] : [`a${layer - 1}`, `b${layer - 1}`];
      return [
        { name: `a${layer}`, after },
        { name: `b${layer}`, after },
      ];
    });
    expect(findCycle(layers.flat().reverse())).toBeNull();
  });

  test("is named from a workflow back to itself, without those that only lead to it", () => {
    expect(findCycle(graph({ a: ["a"] }))).toEqual(["a", "a"]);
    expect(findCycle(graph({ a: ["b"], b: ["c"], c: ["d"], d: ["b"] }))).toEqual(["b", "c", "d", "b"]);
  });

  test("is found exactly when some workflow waits for itself", () => {
    const edges = fc.array(fc.tuple(fc.nat(6), fc.nat(6)), { maxLength: 12 });
    fc.assert(
      fc.property(edges, (pairs) => {
        const names = Array.from({ length: 7 }, (_, at) => `w${at}`);
        const workflows = names.map((name, at) => ({
          name,
          after: pairs.filter(([from]) => from === at).map(([, to]) => `w${to}`),
        }));
        const reached = new Set(pairs.map(([from, to]) => `${from}>${to}`));
        for (let k = 0; k < 7; k++)
          for (let i = 0; i < 7; i++)
            for (let j = 0; j < 7; j++)
              if (reached.has(`${i}>${k}`) && reached.has(`${k}>${j}`)) reached.add(`${i}>${j}`);
        const cycle = findCycle(workflows);
        expect(cycle !== null).toBe(names.some((_, at) => reached.has(`${at}>${at}`)));
        if (cycle === null) return;
        expect(cycle.at(-1)).toBe(cycle[0]);
        for (let at = 0; at + 1 < cycle.length; at++) {
          expect(workflows.find(({ name }) => name === cycle[at])?.after.some((name) => name === cycle[at + 1])).toBe(
            true,
          );
        }
      }),
    );
  });
});

test("planned times follow the longest path, with startTime and gracefulStop", () => {
  const times = plannedTimes([
    workflowOf("late", constantVus(1, 5), { after: ["slow", "fast"], startTimeMs: 3 }),
    workflowOf("slow", constantVus(1, 100), { gracefulStopMs: 20 }),
    workflowOf("fast", constantVus(1, 10), { startTimeMs: 50 }),
  ]);
  expect(Object.fromEntries(times)).toEqual({
    slow: { startMs: 0, endMs: 100, stoppedMs: 120 },
    fast: { startMs: 50, endMs: 60, stoppedMs: 60 },
    late: { startMs: 123, endMs: 128, stoppedMs: 128 },
  });
});

describe("VUs at one time", () => {
  test("are the sum of workflows that may meet", () => {
    expect(vusAtOnceMax([workflowOf("a", constantVus(3, 10)), workflowOf("b", constantVus(4, 10))])).toBe(7);
    expect(vusAtOnceMax([])).toBe(0);
  });

  test("are the most of workflows that wait for each other", () => {
    const a = workflowOf("a", constantVus(3, 10));
    const b = workflowOf("b", constantVus(4, 10), { after: ["a"] });
    const c = workflowOf("c", constantVus(2, 10), { after: ["b"] });
    expect(vusAtOnceMax([c, a, b])).toBe(4);
    expect(vusAtOnceMax([a, b, c, workflowOf("d", constantVus(10, 10))])).toBe(14);
  });

  test("are the most of workflows that startTime keeps apart, gracefulStop included", () => {
    const a = workflowOf("a", constantVus(3, 10), { gracefulStopMs: 5 });
    expect(vusAtOnceMax([a, workflowOf("b", constantVus(4, 10), { startTimeMs: 15 })])).toBe(4);
    expect(vusAtOnceMax([a, workflowOf("b", constantVus(4, 10), { startTimeMs: 14 })])).toBe(7);
  });

  test("count workflows that meet when the one before ends early", () => {
    const first = workflowOf("first", constantVus(1, 600_000));
    const second = workflowOf("second", constantVus(5, 10), { after: ["first"] });
    const beside = workflowOf("beside", constantVus(7, 1_000));
    expect(vusAtOnceMax([first, second, beside])).toBe(12);
  });
});
