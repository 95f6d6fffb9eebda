// A share goes on exactly where its last seal says: nothing twice, nothing left out, at the present height of its
// schedule, and no arrival that was lost is fired.

import type { Job, LedgerState } from "../../ledger/job.ts";
import type { Resume } from "../../load/share.ts";
import { type Arrived, countedAt, type SimTarget, type TrueAttempt } from "../target.ts";
import { Violation } from "./violation.ts";

/** How far off an attempt may take its workflow's start to be: offsets are measured over slow links. */
const START_OFF_MS = 2_500;
/** An owner that is cut off hears late that the start it asked for is committed, until membership gives it up. */
const OWNER_DEAF_MS = 6_000;
/**
 * How much later a share that moves may take it to be, times without a leader apart: a manager that starts anew does
 * not know of the time since the newest entry, and checkpoints come every 5 s.
 */
const LEDGER_LAG_MS = 6_000;

/**
 * True time of a start. least: as the leader meant it that wrote it down. most: as the first replica to apply it takes
 * it that does not know of the time in between: an entry may wait for the next leader to be committed.
 */
type Start = { readonly leastMs: number; readonly mostMs: number };

export class Resumption {
  readonly #starts = new Map<string, Start>();

  /** A core prepares an attempt. In: a ledger that knows it, if there is one. */
  prepare(attempt: TrueAttempt, ledger: LedgerState | null, target: SimTarget): void {
    const { id, spec } = attempt;
    const job = ledger?.jobs.get(id.job);
    // A finished job keeps no resumes; a worker that was cut off may still hear of an attempt it was to begin.
    if (job === undefined || job.phase === "finished") return;
    const expected = expectedResume(job, attempt, target);
    if (expected === undefined || isSame(expected, spec.resume)) return;
    const told = JSON.stringify(spec.resume);
    throw new Violation(
      "resumption",
      `${id.job} "${id.workflow}" ${id.share}: attempt ${id.token} begins at ${told}, not ${JSON.stringify(expected)}`,
    );
  }

  /** A workflow begins, as the first replica to apply it says. */
  begin(job: string, workflow: string, start: Start): void {
    const key = `${job} ${workflow}`;
    if (!this.#starts.has(key)) this.#starts.set(key, start);
  }

  /** An attempt begins to drive. In: a ledger, and how long there was no leader so far. */
  join({ id, joined, spec }: TrueAttempt, ledger: LedgerState | null, leaderlessMs: number): void {
    const key = `${id.job} ${id.workflow}`;
    const start = this.#starts.get(key);
    if (joined === null || start === undefined) return;
    const workflow = ledger?.jobs.get(id.job)?.workflows.get(id.workflow);
    const takenMs = joined.startAtMs - spec.startTimeMs - (workflow?.pausedMs ?? 0);
    const share = workflow?.shares[id.share];
    const isFirst = share?.attempts[0]?.token === id.token;
    const lateMs = START_OFF_MS + leaderlessMs + (isFirst ? OWNER_DEAF_MS : LEDGER_LAG_MS);
    if (takenMs >= start.leastMs - START_OFF_MS && takenMs <= start.mostMs + lateMs) return;
    const offMs = takenMs < start.leastMs ? takenMs - start.leastMs : takenMs - start.mostMs;
    throw new Violation(
      "resumption",
      `attempt ${id.token} takes the start of ${key} to be ${Math.round(offMs)} ms off`,
    );
  }

  /** A request arrives. */
  arrive({ attempt, intendedMs }: Arrived): void {
    const { joined, spec, id } = attempt;
    if (intendedMs === null || joined === null || spec.resume === null) return;
    if (intendedMs < joined.scheduleMs - 1)
      throw new Violation(
        "resumption",
        `attempt ${id.token} of ${id.job} fires an arrival of ${Math.round(intendedMs)} ms, ` +
          `lost before it joined at ${Math.round(joined.scheduleMs)} ms`,
      );
  }
}

/** Where the attempt has to begin; undefined: the ledger does not know it yet. */
function expectedResume(job: Job, { id }: TrueAttempt, target: SimTarget): Resume | null | undefined {
  const attempts = job.workflows.get(id.workflow)?.shares[id.share]?.attempts;
  const at = attempts?.findIndex(({ token }) => token === id.token) ?? -1;
  if (attempts === undefined || at < 0) return undefined;
  const before = attempts.slice(0, at).findLast(({ seal }) => seal?.resume != null);
  if (before?.seal == null) return null;
  const truth = target.attempts.get(before.token);
  // A core that fails before its first cut is spoken for by its worker.
  const hasCut = truth !== undefined && truth.cuts.some(({ seq }) => seq <= (before.seal?.seq ?? 0));
  return hasCut ? countedAt(truth, before.seal.seq).resume : before.seal.resume;
}

function isSame(left: Resume | null, right: Resume | null): boolean {
  return left === right || JSON.stringify(sorted(left)) === JSON.stringify(sorted(right));
}

function sorted(resume: Resume | null): unknown {
  return resume === null ? null : Object.entries(resume).sort(([left], [right]) => (left < right ? -1 : 1));
}
