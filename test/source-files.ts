// The repository's own source files, read for the tests that judge them.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "..");

export type SourceFile = {
  /** From the root, with forward slashes: "src/cli/args.ts". */
  readonly path: string;
  readonly text: string;
};

/** Every .ts file under the folders, by path; what was installed or lies in a hidden folder is not ours. */
export function sourceFiles(...folders: readonly string[]): readonly SourceFile[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts") && !/(^|[\\/])(node_modules|\.[^\\/]+)[\\/]/.test(name))
        .map((name) => `${folder}/${name.replaceAll("\\", "/")}`),
    )
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}

/**
 * The text with comments, string contents and regular expressions blanked out, lines kept, so that a word in prose is
 * not taken for code. Code inside a template's ${} is blanked with it.
 */
export function codeOf(text: string): string {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`|(?<=[=(,:!&|?{};\n]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/g;
  return text.replace(token, (match) => {
    const blank = match.replace(/[^\n]/g, " ");
    if (match.length < 2 || match.startsWith("/")) return blank;
    return `${match[0]}${blank.slice(1, -1)}${match[0]}`;
  });
}
