// Goal: a cluster of real processes runs a job once, whatever is killed, and every command tells the truth about it.
// Method: three managers and two workers of the built executable on loopback, a target that counts what it receives, and
// SIGKILL in the middle of jobs. Three clusters at a time, so that none starves.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type NodeStatus, nodeStatusSchema } from "../../src/node/status.ts";
import { startTarget, type Target } from "../target/start.ts";
import { Cluster, eventually, sentOf } from "./cluster.ts";
import { removeDirs, run, type SubmitRun, summaryOf } from "./run.ts";
import { SummarySchema } from "./summary.ts";

setDefaultTimeout(90_000);
afterAll(removeDirs);

const steady = (target: Target, seconds: number): string => `
  export const options = { vus: 8, duration: "${seconds}s" };
  export default async ({ http, check, sleep }) => {
    check(await http.get("${target.url}/"), { "status is 200": (r) => r.status === 200 });
    await sleep(0.02);
  };`;

/** So much work, however long it takes: on a machine that stands still the job does not end before its time. */
const amount = (target: Target, iterations: number): string => `
  export const options = { vus: 8, iterations: ${iterations} };
  export default async ({ http, sleep }) => {
    await http.get("${target.url}/");
    await sleep(0.02);
  };`;

/** The first status of any manager that is so. */
async function statusWhen(cluster: Cluster, what: string, is: (status: NodeStatus) => boolean): Promise<NodeStatus> {
  let status = await cluster.status();
  await eventually(what, async () => is(status) || is((status = await cluster.status())));
  return status;
}

/** Resolves when the target has received so many requests. */
const received = (target: Target, count: number): Promise<void> =>
  eventually(`${count} requests`, async () => (await target.counts()).total >= count);

/** The job completed, and what was sent is counted, once. */
async function expectExact(target: Target, ended: SubmitRun): Promise<void> {
  expect(ended.exitCode, ended.output).toBe(0);
  const summary = summaryOf(ended);
  expect(summary.job.state).toBe("completed");
  expect(summary.accounting).toMatchObject({ unreportedMax: 0 });
  expect((await target.counts()).total).toBe(sentOf(summary));
}

/** With a worker gone, what the target saw is counted but for what the summary says may be missing. */
async function expectBounded(target: Target, ended: SubmitRun): Promise<void> {
  expect(ended.exitCode, ended.output).toBe(0);
  const summary = summaryOf(ended);
  expect(summary.job.state).toBe("completed");
  const missing = (await target.counts()).total - sentOf(summary);
  expect(missing).toBeGreaterThanOrEqual(0);
  expect(missing).toBeLessThanOrEqual(summary.accounting.unreportedMax);
  expect(summary.accounting.disturbed.length).toBeGreaterThan(0);
}

let clusters = 0;
const waiting: (() => void)[] = [];

async function withCluster(prove: (cluster: Cluster, target: Target) => Promise<void>): Promise<void> {
  if (clusters >= 3) await new Promise<void>((resolve) => waiting.push(resolve));
  else clusters++;
  try {
    await using target = await startTarget();
    await using cluster = await Cluster.start();
    await prove(cluster, target);
  } finally {
    const next = waiting.shift();
    if (next === undefined) clusters--;
    else next();
  }
}

describe("a cluster of processes", () => {
  test.concurrent("runs a job exactly once, and every command tells of it", () =>
    withCluster(async (cluster, target) => {
      const source = steady(target, 2);
      const ended = await cluster.submit(source, ["--id", "first", "-o", "csv=seconds.csv"]);
      await expectExact(target, ended);
      const summary = summaryOf(ended);
      expect(summary.generator.nodes).toHaveLength(2);
      expect(ended.stderr).toContain("job first is accepted");
      expect(await Bun.file(`${ended.dir}/seconds.csv`).text()).toContain("http_reqs,");

      // Logs of several nodes are laid side by side: each line has its time.
      for (const line of cluster.node("m0").said.trimEnd().split("\n"))
        expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S|^ {6}/);

      // The same id again is the same job; another file under it is refused.
      const again = await cluster.submit(source, ["--id", "first"]);
      expect(summaryOf(again).metrics["http_reqs"]).toEqual(summary.metrics["http_reqs"]);
      expect((await target.counts()).total).toBe(sentOf(summary));
      const other = await cluster.submit(steady(target, 3), ["--id", "first"]);
      expect(other.exitCode).toBe(75);
      expect(other.stderr).toContain("job first exists with another content");

      const results = await cluster.run(["results", "first", "--json"]);
      expect(results.exitCode).toBe(0);
      expect(SummarySchema.parse(JSON.parse(results.stdout)).metrics["http_reqs"]).toEqual(
        summary.metrics["http_reqs"],
      );

      const detached = await cluster.run(["submit", "test.ts", "--detach", "-q"], {
        files: { "test.ts": steady(target, 60) },
      });
      expect(detached.exitCode).toBe(0);
      const id = detached.stdout.trim();
      const running = await cluster.run(["results", id]);
      expect(running.exitCode).toBe(75);
      expect(running.stderr).toContain(`job ${id} has not ended`);
      const watching = cluster.run(["status", "--job", id, "--watch"]);
      expect((await cluster.run(["cancel", id])).exitCode).toBe(0);
      const watched = await watching;
      expect(watched.exitCode, watched.output).toBe(103);
      const listed = await cluster.run(["jobs", "--json"]);
      expect(JSON.parse(listed.stdout)).toMatchObject({
        version: 1,
        jobs: [
          { id: "first", state: "finished", outcome: "completed" },
          { id, state: "finished", outcome: "cancelled" },
        ],
      });
      for (const args of [
        ["cancel", "nobody"],
        ["results", "nobody"],
        ["status", "--job", "nobody"],
      ]) {
        const unknown = await cluster.run(args);
        expect(unknown.exitCode).toBe(104);
        expect(unknown.stderr).toContain("there is no job nobody");
      }
    }),
  );

  test.concurrent("any node tells its status, also while nobody leads", () =>
    withCluster(async (cluster) => {
      const follower = await cluster.status("m0");
      expect(follower.quorum).toMatchObject({ have: 3, need: 2 });
      expect(follower.workers.map(({ cores }) => cores)).toEqual([1, 1]);
      expect(new Set(follower.members.map(({ status }) => status))).toEqual(new Set(["alive"]));
      const worker = await cluster.status("w0");
      expect(worker.node.role).toBe("worker");
      expect(worker.members.filter(({ role, isLinked }) => role === "manager" && isLinked)).toHaveLength(3);
      const text = await cluster.run(["status"]);
      expect(text.stdout).toMatch(/^leader +127\.0\.0\.1:\d+ \([0-9a-f]{8}\), term \d+$/m);
      expect(text.stdout).toContain("3 of 3 managers, 2 needed");

      const from = cluster.node("m2").said.length;
      const hasLost = (): boolean => /nobody leads/.test(cluster.node("m2").said.slice(from));
      const watching = run(["status", `127.0.0.1:${cluster.node("m2").port}`, "--watch", "--json"], {
        signals: [{ signal: "SIGINT", when: async () => hasLost() && (await Bun.sleep(1_500), true) }],
      });
      await Promise.all([cluster.node("m0").end("SIGKILL"), cluster.node("m1").end("SIGKILL")]);
      await cluster.node("m2").until(/nobody leads, term \d+; 1 of 3 managers/, from);
      const alone = await cluster.status("m2");
      expect(alone.leader).toBeNull();
      expect(alone.quorum).toMatchObject({ have: 1, need: 2 });
      const watched = await watching;
      expect(watched.exitCode, watched.output).toBe(0);
      const pictures = watched.stdout.trim().split("\n");
      const leaders = pictures.map((line) => nodeStatusSchema.parse(JSON.parse(line)).leader);
      expect(leaders.at(-1)).toBeNull();
    }),
  );
});

describe("killed in the middle of a job", () => {
  test.concurrent("the leader, then the job's owner: it completes, and nothing is lost or counted twice", () =>
    withCluster(async (cluster, target) => {
      const submitted = cluster.submit(amount(target, 6_000), ["--id", "job"]);
      await received(target, 200);
      const before = await statusWhen(cluster, "somebody to lead", ({ leader }) => leader !== null);
      const leader = cluster.nameOf(before, before.leader);
      await cluster.node(leader).end("SIGKILL");
      await received(target, 900);
      const ends = new Map([...cluster.nodes].map(([name, { said }]) => [name, said.length]));
      await cluster.node(leader).start();
      await cluster.node(leader).until(/follower of .*3 of 3 managers/, ends.get(leader));
      const ownerIn = ({ jobs }: NodeStatus): string | null => jobs.find(({ id }) => id === "job")?.owner ?? null;
      const after = await statusWhen(cluster, "an owner of the job", (status) => ownerIn(status) !== null);
      const owner = cluster.nameOf(after, ownerIn(after));
      await cluster.node(owner).end("SIGKILL");
      const ended = await submitted;
      await expectExact(target, ended);
      expect(summaryOf(ended).accounting.disturbed.map(({ why }) => why)).toContain("the owner of the job changed");
    }),
  );

  test.concurrent("a worker: its work goes on elsewhere, and what is missing is within the bound", () =>
    withCluster(async (cluster, target) => {
      const submitted = cluster.submit(steady(target, 9));
      await received(target, 400);
      await cluster.node("w0").end("SIGKILL");
      const ended = await submitted;
      await expectBounded(target, ended);
      // Both shares ran to the end: more than one worker alone would have done.
      const { accounting } = summaryOf(ended);
      expect(accounting.started).toBe(accounting.scheduled);
    }),
  );

  test.concurrent("all nodes told to stop at once: what was done is kept to the last request", () =>
    withCluster(async (cluster, target) => {
      const submitted = cluster.submit(steady(target, 8), ["--id", "job"]);
      await received(target, 600);
      const ended = await Promise.all([...cluster.nodes.values()].map((node) => node.end("SIGTERM")));
      expect(new Set(ended)).toEqual(new Set([0]));
      const ends = new Map([...cluster.nodes].map(([name, { said }]) => [name, said.length]));
      // Alone it knows its past, and says nothing of it; with the others it is asked again.
      await cluster.node("m0").start();
      await cluster.node("m0").until(/ listens at /, ends.get("m0"));
      const listing = cluster.run(["jobs", "--json"]);
      await Promise.all([...cluster.nodes.values()].map((node) => (node.name === "m0" ? undefined : node.start())));
      expect(JSON.parse((await listing).stdout)).toMatchObject({ jobs: [{ id: "job" }] });
      await expectExact(target, await submitted);
    }),
  );

  test.concurrent("all nodes at once, and started again: the job and its client go on", () =>
    withCluster(async (cluster, target) => {
      const submitted = cluster.submit(steady(target, 8), ["--id", "job"]);
      await received(target, 600);
      await Promise.all([...cluster.nodes.values()].map((node) => node.end("SIGKILL")));
      await Promise.all([...cluster.nodes.values()].map((node) => node.start()));
      const ended = await submitted;
      await expectBounded(target, ended);
      expect((await cluster.status()).jobs).toMatchObject([{ id: "job", outcome: "completed" }]);
    }),
  );
});

describe("a client", () => {
  test.concurrent("that is interrupted ends its job gracefully, one that dies or hangs up leaves it alone", () =>
    withCluster(async (cluster, target) => {
      const sends = async (): Promise<boolean> => (await target.counts()).total > 100;
      const interrupted = await cluster.submit(steady(target, 60), [], {
        signals: [{ signal: "SIGINT", when: sends }],
      });
      expect(interrupted.exitCode, interrupted.output).toBe(105);
      const summary = summaryOf(interrupted);
      expect(summary.job.state).toBe("cancelled");
      const before = (await target.counts()).total;
      expect(before).toBe(sentOf(summary));

      const moreSends = async (): Promise<boolean> => (await target.counts()).total > before + 100;
      // It ends when it is told to: until then it is there, however slow the machine is.
      const source = steady(target, 80);
      const hung = await cluster.submit(source, ["--id", "left"], { signals: [{ signal: "SIGHUP", when: moreSends }] });
      expect(hung.exitCode, hung.output).toBe(0);
      expect(hung.summary).toBeNull();
      const evenMore = async (): Promise<boolean> => (await target.counts()).total > before + 300;
      const killed = await cluster.submit(source, ["--id", "left"], {
        signals: [{ signal: "SIGKILL", when: evenMore }],
      });
      expect(killed.signal).toBe("SIGKILL");
      const following = cluster.submit(source, ["--id", "left"]);
      await received(target, (await target.counts()).total + 100);
      expect((await cluster.run(["cancel", "left"])).exitCode).toBe(0);
      const followed = await following;
      expect(followed.exitCode, followed.output).toBe(103);
      expect((await target.counts()).total - before).toBe(sentOf(summaryOf(followed)));
    }),
  );
});

describe("SIGTERM", () => {
  test.concurrent("drains: a worker hands its work back, managers hand over, and nothing is lost", () =>
    withCluster(async (cluster, target) => {
      const submitted = cluster.submit(steady(target, 8));
      await received(target, 400);
      expect(await cluster.node("w0").end("SIGTERM")).toBe(0);
      const status = await statusWhen(cluster, "somebody to lead", ({ leader }) => leader !== null);
      expect(await cluster.node(cluster.nameOf(status, status.leader)).end("SIGTERM")).toBe(0);
      await expectExact(target, await submitted);
    }),
  );
});
