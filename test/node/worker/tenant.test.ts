// Goal: a worker gives up what it cannot fetch, answers a stop whatever it is doing, and hands on what people ask of a
// workflow. Method: a real Tenant over cores that obey at once (tenant-scene.ts), virtual time.

import { expect, test } from "bun:test";
import { UNSTEERED } from "../../../src/load/share.ts";
import { attemptOf, M1, TenantScene } from "../../scenarios/tenant-scene.ts";

test("a submission that nobody gives is asked for again for 30 s; then the attempt is handed back, with one warning", async () => {
  const scene = new TenantScene();
  let asked = 0;
  scene.fetch = () => {
    asked++;
    return Promise.reject(new Error("nobody has it"));
  };
  scene.dispatch(M1, attemptOf(5));
  await scene.clock.advance(29_000);
  expect(scene.state(5)).toBe("preparing");
  expect(asked).toBeGreaterThan(30);
  await scene.clock.advance(2_000);
  const before = asked;
  await scene.clock.advance(60_000);
  expect(asked).toBe(before);
  const message = "the test of job j could not be fetched for 30 s: nobody has it";
  expect(scene.warned).toEqual([message]);
  expect(scene.reports("over").map(({ report }) => report.end)).toEqual([{ kind: "returned", message }]);
});

test("a stop is answered at once while the submission is fetched, and nothing reaches a core later", async () => {
  const scene = new TenantScene();
  const { promise, resolve } = Promise.withResolvers<"found">();
  scene.fetch = () => promise;
  scene.dispatch(M1, attemptOf(5));
  await scene.clock.advance(0);
  scene.command(M1, { kind: "stop", attempt: attemptOf(5), mode: "graceful" });
  expect(scene.reports("over").map(({ report }) => report.end.kind)).toEqual(["closed"]);
  resolve("found");
  await scene.clock.advance(100);
  expect(scene.ordered.map(({ kind }) => kind)).toEqual(["sealed"]);
});

test("what people ask of a workflow reaches the core, with the start or while it runs, and is told at every renewal", async () => {
  const scene = new TenantScene();
  const paused = { isPaused: true, pausedMs: 0, vus: null };
  scene.dispatch(M1, attemptOf(5));
  await scene.clock.advance(0);
  scene.command(M1, {
    kind: "start",
    attempt: attemptOf(5),
    startAtMs: scene.clock.nowMs(),
    inMs: 0,
    jobElapsedMs: 0,
    steering: paused,
  });
  const held = () =>
    scene.said.flatMap(({ message }) => (message.kind === "renew" ? message.attempts : [])).at(-1)?.steering;
  // It has no lease yet: what is asked meanwhile counts when it starts.
  const scaled = { ...paused, vus: 7 };
  scene.command(M1, { kind: "steer", attempt: attemptOf(5), steering: scaled });
  scene.renew(M1);
  await scene.clock.advance(0);
  expect(scene.ordered.find(({ kind }) => kind === "start")).toMatchObject({ steering: scaled });
  scene.tenant.renew();
  expect(held()).toEqual(scaled);
  const resumed = { isPaused: false, pausedMs: 400, vus: 7 };
  scene.command(M1, { kind: "steer", attempt: attemptOf(5), steering: resumed });
  await scene.clock.advance(0);
  expect(scene.ordered.at(-1)).toEqual({ kind: "steer", attempt: attemptOf(5), steering: resumed });
  scene.tenant.renew();
  expect(held()).toEqual(resumed);
});

test("a start by an owner that has just come back is taken by no clock of its life before", async () => {
  const scene = new TenantScene();
  const before = { ...M1, boot: "1" };
  const after = { ...M1, boot: "2" };
  // It has been up for an hour, as its answers say; then it starts again, and its clock begins at 0.
  scene.renew(before, { ownerMs: 3_600_000 });
  scene.dispatch(after, attemptOf(5));
  await scene.clock.advance(0);
  scene.command(after, { kind: "start", attempt: attemptOf(5), startAtMs: 50, inMs: 50, jobElapsedMs: 0 });
  scene.renew(after, { ownerMs: 0 });
  await scene.clock.advance(0);
  expect(scene.ordered.find(({ kind }) => kind === "start")).toMatchObject({ inMs: 50 });
});

test("an attempt whose workflow nobody touched says nothing of it", async () => {
  const scene = new TenantScene();
  await scene.run(attemptOf(5));
  scene.tenant.renew();
  const renewals = scene.said.flatMap(({ message }) => (message.kind === "renew" ? message.attempts : []));
  expect(renewals.every((report) => report.steering === undefined)).toBe(true);
  expect(scene.ordered.find(({ kind }) => kind === "start")).not.toHaveProperty("steering");
  expect(UNSTEERED).toEqual({ isPaused: false, pausedMs: 0, vus: null });
});

test("an older owner steers nothing", async () => {
  const scene = new TenantScene();
  await scene.run(attemptOf(5), { manager: "m2", token: 20 });
  scene.command(M1, { kind: "steer", attempt: attemptOf(5), steering: { isPaused: true, pausedMs: 0, vus: null } });
  await scene.clock.advance(0);
  expect(scene.ordered.some(({ kind }) => kind === "steer")).toBe(false);
});

test("a worker that holds nothing says so every other second, one that holds an attempt says it each second", async () => {
  const scene = new TenantScene();
  const renewals = async (ms: number): Promise<number> => {
    const count = (): number =>
      scene.said.filter(({ manager, message }) => manager === M1.manager && message.kind === "renew").length;
    const before = count();
    await scene.clock.advance(ms);
    return count() - before;
  };
  expect(await renewals(60_000)).toBe(30);
  scene.dispatch(M1, attemptOf(5));
  await renewals(2_000);
  expect(await renewals(60_000)).toBe(60);
});
