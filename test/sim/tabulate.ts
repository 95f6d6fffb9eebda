// bun run test/sim/tabulate.ts [part of a name]: plants every bug of mutants.ts, one at a time, lets the simulator look
// for it, and writes the table test/sim/mutants.md. Bugs that the tests of a core catch are listed after them.
//
//   --seeds N   seeds to try for each (default 60)     --jobs J   at a time (default 2)

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MUTANTS as RAFT } from "../raft/mutants.ts";
import { MUTANTS as SWIM } from "../swim/mutants.ts";
import { type Mutant, MUTANTS } from "./mutants.ts";
import { type Caught, search } from "./plant.ts";

const argv = process.argv.slice(2);
const numberOf = (name: string, otherwise: number): number =>
  argv.includes(name) ? Number(argv[argv.indexOf(name) + 1]) : otherwise;
const seeds = numberOf("--seeds", 60);
const jobs = numberOf("--jobs", 2);
const part = argv.find((word, at) => !word.startsWith("--") && argv[at - 1]?.startsWith("--") !== true) ?? "";
const path = join(import.meta.dir, "mutants.md");
const TIMEOUT_MS = 240_000;

const found = new Map<string, Caught | "gone">();
const queue = MUTANTS.filter(({ name }) => name.includes(part));
await Promise.all(Array.from({ length: jobs }, work));

async function work(): Promise<void> {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const caught = await tried(mutant);
    found.set(mutant.name, caught);
    console.log(`${mutant.name}: ${said(caught)}`);
    if (part === "") writeFileSync(path, table());
  }
}

async function tried(mutant: Mutant): Promise<Caught | "gone"> {
  try {
    return await search(mutant, { from: 1, seeds, timeoutMs: TIMEOUT_MS });
  } catch (thrown) {
    console.error(String(thrown));
    return "gone";
  }
}

function said(caught: Caught | "gone" | undefined): string {
  if (caught === undefined) return "not run";
  if (caught === "gone") return "not planted";
  if (caught === null) return `not within ${seeds} seeds`;
  return `${caught.by}, ${caught.seeds} ${caught.seeds === 1 ? "seed" : "seeds"}`;
}

function table(): string {
  const rows = MUTANTS.map(({ name, file, profile = "all" }) => {
    const caught = found.get(name);
    return `| ${name} | ${file} | ${profile} | ${said(caught)} |`;
  });
  const isFound = (name: string): boolean => {
    const caught = found.get(name);
    return caught !== null && caught !== undefined && caught !== "gone";
  };
  const count = MUTANTS.filter(({ name }) => isFound(name)).length;
  const walText = readFileSync(join(import.meta.dir, "../wal/mutants.test.ts"), "utf8");
  const wal = [...walText.matchAll(/name: "([^"]+)",\n\s+caughtBy: "([^"]+)"/g)].map(([, name, by]) => ({ name, by }));
  return [
    "# Planted bugs",
    "",
    "Made by `bun run test/sim/tabulate.ts`. Each bug is one change of the shipped text in a copy of the sources",
    "(mutants.ts). What caught it is a checker of src/sim/checkers; seeds are counted from 1.",
    "",
    `The simulator alone catches ${count} of ${MUTANTS.length}.`,
    "",
    "| bug | file | faults | caught by |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
    "## Caught by the tests of a core",
    "",
    "| bug | core | caught by |",
    "| --- | --- | --- |",
    ...RAFT.map(
      ({ name, caughtBy }) =>
        `| ${name} | raft | ${typeof caughtBy === "string" ? caughtBy : "random faults of the core"} |`,
    ),
    ...wal.map(({ name, by }) => `| ${name} | wal | ${by} |`),
    ...SWIM.map(({ name, caughtBy }) => `| ${name} | swim | ${caughtBy} |`),
    "",
  ].join("\n");
}
