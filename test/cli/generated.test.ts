// Goal: completions, man pages and the types `init` writes are what their sources say, and shells accept the scripts.
// Method: generate again and compare; the real shells where they are installed.

import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatedFiles, staleFiles } from "../../.ci/generate.ts";
import { COMMANDS, loadCommand } from "../../src/cli/commands.ts";
import { exitMeanings } from "../../src/cli/exit.ts";
import { completionScript, SHELLS, type Shell } from "../../src/cli/shells.ts";
import { WORKFLOW_TYPES } from "../../src/cli/workflow-types.ts";
import { runProgram } from "../../src/cli/program.ts";
import { fakeTerminal, noWorld } from "./fake-terminal.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

test("no generated file is stale (else: bun run generate)", async () => {
  expect(await staleFiles()).toEqual([]);
});

test("the types that init writes are engine/hyperscale.d.ts, byte for byte", async () => {
  expect(WORKFLOW_TYPES).toBe(await Bun.file(`${ROOT}src/engine/hyperscale.d.ts`).text());
});

const SYNTAX: Readonly<Record<Shell, readonly string[]>> = {
  bash: ["bash", "-n"],
  zsh: ["zsh", "-n"],
  fish: ["fish", "--no-execute"],
};
for (const shell of SHELLS) {
  test.skipIf(Bun.which(shell) === null)(`${shell} accepts its completion script`, async () => {
    const [program = "", ...flags] = SYNTAX[shell];
    const path = `${ROOT}completions/${{ bash: "hyperscale.bash", zsh: "_hyperscale", fish: "hyperscale.fish" }[shell]}`;
    const { exitCode, stderr } = Bun.spawnSync([program, ...flags, path]);
    expect(stderr.toString()).toBe("");
    expect(exitCode).toBe(0);
  });

  test(`completions ${shell} prints the script, with every option of every command`, async () => {
    const terminal = fakeTerminal(["completions", shell]);
    expect(await runProgram(terminal, "1.0.0", noWorld)).toBe(0);
    expect(terminal.stdout()).toBe(await completionScript(shell));
    for (const command of await Promise.all(COMMANDS.map(loadCommand))) {
      for (const [name, def] of Object.entries(command.options)) {
        if (def.type !== "positional") expect(terminal.stdout()).toContain(name);
      }
    }
  });
}

/** What bash would offer for a line, asked of a real bash. */
function bashOffers(words: readonly string[], cwd?: string): readonly string[] {
  const script =
    `source ${ROOT}completions/hyperscale.bash; COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; ` +
    "_hyperscale; printf '%s\\n' \"${COMPREPLY[@]}\"";
  return Bun.spawnSync(["bash", "-c", script], cwd === undefined ? {} : { cwd })
    .stdout.toString()
    .trim()
    .split("\n");
}

test.skipIf(Bun.which("bash") === null)("bash offers commands, options and an option's values", () => {
  expect(bashOffers(["hyperscale", "in"])).toEqual(["init"]);
  expect(bashOffers(["hyperscale", "init", "--fo"])).toEqual(["--force"]);
  expect(bashOffers(["hyperscale", "completions", ""])).toEqual(["bash", "zsh", "fish"]);
});

test.skipIf(Bun.which("bash") === null)(
  "bash offers what its place on the line takes, names with spaces too",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "hyperscale-completions-"));
    await writeFile(join(folder, "my test.ts"), "");
    const offers = (...words: readonly string[]): readonly string[] => bashOffers(["hyperscale", ...words], folder);
    expect(offers("chaos", "ki")).toEqual(["kill"]);
    expect(offers("chaos", "--for", "5s", "ki")).toEqual(["kill"]);
    expect(offers("chaos", "kill", "")).toEqual([""]);
    expect(offers("submit", "m")).toEqual(["my test.ts"]);
    expect(offers("submit", "-q", "--vus", "=", "5", "m")).toEqual(["my test.ts"]);
    expect(offers("submit", "my test.ts", "m")).toEqual([""]);
    expect(offers("submit", "--html", "=", "m")).toEqual(["my test.ts"]);
    expect(offers("manager", "--profile", "=")).toEqual(["local", "lan", "wan"]);
    await rm(folder, { recursive: true });
  },
);

test.skipIf(Bun.which("fish") === null)("fish offers commands, options and an option's values", () => {
  const offers = (line: string): string =>
    Bun.spawnSync(["fish", "-c", `source ${ROOT}completions/hyperscale.fish; complete -C '${line}'`]).stdout.toString();
  expect(offers("hyperscale in")).toContain("init\t");
  expect(offers("hyperscale init --fo")).toContain("--force\t");
  expect(offers("hyperscale completions ")).toContain("zsh");
});

test("the help of submit lists the exit codes it can end with, and no others", async () => {
  const page = (await generatedFiles()).get("man/hyperscale-submit.1") ?? "";
  expect(page).toContain("a threshold failed");
  expect(page).not.toContain("chaos random");
});

test("the manual lists every exit code", async () => {
  const page = (await generatedFiles()).get("man/hyperscale.1") ?? "";
  for (const { exit } of exitMeanings()) expect(page).toContain(`.B ${exit}\n`);
});

test.skipIf(Bun.which("mandoc") === null)("man pages have no roff errors", async () => {
  for (const [path] of await generatedFiles()) {
    if (!path.startsWith("man/")) continue;
    const { stdout } = Bun.spawnSync(["mandoc", "-T", "lint", "-W", "error", `${ROOT}${path}`]);
    expect(stdout.toString()).toBe("");
  }
});
