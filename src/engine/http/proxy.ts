// Which proxy of the environment k6 (Go's net/http) would send a request through. None is used here: who relies on one
// has to be told. Source of the rules: golang.org/x/net/http/httpproxy.

import { isIP } from "node:net";
import type { Origin } from "./url.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The variable that names a proxy for an origin; null where none does, or NO_PROXY or loopback goes around it. */
export function proxyVariable({ isTls, host, port }: Origin, environment: Environment): string | null {
  const names = isTls ? ["HTTPS_PROXY", "https_proxy"] : ["HTTP_PROXY", "http_proxy"];
  const name = names.find((one) => (environment[one] ?? "") !== "");
  if (name === undefined || isLoopback(host)) return null;
  const around = environment["NO_PROXY"] ?? environment["no_proxy"] ?? "";
  return around.split(",").some((entry) => isCovered(entry.trim().toLowerCase(), host, port)) ? null : name;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** `*`, an address, a name with all below it, or `.name` for those below it alone; each may have a port. */
function isCovered(entry: string, host: string, port: number): boolean {
  if (entry === "*") return true;
  const [, name = "", ofPort] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
  if (name === "" || (ofPort !== undefined && Number(ofPort) !== port)) return false;
  const [address = "", bits] = name.split("/");
  if (bits !== undefined) return isInSubnet(host, address, Number(bits));
  const suffix = name.replace(/^\*?\.?/, ".");
  return host === name || (isIP(host) === 0 && host.endsWith(suffix));
}

/** IPv4 alone: an IPv6 network in NO_PROXY is passed over, and the warning says too much then. */
function isInSubnet(host: string, address: string, bits: number): boolean {
  if (isIP(host) !== 4 || isIP(address) !== 4 || !(bits >= 0 && bits <= 32)) return false;
  const numberOf = (text: string): number => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - bits);
  return Math.floor(numberOf(host) / size) === Math.floor(numberOf(address) / size);
}
