// The program: which command the arguments name, its options from all sources, its run, and how every failure is said.
// Out of here comes an exit code; commands print data to stdout, everything else goes to stderr.

import { runCommand } from "citty";
import { HyperscaleError, messageOf } from "../base/error.ts";
import { readText, resolvePath } from "../io/files.ts";
import type { Terminal } from "../io/terminal.ts";
import { parseArgs, type ParsedArgs } from "./args.ts";
import { COMMON_OPTIONS, Invocation, type CommandModule, type OpenWorld, type OptionTable } from "./command.ts";
import { COMMANDS, loadCommand } from "./commands.ts";
import { EXIT_INTERNAL, EXIT_OK, exitCodeOf } from "./exit.ts";
import { commandHelp, programHelp } from "./help.ts";
import { resolveSettings, unknownVariables, type ConfigFile } from "./settings.ts";
import { nearest } from "../base/suggest.ts";
import { givenFile, refuse } from "./values.ts";

/** Runs the program. Out: the process's exit code; never throws. */
export async function runProgram(terminal: Terminal, version: string, openWorld: OpenWorld): Promise<number> {
  terminal.onCrash((error) => terminal.exit(report(terminal, error)));
  try {
    return await dispatch(terminal, version, openWorld);
  } catch (error) {
    return report(terminal, error);
  }
}

async function dispatch(terminal: Terminal, version: string, openWorld: OpenWorld): Promise<number> {
  const [first = "", ...rest] = terminal.args;
  if (first === "--version" || first === "-V" || first === "version") {
    await terminal.print(`hyperscale ${version}\n`);
    return EXIT_OK;
  }
  if (first === "") {
    await help(terminal, []);
    return exitCodeOf("usage");
  }
  if (first === "--help" || first === "-h") return help(terminal, []);
  if (first === "help") return help(terminal, rest);
  return run(terminal, await commandNamed(first), rest, openWorld);
}

async function run(
  terminal: Terminal,
  command: CommandModule,
  args: readonly string[],
  openWorld: OpenWorld,
): Promise<number> {
  const table: OptionTable = { ...command.options, ...COMMON_OPTIONS };
  const parsed = parseArgs(table, args);
  if (parsed.occurrences.some((occurrence) => occurrence.name === "help" && occurrence.value === "true")) {
    return help(terminal, [command.text.name]);
  }
  const config = await readConfig(table, parsed, terminal);
  const hasVariables = Object.keys(terminal.env).some((name) => name.startsWith("HYPERSCALE_"));
  const tables = config !== null || hasVariables ? await allTables() : [];
  const settings = resolveSettings({ table, args: parsed, env: terminal.env, config, tables });
  if (hasVariables)
    for (const warning of unknownVariables(tables, terminal.env)) terminal.progress.write(`warning: ${warning}\n`);
  // The values come as `data`: citty runs the command, the strict parser above has read its arguments.
  const rawArgs = ["--", ...Object.values(parsed.positionals)];
  const { result } = await runCommand(command.default, {
    rawArgs,
    data: new Invocation(settings, terminal, openWorld),
  });
  return typeof result === "number" ? result : EXIT_OK;
}

async function help(terminal: Terminal, args: readonly string[]): Promise<number> {
  const columns = Math.min(100, Math.max(40, terminal.output.size().columns));
  const name = args.find((arg) => !arg.startsWith("-"));
  if (name === undefined) {
    const modules = await Promise.all(COMMANDS.map(loadCommand));
    await terminal.print(
      programHelp(
        modules.map((module) => module.text),
        columns,
      ),
    );
    return EXIT_OK;
  }
  if (name === "help" || name === "version") return help(terminal, []);
  const command = await commandNamed(name);
  await terminal.print(commandHelp(command.text, command.options, columns));
  return EXIT_OK;
}

async function commandNamed(name: string): Promise<CommandModule> {
  const known = COMMANDS.find((command) => command === name);
  if (known !== undefined) return loadCommand(known);
  if (name.startsWith("-")) {
    throw new HyperscaleError("usage", `unknown option ${name} before the command`, {
      hint: "write it after the command: hyperscale submit FILE --vus 10",
    });
  }
  // The file straight after the program's name is a common slip: `hyperscale test.ts`.
  if (/\.[cm]?[jt]s$|^https?:/.test(name)) {
    throw new HyperscaleError("usage", `unknown command ${JSON.stringify(name)}`, {
      hint: `run it with: hyperscale submit ${name}`,
    });
  }
  const near = name === "run" ? "submit" : nearest(name, [...COMMANDS, "help", "version"]);
  const hint = near === null ? `commands: ${COMMANDS.join(", ")}, help` : `did you mean ${near}?`;
  throw new HyperscaleError("usage", `unknown command ${JSON.stringify(name)}`, { hint });
}

async function readConfig(table: OptionTable, parsed: ParsedArgs, terminal: Terminal): Promise<ConfigFile | null> {
  if (table["config"] === undefined) return null;
  const flag = parsed.occurrences.findLast((occurrence) => occurrence.name === "config");
  const path = flag?.value ?? terminal.env["HYPERSCALE_CONFIG"] ?? "";
  const setting = { text: path, source: flag?.typed ?? "HYPERSCALE_CONFIG" };
  if (path === "") return flag === undefined ? null : refuse(setting, "is no file");
  const hint = /^\d+$/.test(path) ? "-c is --config here; for connections or users write -u" : undefined;
  return { path, text: await givenFile(setting, readText(resolvePath(terminal.directory, path)), hint) };
}

/** The options of all commands: not loaded without need. */
async function allTables(): Promise<readonly OptionTable[]> {
  const modules = await Promise.all(COMMANDS.map(loadCommand));
  return [...modules.map((module) => module.options), COMMON_OPTIONS];
}

/** Says a failure on stderr. Out: its exit code. A bug shows its stack, an expected failure one or two lines. */
function report(terminal: Terminal, error: unknown): number {
  if (error instanceof HyperscaleError) {
    terminal.progress.write(`error: ${error.message}\n`);
    if (error.hint !== undefined) terminal.progress.write(`  ${error.hint}\n`);
    const about = COMMANDS.find((command) => command === terminal.args[0]);
    if (error.code === "usage")
      terminal.progress.write(`  see hyperscale help${about === undefined ? "" : ` ${about}`}\n`);
    return exitCodeOf(error.code);
  }
  const stack = error instanceof Error && error.stack !== undefined ? error.stack : messageOf(error);
  terminal.progress.write(`internal error (a bug in hyperscale): ${stack}\n`);
  return EXIT_INTERNAL;
}
