// What a row of records amounts to: state, snapshot, entries. A record that cannot follow those before it was lost,
// doubled or never meant, whatever its checksum says.

import type { EntryRecord, SnapshotRecord, StateRecord, WalRecord } from "./record.ts";

/**
 * `entries` are contiguous and end before `nextIndex`. `nextIndex` is null while unknown: a log whose first
 * segments were compacted away begins anywhere, and a later snapshot must cover what is not there.
 */
export type Replay = {
  state: StateRecord | null;
  snapshot: SnapshotRecord | null;
  entries: EntryRecord[];
  nextIndex: number | null;
};

/** In: whether the log is read from its very first segment. */
export function createReplay(isFromStart: boolean): Replay {
  return { state: null, snapshot: null, entries: [], nextIndex: isFromStart ? 1 : null };
}

/** Takes the record in. Out: null, or why it cannot follow what was before (then nothing changed). */
export function applyRecord(replay: Replay, record: WalRecord): string | null {
  switch (record.kind) {
    case "state":
      return applyState(replay, record);
    case "entry":
      return applyEntry(replay, record);
    case "truncate":
      return applyTruncate(replay, record.from);
    case "snapshot":
      return applySnapshot(replay, record);
  }
}

/** What is wrong with the whole, or null: entries that are missing, a term that was promised and is lost. */
export function replayProblem(replay: Replay): string | null {
  const wanted = (replay.snapshot?.index ?? 0) + 1;
  const held = replay.entries[0]?.index ?? replay.nextIndex ?? wanted;
  if (held > wanted) return `entries ${wanted} to ${held - 1} are missing`;
  const lastTerm = replay.entries.at(-1)?.term ?? replay.snapshot?.term ?? 0;
  const promised = replay.state?.term ?? 0;
  return lastTerm > promised ? `an entry has term ${lastTerm} but the newest promise is of term ${promised}` : null;
}

function applyState(replay: Replay, record: StateRecord): string | null {
  const before = replay.state?.term ?? 0;
  if (record.term < before) return `the term falls from ${before} to ${record.term}`;
  replay.state = record;
  return null;
}

function applyEntry(replay: Replay, record: EntryRecord): string | null {
  if (replay.nextIndex !== null && record.index !== replay.nextIndex)
    return `entry ${record.index} where ${replay.nextIndex} is next`;
  if (record.index <= (replay.snapshot?.index ?? 0)) return `entry ${record.index} is below the snapshot`;
  const before = replay.entries.at(-1)?.term ?? replay.snapshot?.term ?? 0;
  if (record.term < before) return `entry ${record.index} has term ${record.term} after term ${before}`;
  replay.entries.push(record);
  replay.nextIndex = record.index + 1;
  return null;
}

function applyTruncate(replay: Replay, from: number): string | null {
  const snapshotIndex = replay.snapshot?.index ?? 0;
  if (from <= snapshotIndex) return `a cut at ${from}, below the snapshot at ${snapshotIndex}`;
  if (replay.nextIndex !== null && from > replay.nextIndex) return `a cut at ${from} where ${replay.nextIndex} is next`;
  const first = replay.entries[0]?.index ?? from;
  replay.entries.length = Math.max(0, Math.min(replay.entries.length, from - first));
  replay.nextIndex = from;
  return null;
}

function applySnapshot(replay: Replay, record: SnapshotRecord): string | null {
  const before = replay.snapshot;
  if (before !== null && record.index < before.index)
    return `a snapshot at ${record.index} after one at ${before.index}`;
  if (record.replacesLog) {
    replay.entries = [];
    replay.nextIndex = record.index + 1;
    // From here on this is the snapshot in force; what it replaced is gone, so restating it must not drop entries
    // again.
    replay.snapshot = { ...record, replacesLog: false };
    return null;
  }
  const first = replay.entries[0]?.index ?? replay.nextIndex ?? record.index + 1;
  const isHeld = record.index < (replay.nextIndex ?? Infinity);
  if (!isHeld) return `a snapshot at ${record.index} of entries the log does not hold`;
  const covered = replay.entries[record.index - first];
  if (covered !== undefined && covered.term !== record.term)
    return `a snapshot at ${record.index} of term ${record.term}, the entry has ${covered.term}`;
  replay.entries.splice(0, Math.max(0, record.index + 1 - first));
  replay.snapshot = record;
  return null;
}
