// MW-18: what happens to a share on a worker is a line of its log: received, started, completed, failed, with who, when,
// how long and why. Method: the simulated cluster's own logs, and a stream of the test's own for a failure.

import { expect, setDefaultTimeout, test } from "bun:test";
import type { LogFields } from "../../src/io/log.ts";
import { withShareEvents } from "../../src/node/event-log.ts";
import type { CoreRequest, WorkerReport } from "../../src/node/messages.ts";
import { createStreamPair } from "../../src/node/stream.ts";
import { VirtualClock } from "../node/fake-world.ts";
import { workflowPlan } from "../node/plans.ts";
import { SimCluster } from "../node/sim-cluster.ts";

setDefaultTimeout(30_000);

const linesOf = (cluster: SimCluster, name: string, event: string): readonly string[] =>
  cluster.host(name).logLines.filter((line) => line.includes(event));

test("[MW-18.1.1] [MW-18.1.2] [MW-18.1.3] a worker says of each share that it was received, started and completed, in this order", () => {
  const cluster = new SimCluster({ workers: 1, cores: 1 });
  const plan = workflowPlan("default", { executor: { kind: "constant-vus", vus: 4, durationMs: 2_000 } });
  cluster.finish(cluster.submit("c0", "job1", { workflows: [plan] }));
  const events = ["share-received", "share-started", "share-completed"];
  const order = cluster.host("w0").logLines.flatMap((line) => events.filter((event) => line.includes(event)));
  expect(order.toSorted()).toEqual(events.toSorted());
  expect(order.indexOf("share-started")).toBeGreaterThan(order.indexOf("share-received"));
  expect(order.indexOf("share-completed")).toBeGreaterThan(order.indexOf("share-started"));
  const owners = ["m0", "m1", "m2"].filter((name) => linesOf(cluster, name, "job-owned").length > 0);
  expect(owners).toHaveLength(1);
  expect(linesOf(cluster, owners[0] ?? "", "job-ended")[0]).toContain("outcome=completed");
  expect(linesOf(cluster, "m0", "worker-joined")[0]).toContain("cores=1");
});

test("[MW-18.2.1] [MW-18.2.2] [MW-18.2.3] a line has job, workflow, attempt and worker, when it was, how long it took and the VUs", () => {
  const cluster = new SimCluster({ workers: 1, cores: 1 });
  const plan = workflowPlan("browse", { executor: { kind: "constant-vus", vus: 4, durationMs: 2_000 } });
  cluster.finish(cluster.submit("c0", "job1", { workflows: [plan] }));
  const [completed = ""] = linesOf(cluster, "w0", "share-completed");
  for (const field of ["job=job1", "workflow=browse", "share=0", "attempt=", "worker=", "core=0", "vusMax=4"])
    expect(completed).toContain(field);
  expect(Number(/atEpochMs=(\d+)/.exec(completed)?.[1])).toBeGreaterThan(1_500_000_000_000);
  expect(Number(/elapsedMs=(\d+)/.exec(completed)?.[1])).toBeGreaterThanOrEqual(2_000);
});

test("[MW-18.1.4] [MW-18.2.4] a share that failed is a warning with its cause and message", async () => {
  const clock = new VirtualClock();
  const said: (readonly [level: string, event: string, fields: LogFields])[] = [];
  const say =
    (level: string) =>
    (event: string, fields: LogFields = {}): void =>
      void said.push([level, event, fields]);
  const log = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
  const [near, far] = createStreamPair<CoreRequest, WorkerReport>();
  const stream = withShareEvents(near, { worker: "w0", clock, log });
  const heard: WorkerReport[] = [];
  stream.onMessage((report) => heard.push(report));
  const attempt = { job: "job1", workflow: "browse", share: 0, token: 9 };
  far.send({ kind: "failed", attempt, cause: "stalled", message: "it did not answer for 30 s" });
  far.send({ kind: "ended", attempt, valueJson: null, thrown: "Error: no" });
  await clock.advance(0);
  expect(heard).toHaveLength(2);
  expect(said.map(([level, event]) => [level, event])).toEqual([
    ["warn", "share-failed"],
    ["warn", "share-failed"],
  ]);
  expect(said[0]?.[2]).toMatchObject({ cause: "stalled", message: "it did not answer for 30 s", worker: "w0" });
  expect(said[1]?.[2]).toMatchObject({ cause: "thrown", message: "Error: no" });
});
