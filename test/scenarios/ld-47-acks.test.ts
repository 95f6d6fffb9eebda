// The word that a share is ready: said twice it counts once, and it is no promise, since its worker may die before the
// start. Entries committed by hand; the worker's side message by message.

import { expect, test } from "bun:test";
import { Harness, LOST, started, workflow } from "../ledger/harness.ts";
import { attemptOf, M1, TenantScene } from "./tenant-scene.ts";

test("[LD-47.1] ready, said again, starts nothing twice", () => {
  const harness = started(2);
  const [first, second] = [harness.one("a", 0), harness.one("a", 1)];
  const ready = ({ token, share }: typeof first) =>
    harness.commit({ kind: "ready", job: "j", workflow: "a", share, attemptToken: token });
  ready(first);
  // The repeat does not stand in for the other share.
  expect(ready(first)).toMatchObject([{ kind: "refused", code: "illegal" }]);
  harness.settle();
  expect(harness.of("begin")).toEqual([]);
  ready(second);
  ready(second);
  harness.settle();
  expect(ready(first)).toMatchObject([{ kind: "refused", code: "illegal" }]);
  harness.settle();
  expect(harness.of("begin").length).toBe(1);
});

test("[LD-47.1] [LD-53.2] dispatch and start, said again, reach the core once", async () => {
  const scene = new TenantScene();
  for (let time = 0; time < 3; time++) scene.dispatch(M1, attemptOf(1));
  await scene.clock.advance(0);
  scene.renew(M1);
  for (let time = 0; time < 3; time++) scene.start(M1, attemptOf(1));
  scene.dispatch(M1, attemptOf(1));
  await scene.clock.advance(100);
  expect(scene.ordered.map(({ kind }) => kind)).toEqual(["dispatch", "start"]);
});

test("[LD-47.2] a worker that said ready and died before the start holds nothing up: the share is ready elsewhere first", () => {
  const harness = new Harness();
  harness.join("w1", 1);
  harness.join("w2", 1);
  harness.submit([workflow("a")]);
  const [first, second] = [harness.one("a", 0), harness.one("a", 1)];
  harness.commit({ kind: "ready", job: "j", workflow: "a", share: 0, attemptToken: first.token });
  harness.commit({ kind: "leave", worker: "w1", boot: "1", isCertain: true });
  harness.seal(first, LOST, { seq: 0, resume: null });
  harness.commit({ kind: "ready", job: "j", workflow: "a", share: 1, attemptToken: second.token });
  harness.settle();
  // All shares or none: the one that lost its worker is waited for.
  expect([harness.of("begin").length, harness.states()["a"]]).toEqual([0, "preparing"]);
  const again = harness.one("a", 0);
  expect(harness.of("dispatch").at(-1)).toMatchObject({ attempt: again, worker: "w2", resume: null });
  harness.commit({ kind: "ready", job: "j", workflow: "a", share: 0, attemptToken: again.token });
  harness.settle();
  expect(harness.of("begin").map(({ attempts }) => attempts.length)).toEqual([2]);
});
