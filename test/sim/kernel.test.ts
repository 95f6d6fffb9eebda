// Goal: the kernel runs events in one order only, lets promises settle within them, and its hash tells runs apart.
// Method: small schedules with known order, a naive queue beside it, and runs done twice.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow } from "../../src/base/prng.ts";
import { Kernel } from "../../src/sim/kernel.ts";

describe("events", () => {
  test("run in the order of their time, and of scheduling where that is the same", () => {
    const prng = createPrng(3);
    const kernel = new Kernel(1);
    const label = kernel.label("test", "");
    const naive: { readonly us: number; readonly id: number }[] = [];
    const ran: number[] = [];
    let id = 0;
    const schedule = (): void => {
      const delayUs = nextBelow(prng, 30);
      const mine = id++;
      naive.push({ us: Math.round(kernel.nowMs * 1000) + delayUs, id: mine });
      kernel.after(delayUs / 1000, label, () => {
        ran.push(mine);
        if (id < 3_000) for (let count = nextBelow(prng, 3); count > 0; count--) schedule();
      });
    };
    for (let count = 0; count < 100; count++) schedule();
    kernel.run(1_000);
    expect(ran.length).toBeGreaterThan(150);
    const order = naive.sort((left, right) => left.us - right.us || left.id - right.id).map((event) => event.id);
    expect(ran).toEqual(order);
  });

  test("one scheduled for now runs after all that were, and one in the past counts as now", () => {
    const kernel = new Kernel(1);
    const label = kernel.label("test", "");
    const ran: string[] = [];
    kernel.after(1, label, () => {
      kernel.after(-5, label, () => ran.push("within"));
      ran.push("first");
    });
    kernel.after(1, label, () => ran.push("second"));
    kernel.run(1);
    expect(ran).toEqual(["first", "second", "within"]);
    kernel.after(0, label, () => ran.push("later"));
    kernel.run(1);
    expect(ran.at(-1)).toBe("later");
  });

  test("a cancelled one does not run and does not count", () => {
    const kernel = new Kernel(1);
    const label = kernel.label("test", "");
    const ran: string[] = [];
    const cancelled = kernel.after(1, label, () => ran.push("cancelled"));
    kernel.after(0.5, label, () => cancelled.cancel());
    kernel.run(10);
    cancelled.cancel();
    expect(ran).toEqual([]);
    expect(kernel.events).toBe(1);
    expect(kernel.nowMs).toBe(10);
  });

  test("a run stops at its limit with the time there; what is due then belongs to it", () => {
    const kernel = new Kernel(1);
    const label = kernel.label("test", "");
    const ran: number[] = [];
    for (const at of [1, 2, 3]) kernel.after(at, label, () => ran.push(at));
    kernel.run(2);
    expect(ran).toEqual([1, 2]);
    expect(kernel.nowMs).toBe(2);
    expect(kernel.step(2.9)).toBe(false);
    expect(kernel.step()).toBe(true);
    expect(kernel.step()).toBe(false);
    expect(ran).toEqual([1, 2, 3]);
  });

  test("runUntil stops after the event that made it true, and says when none did", () => {
    const kernel = new Kernel(1);
    const label = kernel.label("test", "");
    let ran = 0;
    for (let at = 0; at < 10; at++) kernel.after(at, label, () => ran++);
    expect(kernel.runUntil(() => ran === 4, 100)).toBe(true);
    expect(ran).toBe(4);
    expect(kernel.runUntil(() => ran === 99, 5)).toBe(false);
    expect(ran).toBe(6);
  });

  test("what an event throws ends the run, and the next one goes on", () => {
    const kernel = new Kernel(1);
    const label = kernel.label("test", "");
    let ran = 0;
    kernel.after(1, label, () => {
      throw new Error("planted");
    });
    kernel.after(2, label, () => ran++);
    expect(() => kernel.run(10)).toThrow("planted");
    kernel.run(10);
    expect(ran).toBe(1);
  });
});

describe("promises", () => {
  test("settle to rest within their event, before the hooks and the next event", () => {
    const kernel = new Kernel(1);
    const label = kernel.label("test", "");
    const seen: string[] = [];
    const work = async (name: string): Promise<void> => {
      for (let step = 0; step < 3; step++) {
        seen.push(`${name}${step}`);
        await Promise.resolve();
        await Promise.all([Promise.resolve(), new Promise<void>((resolve) => queueMicrotask(resolve))]);
      }
    };
    kernel.onStep(() => seen.push("hook"));
    kernel.after(1, label, () => void work("a"));
    kernel.after(1, label, () => void work("b"));
    kernel.run(5);
    expect(seen).toEqual(["a0", "a1", "a2", "hook", "b0", "b1", "b2", "hook"]);
  });

  test("that wait for an event are woken by it", () => {
    const kernel = new Kernel(1);
    const label = kernel.label("test", "");
    const times: number[] = [];
    const wait = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        kernel.after(ms, label, resolve);
      });
    void (async () => {
      for (const ms of [1, 2, 3]) {
        await wait(ms);
        times.push(kernel.nowMs);
      }
    })();
    kernel.run(100);
    expect(times).toEqual([1, 3, 6]);
  });
});

describe("hooks", () => {
  test("look after every event until they are taken back", () => {
    const kernel = new Kernel(1);
    const label = kernel.label("test", "");
    let looks = 0;
    const remove = kernel.onStep(() => looks++);
    for (let at = 0; at < 4; at++) kernel.after(at, label, () => {});
    kernel.run(1);
    remove();
    kernel.run(10);
    expect(looks).toBe(2);
  });
});

describe("the trace", () => {
  const run = (seed: number, change: (kernel: Kernel) => void = () => {}): number => {
    const kernel = new Kernel(seed);
    const prng = kernel.prng("test");
    const tick = (): void => {
      kernel.after(nextBelow(prng, 1_000) / 100, kernel.label("tick", `m${nextBelow(prng, 3)}`), tick);
    };
    tick();
    change(kernel);
    kernel.run(1_000);
    return kernel.traceHash;
  };

  test("is equal for equal runs and another for another seed", () => {
    expect(run(1)).toBe(run(1));
    expect(run(2)).not.toBe(run(1));
    expect(run(1 + 2 ** 40)).not.toBe(run(1));
  });

  test("tells runs apart that differ in one event's time, kind or node, or in what was noted", () => {
    const event = (delayMs: number, kind: string, node: string) => (kernel: Kernel) =>
      void kernel.after(delayMs, kernel.label(kind, node), () => {});
    const hashes = [
      run(1),
      run(1, event(3, "a", "m1")),
      run(1, event(3.001, "a", "m1")),
      run(1, event(3, "b", "m1")),
      run(1, event(3, "a", "m2")),
      run(1, (kernel) => kernel.note(7)),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test("counts events by kind", () => {
    const kernel = new Kernel(1);
    for (const node of ["m1", "m2"]) kernel.after(1, kernel.label("b", node), () => {});
    kernel.after(1, kernel.label("a", "m1"), () => {});
    kernel.label("never", "m1");
    kernel.run(2);
    expect([...kernel.eventsByKind]).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
  });
});

test("random streams are apart: draws from one do not shift another", () => {
  const draws = (kernel: Kernel): readonly number[] => {
    const prng = kernel.prng("one");
    return Array.from({ length: 5 }, () => nextBelow(prng, 1_000_000));
  };
  const [kernel, other] = [new Kernel(9), new Kernel(9)];
  nextBelow(kernel.prng("two"), 10);
  expect(draws(kernel)).toEqual(draws(other));
  expect(draws(new Kernel(10))).not.toEqual(draws(other));
});
