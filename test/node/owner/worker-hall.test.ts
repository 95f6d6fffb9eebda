// Goal: a manager tells a worker to forget only what is surely nobody's: an attempt may be newer than what has been
// applied here. Method: the hall of a manager that owns nothing, over a ledger of its own; renewals by hand.

import { expect, test } from "bun:test";
import { createEmbeddedLedger } from "../../../src/node/ledger-port.ts";
import { Owner } from "../../../src/node/owner/owner.ts";
import { createMemoryVault } from "../../../src/node/owner/vault.ts";
import { WorkerHall } from "../../../src/node/owner/worker-hall.ts";
import type { ToWorker } from "../../../src/node/worker-messages.ts";
import { attemptOf } from "../../scenarios/tenant-scene.ts";
import { VirtualClock } from "../fake-world.ts";
import { BUNDLE, jobPlan } from "../plans.ts";

function hall(applied: number) {
  const clock = new VirtualClock();
  const ledger = createEmbeddedLedger(clock);
  const said: ToWorker[] = [];
  const owner = new Owner({
    node: "m1",
    boot: "1",
    clock,
    ledger,
    vault: createMemoryVault(() => ({ plan: jobPlan(), bundle: BUNDLE, retries: 0 })),
    order: () => {},
    tell: () => {},
    finished: () => {},
    note: () => {},
    reportMs: 1_000,
    viewMs: 1_000,
    startLeadMs: 0,
    doesCheckpoint: false,
  });
  const made = new WorkerHall({
    clock,
    ledger,
    owner,
    applied: () => applied,
    caughtUpAtMs: () => clock.nowMs(),
    say: (_worker, message) => void said.push(message),
    pressure: () => "throttle",
  });
  return { hall: made, said };
}

test("attempts of a job it has not heard of are over only if they are older than what it knows", () => {
  const { hall: made, said } = hall(10);
  const attempts = [7, 10, 11].map((token) => ({
    attempt: attemptOf(token, { job: "unheard" }),
    state: "running" as const,
    seq: 0,
    offers: 0,
    isAborting: false,
  }));
  made.hear("w1", "1", { kind: "renew", boot: "1", sentAtMs: 0, cores: 4, labels: {}, isDraining: false, attempts });
  expect(said.flatMap((one) => (one.kind === "sealed" ? one.attempts.map(({ token }) => token) : []))).toEqual([7, 10]);
  expect(said.flatMap((one) => (one.kind === "renewed" ? one.jobs : []))).toEqual([]);
  made.close();
});
