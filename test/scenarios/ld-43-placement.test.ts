// Workers that come and go while loads run: what runs stays where it is, what comes next uses what there is then.
// Entries committed by hand.

import { expect, test } from "bun:test";
import { started, workflow } from "../ledger/harness.ts";

test("[LD-43.1] a worker that joins while a load runs takes nothing from it, and its part of the next one", () => {
  const harness = started(2, [workflow("a"), workflow("b", { after: ["a"] })]);
  harness.ready("a");
  const before = harness.live("a");
  harness.join("w2", 2);
  expect(harness.live("a")).toEqual(before);
  expect([harness.of("stop"), harness.of("dispatch").length]).toEqual([[], 2]);
  harness.close("a");
  const workers = harness.of("dispatch").flatMap(({ attempt, worker }) => (attempt.workflow === "b" ? [worker] : []));
  expect(workers.sort()).toEqual(["w1", "w1", "w2", "w2"]);
});
