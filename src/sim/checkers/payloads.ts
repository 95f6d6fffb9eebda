// A number for what an entry of the log says, so that checkers compare entries of different nodes by one look.

import { crc32c } from "../../base/crc32c.ts";
import type { Entry } from "../../raft/raft.ts";

const FNV_PRIME = 16777619;

/** A hash of everything in the entry but its index and term. Computed once for each object. */
export class Payloads {
  readonly #hashes = new WeakMap<Entry, number>();

  hashOf(entry: Entry): number {
    const known = this.#hashes.get(entry);
    if (known !== undefined) return known;
    const { payload } = entry;
    let hash = hashText(payload.kind, 0x811c9dc5);
    if (payload.kind === "config") hash = hashText(JSON.stringify(payload.membership), hash);
    if (payload.kind === "command") {
      hash = hashText(`${payload.client} ${payload.sequence}`, hash);
      hash = Math.imul(hash ^ crc32c(payload.command), FNV_PRIME);
    }
    this.#hashes.set(entry, hash >>> 0);
    return hash >>> 0;
  }
}

/** FNV-1a over UTF-16 units, going on from `hash`. */
export function hashText(text: string, hash: number): number {
  let next = hash;
  for (let at = 0; at < text.length; at++) next = Math.imul(next ^ text.charCodeAt(at), FNV_PRIME);
  return next;
}
