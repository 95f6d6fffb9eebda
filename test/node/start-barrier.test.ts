// Goal: the shares of a workflow begin together on workers whose ways to their owner take unlike long and whose wall
// clocks are minutes apart, and the result says within what time they did. Method: a simulated cluster, in which the
// true instants are known.

import { expect, test } from "bun:test";
import { SimCluster } from "./sim-cluster.ts";
import { workflowPlan } from "./plans.ts";

/** One way, of a link's two. */
const DELAYS_MS = [0, 5, 20, 40] as const;
const SKEW_MS_MAX = 50;

function delayed(seed: number): SimCluster {
  const cluster = new SimCluster({ seed, managers: 3, workers: DELAYS_MS.length, cores: 1 });
  for (const [at, delayMs] of DELAYS_MS.entries()) {
    const worker = `w${at}`;
    cluster.host(worker).clock.jumpWall((at - 1) * 180_000);
    for (const manager of ["m0", "m1", "m2"]) {
      const link = { latencyMinMs: delayMs, latencyMeanMs: delayMs + 0.3 };
      cluster.network.setLink({ from: worker, to: manager, ...link });
      cluster.network.setLink({ from: manager, to: worker, ...link });
    }
  }
  return cluster;
}

test("[LD-24.2.1] [LD-53.8] shares on workers 0, 5, 20 and 40 ms away begin within 50 ms, and that is said", () => {
  const spreads: number[] = [];
  for (const seed of [1, 2]) {
    const cluster = delayed(seed);
    // Two renewals, so that every worker knows the managers' clocks.
    cluster.until(() => cluster.leader() !== null && cluster.workers.size === DELAYS_MS.length);
    cluster.run(4_000);
    const executor = { kind: "constant-vus", vus: 8, durationMs: 3_000 } as const;
    const result = cluster.finish(cluster.submit("c0", "job1", { workflows: [workflowPlan("default", { executor })] }));
    const starts = [...cluster.target.attempts.values()].flatMap(({ joined }) => joined?.startAtMs ?? []);
    expect(starts.length).toBe(DELAYS_MS.length);
    const spreadMs = Math.max(...starts) - Math.min(...starts);
    spreads.push(spreadMs);
    expect(spreadMs).toBeLessThan(SKEW_MS_MAX);
    expect(result.startSkewMsMax).toBeGreaterThanOrEqual(spreadMs - 1);
    // A promise: half of the two longest ways there and back, whatever part of them is which way.
    expect(result.startSkewMsMax).toBeLessThan(70);
  }
  // Workers that took the owner's word as it came would be apart by the longest delay.
  expect(Math.max(...spreads)).toBeLessThan(20);
}, 20_000);

test("on one worker nothing can be apart, and nothing is said of it", () => {
  const cluster = new SimCluster({ managers: 1, workers: 1, cores: 2 });
  const result = cluster.finish(cluster.submit("c0", "job1", {}));
  expect(result.startSkewMsMax).toBeUndefined();
  expect(result.vus?.vus.max).toBe(10);
});
