// A share goes on exactly where its last seal says: nothing twice, nothing left out, at the present height of its
// schedule, and no arrival that was lost is fired.

import type { Job, LedgerState } from "../../ledger/job.ts";
import type { Resume } from "../../load/share.ts";
import { type Arrived, countedAt, type SimTarget, type TrueAttempt } from "../target.ts";
import { Violation } from "./violation.ts";

/** How far apart the attempts of a workflow may take its start to be: offsets are measured over slow links. */
const START_SPREAD_MS = 1_500;

export class Resumption {
  readonly #starts = new Map<string, number>();

  /** A core prepares an attempt. In: a ledger that knows it, if there is one. */
  prepare(attempt: TrueAttempt, ledger: LedgerState | null, target: SimTarget): void {
    const { id, spec } = attempt;
    const job = ledger?.jobs.get(id.job);
    if (job === undefined) return;
    const expected = expectedResume(job, attempt, target);
    if (expected === undefined || isSame(expected, spec.resume)) return;
    const told = JSON.stringify(spec.resume);
    throw new Violation(
      "resumption",
      `${id.job} "${id.workflow}" ${id.share}: attempt ${id.token} begins at ${told}, not ${JSON.stringify(expected)}`,
    );
  }

  /** An attempt begins to drive. */
  join({ id, joined }: TrueAttempt): void {
    if (joined === null) return;
    const key = `${id.job} ${id.workflow}`;
    const first = this.#starts.get(key);
    if (first === undefined) this.#starts.set(key, joined.startAtMs);
    else if (Math.abs(first - joined.startAtMs) > START_SPREAD_MS)
      throw new Violation(
        "resumption",
        `attempt ${id.token} takes the start of ${key} to be ${Math.round(joined.startAtMs - first)} ms off`,
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
