// Names to addresses, for one core: fixed addresses of the plan, a cache with a time to live, and in which order
// addresses are tried. The lookup itself is the system's (getaddrinfo).

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { HttpPlan } from "../../load/plan.ts";

/** Where to connect, in order of preference; never empty. */
export type Endpoints = { readonly addresses: readonly string[]; readonly port: number };

/** All addresses of a name, by the system. Rejects with the system's code ("ENOTFOUND"). */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** Names the cache keeps; beyond it the cache is emptied. */
const NAMES_MAX = 10_000;

type Entry = { readonly addresses: Promise<readonly string[]>; readonly expiresMs: number; turn: number };

export class Resolver {
  readonly #plan: Pick<HttpPlan, "hosts" | "dns">;
  readonly #lookup: Lookup;
  readonly #cache = new Map<string, Entry>();

  constructor(plan: Pick<HttpPlan, "hosts" | "dns">, lookupAll: Lookup = lookupSystem) {
    this.#plan = plan;
    this.#lookup = lookupAll;
  }

  /**
   * Addresses for a host and port of a URL at `nowMs` (monotonic). Rejects as the lookup does, or with code ENOTFOUND
   * if the policy leaves none.
   */
  async resolve(host: string, port: number, nowMs: number): Promise<Endpoints> {
    const fixed = this.#fixed(host, port);
    const name = fixed === null ? host : fixed.host;
    const endPort = fixed === null ? port : fixed.port;
    if (isIP(name) !== 0) return { addresses: [name], port: endPort };
    const entry = this.#entry(name, nowMs);
    const turn = entry.turn++;
    let addresses: readonly string[];
    try {
      addresses = this.#allowed(await entry.addresses);
    } catch (error) {
      if (this.#cache.get(name) === entry) this.#cache.delete(name);
      throw error;
    }
    if (addresses.length === 0)
      throw Object.assign(new Error(`no address of ${name} is allowed by dns.policy ${this.#plan.dns.policy}`), {
        code: "ENOTFOUND",
      });
    return { addresses: this.#ordered(addresses, turn), port: endPort };
  }

  #entry(name: string, nowMs: number): Entry {
    const known = this.#cache.get(name);
    if (known !== undefined && known.expiresMs > nowMs) return known;
    if (this.#cache.size >= NAMES_MAX) this.#cache.clear();
    // RFC 6761 6.3: localhost is this machine, whatever a server says.
    const isLocal = name === "localhost" || name.endsWith(".localhost");
    const addresses = isLocal ? Promise.resolve(["127.0.0.1", "::1"]) : this.#lookup(name);
    const entry = { addresses, expiresMs: nowMs + this.#plan.dns.ttlMs, turn: known?.turn ?? 0 };
    this.#cache.set(name, entry);
    return entry;
  }

  /** The plan's address for "host:port", "host" or "*.domain", in this order. */
  #fixed(host: string, port: number): { readonly host: string; readonly port: number } | null {
    const { hosts } = this.#plan;
    const exact = hosts[`${host}:${port}`] ?? hosts[host];
    if (exact !== undefined) return splitAddress(exact, port);
    for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) {
      const wild = hosts[`*${host.slice(dot)}:${port}`] ?? hosts[`*${host.slice(dot)}`];
      if (wild !== undefined) return splitAddress(wild, port);
    }
    return null;
  }

  #allowed(addresses: readonly string[]): readonly string[] {
    switch (this.#plan.dns.policy) {
      case "onlyIPv4":
        return addresses.filter((address) => isIP(address) === 4);
      case "onlyIPv6":
        return addresses.filter((address) => isIP(address) === 6);
      default:
        return addresses;
    }
  }

  /** The chosen address first, then the rest of its family, then the other family. */
  #ordered(addresses: readonly string[], turn: number): readonly string[] {
    const { policy, select } = this.#plan.dns;
    if (addresses.length === 1) return addresses;
    const family = policy === "preferIPv4" ? 4 : policy === "preferIPv6" ? 6 : 0;
    const preferred = family === 0 ? addresses : addresses.filter((address) => isIP(address) === family);
    const others = family === 0 ? [] : addresses.filter((address) => isIP(address) !== family);
    if (preferred.length === 0) return rotate(others, startOf(select, turn, others.length));
    return [...rotate(preferred, startOf(select, turn, preferred.length)), ...others];
  }
}

function startOf(select: HttpPlan["dns"]["select"], turn: number, count: number): number {
  if (select === "first") return 0;
  return select === "random" ? Math.floor(Math.random() * count) : turn % count;
}

function rotate(addresses: readonly string[], start: number): readonly string[] {
  return start === 0 ? addresses : [...addresses.slice(start), ...addresses.slice(0, start)];
}

/** "1.2.3.4", "1.2.3.4:80", "::1", "[::1]:80" or a name, perhaps with a port. */
function splitAddress(text: string, port: number): { readonly host: string; readonly port: number } {
  if (isIP(text) !== 0) return { host: text, port };
  const match = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(text);
  return { host: match?.[1] ?? text, port: match?.[2] === undefined ? port : Number(match[2]) };
}

async function lookupSystem(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return [...new Set(found.map((entry) => entry.address))];
}
