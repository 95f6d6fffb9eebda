// SHA-256, the name of a content. Not a password hash.

import { createHash } from "node:crypto";

/** Hex SHA-256 over the parts, each with its length, so that no two lists of parts are alike. */
export function sha256(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
    hash.update(`${bytes.length}:`);
    hash.update(bytes);
  }
  return hash.digest("hex");
}
