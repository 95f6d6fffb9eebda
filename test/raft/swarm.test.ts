// Goal: no interleaving of lost, repeated, late and reordered messages, cuts, crashes, pauses, wiped and damaged disks,
// handed-over leaderships and changes of membership breaks a promise. Method: seeds through swarm.ts with every
// checker after every step; a batch in which something interesting never happened proves nothing and fails.

import { expect, test } from "bun:test";
import { note, type Watch } from "./checkers.ts";
import { swarm } from "./swarm.ts";

/** Seeds that once failed, kept for ever. */
const FAILED = [6_672];

const SOMETIMES = [
  "candidate",
  "conflict",
  "truncated",
  "snapshot taken",
  "snapshot installed",
  "read",
  "handed over",
  "membership",
  "learner asked",
  "joined",
  "disk damaged",
  "disk trap",
  "recovered",
  "disk wiped",
  "seat replaced",
  "formed",
  "duplicate proposal",
  "expired proposal",
];

function batch(seeds: readonly number[]): Watch["seen"] {
  const seen: Watch["seen"] = new Map();
  for (const seed of seeds) {
    try {
      for (const [what, count] of swarm({ seed }).seen) note({ seen }, what, count);
    } catch (thrown) {
      throw new Error(`swarm({ seed: ${seed} }): ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
        cause: thrown,
      });
    }
  }
  return seen;
}

test("300 seeds of random faults keep every promise, and everything interesting happens among them", () => {
  const seen = batch([...FAILED, ...Array.from({ length: 300 }, (_, at) => 100 + at)]);
  for (const what of SOMETIMES)
    expect(`${what}: ${(seen.get(what) ?? 0) > 0 ? "happened" : "never"}`).toBe(`${what}: happened`);
  // Honest peers are never suspected.
  expect([...seen.keys()].filter((what) => what.startsWith("suspicious"))).toEqual([]);
}, 120_000);

test("the same seed gives the same run", () => {
  for (const seed of [7, 8]) expect([...swarm({ seed }).seen]).toEqual([...swarm({ seed }).seen]);
});
