// The exact curve of a schedule: stages as straight lines, the VU count at an instant, and the intended instant of
// every arrival by the closed-form inverse of the rate's integral (no accumulation, so no drift over millions).
//
// Rules. The line is right-continuous; a stage of no duration is a jump. VUs as in k6: a rising line is rounded down, a
// falling one up: within one VU of it, and on it at whole numbers. Arrival n (from 0) is due at the instant the
// integral passes n: inf { t : integral(t) > n }. So the first is due as soon as the rate is above 0 (at 0 for a
// constant rate, as in k6), the last strictly before the end, and their number is the integral rounded up: exactly
// rate x duration where that is whole.

import { assert } from "../base/assert.ts";
import type { Stage } from "./plan.ts";

/** Stages compiled for lookup, by index. Areas are in value x ms, doubled so that whole input gives whole ones. */
export type Curve = {
  readonly stages: number;
  readonly endMs: number;
  readonly startMs: Float64Array;
  readonly durationMs: Float64Array;
  readonly source: Float64Array;
  readonly target: Float64Array;
  /** Twice the integral up to the end of stage i. */
  readonly areaTwice: Float64Array;
};

/** How far from a whole number a computed line may be and still count as it: rounding, not slope. */
const WHOLE = 1e-9;
/** Least step of `crossingMs`: 1 us, so that a caller who wakes by it always moves on. */
const STEP_MS = 0.001;

/** Compiles stages that begin at the value `start`. Durations in ms, >= 0; values >= 0. */
export function curveOf(stages: readonly Stage[], start: number): Curve {
  const count = stages.length;
  assert(count > 0, "a curve has at least one stage");
  const curve = {
    stages: count,
    endMs: 0,
    startMs: new Float64Array(count),
    durationMs: new Float64Array(count),
    source: new Float64Array(count),
    target: new Float64Array(count),
    areaTwice: new Float64Array(count),
  };
  let value = start;
  let areaTwice = 0;
  stages.forEach((stage, at) => {
    assert(stage.durationMs >= 0 && stage.target >= 0, "stages are not negative");
    curve.startMs[at] = curve.endMs;
    curve.durationMs[at] = stage.durationMs;
    curve.source[at] = value;
    curve.target[at] = stage.target;
    areaTwice += (value + stage.target) * stage.durationMs;
    curve.areaTwice[at] = areaTwice;
    curve.endMs += stage.durationMs;
    value = stage.target;
  });
  return curve;
}

/** A curve of one height: a constant rate or VU count. */
export function flatCurve(value: number, durationMs: number): Curve {
  return curveOf([{ durationMs, target: value }], value);
}

/** Height of the line of `stages` at an instant: `start` before 0, the last target from the end on. */
export function targetAt(stages: readonly Stage[], start: number, elapsedMs: number): number {
  return stages.length === 0 ? start : valueAt(curveOf(stages, start), elapsedMs);
}

/** Height of the line at an instant; before 0 its start, from the end on its last target. */
export function valueAt(curve: Curve, elapsedMs: number): number {
  if (elapsedMs < 0) return curve.source[0]!;
  const at = stageAt(curve, elapsedMs);
  if (at === curve.stages) return curve.target[at - 1]!;
  return lineAt(curve, at, elapsedMs);
}

/** Whole VUs at an instant: rising lines rounded down, falling ones up; 0 once the schedule is over. */
export function vusAt(curve: Curve, elapsedMs: number): number {
  if (elapsedMs < 0) return curve.source[0]!;
  const at = stageAt(curve, elapsedMs);
  if (at === curve.stages) return 0;
  const height = lineAt(curve, at, elapsedMs);
  return curve.target[at]! < curve.source[at]! ? Math.ceil(height - WHOLE) : Math.floor(height + WHOLE);
}

/**
 * First instant after `elapsedMs` at which the line is at `above` or higher, or at `below` or lower (below < line now <
 * above). Infinity if that does not happen before the end. May be early by rounding, never late by more than 1 us.
 */
export function crossingMs(curve: Curve, elapsedMs: number, below: number, above: number): number {
  for (let at = stageAt(curve, elapsedMs); at < curve.stages; at++) {
    const source = curve.source[at]!;
    const target = curve.target[at]!;
    const startMs = curve.startMs[at]!;
    if (curve.durationMs[at]! === 0) continue;
    if (startMs > elapsedMs && (source >= above || source <= below)) return startMs;
    const wanted = target > source ? above : below;
    if (target === source || (target > source ? target < above : target > below)) continue;
    const crossMs = startMs + ((wanted - source) * curve.durationMs[at]!) / (target - source);
    return Math.max(crossMs, elapsedMs + STEP_MS);
  }
  return Infinity;
}

/** Arrivals in the whole schedule, the line being a rate per `timeUnitMs`: the integral rounded up. */
export function arrivalsTotal(curve: Curve, timeUnitMs: number): number {
  return wholeUp(curve.areaTwice[curve.stages - 1]! / (2 * timeUnitMs));
}

/** Arrivals due before an instant (strictly), up to rounding at that very instant. */
export function arrivalsBefore(curve: Curve, timeUnitMs: number, elapsedMs: number): number {
  if (elapsedMs <= 0) return 0;
  const at = stageAt(curve, elapsedMs);
  if (at === curve.stages) return arrivalsTotal(curve, timeUnitMs);
  const x = elapsedMs - curve.startMs[at]!;
  const before = at === 0 ? 0 : curve.areaTwice[at - 1]!;
  const source = curve.source[at]!;
  const areaTwice = before + 2 * source * x + ((curve.target[at]! - source) * x * x) / curve.durationMs[at]!;
  return wholeUp(areaTwice / (2 * timeUnitMs));
}

/**
 * Intended instant of arrival n (0 <= n < arrivalsTotal), in ms since the schedule's start. Within a stage the integral
 * is a parabola; it is solved from the end where the rate is lower, in the form that adds and never cancels.
 */
export function arrivalMs(curve: Curve, timeUnitMs: number, n: number): number {
  const areaTwice = 2 * n * timeUnitMs;
  const at = stageOfArea(curve, areaTwice);
  const durationMs = curve.durationMs[at]!;
  const source = curve.source[at]!;
  const target = curve.target[at]!;
  const startMs = curve.startMs[at]!;
  if (target < source) {
    const left = Math.max(0, curve.areaTwice[at]! - areaTwice);
    return startMs + Math.max(0, durationMs - solve(target, source, durationMs, left));
  }
  const done = Math.max(0, areaTwice - (at === 0 ? 0 : curve.areaTwice[at - 1]!));
  if (target === source) return startMs + done / (2 * source);
  return startMs + Math.min(durationMs, solve(source, target, durationMs, done));
}

/** x >= 0 with 2 low x + (high - low) x^2 / duration = areaTwice, for low < high. */
function solve(low: number, high: number, durationMs: number, areaTwice: number): number {
  if (areaTwice === 0) return 0;
  return areaTwice / (low + Math.sqrt(low * low + ((high - low) * areaTwice) / durationMs));
}

/** Stage that holds an instant >= 0; `stages` from the end on. Stages of no duration hold none. */
function stageAt(curve: Curve, elapsedMs: number): number {
  let low = 0;
  let high = curve.stages;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (elapsedMs < curve.startMs[middle]! + curve.durationMs[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** First stage by whose end the integral has passed an area; the last one where rounding finds none. */
function stageOfArea(curve: Curve, areaTwice: number): number {
  let low = 0;
  let high = curve.stages - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (areaTwice < curve.areaTwice[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Multiplies before it divides: exact wherever the result is. */
function lineAt(curve: Curve, at: number, elapsedMs: number): number {
  const source = curve.source[at]!;
  return source + ((curve.target[at]! - source) * (elapsedMs - curve.startMs[at]!)) / curve.durationMs[at]!;
}

/** Rounded up, except that a hair above a whole number (rounding of fractional rates) is that number. */
function wholeUp(integral: number): number {
  const nearest = Math.round(integral);
  return Math.abs(integral - nearest) <= WHOLE + integral * 1e-14 ? nearest : Math.ceil(integral);
}
