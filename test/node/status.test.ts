// Goal: what a node says of the cluster is what the cluster is, by the published schema, whoever leads. Method: the
// simulated cluster, its managers and workers asked in the middle of a job and without a quorum.

import { describe, expect, test } from "bun:test";
import { apply } from "../../src/ledger/apply.ts";
import { createLedger } from "../../src/ledger/job.ts";
import { jobPage, nodeStatusSchema, statusJsonSchemaText } from "../../src/node/status.ts";
import { jobSpecOf } from "../../src/node/job-spec.ts";
import { jobPlan, workflowPlan } from "./plans.ts";
import { SimCluster } from "./sim-cluster.ts";

function of(cluster: SimCluster, name: string) {
  const status = (cluster.managers.get(name) ?? cluster.workers.get(name))?.status();
  if (status === undefined) throw new Error(`${name} has not started`);
  return nodeStatusSchema.strict().parse(status);
}

const LONG = workflowPlan("default", { executor: { kind: "constant-vus", vus: 10, durationMs: 20_000 } });

describe("a node's status", () => {
  test("names leader, quorum, members, workers with busy cores, and jobs with their owner", () => {
    const cluster = new SimCluster();
    cluster.submit("c0", "job1", { workflows: [LONG] });
    cluster.until(() => (cluster.target.seenOf.get("job1") ?? 0) > 100);
    const leader = cluster.leader() ?? "";
    for (const name of ["m0", "m1", "m2"]) {
      const status = of(cluster, name);
      expect(status.leader).toBe(of(cluster, leader).node.id);
      expect(status.quorum).toMatchObject({ have: 3, need: 2 });
      expect(status.members.filter(({ status: shown }) => shown === "alive")).toHaveLength(5);
      expect(status.workers.map(({ cores, busy }) => [cores, busy])).toEqual([
        [2, 2],
        [2, 2],
      ]);
      expect(status.jobs).toMatchObject([{ id: "job1", state: "open", outcome: null, isPaused: false, cores: 4 }]);
      // What it does is known to all of them, not to its owner alone.
      cluster.until(() => (of(cluster, name).jobs[0]?.live?.requestsPerSecond ?? 0) > 0);
      expect(of(cluster, name).jobs[0]?.live).toMatchObject({ phase: "running", vus: 10 });
      expect(status.jobs[0]?.owner).toBe(of(cluster, cluster.ownerOf("job1") ?? "").node.id);
    }
    const worker = of(cluster, "w0");
    expect(worker.node.role).toBe("worker");
    expect(worker.shares.map(({ job, state }) => [job, state])).toEqual([
      ["job1", "running"],
      ["job1", "running"],
    ]);
    expect(worker.members.filter(({ role, isLinked }) => role === "manager" && isLinked)).toHaveLength(3);
  });

  test("says that nobody leads and how many are left when a majority is gone", () => {
    const cluster = new SimCluster();
    cluster.until(() => cluster.leader() !== null);
    cluster.run(2_000);
    for (const name of ["m0", "m1"]) cluster.kill(name);
    cluster.until(() => of(cluster, "m2").leader === null, 30_000);
    cluster.until(() => of(cluster, "m2").quorum?.have === 1, 30_000);
    expect(of(cluster, "m2").quorum).toMatchObject({ have: 1, need: 2 });
  });

  test("says that its disk has no room, and no more when it has again", () => {
    const cluster = new SimCluster({ managers: 1, workers: 0 });
    // Room for a segment of the log and not for the spare.
    cluster.host("m0").configureDisk({ capacityBytes: 6 * 1_048_576 });
    cluster.until(() => cluster.managers.has("m0") && of(cluster, "m0").isDiskFull);
    cluster.host("m0").configureDisk({ capacityBytes: 200 * 1_048_576 });
    cluster.until(() => !of(cluster, "m0").isDiskFull, 30_000);
  });

  test("a job that was cancelled is closing while its shares still run out", () => {
    const cluster = new SimCluster();
    const submitted = cluster.submit("c0", "job1", { workflows: [LONG] });
    cluster.until(() => (cluster.target.seenOf.get("job1") ?? 0) > 100);
    submitted.job.cancel();
    const line = () => of(cluster, cluster.leader() ?? "").jobs[0];
    cluster.until(() => (line()?.state === "closing" && (line()?.cores ?? 0) > 0) || submitted.result !== null);
    expect(submitted.result).toBeNull();
  });

  test("an ended job holds no cores", () => {
    const cluster = new SimCluster();
    const short = workflowPlan("default", { executor: { kind: "constant-vus", vus: 4, durationMs: 500 } });
    cluster.finish(cluster.submit("c0", "job1", { workflows: [short] }));
    cluster.run(1_000);
    const status = of(cluster, "m0");
    expect(status.jobs).toMatchObject([{ id: "job1", state: "finished", outcome: "completed", cores: 0 }]);
    expect(status.workers.map(({ busy }) => busy)).toEqual([0, 0]);
  });
});

test("pages of jobs hold each of them once, in the order of their submits, also when some go meanwhile", () => {
  const ledger = createLedger();
  const contents = [{ digest: "d", submission: "d", spec: jobSpecOf(jobPlan(), 0) }];
  for (let index = 1; index <= 25; index++) {
    const jobs = Array.from({ length: 100 }, (_, at) => ({ job: `j${index}.${at}`, of: 0 }));
    apply(ledger, index, { kind: "submits", contents, jobs, atMs: 0 });
  }
  const seen: string[] = [];
  const pages: number[] = [];
  for (let after: number | null = 0; after !== null;) {
    const { jobs, next } = jobPage(ledger, after);
    seen.push(...jobs.map(({ id }) => id));
    pages.push(jobs.length);
    // The last of the page is forgotten before the next one is asked for.
    ledger.jobs.delete(jobs.at(-1)?.id ?? "");
    after = next;
  }
  expect(pages).toEqual([1_000, 1_000, 500]);
  expect(new Set(seen).size).toBe(2_500);
  expect(seen.at(-1)).toBe("j25.99");
});

test("a worker without a manager says whom it tried and what came of it, until one answers", () => {
  const cluster = new SimCluster({ managers: 1, workers: 1 });
  cluster.until(() => cluster.leader() !== null);
  const problem = (): string | null => cluster.workers.get("w0")?.status().problem ?? null;
  cluster.run(1_000);
  expect(problem()).toBeNull();
  cluster.kill("m0");
  cluster.until(() => problem() !== null);
  expect(problem()).toMatch(/^no manager answers: m0:\d+ \(.+\)$/);
  cluster.restart("m0");
  cluster.until(() => problem() === null);
});

describe("the published schema", () => {
  test("is what the checked-in JSON Schema says", async () => {
    const published = await Bun.file(new URL("../../src/node/status.schema.json", import.meta.url)).text();
    expect(published).toBe(statusJsonSchemaText());
  });

  test("allows keys that a later release adds, and no other version", () => {
    const cluster = new SimCluster({ managers: 1, workers: 0 });
    cluster.until(() => cluster.leader() !== null);
    const status = of(cluster, "m0");
    expect(nodeStatusSchema.safeParse({ ...status, added: 1 }).success).toBe(true);
    expect(nodeStatusSchema.safeParse({ ...status, version: 2 }).success).toBe(false);
  });
});
