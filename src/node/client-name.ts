// Who counts as one client where submits are limited, and what one may ask that others may not: by what a connection
// proves, never by what a client says of itself. How much one may submit is admission.ts's.

import { isLoopback } from "../io/security/bind-problem.ts";
import { anIdentity } from "../io/security/peer-identity.ts";
import type { Origin } from "./network/links.ts";

/**
 * Whose submits these are. All who use the same issued credentials are one client, wherever they are; holders of the
 * key itself are told apart by their host, and on the manager's own machine, as where nothing is proven (simulated), by
 * their connection. In: the client's id of this connection, where it speaks from.
 */
export function clientName(node: string, origin: Origin | null): string {
  if (origin === null || origin.peer === null) return node;
  const { cluster, role, node: credentials } = origin.peer;
  if (credentials !== null) return `${role} ${credentials} of ${cluster}`;
  return isLoopback(origin.remote.host) ? node : `host ${origin.remote.host}`;
}

/** Why this client may not change who the managers are; null: it may. */
export function operatorProblem(origin: Origin | null): string | null {
  const peer = origin?.peer ?? null;
  if (peer === null || peer.role === "operator") return null;
  return (
    `only an operator may change who the managers are, and this is ${anIdentity(peer)}: use the cluster's key ` +
    "(--key-file), or credentials made by hyperscale key issue --role operator"
  );
}
