// Goal: the loop begins what the driver hands out, interrupts what outlives its time, and accounts for all of it.
// Method: real loops of a few hundred ms over functions that request nothing, awaited to their end.

import { afterAll, describe, expect, spyOn, test } from "bun:test";
import { Alarms } from "../../src/engine/alarms.ts";
import { Board } from "../../src/engine/board.ts";
import { HttpCore } from "../../src/engine/http/core.ts";
import type { VU } from "../../src/engine/hyperscale.d.ts";
import { type IterationFunction, ShareLoop } from "../../src/engine/loop.ts";
import { Measure } from "../../src/engine/measure.ts";
import { planJob } from "../../src/load/options.ts";
import type { Executor } from "../../src/load/plan.ts";
import type { Series } from "../../src/load/series.ts";
import { type Accounting, type Resume, type Steering, UNSTEERED } from "../../src/load/share.ts";
import { until } from "./http/harness.ts";

const module = {
  form: "simple" as const,
  options: {},
  functions: ["default"],
  hasSetup: false,
  hasTeardown: false,
  feeds: [],
  metrics: [],
  files: {},
};
const { plan } = planJob({ module, overrides: {}, name: "loop" });

type Ended = {
  readonly accounting: Accounting;
  readonly threw: readonly unknown[];
  readonly warnings: readonly string[];
  readonly series: readonly Series[];
  readonly resume: Resume;
  readonly elapsedMs: number;
  readonly value: unknown;
};
type Ask = {
  gracefulStopMs?: number;
  minIterationDurationMs?: number;
  isOneShot?: boolean;
  stop?: Promise<"graceful" | "now">;
  steering?: Steering;
  /** Called with the loop once it has begun. */
  begun?: (loop: ShareLoop) => void | Promise<void>;
  /** Called with the loop's accounts at any time a test likes to look at them. */
  look?: { accounting?: () => Accounting };
};

/** Runs a share to its end. `stop` resolves when (and how) it has to be stopped. */
async function drive(executor: Executor, run: IterationFunction, ask: Ask = {}): Promise<Ended> {
  const board = new Board();
  if (ask.look !== undefined) ask.look.accounting = () => board.accounting();
  const warnings: string[] = [];
  const threw: unknown[] = [];
  const measure = new Measure(
    board,
    { workflow: "w" },
    { series: () => undefined, warning: (text) => void warnings.push(text) },
  );
  const core = new HttpCore(plan.http);
  const beganMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const loop = new ShareLoop({
    host: {
      workflow: "w",
      env: {},
      context: {},
      core,
      measure,
      alarms: new Alarms(),
      provide: () => undefined,
      abort: () => undefined,
      jobElapsedMs: () => performance.now() - beganMs,
      requestFailed: () => undefined,
    },
    spec: {
      workflow: "w",
      share: 0,
      shares: 1,
      executor,
      vuBase: 0,
      startTimeMs: 0,
      gracefulStopMs: ask.gracefulStopMs ?? 1_000,
      minIterationDurationMs: ask.minIterationDurationMs ?? 0,
      resume: null,
    },
    run,
    data: null,
    board,
    isOneShot: ask.isOneShot ?? false,
    events: { threw: (thrown) => void threw.push(thrown), warning: (text) => void warnings.push(text), ended: resolve },
  });
  loop.start(beganMs, ask.steering ?? UNSTEERED);
  void ask.begun?.(loop);
  void ask.stop?.then((mode) => loop.stop(mode));
  const value = await promise;
  core.close();
  return {
    accounting: board.accounting(),
    threw,
    warnings,
    series: measure.cut("all"),
    resume: loop.resume({}),
    elapsedMs: performance.now() - beganMs,
    value,
  };
}

function counted(series: readonly Series[], metric: string): number {
  const cells = series.find(({ id }) => id.metric === metric)?.cells;
  return cells === undefined ? 0 : cells.type === "counter" ? cells.sum : cells.type === "trend" ? cells.count : NaN;
}

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
    const ended = await drive(executor, () => void begunMs.push(performance.now()), { minIterationDurationMs: 60 });
    expect(ended.accounting.completed).toBe(4);
    // Timers of whole ms may be up to one early.
    for (let at = 1; at < begunMs.length; at++) expect((begunMs[at] ?? 0) - (begunMs[at - 1] ?? 0)).toBeGreaterThan(58);
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
    expect(cuts.length).toBeGreaterThan(10);
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

describe("steering", () => {
  const paused = (pausedMs: number): Steering => ({ isPaused: true, pausedMs, vus: null });
  const running = (pausedMs: number): Steering => ({ isPaused: false, pausedMs, vus: null });
  const scaled = (vus: number): Steering => ({ isPaused: false, pausedMs: 0, vus });
  /** Time that passed without being waited for: real clocks go on meanwhile. */
  let leaptMs = 0;
  const realNow = performance.now.bind(performance);
  const clock = spyOn(performance, "now").mockImplementation(() => realNow() + leaptMs);
  afterAll(() => clock.mockRestore());
  /** Pauses the loop once `isTime`, and lets it go on after PAUSE_MS when `isStill`. */
  const PAUSE_MS = 10_000;
  const pauseOnce = async (loop: ShareLoop, isTime: () => boolean, isStill: () => boolean): Promise<void> => {
    await until(isTime, "the instant to pause");
    loop.steer(paused(0));
    await until(isStill, "the end of what ran");
    leaptMs += PAUSE_MS;
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
