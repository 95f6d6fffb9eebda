// Credentials in files: the one that is issued for a worker or a client, and certificates of one's own in PEM.

import { hkdfSync } from "node:crypto";
import * as z from "../../base/schema.ts";
import { HyperscaleError } from "../../base/error.ts";
import { parseJson } from "../../base/json.ts";
import { readText } from "../files.ts";
import { readCertificates } from "./certificate.ts";
import type { Credentials } from "./credentials.ts";
import { KEYS_MAX, readKeyFile } from "./key-file.ts";
import { identityOf, isVisitor, type PeerIdentity } from "./peer-identity.ts";
import { createSecret, readSecret } from "./secret-file.ts";

const VERSION = 1;
const GOSSIP_KEY = /^[A-Za-z0-9_-]{43}$/;

const fileSchema = z.object({
  hyperscaleCredentials: z.literal(VERSION),
  certificate: z.string(),
  privateKey: z.string(),
  authorities: z.array(z.string()).min(1).max(KEYS_MAX),
  clusters: z.array(z.string()).min(1).max(KEYS_MAX),
  gossipKeys: z.array(z.string().regex(GOSSIP_KEY)).max(KEYS_MAX),
});

/** Writes what a worker or client needs into one file; mode 600. Throws `invalid` when it exists, `storage`. */
export async function writeCredentialFile(path: string, credentials: Credentials): Promise<void> {
  const { certificate, privateKey, authorities, clusters, gossipKeys } = credentials;
  const content: z.infer<typeof fileSchema> = {
    hyperscaleCredentials: VERSION,
    certificate,
    privateKey,
    authorities: [...authorities],
    clusters: [...clusters],
    gossipKeys: gossipKeys.map((key) => Buffer.from(key).toString("base64url")),
  };
  await createSecret(path, `${JSON.stringify(content, null, 2)}\n`);
}

/** Reads it. Throws `invalid` and `storage` with the reason; whether it is good now says `credentialsProblem`. */
export async function readCredentialFile(path: string): Promise<Credentials> {
  const parsed = fileSchema.safeParse(parseJson(await readSecret(path)));
  if (!parsed.success)
    throw new HyperscaleError("invalid", `${path} holds no credentials, or of a version that is not known here`, {
      hint: "hyperscale key issue --role worker --out FILE makes such a file, from the cluster's key",
    });
  const { certificate, privateKey, authorities, clusters, gossipKeys } = parsed.data;
  return {
    identity: identityIn(certificate, path),
    certificate,
    privateKey,
    authorities,
    clusters,
    gossipKeys: gossipKeys.map((key) => new Uint8Array(Buffer.from(key, "base64url"))),
    valueKeys: [],
  };
}

/** Paths. `certificate`: the leaf first, then those between it and the authority. `gossipKey`: a key file, or null. */
export type CertificatePaths = {
  readonly certificate: string;
  readonly privateKey: string;
  readonly authority: string;
  readonly gossipKey: string | null;
};

/**
 * Credentials of certificates that were made elsewhere. The cluster is the one the leaf names. The gossip keys also
 * keep the stored values of managers and gates. Throws `invalid` and `storage` with the reason.
 */
export async function readCertificateFiles(paths: CertificatePaths): Promise<Credentials> {
  const certificate = await readText(paths.certificate);
  const identity = identityIn(certificate, paths.certificate);
  const gossipKeys = paths.gossipKey === null ? [] : await readKeyFile(paths.gossipKey);
  const storesValues = identity.role === "manager" || identity.role === "gate";
  return {
    identity,
    certificate,
    privateKey: await readSecret(paths.privateKey),
    authorities: [await readText(paths.authority)],
    clusters: [identity.cluster],
    gossipKeys: isVisitor(identity.role) ? [] : gossipKeys,
    valueKeys: storesValues
      ? gossipKeys.map((key) => new Uint8Array(hkdfSync("sha256", key, "hyperscale gossip key 1", "value key", 32)))
      : [],
  };
}

function identityIn(certificate: string, path: string): PeerIdentity {
  const chain = readCertificates(certificate);
  if (typeof chain === "string") throw new HyperscaleError("invalid", `${path}: ${chain}`);
  const identity = identityOf(chain[0]?.subjectAltName);
  if (identity !== null) return identity;
  throw new HyperscaleError(
    "invalid",
    `the certificate in ${path} names ${chain[0]?.subjectAltName ?? "nobody"}, and no role in a cluster`,
    {
      hint: "it needs one subject alternative name of the form URI:hyperscale://CLUSTER/ROLE/NODE (or /* for any node)",
    },
  );
}
