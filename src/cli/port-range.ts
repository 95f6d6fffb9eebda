// A worker's ports out of a range: the first two neighbours that are free, for streams and datagrams.

import { HyperscaleError } from "../base/error.ts";
import { NetError } from "../io/net-error.ts";
import type { NodeWorld } from "../io/world.ts";
import type { Invocation } from "./command.ts";
import { credentialsGiven } from "./credentials-given.ts";
import { hostTo } from "./node-settings.ts";
import { refuse } from "./values.ts";

/**
 * The TCP port (the UDP port is the next). Out: null without a range. Somebody may still take it before the node does.
 * Throws `invalid`: no range, or nothing free in it.
 */
export async function portOfRange(
  invocation: Invocation,
  world: Pick<NodeWorld, "streams" | "datagrams">,
): Promise<number | null> {
  const { settings } = invocation;
  const range = settings.one("port-range");
  if (range === null) return null;
  const other = settings.one("tcp") ?? settings.one("udp");
  if (other !== null) return refuse(range, `goes not together with ${other.source}`, "leave one of them out");
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(range.text.trim());
  const [from, to] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
  if (from < 1 || to > 65_535 || to <= from)
    return refuse(range, "is no range of ports", "from the lower to the higher, two at least: 9200-9299");
  const { host } = hostTo(settings, credentialsGiven(invocation));
  for (let tcp = from; tcp < to; tcp += 2) if (await isFree(world, host, tcp)) return tcp;
  throw new HyperscaleError(
    "invalid",
    `${range.source}: no two ports next to each other are free from ${from} to ${to}`,
    {
      hint: "give a wider range, or stop what listens there",
    },
  );
}

async function isFree(
  { streams, datagrams }: Pick<NodeWorld, "streams" | "datagrams">,
  host: string,
  tcp: number,
): Promise<boolean> {
  try {
    const listener = await streams.listen({ host, port: tcp }, (connection) => connection.destroy());
    listener.close();
    const socket = await datagrams.bind({ host, port: tcp + 1 });
    socket.close();
    return true;
  } catch (error) {
    if (error instanceof NetError && error.code === "inUse") return false;
    throw error;
  }
}
