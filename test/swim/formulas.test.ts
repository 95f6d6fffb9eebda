// Goal: every formula of detection and dissemination gives the published numbers. Method: tables computed by hand from
// memberlist's definitions (suspicion.go, util.go), with the lan preset's timers.

import { describe, expect, test } from "bun:test";
import { assertConfig, lan, local, type SwimConfig, wan } from "../../src/swim/config.ts";
import {
  confirm,
  confirmationsWanted,
  deathAt,
  nackMs,
  openSuspicion,
  retransmitLimit,
  suspicionDueAt,
  suspicionMinMs,
  suspicionMs,
  syncScale,
} from "../../src/swim/suspicion.ts";

const pool = { label: "lab", seeds: [] };
const config = lan(pool);

describe("suspicion", () => {
  const shortest: readonly (readonly [members: number, ms: number])[] = [
    [1, 2_000],
    [3, 2_000],
    [10, 2_000],
    [100, 4_000],
    [1_000, 6_000],
    [4_096, 7_224],
  ];
  for (const [members, ms] of shortest) {
    test(`the shortest at ${members} members is ${ms} ms`, () => expect(suspicionMinMs(config, members)).toBe(ms));
  }

  const confirmations: readonly (readonly [members: number, wanted: number])[] = [
    [2, 0],
    [3, 0],
    [4, 2],
    [1_000, 2],
  ];
  for (const [members, wanted] of confirmations) {
    test(`${members} members want ${wanted} confirmations`, () => {
      expect(confirmationsWanted(config, members)).toBe(wanted);
    });
  }

  // max - (max - min) ln(n + 1) / ln(k + 1)
  const lengths: readonly (readonly [n: number, k: number, min: number, max: number, ms: number])[] = [
    [0, 0, 2_000, 12_000, 2_000],
    [0, 2, 2_000, 12_000, 12_000],
    [1, 2, 2_000, 12_000, 5_690],
    [2, 2, 2_000, 12_000, 2_000],
    [9, 2, 2_000, 12_000, 2_000],
    [0, 3, 2_000, 30_000, 30_000],
    [1, 3, 2_000, 30_000, 16_000],
    [2, 3, 2_000, 30_000, 7_810],
    [3, 3, 2_000, 30_000, 2_000],
    [0, 4, 30_000, 180_000, 180_000],
    [4, 4, 30_000, 180_000, 30_000],
  ];
  for (const [n, k, min, max, ms] of lengths) {
    test(`${n} of ${k} confirmations between ${min} and ${max} ms take ${ms} ms`, () => {
      expect(suspicionMs(n, k, min, max)).toBe(ms);
    });
  }

  test("[LD-41.17.2] confirmations shorten it and never start it anew, however many come", () => {
    const suspicion = openSuspicion(config, 10, "a", 1_000);
    expect(deathAt(suspicion, config.lastCallMs)).toBe(13_000);
    expect(confirm(suspicion, "a")).toBe(false);
    expect(confirm(suspicion, "b")).toBe(true);
    expect(deathAt(suspicion, config.lastCallMs)).toBe(6_690);
    expect(confirm(suspicion, "c")).toBe(true);
    for (let again = 0; again < 1_000; again++) expect(confirm(suspicion, `d${again}`)).toBe(false);
    expect(deathAt(suspicion, config.lastCallMs)).toBe(3_000);
    expect(suspicion.accusers).toEqual(["a", "b", "c"]);
  });

  test("the last call comes before the end, and a late one holds the verdict back by its length", () => {
    const suspicion = openSuspicion(config, 3, "a", 1_000);
    expect(suspicionDueAt(suspicion, 500)).toBe(2_500);
    suspicion.calledAt = 2_500;
    expect(suspicionDueAt(suspicion, 500)).toBe(3_000);
    suspicion.calledAt = 2_900;
    expect(suspicionDueAt(suspicion, 500)).toBe(3_400);
  });
});

describe("dissemination", () => {
  const limits: readonly (readonly [members: number, times: number])[] = [
    [1, 8],
    [9, 8],
    [10, 8],
    [99, 8],
    [100, 12],
    [1_000, 16],
    [4_096, 16],
  ];
  for (const [members, times] of limits) {
    test(`a rumour among ${members} is told ${times} times`, () => expect(retransmitLimit(4, members)).toBe(times));
  }

  const scales: readonly (readonly [members: number, scale: number])[] = [
    [1, 1],
    [32, 1],
    [33, 2],
    [64, 2],
    [65, 3],
    [128, 3],
    [1_000, 6],
    [4_096, 8],
  ];
  for (const [members, scale] of scales) {
    test(`anti-entropy among ${members} is ${scale} times as rare`, () => expect(syncScale(members)).toBe(scale));
  }
});

describe("presets", () => {
  test("the timers of the design", () => {
    const timers = ({ probeMs, timeoutMs, gossipMs, gossipNodes, syncMs }: SwimConfig): readonly number[] => [
      probeMs,
      timeoutMs,
      gossipMs,
      gossipNodes,
      syncMs,
    ];
    expect(timers(lan(pool))).toEqual([500, 250, 100, 3, 15_000]);
    expect(timers(wan(pool))).toEqual([5_000, 3_000, 500, 4, 60_000]);
  });

  test("are sound, and a nack arrives before the asker stops waiting", () => {
    for (const preset of [lan(pool), wan(pool), local(pool)]) {
      assertConfig(preset);
      expect(preset.timeoutMs + nackMs(preset)).toBeLessThan(preset.probeMs);
    }
  });

  const unsound: readonly (readonly [name: string, change: Partial<SwimConfig>])[] = [
    ["a timeout beyond the period", { timeoutMs: 500 }],
    ["no label", { label: "" }],
    ["a last call without time for an answer", { lastCallMs: 100 }],
    ["a last call beyond the suspicion", { lastCallMs: 3_000 }],
    ["more accusers than a statement holds", { suspicionMult: 10 }],
    ["no room for the first refutation", { refuteBurst: 0 }],
    ["a limit of nothing", { limits: { ...config.limits, deadMax: 0 } }],
  ];
  for (const [name, change] of unsound) {
    test(`${name} is refused`, () => expect(() => assertConfig({ ...config, ...change })).toThrow());
  }
});
