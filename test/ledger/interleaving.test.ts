// Any order of what can happen to jobs: duplicates, stale tokens, cancel against close, failure against close, workers
// that come and go, lost proposals. Random scripts (shrunk by fast-check) drive the ledger; invariants are checked
// after every entry, and at the end everything that still runs may finish: each job then has exactly one terminal
// state.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { apply } from "../../src/ledger/apply.ts";
import { NO_ACCOUNTING, workflowAccounting } from "../../src/ledger/accounting.ts";
import type { End, Proposal, WorkflowSpec } from "../../src/ledger/entries.ts";
import { createLedger, isOver, liveAttempt } from "../../src/ledger/job.ts";
import { heldCores } from "../../src/ledger/placement.ts";
import type { AttemptId } from "../../src/load/share.ts";
import { CLOSED, Harness, SETUP, TEARDOWN, workflow } from "./harness.ts";

type Step = {
  readonly kind:
    | "settle"
    | "readyAll"
    | "commit"
    | "repeat"
    | "drop"
    | "ready"
    | "close"
    | "fail"
    | "lose"
    | "cancel"
    | "abort"
    | "verdict"
    | "timeout"
    | "provide"
    | "checkpoint"
    | "join"
    | "leave"
    | "assign"
    | "stale"
    | "finish";
  readonly pick: number;
};

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom(
      "settle",
      "settle",
      "settle",
      "settle",
      "readyAll",
      "readyAll",
      "commit",
      "commit",
      "repeat",
      "drop",
      "ready",
      "close",
      "close",
      "fail",
      "lose",
      "cancel",
      "abort",
      "verdict",
      "timeout",
      "provide",
      "checkpoint",
      "join",
      "leave",
      "assign",
      "stale",
      "finish",
    ),
    pick: fc.nat(1_000),
  }),
  { maxLength: 120, size: "max" },
);

const priority = fc.constantFrom<WorkflowSpec["priority"]>("auto", "auto", "low", "normal", "high", "exclusive");
/** Names may only come after earlier ones: always a DAG. */
const spec = fc
  .record({
    users: fc.array(
      fc.record({
        after: fc.array(fc.nat(3), { maxLength: 2 }),
        shares: fc.integer({ min: 1, max: 4 }),
        priority,
        toMs: fc.nat(200),
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
      ...users.map(({ after, shares, priority: rank, toMs }, at) =>
        workflow(`u${at}`, {
          after: [...new Set(after)].filter((before) => before < at).map((before) => `u${before}`),
          sharesMax: shares,
          priority: rank,
          toMs,
        }),
      ),
      ...(hasTeardown ? [TEARDOWN] : []),
      ...(hasSetup ? [SETUP] : []),
    ],
  }));

const ONE = { ...NO_ACCOUNTING, scheduled: 1, started: 1, completed: 1 };
const FAILED: End = { kind: "failed", cause: "crashed", message: "boom" };
const LOST: End = { kind: "lost", message: "gone" };

function allLive(harness: Harness): AttemptId[] {
  return [...harness.state.jobs.values()].flatMap((job) =>
    [...job.workflows.keys()].flatMap((name) => harness.live(name, job.id)),
  );
}

function fields(id: AttemptId) {
  return { job: id.job, workflow: id.workflow, share: id.share, attemptToken: id.token };
}

function cutFields({ workflow: name, share, token }: AttemptId) {
  return { workflow: name, share, attemptToken: token };
}

function sealing(id: AttemptId, end: End, seq: number): Proposal {
  return {
    kind: "seal",
    ...fields(id),
    end,
    seq,
    resume: null,
    snapshot: `${id.token}:${seq}`,
    taken: 0,
    accounting: ONE,
  };
}

/** What one step commits; null when there is nothing to do it to. */
function proposalOf(harness: Harness, { kind, pick }: Step, known: readonly AttemptId[]): Proposal | null {
  const live = allLive(harness);
  const id = live[pick % Math.max(live.length, 1)];
  const jobs = [...harness.state.jobs.values()];
  const job = jobs[pick % jobs.length];
  if (job === undefined) return null;
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
    case "drop": {
      harness.proposals.length = 0;
      return { kind: "assign", job: job.id, owner: `m${pick}`, boot: "1" };
    }
    case "ready":
      return id === undefined ? null : { kind: "ready", ...fields(id) };
    case "close":
      return id === undefined
        ? null
        : sealing(id, { kind: "closed", valueJson: null, thrown: pick % 3 === 0 ? "no" : null }, pick);
    case "fail":
      return id === undefined ? null : sealing(id, FAILED, pick);
    case "lose":
      return id === undefined ? null : sealing(id, LOST, pick);
    case "cancel":
      return { kind: "cancel", job: job.id, by: pick % 2 === 0 ? "user" : "other" };
    case "abort":
      return id === undefined ? null : { kind: "abort", ...fields(id), reason: "enough" };
    case "verdict":
      return {
        kind: "verdict",
        job: job.id,
        ownerToken: job.owner?.token ?? 0,
        metricKey: "m",
        expression: "e",
        isAbort: pick % 2 === 0,
      };
    case "timeout":
      // Most timers are right, some were overtaken.
      if (pick % 4 !== 3) harness.atMs += 10_000;
      return {
        kind: "timeout",
        job: job.id,
        ownerToken: job.owner?.token ?? 0,
        workflow: pick % 2 === 0 ? "::setup" : "::teardown",
      };
    case "provide":
      return id === undefined
        ? null
        : { kind: "provide", ...fields(id), key: `k${pick % 2}`, json: "1", vu: pick % 3, iteration: 0 };
    case "checkpoint":
      return id === undefined
        ? null
        : {
            kind: "checkpoint",
            job: id.job,
            ownerToken: harness.ownerToken(id.job),
            cuts: [{ ...cutFields(id), seq: pick, resume: null, snapshot: "c", taken: 0, accounting: ONE }],
          };
    case "join":
      return { kind: "join", worker: `w${pick % 3}`, cores: 1 + (pick % 4), boot: "1", labels: {} };
    case "leave":
      return { kind: "leave", worker: `w${pick % 3}`, boot: "1", isCertain: true };
    case "assign":
      return { kind: "assign", job: job.id, owner: `m${pick}`, boot: "1" };
    case "finish":
      return {
        kind: "finish",
        job: job.id,
        ownerToken: job.owner?.token ?? 0,
        thresholdsFailed: pick % 2,
        result: null,
      };
    case "stale": {
      const old = known[pick % Math.max(known.length, 1)];
      return old === undefined ? null : sealing(old, pick % 2 === 0 ? CLOSED : FAILED, pick);
    }
  }
}

function checkInvariants(harness: Harness): void {
  const byCore = new Map<string, Set<string>>();
  for (const job of harness.state.jobs.values()) {
    const finished = harness.of("finished").filter((effect) => effect.job === job.id);
    expect(finished.length).toBe(job.phase === "finished" ? 1 : 0);
    for (const found of job.workflows.values()) {
      if (isOver(found)) expect(heldCores(found)).toEqual([]);
      if (job.phase !== "open") expect(isOver(found)).toBe(true);
      // All shares or none: a placed workflow has them all from the start.
      if (found.state === "waiting" || found.state === "queued") expect(found.shares).toEqual([]);
      if (found.state === "preparing" || found.state === "running") expect(found.shares.length).toBeGreaterThan(0);
      for (const { attempts } of found.shares) {
        for (const attempt of attempts.slice(0, -1)) expect(attempt.state).toBe("sealed");
        const tokens = attempts.map(({ token }) => token);
        expect(tokens).toEqual(tokens.toSorted((a, b) => a - b));
      }
      for (const { worker, core } of heldCores(found)) {
        const at = `${worker}/${core}`;
        byCore.set(at, (byCore.get(at) ?? new Set()).add(job.id));
      }
      expect(workflowAccounting(found).started).toBe(
        found.shares.flatMap(({ attempts }) => attempts.filter(({ seal }) => seal !== null)).length,
      );
    }
    // Setup is committed at most once.
    const setup = job.workflows.get("::setup");
    expect(
      setup?.shares.flatMap(({ attempts }) => attempts.filter(({ end }) => end?.kind === "closed")).length ?? 0,
    ).toBeLessThanOrEqual(1);
  }
  for (const jobs of byCore.values()) expect(jobs.size).toBe(1);
}

/** Everything that still runs ends well; workers come back. Bounded: a job that needs more turns than that hangs. */
function finishAll(harness: Harness): void {
  for (let turn = 0; turn < 200 && [...harness.state.jobs.values()].some(({ phase }) => phase !== "finished"); turn++) {
    for (let worker = 0; worker < 3; worker++)
      harness.commit({ kind: "join", worker: `w${worker}`, cores: 2, boot: "1", labels: {} });
    for (const job of harness.state.jobs.values())
      if (job.phase !== "finished") harness.commit({ kind: "assign", job: job.id, owner: "m", boot: "1" });
    harness.settle();
    for (const id of allLive(harness)) harness.commit({ kind: "ready", ...fields(id) });
    harness.settle();
    for (const id of allLive(harness)) harness.commit(sealing(id, CLOSED, 1_001));
    harness.settle();
  }
}

test("every interleaving gives each job exactly one terminal state, with cores conserved and two fences", () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 3 }), steps, (specs, script) => {
      const harness = new Harness();
      harness.join("w0", 2);
      for (const [at, one] of specs.entries())
        harness.commit({ kind: "submit", job: `j${at}`, digest: "d", submission: "", spec: one });
      const known: AttemptId[] = [];
      for (const step of script) {
        harness.atMs += 10;
        const proposal = proposalOf(harness, step, known);
        if (proposal === null) continue;
        const token = "attemptToken" in proposal ? proposal.attemptToken : null;
        const isFenced = token !== null && !allLive(harness).some((id) => id.token === token);
        const before = isFenced ? structuredClone(harness.state.jobs) : null;
        harness.commit(proposal);
        if (before !== null) expect(harness.state.jobs).toEqual(before);
        known.splice(0, known.length, ...harness.of("dispatch").map(({ attempt }) => attempt));
        checkInvariants(harness);
      }
      finishAll(harness);
      checkInvariants(harness);
      for (const job of harness.state.jobs.values()) {
        expect(job.phase).toBe("finished");
        reached.add(`${job.outcome?.state} ${job.outcome?.errorCode}`);
        for (const found of job.workflows.values()) {
          reached.add(`${found.spec.role} ${found.state}`);
          for (const share of found.shares) expect(liveAttempt(share)).toBeNull();
        }
        const teardown = job.workflows.get("::teardown");
        const setup = job.workflows.get("::setup");
        if (teardown !== undefined && setup !== undefined)
          expect(teardown.state === "skipped").toBe(setup.state !== "ended");
      }
    }),
    { numRuns: 400, seed: 7 },
  );
  // A batch that never gets there has tested nothing.
  expect([...reached].sort()).toEqual(
    expect.arrayContaining([
      "completed null",
      "cancelled interrupted",
      "cancelled cancelled",
      "aborted aborted",
      "aborted thresholds",
      "failed failed",
      "failed load",
      "failed setup-timeout",
      "setup ended",
      "setup failed",
      "teardown ended",
      "teardown skipped",
      "user ended",
      "user cancelled",
      "user failed",
      "user skipped",
    ]),
  );
});

test("the same entries give the same state and effects again, also over a structuredClone midway", () => {
  fc.assert(
    fc.property(spec, steps, fc.nat(100), (one, script, cutAt) => {
      const harness = new Harness();
      harness.join("w0", 2);
      harness.commit({ kind: "submit", job: "j", digest: "d", submission: "", spec: one });
      for (const step of script) {
        harness.atMs += 10;
        const proposal = proposalOf(harness, step, []);
        if (proposal !== null) harness.commit(proposal);
      }
      let state = createLedger();
      const effects = harness.entries.flatMap((entry, at) => {
        if (at === cutAt % harness.entries.length) state = structuredClone(state);
        return apply(state, at + 1, entry);
      });
      expect(effects).toEqual(harness.effects);
      expect(state).toEqual(harness.state);
    }),
    { numRuns: 100, seed: 11 },
  );
});
