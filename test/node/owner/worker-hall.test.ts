// Goal: a manager tells a worker to forget only what is surely nobody's: an attempt may be newer than what has been
// applied here; and what one life of a worker was given is no matter of its next. Method: the hall of a manager over a
// ledger of its own; renewals and reports by hand.

import { expect, test } from "bun:test";
import type { Attempt } from "../../../src/ledger/job.ts";
import { jobSpecOf } from "../../../src/node/job-spec.ts";
import { createEmbeddedLedger } from "../../../src/node/ledger-port.ts";
import { Owner } from "../../../src/node/owner/owner.ts";
import { createMemoryVault } from "../../../src/node/owner/vault.ts";
import { WorkerHall } from "../../../src/node/owner/worker-hall.ts";
import type { ToWorker } from "../../../src/node/worker-messages.ts";
import { attemptOf } from "../../scenarios/tenant-scene.ts";
import { VirtualClock } from "../fake-world.ts";
import { BUNDLE, jobPlan } from "../plans.ts";

function hall(applied: number, { life = "1" } = {}) {
  const clock = new VirtualClock();
  const ledger = createEmbeddedLedger(clock);
  const said: ToWorker[] = [];
  const worker = { life };
  const owner = new Owner({
    node: "m1",
    boot: "1",
    clock,
    ledger,
    vault: createMemoryVault(() => ({ plan: jobPlan(), bundle: BUNDLE, retries: 0 })),
    order: (worker, job, request) => made.order(worker, job, request),
    tell: () => {},
    finished: () => {},
    note: () => {},
    reportMs: 1_000,
    viewMs: 1_000,
    startLeadMs: 0,
    caughtUpAtMs: () => clock.nowMs(),
    doesCheckpoint: false,
  });
  const made: WorkerHall = new WorkerHall({
    clock,
    ledger,
    owner,
    applied: () => applied,
    caughtUpAtMs: () => clock.nowMs(),
    say: (_worker, message) => void said.push(message),
    bootOf: () => worker.life,
    pressure: () => "throttle",
  });
  return { hall: made, said, ledger, clock, worker };
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

/** A job of one share, placed on the first life of w1. */
async function placed(life: string) {
  const scene = hall(1_000, { life });
  const { ledger, clock, said } = scene;
  ledger.propose({ kind: "join", worker: "w1", boot: "1", cores: 1, labels: {} });
  ledger.propose({ kind: "submit", job: "j", digest: "d", submission: "", spec: jobSpecOf(jobPlan(), 0) });
  ledger.propose({ kind: "assign", job: "j", owner: "m1", boot: "1" });
  await clock.advance(0);
  const dispatched = said.flatMap((one) =>
    one.kind === "command" && one.command.kind === "dispatch" ? [one.command.attempt] : [],
  );
  const job = ledger.state.jobs.get("j");
  const attempts = (): readonly Attempt[] => job?.workflows.get("default")?.shares[0]?.attempts ?? [];
  const [token = 0] = attempts().map((attempt) => attempt.token);
  const attempt = attemptOf(token, { job: "j", workflow: "default" });
  const reportOver = async (boot: string): Promise<void> => {
    const end = { kind: "closed", valueJson: null, thrown: null } as const;
    const report = { kind: "over", attempt, seq: 0, offers: 0, end } as const;
    scene.hall.hear("w1", boot, { kind: "report", ownerToken: job?.owner?.token ?? 0, report });
    await clock.advance(0);
  };
  return { ...scene, dispatched, attempts, reportOver };
}

test("what a life of a worker was given is ordered of it, and not of the one that came after", async () => {
  const first = await placed("1");
  expect(first.dispatched).toHaveLength(1);
  const second = await placed("2");
  expect(second.attempts().map(({ boot }) => boot)).toEqual(["1"]);
  expect(second.dispatched).toEqual([]);
  first.hall.close();
  second.hall.close();
});

test("the end of an attempt is believed to the life that had it alone", async () => {
  const { attempts, reportOver, hall: made } = await placed("1");
  await reportOver("2");
  expect(attempts().map(({ state }) => state)).toEqual(["dispatched"]);
  await reportOver("1");
  expect(attempts()[0]?.state).toBe("sealed");
  made.close();
});
