// Scenarios MW-1, workers that come and go: goal, that every manager has the same pool, with what each worker offers and
// how it is, and that nothing is left of one that went. Method: whole nodes on a simulated network, in virtual time.

import { expect, test } from "bun:test";
import { createLedger } from "../../src/ledger/job.ts";
import { heldCores, survey } from "../../src/ledger/placement.ts";
import { Leader } from "../../src/node/leader.ts";
import type { LedgerPort } from "../../src/node/ledger-port.ts";
import type { NodeStatus } from "../../src/node/status.ts";
import { view } from "../../src/swim/swim.ts";
import { nodeBlock } from "../../src/tui/node-lines.ts";
import { VirtualClock } from "../node/fake-world.ts";
import { counted, SimCluster } from "../node/sim-cluster.ts";
import { createSolo } from "../swim/solo.ts";
import { clusterUp, jobOf, poolOf, seen, statuses, steady, workerId } from "./cluster.ts";

const WIDE = { columns: 100, color: false };

function memberOf(status: NodeStatus, id: string) {
  return status.members.find((member) => member.id === id);
}

test("[MW-1.1.1] [MW-1.1.2] [MW-1.1.3] a worker that comes is in every manager's pool, with its cores, linked, alive", () => {
  const cluster = clusterUp({ cores: 3 });
  const ids = ["w0", "w1"].map((host) => workerId(cluster, host)).sort();
  const isKnown = (status: NodeStatus) =>
    status.workers.length === 2 && ids.every((id) => memberOf(status, id)?.isLinked === true);
  cluster.until(() => statuses(cluster).every(isKnown), 5_000);
  expect(statuses(cluster).length).toBe(3);
  for (const status of statuses(cluster)) {
    const workers = [...status.workers].sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(workers).toEqual(
      ids.map((id) => ({ id, boot: expect.any(String), cores: 3, busy: 0, labels: {}, jobs: [] })),
    );
    for (const id of ids) expect(memberOf(status, id)).toMatchObject({ role: "worker", status: "alive" });
  }
  // What it offers is what it gets: a share for each core, all of them busy.
  cluster.submit("c0", "job1", { workflows: steady(5) });
  cluster.until(() => seen(cluster) > 0, 10_000);
  expect(statuses(cluster).flatMap(({ workers }) => workers.map(({ busy }) => busy))).toContain(3);
  expect(survey(poolOf(cluster)).free).toBe(0);
});

test("[MW-1.2.2] [MW-1.2.3] [MW-1.3.2] one that dies is counted as dead by every manager, and is out of their pools", () => {
  const cluster = clusterUp();
  const [w0, w1] = [workerId(cluster, "w0"), workerId(cluster, "w1")];
  const healthOf = (id: string) => statuses(cluster).map((status) => memberOf(status, id)?.status);
  const counts = () =>
    statuses(cluster).map((status) => /members +(.*)/.exec(nodeBlock(status, WIDE).join("\n"))?.[1] ?? "");
  cluster.until(() => counts().every((text) => /^\d alive$/.test(text)), 10_000);
  const alive = Number(counts()[0]?.charAt(0));
  cluster.network.isolate("w0");
  cluster.until(() => healthOf(w0).every((status) => status === "dead"), 15_000);
  expect(healthOf(w1)).toEqual(["alive", "alive", "alive"]);
  for (const text of counts()) expect(text.split(", ").sort()).toEqual(["1 dead", `${alive - 1} alive`]);
  cluster.until(() => statuses(cluster).every(({ workers }) => workers.length === 1), 5_000);
  expect(statuses(cluster).map(({ workers }) => workers[0]?.id)).toEqual([w1, w1, w1]);
  // And back it is the same worker as before.
  cluster.network.heal();
  cluster.until(() => statuses(cluster).every(({ workers }) => workers.length === 2), 20_000);
  cluster.until(() => healthOf(w0).every((status) => status === "alive"), 20_000);
});

test("[MW-1.3.3] nothing is left of a worker that died: no core, no link, no attempt, no part in the job", () => {
  const cluster = clusterUp({ managers: 1 });
  const w0 = workerId(cluster, "w0");
  const submitted = cluster.submit("c0", "job1", { workflows: steady(8) });
  cluster.until(() => seen(cluster) > 100, 10_000);
  cluster.kill("w0");
  cluster.until(() => !poolOf(cluster).workers.has(w0), 10_000);
  const heldBy = () => {
    const workflow = jobOf(cluster)?.workflows.get("default");
    return workflow === undefined ? [] : heldCores(workflow).map(({ worker }) => worker);
  };
  cluster.until(() => heldBy().length === 4 && !heldBy().includes(w0), 5_000);
  const [status] = statuses(cluster);
  expect(status?.workers.map(({ id, cores }) => [id, cores])).toEqual([[workerId(cluster, "w1"), 2]]);
  expect(status === undefined ? null : memberOf(status, w0)).toMatchObject({ isLinked: false });
  expect(survey(poolOf(cluster)).size).toBe(2);
  expect(cluster.finish(submitted).state).toBe("completed");
});

test("[MW-1.3.1] one that leaves in order is out of the pool before it is gone, left and not dead, its work done by others", () => {
  const cluster = clusterUp({ managers: 1 });
  const w0 = workerId(cluster, "w0");
  const submitted = cluster.submit("c0", "job1", { workflows: steady(6) });
  cluster.until(() => seen(cluster) > 100, 10_000);
  let isGone = false;
  const leave = (): void => {
    isGone = true;
    cluster.kill("w0");
  };
  void cluster.workers.get("w0")?.stop().then(leave);
  cluster.until(() => !poolOf(cluster).workers.has(w0), 3_000);
  expect(isGone).toBe(false);
  cluster.until(() => isGone, 12_000);
  cluster.run(1_000);
  const [status] = statuses(cluster);
  expect(status?.members.filter(({ id }) => id === w0).map(({ status: how }) => how)).toEqual(["left"]);
  const result = cluster.finish(submitted);
  const { requests, unsent } = counted(result);
  expect(result).toMatchObject({ state: "completed", unreportedMax: 0 });
  expect(requests - unsent).toBe(seen(cluster));
});

test("one that offers what no worker can have is not taken in, and does not keep the leader busy", () => {
  const cluster = new SimCluster({ managers: 1, workers: 1, cores: 5_000 });
  cluster.until(() => cluster.leader() !== null, 10_000);
  cluster.startWorker("w1");
  cluster.run(2_000);
  const applied = (): number => cluster.managers.get("m0")?.view().applied ?? 0;
  const before = applied();
  cluster.run(5_000);
  expect(applied() - before).toBeLessThan(10);
  expect(poolOf(cluster).workers.size).toBe(0);
});

test("what the leader proposes and is refused it proposes again at its time, not at once", async () => {
  const clock = new VirtualClock();
  let proposals = 0;
  const refused = { kind: "refused", code: "invalid", message: "it is no entry" } as const;
  const ledger: LedgerPort = {
    state: createLedger(),
    nowMs: () => clock.nowMs(),
    propose: (_proposal, settled) => {
      if (++proposals < 1_000) queueMicrotask(() => settled?.(refused));
    },
    onApplied: () => {},
    onReset: () => {},
  };
  const worker = { node: "w1", boot: "1", cores: 1, labels: {}, isDraining: false, heardAtMs: 0 };
  const leader = new Leader({
    clock,
    ledger,
    node: "m1",
    boot: "1",
    isLeading: () => true,
    voters: () => [],
    membership: () => view(createSolo().state),
    bootOf: () => null,
    present: () => [worker],
    knock: () => {},
  });
  // As it begins to lead, and every 200 ms from then on.
  leader.look();
  await clock.advance(1_000);
  leader.close();
  expect(proposals).toBe(6);
});
