// What the managers know of the workers is in the ledger: one that hears of nothing for a while, or was not there,
// knows the same afterwards, and a worker that is linked to one manager alone is known to all. Simulated clusters.

import { expect, setDefaultTimeout, test } from "bun:test";
import { clusterUp, statuses, workerId } from "./cluster.ts";

setDefaultTimeout(60_000);

test("[LD-41.12.2] [LD-41.12.5] a manager that missed a worker's coming, cut off or down, knows it once it is back", () => {
  const cluster = clusterUp({ workers: 1 });
  const [cut = "", down = ""] = [...cluster.managers.keys()].filter((name) => name !== cluster.leader());
  const known = () => statuses(cluster).map(({ workers }) => workers.map(({ id }) => id).sort());
  cluster.until(() => known().every((ids) => ids.length === 1), 5_000);
  cluster.network.isolate(cut);
  cluster.startWorker("w1");
  const workers = () => [workerId(cluster, "w0"), workerId(cluster, "w1")].sort();
  cluster.until(() => cluster.workers.has("w1") && known().filter((ids) => ids.length === 2).length === 2, 15_000);
  expect(known().filter((ids) => ids.length === 1)).toHaveLength(1);
  cluster.network.heal();
  cluster.until(() => known().every((ids) => ids.length === 2), 15_000);
  cluster.kill(down);
  cluster.startWorker("w2");
  cluster.until(() => known().every((ids) => ids.length === 3), 15_000);
  cluster.restart(down);
  cluster.until(() => statuses(cluster).length === 3 && known().every((ids) => ids.length === 3), 15_000);
  expect(known()[0]).toEqual([...workers(), workerId(cluster, "w2")].sort());
});
