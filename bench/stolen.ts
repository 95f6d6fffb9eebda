// How much of the cores' time the machine's host gave to somebody else, from /proc/stat. A turn in which the host took
// more than a little says something about the host, not about the tool that ran in it.

import { readFileSync } from "node:fs";

/** Share of a core's time that was stolen since the call, of the core from which most was: 0 to 1. 0 where unknown. */
function watchStolen(): () => number {
  const before = coreTimes();
  return () => {
    const shares = coreTimes().map(({ stolen, all }, core) => {
      const first = before[core] ?? { stolen: 0, all: 0 };
      return all === first.all ? 0 : (stolen - first.stolen) / (all - first.all);
    });
    return Math.max(0, ...shares);
  };
}

/** Runs until one is quiet enough; after them the quietest counts. */
const RUNS_MAX = 8;

/**
 * The first run in which the host took at most `stolenMax` of a core, and how much it took; else the quietest of
 * RUNS_MAX. `again` hears of a run that does not count.
 */
export async function undisturbed<Result>(
  run: () => Promise<Result>,
  stolenMax: number,
  again: (result: Result, stolenShare: number) => void,
): Promise<Result & { readonly stolenShare: number }> {
  let quietest: (Result & { readonly stolenShare: number }) | null = null;
  for (let runs = 1; ; runs++) {
    const stolen = watchStolen();
    const result = await run();
    const stolenShare = stolen();
    if (quietest === null || stolenShare < quietest.stolenShare) quietest = { ...result, stolenShare };
    if (quietest.stolenShare <= stolenMax || runs === RUNS_MAX) return quietest;
    again(result, stolenShare);
  }
}

type CoreTimes = { readonly stolen: number; readonly all: number };

/** Ticks of each core so far. Fields of a line: user nice system idle iowait irq softirq steal. */
function coreTimes(): readonly CoreTimes[] {
  let text: string;
  try {
    text = readFileSync("/proc/stat", "utf8");
  } catch {
    return [];
  }
  return text
    .split("\n")
    .filter((line) => /^cpu\d/.test(line))
    .map((line) => {
      const ticks = line.split(/\s+/).slice(1, 9).map(Number);
      return { stolen: ticks[7] ?? 0, all: ticks.reduce((sum, count) => sum + count, 0) };
    });
}
