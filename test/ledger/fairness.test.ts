// Jobs that compete for cores: small ones are not held up behind a large one, a large one is not held up by a stream of
// small ones, waiting makes up for priority, labels are kept. Ledger time is advanced by hand.

import { describe, expect, test } from "bun:test";
import { AGEING_MS, PATIENCE_MS } from "../../src/ledger/queue.ts";
import { Harness, SETUP, TEARDOWN, workflow } from "./harness.ts";

const SECOND = 1_000;

function pool(...workers: readonly (readonly [cores: number, labels?: Readonly<Record<string, string>>])[]): Harness {
  const harness = new Harness();
  for (const [at, [cores, labels = {}]] of workers.entries()) harness.join(`w${at + 1}`, cores, { labels });
  return harness;
}

function isPlaced(harness: Harness, job: string): boolean {
  return harness.states(job)["a"] !== "queued";
}

const small = (sharesMax = 1) => [workflow("a", { sharesMax, toMs: 1e9 })];
const large = [workflow("a", { priority: "high", toMs: 1e9 })];

describe("a large job that waits", () => {
  test("[LD-46.1] is overtaken by small ones at first, then its cores are kept free for it", () => {
    const harness = pool([4]);
    harness.submit(small(2), { job: "first" });
    harness.submit(large, { job: "large" });
    harness.submit(small(), { job: "overtakes" });
    expect([isPlaced(harness, "large"), isPlaced(harness, "overtakes")]).toEqual([false, true]);
    harness.atMs = PATIENCE_MS;
    harness.submit(small(), { job: "waits" });
    expect(isPlaced(harness, "waits")).toBe(false);
    harness.run("a", undefined, "overtakes");
    expect([isPlaced(harness, "large"), isPlaced(harness, "waits")]).toEqual([false, false]);
    // Three of four are enough for it; the last one is for who waits behind it.
    harness.run("a", undefined, "first");
    expect(harness.live("a", "large").length).toBe(3);
    expect(isPlaced(harness, "waits")).toBe(true);
  });

  test("[LD-46.1] [MW-2.5.3] is not starved by a stream of small ones, nor they by a stream of large ones", () => {
    for (const [stream, one] of [
      [small(), large],
      [large, small()],
    ] as const) {
      const harness = pool([4]);
      const running: { job: string; untilMs: number }[] = [];
      const waiting = new Set<string>();
      for (let at = 0; at < 3; at++) {
        harness.submit(stream, { job: `early ${at}` });
        waiting.add(`early ${at}`);
      }
      harness.submit(one, { job: "one" });
      let placedMs: number | null = null;
      for (let second = 0; second < 300 && placedMs === null; second++) {
        harness.atMs = second * SECOND;
        harness.submit(stream, { job: `s${second}` });
        waiting.add(`s${second}`);
        for (const job of [...waiting]) {
          if (!isPlaced(harness, job)) continue;
          waiting.delete(job);
          running.push({ job, untilMs: harness.atMs + 10 * SECOND });
        }
        for (const { job, untilMs } of running) if (untilMs === harness.atMs) harness.run("a", undefined, job);
        if (isPlaced(harness, "one")) placedMs = harness.atMs;
      }
      // Its patience, and what ran by then.
      expect(placedMs).toBeLessThanOrEqual(PATIENCE_MS + 11 * SECOND);
    }
  });

  test("keeps nothing free while nobody owns it", () => {
    const harness = pool([2]);
    harness.submit(small(), { job: "first" });
    const spec = { workflows: large, retries: 0 };
    harness.commit({ kind: "submit", job: "orphan", digest: "d", submission: "", spec });
    harness.proposals.length = 0;
    harness.atMs = 10 * PATIENCE_MS;
    harness.submit(small(), { job: "next" });
    expect(isPlaced(harness, "next")).toBe(true);
  });
});

test("[LD-46.3] [LD-45.2] waiting makes up for priority: a low one is served before a younger high one", () => {
  const harness = pool([1]);
  harness.submit(small(), { job: "first" });
  harness.submit([workflow("a", { priority: "low" })], { job: "low" });
  harness.atMs = 2 * AGEING_MS;
  harness.submit(large, { job: "high" });
  harness.atMs = 3 * AGEING_MS;
  harness.run("a", undefined, "first");
  expect([isPlaced(harness, "low"), isPlaced(harness, "high")]).toEqual([true, false]);
});

test("[MW-4.4.2] an exclusive workflow has the pool to itself, also the cores it has no share on", () => {
  const harness = pool([4]);
  harness.submit([workflow("a", { priority: "exclusive", sharesMax: 2 })], { job: "x" });
  harness.submit(small(), { job: "next" });
  expect([isPlaced(harness, "x"), isPlaced(harness, "next")]).toEqual([true, false]);
  harness.join("w9", 2);
  expect(isPlaced(harness, "next")).toBe(false);
  harness.run("a", undefined, "x");
  expect(isPlaced(harness, "next")).toBe(true);
});

test("a teardown does not wait behind an exclusive job: what was set up is torn down", () => {
  const harness = pool([1]);
  harness.submit([SETUP, workflow("a"), TEARDOWN], { job: "j" });
  harness.submit([workflow("a", { priority: "exclusive" })], { job: "x" });
  harness.run("::setup");
  // The rest of the job has to wait for its turn.
  expect(isPlaced(harness, "x")).toBe(true);
  harness.run("a", undefined, "x");
  harness.submit([workflow("a", { priority: "exclusive" })], { job: "y" });
  harness.run("a");
  expect([harness.states()["::teardown"], isPlaced(harness, "y")]).toEqual(["preparing", false]);
});

describe("labels", () => {
  const cores = (harness: Harness, job: string) =>
    harness.of("dispatch").flatMap(({ attempt, worker, core }) => (attempt.job === job ? [`${worker}/${core}`] : []));

  test("required: only workers that carry all of them; who finds none waits and holds up nobody", () => {
    const harness = pool([2], [2, { zone: "a" }], [2, { zone: "a", disk: "ssd" }]);
    harness.submit([workflow("a", { requires: { zone: "a", disk: "ssd" } })], { job: "j" });
    expect(cores(harness, "j")).toEqual(["w3/0", "w3/1"]);
    harness.submit([workflow("a", { requires: { zone: "b" }, priority: "exclusive" })], { job: "nowhere" });
    harness.atMs = 10 * PATIENCE_MS;
    harness.submit([workflow("a", { requires: { zone: "a" } })], { job: "k" });
    expect(cores(harness, "k")).toEqual(["w2/0", "w2/1"]);
    expect(isPlaced(harness, "nowhere")).toBe(false);
    // A priority's part is of the cores it may use.
    harness.join("w4", 8, { labels: { zone: "b" } });
    expect(cores(harness, "nowhere").length).toBe(8);
  });

  test("preferred: workers that carry them first, the others when these do not suffice", () => {
    const harness = pool([2], [2, { disk: "ssd" }]);
    harness.submit([workflow("a", { prefers: { disk: "ssd" }, sharesMax: 3 })]);
    expect(cores(harness, "j")).toEqual(["w2/0", "w2/1", "w1/0"]);
  });

  test("a share that has to run again keeps to them", () => {
    const harness = pool([1], [1, { zone: "a" }]);
    harness.submit([workflow("a", { requires: { zone: "a" } })]);
    harness.ready("a");
    harness.commit({ kind: "leave", worker: "w2", boot: "1", isCertain: true });
    harness.close("a", { kind: "lost", message: "gone" });
    expect(harness.live("a")).toEqual([]);
    harness.join("w3", 1, { labels: { zone: "a" } });
    expect(cores(harness, "j")).toEqual(["w2/0", "w3/0"]);
  });

  test("cores kept free are those the waiting one could use", () => {
    const harness = pool([2], [2, { zone: "a" }]);
    const zoned = { requires: { zone: "a" }, toMs: 1e9 };
    harness.submit([workflow("a", { ...zoned, sharesMax: 1 })], { job: "first" });
    harness.submit([workflow("a", { ...zoned, priority: "high" })], { job: "large" });
    harness.atMs = PATIENCE_MS;
    harness.submit(small(4), { job: "elsewhere" });
    expect(cores(harness, "elsewhere")).toEqual(["w1/0", "w1/1"]);
  });
});

test("proposals are only made for those that find their cores: a long queue costs one for each free core", () => {
  const harness = pool([2]);
  for (let at = 0; at < 200; at++) harness.submit(small(), { job: `j${at}` });
  harness.ready("a", "j0");
  const [id] = harness.live("a", "j0");
  if (id === undefined) throw new Error("j0 does not run");
  const effects = harness.seal(id);
  expect(effects.filter(({ kind }) => kind === "propose").length).toBe(1);
});
