// Nodes that stop in order while a load runs: what they had is handed on, nothing is lost, and everybody knows that
// they left. Simulated clusters in virtual time.

import { expect, setDefaultTimeout, test } from "bun:test";
import { counted, type SimCluster } from "../node/sim-cluster.ts";
import { clusterUp, jobOf, poolOf, seen, statuses, steady, workerId } from "./cluster.ts";

setDefaultTimeout(60_000);

/** Stops in order, then the process ends. */
function stop(cluster: SimCluster, name: string): void {
  let isOver = false;
  const node = cluster.managers.get(name) ?? cluster.workers.get(name);
  void node?.stop().then(() => {
    isOver = true;
    cluster.kill(name);
  });
  cluster.until(() => isOver, 20_000);
}

test("[LD-40.2.1] [LD-40.2.2] [LD-40.2.3] an owner that stops hands its job on: no share moves, nothing is lost", () => {
  const cluster = clusterUp();
  const submitted = cluster.submit("c0", "job1", { workflows: steady(6, { vus: 4 }) });
  cluster.until(() => seen(cluster) > 40);
  const owner = cluster.ownerOf("job1") ?? "";
  const node = cluster.managers.get(owner)?.view().node ?? "";
  const token = jobOf(cluster)?.owner?.token ?? 0;
  stop(cluster, owner);
  // The workers know that it left: they have not lost it.
  const told = () =>
    [...cluster.workers.values()].map((worker) => worker.status().members.find(({ id }) => id === node));
  cluster.until(() => told().every((member) => member?.status === "left"), 5_000);
  cluster.until(() => (jobOf(cluster)?.owner?.token ?? 0) > token, 5_000);
  const result = cluster.finish(submitted);
  expect(result).toMatchObject({ state: "completed", late: 0, unreportedMax: 0 });
  expect(cluster.target.attempts.size).toBe(4);
  const { requests, unsent } = counted(result);
  expect(requests - unsent).toBe(seen(cluster));
});

test("[LD-40.2.4] an owner that stops gives its job away before it leaves: it never goes without an owner", () => {
  const cluster = clusterUp();
  const submitted = cluster.submit("c0", "job1", { workflows: steady(12, { vus: 4 }) });
  cluster.until(() => seen(cluster) > 40);
  const owner = cluster.ownerOf("job1") ?? "";
  const nodeOf = (name: string): string => cluster.managers.get(name)?.view().node ?? "";
  let isOver = false;
  void cluster.managers
    .get(owner)
    ?.stop()
    .then(() => (isOver = true));
  // It still runs, says so, and the job is another's already.
  cluster.until(() => jobOf(cluster)?.owner?.node !== nodeOf(owner), 1_000);
  expect(isOver).toBe(false);
  const known = statuses(cluster).flatMap(({ members }) => members.filter(({ id }) => id === nodeOf(owner)));
  expect(known.some(({ status }) => status === "left")).toBe(false);
  cluster.until(() => isOver, 10_000);
  cluster.kill(owner);
  const result = cluster.finish(submitted);
  expect(result).toMatchObject({ state: "completed", late: 0, unreportedMax: 0 });
  expect(cluster.target.attempts.size).toBe(4);
  const { requests, unsent } = counted(result);
  expect(requests - unsent).toBe(seen(cluster));
});

test("[LD-40.3.2] a worker that stops takes its cores out of the pool, and its shares hold none any more", () => {
  const cluster = clusterUp();
  const submitted = cluster.submit("c0", "job1", { workflows: steady(7, { vus: 4 }) });
  cluster.until(() => seen(cluster) > 20);
  const id = workerId(cluster, "w1");
  stop(cluster, "w1");
  expect([...poolOf(cluster).workers.keys()]).toEqual([workerId(cluster, "w0")]);
  const live = [...(jobOf(cluster)?.workflows.values() ?? [])].flatMap(({ shares }) =>
    shares.flatMap(({ attempts }) => attempts.filter(({ state }) => state !== "sealed")),
  );
  expect(live.length).toBeGreaterThan(0);
  expect(live.some(({ worker }) => worker === id)).toBe(false);
  for (const { workers } of statuses(cluster)) expect(workers.map((worker) => worker.id)).not.toContain(id);
  const result = cluster.finish(submitted);
  expect(result.state).toBe("completed");
  const { requests, unsent } = counted(result);
  expect(requests - unsent).toBe(seen(cluster));
});
