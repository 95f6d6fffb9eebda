// Addresses of nodes as people write them. A node has two ports: streams (TCP) and datagrams (UDP), by default the next
// one up, as the default ports of managers (9000, 9001) and workers (9200, 9201) are.

import { addressText } from "../base/address.ts";
import type { NodeAddress } from "../node/station.ts";
import type { Setting } from "./settings.ts";
import { refuse } from "./values.ts";

const PORT_MAX = 65_535;
const FORM = "write it as HOST:PORT, or as HOST:TCP/UDP where the UDP port is not the next one: 10.0.0.5:9000";

/** "10.0.0.5:9000" (its UDP port is 9001), "10.0.0.5:9000/9400", "[::1]:9000". Throws `invalid`. */
export function addressOf(setting: Setting): NodeAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d+)(?:\/(\d+))?$/.exec(setting.text.trim());
  const host = match?.[1] ?? match?.[2];
  if (match === null || host === undefined) return refuse(setting, "is no address of a node", FORM);
  const tcp = Number(match[3]);
  const udp = match[4] === undefined ? tcp + 1 : Number(match[4]);
  if (!isPort(tcp) || !isPort(udp))
    return refuse(setting, `has a port outside 1 to ${PORT_MAX}`, `TCP port ${tcp}, UDP port ${udp}`);
  return { host, tcp, udp };
}

/** Those of a list, each once. Throws `invalid`. */
export function addressesOf(settings: readonly Setting[]): readonly NodeAddress[] {
  const addresses = new Map<string, NodeAddress>();
  for (const setting of settings) {
    if (setting.text.trim() === "") continue;
    const address = addressOf(setting);
    const key = addressText(address);
    const known = addresses.get(key);
    if (known !== undefined && known.udp !== address.udp)
      refuse(setting, `gives ${key} another UDP port than before`, `${known.udp} before, ${address.udp} here`);
    addresses.set(key, address);
  }
  return [...addresses.values()];
}

/** A port to listen at; 0: any free one. Throws `invalid`. */
export function portOf(setting: Setting): number {
  const port = /^\d{1,5}$/.test(setting.text.trim()) ? Number(setting.text) : Number.NaN;
  if (port === 0 || isPort(port)) return port;
  return refuse(setting, "is no port", `a number from 1 to ${PORT_MAX}, or 0 for any free one`);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= PORT_MAX;
}
