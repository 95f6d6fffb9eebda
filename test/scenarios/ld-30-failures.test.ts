// What fails while much is under way: a manager that owns many shares, a network cut in a ramp, a limit that passes
// while nobody can be reached. Simulated clusters in virtual time.

import { expect, setDefaultTimeout, test } from "bun:test";
import { LEASE_MS } from "../../src/node/lease.ts";
import { workflowPlan } from "../node/plans.ts";
import { counted } from "../node/sim-cluster.ts";
import { clusterUp, jobOf, seen, steady } from "./cluster.ts";

setDefaultTimeout(60_000);

test("[LD-30.1.1] the manager that owns a job of many shares dies: all go on under the next, none is started anew", () => {
  const cluster = clusterUp({ cores: 12 });
  const submitted = cluster.submit(
    "c0",
    "job1",
    { workflows: steady(6, { vus: 24 }) },
    { default: { latencyMs: 400 } },
  );
  cluster.until(() => seen(cluster) > 100);
  expect(cluster.target.attempts.size).toBe(24);
  const token = jobOf(cluster)?.owner?.token ?? 0;
  cluster.kill(cluster.ownerOf("job1") ?? "");
  const result = cluster.finish(submitted);
  expect(jobOf(cluster)?.owner?.token).toBeGreaterThan(token);
  expect(result).toMatchObject({ state: "completed", late: 0, unreportedMax: 0 });
  expect(cluster.target.attempts.size).toBe(24);
  const { requests, unsent } = counted(result);
  expect(requests - unsent).toBe(seen(cluster));
});

test("[LD-30.1.4] [LD-36.4.3] a manager cut off in the midst of a ramp: the ramp goes on as planned, all is counted", () => {
  const cluster = clusterUp();
  const stages = [
    { durationMs: 6_000, target: 12 },
    { durationMs: 4_000, target: 0 },
  ];
  const executor = { kind: "ramping-vus", startVus: 0, stages, gracefulRampDownMs: 1_000 } as const;
  const submitted = cluster.submit("c0", "job1", { workflows: [workflowPlan("default", { executor })] });
  cluster.until(() => seen(cluster) > 30);
  const owner = cluster.ownerOf("job1") ?? "";
  cluster.network.isolate(owner);
  cluster.run(5_000);
  cluster.network.heal();
  const result = cluster.finish(submitted);
  expect(result).toMatchObject({ state: "completed", unreportedMax: 0 });
  expect(cluster.target.attempts.size).toBe(4);
  const { requests, unsent } = counted(result);
  expect(requests - unsent).toBe(seen(cluster));
});

test("[LD-31.2.4] a limit that passes while the worker is cut off ends the job by name, after the lease at the latest", () => {
  const cluster = clusterUp({ workers: 1 });
  const submitted = cluster.submit(
    "c0",
    "job1",
    { setup: { timeoutMs: 3_000 }, workflows: steady(5, { vus: 2 }) },
    { "::setup": { doesHang: true } },
  );
  cluster.until(() => jobOf(cluster)?.workflows.get("::setup")?.state === "running");
  cluster.network.isolate("w0");
  const cutAtMs = cluster.kernel.nowMs;
  const result = cluster.finish(submitted, 60_000);
  expect(result).toMatchObject({ state: "failed", errorCode: "setup-timeout" });
  expect(cluster.kernel.nowMs - cutAtMs).toBeLessThan(1.1 * LEASE_MS + 5_000);
  expect(result.workflows.map(({ name }) => name)).not.toContain("::teardown");
});
