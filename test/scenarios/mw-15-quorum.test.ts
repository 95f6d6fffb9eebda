// Nothing is dispatched that a majority of the managers has not agreed to: a dispatch is an entry of their log.
// Simulated clusters in virtual time. The rules of counting votes and copies are test/raft's.

import { expect, setDefaultTimeout, test } from "bun:test";
import { clusterUp, poolOf, steady } from "./cluster.ts";

setDefaultTimeout(60_000);

test("[MW-15.1.1] a core prepares a share only when a majority holds its dispatch", () => {
  const cluster = clusterUp({ workers: 1 });
  const submitted = cluster.submit("c0", "job1", { workflows: steady(1, { vus: 2 }) });
  let looked = 0;
  cluster.until(() => {
    for (const { id } of [...cluster.target.attempts.values()].slice(looked)) {
      looked++;
      const holders = [...cluster.managers.values()].filter((manager) => manager.view().raft.lastIndex >= id.token);
      expect(holders.length).toBeGreaterThanOrEqual(2);
    }
    return submitted.result !== null;
  });
  expect(looked).toBe(2);
});

test("[MW-15.1.4] [MW-15.3.1] without a majority nothing is dispatched; with it again, everything once", () => {
  const cluster = clusterUp();
  const leader = cluster.leader() ?? "";
  const others = [...cluster.managers.keys()].filter((name) => name !== leader);
  for (const name of others) cluster.kill(name);
  const submitted = cluster.submit("c0", "job1", { workflows: steady(1, { vus: 4 }) });
  cluster.run(8_000);
  expect([submitted.accepted, submitted.error, cluster.target.attempts.size]).toEqual([false, null, 0]);
  for (const name of others) cluster.restart(name);
  const result = cluster.finish(submitted);
  expect(result).toMatchObject({ state: "completed", unreportedMax: 0 });
  // What was asked for again and again in between was done once.
  expect([cluster.target.attempts.size, poolOf(cluster).jobs.size]).toEqual([4, 1]);
});
