// Whole seconds of merged data out of the cumulative cuts of several attempts: the stream behind charts, outputs and
// windowed thresholds. Every unit measured lands in exactly one second, whenever its report comes. The state is a
// record that these functions change; no clock: times are ms of the job, told by the caller.

import { assert } from "../base/assert.ts";
import { growth, sumSeries } from "./merge.ts";
import { TrendGrowths } from "./running-cells.ts";
import type { SecondWindow } from "./result.ts";
import type { Cells, GaugeCells, Series } from "./series.ts";

/** A second is not waited for longer than this after its end. */
export const LATE_MS = 2_000;

export type Windows = {
  readonly startedAtEpochMs: number;
  /** The next second to emit. */
  next: number;
  readonly live: Map<string, LiveAttempt>;
  /** What was measured, and who ran, in seconds not yet emitted. */
  readonly pending: Map<number, PendingSecond>;
  /** VUs, and those made, over the emitted seconds in which an attempt ran: the job's `vus` and `vus_max`. */
  vus: GaugeCells | null;
  vusMax: GaugeCells | null;
};

/** A cut of an attempt as windows need it: all its series, cumulative. */
export type Cut = {
  readonly jobElapsedMs: number;
  readonly vus: number;
  readonly vusMax: number;
  readonly series: readonly Series[];
  /** What series that are not in `series` grew by since the cut before: trends, used up before this returns. */
  readonly growth?: readonly Series[];
};

type LiveAttempt = {
  readonly startMs: number;
  /** The newest cut: job time (before the first, the start), VUs, VUs made, and all series. */
  cutMs: number;
  vus: number;
  vusMax: number;
  series: readonly Series[];
  /** The second that growth since `settled` belongs to; never one already emitted. */
  second: number;
  /** Most VUs seen in `second`. */
  vusPeak: number;
  /** Cells by series key that earlier seconds have taken. */
  readonly settled: Map<string, Cells>;
};
type PendingSecond = {
  readonly growths: Series[][];
  /** By series key. */
  readonly trends: Map<string, TrendGrowths>;
  readonly presences: Presence[];
};
type Presence = { readonly fromMs: number; readonly toMs: number; readonly vus: number; readonly vusMax: number };

/** State before the first attempt. In: the job's start on the epoch, for the windows' time stamps. */
export function createWindows(startedAtEpochMs: number): Windows {
  return { startedAtEpochMs, next: 0, live: new Map(), pending: new Map(), vus: null, vusMax: null };
}

/** Counts an attempt in from `startMs` of the job, which may lie ahead: from then on seconds wait for its cuts. */
export function register(windows: Windows, key: string, startMs: number): void {
  assert(!windows.live.has(key), `attempt ${key} is registered once`);
  const second = Math.max(windows.next, Math.floor(startMs / 1_000));
  windows.live.set(key, {
    startMs,
    cutMs: startMs,
    vus: 0,
    vusMax: 0,
    series: [],
    second,
    vusPeak: 0,
    settled: new Map(),
  });
}

/**
 * Takes in a cut of a live attempt. What was measured since the cut before it belongs to the second that holds the
 * middle between both: a cut just after a whole second closes that second, however late it comes within the next, and
 * no growth is split.
 */
export function observe(windows: Windows, key: string, cut: Cut): void {
  const attempt = liveOf(windows, key);
  const cutMs = Math.max(attempt.cutMs, cut.jobElapsedMs);
  const second = Math.floor((attempt.cutMs + cutMs) / 2_000);
  if (second > attempt.second) settle(windows, attempt, second, Infinity);
  if (cut.jobElapsedMs >= attempt.cutMs) attempt.vus = cut.vus;
  attempt.vusMax = Math.max(attempt.vusMax, cut.vusMax);
  attempt.vusPeak = Math.max(attempt.vusPeak, cut.vus);
  attempt.cutMs = cutMs;
  attempt.series = cut.series;
  addGrowth(windows, attempt, cut.growth ?? []);
}

function addGrowth(windows: Windows, { second }: LiveAttempt, growth: readonly Series[]): void {
  if (growth.length === 0) return;
  const { trends } = pendingOf(windows, second);
  for (const { id, cells } of growth) {
    assert(cells.type === "trend", "only trends tell what they grew by");
    const known = trends.get(id.key) ?? new TrendGrowths(id);
    known.add(cells);
    trends.set(id.key, known);
  }
}

/** Ends an attempt after its last cut was observed: no second waits for it any more. */
export function close(windows: Windows, key: string): void {
  const attempt = liveOf(windows, key);
  settle(windows, attempt, attempt.second + 1, attempt.cutMs);
  windows.live.delete(key);
}

/**
 * The whole seconds that are complete now: all live attempts have reported a cut at or after their end, or their end is
 * 2 s ago. Consecutive over all calls, empty ones too. What comes later for an emitted second is in the next one.
 */
export function ready(windows: Windows, jobElapsedMs: number): SecondWindow[] {
  const emitted: SecondWindow[] = [];
  while (isDue(windows, jobElapsedMs)) emitted.push(emit(windows));
  return emitted;
}

/**
 * Everything that is left at the job's end: whole seconds up to it, then the last partial one if anything was measured
 * in it. To get the partial one alone: close all attempts, call `ready`, then this.
 */
export function flush(windows: Windows, jobElapsedMs: number): SecondWindow[] {
  for (const key of [...windows.live.keys()]) close(windows, key);
  let last = Math.floor(jobElapsedMs / 1_000) - 1;
  for (const [second, { growths, trends }] of windows.pending)
    if (growths.length > 0 || trends.size > 0) last = Math.max(last, second);
  const emitted: SecondWindow[] = [];
  while (windows.next <= last) emitted.push(emit(windows));
  return emitted;
}

function liveOf(windows: Windows, key: string): LiveAttempt {
  const attempt = windows.live.get(key);
  assert(attempt !== undefined, `attempt ${key} is not live`);
  return attempt;
}

function isDue(windows: Windows, jobElapsedMs: number): boolean {
  const endMs = (windows.next + 1) * 1_000;
  if (jobElapsedMs < endMs) return false;
  if (jobElapsedMs >= endMs + LATE_MS) return true;
  for (const attempt of windows.live.values()) {
    if (attempt.cutMs < endMs) return false;
  }
  return true;
}

function emit(windows: Windows): SecondWindow {
  const second = windows.next;
  for (const attempt of windows.live.values()) {
    if (attempt.second === second) settle(windows, attempt, second + 1, Infinity);
  }
  const { growths, trends, presences } = pendingOf(windows, second);
  windows.pending.delete(second);
  windows.next = second + 1;
  const { vus, vusMax } = mostAtOnce(presences, second * 1_000);
  if (presences.length > 0) {
    windows.vus = observed(windows.vus, vus, second);
    windows.vusMax = observed(windows.vusMax, vusMax, second);
  }
  return {
    second,
    epochMs: windows.startedAtEpochMs + second * 1_000,
    vus,
    vusMax,
    series: [...sumSeries(growths), ...Array.from(trends.values(), (one) => one.read())],
  };
}

/** Gives what the attempt measured since it last settled to its present second, and moves it on to `second`. */
function settle(windows: Windows, attempt: LiveAttempt, second: number, toMs: number): void {
  assert(attempt.second >= windows.next && second > attempt.second, "growth never goes to an emitted second");
  const grown: Series[] = [];
  for (const { id, cells } of attempt.series) {
    const before = attempt.settled.get(id.key) ?? null;
    const more = before === cells ? null : growth(cells, before);
    if (more === null) continue;
    grown.push({ id, cells: more });
    attempt.settled.set(id.key, cells);
  }
  if (grown.length > 0) pendingOf(windows, attempt.second).growths.push(grown);
  for (let at = attempt.second; at < second; at++) {
    const vus = at === attempt.second ? attempt.vusPeak : attempt.vus;
    pendingOf(windows, at).presences.push({ fromMs: attempt.startMs, toMs, vus, vusMax: attempt.vusMax });
  }
  attempt.second = second;
  attempt.vusPeak = attempt.vus;
}

function pendingOf(windows: Windows, second: number): PendingSecond {
  const known = windows.pending.get(second);
  if (known !== undefined) return known;
  const created: PendingSecond = { growths: [], trends: new Map(), presences: [] };
  windows.pending.set(second, created);
  return created;
}

/**
 * Most VUs at one instant of a second, from each attempt's most: an attempt that ended and the one that went on in its
 * place are not counted together. The sum can only rise where an attempt starts, so those instants are enough.
 */
function mostAtOnce(presences: readonly Presence[], fromMs: number): { readonly vus: number; readonly vusMax: number } {
  let vus = 0;
  let vusMax = 0;
  for (const instantMs of new Set(presences.map((presence) => Math.max(fromMs, presence.fromMs)))) {
    const present = presences.filter((presence) => presence.fromMs <= instantMs && instantMs < presence.toMs);
    vus = Math.max(
      vus,
      present.reduce((sum, presence) => sum + presence.vus, 0),
    );
    vusMax = Math.max(
      vusMax,
      present.reduce((sum, presence) => sum + presence.vusMax, 0),
    );
  }
  return { vus, vusMax };
}

function observed(gauge: GaugeCells | null, value: number, second: number): GaugeCells {
  const min = Math.min(value, gauge?.min ?? value);
  const max = Math.max(value, gauge?.max ?? value);
  return { type: "gauge", value, min, max, atMs: (second + 1) * 1_000 };
}
