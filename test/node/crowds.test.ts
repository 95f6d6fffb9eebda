// Goal: more submits than a manager takes from one client are refused with a time, come again by themselves, and none
// that was acknowledged is lost; the client is told in the end; a crowd that waits holds up neither cancels nor leaders.
// Method: a cluster of real managers on simulated machines, no workers, and clients that submit far beyond the limit.

import { describe, expect, test } from "bun:test";
import { HyperscaleError } from "../../src/base/error.ts";
import type { ClusterClient } from "../../src/node/cluster-client.ts";
import { BUNDLE, jobPlan } from "./plans.ts";
import { SimCluster } from "./sim-cluster.ts";

/** Of a test, on a machine that does other things too. */
const LIMIT_MS = 60_000;
const SUBMISSION = { plan: jobPlan(), bundle: BUNDLE, retries: 0 };

type Crowd = { readonly acknowledged: string[]; readonly errors: HyperscaleError[] };

/** A client that submits so many jobs at once. */
function crowd(cluster: SimCluster, name: string, count: number): Crowd {
  const seen: Crowd = { acknowledged: [], errors: [] };
  void cluster.client(name).then((client) => {
    for (let number = 0; number < count; number++) {
      const id = `${name}-${number}`;
      client.hand(id, SUBMISSION).then(
        () => seen.acknowledged.push(id),
        (error: unknown) => {
          if (error instanceof HyperscaleError) seen.errors.push(error);
        },
      );
    }
  });
  return seen;
}

function jobsAt(cluster: SimCluster, name: string): ReadonlySet<string> {
  return new Set(cluster.managers.get(name)?.view().ledger.jobs.keys() ?? []);
}

/** Opens a client and waits for it. */
function clientOf(cluster: SimCluster, name: string): ClusterClient {
  let client: ClusterClient | null = null;
  void cluster.client(name).then((opened) => (client = opened));
  cluster.until(() => client !== null);
  if (client === null) throw new Error("no client");
  return client;
}

describe("more submits than a client may make", () => {
  test(
    "are refused with a time and come again: all are acknowledged, none at more than the rate",
    () => {
      const cluster = new SimCluster({ workers: 0 });
      cluster.until(() => cluster.leader() !== null);
      const beganAtMs = cluster.kernel.nowMs;
      const seen = crowd(cluster, "c0", 160);
      cluster.until(() => seen.acknowledged.length === 160, 60_000);
      // A hundred at once, the other sixty at fifty a second.
      expect(cluster.kernel.nowMs - beganAtMs).toBeGreaterThan(1_000);
      expect(seen.errors).toEqual([]);
      cluster.run(2_000);
      for (const name of cluster.managers.keys()) expect(jobsAt(cluster, name)).toEqual(new Set(seen.acknowledged));
    },
    LIMIT_MS,
  );

  test(
    "[LD-41.18.2] from a client that keeps 64 under way get all of its rate, and each waits its turn and no longer",
    () => {
      const cluster = new SimCluster({ workers: 0 });
      cluster.until(() => cluster.leader() !== null);
      const waitsMs: number[] = [];
      const errors: unknown[] = [];
      const beganAtMs = cluster.kernel.nowMs;
      const endAtMs = beganAtMs + 5_000;
      void cluster.client("c0").then((client) => {
        const submitting = async (lane: number): Promise<void> => {
          for (let number = 0; cluster.kernel.nowMs < endAtMs; number++) {
            const askedAtMs = cluster.kernel.nowMs;
            await client.hand(`${lane}-${number}`, SUBMISSION).catch((error: unknown) => errors.push(error));
            waitsMs.push(cluster.kernel.nowMs - askedAtMs);
          }
        };
        for (let lane = 0; lane < 64; lane++) void submitting(lane);
      });
      cluster.until(() => cluster.kernel.nowMs >= endAtMs, 20_000);
      expect(errors).toEqual([]);
      // A hundred at once, and fifty a second.
      expect(waitsMs.length).toBeGreaterThan(0.98 * (100 + 5 * 50));
      expect(waitsMs.length).toBeLessThanOrEqual(100 + 5 * 50);
      // 64 turns of 20 ms.
      expect(Math.max(...waitsMs)).toBeLessThan(1_500);
    },
    LIMIT_MS,
  );

  test(
    "are given up when there is no room for as long as a client waits, with the limit; what was taken is there",
    () => {
      const cluster = new SimCluster({ workers: 0, submitRate: 2 });
      cluster.until(() => cluster.leader() !== null);
      const seen = crowd(cluster, "c0", 200);
      cluster.until(() => seen.acknowledged.length + seen.errors.length === 200, 120_000);
      expect(seen.errors.length).toBeGreaterThan(0);
      expect(seen.errors[0]?.code).toBe("cluster");
      expect(seen.errors[0]?.message).toMatch(/the job was refused for [\d.]+s: this manager takes 2 submits a second/);
      cluster.run(2_000);
      const leader = cluster.leader() ?? "";
      for (const id of seen.acknowledged) expect(jobsAt(cluster, leader).has(id)).toBe(true);
    },
    LIMIT_MS,
  );
});

describe("a crowd of jobs that wait", () => {
  test(
    "is there in full after all managers were killed; a cancel still ends one at once",
    () => {
      const cluster = new SimCluster({ workers: 0 });
      cluster.until(() => cluster.leader() !== null);
      const crowds = Array.from({ length: 2 }, (_, at) => crowd(cluster, `c${at}`, 100));
      cluster.until(() => crowds.every(({ acknowledged }) => acknowledged.length === 100), 120_000);
      for (const name of cluster.managers.keys()) cluster.kill(name);
      cluster.run(1_000);
      for (const name of cluster.managers.keys()) cluster.restart(name);
      cluster.until(() => cluster.leader() !== null);
      const client = clientOf(cluster, "reader");
      let listed: readonly string[] = [];
      void client.jobs().then((jobs) => (listed = jobs.map(({ id }) => id)));
      cluster.until(() => listed.length > 0);
      expect(new Set(listed)).toEqual(new Set(crowds.flatMap(({ acknowledged }) => acknowledged)));
      expect(listed).toHaveLength(200);
      const leader = cluster.managers.get(cluster.leader() ?? "");
      const last = listed.at(-1) ?? "";
      let isCancelled = false;
      void client.cancel(last, "other").then(() => (isCancelled = true));
      cluster.until(() => isCancelled, 3_000);
      cluster.until(() => leader?.status().jobs.find(({ id }) => id === last)?.state !== "open", 3_000);
    },
    LIMIT_MS,
  );
});
