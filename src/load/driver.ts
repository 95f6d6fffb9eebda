// The pure driver of one share, one for all executors: says which VU may begin which iteration when, and where the rest
// begins after a cut. Used by the hot loop of an engine thread: one shape of object, typed arrays, no allocation per
// iteration. Not the loop: it keeps no VUs and no clock. `elapsedMs` is always the workflow's schedule time: ms since
// its agreed start, after startTime, on all attempts alike (a resumed attempt joins at the present, not at 0).

import { assert } from "../base/assert.ts";
import { dealt, dealtIndex, iterationBlock } from "./dealing.ts";
import { scheduleMs, vusMax } from "./plan.ts";
import { arrivalMs, arrivalsBefore, arrivalsTotal, crossingMs, curveOf, flatCurve, vusAt } from "./schedule.ts";
import type { Executor } from "./plan.ts";
import type { Curve } from "./schedule.ts";
import type { Feeds, Range, Resume, ShareSpec, VusBeyond } from "./share.ts";

/** State of a share. Only the functions of this file write it, except `waiting`. */
export type Driver = {
  /** Arrival executor: the loop asks nextArrivalMs and takeArrival; else vusWanted and claim. */
  readonly isOpen: boolean;
  /** Local VUs that may exist; more once the workflow is scaled beyond its plan. */
  vus: number;
  /** Local VUs to make before the start. */
  readonly preAllocated: number;
  /** What the rest of this share is made of. */
  readonly rest: Resume["kind"];
  readonly share: number;
  readonly shares: number;
  readonly vuBase: number;
  /** VUs of the whole plan, and the numbers of those beyond it. */
  readonly planned: number;
  readonly beyond: VusBeyond;
  /** Length of the schedule: nothing is handed out at or after it. */
  readonly endMs: number;
  /** Rate or VUs over time of the whole workflow. */
  readonly curve: Curve;
  readonly timeUnitMs: number;

  /** Open executors: arrivals taken that wait for a VU (onLate "queue"). The loop keeps it; at a cut they are left. */
  waiting: number;
  /** Open executors: local index of the next arrival, how many there are, where this attempt began, when it is due. */
  arrival: number;
  readonly arrivals: number;
  readonly arrivalFirst: number;
  arrivalAtMs: number;

  /** Closed executors: claims so far in this attempt. */
  claimed: number;
  /** Iterations never yet begun. Infinity where time alone ends the schedule. */
  unclaimed: number;
  /** per-vu-iterations: iterations of each VU; else Infinity. */
  readonly iterationsPerVu: number;
  /** Next iteration of each local VU. */
  next: Float64Array;
  /** Iteration each local VU has begun and not ended, -1 for none. Not kept where time alone ends the schedule. */
  open: Float64Array;
  /** Shared iterations not yet begun: ranges, the one in use, and the next index in it. */
  readonly ranges: readonly Range[];
  rangeAt: number;
  rangeNext: number;

  /** Cache of vusWanted: valid from (included) to until (excluded). */
  wanted: number;
  wantedFromMs: number;
  wantedUntilMs: number;
};

/** Driver of a share, from the beginning or from where `spec.resume` says. */
export function createDriver(spec: ShareSpec): Driver {
  const { executor, share, shares } = spec;
  assert(share >= 0 && share < shares, "share is below shares");
  const planned = vusMax(executor);
  const vus = dealt(planned, share, shares);
  const rest = restOf(executor);
  assert(spec.resume === null || spec.resume.kind === rest, `a share of ${executor.kind} resumes by ${rest}`);
  const isOpen = rest === "arrivals";
  const isRamp = executor.kind === "ramping-vus";
  const curve = curveOfExecutor(executor);
  const timeUnitMs = "timeUnitMs" in executor ? executor.timeUnitMs : 1;
  const ranges = rangesOf(spec);
  const iterationsPerVu = executor.kind === "per-vu-iterations" ? executor.iterations : Infinity;
  const arrivalFirst = spec.resume?.kind === "arrivals" ? spec.resume.next : 0;
  const next = new Float64Array(vus);
  if (spec.resume?.kind === "iterations") {
    assert(spec.resume.done.length === vus, "one count for each local VU");
    assert(
      spec.resume.done.every((done) => done >= 0 && done <= iterationsPerVu),
      "no VU did more than its iterations",
    );
    next.set(spec.resume.done);
  }
  const driver: Driver = {
    isOpen,
    vus,
    preAllocated: dealt(preAllocatedVus(executor), share, shares),
    rest,
    share,
    shares,
    vuBase: spec.vuBase,
    planned,
    beyond: spec.vusBeyond ?? { base: spec.vuBase + planned, stride: 1 },
    endMs: scheduleMs(executor),
    curve,
    timeUnitMs,
    waiting: 0,
    arrival: arrivalFirst,
    arrivals: isOpen ? dealt(arrivalsTotal(curve, timeUnitMs), share, shares) : 0,
    arrivalFirst,
    arrivalAtMs: Infinity,
    claimed: 0,
    unclaimed: unclaimedOf(rest, ranges, iterationsPerVu, next),
    iterationsPerVu,
    next,
    open: new Float64Array(vus).fill(-1),
    ranges,
    rangeAt: 0,
    rangeNext: ranges[0]?.[0] ?? 0,
    wanted: executor.kind === "externally-controlled" ? dealt(executor.vus, share, shares) : vus,
    wantedFromMs: isRamp ? Infinity : -Infinity,
    wantedUntilMs: isRamp ? -Infinity : scheduleMs(executor),
  };
  if (isOpen) driver.arrivalAtMs = arrivalAt(driver, driver.arrival);
  return driver;
}

/** Id of a local VU in the job, from 1. */
export function vuNumber(driver: Driver, local: number): number {
  const number = dealtIndex(local, driver.share, driver.shares);
  const { vuBase, planned, beyond } = driver;
  return number < planned ? vuBase + number + 1 : beyond.base + (number - planned) * beyond.stride + 1;
}

/** Executors that can be scaled: the whole workflow has so many VUs from now on. This share's part is exact. */
export function scale(driver: Driver, vus: number): void {
  assert(driver.rest === "elapsed" && driver.wantedFromMs === -Infinity, "an executor that can be scaled");
  driver.wanted = dealt(vus, driver.share, driver.shares);
  if (driver.wanted <= driver.vus) return;
  driver.vus = driver.wanted;
  driver.next = grown(driver.next, driver.vus, 0);
  driver.open = grown(driver.open, driver.vus, -1);
}

/** Closed executors: local VUs 0 to this - 1 should run at this instant; 0 once the schedule is over. */
export function vusWanted(driver: Driver, elapsedMs: number): number {
  if (elapsedMs >= driver.endMs) return 0;
  if (elapsedMs < driver.wantedFromMs || elapsedMs >= driver.wantedUntilMs) refreshWanted(driver, elapsedMs);
  return driver.wanted;
}

/** Closed executors: next instant, after `elapsedMs`, at which vusWanted may differ; Infinity once it is 0 for good. */
export function nextChangeMs(driver: Driver, elapsedMs: number): number {
  if (elapsedMs >= driver.endMs) return Infinity;
  vusWanted(driver, elapsedMs);
  return driver.wantedUntilMs;
}

/**
 * Closed executors: the iteration this VU may begin now, or -1: none now (ramped down) or ever. Index: of the whole
 * workflow for shared-iterations, else of this VU, from 0. One begun and never finished is handed to its VU again.
 */
export function claim(driver: Driver, local: number, elapsedMs: number): number {
  if (local >= vusWanted(driver, elapsedMs)) return -1;
  if (driver.rest === "elapsed") {
    driver.claimed++;
    return driver.next[local]!++;
  }
  let index = driver.open[local]!;
  if (index < 0) {
    index = driver.rest === "ranges" ? takeShared(driver) : takeOwn(driver, local);
    if (index < 0) return -1;
    driver.unclaimed--;
    driver.open[local] = index;
  }
  driver.claimed++;
  return index;
}

/** The iteration that `claim` gave this VU ran to its end, well or not. Not called for an interrupted one. */
export function finish(driver: Driver, local: number, index: number): void {
  if (driver.rest === "elapsed" || driver.isOpen) return;
  assert(driver.open[local] === index, "a VU finishes the iteration it claimed");
  driver.open[local] = -1;
}

/** Open executors: intended instant of this share's next arrival; Infinity when there is none. */
export function nextArrivalMs(driver: Driver): number {
  return driver.arrivalAtMs;
}

/** Open executors: consumes the next arrival. Out: its intended instant in ms; the loop starts, queues or drops it. */
export function takeArrival(driver: Driver): number {
  const atMs = driver.arrivalAtMs;
  assert(atMs < Infinity, "an arrival is left");
  driver.arrivalAtMs = arrivalAt(driver, ++driver.arrival);
  return atMs;
}

/**
 * Open executors, once, when a resumed attempt joins: consumes the arrivals due before `elapsedMs`, which are lost and
 * never fired. Out: how many.
 */
export function skipLost(driver: Driver, elapsedMs: number): number {
  const before = driver.arrival;
  let next = Math.max(
    before,
    dealt(arrivalsBefore(driver.curve, driver.timeUnitMs, elapsedMs), driver.share, driver.shares),
  );
  // The count and the instants are rounded apart by a hair: the instants decide.
  while (next > before && arrivalAt(driver, next - 1) >= elapsedMs) next--;
  while (arrivalAt(driver, next) < elapsedMs) next++;
  driver.arrival = next;
  driver.arrivalAtMs = arrivalAt(driver, next);
  return next - before;
}

/**
 * No iteration will be handed out now or later: all claimed, or the time over. Of arrivals the last is taken and the
 * time over: as in k6 its interval still runs, or ten arrivals in a second would be eleven a second.
 */
export function hasEnded(driver: Driver, elapsedMs: number): boolean {
  const isLate = elapsedMs >= driver.endMs;
  return driver.isOpen ? isLate && driver.arrivalAtMs === Infinity : isLate || driver.unclaimed === 0;
}

/** Closed executors: iterations that were asked for and can no longer begin, because the time is over; 0 before. */
export function neverBegun(driver: Driver, elapsedMs: number): number {
  return elapsedMs >= driver.endMs && driver.unclaimed < Infinity ? driver.unclaimed : 0;
}

/** Iterations this attempt's schedule asked for so far: arrivals taken (less those that wait) or lost; or claims. */
export function scheduled(driver: Driver): number {
  return driver.isOpen ? driver.arrival - driver.arrivalFirst - driver.waiting : driver.claimed;
}

/** Where the rest begins, for a cut now. `feeds`: the loop's feed positions of the same instant. */
export function resume(driver: Driver, elapsedMs: number, feeds: Feeds): Resume {
  switch (driver.rest) {
    case "arrivals":
      return { kind: "arrivals", next: driver.arrival - driver.waiting, feeds };
    case "elapsed":
      return { kind: "elapsed", elapsedMs, feeds };
    case "iterations":
      return { kind: "iterations", done: doneOf(driver), elapsedMs, feeds };
    case "ranges":
      return { kind: "ranges", left: leftOf(driver), elapsedMs, feeds };
  }
}

function preAllocatedVus(executor: Executor): number {
  if ("preAllocatedVus" in executor) return executor.preAllocatedVus;
  return executor.kind === "externally-controlled" ? executor.vus : vusMax(executor);
}

function grown(values: Float64Array, length: number, fill: number): Float64Array {
  const more = new Float64Array(length).fill(fill, values.length);
  more.set(values);
  return more;
}

function restOf(executor: Executor): Resume["kind"] {
  switch (executor.kind) {
    case "constant-arrival-rate":
    case "ramping-arrival-rate":
      return "arrivals";
    case "per-vu-iterations":
      return "iterations";
    case "shared-iterations":
      return "ranges";
    default:
      return "elapsed";
  }
}

function curveOfExecutor(executor: Executor): Curve {
  switch (executor.kind) {
    case "constant-arrival-rate":
      return flatCurve(executor.rate, executor.durationMs);
    case "ramping-arrival-rate":
      return curveOf(executor.stages, executor.startRate);
    case "ramping-vus":
      return curveOf(executor.stages, executor.startVus);
    default:
      return flatCurve(executor.vus, scheduleMs(executor));
  }
}

function rangesOf(spec: ShareSpec): readonly Range[] {
  if (spec.resume?.kind === "ranges") {
    assert(
      spec.resume.left.every(([from, to]) => from < to),
      "ranges left are not empty",
    );
    return spec.resume.left;
  }
  if (spec.executor.kind !== "shared-iterations") return [];
  const block = iterationBlock(spec.executor.iterations, spec.executor.vus, spec.share, spec.shares);
  return block[0] < block[1] ? [block] : [];
}

function unclaimedOf(
  rest: Resume["kind"],
  ranges: readonly Range[],
  iterationsPerVu: number,
  next: Float64Array,
): number {
  if (rest === "ranges") return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  if (rest === "iterations") return next.reduce((sum, done) => sum + iterationsPerVu - done, 0);
  return Infinity;
}

function refreshWanted(driver: Driver, elapsedMs: number): void {
  const { share, shares, curve } = driver;
  const wanted = dealt(vusAt(curve, elapsedMs), share, shares);
  const below = wanted === 0 ? -1 : dealtIndex(wanted - 1, share, shares);
  driver.wanted = wanted;
  driver.wantedFromMs = elapsedMs;
  driver.wantedUntilMs = Math.min(
    crossingMs(curve, elapsedMs, below, dealtIndex(wanted, share, shares) + 1),
    driver.endMs,
  );
}

function takeOwn(driver: Driver, local: number): number {
  const index = driver.next[local]!;
  if (index >= driver.iterationsPerVu) return -1;
  driver.next[local] = index + 1;
  return index;
}

function takeShared(driver: Driver): number {
  const range = driver.ranges[driver.rangeAt];
  if (range === undefined) return -1;
  const index = driver.rangeNext;
  if (index + 1 < range[1]) {
    driver.rangeNext = index + 1;
  } else {
    driver.rangeAt++;
    driver.rangeNext = driver.ranges[driver.rangeAt]?.[0] ?? 0;
  }
  return index;
}

function arrivalAt(driver: Driver, k: number): number {
  if (k >= driver.arrivals) return Infinity;
  return arrivalMs(driver.curve, driver.timeUnitMs, dealtIndex(k, driver.share, driver.shares));
}

function doneOf(driver: Driver): readonly number[] {
  return Array.from(driver.next, (next, local) => (driver.open[local] === -1 ? next : next - 1));
}

/** Ranges never begun and single iterations begun and not ended, ascending, neighbours joined. */
function leftOf(driver: Driver): readonly Range[] {
  const pieces: Range[] = [];
  for (const index of driver.open) if (index >= 0) pieces.push([index, index + 1]);
  driver.ranges.forEach(([from, to], at) => {
    if (at > driver.rangeAt) pieces.push([from, to]);
    else if (at === driver.rangeAt) pieces.push([driver.rangeNext, to]);
  });
  pieces.sort((a, b) => a[0] - b[0]);
  const left: Range[] = [];
  for (const [from, to] of pieces) {
    const last = left.at(-1);
    if (last !== undefined && last[1] === from) left[left.length - 1] = [last[0], to];
    else left.push([from, to]);
  }
  return left;
}
