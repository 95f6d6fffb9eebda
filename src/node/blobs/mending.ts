// A manager that came later, or stood in for one whose disk is gone, gets the blobs that the ledger names: every blob
// is on a majority's disks when it is named, and is to stay there when the majority is another.

import type { Blobs } from "./blobs.ts";

/** One blob is given up after so long; it is tried again at the next look. */
const PULL_MS = 20_000;

/**
 * Pulls what is missing, one after another, until `isOver`. In: names of blobs. Out: how many came, and how many nobody
 * gave.
 */
export async function fetchMissing(
  blobs: Pick<Blobs, "have" | "pull">,
  names: Iterable<string>,
  isOver: () => boolean,
): Promise<{ readonly fetched: number; readonly missing: number }> {
  let fetched = 0;
  let missing = 0;
  for (const name of names) {
    if (isOver()) break;
    if (await blobs.have(name)) continue;
    await blobs.pull(name, { timeoutMs: PULL_MS }).then(
      () => fetched++,
      () => missing++,
    );
  }
  return { fetched, missing };
}
