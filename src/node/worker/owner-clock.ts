// What a job's owner's clock says now, as a worker works it out: from the answer that took the shortest way there and
// back, since half of that way is the error. It is the owner's monotonic clock, not its ledger clock: that one jumps
// when its manager catches up, and an answer from before the jump would be believed for long. Pure.

/** Answers remembered: old ones are forgotten, clocks drift. */
const SAMPLES = 16;

/** What the two clocks may drift apart while an answer is remembered. */
const DRIFT_MS = 5;

type Sample = { readonly roundTripMs: number; readonly offsetMs: number };
/** boot: of the process whose clock it is; its next start has another. */
export type OwnerClock = { readonly boot: string; readonly samples: Sample[] };

export function createOwnerClock(boot: string): OwnerClock {
  return { boot, samples: [] };
}

/** Clocks of managers, by node: each of its newest start that was heard of. */
export type OwnerClocks = Map<string, OwnerClock>;

/** The clock of the manager that speaks: a later start of it has another, of which nothing is known yet. */
export function clockOf(
  clocks: OwnerClocks,
  { node, boot }: { readonly node: string; readonly boot: string },
): OwnerClock {
  const known = clocks.get(node);
  if (known?.boot === boot) return known;
  const made = createOwnerClock(boot);
  clocks.set(node, made);
  return made;
}

/** In: this node's clock when it asked and when the answer came, and the other's clock in between. */
export function noteAnswer(
  clock: OwnerClock,
  { sentAtMs, heardAtMs, ownerMs }: { readonly sentAtMs: number; readonly heardAtMs: number; readonly ownerMs: number },
): void {
  const roundTripMs = heardAtMs - sentAtMs;
  if (roundTripMs < 0) return;
  // Beside this answer an older one may have become impossible: a machine slept, and its clock with it.
  const least = ownerMs - heardAtMs - DRIFT_MS;
  const most = ownerMs - sentAtMs + DRIFT_MS;
  const { samples } = clock;
  let kept = 0;
  for (const one of samples) {
    const isPossible = one.offsetMs + one.roundTripMs / 2 >= least && one.offsetMs - one.roundTripMs / 2 <= most;
    if (isPossible) samples[kept++] = one;
  }
  samples.length = kept;
  samples.push({ roundTripMs, offsetMs: ownerMs - (sentAtMs + roundTripMs / 2) });
  if (samples.length > SAMPLES) samples.shift();
}

/** The instant on this node's clock that is `ownerMs` over there, and the most it may be wrong. Out: null: unknown. */
export function localMs(
  clock: OwnerClock,
  ownerMs: number,
): { readonly atMs: number; readonly errorMs: number } | null {
  let best: Sample | null = null;
  for (const sample of clock.samples) if (best === null || sample.roundTripMs < best.roundTripMs) best = sample;
  return best === null ? null : { atMs: ownerMs - best.offsetMs, errorMs: best.roundTripMs / 2 };
}
