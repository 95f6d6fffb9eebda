// Workers that join and leave the pool of cores. A worker has lives: each start of its process has a boot id, and what
// ran in an earlier one is gone for certain. When a lost attempt is sealed is the job's owner's to decide.

import type { AttemptId } from "../load/share.ts";
import type { Labels } from "../base/labels.ts";
import type { EntryOf } from "./entries.ts";
import { type Attempt, type Job, liveAttempts } from "./job.ts";
import { refuse, type Turn } from "./turn.ts";

/** Earlier lives of a worker that are remembered, so that a late word of one does not bring it back. */
const FORMER_MAX = 8;

/** Workers a pool may have. */
const WORKERS_MAX = 10_000;

/** Adds the worker, or takes over its newest cores and labels. */
export function join(turn: Turn, { worker, boot, cores, labels }: EntryOf<"join">): void {
  const known = turn.state.workers.get(worker);
  if (known?.former.includes(boot) === true)
    return refuse(turn, "", "stale", `worker ${worker} has started again since`);
  const isSame = known?.boot === boot && known.cores === cores && areEqual(known.labels, labels);
  if (isSame) return;
  if (known === undefined && turn.state.workers.size >= WORKERS_MAX)
    return refuse(turn, "", "limit", `${WORKERS_MAX} workers are in the pool, as many as there may be`);
  if (known?.boot !== boot) {
    // It went without a word, or is back: attempts of this very life go on, those of any other do not.
    releasePlaces(turn, worker);
    for (const { id, attempt } of attemptsOn(turn, worker)) {
      if (attempt.boot !== boot) lose(turn, id, attempt, true);
      else attempt.lost = null;
    }
  }
  if (known === undefined) turn.state.workers.set(worker, { boot, cores, labels, former: [] });
  else {
    if (cores < known.cores) releasePlaces(turn, worker, cores);
    if (known.boot !== boot) known.former = [...known.former, known.boot].slice(-FORMER_MAX);
    known.boot = boot;
    known.cores = cores;
    known.labels = labels;
  }
  turn.doPlace = true;
}

/** True when the same labels are carried. */
export function areEqual(left: Labels, right: Labels): boolean {
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
}

/** Takes this life of the worker out of the pool. */
export function leave(turn: Turn, { worker, boot, isCertain }: EntryOf<"leave">): void {
  const known = turn.state.workers.get(worker);
  if (known !== undefined && known.boot !== boot)
    return refuse(turn, "", "stale", `worker ${worker} has started again since`);
  const running = attemptsOn(turn, worker).filter(({ attempt }) => attempt.boot === boot);
  // What was only a suspicion when it left may become certain later.
  const isNews = known !== undefined || (isCertain && running.some(({ attempt }) => attempt.lost?.isCertain === false));
  if (!isNews) return refuse(turn, "", "unknown", `there is no worker ${worker}`);
  turn.state.workers.delete(worker);
  releasePlaces(turn, worker);
  for (const { id, attempt } of running) lose(turn, id, attempt, isCertain);
  turn.doPlace = true;
}

/** The first news of it sets its time; an uncertain loss may become a certain one, never the other way. */
function lose(turn: Turn, id: AttemptId, attempt: Attempt, isCertain: boolean): void {
  if (attempt.lost !== null && (attempt.lost.isCertain || !isCertain)) return;
  attempt.lost = { atMs: attempt.lost?.atMs ?? turn.state.nowMs, isCertain };
  turn.effects.push({ kind: "lost", attempt: id, worker: attempt.worker, isCertain });
}

/** Cores kept there for a dispatch, from core number `from` on, are kept no longer. */
function releasePlaces(turn: Turn, worker: string, from = 0): void {
  for (const job of ownedJobs(turn)) {
    for (const { shares } of job.workflows.values()) {
      for (const share of shares) if (share.place?.worker === worker && share.place.core >= from) share.place = null;
    }
  }
}

function attemptsOn(turn: Turn, worker: string): { readonly id: AttemptId; readonly attempt: Attempt }[] {
  return ownedJobs(turn).flatMap((job) =>
    [...job.workflows.values()].flatMap((workflow) =>
      liveAttempts(job, workflow).filter(({ attempt }) => attempt.worker === worker),
    ),
  );
}

/** What nobody owns is on no worker. */
function ownedJobs(turn: Turn): Job[] {
  return [...turn.state.roll.owned.values()].filter(({ phase }) => phase === "open");
}
