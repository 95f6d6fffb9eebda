// What the user's code threw, in words: anything can be thrown, so nothing here may throw itself. Not where it is told
// (thread.ts).

import { HyperscaleError } from "../base/error.ts";
import { EXPORTS, OF_THE_VU } from "./evaluate.ts";
import { show } from "../load/options/problems.ts";

/** Letters of a message that are passed on. */
const MESSAGE_LETTERS_MAX = 2_000;
const FRAMES_MAX = 5;
/** What k6's responses do with HTML. */
const OF_HTML: readonly string[] = ["html", "submitForm", "clickLink"];
const FRAME = /^\s*at /;

/** One text for one kind of failure: "TypeError: no db", or the value itself for what is no Error. */
export function thrownText(thrown: unknown): string {
  try {
    if (thrown instanceof HyperscaleError) return thrown.message;
    const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}${absentHint(thrown)}` : valueText(thrown);
    return text.length <= MESSAGE_LETTERS_MAX ? text : `${text.slice(0, MESSAGE_LETTERS_MAX)}...`;
  } catch {
    return "something that cannot be shown";
  }
}

/** As thrownText, with the place in the user's file: "TypeError: no db (at setup (test.ts:2:34))". */
export function thrownTextAt(thrown: unknown): string {
  const frame = userFrames(thrown).split("\n")[0]?.trim() ?? "";
  return frame === "" ? thrownText(thrown) : `${thrownText(thrown)} (${frame})`;
}

/** The user's frames of an Error's stack, a line each, without the engine's own; "" where there are none. */
export function userFrames(thrown: unknown): string {
  if (!(thrown instanceof Error) || typeof thrown.stack !== "string") return "";
  return thrown.stack
    .split("\n")
    .filter((line) => FRAME.test(line) && !isEngineFrame(line))
    .slice(0, FRAMES_MAX)
    .join("\n");
}

/** True for a line of a stack that stands in the engine or the runtime, which says nothing to who wrote the test. */
export function isEngineFrame(line: string): boolean {
  return FRAME.test(line) && /\$bunfs|\(node:|src\/(engine|load)\//.test(line);
}

/** What to write in place of what k6 has and this has not, or has elsewhere. */
function absentHint(thrown: Error): string {
  const method = thrown instanceof TypeError ? /\b(\w+) is not a function/.exec(thrown.message)?.[1] : undefined;
  if (method !== undefined && OF_HTML.includes(method))
    return `: a response has no ${method}() here, read its body with an npm package such as node-html-parser`;
  const name = thrown instanceof ReferenceError ? /^(\w+) is not defined$/.exec(thrown.message)?.[1] : undefined;
  if (name === undefined) return "";
  if (name === "__VU" || name === "__ITER") return `: read ${name === "__VU" ? "id" : "iteration"} of the VU`;
  if (EXPORTS.includes(name)) return `: import { ${name} } from "hyperscale"`;
  return OF_THE_VU.includes(name) ? `: it comes with the VU, as in async function ({ ${name} }) { ... }` : "";
}

function valueText(thrown: unknown): string {
  return typeof thrown === "string" ? thrown : show(thrown);
}
