// TLS settings for a connection to one origin, made from the plan. Bun keeps one native context per equal settings.

import { isIP } from "node:net";
import { rootCertificates } from "node:tls";
import type { TLSOptions } from "bun";
import type { HttpPlan } from "../../load/plan.ts";
import type { Origin } from "./url.ts";

const PROTOCOL_VERSION = { "tls1.2": 0x0303, "tls1.3": 0x0304 } as const;

/** Bun takes the protocol's numbers here, which its types leave out. */
type VersionedTlsOptions = TLSOptions & { minVersion?: number; maxVersion?: number };

/**
 * What Bun.connect needs. Servers are asked for HTTP/1.1 only. An address is no server name (RFC 6066 3), and "" sends
 * none: Bun then verifies the certificate against the address it connects to.
 */
export function tlsOptionsFor(origin: Origin, plan: HttpPlan): TLSOptions {
  const options: VersionedTlsOptions = {
    rejectUnauthorized: !plan.insecureSkipTlsVerify,
    ALPNProtocols: "http/1.1",
    serverName: isIP(origin.host) === 0 ? origin.host : "",
  };
  if (plan.tlsCaCerts.length > 0) options.ca = [...rootCertificates, ...plan.tlsCaCerts];
  if (plan.tlsVersionMin !== "") options.minVersion = PROTOCOL_VERSION[plan.tlsVersionMin];
  if (plan.tlsVersionMax !== "") options.maxVersion = PROTOCOL_VERSION[plan.tlsVersionMax];
  const certificate = plan.tlsAuth.find(
    (auth) => auth.domains.length === 0 || auth.domains.some((domain) => isCovered(origin.host, domain)),
  );
  if (certificate !== undefined) {
    options.cert = certificate.cert;
    options.key = certificate.key;
    if (certificate.password !== "") options.passphrase = certificate.password;
  }
  return options;
}

/** k6's name of a protocol version: "TLSv1.3" -> "tls1.3". */
export function versionName(version: string): string {
  return version.startsWith("TLSv") ? `tls${version.slice(4)}` : version;
}

/** "example.com" or "*.example.com". */
function isCovered(host: string, domain: string): boolean {
  return domain.startsWith("*.") ? host.endsWith(domain.slice(1).toLowerCase()) : host === domain.toLowerCase();
}
