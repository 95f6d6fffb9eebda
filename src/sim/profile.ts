// Named mixes of faults. A seed draws its faults from the mix of its profile; "all" takes a part of them at random, so
// that rare kinds meet each other often (swarm testing).

import type { Prng } from "../base/prng.ts";
import { happens } from "./draw.ts";

/** Every kind of fault. managers, workers: processes and hosts; the rest is what surrounds them. */
export const FAULT_KINDS = [
  "kill",
  "powerCrash",
  "pause",
  "restart",
  "wipe",
  "partition",
  "oneWay",
  "isolate",
  "silence",
  "slowLinks",
  "lossyLinks",
  "resetStreams",
  "slowDisk",
  "brokenDisk",
  "fullDisk",
  "bitRot",
  "drift",
  "jump",
  "coreCrash",
  "coreStall",
  "slowCores",
  "clientDeath",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];
export type Weights = Readonly<Record<FaultKind, number>>;

export const PROFILES = ["all", "net", "disk", "crash", "clock", "calm", "steer"] as const;
export type Profile = (typeof PROFILES)[number];

const NONE: Weights = {
  kill: 0,
  powerCrash: 0,
  pause: 0,
  restart: 0,
  wipe: 0,
  partition: 0,
  oneWay: 0,
  isolate: 0,
  silence: 0,
  slowLinks: 0,
  lossyLinks: 0,
  resetStreams: 0,
  slowDisk: 0,
  brokenDisk: 0,
  fullDisk: 0,
  bitRot: 0,
  drift: 0,
  jump: 0,
  coreCrash: 0,
  coreStall: 0,
  slowCores: 0,
  clientDeath: 0,
};
const ALL: Weights = {
  kill: 10,
  powerCrash: 8,
  pause: 6,
  restart: 3,
  wipe: 3,
  partition: 6,
  oneWay: 3,
  isolate: 6,
  silence: 1,
  slowLinks: 3,
  lossyLinks: 4,
  resetStreams: 4,
  slowDisk: 3,
  brokenDisk: 2,
  fullDisk: 2,
  bitRot: 4,
  drift: 2,
  jump: 2,
  coreCrash: 4,
  coreStall: 2,
  slowCores: 2,
  clientDeath: 2,
};
const WEIGHTS: Readonly<Record<Profile, Weights>> = {
  all: ALL,
  net: { ...NONE, partition: 6, oneWay: 4, isolate: 5, silence: 1, slowLinks: 4, lossyLinks: 5, resetStreams: 5 },
  disk: { ...NONE, slowDisk: 4, brokenDisk: 4, fullDisk: 4, bitRot: 3, powerCrash: 6, wipe: 2 },
  crash: { ...NONE, kill: 10, powerCrash: 8, pause: 6, restart: 4, coreCrash: 4, coreStall: 2, clientDeath: 2 },
  clock: { ...NONE, drift: 5, jump: 5, pause: 8, slowLinks: 3, kill: 2 },
  calm: NONE,
  // The jobs are paused, resumed and scaled meanwhile (workload.ts).
  steer: { ...NONE, kill: 10, powerCrash: 4, pause: 6, partition: 6, isolate: 6, coreCrash: 4, resetStreams: 4 },
};
/** Kinds a seed of "all" keeps, each with this probability. */
const KEPT = 0.7;
/** Fewest kinds of fault in a seed. */
const KINDS_MIN = 3;

/** The weights one seed draws its faults by. */
export function drawWeights(prng: Prng, profile: Profile): Weights {
  const weights = WEIGHTS[profile];
  if (profile !== "all") return weights;
  for (;;) {
    const kept = { ...weights };
    for (const kind of FAULT_KINDS) if (!happens(prng, KEPT)) kept[kind] = 0;
    if (FAULT_KINDS.filter((kind) => kept[kind] > 0).length >= KINDS_MIN) return kept;
  }
}
