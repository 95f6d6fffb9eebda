// From the command line to a job that can be submitted: the file or URL bundled, evaluated, and planned under the
// options of flags, variables and config file. Nothing is sent here.

import { bundleFile, bundleSource, type BundledSource } from "../engine/bundle.ts";
import { evaluate } from "../engine/evaluate.ts";
import type { Bundle } from "../engine/messages.ts";
import { isHeaderValue, isToken } from "../engine/http/grammar.ts";
import { readBytes, resolvePath } from "../io/files.ts";
import type { Log } from "../io/log.ts";
import { planJob, type Overrides } from "../load/options.ts";
import { isTrendStat, TREND_STATS_TEXT } from "../load/options/schema.ts";
import type { JobPlan } from "../load/plan.ts";
import { plannedTimes } from "../load/workflow-order.ts";
import { plural } from "../tui/node-lines.ts";
import type { Invocation } from "./command.ts";
import type { Setting, Settings } from "./settings.ts";
import { checkUrl, isUrl, URL_RATE_DURATION_MS, urlSource } from "./url.ts";
import { countOf, durationOf, givenFile, pairOf, rateOf, recordOf, refuse, stageOf, thresholdOf } from "./values.ts";

export type LoadedJob = {
  readonly plan: JobPlan;
  readonly bundle: Bundle;
  /** One line each, for people. */
  readonly warnings: readonly string[];
};

/** A slip of the finger rather than a machine. */
const CORES_MAX = 1_024;

/** Loads what the positional FILE|URL names. Throws `load` or `invalid`. `log` gets what the file prints at its top. */
export async function loadJob(invocation: Invocation, log: Log): Promise<LoadedJob> {
  const { settings } = invocation;
  const overrides = overridesOf(settings);
  const typed = settings.positional("file") ?? "";
  const source = await bundleOf(typed, invocation);
  const world = await invocation.openWorld();
  const module = await evaluate(source, overrides.env ?? {}, {
    thread: world.threads.spawn(),
    log: (level, text) => log[level === "error" || level === "warn" || level === "debug" ? level : "info"](text),
  });
  const name = isUrl(typed) ? new URL(typed).host : typed === "-" ? "stdin" : source.entry.replace(/\.[^.]+$/, "");
  const { plan, warnings } = planJob({ module, overrides, name });
  return {
    plan: withMaxVus(plan, settings),
    bundle: { code: source.code, entry: source.entry, files: module.files },
    warnings: [...warnings, ...bareDurations(settings), ...unseenVariables(module.envMissing, invocation.terminal.env)],
  };
}

/** k6 hands a test all variables of the shell. Without a word a default of the file would be the target, say. */
function unseenVariables(
  names: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return names
    .filter((name) => env[name] !== undefined)
    .map((name) => `the test does not see the variable ${name} of the shell: add -e ${name}="$${name}"`);
}

/** "-d 10" and "-s 10:5" are 10 ms, as in k6, and rarely what was meant: elsewhere it is 10 s. */
function bareDurations(settings: Settings): readonly string[] {
  const stages = settings.all("stage").map(({ text, source }) => ({ text: text.split(":", 1)[0] ?? "", source }));
  return [...settings.all("duration"), ...stages]
    .map(({ text, source }) => ({ text: text.trim(), source }))
    .filter(({ text }) => /^\d+(\.\d+)?$/.test(text) && Number(text) > 0)
    .map(({ text, source }) => `${source}: ${text} without a unit is ${text} ms; for seconds write ${text}s`);
}

async function bundleOf(typed: string, invocation: Invocation): Promise<BundledSource> {
  const { settings, terminal } = invocation;
  if (isUrl(typed)) return bundleSource(await urlSourceOf(typed, invocation), "url.js", terminal.directory);
  refuseUrlOptions(settings);
  if (typed === "-") return bundleSource(await terminal.readInput(), "stdin.ts", terminal.directory);
  return bundleFile(typed);
}

async function urlSourceOf(typed: string, { settings, terminal }: Invocation): Promise<string> {
  const url = checkUrl(typed);
  const method = settings.one("method");
  if (method !== null && !isToken(method.text)) refuse(method, "is no method");
  const body = settings.one("body");
  const vus = settings.one("vus");
  const iterations = settings.one("iterations");
  return urlSource(
    {
      url,
      method: method?.text ?? null,
      headers: headersOf(settings),
      body: body === null ? null : await bodyOf(body, terminal.directory),
    },
    {
      vus: vus === null ? null : countOf(vus, 1),
      iterations: iterations === null ? null : countOf(iterations, 1),
      hasRateOrStages: settings.one("rate") !== null || settings.one("stage") !== null,
    },
  );
}

/** A file that cannot be read is a wrong value like any other. */
async function bodyOf(setting: Setting, directory: string): Promise<string | Uint8Array> {
  const { text } = setting;
  if (!text.startsWith("@")) return text;
  if (text === "@") refuse(setting, "names no file");
  return givenFile(setting, readBytes(resolvePath(directory, text.slice(1))));
}

function headersOf(settings: Settings): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const setting of settings.all("header")) {
    const { name, value } = pairOf(setting, ":");
    // RFC 9110 5.6.2: a field name is a token.
    if (!isToken(name) || !isHeaderValue(value)) refuse(setting, "is no header", "write it as 'Name: value'");
    // RFC 9110 5.3, RFC 6265 5.4: what is given twice, in whatever case, is one list.
    const known = Object.keys(headers).find((other) => other.toLowerCase() === name.toLowerCase()) ?? name;
    const before = headers[known];
    headers[known] = before === undefined ? value : `${before}${/^cookie$/i.test(name) ? ";" : ","} ${value}`;
  }
  return headers;
}

/** -X, -H and -b say nothing about a file's requests: rather refuse than ignore. */
function refuseUrlOptions(settings: Settings): void {
  for (const name of ["method", "header", "body"]) {
    const setting = settings.one(name);
    if (setting !== null)
      refuse(setting, `: ${setting.source} goes with a URL, not with a workflow file`, "set it in the file's requests");
  }
}

/** What flags, variables and config file say over the file's options. Throws `invalid` for a value that is none. */
function overridesOf(settings: Settings): Overrides {
  const one = <Value>(
    name: string,
    read: (setting: NonNullable<ReturnType<Settings["one"]>>) => Value,
  ): Value | undefined => {
    const setting = settings.one(name);
    return setting === null ? undefined : read(setting);
  };
  const stages = settings.all("stage").map(stageOf);
  const isUrlRate = stages.length === 0 && settings.one("rate") !== null && isUrl(settings.positional("file") ?? "");
  const trendStats = settings.all("summary-trend-stats").map((setting) => {
    if (!isTrendStat(setting.text)) refuse(setting, "is no column of times", `it must be ${TREND_STATS_TEXT}`);
    return setting.text;
  });
  const schedule = ["vus", "iterations", "duration", "stage", "rate"].flatMap((name) => settings.all(name));
  return {
    source: schedule.length === 0 ? undefined : [...new Set(schedule.map(({ source }) => source))].join(", "),
    vus: one("vus", (setting) => countOf(setting, 1)),
    iterations: one("iterations", (setting) => countOf(setting, 1)),
    durationMs: one("duration", durationOf) ?? (isUrlRate ? URL_RATE_DURATION_MS : undefined),
    stages: stages.length === 0 ? undefined : stages,
    rate: one("rate", rateOf),
    env: recordOf(settings.all("env"), "="),
    tags: recordOf(settings.all("tag"), "="),
    http: {
      insecureSkipTlsVerify: one("insecure-skip-tls-verify", isTrue),
      discardResponseBodies: one("discard-response-bodies", isTrue),
      noConnectionReuse: one("no-connection-reuse", isTrue),
      userAgent: one("user-agent", (setting) => setting.text),
      maxRedirects: one("max-redirects", (setting) => countOf(setting, 0)),
    },
    thresholds: settings.all("threshold").map((setting) => ({ ...thresholdOf(setting), source: setting.source })),
    noThresholds: settings.is("no-thresholds"),
    noSetup: settings.is("no-setup"),
    noTeardown: settings.is("no-teardown"),
    summaryTrendStats: trendStats.length === 0 ? undefined : trendStats,
  };
}

/** What a boolean option says: "false" overrules the file, too. */
function isTrue({ text }: Setting): boolean {
  return text === "true";
}

/** --max-vus on the arrival-rate workflow it can only mean. */
function withMaxVus(plan: JobPlan, settings: Settings): JobPlan {
  const setting = settings.one("max-vus");
  if (setting === null) return plan;
  const maxVus = countOf(setting, 1);
  const workflows = plan.workflows.map((workflow) => {
    const { executor } = workflow;
    if (executor.kind !== "constant-arrival-rate" && executor.kind !== "ramping-arrival-rate") return workflow;
    if (executor.preAllocatedVus <= maxVus) return { ...workflow, executor: { ...executor, maxVus } };
    // A number that was only a default gives way; one that was asked for does not.
    if (settings.one("vus") === null && settings.one("rate") !== null)
      return { ...workflow, executor: { ...executor, preAllocatedVus: maxVus, maxVus } };
    return refuse(
      setting,
      `is fewer than the ${executor.preAllocatedVus} virtual users made before the start`,
      "raise it, or lower --vus",
    );
  });
  if (!workflows.some((workflow, index) => workflow !== plan.workflows[index]))
    refuse(setting, "goes with an arrival rate", "give --rate too");
  return { ...plan, workflows };
}

/** Cores the job runs on: --cores, else all of the machine. Throws `invalid` for what is no number of cores. */
export function coresOf({ settings, terminal }: Invocation): number {
  const setting = settings.one("cores");
  if (setting === null) return terminal.cores;
  const cores = countOf(setting, 1);
  if (cores > CORES_MAX) refuse(setting, `is more than ${CORES_MAX}`);
  return cores;
}

/**
 * Planned length of the schedules in ms, one after the other where `after` says so; null where iterations decide it.
 */
export function plannedMs(plan: JobPlan): number | null {
  if (plan.workflows.some(({ executor }) => "iterations" in executor)) return null;
  return Math.max(0, ...[...plannedTimes(plan.workflows).values()].map((time) => time.endMs));
}

/** What to warn of when --cores is more than this process may use; null: nothing. */
export function coresWarning({ settings, terminal }: Invocation): string | null {
  const setting = settings.one("cores");
  if (setting === null || countOf(setting, 1) <= terminal.cores) return null;
  return (
    `${setting.source}: ${setting.text} is more than the ${plural(terminal.cores, "core")} there are: ` +
    "they wait for each other, and the latencies measured hold that"
  );
}
