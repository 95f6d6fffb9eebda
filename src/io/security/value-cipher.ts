// Small values that must never be in clear where they are stored (setup data, context, -e values): AES-256-GCM under a
// key made for each value from the cluster's, bound to the place it belongs to. Sealed before it is proposed or
// written, opened where it is used.
//
//   0 version u8 · 1 key id 4 bytes · 5 salt 16 bytes · 21 ciphertext · tag 16 bytes

import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { assert } from "../../base/assert.ts";
import type { Random } from "../world.ts";

/** `place`: what the value is and whose, "job 01j… context"; a sealed value opens nowhere else. */
export type ValueCipher = {
  seal(bytes: Uint8Array, place: string): Uint8Array;
  /** null: not sealed under one of the keys for this place, or damaged. Never throws. */
  open(sealed: Uint8Array, place: string): Uint8Array | null;
  /** Whether it is sealed under one of the keys, or damaged where that stands. */
  isOfKnownKey(sealed: Uint8Array): boolean;
  /** Whether it is sealed under the key that `seal` uses now. */
  isCurrent(sealed: Uint8Array): boolean;
  /** Bytes that `seal` adds. */
  readonly overheadBytes: number;
};

const VERSION = 1;
const KEY_ID_BYTES = 4;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + KEY_ID_BYTES + SALT_BYTES;
/** No key is used twice (its salt is random and long), so that the nonce need not differ. */
const NONCE = new Uint8Array(12);

/** In: 1 or more keys of 32 bytes; seals under the first, opens under any. */
export function createValueCipher(keys: readonly Uint8Array[], random: Random): ValueCipher {
  const ring = keys.map((bytes) => {
    assert(bytes.length === 32, "a value key has 32 bytes");
    return { bytes, id: Buffer.from(hkdfSync("sha256", bytes, "", "hyperscale value key id", KEY_ID_BYTES)) };
  });
  const [first] = ring;
  assert(first !== undefined, "there is a key to seal values with");

  const keyOf = (sealed: Uint8Array): { readonly bytes: Uint8Array } | undefined =>
    ring.find(({ id }) => id.equals(sealed.subarray(1, 1 + KEY_ID_BYTES)));

  return {
    overheadBytes: HEAD_BYTES + TAG_BYTES,
    seal(bytes, place) {
      const sealed = new Uint8Array(HEAD_BYTES + bytes.length + TAG_BYTES);
      const salt = random.bytes(SALT_BYTES);
      sealed[0] = VERSION;
      sealed.set(first.id, 1);
      sealed.set(salt, 1 + KEY_ID_BYTES);
      const cipher = createCipheriv("aes-256-gcm", valueKey(first.bytes, salt), NONCE);
      cipher.setAAD(additional(sealed, place));
      sealed.set(cipher.update(bytes), HEAD_BYTES);
      cipher.final();
      sealed.set(cipher.getAuthTag(), sealed.length - TAG_BYTES);
      return sealed;
    },
    isOfKnownKey: (sealed) => keyOf(sealed) !== undefined,
    isCurrent: (sealed) => keyOf(sealed) === first,
    open(sealed, place) {
      const key = keyOf(sealed);
      if (sealed[0] !== VERSION || sealed.length < HEAD_BYTES + TAG_BYTES || key === undefined) return null;
      const salt = sealed.subarray(1 + KEY_ID_BYTES, HEAD_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", valueKey(key.bytes, salt), NONCE, {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(additional(sealed, place));
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      const bytes = decipher.update(sealed.subarray(HEAD_BYTES, sealed.length - TAG_BYTES));
      try {
        decipher.final();
      } catch {
        // The tag is wrong: the only way in which it fails.
        return null;
      }
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    },
  };
}

function valueKey(key: Uint8Array, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, salt, "hyperscale value", 32));
}

function additional(sealed: Uint8Array, place: string): Uint8Array {
  return Buffer.concat([sealed.subarray(0, HEAD_BYTES), Buffer.from(place)]);
}
