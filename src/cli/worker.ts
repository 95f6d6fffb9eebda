// `worker` from its settings to its exit code.

import { HyperscaleError } from "../base/error.ts";
import { formatDuration } from "../base/units.ts";
import { type Labels, labelsSchema } from "../base/labels.ts";
import { startWorker } from "../node/worker-node.ts";
import type { NodeStatus } from "../node/status.ts";
import { plural } from "../tui/node-lines.ts";
import type { Invocation } from "./command.ts";
import { openGiven } from "./credentials.ts";
import { coresOf, coresWarning } from "./job.ts";
import { nodeSettings } from "./node-settings.ts";
import { portOfRange } from "./port-range.ts";
import { openDiscovery, placesOf, placesText } from "./places.ts";
import { listeningText, runNode } from "./node-process.ts";
import type { Settings } from "./settings.ts";
import { bytesOf, durationOf, recordOf, refuse } from "./values.ts";

/** Runs a worker until it is told to stop. Throws `invalid` and `storage`, and `cluster` when no manager is left. */
export async function worker(invocation: Invocation): Promise<number> {
  const { settings } = invocation;
  const world = await invocation.openWorld();
  const node = nodeSettings(invocation, "worker", await portOfRange(invocation, world));
  const places = placesOf(settings.all("managers"));
  if (places.listed.length === 0 && places.sought.length === 0)
    throw new HyperscaleError("invalid", "--managers: a worker needs the addresses of its managers", {
      hint: "like --managers 127.0.0.1:9000,127.0.0.1:9002,127.0.0.1:9004",
    });
  const cores = coresOf(invocation);
  const ofCores = coresWarning(invocation);
  const labels = labelsOf(settings);
  const memoryMax = settings.one("memory-max");
  const memoryMaxBytes = memoryMax === null ? null : bytesOf(memoryMax);
  const patience = settings.one("exit-without-managers");
  const patienceMs = patience === null ? null : durationOf(patience);
  const { given, listen } = node;
  const epochMs = world.clock.epochMs();
  const credentials = await openGiven(invocation, { given, role: "worker", host: listen.host, epochMs });
  return runNode(invocation, {
    world,
    credentials,
    role: "worker",
    data: node.data,
    listen: node.listen,
    start: async (secured) => {
      const discovery = await openDiscovery(settings, places, secured);
      return startWorker({
        world: secured,
        managers: discovery === null ? places.listed : [],
        ...(discovery === null ? {} : { discovery }),
        cores,
        labels,
        memoryMaxBytes,
        pinned: credentials.identity.node,
        ...node,
      });
    },
    greeting: (running) => [
      ...(given.kind === "keyFile" ? [HOLDS_KEY] : []),
      ...(ofCores === null ? [] : [`warning: ${ofCores}`]),
      `worker ${running.status().node.id} ${listeningText(running.address, node.listen.host)}, data in ${node.data}`,
      `it has ${plural(cores, "core")} and ` +
        (places.sought.length > 0 ? "looks for managers at " : `knows ${plural(places.listed.length, "manager")}: `) +
        placesText(places),
    ],
    ...(patienceMs === null ? {} : { isOver: lonely(patienceMs, () => world.clock.nowMs()) }),
  });
}

const HOLDS_KEY =
  "warning: this worker holds the key of the cluster, and every test that it runs can read it: give it --credentials " +
  "(hyperscale key issue --role worker) instead";

/** Says when no manager has been linked for so long. */
function lonely(patienceMs: number, nowMs: () => number): (status: NodeStatus) => HyperscaleError | null {
  let seenAtMs = nowMs();
  return ({ members }) => {
    if (members.some(({ role, isLinked }) => role === "manager" && isLinked)) seenAtMs = nowMs();
    if (nowMs() - seenAtMs < patienceMs) return null;
    return new HyperscaleError("cluster", `no manager was there for ${formatDuration(patienceMs)}`);
  };
}

function labelsOf(settings: Settings): Labels {
  const given = settings.all("label");
  const labels = labelsSchema.safeParse(recordOf(given, "="));
  if (labels.success) return labels.data;
  const last = given.at(-1);
  const problem = labels.error.issues[0]?.message ?? "is no label";
  return last === undefined ? {} : refuse(last, `cannot be a label: ${problem}`);
}
