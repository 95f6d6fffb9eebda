// `status` from its settings to its exit code: a cluster as one of its nodes knows it, or one job, once or followed.

import { addressText } from "../base/address.ts";
import { HyperscaleError } from "../base/error.ts";
import type { NodeWorld } from "../io/world.ts";
import type { JobView } from "../load/result.ts";
import type { JobLine } from "../node/status.ts";
import { finalLines } from "../tui/live.ts";
import { jobLines, statusLines } from "../tui/status-lines.ts";
import { addressOf } from "./addresses.ts";
import { askCluster } from "./asking.ts";
import { type Cluster, type ClusterPlace, followOn, placeAt, requiredPlace } from "./cluster.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { openExports } from "./exports.ts";
import { conclude, followJob } from "./following.ts";
import { knownJob } from "./jobs.ts";
import { createProgress, usesColor } from "./progress.ts";
import { jobIdOf } from "./values.ts";
import { watchCluster } from "./watch.ts";

/** A job that runs shows itself within so long, if its owner can be reached. */
const VIEW_MS = 3_000;

/** Prints what a node knows of the cluster, or what a job is at. */
export async function status(invocation: Invocation): Promise<number> {
  const { settings } = invocation;
  const place = placeToAsk(invocation);
  const job = settings.one("job");
  if (job !== null) {
    const id = jobIdOf(job);
    return settings.is("watch") ? watchJob(invocation, place, id) : oneJob(invocation, place, id);
  }
  if (settings.is("watch"))
    return askCluster(invocation, (cluster, world) => watchCluster(invocation, cluster, world), { place });
  const { terminal } = invocation;
  const known = await askCluster(invocation, ({ client, answer }) => answer(client.status()), { place });
  if (settings.is("json")) await terminal.print(`${JSON.stringify(known, null, 2)}\n`);
  else {
    const options = { columns: terminal.output.size().columns, color: usesColor(terminal, settings, "output") };
    await terminal.print(`${statusLines(known, options).join("\n")}\n`);
  }
  return EXIT_OK;
}

/** The node that was named, or the managers of the settings. Throws `invalid`. */
function placeToAsk(invocation: Invocation): ClusterPlace {
  const node = invocation.settings.positional("node");
  if (node === null) return requiredPlace(invocation);
  return placeAt(invocation, [addressOf({ text: node, source: "NODE" })]);
}

async function oneJob(invocation: Invocation, place: ClusterPlace, id: string): Promise<number> {
  const { settings, terminal } = invocation;
  const ask = async ({ client, answer }: Cluster, { clock }: NodeWorld) => {
    const { jobs, members, node } = await answer(client.status());
    const managers = members.filter(({ role }) => role === "manager").map(({ address }) => addressText(address));
    if (node.role !== "manager")
      throw new HyperscaleError("invalid", `${node.role} ${node.id} knows no jobs: managers do`, {
        hint: managers.length === 0 ? "ask one of them" : `ask one of them: ${managers.join(", ")}`,
      });
    // Not among the newest, or a manager that has not heard of it yet: jobs() waits until it has.
    const line = jobs.find((job) => job.id === id) ?? knownJob(await answer(client.jobs()), id);
    return { line, members, view: await viewOf(clock, client, line) };
  };
  const { line, members, view } = await askCluster(invocation, ask, { place });
  if (settings.is("json")) {
    await terminal.print(`${JSON.stringify({ version: 1, job: line, view }, null, 2)}\n`);
    return EXIT_OK;
  }
  const options = { columns: terminal.output.size().columns, color: usesColor(terminal, settings, "output") };
  const live =
    view === null
      ? []
      : finalLines(view, { ...terminal.output.size(), ...options, requestsBySecond: [], totalMs: null });
  await terminal.print(`${[...jobLines({ jobs: [line], members }, options), "", ...live].join("\n").trimEnd()}\n`);
  return EXIT_OK;
}

/** The next live view of a job that runs; null when it does not run, or nobody shows it in time. */
function viewOf(clock: NodeWorld["clock"], client: Cluster["client"], { id, state }: JobLine): Promise<JobView | null> {
  if (state === "finished") return Promise.resolve(null);
  const { promise, resolve } = Promise.withResolvers<JobView | null>();
  const timer = clock.setTimer(VIEW_MS, () => resolve(null));
  const none = (): void => resolve(null);
  client.follow(id, (event) => (event.kind === "view" ? resolve(event.view) : undefined)).result.then(none, none);
  return promise.finally(() => timer.cancel());
}

/** Follows a job to its end as the submit that started it does; leaving leaves it alone. */
async function watchJob(invocation: Invocation, place: ClusterPlace, id: string): Promise<number> {
  const { settings, terminal } = invocation;
  const progress = createProgress(terminal, settings);
  const exports = await openExports(settings, terminal.directory);
  const stop = terminal.onInterrupt(() => {
    progress.close();
    terminal.exit(EXIT_OK);
  });
  try {
    const world = await invocation.openWorld();
    const followed = await followJob({
      exports,
      progress,
      interrupts: { attach: () => {}, stop: () => {} },
      begin: (onEvent) => followOn(place, { world, id, log: progress.log }, onEvent),
    });
    progress.close();
    return await conclude(invocation, followed, exports);
  } finally {
    progress.close();
    stop();
    await exports.close();
  }
}
