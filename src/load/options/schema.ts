// The shapes of what a workflow file may say, option by option: types, limits and the sentence for each wrong value.
// Zod does the walking. Not which options go together: executor.ts and ../options.ts know that. Names are k6's;
// durations come out in ms.

import { z } from "zod";
import { LABEL_NAME_MAX, LABEL_VALUE_MAX, LABELS_MAX } from "../../base/labels.ts";
import { nearest } from "../../base/suggest.ts";
import { parseDuration } from "../../base/units.ts";
import { addProblem, show } from "./problems.ts";
import type { Place } from "./problems.ts";
import { VUS_MAX } from "../plan.ts";

/** Limits of a plan. A person who meets one has most likely slipped by a unit. */
export const DURATION_MS_MAX = 30 * 86_400_000;
export const ITERATIONS_MAX = 1_000_000_000_000;
export const RATE_PER_SECOND_MAX = 10_000_000;
export const STAGES_MAX = 10_000;
export const WORKFLOWS_MAX = 1_000;

export const EXECUTORS = [
  "shared-iterations",
  "per-vu-iterations",
  "constant-vus",
  "ramping-vus",
  "constant-arrival-rate",
  "ramping-arrival-rate",
  "externally-controlled",
] as const;

/** What a column of printed times may be. */
export const TREND_STATS_TEXT = "avg, min, med, max, count or a percentile such as p(95)";

const STAGE = fields({ duration: duration(0), target: number(0, 1e12) });

const SCHEDULE = {
  vus: whole(1, VUS_MAX).optional(),
  iterations: whole(1, ITERATIONS_MAX).optional(),
  duration: duration(1).optional(),
  maxDuration: duration(1).optional(),
  stages: z
    .array(STAGE, "it must be a list of { duration, target }")
    .min(1, "it must have at least one { duration, target }")
    .max(STAGES_MAX, `it may have at most ${STAGES_MAX.toLocaleString("en")} stages`)
    .optional(),
  startVUs: whole(0, VUS_MAX).optional(),
  rate: number(0, 1e12, "above").optional(),
  startRate: number(0, 1e12).optional(),
  timeUnit: duration(1).optional(),
  preAllocatedVUs: whole(0, VUS_MAX).optional(),
  maxVUs: whole(1, VUS_MAX).optional(),
  onLate: oneOf(["drop", "queue"]).optional(),
  startTime: duration(0).optional(),
  gracefulStop: duration(0).optional(),
  gracefulRampDown: duration(0).optional(),
  minIterationDuration: duration(0).optional(),
};

const HTTP = {
  discardResponseBodies: flag().optional(),
  insecureSkipTLSVerify: flag().optional(),
  noConnectionReuse: flag().optional(),
  noVUConnectionReuse: flag().optional(),
  noCookiesReset: flag().optional(),
  maxRedirects: whole(0, 1_000).optional(),
  batch: whole(1, 10_000).optional(),
  batchPerHost: whole(1, 10_000).optional(),
  userAgent: line().optional(),
  connectTimeout: duration(1).optional(),
  hosts: strings('a host\'s address, as in { "api.test": "127.0.0.1" }')
    .pipe(z.record(z.string(), z.string().refine(isHostAddress, hostAddressText())))
    .optional(),
  dns: fields({
    ttl: z.union([z.literal("inf").transform(() => DURATION_MS_MAX), duration(0)], durationText(0)).optional(),
    select: oneOf(["first", "random", "roundRobin"]).optional(),
    policy: oneOf(["preferIPv4", "preferIPv6", "onlyIPv4", "onlyIPv6", "any"]).optional(),
  }).optional(),
  tlsAuth: z
    .array(
      fields({
        cert: pem(),
        key: pem(),
        password: text().optional(),
        domains: z.array(text(), "it must be a list of host names").optional(),
      }),
      "it must be a list of { cert, key, domains }",
    )
    .optional(),
  tlsCACerts: z
    .union(
      [pem().transform((cert) => [cert]), z.array(pem())],
      "it must be PEM text (read the file with open()), or a list of such",
    )
    .optional(),
  tlsVersion: z
    .union(
      [
        tlsVersion().transform((version) => ({ min: version, max: version })),
        z.strictObject({ min: tlsVersion().optional(), max: tlsVersion().optional() }),
      ],
      'it must be "tls1.2", "tls1.3" or { min, max } of these',
    )
    .refine(({ min, max }) => min !== "tls1.3" || max !== "tls1.2", '"min" must not be above "max"')
    .optional(),
};

const COMMON = {
  thresholds: z.record(z.string(), z.unknown(), 'it must be { "metric": ["expression", ...] }').optional(),
  tags: strings("a tag's value").optional(),
  setupTimeout: duration(1).optional(),
  teardownTimeout: duration(1).optional(),
  summaryTrendStats: z.array(trendStat(), 'it must be a list such as ["avg", "p(95)"]').optional(),
};

const WORK = {
  ...SCHEDULE,
  executor: oneOf(EXECUTORS).optional(),
  after: z.array(text(), "it must be a list of workflow names").optional(),
  env: strings("a value").optional(),
  tags: strings("a tag's value").optional(),
  priority: oneOf(["auto", "low", "normal", "high", "exclusive"]).optional(),
  requires: labels().optional(),
  prefers: labels().optional(),
};

const SIMPLE = fields({
  ...SCHEDULE,
  ...HTTP,
  ...COMMON,
  scenarios: z.record(z.string(), z.unknown(), "it must be { name: { executor, ... } }").optional(),
});
const JOB = fields({
  ...HTTP,
  ...COMMON,
  name: z.string(jobNameText()).regex(/^\P{Cc}{1,200}$/u, jobNameText()),
  workflows: z.record(z.string(), z.unknown(), "it must be { name: workflow({ ... }) }"),
  setup: z.unknown().optional(),
  teardown: z.unknown().optional(),
});
const SCENARIO = fields({ ...WORK, exec: text().optional() });
const WORKFLOW = fields({ ...WORK, run: z.unknown().optional() });
const OVERRIDES = fields({
  vus: SCHEDULE.vus,
  iterations: SCHEDULE.iterations,
  duration: SCHEDULE.duration,
  stages: SCHEDULE.stages,
  rate: SCHEDULE.rate,
  timeUnit: SCHEDULE.timeUnit,
});

/** Options of schedules, checked one by one; durations in ms. */
export type ScheduleOptions = z.output<ReturnType<typeof scheduleShape>>;
export type ScheduleKey = keyof ScheduleOptions;
export type HttpOptions = z.output<ReturnType<typeof httpShape>>;
export type SimpleOptions = z.output<typeof SIMPLE>;
export type JobOptions = z.output<typeof JOB>;
export type ScenarioOptions = z.output<typeof SCENARIO>;

/** Names of the schedule options, in the order of the manual. */
export const SCHEDULE_KEYS: readonly ScheduleKey[] = z.strictObject(SCHEDULE).keyof().options;

/** True for a name that TREND_STATS_TEXT means. */
export function isTrendStat(stat: string): boolean {
  const percentile = /^p\((\d+(?:\.\d+)?)\)$/.exec(stat)?.[1];
  return (
    ["avg", "min", "med", "max", "count"].includes(stat) || (percentile !== undefined && Number(percentile) <= 100)
  );
}

/** What to read: one of the shapes a file or a command line may hold. */
export const SHAPES = {
  simple: SIMPLE,
  job: JOB,
  scenario: SCENARIO,
  workflow: WORKFLOW,
  overrides: OVERRIDES,
} as const;

/** Checks `value` against a shape. Out: the options, or null with a problem for each wrong one. */
export function readOptions<T>(schema: z.ZodType<T>, value: unknown, place: Place): T | null {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  for (const issue of read.error.issues) {
    if (issue.code === "unrecognized_keys") {
      // The message has one line for each of the keys (see `fields`).
      const lines = issue.message.split("\n");
      issue.keys.forEach((key, at) => {
        addProblem(place, `"${pathText([...issue.path, key])}" is no option${lines[at] ?? ""}`);
      });
      continue;
    }
    const is = `is ${foundText(value, issue.path)}: ${issue.message}`;
    if (issue.path.length === 0) place.problems.push({ text: `${place.where} ${is}`, hint: undefined });
    else addProblem(place, `"${pathText(issue.path)}" ${is}`);
  }
  return null;
}

function scheduleShape() {
  return z.strictObject(SCHEDULE);
}

function httpShape() {
  return z.strictObject(HTTP);
}

/** An object of known options; an unknown one is named with its nearest neighbour. */
function fields<S extends z.core.$ZodLooseShape>(shape: S) {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? unknownText(issue["keys"], names)
        : `it must be an object${names.length > 8 ? "" : ` { ${names.join(", ")} }`}`,
  });
}

function unknownText(keys: unknown, names: readonly string[]): string {
  if (!Array.isArray(keys)) return "";
  return keys
    .map((key) => {
      const near = nearest(String(key), names);
      if (near !== null) return `: did you mean "${near}"?`;
      return names.length > 8 ? "" : `: there are ${names.map((name) => `"${name}"`).join(", ")}`;
    })
    .join("\n");
}

function whole(least: number, most: number) {
  const allowed = `it must be a whole number from ${least.toLocaleString("en")} to ${most.toLocaleString("en")}`;
  return z.number(allowed).refine((value) => Number.isInteger(value) && value >= least && value <= most, allowed);
}

function number(least: number, most: number, bound: "from" | "above" = "from") {
  const allowed = bound === "above" ? `it must be a number above ${least}` : `it must be a number from ${least} up`;
  return z
    .number(allowed)
    .refine((value) => (bound === "above" ? value > least : value >= least) && value <= most, allowed);
}

/** Milliseconds; `least` 1 refuses 0. */
function duration(least: 0 | 1) {
  return z.unknown().transform((value, context) => {
    const ms = parseDuration(value);
    if (ms !== null && (least === 0 || ms > 0) && ms <= DURATION_MS_MAX) return ms;
    context.addIssue({ code: "custom", message: durationText(least) });
    return z.NEVER;
  });
}

function durationText(least: 0 | 1): string {
  const from = least === 0 ? "from 0" : "above 0";
  return `it must be a duration such as "30s", "1m30s" or milliseconds, ${from} to 30 days`;
}

function oneOf<const T extends readonly string[]>(names: T) {
  return z.enum(names, {
    error: (issue) => {
      const near = typeof issue.input === "string" ? nearest(issue.input, names) : null;
      return near === null
        ? `it must be one of ${names.map((name) => `"${name}"`).join(", ")}`
        : `did you mean "${near}"?`;
    },
  });
}

function flag() {
  return z.boolean("it must be true or false");
}

function text() {
  return z.string("it must be text").min(1, "it must not be empty");
}

/** Text that fits in a header. */
function line() {
  return z.string("it must be text").regex(/^[^\r\n\0]*$/, "it must be one line");
}

function strings(what: string) {
  return z.record(z.string(), z.string(`${what} must be text`), 'it must be { name: "text" }');
}

/** "1.2.3.4", "::1" or a name, perhaps with a port: "1.2.3.4:80", "[::1]:80". */
function isHostAddress(address: string): boolean {
  const match = /^(?:\[[0-9a-f:.]+\]|[^\s:/[\]]+)(?::(\d{1,5}))?$|^[0-9a-f:.]*:[0-9a-f:.]*$/i.exec(address);
  return match !== null && Number(match[1] ?? 1) >= 1 && Number(match[1] ?? 1) <= 65_535;
}

function hostAddressText(): string {
  return 'it must be an address such as "127.0.0.1", "127.0.0.1:8443" or "[::1]:8443"';
}

/** What workers are started with (--label). */
function labels() {
  return strings("a label's value").refine(
    (given) =>
      Object.keys(given).length <= LABELS_MAX &&
      Object.entries(given).every(
        ([name, value]) => name !== "" && name.length <= LABEL_NAME_MAX && value.length <= LABEL_VALUE_MAX,
      ),
    `it must be at most ${LABELS_MAX} labels, with names of 1 to ${LABEL_NAME_MAX} letters and values of up to ` +
      `${LABEL_VALUE_MAX}`,
  );
}

function pem() {
  return z
    .string("it must be PEM text")
    .includes("-----BEGIN", { error: "it must be PEM text: read the file with open()" });
}

function tlsVersion() {
  return z.enum(["tls1.2", "tls1.3"], 'it must be "tls1.2" or "tls1.3"');
}

function trendStat() {
  const allowed = `it must be ${TREND_STATS_TEXT}`;
  return z.string(allowed).refine(isTrendStat, allowed);
}

function jobNameText(): string {
  return "a job's name must be text of 1 to 200 letters";
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key, at) => (typeof key === "number" ? `[${key}]` : `${at === 0 ? "" : "."}${String(key)}`))
    .join("");
}

/** What stands at a path, for a person; never a key or password. */
function foundText(value: unknown, path: readonly PropertyKey[]): string {
  let found = value;
  for (const key of path) found = typeof found === "object" && found !== null ? Reflect.get(found, key) : undefined;
  if (found === undefined) return "missing";
  const last = path.at(-1);
  return last === "key" || last === "password" ? "not shown" : show(found);
}
