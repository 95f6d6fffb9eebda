// Goal: the real ports and the simulated ones keep the same contract, so that what is proven on one holds on the other.
// Method: one list of behaviours a port, run on both worlds; in the simulated one its time runs, in the real one each
// wait has a deadline.

import { describe } from "bun:test";
import { clockSuite, randomSuite } from "./conformance/clock.ts";
import { datagramSuite } from "./conformance/datagrams.ts";
import { diskSuite } from "./conformance/disk.ts";
import { streamSuite } from "./conformance/streams.ts";
import { REAL, SIMULATED } from "./conformance/world-under-test.ts";

for (const world of [REAL, SIMULATED]) {
  describe(`the ${world.name} clock`, () => clockSuite(world));
  describe(`the ${world.name} randomness`, () => randomSuite(world));
  describe(`the ${world.name} disk`, () => diskSuite(world));
  describe(`the ${world.name} datagrams`, () => datagramSuite(world));
  describe(`the ${world.name} streams`, () => streamSuite(world));
}
