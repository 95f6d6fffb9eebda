// How values that must never be in clear are kept: sealed texts in the ledger (what setup returned, what workflows
// provided) and sealed contents on disks (submissions with -e values, cuts, results). Which key is the matter of
// io/security; without one (in memory, simulated) everything stays as it is.

import type { ValueCipher } from "../io/security/value-cipher.ts";

/** `place`: whose value it is; one that is moved elsewhere opens no more. Out of `open`: null when it does not open. */
export type StoredValues = {
  sealText(text: string, place: string): string;
  openText(sealed: string, place: string): string | null;
  seal(bytes: Uint8Array, place: string): Uint8Array;
  open(sealed: Uint8Array, place: string): Uint8Array | null;
  /** Whether it is sealed under a key that is known here: else nothing can be said of it. */
  isOfKnownKey(sealed: Uint8Array): boolean;
  /** Whether it is sealed as `seal` does it now: not under a key that is being taken out. */
  isCurrent(sealed: Uint8Array): boolean;
  /** Bytes that `seal` adds. */
  readonly overheadBytes: number;
};

/** Values as they are: where nothing reaches a disk or another process, and in simulation. */
export const CLEAR_VALUES: StoredValues = {
  sealText: (text) => text,
  openText: (text) => text,
  seal: (bytes) => bytes,
  open: (bytes) => bytes,
  isOfKnownKey: () => true,
  isCurrent: () => true,
  overheadBytes: 0,
};

/** Values sealed by a cipher; texts as base64. */
export function sealedValues(cipher: ValueCipher): StoredValues {
  return {
    sealText: (text, place) => cipher.seal(new TextEncoder().encode(text), place).toBase64(),
    openText(sealed, place) {
      const bytes = bytesOf(sealed);
      const opened = bytes === null ? null : cipher.open(bytes, place);
      return opened === null ? null : new TextDecoder().decode(opened);
    },
    seal: (bytes, place) => cipher.seal(bytes, place),
    open: (sealed, place) => cipher.open(sealed, place),
    isOfKnownKey: (sealed) => cipher.isOfKnownKey(sealed),
    isCurrent: (sealed) => cipher.isCurrent(sealed),
    overheadBytes: cipher.overheadBytes,
  };
}

function bytesOf(base64: string): Uint8Array | null {
  try {
    return Uint8Array.fromBase64(base64);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
