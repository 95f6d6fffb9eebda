// Thresholds: the pass/fail conditions of a test, in k6's grammar and with "for 10s" for windowed ones. Parsing, the
// judgement on merged data, and the small state of the windowed ones. Acting on a failure is the owner's business.

import { HyperscaleError } from "../base/error.ts";
import { parseDuration } from "../base/units.ts";
import { isEmpty, ofLoad, select } from "./merge.ts";
import { BUILT_IN_METRICS, metricDefinition, type CustomMetric, type MetricDefinition } from "./metrics.ts";
import type { MetricChoice, ThresholdPlan } from "./plan.ts";
import type { SecondWindow, ThresholdOutcome } from "./result.ts";
import type { MetricType, Series, Tags } from "./series.ts";
import { percentOf, statOf } from "./values.ts";

/** Outcomes in the order of the plans, and the first failed threshold that asks for the end of the test. */
export type Verdict = { readonly outcomes: readonly ThresholdOutcome[]; readonly abort: ThresholdPlan | null };

/** State of the windowed thresholds among `plans`; changed by `judge` alone. Starts empty after an owner change. */
export type WindowedThresholds = { readonly streaks: readonly Streak[] };
type Streak = { readonly plan: ThresholdPlan; badSeconds: number; hasFailed: boolean; value: number | null };

/** What a threshold may look at, by type of metric: k6's rules. */
const AGGREGATES: Readonly<Record<MetricType, readonly string[]>> = {
  counter: ["count", "rate"],
  gauge: ["value"],
  rate: ["rate"],
  trend: ["avg", "min", "max", "med", "p(N)"],
};

type Operator = ThresholdPlan["operator"];
const OPERATORS: Readonly<Record<string, Operator>> = {
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
  "==": "==",
  "===": "==",
  "!=": "!=",
};

/**
 * One threshold as a plan. In: the key it stands under ("http_req_duration{workflow:browse}"), what the file gives
 * for it (text, or { threshold, abortOnFail, delayAbortEval }), and the metrics the test makes itself. Throws
 * HyperscaleError("invalid") that names the metric, the expression, the fault and what is valid there.
 */
export function parseThreshold(
  metricKey: string,
  source: unknown,
  custom: readonly CustomMetric[] = [],
): ThresholdPlan {
  const { definition, ...choice } = choiceOf(metricKey, custom);
  const { expression, abortOnFail, delayAbortEvalMs } = readSource(metricKey, source);
  const condition = parseExpression(metricKey, expression, definition);
  return { ...choice, expression, ...condition, abortOnFail, delayAbortEvalMs };
}

/** What the key of thresholds without an expression chooses for the summary. In and throws: as parseThreshold. */
export function parseShown(metricKey: string, custom: readonly CustomMetric[] = []): MetricChoice {
  const { definition, ...choice } = choiceOf(metricKey, custom);
  return choice;
}

function choiceOf(
  metricKey: string,
  custom: readonly CustomMetric[],
): MetricChoice & { readonly definition: MetricDefinition } {
  const { metric, tags } = parseMetricKey(metricKey);
  const definition = metricDefinition(metric, custom);
  if (definition !== null) return { metricKey, metric, type: definition.type, tags, definition };
  const names = [...BUILT_IN_METRICS, ...custom].map((known) => known.name).join(", ");
  throw invalid(`threshold on "${metricKey}": there is no metric "${metric}"`, `metrics of this test: ${names}`);
}

/**
 * Metric and tag filter of a threshold's key: `name`, or `name{tag:value,tag2:"value, quoted"}`. A value runs to the
 * next comma and may hold colons; an empty one means series without that tag. Throws HyperscaleError("invalid").
 */
export function parseMetricKey(metricKey: string): { readonly metric: string; readonly tags: Tags } {
  const open = metricKey.indexOf("{");
  if (open === -1) return { metric: metricKey.trim(), tags: {} };
  const metric = metricKey.slice(0, open).trim();
  const text = metricKey.trimEnd();
  const hint = 'a tag filter looks like this: http_req_duration{workflow:browse,name:"http://x/?a=1,2"}';
  const fault = (wrong: string) => invalid(`threshold on "${metricKey}": ${wrong}`, hint);
  if (!text.endsWith("}")) throw fault('the tag filter has no closing "}"');
  const filter = text.slice(open + 1, -1);
  const tags: Record<string, string> = {};
  const pair = /\s*([^:,"'\s]+)\s*:\s*("[^"]*"|'[^']*'|[^,"'][^,]*?|)\s*(,|$)/y;
  while (pair.lastIndex < filter.length || filter.length === 0) {
    const at = pair.lastIndex;
    const match = pair.exec(filter);
    if (match === null) throw fault(`"${filter.slice(at).trim()}" is not tag:value`);
    const [, name = "", value = "", end] = match;
    if (Object.hasOwn(tags, name)) throw fault(`the tag "${name}" is given twice`);
    // What k6 calls a scenario is a workflow here.
    tags[name === "scenario" ? "workflow" : name] = /^["']/.test(value) ? value.slice(1, -1) : value;
    if (end === "," && pair.lastIndex >= filter.length) throw fault("the tag filter ends with a comma");
  }
  return { metric, tags };
}

/**
 * Outcome of a threshold on merged data; "for 10s" is not looked at (see `judge`). In: series summed over all shares,
 * and the seconds a counter's rate is over. No samples: passes, with value null.
 */
export function evaluate(plan: ThresholdPlan, series: readonly Series[], seconds: number): ThresholdOutcome {
  const value = measure(plan, series, seconds);
  return outcomeOf(plan, value === null || holds(value, plan.operator, plan.limit), value);
}

/**
 * Outcomes so far of the thresholds that are judged on the whole, and whether one of them ends the test. In: as
 * `evaluate`, and ms since the job's start, for delayAbortEval.
 */
export function evaluateLive(
  plans: readonly ThresholdPlan[],
  series: readonly Series[],
  elapsedMs: number,
  seconds = elapsedMs / 1_000,
): Verdict {
  const outcomes: ThresholdOutcome[] = [];
  let abort: ThresholdPlan | null = null;
  for (const plan of plans) {
    if (plan.forSeconds > 0) continue;
    const outcome = evaluate(plan, series, seconds);
    outcomes.push(outcome);
    if (!outcome.ok && plan.abortOnFail && elapsedMs >= plan.delayAbortEvalMs) abort ??= plan;
  }
  return { outcomes, abort };
}

/** State for the windowed thresholds among the plans: nothing failed, no streak begun. */
export function createWindowedThresholds(plans: readonly ThresholdPlan[]): WindowedThresholds {
  const windowed = plans.filter((plan) => plan.forSeconds > 0);
  return { streaks: windowed.map((plan) => ({ plan, badSeconds: 0, hasFailed: false, value: null })) };
}

/**
 * Judges the next whole second of merged data; call it once for each, in order, and never with a partial one. A
 * threshold fails when its expression is false in `forSeconds` windows in a row, and stays failed; a window without
 * samples ends the streak. Out: outcomes of the windowed thresholds alone. abortOnFail waits until delayAbortEval has
 * passed.
 */
export function judge(state: WindowedThresholds, window: SecondWindow): Verdict {
  const elapsedMs = (window.second + 1) * 1_000;
  let abort: ThresholdPlan | null = null;
  for (const streak of state.streaks) {
    const { plan } = streak;
    if (!streak.hasFailed) {
      const value = measure(plan, window.series, 1);
      streak.badSeconds = value === null || holds(value, plan.operator, plan.limit) ? 0 : streak.badSeconds + 1;
      streak.hasFailed = streak.badSeconds >= plan.forSeconds;
      if (value !== null) streak.value = value;
    }
    if (streak.hasFailed && plan.abortOnFail && elapsedMs >= plan.delayAbortEvalMs) abort ??= plan;
  }
  return { outcomes: windowedOutcomes(state), abort };
}

/**
 * Windowed outcomes so far: `value` is that of the window that failed the threshold, else of the last one with
 * samples.
 */
export function windowedOutcomes(state: WindowedThresholds): readonly ThresholdOutcome[] {
  return state.streaks.map((streak) => outcomeOf(streak.plan, !streak.hasFailed, streak.value));
}

/**
 * Outcomes of all plans at the end, in their order. Plain thresholds are judged on the final data; a counter to which
 * nothing was added is 0 then, as in k6. `judged`: what was found while the test ran and stays: all windowed outcomes,
 * and the failure of a threshold that ended the test.
 */
export function finalOutcomes(
  plans: readonly ThresholdPlan[],
  series: readonly Series[],
  seconds: number,
  judged: readonly ThresholdOutcome[],
): readonly ThresholdOutcome[] {
  return plans.map((plan) => {
    const { metricKey, expression } = plan;
    const known = judged.filter((outcome) => outcome.metricKey === metricKey && outcome.expression === expression);
    const latched = known.find((outcome) => !outcome.ok);
    if (latched !== undefined) return latched;
    if (plan.forSeconds > 0) return known[0] ?? outcomeOf(plan, true, null);
    const outcome = evaluate(plan, series, seconds);
    const isNothing = outcome.value === null && plan.type === "counter";
    return isNothing ? outcomeOf(plan, holds(0, plan.operator, plan.limit), 0) : outcome;
  });
}

/** Tags that only some outcomes have: that nothing carries them is no slip. */
const TAGS_OF_SOME: ReadonlySet<string> = new Set(["error_code", "reason", "group", "check"]);

/**
 * Tags that a threshold filters by and nothing of its metric carries, whatever their value: it judged nothing, and
 * passed. In: series summed over all shares. Out: names; none where nothing was measured at all.
 */
export function unknownTags(plan: ThresholdPlan, series: readonly Series[]): readonly string[] {
  const known = series.filter(({ id }) => id.metric === plan.metric).map(({ id }) => id.tags);
  if (known.length === 0) return [];
  return Object.entries(plan.tags)
    .filter(([name, value]) => value !== "" && !TAGS_OF_SOME.has(name) && !known.some((tags) => name in tags))
    .map(([name]) => name);
}

/** The value a threshold looks at. Out: null when nothing was measured. */
function measure(plan: ThresholdPlan, series: readonly Series[], seconds: number): number | null {
  const isPerSecond = plan.type === "counter" && plan.aggregate === "rate";
  const cells = select(isPerSecond ? ofLoad(series) : series, plan.metric, plan.tags);
  if (cells === null || isEmpty(cells)) return null;
  return statOf(cells, plan.aggregate, seconds);
}

function holds(value: number, operator: Operator, limit: number): boolean {
  switch (operator) {
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    case "==":
      return value === limit;
    case "!=":
      return value !== limit;
  }
}

function outcomeOf(plan: ThresholdPlan, ok: boolean, value: number | null): ThresholdOutcome {
  return { metricKey: plan.metricKey, expression: plan.expression, ok, value };
}

const SOURCE_FIELDS: readonly string[] = ["threshold", "abortOnFail", "delayAbortEval"];
type Source = { readonly expression: string; readonly abortOnFail: boolean; readonly delayAbortEvalMs: number };

function readSource(metricKey: string, source: unknown): Source {
  if (typeof source === "string") return { expression: source, abortOnFail: false, delayAbortEvalMs: 0 };
  const hint = 'write "p(95)<500" or { threshold: "p(95)<500", abortOnFail: true, delayAbortEval: "10s" }';
  const fault = (wrong: string) => invalid(`threshold on "${metricKey}"${wrong}`, hint);
  if (typeof source !== "object" || source === null || Array.isArray(source)) {
    throw fault(`: ${JSON.stringify(source) ?? typeof source} is no threshold`);
  }
  const fields: Readonly<Record<string, unknown>> = { ...source };
  for (const name of Object.keys(fields)) {
    if (!SOURCE_FIELDS.includes(name)) throw fault(`: unknown field "${name}"`);
  }
  const { threshold: expression, abortOnFail = false, delayAbortEval = 0 } = fields;
  if (typeof expression !== "string") throw fault(': the field "threshold" has to be text');
  if (typeof abortOnFail !== "boolean") throw fault(`, "${expression}": abortOnFail has to be true or false`);
  const delayAbortEvalMs = parseDuration(delayAbortEval);
  if (delayAbortEvalMs === null) {
    throw fault(`, "${expression}": delayAbortEval ${JSON.stringify(delayAbortEval)} is no duration`);
  }
  return { expression, abortOnFail, delayAbortEvalMs };
}

type Condition = Pick<ThresholdPlan, "aggregate" | "operator" | "limit" | "forSeconds">;

/** Reads "<aggregate> <operator> <limit> [for <seconds>]" piece by piece, so that the message can name the bad one. */
function parseExpression(metricKey: string, expression: string, definition: MetricDefinition): Condition {
  const valid = `${definition.name} is a ${definition.type}: write ${example(definition)}`;
  const fault = (text: string) => invalid(`threshold on "${metricKey}", "${expression}": ${text}`, valid);
  const pieces = /^([^<>=!]*)([<>=!]+)(.*)$/s.exec(expression);
  if (pieces === null) throw fault("it has no comparison");
  const [left = "", sign = "", right = ""] = pieces.slice(1).map((piece) => piece.trim());
  const operator = Object.hasOwn(OPERATORS, sign) ? OPERATORS[sign] : undefined;
  if (operator === undefined) throw fault(`"${sign}" is no comparison; there are < <= > >= == !=`);
  const aggregate = aggregateOf(left);
  if (left === "") throw fault("it does not say what to compare");
  if (aggregate === null) throw fault(`there is no aggregate "${left}"`);
  const kind = aggregate.startsWith("p(") ? "p(N)" : aggregate;
  if (!AGGREGATES[definition.type].includes(kind)) throw fault(`a ${definition.type} has no "${aggregate}"`);
  const parts = /^(\S+)(?:\s+for\s+(.*))?$/s.exec(right);
  if (parts === null) throw fault(right === "" ? "the limit is missing" : `"${right}" is no limit`);
  const limit = limitOf(parts[1] ?? "", definition.contains === "time" && aggregate !== "rate");
  if (limit === null) throw fault(`"${parts[1]}" is not a number`);
  const forMs = parts[2] === undefined ? 0 : parseDuration(parts[2]);
  if (parts[2] !== undefined && (forMs === null || forMs < 1_000 || forMs % 1_000 !== 0)) {
    throw fault(`"for ${parts[2]}" has to be whole seconds, e.g. "for 10s"`);
  }
  return { aggregate, operator, limit, forSeconds: (forMs ?? 0) / 1_000 };
}

/** Canonical name of an aggregate of any type of metric: "p( 99.90 )" is "p(99.9)". Out: null if there is none. */
function aggregateOf(text: string): string | null {
  const percent = percentOf(text);
  if (percent !== null) return `p(${percent})`;
  return Object.values(AGGREGATES).some((names) => names.includes(text)) && text !== "p(N)" ? text : null;
}

/** A number, or with `isTime` also a duration with its unit, in ms. */
function limitOf(text: string, isTime: boolean): number | null {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  return isTime ? parseDuration(text) : null;
}

function example(definition: MetricDefinition): string {
  const names = AGGREGATES[definition.type].join(", ");
  const isTimes = definition.type === "trend" && definition.contains === "time";
  const sample = isTimes ? "p(95)<500" : `${AGGREGATES[definition.type][0]}>0.9`;
  return `one of ${names} and a comparison, e.g. "${sample}" or "${sample} for 10s"${isTimes ? ", times in ms" : ""}`;
}

function invalid(message: string, hint: string): HyperscaleError {
  return new HyperscaleError("invalid", message, { hint });
}
