// Clocks that are wrong and networks that are slow or lossy for a while, with nobody dead: no node is taken for gone,
// no share moves, every request is counted once. Simulated clusters in virtual time.

import { expect, setDefaultTimeout, test } from "bun:test";
import { counted, type SimCluster, type Submitted } from "../node/sim-cluster.ts";
import { clusterUp, eventsOf, seen, statuses, steady } from "./cluster.ts";

setDefaultTimeout(60_000);

/** A job of four shares that has sent something. */
function running(cluster: SimCluster, seconds: number): Submitted {
  const submitted = cluster.submit("c0", "job1", { workflows: steady(seconds, { vus: 4 }) });
  cluster.until(() => seen(cluster) > 30);
  return submitted;
}

/** The job ends as if nothing had been: no share moved, no sample is missing. */
function expectUndisturbed(cluster: SimCluster, submitted: Submitted): void {
  const result = cluster.finish(submitted);
  expect(result).toMatchObject({ state: "completed", late: 0, unreportedMax: 0, disturbed: [] });
  expect(cluster.target.attempts.size).toBe(4);
  const { requests, unsent } = counted(result);
  expect(requests - unsent).toBe(seen(cluster));
}

/** Members that some manager holds for suspect or worse. */
function doubted(cluster: SimCluster): string[] {
  return statuses(cluster).flatMap(({ members }) =>
    members.filter(({ status }) => status === "dead" || status === "left").map(({ id }) => id),
  );
}

test("[LD-24.2.2] [LD-24.2.3] [LD-53.8] clocks that drift apart and wall clocks that jump disturb no job", () => {
  const cluster = clusterUp();
  const drifts = { m0: 300, m1: -300, m2: 150, w0: -200, w1: 250 };
  for (const [name, ppm] of Object.entries(drifts)) cluster.host(name).clock.setDrift(ppm);
  const submitted = running(cluster, 5);
  for (const [at, name] of ["w0", "m0", "w1", "m1", "m2"].entries()) {
    cluster.host(name).clock.jumpWall(at % 2 === 0 ? 500 : -3_600_000);
    cluster.run(700);
  }
  expectUndisturbed(cluster, submitted);
  const seconds = eventsOf(submitted, "second").map(({ window }) => window.second);
  expect(seconds).toEqual(seconds.map((_, at) => at));
});

test("[LD-24.1.3] half a second of latency for a few seconds is no failure", () => {
  const cluster = clusterUp();
  const submitted = running(cluster, 5);
  cluster.network.setLink({ latencyMinMs: 200, latencyMeanMs: 250 });
  cluster.run(3_000);
  expect(doubted(cluster)).toEqual([]);
  cluster.network.resetLinks();
  expectUndisturbed(cluster, submitted);
});

test("[LD-42.2.5] a tenth of all packets lost makes nobody dead and loses no sample", () => {
  const cluster = clusterUp();
  const submitted = running(cluster, 6);
  cluster.network.setLink({ lossProbability: 0.1 });
  for (let second = 0; second < 5; second++) {
    cluster.run(1_000);
    expect(doubted(cluster)).toEqual([]);
  }
  cluster.network.resetLinks();
  expectUndisturbed(cluster, submitted);
});

test("[LD-43.9] [LD-30.3.4] all workers silent for two seconds and back: nobody is evicted, no share moves", () => {
  const cluster = clusterUp();
  const submitted = running(cluster, 6);
  for (const name of ["w0", "w1"]) cluster.network.isolate(name);
  cluster.run(2_000);
  cluster.network.heal();
  cluster.run(2_000);
  expect(doubted(cluster)).toEqual([]);
  expectUndisturbed(cluster, submitted);
});
