// What of one attempt changed since when: for every series the cut that changed it last, and for every cell of a trend
// as well. From it a delta is made that holds only what somebody who knows everything up to a certain cut lacks. The
// values stay cumulative: merging a delta (merge.ts `applySnapshot`) does no harm however often and late it is done.

import { assert } from "../base/assert.ts";
import type { HeldAttempt } from "./merge.ts";
import type { Series, TrendCells } from "./series.ts";

/** One series: its number in order of first appearance, the first and the last cut that changed it. */
type Change = { readonly number: number; readonly first: number; last: number; cells: TrendCells | null; at: Marks };
/** By cell of `cells`: the cut that changed it last. */
type Marks = Float64Array;

/** By series key; changed by `noteChanges` alone. */
export type Changes = Map<string, Change>;

/** Takes in what is held after the cut `seq` was merged. */
export function noteChanges(changes: Changes, held: HeldAttempt, seq: number): void {
  for (const [key, { seq: carried, series }] of held.series) {
    const known = changes.get(key);
    // A cut that did not carry it changed nothing of it.
    if (known !== undefined && carried <= known.last) continue;
    const cells = series.cells.type === "trend" ? series.cells : null;
    if (known === undefined) {
      const at = new Float64Array(cells?.index.length ?? 0).fill(seq);
      changes.set(key, { number: changes.size, first: seq, last: seq, cells, at });
      continue;
    }
    if (cells !== null && known.cells !== null) known.at = laterMarks(known.cells, known.at, cells, seq);
    known.cells = cells;
    known.last = seq;
  }
}

/** A series with what changed of it. `isNew`: who asks has never heard of it. */
export type ChangedSeries = { readonly number: number; readonly isNew: boolean; readonly series: Series };

/** What changed after the cut `since` (0: everything), by number. Trends carry the changed cells alone, cumulative. */
export function changedSince(changes: Changes, held: HeldAttempt, since: number): ChangedSeries[] {
  const changed: ChangedSeries[] = [];
  for (const [key, { number, first, last, at }] of changes) {
    if (last <= since) continue;
    const series = held.series.get(key)?.series;
    assert(series !== undefined, `series ${key} is held`);
    const isNew = first > since;
    const isWhole = isNew || series.cells.type !== "trend";
    changed.push({
      number,
      isNew,
      series: isWhole ? series : { id: series.id, cells: cellsSince(series.cells, at, since) },
    });
  }
  return changed;
}

function cellsSince(cells: Series["cells"], marks: Marks, since: number): Series["cells"] {
  if (cells.type !== "trend") return cells;
  assert(marks.length === cells.index.length, "every cell is marked");
  let length = 0;
  for (let at = 0; at < marks.length; at++) if ((marks[at] ?? 0) > since) length++;
  const index = new Int32Array(length);
  const counts = new Float64Array(length);
  let to = 0;
  for (let at = 0; at < marks.length; at++) {
    if ((marks[at] ?? 0) <= since) continue;
    index[to] = cells.index[at] ?? 0;
    counts[to] = cells.counts[at] ?? 0;
    to++;
  }
  return { ...cells, index, counts };
}

/** Marks of the later cells: those of `earlier` where the count is the same. */
function laterMarks(earlier: TrendCells, marks: Marks, later: TrendCells, seq: number): Marks {
  const { index, counts } = later;
  const next = new Float64Array(index.length);
  let before = 0;
  for (let at = 0; at < index.length; at++) {
    const cell = index[at] ?? 0;
    while (before < earlier.index.length && (earlier.index[before] ?? 0) < cell) before++;
    const isSame = earlier.index[before] === cell && earlier.counts[before] === counts[at];
    next[at] = isSame ? (marks[before] ?? seq) : seq;
  }
  return next;
}
