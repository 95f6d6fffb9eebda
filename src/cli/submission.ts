// A submit from its settings to its exit code: load, check the files to write, run here or on a cluster, follow, print
// the summary. The order of work within the job is not decided here (ledger/), nor what the numbers mean (load/,
// report/).

import { HyperscaleError } from "../base/error.ts";
import { describePlan } from "../load/describe.ts";
import { createPaint, printable } from "../tui/cells.ts";
import { type ClusterPlace, placeOf, startOn } from "./cluster.ts";
import { CLUSTER_OPTIONS } from "./cluster-options.ts";
import type { Invocation } from "./command.ts";
import { startEmbedded, type JobStart, type StartJob } from "./embedded.ts";
import { EXIT_OK } from "./exit.ts";
import { openExports, type Exports } from "./exports.ts";
import { conclude, followJob, type Interrupts, watchInterrupts } from "./following.ts";
import { coresOf, coresWarning, loadJob, plannedMs, type LoadedJob } from "./job.ts";
import { createProgress, usesColor, type Progress } from "./progress.ts";
import { bytesOf, jobIdOf, refuse } from "./values.ts";

/**
 * Runs the job of the settings; `start`: where, left out: where the settings say. Out: the exit code. Throws only for
 * what went wrong before the run began.
 */
export async function submit(invocation: Invocation, start?: StartJob): Promise<number> {
  const { settings, terminal } = invocation;
  const place = placeOf(invocation);
  refuseDetached(invocation, place);
  const limits = limitsOf(invocation);
  const progress = createProgress(terminal, settings);
  const interrupts = watchInterrupts(invocation, progress);
  let exports: Exports | null = null;
  try {
    const job = await loadJob(invocation, progress.log);
    exports = await openExports(settings, terminal.directory, job.plan);
    const ofCores = place === null ? coresWarning(invocation) : null;
    const warnings = [...job.warnings, ...unusedOptions(invocation, place), ...(ofCores === null ? [] : [ofCores])];
    for (const warning of warnings) progress.log.warn(warning);
    if (!settings.is("quiet")) progress.note(bannerOf(invocation, job, place, limits.cores));
    progress.setTotal(plannedMs(job.plan));
    const starting = start ?? (place === null ? startEmbedded : startOn(place, progress.log));
    const given = { world: await invocation.openWorld(), plan: job.plan, bundle: job.bundle, ...limits };
    if (settings.is("detach")) return await detach(invocation, { starting, given, interrupts, progress });
    const followed = await followJob({
      exports,
      progress,
      interrupts,
      begin: (onEvent) => {
        const running = starting(given, onEvent);
        if (running.survives)
          running.accepted.then(
            (id) => progress.log.info(`job ${id} is accepted`),
            () => {},
          );
        return running;
      },
    });
    progress.close();
    return await conclude(invocation, followed, exports);
  } finally {
    progress.close();
    interrupts.stop();
    await exports?.close();
  }
}

/** Prints the job's id as soon as it is accepted, and leaves it to the cluster. */
async function detach(
  { settings, terminal }: Invocation,
  {
    starting,
    given,
    interrupts,
    progress,
  }: {
    readonly starting: StartJob;
    readonly given: JobStart;
    readonly interrupts: Interrupts;
    readonly progress: Progress;
  },
): Promise<number> {
  const running = starting(given, () => {});
  interrupts.attach(running);
  const id = await running.accepted;
  progress.close();
  await terminal.print(settings.is("json") ? `${JSON.stringify({ id })}\n` : `${id}\n`);
  return EXIT_OK;
}

/** --detach leaves the job to a cluster, and whoever leaves sees no results. Throws `invalid`. */
function refuseDetached({ settings }: Invocation, place: ClusterPlace | null): void {
  const detached = settings.one("detach");
  if (detached === null || detached.text !== "true") return;
  if (place === null)
    throw new HyperscaleError("invalid", `${detached.source} leaves the job to a cluster, and there is none`, {
      hint: "give --managers too",
    });
  for (const name of ["out", "summary-export", "html"]) {
    const setting = settings.one(name);
    if (setting !== null)
      refuse(
        setting,
        "needs the job's end, and --detach does not wait for it",
        "hyperscale results ID has the summary",
      );
  }
}

/** Options of an engine in this process where the job runs on workers, and of a cluster where there is none. */
function unusedOptions({ settings }: Invocation, place: ClusterPlace | null): readonly string[] {
  const [names, why] =
    place === null
      ? [Object.keys(CLUSTER_OPTIONS), "without --managers the job runs in this process"]
      : [["cores", "memory-max"], "the job runs on the cluster's workers"];
  return names.flatMap((name) => {
    const setting = settings.one(name);
    return setting === null ? [] : [`${setting.source} says nothing here: ${why}`];
  });
}

/** What will run, before it does. */
function bannerOf(
  { settings, terminal }: Invocation,
  { plan }: LoadedJob,
  place: ClusterPlace | null,
  cores: number,
): string {
  const paint = createPaint(usesColor(terminal, settings, "progress"));
  const outputs = ["out", "summary-export", "html"].flatMap((name) =>
    settings.all(name).map((setting) => setting.text),
  );
  const facts: readonly (readonly [name: string, value: string])[] = [
    ["job", printable(plan.name)],
    ["test", printable(settings.positional("file") ?? "")],
    place === null ? ["cores", String(cores)] : ["managers", place.text],
    ...(outputs.length === 0 ? [] : [["files", outputs.join(", ")] as const]),
  ];
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  const lines = facts.map(([name, value]) => `  ${paint(`${name}:`.padEnd(width), "dim")}${value}`);
  return ["", ...lines, "", ...describePlan(plan).map((line) => `  ${printable(line)}`), ""].join("\n");
}

type Limits = Pick<JobStart, "id" | "cores" | "memoryMaxBytes">;

function limitsOf(invocation: Invocation): Limits {
  const { settings } = invocation;
  const [id, memoryMax] = [settings.one("id"), settings.one("memory-max")];
  return {
    id: id === null ? null : jobIdOf(id),
    cores: coresOf(invocation),
    memoryMaxBytes: memoryMax === null ? null : bytesOf(memoryMax),
  };
}
