// Planted bugs for the whole system: each is one change of the shipped text, made in a copy of the sources, so that the
// shipped code carries no switch for it. Simulation and tests that catch none of them would prove nothing.

import { CONSENSUS } from "./mutants-consensus.ts";
import { COUNTING } from "./mutants-counting.ts";
import { OWNING } from "./mutants-owning.ts";
import type { Mutant } from "./plant.ts";

export const MUTANTS: readonly Mutant[] = [...COUNTING, ...OWNING, ...CONSENSUS];
