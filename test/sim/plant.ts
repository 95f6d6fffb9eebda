// Plants a bug in a copy of the sources and lets the simulator look for it. Not a test itself.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tally } from "../../src/sim/swarm.ts";
import { ROOT } from "../source-files.ts";
import type { Mutant } from "./mutants.ts";

/** What a search found: seeds tried, and the first failure, null when there was none. */
export type Caught = { readonly seeds: number; readonly by: string; readonly text: string } | null;

/** A copy of the sources with the bug in it. Throws when the text is not there exactly once. */
export function plant(mutant: Mutant): { readonly folder: string; readonly close: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "sim-mutant-"));
  cpSync(join(ROOT, "src"), join(folder, "src"), { recursive: true });
  mkdirSync(join(folder, "test/sim"), { recursive: true });
  cpSync(join(ROOT, "test/sim/run.ts"), join(folder, "test/sim/run.ts"));
  for (const name of ["package.json", "tsconfig.json"]) cpSync(join(ROOT, name), join(folder, name));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const close = (): void => rmSync(folder, { recursive: true });
  const path = join(folder, "src", mutant.file);
  const text = readFileSync(path, "utf8");
  const count = text.split(mutant.find).length - 1;
  if (count !== 1) {
    close();
    throw new Error(`"${mutant.find}" occurs ${count} times in ${mutant.file}: "${mutant.name}" must be planted anew`);
  }
  writeFileSync(
    path,
    text.replace(mutant.find, () => mutant.replace),
  );
  return { folder, close };
}

/**
 * Runs seeds from `from` on until one fails that holds without the bug. In: seeds to try, and how long each search may
 * take.
 */
export async function search(
  mutant: Mutant,
  range: { readonly from: number; readonly seeds: number; readonly timeoutMs: number },
): Promise<Caught> {
  const { folder, close } = plant(mutant);
  const profile = mutant.profile ?? "all";
  const end = range.from + range.seeds;
  try {
    for (let from = range.from; from < end;) {
      const found = await firstFailure(folder, profile, { from, seeds: end - from, timeoutMs: range.timeoutMs });
      if (found === null) return null;
      const seed = from + found.seeds - 1;
      if ((await firstFailure(ROOT, profile, { from: seed, seeds: 1, timeoutMs: range.timeoutMs })) === null)
        return { ...found, seeds: seed - range.from + 1 };
      from = seed + 1;
    }
    return null;
  } finally {
    close();
  }
}

async function firstFailure(
  folder: string,
  profile: string,
  range: { readonly from: number; readonly seeds: number; readonly timeoutMs: number },
): Promise<Caught> {
  const args = ["--child", "--quiet", "--until-failure", "--seed", `${range.from}`, "--seeds", `${range.seeds}`];
  const running = Bun.spawn([process.execPath, join(folder, "test/sim/run.ts"), ...args, "--profile", profile], {
    stdout: "pipe",
    stderr: "ignore",
    timeout: range.timeoutMs,
    cwd: folder,
  });
  const text = await new Response(running.stdout).text();
  await running.exited;
  if (running.signalCode !== null) return { seeds: 1, by: "hang", text: "it does not come to an end" };
  if (running.exitCode !== 0) return { seeds: 1, by: "crash", text: "the simulation itself ends with an error" };
  const tally: Tally = JSON.parse(text);
  const [failure] = tally.failures;
  return failure === undefined ? null : { seeds: tally.seeds, by: failure.property, text: failure.text };
}
