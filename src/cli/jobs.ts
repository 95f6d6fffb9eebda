// `jobs`, `cancel` and `results`, from their settings to their exit codes.

import { HyperscaleError } from "../base/error.ts";
import type { JobLine } from "../node/status.ts";
import { buildSummary } from "../report/summary.ts";
import { jobState } from "../tui/job-state.ts";
import { jobLines } from "../tui/status-lines.ts";
import { askCluster } from "./asking.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { openExports } from "./exports.ts";
import { conclude } from "./following.ts";
import { usesColor } from "./progress.ts";
import { jobIdOf } from "./values.ts";

/** Prints the jobs the cluster knows. */
export async function jobs(invocation: Invocation): Promise<number> {
  const { settings, terminal } = invocation;
  const { known, members } = await askCluster(invocation, async ({ client, answer }) => {
    // A status is what its node knows: without a majority, or just started, its past, and of many jobs the newest.
    const listed = await answer(client.jobs());
    const status = await answer(client.status());
    const rates = new Map(status.jobs.map(({ id, live }) => [id, live]));
    return { known: listed.map((job) => ({ ...job, live: rates.get(job.id) ?? null })), members: status.members };
  });
  if (settings.is("json")) {
    await terminal.print(`${JSON.stringify({ version: 1, jobs: known }, null, 2)}\n`);
    return EXIT_OK;
  }
  const color = usesColor(terminal, settings, "output");
  const lines = jobLines({ jobs: known, members }, { columns: terminal.output.size().columns, color });
  await terminal.print(known.length === 0 ? "no jobs\n" : `${lines.join("\n")}\n`);
  return EXIT_OK;
}

/** Ends a job gracefully, whoever submitted it. */
export async function cancel(invocation: Invocation): Promise<number> {
  const { terminal } = invocation;
  const id = jobOf(invocation);
  const outcome = await askCluster(invocation, async ({ client, answer }) => {
    const before = knownJob(await answer(client.jobs()), id);
    if (before.state === "finished") return `job ${id} had ended before: ${jobState(before)}`;
    await answer(client.cancel(id, "other"));
    return `job ${id} is cancelled: it ends gracefully`;
  });
  terminal.progress.write(`${outcome}\n`);
  return EXIT_OK;
}

/** Prints the summary of a job that has ended. Out: the job's own exit code. */
export async function results(invocation: Invocation): Promise<number> {
  const { settings, terminal } = invocation;
  const id = jobOf(invocation);
  const exports = await openExports(settings, terminal.directory);
  try {
    const result = await askCluster(invocation, async ({ client, answer }) => {
      const job = knownJob(await answer(client.jobs()), id);
      if (job.state !== "finished")
        throw new HyperscaleError("cluster", `job ${id} has not ended: it is ${jobState(job)}`, {
          hint: `hyperscale status --job ${id} --watch follows it to its end`,
        });
      return answer(client.follow(id, () => {}).result);
    });
    return await conclude(invocation, { result, summary: buildSummary(result) }, exports);
  } finally {
    await exports.close();
  }
}

/** The job of JOB_ARGUMENT. Throws `invalid` for what is no id. */
export function jobOf({ settings }: Invocation): string {
  return jobIdOf({ text: settings.positional("job") ?? "", source: "ID" });
}

/** The job among those a cluster knows. Throws `invalid` when it is none of them. */
export function knownJob(jobs: readonly JobLine[], id: string): JobLine {
  const known = jobs.find((job) => job.id === id);
  if (known === undefined) throw new HyperscaleError("invalid", `there is no job ${id}`);
  return known;
}
