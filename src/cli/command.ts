// What a command is made of: an option table in citty's form with the few facts citty has no word for. The table of
// a command drives parsing, help, completions, its man page, environment names and config keys. Nothing is parsed here.

import type { CommandDef } from "citty";
import type { EngineReply, EngineRequest } from "../engine/messages.ts";
import type { Terminal } from "../io/terminal.ts";
import type { World } from "../io/world.ts";
import type { Settings } from "./settings.ts";
import { AssertionError } from "../base/assert.ts";

/** What completions offer after an option or as an argument. */
export type Completion = "file" | "folder" | "none" | readonly string[];

/** One option or positional. The key in its table is the long name in kebab-case. */
export type OptionDef = {
  readonly type: "boolean" | "string" | "positional";
  readonly description: string;
  /** Placeholder of the value in help: "N", "FILE". */
  readonly valueHint?: string;
  /** Other names: one letter (-u) or long (--users). */
  readonly alias?: string[];
  readonly required?: boolean;
  /** May be given several times; a config file gives an array, or an object where `pair` is set. */
  readonly isRepeatable?: true;
  /** Between name and value of a repeatable option that is a pair: "=" in `-e K=V`. */
  readonly pair?: "=" | ": " | ":";
  /** Commas separate several items within one value. */
  readonly isList?: true;
  /** Only on the command line: no environment variable, no config key. */
  readonly isFlagOnly?: true;
  readonly completion?: Completion;
  /** Heading it stands under in help. */
  readonly section?: string;
};
export type OptionTable = { readonly [name: string]: OptionDef };

/** The ports of the process; the entry point decides which. */
export type OpenWorld = () => Promise<World<EngineRequest, EngineReply>>;

/**
 * What the program hands to a command's `run` as citty's `data`: options resolved from all sources, and the outside.
 */
export class Invocation {
  readonly settings: Settings;
  readonly terminal: Terminal;
  /** The outside world, built when a command first needs it. */
  readonly openWorld: OpenWorld;

  constructor(settings: Settings, terminal: Terminal, openWorld: OpenWorld) {
    this.settings = settings;
    this.terminal = terminal;
    this.openWorld = openWorld;
  }
}

/** The invocation within citty's context. */
export function invocationOf(context: { readonly data?: unknown }): Invocation {
  if (context.data instanceof Invocation) return context.data;
  throw new AssertionError("a command runs only through cli/program.ts");
}

/** Text of a command beyond its option table. */
export type CommandText = {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Paragraphs under the usage line; may be empty. */
  readonly details: readonly string[];
  readonly examples: readonly { readonly line: string; readonly text: string }[];
};

/** One file of commands/: light to load, since help and completions load them all; `run` imports what it needs. */
export type CommandModule = {
  readonly text: CommandText;
  readonly options: OptionTable;
  readonly default: CommandDef;
};

/** Options every command has. */
export const COMMON_OPTIONS = {
  "no-color": {
    type: "boolean",
    description: "Print without colours (as does NO_COLOR in the environment)",
    section: "General",
  },
  help: { type: "boolean", alias: ["h"], description: "Print help", isFlagOnly: true, section: "General" },
} as const satisfies OptionTable;

/** Name of the environment variable of an option: "max-vus" -> "HYPERSCALE_MAX_VUS". */
export function envName(option: string): string {
  return `HYPERSCALE_${option.toUpperCase().replaceAll("-", "_")}`;
}

/** Key of an option in a config file: "max-vus" -> "maxVus". */
export function configKey(option: string): string {
  return option.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** "-u, --vus N": how an option is written, aliases of other tools left out. */
export function optionLabel(name: string, def: OptionDef): string {
  const short = (def.alias ?? []).find((alias) => alias.length === 1);
  const value = def.type === "string" ? ` ${def.valueHint ?? "VALUE"}` : "";
  return `${short === undefined ? "    " : `-${short}, `}--${name}${value}`;
}
