// What any manager can be asked about the workers: how many there are, with how many cores, and whom it holds for gone.
// A simulated cluster in virtual time.

import { expect, setDefaultTimeout, test } from "bun:test";
import { clusterUp, seen, statuses, steady, workerId } from "./cluster.ts";

setDefaultTimeout(60_000);

test("[MW-16.3.1] [MW-16.3.2] [LD-41.12.1] every manager counts the workers, their cores and those that are gone, the same", () => {
  const cluster = clusterUp({ workers: 3 });
  const submitted = cluster.submit("c0", "job1", { workflows: steady(30, { vus: 6 }) });
  cluster.until(() => seen(cluster) > 20);
  const view = () =>
    statuses(cluster).map(({ workers, members }) => ({
      workers: workers.length,
      cores: workers.reduce((sum, worker) => sum + worker.cores, 0),
      busy: workers.reduce((sum, worker) => sum + worker.busy, 0),
      gone: members.filter(({ role, status }) => role === "worker" && status === "dead").map(({ id }) => id),
    }));
  expect(view()).toEqual(Array(3).fill({ workers: 3, cores: 6, busy: 6, gone: [] }));
  const killed = workerId(cluster, "w2");
  cluster.kill("w2");
  cluster.until(() => view().every(({ workers, gone }) => workers === 2 && gone.includes(killed)), 15_000);
  expect(view().map(({ cores }) => cores)).toEqual([4, 4, 4]);
  submitted.job.cancel();
  cluster.finish(submitted);
  expect(view().map(({ busy }) => busy)).toEqual([0, 0, 0]);
});
