// What name servers say: all addresses of a name, and the nodes behind a service. Who asks and when is
// node/network/discovery.ts's business.

import { Resolver } from "node:dns/promises";
import type { Address } from "./world.ts";

export type Names = {
  /** IP addresses of a host, sorted; IPv4 before IPv6. Rejects when no server answers, [] when the name has none. */
  addresses(name: string): Promise<readonly string[]>;
  /** Hosts and ports of a service (SRV, RFC 2782), sorted. Rejects when no server answers. */
  services(name: string): Promise<readonly Address[]>;
};

const TIMEOUT_MS = 1_500;
/** Said by servers that know the name, or know that there is none. */
const NONE: ReadonlySet<string> = new Set(["ENOTFOUND", "ENODATA"]);

/** In: servers as "host:port" (IP addresses); none: the system's. Throws when one is no address. */
export function createNames(servers: readonly string[]): Names {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 2 });
  if (servers.length > 0) resolver.setServers([...servers]);
  const none = (error: unknown): never[] => {
    if (error instanceof Error && "code" in error && NONE.has(String(error.code))) return [];
    throw error;
  };
  return {
    async addresses(name) {
      const v4 = await resolver.resolve4(name).catch(none);
      const v6 = v4.length > 0 ? [] : await resolver.resolve6(name).catch(none);
      return [...v4.toSorted(), ...v6.toSorted()];
    },
    async services(name) {
      const found = await resolver.resolveSrv(name).catch(none);
      return found
        .map(({ name: host, port }) => ({ host: host.replace(/\.$/, ""), port }))
        .toSorted((a, b) => (`${a.host} ${a.port}` < `${b.host} ${b.port}` ? -1 : 1));
    },
  };
}
