// A share whose owner fell silent: the worker goes on for its lease and no longer, each job by itself, and keeps what
// was measured until somebody has committed it. The worker's side alone, message by message, in virtual time.

import { expect, test } from "bun:test";
import { LEASE_MS } from "../../src/node/lease.ts";
import { attemptOf, M1, TenantScene } from "./tenant-scene.ts";

const M2 = { manager: "m2", token: 20 };

test("[MW-12.1.1] [MW-12.2.1] silence of the owner is noticed by its renewals; the share goes on for its lease", async () => {
  const scene = new TenantScene();
  await scene.run(attemptOf(1));
  await scene.clock.advance(LEASE_MS - 1);
  expect([scene.state(1), scene.stops]).toEqual(["running", []]);
  await scene.clock.advance(1);
  expect(scene.stops).toEqual(["1 now"]);
});

test("[MW-12.1.2] only shares of the silent owner are given up; those of another owner's job go on", async () => {
  const scene = new TenantScene();
  await scene.run(attemptOf(1));
  await scene.run(attemptOf(2, { job: "other" }), M2);
  for (let second = 0; second < 12; second++) {
    await scene.clock.advance(1_000);
    scene.renew(M2, { job: "other" });
  }
  expect([scene.state(1), scene.state(2)]).toEqual(["over", "running"]);
});

test("[MW-12.1.3] the lease runs from when the renewal was asked for, not from when the answer came", async () => {
  const scene = new TenantScene();
  await scene.run(attemptOf(1));
  await scene.clock.advance(5_000);
  scene.renew(M1, { agoMs: 2_000 });
  await scene.clock.advance(LEASE_MS - 2_001);
  expect(scene.stops).toEqual([]);
  await scene.clock.advance(1);
  expect(scene.stops).toEqual(["1 now"]);
});

test("[MW-12.2.2] an owner that speaks again within the lease finds its share running, not dispatched anew", async () => {
  const scene = new TenantScene();
  await scene.run(attemptOf(1));
  await scene.clock.advance(9_500);
  scene.renew(M1);
  await scene.clock.advance(9_500);
  expect([scene.state(1), scene.stops]).toEqual(["running", []]);
  expect(scene.ordered.filter(({ kind }) => kind === "dispatch")).toHaveLength(1);
});

test("[MW-12.3.2] [LD-30.3.2] what the given up share measured is kept, and told to the next owner that asks", async () => {
  const scene = new TenantScene();
  await scene.run(attemptOf(1));
  await scene.clock.advance(LEASE_MS);
  // The answer to a renewal that lists the share: the new owner has heard nothing of it.
  scene.renew(M2);
  scene.command(M2, { kind: "tell", attempt: attemptOf(1), seq: 0, offers: 0 });
  expect(scene.streamed.at(-1)).toMatchObject({ manager: "m2", part: { base: 0, cut: { seq: 99, isFinal: true } } });
  expect(scene.reports("over").at(-1)).toMatchObject({
    manager: "m2",
    ownerToken: 20,
    report: { seq: 99, end: { kind: "returned", message: expect.stringContaining("lease") } },
  });
});

test("[MW-12.3.3] once its end is committed the share is forgotten, its core free, and it is listed no more", async () => {
  const scene = new TenantScene();
  await scene.run(attemptOf(1));
  await scene.clock.advance(LEASE_MS);
  expect(scene.state(1)).toBe("over");
  scene.tenant.hear({ node: "m2", boot: "1" }, { kind: "sealed", attempts: [attemptOf(1)] });
  await scene.clock.advance(1_000);
  expect(scene.tenant.held).toEqual([]);
  expect(scene.ordered.at(-1)).toMatchObject({ kind: "sealed", attempt: { token: 1 } });
  const renewals = scene.said.flatMap(({ message }) => (message.kind === "renew" ? [message] : []));
  expect(renewals.at(-1)?.attempts).toEqual([]);
});

test("a share that is ready does not start without a lease, and starts with the renewal", async () => {
  const scene = new TenantScene();
  scene.dispatch(M1, attemptOf(1));
  await scene.clock.advance(0);
  scene.start(M1, attemptOf(1));
  await scene.clock.advance(3_000);
  expect(scene.ordered.map(({ kind }) => kind)).toEqual(["dispatch"]);
  scene.renew(M1);
  await scene.clock.advance(0);
  // It joins where its schedule stands.
  expect(scene.ordered.at(-1)).toMatchObject({ kind: "start", inMs: -3_000 });
});

test("the cores get the lease with the start and each renewal, and none once it was over, whatever comes then", async () => {
  const scene = new TenantScene();
  await scene.run(attemptOf(1));
  expect(scene.leases).toEqual([LEASE_MS]);
  await scene.clock.advance(4_000);
  scene.renew(M1, { agoMs: 500 });
  await scene.clock.advance(0);
  expect(scene.leases).toEqual([LEASE_MS, LEASE_MS - 500]);
  // The process stands still beyond the lease: what it hears first then is an answer to a fresh renewal.
  scene.clock.leap(LEASE_MS);
  scene.renew(M1);
  await scene.clock.advance(0);
  expect(scene.ordered.at(-1)).toMatchObject({ kind: "stop", mode: "now" });
  expect(scene.leases).toHaveLength(2);
});
