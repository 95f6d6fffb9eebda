// The table of planted bugs, mutants.md: what is written into it, and read back, so that a part of it can be made anew.
// Not a test itself.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MUTANTS as RAFT } from "../raft/mutants.ts";
import { MUTANTS as SWIM } from "../swim/mutants.ts";
import { MUTANTS } from "./mutants.ts";
import type { Caught, Mutant, Proof, Proven } from "./plant.ts";

export const TABLE = join(import.meta.dir, "mutants.md");

/** What the table says of one bug: whom the simulator or a test caught it by; what begins with "not" did not. */
export type Row = { readonly simulator: string; readonly test: string };

/** True for a cell that names what caught the bug. */
export function isCaught(cell: string): boolean {
  return !cell.startsWith("not ");
}

export function simulatorCell(caught: Caught, seeds: number): string {
  if (caught === null) return `not within ${seeds} seeds`;
  return `${caught.by}, ${caught.seeds} ${caught.seeds === 1 ? "seed" : "seeds"}`;
}

export function testCell(proof: Proof, proven: Proven): string {
  const said = `${proof.file}: ${proof.name.replaceAll("|", String.raw`\|`)}`;
  return proven === "caught" ? said : `not caught by ${said} (${proven})`;
}

/** What the table says of each of the bugs. One whose test is another by now, or that is new, was not run. */
export function readRows(): Map<string, Row> {
  const lines = readFileSync(TABLE, "utf8").split("\n");
  const told = new Map(
    lines.flatMap((line) => {
      const [, name, , , simulator, test] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      return name === undefined || simulator === undefined || test === undefined ? [] : [[name, { simulator, test }]];
    }),
  );
  return new Map(
    MUTANTS.map(({ name, proof }) => {
      const { simulator = "not run", test = "" } = told.get(name) ?? {};
      const isSame = proof !== null && test.includes(testCell(proof, "caught"));
      return [name, { simulator, test: isSame ? test : proof === null ? "not by a test" : "not run" }];
    }),
  );
}

/** Bugs that nothing caught. */
export function missedOf(rows: ReadonlyMap<string, Row>): readonly string[] {
  return [...rows].filter(([, { simulator, test }]) => !isCaught(simulator) && !isCaught(test)).map(([name]) => name);
}

/** The whole file. */
export function tableText(rows: ReadonlyMap<string, Row>): string {
  const all = [...rows.values()];
  const bySimulator = all.filter(({ simulator }) => isCaught(simulator)).length;
  const byTest = all.filter(({ test }) => isCaught(test)).length;
  return [
    "# Planted bugs",
    "",
    "Made by `bun run test/sim/tabulate.ts`. Each bug is one change of the shipped text in a copy of the sources",
    "(mutants.ts). The simulator catches it by a checker of src/sim/checkers, seeds counted from 1 on; a test of test/",
    "catches it when it fails with the bug and passes without.",
    "",
    `Caught: ${all.length - missedOf(rows).length} of ${all.length}. The simulator catches ${bySimulator}, tests catch ${byTest}.`,
    "",
    "| bug | file | faults | simulator | test |",
    "| --- | --- | --- | --- | --- |",
    ...MUTANTS.map((mutant) => lineOf(mutant, rows.get(mutant.name))),
    "",
    "## Caught by the tests of a core",
    "",
    "| bug | core | caught by |",
    "| --- | --- | --- |",
    ...coreLines(),
    "",
  ].join("\n");
}

function lineOf({ name, file, profile = "all" }: Mutant, row: Row | undefined): string {
  return `| ${name} | ${file} | ${profile} | ${row?.simulator ?? "not run"} | ${row?.test ?? "not run"} |`;
}

function coreLines(): string[] {
  const walText = readFileSync(join(import.meta.dir, "../wal/mutants.test.ts"), "utf8");
  const wal = [...walText.matchAll(/name: "([^"]+)",\n\s+caughtBy: "([^"]+)"/g)];
  return [
    ...RAFT.map(
      ({ name, caughtBy }) =>
        `| ${name} | raft | ${typeof caughtBy === "string" ? caughtBy : "random faults of the core"} |`,
    ),
    ...wal.map(([, name, by]) => `| ${name} | wal | ${by} |`),
    ...SWIM.map(({ name, caughtBy }) => `| ${name} | swim | ${caughtBy} |`),
  ];
}
