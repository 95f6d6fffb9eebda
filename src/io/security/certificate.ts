// X.509 certificates of a cluster: an authority from a private key, leaves with an identity as URI. Written here by
// der.ts, read by node:crypto. RFC 5280. A library for it was measured and left out: 22 packages, 1.3 MB in the
// executable and 55 to 75 ms at each start of a node, for the two shapes below.

import { createHash, createPrivateKey, createPublicKey, sign, X509Certificate, type KeyObject } from "node:crypto";
import { assert } from "../../base/assert.ts";
import {
  derBits,
  derContext,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  derSetOf,
  derText,
  derTime,
  derTrue,
} from "./der.ts";
import { describeIdentity, identityUri, isVisitor, type PeerIdentity } from "./peer-identity.ts";

const OID = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  organization: "2.5.4.10",
  commonName: "2.5.4.3",
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
  extendedKeyUsage: "2.5.29.37",
  subjectKeyId: "2.5.29.14",
  authorityKeyId: "2.5.29.35",
  subjectAltName: "2.5.29.17",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** Bits of keyUsage, from the left: digitalSignature is 0, keyCertSign 5. */
const DIGITAL_SIGNATURE = { byte: 0x80, unusedBits: 7 };
const KEY_CERT_SIGN = { byte: 0x04, unusedBits: 2 };
/**
 * The name by which a node that listens is checked, wherever it is reached: every cluster's the same, because who it is
 * says the URI, and the address says nothing about it.
 */
export const NODE_SERVER_NAME = "node.hyperscale";
/** An authority's dates say nothing: it lives as long as its key is used. RFC 5280, 4.1.2.5: no known end. */
const AUTHORITY_BEGIN_MS = Date.UTC(2000, 0, 1);
const AUTHORITY_END_MS = Date.UTC(9999, 11, 31, 23, 59, 59);
const SERIAL_BYTES = 16;

/** An authority that can issue. `certificate`: PEM. */
export type Authority = { readonly name: string; readonly privateKey: KeyObject; readonly certificate: string };

/**
 * The authority of a P-256 private key. Whoever has the key makes the same one: name, key, serial and dates are alike;
 * only the signature on itself, which nobody has to believe, differs from time to time, as ECDSA's do.
 */
export function createAuthority(name: string, privateKey: KeyObject): Authority {
  const publicKey = publicKeyInfo(privateKey);
  const subject = distinguishedName(name);
  const certificate = signed(privateKey, {
    serial: createHash("sha256").update(publicKey).digest().subarray(0, SERIAL_BYTES),
    issuer: subject,
    subject,
    beginMs: AUTHORITY_BEGIN_MS,
    endMs: AUTHORITY_END_MS,
    publicKey,
    extensions: [
      // An authority, of leaves only.
      extension(OID.basicConstraints, derSequence(derTrue(), derInteger(Uint8Array.of(0))), "critical"),
      extension(OID.keyUsage, derBits(Uint8Array.of(KEY_CERT_SIGN.byte), KEY_CERT_SIGN.unusedBits), "critical"),
      extension(OID.subjectKeyId, derOctets(keyId(publicKey))),
    ],
  });
  return { name, privateKey, certificate };
}

/**
 * A leaf, as PEM. In: the holder's private key (its public half goes in), dates in epoch ms, 16 random bytes as serial
 * number. Visitors may only connect, others may listen too.
 */
export function issueLeaf(
  authority: Authority,
  leaf: {
    readonly identity: PeerIdentity;
    readonly privateKey: KeyObject;
    readonly beginMs: number;
    readonly endMs: number;
    readonly serial: Uint8Array;
  },
): string {
  const { identity, privateKey, beginMs, endMs } = leaf;
  assert(leaf.serial.length === SERIAL_BYTES, "a serial number has 16 bytes");
  assert(beginMs < endMs, "a certificate ends after it begins");
  const serial = Uint8Array.from(leaf.serial);
  // Positive and never 0.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const usages = isVisitor(identity.role) ? [OID.clientAuth] : [OID.serverAuth, OID.clientAuth];
  const uri = derContext(6, new TextEncoder().encode(identityUri(identity)), "implicit");
  const serverName = derContext(2, new TextEncoder().encode(NODE_SERVER_NAME), "implicit");
  return signed(authority.privateKey, {
    serial,
    issuer: distinguishedName(authority.name),
    subject: distinguishedName(describeIdentity(identity).slice(0, 64)),
    beginMs,
    endMs,
    publicKey: publicKeyInfo(privateKey),
    extensions: [
      extension(OID.keyUsage, derBits(Uint8Array.of(DIGITAL_SIGNATURE.byte), DIGITAL_SIGNATURE.unusedBits), "critical"),
      extension(OID.extendedKeyUsage, derSequence(...usages.map(derOid))),
      extension(OID.subjectAltName, isVisitor(identity.role) ? derSequence(uri) : derSequence(uri, serverName)),
      extension(OID.authorityKeyId, derSequence(derContext(0, keyId(publicKeyInfo(authority.privateKey)), "implicit"))),
    ],
  });
}

/** The certificates in a PEM text, in order. Out: a sentence when there is none or one cannot be read. */
export function readCertificates(pem: string): readonly X509Certificate[] | string {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) return "it holds no certificate in PEM form";
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return "a certificate in it cannot be read";
  }
}

/** A private key in PEM form. Out: a sentence when it cannot be read. */
export function readPrivateKey(pem: string): KeyObject | string {
  try {
    return createPrivateKey(pem);
  } catch {
    return "it holds no private key that can be read (PEM, without a passphrase)";
  }
}

type ToBeSigned = {
  readonly serial: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly beginMs: number;
  readonly endMs: number;
  readonly publicKey: Uint8Array;
  readonly extensions: readonly Uint8Array[];
};

function signed(issuerKey: KeyObject, parts: ToBeSigned): string {
  const algorithm = derSequence(derOid(OID.ecdsaWithSha256));
  const version3 = derContext(0, derInteger(Uint8Array.of(2)), "explicit");
  const toBeSigned = derSequence(
    version3,
    derInteger(parts.serial),
    algorithm,
    parts.issuer,
    derSequence(derTime(parts.beginMs), derTime(parts.endMs)),
    parts.subject,
    parts.publicKey,
    derContext(3, derSequence(...parts.extensions), "explicit"),
  );
  const whole = derSequence(toBeSigned, algorithm, derBits(sign("sha256", toBeSigned, issuerKey)));
  const lines =
    Buffer.from(whole)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function distinguishedName(commonName: string): Uint8Array {
  const attribute = (oid: string, value: string): Uint8Array => derSetOf(derSequence(derOid(oid), derText(value)));
  return derSequence(attribute(OID.organization, "hyperscale"), attribute(OID.commonName, commonName));
}

function extension(oid: string, value: Uint8Array, weight: "critical" | "usual" = "usual"): Uint8Array {
  return weight === "critical"
    ? derSequence(derOid(oid), derTrue(), derOctets(value))
    : derSequence(derOid(oid), derOctets(value));
}

function publicKeyInfo(privateKey: KeyObject): Uint8Array {
  return createPublicKey(privateKey).export({ type: "spki", format: "der" });
}

/** RFC 7093, 2.1: the first 20 bytes of SHA-256; over the whole key info, which is as good a name. */
function keyId(publicKey: Uint8Array): Uint8Array {
  return createHash("sha256").update(publicKey).digest().subarray(0, 20);
}
