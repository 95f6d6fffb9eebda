// Goal: a plan of faults is the same for the same seed, holds every kind of its profile, and leaves the first seconds in
// peace. Method: many seeds.

import { expect, test } from "bun:test";
import { PEACE_MS, planFaults, type ProfileName, PROFILES } from "../../../src/chaos/random/fault-plan.ts";

const NAMES: readonly ProfileName[] = ["mixed", "network", "process", "disk"];
const SEEDS = Array.from({ length: 50 }, (_, seed) => seed);

test("the same seed is the same plan, another seed another one", () => {
  expect(planFaults("mixed", 7, 60_000)).toEqual(planFaults("mixed", 7, 60_000));
  expect(planFaults("mixed", 7, 60_000)).not.toEqual(planFaults("mixed", 8, 60_000));
});

test("every kind of the profile comes, and no other, however short the run", () => {
  for (const profile of NAMES)
    for (const forMs of [10_000, 60_000, 600_000])
      for (const seed of SEEDS) {
        const kinds = new Set(planFaults(profile, seed, forMs).map(({ kind }) => kind));
        expect([...kinds].toSorted()).toEqual([...PROFILES[profile]].toSorted());
      }
});

test("faults come in order, after some seconds of peace, and fill the time", () => {
  for (const seed of SEEDS) {
    const times = planFaults("mixed", seed, 120_000).map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((left, right) => left - right));
    expect(times[0]).toBe(PEACE_MS);
    expect(times.at(-1)).toBeGreaterThan(100_000);
    expect(times.at(-1)).toBeLessThan(120_000);
  }
});

test("only workers lose cores, only managers have their disks and their peers taken", () => {
  for (const seed of SEEDS)
    for (const { kind, role } of planFaults("mixed", seed, 120_000)) {
      if (kind === "crashCore" || kind === "slowCores") expect(role).toBe("worker");
      if (kind.startsWith("disk") || kind === "partition" || kind === "oneWay") expect(role).not.toBe("worker");
    }
});
