// Goal: the real terminal prints everything, survives a reader that goes away, reports a full disk, and hands signals
// over. Method: small programs run on it in processes of their own.

import { expect, test } from "bun:test";
import { openSync } from "node:fs";

const MODULE = JSON.stringify(`${import.meta.dir}/../../src/io/terminal.ts`);
const ENV = { ...process.env, BUN_BE_BUN: "1" };

/** A process that runs `body` with `terminal` and ends with the code that it returns. */
function command(body: string): readonly string[] {
  const script = `import { processTerminal } from ${MODULE}; const terminal = processTerminal(["--last"]); process.exit(await (async () => { ${body} })() ?? 0);`;
  return [process.execPath, "-e", script];
}

test("all of a long text arrives, also when the program exits right after", () => {
  const { stdout, exitCode } = Bun.spawnSync([...command("await terminal.print('x'.repeat(3_000_000)); return 7;")], {
    env: ENV,
  });
  expect(stdout.length).toBe(3_000_000);
  expect(exitCode).toBe(7);
});

test("a reader that goes away is no error", () => {
  const shell = `"$@" | head -c 10; exit \${PIPESTATUS[0]}`;
  const { stdout, stderr, exitCode } = Bun.spawnSync(
    [
      "bash",
      "-c",
      shell,
      "bash",
      ...command("for (let i = 0; i < 100; i++) await terminal.print('x'.repeat(100_000)); return 3;"),
    ],
    { env: ENV },
  );
  expect(stdout.toString()).toBe("x".repeat(10));
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(3);
});

test("a reader that went away is known to be gone", () => {
  const body = `
    terminal.output.write("line\\n");
    const isGoneAtFirst = terminal.output.isGone();
    while (!terminal.output.isGone()) await terminal.print("line\\n");
    return isGoneAtFirst ? 4 : 3;`;
  const shell = `"$@" | true; exit \${PIPESTATUS[0]}`;
  const { stderr, exitCode } = Bun.spawnSync(["bash", "-c", shell, "bash", ...command(body)], { env: ENV });
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(3);
});

test("a full disk under stdout is a storage error", () => {
  const { stderr, exitCode } = Bun.spawnSync(
    [
      ...command(
        "try { await terminal.print('text'); } catch (error) { console.error(error.code, error.message); return 5; }",
      ),
    ],
    {
      env: ENV,
      stdout: openSync("/dev/full", "w"),
      stderr: "pipe",
    },
  );
  expect(stderr.toString()).toMatch(/^storage cannot write to standard output: /);
  expect(exitCode).toBe(5);
});

test("standard input that cannot be read is told as such", () => {
  const { stderr, exitCode } = Bun.spawnSync(
    [
      ...command(
        "try { await terminal.readInput(); } catch (error) { console.error(error.code, error.message); return 5; }",
      ),
    ],
    { env: ENV, stdin: openSync("/", "r"), stderr: "pipe" },
  );
  expect(stderr.toString()).toStartWith("load cannot read standard input: ");
  expect(exitCode).toBe(5);
});

test("signals are handed over while somebody listens, and end the process otherwise", async () => {
  const child = Bun.spawn(
    [
      ...command(`
    await new Promise((resolve) => {
      const stop = terminal.onInterrupt((signal) => { stop(); terminal.output.write(signal + "\\n"); resolve(); });
      terminal.output.write("ready\\n");
    });
    await new Promise((resolve) => setTimeout(resolve, 20_000));`),
    ],
    { env: ENV, stdout: "pipe" },
  );
  const reader = child.stdout.getReader();
  const line = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
  expect(await line()).toBe("ready\n");
  child.kill("SIGHUP");
  expect(await line()).toBe("SIGHUP\n");
  child.kill("SIGINT");
  await child.exited;
  expect(child.signalCode).toBe("SIGINT");
});

test("what is to happen at exit happens, also after a crash", () => {
  const { stdout, exitCode } = Bun.spawnSync(
    [...command("terminal.onExit(() => terminal.output.write('cursor back')); throw new Error('crash');")],
    { env: ENV },
  );
  expect(stdout.toString()).toBe("cursor back");
  expect(exitCode).not.toBe(0);
});

test("what nobody caught is handed over, thrown or rejected, while the main module still waits", () => {
  for (const bug of ["throw new Error('bug');", "void Promise.reject(new Error('bug'));"]) {
    const { stdout, stderr, exitCode } = Bun.spawnSync(
      [
        ...command(`
        terminal.onCrash((error) => { terminal.output.write(error.message); terminal.exit(70); });
        setTimeout(() => { ${bug} });
        await new Promise((resolve) => setTimeout(resolve, 20_000));`),
      ],
      { env: ENV },
    );
    expect(stdout.toString()).toBe("bug");
    expect(stderr.toString()).toBe("");
    expect(exitCode).toBe(70);
  }
});

test("pipes are no terminals, and arguments are the program's own", () => {
  const { stdout } = Bun.spawnSync(
    [
      ...command(
        "terminal.output.write(JSON.stringify([terminal.output.isTerminal, terminal.args.at(-1), terminal.cores > 0, terminal.output.size().columns > 0]))",
      ),
    ],
    { env: ENV },
  );
  expect(JSON.parse(stdout.toString())).toEqual([false, "--last", true, true]);
});
