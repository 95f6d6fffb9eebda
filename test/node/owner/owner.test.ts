// The owner against workers and a follower played by the test: what it says to whom, what it never says, and how it
// counts snapshots that are lost, repeated, out of order, or too late. Virtual time; a ledger of one.

import { expect, test } from "bun:test";
import { select } from "../../../src/load/merge.ts";
import type { JobPlan } from "../../../src/load/plan.ts";
import type { Series } from "../../../src/load/series.ts";
import type { AttemptId, Snapshot } from "../../../src/load/share.ts";
import { jobSpecOf } from "../../../src/node/job-spec.ts";
import { createEmbeddedLedger } from "../../../src/node/ledger-port.ts";
import type { ClientEvent, WorkerReport, WorkerRequest } from "../../../src/node/messages.ts";
import { Owner } from "../../../src/node/owner/owner.ts";
import type { Submission } from "../../../src/node/submission.ts";
import { createMemoryVault } from "../../../src/node/owner/vault.ts";
import { VirtualClock } from "../fake-world.ts";
import { BUNDLE, jobPlan, workflowPlan } from "../plans.ts";

/** An owner over a ledger of one, with workers and a follower that the test plays. */
class Scene {
  readonly clock = new VirtualClock();
  readonly ledger = createEmbeddedLedger(this.clock);
  readonly plans = new Map<string, Submission>();
  readonly workers = new Map<string, WorkerRequest[]>();
  readonly events: ClientEvent[] = [];
  readonly owner = new Owner({
    node: "m1",
    boot: "1",
    clock: this.clock,
    ledger: this.ledger,
    vault: createMemoryVault(({ id }) => this.plans.get(id) ?? { plan: jobPlan(), bundle: BUNDLE, retries: 0 }),
    order: (worker, _job, request) => void this.workers.get(worker)?.push(request),
    tell: (_job, event) => void this.events.push(event),
    finished: (_job, result) => void this.events.push({ kind: "finished", result }),
    note: () => {},
    reportMs: 100,
    viewMs: 100,
    startLeadMs: 0,
    caughtUpAtMs: () => this.clock.nowMs(),
    doesCheckpoint: false,
  });

  /** What the worker hears. */
  worker(node: string, cores: number): WorkerRequest[] {
    const heard: WorkerRequest[] = [];
    this.workers.set(node, heard);
    this.ledger.propose({ kind: "join", worker: node, boot: "1", cores, labels: {} });
    return heard;
  }

  submit(job: string, plan: JobPlan): void {
    this.plans.set(job, { plan, bundle: BUNDLE, retries: 0 });
    this.ledger.propose({ kind: "submit", job, digest: plan.name, submission: "", spec: jobSpecOf(plan, 0) });
    this.ledger.propose({ kind: "assign", job, owner: "m1", boot: "1" });
  }

  say(report: WorkerReport): void {
    this.owner.hear(report);
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
    generator: { seconds: 0, saturatedSeconds: 0, cpuSeconds: 0, loopLagMsMax: 0, loopLagMsP99: 0, stillMs: 0 },
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
  scene.submit("j", jobPlan(plan));
  await scene.clock.advance(0);
  const attempt = only(worker, "dispatch").at(0)?.attempt;
  if (attempt === undefined) throw new Error("nothing was dispatched");
  scene.say({ kind: "ready", attempt });
  await scene.clock.advance(0);
  expect(only(worker, "start")).toEqual([{ kind: "start", attempt, inMs: 0, jobElapsedMs: 0 }]);
  return { scene, worker, attempt };
}

test("[LD-50.2] [LD-45.4] loss, repetition and disorder of snapshots do no harm; what follows the seal is late and not summed", async () => {
  const { scene, worker, attempt } = await begun();
  for (const [seq, requests] of [
    [3, 30],
    [1, 10],
    [3, 30],
    [2, 20],
    [5, 50],
  ] as const) {
    scene.say({ kind: "snapshot", snapshot: snapshot(attempt, seq, requests) });
  }
  scene.say({ kind: "ended", attempt, valueJson: null, thrown: null });
  scene.say({ kind: "snapshot", snapshot: snapshot(attempt, 6, 57) });
  scene.say({ kind: "ended", attempt, valueJson: null, thrown: null });
  await scene.clock.advance(100);
  const [finished] = only(scene.events, "finished");
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
  expect(only(worker, "sealed")).toEqual([{ kind: "sealed", attempt }]);
  expect(only(scene.events, "finished").length).toBe(1);
});

test("the loop lag that is told is of the load: not of setup, where nothing was measured", async () => {
  const { scene, worker, attempt } = await begun({ setup: { timeoutMs: 10_000 } });
  const lagged = (lagMs: number): Partial<Snapshot> => ({
    generator: { seconds: 1, saturatedSeconds: 0, cpuSeconds: 0, loopLagMsMax: lagMs, loopLagMsP99: lagMs, stillMs: 0 },
  });
  expect(attempt.workflow).toBe("::setup");
  scene.say({ kind: "snapshot", snapshot: snapshot(attempt, 1, 0, lagged(30)) });
  scene.say({ kind: "ended", attempt, valueJson: null, thrown: null });
  await scene.clock.advance(0);
  const load = only(worker, "dispatch").at(1)?.attempt;
  if (load === undefined) throw new Error("nothing came after setup");
  scene.say({ kind: "ready", attempt: load });
  await scene.clock.advance(0);
  scene.say({ kind: "snapshot", snapshot: snapshot(load, 1, 0, lagged(2)) });
  scene.say({ kind: "ended", attempt: load, valueJson: null, thrown: null });
  await scene.clock.advance(100);
  expect(only(scene.events, "finished")[0]?.result).toMatchObject({ loopLagMsP99: 2, cores: [{ loopLagMsMax: 2 }] });
});

test("a job that is paused before its load begins is shown as paused", async () => {
  const scene = new Scene();
  scene.submit("j", jobPlan({}));
  await scene.clock.advance(1_000);
  const state = (): string | undefined => only(scene.events, "view").at(-1)?.view.state;
  expect(state()).toBe("preparing");
  scene.ledger.propose({ kind: "pause", job: "j", order: "o1" });
  await scene.clock.advance(1_000);
  expect(state()).toBe("paused");
  scene.ledger.propose({ kind: "resume", job: "j", order: "o2" });
  await scene.clock.advance(1_000);
  expect(state()).toBe("preparing");
});

test("a workflow that waits for cores shows why, and it is said once", async () => {
  const scene = new Scene();
  const eu = workflowPlan("eu", { requires: { region: "eu" } });
  scene.submit("j", jobPlan({ workflows: [eu] }));
  await scene.clock.advance(2_900);
  const waits = (): (string | null | undefined)[] =>
    only(scene.events, "view").map(({ view }) => view.workflows[0]?.waitsFor);
  expect(new Set(waits())).toEqual(new Set([null]));
  await scene.clock.advance(1_000);
  expect(waits().at(-1)).toBe("no worker is there");
  scene.worker("w1", 1);
  await scene.clock.advance(1_000);
  expect(waits().at(-1)).toBe("no worker has region=eu; those that are there have no labels");
  const said = { kind: "log", level: "warn", workflow: eu.name, text: "it waits for cores: no worker is there" };
  expect(only(scene.events, "log")).toEqual([expect.objectContaining(said)]);
});

test("[LD-22.2.2] reports about attempts it does not know change nothing", async () => {
  const { scene, worker, attempt } = await begun();
  const strange = { ...attempt, token: 999 };
  scene.say({ kind: "snapshot", snapshot: snapshot(strange, 1, 1_000) });
  scene.say({ kind: "ended", attempt: strange, valueJson: null, thrown: null });
  scene.say({ kind: "failed", attempt: { ...attempt, job: "x" }, cause: "crashed", message: "no" });
  await scene.clock.advance(500);
  expect(only(scene.events, "finished")).toEqual([]);
  expect(only(scene.events, "view").at(-1)?.view.requests).toBe(0);
});

test("[LD-30.1.3] [LD-21.2.3] a worker that leaves: its share moves to another from the newest snapshot held, and both are summed", async () => {
  const { scene, worker, attempt } = await begun();
  const other = scene.worker("w2", 1);
  scene.say({ kind: "snapshot", snapshot: snapshot(attempt, 4, 40) });
  await scene.clock.advance(400);
  scene.ledger.propose({ kind: "leave", worker: "w1", boot: "1", isCertain: true });
  await scene.clock.advance(0);
  const [moved] = only(other, "dispatch");
  expect(moved?.spec.resume).toEqual({ kind: "elapsed", elapsedMs: 400, feeds: {} });
  expect(moved?.attempt.token).toBeGreaterThan(attempt.token);
  if (moved === undefined) throw new Error("the share did not move");
  scene.say({ kind: "ready", attempt: moved.attempt });
  await scene.clock.advance(0);
  // It joins where the workflow is: started 400 ms ago.
  expect(only(other, "start")).toMatchObject([{ inMs: -400, jobElapsedMs: 0 }]);
  scene.say({ kind: "snapshot", snapshot: snapshot(attempt, 9, 44) });
  scene.say({ kind: "snapshot", snapshot: snapshot(moved.attempt, 1, 5, { elapsedMs: 600, isFinal: true }) });
  scene.say({ kind: "ended", attempt: moved.attempt, valueJson: null, thrown: null });
  await scene.clock.advance(100);
  const [finished] = only(scene.events, "finished");
  expect(select(finished?.result.workflows[0]?.series ?? [], "http_reqs", {})).toMatchObject({ count: 45 });
  expect(finished?.result).toMatchObject({
    state: "completed",
    late: 4,
    disturbed: [{ from: 400, to: 400, why: "worker w1 is gone" }],
  });
});

test("a failed attempt's open iterations, and what its board holds beyond its last cut, bound what is not reported", async () => {
  const failed = { kind: "failed", cause: "crashed", message: "boom", torn: { requests: 3, iterations: 2 } } as const;
  const outcomeOf = async (salvages: boolean): Promise<readonly unknown[]> => {
    const { scene, attempt } = await begun();
    scene.say({ kind: "snapshot", snapshot: snapshot(attempt, 2, 10) });
    const salvage = salvages ? { salvage: snapshot(attempt, 3, 13, { isFinal: true }) } : {};
    scene.say({ ...failed, attempt, ...salvage });
    await scene.clock.advance(100);
    return only(scene.events, "finished").flatMap(({ result: { state, unreportedMax, workflows } }) => {
      const cells = select(workflows[0]?.series ?? [], "http_reqs", {});
      return [state, unreportedMax, cells?.type === "counter" ? cells.count : 0];
    });
  };
  // Two iterations, each with at most one batch of 20 under way.
  expect(await outcomeOf(false)).toEqual(["failed", 43, 10]);
  // Nothing of its share runs again: all that its board held counts.
  expect(await outcomeOf(true)).toEqual(["failed", 40, 13]);
});

test("log lines and warnings reach the client, a warning once", async () => {
  const { scene, worker, attempt } = await begun();
  scene.say({ kind: "log", attempt, level: "info", text: "hello" });
  for (let time = 0; time < 3; time++) scene.say({ kind: "warning", attempt, text: "missing await?" });
  await scene.clock.advance(0);
  expect(only(scene.events, "log").map(({ level, workflow, text }) => [level, workflow, text])).toEqual([
    ["info", "default", "hello"],
    ["warn", "", "missing await?"],
  ]);
});

test("closed, it proposes and says nothing more", async () => {
  const { scene, worker, attempt } = await begun();
  scene.owner.close();
  const { length } = scene.events;
  scene.say({ kind: "ended", attempt, valueJson: null, thrown: null });
  await scene.clock.advance(5_000);
  expect(scene.events.length).toBe(length);
  expect(scene.clock.pending).toBe(0);
});
