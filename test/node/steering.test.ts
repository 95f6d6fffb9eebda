// Goal: a job that is paused, resumed and scaled keeps every promise, whoever dies or is cut off meanwhile: nothing is
// sent in a pause, the schedule is covered once, the ends are exact. Method: simulated clusters, virtual time.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { WorkflowPlan } from "../../src/load/plan.ts";
import type { JobResult } from "../../src/load/result.ts";
import type { ClusterClient } from "../../src/node/cluster-client.ts";
import type { SteerOrder } from "../../src/node/client-messages.ts";
import { clusterUp, jobOf, seen, steady } from "../scenarios/cluster.ts";
import { workflowPlan } from "./plans.ts";
import { counted, type SimCluster, type Submitted } from "./sim-cluster.ts";

// A run takes a second; a busy machine may make a minute of it.
setDefaultTimeout(120_000);

/** 20 arrivals a second. */
const arrivals = (durationMs: number): readonly WorkflowPlan[] => [
  workflowPlan("default", {
    executor: {
      kind: "constant-arrival-rate",
      rate: 20,
      timeUnitMs: 1_000,
      durationMs,
      preAllocatedVus: 10,
      maxVus: 10,
      onLate: "drop",
    },
  }),
];

type Asked = { client: ClusterClient | null; outcome: string | null };

/** Asks by a client of its own and waits for the answer: "done", or why not. */
function steering(cluster: SimCluster): (order: SteerOrder, job?: string) => string {
  const asked: Asked = { client: null, outcome: null };
  void cluster.client("c9").then((client) => void (asked.client = client));
  cluster.until(() => asked.client !== null);
  return (order, job = "job1") => {
    asked.outcome = null;
    asked.client?.steer(job, order).then(
      () => void (asked.outcome = "done"),
      (error: unknown) => void (asked.outcome = String(error)),
    );
    cluster.until(() => asked.outcome !== null, 30_000);
    return asked.outcome ?? "";
  };
}

function scheduledOf(result: JobResult): number {
  return result.workflows.reduce((sum, { accounting }) => sum + accounting.scheduled, 0);
}

function expectExact(cluster: SimCluster, result: JobResult): void {
  const { requests, unsent } = counted(result);
  expect(requests - unsent).toBe(seen(cluster));
}

/** With a worker gone, what was sent is counted but for what may be missing. */
function expectBounded(cluster: SimCluster, result: JobResult): void {
  const { requests, unsent } = counted(result);
  const missing = seen(cluster) - (requests - unsent);
  expect(missing).toBeGreaterThanOrEqual(0);
  expect(missing).toBeLessThanOrEqual(result.unreportedMax);
}

/** The job has sent so many requests. */
function started({
  durationMs = 10_000,
  ...options
}: { readonly workers?: number; readonly durationMs?: number } = {}): {
  cluster: SimCluster;
  job: Submitted;
} {
  const cluster = clusterUp(options);
  const job = cluster.submit("c0", "job1", { workflows: arrivals(durationMs) });
  cluster.until(() => seen(cluster) > 40);
  return { cluster, job };
}

/** Nothing is sent for so long. */
function expectStill(cluster: SimCluster, ms: number): void {
  // What was on its way when the pause was told.
  cluster.run(1_500);
  const before = seen(cluster);
  cluster.run(ms);
  expect(seen(cluster)).toBe(before);
}

const PAUSE = { kind: "pause" } as const;
const RESUME = { kind: "resume" } as const;

describe("a pause", () => {
  test("holds everything for as long as it lasts; the schedule is run whole, and rates are over the rest", () => {
    const { cluster, job } = started();
    const ask = steering(cluster);
    expect(ask(PAUSE)).toBe("done");
    expect(ask(PAUSE)).toBe("done");
    expectStill(cluster, 30_000);
    expect(ask(RESUME)).toBe("done");
    const result = cluster.finish(job);
    expect(result).toMatchObject({ state: "completed", unreportedMax: 0, late: 0, disturbed: [] });
    expect(scheduledOf(result)).toBe(200);
    expectExact(cluster, result);
    const [pause] = result.pauses;
    const pausedMs = (pause?.to ?? 0) - (pause?.from ?? 0);
    expect(pausedMs).toBeGreaterThan(31_000);
    expect(result.durationMs).toBeGreaterThan(10_000 + pausedMs - 500);
    expect(result.durationMs).toBeLessThan(13_000 + pausedMs);
    const view = job.events.findLast((event) => event.kind === "view");
    expect(view?.kind === "view" && view.view.workflows[0]?.elapsedMs).toBeLessThan(13_000);
  });

  test("that a cut-off manager was asked for too is not carried out after the resume", () => {
    const { cluster, job } = started({ durationMs: 60_000 });
    const asked: Asked = { client: null, outcome: null };
    void cluster.client("c9").then((client) => void (asked.client = client));
    cluster.until(() => asked.client?.contact().address != null);
    const cutOff = asked.client?.contact().address?.host ?? "";
    const say = (order: SteerOrder): void => {
      asked.outcome = null;
      asked.client?.steer("job1", order).then(
        () => void (asked.outcome = "done"),
        (error: unknown) => void (asked.outcome = String(error)),
      );
    };
    // It hears the client alone, and keeps what it was asked until it hears the others again.
    for (const other of ["m0", "m1", "m2", "w0", "w1"].filter((name) => name !== cutOff)) {
      cluster.network.cut(cutOff, other);
      cluster.network.cut(other, cutOff);
    }
    say(PAUSE);
    cluster.until(() => asked.outcome !== null);
    expect(asked.outcome).toBe("done");
    expect(asked.client?.contact().address?.host).not.toBe(cutOff);
    say(RESUME);
    cluster.until(() => asked.outcome !== null);
    cluster.network.heal();
    const result = cluster.finish(job);
    expect(result.state).toBe("completed");
    expect(result.pauses).toHaveLength(1);
  });

  test("outlives the owner of the job, who dies in it", () => {
    const { cluster, job } = started();
    const ask = steering(cluster);
    ask(PAUSE);
    const owner = cluster.ownerOf("job1") ?? "";
    cluster.kill(owner);
    cluster.until(() => cluster.ownerOf("job1") !== null && cluster.ownerOf("job1") !== owner, 20_000);
    expectStill(cluster, 10_000);
    expect(ask(RESUME)).toBe("done");
    const result = cluster.finish(job);
    expect(result).toMatchObject({ state: "completed", unreportedMax: 0 });
    expect(scheduledOf(result)).toBe(200);
    expectExact(cluster, result);
  });

  test("outlives a worker that dies in it: its share waits for the end of the pause, and loses nothing to it", () => {
    const { cluster, job } = started({ workers: 3 });
    const ask = steering(cluster);
    ask(PAUSE);
    cluster.run(3_000);
    cluster.kill("w0");
    expectStill(cluster, 20_000);
    ask(RESUME);
    const result = cluster.finish(job);
    expect(result.state).toBe("completed");
    // What the dead worker had not reported is in no seal, and is run by who took over.
    expect(scheduledOf(result)).toBe(200);
    expectBounded(cluster, result);
  });

  test("is heard of by a worker that was cut off when it was told, as soon as it is back", () => {
    const { cluster, job } = started();
    const ask = steering(cluster);
    const others = ["m0", "m1", "m2", "w1", "c0", "c9"];
    cluster.network.partition([["w0"], others]);
    cluster.run(200);
    expect(ask(PAUSE)).toBe("done");
    cluster.run(2_000);
    cluster.network.heal();
    expectStill(cluster, 10_000);
    ask(RESUME);
    const result = cluster.finish(job);
    expect(result.state).toBe("completed");
    expect(scheduledOf(result)).toBe(200);
    expectExact(cluster, result);
  });

  test("ends with the job: a cancel is not held up by it", () => {
    const { cluster, job } = started();
    const ask = steering(cluster);
    ask(PAUSE);
    cluster.run(2_000);
    job.job.cancel();
    const result = cluster.finish(job, 20_000);
    expect(result.state).toBe("cancelled");
    expectExact(cluster, result);
    expect(ask(PAUSE)).toContain("has ended already");
    expect(ask(PAUSE, "nobody")).toContain("there is no job nobody");
  });

  test("is no second of a threshold that holds for seconds: neither a bad one nor one that ends the row", () => {
    const cluster = clusterUp();
    const threshold = {
      metricKey: "http_reqs",
      metric: "http_reqs",
      type: "counter",
      tags: {},
      expression: "rate>1000 for 4s",
      aggregate: "rate",
      operator: ">",
      limit: 1_000,
      forSeconds: 4,
      abortOnFail: true,
      delayAbortEvalMs: 0,
    } as const;
    const job = cluster.submit("c0", "job1", { workflows: arrivals(10_000), thresholds: [threshold] });
    cluster.until(() => seen(cluster) > 40);
    const ask = steering(cluster);
    ask(PAUSE);
    cluster.run(20_000);
    expect(jobOf(cluster)?.ending).toBeNull();
    ask(RESUME);
    const result = cluster.finish(job);
    expect(result).toMatchObject({ state: "aborted" });
    // Two bad seconds before the pause and two after it, not four.
    expect(result.durationMs).toBeLessThan(20_000 + 3_000 + 5_500);
  });
});

describe("scaling", () => {
  test("is dealt over the shares, holds for who takes over, and gives every VU a number of its own", () => {
    const cluster = clusterUp({ workers: 3 });
    const job = cluster.submit("c0", "job1", { workflows: steady(20, { vus: 4 }) });
    cluster.until(() => seen(cluster) > 50);
    const ask = steering(cluster);
    const vusNow = (): number => {
      const view = job.events.findLast((event) => event.kind === "view");
      return view?.kind === "view" ? (view.view.workflows[0]?.vus ?? 0) : 0;
    };
    expect(ask({ kind: "scale", workflow: "default", vus: 13 })).toBe("done");
    cluster.until(() => vusNow() === 13, 5_000);
    const owner = cluster.ownerOf("job1") ?? "";
    cluster.kill(owner);
    cluster.until(() => cluster.ownerOf("job1") !== null && cluster.ownerOf("job1") !== owner, 20_000);
    cluster.kill("w0");
    cluster.run(2_000);
    cluster.until(() => vusNow() === 13, 8_000);
    expect(ask({ kind: "scale", workflow: null, vus: 3 })).toBe("done");
    cluster.until(() => vusNow() === 3, 5_000);
    const result = cluster.finish(job);
    expect(result.state).toBe("completed");
    expectBounded(cluster, result);
  });

  test("is refused by name where it cannot be done", () => {
    const { cluster, job } = started();
    const ask = steering(cluster);
    const refusals: readonly (readonly [SteerOrder, string])[] = [
      [{ kind: "scale", workflow: "default", vus: 5 }, "its executor is constant-arrival-rate"],
      [{ kind: "scale", workflow: null, vus: 5 }, 'workflow "default" cannot be scaled'],
      [{ kind: "scale", workflow: "x", vus: 5 }, 'the job has no workflow "x"'],
    ];
    for (const [order, text] of refusals) expect(ask(order)).toContain(text);
    job.job.cancel();
    cluster.finish(job);
  });
});
