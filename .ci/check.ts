// The whole check, as `npx --yes bun@1.4.5 run check` starts it on a machine with only Node and npm: installs, types,
// build, tests. The last line is "N passed, N failed"; the exit code is 0 only if all was well.

import { existsSync, mkdirSync, rmSync } from "node:fs";
import { delimiter, dirname } from "node:path";

const ROOT = new URL("../", import.meta.url).pathname;
const REPORT = "test-results/junit.xml";
/** Of one test. Tests never wait on the wall clock for long: a hung one is a failure, a slow machine is none. */
const TEST_MS_MAX = 30_000;

/** Tests within a JUnit file: those that passed, and those that failed or broke. */
export function countTests(junit: string): {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
} {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for (const [, , body = ""] of junit.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    if (/<(failure|error)\b/.test(body)) failed++;
    else if (/<skipped\b/.test(body)) skipped++;
    else passed++;
  }
  return { passed, failed, skipped };
}

/** Runs a step with its output shown. Bun is this very program, wherever it lies; children find it as `bun` too. */
function step(name: string, args: readonly string[]): boolean {
  console.log(`\n== ${name}`);
  const path = `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`;
  const { exitCode } = Bun.spawnSync([process.execPath, ...args], {
    cwd: ROOT,
    env: { ...process.env, PATH: path },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (exitCode !== 0) console.log(`== ${name}: failed with exit code ${exitCode}`);
  return exitCode === 0;
}

if (import.meta.main) {
  const before: readonly (readonly [name: string, args: readonly string[]])[] = [
    ["install", ["install", "--frozen-lockfile"]],
    ["types", ["node_modules/typescript/bin/tsc", "--noEmit"]],
    ["build", [".ci/build.ts"]],
  ];
  let failures = 0;
  for (const [name, args] of before) if (!step(name, args)) failures++;
  mkdirSync(`${ROOT}test-results`, { recursive: true });
  rmSync(`${ROOT}${REPORT}`, { force: true });
  const isGreen = step("tests", [
    "test",
    `--timeout=${TEST_MS_MAX}`,
    "--reporter=junit",
    `--reporter-outfile=${REPORT}`,
  ]);
  const { passed, failed, skipped } = existsSync(`${ROOT}${REPORT}`)
    ? countTests(await Bun.file(`${ROOT}${REPORT}`).text())
    : { passed: 0, failed: 0, skipped: 0 };
  // A file that cannot even be loaded fails the run without failing a test of its own.
  const broken = !isGreen && failed === 0 ? 1 : 0;
  const total = failures + failed + broken;
  if (skipped > 0) console.log(`${skipped} skipped`);
  console.log(`${passed} passed, ${total} failed`);
  process.exit(total === 0 ? 0 : 1);
}
