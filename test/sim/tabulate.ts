// bun run test/sim/tabulate.ts [part of a name]: plants every bug of mutants.ts, one at a time, lets the simulator look
// for it and runs the test that is to fail with it, and writes the table test/sim/mutants.md. What is not run keeps
// what the table said of it. Fails when a bug cannot be planted any more, and when nothing catches one.
//
//   --only unit|sim   the tests alone (minutes), or the simulator alone     --jobs J   at a time (default 2)
//   --seeds N         seeds to try for each (default 60)                    --missing  only what is not caught yet

import { writeFileSync } from "node:fs";
import { isCaught, missedOf, readRows, type Row, simulatorCell, TABLE, tableText, testCell } from "./mutant-table.ts";
import { MUTANTS } from "./mutants.ts";
import { type Mutant, occurrences, prove, search } from "./plant.ts";

/** Longest that one seed may take; it takes seconds. */
const SEED_MS = 120_000;

const argv = process.argv.slice(2);
const valueOf = (name: string): string | null => (argv.includes(name) ? (argv[argv.indexOf(name) + 1] ?? "") : null);
const seeds = Number(valueOf("--seeds") ?? 60);
const only = valueOf("--only");
const doesSkipCaught = argv.includes("--missing");
const part = argv.find((word, at) => !word.startsWith("--") && !/^--(seeds|jobs|only)$/.test(argv[at - 1] ?? "")) ?? "";

const gone = MUTANTS.filter((mutant) => occurrences(mutant) !== 1);
for (const { name, file } of gone) console.error(`"${name}" must be planted anew: its text is not once in ${file}`);
if (gone.length > 0) process.exit(1);

const rows = readRows();
const queue = MUTANTS.filter(({ name }) => name.includes(part));
await Promise.all(Array.from({ length: Number(valueOf("--jobs") ?? 2) }, work));
for (const name of missedOf(rows)) console.error(`nothing catches "${name}"`);
process.exitCode = missedOf(rows).length === 0 ? 0 : 1;

async function work(): Promise<void> {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const before = rows.get(mutant.name) ?? { simulator: "not run", test: "not run" };
    const row = await tried(mutant, before);
    rows.set(mutant.name, row);
    writeFileSync(TABLE, tableText(rows));
    if (row !== before) console.log(`${mutant.name}: ${row.simulator}; ${row.test}`);
  }
}

async function tried(mutant: Mutant, before: Row): Promise<Row> {
  const isDue = (kind: string, cell: string): boolean =>
    (only === null || only === kind) && !(doesSkipCaught && isCaught(cell));
  let row = before;
  if (mutant.proof !== null && isDue("unit", row.test))
    row = { ...row, test: testCell(mutant.proof, await prove(mutant)) };
  if (isDue("sim", row.simulator)) {
    const caught = await search(mutant, { from: 1, seeds, timeoutMs: SEED_MS });
    row = { ...row, simulator: simulatorCell(caught, seeds) };
  }
  return row;
}
