// Goal: one line an event, readable by people and by grep, and harmless whatever is logged. Method: whole lines.

import { expect, test } from "bun:test";
import { createLog, type LogLevel } from "../../src/io/log.ts";

function logged(
  level: LogLevel,
  color: boolean,
  write: (log: ReturnType<typeof createLog>) => void,
): readonly string[] {
  const lines: string[] = [];
  write(createLog({ level, color, line: (text) => lines.push(text) }));
  return lines;
}

test("level, text and fields stand on one line", () => {
  expect(
    logged("debug", false, (log) => {
      log.info("member-suspect", { node: "w1", incarnation: 3, isLocal: true });
      log.warn("two words", { text: "a b", empty: "" });
    }),
  ).toEqual(["info  member-suspect node=w1 incarnation=3 isLocal=true", 'warn  two words text="a b" empty=""']);
});

test("what is below the level is dropped", () => {
  const all = (log: ReturnType<typeof createLog>): void => {
    for (const level of ["debug", "info", "warn", "error"] as const) log[level](level);
  };
  expect(logged("warn", false, all)).toEqual(["warn  warn", "error error"]);
  expect(logged("debug", false, all)).toHaveLength(4);
});

test("control characters cannot reach the terminal; further lines are indented", () => {
  expect(logged("info", false, (log) => log.info("a\x1b[2Jb\nc\td"))).toEqual(["info  a?[2Jb\n      c  d"]);
});

test("colour paints the level alone", () => {
  const [line = ""] = logged("info", true, (log) => log.error("ouch"));
  expect(line).toStartWith("\x1b[31m");
  expect(line.replace(/\x1b\[[0-9;]*m/g, "")).toBe("error ouch");
});
