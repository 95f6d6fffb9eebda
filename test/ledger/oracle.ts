// A second opinion on the ledger: it watches entries and effects and keeps its own small books of fences, seals, starts
// and ends, without looking at how the ledger does it. Throws at the first entry that does not fit. Not a test itself.

import { deepStrictEqual } from "node:assert";
import { workflowAccounting } from "../../src/ledger/accounting.ts";
import type { Effect } from "../../src/ledger/effects.ts";
import type { Entry, EntryOf } from "../../src/ledger/entries.ts";
import { isOver, liveAttempt, type LedgerState } from "../../src/ledger/job.ts";
import { heldCores, survey } from "../../src/ledger/placement.ts";
import { joined, lengthOf } from "../../src/ledger/pool.ts";
import { FORGOTTEN_KEYS_MAX, JOBS_MAX } from "../../src/ledger/submissions.ts";
import type { Resume } from "../../src/load/share.ts";

type ShareBook = { token: number; isSealed: boolean; seq: number; started: number; resume: Resume | null };
type CutBook = { readonly seq: number; readonly started: number; readonly resume: Resume | null };
type JobBook = {
  owner: number | null;
  readonly shares: Map<string, ShareBook>;
  readonly checkpoints: Map<number, CutBook>;
  /** Started iterations of all counted seals, by workflow. */
  readonly started: Map<string, number>;
  readonly startAtMs: Map<string, number>;
  /** Workflows of one share that have come to their end, by name. */
  readonly committed: Map<string, number>;
  isFinished: boolean;
};

function check(condition: boolean, text: string): void {
  if (!condition) throw new Error(text);
}

export class Oracle {
  readonly #jobs = new Map<string, JobBook>();

  /** Call it after every entry. */
  watch(index: number, entry: Entry, effects: readonly Effect[]): void {
    if (entry.kind === "submit" && effects.some((effect) => effect.kind === "accepted" && effect.isNew))
      this.#open(entry.job);
    if ("job" in entry) this.#watchJob(index, entry, effects);
    for (const effect of effects) this.#watchEffect(index, effect);
  }

  #open(job: string): void {
    check(!this.#jobs.has(job), `job ${job} is new twice`);
    this.#jobs.set(job, {
      owner: null,
      shares: new Map(),
      checkpoints: new Map(),
      started: new Map(),
      startAtMs: new Map(),
      committed: new Map(),
      isFinished: false,
    });
  }

  #watchJob(index: number, entry: Entry & { readonly job: string }, effects: readonly Effect[]): void {
    const book = this.#jobs.get(entry.job);
    const [first] = effects;
    const code = first?.kind === "refused" ? first.code : null;
    if (book === undefined) return check(code !== null, `${entry.kind} of an unknown job is not refused`);
    if (book.isFinished && entry.kind !== "submit" && entry.kind !== "forget")
      return check(code === "finished", `${entry.kind} after the end is not refused`);
    if ("ownerToken" in entry && entry.ownerToken !== book.owner)
      return check(code === "stale" && effects.length === 1, `${entry.kind} of an earlier owner is not refused`);
    if (entry.kind === "assign") {
      check(index > (book.owner ?? -1), "the owner's token does not rise");
      book.owner = index;
    }
    if (entry.kind === "checkpoint") this.#watchCuts(book, entry);
    if (entry.kind === "seal") this.#watchSeal(book, entry, effects);
    if (entry.kind === "forget" && code === null) {
      check(book.isFinished, `job ${entry.job} is forgotten before its end`);
      this.#jobs.delete(entry.job);
    }
  }

  #watchCuts(book: JobBook, { cuts }: EntryOf<"checkpoint">): void {
    for (const { workflow, share, attemptToken, seq, resume, accounting } of cuts) {
      const at = book.shares.get(`${workflow}/${share}`);
      const held = book.checkpoints.get(attemptToken);
      if (at?.token !== attemptToken || at.isSealed || seq <= (held?.seq ?? -1)) continue;
      book.checkpoints.set(attemptToken, { seq, started: accounting.started, resume });
    }
  }

  #watchSeal(book: JobBook, entry: EntryOf<"seal">, effects: readonly Effect[]): void {
    const at = book.shares.get(`${entry.workflow}/${entry.share}`);
    const isSealed = effects.some((effect) => effect.kind === "sealed" && effect.attempt.token === entry.attemptToken);
    const counts = at !== undefined && at.token === entry.attemptToken && !at.isSealed;
    check(isSealed === counts, `a seal of ${entry.attemptToken} is ${isSealed ? "" : "not "}taken`);
    if (at === undefined || !counts) return;
    const held = book.checkpoints.get(entry.attemptToken);
    const own = { seq: entry.seq, started: entry.accounting.started, resume: entry.resume };
    const cut = held !== undefined && held.seq > entry.seq ? held : own;
    book.checkpoints.delete(entry.attemptToken);
    at.isSealed = true;
    at.resume = cut.resume ?? at.resume;
    book.started.set(entry.workflow, (book.started.get(entry.workflow) ?? 0) + cut.started);
    const isEnd = entry.end.kind === "closed" && entry.workflow.startsWith("::");
    if (!isEnd) return;
    const times = (book.committed.get(entry.workflow) ?? 0) + 1;
    book.committed.set(entry.workflow, times);
    check(times === 1, `${entry.workflow} is committed twice`);
  }

  #watchEffect(index: number, effect: Effect): void {
    if (effect.kind === "dispatch") {
      const { attempt, resume } = effect;
      const shares = this.#jobs.get(attempt.job)?.shares;
      const key = `${attempt.workflow}/${attempt.share}`;
      const before = shares?.get(key);
      check(attempt.token === index && index > (before?.token ?? -1), "an attempt's token does not rise");
      check(before === undefined || before.isSealed, `a second attempt of ${key} beside a live one`);
      const expected = before?.resume ?? null;
      if (resume !== expected)
        deepStrictEqual(resume, expected?.kind === "ranges" ? { ...expected, left: [] } : expected);
      shares?.set(key, { token: index, isSealed: false, seq: 0, started: 0, resume: expected });
    }
    if (effect.kind === "begin") {
      const starts = this.#jobs.get(effect.job)?.startAtMs;
      const known = starts?.get(effect.workflow);
      check(known === undefined || known === effect.startAtMs, `${effect.workflow} starts twice`);
      starts?.set(effect.workflow, effect.startAtMs);
    }
    if (effect.kind === "finished") {
      const book = this.#jobs.get(effect.job);
      check(book !== undefined && !book.isFinished, `job ${effect.job} ends twice`);
      if (book === undefined) return;
      book.isFinished = true;
      for (const [key, { isSealed }] of book.shares) check(isSealed, `the job ends with ${key} unsealed`);
    }
  }

  /** Compares the books with the state, and the state with itself. Cost: the whole state. */
  audit(state: LedgerState): void {
    check(this.#jobs.size === state.jobs.size, "not the same jobs");
    for (const [id, book] of this.#jobs) {
      const job = state.jobs.get(id);
      check(job !== undefined, `job ${id} is missing`);
      if (job === undefined) continue;
      check((job.phase === "finished") === book.isFinished, `job ${id} is ${job.phase}`);
      check((job.outcome !== null) === book.isFinished, `job ${id} has an outcome at the wrong time`);
      check((job.owner?.token ?? null) === book.owner, `job ${id} has another owner`);
      for (const [name, workflow] of job.workflows) {
        const started = workflowAccounting(workflow).started;
        check(started === (book.started.get(name) ?? 0), `${id} "${name}" counts ${started}`);
      }
    }
    auditWorkflows(state);
    auditCores(state);
    check(state.forgottenKeys.size <= FORGOTTEN_KEYS_MAX, "too many forgotten keys");
    check([...state.jobs.values()].filter(({ phase }) => phase !== "finished").length <= JOBS_MAX, "too many jobs");
  }
}

function auditWorkflows(state: LedgerState): void {
  for (const job of state.jobs.values()) {
    for (const workflow of job.workflows.values()) {
      const { name, role } = workflow.spec;
      const isPlaced = workflow.state === "preparing" || workflow.state === "running";
      if (isOver(workflow) || job.phase !== "open") check(heldCores(workflow).length === 0, `${name} is over and held`);
      if (job.phase !== "open") check(isOver(workflow), `${name} outlives its job`);
      if (workflow.state === "waiting" || workflow.state === "queued") check(workflow.shares.length === 0, name);
      if (isPlaced) check(workflow.shares.length > 0, `${name} is placed nowhere`);
      const mayPause = job.isPaused && workflow.state === "running" && role === "user";
      check(workflow.pausedAtMs === null || mayPause, `${name} is paused at the wrong time`);
      for (const { attempts } of workflow.shares) {
        check(attempts.length <= 16, `${name} has ${attempts.length} attempts of one share`);
        for (const [at, attempt] of attempts.entries()) {
          const isSealed = attempt.state === "sealed";
          check(isSealed || at === attempts.length - 1, `${name} has two live attempts of one share`);
          check(isSealed === (attempt.seal !== null) && isSealed === (attempt.end !== null), `${name} is half sealed`);
        }
      }
      auditPool(workflow);
    }
  }
}

/** Every number of a pool is in exactly one place. */
function auditPool(workflow: Parameters<typeof isOver>[0]): void {
  const { pool } = workflow;
  if (pool === null) return;
  const held = [...pool.leases.values()].flatMap(({ open, fresh }) => [...open, ...fresh]);
  const free = [...pool.returned, ...held];
  check(lengthOf(free) === lengthOf(joined(free)), "a number is held twice");
  check(pool.closed + lengthOf(free) + pool.size - pool.next === pool.size, "numbers are lost");
  const live = new Set(workflow.shares.map((share) => liveAttempt(share)?.token));
  for (const token of pool.leases.keys()) check(live.has(token), "a sealed attempt still holds numbers");
}

/** No core of a worker's life carries shares of two jobs, and the pool counts what is held. */
function auditCores(state: LedgerState): void {
  const jobOf = new Map<string, string>();
  for (const job of state.jobs.values()) {
    for (const workflow of job.workflows.values()) {
      for (const { worker, boot, core } of heldCores(workflow)) {
        const key = `${worker} ${boot} ${core}`;
        check((jobOf.get(key) ?? job.id) === job.id, `core ${key} carries two jobs`);
        jobOf.set(key, job.id);
      }
    }
  }
  const pool = survey(state);
  const cores = pool.workers.flatMap((worker) => worker.cores);
  const held = cores.filter(({ worker, boot, core }) => jobOf.has(`${worker} ${boot} ${core}`)).length;
  const all = [...state.workers.values()].reduce((sum, { cores }) => sum + cores, 0);
  check(
    cores.length === all && pool.size === all && pool.free === all - held,
    `${pool.free} of ${all} cores are free, ${held} held`,
  );
}
