// Commands that ask a cluster and end: one way to open it, ask, and close it again.

import { createLog, type Log } from "../io/log.ts";
import type { NodeWorld } from "../io/world.ts";
import { type Cluster, type ClusterPlace, openCluster, requiredPlace, type Visitor } from "./cluster.ts";
import type { Invocation } from "./command.ts";
import { usesColor } from "./progress.ts";

/**
 * Asks the managers of the settings, or the nodes of `place`, which may be of any role. `as`: what the one who asks has
 * to be, a client where nothing is said. Throws `invalid` without any, and for credentials of another; `cluster` when
 * nobody answers.
 */
export async function askCluster<Answer>(
  invocation: Invocation,
  ask: (cluster: Cluster, world: NodeWorld) => Promise<Answer>,
  { place, as = "client" }: { readonly place?: ClusterPlace | undefined; readonly as?: Visitor } = {},
): Promise<Answer> {
  const known = place ?? requiredPlace(invocation);
  const world = { ...(await invocation.openWorld()), log: stderrLog(invocation) };
  const cluster = await openCluster(world, known, { acceptsAnyNode: place !== undefined, as });
  try {
    return await ask(cluster, world);
  } finally {
    cluster.close();
  }
}

/** A log for a command that shows nothing else. */
export function stderrLog({ settings, terminal }: Invocation): Log {
  return createLog({
    level: settings.is("verbose") ? "debug" : "warn",
    color: usesColor(terminal, settings, "progress"),
    line: (text) => terminal.progress.write(`${text}\n`),
  });
}
