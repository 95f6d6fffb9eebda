// Lines of log that strangers can cause, so that nobody fills a disk or hides another line by knocking often. Not for
// what the node says of itself.

import type { Log, LogFields } from "./log.ts";
import type { Clock } from "./world.ts";

/** Lines in a window, and how long a window is. */
const LINES_MAX = 10;
const WINDOW_MS = 10_000;

/** Says it as a warning, or counts it where too many were said lately; the count comes with the next that is said. */
export type LimitedWarning = (text: string, fields?: LogFields) => void;

/** Warnings of one kind: at most 10 in 10 s. In: where they go, and the clock that counts (ms). */
export function limitWarnings(log: () => Pick<Log, "warn">, clock: Pick<Clock, "nowMs">): LimitedWarning {
  let windowEndMs = -Infinity;
  let said = 0;
  let unsaid = 0;
  return (text, fields) => {
    const nowMs = clock.nowMs();
    if (nowMs >= windowEndMs) {
      windowEndMs = nowMs + WINDOW_MS;
      said = 0;
    }
    if (said >= LINES_MAX) {
      unsaid++;
      return;
    }
    said++;
    const more = unsaid === 0 ? {} : { unsaid };
    unsaid = 0;
    log().warn(text, { ...fields, ...more });
  };
}
