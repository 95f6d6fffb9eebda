// Goal: `init` gives a folder that type-checks as it is, and never overwrites what is there.
// Method: real files in a fresh folder; the repository's own tsc on the result, and on a planted mistake.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../../src/cli/program.ts";
import { fakeTerminal, noWorld } from "./fake-terminal.ts";

const TSC = join(import.meta.dir, "../../node_modules/.bin/tsc");
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hyperscale-init-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function init(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = fakeTerminal(["init", ...args], { directory: folder });
  const code = await runProgram(terminal, "1.0.0", noWorld);
  return { code, stdout: terminal.stdout(), stderr: terminal.stderr() };
}

function typeCheck(directory: string): { code: number; text: string } {
  const { exitCode, stdout } = Bun.spawnSync([process.execPath, TSC, "--noEmit"], {
    cwd: directory,
    env: { ...process.env, BUN_BE_BUN: "1" },
  });
  return { code: exitCode, text: stdout.toString() };
}

test("the generated project type-checks, and a misused name in it does not", async () => {
  expect((await init("project")).code).toBe(0);
  const project = join(folder, "project");
  expect(await readdir(project)).toEqual(["hyperscale.d.ts", "test.ts", "tsconfig.json"]);
  expect(typeCheck(project)).toEqual({ code: 0, text: "" });

  const path = join(project, "test.ts");
  await writeFile(path, (await readFile(path, "utf8")).replace("http.get(", "http.fetch("));
  expect(typeCheck(project).text).toContain("Property 'fetch' does not exist on type 'Http'");
});

test("the example says that module variables are shared by the VUs of a core", async () => {
  await init("said");
  expect(await readFile(join(folder, "said/test.ts"), "utf8")).toMatch(
    /Variables of this module are shared by the VUs/,
  );
});

test("files that are there are kept, all of them, unless forced", async () => {
  await init("kept");
  const path = join(folder, "kept/test.ts");
  await writeFile(path, "mine");
  await rm(join(folder, "kept/tsconfig.json"));
  const refused = await init("kept");
  expect(refused.code).toBe(104);
  expect(refused.stderr).toContain("test.ts, hyperscale.d.ts in kept would be overwritten; nothing was written");
  expect(await readFile(path, "utf8")).toBe("mine");
  expect(await readdir(join(folder, "kept"))).toEqual(["hyperscale.d.ts", "test.ts"]);

  expect((await init("kept", "--force")).code).toBe(0);
  expect(await readFile(path, "utf8")).toStartWith("// A load test.");
});

test("a file in the folder's place is refused", async () => {
  await writeFile(join(folder, "plain"), "");
  const refused = await init("plain");
  expect(refused.code).toBe(104);
  expect(refused.stderr).toContain("plain is a file, not a folder");
});

test("the command to run it with can be copied into a shell, whatever the folder is called", async () => {
  expect((await init("it's a shop")).stdout).toContain("hyperscale submit 'it'\\''s a shop/test.ts' -e ");
  expect((await init("no-space")).stdout).toContain("hyperscale submit no-space/test.ts -e ");
});
