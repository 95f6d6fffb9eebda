// Where a node may listen with what it was given to prove itself: without anything, on loopback alone. Loads no
// cryptography: every command knows its options by this.

import type { CertificatePaths } from "./credential-file.ts";

/** One way to prove oneself, or none. Paths of files. */
export type CredentialsGiven =
  | { readonly kind: "none" }
  | { readonly kind: "keyFile"; readonly path: string }
  | { readonly kind: "issued"; readonly path: string }
  | { readonly kind: "certificates"; readonly paths: CertificatePaths };

/** Why a node may not listen at this host with what it was given; null when it may. */
export function bindProblem(host: string, given: CredentialsGiven): string | null {
  if (given.kind !== "none" || isLoopback(host)) return null;
  return (
    `without credentials a node listens on loopback only, and ${host} is another address: whoever reaches it could ` +
    "run code on the workers. Make a key once (hyperscale key create --out cluster.key), copy it to the managers and " +
    "give it with --key-file; for workers and submitters: hyperscale key issue. Or listen on 127.0.0.1"
  );
}

/** Whether a host to listen at can only be reached from this machine. Names other than localhost are not looked up. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  if (bare === "localhost" || bare === "::1" || bare === "0:0:0:0:0:0:0:1") return true;
  const octets = bare.replace(/^::ffff:/, "").split(".");
  return (
    octets.length === 4 &&
    octets.every((octet) => /^\d{1,3}$/.test(octet) && Number(octet) < 256) &&
    octets[0] === "127"
  );
}
