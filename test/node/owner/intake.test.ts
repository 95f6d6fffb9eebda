// Goal: an owner never takes part of an attempt for all of it. Method: snapshots of a worker's outbox of which some do
// not arrive, and ends that come before what they end.

import { describe, expect, test } from "bun:test";
import { createIntake, isWhole, takePart } from "../../../src/node/owner/intake.ts";
import { createOutbox, keepSnapshot, snapshotParts } from "../../../src/node/worker/outbox.ts";
import { seriesOf } from "../../load/samples.ts";
import { attemptOf, cutOf } from "../../scenarios/tenant-scene.ts";

const ATTEMPT = attemptOf(5);

describe("a snapshot", () => {
  test("[LD-23.3.3] that builds on one which did not arrive is not taken, though all its series are known", () => {
    const outbox = createOutbox(ATTEMPT);
    const counted = (seq: number, counts: Readonly<Record<string, number>>): void => {
      const series = Object.entries(counts).map(([metric, count]) =>
        seriesOf(metric, {}, { type: "counter", count, sum: count }),
      );
      keepSnapshot(outbox, { ...cutOf(ATTEMPT, seq, 0), series });
    };
    const intake = createIntake();
    counted(1, { gets: 1, puts: 1 });
    for (const part of snapshotParts(outbox, 9)) takePart(intake, part);
    // Another owner heard the second one.
    counted(2, { puts: 50 });
    outbox.acked = 2;
    counted(3, { gets: 7 });
    expect(snapshotParts(outbox, 9).map((part) => takePart(intake, part))).toEqual([null]);
    expect(intake.seq).toBe(1);
    outbox.acked = 1;
    const [taken] = snapshotParts(outbox, 9).map((part) => takePart(intake, part));
    expect(taken?.series.map(({ id, cells }) => [id.metric, cells]).toSorted()).toEqual([
      ["gets", { type: "counter", count: 7, sum: 7 }],
      ["puts", { type: "counter", count: 50, sum: 50 }],
    ]);
  });
});

describe("an end", () => {
  test("[LD-44.4] [LD-45.4] waits for the last snapshot and the last value before it, whichever comes first", () => {
    const end = { kind: "closed", valueJson: null, thrown: null } as const;
    const over = { kind: "over", attempt: ATTEMPT, seq: 4, offers: 2, end } as const;
    for (const [seq, offers, expected] of [
      [4, 2, true],
      [3, 2, false],
      [4, 1, false],
      [0, 0, false],
      [5, 3, true],
    ] as const)
      expect([seq, offers, isWhole({ ...createIntake(), seq, offers, over })]).toEqual([seq, offers, expected]);
    expect(isWhole({ ...createIntake(), seq: 4, offers: 2 })).toBe(false);
  });
});
