// What people ask of a running job: pause, resume, scale, cancel; and verdicts on it. Each repeated: the same state.

import { type EntryOf, VERDICTS_MAX } from "./entries.ts";
import { endEarly, unpause } from "./flow.ts";
import { isOver, type Job, liveAttempts } from "./job.ts";
import { refuse, type Turn } from "./turn.ts";

/** Schedules of running user workflows stand still; nothing starts. Setup and teardown that run go on. */
export function pause(turn: Turn, job: Job): void {
  if (job.phase !== "open" || job.ending !== null) return refuse(turn, job.id, "illegal", "the job is ending already");
  if (job.isPaused) return;
  job.isPaused = true;
  for (const workflow of job.workflows.values()) {
    if (workflow.spec.role !== "user" || workflow.state !== "running") continue;
    workflow.pausedAtMs = turn.state.nowMs;
    for (const { id, attempt } of liveAttempts(job, workflow))
      if (attempt.state === "running") turn.effects.push({ kind: "pause", attempt: id, worker: attempt.worker });
  }
}

/** Goes on where the pause began. */
export function resume(turn: Turn, job: Job): void {
  if (job.phase !== "open") return refuse(turn, job.id, "illegal", "the job has ended already");
  if (!job.isPaused) return;
  for (const workflow of job.workflows.values()) {
    if (workflow.pausedAtMs === null) continue;
    for (const { id, attempt } of liveAttempts(job, workflow))
      if (attempt.state === "running") turn.effects.push({ kind: "resume", attempt: id, worker: attempt.worker });
  }
  unpause(turn, job);
}

/** The workflow has `vus` VUs from now on, in attempts to come as well. */
export function scale(turn: Turn, job: Job, { workflow: name, vus }: EntryOf<"scale">): void {
  const workflow = job.workflows.get(name);
  if (workflow === undefined) return refuse(turn, job.id, "unknown", `the job has no workflow "${name}"`);
  if (!workflow.spec.isScalable) {
    const message = `workflow "${name}" cannot be scaled: only constant-vus and externally-controlled can`;
    return refuse(turn, job.id, "illegal", message);
  }
  if (job.ending !== null || isOver(workflow))
    return refuse(turn, job.id, "illegal", `workflow "${name}" has ended, or is about to`);
  if (workflow.scaledVus === vus) return;
  workflow.scaledVus = vus;
  for (const { id, attempt } of liveAttempts(job, workflow))
    if (attempt.state !== "stopping") turn.effects.push({ kind: "scale", attempt: id, worker: attempt.worker, vus });
}

/** Ends the job early. */
export function cancel(turn: Turn, job: Job, { by }: EntryOf<"cancel">): void {
  if (job.phase !== "open") return refuse(turn, job.id, "illegal", "the job has ended already");
  endEarly(
    turn,
    job,
    by === "user"
      ? { state: "cancelled", errorCode: "interrupted", reason: "interrupted by the user" }
      : { state: "cancelled", errorCode: "cancelled", reason: "cancelled by another client" },
  );
}

/** A threshold has failed for good. */
export function verdict(turn: Turn, job: Job, { metricKey, expression, isAbort }: EntryOf<"verdict">): void {
  if (job.phase !== "open") return refuse(turn, job.id, "illegal", "the job has ended already");
  const key = `${metricKey} ${expression}`;
  if (!job.verdicts.has(key) && job.verdicts.size >= VERDICTS_MAX)
    return refuse(turn, job.id, "limit", `${VERDICTS_MAX} thresholds have failed already`);
  job.verdicts.set(key, { metricKey, expression });
  if (isAbort)
    endEarly(turn, job, {
      state: "aborted",
      errorCode: "thresholds",
      reason: `threshold on ${metricKey} crossed: ${expression}`,
    });
}
