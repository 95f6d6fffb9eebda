// The replicated log as the manager sees it, and the in-memory log of one that an embedded submit runs on.

import type { Entry } from "../ledger/entries.ts";

export type Log = {
  /** Asks for the entry to be committed. It may be lost with its proposer; a proposal that matters is made again. */
  propose(entry: Entry): void;
  /** One handler: every committed entry, in order, with its index (rising from 1), never within `propose`. */
  onCommit(handle: (index: number, entry: Entry) => void): void;
};

/** A log with one voter and no disk: whatever is proposed is committed, in order, in a later microtask. */
export function createMemoryLog(): Log {
  let index = 0;
  let commit: ((index: number, entry: Entry) => void) | null = null;
  return {
    propose: (entry) => queueMicrotask(() => commit?.(++index, entry)),
    onCommit: (handle) => {
      commit = handle;
    },
  };
}
