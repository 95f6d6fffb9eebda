// What a node or client proves itself with, and what it believes: made from the cluster's key, or by someone who has
// it for someone who may not, or from certificates of one's own.

import { generateKeyPairSync, randomBytes, type X509Certificate } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { issueLeaf, NODE_SERVER_NAME, readCertificates, readPrivateKey } from "./certificate.ts";
import { deriveCluster } from "./cluster-key.ts";
import { anIdentity, identityOf, type IdentityRole, isVisitor, type PeerIdentity } from "./peer-identity.ts";

/**
 * PEM texts. `certificate`: the leaf, and those between it and the authority. `authorities`: who is believed.
 * `clusters`: whose members are accepted. `gossipKeys`: none for a client, who does not gossip. `valueKeys`: none for
 * who stores no values.
 */
export type Credentials = {
  readonly identity: PeerIdentity;
  readonly certificate: string;
  readonly privateKey: string;
  readonly authorities: readonly string[];
  readonly clusters: readonly string[];
  readonly gossipKeys: readonly Uint8Array[];
  readonly valueKeys: readonly Uint8Array[];
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Certificates begin earlier and end later than said by so much, for clocks that are off. */
export const CLOCK_ALLOWANCE_MS = HOUR_MS;
/** Who has the key can make any certificate: an end would only stop clusters that run for long. */
const OWN_LIFE_MS = 3_650 * DAY_MS;
export const ISSUED_DAYS_DEFAULT = 90;
export const ISSUED_DAYS_MAX = 3_650;

/** Credentials of a holder of the key. In: the keys of the file; `node` null: any node of the role; epoch ms. */
export function selfIssue(options: {
  readonly keys: readonly Uint8Array[];
  readonly role: IdentityRole;
  readonly node: string | null;
  readonly epochMs: number;
}): Credentials {
  return issue({ ...options, lifeMs: OWN_LIFE_MS });
}

/** For whom credentials are issued. */
export const ISSUED_ROLES = ["worker", "client", "operator"] as const;
export type IssuedRole = (typeof ISSUED_ROLES)[number];

/**
 * Credentials for someone who may not have the key. They do not allow to issue others, to speak as a manager, or to
 * read stored values. Those of a client or operator have a name of their own: managers tell by it whose requests come.
 */
export function issueCredentials(options: {
  readonly keys: readonly Uint8Array[];
  readonly role: IssuedRole;
  readonly node: string | null;
  readonly epochMs: number;
  readonly lifeMs: number;
}): Credentials {
  assert(options.lifeMs > 0 && options.lifeMs <= ISSUED_DAYS_MAX * DAY_MS, "credentials are for up to ten years");
  const name = isVisitor(options.role) ? randomBytes(8).toString("hex") : null;
  return { ...issue({ ...options, node: options.node ?? name }), valueKeys: [] };
}

function issue(options: {
  readonly keys: readonly Uint8Array[];
  readonly role: IdentityRole;
  readonly node: string | null;
  readonly epochMs: number;
  readonly lifeMs: number;
}): Credentials {
  const { role, node, epochMs, lifeMs } = options;
  const clusters = options.keys.map(deriveCluster);
  const [current] = clusters;
  assert(current !== undefined, "there is a key to issue by");
  const identity: PeerIdentity = { cluster: current.id, role, node };
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    identity,
    certificate: issueLeaf(current.authority, {
      identity,
      privateKey,
      beginMs: epochMs - CLOCK_ALLOWANCE_MS,
      endMs: epochMs + lifeMs + CLOCK_ALLOWANCE_MS,
      serial: randomBytes(16),
    }),
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }),
    authorities: clusters.map(({ authority }) => authority.certificate),
    clusters: clusters.map(({ id }) => id),
    gossipKeys: isVisitor(role) ? [] : clusters.map(({ gossipKey }) => gossipKey),
    valueKeys: clusters.map(({ valueKey }) => valueKey),
  };
}

/**
 * Why peers would not accept these credentials: a sentence with the values that do not go together, or null. In: epoch
 * ms of this machine's clock.
 */
export function credentialsProblem(credentials: Credentials, epochMs: number): string | null {
  const chain = readCertificates(credentials.certificate);
  if (typeof chain === "string") return `the certificate: ${chain}`;
  const privateKey = readPrivateKey(credentials.privateKey);
  if (typeof privateKey === "string") return `the private key: ${privateKey}`;
  const authorities: X509Certificate[] = [];
  for (const pem of credentials.authorities) {
    const read = readCertificates(pem);
    if (typeof read === "string") return `the authority's certificate: ${read}`;
    authorities.push(...read);
  }
  const [leaf] = chain;
  assert(leaf !== undefined, "certificates that were read are at least one");
  const identity = identityOf(leaf.subjectAltName);
  if (identity === null)
    return (
      `the certificate names ${leaf.subjectAltName ?? "nobody"}, and it needs one name of the form ` +
      "URI:hyperscale://CLUSTER/ROLE/NODE"
    );
  if (!credentials.clusters.includes(identity.cluster))
    return `the certificate is for ${anIdentity(identity)}, and this is ${credentials.clusters.join(", ")}`;
  if (!isVisitor(identity.role) && leaf.checkHost(NODE_SERVER_NAME) === undefined)
    return `the certificate of a ${identity.role}, who listens, needs the name DNS:${NODE_SERVER_NAME} too`;
  if (!leaf.checkPrivateKey(privateKey)) return "the private key is not the one of the certificate";
  return chainProblem(chain, authorities) ?? dateProblem(chain, epochMs);
}

function chainProblem(chain: readonly X509Certificate[], authorities: readonly X509Certificate[]): string | null {
  for (const [at, certificate] of chain.entries()) {
    const isIssuedBy = (issuer: X509Certificate): boolean =>
      issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
    if (authorities.some(isIssuedBy)) return null;
    const next = chain[at + 1];
    if (next !== undefined && isIssuedBy(next)) continue;
    return (
      `the certificate "${oneLine(certificate.subject)}" says it was issued by "${oneLine(certificate.issuer)}", and ` +
      `${authorities.map(({ subject }) => `"${oneLine(subject)}"`).join(" or ")} did not sign it`
    );
  }
  return null;
}

/** When the leaf ends, in epoch ms; NaN when there is none. */
export function endOf({ certificate }: Credentials): number {
  const chain = readCertificates(certificate);
  return Date.parse(typeof chain === "string" ? "" : (chain[0]?.validTo ?? ""));
}

/** Of a chain's certificates; epoch ms. */
function dateProblem(chain: readonly X509Certificate[], epochMs: number): string | null {
  for (const certificate of chain) {
    const name = `the certificate "${oneLine(certificate.subject)}"`;
    const now = `this machine's clock says ${timeText(epochMs)}`;
    const end = Date.parse(certificate.validTo);
    const begin = Date.parse(certificate.validFrom);
    if (epochMs > end) return `${name} expired at ${timeText(end)}, and ${now}`;
    if (epochMs < begin) return `${name} is valid from ${timeText(begin)} on, and ${now}`;
  }
  return null;
}

/** Epoch ms as ISO 8601 in UTC, to seconds. */
export function timeText(epochMs: number): string {
  return Number.isFinite(epochMs) ? new Date(epochMs).toISOString().replace(/\.\d+Z$/, "Z") : "an unknown time";
}

function oneLine(distinguishedName: string): string {
  return distinguishedName.split("\n").join(", ");
}
