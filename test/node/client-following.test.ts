// Goal: one client may submit and follow the same job more than once, and all hear the same; a view is told when it
// changed, when somebody new follows, and else now and then; a client that stood still misses nothing. Method: a simulated cluster, virtual time.

import { expect, setDefaultTimeout, test } from "bun:test";
import type { JobResult } from "../../src/load/result.ts";
import type { ClusterClient } from "../../src/node/cluster-client.ts";
import type { LiveEvent } from "../../src/node/messages.ts";
import { scriptBundle } from "../../src/sim/script.ts";
import { clusterUp, eventsOf, steady } from "../scenarios/cluster.ts";
import { jobPlan } from "./plans.ts";

setDefaultTimeout(60_000);

test("a job submitted twice and followed by one client tells all three of its course and its result", () => {
  const cluster = clusterUp();
  const opened: { client: ClusterClient | null } = { client: null };
  void cluster.client("c0").then((client) => void (opened.client = client));
  cluster.until(() => opened.client !== null);
  const submission = { plan: jobPlan({ workflows: steady(2) }), bundle: scriptBundle({}, "job1"), retries: 0 };
  const views = [0, 0, 0];
  const results: JobResult[] = [];
  const hear = (at: number) => (): void => void (views[at] = (views[at] ?? 0) + 1);
  const followed = [
    opened.client?.submit("job1", submission, hear(0)),
    opened.client?.submit("job1", submission, hear(1)),
  ];
  cluster.run(1_000);
  followed.push(opened.client?.follow("job1", hear(2)));
  for (const job of followed) void job?.result.then((result) => void results.push(result));
  cluster.until(() => results.length === 3, 30_000);
  expect(new Set(results.map(({ id, state }) => `${id} ${state}`))).toEqual(new Set(["job1 completed"]));
  for (const heard of views) expect(heard).toBeGreaterThan(1);
  opened.client?.close();
});

test("a client that is cut off and whose manager dies is told by another which seconds it missed, each once and in order", () => {
  for (const seed of [1, 2, 3]) {
    const cluster = clusterUp({ seed });
    const opened: { client: ClusterClient | null } = { client: null };
    void cluster.client("c0").then((client) => void (opened.client = client));
    cluster.until(() => opened.client !== null);
    const seconds: number[] = [];
    const results: JobResult[] = [];
    const submission = { plan: jobPlan({ workflows: steady(12) }), bundle: scriptBundle({}, "job1"), retries: 0 };
    const hear = (event: LiveEvent): void => void (event.kind === "second" && seconds.push(event.window.second));
    void opened.client?.submit("job1", submission, hear).result.then((result) => void results.push(result));
    cluster.until(() => seconds.length >= 3);
    // Whoever owns the job goes on: it is the client's own manager that goes, which is another where it can be.
    const mine = opened.client?.contact().address?.host ?? "";
    if (mine === cluster.ownerOf("job1")) continue;
    cluster.network.isolate("c0");
    cluster.run(2_500);
    cluster.kill(mine);
    cluster.network.heal();
    cluster.until(() => results.length === 1, 40_000);
    expect(seconds).toEqual([...seconds.keys()]);
    expect(seconds.length).toBeGreaterThanOrEqual(12);
    opened.client?.close();
    return;
  }
  throw new Error("in no run the client's manager was another than the owner");
});

test("a job that waits is shown now and then, at once to who comes later, and more often when it runs", () => {
  const cluster = clusterUp({ workers: 0 });
  const opened: ClusterClient[] = [];
  for (const name of ["c0", "c1", "c2"]) void cluster.client(name).then((client) => void opened.push(client));
  cluster.until(() => opened.length === 3);
  const [client, ...others] = opened;
  const submission = { plan: jobPlan({ workflows: steady(8) }), bundle: scriptBundle({}, "job1"), retries: 0 };
  const views = { first: 0, late: 0 };
  const count = (who: "first" | "late") => (event: LiveEvent) => void (views[who] += Number(event.kind === "view"));
  client?.submit("job1", submission, count("first"));
  // By then it has said what it waits for.
  cluster.run(5_000);
  views.first = 0;
  cluster.run(14_000);
  expect(views.first).toBeGreaterThanOrEqual(7);
  expect(views.first).toBeLessThanOrEqual(11);
  for (const other of others) other.follow("job1", count("late"));
  cluster.run(200);
  expect(views.late).toBe(2);
  cluster.startWorker("w0");
  cluster.run(4_000);
  views.first = 0;
  cluster.run(3_000);
  expect(views.first).toBeGreaterThanOrEqual(5);
  for (const each of opened) each.close();
});

test("a client that stood still for 11 s hears every second that was told meanwhile", () => {
  const cluster = clusterUp();
  const submitted = cluster.submit("c0", "job1", { workflows: steady(20) });
  const seconds = (): readonly number[] => eventsOf(submitted, "second").map(({ window }) => window.second);
  cluster.until(() => seconds().length === 3);
  cluster.host("c0").pause();
  cluster.run(11_000);
  cluster.host("c0").resume();
  let isOver = false;
  void submitted.job.result.then(() => void (isOver = true));
  cluster.until(() => isOver);
  expect(seconds()).toEqual(Array.from(seconds(), (_, at) => at));
  expect(seconds().length).toBeGreaterThanOrEqual(20);
});
