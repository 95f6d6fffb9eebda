// Man pages (man(7) macros), one for the program and one a command, made from the option tables.

import { COMMON_OPTIONS, envName, type CommandModule, type OptionTable } from "./command.ts";
import { exitMeanings } from "./exit.ts";
import { describe, sectionsOf, usageLine } from "./help.ts";

/** File name ("hyperscale-submit.1") to its text, of every page. */
export function manualPages(commands: readonly CommandModule[]): ReadonlyMap<string, string> {
  const pages = new Map([["hyperscale.1", programPage(commands)]]);
  for (const command of commands) pages.set(`hyperscale-${command.text.name}.1`, commandPage(command));
  return pages;
}

function programPage(commands: readonly CommandModule[]): string {
  const lines = [
    '.TH HYPERSCALE 1 "" hyperscale',
    ".SH NAME",
    "hyperscale \\- distributed load testing in one executable",
    ".SH SYNOPSIS",
    ".B hyperscale",
    ".I COMMAND",
    "[OPTIONS]",
    ".SH DESCRIPTION",
    escape("Runs load tests written in TypeScript. A test is one file; hyperscale init writes an example."),
    ".SH COMMANDS",
  ];
  for (const { text } of commands)
    lines.push(".TP", `.B ${text.name}`, escape(`${text.summary}. See hyperscale-${text.name}(1).`));
  lines.push(
    ".SH OPTIONS",
    ".TP",
    ".B \\-h, \\-\\-help",
    "Print help.",
    ".TP",
    ".B \\-V, \\-\\-version",
    "Print the version.",
    ".SH ENVIRONMENT",
    ".TP",
    ".B HYPERSCALE_<OPTION>",
    escape(
      "Sets an option: HYPERSCALE_MAX_VUS is --max-vus. A repeatable option takes a JSON array for several values. " +
        "A flag wins over a variable, a variable over the config file, the config file over the workflow file.",
    ),
    ".TP",
    ".B NO_COLOR",
    "Print without colours.",
    ".SH EXIT STATUS",
  );
  for (const { exit, meaning } of exitMeanings()) lines.push(".TP", `.B ${exit}`, escape(`${upperFirst(meaning)}.`));
  lines.push(".SH SEE ALSO", commands.map(({ text }) => `.BR hyperscale\\-${text.name} (1)`).join(",\n"));
  return `${lines.join("\n")}\n`;
}

function commandPage({ text, options }: CommandModule): string {
  const table: OptionTable = { ...options, ...COMMON_OPTIONS };
  const lines = [
    `.TH HYPERSCALE\\-${text.name.toUpperCase()} 1 "" hyperscale`,
    ".SH NAME",
    `hyperscale\\-${text.name} \\- ${escape(lowerFirst(text.summary))}`,
    ".SH SYNOPSIS",
    `.B ${escape(usageLine(text.name, options))}`,
    ".SH DESCRIPTION",
    escape(`${text.summary}.`),
  ];
  for (const paragraph of text.details) lines.push(".PP", escape(paragraph));
  lines.push(".SH OPTIONS");
  for (const [section, names] of sectionsOf(table)) {
    lines.push(`.SS ${section}`);
    for (const name of names) lines.push(...optionLines(name, table));
  }
  if (text.examples.length > 0) lines.push(".SH EXAMPLES");
  for (const example of text.examples)
    lines.push(".TP", escape(`${upperFirst(example.text)}:`), ".nf", escape(example.line), ".fi");
  lines.push(".SH SEE ALSO", ".BR hyperscale (1)");
  return `${lines.join("\n")}\n`;
}

function optionLines(name: string, table: OptionTable): readonly string[] {
  const def = table[name];
  if (def === undefined) return [];
  const value = def.valueHint ?? "VALUE";
  if (def.type === "positional")
    return [
      ".TP",
      `.I ${escape(def.valueHint ?? name.toUpperCase())}`,
      escape(`${upperFirst(describe(name, table))}.`),
    ];
  const short = (def.alias ?? []).find((alias) => alias.length === 1);
  const spelling = `${short === undefined ? "" : `-${short}, `}--${name}`;
  const environment = def.isFlagOnly === true ? "" : ` Environment: ${envName(name)}.`;
  return [
    ".TP",
    `.B ${escape(spelling)}${def.type === "string" ? ` \\fI${escape(value)}\\fR` : ""}`,
    escape(`${describe(name, table)}.${environment}`),
  ];
}

/** Text safe in roff: backslashes, hyphens, and no macro at the start of the line. */
function escape(text: string): string {
  const safe = text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return /^[.']/.test(safe) ? `\\&${safe}` : safe;
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
