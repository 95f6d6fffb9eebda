// Runs the top of a bundled file once, in a thread of its own with a time limit, to learn what it exports. Sends
// nothing.

import { HyperscaleError } from "../base/error.ts";
import { nearest } from "../base/suggest.ts";
import type { BundledSource } from "./bundle.ts";
import type { EngineReply, EngineRequest, ModuleShape } from "./messages.ts";

/** The top of a module has this long. */
export const EVALUATE_MS_MAX = 10_000;

/** What the module "hyperscale" exports. */
export const EXPORTS: readonly string[] = [
  "Counter",
  "Gauge",
  "Rate",
  "Trend",
  "open",
  "data",
  "defineJob",
  "workflow",
];
/** What people look for there, and the VU has. */
export const OF_THE_VU: readonly string[] = [
  "http",
  "check",
  "group",
  "sleep",
  "provide",
  "context",
  "abort",
  "fail",
  "signal",
];

/** What evaluate needs of an engine thread (io/threads.ts has it). */
export type EvaluationThread = {
  post(request: EngineRequest): void;
  onReply(handler: (reply: EngineReply) => void): void;
  onCrash(handler: (message: string) => void): void;
  terminate(): void;
};

/**
 * Shape of a workflow file. Throws HyperscaleError("load") when its top throws, takes longer than 10 s, or exports
 * nothing to run. `log` gets what the file prints.
 */
export function evaluate(
  source: BundledSource,
  env: Readonly<Record<string, string>>,
  options: { readonly thread: EvaluationThread; readonly log: (level: string, text: string) => void },
): Promise<ModuleShape> {
  const { thread, log } = options;
  const shape = new Promise<ModuleShape>((resolve, reject) => {
    const fail = (message: string, hint?: string): void => {
      reject(new HyperscaleError("load", `${source.entry}: ${message}`, hint === undefined ? {} : { hint }));
    };
    const timer = setTimeout(() => {
      fail(
        `its top level did not end within ${EVALUATE_MS_MAX / 1_000} s`,
        "Move work and waiting into setup() or into the test's function",
      );
    }, EVALUATE_MS_MAX);
    thread.onReply((reply) => {
      if (reply.kind === "log") log(reply.level, reply.text);
      if (reply.kind !== "shape" && reply.kind !== "broken") return;
      clearTimeout(timer);
      if (reply.kind === "shape") resolve(reply.shape);
      else fail(reply.stack === "" ? reply.message : `${reply.message}\n${reply.stack}`, importHint(reply.message));
    });
    thread.onCrash((message) => {
      clearTimeout(timer);
      fail(message);
    });
    thread.post({ kind: "evaluate", code: source.code, entry: source.entry, baseDir: source.baseDir, env });
  });
  return shape.finally(() => thread.terminate());
}

/** What to write in place of an import that the module "hyperscale" does not have. */
function importHint(message: string): string | undefined {
  const name = /Export named '(.*)' not found in module 'hyperscale'/.exec(message)?.[1];
  if (name === undefined) return undefined;
  if (OF_THE_VU.includes(name)) return `${name} comes with the VU: export default async function ({ ${name} }) { ... }`;
  const near = nearest(name, EXPORTS);
  return near === null ? `It exports ${EXPORTS.join(", ")}` : `Did you mean ${near}?`;
}
