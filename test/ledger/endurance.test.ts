// A million random operations on one ledger: cores stay conserved, memory stays bounded, and it stays fast. A seeded
// stream makes them from what the effects say, as owners, workers and clients would, with faults among them; the oracle
// watches every entry and audits the whole state now and then.

import { expect, test } from "bun:test";
import { createPrng, nextBelow, nextFloat, nextU32 } from "../../src/base/prng.ts";
import { NO_ACCOUNTING } from "../../src/ledger/accounting.ts";
import { apply } from "../../src/ledger/apply.ts";
import { duties } from "../../src/ledger/duties.ts";
import type { End, Entry, Proposal, WorkflowSpec } from "../../src/ledger/entries.ts";
import { createLedger } from "../../src/ledger/job.ts";
import { exportLedger } from "../../src/ledger/snapshot.ts";
import type { AttemptId } from "../../src/load/share.ts";
import { CLOSED, SETUP, TEARDOWN, workflow } from "./harness.ts";
import { Oracle } from "./oracle.ts";

const OPERATIONS = 1_000_000;
const AUDIT_EVERY = 20_000;
const LIVE_JOBS = 4;
const RETAINED = 10;

class Load {
  readonly state = createLedger();
  readonly oracle = new Oracle();
  readonly #prng = createPrng(1, "endurance");
  readonly #proposals: Proposal[] = [];
  /** Jobs that have not finished. */
  readonly #open: string[] = [];
  readonly #onTheWay = new Set<string>();
  readonly #live = new Map<number, AttemptId>();
  readonly reached = new Map<string, number>();
  #index = 0;
  #jobs = 0;
  #atMs = 0;

  get operations(): number {
    return this.#index;
  }

  commit(proposal: Proposal): void {
    this.#atMs += 5;
    const entry: Entry = { ...proposal, atMs: this.#atMs };
    const effects = apply(this.state, ++this.#index, entry);
    this.oracle.watch(this.#index, entry, effects);
    for (const effect of effects) {
      this.reached.set(effect.kind, (this.reached.get(effect.kind) ?? 0) + 1);
      switch (effect.kind) {
        case "propose":
          // Some are lost with their proposer, some are made twice.
          if (nextBelow(this.#prng, 50) !== 0) this.#propose(effect.proposal);
          if (nextBelow(this.#prng, 50) === 0) this.#proposals.push(effect.proposal);
          break;
        case "accepted":
          this.#open.push(effect.job);
          break;
        case "finished":
          this.#open.splice(this.#open.indexOf(effect.job), 1);
          break;
        case "dispatch":
          this.#live.set(effect.attempt.token, effect.attempt);
          this.#proposals.push({ kind: "ready", ...fieldsOf(effect.attempt) });
          break;
        case "sealed":
          this.#live.delete(effect.attempt.token);
          break;
        case "close": {
          const owner = this.state.jobs.get(effect.job)?.owner;
          if (owner != null)
            this.#proposals.push({
              kind: "finish",
              job: effect.job,
              ownerToken: owner.token,
              thresholdsFailed: 0,
              result: "r",
            });
          break;
        }
        case "lost":
          this.#proposals.push(this.#seal(effect.attempt, { kind: "lost", message: "gone" }));
          break;
      }
    }
  }

  /** An owner does not say again what is on its way already. */
  #propose(proposal: Proposal): void {
    const key = keyOf(proposal);
    if (this.#onTheWay.has(key)) return;
    this.#onTheWay.add(key);
    this.#proposals.push(proposal);
  }

  step(): void {
    if (nextBelow(this.#prng, 10) < 5) {
      const next = this.#proposals.shift();
      if (next !== undefined) {
        this.#onTheWay.delete(keyOf(next));
        return this.commit(next);
      }
    }
    const id = this.#anyLive();
    const live = this.#open;
    const job = this.state.jobs.get(live[nextBelow(this.#prng, Math.max(1, live.length))] ?? "");
    const draw = nextFloat(this.#prng);
    if (live.length < LIVE_JOBS && draw < 0.02) return this.#submit();
    if (draw < 0.024) return this.#membership();
    if (draw < 0.03) return this.#lead();
    if (job === undefined || id === undefined) return;
    if (draw < 0.0305) return this.commit({ kind: "cancel", job: job.id, by: "other" });
    if (draw < 0.036) return this.commit({ kind: "pause", job: job.id, order: `order ${nextU32(this.#prng)}` });
    if (draw < 0.042) return this.commit({ kind: "resume", job: job.id, order: `order ${nextU32(this.#prng)}` });
    if (draw < 0.05) return this.#repeat();
    if (draw < 0.3) return this.commit({ kind: "take", ...fieldsOf(id), count: 1 + nextBelow(this.#prng, 9) });
    if (draw < 0.4) {
      const key = `k${nextBelow(this.#prng, 100)}`;
      return this.commit({ kind: "provide", ...fieldsOf(id), key, json: '"a value"', vu: 1, iteration: 1 });
    }
    if (draw < 0.85) return this.#checkpoint(id);
    const failed: End = { kind: "failed", cause: "crashed", message: "boom" };
    const end: End = draw < 0.855 ? failed : draw < 0.86 ? { kind: "returned", message: "drained" } : CLOSED;
    this.commit(this.#seal(id, end));
  }

  /** A seal that was committed long ago comes again, of a share that may have another attempt by now. */
  #repeat(): void {
    const index = nextBelow(this.#prng, this.#index);
    const { job, workflow: name, share } = this.#anyLive() ?? { job: "job 1", workflow: "a", share: 0 };
    this.commit(this.#seal({ job, workflow: name, share, token: index }, CLOSED));
  }

  #submit(): void {
    const priorities = ["auto", "auto", "auto", "low", "normal", "high", "exclusive"] as const;
    const user = (name: string, after: string[]): WorkflowSpec =>
      workflow(name, {
        after,
        sharesMax: 1 + nextBelow(this.#prng, 6),
        priority: priorities[nextBelow(this.#prng, priorities.length)] ?? "auto",
        pool: nextBelow(this.#prng, 2) === 0 ? 1_000 : null,
        requires: nextBelow(this.#prng, 4) === 0 ? { zone: "a" } : {},
      });
    const workflows = [SETUP, user("a", []), user("b", ["a"]), user("c", []), TEARDOWN];
    const job = `job ${++this.#jobs}`;
    this.commit({ kind: "submit", job, digest: "d", submission: "s", spec: { workflows, retries: 3 } });
  }

  #membership(): void {
    const worker = `w${nextBelow(this.#prng, 4)}`;
    const boot = this.state.workers.get(worker)?.boot ?? "1";
    const kind = nextBelow(this.#prng, 6);
    if (kind === 0) this.commit({ kind: "leave", worker, boot, isCertain: nextBelow(this.#prng, 2) === 0 });
    else {
      const labels = worker === "w0" ? {} : { zone: "a" };
      const cores = 1 + nextBelow(this.#prng, 3);
      this.commit({ kind: "join", worker, cores, labels, boot: kind === 1 ? `boot ${this.#index}` : boot });
    }
  }

  /** The leader does its duties: one of two managers is up. */
  #lead(): void {
    const up = nextBelow(this.#prng, 20) === 0 ? "m2" : "m1";
    const managers = [{ node: up, boot: "1", isAlive: true }];
    const seen = { nowMs: this.#atMs, managers, workers: [] };
    for (const proposal of duties(this.state, seen, { ms: 3_600_000, jobs: RETAINED })) this.commit(proposal);
  }

  #checkpoint(id: AttemptId): void {
    const ownerToken = this.state.jobs.get(id.job)?.owner?.token ?? 0;
    const { workflow: name, share, token } = id;
    const cuts = [{ workflow: name, share, attemptToken: token, ...this.#cut(id) }];
    this.commit({ kind: "checkpoint", job: id.job, ownerToken, cuts });
  }

  #seal(id: AttemptId, end: End): Proposal {
    return { kind: "seal", ...fieldsOf(id), end, ...this.#cut(id) };
  }

  #cut({ job, workflow: name, token }: AttemptId) {
    const lease = this.state.jobs.get(job)?.workflows.get(name)?.pool?.leases.get(token);
    const resume = { kind: "ranges" as const, left: lease?.open.slice(1) ?? [], elapsedMs: this.#index, feeds: {} };
    const accounting = { ...NO_ACCOUNTING, started: 1 };
    const taken = (lease?.heard ?? 0) + (lease?.fresh.reduce((sum, [from, to]) => sum + to - from, 0) ?? 0);
    return { seq: this.#index, resume, accounting, snapshot: `${token}:${this.#index}`, taken };
  }

  #anyLive(): AttemptId | undefined {
    const skip = nextBelow(this.#prng, Math.max(1, Math.min(this.#live.size, 8)));
    let at = 0;
    for (const id of this.#live.values()) if (at++ === skip) return id;
    return undefined;
  }
}

/** The same for proposals that ask for the same. */
function keyOf(proposal: Proposal): string {
  const workflowOf = "workflow" in proposal ? proposal.workflow : "";
  const job = "job" in proposal ? proposal.job : "";
  const owner = "ownerToken" in proposal ? proposal.ownerToken : "";
  return `${proposal.kind} ${job} ${owner} ${workflowOf} ${"share" in proposal ? proposal.share : ""}`;
}

function fieldsOf(id: AttemptId) {
  return { job: id.job, workflow: id.workflow, share: id.share, attemptToken: id.token };
}

test("[LD-37.3.2] [LD-37.3.3] [LD-42.1.1] a million random operations keep cores conserved and memory bounded", () => {
  const load = new Load();
  const sizes: number[] = [];
  for (let audit = 1; load.operations < OPERATIONS;) {
    load.step();
    if (load.operations < audit * AUDIT_EVERY) continue;
    audit++;
    load.oracle.audit(load.state);
    // Keys of forgotten jobs have a bound of their own, which the audit checks.
    sizes.push(JSON.stringify(exportLedger({ ...load.state, forgottenKeys: new Map() })).length);
  }
  // What it holds after a million operations is what it held after some ten thousands.
  const [early, late] = [Math.max(...sizes.slice(0, 5)), Math.max(...sizes.slice(-5))];
  expect(late).toBeLessThan(early * 2);
  for (const kind of ["dispatch", "begin", "sealed", "finished", "forgotten", "lost", "grant", "pause", "adopt"])
    expect(load.reached.get(kind) ?? 0).toBeGreaterThan(1_000);
}, 120_000);
