// A share driven to its end by a real loop, over functions that request nothing. Not a test itself.

import { Alarms } from "../../src/engine/alarms.ts";
import { Board } from "../../src/engine/board.ts";
import { HttpCore } from "../../src/engine/http/core.ts";
import { type IterationFunction, ShareLoop } from "../../src/engine/loop.ts";
import { Measure } from "../../src/engine/measure.ts";
import { planJob } from "../../src/load/options.ts";
import type { Executor } from "../../src/load/plan.ts";
import type { Series } from "../../src/load/series.ts";
import { type Accounting, type Resume, type Steering, UNSTEERED } from "../../src/load/share.ts";

const module = {
  form: "simple" as const,
  options: {},
  functions: ["default"],
  exports: ["default"],
  hasSetup: false,
  hasTeardown: false,
  feeds: [],
  metrics: [],
  files: {},
};
const { plan } = planJob({ module, overrides: {}, name: "loop" });

/** How a share ended, and what it measured. */
export type Ended = {
  readonly accounting: Accounting;
  readonly threw: readonly unknown[];
  readonly warnings: readonly string[];
  readonly series: readonly Series[];
  readonly resume: Resume;
  readonly elapsedMs: number;
  readonly value: unknown;
};
/** What a test asks of a share beside its executor. */
export type Ask = {
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
export async function drive(executor: Executor, run: IterationFunction, ask: Ask = {}): Promise<Ended> {
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

/** The sum of a counter, or the count of a trend, over what was measured. */
export function counted(series: readonly Series[], metric: string): number {
  const cells = series.find(({ id }) => id.metric === metric)?.cells;
  return cells === undefined ? 0 : cells.type === "counter" ? cells.sum : cells.type === "trend" ? cells.count : NaN;
}
