// What a summary comes down to, for the places that say it in a line: thresholds counted, the core that fared worst.

import type { Summary } from "./summary-schema.ts";
import { oneLine } from "./words.ts";

/** Threshold expressions that held, and that did not. */
export function thresholdCount(summary: Summary): { readonly passed: number; readonly failed: number } {
  const outcomes = Object.values(summary.metrics).flatMap((metric) => Object.values(metric.thresholds));
  const passed = outcomes.filter(({ ok }) => ok).length;
  return { passed, failed: outcomes.length - passed };
}

/** The core with the greatest part of saturated seconds, in words; "" without cores. */
export function worstCore(summary: Summary): string {
  let text = "";
  let worstPart = -1;
  for (const { node, cores } of summary.generator.nodes) {
    for (const { core, seconds, saturatedSeconds } of cores) {
      const part = seconds === 0 ? 0 : saturatedSeconds / seconds;
      if (part <= worstPart) continue;
      worstPart = part;
      text =
        `core ${core} of ${oneLine(node)} was over 90 % busy or lagged over 10 ms ` +
        `in ${Math.round(saturatedSeconds)} of its ${Math.round(seconds)} seconds`;
    }
  }
  return text;
}
