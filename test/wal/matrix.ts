// The WAL matrix: every way to lose what was acknowledged that a small log can show, as a list of checks.
// matrix.test.ts runs them on the shipped code, mutants.test.ts on copies with planted bugs. Not a test itself.

import { crashEverywhere, manyFrames } from "./matrix-crashes.ts";
import { everyBit, everySector, everySubset, lostFiles } from "./matrix-damage.ts";
import { everyCall, failedSyncThenRestart } from "./matrix-faults.ts";
import type { Check } from "./under-test.ts";

export const MATRIX: readonly Check[] = [
  { name: "every subset of the sectors of a frame being written, twice", run: everySubset },
  { name: "every zeroed, copied or swapped sector and every cut of a sealed log", run: everySector },
  { name: "lost, zeroed and exchanged segments", run: lostFiles },
  { name: "a failed sync, a restart, a power cut", run: failedSyncThenRestart },
  { name: "a power cut within a flush of several frames", run: manyFrames },
  { name: "call k fails with EIO", run: (code) => everyCall(code, { fault: "io", times: 1 }) },
  { name: "call k and the 20 after it fail with ENOSPC", run: (code) => everyCall(code, { fault: "full", times: 21 }) },
  { name: "call k fails with ENOSPC once", run: (code) => everyCall(code, { fault: "full", times: 1 }) },
  { name: "write k takes half", run: (code) => everyCall(code, { fault: "short", times: 1 }) },
  {
    name: "a power cut at every sync, with rolls and compaction",
    run: (code) => crashEverywhere(code, { turns: 60, seed: 3, statesMax: 64 }),
  },
  {
    name: "a power cut at every sync of larger frames",
    run: (code) => crashEverywhere(code, { turns: 25, seed: 4, statesMax: 128, bytesMax: 1_270 }),
  },
  {
    name: "a power cut at every sync of a short log, exhaustive",
    run: (code) => crashEverywhere(code, { turns: 6, seed: 8, statesMax: 1_024 }),
  },
  { name: "every flipped bit", run: everyBit },
];
