// Goal: a share that runs can be paused, resumed and scaled, and accounts for all of it. Method: real loops over functions
// that request nothing, steered once they have done what the test waits for; long pauses leap over their time.

import { describe, expect, test } from "bun:test";
import type { VU } from "../../src/engine/hyperscale.d.ts";
import type { ShareLoop } from "../../src/engine/loop.ts";
import type { Executor } from "../../src/load/plan.ts";
import type { Steering } from "../../src/load/share.ts";
import { type Ask, drive } from "./drive.ts";
import { until } from "./http/harness.ts";
import { steadyClock } from "./steady-clock.ts";

describe("steering", () => {
  const paused = (pausedMs: number): Steering => ({ isPaused: true, pausedMs, vus: null });
  const running = (pausedMs: number): Steering => ({ isPaused: false, pausedMs, vus: null });
  const scaled = (vus: number): Steering => ({ isPaused: false, pausedMs: 0, vus });
  const clock = steadyClock();
  /** Pauses the loop once `isTime`, and lets it go on after PAUSE_MS when `isStill`. */
  const PAUSE_MS = 10_000;
  const pauseOnce = async (loop: ShareLoop, isTime: () => boolean, isStill: () => boolean): Promise<void> => {
    await until(isTime, "the instant to pause");
    loop.steer(paused(0));
    await until(isStill, "the end of what ran");
    clock.leap(PAUSE_MS);
    setTimeout(() => loop.steer(running(PAUSE_MS)), 20);
  };

  test("a pause begins nothing, the arrivals of its time never happen, and none is late because of it", async () => {
    const begunMs: number[] = [];
    const executor: Executor = {
      kind: "constant-arrival-rate",
      rate: 100,
      timeUnitMs: 1_000,
      durationMs: 500,
      preAllocatedVus: 50,
      maxVus: 50,
      onLate: "drop",
    };
    const ended = await drive(executor, async () => void begunMs.push(performance.now()), {
      begun: (loop) =>
        void pauseOnce(
          loop,
          () => begunMs.length > 5,
          () => true,
        ),
    });
    expect(ended.accounting).toMatchObject({ scheduled: 50, started: 50, completed: 50, dropped: 0 });
    const longestGap = Math.max(...begunMs.slice(1).map((at, index) => at - (begunMs[index] ?? at)));
    expect(longestGap).toBeGreaterThanOrEqual(PAUSE_MS);
    expect(ended.elapsedMs).toBeGreaterThanOrEqual(PAUSE_MS + 480);
    const response = ended.series.find(({ id }) => id.metric === "response_time")?.cells;
    expect(response?.type === "trend" && response.max).toBeLessThan(PAUSE_MS / 2);
    expect(response?.type === "trend" && response.min).toBeGreaterThanOrEqual(0);
  });

  test("what runs goes on to its end in a pause, and an iteration during the pause is counted as it went", async () => {
    let begun = 0;
    let inPause = 0;
    const look: Ask["look"] = {};
    const ended = await drive(
      { kind: "constant-vus", vus: 2, durationMs: 1_000 },
      async (vu: VU) => {
        begun++;
        await vu.sleep(0.02);
      },
      {
        look,
        begun: (loop) =>
          void pauseOnce(
            loop,
            () => begun >= 2,
            () => look.accounting?.().completed === (inPause = begun),
          ),
      },
    );
    expect(inPause).toBeLessThan(begun);
    expect(ended.accounting).toMatchObject({ interrupted: 0, completed: begun });
    expect(ended.elapsedMs).toBeGreaterThanOrEqual(PAUSE_MS + 990);
    expect(ended.resume).toMatchObject({ kind: "elapsed" });
  });

  test("arrivals that wait for a VU wait on in a pause, and begin when it is over", async () => {
    const executor: Executor = {
      kind: "constant-arrival-rate",
      rate: 50,
      timeUnitMs: 1_000,
      durationMs: 1_000,
      preAllocatedVus: 1,
      maxVus: 1,
      onLate: "queue",
    };
    let begun = 0;
    const run = async (vu: VU): Promise<void> => {
      begun++;
      await vu.sleep(0.03);
    };
    const look: Ask["look"] = {};
    const ended = await drive(executor, run, {
      look,
      gracefulStopMs: 60_000,
      begun: (loop) =>
        void pauseOnce(
          loop,
          () => begun > 2,
          () => look.accounting?.().completed === begun,
        ),
    });
    expect(ended.accounting).toMatchObject({ scheduled: 50, started: 50, completed: 50, dropped: 0 });
  });

  test("one that starts in a pause begins when it is over, where its workflow is by then", async () => {
    const begunMs: number[] = [];
    const executor: Executor = { kind: "per-vu-iterations", vus: 1, iterations: 2, maxDurationMs: 60_000 };
    const beganMs = performance.now();
    const ended = await drive(executor, () => void begunMs.push(performance.now() - beganMs), {
      steering: paused(0),
      begun: (loop) => void setTimeout(() => loop.steer(running(200)), 200),
    });
    expect(ended.accounting.completed).toBe(2);
    expect(begunMs[0]).toBeGreaterThan(190);
  });

  test("a stop ends a share that is paused", async () => {
    const { promise, resolve } = Promise.withResolvers<"graceful">();
    const ended = await drive({ kind: "constant-vus", vus: 2, durationMs: 60_000 }, async (vu: VU) => vu.sleep(0.01), {
      stop: promise,
      begun: (loop) => {
        loop.steer(paused(0));
        setTimeout(() => resolve("graceful"), 50);
      },
    });
    expect(ended.elapsedMs).toBeLessThan(5_000);
  });

  test("scaled up, VUs with new numbers join at once; scaled down, those too many end after their iteration", async () => {
    const { promise: stop, resolve } = Promise.withResolvers<"graceful">();
    const begun = new Set<number>();
    const phases: (readonly number[])[] = [];
    const look: Ask["look"] = {};
    let interrupted: number | undefined;
    let iterations = 0;
    const ended = await drive(
      { kind: "constant-vus", vus: 2, durationMs: 60_000 },
      async (vu: VU) => {
        iterations++;
        begun.add(vu.id);
        await vu.sleep(0.02);
      },
      {
        look,
        stop,
        begun: async (loop) => {
          for (const [size, next] of [
            [2, 5],
            [5, 1],
            [1, 1],
          ] as const) {
            const since = iterations;
            await until(() => begun.size >= size && iterations >= since + 3 * size, `iterations of ${size} VUs`);
            phases.push([...begun].sort());
            begun.clear();
            loop.steer(scaled(next));
          }
          interrupted = look.accounting?.().interrupted;
          resolve("graceful");
        },
      },
    );
    expect(phases).toEqual([[1, 2], [1, 2, 3, 4, 5], [1]]);
    expect(interrupted).toBe(0);
    expect(ended.accounting.started).toBe(iterations);
  });

  test("a VU too many whose iteration does not end is interrupted after gracefulStop", async () => {
    const { promise: stop, resolve } = Promise.withResolvers<"graceful">();
    const look: Ask["look"] = {};
    let interrupted: number | undefined;
    await drive(
      { kind: "constant-vus", vus: 2, durationMs: 60_000 },
      async (vu: VU) => vu.sleep(vu.id === 2 ? 60 : 0.02),
      {
        gracefulStopMs: 50,
        look,
        stop,
        begun: async (loop) => {
          await until(() => look.accounting?.().completed === 3, "iterations of the other VU");
          loop.steer(scaled(1));
          await until(() => look.accounting?.().interrupted === 1, "an interruption");
          const { completed = Infinity } = look.accounting?.() ?? {};
          await until(() => (look.accounting?.().completed ?? 0) > completed + 3, "the other VU going on");
          interrupted = look.accounting?.().interrupted;
          resolve("graceful");
        },
      },
    );
    expect(interrupted).toBe(1);
  });

  test("externally-controlled begins with its vus and goes up to its maxVUs", async () => {
    const { promise: stop, resolve } = Promise.withResolvers<"graceful">();
    const ids = new Set<number>();
    let iterations = 0;
    let first: readonly number[] = [];
    await drive(
      { kind: "externally-controlled", vus: 1, maxVus: 4, durationMs: 60_000 },
      async (vu: VU) => {
        iterations++;
        ids.add(vu.id);
        await vu.sleep(0.01);
      },
      {
        stop,
        begun: async (loop) => {
          await until(() => iterations >= 5, "iterations");
          first = [...ids];
          loop.steer(scaled(4));
          await until(() => ids.size >= 4, "four VUs");
          resolve("graceful");
        },
      },
    );
    expect(first).toEqual([1]);
    expect([...ids].sort()).toEqual([1, 2, 3, 4]);
  });
});
