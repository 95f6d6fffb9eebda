// Scenarios MW-9, the progress of a job: goal, that it goes to the job's owner at its interval, is summed there over all
// workers, and reaches a client wherever it asks. Method: whole nodes on a simulated network; the worker alone.

import { expect, test } from "bun:test";
import type { LiveEvent } from "../../src/node/messages.ts";
import { workflowPlan } from "../node/plans.ts";
import { counted, type Submitted } from "../node/sim-cluster.ts";
import { select } from "../../src/load/merge.ts";
import { jobPlan } from "../node/plans.ts";
import { scriptBundle } from "../../src/sim/script.ts";
import { clusterUp, eventsOf, seen, steady } from "./cluster.ts";
import { attemptOf, cutOf, M1, TenantScene } from "./tenant-scene.ts";

test("[MW-9.2.2] a core says what it measured once a second, and once more at its end", () => {
  const cluster = clusterUp({ managers: 1 });
  cluster.finish(cluster.submit("c0", "job1", { workflows: steady(5, { gracefulStopMs: 0 }) }));
  const cuts = [...cluster.target.attempts.values()].map((attempt) => attempt.cuts.map(({ seq }) => seq));
  expect(cuts).toEqual(Array.from({ length: 4 }, () => [1, 2, 3, 4, 5, 6].slice(0, cuts[0]?.length)));
  expect([5, 6]).toContain(cuts[0]?.length ?? 0);
});

test("[MW-9.1.2] [MW-9.1.3] [MW-9.4.2] the owner sums over the cores of all workers: totals, rates, checks, iterations", () => {
  const cluster = clusterUp({ managers: 1 });
  const submitted = cluster.submit("c0", "job1", { workflows: steady(4, { vus: 20, gracefulStopMs: 0 }) });
  const result = cluster.finish(submitted);
  const views = eventsOf(submitted, "view").map(({ view }) => view);
  // While it runs nothing is shown that was not sent, by any of the four cores of two workers.
  const running = views.filter(({ state, requestsPerSecond }) => state === "running" && requestsPerSecond > 0);
  const middle = running.at(-1);
  expect(middle?.cores.length).toBe(4);
  expect(middle?.workflows.map(({ vus }) => vus)).toEqual([20]);
  for (const { requests } of views) expect(requests).toBeLessThanOrEqual(counted(result).requests);
  const window = eventsOf(submitted, "second").findLast(({ window: one }) => one.second === 2)?.window;
  const iterations = select(window?.series ?? [], "iterations", {});
  // 20 VUs of 100 ms an iteration.
  expect(iterations?.type === "counter" && iterations.sum).toBeGreaterThan(150);
  const rates = views.map(({ iterationsPerSecond }) => iterationsPerSecond);
  expect(rates).toContain(iterations?.type === "counter" ? iterations.sum : -1);
  const last = views.at(-1);
  const [workflow] = result.workflows;
  const { completed = 0, interrupted = 0, started = 0 } = workflow?.accounting ?? {};
  expect(last).toMatchObject({
    state: "ended",
    requests: counted(result).requests,
    checks: { passes: completed, fails: 0 },
    workflows: [{ completed, interrupted }],
  });
  expect(interrupted).toBeGreaterThan(0);
  expect(completed + interrupted).toBe(started);
  expect(counted(result).requests - counted(result).unsent).toBe(seen(cluster));
});

test("[MW-9.4.1] a worker says it to the owner of the job alone, and to the next owner from its first word on", async () => {
  const scene = new TenantScene();
  const attempt = attemptOf(5);
  await scene.run(attempt);
  const cut = async (seq: number): Promise<void> => {
    scene.report({ kind: "snapshot", snapshot: cutOf(attempt, seq, seq * 10) });
    await scene.clock.advance(0);
  };
  for (const seq of [1, 2]) await cut(seq);
  scene.renew({ manager: "m2", token: 20 });
  for (const seq of [3, 4]) await cut(seq);
  expect(scene.streamed.map(({ manager, part }) => [manager, part.ownerToken, part.cut.seq])).toEqual([
    ["m1", M1.token, 1],
    ["m1", M1.token, 2],
    ["m2", 20, 3],
    ["m2", 20, 4],
  ]);
});

test("[MW-9.4.3] a manager passes on the progress of jobs that others own, to a client that knows only it", () => {
  const cluster = clusterUp({ workers: 1, cores: 3 });
  const jobs = ["job1", "job2", "job3"];
  const heard = new Map(jobs.map((job): readonly [string, Submitted["events"]] => [job, []]));
  const ended = new Set<string>();
  const workflows = [workflowPlan("default", { executor: { kind: "constant-vus", vus: 1, durationMs: 3_000 } })];
  void cluster.client("c0").then((client) => {
    for (const job of jobs) {
      const submission = { plan: jobPlan({ workflows }), bundle: scriptBundle({}, job), retries: 0 };
      const onEvent = (event: LiveEvent): void => void heard.get(job)?.push(event);
      void client.submit(job, submission, onEvent).result.then(() => ended.add(job));
    }
  });
  cluster.until(() => jobs.every((job) => cluster.ownerOf(job) !== null), 10_000);
  // One client, one manager; each job has an owner of its own.
  expect(new Set(jobs.map((job) => cluster.ownerOf(job))).size).toBe(3);
  cluster.until(() => ended.size === 3, 20_000);
  for (const events of heard.values()) {
    const shown = events.flatMap((event) => (event.kind === "view" ? [event.view.requests] : []));
    expect(shown.filter((requests) => requests > 0).length).toBeGreaterThan(2);
    const seconds = events.flatMap((event) => (event.kind === "second" ? [event.window.second] : []));
    expect(seconds.slice(0, 3)).toEqual([0, 1, 2]);
  }
});
