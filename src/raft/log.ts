// The log in memory: entries after a base (the last entry dropped), contiguous, and their bytes. It decides nothing.

import { assert } from "../base/assert.ts";
import { entryBytes, type Entry, type Index, type Term } from "./entry.ts";

/** entries[i].index = baseIndex + 1 + i. */
export type Log = { baseIndex: Index; baseTerm: Term; entries: Entry[]; bytes: number };

/** In: contiguous entries, the first at index + 1. */
export function createLog(index: Index, term: Term, entries: readonly Entry[]): Log {
  const log: Log = { baseIndex: index, baseTerm: term, entries: [], bytes: 0 };
  appendLog(log, entries);
  return log;
}

export function lastIndex(log: Log): Index {
  return log.baseIndex + log.entries.length;
}

export function lastTerm(log: Log): Term {
  return log.entries.at(-1)?.term ?? log.baseTerm;
}

/** Out: null when the log does not hold `index` (compacted, or beyond the end). */
export function termAt(log: Log, index: Index): Term | null {
  const { entries } = log;
  const at = index - log.baseIndex - 1;
  if (at === -1) return log.baseTerm;
  // Within the array only: a read beyond it is slow, and this is asked of every entry that comes.
  return at >= 0 && at < entries.length ? (entries[at]?.term ?? null) : null;
}

/** Entries after `index` up to `through`. In: both within the log. */
export function entriesAfter(log: Log, index: Index, through: Index): Entry[] {
  assert(index >= log.baseIndex && through <= lastIndex(log), "the range is held");
  return log.entries.slice(index - log.baseIndex, through - log.baseIndex);
}

/** Entries after `index`, as many as the bounds allow, one at least if there is one. */
export function batchAfter(
  log: Log,
  index: Index,
  bounds: { readonly bytesMax: number; readonly entriesMax: number },
): Entry[] {
  assert(index >= log.baseIndex, "the range is held");
  const batch: Entry[] = [];
  let bytes = 0;
  for (let at = index - log.baseIndex; at < log.entries.length && batch.length < bounds.entriesMax; at++) {
    const entry = log.entries[at];
    if (entry === undefined) break;
    bytes += entryBytes(entry);
    if (bytes > bounds.bytesMax && batch.length > 0) break;
    batch.push(entry);
  }
  return batch;
}

export function appendLog(log: Log, entries: readonly Entry[]): void {
  for (const entry of entries) {
    assert(entry.index === lastIndex(log) + 1, "entries are contiguous");
    assert(entry.term >= lastTerm(log), "terms never fall");
    log.entries.push(entry);
    log.bytes += entryBytes(entry);
  }
}

/** Drops `from` and everything after it. */
export function truncateLog(log: Log, from: Index): void {
  assert(from > log.baseIndex, "what is compacted is committed");
  for (const entry of log.entries.splice(from - log.baseIndex - 1)) log.bytes -= entryBytes(entry);
}

/** Drops entries up to `through`, which becomes the base. */
export function compactLog(log: Log, through: Index): void {
  if (through <= log.baseIndex) return;
  const term = termAt(log, through);
  assert(term !== null, "the new base is held");
  for (const entry of log.entries.splice(0, through - log.baseIndex)) log.bytes -= entryBytes(entry);
  log.baseIndex = through;
  log.baseTerm = term;
}

/** Whether a log that ends at (index, term) is at least as new as this one (Raft 5.4.1). */
export function isUpToDate(log: Log, index: Index, term: Term): boolean {
  return term > lastTerm(log) || (term === lastTerm(log) && index >= lastIndex(log));
}

/**
 * The largest index <= `index` whose term is <= `term`: where two logs can still agree. Used on both sides of a refused
 * append, so that a conflict costs one round per term and not per entry (Raft 5.3, end). Out: below the base when
 * nothing held can agree.
 */
export function agreeAt(log: Log, index: Index, term: Term): { readonly index: Index; readonly term: Term } {
  for (let at = Math.min(index, lastIndex(log)); at >= log.baseIndex; at--) {
    const termHere = termAt(log, at);
    if (termHere !== null && termHere <= term) return { index: at, term: termHere };
  }
  return { index: Math.max(0, Math.min(index, log.baseIndex - 1)), term };
}
