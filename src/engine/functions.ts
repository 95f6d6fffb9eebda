// Finds what a loaded workflow file exports: its shape for the client's plan, and the function a share runs.

import { type FunctionRef, SETUP, TEARDOWN } from "../load/plan.ts";
import { show } from "../load/options/problems.ts";
import type { ModuleShape } from "./messages.ts";
import type { ModuleHost } from "./module.ts";
import type { IterationFunction } from "./loop.ts";

export type LoadedModule = Readonly<Record<string, unknown>>;

/** What a loaded file exports. `module.exports = { ... }` comes as its default, unless that is a job. */
export function exportsOf(loaded: LoadedModule): LoadedModule {
  const value = loaded["default"];
  const isCommonJs = Object.keys(loaded).length === 1 && isRecord(value) && !("workflows" in value);
  return isCommonJs ? value : loaded;
}

/** Names, options and feeds of a loaded file. Throws an Error that says what the file lacks. */
export function shapeOf(module: LoadedModule, host: ModuleHost): Omit<ModuleShape, "envMissing"> {
  const job = jobOf(module);
  const metrics = [...host.metrics.values()];
  const feeds = host.feeds.map((feed) => feed.plan);
  checkFunctions(job ?? module, job === null ? "" : "job.");
  if (job !== null) {
    for (const [name, workflow] of Object.entries(isRecord(job["workflows"]) ? job["workflows"] : {})) {
      if (!isRecord(workflow)) continue;
      if (typeof workflow["run"] !== "function")
        throw new Error(`workflow "${name}" has no function: write async run(vu, data) { ... }`);
      checkRuns(workflow["run"], `run of workflow "${name}"`);
    }
    return {
      form: "job",
      options: valuesOf(job, "job", 0),
      exports: Object.keys(module),
      functions: Object.keys(module).filter((name) => typeof module[name] === "function"),
      hasSetup: typeof job["setup"] === "function",
      hasTeardown: typeof job["teardown"] === "function",
      feeds,
      metrics,
      files: host.files,
    };
  }
  const functions = Object.keys(module).filter((name) => typeof module[name] === "function");
  if (functions.length === 0) {
    throw new Error(
      "the file exports no function: write `export default async function (vu) { ... }`, " +
        "or `export default defineJob({ ... })`",
    );
  }
  return {
    form: "simple",
    options: valuesOf(module["options"] ?? null, "options", 0),
    exports: Object.keys(module),
    functions,
    hasSetup: typeof module["setup"] === "function",
    hasTeardown: typeof module["teardown"] === "function",
    feeds,
    metrics,
    files: host.files,
  };
}

/** What stands in the place of setup or teardown and cannot be called would never run. */
function checkFunctions(from: Readonly<Record<string, unknown>>, path: string): void {
  for (const name of ["default", "setup", "teardown"]) checkRuns(from[name], `${path}${name}`);
  for (const name of ["setup", "teardown"]) {
    const value = from[name];
    if (value !== undefined && typeof value !== "function")
      throw new Error(`${path}${name} is ${show(value)}: it must be a function`);
  }
}

/** The function of a share. Throws an Error naming it when the file has none. */
export function functionOf(module: LoadedModule, workflow: string, run: FunctionRef): IterationFunction {
  const job = jobOf(module);
  const special = workflow === SETUP ? "setup" : workflow === TEARDOWN ? "teardown" : null;
  if (special !== null) return callable((job ?? module)[special], job ?? module, special);
  if (run.kind === "export") return callable(module[run.name], module, run.name);
  const workflows = job?.["workflows"];
  const entry = isRecord(workflows) ? workflows[run.name] : undefined;
  return callable(isRecord(entry) ? entry["run"] : undefined, entry, `workflow "${run.name}"`);
}

function callable(value: unknown, self: unknown, name: string): IterationFunction {
  if (typeof value !== "function") throw new Error(`the file has no function for ${name}`);
  checkRuns(value, name);
  // Not value.bind(self): the compiler sees through a closure, and this is called at each iteration.
  return isIteration(value) ? (vu, data) => value.call(self, vu, data) : () => undefined;
}

/** Calling a generator runs nothing of it. */
function checkRuns(value: unknown, name: string): void {
  if (typeof value === "function" && /Generator/.test(Object.prototype.toString.call(value)))
    throw new Error(`${name} is a generator (function*), of which nothing would run: write async function`);
}

function isIteration(value: unknown): value is IterationFunction {
  return typeof value === "function";
}

function jobOf(module: LoadedModule): Readonly<Record<string, unknown>> | null {
  const value = module["default"];
  return isRecord(value) && "workflows" in value ? value : null;
}

/** Members of a job, and of its workflows, that are functions. */
const FUNCTIONS: RegExp = /^job\.(setup|teardown|workflows\..+\.run)$/;

/** A copy that can be posted: a job's functions left out, binary values kept. Throws an Error on what would be lost. */
function valuesOf(value: unknown, path: string, depth: number): unknown {
  if (depth > 20) throw new Error("options are nested more than 20 deep, or refer to themselves");
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map((one, at) => valuesOf(one, `${path}[${at}]`, depth + 1));
  const lost = lostKind(value);
  if (lost !== null) throw new Error(`${path} is ${lost}: write the value itself`);
  if (!isRecord(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(value)) {
    const at = `${path}.${name}`;
    if (typeof one === "function" && FUNCTIONS.test(at)) continue;
    const kept = valuesOf(one, at, depth + 1);
    if (kept !== undefined) copy[name] = kept;
  }
  return copy;
}

/** What a copy of members would take for nothing, or for {}; null for what it keeps. */
function lostKind(value: unknown): string | null {
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  if (value instanceof Promise) return "a promise (missing await?)";
  if (value instanceof Map || value instanceof Set) return `a ${value.constructor.name}`;
  return null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
