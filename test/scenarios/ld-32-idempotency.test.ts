// One job however often it is asked for: a storm of repeats at all managers, repeats that come after the end. Three
// replicas on simulated hosts; a ledger by hand.

import { expect, setDefaultTimeout, test } from "bun:test";
import { Harness, workflow } from "../ledger/harness.ts";
import { submitOf } from "../node/ledger-books.ts";
import { Managers } from "../node/sim-managers.ts";

setDefaultTimeout(60_000);

test("[LD-32.1.1] [LD-41.5.2] a thousand submits of one id at three managers at once make one job, and all of them are told so", () => {
  const managers = new Managers({ seed: 3 });
  managers.until("a leader", () => managers.leaders().length === 1);
  const told = { isNew: 0, isKnown: 0 };
  for (let at = 0; at < 1_000; at++) {
    managers.all[at % 3]?.replica?.propose(submitOf("storm"), (outcome) => {
      if (outcome.kind !== "applied") throw new Error(outcome.message);
      for (const effect of outcome.effects ?? [])
        if (effect.kind === "accepted") told[effect.isNew ? "isNew" : "isKnown"]++;
    });
  }
  managers.until("all are told", () => told.isNew + told.isKnown === 1_000);
  managers.untilSettled();
  expect(told).toEqual({ isNew: 1, isKnown: 999 });
  for (const { replica } of managers.all) expect([...(replica?.state.jobs.keys() ?? [])]).toEqual(["storm"]);
});

test("[LD-32.2.4] [LD-51.1] a repeat after the end is the ended job with its result: it neither runs nor ends again", () => {
  const harness = new Harness();
  harness.join("w1", 1);
  harness.submit([workflow("a")]);
  harness.run("a");
  const ended = structuredClone(harness.job());
  const spec = { workflows: [workflow("a")], retries: 0 };
  for (let time = 0; time < 3; time++)
    expect(harness.commit({ kind: "submit", job: "j", digest: "d", submission: "", spec })).toEqual([
      { kind: "accepted", job: "j", isNew: false },
    ]);
  harness.settle();
  expect(harness.job()).toEqual(ended);
  expect([harness.of("dispatch").length, harness.of("finished").length]).toEqual([1, 1]);
});
