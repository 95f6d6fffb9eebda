// Random scripts of what can happen to jobs, for fast-check to make and to shrink: duplicates, stale tokens, lost
// proposals, cancel against close, failure against close, pauses, workers that come and go. Not a test itself.

import fc from "fast-check";
import { NO_ACCOUNTING } from "../../src/ledger/accounting.ts";
import type { End, Proposal, WorkflowSpec } from "../../src/ledger/entries.ts";
import type { Job } from "../../src/ledger/job.ts";
import type { AttemptId } from "../../src/load/share.ts";
import { CLOSED, type Harness, SETUP, TEARDOWN, workflow } from "./harness.ts";

/** What may happen, the frequent ones named more often. */
const KINDS = [
  ...["settle", "settle", "settle", "settle", "readyAll", "readyAll", "commit", "commit", "ready"],
  ...["repeat", "drop", "close", "close", "fail", "lose", "giveBack", "stale", "staleOwner"],
  ...["cancel", "abort", "verdict", "timeout", "extend", "provide", "checkpoint", "checkpoint", "finish"],
  ...["join", "restart", "leave", "assign", "pause", "resume", "scale", "take", "take", "forget", "resubmit"],
] as const;

export type Step = { readonly kind: (typeof KINDS)[number]; readonly pick: number };

export const steps = fc.array(fc.record<Step>({ kind: fc.constantFrom(...KINDS), pick: fc.nat(1_000) }), {
  maxLength: 120,
  size: "max",
});

const priority = fc.constantFrom<WorkflowSpec["priority"]>("auto", "auto", "low", "normal", "high", "exclusive");

/** A job's spec. Names may only come after earlier ones: always a DAG. */
export const spec = fc
  .record({
    users: fc.array(
      fc.record({
        after: fc.array(fc.nat(3), { maxLength: 2 }),
        shares: fc.integer({ min: 1, max: 4 }),
        priority,
        toMs: fc.nat(200),
        pool: fc.constantFrom(null, null, 0, 20),
        scaleMax: fc.constantFrom(null, 100),
        zone: fc.constantFrom(null, null, "a"),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    hasSetup: fc.boolean(),
    hasTeardown: fc.boolean(),
    retries: fc.nat(2),
  })
  .map(({ users, hasSetup, hasTeardown, retries }) => ({
    retries,
    workflows: [
      ...users.map(({ after, shares, priority: rank, toMs, pool, scaleMax, zone }, at) =>
        workflow(`u${at}`, {
          after: [...new Set(after)].filter((before) => before < at).map((before) => `u${before}`),
          sharesMax: shares,
          priority: rank,
          toMs,
          pool,
          scaleMax,
          requires: zone === null ? {} : { zone },
        }),
      ),
      ...(hasTeardown ? [TEARDOWN] : []),
      ...(hasSetup ? [SETUP] : []),
    ],
  }));

/** One started iteration: sums of seals are then their number. */
export const ONE = { ...NO_ACCOUNTING, scheduled: 1, started: 1, completed: 1 };
const FAILED: End = { kind: "failed", cause: "crashed", message: "boom" };
const LOST: End = { kind: "lost", message: "gone" };
const RETURNED: End = { kind: "returned", message: "drained" };

export function allLive(harness: Harness): AttemptId[] {
  return [...harness.state.jobs.values()].flatMap((job) =>
    [...job.workflows.keys()].flatMap((name) => harness.live(name, job.id)),
  );
}

export function fields(id: AttemptId) {
  return { job: id.job, workflow: id.workflow, share: id.share, attemptToken: id.token };
}

function cutOf(harness: Harness, id: AttemptId, seq: number) {
  const pool = harness.workflow(id.workflow, id.job).pool;
  const lease = pool?.leases.get(id.token);
  const held = [...(lease?.open ?? []), ...(lease?.fresh ?? [])];
  // It has heard of everything or of nothing new, and has done every second range of what it knows.
  const isHeard = seq % 3 !== 0;
  const fresh = lease?.fresh.reduce((sum, [from, to]) => sum + to - from, 0) ?? 0;
  const left = (isHeard ? held : (lease?.open ?? [])).filter((_, at) => (at + seq) % 2 === 0);
  return {
    seq,
    resume:
      pool === null
        ? ({ kind: "elapsed", elapsedMs: seq, feeds: {} } as const)
        : ({ kind: "ranges", left, elapsedMs: seq, feeds: {} } as const),
    snapshot: `${id.token}:${seq}`,
    taken: (lease?.heard ?? 0) + (isHeard ? fresh : 0),
    accounting: ONE,
  };
}

export function sealing(harness: Harness, id: AttemptId, end: End, seq: number): Proposal {
  const known = harness.state.jobs.get(id.job)?.workflows.has(id.workflow) === true;
  const cut = known ? cutOf(harness, id, seq) : { seq, resume: null, snapshot: "", taken: 0, accounting: ONE };
  return { kind: "seal", ...fields(id), end, ...cut };
}

/** What one step commits; null when there is nothing to do it to. In: attempts dispatched so far. */
export function proposalOf(harness: Harness, { kind, pick }: Step, known: readonly AttemptId[]): Proposal | null {
  const live = allLive(harness);
  const id = live[pick % Math.max(live.length, 1)];
  const jobs = [...harness.state.jobs.values()];
  const job = jobs[pick % Math.max(jobs.length, 1)];
  switch (kind) {
    case "settle":
    case "readyAll":
      if (kind === "readyAll") for (const one of live) harness.commit({ kind: "ready", ...fields(one) });
      harness.settle();
      return null;
    case "commit":
      return harness.proposals.splice(pick % Math.max(harness.proposals.length, 1), 1)[0] ?? null;
    case "repeat":
      return harness.proposals[pick % Math.max(harness.proposals.length, 1)] ?? null;
    case "join":
      return { kind: "join", worker: `w${pick % 3}`, cores: 1 + (pick % 4), boot: "1", labels: zoneOf(pick) };
    case "restart":
      return { kind: "join", worker: `w${pick % 3}`, cores: 2, boot: String(pick), labels: zoneOf(pick) };
    case "leave": {
      const worker = `w${pick % 3}`;
      const boot = harness.state.workers.get(worker)?.boot ?? "1";
      return { kind: "leave", worker, boot, isCertain: pick % 2 === 0 };
    }
    case "stale": {
      const old = known[pick % Math.max(known.length, 1)];
      return old === undefined ? null : sealing(harness, old, pick % 2 === 0 ? CLOSED : FAILED, pick);
    }
    default:
      if (job === undefined) return null;
      return ofJob(harness, { kind, pick }, job) ?? (id === undefined ? null : ofAttempt(harness, { kind, pick }, id));
  }
}

function zoneOf(pick: number): Readonly<Record<string, string>> {
  return pick % 5 === 0 ? {} : { zone: "a" };
}

function ofJob(harness: Harness, { kind, pick }: Step, job: Job): Proposal | null {
  const owned = { job: job.id, ownerToken: job.owner?.token ?? 0 };
  const [first] = job.workflows.keys();
  switch (kind) {
    case "drop":
      harness.proposals.length = 0;
      return { kind: "assign", job: job.id, owner: `m${pick}`, boot: "1" };
    case "assign":
      return { kind: "assign", job: job.id, owner: `m${pick}`, boot: "1" };
    case "cancel":
      return { kind: "cancel", job: job.id, by: pick % 2 === 0 ? "user" : "other" };
    case "verdict":
      return { kind: "verdict", ...owned, metricKey: "m", expression: "e", isAbort: pick % 2 === 0 };
    case "timeout":
      // Most timers are right, some were overtaken.
      if (pick % 4 !== 3) harness.atMs += 10_000;
      return { kind: "timeout", ...owned, workflow: pick % 2 === 0 ? "::setup" : "::teardown" };
    case "finish":
      return { kind: "finish", ...owned, thresholdsFailed: pick % 2, result: null };
    case "staleOwner":
      return { kind: "dispatch", job: job.id, ownerToken: pick, workflow: first ?? "", share: 0 };
    case "pause":
    case "resume":
      // Some are said again, late.
      return { kind, job: job.id, order: `order ${pick}` };
    case "forget":
      return { kind, job: job.id };
    case "scale":
      return { kind: "scale", job: job.id, order: `order ${pick}`, workflow: first ?? "", vus: pick % 150 };
    case "resubmit": {
      const workflows = [...job.workflows.values()].map((one) => one.spec);
      const digest = pick % 2 === 0 ? job.digest : "other";
      return { kind: "submit", job: job.id, digest, submission: "", spec: { workflows, retries: job.retries } };
    }
    default:
      return null;
  }
}

function ofAttempt(harness: Harness, { kind, pick }: Step, id: AttemptId): Proposal | null {
  switch (kind) {
    case "ready":
      return { kind: "ready", ...fields(id) };
    case "close":
      return sealing(harness, id, { kind: "closed", valueJson: "1", thrown: pick % 3 === 0 ? "no" : null }, pick);
    case "fail":
      return sealing(harness, id, FAILED, pick);
    case "lose":
      return sealing(harness, id, LOST, pick);
    case "giveBack":
      return sealing(harness, id, RETURNED, pick);
    case "abort":
      return { kind: "abort", ...fields(id), reason: "enough" };
    case "provide":
      return { kind: "provide", ...fields(id), key: `k${pick % 2}`, json: "1", vu: pick % 3, iteration: 0 };
    case "take":
      return { kind: "take", ...fields(id), count: 1 + (pick % 7) };
    case "extend":
      return { kind: "extend", ...fields(id), progress: pick };
    case "checkpoint": {
      const { workflow: name, share, token } = id;
      const cuts = [pick, pick % 7].map((seq) => ({
        workflow: name,
        share,
        attemptToken: token,
        ...cutOf(harness, id, seq),
      }));
      return { kind: "checkpoint", job: id.job, ownerToken: harness.ownerToken(id.job), cuts };
    }
    default:
      return null;
  }
}

/** Everything that still runs ends well; workers come back. Bounded: a job that needs more turns than that hangs. */
export function finishAll(harness: Harness): void {
  const isOpen = (): boolean => [...harness.state.jobs.values()].some(({ phase }) => phase !== "finished");
  for (let turn = 0; turn < 200 && isOpen(); turn++) {
    for (let worker = 0; worker < 3; worker++) {
      const boot = harness.state.workers.get(`w${worker}`)?.boot ?? `back${turn}`;
      harness.commit({ kind: "join", worker: `w${worker}`, cores: 2, boot, labels: { zone: "a" } });
    }
    for (const job of harness.state.jobs.values()) {
      if (job.phase === "finished") continue;
      harness.commit({ kind: "assign", job: job.id, owner: "m", boot: "1" });
      if (job.isPaused) harness.commit({ kind: "resume", job: job.id, order: `last ${turn}` });
    }
    harness.settle();
    for (const id of allLive(harness)) harness.commit({ kind: "ready", ...fields(id) });
    harness.settle();
    for (const id of allLive(harness)) harness.commit(sealing(harness, id, CLOSED, 1_001 + turn));
    harness.settle();
  }
}
