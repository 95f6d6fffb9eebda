// The cells of a trend as few bytes: by ascending cell its count doubled, plus one where cells were passed over, then
// how many. Neighbours that are all occupied take one to three bytes each, instead of twelve. Reading checks all of it.

import { CELLS_PER_SIGN, type CellCounts } from "../load/histogram.ts";
import type { ByteReader, ByteWriter } from "./byte-writer.ts";

const CELLS_MAX = 2 * CELLS_PER_SIGN + 1;
const BEFORE_FIRST = -CELLS_PER_SIGN - 1;

/** In: cells by ascending index, counts whole and positive. About 4 ns a cell. */
export function writeCells(writer: ByteWriter, { index, counts }: CellCounts): void {
  writer.whole(index.length);
  let before = BEFORE_FIRST;
  for (let at = 0; at < index.length; at++) {
    const cell = index[at] ?? 0;
    const passed = cell - before - 1;
    const doubled = (counts[at] ?? 0) * 2;
    if (passed === 0) writer.whole(doubled);
    else {
      writer.whole(doubled + 1);
      writer.whole(passed);
    }
    before = cell;
  }
}

/** Out: null when they are none. */
export function readCells(reader: ByteReader): CellCounts | null {
  const length = reader.whole();
  // Each takes a byte at least: nothing is allocated for what is not there.
  if (length > CELLS_MAX || length > reader.left) return null;
  const index = new Int32Array(length);
  const counts = new Float64Array(length);
  let before = BEFORE_FIRST;
  for (let at = 0; at < length; at++) {
    const doubled = reader.whole();
    const isSmall = doubled < 2 ** 31;
    const hasPassed = (isSmall ? doubled & 1 : doubled % 2) === 1;
    const passed = hasPassed ? reader.whole() : 0;
    const cell = before + 1 + passed;
    if (doubled < 2 || cell > CELLS_PER_SIGN || (hasPassed && passed === 0)) return null;
    index[at] = cell;
    counts[at] = isSmall ? doubled >>> 1 : (doubled - (hasPassed ? 1 : 0)) / 2;
    before = cell;
  }
  return reader.isBad ? null : { index, counts };
}
