// The worker against a manager played by the test and engines that pretend: one job never sees another's thread, stale
// orders do nothing, what a thread says after its end is not passed on. Virtual time.

import { expect, test } from "bun:test";
import type { CoreRequest, WorkerReport } from "../../../src/node/messages.ts";
import { createStreamPair } from "../../../src/node/stream.ts";
import { shareSpecOf } from "../../../src/node/job-spec.ts";
import { createWorker } from "../../../src/node/worker/worker.ts";
import { FakeWorld } from "../fake-world.ts";
import { BUNDLE, jobPlan } from "../plans.ts";

function scene(cores = 1) {
  const world = new FakeWorld();
  const [manager, stream] = createStreamPair<CoreRequest, WorkerReport>();
  const worker = createWorker({ world, manager: stream, cores, memoryMaxBytes: null });
  const heard: WorkerReport[] = [];
  manager.onMessage((report) => heard.push(report));
  const plan = jobPlan();
  const dispatch = (job: string, token: number, core = 0): void => {
    const spec = shareSpecOf(plan, "default", { share: 0, shares: 1, resume: null, feedStripe: { index: 0, of: 1 } });
    if (spec === null) throw new Error("no such workflow");
    const attempt = { job, workflow: "default", share: 0, token };
    manager.send({
      kind: "dispatch",
      attempt,
      core,
      spec,
      plan,
      bundle: BUNDLE,
      context: {},
      setupJson: null,
      reportMs: 100,
    });
  };
  const attempt = (job: string, token: number) => ({ job, workflow: "default", share: 0, token });
  return { world, worker, manager, heard, dispatch, attempt };
}

function kinds(heard: readonly WorkerReport[]): string[] {
  return heard.map(({ kind }) => kind).filter((kind) => kind !== "snapshot");
}

test("[MW-8.3.1] [MW-8.5.1] a share runs from dispatch to sealed, and the next of its job takes the same thread", async () => {
  const { world, manager, heard, dispatch, attempt } = scene();
  for (const token of [5, 9]) {
    dispatch("j", token);
    await world.clock.advance(100);
    manager.send({ kind: "start", attempt: attempt("j", token), inMs: 0, jobElapsedMs: 0 });
    await world.clock.advance(3_200);
    manager.send({ kind: "sealed", attempt: attempt("j", token) });
    await world.clock.advance(0);
  }
  expect(kinds(heard)).toEqual(["ready", "errors", "ended", "ready", "errors", "ended"]);
  expect(world.engines.length).toBe(1);
});

test("another job gets a thread of its own, and idle threads end after a while", async () => {
  const { world, manager, dispatch, attempt } = scene();
  dispatch("j", 5);
  await world.clock.advance(100);
  manager.send({ kind: "start", attempt: attempt("j", 5), inMs: 0, jobElapsedMs: 0 });
  await world.clock.advance(3_200);
  manager.send({ kind: "sealed", attempt: attempt("j", 5) });
  dispatch("k", 9);
  await world.clock.advance(100);
  expect(world.engines.map((engine) => engine.prepared.map(({ attempt: { job } }) => job))).toEqual([["j"], ["k"]]);
  await world.clock.advance(20_000);
  expect(world.engines.map(({ isTerminated }) => isTerminated)).toEqual([true, false]);
});

test("two attempts on one core have a thread each", async () => {
  const { world, dispatch } = scene();
  dispatch("j", 5);
  dispatch("j", 6);
  await world.clock.advance(100);
  expect(world.engines.length).toBe(2);
});

test("[MW-8.4.2] a thread that had to be ended is not used again", async () => {
  const { world, manager, heard, dispatch, attempt } = scene();
  world.behaviours.set("default", { crashAtMs: 500 });
  dispatch("j", 5);
  await world.clock.advance(100);
  manager.send({ kind: "start", attempt: attempt("j", 5), inMs: 0, jobElapsedMs: 0 });
  await world.clock.advance(1_000);
  expect(heard.at(-1)).toMatchObject({
    kind: "failed",
    attempt: attempt("j", 5),
    cause: "crashed",
    message: "the thread ended with code 1",
    torn: { requests: 10, iterations: 0 },
    salvage: { isFinal: true, content: "all" },
  });
  manager.send({ kind: "sealed", attempt: attempt("j", 5) });
  dispatch("j", 9);
  await world.clock.advance(100);
  expect(world.engines.length).toBe(2);
});

test("orders for attempts it does not have, and a start twice, do nothing", async () => {
  const { world, manager, heard, dispatch, attempt } = scene();
  dispatch("j", 5);
  await world.clock.advance(100);
  for (const token of [4, 6]) {
    manager.send({ kind: "start", attempt: attempt("j", token), inMs: 0, jobElapsedMs: 0 });
    manager.send({ kind: "stop", attempt: attempt("j", token), mode: "now" });
    manager.send({ kind: "sealed", attempt: attempt("j", token) });
  }
  await world.clock.advance(1_000);
  expect(kinds(heard)).toEqual(["ready"]);
  expect(world.sent).toBe(0);
  manager.send({ kind: "start", attempt: attempt("j", 5), inMs: 0, jobElapsedMs: 0 });
  manager.send({ kind: "start", attempt: attempt("j", 5), inMs: 1_000, jobElapsedMs: 0 });
  await world.clock.advance(3_300);
  expect(kinds(heard)).toEqual(["ready", "errors", "ended"]);
  expect(world.sent).toBe(300);
});

test("sealed while it still runs ends it: another attempt has its share", async () => {
  const { world, manager, heard, dispatch, attempt } = scene();
  dispatch("j", 5);
  await world.clock.advance(100);
  manager.send({ kind: "start", attempt: attempt("j", 5), inMs: 0, jobElapsedMs: 0 });
  await world.clock.advance(1_000);
  manager.send({ kind: "sealed", attempt: attempt("j", 5) });
  await world.clock.advance(0);
  expect(world.alive).toEqual([]);
  const { length } = heard;
  await world.clock.advance(5_000);
  expect(heard.length).toBe(length);
  expect(world.clock.pending).toBe(0);
});

test("the memory limit is 80 % of what the machine allows unless given", async () => {
  const { world, heard, dispatch } = scene();
  dispatch("j", 5);
  world.residentBytes = 799e6;
  await world.clock.advance(600);
  expect(kinds(heard)).toEqual(["ready"]);
  world.residentBytes = 801e6;
  await world.clock.advance(600);
  expect(heard.at(-1)).toMatchObject({ kind: "failed", cause: "memory" });
});

test("the main thread collects its garbage every 5 s while a share runs, and not without one", async () => {
  const { world, dispatch } = scene();
  await world.clock.advance(60_000);
  expect(world.collections).toBe(0);
  dispatch("j", 5);
  await world.clock.advance(4_000);
  expect(world.collections).toBe(0);
  await world.clock.advance(2_000);
  expect(world.collections).toBe(1);
});

test("a lease is written where the thread sees it at once, and a stop at once ends it for good", async () => {
  const { world, manager, dispatch, attempt } = scene();
  dispatch("j", 5);
  await world.clock.advance(100);
  const permit = new Float64Array(world.engines[0]?.prepared[0]?.permit ?? new SharedArrayBuffer(8));
  expect(permit[0]).toBe(Infinity);
  manager.send({ kind: "lease", attempt: attempt("j", 5), forMs: 7_000 });
  await world.clock.advance(0);
  expect(permit[0]).toBe(world.clock.epochMs() + 7_000);
  manager.send({ kind: "start", attempt: attempt("j", 5), inMs: 0, jobElapsedMs: 0 });
  manager.send({ kind: "stop", attempt: attempt("j", 5), mode: "now" });
  manager.send({ kind: "lease", attempt: attempt("j", 5), forMs: 7_000 });
  await world.clock.advance(0);
  expect(permit[0]).toBe(0);
});
