// Who holds a certificate: cluster, role and node, as one URI among its subject alternative names, as SPIFFE does it.
// Only parsing and comparing; whether the certificate is genuine is TLS's.

/** What a holder of credentials may be. A gate is a manager of managers. */
export const PEER_ROLES = ["manager", "worker", "gate", "client"] as const;
export type PeerRole = (typeof PEER_ROLES)[number];

/** `cluster`: its id (cluster-key.ts). `node`: the one node it may be; null for any of its role. */
export type PeerIdentity = { readonly cluster: string; readonly role: PeerRole; readonly node: string | null };

const WORD = /^[A-Za-z0-9._-]{1,64}$/;
const ANY_NODE = "*";
const SCHEME = "hyperscale://";

/** Whether it can be a name of a cluster or a node in a certificate. */
export function isIdentityWord(text: string): boolean {
  return WORD.test(text);
}

/** `hyperscale://cluster/role/node`; `*` for any node. */
export function identityUri({ cluster, role, node }: PeerIdentity): string {
  return `${SCHEME}${cluster}/${role}/${node ?? ANY_NODE}`;
}

/** The identity in a URI; null for any other text. */
function parseIdentityUri(uri: string): PeerIdentity | null {
  if (!uri.startsWith(SCHEME)) return null;
  const [cluster = "", roleWord = "", node = "", ...rest] = uri.slice(SCHEME.length).split("/");
  const role = PEER_ROLES.find((one) => one === roleWord);
  if (role === undefined || rest.length > 0 || !WORD.test(cluster)) return null;
  if (node === ANY_NODE) return { cluster, role, node: null };
  return WORD.test(node) ? { cluster, role, node } : null;
}

/**
 * The identity in a certificate's names as the runtime prints them ("URI:a, DNS:b"; null: it has none). Exactly one
 * such URI counts: of two, each could be meant. Names that hold a quote are refused altogether: the runtime quotes
 * what could be read as two names.
 */
export function identityOf(subjectAltName: string | null | undefined): PeerIdentity | null {
  if (subjectAltName === null || subjectAltName === undefined || subjectAltName.includes('"')) return null;
  const uris = subjectAltName.split(", ").filter((name) => name.startsWith(`URI:${SCHEME}`));
  return uris.length === 1 ? parseIdentityUri((uris[0] ?? "").slice("URI:".length)) : null;
}

/** For people: "worker 4f2a of cluster 9c31". */
export function describeIdentity({ cluster, role, node }: PeerIdentity): string {
  return `${role}${node === null ? "" : ` ${node}`} of cluster ${cluster}`;
}

/**
 * Whether one who proved to be `proven` may speak as `claimed`. Out: null, or a sentence with both sides' values. In
 * `proven` null: a stream without certificates (in memory, simulated), where everybody is believed.
 */
export function claimProblem(
  proven: PeerIdentity | null,
  claimed: { readonly role: string; readonly node: string },
): string | null {
  if (proven === null) return null;
  if (proven.role !== claimed.role)
    return `it says it is a ${claimed.role}, and its certificate is for a ${proven.role}`;
  if (proven.node !== null && proven.node !== claimed.node)
    return `it says it is node ${claimed.node}, and its certificate is for node ${proven.node}`;
  return null;
}
