// Limits that pass: more than one at a time, and again after the end. Entries committed by hand.

import { expect, test } from "bun:test";
import { CLOSED, Harness, SETUP, started, TEARDOWN, workflow } from "../ledger/harness.ts";

function timeout(harness: Harness, name: string, job = "j") {
  return harness.commit({ kind: "timeout", job, workflow: name, ownerToken: harness.ownerToken(job) });
}

test("[LD-31.1.2] limits of several jobs that pass at one instant end each its own job, and again nothing", () => {
  const harness = new Harness();
  harness.join("w1", 2);
  for (const job of ["j", "k"]) harness.submit([SETUP, workflow("a")], { job });
  for (const job of ["j", "k"]) harness.ready("::setup", job);
  harness.atMs = 10_000;
  for (const job of ["j", "k"]) timeout(harness, "::setup", job);
  for (const job of ["j", "k"]) {
    timeout(harness, "::setup", job);
    expect(harness.of("stop").filter(({ attempt }) => attempt.job === job)).toHaveLength(1);
    harness.close("::setup", CLOSED, job);
    expect(harness.job(job).outcome).toMatchObject({ state: "failed", errorCode: "setup-timeout" });
    expect(timeout(harness, "::setup", job)).toMatchObject([{ kind: "refused", code: "finished" }]);
  }
  expect(harness.of("finished")).toHaveLength(2);
});

test("[LD-31.1.4] a limit that passes starts nothing that has a limit of its own, but what was set up is torn down", () => {
  const harness = started(1, [SETUP, workflow("a"), TEARDOWN]);
  harness.run("::setup");
  harness.ready("a");
  const limits = () => harness.of("deadline").map(({ workflow: name }) => name);
  expect(limits()).toEqual(["::setup"]);
  harness.commit({ kind: "cancel", job: "j", by: "user" });
  harness.close("a");
  harness.ready("::teardown");
  expect(limits()).toEqual(["::setup", "::teardown"]);
  harness.atMs = 10_000;
  timeout(harness, "::teardown");
  harness.close("::teardown");
  // The first reason holds; the second limit has changed nothing of it.
  expect(harness.job().outcome).toMatchObject({ state: "cancelled", errorCode: "interrupted" });
  expect(limits()).toHaveLength(2);
});
