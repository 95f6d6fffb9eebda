// Everything of a job that travels or is kept as bytes: it comes back as it went, a submission's name does not depend on
// the order it was made in, and bytes of a stranger are refused with a sentence, never believed and never thrown.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow } from "../../src/base/prng.ts";
import { applySnapshot } from "../../src/load/merge.ts";
import type { JobView } from "../../src/load/result.ts";
import type { GaugeCells, Series } from "../../src/load/series.ts";
import { liveSchema } from "../../src/node/client-messages.ts";
import { LiveReader, packLive } from "../../src/node/live-codec.ts";
import { packedSeriesSchema, packSeries, unpackSeries } from "../../src/node/series-codec.ts";
import { packSubmission, unpackSubmission } from "../../src/node/submission.ts";
import { joinNotes, type Kept, packKept, unpackKept } from "../../src/node/owner/vault.ts";
import { decode, encode } from "../../src/wire/codec.ts";
import { seriesOf, trendOf } from "../load/samples.ts";
import { BUNDLE, jobPlan } from "./plans.ts";

const SERIES: readonly Series[] = [
  seriesOf("c", { a: "1" }, { type: "counter", count: 3, sum: 2.5 }),
  seriesOf("r", {}, { type: "rate", passes: 1, total: 2 }),
  seriesOf("g", {}, { type: "gauge", value: 1, min: -1, max: 4, atMs: 100 }),
  seriesOf("unset", {}, { type: "gauge", value: 0, min: Infinity, max: -Infinity, atMs: -Infinity }),
  seriesOf("t", { x: "y" }, trendOf([0, -3, 0.5, 12, 12, 900]), "time"),
  seriesOf("none", {}, trendOf([])),
];

function travelled(value: unknown): unknown {
  const decoded = decode(encode(value));
  if (!decoded.ok) throw new Error(decoded.message);
  return decoded.value;
}

describe("series", () => {
  test("of every kind come back as they went, infinite extremes among them", () => {
    const back = SERIES.map((series) => unpackSeries(packedSeriesSchema.parse(travelled(packSeries(series)))));
    expect(back).toEqual([...SERIES]);
  });

  test("trends whose cells are cut short, too many, empty or beyond the last cell are none", () => {
    const packed = packSeries(seriesOf("t", {}, trendOf([1, 2, 3])));
    if (packed.cells.type !== "trend") throw new Error("a trend");
    const { cells: good } = packed.cells;
    const bad = [
      good.slice(0, -1),
      new Uint8Array([...good, 1]),
      new Uint8Array(good.length),
      new Uint8Array(0),
      // One cell without a count; one beyond the last; more than there are bytes; a number that does not end.
      new Uint8Array([1, 0]),
      new Uint8Array([1, 3, 0xff, 0xff, 0x7f]),
      new Uint8Array([0xff, 0x7f, 2]),
      new Uint8Array(16).fill(0xff),
    ];
    for (const cells of bad) expect(unpackSeries({ ...packed, cells: { ...packed.cells, cells } })).toBeNull();
  });
});

describe("a submission", () => {
  const submission = { plan: jobPlan({ env: { A: "1", B: "2" } }), bundle: BUNDLE, retries: 2 };

  test("comes back, and has the same bytes in whatever order its keys were made", () => {
    const bytes = packSubmission(submission);
    const read = unpackSubmission(bytes);
    expect(read.submission).toEqual(submission);
    const { plan, bundle, retries } = submission;
    const turned = { retries, bundle, plan: Object.fromEntries(Object.entries(plan).toReversed()) };
    expect(Buffer.from(packSubmission({ ...turned, plan: { ...plan, env: { B: "2", A: "1" } } })).equals(bytes)).toBe(
      true,
    );
    expect(Buffer.from(packSubmission({ ...submission, retries: 3 })).equals(bytes)).toBe(false);
  });

  test("that is none is refused with what is wrong with it", () => {
    const bad: readonly unknown[] = [
      null,
      7,
      [],
      {},
      { ...submission, plan: null },
      { ...submission, plan: { ...submission.plan, workflows: [] } },
      { ...submission, plan: { ...submission.plan, workflows: [{ name: "a" }] } },
      { ...submission, bundle: { code: 1, entry: "", files: {} } },
      { ...submission, retries: -1 },
    ];
    for (const value of bad) expect(unpackSubmission(encode(value))).toMatchObject({ submission: null });
    expect(unpackSubmission(new Uint8Array([0xc1]))).toMatchObject({ submission: null });
  });

  test("one larger than managers take is refused before it travels, with both sizes", () => {
    const files = { "rows.csv": new Uint8Array(81 * 1024 * 1024) };
    const large = { ...submission, bundle: { ...submission.bundle, files } };
    expect(() => packSubmission(large)).toThrow(/has 85 MB, more than the 84 MB that managers take/);
  });

  test("random and damaged bytes never throw", () => {
    const prng = createPrng(11, "submission");
    const good = packSubmission(submission);
    for (let run = 0; run < 500; run++) {
      const bytes = good.slice();
      for (let times = 0; times < 3; times++) bytes[nextBelow(prng, bytes.length)] = nextBelow(prng, 256);
      expect(() => unpackSubmission(bytes.slice(0, nextBelow(prng, bytes.length + 1)))).not.toThrow();
    }
  });
});

function gaugeOf(value: number, min: number, max: number, atMs: number): GaugeCells {
  return { type: "gauge", value, min, max, atMs };
}

describe("what is kept of attempts", () => {
  const attempt = { job: "j", workflow: "w", share: 1, token: 9 };
  const held = applySnapshot(null, {
    attempt,
    seq: 4,
    elapsedMs: 4_000,
    content: "all",
    isFinal: true,
    resume: { kind: "ranges", left: [[3, 7]], elapsedMs: 10, feeds: { 0: 2 } },
    accounting: { scheduled: 5, started: 4, completed: 3, interrupted: 1, dropped: 0, unsent: 1 },
    generator: { seconds: 4, saturatedSeconds: 0, cpuSeconds: 1, loopLagMsMax: 2, loopLagMsP99: 1, stillMs: 0 },
    vus: 0,
    vusMax: 2,
    series: SERIES,
  });
  const kept: Kept = {
    notes: {
      startedAtEpochMs: 5,
      warnings: ["w"],
      disturbed: [{ from: 1, to: 2, why: "x" }],
      unheard: [{ token: 9, requests: 12, seconds: 0 }],
      late: 3,
      vus: { vus: gaugeOf(2, 1, 5, 3_000), vusMax: gaugeOf(5, 5, 5, 3_000) },
    },
    attempts: [{ held, errors: [{ message: "boom", count: 2 }] }],
  };

  test("comes back as it went", () => {
    expect(unpackKept(packKept(kept))).toEqual(kept);
    expect(() => unpackKept(new Uint8Array([1]))).toThrow();
  });

  test("notes of several owners say each thing once, and bounds add up over attempts, not over owners", () => {
    const more = {
      ...kept.notes,
      startedAtEpochMs: 8,
      warnings: ["w", "v"],
      disturbed: [{ from: 0, to: 1, why: "y" }, ...kept.notes.disturbed],
      unheard: [
        { token: 9, requests: 10, seconds: 2 },
        { token: 11, requests: 4, seconds: 0 },
      ],
      late: 1,
      vus: { vus: gaugeOf(4, 3, 9, 2_000), vusMax: gaugeOf(9, 4, 9, 2_000) },
    };
    expect(joinNotes(kept.notes, more)).toEqual({
      startedAtEpochMs: 5,
      warnings: ["w", "v"],
      disturbed: [
        { from: 0, to: 1, why: "y" },
        { from: 1, to: 2, why: "x" },
      ],
      unheard: [
        { token: 9, requests: 12, seconds: 2 },
        { token: 11, requests: 4, seconds: 0 },
      ],
      late: 3,
      vus: { vus: gaugeOf(2, 1, 9, 3_000), vusMax: gaugeOf(5, 4, 9, 3_000) },
    });
  });
});

describe("live events", () => {
  const second = (at: number, series: readonly Series[] = SERIES) => ({
    kind: "second" as const,
    window: { second: at, epochMs: 1_000 * at, vus: 1, vusMax: 2, series },
  });
  const pass = (reader: LiveReader, events: readonly ReturnType<typeof packLive>[number][]) =>
    events.map((event) => reader.read(liveSchema.parse(travelled({ id: "j", event })).event));

  test("a second comes back whole, in however many parts it travels", () => {
    const reader = new LiveReader();
    expect(pass(reader, packLive(second(3)))).toEqual([second(3)]);
    const wide = trendOf(Array.from({ length: 1_500 }, (_value, value) => 1.01 ** value));
    const large = second(
      4,
      Array.from({ length: 200 }, (_, at) => seriesOf(`t${at}`, {}, wide)),
    );
    const parts = packLive(large);
    expect(parts.length).toBeGreaterThan(1);
    const read = pass(reader, parts);
    expect(read.slice(0, -1).every((event) => event === null)).toBe(true);
    expect(read.at(-1)).toEqual(large);
  });

  test("a second told twice, or an older one, is not told again", () => {
    const reader = new LiveReader();
    expect(pass(reader, [...packLive(second(3)), ...packLive(second(3)), ...packLive(second(2))])).toEqual([
      second(3),
      null,
      null,
    ]);
  });

  test("a view that is none is not shown", () => {
    const reader = new LiveReader();
    const view: Partial<JobView> = { elapsedMs: 5 };
    for (const viewJson of [JSON.stringify(view), "null", "[]", "{", ""])
      expect(pass(reader, [{ kind: "view", viewJson }])).toEqual([null]);
  });
});
