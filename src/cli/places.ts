// Where managers are, as people write it: addresses, names with several addresses (dns:), services (srv:), and ranges
// of ports. What is found there is node/network/discovery.ts's.

import type { Log } from "../io/log.ts";
import { createNames } from "../io/names.ts";
import type { Clock } from "../io/world.ts";
import { ADDRESSES_MAX, Discovery, type Place, placeText } from "../node/network/discovery.ts";
import { type NodeAddress, streamsAt } from "../node/station.ts";
import { addressesOf, addressOf } from "./addresses.ts";
import type { Setting, Settings } from "./settings.ts";
import { refuse } from "./values.ts";

/** listed: written down. sought: to be looked for. */
export type Places = { readonly listed: readonly NodeAddress[]; readonly sought: readonly Place[] };

/** "10.0.0.5:9000", "10.0.0.5:9000-9010", "dns:managers.example:9000", "srv:_h._tcp.example". Throws `invalid`. */
export function placesOf(settings: readonly Setting[]): Places {
  const [first] = settings;
  // `--managers "$MANAGERS"` of a variable that is not set would run the job here.
  if (first !== undefined && settings.every(({ text }) => text.trim() === "")) refuse(first, "names no node");
  const sought = settings.map(soughtOf);
  const listed = addressesOf(settings.filter((_, at) => sought[at] === null));
  return { listed, sought: sought.filter((place) => place !== null) };
}

/** All of them, as people write them. */
export function placesText({ listed, sought }: Places): string {
  const fixed = listed.map((address): Place => ({ kind: "fixed", address: streamsAt(address) }));
  return [...fixed, ...sought].map(placeText).join(", ");
}

/** Looks for them, those listed included. Null when there is nothing to look for. Throws `invalid` for a server. */
export async function openDiscovery(
  settings: Settings,
  { listed, sought }: Places,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<Discovery | null> {
  const servers = settings.all("dns").filter(({ text }) => text !== "");
  for (const server of servers)
    if (!/^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/.test(server.text))
      refuse(server, "is no name server", "an IP address, with a port or without: 127.0.0.1:8600");
  if (sought.length === 0) return null;
  const names = createNames(servers.map(({ text }) => text));
  const fixed = listed.map((address): Place => ({ kind: "fixed", address: streamsAt(address) }));
  return Discovery.open([...fixed, ...sought], { clock, log, names });
}

/** Out: null for a plain address. */
function soughtOf(setting: Setting): Place | null {
  const text = setting.text.trim();
  if (text.startsWith("srv:")) return { kind: "service", name: nameOf(setting, text.slice("srv:".length)) };
  if (text.startsWith("dns:")) {
    const { host, tcp } = addressOf({ ...setting, text: text.slice("dns:".length) });
    return { kind: "name", name: nameOf(setting, host), port: tcp };
  }
  const range = /^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):(\d+)-(\d+)$/.exec(text);
  if (range === null) return null;
  const [from, to] = [Number(range[2]), Number(range[3])];
  const { host } = addressOf({ ...setting, text: `${range[1]}:${from}` });
  if (to > 65_535 || to < from || to - from >= ADDRESSES_MAX)
    return refuse(setting, "is no range of ports", `from the lower to the higher, ${ADDRESSES_MAX} at most: 9000-9010`);
  return { kind: "range", host, from, to };
}

function nameOf(setting: Setting, name: string): string {
  if (/^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})\.?)+$/.test(name) && name.length <= 253 && !/^[\d.]+$/.test(name))
    return name;
  return refuse(setting, "is no name to look up", "dns:managers.example:9000 or srv:_hyperscale._tcp.example");
}
