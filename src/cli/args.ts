// The strict parser of a command's arguments, driven by its option table: unknown options, missing values and surplus
// arguments are errors with a way out. It knows no value's meaning (values.ts) and no other source (settings.ts).

import { HyperscaleError } from "../base/error.ts";
import type { OptionDef, OptionTable } from "./command.ts";
import { nearest } from "../base/suggest.ts";

/**
 * One occurrence of an option: its table name, as typed ("-u", "--users"), and its value ("true" or "false" of a
 * boolean).
 */
export type Occurrence = { readonly name: string; readonly typed: string; readonly value: string };

export type ParsedArgs = {
  /** In the order typed. */
  readonly occurrences: readonly Occurrence[];
  /** By the name of the positional. */
  readonly positionals: Readonly<Record<string, string>>;
};

/** What users of other tools type for the same thing, where the spelling is not an alias here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "-t": "--duration (-d), or --cores for threads",
  "--time": "--duration (-d)",
  "--concurrency": "--vus (-u)",
  "--connections": "--vus (-u)",
  "--workers": "--cores",
  "--threads": "--cores",
  "-r": "--rate",
  "-R": "--rate",
  "--rps": "--rate",
  "--requests": "--iterations (-i)",
  "-w": "--cores",
  "-m": "--method (-X)",
  "-D": "--body (-b) @FILE",
  "--output": "--out (-o)",
  "--host": "an address in the file, or submit URL",
  "-T": "--header (-H) 'Content-Type: ...'",
  "-A": "--header (-H) 'Accept: ...'",
  "-a": "in the URL: http://user:password@host/",
  "--cookie": "--header (-H) 'Cookie: ...'",
  "--timeout": 'an option of the file\'s requests: http.get(url, { timeout: "5s" })',
  "--spawn-rate": "--stage (-s): 10s:100 is 10 more a second",
  "--disable-keepalive": "--no-connection-reuse",
  "--latency": "in every summary",
  "--headless": "how it always runs",
};

/** Parses arguments by the table. Throws `usage` naming what was typed; required positionals are checked here too. */
export function parseArgs(table: OptionTable, args: readonly string[]): ParsedArgs {
  const names = nameIndex(table);
  const occurrences: Occurrence[] = [];
  const loose: string[] = [];
  let at = 0;
  while (at < args.length) {
    const arg = args[at++] ?? "";
    if (arg === "--") {
      loose.push(...args.slice(at));
      break;
    }
    const takeNext = (typed: string, def: OptionDef): string => {
      const next = args[at];
      if (next === undefined || (next.startsWith("-") && next !== "-" && isKnown(names, next))) {
        throw usage(
          `option ${typed} needs a value (${def.valueHint ?? "VALUE"})`,
          `write it as ${typed}=${def.valueHint ?? "VALUE"}`,
        );
      }
      at++;
      return next;
    };
    if (arg.startsWith("--")) occurrences.push(parseLong(names, table, arg, takeNext));
    else if (arg.startsWith("-") && arg !== "-") occurrences.push(...parseShort(names, table, arg, takeNext));
    else loose.push(arg);
  }
  const isHelp = occurrences.some((occurrence) => occurrence.name === "help");
  return { occurrences, positionals: assign(table, loose, isHelp) };
}

type Names = ReadonlyMap<string, string>;
type TakeNext = (typed: string, def: OptionDef) => string;

/** Every spelling ("-u", "--vus", "--users") to its name in the table. */
function nameIndex(table: OptionTable): Names {
  const names = new Map<string, string>();
  for (const [name, def] of Object.entries(table)) {
    if (def.type === "positional") continue;
    names.set(`--${name}`, name);
    for (const alias of def.alias ?? []) names.set(alias.length === 1 ? `-${alias}` : `--${alias}`, name);
  }
  return names;
}

function isKnown(names: Names, arg: string): boolean {
  return names.has(arg.startsWith("--") ? (arg.split("=", 1)[0] ?? arg) : arg.slice(0, 2));
}

function parseLong(names: Names, table: OptionTable, arg: string, takeNext: TakeNext): Occurrence {
  const equals = arg.indexOf("=");
  const typed = equals < 0 ? arg : arg.slice(0, equals);
  const name = names.get(typed);
  const def = name === undefined ? undefined : table[name];
  if (name === undefined || def === undefined) throw unknown(names, typed);
  if (def.type === "boolean")
    return { name, typed, value: equals < 0 ? "true" : booleanText(typed, arg.slice(equals + 1)) };
  return { name, typed, value: equals < 0 ? takeNext(typed, def) : arg.slice(equals + 1) };
}

/** `-u 10`, `-u10`, `-u=10`, and several at once where all but the last are booleans: `-qk`. */
function parseShort(names: Names, table: OptionTable, arg: string, takeNext: TakeNext): Occurrence[] {
  // `-duration 5s` would be -d with the value "uration": nobody means that.
  const word = arg.split("=", 1)[0] ?? arg;
  if (word.length > 3 && names.has(`-${word}`)) throw usage(`unknown option ${word}`, `did you mean -${word}?`);
  const found: Occurrence[] = [];
  for (let at = 1; at < arg.length; at++) {
    const typed = `-${arg[at]}`;
    const name = names.get(typed);
    const def = name === undefined ? undefined : table[name];
    if (name === undefined || def === undefined) throw unknown(names, typed);
    const rest = arg.slice(at + 1);
    if (def.type !== "boolean") {
      const value = rest === "" ? takeNext(typed, def) : rest.startsWith("=") ? rest.slice(1) : rest;
      return [...found, { name, typed, value }];
    }
    if (rest.startsWith("=")) return [...found, { name, typed, value: booleanText(typed, rest.slice(1)) }];
    found.push({ name, typed, value: "true" });
  }
  return found;
}

function booleanText(typed: string, value: string): string {
  if (value === "true" || value === "1") return "true";
  if (value === "false" || value === "0") return "false";
  throw usage(`option ${typed} takes no value but true or false, not ${JSON.stringify(value)}`);
}

function assign(table: OptionTable, loose: readonly string[], isHelp: boolean): Readonly<Record<string, string>> {
  const slots = Object.entries(table).filter(([, def]) => def.type === "positional");
  const positionals: Record<string, string> = {};
  for (const [index, [name, def]] of slots.entries()) {
    const value = loose[index];
    if (value !== undefined) positionals[name] = value;
    else if (def.required === true && !isHelp)
      throw usage(`${def.valueHint ?? name.toUpperCase()} is missing: ${def.description}`);
  }
  const surplus = loose[slots.length];
  if (surplus !== undefined && !isHelp)
    throw usage(`unexpected argument ${JSON.stringify(surplus)}`, surplusHint(surplus));
  return positionals;
}

function surplusHint(surplus: string): string | undefined {
  return /^\d+$/.test(surplus) ? "-q is --quiet here; a request rate is --rate N/s" : undefined;
}

function unknown(names: Names, typed: string): HyperscaleError {
  const elsewhere = ELSEWHERE[typed];
  // Of an option that this command has not, or of tests where it runs none, nothing is said.
  const option = /^--[a-z-]+/.exec(elsewhere ?? "")?.[0] ?? "--vus";
  if (elsewhere !== undefined && names.has(option)) return usage(`unknown option ${typed}`, `here it is ${elsewhere}`);
  // Short options have no near misses: every letter is one slip away from every other.
  const long = [...names.keys()].filter((name) => name.startsWith("--")).map((name) => name.slice(2));
  const near = typed.startsWith("--") ? nearest(typed.slice(2), long) : null;
  return usage(`unknown option ${typed}`, near === null ? undefined : `did you mean --${near}?`);
}

function usage(message: string, hint?: string): HyperscaleError {
  return new HyperscaleError("usage", message, hint === undefined ? {} : { hint });
}
