// From the schedule options of one workflow to its executor: which executor is meant, which options it takes, needs and
// defaults, and which do not go together. Single values were checked before (schema.ts). Rules are k6's.

import { never } from "../../base/assert.ts";
import { formatDuration } from "../../base/units.ts";
import { curveOf } from "../schedule.ts";
import { addProblem } from "./problems.ts";
import { DURATION_MS_MAX, EXECUTORS, ITERATIONS_MAX, RATE_PER_SECOND_MAX, SCHEDULE_KEYS } from "./schema.ts";
import type { ScheduleKey, ScheduleOptions } from "./schema.ts";
import { type Executor, type ExecutorKind, type Stage, VUS_MAX } from "../plan.ts";
import type { Place } from "./problems.ts";

/** Options every executor takes. */
const COMMON: readonly ScheduleKey[] = ["startTime", "gracefulStop", "minIterationDuration"];

/** Options of each executor. */
const TAKES: Readonly<Record<ExecutorKind, readonly ScheduleKey[]>> = {
  "shared-iterations": ["vus", "iterations", "maxDuration"],
  "per-vu-iterations": ["vus", "iterations", "maxDuration"],
  "constant-vus": ["vus", "duration"],
  "ramping-vus": ["startVUs", "stages", "gracefulRampDown"],
  "constant-arrival-rate": ["rate", "timeUnit", "duration", "preAllocatedVUs", "maxVUs", "onLate"],
  "ramping-arrival-rate": ["startRate", "timeUnit", "stages", "preAllocatedVUs", "maxVUs", "onLate"],
  "externally-controlled": ["vus", "maxVUs", "duration"],
};

/** Options each executor cannot do without. */
const NEEDS: Readonly<Record<ExecutorKind, readonly ScheduleKey[]>> = {
  "shared-iterations": [],
  "per-vu-iterations": [],
  "constant-vus": ["duration"],
  "ramping-vus": ["stages"],
  "constant-arrival-rate": ["rate", "duration", "preAllocatedVUs"],
  "ramping-arrival-rate": ["stages", "preAllocatedVUs"],
  "externally-controlled": ["duration"],
};

/** Pairs that contradict each other when no executor is named. */
const CONFLICTS: readonly (readonly [ScheduleKey, ScheduleKey])[] = [
  ["iterations", "stages"],
  ["duration", "stages"],
  ["rate", "stages"],
  ["rate", "iterations"],
];

const ONLY_OPEN: readonly ScheduleKey[] = ["startRate", "timeUnit", "preAllocatedVUs", "maxVUs", "onLate"];
const MAX_DURATION_MS = 600_000;
const GRACEFUL_RAMP_DOWN_MS = 30_000;

/** The option of an executor that "so many VUs" means: what --vus sets. */
export function vusKey(kind: ExecutorKind): ScheduleKey {
  if (kind === "ramping-vus") return "startVUs";
  return kind === "constant-arrival-rate" || kind === "ramping-arrival-rate" ? "preAllocatedVUs" : "vus";
}

/** True when an executor of this kind takes the option. */
export function isTaken(kind: ExecutorKind, key: ScheduleKey): boolean {
  return TAKES[kind].includes(key) || COMMON.includes(key);
}

/** The executor meant by options that name none: k6's rules for its shortcuts, and "rate" for constant-arrival-rate. */
export function inferKind(options: ScheduleOptions): ExecutorKind {
  if (options.rate !== undefined) return "constant-arrival-rate";
  if (options.stages !== undefined) {
    return ONLY_OPEN.some((key) => options[key] !== undefined) ? "ramping-arrival-rate" : "ramping-vus";
  }
  if (options.iterations !== undefined) return "shared-iterations";
  return options.duration === undefined ? "shared-iterations" : "constant-vus";
}

/** The executor of options that name none. null when a problem was added. */
export function inferExecutor(options: ScheduleOptions, place: Place): Executor | null {
  for (const [one, other] of CONFLICTS) {
    if (options[one] === undefined || options[other] === undefined) continue;
    addProblem(place, `"${one}" and "${other}" do not go together`, 'keep one of them, or name an "executor"');
    return null;
  }
  const kind = inferKind(options);
  const translated = translate(kind, options, place);
  return translated === null ? null : executorOf(kind, translated, place);
}

/** The executor of this kind. null when a problem was added. */
export function executorOf(kind: ExecutorKind, options: ScheduleOptions, place: Place): Executor | null {
  const before = place.problems.length;
  for (const key of SCHEDULE_KEYS) {
    if (options[key] === undefined || isTaken(kind, key)) continue;
    const takers = EXECUTORS.filter((other) => isTaken(other, key)).join(", ");
    addProblem(place, `"${key}" does not go with ${kind}: it is an option of ${takers}`);
  }
  for (const key of NEEDS[kind]) {
    if (options[key] === undefined) addProblem(place, `"${key}" is missing: ${kind} needs it`);
  }
  if (place.problems.length > before) return null;
  const executor = build(kind, options);
  for (const text of contradictions(executor)) addProblem(place, text);
  return place.problems.length > before ? null : executor;
}

/** Shorthand into options of the inferred executor: vus for startVUs, duration for maxDuration, VUs of a bare rate. */
function translate(kind: ExecutorKind, options: ScheduleOptions, place: Place): ScheduleOptions | null {
  const { vus, ...rest } = options;
  switch (kind) {
    case "ramping-vus":
      if (vus === undefined) return options;
      if (options.startVUs === undefined) return { ...rest, startVUs: vus };
      return conflict("vus", "startVUs", place);
    case "constant-arrival-rate":
    case "ramping-arrival-rate":
      if (vus === undefined) return options.preAllocatedVUs === undefined ? withDefaultVus(options) : options;
      if (options.preAllocatedVUs === undefined) return { ...rest, preAllocatedVUs: vus };
      return conflict("vus", "preAllocatedVUs", place);
    case "shared-iterations": {
      if (options.iterations === undefined && vus !== undefined && vus !== 1) {
        const instead = "one iteration runs in one VU";
        place.warnings.push(
          `${place.where}: "vus" is ignored without "duration", "iterations" or "stages": ${instead}`,
        );
        return rest;
      }
      const { duration, ...others } = options;
      if (duration === undefined) return options;
      if (options.maxDuration !== undefined) return conflict("duration", "maxDuration", place);
      return { ...others, maxDuration: duration };
    }
    default:
      return options;
  }
}

function conflict(one: ScheduleKey, other: ScheduleKey, place: Place): null {
  addProblem(place, `"${one}" and "${other}" do not go together: they mean the same here`);
  return null;
}

/**
 * VUs where only a rate is given. Made before the start: one second's arrivals at the peak, 1 to 1,000, enough for
 * iterations of a second. At most: ten times as many, enough for ten seconds.
 */
function withDefaultVus(options: ScheduleOptions): ScheduleOptions {
  const peak = (options.stages ?? []).reduce(
    (most, stage) => Math.max(most, stage.target),
    options.rate ?? options.startRate ?? 0,
  );
  const perSecond = Math.ceil((peak * 1_000) / (options.timeUnit ?? 1_000));
  const enough = Math.max(1, Math.min(perSecond, 1_000));
  const maxVUs = options.maxVUs ?? enough * 10;
  return { ...options, preAllocatedVUs: Math.min(enough, maxVUs), maxVUs };
}

function build(kind: ExecutorKind, options: ScheduleOptions): Executor {
  const {
    vus = 1,
    iterations = 1,
    maxDuration: maxDurationMs = MAX_DURATION_MS,
    duration: durationMs = 0,
    rate = 0,
  } = options;
  const { timeUnit: timeUnitMs = 1_000, preAllocatedVUs: preAllocatedVus = 0, onLate = "drop" } = options;
  const maxVus = options.maxVUs ?? preAllocatedVus;
  const stages: readonly Stage[] = (options.stages ?? []).map(({ duration, target }) => ({
    durationMs: duration,
    target,
  }));
  switch (kind) {
    case "shared-iterations":
    case "per-vu-iterations":
      return { kind, vus, iterations, maxDurationMs };
    case "constant-vus":
      return { kind, vus, durationMs };
    case "ramping-vus":
      return {
        kind,
        startVus: options.startVUs ?? 1,
        stages,
        gracefulRampDownMs: options.gracefulRampDown ?? GRACEFUL_RAMP_DOWN_MS,
      };
    case "constant-arrival-rate":
      return { kind, rate, timeUnitMs, durationMs, preAllocatedVus, maxVus, onLate };
    case "ramping-arrival-rate":
      return { kind, startRate: options.startRate ?? 0, timeUnitMs, stages, preAllocatedVus, maxVus, onLate };
    case "externally-controlled":
      return { kind, vus, maxVus: options.maxVUs ?? vus, durationMs };
    default:
      return never(kind);
  }
}

/** What is impossible about an executor whose options are each fine. */
function contradictions(executor: Executor): readonly string[] {
  switch (executor.kind) {
    case "shared-iterations": {
      const { iterations, vus } = executor;
      const idle = "some VUs would have nothing to do";
      return iterations < vus ? [`"iterations" is ${iterations}, fewer than "vus", ${vus}: ${idle}`] : [];
    }
    case "per-vu-iterations":
      if (executor.iterations * executor.vus <= ITERATIONS_MAX) return [];
      return [`"vus" times "iterations" is above ${ITERATIONS_MAX.toLocaleString("en")}`];
    case "constant-vus":
      return [];
    case "ramping-vus":
      return rampProblems(executor);
    case "constant-arrival-rate":
      return [...vuProblems(executor), ...rateProblems("rate", executor.rate, executor.timeUnitMs)];
    case "ramping-arrival-rate":
      return [
        ...vuProblems(executor),
        ...stageProblems(executor.stages, executor.startRate, '"startRate"', "no iteration would ever start"),
        ...rateProblems("startRate", executor.startRate, executor.timeUnitMs),
        ...executor.stages.flatMap((stage, at) => {
          return rateProblems(`stages[${at}].target`, stage.target, executor.timeUnitMs);
        }),
      ];
    case "externally-controlled":
      if (executor.maxVus >= executor.vus) return [];
      return [`"maxVUs" is ${executor.maxVus}, less than "vus", ${executor.vus}`];
    default:
      return never(executor);
  }
}

function rampProblems({ stages, startVus }: Extract<Executor, { readonly kind: "ramping-vus" }>): readonly string[] {
  const problems = [...stageProblems(stages, startVus, '"startVUs"', "no VU would ever run")];
  stages.forEach(({ target }, at) => {
    if (Number.isInteger(target) && target <= VUS_MAX) return;
    const allowed = `it must be a whole number of VUs from 0 to ${VUS_MAX.toLocaleString("en")}`;
    problems.push(`"stages[${at}].target" is ${target}: ${allowed}`);
  });
  return problems;
}

function stageProblems(stages: readonly Stage[], start: number, startName: string, never: string): readonly string[] {
  const { endMs, areaTwice } = curveOf(stages, start);
  if (endMs === 0) return ['"stages" last 0s in all: at least one must have a "duration" above 0'];
  if (endMs > DURATION_MS_MAX) return ['"stages" last longer than 30 days in all'];
  return areaTwice.at(-1) === 0 ? [`${startName} and the "stages" stay at 0: ${never}`] : [];
}

function vuProblems(executor: { readonly preAllocatedVus: number; readonly maxVus: number }): readonly string[] {
  const { preAllocatedVus, maxVus } = executor;
  if (maxVus === 0) return ['"preAllocatedVUs" is 0: it must be at least 1 where there is no "maxVUs"'];
  return maxVus < preAllocatedVus ? [`"maxVUs" is ${maxVus}, less than "preAllocatedVUs", ${preAllocatedVus}`] : [];
}

function rateProblems(name: string, rate: number, timeUnitMs: number): readonly string[] {
  if ((rate * 1_000) / timeUnitMs <= RATE_PER_SECOND_MAX) return [];
  const most = `at most ${RATE_PER_SECOND_MAX.toLocaleString("en")} a second are allowed`;
  return [`"${name}" is ${rate} in ${formatDuration(timeUnitMs)}: ${most}`];
}
