// Scenarios MW-6, workers that fail: goal, that it is noticed, that work moves when nobody can do it twice, and that what
// was measured counts. Method: whole nodes on a simulated network, in virtual time; cores by entries.

import { expect, test } from "bun:test";
import { liveAttempts } from "../../src/ledger/job.ts";
import { survey } from "../../src/ledger/placement.ts";
import { FAILED, started, workflow } from "../ledger/harness.ts";
import { counted, type SimCluster } from "../node/sim-cluster.ts";
import { clusterUp, jobOf, poolOf, seen, statuses, steady, workerId } from "./cluster.ts";

/** The job's live attempts on one host. */
function attemptsOn(cluster: SimCluster, host: string) {
  const job = jobOf(cluster);
  const id = workerId(cluster, host);
  const of = job === null ? [] : [...job.workflows.values()].flatMap((one) => liveAttempts(job, one));
  return of.map(({ attempt }) => attempt).filter(({ worker }) => worker === id);
}

/** Hosts of all attempts that any core prepared, in the order of their dispatch. */
function prepared(cluster: SimCluster): string[] {
  return [...cluster.target.attempts.values()].sort((a, b) => a.id.token - b.id.token).map(({ node }) => node);
}

test("[MW-6.1.1] [MW-6.1.2] a worker that dies is noticed in seconds; its shares are marked, and wait for certainty", () => {
  const cluster = clusterUp({ managers: 1 });
  cluster.submit("c0", "job1", { workflows: steady(30) });
  cluster.until(() => seen(cluster) > 100, 10_000);
  const attempts = attemptsOn(cluster, "w0");
  expect(attempts.map(({ lost }) => lost)).toEqual([null, null]);
  const diedAtMs = cluster.kernel.nowMs;
  cluster.host("w0").crash();
  cluster.until(() => statuses(cluster)[0]?.members.some(({ status }) => status === "dead") === true, 10_000);
  expect(cluster.kernel.nowMs - diedAtMs).toBeLessThan(6_000);
  cluster.until(() => attempts.every(({ lost }) => lost !== null), 2_000);
  // A machine that says nothing may still send: its shares are nobody else's yet.
  cluster.run(2_000);
  expect(attempts.map(({ state, lost }) => [state, lost?.isCertain])).toEqual([
    ["running", false],
    ["running", false],
  ]);
  expect(attemptsOn(cluster, "w1").map(({ lost }) => lost)).toEqual([null, null]);
  expect(prepared(cluster).length).toBe(4);
});

test("[MW-6.2.1] [MW-6.2.2] [MW-3.5.1] one that never answers its dispatch loses it after its time, to one that answers", () => {
  const cluster = clusterUp({ managers: 1 });
  const w0 = workerId(cluster, "w0");
  const submitted = cluster.submit("c0", "job1", { workflows: steady(3) });
  cluster.until(() => attemptsOn(cluster, "w0").length === 2, 10_000);
  cluster.network.isolate("w0");
  const orderedAtMs = cluster.kernel.nowMs;
  cluster.until(() => seen(cluster) > 0, 30_000);
  // 3 s and 1.1 leases: until then an owner before this one might have let it go on.
  expect(cluster.kernel.nowMs - orderedAtMs).toBeGreaterThan(10_000);
  expect(attemptsOn(cluster, "w0")).toEqual([]);
  expect(attemptsOn(cluster, "w1").length).toBe(4);
  expect(poolOf(cluster).workers.has(w0)).toBe(false);
  const result = cluster.finish(submitted);
  expect(result).toMatchObject({ state: "completed", unreportedMax: 0 });
  const { requests, unsent } = counted(result);
  expect(requests - unsent).toBe(seen(cluster));
  // Nothing ran there; heard of again, it is asked again.
  for (const { node, seen: requestsSeen } of cluster.target.attempts.values())
    expect(node === "w0" && requestsSeen > 0).toBe(false);
  cluster.network.heal();
  cluster.until(() => poolOf(cluster).workers.has(w0), 20_000);
});

test("[MW-6.2.3] when all fail one after the other the job fails, and the client is told of whom", () => {
  const cluster = clusterUp({ managers: 1, cores: 1 });
  const [w0, w1] = [workerId(cluster, "w0"), workerId(cluster, "w1")];
  const submitted = cluster.submit("c0", "job1", { workflows: steady(50, { vus: 1 }) });
  cluster.until(() => seen(cluster) > 10, 10_000);
  const [first = "", second = ""] = prepared(cluster)[0] === "w0" ? ["w0", "w1"] : ["w1", "w0"];
  cluster.kill(first);
  cluster.until(() => prepared(cluster).at(-1) === second, 15_000);
  cluster.run(2_000);
  cluster.kill(second);
  const result = cluster.finish(submitted, 20_000);
  expect(result).toMatchObject({ state: "failed", errorCode: "failed" });
  for (const id of [w0, w1]) expect(result.reason).toContain(id);
  const { requests, unsent } = counted(result);
  expect(seen(cluster) - (requests - unsent)).toBeLessThanOrEqual(result.unreportedMax);
});

test("[MW-6.3.1] [MW-6.3.3] a result that nobody heard is asked for when the worker is back: nothing runs twice", () => {
  const cluster = clusterUp({ managers: 1 });
  const submitted = cluster.submit("c0", "job1", { workflows: steady(4) });
  cluster.until(() => seen(cluster) > 200, 10_000);
  cluster.network.isolate("w0");
  cluster.run(6_000);
  // It has ended its shares, and only it knows.
  expect(attemptsOn(cluster, "w0").map(({ state }) => state)).toEqual(["running", "running"]);
  expect(
    cluster.workers
      .get("w0")
      ?.view()
      .held.map(({ state }) => state),
  ).toEqual(["over", "over"]);
  expect(submitted.result).toBeNull();
  cluster.network.heal();
  const result = cluster.finish(submitted, 20_000);
  expect(result).toMatchObject({ state: "completed", unreportedMax: 0, late: 0 });
  const { requests, unsent } = counted(result);
  expect(requests - unsent).toBe(seen(cluster));
  expect(prepared(cluster).length).toBe(4);
  cluster.until(() => cluster.workers.get("w0")?.view().held.length === 0, 5_000);
});

test("[MW-6.4.3] a share that fails among others that do not: all cores come free, for the next job", () => {
  const harness = started(4);
  harness.submit([workflow("b", { priority: "exclusive" })], { job: "next" });
  harness.ready("a");
  const [failing, ...others] = harness.live("a");
  if (failing === undefined) throw new Error("nothing runs");
  harness.seal(failing, FAILED);
  expect(survey(harness.state).free).toBe(1);
  expect(harness.states("next")).toEqual({ b: "queued" });
  for (const id of others) harness.seal(id);
  expect(harness.job().outcome?.state).toBe("failed");
  expect(harness.live("b", "next").length).toBe(4);
  harness.run("b", undefined, "next");
  expect(survey(harness.state).free).toBe(4);
});
