// The job machine: one committed entry changes the state and yields effects (design 5 and 6). Pure and deterministic;
// a bad, stale or repeated entry changes nothing and answers `refused`. What follows from a change is in flow.ts.

import { assert, never } from "../base/assert.ts";
import { contextOf, orderProblem } from "./dag.ts";
import type { Effect } from "./effects.ts";
import { CONTEXT_BYTES_MAX, type Entry, type EntryOf, PROVIDE_BYTES_MAX } from "./entries.ts";
import { advance, endEarly, needsAttempt, offerCores, proposeDispatches, proposeStart, takeOver } from "./flow.ts";
import { type Attempt, type Job, type LedgerState, type Workflow, liveAttempt, liveAttempts } from "./job.ts";
import { placeShare, placeWorkflow } from "./placement.ts";
import { seal } from "./sealing.ts";
import { refuse, stop, type Turn } from "./turn.ts";

/**
 * Applies the entry committed at `index` (rising). Changes `state`; out: the effects in order, for the job's owner.
 * Never throws on what an entry says.
 */
export function apply(state: LedgerState, index: number, entry: Entry): Effect[] {
  assert(Number.isSafeInteger(index) && index >= 0, "a ledger index is a whole number");
  const turn: Turn = { state, index, effects: [], doPlace: false };
  state.nowMs = Math.max(state.nowMs, entry.atMs);
  switch (entry.kind) {
    case "join":
      join(turn, entry);
      break;
    case "leave":
      leave(turn, entry);
      break;
    case "submit":
      submit(turn, entry);
      break;
    default:
      applyToJob(turn, entry);
  }
  if (turn.doPlace) offerCores(turn);
  return turn.effects;
}

type JobEntry = Exclude<Entry, { kind: "join" | "leave" | "submit" }>;

function applyToJob(turn: Turn, entry: JobEntry): void {
  const job = turn.state.jobs.get(entry.job);
  if (job === undefined) return refuse(turn, entry.job, "unknown", `there is no job ${entry.job}`);
  if (job.phase === "finished") return refuse(turn, job.id, "finished", `${entry.kind} after the end of the job`);
  if ("ownerToken" in entry && entry.ownerToken !== job.owner?.token)
    return refuse(turn, job.id, "stale", `${entry.kind} of an earlier owner`);
  switch (entry.kind) {
    case "assign":
      assign(turn, job, entry);
      break;
    case "place":
      place(turn, job, entry);
      break;
    case "dispatch":
      dispatch(turn, job, entry);
      break;
    case "start":
      start(turn, job, entry);
      break;
    case "timeout":
      timeout(turn, job, entry);
      break;
    case "cancel":
      cancel(turn, job, entry);
      break;
    case "verdict":
      verdict(turn, job, entry);
      break;
    case "finish":
      finish(turn, job, entry);
      break;
    default:
      applyToAttempt(turn, job, entry);
  }
  advance(turn, job);
}

type AttemptEntry = EntryOf<"ready" | "checkpoint" | "seal" | "provide" | "abort">;

function applyToAttempt(turn: Turn, job: Job, entry: AttemptEntry): void {
  const workflow = job.workflows.get(entry.workflow);
  const share = workflow?.shares[entry.share];
  if (workflow === undefined || share === undefined)
    return refuse(turn, job.id, "unknown", `no share ${entry.share} of "${entry.workflow}"`);
  const attempt = liveAttempt(share);
  if (attempt?.token !== entry.attemptToken) {
    const isKnown = share.attempts.some(({ token }) => token === entry.attemptToken);
    return refuse(
      turn,
      job.id,
      isKnown ? "late" : "stale",
      `${entry.kind} of attempt ${entry.attemptToken} of "${entry.workflow}", which is sealed or not the newest`,
    );
  }
  switch (entry.kind) {
    case "ready":
      return ready(turn, job, workflow, entry, attempt);
    case "checkpoint":
      return checkpoint(turn, job, entry, attempt);
    case "seal":
      return seal(turn, job, workflow, share, entry);
    case "provide":
      return provide(turn, job, workflow, entry);
    case "abort":
      return endEarly(turn, job, { state: "aborted", errorCode: "aborted", reason: entry.reason });
    default:
      never(entry);
  }
}

function join(turn: Turn, { worker, cores }: EntryOf<"join">): void {
  const known = turn.state.workers.get(worker);
  if (known === undefined) turn.state.workers.set(worker, { cores });
  else known.cores = cores;
  turn.doPlace = true;
}

function leave(turn: Turn, { worker }: EntryOf<"leave">): void {
  if (!turn.state.workers.delete(worker)) return refuse(turn, "", "unknown", `there is no worker ${worker}`);
  for (const job of turn.state.jobs.values()) {
    for (const workflow of job.workflows.values()) {
      for (const { id, attempt } of liveAttempts(job, workflow)) {
        if (attempt.worker === worker) turn.effects.push({ kind: "lost", attempt: id, worker });
      }
      for (const share of workflow.shares) if (share.place?.worker === worker) share.place = null;
    }
  }
}

function submit(turn: Turn, { job: id, digest, spec }: EntryOf<"submit">): void {
  const known = turn.state.jobs.get(id);
  if (known !== undefined) {
    if (known.digest === digest) turn.effects.push({ kind: "accepted", job: id, isNew: false });
    else refuse(turn, id, "conflict", `job ${id} exists with another content`);
    return;
  }
  const problem = orderProblem(spec);
  if (problem !== null) return refuse(turn, id, "invalid", problem);
  const rank = { setup: 0, user: 1, teardown: 2 } as const;
  const ordered = spec.workflows.toSorted((a, b) => rank[a.role] - rank[b.role]);
  const workflows = new Map(
    ordered.map((workflow): [string, Workflow] => [
      workflow.name,
      { spec: workflow, state: "waiting", shares: [], startAtMs: null, endAtMs: null, provided: new Map() },
    ]),
  );
  turn.state.jobs.set(id, {
    id,
    digest,
    submitIndex: turn.index,
    retries: spec.retries,
    workflows,
    owner: null,
    phase: "open",
    ending: null,
    outcome: null,
    originMs: null,
    setupJson: null,
    verdicts: new Map(),
    retriesUsed: 0,
    reruns: 0,
  });
  turn.effects.push({ kind: "accepted", job: id, isNew: true });
}

function assign(turn: Turn, job: Job, { owner }: EntryOf<"assign">): void {
  job.owner = { node: owner, token: turn.index };
  advance(turn, job);
  takeOver(turn, job);
}

function place(turn: Turn, job: Job, entry: EntryOf<"place">): void {
  const workflow = job.workflows.get(entry.workflow);
  if (workflow?.state !== "queued") return refuse(turn, job.id, "illegal", `"${entry.workflow}" is not queued`);
  const cores = placeWorkflow(turn.state, job, workflow);
  if (cores === null) return;
  workflow.state = "preparing";
  for (const core of cores)
    workflow.shares.push({ place: { worker: core.worker, core: core.core }, isOver: false, attempts: [] });
  proposeDispatches(turn, job, workflow);
}

function dispatch(turn: Turn, job: Job, entry: EntryOf<"dispatch">): void {
  const workflow = job.workflows.get(entry.workflow);
  const share = workflow?.shares[entry.share];
  if (workflow === undefined || share === undefined)
    return refuse(turn, job.id, "unknown", `no share ${entry.share} of "${entry.workflow}"`);
  if (!needsAttempt(job, workflow, entry.share))
    return refuse(turn, job.id, "illegal", `share ${entry.share} of "${entry.workflow}" needs no attempt`);
  const core = share.place ?? placeShare(turn.state, job, workflow);
  if (core === null) return;
  const resume = share.attempts.findLast(({ seal: cut }) => cut?.resume != null)?.seal?.resume ?? null;
  share.place = null;
  share.attempts.push({
    token: turn.index,
    worker: core.worker,
    core: core.core,
    state: "dispatched",
    wasStopped: false,
    startAtMs: null,
    endAtMs: null,
    checkpoint: null,
    seal: null,
    end: null,
  });
  turn.effects.push({
    kind: "dispatch",
    attempt: { job: job.id, workflow: workflow.spec.name, share: entry.share, token: turn.index },
    worker: core.worker,
    core: core.core,
    shares: workflow.shares.length,
    resume,
    context: contextOf(job, workflow),
    setupJson: job.setupJson,
  });
}

function ready(turn: Turn, job: Job, workflow: Workflow, entry: EntryOf<"ready">, attempt: Attempt): void {
  if (attempt.state !== "dispatched")
    return refuse(turn, job.id, "illegal", `attempt ${attempt.token} is ${attempt.state} already`);
  attempt.state = "ready";
  if (workflow.startAtMs === null) return proposeStart(turn, job, workflow);
  // The workflow runs: this attempt joins it at its offset.
  attempt.state = "running";
  attempt.startAtMs = turn.state.nowMs;
  const id = { job: job.id, workflow: entry.workflow, share: entry.share, token: attempt.token };
  turn.effects.push({
    kind: "begin",
    job: job.id,
    workflow: entry.workflow,
    startAtMs: workflow.startAtMs,
    originMs: job.originMs ?? workflow.startAtMs,
    attempts: [{ attempt: id, worker: attempt.worker }],
  });
}

function start(turn: Turn, job: Job, entry: EntryOf<"start">): void {
  const workflow = job.workflows.get(entry.workflow);
  const isReady =
    workflow?.state === "preparing" && workflow.shares.every((share) => liveAttempt(share)?.state === "ready");
  if (workflow === undefined || !isReady)
    return refuse(turn, job.id, "illegal", `"${entry.workflow}" is not ready to start`);
  const startAtMs = turn.state.nowMs + entry.leadMs;
  const live = liveAttempts(job, workflow);
  workflow.state = "running";
  workflow.startAtMs = startAtMs;
  job.originMs ??= startAtMs;
  for (const { attempt } of live) {
    attempt.state = "running";
    attempt.startAtMs = startAtMs;
  }
  turn.effects.push({
    kind: "begin",
    job: job.id,
    workflow: entry.workflow,
    startAtMs,
    originMs: job.originMs,
    attempts: live.map(({ id, attempt }) => ({ attempt: id, worker: attempt.worker })),
  });
  const { timeoutMs } = workflow.spec;
  if (timeoutMs !== null)
    turn.effects.push({ kind: "deadline", job: job.id, workflow: entry.workflow, inMs: timeoutMs + entry.leadMs });
}

function checkpoint(turn: Turn, job: Job, entry: EntryOf<"checkpoint">, attempt: Attempt): void {
  if (attempt.checkpoint !== null && entry.seq <= attempt.checkpoint.seq)
    return refuse(turn, job.id, "late", `checkpoint ${entry.seq} is not the newest`);
  attempt.checkpoint = { seq: entry.seq, resume: entry.resume, accounting: entry.accounting, snapshot: entry.snapshot };
}

function provide(turn: Turn, job: Job, workflow: Workflow, entry: EntryOf<"provide">): void {
  const { key, json, vu, iteration } = entry;
  const held = workflow.provided.get(key);
  const bytes = byteLength(json);
  if (bytes > PROVIDE_BYTES_MAX) {
    return refuse(
      turn,
      job.id,
      "limit",
      `provide("${key}") in "${entry.workflow}" is ${bytes} bytes of JSON; a value may have ${PROVIDE_BYTES_MAX}`,
    );
  }
  const isNewest = held === undefined || vu > held.vu || (vu === held.vu && iteration >= held.iteration);
  if (!isNewest) {
    workflow.provided.set(key, { ...held, providers: held.providers + 1 });
    return;
  }
  const total = contextBytes(job) - (held?.bytes ?? 0) + bytes;
  if (total > CONTEXT_BYTES_MAX) {
    return refuse(
      turn,
      job.id,
      "limit",
      `provide("${key}") in "${entry.workflow}" brings the job's values to ${total} bytes; ` +
        `it may keep ${CONTEXT_BYTES_MAX}`,
    );
  }
  workflow.provided.set(key, { json, bytes, vu, iteration, providers: (held?.providers ?? 0) + 1 });
}

function contextBytes(job: Job): number {
  let bytes = 0;
  for (const { provided } of job.workflows.values()) for (const value of provided.values()) bytes += value.bytes;
  return bytes;
}

/** UTF-8 length. */
function byteLength(text: string): number {
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}

function timeout(turn: Turn, job: Job, entry: EntryOf<"timeout">): void {
  const workflow = job.workflows.get(entry.workflow);
  const role = workflow?.spec.role;
  if (workflow?.state !== "running" || role === "user" || role === undefined)
    return refuse(turn, job.id, "illegal", `"${entry.workflow}" has no limit running`);
  endEarly(turn, job, {
    state: "failed",
    errorCode: role === "setup" ? "setup-timeout" : "teardown-timeout",
    reason: `${role} took longer than its limit of ${workflow.spec.timeoutMs} ms`,
  });
  // Setup was stopped with the job; teardown is spared by every ending but its own.
  if (role === "teardown") for (const { id, attempt } of liveAttempts(job, workflow)) stop(turn, id, attempt, "now");
}

function cancel(turn: Turn, job: Job, { by }: EntryOf<"cancel">): void {
  if (job.phase !== "open") return refuse(turn, job.id, "illegal", "the job has ended already");
  endEarly(
    turn,
    job,
    by === "user"
      ? { state: "cancelled", errorCode: "interrupted", reason: "interrupted by the user" }
      : { state: "cancelled", errorCode: "cancelled", reason: "cancelled by another client" },
  );
}

function verdict(turn: Turn, job: Job, { metricKey, expression, isAbort }: EntryOf<"verdict">): void {
  if (job.phase !== "open") return refuse(turn, job.id, "illegal", "the job has ended already");
  job.verdicts.set(`${metricKey} ${expression}`, { metricKey, expression });
  if (isAbort)
    endEarly(turn, job, {
      state: "aborted",
      errorCode: "thresholds",
      reason: `threshold on ${metricKey} crossed: ${expression}`,
    });
}

function finish(turn: Turn, job: Job, { thresholdsFailed }: EntryOf<"finish">): void {
  if (job.phase !== "closing") return refuse(turn, job.id, "illegal", "the job still runs");
  const hasFailed = thresholdsFailed > 0 || job.verdicts.size > 0;
  const natural = {
    state: "completed",
    errorCode: hasFailed ? "thresholds" : null,
    reason: hasFailed ? "thresholds failed" : "",
  } as const;
  job.phase = "finished";
  job.outcome = job.ending ?? natural;
  turn.doPlace = true;
  turn.effects.push({ kind: "finished", job: job.id, outcome: job.outcome });
}
