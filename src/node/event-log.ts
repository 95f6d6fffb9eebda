// What happens to work, as lines for people who look for the cause of something later: shares on a worker, jobs and
// workers on a manager. One line a change of state, bounded: what is more than so many a second is only counted.

import type { Log, LogFields } from "../io/log.ts";
import type { Clock } from "../io/world.ts";
import type { AttemptId } from "../load/share.ts";
import type { LedgerPort } from "./ledger-port.ts";
import type { CoreRequest, WorkerReport } from "./messages.ts";
import type { Stream } from "./stream.ts";

const LINES_PER_SECOND = 20;

/** A log of so many lines a second; what it kept to itself is told with the next line. */
function rationed(log: Log, clock: Clock): (level: "info" | "warn", event: string, fields: LogFields) => void {
  let second = Number.NEGATIVE_INFINITY;
  let said = 0;
  let unsaid = 0;
  return (level, event, fields) => {
    const now = Math.floor(clock.nowMs() / 1_000);
    if (now !== second) {
      second = now;
      said = 0;
    }
    if (said >= LINES_PER_SECOND) {
      unsaid++;
      return;
    }
    said++;
    log[level](event, unsaid === 0 ? fields : { ...fields, unsaid });
    unsaid = 0;
  };
}

type Running = { readonly core: number; readonly receivedAtMs: number; startedAtMs: number | null; vusMax: number };

/**
 * The worker's end of the stream to its cores, with a line for each share that is received, started, completed or
 * failed: which, where, how long it took, how many VUs it had, and why it failed.
 */
export function withShareEvents(
  stream: Stream<CoreRequest, WorkerReport>,
  { worker, clock, log }: { readonly worker: string; readonly clock: Clock; readonly log: Log },
): Stream<CoreRequest, WorkerReport> {
  const say = rationed(log, clock);
  const running = new Map<number, Running>();
  const fieldsOf = ({ job, workflow, share, token }: AttemptId): LogFields => {
    const atEpochMs = Math.round(clock.epochMs());
    const core = running.get(token)?.core;
    return { job, workflow, share, attempt: token, worker, ...(core === undefined ? {} : { core }), atEpochMs };
  };
  const ended = (attempt: AttemptId): LogFields => {
    const known = running.get(attempt.token);
    running.delete(attempt.token);
    if (known === undefined) return {};
    const sinceMs = known.startedAtMs ?? known.receivedAtMs;
    return { elapsedMs: Math.round(clock.nowMs() - sinceMs), vusMax: known.vusMax };
  };
  const ask = (request: CoreRequest): void => {
    if (request.kind === "dispatch") {
      const { attempt, core } = request;
      running.set(attempt.token, { core, receivedAtMs: clock.nowMs(), startedAtMs: null, vusMax: 0 });
      say("info", "share-received", fieldsOf(attempt));
    } else if (request.kind === "start") {
      const known = running.get(request.attempt.token);
      if (known !== undefined) known.startedAtMs = clock.nowMs() + Math.max(0, request.inMs);
      say("info", "share-started", fieldsOf(request.attempt));
    } else if (request.kind === "sealed") running.delete(request.attempt.token);
  };
  const report = (answer: WorkerReport): void => {
    if (answer.kind === "snapshot") {
      const known = running.get(answer.snapshot.attempt.token);
      if (known !== undefined) known.vusMax = Math.max(known.vusMax, answer.snapshot.vusMax);
    } else if (answer.kind === "ended") {
      const fields = { ...fieldsOf(answer.attempt), ...ended(answer.attempt) };
      if (answer.thrown === null) say("info", "share-completed", fields);
      else say("warn", "share-failed", { ...fields, cause: "thrown", message: answer.thrown });
    } else if (answer.kind === "failed") {
      const { cause, message } = answer;
      say("warn", "share-failed", { ...fieldsOf(answer.attempt), ...ended(answer.attempt), cause, message });
    }
  };
  return {
    send: (request) => {
      ask(request);
      stream.send(request);
    },
    onMessage: (handle) =>
      stream.onMessage((answer) => {
        report(answer);
        handle(answer);
      }),
    close: () => stream.close(),
  };
}

/**
 * A line for each worker that joins or leaves the pool, and for jobs that this life of `node` owns or that end under
 * it.
 * `isFresh`: what is applied happens now; it is not what this node missed.
 */
export function logLedger(
  ledger: LedgerPort,
  options: {
    readonly node: string;
    readonly boot: string;
    readonly clock: Clock;
    readonly log: Log;
    readonly isFresh: () => boolean;
  },
): void {
  const { node, boot, clock, log, isFresh } = options;
  const say = rationed(log, clock);
  const owned = new Set<string>();
  ledger.onApplied(({ entry, effects }) => {
    if (!isFresh()) return;
    if (entry.kind === "join") say("info", "worker-joined", { worker: entry.worker, cores: entry.cores });
    else if (entry.kind === "leave") say("info", "worker-left", { worker: entry.worker, isCertain: entry.isCertain });
    else if (entry.kind === "assign") {
      if (entry.owner === node && entry.boot === boot) {
        owned.add(entry.job);
        say("info", "job-owned", { job: entry.job });
      } else if (owned.delete(entry.job)) say("info", "job-given-up", { job: entry.job, owner: entry.owner });
    }
    for (const effect of effects)
      if (effect.kind === "finished" && owned.delete(effect.job))
        say("info", "job-ended", { job: effect.job, outcome: effect.outcome.state });
  });
}
