// Goal: the promises of membership hold for the shipped core. Method: each claim runs a pool, or one core with all its
// peers played, in virtual time under seeded loss, delay, cuts, stalls, kills and restarts.

import { test } from "bun:test";
import * as shipped from "../../src/swim/swim.ts";
import { CLAIMS } from "./claims.ts";

for (const [name, claim] of Object.entries(CLAIMS)) test(name, () => claim(shipped));
