// What a manager's ledger clock says now, as a worker works it out: from the answer that took the shortest way there
// and back, since half of that way is the error. Pure.

/** Answers remembered: old ones are forgotten, clocks drift. */
const SAMPLES = 16;

type Sample = { readonly roundTripMs: number; readonly offsetMs: number };
export type LedgerClock = { readonly samples: Sample[] };

export function createLedgerClock(): LedgerClock {
  return { samples: [] };
}

/** In: this node's clock when it asked and when the answer came, and the other's clock in between. */
export function noteAnswer(
  clock: LedgerClock,
  {
    sentAtMs,
    heardAtMs,
    ledgerMs,
  }: { readonly sentAtMs: number; readonly heardAtMs: number; readonly ledgerMs: number },
): void {
  const roundTripMs = heardAtMs - sentAtMs;
  if (roundTripMs < 0) return;
  clock.samples.push({ roundTripMs, offsetMs: ledgerMs - (sentAtMs + roundTripMs / 2) });
  if (clock.samples.length > SAMPLES) clock.samples.shift();
}

/** The instant on this node's clock that is `ledgerMs` over there, and the most it may be wrong. Out: null: unknown. */
export function localMs(
  clock: LedgerClock,
  ledgerMs: number,
): { readonly atMs: number; readonly errorMs: number } | null {
  let best: Sample | null = null;
  for (const sample of clock.samples) if (best === null || sample.roundTripMs < best.roundTripMs) best = sample;
  return best === null ? null : { atMs: ledgerMs - best.offsetMs, errorMs: best.roundTripMs / 2 };
}
