// The job machine: one committed entry changes the state and yields effects (design 5 and 6). Pure and deterministic;
// a bad, stale or repeated entry changes nothing and answers `refused`. What follows from a change is in flow.ts.

import { assert, never } from "../base/assert.ts";
import { checkpoint, dispatch, ready, start, take } from "./attempts.ts";
import type { Effect } from "./effects.ts";
import { type Entry, type EntryOf, TEXT_MAX } from "./entries.ts";
import { advance, endEarly, offerCores, proposeDispatches, takeOver } from "./flow.ts";
import { type Job, type LedgerState, liveAttempt } from "./job.ts";
import { extend } from "./limit.ts";
import { placeWorkflow, survey } from "./placement.ts";
import { provide } from "./provide.ts";
import { reservationsAhead } from "./queue.ts";
import { seal } from "./sealing.ts";
import { cancel, steer, timeout, verdict } from "./steering.ts";
import { enrol } from "./roll.ts";
import { finish, forget, opened, submit, submits } from "./submissions.ts";
import { refuse, type Turn } from "./turn.ts";
import { join, leave } from "./workers.ts";

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
    case "submits":
      submits(turn, entry);
      break;
    case "forget":
      forget(turn, entry);
      break;
    default:
      applyToJob(turn, entry);
  }
  if (turn.doPlace) offerCores(turn);
  return turn.effects;
}

type JobEntry = Exclude<Entry, { kind: "join" | "leave" | "submit" | "submits" | "forget" }>;

/** Entries after which a workflow may be over, or another one due. */
const MOVES: ReadonlySet<Entry["kind"]> = new Set(["assign", "seal", "abort", "cancel", "verdict", "timeout"]);

function applyToJob(turn: Turn, entry: JobEntry): void {
  const known = turn.state.jobs.get(entry.job);
  if (known === undefined) return refuse(turn, entry.job, "unknown", `there is no job ${entry.job}`);
  if (known.phase === "finished") return refuse(turn, known.id, "finished", `${entry.kind} after the end of the job`);
  if ("ownerToken" in entry && entry.ownerToken !== known.owner?.token)
    return refuse(turn, known.id, "stale", `${entry.kind} of an earlier owner`);
  const job = opened(turn.state, known);
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
    case "checkpoint":
      checkpoint(turn, job, entry);
      break;
    case "pause":
    case "resume":
    case "scale":
      steer(turn, job, entry);
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
  if (MOVES.has(entry.kind)) advance(turn, job);
  enrol(turn.state, job);
}

type AttemptEntry = EntryOf<"ready" | "seal" | "provide" | "abort" | "take" | "extend">;

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
      return ready(turn, job, workflow, attempt);
    case "seal":
      return seal(turn, job, workflow, share, entry);
    case "provide":
      return provide(turn, job, workflow, entry);
    case "take":
      return take(turn, job, workflow, attempt, entry);
    case "extend":
      return extend(turn, job, workflow, entry);
    case "abort":
      return endEarly(turn, job, { state: "aborted", errorCode: "aborted", reason: entry.reason.slice(0, TEXT_MAX) });
    default:
      never(entry);
  }
}

function assign(turn: Turn, job: Job, { owner, boot }: EntryOf<"assign">): void {
  job.owner = { node: owner, boot, token: turn.index };
  takeOver(turn, job);
}

function place(turn: Turn, job: Job, entry: EntryOf<"place">): void {
  const workflow = job.workflows.get(entry.workflow);
  if (workflow?.state !== "queued") return refuse(turn, job.id, "illegal", `"${entry.workflow}" is not queued`);
  const { state } = turn;
  const reservations = reservationsAhead(state, workflow);
  const cores = placeWorkflow({ state, pool: survey(state), job, workflow, reservations });
  if (cores === null) return;
  workflow.state = "preparing";
  for (const { worker, boot, core } of cores)
    workflow.shares.push({ place: { worker, boot, core }, isOver: false, attempts: [] });
  proposeDispatches(turn, job, workflow);
}
