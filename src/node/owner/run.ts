// What the owner of a job holds in memory while it runs: the newest snapshot of every attempt, whole seconds,
// thresholds, what was said. Lost with the owner and rebuilt from reports and seals. Decides nothing of the job's way.

import type { Bundle } from "../../engine/messages.ts";
import type { Job } from "../../ledger/job.ts";
import { applySnapshot, type HeldAttempt, heldSeries, joinVus, select } from "../../load/merge.ts";
import { beginPace, createPace, type Pace, ratePace } from "../../load/pace.ts";
import { isPausedWithin, type Pause } from "../../load/pauses.ts";
import type { JobPlan, ThresholdPlan } from "../../load/plan.ts";
import type { Disturbance, JobView, SecondWindow, ThresholdOutcome, VusSeen } from "../../load/result.ts";
import type { GaugeCells, Series } from "../../load/series.ts";
import type { AttemptId, GeneratorHealth, Snapshot } from "../../load/share.ts";
import { Totals } from "../../load/totals.ts";
import type { Unheard } from "./unreported.ts";
import { joinNotes, type Notes } from "./vault.ts";
import { createWindowedThresholds, evaluateLive, judge, type WindowedThresholds } from "../../load/thresholds.ts";
import { close, createWindows, flush, observe, ready, register, type Windows } from "../../load/windows.ts";

/** One attempt as its owner knows it. */
export type RunAttempt = {
  readonly id: AttemptId;
  readonly worker: string;
  readonly core: number;
  /** This owner's clock when it first ordered it; -Infinity for one that an earlier owner ordered. */
  orderedAtMs: number;
  /** Changed by `hold` and `takeSnapshot` alone; cells of trends are raised in place (totals.ts). */
  held: HeldAttempt | null;
  /** The name under which `held` is kept for good; null while it is not. */
  keptAs: string | null;
  /** Ms of job time at its workflow's start; null before. */
  offsetMs: number | null;
  /** Ms of job time at the last cut the attempt itself made while it ran. */
  heardMs: number;
  /** Its seal is proposed: `held` is what the seal names and does not change any more. */
  isSealing: boolean;
  /** Requests that arrived beyond the seal. */
  late: number;
  /** CPU of its core over the last reported second, 0..1. */
  cpu: number;
  /** By its whole cuts, on job time. */
  readonly pace: Pace;
  /** It ran before this owner came: what its first snapshot holds belongs to no second. */
  isTakenOver: boolean;
  /** Its start was off the agreed instant by this at most; null: not known. */
  startErrorMs: number | null;
  /** What its trends grew by and no second has taken. */
  readonly unseen: Series[];
  errors: readonly { readonly message: string; readonly count: number }[];
};

/** Why a stretch of the job is disturbed whose owner went. */
export const OWNER_CHANGED = "the owner of the job changed";

/** The part of a view that is made of trends. */
export type Latencies = Pick<JobView, "latencyNow" | "latencyAll" | "histogram">;

export type Run = {
  readonly id: string;
  readonly plan: JobPlan;
  readonly bundle: Bundle;
  /** By attempt token. */
  readonly attempts: Map<number, RunAttempt>;
  /** Sums of what is held of them. */
  readonly totals: Totals;
  /** null until something has started. */
  windows: Windows | null;
  /** Ms of job time from which this owner makes whole seconds: 0 for the first. */
  readonly windowsFromMs: number;
  startedAtEpochMs: number;
  readonly windowed: WindowedThresholds;
  /** Failures that stay, by metricKey and expression. */
  readonly latched: Map<string, ThresholdOutcome>;
  /** Outcomes as of the last judgement, for views. */
  outcomes: readonly ThresholdOutcome[];
  lastSecond: SecondWindow | null;
  /** What a view tells of trends, kept for as long as `lastSecond` is the same; null: to be made. */
  latencies: { readonly of: SecondWindow | null; readonly value: Latencies } | null;
  readonly warnings: Set<string>;
  readonly disturbed: Disturbance[];
  /** What may have been sent and is in no series, by attempt token. */
  readonly unheard: Map<number, Unheard>;
  /** Requests beyond seals that earlier owners heard of. */
  lateBefore: number;
  /** VUs over the seconds that earlier owners made. */
  vusBefore: VusSeen | null;
};

/** An owner's view of a job nothing has run of, or that ran under another owner until `windowsFromMs` of job time. */
export function createRun(id: string, plan: JobPlan, bundle: Bundle, windowsFromMs = 0): Run {
  return {
    id,
    plan,
    bundle,
    attempts: new Map(),
    totals: new Totals(),
    windows: null,
    windowsFromMs,
    startedAtEpochMs: 0,
    windowed: createWindowedThresholds(plan.thresholds),
    latched: new Map(),
    outcomes: [],
    lastSecond: null,
    latencies: null,
    warnings: new Set(),
    disturbed: [],
    unheard: new Map(),
    lateBefore: 0,
    vusBefore: null,
  };
}

/** `orderedAtMs`: this owner's clock. */
export function addAttempt(
  run: Run,
  id: AttemptId,
  { worker, core, orderedAtMs }: Pick<RunAttempt, "worker" | "core" | "orderedAtMs">,
): void {
  run.attempts.set(id.token, {
    id,
    worker,
    core,
    orderedAtMs,
    held: null,
    keptAs: null,
    offsetMs: null,
    heardMs: 0,
    isSealing: false,
    late: 0,
    cpu: 0,
    pace: createPace(),
    isTakenOver: false,
    startErrorMs: null,
    unseen: [],
    errors: [],
  });
}

/** The attempt starts. `offsetMs`: job time of its workflow's start; `nowMs`: job time now. */
export function beginAttempt(
  run: Run,
  token: number,
  times: { readonly offsetMs: number; readonly nowMs: number; readonly startedAtEpochMs: number },
): void {
  const attempt = run.attempts.get(token);
  if (attempt === undefined || attempt.offsetMs !== null) return;
  if (run.windows === null) {
    if (run.startedAtEpochMs === 0) run.startedAtEpochMs = times.startedAtEpochMs;
    run.windows = createWindows(run.startedAtEpochMs);
    run.windows.next = Math.ceil(run.windowsFromMs / 1_000);
  }
  attempt.offsetMs = times.offsetMs;
  attempt.heardMs = Math.max(times.offsetMs, attempt.heardMs, 0);
  // Who takes up the rest of a share begins in the middle of its schedule.
  if (!attempt.isTakenOver) beginPace(attempt.pace, Math.max(attempt.heardMs, times.nowMs));
  register(run.windows, String(token), Math.max(times.offsetMs, times.nowMs, 0));
}

/** Takes in a snapshot: the newest is held; one that comes after the seal was proposed is late. */
export function takeSnapshot(run: Run, snapshot: Snapshot): void {
  const attempt = run.attempts.get(snapshot.attempt.token);
  if (attempt === undefined) return;
  if (attempt.isSealing) {
    const reported = requestsOf(heldSeries(applySnapshot(attempt.held, snapshot)));
    const sealed = attempt.held === null ? 0 : requestsOf(heldSeries(attempt.held));
    attempt.late = Math.max(attempt.late, reported - sealed);
    return;
  }
  attempt.cpu = cpuSince(attempt.held?.cut.generator ?? null, snapshot.generator) ?? attempt.cpu;
  const { held, growth } = run.totals.take(attempt.id.token, snapshot);
  attempt.held = held;
  const { windows } = run;
  const { offsetMs } = attempt;
  if (windows === null || offsetMs === null) return void attempt.unseen.push(...growth.map(copied));
  const cutMs = offsetMs + snapshot.elapsedMs;
  if (!snapshot.isFinal) attempt.heardMs = Math.max(attempt.heardMs, cutMs);
  // Seconds are made of cuts that hold trends too: growth is laid where the middle between two of them lies.
  if (snapshot.content === "scalars") return void attempt.unseen.push(...growth.map(copied));
  // While its loop stood still it could send nothing: that is no part of its pace.
  ratePace(attempt.pace, requestsOf(heldSeries(held)), cutMs - snapshot.generator.stillMs);
  if (attempt.isTakenOver) takenUntil(run, cutMs);
  see(windows, attempt, held, { cutMs, snapshot, growth });
}

/** The newest change of owner lasted until the first cut that seconds are made of again. In: ms of job time. */
function takenUntil({ disturbed }: Run, cutMs: number): void {
  const at = disturbed.findLastIndex(({ why }) => why === OWNER_CHANGED);
  const change = disturbed[at];
  if (change !== undefined) disturbed[at] = { ...change, to: Math.max(change.to, cutMs) };
}

/** Lays what the attempt measured since the cut before into its second. */
function see(
  windows: Windows,
  attempt: RunAttempt,
  held: HeldAttempt,
  { cutMs, snapshot, growth }: { cutMs: number; snapshot: Snapshot; growth: readonly Series[] },
): void {
  const series = heldSeries(held).filter(({ id }) => id.type !== "trend");
  if (attempt.isTakenOver) takeAsBase(windows, attempt, series);
  else attempt.unseen.push(...growth);
  observe(windows, String(attempt.id.token), {
    jobElapsedMs: cutMs,
    vus: snapshot.vus,
    vusMax: snapshot.vusMax,
    series,
    growth: attempt.unseen,
  });
  attempt.unseen.length = 0;
}

/** Growth that is kept beyond the turn. */
function copied({ id, cells }: Series): Series {
  return {
    id,
    cells: cells.type === "trend" ? { ...cells, index: cells.index.slice(), counts: cells.counts.slice() } : cells,
  };
}

/** From now on this is what is held of the attempt. Out: it. */
export function hold<Held extends HeldAttempt | null>(run: Run, attempt: RunAttempt, held: Held): Held {
  attempt.held = held;
  run.totals.hold(attempt.id.token, held);
  return held;
}

/** What was measured before this owner came lies in seconds that an earlier one has told. */
function takeAsBase(windows: Windows, attempt: RunAttempt, series: readonly Series[]): void {
  attempt.isTakenOver = false;
  attempt.unseen.length = 0;
  const live = windows.live.get(String(attempt.id.token));
  for (const { id, cells } of series) live?.settled.set(id.key, cells);
}

/** Nothing of the attempt counts from here on but what is held. Out: null when it is sealing already. */
export function closeAttempt(run: Run, token: number): RunAttempt | null {
  const attempt = run.attempts.get(token);
  if (attempt === undefined || attempt.isSealing) return null;
  attempt.isSealing = true;
  if (run.windows !== null && attempt.offsetMs !== null) close(run.windows, String(token));
  return attempt;
}

/** What of the run is in no entry and no series. */
export function notesOf(run: Run): Notes {
  const late = [...run.attempts.values()].reduce((total, attempt) => total + attempt.late, run.lateBefore);
  return {
    startedAtEpochMs: run.startedAtEpochMs,
    warnings: [...run.warnings],
    disturbed: [...run.disturbed],
    unheard: Array.from(run.unheard, ([token, unheard]) => ({ token, ...unheard })),
    late,
    vus: vusOf(run),
  };
}

/** Takes in what an earlier owner said of the run. */
export function takeNotes(run: Run, notes: Notes): void {
  const { startedAtEpochMs, warnings, disturbed, unheard, late, vus } = joinNotes(notesOf(run), notes);
  run.vusBefore = vus;
  run.startedAtEpochMs = startedAtEpochMs;
  for (const text of warnings) run.warnings.add(text);
  run.disturbed.splice(0, Infinity, ...disturbed);
  for (const { token, requests, seconds } of unheard) run.unheard.set(token, { requests, seconds });
  const own = [...run.attempts.values()].reduce((total, attempt) => total + attempt.late, 0);
  run.lateBefore = Math.max(run.lateBefore, late - own);
}

/** What the thresholds say of newly completed seconds and of the whole so far. */
export type Judgement = {
  readonly windows: readonly SecondWindow[];
  readonly failures: readonly { readonly outcome: ThresholdOutcome; readonly isAbort: boolean }[];
};

/**
 * Completes the seconds that are due and judges the windowed thresholds on each that was no pause. In: ms of job time.
 */
export function closeSeconds(run: Run, elapsedMs: number, pauses: readonly Pause[]): Judgement {
  if (run.windows === null) return { windows: [], failures: [] };
  const windows = ready(run.windows, elapsedMs);
  const failures: { outcome: ThresholdOutcome; isAbort: boolean }[] = [];
  for (const window of windows) {
    run.lastSecond = window;
    if (isPausedWithin(pauses, window.second * 1_000, (window.second + 1) * 1_000)) continue;
    const { outcomes, abort } = judge(run.windowed, window);
    for (const outcome of outcomes)
      if (!outcome.ok) addFailure(run, failures, outcome, abort !== null && isOf(outcome, abort));
  }
  return { windows, failures };
}

/** Judges the thresholds on everything measured so far. In: ms of job time, and seconds since the load began. */
export function judgeLive(run: Run, elapsedMs: number, seconds: number): Judgement["failures"] {
  const failures: { outcome: ThresholdOutcome; isAbort: boolean }[] = [];
  const { outcomes, abort } = evaluateLive(run.plan.thresholds, allSeries(run), elapsedMs, seconds);
  run.outcomes = outcomes;
  if (abort === null) return failures;
  for (const outcome of outcomes) if (isOf(outcome, abort)) addFailure(run, failures, outcome, true);
  return failures;
}

/** The seconds that are left at the end of the job. */
export function lastSeconds(run: Run, elapsedMs: number): readonly SecondWindow[] {
  if (run.windows === null) return [];
  const whole = ready(run.windows, elapsedMs);
  return [...whole, ...flush(run.windows, elapsedMs)];
}

/** Sums of what is held of all attempts, with the gauges of the VUs. */
export function allSeries(run: Run): Series[] {
  return [...run.totals.series(), ...vuGauges(run)];
}

/**
 * Ms of job time at the newest cut that is held; 0 without one. Ahead of ledger time where nobody led for a while:
 * that stood still, and workers went on.
 */
export function measuredMs({ attempts }: Run): number {
  let newest = 0;
  for (const { offsetMs, held } of attempts.values())
    if (offsetMs !== null && held !== null) newest = Math.max(newest, offsetMs + held.cut.elapsedMs);
  return newest;
}

/** VUs over the seconds so far as gauges, for thresholds on `vus` and `vus_max`. */
export function vuGauges(run: Run): Series[] {
  const seen = vusOf(run);
  if (seen === null) return [];
  const gauge = (metric: string, cells: GaugeCells): Series => ({
    id: { key: metric, metric, type: "gauge", contains: "default", tags: {} },
    cells,
  });
  return [gauge("vus", seen.vus), gauge("vus_max", seen.vusMax)];
}

/** VUs over the seconds that this owner and those before it made. Out: null before the first. */
export function vusOf({ windows, vusBefore }: Pick<Run, "windows" | "vusBefore">): VusSeen | null {
  if (windows === null || windows.vus === null || windows.vusMax === null) return vusBefore;
  return joinVus(vusBefore, { vus: windows.vus, vusMax: windows.vusMax });
}

/**
 * How far apart shares on different workers began at most, of those that were to begin together: the two most
 * uncertain of different workers added up. Out: null where one worker ran all, or nothing is known.
 */
export function startSkewMsMax(run: Run): number | null {
  let most: number | null = null;
  // What took over from another began when that had ended.
  const first = new Map<string, RunAttempt>();
  for (const attempt of run.attempts.values()) {
    const key = `${attempt.id.share} ${attempt.id.workflow}`;
    if ((first.get(key)?.id.token ?? Infinity) > attempt.id.token) first.set(key, attempt);
  }
  for (const together of Map.groupBy(first.values(), ({ id }) => id.workflow).values()) {
    const byWorker = new Map<string, number>();
    for (const { worker, startErrorMs } of together)
      if (startErrorMs !== null) byWorker.set(worker, Math.max(startErrorMs, byWorker.get(worker) ?? 0));
    const [worst, other] = [...byWorker.values()].sort((a, b) => b - a);
    if (worst !== undefined && other !== undefined) most = Math.max(most ?? 0, worst + other);
  }
  return most;
}

/** What a worker says of the start of an attempt. */
export function noteStart(run: Run, token: number, startErrorMs: number | null): void {
  const attempt = run.attempts.get(token);
  if (attempt !== undefined && startErrorMs !== null) attempt.startErrorMs = startErrorMs;
}

/** The job's pauses in ms of job time, the present one until now. In: ms of job time. */
export function pausesOf(job: Job, elapsedMs: number): readonly Pause[] {
  const { originMs } = job;
  if (originMs === null) return [];
  return job.pauses.flatMap(({ fromMs, toMs }) => {
    const to = toMs === null ? elapsedMs : toMs - originMs;
    return to > 0 ? [{ from: Math.max(0, fromMs - originMs), to }] : [];
  });
}

/**
 * Ms of job time at which the first load began: the earliest start of a user workflow, its startTime included. Out:
 * null before.
 */
export function loadStartMs(job: Job): number | null {
  let earliest: number | null = null;
  for (const { spec, startAtMs } of job.workflows.values()) {
    if (spec.role !== "user" || startAtMs === null || job.originMs === null) continue;
    const at = startAtMs - job.originMs + spec.fromMs;
    if (earliest === null || at < earliest) earliest = at;
  }
  return earliest;
}

function addFailure(
  run: Run,
  failures: { outcome: ThresholdOutcome; isAbort: boolean }[],
  outcome: ThresholdOutcome,
  isAbort: boolean,
): void {
  const key = `${outcome.metricKey} ${outcome.expression}`;
  const isNew = !run.latched.has(key);
  if (isNew) run.latched.set(key, outcome);
  if (isNew || isAbort) failures.push({ outcome, isAbort });
}

function isOf(outcome: ThresholdOutcome, plan: ThresholdPlan): boolean {
  return outcome.metricKey === plan.metricKey && outcome.expression === plan.expression;
}

/** Requests counted in the series. */
export function requestsOf(series: readonly Series[]): number {
  const cells = select(series, "http_reqs", {});
  return cells?.type === "counter" ? cells.count : 0;
}

/** Out: null when no whole second came between the two. */
function cpuSince(before: GeneratorHealth | null, after: GeneratorHealth): number | null {
  const seconds = after.seconds - (before?.seconds ?? 0);
  return seconds > 0 ? Math.min(1, (after.cpuSeconds - (before?.cpuSeconds ?? 0)) / seconds) : null;
}
