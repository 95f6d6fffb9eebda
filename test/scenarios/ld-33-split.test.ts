// A network cut in two: the side without a majority decides nothing, an owner on it loses its job, and a share never
// runs on both sides at once. Replicas and whole clusters on simulated hosts, in virtual time.

import { expect, setDefaultTimeout, test } from "bun:test";
import type { TrueAttempt } from "../../src/sim/target.ts";
import { Books } from "../node/ledger-books.ts";
import { Managers } from "../node/sim-managers.ts";
import { counted, type SimCluster } from "../node/sim-cluster.ts";
import { clusterUp, jobOf, seen, steady } from "./cluster.ts";

setDefaultTimeout(60_000);

function split(cluster: Pick<SimCluster, "network">, left: readonly string[], right: readonly string[]): void {
  for (const one of left) {
    for (const other of right) {
      cluster.network.cut(one, other);
      cluster.network.cut(other, one);
    }
  }
}

test("[LD-33.1.1] [LD-33.1.3] of five, two with the old leader decide nothing and three go on; healed, all agree", () => {
  const books = new Books();
  const names = ["m1", "m2", "m3", "m4", "m5"];
  const managers = new Managers({ seed: 5, names, onOpen: (_, replica) => books.watch(replica) });
  managers.until("a leader", () => managers.leaders().length === 1);
  const before = managers.leader();
  const [second] = managers.all.filter((manager) => manager !== before);
  if (second === undefined) throw new Error("there are five");
  const minority = [before, second];
  const majority = managers.all.filter((manager) => !minority.includes(manager));
  const hosts = (some: typeof minority): string[] => some.map(({ host }) => host.name);
  split(managers, hosts(minority), hosts(majority));
  const left = minority.map((manager) => books.submit(manager));
  const right = majority.map((manager) => books.submit(manager));
  managers.until("the majority decides", () => right.every((job) => books.outcome(job)?.kind === "applied"));
  managers.run(3_000);
  expect(left.map((job) => books.outcome(job))).toEqual([null, null]);
  for (const { replica } of minority) expect(replica?.state.jobs.size).toBe(0);
  managers.network.heal();
  managers.until("nothing is left open", () => [...left, ...right].every((job) => books.outcome(job) !== null));
  managers.untilSettled();
  for (const manager of managers.all) {
    books.check(manager);
    expect(manager.replica?.state).toEqual(before.replica?.state);
  }
});

test("[LD-33.1.2] [LD-33.2.2] [LD-41.3.4] an owner cut off with a worker loses the job; no share runs on both sides at once", () => {
  const cluster = clusterUp();
  const submitted = cluster.submit("c0", "job1", { workflows: steady(24, { vus: 4 }) });
  cluster.until(() => seen(cluster) > 40);
  const owner = cluster.ownerOf("job1") ?? "";
  const others = [...cluster.managers.keys()].filter((name) => name !== owner);
  split(cluster, [owner, "w0"], [...others, "w1", "c0"]);
  const tokenBefore = jobOf(cluster)?.owner?.token ?? 0;
  cluster.run(17_000);
  // What the worker went on to tell the old owner was never committed.
  const oldView = cluster.managers.get(owner)?.view().ledger.jobs.get("job1");
  expect(oldView?.owner?.token).toBe(tokenBefore);
  const newView = cluster.managers
    .get(others[0] ?? "")
    ?.view()
    .ledger.jobs.get("job1");
  expect(newView?.owner?.token).toBeGreaterThan(tokenBefore);
  cluster.network.heal();
  const result = cluster.finish(submitted);
  expect(result.state).toBe("completed");
  expect(cluster.target.attempts.size).toBeGreaterThan(4);
  expect(overlaps([...cluster.target.attempts.values()])).toEqual([]);
  const { requests, unsent } = counted(result);
  expect(requests - unsent).toBeLessThanOrEqual(seen(cluster));
  expect(seen(cluster) - (requests - unsent)).toBeLessThanOrEqual(result.unreportedMax + result.late);
});

test("[LD-33.3.2] [LD-33.3.4] a whole datacenter cut off from its client goes on, and hands over what it has when it is back", () => {
  const cluster = clusterUp();
  const submitted = cluster.submit("c0", "job1", { workflows: steady(6, { vus: 4 }) });
  cluster.until(() => seen(cluster) > 20);
  const heardBefore = submitted.events.length;
  split(cluster, ["c0"], [...cluster.managers.keys(), ...cluster.workers.keys()]);
  cluster.until(() => jobOf(cluster)?.phase === "finished", 30_000);
  expect(submitted.result).toBeNull();
  expect(submitted.events.length - heardBefore).toBeLessThan(5);
  cluster.network.heal();
  const result = cluster.finish(submitted, 60_000);
  expect(result).toMatchObject({ state: "completed", late: 0, unreportedMax: 0, disturbed: [] });
  const { requests, unsent } = counted(result);
  expect(requests - unsent).toBe(seen(cluster));
});

/** Pairs of attempts of one share of which the older still sent when the newer had begun. */
function overlaps(attempts: readonly TrueAttempt[]): string[] {
  return attempts.flatMap((older) =>
    attempts.flatMap((newer) => {
      const isPair = older.id.share === newer.id.share && older.id.token < newer.id.token;
      return isPair && older.lastAtMs > newer.firstAtMs ? [`${older.id.token} and ${newer.id.token}`] : [];
    }),
  );
}
