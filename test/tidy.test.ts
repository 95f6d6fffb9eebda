// Goal: the house style that a machine can judge. Method: patterns over the code of every file, comments and strings
// blanked; each pattern is also run on a planted fault. Debts that exist are listed with their number: it may only
// fall.

import { describe, expect, test } from "bun:test";
import { basename } from "node:path";
import { codeOf, sourceFiles, type SourceFile } from "./source-files.ts";

const LINES_MAX = 500;
const COLUMNS_MAX = 120;
const BANNED_NAMES = /^(utils?|helpers?|common|misc|types)\.ts$/;
/** Made by a program from another file. */
const GENERATED: readonly string[] = ["src/cli/workflow-types.ts"];

/** Casts that are there for a reason, by file. */
const CASTS: Readonly<Record<string, number>> = {};
/**
 * Lines that are too long still, by folder of src/. Lower a number when you can; a folder that is not here has none.
 */
const LONG_LINES: Readonly<Record<string, number>> = {};
/** Files that are longer than they should be still, with the lines they may have. */
const LONG_FILES: Readonly<Record<string, number>> = {};

const files = sourceFiles("src", "test", ".ci", "examples", "bench").filter(
  ({ path }) => !path.endsWith(".d.ts") && !GENERATED.includes(path),
);
const sources = files.filter(({ path }) => path.startsWith("src/"));

/** `as X`, apart from `as const` and the renaming of imports and exports. */
function casts(text: string): number {
  const code = codeOf(text)
    .replace(/^\s*(import|export)\b[^;]*?\bfrom\b/gm, "")
    .replace(/\b(import|export)\s*\{[^}]*\}/g, "");
  return [...code.matchAll(/[\w)\]}>"'`]\s+as\s+(?!const\b)[A-Za-z{[("'`]/g)].length;
}

function longLines(text: string): number {
  return text.split("\n").filter((line) => [...line].length > COLUMNS_MAX).length;
}

function hasAny(text: string): boolean {
  return /[:<,|&(]\s*any\b(?!\s*[:(.])|\bas\s+any\b|\bany\[\]/.test(codeOf(text));
}

function opensWithComment(text: string): boolean {
  const lines = text.replace(/^#![^\n]*\n/, "").split("\n");
  if (lines[0]?.startsWith("/**") === true) return true;
  const comment = lines.findIndex((line) => !line.startsWith("//"));
  return comment >= 1;
}

function offenders(judged: readonly SourceFile[], isOffence: (file: SourceFile) => boolean): readonly string[] {
  return judged.filter(isOffence).map(({ path }) => path);
}

/** Keys ("src/a.ts", or a folder) whose files hold more of what is counted than the table allows. */
function excess(
  judged: readonly SourceFile[],
  count: (text: string) => number,
  allowed: Readonly<Record<string, number>>,
  keyOf: (path: string) => string = (path) => path,
): readonly string[] {
  const found = new Map<string, number>();
  for (const { path, text } of judged) found.set(keyOf(path), (found.get(keyOf(path)) ?? 0) + count(text));
  return [...found]
    .filter(([key, number]) => number > (allowed[key] ?? 0))
    .map(([key, number]) => `${key}: ${number}, allowed ${allowed[key] ?? 0}`);
}

function folderOf(path: string): string {
  return path.split("/")[1] ?? "";
}

describe("every file", () => {
  test("opens with a comment that says what it is", () => {
    expect(offenders(files, ({ text }) => !opensWithComment(text))).toEqual([]);
  });
  test(`has at most ${LINES_MAX} lines`, () => {
    const isLong = ({ path, text }: SourceFile): boolean =>
      text.trimEnd().split("\n").length > (LONG_FILES[path] ?? LINES_MAX);
    expect(offenders(files, isLong)).toEqual([]);
  });
  test("has a name that says something", () => {
    expect(offenders(files, ({ path }) => BANNED_NAMES.test(basename(path)))).toEqual([]);
  });
  test("has a name in kebab-case", () => {
    expect(offenders(files, ({ path }) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(basename(path)))).toEqual([]);
  });
  test("has no any", () => {
    expect(offenders(files, ({ text }) => hasAny(text))).toEqual([]);
  });
  test("has no enum, namespace or suppressed type error", () => {
    expect(
      offenders(
        files,
        ({ text }) =>
          /\benum\s+\w+\s*\{|^\s*(export\s+)?namespace\s/m.test(codeOf(text)) ||
          /^\s*\/\/\s*@ts-(ignore|nocheck|expect-error)/m.test(text),
      ),
    ).toEqual([]);
  });
  test("has no leftover marks", () => {
    expect(offenders(sources, ({ text }) => /\b(TODO|FIXME|XXX|HACK)\b/.test(text))).toEqual([]);
  });
});

describe("the sources", () => {
  test("have no casts beyond those listed", () => {
    expect(excess(sources, casts, CASTS)).toEqual([]);
  });
  test(`have no lines over ${COLUMNS_MAX} columns beyond those listed`, () => {
    expect(excess(sources, longLines, LONG_LINES, folderOf)).toEqual([]);
  });
});

describe("the checkers see planted faults", () => {
  test("casts", () => {
    expect(casts("const a = b as Thing;")).toBe(1);
    expect(casts("f(b as unknown as Thing);")).toBe(2);
    expect(casts("const a = [1] as const;")).toBe(0);
    expect(casts('import { a as b } from "./c.ts";\nexport { d as e };\n// cast as you like')).toBe(0);
  });
  test("any", () => {
    for (const text of ["let a: any;", "f<any>(b)", "const c: any[] = [];", "g(d as any)"])
      expect(hasAny(text)).toBe(true);
    for (const text of ["// any word", "const any = 1;", "Promise.any(list)", '"any"'])
      expect(hasAny(text)).toBe(false);
  });
  test("a missing opening comment", () => {
    expect(opensWithComment('import { a } from "./a.ts";\n')).toBe(false);
    expect(opensWithComment("// What it is.\n\nimport")).toBe(true);
  });
  test("long lines, and more of them than allowed", () => {
    const file: SourceFile = { path: "src/a/b.ts", text: `${"x".repeat(121)}\n${"é".repeat(120)}` };
    expect(longLines(file.text)).toBe(1);
    expect(excess([file], longLines, {})).toEqual(["src/a/b.ts: 1, allowed 0"]);
    expect(excess([file, file], longLines, { a: 1 }, folderOf)).toEqual(["a: 2, allowed 1"]);
    expect(excess([file], longLines, { a: 1 }, folderOf)).toEqual([]);
  });
});
