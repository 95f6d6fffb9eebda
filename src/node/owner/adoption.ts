// What an owner has to know of a job that ran before it came: the submission, the numbers of sealed attempts, the
// newest checkpoint of those that run. All of it from the ledger and what is kept (vault.ts); workers tell the rest.

import type { Attempt, Job } from "../../ledger/job.ts";
import type { HeldAttempt } from "../../load/merge.ts";
import { beginPace } from "../../load/pace.ts";
import type { Disturbance } from "../../load/result.ts";
import { addAttempt, createRun, hold, OWNER_CHANGED, type Run, takeNotes } from "./run.ts";
import type { Submission } from "../submission.ts";
import { type Kept, type Vault } from "./vault.ts";

/**
 * The run of a job as far as it is known. In: ms of job time now. At once when there is nothing to fetch; rejects when
 * something is out of reach.
 */
export function rebuildRun(job: Job, vault: Vault, elapsedMs: number): Run | Promise<Run> {
  const submission = vault.submission(job);
  const names = new Set(attemptsOf(job).flatMap(({ attempt }) => snapshotOf(attempt) ?? []));
  if (!(submission instanceof Promise) && names.size === 0) return fill(job, submission, new Map(), elapsedMs);
  return fetchAll(vault, submission, names).then(({ plan, kept }) => fill(job, plan, kept, elapsedMs));
}

async function fetchAll(
  vault: Vault,
  submission: Submission | Promise<Submission>,
  names: ReadonlySet<string>,
): Promise<{ readonly plan: Submission; readonly kept: ReadonlyMap<string, Kept> }> {
  const plan = await submission;
  const kept = new Map<string, Kept>();
  for (const name of names) kept.set(name, await vault.load(name));
  return { plan, kept };
}

function fill(job: Job, { plan, bundle }: Submission, kept: ReadonlyMap<string, Kept>, elapsedMs: number): Run {
  const hasRun = job.originMs !== null;
  const run = createRun(job.id, plan, bundle, hasRun ? elapsedMs : 0);
  for (const { notes } of kept.values()) takeNotes(run, notes);
  for (const { metricKey, expression } of job.verdicts.values())
    run.latched.set(`${metricKey} ${expression}`, { metricKey, expression, ok: false, value: null });
  for (const { workflow, share, attempt, startAtMs } of attemptsOf(job)) {
    const { token, worker, core } = attempt;
    addAttempt(run, { job: job.id, workflow, share, token }, { worker, core, orderedAtMs: -Infinity });
    const at = run.attempts.get(token);
    if (at === undefined) continue;
    const found = keptAttempt(kept, attempt);
    hold(run, at, found?.held ?? null);
    at.errors = found?.errors ?? [];
    if (attempt.state === "sealed") at.keptAs = attempt.seal?.snapshot ?? "";
    const offsetMs = startAtMs === null || job.originMs === null ? null : startAtMs - job.originMs;
    at.heardMs = (offsetMs ?? 0) + (at.held?.cut.elapsedMs ?? 0);
    at.isSealing = attempt.state === "sealed";
    at.isTakenOver = attempt.startAtMs !== null;
    // Its pace is that of the time it ran itself: it may have begun in the middle of its schedule.
    if (attempt.startAtMs !== null && job.originMs !== null) beginPace(at.pace, attempt.startAtMs - job.originMs);
    // A live one begins when its start is ordered again.
    if (at.isSealing) at.offsetMs = offsetMs;
  }
  if (hasRun && job.phase === "open" && attemptsOf(job).some(({ attempt }) => isRunning(attempt)))
    run.disturbed.push(changeOfOwner(newestMs(run), elapsedMs));
  return run;
}

/**
 * From the newest cut that is held until now, in ms of job time. Ledger time stands still while nobody leads, so that a
 * cut by its worker's clock may be ahead of it.
 */
export function changeOfOwner(newestMs: number, elapsedMs: number): Disturbance {
  const from = Math.max(0, newestMs);
  return { from, to: Math.max(from, elapsedMs), why: OWNER_CHANGED };
}

/** A seal that this owner did not make. */
export type ForeignSeal = { readonly token: number; readonly name: string };

/** Sealed attempts of which something else is held than their seals name. */
export function foreignSeals(run: Run, job: Job): ForeignSeal[] {
  return attemptsOf(job).flatMap(({ attempt: { token, seal, state } }) => {
    const at = run.attempts.get(token);
    if (state !== "sealed" || at === undefined || seal === null || at.keptAs === seal.snapshot) return [];
    return [{ token, name: seal.snapshot }];
  });
}

/** What they name is held from now on. In: what was kept under the names, in their order; "" names nothing. */
export function takeSeals(run: Run, seals: readonly ForeignSeal[], kept: readonly (Kept | null)[]): void {
  for (const [at, { token, name }] of seals.entries()) {
    const notes = kept[at]?.notes;
    if (notes !== undefined) takeNotes(run, notes);
    const attempt = run.attempts.get(token);
    if (attempt === undefined) continue;
    const found = kept[at]?.attempts.find(({ held }) => held.cut.attempt.token === token);
    hold(run, attempt, found?.held ?? null);
    attempt.errors = found?.errors ?? attempt.errors;
    attempt.keptAs = name;
    attempt.isSealing = true;
  }
}

type Named = {
  readonly workflow: string;
  readonly share: number;
  readonly startAtMs: number | null;
  readonly attempt: Attempt;
};

function attemptsOf(job: Job): Named[] {
  return [...job.workflows.values()].flatMap(({ spec, shares, startAtMs }) =>
    shares.flatMap(({ attempts }, share) =>
      attempts.map((attempt) => ({ workflow: spec.name, share, startAtMs, attempt })),
    ),
  );
}

/** The name of what is kept of an attempt. Out: null when nothing is. */
function snapshotOf({ seal, checkpoint, state }: Attempt): string | null {
  const name = state === "sealed" ? seal?.snapshot : checkpoint?.snapshot;
  return name === undefined || name === "" ? null : name;
}

function keptAttempt(
  kept: ReadonlyMap<string, Kept>,
  attempt: Attempt,
): { readonly held: HeldAttempt; readonly errors: Kept["attempts"][number]["errors"] } | null {
  const found = kept.get(snapshotOf(attempt) ?? "");
  return found?.attempts.find(({ held }) => held.cut.attempt.token === attempt.token) ?? null;
}

function isRunning({ startAtMs, state }: Attempt): boolean {
  return startAtMs !== null && state !== "sealed";
}

/** Job time of the newest cut that is known. */
function newestMs(run: Run): number {
  return [...run.attempts.values()].reduce((newest, { heardMs }) => Math.max(newest, heardMs), 0);
}
