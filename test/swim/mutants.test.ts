// Goal: the claims can see. Method: each planted bug is loaded from a changed copy of the core, and the claim it is
// planted against must fail; that claims.test.ts passes shows that the shipped core fails none.

import { expect, test } from "bun:test";
import { CLAIMS } from "./claims.ts";
import { loadMutant, MUTANTS } from "./mutants.ts";

for (const mutant of MUTANTS) {
  test(`planted: ${mutant.name} (${mutant.file}) is caught`, async () => {
    const { core, close } = await loadMutant(mutant);
    try {
      expect(() => CLAIMS[mutant.caughtBy](core)).toThrow();
    } finally {
      close();
    }
  });
}

test("a bug that cannot be planted any more is reported by name", async () => {
  const [mutant] = MUTANTS;
  if (mutant === undefined) throw new Error("there are no mutants");
  await expect(loadMutant({ ...mutant, name: "gone", find: "no such text" })).rejects.toThrow(
    '"gone" must be planted anew',
  );
});
