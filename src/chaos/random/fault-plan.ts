// What a random run does to a cluster, and when: drawn from a seed before it begins. Pure. Who is hit is decided when
// it happens, by role: nobody knows beforehand who leads then.

import { createPrng, nextBelow, nextFloat, type Prng } from "../../base/prng.ts";

/**
 * kill: SIGKILL, started again later. blackout: all of them at once. pause: SIGSTOP. partition: a manager from the
 * other managers. oneWay: a manager is not heard by another. isolate: from everybody. diskBroken: the manager stops by
 * itself and is started again.
 */
export const RANDOM_FAULT_KINDS = [
  "kill",
  "blackout",
  "pause",
  "partition",
  "oneWay",
  "isolate",
  "delay",
  "loss",
  "diskSlow",
  "diskFull",
  "diskBroken",
  "crashCore",
  "slowCores",
] as const;
export type RandomFaultKind = (typeof RANDOM_FAULT_KINDS)[number];

export const PROFILES = {
  mixed: RANDOM_FAULT_KINDS,
  network: ["partition", "oneWay", "isolate", "delay", "loss"],
  process: ["kill", "blackout", "pause", "crashCore", "slowCores"],
  disk: ["diskSlow", "diskFull", "diskBroken"],
} as const satisfies Readonly<Record<string, readonly RandomFaultKind[]>>;
export type ProfileName = keyof typeof PROFILES;

export type FaultRole = "leader" | "follower" | "worker";

/** pick: 0..1, which of several. size: 0..1, how much of it. */
export type PlannedFault = {
  readonly kind: RandomFaultKind;
  readonly role: FaultRole;
  readonly atMs: number;
  readonly lastsMs: number;
  readonly pick: number;
  readonly size: number;
};

/** Nothing is hurt before this: the cluster shows first what it does in peace. */
export const PEACE_MS = 5_000;
const GAP_MS = [2_500, 5_000] as const;
const LASTS_MS = [1_500, 6_000] as const;
/** A part of the faults that comes while the one before is still there. */
const OVERLAP = 0.25;

/** Every kind of the profile at least once, in the first round; then again in another order, until the time is over. */
export function planFaults(profile: ProfileName, seed: number, forMs: number): readonly PlannedFault[] {
  const prng = createPrng(seed, "chaos random");
  const kinds: readonly RandomFaultKind[] = PROFILES[profile];
  const faults: PlannedFault[] = [];
  // A short run hurts faster, so that every kind still comes.
  const neededMs = kinds.length * ((GAP_MS[0] + GAP_MS[1]) / 2 + (LASTS_MS[0] + LASTS_MS[1]) / 2);
  const pace = Math.min(1, Math.max(0.1, (forMs - PEACE_MS) / neededMs));
  let atMs = PEACE_MS;
  for (let round = 0; atMs < forMs || round === 0; round++) {
    for (const kind of shuffled(prng, kinds)) {
      const lastsMs = between(prng, LASTS_MS) * pace;
      if (round === 0 || atMs < forMs)
        faults.push({ kind, role: roleOf(prng, kind), atMs, lastsMs, pick: nextFloat(prng), size: nextFloat(prng) });
      atMs += between(prng, GAP_MS) * pace + (nextFloat(prng) < OVERLAP ? 0 : lastsMs);
    }
  }
  return faults;
}

function roleOf(prng: Prng, kind: RandomFaultKind): FaultRole {
  const roles: readonly FaultRole[] =
    kind === "crashCore" || kind === "slowCores"
      ? ["worker"]
      : kind === "kill" || kind === "pause" || kind === "isolate" || kind === "delay" || kind === "loss"
        ? ["leader", "follower", "worker"]
        : ["leader", "follower"];
  return roles[nextBelow(prng, roles.length)] ?? "leader";
}

function shuffled<Value>(prng: Prng, values: readonly Value[]): readonly Value[] {
  const left = [...values];
  const order: Value[] = [];
  while (left.length > 0) order.push(...left.splice(nextBelow(prng, left.length), 1));
  return order;
}

function between(prng: Prng, [least, most]: readonly [number, number]): number {
  return least + nextFloat(prng) * (most - least);
}
