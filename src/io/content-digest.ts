// SHA-256 of a content that comes in parts: the name of a blob. The parts' borders do not matter (digest.ts: there
// they do).

import { createHash } from "node:crypto";

export type ContentDigest = {
  update(bytes: Uint8Array): void;
  /** 64 lower-case hex digits. Once, at the end. */
  hex(): string;
};

/** A digest of nothing yet. */
export function createContentDigest(): ContentDigest {
  const hash = createHash("sha256");
  return {
    update: (bytes) => {
      hash.update(bytes);
    },
    hex: () => hash.digest("hex"),
  };
}

/** The digest of a content that is all there. */
export function digestOf(content: Uint8Array): string {
  return Bun.SHA256.hash(content, "hex");
}
