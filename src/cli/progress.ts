// What a running job shows on stderr: a live view on a terminal, a line a second elsewhere, nothing with --quiet; and
// the log, which must not tear the live view. The views are tui/'s.

import { createLog, type Log } from "../io/log.ts";
import type { Terminal } from "../io/terminal.ts";
import type { JobView, SecondWindow } from "../load/result.ts";
import { finalLines, liveLines, type LiveOptions } from "../tui/live.ts";
import { Painter } from "../tui/painter.ts";
import { plainLine } from "../tui/plain.ts";
import type { Settings } from "./settings.ts";

export type Progress = {
  readonly log: Log;
  /** A line that stays, as it is. */
  note(text: string): void;
  /** Called for every view, at up to 10 Hz. */
  view(view: JobView): void;
  second(window: SecondWindow): void;
  /** Leaves the last state on the screen and gives the cursor back. Idempotent. */
  close(): void;
};

/** Progress of one job. `totalMs`: planned length, null where iterations decide it. */
export function createProgress(
  terminal: Terminal,
  settings: Settings,
): Progress & { setTotal(totalMs: number | null): void } {
  const color = usesColor(terminal, settings, "progress");
  const isLive = terminal.progress.isTerminal && terminal.env["TERM"] !== "dumb" && !settings.is("quiet");
  const painter = isLive ? new Painter(terminal.progress) : null;
  const stay = (text: string): void =>
    painter === null ? terminal.progress.write(`${text}\n`) : painter.printAbove(text);
  const forget = painter === null ? () => {} : terminal.onExit(() => painter.close());
  const requestsBySecond: number[] = [];
  let totalMs: number | null = null;
  let last: JobView | null = null;
  let lastSecond = -1;
  const liveOptions = (): LiveOptions => ({ ...terminal.progress.size(), color, requestsBySecond, totalMs });
  return {
    log: createLog({ level: settings.is("verbose") ? "debug" : "info", color, line: stay }),
    note: stay,
    setTotal: (ms) => {
      totalMs = ms;
    },
    view(view) {
      last = view;
      if (painter !== null) return painter.paint(liveLines(view, liveOptions()));
      // A little after the full second, when its numbers are in.
      const second = Math.floor((view.elapsedMs - SETTLE_MS) / 1_000);
      if (settings.is("quiet") || second === lastSecond) return;
      lastSecond = second;
      terminal.progress.write(`${plainLine(view)}\n`);
    },
    second(window) {
      requestsBySecond.push(requestsOf(window));
      if (requestsBySecond.length > HISTORY_SECONDS_MAX) requestsBySecond.shift();
    },
    close() {
      forget();
      painter?.close(last === null ? [] : finalLines(last, liveOptions()));
    },
  };
}

/** True when escape codes may go to a stream: it is a terminal, and nobody said otherwise (no-color.org). */
export function usesColor(terminal: Terminal, settings: Settings, stream: "output" | "progress"): boolean {
  const forbids = settings.is("no-color") || (terminal.env["NO_COLOR"] ?? "") !== "" || terminal.env["TERM"] === "dumb";
  return terminal[stream].isTerminal && !forbids;
}

const SETTLE_MS = 300;

/** The widest terminal shows fewer seconds. */
const HISTORY_SECONDS_MAX = 600;

function requestsOf(window: SecondWindow): number {
  let requests = 0;
  for (const { id, cells } of window.series)
    if (id.metric === "http_reqs" && cells.type === "counter") requests += cells.sum;
  return requests;
}
