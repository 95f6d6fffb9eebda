// Lines of log that strangers can cause, so that nobody fills a disk or hides another line by knocking often. Not for
// what the node says of itself.

import type { Log, LogFields } from "./log.ts";
import type { Clock } from "./world.ts";

/** Lines in a window, and how long a window is. */
const LINES_MAX = 10;
const WINDOW_MS = 10_000;

/** Says it as a warning, or counts it where it was said lately, or too much was; the count comes with the next line. */
export type LimitedWarning = (text: string, fields?: LogFields) => void;

/** Warnings of one kind: in 10 s at most 10, and each once. In: where they go, and the clock that counts (ms). */
export function limitWarnings(log: () => Pick<Log, "warn">, clock: Pick<Clock, "nowMs">): LimitedWarning {
  const said = new Set<string>();
  let windowEndMs = -Infinity;
  let unsaid = 0;
  return (text, fields) => {
    const nowMs = clock.nowMs();
    if (nowMs >= windowEndMs) {
      windowEndMs = nowMs + WINDOW_MS;
      said.clear();
    }
    const line = JSON.stringify([text, fields]);
    if (said.has(line) || said.size >= LINES_MAX) {
      unsaid++;
      return;
    }
    said.add(line);
    const more = unsaid === 0 ? {} : { unsaid };
    unsaid = 0;
    log().warn(text, { ...fields, ...more });
  };
}
