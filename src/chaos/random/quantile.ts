// Nearest-rank quantiles of a few numbers. Not for measurements (load/histogram.ts).

/** The value that `part` (0..1) of them do not exceed; null without any. */
export function quantileOf(values: readonly number[], part: number): number | null {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))] ?? null;
}
