// Goal: the planted bugs can be planted, and each is caught. Method: the text of each is looked for in the shipped file,
// its row in the table; a sample of them is planted anew, and the test that is named must fail with the bug and pass
// without. The whole table is tabulate.ts's.

import { describe, expect, test } from "bun:test";
import { missedOf, readRows, TABLE, tableText } from "./mutant-table.ts";
import { MUTANTS } from "./mutants.ts";
import { occurrences, prove } from "./plant.ts";

/** Those whose tests are quick, of every part of the system. */
const SAMPLE = [
  "a share goes on from its first seal",
  "an older cut replaces a newer one",
  "an attempt is sealed before its last cut is here",
  "the unreported bound is lost with its owner",
  "a worker goes on without a lease",
  "a node votes twice in a term",
] as const;

describe("planted bugs", () => {
  test("each can be planted: its text occurs once", () => {
    expect(MUTANTS.filter((mutant) => occurrences(mutant) !== 1).map(({ name }) => name)).toEqual([]);
  });

  test("each has a name of its own", () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });

  test("the table says what caught each", async () => {
    expect(missedOf(readRows())).toEqual([]);
    expect(await Bun.file(TABLE).text()).toBe(tableText(readRows()));
  });

  for (const name of SAMPLE)
    test(`${name}: its test fails with it and passes without`, async () => {
      const mutant = MUTANTS.find((one) => one.name === name);
      if (mutant === undefined) throw new Error(`there is no bug "${name}"`);
      expect(await prove(mutant)).toBe("caught");
    }, 60_000);

  test("a test that has nothing to do with the bug does not catch it", async () => {
    const [mutant] = MUTANTS;
    if (mutant === undefined) throw new Error("there are no bugs");
    const proof = { file: "base/units.test.ts", name: "no such test" };
    expect(await prove({ ...mutant, proof })).toBe("no such test");
  }, 60_000);
});
