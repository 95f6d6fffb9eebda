// A job as the command line follows it, wherever it runs: what it shows and writes while it runs, what signals do, and
// how it is concluded: files, summary, exit code.

import type { JobResult, SecondWindow } from "../load/result.ts";
import { buildSummary, NO_VUS, seeVus } from "../report/summary.ts";
import type { Summary } from "../report/summary-schema.ts";
import { summaryText } from "../report/text.ts";
import { ToldSeconds } from "../report/told-seconds.ts";
import { workflowName } from "../report/words.ts";
import type { ClientEvent } from "../node/messages.ts";
import type { Invocation } from "./command.ts";
import type { RunningJob } from "./embedded.ts";
import { EXIT_OK, exitCodeOf } from "./exit.ts";
import { summaryJson, type Exports } from "./exports.ts";
import { usesColor, type Progress } from "./progress.ts";

export type Following = {
  readonly exports: Exports;
  readonly progress: Progress;
  readonly interrupts: Interrupts;
  /** Starts the job, or begins to follow it. */
  readonly begin: (onEvent: (event: ClientEvent) => void) => RunningJob;
};

export type Followed = { readonly result: JobResult; readonly summary: Summary };

/** Follows the job to its end, showing and writing what it reports. */
export async function followJob({ exports, progress, interrupts, begin }: Following): Promise<Followed> {
  let vusSeen = NO_VUS;
  const told = exports.hasOutputs ? new ToldSeconds() : null;
  const second = (window: SecondWindow): void => {
    vusSeen = seeVus(vusSeen, window);
    told?.tell(window);
    for (const failure of exports.second(window)) progress.log.error(failure.message);
    progress.second(window);
  };
  const running = begin((event) => {
    switch (event.kind) {
      case "view":
        return progress.view(event.view);
      case "second":
        return second(event.window);
      case "log":
        return progress.log[event.level](
          event.workflow === "" ? event.text : `${workflowName(event.workflow)}: ${event.text}`,
        );
      default:
        return;
    }
  });
  interrupts.attach(running);
  const result = await running.result;
  const rest = told?.rest(result) ?? null;
  if (rest !== null) {
    exports.rest(rest.second);
    progress.log.warn(rest.text);
  }
  return { result, summary: buildSummary(result, vusSeen) };
}

/** Writes the files, prints the summary, and says on stderr why the exit code is not 0. */
export async function conclude(
  { settings, terminal }: Invocation,
  { result, summary }: Followed,
  exports: Exports,
): Promise<number> {
  const failures = await exports.finish(summary);
  await terminal.print(
    settings.is("json")
      ? summaryJson(summary)
      : summaryText(summary, {
          color: usesColor(terminal, settings, "output"),
          columns: terminal.output.size().columns,
          trendStats: result.plan.summaryTrendStats,
          isFull: settings.is("verbose"),
          shown: (result.plan.shown ?? []).map(({ metric }) => metric),
        }),
  );
  for (const failure of failures) terminal.progress.write(`error: ${failure.message}\n`);
  const failed = result.thresholds.filter((threshold) => !threshold.ok);
  if (result.errorCode !== null && (result.errorCode !== "thresholds" || failed.length === 0)) {
    terminal.progress.write(`error: ${result.reason === "" ? `the job ended as ${result.state}` : result.reason}\n`);
    return exitCodeOf(result.errorCode);
  }
  if (failed.length > 0) {
    const names = failed.map(({ metricKey, expression }) => `${metricKey} ${expression}`).join(", ");
    terminal.progress.write(`error: thresholds failed: ${names}\n`);
    return exitCodeOf("thresholds");
  }
  return failures.length > 0 ? exitCodeOf("storage") : EXIT_OK;
}

export type Interrupts = { attach(running: RunningJob): void; stop(): void };

/**
 * The first Ctrl+C or SIGTERM ends the job gracefully, the next leaves at once. A terminal that goes away (SIGHUP) ends
 * a job of this process in the same way, and only leaves one that runs elsewhere. Before the job runs, there is nothing
 * to wait for.
 */
export function watchInterrupts({ terminal }: Invocation, progress: Progress): Interrupts {
  let running: RunningJob | null = null;
  let count = 0;
  const leave = (exitCode: number): never => {
    progress.close();
    return terminal.exit(exitCode);
  };
  const stop = terminal.onInterrupt((signal) => {
    const isElsewhere = running?.survives === true;
    if (signal === "SIGHUP" && isElsewhere) leave(EXIT_OK);
    count++;
    if (running === null || count > 1) leave(exitCodeOf("interrupted"));
    progress.log.warn(
      signal === "SIGINT"
        ? `stopping; press Ctrl+C again to leave at once${isElsewhere ? ", the job ends all the same" : ""}`
        : `stopping (${signal})`,
    );
    running?.cancel();
  });
  return {
    attach: (job) => {
      running = job;
    },
    stop,
  };
}
