// What is wrong with the options of a file: problems collected one line each, so that a person sees all of them at
// once. Not thrown one by one; `refuseIfAny` throws the lot.

import { HyperscaleError } from "../../base/error.ts";

/** One line of what is wrong and where, and perhaps what to do about it. */
export type Problem = { readonly text: string; readonly hint: string | undefined };
/** Filled while options are read, in the order of the file. */
export type Problems = Problem[];

/** Lines shown at most. */
export const PROBLEMS_SHOWN_MAX = 10;

/** Where options are read: the words for messages, and where to put problems and warnings. */
export type Place = { readonly where: string; readonly problems: Problems; readonly warnings: string[] };

/** Adds `where: text`. */
export function addProblem(place: Place, text: string, hint?: string): void {
  place.problems.push({ text: `${place.where}: ${text}`, hint });
}

/** Throws HyperscaleError("invalid") with one line a problem, at most ten, and what to do; returns if there is none. */
export function refuseIfAny(problems: Problems): void {
  const first = problems[0];
  if (first === undefined) return;
  if (problems.length === 1) {
    throw new HyperscaleError("invalid", first.text, first.hint === undefined ? {} : { hint: first.hint });
  }
  const lines = problems
    .slice(0, PROBLEMS_SHOWN_MAX)
    .map(({ text, hint }) => `  ${text}${hint === undefined ? "" : ` (${hint})`}`);
  if (problems.length > lines.length) lines.push(`  and ${problems.length - lines.length} more`);
  throw new HyperscaleError("invalid", `${problems.length} problems\n${lines.join("\n")}`);
}

/** A value as a person would write it, in at most 60 letters. */
export function show(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "string" && typeof value !== "object") return String(value);
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    text = cause instanceof TypeError ? "an object that holds itself" : String(cause);
  }
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
