// The options of one run from their four sources, the nearest first: flag, HYPERSCALE_* variable, config file; the
// options of the workflow file come last and are load/'s business. Every value keeps where it came from.

import { HyperscaleError, messageOf } from "../base/error.ts";
import type { Occurrence, ParsedArgs } from "./args.ts";
import { configKey, envName, type OptionDef, type OptionTable } from "./command.ts";
import { nearest } from "../base/suggest.ts";

/** One value as text, and its source for messages: "--vus", "HYPERSCALE_VUS", "vus in load.json". */
export type Setting = { readonly text: string; readonly source: string };

export type ConfigFile = { readonly path: string; readonly text: string };

/** The resolved options of a command. Names are those of its table. */
export class Settings {
  readonly #values: ReadonlyMap<string, readonly Setting[]>;
  readonly #positionals: Readonly<Record<string, string>>;

  constructor(values: ReadonlyMap<string, readonly Setting[]>, positionals: Readonly<Record<string, string>>) {
    this.#values = values;
    this.#positionals = positionals;
  }

  /** The last value given, or null. */
  one(name: string): Setting | null {
    return this.#values.get(name)?.at(-1) ?? null;
  }

  /** Every value given, in order. */
  all(name: string): readonly Setting[] {
    return this.#values.get(name) ?? [];
  }

  /** A boolean option: false where not given. */
  is(name: string): boolean {
    return this.one(name)?.text === "true";
  }

  /** The positional as typed, or null. */
  positional(name: string): string | null {
    return this.#positionals[name] ?? null;
  }
}

export type Sources = {
  readonly table: OptionTable;
  readonly args: ParsedArgs;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly config: ConfigFile | null;
  /** Of all commands: what one of them knows may stand in a config file that this one reads, too, as a variable may. */
  readonly tables?: readonly OptionTable[];
};

/**
 * Merges the sources, one option at a time: a nearer source replaces all values of a farther one, but of NAME=VALUE
 * those of its names alone (they come last). Throws `invalid`.
 */
export function resolveSettings({ table, args, env, config, tables = [] }: Sources): Settings {
  const values = new Map<string, readonly Setting[]>();
  const configured = config === null ? null : configValues(config, table, tables);
  for (const [name, def] of Object.entries(table)) {
    if (def.type === "positional") continue;
    const sources = [configured?.get(name), envValues(name, def, env), flagValues(name, args.occurrences)];
    const given = sources.filter((found) => found !== undefined);
    const found = def.pair === "=" ? given.flat() : given.at(-1);
    if (found !== undefined && found.length > 0)
      values.set(
        name,
        found.flatMap((setting) => split(def, setting)),
      );
  }
  return new Settings(values, args.positionals);
}

/** Variables that look like options and are none of this program's, each with what to do: for a warning. */
export function unknownVariables(
  tables: readonly OptionTable[],
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const prefix = envName("");
  // Names without the prefix that all have: it would make any two alike.
  const known = new Set(
    tables.flatMap((table) =>
      Object.entries(table)
        .filter(([, def]) => def.type !== "positional" && def.isFlagOnly !== true)
        .map(([name]) => envName(name).slice(prefix.length)),
    ),
  );
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((name) => !known.has(name))
    .sort()
    .map((name) => {
      const near = nearest(name, known);
      return `the variable ${prefix}${name} is no option${near === null ? "" : `: did you mean ${prefix}${near}?`}`;
    });
}

function flagValues(name: string, occurrences: readonly Occurrence[]): Setting[] | undefined {
  const found = occurrences.filter((occurrence) => occurrence.name === name);
  return found.length === 0 ? undefined : found.map(({ typed, value }) => ({ text: value, source: typed }));
}

function envValues(name: string, def: OptionDef, env: Sources["env"]): Setting[] | undefined {
  const source = envName(name);
  const text = env[source];
  // Empty means unset, as in most programs: `HYPERSCALE_VUS= hyperscale submit ...` switches it off.
  if (text === undefined || text === "" || def.isFlagOnly === true) return undefined;
  if (def.isRepeatable === true && text.trimStart().startsWith("["))
    return fromJson(name, def, parseJson(text, source), source);
  return [{ text: def.type === "boolean" ? booleanText(text, source) : text, source }];
}

function configValues(
  config: ConfigFile,
  table: OptionTable,
  tables: readonly OptionTable[],
): ReadonlyMap<string, readonly Setting[]> {
  const parsed = parseJson(config.text, `the config file ${config.path}`);
  if (!isRecord(parsed))
    throw invalid(`the config file ${config.path} must hold a JSON object of options, like { "vus": 10 }`);
  const names = configNames(table);
  const elsewhere = tables.map(configNames);
  const values = new Map<string, readonly Setting[]>();
  for (const [key, value] of Object.entries(parsed)) {
    const name = names.get(key);
    const def = name === undefined ? undefined : table[name];
    if (name === undefined || def === undefined) {
      if (elsewhere.some((known) => known.has(key))) continue;
      const near = nearest(key, names.keys());
      throw invalid(
        `${key} in ${config.path} is no option`,
        near === null ? undefined : `did you mean ${configKey(near)}?`,
      );
    }
    values.set(name, fromJson(name, def, value, `${key} in ${config.path}`));
  }
  return values;
}

/** Every spelling of an option as a key to its name: "maxVus" and "max-vus". */
function configNames(table: OptionTable): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, def] of Object.entries(table)) {
    // A config file names no other: nothing would read it.
    if (def.type === "positional" || def.isFlagOnly === true || name === "config") continue;
    names.set(configKey(name), name).set(name, name);
  }
  return names;
}

function fromJson(name: string, def: OptionDef, value: unknown, source: string): Setting[] {
  if (def.type === "boolean") {
    if (typeof value !== "boolean") throw invalid(`${source} must be true or false, not ${JSON.stringify(value)}`);
    return [{ text: String(value), source }];
  }
  if (Array.isArray(value) && def.isRepeatable === true)
    return value.flatMap((entry: unknown) => fromJson(name, def, entry, source));
  if (isRecord(value) && def.pair !== undefined) {
    const pair = def.pair;
    // A list under one key is several pairs: { "http_req_duration": ["p(95)<500", "max<2000"] }.
    return Object.entries(value).flatMap(([key, entry]) =>
      (Array.isArray(entry) ? entry : [entry]).map((each: unknown) => ({
        text: `${key}${pair}${scalar(each, source)}`,
        source,
      })),
    );
  }
  return [{ text: scalar(value, source), source }];
}

function scalar(value: unknown, source: string): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  throw invalid(`${source} cannot be ${JSON.stringify(value)}`);
}

function split(def: OptionDef, setting: Setting): Setting[] {
  if (def.isList !== true) return [setting];
  return setting.text.split(",").map((part) => ({ text: part.trim(), source: setting.source }));
}

function booleanText(text: string, source: string): string {
  if (/^(1|true|yes|on)$/i.test(text)) return "true";
  if (/^(0|false|no|off)$/i.test(text)) return "false";
  throw invalid(`${source} must be true or false, not ${JSON.stringify(text)}`);
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`${source} is not JSON: ${messageOf(error)}`);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(message: string, hint?: string): HyperscaleError {
  return new HyperscaleError("invalid", message, hint === undefined ? {} : { hint });
}
