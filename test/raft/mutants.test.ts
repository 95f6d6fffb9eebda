// Goal: the checkers can see. Method: each planted bug is loaded from a changed copy of the core and must be caught, by
// random faults within a bounded number of seeds or by a passage; the shipped core is caught by neither.

import { expect, test } from "bun:test";
import * as shipped from "../../src/raft/raft.ts";
import type { Core } from "./cluster.ts";
import { loadMutant, MUTANTS } from "./mutants.ts";
import { PASSAGES } from "./passages.ts";
import { swarm } from "./swarm.ts";

/** Seeds tried from the one that caught it when it was planted: a change of the core moves what each seed does. */
const SEEDS_MAX = 150;

/** Number of seeds until a run fails; null: none did. */
function seedsToCatch(core: Core, from: number, count: number): number | null {
  for (let tried = 0; tried < count; tried++) {
    try {
      swarm({ seed: from + tried, core });
    } catch {
      return tried + 1;
    }
  }
  return null;
}

for (const mutant of MUTANTS) {
  test(`planted: ${mutant.name} (${mutant.file}) is caught`, async () => {
    const { core, close } = await loadMutant(mutant);
    try {
      if (typeof mutant.caughtBy === "string") expect(PASSAGES[mutant.caughtBy](core)).toBe(false);
      else expect(seedsToCatch(core, mutant.caughtBy, SEEDS_MAX)).not.toBeNull();
    } finally {
      close();
    }
  }, 60_000);
}

test("the shipped core keeps to every passage", () => {
  for (const [name, holds] of Object.entries(PASSAGES)) expect(`${name}: ${holds(shipped)}`).toBe(`${name}: true`);
});

test("a bug that cannot be planted any more is reported by name", async () => {
  const gone = { name: "gone", file: "elect.ts", find: "no such text", replace: "", caughtBy: 1 } as const;
  await expect(loadMutant(gone)).rejects.toThrow("must be planted anew");
});
