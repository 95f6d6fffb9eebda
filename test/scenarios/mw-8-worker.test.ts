// Scenarios MW-8, a share on a worker: goal, that an order is checked, carried out, followed, and its end kept until it
// is committed. Method: the worker's standing (tenant.ts) with managers and cores played by the test.

import { expect, test } from "bun:test";
import { toWorkerSchema } from "../../src/node/worker-messages.ts";
import { attemptOf, cutOf, M1, TenantScene } from "./tenant-scene.ts";

const ATTEMPT = attemptOf(5);

const DISPATCH: Readonly<Record<string, unknown>> = {
  kind: "dispatch",
  attempt: ATTEMPT,
  core: 1,
  place: { share: 0, shares: 1, resume: null, feedStripe: { index: 0, of: 1 } },
  submission: "digest",
  context: { user: '"ada"' },
  setupJson: null,
  reportMs: 1_000,
};

function isTaken(command: unknown): boolean {
  return toWorkerSchema.safeParse({ kind: "command", ownerToken: 3, command }).success;
}

test("[MW-8.1.1] a dispatch is taken as it was meant, and none of which a field is missing or makes no sense", () => {
  const order = { kind: "command", ownerToken: 3, command: DISPATCH };
  expect<unknown>(toWorkerSchema.parse(order)).toEqual(order);
  for (const key of Object.keys(DISPATCH)) {
    const { [key]: _left, ...rest } = DISPATCH;
    expect([key, isTaken(rest)]).toEqual([key, false]);
  }
  for (const wrong of [
    { core: -1 },
    { attempt: { ...ATTEMPT, token: -1 } },
    { attempt: { ...ATTEMPT, workflow: "" } },
    { place: { share: 0, shares: 0, resume: null, feedStripe: { index: 0, of: 1 } } },
    { place: { share: 0, shares: 1, resume: { kind: "elapsed" }, feedStripe: { index: 0, of: 1 } } },
    { reportMs: 0 },
    { context: { user: 7 } },
  ])
    expect([wrong, isTaken({ ...DISPATCH, ...wrong })]).toEqual([wrong, false]);
});

test("[MW-8.1.2] [MW-8.1.3] a dispatch takes the core it names and is followed from its order to its end", async () => {
  const scene = new TenantScene();
  scene.isObedient = false;
  scene.dispatch(M1, ATTEMPT, 1);
  await scene.clock.advance(0);
  expect(scene.ordered).toMatchObject([{ kind: "dispatch", attempt: ATTEMPT, core: 1 }]);
  expect(scene.state(5)).toBe("preparing");
  // The order comes twice: it has the core already.
  scene.dispatch(M1, ATTEMPT, 1);
  await scene.clock.advance(0);
  expect(scene.ordered.length).toBe(1);
  scene.report({ kind: "ready", attempt: ATTEMPT });
  await scene.clock.advance(0);
  expect(scene.state(5)).toBe("ready");
  scene.renew(M1);
  scene.start(M1, ATTEMPT);
  expect(scene.state(5)).toBe("running");
  scene.command(M1, { kind: "stop", attempt: ATTEMPT, mode: "graceful" });
  expect(scene.state(5)).toBe("stopping");
  scene.report({ kind: "ended", attempt: ATTEMPT, valueJson: null, thrown: null });
  await scene.clock.advance(0);
  expect(scene.state(5)).toBe("over");
  expect(scene.ordered.map(({ kind }) => kind)).toEqual(["dispatch", "start", "stop"]);
});

test("[MW-2.2.1] [MW-3.4.3] a dispatch to a core there is not is refused with the reason, and holds up no other", async () => {
  const scene = new TenantScene();
  scene.dispatch(M1, ATTEMPT, 4);
  scene.dispatch(M1, attemptOf(6, { share: 1 }), 3);
  await scene.clock.advance(0);
  expect(scene.reports("over").map(({ report }) => report)).toEqual([
    {
      kind: "over",
      attempt: ATTEMPT,
      seq: 0,
      offers: 0,
      end: { kind: "failed", cause: "crashed", message: "there is no core 4 here" },
    },
  ]);
  expect(scene.ordered.map((one) => one.kind === "dispatch" && one.attempt.token)).toEqual([6]);
  expect([scene.state(5), scene.state(6)]).toEqual(["over", "ready"]);
});

test("[MW-8.5.2] [MW-8.5.3] its end goes to the owner with the last cut before it, and is kept until committed", async () => {
  const scene = new TenantScene();
  scene.isObedient = false;
  await scene.run(ATTEMPT);
  scene.report({ kind: "ready", attempt: ATTEMPT });
  await scene.clock.advance(0);
  scene.start(M1, ATTEMPT);
  scene.report({ kind: "snapshot", snapshot: cutOf(ATTEMPT, 4, 40, true) });
  scene.report({ kind: "ended", attempt: ATTEMPT, valueJson: null, thrown: null });
  await scene.clock.advance(0);
  expect(scene.streamed.map(({ manager, part }) => [manager, part.cut.seq, part.cut.isFinal])).toEqual([
    ["m1", 4, true],
  ]);
  const end = { kind: "closed", valueJson: null, thrown: null } as const;
  expect(scene.reports("over")).toEqual([
    { manager: "m1", ownerToken: 10, report: { kind: "over", attempt: ATTEMPT, seq: 4, offers: 0, end } },
  ]);
  // Nobody heard it: it is offered with every renewal, for as long as it takes, and told again when asked for.
  await scene.clock.advance(60_000);
  expect(scene.state(5)).toBe("over");
  expect(scene.said.at(-1)?.message).toMatchObject({ kind: "renew", attempts: [{ state: "over", seq: 4 }] });
  scene.command(M1, { kind: "tell", attempt: ATTEMPT, seq: 0, offers: 0 });
  expect([scene.streamed.length, scene.reports("over").length]).toEqual([2, 2]);
  // Any manager may say that it is committed.
  scene.tenant.hear({ node: "m2", boot: "1" }, { kind: "sealed", attempts: [ATTEMPT] });
  await scene.clock.advance(1_000);
  expect(scene.state(5)).toBeNull();
  expect(scene.ordered.at(-1)).toEqual({ kind: "sealed", attempt: ATTEMPT });
  expect(scene.said.at(-1)?.message).toMatchObject({ kind: "renew", attempts: [] });
});

test("[MW-8.1.4] a dispatch can be stopped from its order on, also while its code is not here yet", async () => {
  for (const hasCode of [false, true]) {
    const scene = new TenantScene();
    scene.isObedient = false;
    if (!hasCode) scene.fetch = () => Promise.reject(new Error("nobody has it"));
    scene.dispatch(M1, ATTEMPT);
    await scene.clock.advance(3_000);
    expect(scene.state(5)).toBe("preparing");
    scene.command(M1, { kind: "stop", attempt: ATTEMPT, mode: "now" });
    await scene.clock.advance(100);
    expect(scene.reports("over").map(({ report }) => report.end.kind)).toEqual(["closed"]);
    // What comes late is not begun any more, and no thread is kept.
    scene.fetch = () => Promise.resolve("found");
    await scene.clock.advance(3_000);
    expect(scene.ordered.map(({ kind }) => kind)).toEqual(hasCode ? ["dispatch", "sealed"] : ["sealed"]);
  }
});

test("a dispatch of another share under a token that is taken changes nothing", async () => {
  const scene = new TenantScene();
  await scene.run(ATTEMPT);
  scene.dispatch(M1, attemptOf(5, { share: 1 }));
  scene.dispatch(M1, attemptOf(5, { job: "other" }));
  await scene.clock.advance(0);
  expect(scene.tenant.held.map(({ attempt }) => attempt)).toEqual([ATTEMPT]);
  expect(scene.ordered.map(({ kind }) => kind)).toEqual(["dispatch", "start"]);
});

test("a newer attempt of a share stops the older one at once, and no attempt of another share", async () => {
  const scene = new TenantScene();
  scene.isObedient = false;
  for (const attempt of [attemptOf(1), attemptOf(2, { share: 1 })]) {
    scene.dispatch(M1, attempt, attempt.token - 1);
    await scene.clock.advance(0);
    scene.report({ kind: "ready", attempt });
    await scene.clock.advance(0);
    scene.renew(M1);
    scene.start(M1, attempt);
  }
  await scene.clock.advance(0);
  scene.dispatch(M1, attemptOf(9), 3);
  await scene.clock.advance(0);
  expect([scene.stops, scene.state(1), scene.state(2)]).toEqual([["1 now"], "stopping", "running"]);
  // It is handed back with everything it measured, like any work that is taken away.
  scene.report({ kind: "ended", attempt: attemptOf(1), valueJson: null, thrown: null });
  await scene.clock.advance(0);
  expect(scene.reports("over").map(({ report }) => [report.attempt.token, report.end.kind])).toEqual([[1, "returned"]]);
});

test("an older attempt of a share is not taken after a newer one", async () => {
  const scene = new TenantScene();
  scene.dispatch(M1, attemptOf(9));
  scene.dispatch(M1, attemptOf(4), 1);
  await scene.clock.advance(0);
  expect([scene.state(9), scene.state(4)]).toEqual(["ready", null]);
});
