// Who holds a certificate: cluster, role and node, as one URI among its subject alternative names, as SPIFFE does it.
// Only parsing and comparing; whether the certificate is genuine is TLS's.

/** What a holder of credentials may be. A gate is a manager of managers. */
export const PEER_ROLES = ["manager", "worker", "gate", "client"] as const;
export type PeerRole = (typeof PEER_ROLES)[number];

/** What a certificate may be for: an operator is a client that may change who the managers are. */
export const IDENTITY_ROLES = [...PEER_ROLES, "operator"] as const;
export type IdentityRole = (typeof IDENTITY_ROLES)[number];

/**
 * `cluster`: its id (cluster-key.ts). `node`: the one node it may be; null for any of its role. Of a client or
 * operator: which credentials these are, whatever node it is this time; null: those of a holder of the key.
 */
export type PeerIdentity = { readonly cluster: string; readonly role: IdentityRole; readonly node: string | null };

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
  const role = IDENTITY_ROLES.find((one) => one === roleWord);
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

/** For people: "a worker 4f2a of cluster 9c31". */
export function anIdentity(identity: PeerIdentity): string {
  return `${articleOf(identity.role)} ${describeIdentity(identity)}`;
}

/** For people: "a worker". */
export function aRole(role: string): string {
  return `${articleOf(role)} ${role}`;
}

/** Whether it is one who connects and never listens, gossips or keeps anything. */
export function isVisitor(role: IdentityRole): boolean {
  return role === "client" || role === "operator";
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
  const isOperatorAsClient = proven.role === "operator" && claimed.role === "client";
  if (proven.role !== claimed.role && !isOperatorAsClient)
    return `it says it is ${aRole(claimed.role)}, and its certificate is for ${aRole(proven.role)}`;
  if (!isVisitor(proven.role) && proven.node !== null && proven.node !== claimed.node)
    return `it says it is node ${claimed.node}, and its certificate is for node ${proven.node}`;
  return null;
}

function articleOf(role: string): string {
  return role === "operator" ? "an" : "a";
}
