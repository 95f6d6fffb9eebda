// Help as text, from the option tables. Layout only: what the words are is said where each command is defined.

import { COMMON_OPTIONS, optionLabel, type CommandText, type OptionTable } from "./command.ts";

/** `hyperscale help COMMAND`. `columns`: width to fold descriptions to. */
export function commandHelp(text: CommandText, options: OptionTable, columns: number): string {
  const table: OptionTable = { ...options, ...COMMON_OPTIONS };
  const lines = [text.summary, "", `Usage: ${usageLine(text.name, options)}`];
  for (const paragraph of text.details) lines.push("", ...fold(paragraph, columns));
  const labels = Object.entries(table)
    .filter(([, def]) => def.type !== "positional")
    .map(([name, def]) => optionLabel(name, def));
  const indent = Math.min(34, Math.max(...labels.map((label) => label.length)) + 4);
  for (const [section, names] of sectionsOf(table)) {
    lines.push("", `${section}:`);
    for (const name of names) {
      const def = table[name];
      if (def === undefined) continue;
      const isPositional = def.type === "positional";
      const label = isPositional ? (def.valueHint ?? name.toUpperCase()) : optionLabel(name, def);
      lines.push(...entry(label, describe(name, table), indent, columns));
    }
  }
  if (text.examples.length > 0) {
    lines.push("", "Examples:");
    for (const example of text.examples)
      lines.push(`  ${example.line}`, ...fold(example.text, columns - 6).map((line) => `      ${line}`));
  }
  return `${lines.join("\n")}\n`;
}

/** `hyperscale help`: the commands. */
export function programHelp(commands: readonly CommandText[], columns: number): string {
  const lines = [
    "Distributed load testing in one executable.",
    "",
    "Usage: hyperscale COMMAND [OPTIONS]",
    "",
    "Commands:",
  ];
  for (const command of commands) lines.push(...entry(command.name, command.summary, 18, columns));
  lines.push(
    "",
    "Options:",
    ...entry("-h, --help", "Print help; with a command, of that command", 18, columns),
    ...entry("-V, --version", "Print the version", 18, columns),
    "",
    ...fold(
      "Every option can also be set by a variable HYPERSCALE_<OPTION> (--max-vus is HYPERSCALE_MAX_VUS) and by a " +
        "config file. A flag wins over a variable, a variable over the config file, the config file over the options " +
        "of the workflow file.",
      columns,
    ),
    "",
    "Start with:",
    "  hyperscale init my-test && cd my-test && hyperscale submit test.ts",
  );
  return `${lines.join("\n")}\n`;
}

/** "hyperscale submit [OPTIONS] FILE|URL". */
export function usageLine(command: string, options: OptionTable): string {
  const positionals = Object.entries(options)
    .filter(([, def]) => def.type === "positional")
    .map(([name, def]) => {
      const hint = def.valueHint ?? name.toUpperCase();
      return def.required === true ? hint : `[${hint}]`;
    });
  return ["hyperscale", command, "[OPTIONS]", ...positionals].join(" ");
}

/** Headings in the order their first option stands in the table, with the options under each. */
export function sectionsOf(table: OptionTable): ReadonlyMap<string, readonly string[]> {
  const sections = new Map<string, string[]>();
  for (const [name, def] of Object.entries(table)) {
    const section = def.type === "positional" ? "Arguments" : (def.section ?? "Options");
    sections.set(section, [...(sections.get(section) ?? []), name]);
  }
  return sections;
}

/** A table entry's description with what its definition implies: repeatability and other spellings. */
export function describe(name: string, table: OptionTable): string {
  const def = table[name];
  if (def === undefined) return "";
  const others = (def.alias ?? []).filter((alias) => alias.length > 1).map((alias) => `--${alias}`);
  const shorts = (def.alias ?? [])
    .filter((alias) => alias.length === 1)
    .slice(1)
    .map((alias) => `-${alias}`);
  const notes = [
    ...(def.isRepeatable === true ? ["may be repeated"] : []),
    ...(others.length + shorts.length > 0 ? [`also ${[...shorts, ...others].join(", ")}`] : []),
  ];
  return notes.length === 0 ? def.description : `${def.description} (${notes.join("; ")})`;
}

function entry(label: string, description: string, indent: number, columns: number): string[] {
  const lines = fold(description, Math.max(24, columns - indent));
  const isWide = label.length + 4 > indent;
  const first = isWide ? [`  ${label}`] : [`  ${label.padEnd(indent - 2)}${lines[0] ?? ""}`];
  return [...first, ...lines.slice(isWide ? 0 : 1).map((line) => `${" ".repeat(indent)}${line}`)];
}

function fold(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
