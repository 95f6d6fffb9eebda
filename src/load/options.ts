// From what a workflow file exports, with the command line's overrides, to the plan of a job: checked, defaulted,
// normalized. Every problem is found before any is reported. Not single values (options/schema.ts) and not executors
// (options/executor.ts).

import { assert } from "../base/assert.ts";
import { HyperscaleError } from "../base/error.ts";
import { nearest } from "../base/suggest.ts";
import { executorOf, inferExecutor } from "./options/executor.ts";
import { httpPlanOf } from "./options/http.ts";
import { withoutK6Options } from "./options/k6.ts";
import { overridden, readShortcuts, scheduleOf } from "./options/overrides.ts";
import { addProblem, refuseIfAny, show } from "./options/problems.ts";
import { EXECUTORS, readOptions, SCHEDULE_KEYS, SHAPES, WORKFLOWS_MAX } from "./options/schema.ts";
import { SETUP, TEARDOWN, VUS_MAX, vusMax } from "./plan.ts";
import { parseShown, parseThreshold } from "./thresholds.ts";
import { findCycle } from "./workflow-order.ts";
import type { Overrides, Shortcuts } from "./options/overrides.ts";
import type { Place } from "./options/problems.ts";
import type { JobOptions, ScenarioOptions, ScheduleOptions, SimpleOptions } from "./options/schema.ts";
import type { Executor, FeedPlan, FunctionRef, JobPlan, MetricChoice, ThresholdPlan, WorkflowPlan } from "./plan.ts";
import type { MetricType } from "./series.ts";

export type { Overrides } from "./options/overrides.ts";

/** What the file exports: `ModuleShape` of the engine has it all. */
export type FileShape = {
  /** `options` of the simple form or the job of the job form, functions left out; null: not exported. */
  readonly options: unknown;
  readonly form: "simple" | "job";
  readonly exports: readonly string[];
  readonly functions: readonly string[];
  readonly hasSetup: boolean;
  readonly hasTeardown: boolean;
  readonly feeds: readonly FeedPlan[];
  readonly metrics: readonly { readonly name: string; readonly type: MetricType; readonly isTime: boolean }[];
};

/** `name`: of the job when the file gives none (the simple form). */
export type PlanInput = { readonly module: FileShape; readonly overrides: Overrides; readonly name: string };
/** `warnings`: one line each, for people. */
export type Planned = { readonly plan: JobPlan; readonly warnings: readonly string[] };

/** Tags of samples that are no user's: "scenario" is how outputs and thresholds call the workflow for users of k6. */
const OWN_TAGS: readonly string[] = [
  "check",
  "error_code",
  "expected_response",
  "group",
  "method",
  "scenario",
  "status",
  "workflow",
];
/** What a file of the simple form may export beside the functions of its scenarios. */
const EXPORTS_READ: readonly string[] = ["options", "setup", "teardown"];
const GRACEFUL_STOP_MS = 30_000;
const SETUP_TIMEOUT_MS = 60_000;
const TREND_STATS: readonly string[] = ["avg", "min", "med", "max", "p(90)", "p(95)"];

/**
 * The plan of a job. Throws HyperscaleError("invalid") with a line for each problem: where it is, the option, the value
 * found, what is allowed.
 */
export function planJob(input: PlanInput): Planned {
  const { module, overrides } = input;
  const place: Place = { where: module.form === "job" ? "job" : "options", problems: [], warnings: [] };
  const shortcuts = readShortcuts(overrides, place);
  const read = module.form === "job" ? readJob(module, shortcuts, place) : readSimple(module, shortcuts, place);
  if (read !== null) checkWorkflows(read.workflows, place);
  warnOfUnread(module, place);
  const { thresholds, shown } = thresholdsOf(input, read?.options.thresholds, place);
  for (const feed of module.feeds) {
    if (feed.rows === 0) addProblem({ ...place, where: "data" }, `${show(feed.source)} has no rows`);
  }
  if (read !== null) warnOfUnknownWorkflows([...thresholds, ...shown], read.workflows, place);
  refuseIfAny(place.problems);
  assert(read !== null, "options that cannot be read have a problem");
  const { name, options, workflows } = read;
  const tags = { ...options.tags, ...overrides.tags };
  const setup = { timeoutMs: options.setupTimeout ?? SETUP_TIMEOUT_MS };
  const teardown = { timeoutMs: options.teardownTimeout ?? SETUP_TIMEOUT_MS };
  const plan: JobPlan = {
    name: name ?? input.name,
    workflows: workflows.map((workflow) => workflow.plan).filter((workflow) => workflow !== null),
    setup: module.hasSetup && overrides.noSetup !== true ? setup : null,
    teardown: module.hasTeardown && overrides.noTeardown !== true ? teardown : null,
    thresholds,
    ...(shown.length === 0 ? {} : { shown }),
    http: httpPlanOf(options, overrides.http ?? {}),
    tags,
    env: { ...overrides.env },
    feeds: module.feeds,
    summaryTrendStats: overrides.summaryTrendStats ?? options.summaryTrendStats ?? TREND_STATS,
  };
  warnOfOwnTags([tags, ...plan.workflows.map((workflow) => workflow.tags)], place);
  return { plan, warnings: place.warnings };
}

/** A workflow while it is read: `plan` is null when it has problems; name and after are known all the same. */
type Draft = {
  readonly label: string;
  readonly name: string;
  readonly after: readonly string[];
  readonly plan: WorkflowPlan | null;
};
type Read = {
  readonly name: string | null;
  readonly options: SimpleOptions | JobOptions;
  readonly workflows: readonly Draft[];
};

function readSimple(module: FileShape, shortcuts: Shortcuts, place: Place): Read | null {
  const raw = withoutMisplaced(withoutK6Options(module.options ?? {}, SHAPES.simple.shape, place), {
    ...place,
    names: Object.keys(SHAPES.scenario.shape).filter((key) => !(key in SHAPES.simple.shape)),
    why: "of a file: it is one of a scenario",
  });
  const options = readOptions(SHAPES.simple, raw, place);
  if (options === null) return null;
  if (module.functions.includes("handleSummary"))
    place.warnings.push("handleSummary is not called: --summary-export, --json and --html hand out the summary");
  const { scenarios } = options;
  if (scenarios !== undefined && !shortcuts.isSchedule) {
    return { name: null, options, workflows: readScenarios(scenarios, options, { module, shortcuts, place }) };
  }
  if (scenarios !== undefined) {
    const names = Object.keys(scenarios).join(", ");
    place.warnings.push(`${shortcuts.source}: its schedule replaces the file's scenarios (${names})`);
  }
  const { schedule, at } = overridden(scheduleOf(options), undefined, { shortcuts, place });
  const run = runOf("default", module, at);
  const draft = { label: at.where, name: "default", run, executor: inferExecutor(schedule, at) };
  return { name: null, options, workflows: [draftOf(draft, schedule, {})] };
}

type Reading = { readonly module: FileShape; readonly shortcuts: Shortcuts; readonly place: Place };

function readScenarios(
  scenarios: Readonly<Record<string, unknown>>,
  options: SimpleOptions,
  { module, shortcuts, place }: Reading,
): readonly Draft[] {
  for (const key of SCHEDULE_KEYS) {
    if (options[key] === undefined || key === "minIterationDuration") continue;
    if (["iterations", "duration", "stages", "rate"].includes(key)) {
      addProblem(place, `"${key}" and "scenarios" do not go together`, `move "${key}" into a scenario`);
    } else {
      place.warnings.push(`${place.where}: "${key}" is ignored: the file has scenarios`);
    }
  }
  if (shortcuts.vus !== undefined) {
    const instead = "a duration, iterations, stages or rate beside it would replace them";
    place.warnings.push(`${shortcuts.source}: "vus" is ignored: the file has scenarios; ${instead}`);
  }
  const entries = Object.entries(scenarios);
  if (entries.length === 0) addProblem(place, '"scenarios" is {}: it must have at least one scenario');
  return entries.map(([name, raw]) => {
    const at = { ...place, where: `scenario ${show(name)}` };
    const scenario = readOptions(SHAPES.scenario, withoutK6Options(raw, SHAPES.scenario.shape, at), at);
    if (scenario === null) return { label: at.where, name, after: [], plan: null };
    const minIterationDuration = scenario.minIterationDuration ?? options.minIterationDuration;
    const schedule = { ...scheduleOf(scenario), minIterationDuration };
    const kind = scenario.executor;
    if (kind === undefined) addProblem(at, `"executor" is missing: it must be one of ${EXECUTORS.join(", ")}`);
    const executor = kind === undefined ? null : executorOf(kind, schedule, at);
    const run = runOf(scenario.exec ?? "default", module, at);
    return draftOf({ label: at.where, name, run, executor }, schedule, scenario);
  });
}

function readJob(module: FileShape, shortcuts: Shortcuts, place: Place): Read | null {
  const raw = withoutMisplaced(withoutK6Options(module.options, SHAPES.job.shape, place), {
    ...place,
    names: Object.keys(SHAPES.workflow.shape).filter((key) => !(key in SHAPES.job.shape)),
    why: "of a job: it is one of a workflow",
  });
  const options = readOptions(SHAPES.job, raw, place);
  if (options === null) return null;
  const workflows = Object.entries(options.workflows);
  if (workflows.length === 0) addProblem(place, '"workflows" is {}: it must have at least one workflow');
  if (workflows.length > 1 && (shortcuts.isSchedule || shortcuts.vus !== undefined)) {
    const instead = "change the workflows in the file; -e KEY=VALUE can parameterize them";
    const text = `a schedule cannot be put on a job of ${workflows.length} workflows`;
    addProblem({ ...place, where: shortcuts.source }, text, instead);
  }
  const drafts = workflows.map(([name, workflow]) => {
    const at = { ...place, where: `workflow ${show(name)}` };
    return readWorkflow(name, withoutK6Options(workflow, SHAPES.workflow.shape, at), shortcuts, at);
  });
  return { name: options.name, options, workflows: drafts };
}

function readWorkflow(name: string, raw: unknown, shortcuts: Shortcuts, place: Place): Draft {
  const options = readOptions(SHAPES.workflow, raw, place);
  if (options === null) return { label: place.where, name, after: [], plan: null };
  const { schedule, kind, at } = overridden(scheduleOf(options), options.executor, { shortcuts, place });
  const executor = kind === undefined ? inferExecutor(schedule, at) : executorOf(kind, schedule, at);
  return draftOf({ label: place.where, name, executor, run: { kind: "workflow", name } }, schedule, options);
}

/** Options at the top that belong to a part: said so. */
function withoutMisplaced(
  raw: unknown,
  place: Place & { readonly names: readonly string[]; readonly why: string },
): unknown {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return raw;
  const { names, why } = place;
  const misplaced = Object.keys(raw).filter((key) => names.includes(key));
  for (const key of misplaced) addProblem(place, `"${key}" is no option ${why}`);
  return Object.fromEntries(Object.entries(raw).filter(([key]) => !misplaced.includes(key)));
}

type Parts = {
  readonly label: string;
  readonly name: string;
  readonly executor: Executor | null;
  readonly run: FunctionRef | null;
};

function draftOf(
  { label, name, executor, run }: Parts,
  schedule: ScheduleOptions,
  rest: Partial<ScenarioOptions>,
): Draft {
  const after = [...new Set(rest.after ?? [])];
  if (executor === null || run === null) return { label, name, after, plan: null };
  const plan: WorkflowPlan = {
    name,
    after,
    run,
    executor,
    startTimeMs: schedule.startTime ?? 0,
    gracefulStopMs: schedule.gracefulStop ?? GRACEFUL_STOP_MS,
    minIterationDurationMs: schedule.minIterationDuration ?? 0,
    env: rest.env ?? {},
    tags: rest.tags ?? {},
    priority: rest.priority ?? "auto",
    ...(rest.requires === undefined ? {} : { requires: rest.requires }),
    ...(rest.prefers === undefined ? {} : { prefers: rest.prefers }),
  };
  return { label, name, after, plan };
}

function runOf(name: string, module: FileShape, place: Place): FunctionRef | null {
  if (module.functions.includes(name)) return { kind: "export", name };
  if (name === "default") {
    addProblem(place, "the file exports no default function", "export default async function (vu) { ... }");
    return null;
  }
  const near = nearest(name, module.functions);
  const exported = module.functions.length === 0 ? "it exports none" : `it exports ${module.functions.join(", ")}`;
  const instead = near === null ? exported : `did you mean "${near}"?`;
  addProblem(place, `"exec" is ${show(name)}: the file exports no such function; ${instead}`);
  return null;
}

/** Names, `after` and the total of VUs. */
function checkWorkflows(drafts: readonly Draft[], place: Place): void {
  const count = (value: number): string => value.toLocaleString("en");
  if (drafts.length > WORKFLOWS_MAX) {
    addProblem(place, `${count(drafts.length)} workflows: at most ${count(WORKFLOWS_MAX)} are allowed`);
  }
  const names = new Set(drafts.map((draft) => draft.name));
  for (const { label, name, after } of drafts) {
    const at = { ...place, where: label };
    if (!/^[A-Za-z0-9_.-]{1,100}$/.test(name)) {
      addProblem(at, 'a name is 1 to 100 of the letters a-z and A-Z, digits, "_", "-" and "."');
    }
    for (const before of after) {
      if (names.has(before)) continue;
      const near = nearest(
        before,
        [...names].filter((other) => other !== name),
      );
      const instead = near === null ? "" : `: did you mean "${near}"?`;
      addProblem(at, `"after" names ${show(before)}, which is no workflow of this job${instead}`);
    }
  }
  const cycle = findCycle(drafts);
  if (cycle !== null) {
    const instead = 'take one of these names out of its "after"';
    addProblem(place, `"after" goes in a circle: ${cycle.join(" after ")}`, instead);
  }
  const vus = drafts.reduce((sum, { plan }) => sum + (plan === null ? 0 : vusMax(plan.executor)), 0);
  if (vus > VUS_MAX) addProblem(place, `${count(vus)} VUs in all: at most ${count(VUS_MAX)} are allowed`);
}

/** Exports that mean something elsewhere, or nearly do, and that nothing reads here. */
function warnOfUnread({ form, exports }: FileShape, place: Place): void {
  for (const name of exports) {
    if (form === "job" && EXPORTS_READ.includes(name))
      place.warnings.push(`the export "${name}" is not read beside a job: put it into defineJob({ ... })`);
    const lower = name.toLowerCase();
    const meant = EXPORTS_READ.find((known) => known === lower || known === `${lower}s`);
    if (form === "simple" && meant !== undefined && name !== meant)
      place.warnings.push(`the export "${name}" is read by nothing: did you mean "${meant}"?`);
  }
}

/** A threshold on a workflow that is none would pass without a sample. */
function warnOfUnknownWorkflows(thresholds: readonly MetricChoice[], workflows: readonly Draft[], place: Place): void {
  const names = workflows.map(({ name }) => name);
  for (const { metricKey, tags } of thresholds) {
    const name = tags["workflow"];
    if (name === undefined || name === "" || [...names, SETUP, TEARDOWN].includes(name)) continue;
    const near = nearest(name, names);
    const instead = near === null ? `there are ${names.join(", ")}` : `did you mean "${near}"?`;
    place.warnings.push(`threshold on "${metricKey}": ${show(name)} is no workflow of this test; ${instead}`);
  }
}

/** A value that the run puts in place of the given one would be looked for in vain. */
function warnOfOwnTags(given: readonly Readonly<Record<string, string>>[], place: Place): void {
  for (const name of new Set(given.flatMap((tags) => Object.keys(tags)))) {
    if (OWN_TAGS.includes(name))
      place.warnings.push(`the tag "${name}" is set by the run itself, and its value wins: choose another name`);
  }
}

/** Thresholds of the file, then of the command line; `shown`: those of the file that have no expression. */
function thresholdsOf(
  { module, overrides }: PlanInput,
  file: Readonly<Record<string, unknown>> | undefined,
  place: Place,
): { readonly thresholds: readonly ThresholdPlan[]; readonly shown: readonly MetricChoice[] } {
  const thresholds: ThresholdPlan[] = [];
  const shown: MetricChoice[] = [];
  if (overrides.noThresholds === true) return { thresholds, shown };
  type Written = { readonly metric: string; readonly expressions: unknown; readonly source?: string };
  const written: readonly Written[] = [
    ...Object.entries(file ?? {}).map(([metric, expressions]): Written => ({ metric, expressions })),
    ...(overrides.thresholds ?? []).map(({ expression, ...rest }): Written => ({ ...rest, expressions: expression })),
  ];
  const isNew = (plan: ThresholdPlan): boolean =>
    !thresholds.some((other) => other.metricKey === plan.metricKey && other.expression === plan.expression);
  for (const { metric, expressions, source } of written) {
    const list: readonly unknown[] = Array.isArray(expressions) ? expressions : [expressions];
    reporting(place, source, () => {
      if (list.length === 0) shown.push(parseShown(metric, module.metrics));
    });
    for (const expression of list)
      reporting(place, source, () => {
        const plan = parseThreshold(metric, expression, module.metrics);
        if (isNew(plan)) thresholds.push(plan);
      });
  }
  return { thresholds, shown };
}

/** Runs `read`; what it finds invalid becomes a problem, of that flag or variable where it came from one. */
function reporting(place: Place, source: string | undefined, read: () => void): void {
  try {
    read();
  } catch (cause) {
    if (!(cause instanceof HyperscaleError)) throw cause;
    const text = source === undefined ? cause.message : `${source}: ${cause.message}`;
    place.problems.push({ text, hint: cause.hint });
  }
}
