// How the workflows of a job divide cores: a table, and what holds for any takers.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { divide } from "../../src/ledger/division.ts";

const auto = (most: number, vus = 10) => ({ most, vus, isAuto: true });
const own = (most: number, vus: number) => ({ most, vus, isAuto: false });

test.each([
  ["[MW-4.1.2] even without priorities", 8, [auto(8), auto(8, 999)], [4, 4]],
  ["an odd core to the one with more VUs", 5, [auto(8), auto(8, 20)], [2, 3]],
  ["[MW-4.3.1] by VUs with priorities", 8, [own(8, 30), own(8, 10)], [6, 2]],
  ["[MW-4.3.3] the rest to those without", 8, [own(8, 20), auto(8, 20), auto(8, 40)], [2, 3, 3]],
  ["[MW-4.3.2] one at least, while there are any", 4, [own(8, 1_000), own(8, 1), auto(8, 1)], [2, 1, 1]],
  ["[MW-4.2.1] with priority before without when there are too few", 1, [auto(8, 50), own(8, 1)], [0, 1]],
  ["[MW-4.2.3] more VUs first when there are too few", 1, [own(8, 1), own(8, 2)], [0, 1]],
  ["no more than each can use, the rest to the others", 8, [own(2, 30), own(8, 10)], [2, 6]],
  ["no core left over that anybody can use", 10, [own(2, 90), auto(3, 5), auto(1, 5)], [2, 3, 1]],
  ["nothing", 0, [auto(8)], [0]],
  ["no VUs at all", 4, [own(8, 0), own(8, 0)], [2, 2]],
])("%s", (_name, cores, takers, parts) => {
  expect(divide(cores, takers)).toEqual(parts);
});

test("every core is used that can be, nobody gets more than it can use, everybody gets one first", () => {
  const taker = fc.record({ most: fc.integer({ min: 1, max: 9 }), vus: fc.nat(100), isAuto: fc.boolean() });
  fc.assert(
    fc.property(fc.nat(40), fc.array(taker, { minLength: 1, maxLength: 6 }), (cores, takers) => {
      const parts = divide(cores, takers);
      const most = takers.reduce((sum, one) => sum + one.most, 0);
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(Math.min(cores, most));
      for (const [at, part] of parts.entries()) expect(part).toBeLessThanOrEqual(takers[at]?.most ?? 0);
      if (cores >= takers.length) expect(Math.min(...parts)).toBeGreaterThan(0);
    }),
    { seed: 2 },
  );
});
