// Goal: the program finds the command, prints help to stdout, errors to stderr, and ends with the contract's exit
// codes. Method: runProgram against a terminal that keeps what is written.

import { describe, expect, test } from "bun:test";
import { COMMANDS } from "../../src/cli/commands.ts";
import { runProgram } from "../../src/cli/program.ts";
import { ExitCalled, fakeTerminal, noWorld } from "./fake-terminal.ts";

async function run(
  args: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = fakeTerminal(args === "" ? [] : args.split(" "), { env });
  const code = await runProgram(terminal, "9.8.7", noWorld);
  return { code, stdout: terminal.stdout(), stderr: terminal.stderr() };
}

test("without a command help is printed and the exit code is 2", async () => {
  const { code, stdout } = await run("");
  expect(code).toBe(2);
  expect(stdout).toBe((await run("help")).stdout);
});

test("what nobody caught is a bug: it is shown with its stack, and the process ends with 70", async () => {
  const terminal = fakeTerminal(["help"]);
  await runProgram(terminal, "1.0.0", noWorld);
  expect(() => terminal.crash(new TypeError("x is no y"))).toThrow(ExitCalled);
  expect(terminal.stderr()).toContain("internal error (a bug in hyperscale): TypeError: x is no y\n    at ");
  expect(terminal.exits).toEqual([70]);
});

test("help, -h and --help print the commands and end with 0", async () => {
  for (const args of ["help", "-h", "--help"]) {
    const { code, stdout, stderr } = await run(args);
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toContain(`\n  ${command} `);
    expect(stderr).toBe("");
  }
});

test("help about help is help", async () => {
  expect(await run("help help")).toEqual(await run("help"));
});

test("a hint names only what the command has", async () => {
  expect((await run("status --timeout 5s")).stderr).not.toContain("here it is");
  expect((await run("worker --threads 2")).stderr).toContain("here it is --cores");
});

test("who misses an argument is sent to the help of that command", async () => {
  expect((await run("results")).stderr).toContain("see hyperscale help results\n");
  expect((await run("resluts")).stderr).toContain("see hyperscale help\n");
});

test("--version, -V and version print the version", async () => {
  for (const args of ["--version", "-V", "version"]) expect((await run(args)).stdout).toBe("hyperscale 9.8.7\n");
});

test("help COMMAND and COMMAND --help are the same, for every command", async () => {
  for (const command of COMMANDS) {
    const asked = await run(`help ${command}`);
    expect(asked.stdout).toContain(`Usage: hyperscale ${command}`);
    expect(await run(`${command} --help`)).toEqual(asked);
    expect(await run(`${command} -h`)).toEqual(asked);
  }
});

test("help lines fit the terminal", async () => {
  for (const columns of [60, 80, 100]) {
    const terminal = fakeTerminal(["help", "init"], { columns });
    await runProgram(terminal, "1.0.0", noWorld);
    for (const line of terminal.stdout().split("\n")) expect(line.length).toBeLessThanOrEqual(columns);
  }
});

describe("what cannot be understood ends with 2 and a way out", () => {
  const cases: readonly (readonly [args: string, stderr: RegExp])[] = [
    ["inti", /unknown command "inti"[\s\S]*did you mean init\?/],
    ["frobnicate", /unknown command "frobnicate"[\s\S]*commands: /],
    ["test.ts", /hyperscale submit test\.ts/],
    ["http://127.0.0.1/", /hyperscale submit http:\/\/127\.0\.0\.1\//],
    ["--vus 3", /unknown option --vus before the command/],
    ["init --forec", /unknown option --forec[\s\S]*did you mean --force\?/],
    ["init a b", /unexpected argument "b"/],
    ["completions powershell", /no completions for "powershell"[\s\S]*bash, zsh, fish/],
    ["completions", /SHELL is missing/],
  ];
  for (const [args, stderr] of cases) {
    test(args, async () => {
      const ended = await run(args);
      expect(ended.code).toBe(2);
      expect(ended.stdout).toBe("");
      expect(ended.stderr).toMatch(stderr);
    });
  }
});

test("an id that no job can have is refused before a cluster is asked", async () => {
  for (const command of ["results", "cancel", "pause", "resume", "scale --vus=1", "status --job="]) {
    const isOption = command.startsWith("status");
    const args = [...command.split(" "), ...(isOption ? [] : [""]), "--managers", "127.0.0.1:1"];
    const terminal = fakeTerminal(args);
    expect(await runProgram(terminal, "1.2.3", noWorld)).toBe(104);
    expect(terminal.stderr()).toContain(`error: ${isOption ? "--job" : "ID"}: "" is no id`);
  }
});

test("a variable that is no option is warned about on stderr", async () => {
  const { code, stderr } = await run("completions bash", { HYPERSCALE_NO_COLOUR: "1" });
  expect(code).toBe(0);
  expect(stderr).toBe("warning: the variable HYPERSCALE_NO_COLOUR is no option: did you mean HYPERSCALE_NO_COLOR?\n");
});
