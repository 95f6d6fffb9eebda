// Goal: what a change of the owner disturbed is a stretch of job time. Method: a table.

import { expect, test } from "bun:test";
import { changeOfOwner } from "../../../src/node/owner/adoption.ts";

for (const [what, newestMs, elapsedMs, stretch] of [
  ["reaches from the newest cut to now", 3_000, 3_400, [3_000, 3_400]],
  ["begins with the job where no cut is held", 0, 400, [0, 400]],
  ["never ends before it begins, when ledger time stood still meanwhile", 7_038, 6_096, [7_038, 7_038]],
] as const)
  test(`it ${what}`, () => {
    const { from, to } = changeOfOwner(newestMs, elapsedMs);
    expect([from, to]).toEqual([...stretch]);
  });
