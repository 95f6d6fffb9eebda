// Whole jobs on a simulated cluster of three managers and two workers, with what may go wrong: every job ends once, and
// where no worker died the counts are the target's own. Virtual time; a run is its seed.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { JobResult } from "../../src/load/result.ts";
import { workflowPlan } from "./plans.ts";
import { counted, SimCluster, type Submitted } from "./sim-cluster.ts";

// A run takes a second; a busy machine may make a minute of it.
setDefaultTimeout(120_000);

function steady(seconds: number) {
  return [workflowPlan("default", { executor: { kind: "constant-vus", vus: 10, durationMs: seconds * 1_000 } })];
}

/** Everything sent is counted, once. */
function expectExact(cluster: SimCluster, result: JobResult): void {
  const { requests, unsent } = counted(result);
  expect(requests - unsent).toBe(cluster.target.seenOf.get(result.id) ?? 0);
}

/** A job that has sent for some seconds. */
function running(cluster: SimCluster, seconds = 20): Submitted {
  const submitted = cluster.submit("c0", "job1", { workflows: steady(seconds) });
  cluster.until(() => (cluster.target.seenOf.get("job1") ?? 0) > 300);
  return submitted;
}

describe("a job on a cluster", () => {
  test("[MW-3.1.1] runs on the workers' cores and counts every request once", () => {
    const cluster = new SimCluster();
    const submitted = cluster.submit("c0", "job1", { workflows: steady(5) });
    const result = cluster.finish(submitted);
    expect(result).toMatchObject({ state: "completed", late: 0, unreportedMax: 0, disturbed: [] });
    expectExact(cluster, result);
    expect(counted(result).requests).toBeGreaterThan(300);
    expect(new Set(result.cores.map(({ node }) => node)).size).toBe(2);
    const seconds = submitted.events.flatMap((event) => (event.kind === "second" ? [event.window.second] : []));
    expect(seconds.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
    expect(submitted.events.some(({ kind }) => kind === "view")).toBe(true);
  });

  test("setup comes first, teardown last, and a value provided is seen by the workflow after", () => {
    const cluster = new SimCluster();
    const submitted = cluster.submit(
      "c0",
      "job1",
      {
        setup: { timeoutMs: 10_000 },
        teardown: { timeoutMs: 10_000 },
        workflows: [
          workflowPlan("login", { executor: { kind: "constant-vus", vus: 2, durationMs: 1_000 } }),
          workflowPlan("browse", { after: ["login"], executor: { kind: "constant-vus", vus: 4, durationMs: 2_000 } }),
        ],
      },
      { login: { provide: { key: "token" } } },
    );
    // While it runs: nothing of it is kept in the ledger once it has ended.
    const jobNow = () => cluster.managers.get("m0")?.view().ledger.jobs.get("job1");
    cluster.until(() => jobNow()?.workflows.get("browse")?.state === "running");
    expect([...(jobNow()?.workflows.get("login")?.provided.keys() ?? [])]).toEqual(["token"]);
    const result = cluster.finish(submitted);
    expect(result.workflows.map(({ name, state }) => [name, state])).toEqual([
      ["login", "completed"],
      ["browse", "completed"],
      ["::setup", "completed"],
      ["::teardown", "completed"],
    ]);
    expectExact(cluster, result);
  });
});

describe("managers that go", () => {
  test("[MW-12.2.3] [LD-36.4.2] the owner is killed: another takes over, nothing is lost and nothing counted twice", () => {
    const cluster = new SimCluster();
    const submitted = running(cluster);
    const owner = cluster.ownerOf("job1") ?? "";
    cluster.kill(owner);
    cluster.until(() => cluster.ownerOf("job1") !== null, 10_000);
    const result = cluster.finish(submitted);
    expect(result).toMatchObject({ state: "completed", late: 0, unreportedMax: 0 });
    expect(result.disturbed.map(({ why }) => why)).toEqual(["the owner of the job changed"]);
    expectExact(cluster, result);
    // No share moved: workers went on.
    expect(cluster.target.attempts.size).toBe(4);
  });

  test("the leader that owns nothing is killed: the job does not notice", () => {
    const cluster = new SimCluster();
    // The second job's owner is the manager that owns fewest.
    const submitted = running(cluster);
    const leader = cluster.leader() ?? "";
    const second = cluster.submit("c1", "job2", { workflows: steady(1) });
    cluster.kill(leader);
    for (const one of [submitted, second]) {
      const result = cluster.finish(one);
      expect(result.state).toBe("completed");
      expectExact(cluster, result);
    }
  });

  test("[LD-42.2.1] [LD-30.3.1] each manager is killed and started again in turn: the job completes with exact counts", () => {
    const cluster = new SimCluster();
    const submitted = running(cluster, 30);
    for (const name of ["m0", "m1", "m2"]) {
      cluster.kill(name);
      cluster.run(3_000);
      cluster.restart(name);
      cluster.run(4_000);
    }
    const result = cluster.finish(submitted);
    expect(result).toMatchObject({ state: "completed", unreportedMax: 0 });
    expectExact(cluster, result);
  });

  test("[MW-12.3.1] [MW-12.3.2] no quorum for longer than the lease: shares stop, and go on when it is back", () => {
    const cluster = new SimCluster();
    const submitted = running(cluster, 40);
    const [first = "", second = ""] = ["m0", "m1", "m2"].filter((name) => name !== cluster.ownerOf("job1"));
    cluster.kill(first);
    cluster.kill(second);
    cluster.run(16_000);
    const stopped = cluster.target.seen;
    cluster.run(4_000);
    expect(cluster.target.seen).toBe(stopped);
    cluster.restart(first);
    cluster.restart(second);
    const result = cluster.finish(submitted);
    expect(result).toMatchObject({ state: "completed", unreportedMax: 0 });
    expectExact(cluster, result);
    expect(cluster.target.seen).toBeGreaterThan(stopped);
  });
});

describe("workers that go", () => {
  test("[LD-37.2.2] [LD-36.4.1] one is killed: its shares move at once, what it had not reported is bounded", () => {
    const cluster = new SimCluster();
    const submitted = running(cluster);
    cluster.kill("w0");
    const result = cluster.finish(submitted);
    expect(result.state).toBe("completed");
    expect(result.disturbed.length).toBeGreaterThan(0);
    const { requests, unsent } = counted(result);
    const seen = cluster.target.seenOf.get("job1") ?? 0;
    expect(requests - unsent).toBeLessThanOrEqual(seen);
    expect(seen - (requests - unsent)).toBeLessThanOrEqual(result.unreportedMax);
    expect(result.unreportedMax).toBeLessThan(requests);
  });

  test("[LD-42.2.3] one is started anew: what its earlier life ran moves at once", () => {
    const cluster = new SimCluster();
    const submitted = running(cluster);
    cluster.restart("w0");
    const killedAtMs = cluster.kernel.nowMs;
    cluster.until(() => cluster.target.attempts.size > 4, 5_000);
    expect(cluster.kernel.nowMs - killedAtMs).toBeLessThan(5_000);
    expect(cluster.finish(submitted).state).toBe("completed");
  });

  test("[LD-44.1] [MW-6.1.3] [MW-6.1.4] one is cut off: it stops with its lease, and only then its work moves; what it had sent is counted late", () => {
    const cluster = new SimCluster();
    const submitted = running(cluster, 40);
    cluster.network.isolate("w0");
    const cutAtMs = cluster.kernel.nowMs;
    cluster.run(11_000);
    const alone = [...cluster.target.attempts.values()].filter(({ node }) => node === "w0");
    for (const { lastAtMs } of alone) expect(lastAtMs - cutAtMs).toBeLessThan(10_500);
    cluster.until(() => cluster.target.attempts.size > 4, 20_000);
    for (const { preparedAtMs } of [...cluster.target.attempts.values()].slice(4))
      expect(preparedAtMs).toBeGreaterThanOrEqual(Math.max(...alone.map(({ lastAtMs }) => lastAtMs)));
    cluster.run(3_000);
    cluster.network.heal();
    const result = cluster.finish(submitted);
    expect(result.state).toBe("completed");
    const { requests, unsent } = counted(result);
    const seen = cluster.target.seenOf.get("job1") ?? 0;
    expect(seen - (requests - unsent)).toBeLessThanOrEqual(result.unreportedMax);
    expect(seen).toBeGreaterThan(requests - unsent);
  });

  test("one that is given managers of two clusters works for one of them, until that is gone, and says so", () => {
    const cluster = new SimCluster({ managers: 1, workers: 0 });
    const other = cluster.startAlone("x0");
    const held = (): readonly string[] =>
      ["m0", "x0"].filter(
        (name) => cluster.host(name).isRunning && cluster.managers.get(name)?.status().workers.length,
      );
    const isFormed = (name: string): boolean => (cluster.managers.get(name)?.status().leader ?? null) !== null;
    cluster.until(() => isFormed("m0") && isFormed("x0"));
    cluster.startWorker("w0", [...cluster.addresses, other]);
    cluster.until(() => held().length === 1);
    cluster.run(10_000);
    const [first = ""] = held();
    expect(held()).toEqual([first]);
    expect(cluster.host("w0").logLines.some((line) => /this node is of cluster .* of cluster /.test(line))).toBe(true);
    cluster.kill(first);
    cluster.until(() => held().length === 1 && held()[0] !== first);
  });

  test("[LD-40.3.1] [LD-40.3.3] [LD-44.4] one stops in order: it hands its work back, and nothing is lost", () => {
    const cluster = new SimCluster();
    const submitted = running(cluster);
    let isGone = false;
    void cluster.workers
      .get("w0")
      ?.stop()
      .then(() => {
        isGone = true;
        cluster.kill("w0");
      });
    cluster.until(() => isGone, 12_000);
    const result = cluster.finish(submitted);
    expect(result).toMatchObject({ state: "completed", unreportedMax: 0, late: 0 });
    expectExact(cluster, result);
  });
});

test("a manager that is elected while it stops hands the leadership over before it goes", () => {
  let elected = 0;
  for (let seed = 1; seed <= 6; seed++) {
    const cluster = new SimCluster({ seed });
    running(cluster);
    cluster.submit("c1", "job2", { workflows: steady(20) });
    // Who stops has a job to hand over, so it waits for the next leader.
    const ownerBeside = (): string | null =>
      ["job1", "job2"].map((job) => cluster.ownerOf(job)).find((name) => name !== cluster.leader()) ?? null;
    cluster.until(() => cluster.leader() !== null && ownerBeside() !== null);
    const leader = cluster.leader() ?? "";
    const owner = ownerBeside() ?? "";
    let isElected = false;
    let isGone = false;
    void cluster.managers
      .get(owner)
      ?.stop()
      .then(() => (isGone = true));
    // It hears out its workers before it hands anything over.
    cluster.run(280);
    cluster.kill(leader);
    cluster.until(() => {
      isElected ||= cluster.leader() === owner;
      return isGone;
    });
    cluster.kill(owner);
    if (!isElected) continue;
    elected++;
    expect(cluster.leader()).toBe(["m0", "m1", "m2"].find((name) => name !== leader && name !== owner) ?? "");
  }
  expect(elected).toBeGreaterThan(0);
});

describe("clients", () => {
  test("[MW-7.4.2] the client is killed: the job goes on, and another client gets its result", () => {
    const cluster = new SimCluster();
    running(cluster);
    cluster.kill("c0");
    cluster.run(2_000);
    const other = cluster.submit("c1", "job1", { workflows: steady(20) });
    expectExact(cluster, cluster.finish(other));
  });

  test("its manager is killed: it goes on with another and still gets every kind of event and the result", () => {
    const cluster = new SimCluster();
    const submitted = running(cluster);
    const eventsBefore = submitted.events.length;
    // Whichever it talks to: all in turn, one at a time.
    for (const name of ["m0", "m1", "m2"]) {
      cluster.kill(name);
      cluster.run(4_000);
      cluster.restart(name);
      cluster.run(1_000);
    }
    expect(cluster.finish(submitted).state).toBe("completed");
    expect(submitted.events.length).toBeGreaterThan(eventsBefore);
  });

  test("[LD-32.2.2] [LD-32.2.1] [LD-41.5.1] the same id twice is one job; with another content it is refused", () => {
    const cluster = new SimCluster();
    const first = cluster.submit("c0", "job1", { workflows: steady(3) });
    const again = cluster.submit("c1", "job1", { workflows: steady(3) });
    const other = cluster.submit("c2", "job1", { workflows: steady(4) });
    cluster.until(() => other.error !== null || (first.error !== null && again.error !== null), 20_000);
    const winners = [first, again, other].filter(({ error }) => error === null);
    expect(winners).toEqual(other.error === null ? [other] : [first, again]);
    for (const one of winners) expectExact(cluster, cluster.finish(one));
    expect(cluster.target.attempts.size).toBe(4);
  });

  test("[MW-14.1.1] [MW-14.3.1] cancel ends the job gracefully, as interrupted, with everything counted", () => {
    const cluster = new SimCluster();
    const submitted = running(cluster);
    submitted.job.cancel();
    const result = cluster.finish(submitted, 20_000);
    expect(result).toMatchObject({ state: "cancelled", errorCode: "interrupted" });
    expectExact(cluster, result);
  });

  test("a follower whose disk is full refuses nobody: its clients go on; when no manager has space they hear so", () => {
    const cluster = new SimCluster({ workers: 0 });
    cluster.until(() => cluster.leader() !== null);
    cluster.run(1_000);
    const fill = (name: string): void => cluster.host(name).disk.configure({ capacityBytes: 0 });
    fill(["m0", "m1", "m2"].find((name) => name !== cluster.leader()) ?? "");
    // Where a client begins is drawn: some begin at the one that is full.
    const submits = ["a", "b", "c", "d", "e", "f"].map((id) => cluster.submit(`client-${id}`, id, {}));
    cluster.until(() => submits.every(({ accepted, error }) => accepted || error !== null), 20_000);
    expect(submits.map(({ error }) => error)).toEqual(submits.map(() => null));
    for (const name of ["m0", "m1", "m2"]) fill(name);
    const last = cluster.submit("client-g", "g", {});
    cluster.until(() => last.accepted || last.error !== null, 20_000);
    expect(String(last.error)).toMatch(/the job was refused: the disk of the (leading )?manager is full/);
  });

  test("a plan that has no order is refused", () => {
    const cluster = new SimCluster();
    const submitted = cluster.submit("c0", "job1", { workflows: [workflowPlan("a", { after: ["x"] })] });
    cluster.until(() => submitted.error !== null, 20_000);
    expect(String(submitted.error)).toContain('"x"');
  });
});
