// From an option's text to its value: counts, durations, rates, stages, sizes, pairs. A wrong one is `invalid` and
// names its source, whatever source it was. Whether values make sense together is load/options.ts's business.

import { HyperscaleError, messageOf } from "../base/error.ts";
import { parseBytes, parseDuration } from "../base/units.ts";
import type { Setting } from "./settings.ts";

/** Throws `invalid`: "--vus: "ten" is no whole number of at least 1". */
export function refuse(setting: Setting, problem: string, hint?: string): never {
  throw new HyperscaleError(
    "invalid",
    `${setting.source}: ${JSON.stringify(setting.text)} ${problem}`,
    hint === undefined ? {} : { hint },
  );
}

/** The id of a job, one that a cluster takes. */
export function jobIdOf(setting: Setting): string {
  if (!/^[A-Za-z0-9_.:-]{1,100}$/.test(setting.text))
    refuse(setting, "is no id", "letters, digits and . _ : - are allowed, 100 at most");
  return setting.text;
}

/** What a file that an option names holds. Throws `invalid` for one that cannot be read: its name is a wrong value. */
export async function givenFile<Content>(
  { source }: Setting,
  content: Promise<Content>,
  hint?: string,
): Promise<Content> {
  try {
    return await content;
  } catch (error) {
    const because = { cause: error, ...(hint === undefined ? {} : { hint }) };
    throw new HyperscaleError("invalid", `${source}: ${messageOf(error)}`, because);
  }
}

/** Thousands and millions. */
const SCALES: Readonly<Record<string, number>> = { k: 1_000, m: 1_000_000 };

/** "10k" and "1m" are thousands and millions. Out: NaN for what is no number so written. */
function scaled(text: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)([kKmM]?)$/.exec(text) ?? [];
  return number === "" ? Number.NaN : Number(number) * (SCALES[unit.toLowerCase()] ?? 1);
}

/** A whole number; "10k" and "1m" are thousands and millions. */
export function countOf(setting: Setting, least: number): number {
  const count = scaled(setting.text.trim());
  if (!Number.isSafeInteger(count) || count < least) refuse(setting, `is no whole number of at least ${least}`);
  return count;
}

/** A length of time in ms, more than zero. */
export function durationOf(setting: Setting): number {
  const ms = parseDuration(setting.text);
  if (ms === null || ms <= 0) refuse(setting, "is no duration", "write it like 30s, 500ms or 1m30s");
  return ms;
}

/** "100/s", "5k/m", "50/500ms", "100" (a second). */
export function rateOf(setting: Setting): { readonly rate: number; readonly timeUnitMs: number } {
  const [number = "", unit = "1s", ...more] = setting.text.trim().split("/");
  // "/s" is "/1s".
  const timeUnitMs = unit === "" ? null : parseDuration(/^\d/.test(unit) ? unit : `1${unit}`);
  const rate = more.length > 0 ? Number.NaN : scaled(number);
  if (!(rate > 0) || timeUnitMs === null || timeUnitMs <= 0)
    refuse(setting, "is no rate", "write it like 100/s, 6000/m or 50/500ms");
  return { rate, timeUnitMs };
}

/** "30s:10": over 30 s to a target of 10. */
export function stageOf(setting: Setting): { readonly durationMs: number; readonly target: number } {
  const match = /^([^:]+):(\d+)$/.exec(setting.text.trim());
  const durationMs = match === null ? null : parseDuration(match[1]);
  if (match === null || durationMs === null) refuse(setting, "is no stage", "write it as DURATION:TARGET, like 30s:10");
  return { durationMs, target: Number(match[2]) };
}

/** Bytes of "512mb", "2GiB". */
export function bytesOf(setting: Setting): number {
  const bytes = parseBytes(setting.text);
  if (bytes === null || bytes <= 0) refuse(setting, "is no size", "write it like 512mb or 2GiB");
  return bytes;
}

/** Name and value around the first `separator`. */
export function pairOf(setting: Setting, separator: "=" | ":"): { readonly name: string; readonly value: string } {
  const at = setting.text.indexOf(separator);
  const name = setting.text.slice(0, Math.max(at, 0)).trim();
  const example = separator === "=" ? "NAME=VALUE" : "'Name: value'";
  if (name === "") refuse(setting, at < 0 ? `has no "${separator}"` : "has no name", `write it as ${example}`);
  const value = setting.text.slice(at + 1);
  return { name, value: separator === "=" ? value : value.trim() };
}

/** Pairs as a record; a later one of the same name wins. */
export function recordOf(settings: readonly Setting[], separator: "=" | ":"): Readonly<Record<string, string>> {
  return Object.fromEntries(
    settings.map((setting) => pairOf(setting, separator)).map(({ name, value }) => [name, value]),
  );
}

/**
 * "http_req_duration:p(95)<500" or "http_reqs{status:200}:count>10": metric with its tag filter, and expression.
 * The first colon outside braces divides them.
 */
export function thresholdOf(setting: Setting): { readonly metric: string; readonly expression: string } {
  const match = /^\s*([^:{]+(?:\{[^}]*\})?)\s*:\s*(.+?)\s*$/.exec(setting.text);
  if (match === null)
    refuse(setting, "is no threshold", "write it as METRIC:EXPRESSION, like 'http_req_duration:p(95)<500'");
  return { metric: (match[1] ?? "").trim(), expression: match[2] ?? "" };
}
