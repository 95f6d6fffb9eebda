// Goal: one client may submit and follow the same job more than once, and all hear the same. Method: a simulated
// cluster, virtual time.

import { expect, setDefaultTimeout, test } from "bun:test";
import type { JobResult } from "../../src/load/result.ts";
import type { ClusterClient } from "../../src/node/client.ts";
import { scriptBundle } from "../../src/sim/script.ts";
import { clusterUp, steady } from "../scenarios/cluster.ts";
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
