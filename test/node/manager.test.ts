// The manager against workers and clients played by the test: what it says to whom, what it never says, and how it
// counts snapshots that are lost, repeated, out of order, or too late. Virtual time; an in-memory log.

import { expect, test } from "bun:test";
import { select } from "../../src/load/merge.ts";
import type { JobPlan } from "../../src/load/plan.ts";
import type { Series } from "../../src/load/series.ts";
import type { AttemptId, Snapshot } from "../../src/load/share.ts";
import { createMemoryLog, type Log } from "../../src/node/log.ts";
import { createManager, type Manager } from "../../src/node/manager.ts";
import type { ClientEvent, ClientRequest, WorkerReport, WorkerRequest } from "../../src/node/messages.ts";
import { createStreamPair, type Stream } from "../../src/node/stream.ts";
import { VirtualClock } from "./fake-world.ts";
import { BUNDLE, jobPlan, workflowPlan } from "./plans.ts";

type Side<Out, In> = { readonly heard: In[]; readonly stream: Stream<Out, In> };

class Scene {
  readonly clock = new VirtualClock();
  readonly log: Log = createMemoryLog();
  readonly manager: Manager = createManager({
    node: "m1",
    clock: this.clock,
    log: this.log,
    reportMs: 100,
    startLeadMs: 0,
    retries: 0,
  });

  worker(node: string, cores: number): Side<WorkerReport, WorkerRequest> {
    const [ours, theirs] = createStreamPair<WorkerRequest, WorkerReport>();
    this.manager.attachWorker(ours);
    const heard: WorkerRequest[] = [];
    theirs.onMessage((request) => heard.push(request));
    theirs.send({ kind: "join", node, cores });
    return { heard, stream: theirs };
  }

  client(): Side<ClientRequest, ClientEvent> {
    const [ours, theirs] = createStreamPair<ClientEvent, ClientRequest>();
    this.manager.attachClient(ours);
    const heard: ClientEvent[] = [];
    theirs.onMessage((event) => heard.push(event));
    return { heard, stream: theirs };
  }
}

function only<Message extends { readonly kind: string }, Kind extends Message["kind"]>(
  heard: readonly Message[],
  kind: Kind,
): Extract<Message, { kind: Kind }>[] {
  return heard.filter((message): message is Extract<Message, { kind: Kind }> => message.kind === kind);
}

function snapshot(attempt: AttemptId, seq: number, requests: number, more: Partial<Snapshot> = {}): Snapshot {
  const series: Series = {
    id: { key: "http_reqs", metric: "http_reqs", type: "counter", contains: "default", tags: {} },
    cells: { type: "counter", count: requests, sum: requests },
  };
  return {
    attempt,
    seq,
    elapsedMs: seq * 100,
    content: "changed",
    isFinal: false,
    resume: { kind: "elapsed", elapsedMs: seq * 100, feeds: {} },
    accounting: { scheduled: requests, started: requests, completed: requests, interrupted: 0, dropped: 0, unsent: 0 },
    generator: { seconds: 0, saturatedSeconds: 0, cpuSeconds: 0, loopLagMsMax: 0, loopLagMsP99: 0 },
    vus: 1,
    vusMax: 1,
    series: [series],
    ...more,
  };
}

/** A job of one share on a worker of one core that has begun. */
async function begun(plan: Partial<JobPlan> = {}) {
  const scene = new Scene();
  const worker = scene.worker("w1", 1);
  const client = scene.client();
  client.stream.send({ kind: "submit", id: "j", plan: jobPlan(plan), bundle: BUNDLE });
  await scene.clock.advance(0);
  const attempt = only(worker.heard, "dispatch").at(0)?.attempt;
  if (attempt === undefined) throw new Error("nothing was dispatched");
  worker.stream.send({ kind: "ready", attempt });
  await scene.clock.advance(0);
  expect(only(worker.heard, "start")).toEqual([{ kind: "start", attempt, inMs: 0, jobElapsedMs: 0 }]);
  return { scene, worker, client, attempt };
}

test("loss, repetition and disorder of snapshots do no harm; what follows the seal is late and not summed", async () => {
  const { scene, worker, client, attempt } = await begun();
  for (const [seq, requests] of [
    [3, 30],
    [1, 10],
    [3, 30],
    [2, 20],
    [5, 50],
  ] as const) {
    worker.stream.send({ kind: "snapshot", snapshot: snapshot(attempt, seq, requests) });
  }
  worker.stream.send({ kind: "ended", attempt, valueJson: null, thrown: null });
  worker.stream.send({ kind: "snapshot", snapshot: snapshot(attempt, 6, 57) });
  worker.stream.send({ kind: "ended", attempt, valueJson: null, thrown: null });
  await scene.clock.advance(100);
  const [finished] = only(client.heard, "finished");
  expect(finished?.result).toMatchObject({
    state: "completed",
    late: 7,
    warnings: [expect.stringContaining("7 requests")],
  });
  expect(select(finished?.result.workflows[0]?.series ?? [], "http_reqs", {})).toEqual({
    type: "counter",
    count: 50,
    sum: 50,
  });
  expect(finished?.result.workflows[0]?.accounting.started).toBe(50);
  expect(only(worker.heard, "sealed")).toEqual([{ kind: "sealed", attempt }]);
  expect(only(client.heard, "finished").length).toBe(1);
});

test("reports about attempts it does not know change nothing", async () => {
  const { scene, worker, client, attempt } = await begun();
  const strange = { ...attempt, token: 999 };
  worker.stream.send({ kind: "snapshot", snapshot: snapshot(strange, 1, 1_000) });
  worker.stream.send({ kind: "ended", attempt: strange, valueJson: null, thrown: null });
  worker.stream.send({ kind: "failed", attempt: { ...attempt, job: "x" }, cause: "crashed", message: "no" });
  await scene.clock.advance(500);
  expect(only(client.heard, "finished")).toEqual([]);
  expect(only(client.heard, "view").at(-1)?.view.requests).toBe(0);
});

test("the same submit again follows the job; another content, a bad plan, a cancel of nothing are refused", async () => {
  const { scene, worker, client } = await begun();
  const second = scene.client();
  second.stream.send({ kind: "submit", id: "j", plan: jobPlan(), bundle: BUNDLE });
  second.stream.send({
    kind: "submit",
    id: "bad",
    plan: jobPlan({ workflows: [workflowPlan("a", { after: ["x"] })] }),
    bundle: BUNDLE,
  });
  second.stream.send({ kind: "cancel", id: "none", by: "other" });
  const third = scene.client();
  third.stream.send({ kind: "submit", id: "j", plan: jobPlan({ name: "other" }), bundle: BUNDLE });
  await scene.clock.advance(100);
  expect(only(worker.heard, "dispatch").length).toBe(1);
  expect(only(second.heard, "accepted")).toEqual([{ kind: "accepted", id: "j" }]);
  expect(only(second.heard, "view").length).toBeGreaterThan(0);
  expect(only(second.heard, "refused").map(({ id, code }) => [id, code])).toEqual([
    ["bad", "invalid"],
    ["none", "unknown"],
  ]);
  expect(only(third.heard, "refused")).toMatchObject([{ id: "j", code: "conflict" }]);
  expect(only(third.heard, "view")).toEqual([]);
  expect(only(client.heard, "refused")).toEqual([]);
});

test("a worker that leaves: its share moves to another from the newest snapshot held, and both are summed", async () => {
  const { scene, worker, client, attempt } = await begun();
  const other = scene.worker("w2", 1);
  worker.stream.send({ kind: "snapshot", snapshot: snapshot(attempt, 4, 40) });
  await scene.clock.advance(400);
  scene.log.propose({ kind: "leave", worker: "w1", boot: "1", isCertain: true, atMs: 0 });
  await scene.clock.advance(0);
  const [moved] = only(other.heard, "dispatch");
  expect(moved?.spec.resume).toEqual({ kind: "elapsed", elapsedMs: 400, feeds: {} });
  expect(moved?.attempt.token).toBeGreaterThan(attempt.token);
  if (moved === undefined) throw new Error("the share did not move");
  other.stream.send({ kind: "ready", attempt: moved.attempt });
  await scene.clock.advance(0);
  // It joins where the workflow is: started 400 ms ago.
  expect(only(other.heard, "start")).toMatchObject([{ inMs: -400, jobElapsedMs: 0 }]);
  worker.stream.send({ kind: "snapshot", snapshot: snapshot(attempt, 9, 44) });
  other.stream.send({ kind: "snapshot", snapshot: snapshot(moved.attempt, 1, 5, { elapsedMs: 600, isFinal: true }) });
  other.stream.send({ kind: "ended", attempt: moved.attempt, valueJson: null, thrown: null });
  await scene.clock.advance(100);
  const [finished] = only(client.heard, "finished");
  expect(select(finished?.result.workflows[0]?.series ?? [], "http_reqs", {})).toMatchObject({ count: 45 });
  expect(finished?.result).toMatchObject({
    state: "completed",
    late: 4,
    disturbed: [{ from: 400, to: 400, why: "worker w1 is gone" }],
  });
});

test("a failed attempt's open iterations bound what it may have sent and never reported", async () => {
  const { scene, worker, client, attempt } = await begun();
  const accounting = { scheduled: 12, started: 12, completed: 10, interrupted: 2, dropped: 0, unsent: 0 };
  worker.stream.send({ kind: "snapshot", snapshot: snapshot(attempt, 2, 10, { isFinal: true, accounting }) });
  worker.stream.send({ kind: "failed", attempt, cause: "crashed", message: "boom" });
  await scene.clock.advance(100);
  // Two iterations, each with at most one batch of 20 under way.
  expect(only(client.heard, "finished").map(({ result }) => [result.state, result.unreportedMax])).toEqual([
    ["failed", 40],
  ]);
});

test("log lines and warnings reach the client, a warning once", async () => {
  const { scene, worker, client, attempt } = await begun();
  worker.stream.send({ kind: "log", attempt, level: "info", text: "hello" });
  for (let time = 0; time < 3; time++) worker.stream.send({ kind: "warning", attempt, text: "missing await?" });
  await scene.clock.advance(0);
  expect(only(client.heard, "log").map(({ level, workflow, text }) => [level, workflow, text])).toEqual([
    ["info", "default", "hello"],
    ["warn", "", "missing await?"],
  ]);
});

test("closed, it proposes and says nothing more", async () => {
  const { scene, worker, client, attempt } = await begun();
  scene.manager.close();
  const { length } = client.heard;
  worker.stream.send({ kind: "ended", attempt, valueJson: null, thrown: null });
  await scene.clock.advance(5_000);
  expect(client.heard.length).toBe(length);
  expect(scene.clock.pending).toBe(0);
});
