// Plants a bug in a copy of the sources, then lets the simulator look for it or runs the test that is to fail with it.
// Not a test itself.

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tally } from "../../src/sim/swarm.ts";
import { ROOT } from "../source-files.ts";

/** A test by its file, from test/, and its name as `test("…")` says it. */
export type Proof = { readonly file: string; readonly name: string };

/**
 * `find` occurs exactly once in `file` of src/. `profile`: the mix of faults the simulator looks for it with (all).
 * `proof`: the test that fails with the bug and passes without it; null: the simulator alone sees it.
 */
export type Mutant = {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly profile?: "all" | "net" | "disk" | "crash" | "clock";
  readonly proof: Proof | null;
};

/** What a search found: seeds tried, and the property the last of them breaks. null: none broke any. */
export type Caught = { readonly seeds: number; readonly by: string } | null;

/** What a test has to do with a bug; only "caught" will do. */
export type Proven = "caught" | "the test passes all the same" | "the test fails without the bug" | "no such test";

/** A test that hangs with the bug is as good as one that fails. */
const PROOF_MS = 60_000;

/** How often the text to be changed occurs in its file: 1, or the bug has to be planted anew. */
export function occurrences({ file, find }: Mutant): number {
  return readFileSync(join(ROOT, "src", file), "utf8").split(find).length - 1;
}

/** A copy of the sources and the tests with the bug in it. Throws when the text is not there exactly once. */
export function plant(mutant: Mutant): { readonly folder: string; readonly close: () => void } {
  const { name, file, find, replace } = mutant;
  const count = occurrences(mutant);
  if (count !== 1) throw new Error(`"${find}" occurs ${count} times in ${file}: "${name}" must be planted anew`);
  const folder = mkdtempSync(join(tmpdir(), "planted-"));
  for (const copied of ["src", "test", "package.json", "tsconfig.json", "bunfig.toml"])
    cpSync(join(ROOT, copied), join(folder, copied), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const path = join(folder, "src", file);
  writeFileSync(
    path,
    readFileSync(path, "utf8").replace(find, () => replace),
  );
  return { folder, close: () => rmSync(folder, { recursive: true }) };
}

/** Runs the bug's test with it and without it. */
export async function prove(mutant: Mutant): Promise<Proven> {
  if (mutant.proof === null) return "no such test";
  const { folder, close } = plant(mutant);
  try {
    const [planted, shipped] = await Promise.all([outcomeOf(folder, mutant.proof), outcomeOf(ROOT, mutant.proof)]);
    if (shipped === "none") return "no such test";
    if (shipped === "fails") return "the test fails without the bug";
    return planted === "fails" ? "caught" : "the test passes all the same";
  } finally {
    close();
  }
}

/** "none": no test of that name ran to an end, as when the file cannot be loaded. */
async function outcomeOf(folder: string, { file, name }: Proof): Promise<"passes" | "fails" | "none"> {
  const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const running = Bun.spawn([process.execPath, "test", `./test/${file}`, "-t", pattern, "--timeout", `${PROOF_MS}`], {
    stdout: "ignore",
    stderr: "pipe",
    timeout: 2 * PROOF_MS,
    cwd: folder,
  });
  const text = await new Response(running.stderr).text();
  const code = await running.exited;
  if (running.signalCode !== null) return "fails";
  const ran = text.split("\n").filter((line) => line.includes(name));
  if (ran.some((line) => line.startsWith("(fail)"))) return "fails";
  return code === 0 && /^ *[1-9]\d* pass$/m.test(text) ? "passes" : "none";
}

/** Looks for a seed that fails with the bug and holds without it. In: seeds to try, and how long each may take. */
export async function search(
  mutant: Mutant,
  range: { readonly from: number; readonly seeds: number; readonly timeoutMs: number },
): Promise<Caught> {
  const { folder, close } = plant(mutant);
  const { profile = "all" } = mutant;
  try {
    for (let tried = 1; tried <= range.seeds; tried++) {
      const run = { seed: range.from + tried - 1, profile, timeoutMs: range.timeoutMs };
      const by = await failureOf(folder, run);
      if (by !== null && (await failureOf(ROOT, run)) === null) return { seeds: tried, by };
    }
    return null;
  } finally {
    close();
  }
}

/** The property that a seed breaks. Out: null when it keeps all. */
async function failureOf(
  folder: string,
  { seed, profile, timeoutMs }: { readonly seed: number; readonly profile: string; readonly timeoutMs: number },
): Promise<string | null> {
  const args = ["--child", "--profile", profile];
  let next: number | null = seed;
  const running = Bun.spawn([process.execPath, join(folder, "test/sim/run.ts"), ...args], {
    stdout: "pipe",
    stderr: "ignore",
    timeout: timeoutMs,
    cwd: folder,
    ipc: (_, child) => {
      child.send(next);
      next = null;
    },
  });
  const text = await new Response(running.stdout).text();
  await running.exited;
  if (running.signalCode !== null) return "hang";
  if (running.exitCode !== 0) return "crash";
  const tally: Tally = JSON.parse(text);
  return tally.failures[0]?.property ?? null;
}
