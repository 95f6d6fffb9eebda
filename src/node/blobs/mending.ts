// A manager that came later, or stood in for one whose disk is gone, gets the blobs that the ledger names: every blob
// is on a majority's disks when it is named, and is to stay there when the majority is another.

import type { Blobs } from "./blobs.ts";

/** One blob is given up after so long; it is tried again at the next look. */
const PULL_MS = 20_000;
/** Blobs on their way at once: small ones share messages and syncs. */
const PULLS_MAX = 32;

/**
 * Pulls what is missing until `isOver`, the first named first. In: names of blobs. Out: how many came, and how many
 * nobody gave.
 */
export async function fetchMissing(
  blobs: Pick<Blobs, "have" | "pull">,
  names: Iterable<string>,
  isOver: () => boolean,
): Promise<{ readonly fetched: number; readonly missing: number }> {
  let fetched = 0;
  let missing = 0;
  const waiting = Iterator.from(names);
  const pulling = async (): Promise<void> => {
    for (const name of waiting) {
      if (isOver()) return;
      if (await blobs.have(name)) continue;
      await blobs.pull(name, { timeoutMs: PULL_MS }).then(
        () => fetched++,
        () => missing++,
      );
    }
  };
  await Promise.all(Array.from({ length: PULLS_MAX }, pulling));
  return { fetched, missing };
}
