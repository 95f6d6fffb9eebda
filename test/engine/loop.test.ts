// Goal: the loop begins what the driver hands out, interrupts what outlives its time, and accounts for all of it.
// Method: real loops of a few hundred ms over functions that request nothing, awaited to their end, on a clock that
// does not see the machine stall.

import { describe, expect, test } from "bun:test";
import type { VU } from "../../src/engine/hyperscale.d.ts";
import type { Executor } from "../../src/load/plan.ts";
import type { Accounting } from "../../src/load/share.ts";
import { type Ask, counted, drive } from "./drive.ts";
import { steadyClock } from "./steady-clock.ts";

steadyClock();

describe("closed executors", () => {
  test("shared iterations run exactly as many as asked for, by all VUs, each with a number of its own", async () => {
    const seen = new Map<number, number>();
    const ended = await drive(
      { kind: "shared-iterations", vus: 7, iterations: 1_000, maxDurationMs: 60_000 },
      async (vu: VU) => {
        seen.set(vu.id, (seen.get(vu.id) ?? 0) + 1);
        await Promise.resolve();
      },
    );
    expect(ended.accounting).toMatchObject({ scheduled: 1_000, started: 1_000, completed: 1_000, interrupted: 0 });
    expect(counted(ended.series, "iterations")).toBe(1_000);
    expect([...seen.keys()].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test("state and the iteration number stay with a VU", async () => {
    const states: string[] = [];
    await drive({ kind: "per-vu-iterations", vus: 2, iterations: 3, maxDurationMs: 60_000 }, (vu: VU) => {
      const before = vu.state["n"];
      vu.state["n"] = typeof before === "number" ? before + 1 : 0;
      states.push(`${vu.id}:${vu.iteration}:${String(vu.state["n"])}`);
    });
    expect(states.sort()).toEqual(["1:0:0", "1:1:1", "1:2:2", "2:0:0", "2:1:1", "2:2:2"]);
  });

  test("a VU that aborted begins nothing more, though the stop is still on its way", async () => {
    const begun = new Map<number, number>();
    const ended = await drive({ kind: "constant-vus", vus: 2, durationMs: 200 }, async (vu: VU) => {
      begun.set(vu.id, (begun.get(vu.id) ?? 0) + 1);
      if (vu.id === 1) vu.abort("enough");
      await vu.sleep("20ms");
    });
    expect(begun.get(1)).toBe(1);
    expect(begun.get(2)).toBeGreaterThan(2);
    expect(ended.accounting.interrupted).toBeGreaterThanOrEqual(1);
    const once = { kind: "per-vu-iterations", vus: 1, iterations: 1, maxDurationMs: 60_000 } as const;
    let runs = 0;
    await drive(once, (vu: VU) => (runs++, vu.abort("in teardown")), { isOneShot: true });
    expect(runs).toBe(1);
  });

  test("a function that awaits nothing leaves timers their turn and ends with its schedule", async () => {
    let ticks = 0;
    const ticker = setInterval(() => void ticks++, 5);
    const ended = await drive({ kind: "constant-vus", vus: 3, durationMs: 300 }, async () => undefined);
    clearInterval(ticker);
    expect(ticks).toBeGreaterThan(5);
    expect(ended.accounting.completed).toBeGreaterThan(1_000);
    expect(ended.accounting.interrupted).toBe(0);
  });

  test("[MW-20.2.1] an iteration that throws is counted, told, and followed by the next", async () => {
    const ended = await drive({ kind: "shared-iterations", vus: 1, iterations: 5, maxDurationMs: 60_000 }, (vu: VU) => {
      if (vu.iteration % 2 === 0) throw new Error(`odd ${vu.iteration}`);
    });
    expect(ended.accounting).toMatchObject({ started: 5, completed: 5 });
    expect(ended.threw.map(String)).toEqual(["Error: odd 0", "Error: odd 2", "Error: odd 4"]);
  });

  test("minIterationDuration spaces the iterations of a VU", async () => {
    const begunMs: number[] = [];
    const executor: Executor = { kind: "per-vu-iterations", vus: 1, iterations: 4, maxDurationMs: 60_000 };
    const fromMs = performance.now();
    const ended = await drive(executor, () => void begunMs.push(performance.now()), { minIterationDurationMs: 60 });
    expect(ended.accounting.completed).toBe(4);
    // From the very start: on a busy machine the function is called some time after its iteration began, not before.
    // Timers of whole ms may be up to one early.
    for (const [at, ms] of begunMs.entries()) expect(ms - fromMs).toBeGreaterThan(at * 59);
  });

  test("a VU ramped down is interrupted after gracefulRampDown, the others go on", async () => {
    const executor: Executor = {
      kind: "ramping-vus",
      startVus: 2,
      gracefulRampDownMs: 50,
      stages: [
        { durationMs: 0, target: 1 },
        { durationMs: 600, target: 1 },
      ],
    };
    const ended = await drive(executor, async (vu: VU) => vu.sleep(vu.id === 2 ? 60 : 0.02));
    expect(ended.accounting.started - ended.accounting.completed).toBe(ended.accounting.interrupted);
    expect(ended.accounting.completed).toBeGreaterThan(10);
    expect(ended.elapsedMs).toBeLessThan(5_000);
  });
});

describe("executors of iterations", () => {
  const slow = async (vu: VU): Promise<void> => vu.sleep(0.1);

  test("what maxDuration leaves unbegun is dropped, however much: started + dropped = scheduled", async () => {
    for (const executor of [
      { kind: "shared-iterations", vus: 2, iterations: 1_000_000_000, maxDurationMs: 250 },
      { kind: "per-vu-iterations", vus: 2, iterations: 500_000_000, maxDurationMs: 250 },
    ] as const) {
      const { accounting, series } = await drive(executor, slow);
      expect(accounting.scheduled).toBe(1_000_000_000);
      expect(accounting.started + accounting.dropped).toBe(1_000_000_000);
      expect(accounting.started).toBeLessThanOrEqual(6);
      expect(counted(series, "dropped_iterations")).toBe(accounting.dropped);
    }
  });

  test("a test that is stopped before drops nothing", async () => {
    const executor = { kind: "shared-iterations", vus: 1, iterations: 1_000, maxDurationMs: 60_000 } as const;
    const begun = Promise.withResolvers<"graceful">();
    const ended = await drive(executor, async () => begun.resolve("graceful"), { stop: begun.promise });
    expect(ended.accounting.dropped).toBe(0);
    expect(ended.accounting.scheduled).toBe(ended.accounting.started);
  });
});

describe("open executors", () => {
  const rate = { kind: "constant-arrival-rate", rate: 100, timeUnitMs: 1_000, durationMs: 500 } as const;

  test("an arrival that finds no VU is dropped, and started + dropped = scheduled", async () => {
    const ended = await drive({ ...rate, preAllocatedVus: 1, maxVus: 2, onLate: "drop" }, async (vu: VU) =>
      vu.sleep(0.1),
    );
    expect(ended.accounting.scheduled).toBe(50);
    expect(ended.accounting.started + ended.accounting.dropped).toBe(50);
    expect(ended.accounting.dropped).toBeGreaterThan(30);
    expect(counted(ended.series, "dropped_iterations")).toBe(ended.accounting.dropped);
  });

  test("what a core that stood still to its end never came to is dropped, not forgotten", async () => {
    const fast = { ...rate, rate: 20_000, preAllocatedVus: 1, maxVus: 1, onLate: "drop" } as const;
    let isFirst = true;
    const stand = async (vu: VU): Promise<void> => {
      for (const beganMs = performance.now(); isFirst && performance.now() - beganMs < 600;);
      isFirst = false;
      await vu.sleep(0.05);
    };
    const ended = await drive(fast, stand, { gracefulStopMs: 0 });
    const { scheduled, started, dropped } = ended.accounting;
    expect([scheduled, started + dropped]).toEqual([10_000, 10_000]);
  });

  test("its time runs to the end of the duration, so that a rate is what was asked for", async () => {
    const once = { ...rate, rate: 4, preAllocatedVus: 1, maxVus: 2, onLate: "drop" } as const;
    const ended = await drive(once, async () => {});
    // Two arrivals, at 0 and 250 ms: without the rest of the second they would be 8 a second.
    expect(ended.accounting).toMatchObject({ scheduled: 2, completed: 2 });
    expect(ended.elapsedMs).toBeGreaterThanOrEqual(500);
    expect(ended.elapsedMs).toBeLessThan(5_000);
  });

  test("a stop does not wait for the rest of the duration", async () => {
    const once = { ...rate, rate: 1, durationMs: 60_000, preAllocatedVus: 1, maxVus: 1, onLate: "drop" } as const;
    const begun = Promise.withResolvers<"graceful">();
    const ended = await drive(once, async () => begun.resolve("graceful"), { stop: begun.promise });
    expect(ended.elapsedMs).toBeLessThan(10_000);
  });

  test("with onLate queue it starts late, and response_time holds the wait", async () => {
    const ended = await drive(
      { ...rate, preAllocatedVus: 1, maxVus: 2, onLate: "queue" },
      async (vu: VU) => vu.sleep(0.05),
      { gracefulStopMs: 10_000 },
    );
    expect(ended.accounting).toMatchObject({ scheduled: 50, started: 50, dropped: 0 });
    const response = ended.series.find(({ id }) => id.metric === "response_time")?.cells;
    // 50 arrivals of 50 ms on 2 VUs take 1,250 ms: the last, due at 490 ms, ends about 760 ms late.
    expect(response?.type === "trend" && response.max).toBeGreaterThan(500);
    expect(counted(ended.series, "iteration_lateness")).toBe(50);
  });

  test("an arrival that waits in the queue is not scheduled yet: at every cut started + dropped = scheduled", async () => {
    const look: { accounting?: () => Accounting } = {};
    const cuts: Accounting[] = [];
    const ended = await drive(
      { ...rate, preAllocatedVus: 1, maxVus: 1, onLate: "queue" },
      async (vu: VU) => {
        await vu.sleep(0.02);
        const cut = look.accounting?.();
        if (cut !== undefined) cuts.push(cut);
      },
      { gracefulStopMs: 100, look },
    );
    expect(cuts.length).toBeGreaterThan(0);
    expect(cuts.filter((cut) => cut.started + cut.dropped !== cut.scheduled)).toEqual([]);
    expect(ended.accounting.scheduled).toBe(50);
    expect(ended.accounting.started + ended.accounting.dropped).toBe(50);
  });

  test("what still waits in the queue when gracefulStop is over is dropped, never fired", async () => {
    const ended = await drive(
      { ...rate, preAllocatedVus: 1, maxVus: 1, onLate: "queue" },
      async (vu: VU) => vu.sleep(0.1),
      { gracefulStopMs: 0 },
    );
    expect(ended.accounting.started + ended.accounting.dropped).toBe(50);
    expect(ended.accounting.dropped).toBeGreaterThan(40);
  });
});

describe("what a VU is given", () => {
  test("a pause of digits is seconds, be it number or text; less than 0 is none; what is no time is refused", async () => {
    const told: string[] = [];
    let pauseMs = 0;
    await drive({ kind: "shared-iterations", vus: 1, iterations: 1, maxDurationMs: 60_000 }, async (vu: VU) => {
      const beganMs = performance.now();
      await vu.sleep("0.2");
      pauseMs = performance.now() - beganMs;
      await vu.sleep(-1);
      await vu.sleep("-0.5");
      for (const wrong of ["", "soon", NaN, "-1s"])
        await Promise.try(() => vu.sleep(wrong)).catch((thrown: unknown) => told.push(String(thrown)));
    });
    expect(pauseMs).toBeGreaterThan(150);
    expect(told.map((text) => text.includes("give seconds as a number"))).toEqual(Array(4).fill(true));
  });

  test("a check without its record of functions is refused, not passed", async () => {
    const said: unknown[] = [];
    await drive({ kind: "shared-iterations", vus: 1, iterations: 1, maxDurationMs: 60_000 }, (vu: VU) => {
      for (const wrong of ["null", '"a name"'])
        expect(() => vu.check(1, JSON.parse(wrong))).toThrow("its second argument must be");
      said.push(vu.check(1, { yes: () => true }));
    });
    expect(said).toEqual([true]);
  });
});

describe("what an iteration leaves open", () => {
  test("a pause that nobody awaits holds the VU back all the same, and is warned about once", async () => {
    let inPause = 0;
    const overlaps: number[] = [];
    const ended = await drive({ kind: "shared-iterations", vus: 1, iterations: 3, maxDurationMs: 60_000 }, (vu: VU) => {
      overlaps.push(inPause++);
      const forgotten = async (): Promise<void> => {
        await vu.sleep("20ms");
        inPause--;
      };
      void forgotten();
    });
    expect(overlaps).toEqual([0, 0, 0]);
    expect(ended.accounting).toMatchObject({ started: 3, completed: 3, interrupted: 0 });
    expect(ended.warnings).toEqual([expect.stringContaining("a sleep still open (missing await?)")]);
  });

  test("what nobody awaits goes on to its end, pause after pause, before the next iteration", async () => {
    const seen: string[] = [];
    const ended = await drive(
      { kind: "shared-iterations", vus: 1, iterations: 2, maxDurationMs: 60_000 },
      async (vu: VU) => {
        seen.push("begin");
        void vu.group("forgotten", async () => {
          await vu.sleep("5ms");
          await vu.sleep("5ms");
          vu.check(1, { done: () => true });
          seen.push("end");
        });
        await vu.sleep("1ms");
      },
    );
    expect(seen).toEqual(["begin", "end", "begin", "end"]);
    expect(ended.warnings.length).toBe(1);
    const groups = ended.series.filter(({ id }) => id.metric === "checks").map(({ id }) => id.tags["group"]);
    expect(groups).toEqual(["::forgotten"]);
  });

  test("a pause that lost a race holds nothing up, and is no missing await", async () => {
    const ended = await drive(
      { kind: "shared-iterations", vus: 1, iterations: 5, maxDurationMs: 60_000 },
      async (vu: VU) => {
        await Promise.race([vu.sleep("1ms"), vu.sleep(20)]);
      },
    );
    expect(ended.accounting).toMatchObject({ started: 5, completed: 5, interrupted: 0 });
    expect(ended.elapsedMs).toBeLessThan(10_000);
    expect(ended.warnings).toEqual([]);
  });

  test("a stop ends the pauses it waits for, and an iteration that is cut off so is interrupted", async () => {
    const { promise, resolve } = Promise.withResolvers<"graceful">();
    const ended = await drive(
      { kind: "constant-vus", vus: 1, durationMs: 60_000 },
      (vu: VU) => {
        const forgotten = async (): Promise<void> => {
          try {
            await vu.sleep(30);
          } catch {
            // Interrupted, as it is to be.
          }
        };
        void forgotten();
        resolve("graceful");
      },
      { stop: promise },
    );
    expect(ended.accounting).toMatchObject({ started: 1, completed: 0, interrupted: 1 });
    expect(ended.elapsedMs).toBeLessThan(5_000);
  });
});

describe("the end", () => {
  test("an iteration that waits for something foreign is abandoned and counted interrupted", async () => {
    const never = new Promise<void>(() => undefined);
    const ended = await drive({ kind: "constant-vus", vus: 2, durationMs: 50 }, () => never, { gracefulStopMs: 50 });
    expect(ended.accounting).toMatchObject({ started: 2, completed: 0, interrupted: 2 });
    expect(ended.elapsedMs).toBeLessThan(3_000);
  });

  test("[MW-14.2.2] a graceful stop ends pauses at once and begins nothing more", async () => {
    const { promise, resolve } = Promise.withResolvers<"graceful">();
    let begun = 0;
    const ended = await drive(
      { kind: "constant-vus", vus: 4, durationMs: 60_000 },
      async (vu: VU) => {
        if (++begun === 4) resolve("graceful");
        await vu.sleep(30);
      },
      { stop: promise, gracefulStopMs: 30_000 },
    );
    expect(ended.accounting).toMatchObject({ started: 4, completed: 0, interrupted: 4 });
    expect(ended.elapsedMs).toBeLessThan(5_000);
  });

  test("the signal is aborted and new pauses are refused once the VU is stopped", async () => {
    const { promise, resolve } = Promise.withResolvers<"graceful">();
    const seen: string[] = [];
    await drive(
      { kind: "constant-vus", vus: 1, durationMs: 60_000 },
      async (vu: VU) => {
        const aborted = new Promise<void>((done) => vu.signal.addEventListener("abort", () => done()));
        resolve("graceful");
        await aborted;
        await vu.sleep(10).catch((thrown: unknown) => seen.push(thrown instanceof Error ? thrown.name : ""));
      },
      { stop: promise },
    );
    expect(seen).toEqual(["InterruptedError"]);
  });

  test("a VU that swallows its interruption and tries again for ever starves nobody, and is abandoned", async () => {
    let isOver = false;
    const ended = await drive(
      { kind: "constant-vus", vus: 2, durationMs: 500 },
      async (vu: VU) => {
        while (!isOver) await Promise.all([vu.sleep("5ms"), vu.http.get("http://127.0.0.1:1/")]).catch(() => undefined);
      },
      { gracefulStopMs: 50 },
    );
    isOver = true;
    expect(ended.accounting).toMatchObject({ started: 2, completed: 0, interrupted: 2 });
    expect(ended.elapsedMs).toBeLessThan(5_000);
  });

  test("a one-shot function hands out what it returned, and counts no iteration", async () => {
    const ended = await drive(
      { kind: "per-vu-iterations", vus: 1, iterations: 1, maxDurationMs: 60_000 },
      async () => ({ token: 1 }),
      { isOneShot: true },
    );
    expect(ended.value).toEqual({ token: 1 });
    expect(counted(ended.series, "iterations")).toBe(0);
  });
});
