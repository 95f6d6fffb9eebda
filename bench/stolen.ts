// How much of the cores' time the machine's host gave to somebody else, from /proc/stat. A turn in which the host took
// more than a little says something about the host, not about the tool that ran in it.

import { readFileSync } from "node:fs";

/** Share of a core's time that was stolen since the call, of the core from which most was: 0 to 1. 0 where unknown. */
export function watchStolen(): () => number {
  const before = coreTimes();
  return () => {
    const shares = coreTimes().map(({ stolen, all }, core) => {
      const first = before[core] ?? { stolen: 0, all: 0 };
      return all === first.all ? 0 : (stolen - first.stolen) / (all - first.all);
    });
    return Math.max(0, ...shares);
  };
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
