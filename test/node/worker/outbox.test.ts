// What a worker keeps and what an owner takes in, joined by a wire that loses, repeats and reorders: in the end the owner
// holds what the worker measured, and proposes every value that counts. Seeded; no clock.

import { expect, test } from "bun:test";
import { createPrng, nextBelow, nextFloat, type Prng } from "../../../src/base/prng.ts";
import { applySnapshot, type HeldAttempt, heldSeries } from "../../../src/load/merge.ts";
import { seriesOf, trendOf } from "../../load/samples.ts";
import type { Series } from "../../../src/load/series.ts";
import type { AttemptId, Snapshot } from "../../../src/load/share.ts";
import { createIntake, heardOf, isWhole, takeOffer, takePart } from "../../../src/node/owner/intake.ts";
import {
  createOutbox,
  keepSnapshot,
  keepValue,
  overReport,
  reportsSince,
  snapshotParts,
} from "../../../src/node/worker/outbox.ts";
import { decode, encode } from "../../../src/wire/codec.ts";
import { snapshotSchema, type WireSnapshot } from "../../../src/node/worker-messages.ts";

const ATTEMPT: AttemptId = { job: "j", workflow: "w", share: 0, token: 5 };

function cut(seq: number, series: readonly Series[], isFinal = false): Snapshot {
  return {
    attempt: ATTEMPT,
    seq,
    elapsedMs: seq * 1_000,
    content: "changed",
    isFinal,
    resume: { kind: "elapsed", elapsedMs: seq * 1_000, feeds: {} },
    accounting: { scheduled: seq, started: seq, completed: seq, interrupted: 0, dropped: 0, unsent: 0 },
    generator: { seconds: seq, saturatedSeconds: 0, cpuSeconds: 0, loopLagMsMax: 0, loopLagMsP99: 0, stillMs: 0 },
    vus: 1,
    vusMax: 1,
    series,
  };
}

/** An attempt that counts in some of its series between cuts. */
class Measured {
  readonly #counts = new Map<string, number>();
  readonly #values: number[] = [];
  readonly #prng: Prng;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  next(): Series[] {
    const changed: Series[] = [];
    for (let at = 0; at < 20; at++) {
      if (nextFloat(this.#prng) < 0.7) continue;
      const key = `c${at}`;
      const count = (this.#counts.get(key) ?? 0) + 1 + nextBelow(this.#prng, 5);
      this.#counts.set(key, count);
      changed.push({
        id: { key, metric: key, type: "counter", contains: "default", tags: {} },
        cells: { type: "counter", count, sum: count },
      });
    }
    for (let more = nextBelow(this.#prng, 30); more > 0; more--) this.#values.push(Math.exp(nextFloat(this.#prng) * 8));
    changed.push(seriesOf("lat", {}, trendOf(this.#values), "time"));
    return changed;
  }
}

/** Over the wire and through its schema. */
function travelled(part: WireSnapshot): WireSnapshot {
  const decoded = decode(encode(part));
  if (!decoded.ok) throw new Error(decoded.message);
  return snapshotSchema.parse(decoded.value);
}

test("[MW-9.2.1] [LD-53.3] [LD-48.1] with any loss, repetition and reordering of snapshots the owner ends with what the worker holds", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const prng = createPrng(seed, "outbox");
    const measured = new Measured(prng);
    const outbox = createOutbox(ATTEMPT);
    const intake = createIntake();
    let owned: HeldAttempt | null = null;
    const onTheWay: WireSnapshot[] = [];
    const take = (part: WireSnapshot): void => {
      const snapshot = takePart(intake, travelled(part));
      if (snapshot === null) return;
      owned = applySnapshot(owned, snapshot);
      if (nextFloat(prng) < 0.6) outbox.acked = Math.max(outbox.acked, intake.seq);
    };
    for (let seq = 1; seq <= 30; seq++) {
      keepSnapshot(outbox, cut(seq, measured.next()));
      for (const part of snapshotParts(outbox, 9)) {
        if (nextFloat(prng) < 0.4) continue;
        onTheWay.splice(nextBelow(prng, onTheWay.length + 1), 0, part);
        if (nextFloat(prng) < 0.2) onTheWay.push(part);
      }
      while (onTheWay.length > 0 && nextFloat(prng) < 0.7) {
        const [part] = onTheWay.splice(nextBelow(prng, onTheWay.length), 1);
        if (part !== undefined) take(part);
      }
    }
    // What is missing at the end is told again, beyond what was heard.
    outbox.acked = heardOf(intake).seq;
    for (const part of snapshotParts(outbox, 9)) take(part);
    expect(owned === null ? [] : sorted(heldSeries(owned))).toEqual(
      outbox.held === null ? [] : sorted(heldSeries(outbox.held)),
    );
    expect(intake.seq).toBe(30);
  }
});

test("[LD-38.1.3] [MW-10.4.2] a snapshot that is too large for one message comes in parts, and counts only when all of them are there", () => {
  const outbox = createOutbox(ATTEMPT);
  const cells = trendOf(Array.from({ length: 2_000 }, (_, value) => 1.01 ** value));
  const series = Array.from({ length: 200 }, (_, at) => seriesOf(`h${at}`, {}, cells, "time"));
  keepSnapshot(outbox, cut(1, series));
  const parts = snapshotParts(outbox, 9);
  expect(parts.length).toBeGreaterThan(1);
  for (const part of parts) expect(encode(part).length).toBeLessThan(1_000_000);
  const intake = createIntake();
  const taken = parts.toReversed().map((part) => takePart(intake, travelled(part)));
  expect(taken.slice(0, -1).every((snapshot) => snapshot === null)).toBe(true);
  expect(taken.at(-1)?.series).toEqual(series);
  expect(intake.seq).toBe(1);
});

test("[LD-23.3.3] a delta whose base the owner does not hold is not taken: everything is told again instead", () => {
  const outbox = createOutbox(ATTEMPT);
  const measured = new Measured(createPrng(3, "base"));
  keepSnapshot(outbox, cut(1, measured.next()));
  outbox.acked = 1;
  keepSnapshot(outbox, cut(2, measured.next()));
  const fresh = createIntake();
  expect(snapshotParts(outbox, 9).map((part) => takePart(fresh, part))).toEqual([null]);
  outbox.acked = 0;
  const [whole] = snapshotParts(outbox, 9).map((part) => takePart(fresh, part));
  expect(whole?.content).toBe("all");
  expect(whole?.series.length).toBe(outbox.held?.series.size ?? -1);
});

test("[LD-41.11.3] values: a gap is noticed, all that count are told again, and the end waits for them", () => {
  const outbox = createOutbox(ATTEMPT);
  const value = (key: string, vu: number, json: string) =>
    keepValue(outbox, { kind: "provide", attempt: ATTEMPT, key, json, vu, iteration: 0 });
  const intake = createIntake();
  expect(takeOffer(intake, value("a", 1, "1"))).toBe(true);
  value("a", 3, "3");
  value("b", 1, '"b"');
  // The second and third were lost.
  expect(takeOffer(intake, value("a", 2, "2"))).toBe(false);
  outbox.end = { kind: "closed", valueJson: null, thrown: null };
  const over = overReport(outbox);
  if (over?.kind !== "over") throw new Error("it is over");
  intake.over = over;
  expect(isWhole(intake)).toBe(false);
  const again = reportsSince(outbox, heardOf(intake).offers);
  const proposed = again.flatMap((report) =>
    report.kind === "provide" && takeOffer(intake, report) ? [[report.key, report.json]] : [],
  );
  expect(proposed).toEqual([
    ["a", "3"],
    ["b", '"b"'],
  ]);
  expect(again.at(-1)?.kind).toBe("over");
  expect(isWhole(intake)).toBe(true);
});

function sorted(series: readonly Series[]): Series[] {
  return [...series].sort((left, right) => (left.id.key < right.id.key ? -1 : 1));
}
