// The faults of a run: drawn from the seed before it, so that a run can be repeated with some of them left out, and
// then done to the cluster at their time and undone at their end. It stays within what the system promises: at most one
// manager loses what its disk held, and at the end everything is healed.

import type { Prng } from "../base/prng.ts";
import { between, happens, oneOf, weighted } from "./draw.ts";
import { drawWeights, FAULT_KINDS, type FaultKind, type Profile } from "./profile.ts";

/** `number`: from 0. `node` (and `other`): whom it hits. Times in ms of true time. `size`: 0 to 1, how bad it is. */
export type Fault = {
  readonly number: number;
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly lastsMs: number;
  readonly node: string;
  readonly other: string;
  /** One side of a partition. */
  readonly group: readonly string[];
  readonly size: number;
};

export type Nodes = {
  readonly managers: readonly string[];
  readonly workers: readonly string[];
  readonly clients: readonly string[];
};

/** What can be done to a cluster. What is down cannot be hit: then nothing happens, and it is false. */
export type Arena = {
  kill(node: string): boolean;
  powerCrash(node: string): boolean;
  /** Ends it in order. */
  stop(node: string): boolean;
  start(node: string): void;
  pause(node: string): boolean;
  resume(node: string): void;
  /** The disk of a manager that is down is lost for good; another one takes its seat. */
  replace(node: string): boolean;
  cut(from: readonly string[], to: readonly string[]): void;
  /** All cuts but those of `silence`. */
  healCuts(): void;
  /** The other does not hear the node, whatever cuts are healed meanwhile. */
  silence(node: string, other: string): boolean;
  unsilence(node: string, other: string): void;
  links(changes: {
    readonly latencyMs?: number;
    readonly loss?: number;
    readonly duplicates?: number;
    readonly reorder?: number;
  }): void;
  resetStreams(node: string, other: string): void;
  disk(node: string, fault: "slow" | "broken" | "full" | "none", size: number): boolean;
  /** Flips a bit in the log of a manager that is down. */
  rot(node: string, size: number): boolean;
  drift(node: string, ppm: number): void;
  jump(node: string, ms: number): void;
  core(node: string, fault: "crash" | "stall", size: number): boolean;
  slowCores(node: string, factor: number): void;
};

export type NemesisOptions = {
  readonly profile: Profile;
  readonly nodes: Nodes;
  /** Fewest faults, and when they come, in ms of true time. */
  readonly faultsMin: number;
  readonly fromMs: number;
  readonly untilMs: number;
};

/** Kinds of which one run has at most one, all of them together: they take a copy away. */
const LOSSES: readonly FaultKind[] = ["wipe", "bitRot"];

/**
 * A worker is not heard by a manager for longer than an owner waits (node/lease.ts, freeAtMs), while others vouch for
 * it: its work moves, and then what it had said arrives.
 */
const SILENCE_MS_MIN = 11_500;
const SILENCE_MS_MAX = 15_000;

/** All faults of a run, in order of time. A silence alone may outlast `untilMs`. */
export function drawFaults(prng: Prng, options: NemesisOptions): readonly Fault[] {
  const { profile, fromMs, untilMs, faultsMin } = options;
  if (profile === "calm") return [];
  let weights = drawWeights(prng, profile);
  const count = faultsMin + Math.floor(between(prng, 0, 6));
  const faults: Fault[] = [];
  const kinds = FAULT_KINDS.filter((kind) => weights[kind] > 0);
  for (let number = 0; number < count; number++) {
    // The first three are of different kinds.
    const left =
      number < 3 ? kinds.filter((kind) => weights[kind] > 0 && !faults.some((one) => one.kind === kind)) : kinds;
    const kind = weighted(prng, weights, left.length > 0 && left.some((one) => weights[one] > 0) ? left : kinds);
    if (LOSSES.includes(kind)) weights = { ...weights, wipe: 0, bitRot: 0 };
    if (kinds.every((one) => weights[one] === 0)) weights = { ...weights, kill: 1 };
    const atMs = between(prng, fromMs, untilMs);
    faults.push(drawFault(prng, options, { number, kind, atMs }));
  }
  return faults.sort((left, right) => left.atMs - right.atMs);
}

function drawFault(
  prng: Prng,
  { nodes: { managers, workers, clients }, untilMs }: NemesisOptions,
  base: Pick<Fault, "number" | "kind" | "atMs">,
): Fault {
  const servers = [...managers, ...workers];
  const { kind, atMs } = base;
  const isLong = happens(prng, 0.3);
  const lastsMs = Math.min(isLong ? between(prng, 3_000, 12_000) : between(prng, 150, 3_000), untilMs + 1_000 - atMs);
  const of = (names: readonly string[]): string => oneOf(prng, names);
  const size = between(prng, 0, 1);
  const hit = { ...base, lastsMs, size, other: of(servers), group: [] };
  switch (kind) {
    case "wipe":
    case "bitRot":
    case "slowDisk":
    case "brokenDisk":
    case "fullDisk":
      return { ...hit, node: of(managers) };
    case "coreCrash":
    case "coreStall":
    case "slowCores":
      return { ...hit, node: of(workers) };
    case "clientDeath":
      return { ...hit, node: of(clients) };
    case "silence":
      return {
        ...hit,
        node: of(workers),
        other: of(managers),
        lastsMs: between(prng, SILENCE_MS_MIN, SILENCE_MS_MAX),
      };
    case "partition": {
      const everybody = [...servers, ...clients];
      return { ...hit, node: of(managers), group: everybody.filter(() => happens(prng, 0.5)) };
    }
    default:
      return { ...hit, node: happens(prng, 0.65) ? of(managers) : of(workers) };
  }
}

/** Does the fault. Out: whether it hit anything. */
export function inflict(arena: Arena, fault: Fault, everybody: readonly string[]): boolean {
  const { node, other, size } = fault;
  switch (fault.kind) {
    case "kill":
    case "clientDeath":
      return arena.kill(node);
    case "powerCrash":
      return arena.powerCrash(node);
    case "restart":
      return arena.stop(node);
    case "pause":
      return arena.pause(node);
    case "wipe":
      return arena.kill(node) && arena.replace(node);
    case "bitRot":
      return arena.kill(node) && arena.rot(node, size);
    case "partition": {
      const rest = everybody.filter((name) => !fault.group.includes(name));
      arena.cut(fault.group, rest);
      arena.cut(rest, fault.group);
      return fault.group.length > 0 && rest.length > 0;
    }
    case "oneWay":
      arena.cut([node], [other]);
      return node !== other;
    case "isolate": {
      const rest = everybody.filter((name) => name !== node);
      if (size < 0.8) arena.cut([node], rest);
      if (size > 0.2) arena.cut(rest, [node]);
      return true;
    }
    case "silence":
      return arena.silence(node, other);
    case "slowLinks":
      arena.links({ latencyMs: 5 + size * 145 });
      return true;
    case "lossyLinks":
      arena.links({ loss: size * 0.3, duplicates: size * 0.3, reorder: size * 0.3 });
      return true;
    case "resetStreams":
      arena.resetStreams(node, other);
      return node !== other;
    case "slowDisk":
      return arena.disk(node, "slow", size);
    case "brokenDisk":
      return arena.disk(node, "broken", size);
    case "fullDisk":
      return arena.disk(node, "full", size);
    case "drift":
      arena.drift(node, (size - 0.5) * 1_000);
      return true;
    case "jump":
      arena.jump(node, (size - 0.5) * 7_200_000);
      return true;
    case "coreCrash":
      return arena.core(node, "crash", size);
    case "coreStall":
      return arena.core(node, "stall", size);
    case "slowCores":
      arena.slowCores(node, 1 + 9 * size);
      return true;
  }
}

/** Undoes what the fault did, as far as it is still there. */
export function undo(arena: Arena, { kind, node, other }: Fault): void {
  switch (kind) {
    case "kill":
    case "clientDeath":
    case "powerCrash":
    case "restart":
    case "wipe":
    case "bitRot":
      return arena.start(node);
    case "pause":
      return arena.resume(node);
    case "partition":
    case "oneWay":
    case "isolate":
      return arena.healCuts();
    case "silence":
      return arena.unsilence(node, other);
    case "slowLinks":
    case "lossyLinks":
      return arena.links({});
    case "slowDisk":
    case "fullDisk":
      arena.disk(node, "none", 0);
      return;
    case "brokenDisk":
      arena.disk(node, "none", 0);
      return arena.start(node);
    case "slowCores":
      return arena.slowCores(node, 1);
    case "resetStreams":
    case "drift":
    case "jump":
    case "coreCrash":
    case "coreStall":
      return;
  }
}
