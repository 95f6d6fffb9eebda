// Series as plain records for the wire and for blobs: trends become bytes, everything else stays. Reading checks all of
// it: it comes from a peer or from a disk.

import { z } from "zod";
import type { Cells, Series } from "../load/series.ts";

/** Extremes of nothing measured are infinite. */
const real = z.custom<number>((value) => typeof value === "number" && !Number.isNaN(value), "not a number");
const count = z.number().nonnegative();
const key = z.string().max(4_096);

const cellsSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("counter"), count, sum: real }),
  z.object({ type: z.literal("rate"), passes: count, total: count }),
  z.object({ type: z.literal("gauge"), value: real, min: real, max: real, atMs: real }),
  z.object({
    type: z.literal("trend"),
    count,
    sum: real,
    min: real,
    max: real,
    clamped: count,
    /** Little-endian: 4 bytes an index, 8 bytes a count. */
    index: z.instanceof(Uint8Array),
    counts: z.instanceof(Uint8Array),
  }),
]);

/** One series as it travels. */
export const packedSeriesSchema = z.object({
  key,
  metric: key,
  contains: z.enum(["default", "time", "data"]),
  tags: z.record(z.string().max(256), key),
  cells: cellsSchema,
});
export type PackedSeries = z.infer<typeof packedSeriesSchema>;

export function packSeries({ id, cells }: Series): PackedSeries {
  const { key: name, metric, contains, tags } = id;
  return { key: name, metric, contains, tags: { ...tags }, cells: packCells(cells) };
}

/** Out: null when its trend is none. */
export function unpackSeries({ key: name, metric, contains, tags, cells }: PackedSeries): Series | null {
  const unpacked = unpackCells(cells);
  if (unpacked === null) return null;
  return { id: { key: name, metric, type: unpacked.type, contains, tags }, cells: unpacked };
}

/** All of them; those that are none are left out. */
export function unpackAll(packed: readonly PackedSeries[]): Series[] {
  return packed.flatMap((one) => unpackSeries(one) ?? []);
}

/** Bytes that a series takes in a message, about. */
export function packedBytes({ id, cells }: Series): number {
  const tags = Object.entries(id.tags).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  return 80 + id.key.length + id.metric.length + tags + (cells.type === "trend" ? 12 * cells.index.length + 40 : 0);
}

function packCells(cells: Cells): PackedSeries["cells"] {
  if (cells.type !== "trend") return cells;
  const index = new Uint8Array(cells.index.length * 4);
  const counts = new Uint8Array(cells.counts.length * 8);
  const indexView = new DataView(index.buffer);
  const countsView = new DataView(counts.buffer);
  for (let at = 0; at < cells.index.length; at++) {
    indexView.setInt32(at * 4, cells.index[at] ?? 0, true);
    countsView.setFloat64(at * 8, cells.counts[at] ?? 0, true);
  }
  return { ...cells, index, counts };
}

/** Indices rise and counts are positive, or it is no trend. */
function unpackCells(cells: PackedSeries["cells"]): Cells | null {
  if (cells.type !== "trend") return cells;
  const length = cells.index.length / 4;
  if (!Number.isInteger(length) || cells.counts.length !== length * 8) return null;
  const index = new Int32Array(length);
  const counts = new Float64Array(length);
  const indexView = new DataView(cells.index.buffer, cells.index.byteOffset, cells.index.byteLength);
  const countsView = new DataView(cells.counts.buffer, cells.counts.byteOffset, cells.counts.byteLength);
  for (let at = 0; at < length; at++) {
    const cell = indexView.getInt32(at * 4, true);
    const held = countsView.getFloat64(at * 8, true);
    if (!(held > 0) || (at > 0 && cell <= (index[at - 1] ?? 0))) return null;
    index[at] = cell;
    counts[at] = held;
  }
  return { ...cells, index, counts };
}
