// What is asked of a job from outside its attempts: pause, resume, scale and cancel by people, verdicts and timeouts by
// its owner. Each may be repeated.

import { type EntryOf, ORDERS_MAX, PAUSES_MAX, VERDICTS_MAX, type WorkflowSpec } from "./entries.ts";
import { endEarly, unpause } from "./flow.ts";
import { isOver, type Job, liveAttempts } from "./job.ts";
import { extended, tellLimit } from "./limit.ts";
import { refuse, stop, type Turn } from "./turn.ts";

/**
 * What people ask of a job that runs: once, however often it was said and on how many ways. A pause that was said to
 * another manager too, and comes after the resume, is no second pause.
 */
export function steer(turn: Turn, job: Job, entry: EntryOf<"pause" | "resume" | "scale">): void {
  if (job.orders.includes(entry.order)) return;
  const said = turn.effects.length;
  if (entry.kind === "pause") pause(turn, job);
  else if (entry.kind === "resume") resume(turn, job);
  else scale(turn, job, entry);
  if (turn.effects[said]?.kind === "refused") return;
  job.orders.push(entry.order);
  if (job.orders.length > ORDERS_MAX) job.orders.shift();
}

/** Schedules of running user workflows stand still; nothing starts. Setup and teardown that run go on. */
function pause(turn: Turn, job: Job): void {
  if (job.phase !== "open" || job.ending !== null) return refuse(turn, job.id, "illegal", "the job is ending already");
  if (job.isPaused) return;
  if (job.pauses.length >= PAUSES_MAX)
    return refuse(turn, job.id, "limit", `the job was paused ${PAUSES_MAX} times, as often as it may be`);
  job.isPaused = true;
  job.pauses.push({ fromMs: turn.state.nowMs, toMs: null });
  for (const workflow of job.workflows.values()) {
    if (workflow.spec.role !== "user" || workflow.state !== "running") continue;
    workflow.pausedAtMs = turn.state.nowMs;
    for (const { id, attempt } of liveAttempts(job, workflow))
      if (attempt.state === "running") turn.effects.push({ kind: "pause", attempt: id, worker: attempt.worker });
  }
}

/** Goes on where the pause began. */
function resume(turn: Turn, job: Job): void {
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
function scale(turn: Turn, job: Job, { workflow: asked, vus }: EntryOf<"scale">): void {
  const name = asked ?? onlyScalable(job);
  if (name === null) return refuse(turn, job.id, "invalid", ambiguity(job));
  const workflow = job.workflows.get(name);
  if (workflow === undefined) return refuse(turn, job.id, "unknown", `the job has no workflow "${name}"`);
  const problem = scaleProblem(workflow.spec, vus);
  if (problem !== null) return refuse(turn, job.id, "invalid", problem);
  if (job.ending !== null || isOver(workflow))
    return refuse(turn, job.id, "illegal", `workflow "${name}" has ended, or is about to`);
  if (workflow.scaledVus === vus) return;
  workflow.scaledVus = vus;
  for (const { id, attempt } of liveAttempts(job, workflow))
    if (attempt.state !== "stopping") turn.effects.push({ kind: "scale", attempt: id, worker: attempt.worker, vus });
}

/** Out: null when there is none, or more than one. A job of one workflow means that one, whatever it is. */
function onlyScalable(job: Job): string | null {
  const users = usersOf(job);
  if (users.length === 1) return users[0]?.name ?? null;
  const scalable = users.filter(({ scaleMax }) => scaleMax !== null);
  return scalable.length === 1 ? (scalable[0]?.name ?? null) : null;
}

function ambiguity(job: Job): string {
  const users = usersOf(job);
  const scalable = users.filter(({ scaleMax }) => scaleMax !== null).map(({ name }) => `"${name}"`);
  if (scalable.length > 0)
    return `the job has ${scalable.length} workflows that can be scaled: ${scalable.join(", ")}; name one of them`;
  const kinds = users.map(({ name, executor }) => `"${name}" is ${executor}`).join(", ");
  return `no workflow of the job can be scaled: only constant-vus and externally-controlled can be, and ${kinds}`;
}

function usersOf(job: Job): readonly WorkflowSpec[] {
  return [...job.workflows.values()].map(({ spec }) => spec).filter(({ role }) => role === "user");
}

function scaleProblem({ name, executor, scaleMax }: WorkflowSpec, vus: number): string | null {
  if (scaleMax === null)
    return (
      `workflow "${name}" cannot be scaled: its executor is ${executor}, ` +
      "and only constant-vus and externally-controlled can be"
    );
  if (vus === 0) return `workflow "${name}" cannot be scaled to 0 VUs: pause the job instead, or cancel it`;
  return vus > scaleMax ? `workflow "${name}" cannot have ${vus} VUs: ${scaleMax} is the most it may have` : null;
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

/** The limit has passed: the workflow ends, and the job with it. A timer that was overtaken is set anew. */
export function timeout(turn: Turn, job: Job, entry: EntryOf<"timeout">): void {
  const workflow = job.workflows.get(entry.workflow);
  const role = workflow?.spec.role;
  if (workflow?.state !== "running" || role === "user" || role === undefined || workflow.limit === null)
    return refuse(turn, job.id, "illegal", `"${entry.workflow}" has no limit running`);
  if (turn.state.nowMs < workflow.limit.atMs) return tellLimit(turn, job, workflow, workflow.limit.atMs);
  endEarly(turn, job, {
    state: "failed",
    errorCode: role === "setup" ? "setup-timeout" : "teardown-timeout",
    reason: `${role} took longer than its limit of ${workflow.spec.timeoutMs} ms${extended(workflow.limit.granted)}`,
  });
  // Setup was stopped with the job; teardown is spared by every ending but its own.
  if (role === "teardown") for (const { id, attempt } of liveAttempts(job, workflow)) stop(turn, id, attempt, "now");
}
