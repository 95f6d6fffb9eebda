// Goal: the simulator stays out of what ships: no file of src/ outside src/sim/ reaches it, however. Method: the imports
// of every file, and planted ones.

import { expect, test } from "bun:test";
import { posix } from "node:path";
import { sourceFiles, type SourceFile } from "../source-files.ts";

/** Files outside src/sim/ that name a file in it, in any import or worker. */
function reaching(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => !path.startsWith("src/sim/"))
    .filter(({ path, text }) =>
      [...text.matchAll(/["'`](\.{1,2}\/[^"'`\n]+)["'`]/g)].some(([, target = ""]) =>
        posix.join(posix.dirname(path), target).startsWith("src/sim/"),
      ),
    )
    .map(({ path }) => path);
}

test("nothing of src/ outside src/sim/ imports the simulator", () => {
  const sources = sourceFiles("src");
  expect(sources.some(({ path }) => path === "src/sim/kernel.ts")).toBe(true);
  expect(reaching(sources)).toEqual([]);
});

test("the check sees planted imports, and not those within the simulator", () => {
  const planted: readonly (readonly [path: string, text: string, isSeen: boolean])[] = [
    ["src/node/a.ts", 'import { Kernel } from "../sim/kernel.ts";', true],
    ["src/node/a.ts", 'import type { Kernel } from "../sim/kernel.ts";', true],
    ["src/main.ts", 'await import("./sim/kernel.ts");', true],
    ["src/cli/commands/a.ts", 'export * from "../../sim/kernel.ts";', true],
    ["src/io/a.ts", 'new URL("../sim/entry.ts", import.meta.url);', true],
    ["src/sim/a.ts", 'import { Kernel } from "./kernel.ts";', false],
    ["src/node/a.ts", 'import { simple } from "./simple.ts";', false],
  ];
  for (const [path, text, isSeen] of planted) expect(reaching([{ path, text }]).length > 0).toBe(isSeen);
});
