// The course of a job for charts, in constant memory: seconds fold into at most 600 points, whose width doubles
// whenever they would become more. Percentiles of a point come from the merged histograms of its seconds.

import { addTrends, quantile } from "../../load/histogram.ts";
import { select } from "../../load/merge.ts";
import type { SecondWindow } from "../../load/result.ts";
import type { Cells, TrendCells } from "../../load/series.ts";

export const TIMELINE_POINTS_MAX = 600;
const TAIL_SECONDS_MIN = 0.5;

export type Percentiles = { readonly p50: number; readonly p95: number; readonly p99: number };

/** What happened from second `from` on, for `seconds` seconds. Per second, times in ms; null: nothing measured. */
export type TimelinePoint = {
  readonly from: number;
  readonly seconds: number;
  readonly requests: number;
  readonly failed: number;
  readonly iterations: number;
  readonly dropped: number;
  readonly checksFailed: number;
  readonly latency: Percentiles | null;
  /** response_time: from the intended start, of arrival-rate executors. */
  readonly response: Percentiles | null;
  /** The most in any of its seconds. */
  readonly vus: number;
  readonly vusMax: number;
};

type Slot = {
  requests: number;
  failed: number;
  iterations: number;
  dropped: number;
  checksFailed: number;
  latency: TrendCells | null;
  response: TrendCells | null;
  vus: number;
  vusMax: number;
};

export class Timeline {
  readonly #pointsMax: number;
  #stride = 1;
  /** First second after the newest one. */
  #end = 0;
  #slots: (Slot | undefined)[] = [];

  constructor(pointsMax = TIMELINE_POINTS_MAX) {
    this.#pointsMax = pointsMax;
  }

  /** Takes one second in. */
  second(window: SecondWindow): void {
    while (Math.floor(window.second / this.#stride) >= this.#pointsMax) this.#widen();
    this.#end = Math.max(this.#end, window.second + 1);
    const at = Math.floor(window.second / this.#stride);
    const slot = slotOf(window);
    const known = this.#slots[at];
    this.#slots[at] = known === undefined ? slot : merge(known, slot);
  }

  /**
   * Points in order of time, without holes: a second nobody reported is one in which nothing happened. In: the job's
   * length, which ends the last second early; a rest under half a second joins the point before it, so that no rate is
   * made of a few samples or of time in which nothing could happen.
   */
  points(durationMs = Infinity): readonly TimelinePoint[] {
    const slots = Array.from(this.#slots, (slot) => slot ?? EMPTY);
    const end = Math.min(this.#end, durationMs / 1_000);
    const [last, previous] = [slots[slots.length - 1], slots[slots.length - 2]];
    if (last !== undefined && previous !== undefined && end - (slots.length - 1) * this.#stride < TAIL_SECONDS_MIN) {
      slots.splice(-2, 2, merge(previous, last));
    }
    return slots.map((slot, at) => {
      const from = at * this.#stride;
      const until = at === slots.length - 1 ? Math.max(end, from + TAIL_SECONDS_MIN) : from + this.#stride;
      return pointOf(slot, from, until - from);
    });
  }

  #widen(): void {
    const wide: (Slot | undefined)[] = [];
    this.#slots.forEach((slot, at) => {
      const known = wide[at >> 1];
      if (slot !== undefined) wide[at >> 1] = known === undefined ? slot : merge(known, slot);
    });
    this.#slots = wide;
    this.#stride *= 2;
  }
}

const EMPTY: Slot = {
  requests: 0,
  failed: 0,
  iterations: 0,
  dropped: 0,
  checksFailed: 0,
  latency: null,
  response: null,
  vus: 0,
  vusMax: 0,
};

function slotOf(window: SecondWindow): Slot {
  const of = (metric: string): Cells | null => select(window.series, metric, {});
  const failed = of("http_req_failed");
  const checks = of("checks");
  return {
    requests: sumOf(of("http_reqs")),
    iterations: sumOf(of("iterations")),
    dropped: sumOf(of("dropped_iterations")),
    failed: failed?.type === "rate" ? failed.passes : 0,
    checksFailed: checks?.type === "rate" ? checks.total - checks.passes : 0,
    latency: trendOf(of("http_req_duration") ?? of("iteration_duration")),
    response: trendOf(of("response_time")),
    vus: window.vus,
    vusMax: window.vusMax,
  };
}

function sumOf(cells: Cells | null): number {
  return cells?.type === "counter" ? cells.sum : 0;
}

function trendOf(cells: Cells | null): TrendCells | null {
  return cells?.type === "trend" && cells.count > 0 ? cells : null;
}

function merge(a: Slot, b: Slot): Slot {
  return {
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    iterations: a.iterations + b.iterations,
    dropped: a.dropped + b.dropped,
    checksFailed: a.checksFailed + b.checksFailed,
    latency: both(a.latency, b.latency),
    response: both(a.response, b.response),
    vus: Math.max(a.vus, b.vus),
    vusMax: Math.max(a.vusMax, b.vusMax),
  };
}

function both(a: TrendCells | null, b: TrendCells | null): TrendCells | null {
  if (a === null || b === null) return a ?? b;
  return addTrends(a, b);
}

function pointOf(slot: Slot, from: number, seconds: number): TimelinePoint {
  return {
    from,
    seconds,
    requests: slot.requests / seconds,
    failed: slot.failed / seconds,
    iterations: slot.iterations / seconds,
    dropped: slot.dropped / seconds,
    checksFailed: slot.checksFailed / seconds,
    latency: percentiles(slot.latency),
    response: percentiles(slot.response),
    vus: slot.vus,
    vusMax: slot.vusMax,
  };
}

function percentiles(cells: TrendCells | null): Percentiles | null {
  return cells === null ? null : { p50: quantile(cells, 0.5), p95: quantile(cells, 0.95), p99: quantile(cells, 0.99) };
}
