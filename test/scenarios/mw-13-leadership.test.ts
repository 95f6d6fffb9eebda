// Owners of a job that follow each other, as a worker sees them: the higher ownerToken is believed, whoever has it;
// what lower ones say changes nothing. The worker's side alone, message by message; strangers on a simulated cluster.

import { expect, test } from "bun:test";
import { LEASE_MS } from "../../src/node/lease.ts";
import { nodeProtocol } from "../../src/node/protocol.ts";
import { openChannel } from "../../src/wire/channel.ts";
import type { Hello } from "../../src/wire/handshake.ts";
import { workflowPlan } from "../node/plans.ts";
import { SimCluster } from "../node/sim-cluster.ts";
import { helloOf } from "../node/sim-managers.ts";
import { attemptOf, cutOf, M1, TenantScene } from "./tenant-scene.ts";

const M2 = { manager: "m2", token: 20 };

/** An attempt that runs under m1, which holds everything up to its first snapshot. */
async function running(): Promise<TenantScene> {
  const scene = new TenantScene();
  await scene.run(attemptOf(1));
  scene.report({ kind: "snapshot", snapshot: cutOf(attemptOf(1), 1, 5) });
  await scene.clock.advance(0);
  scene.tenant.hear({ node: "m1", boot: "1" }, { kind: "heard", ownerToken: 10, job: "j", token: 1, seq: 1 });
  return scene;
}

test("[MW-13.1.1] [MW-13.1.3] [LD-41.4.1] a newer owner is believed: it gets all reports from now on, and everything again", async () => {
  const scene = await running();
  scene.renew(M2);
  scene.report({ kind: "snapshot", snapshot: cutOf(attemptOf(1), 2, 9) });
  scene.report({ kind: "warning", attempt: attemptOf(1), text: "careful" });
  await scene.clock.advance(0);
  expect(scene.streamed.map(({ manager, part }) => [manager, part.ownerToken, part.base])).toEqual([
    ["m1", 10, 0],
    ["m2", 20, 0],
  ]);
  expect(scene.reports("warning").map(({ manager, ownerToken }) => [manager, ownerToken])).toEqual([["m2", 20]]);
  // The share itself was not touched.
  expect([scene.state(1), scene.stops]).toEqual(["running", []]);
});

test("[MW-13.1.2] [MW-13.2.1] [LD-41.3.5] an older owner's word changes nothing: no stop, no dispatch, no lease", async () => {
  const scene = await running();
  scene.renew(M2);
  scene.command(M1, { kind: "stop", attempt: attemptOf(1), mode: "now" });
  scene.dispatch(M1, attemptOf(7, { share: 1 }), 1);
  await scene.clock.advance(0);
  expect([scene.stops, scene.state(7)]).toEqual([[], null]);
  await scene.clock.advance(LEASE_MS - 1_000);
  scene.renew(M1);
  await scene.clock.advance(1_000);
  expect(scene.stops).toEqual(["1 now"]);
});

test("[LD-33.1.4] two managers that both renew a job: the lease follows the higher token, whatever the order", async () => {
  const scene = await running();
  for (const [owner, expected] of [
    [M2, "m2"],
    [M1, "m2"],
    [{ manager: "m3", token: 21 }, "m3"],
    [M2, "m3"],
  ] as const) {
    scene.renew(owner);
    scene.report({ kind: "warning", attempt: attemptOf(1), text: "where to?" });
    await scene.clock.advance(0);
    expect(scene.reports("warning").at(-1)?.manager).toBe(expected);
  }
});

test("[MW-13.2.3] the same owner said again is no new owner: what it holds is not sent again", async () => {
  const scene = await running();
  for (let time = 0; time < 3; time++) scene.renew(M1);
  scene.report({ kind: "snapshot", snapshot: cutOf(attemptOf(1), 2, 9) });
  await scene.clock.advance(0);
  expect(scene.streamed.at(-1)).toMatchObject({ manager: "m1", part: { base: 1 } });
});

test("[MW-13.3.1] [MW-13.3.2] an owner heard of before any share came holds against the dispatch of an older one", async () => {
  const scene = new TenantScene();
  scene.renew(M2);
  scene.dispatch(M1, attemptOf(1));
  await scene.clock.advance(0);
  expect(scene.state(1)).toBeNull();
  scene.dispatch(M2, attemptOf(2));
  await scene.clock.advance(0);
  expect(scene.state(2)).toBe("ready");
  expect(scene.reports("ready").map(({ manager, ownerToken }) => [manager, ownerToken])).toEqual([["m2", 20]]);
});

test("[MW-13.3.3] [LD-44.7] owners of jobs long gone are forgotten, in bounds; never that of a job with a share here", async () => {
  const scene = new TenantScene();
  scene.renew({ manager: "m2", token: 20 }, { job: "gone" });
  await scene.run(attemptOf(1));
  scene.renew(M2);
  for (let at = 0; at < 4_096; at++) scene.renew({ manager: "m1", token: 30 }, { job: `job ${at}` });
  scene.dispatch(M1, attemptOf(2, { job: "gone" }), 1);
  scene.dispatch(M1, attemptOf(3, { share: 1 }), 2);
  await scene.clock.advance(0);
  expect([scene.state(2), scene.state(3)]).toEqual(["ready", null]);
});

test("[MW-13.2.2] [LD-41.23.2] who is no manager commands no worker, whatever token it names", () => {
  const cluster = new SimCluster({ workers: 1 });
  const submitted = cluster.submit("c0", "job1", {
    workflows: [workflowPlan("default", { executor: { kind: "constant-vus", vus: 2, durationMs: 3_000 } })],
  });
  cluster.until(() => (cluster.target.seenOf.get("job1") ?? 0) > 10);
  const [attempt] = [...cluster.target.attempts.values()].map(({ id }) => id);
  if (attempt === undefined) throw new Error("nothing runs");
  let isSent = false;
  cluster.host("stranger").start((world) => {
    const identity = { node: "ffffffffffffffff", bootId: "1-00000000" };
    const hello: Hello = { ...helloOf("stranger", { ...identity, boot: 1 }, "client"), environment: "default" };
    // Not by links of its own, which would not let it say so.
    void world.streams.connect({ host: "w0", port: 9_000 }, { timeoutMs: 1_000 }).then((connection) => {
      const options = { clock: world.clock, hello, protocol: nodeProtocol, isDialler: true, timeoutMs: 1_000 };
      const channel = openChannel(connection, options);
      channel.onOpen(() => {
        const command = { kind: "stop", attempt, mode: "now" } as const;
        isSent = channel.send({ kind: "toWorker", body: { kind: "command", ownerToken: 1e9, command } });
      });
    });
  });
  cluster.until(() => isSent, 5_000);
  const result = cluster.finish(submitted);
  expect(result).toMatchObject({ state: "completed", disturbed: [] });
  expect(result.durationMs).toBeGreaterThan(2_900);
});
