// What the command line, the environment or the configuration file says over a file's options, and how: k6's rules. Not
// where those values came from or how they are spelled (cli/).

import { inferKind, isTaken, vusKey } from "./executor.ts";
import { readOptions, SCHEDULE_KEYS, SHAPES } from "./schema.ts";
import type { Place } from "./problems.ts";
import type { ScheduleKey, ScheduleOptions } from "./schema.ts";
import type { ExecutorKind, HttpPlan, Stage } from "../plan.ts";

/** What the command line, the environment or the configuration file says over the file's options. */
export type Overrides = {
  /** Where the schedule came from, in words: "-u, HYPERSCALE_DURATION"; left out: COMMAND_LINE. */
  readonly source?: string | undefined;
  readonly vus?: number | undefined;
  readonly iterations?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly stages?: readonly Stage[] | undefined;
  readonly rate?: { readonly rate: number; readonly timeUnitMs: number } | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly http?: { readonly [K in keyof HttpPlan]?: HttpPlan[K] | undefined } | undefined;
  /** Added to the file's. `source`: where it came from, for messages. */
  readonly thresholds?:
    readonly { readonly metric: string; readonly expression: string; readonly source?: string }[] | undefined;
  readonly noThresholds?: boolean | undefined;
  readonly noSetup?: boolean | undefined;
  readonly noTeardown?: boolean | undefined;
  readonly summaryTrendStats?: readonly string[] | undefined;
};

/** The command line's schedule, checked. `isSchedule`: it says more than a number of VUs. */
export type Shortcuts = {
  /** Where it came from: for messages. */
  readonly source: string;
  readonly options: ScheduleOptions;
  readonly vus: number | undefined;
  readonly isSchedule: boolean;
};
/** A file's schedule with the command line's on top, and where to report what is wrong with it. */
export type Overridden = {
  readonly schedule: ScheduleOptions;
  /** undefined: to be inferred. */
  readonly kind: ExecutorKind | undefined;
  readonly at: Place;
};

/** Where the command line's problems are, when nobody says it better. */
const COMMAND_LINE = "command line";

/** Checks the command line's schedule; wrong values become problems. */
export function readShortcuts(overrides: Overrides, place: Place): Shortcuts {
  const { source = COMMAND_LINE, vus, iterations, durationMs: duration, rate } = overrides;
  const raw = {
    vus,
    iterations,
    duration,
    rate: rate?.rate,
    timeUnit: rate?.timeUnitMs,
    stages: overrides.stages?.map((stage) => ({ duration: stage.durationMs, target: stage.target })),
  };
  const options = readOptions(SHAPES.overrides, raw, { ...place, where: source }) ?? {};
  return {
    source,
    options,
    vus: options.vus,
    isSchedule: [iterations, duration, rate, raw.stages].some((value) => value !== undefined),
  };
}

/**
 * The file's schedule under the command line's. An executor that takes every option of the command line keeps its own
 * others; else the executor those options mean replaces it (k6's rule), with what it takes of the file's.
 */
export function overridden(
  file: ScheduleOptions,
  kind: ExecutorKind | undefined,
  { shortcuts, place }: { readonly shortcuts: Shortcuts; readonly place: Place },
): Overridden {
  const { vus, ...options } = shortcuts.options;
  const current = kind ?? inferKind(file);
  const isSame = defined(options).every((key) => isTaken(current, key));
  const next = isSame ? current : inferKind(options);
  const kept = defined(file).filter((key) => isSame || key === "vus" || isTaken(next, key));
  let schedule = pick(file, kept);
  if (vus !== undefined) {
    const maxVUs = schedule.maxVUs !== undefined && schedule.maxVUs < vus ? { maxVUs: vus } : {};
    schedule = { ...without(schedule, ["vus"]), [vusKey(next)]: vus, ...maxVUs };
  }
  if (options.duration !== undefined) schedule = without(schedule, ["maxDuration"]);
  const isUntouched = vus === undefined && defined(options).length === 0;
  const where = isSame ? `${place.where} and ${shortcuts.source}` : shortcuts.source;
  return {
    schedule: { ...schedule, ...pick(options, defined(options)) },
    kind: isSame ? kind : undefined,
    at: isUntouched ? place : { ...place, where },
  };
}

/** The schedule options among others, without absent ones. */
export function scheduleOf(options: ScheduleOptions): ScheduleOptions {
  return pick(options, defined(options));
}

/** Schedule options that carry a value. */
function defined(options: ScheduleOptions): readonly ScheduleKey[] {
  return SCHEDULE_KEYS.filter((key) => options[key] !== undefined);
}

function pick(options: ScheduleOptions, keys: readonly ScheduleKey[]): ScheduleOptions {
  return Object.fromEntries(keys.map((key) => [key, options[key]]));
}

function without(options: ScheduleOptions, keys: readonly ScheduleKey[]): ScheduleOptions {
  const kept = defined(options).filter((key) => !keys.includes(key));
  return pick(options, kept);
}
