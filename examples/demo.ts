// `bun run demo`: installs, builds, starts the example target on loopback and runs examples/checkout.ts against it,
// with live progress. Ends with the exit code of the test.

import { delimiter, dirname } from "node:path";

const ROOT = new URL("../", import.meta.url).pathname;
/** Children find this very Bun as `bun`, wherever it lies. */
const ENV = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}` };

function step(name: string, args: readonly string[]): void {
  console.log(`== ${name}`);
  const { exitCode } = Bun.spawnSync([process.execPath, ...args], {
    cwd: ROOT,
    env: ENV,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (exitCode !== 0) {
    console.error(`${name} failed with exit code ${exitCode}`);
    process.exit(1);
  }
}

step("install", ["install", "--frozen-lockfile"]);
step("build", [".ci/build.ts"]);

const target = Bun.spawn([process.execPath, "examples/target.ts"], {
  cwd: ROOT,
  env: ENV,
  stdout: "pipe",
  stderr: "inherit",
});
const address = await firstLine(target.stdout);
console.log(`== target at ${address}`);

const args = ["submit", "examples/checkout.ts", "-e", `TARGET=${address}`, ...process.argv.slice(2)];
console.log(`== dist/hyperscale ${args.join(" ")}`);
// Ctrl+C goes to the test, which ends gracefully; this program waits for it.
process.on("SIGINT", () => {});
const test = Bun.spawn([`${ROOT}dist/hyperscale`, ...args], {
  cwd: ROOT,
  env: ENV,
  stdio: ["inherit", "inherit", "inherit"],
});
const exitCode = await test.exited;
target.kill();
process.exit(exitCode);

/** The first line a program prints. Throws when it ends before. */
async function firstLine(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n")) return text.slice(0, text.indexOf("\n"));
  }
  throw new Error("the target ended before it was listening");
}
