// All that follows from a cluster key, the 32 random bytes whose holders are the cluster: its name, its certificate
// authority, its gossip key and the key of its stored values. The same on every node, with nothing to hand around.

import { createECDH, createPrivateKey, hkdfSync, type KeyObject } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { createAuthority, type Authority } from "./certificate.ts";

export const CLUSTER_KEY_BYTES = 32;

/** `id`: 16 hex digits, public. `gossipKey`, `valueKey`: 32 bytes. */
export type Cluster = {
  readonly id: string;
  readonly authority: Authority;
  readonly gossipKey: Uint8Array;
  readonly valueKey: Uint8Array;
};

/** Order of the group of P-256: SEC 2, 2.4.2. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The cluster of a key. Takes about 1 ms. */
export function deriveCluster(key: Uint8Array): Cluster {
  assert(key.length === CLUSTER_KEY_BYTES, "a cluster key has 32 bytes");
  const id = Buffer.from(derive(key, "cluster id", 8)).toString("hex");
  return {
    id,
    authority: createAuthority(`hyperscale cluster ${id}`, derivePrivateKey(key)),
    gossipKey: derive(key, "gossip key", 32),
    valueKey: derive(key, "value key", 32),
  };
}

/** 16 bytes more than the group's order, reduced: FIPS 186-5, A.2.1, so that no scalar is likelier than others. */
function derivePrivateKey(key: Uint8Array): KeyObject {
  const wide = BigInt(`0x${Buffer.from(derive(key, "authority", 48)).toString("hex")}`);
  const scalar = Buffer.from(((wide % (ORDER - 1n)) + 1n).toString(16).padStart(64, "0"), "hex");
  const pair = createECDH("prime256v1");
  pair.setPrivateKey(scalar);
  const point = pair.getPublicKey();
  return createPrivateKey({
    format: "jwk",
    key: {
      kty: "EC",
      crv: "P-256",
      d: scalar.toString("base64url"),
      x: point.subarray(1, 33).toString("base64url"),
      y: point.subarray(33).toString("base64url"),
    },
  });
}

function derive(key: Uint8Array, purpose: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, "hyperscale cluster key 1", purpose, bytes));
}
