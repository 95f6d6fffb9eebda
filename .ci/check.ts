// The whole check, as `npx --yes bun@1.4.5 run check` starts it on a machine with only Node and npm: installs, types,
// build, tests. The last line is "N passed, N failed"; the exit code is 0 only if all was well.

import { existsSync, mkdirSync, rmSync } from "node:fs";
import { delimiter, dirname } from "node:path";

const ROOT = new URL("../", import.meta.url).pathname;
const REPORT = "test-results/junit.xml";
/** Of one test. Tests never wait on the wall clock for long: a hung one is a failure, a slow machine is none. */
const TEST_MS_MAX = 30_000;
/** Of what a failed test said, said again at the end. */
const FAILURE_LINES_MAX = 40;

export type TestCounts = {
  readonly passed: number;
  readonly skipped: number;
  /** Those that failed or broke, each as "file:line name", and what the test said on the lines after it. */
  readonly failures: readonly string[];
};

/** Tests within a JUnit file. */
export function countTests(junit: string): TestCounts {
  let passed = 0;
  let skipped = 0;
  const failures: string[] = [];
  for (const [, head = "", body = ""] of junit.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const failure = /<(?:failure|error)\b([^>]*?)(?:\/>|>([^<]*))/.exec(body);
    if (failure !== null) {
      const place = `${attribute(head, "file")}:${attribute(head, "line")} ${attribute(head, "name")}`;
      const [, about = "", text = ""] = failure;
      const said = plain(text).trim() || attribute(about, "message");
      failures.push([place, ...said.split("\n").slice(0, FAILURE_LINES_MAX)].join("\n    "));
    } else if (/<skipped\b/.test(body)) skipped++;
    else passed++;
  }
  return { passed, skipped, failures };
}

function attribute(head: string, name: string): string {
  return plain(new RegExp(`\\b${name}="([^"]*)"`).exec(head)?.[1] ?? "");
}

/** Text as it was before it went into XML. */
function plain(text: string): string {
  const signs: Readonly<Record<string, string>> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'" };
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&(?:lt|gt|quot|apos);/g, (sign) => signs[sign] ?? sign)
    .replaceAll("&amp;", "&");
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
  let failedSteps = 0;
  for (const [name, args] of before) if (!step(name, args)) failedSteps++;
  mkdirSync(`${ROOT}test-results`, { recursive: true });
  rmSync(`${ROOT}${REPORT}`, { force: true });
  const isGreen = step("tests", [
    "test",
    `--timeout=${TEST_MS_MAX}`,
    "--reporter=junit",
    `--reporter-outfile=${REPORT}`,
  ]);
  const { passed, failures, skipped } = existsSync(`${ROOT}${REPORT}`)
    ? countTests(await Bun.file(`${ROOT}${REPORT}`).text())
    : { passed: 0, failures: [], skipped: 0 };
  // A file that cannot even be loaded fails the run without failing a test of its own.
  const broken = !isGreen && failures.length === 0 ? 1 : 0;
  const total = failedSteps + failures.length + broken;
  for (const failure of failures) console.log(`failed: ${failure}`);
  if (skipped > 0) console.log(`${skipped} skipped`);
  console.log(`${passed} passed, ${total} failed`);
  process.exit(total === 0 ? 0 : 1);
}
