// A submit from its settings to its exit code: load, check the files to write, run, follow, print the summary. The
// order of work within the job is not decided here (ledger/), nor what the numbers mean (load/, report/).

import { describePlan } from "../load/describe.ts";
import type { JobResult, SecondWindow } from "../load/result.ts";
import { buildSummary, NO_VUS, seeVus } from "../report/summary.ts";
import type { Summary } from "../report/summary-schema.ts";
import { summaryText } from "../report/text.ts";
import { createPaint, printable } from "../tui/cells.ts";
import type { Invocation } from "./command.ts";
import { startEmbedded, type JobStart, type RunningJob, type StartJob } from "./embedded.ts";
import { EXIT_OK, exitCodeOf } from "./exit.ts";
import { openExports, summaryJson, type Exports } from "./exports.ts";
import { coresOf, loadJob, plannedMs, type LoadedJob } from "./job.ts";
import { createProgress, usesColor, type Progress } from "./progress.ts";
import { bytesOf, refuse } from "./values.ts";

/** Runs the job of the settings. Out: the exit code. Throws only for what went wrong before the run began. */
export async function submit(invocation: Invocation, start: StartJob = startEmbedded): Promise<number> {
  const { settings, terminal } = invocation;
  const limits = limitsOf(invocation);
  const progress = createProgress(terminal, settings);
  const interrupts = watchInterrupts(invocation, progress);
  let exports: Exports | null = null;
  try {
    const job = await loadJob(invocation, progress.log);
    exports = await openExports(settings, terminal.directory);
    for (const warning of job.warnings) progress.log.warn(warning);
    if (!settings.is("quiet")) progress.note(bannerOf(invocation, job, limits.cores));
    progress.setTotal(plannedMs(job.plan));
    const { result, summary } = await follow({ invocation, job, exports, progress, interrupts, start, limits });
    progress.close();
    return await conclude(invocation, { result, summary, exports });
  } finally {
    progress.close();
    interrupts.stop();
    await exports?.close();
  }
}

/** What will run, before it does. */
function bannerOf({ settings, terminal }: Invocation, { plan }: LoadedJob, cores: number): string {
  const paint = createPaint(usesColor(terminal, settings, "progress"));
  const outputs = ["out", "summary-export", "html"].flatMap((name) =>
    settings.all(name).map((setting) => setting.text),
  );
  const facts: readonly (readonly [name: string, value: string])[] = [
    ["job", printable(plan.name)],
    ["test", printable(settings.positional("file") ?? "")],
    ["cores", String(cores)],
    ...(outputs.length === 0 ? [] : [["files", outputs.join(", ")] as const]),
  ];
  const lines = facts.map(([name, value]) => `  ${paint(`${name}:`.padEnd(7), "dim")}${value}`);
  return ["", ...lines, "", ...describePlan(plan).map((line) => `  ${printable(line)}`), ""].join("\n");
}

type Limits = Pick<JobStart, "id" | "cores" | "memoryMaxBytes">;

function limitsOf(invocation: Invocation): Limits {
  const { settings } = invocation;
  const [id, memoryMax] = [settings.one("id"), settings.one("memory-max")];
  if (id !== null && !/^[A-Za-z0-9_.:-]{1,100}$/.test(id.text)) {
    refuse(id, "is no id", "letters, digits and . _ : - are allowed, 100 at most");
  }
  return {
    id: id?.text ?? null,
    cores: coresOf(invocation),
    memoryMaxBytes: memoryMax === null ? null : bytesOf(memoryMax),
  };
}

type Following = {
  readonly invocation: Invocation;
  readonly job: LoadedJob;
  readonly exports: Exports;
  readonly progress: Progress;
  readonly interrupts: Interrupts;
  readonly start: StartJob;
  readonly limits: Limits;
};

/** Runs the job to its end, showing and writing what it reports. */
async function follow({
  invocation,
  job,
  exports,
  progress,
  interrupts,
  start,
  limits,
}: Following): Promise<{ result: JobResult; summary: Summary }> {
  let vusSeen = NO_VUS;
  const second = (window: SecondWindow): void => {
    vusSeen = seeVus(vusSeen, window);
    for (const failure of exports.second(window)) progress.log.error(failure.message);
    progress.second(window);
  };
  const running = start(
    { world: await invocation.openWorld(), plan: job.plan, bundle: job.bundle, ...limits },
    (event) => {
      switch (event.kind) {
        case "view":
          return progress.view(event.view);
        case "second":
          return second(event.window);
        case "log":
          return progress.log[event.level](event.workflow === "" ? event.text : `${event.workflow}: ${event.text}`);
        default:
          return;
      }
    },
  );
  interrupts.attach(running);
  const result = await running.result;
  return { result, summary: buildSummary(result, vusSeen) };
}

type Ending = { readonly result: JobResult; readonly summary: Summary; readonly exports: Exports };

/** Writes the files, prints the summary, and says on stderr why the exit code is not 0. */
async function conclude({ settings, terminal }: Invocation, { result, summary, exports }: Ending): Promise<number> {
  const failures = await exports.finish(summary);
  await terminal.print(
    settings.is("json")
      ? summaryJson(summary)
      : summaryText(summary, {
          color: usesColor(terminal, settings, "output"),
          columns: terminal.output.size().columns,
          trendStats: result.plan.summaryTrendStats,
          isFull: settings.is("verbose"),
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

type Interrupts = { attach(running: RunningJob): void; stop(): void };

/**
 * The first Ctrl+C, SIGTERM or SIGHUP ends the job gracefully, the next leaves at once. Before the job runs, there is
 * nothing to wait for.
 */
function watchInterrupts({ terminal }: Invocation, progress: Progress): Interrupts {
  let running: RunningJob | null = null;
  let count = 0;
  const leave = (): never => {
    progress.close();
    return terminal.exit(exitCodeOf("interrupted"));
  };
  const stop = terminal.onInterrupt((signal) => {
    count++;
    if (running === null || count > 1) leave();
    progress.log.warn(signal === "SIGINT" ? "stopping; press Ctrl+C again to leave at once" : `stopping (${signal})`);
    running?.cancel();
  });
  return {
    attach: (job) => {
      running = job;
    },
    stop,
  };
}
