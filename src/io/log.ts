// The log: short lines on stderr, one a state change, fields in `key=value` form. Not progress (tui/) and not data
// (stdout).

import { createColors } from "picocolors";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean>>;

/** Says what happened. `text` is a sentence or a stable kebab-case event name; values go in `fields`. */
export type Log = Readonly<Record<LogLevel, (text: string, fields?: LogFields) => void>>;

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A log that hands finished lines (without line end) to `line`. Levels below `level` are dropped. */
export function createLog(options: {
  readonly level: LogLevel;
  readonly color: boolean;
  readonly line: (text: string) => void;
}): Log {
  const colors = createColors(options.color);
  const paint = { debug: colors.gray, info: colors.cyan, warn: colors.yellow, error: colors.red };
  const at =
    (level: LogLevel) =>
    (text: string, fields: LogFields = {}): void => {
      if (RANK[level] < RANK[options.level]) return;
      options.line(`${paint[level](level.padEnd(5))} ${oneLine(text)}${fieldsText(fields)}`);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function fieldsText(fields: LogFields): string {
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${quoted(String(value))}`)
    .join("");
}

function quoted(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

// Text of users' code may hold anything: control characters must not move the cursor of a live view.
function oneLine(text: string): string {
  return text
    .replace(/\r?\n/g, "\n      ")
    .replace(/[\x00-\x09\x0b-\x1f\x7f]/g, (char) => (char === "\t" ? "  " : "?"));
}
