// The end of an attempt: its last snapshot is committed, its core comes free, and its share is closed, runs again, or
// takes the job down. Counting follows the seals alone (accounting.ts).

import type { End, EntryOf } from "./entries.ts";
import { SETUP_BYTES_MAX, TEXT_MAX } from "./entries.ts";
import { cutOf, progressOf } from "./attempts.ts";
import { endEarly } from "./flow.ts";
import { type Attempt, isExpired, type Job, type Share, type Workflow } from "./job.ts";
import { isDry, release } from "./pool.ts";
import type { Turn } from "./turn.ts";

/** A node that dies within this long of a share's start counts towards its poison. */
const POISON_MS = 60_000;
/** Attempts a share may have, whatever ended them. */
const ATTEMPTS_MAX = 16;

/** Commits the end of the share's live attempt. The caller has checked that the entry is of it. */
export function seal(turn: Turn, job: Job, workflow: Workflow, share: Share, entry: EntryOf<"seal">): void {
  const attempt = share.attempts.at(-1);
  if (attempt === undefined) return;
  const end = checked(workflow, attempt, entry.end);
  attempt.state = "sealed";
  attempt.endAtMs = turn.state.nowMs;
  // A committed checkpoint is known to all: an owner that holds less than that has only just taken over.
  attempt.seal = entry.seq >= (attempt.checkpoint?.seq ?? 0) ? cutOf(entry) : attempt.checkpoint;
  attempt.checkpoint = null;
  if (workflow.pool !== null && attempt.seal !== null) release(workflow.pool, attempt.token, progressOf(attempt.seal));
  attempt.end = end;
  turn.doPlace = true;
  const id = { job: job.id, workflow: entry.workflow, share: entry.share, token: attempt.token };
  turn.effects.push({ kind: "sealed", attempt: id, worker: attempt.worker });
  switch (end.kind) {
    case "closed":
      return close(turn, job, workflow, share, end);
    case "failed":
      return fail(turn, job, workflow, share, attempt, end);
    case "lost":
      return lose(turn, job, workflow, share, end);
    case "returned":
      return runAgain(turn, job, workflow, share, end.message);
  }
}

/**
 * The end as it counts. An attempt that says it is done and was never started has failed. What setup returned travels
 * to every attempt: beyond the limit it counts as thrown.
 */
function checked(workflow: Workflow, attempt: Attempt, end: End): End {
  if (end.kind !== "closed") return { ...end, message: end.message.slice(0, TEXT_MAX) };
  if (attempt.startAtMs === null && attempt.stopMode === null)
    return { kind: "failed", cause: "crashed", message: "it ended before it was started" };
  const length = workflow.spec.role === "setup" ? (end.valueJson?.length ?? 0) : 0;
  return length <= SETUP_BYTES_MAX
    ? { ...end, thrown: end.thrown?.slice(0, TEXT_MAX) ?? null }
    : {
        kind: "closed",
        valueJson: null,
        thrown: `setup returned ${length} bytes of JSON; it may return ${SETUP_BYTES_MAX}`,
      };
}

function close(turn: Turn, job: Job, workflow: Workflow, share: Share, end: Extract<End, { kind: "closed" }>): void {
  share.isOver = true;
  warnOfProviders(turn, job, workflow);
  if (workflow.spec.role === "user") return;
  if (end.thrown !== null)
    endEarly(turn, job, { state: "failed", errorCode: "load", reason: `${workflow.spec.role} threw: ${end.thrown}` });
  else if (workflow.spec.role === "setup") job.setupJson = end.valueJson;
}

function warnOfProviders(turn: Turn, job: Job, workflow: Workflow): void {
  if (!workflow.shares.every(({ isOver }) => isOver)) return;
  for (const [key, { providers, vu, iteration }] of workflow.provided) {
    if (providers === 1) continue;
    turn.effects.push({
      kind: "warning",
      job: job.id,
      text:
        `workflow "${workflow.spec.name}" provided "${key}" ${providers} times; ` +
        `VU ${vu}, iteration ${iteration} holds`,
    });
  }
}

function fail(
  turn: Turn,
  job: Job,
  workflow: Workflow,
  share: Share,
  attempt: Attempt,
  end: Extract<End, { kind: "failed" }>,
): void {
  const mayRetry =
    workflow.spec.role === "user" &&
    end.cause !== "load" &&
    job.ending === null &&
    job.retriesUsed < job.retries &&
    share.attempts.length < ATTEMPTS_MAX;
  if (mayRetry) {
    job.retriesUsed++;
    turn.effects.push({
      kind: "warning",
      job: job.id,
      text: `${failure(workflow, attempt, end)}; the rest of its share runs again`,
    });
    return;
  }
  share.isOver = true;
  const errorCode = end.cause === "load" ? "load" : "failed";
  endEarly(turn, job, {
    state: "failed",
    errorCode,
    reason: end.cause === "load" ? end.message : failure(workflow, attempt, end),
  });
}

function failure(workflow: Workflow, attempt: Attempt, end: Extract<End, { kind: "failed" }>): string {
  const what = end.cause === "memory" ? "ran out of memory" : end.cause;
  return `core ${attempt.core} of ${attempt.worker} ${what} in workflow "${workflow.spec.name}": ${end.message}`;
}

function lose(turn: Turn, job: Job, workflow: Workflow, share: Share, end: Extract<End, { kind: "lost" }>): void {
  const early = share.attempts.filter((attempt) => attempt.end?.kind === "lost" && isEarly(attempt));
  const workers = [...new Set(early.map(({ worker }) => worker))];
  if (workers.length < 2) return runAgain(turn, job, workflow, share, end.message);
  const died = `its workers ${workers.join(" and ")} died within ${POISON_MS / 1_000} s of its start`;
  giveUp(turn, job, share, `workflow "${workflow.spec.name}" is poison: ${died}`);
}

/** Nobody's fault: what is left of the share runs again, at no cost, if there is a point in it. */
function runAgain(turn: Turn, job: Job, workflow: Workflow, share: Share, why: string): void {
  const { name, role } = workflow.spec;
  const isDone = workflow.pool !== null && isDry(workflow.pool);
  share.isOver = isDone || isExpired(workflow, turn.state.nowMs) || (job.ending !== null && role !== "teardown");
  if (!share.isOver && share.attempts.length >= ATTEMPTS_MAX)
    return giveUp(turn, job, share, `a share of workflow "${name}" was lost ${ATTEMPTS_MAX} times, at last: ${why}`);
  if (!share.isOver && role !== "user") job.reruns++;
  const lost = role === "user" ? `a share of "${name}"` : role;
  turn.effects.push({ kind: "warning", job: job.id, text: `lost ${lost}: ${why}` });
}

function giveUp(turn: Turn, job: Job, share: Share, reason: string): void {
  share.isOver = true;
  endEarly(turn, job, { state: "failed", errorCode: "failed", reason });
}

/**
 * Its node died soon after its start, or surely while it was being prepared: code may kill its process as it loads.
 * How long the owner took to seal it does not matter.
 */
function isEarly({ startAtMs, endAtMs, lost }: Attempt): boolean {
  if (startAtMs === null) return lost?.isCertain === true;
  const diedAtMs = lost?.atMs ?? endAtMs;
  return diedAtMs !== null && diedAtMs - startAtMs <= POISON_MS;
}
