// Series as plain records for the wire and for blobs: trends become bytes, everything else stays. Reading checks all of
// it: it comes from a peer or from a disk.

import * as z from "../base/schema.ts";
import type { Cells, Series } from "../load/series.ts";
import { ByteReader, ByteWriter } from "./byte-writer.ts";
import { readCells, writeCells } from "./cells-codec.ts";

/** Extremes of nothing measured are infinite. */
const isReal = (value: unknown): value is number => typeof value === "number" && !Number.isNaN(value);
const real = z.custom(isReal, "not a number");
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
    /** cells-codec.ts. */
    cells: z.instanceof(Uint8Array),
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
  return 80 + id.key.length + id.metric.length + tags + (cells.type === "trend" ? 4 * cells.index.length + 40 : 0);
}

function packCells(cells: Cells): PackedSeries["cells"] {
  if (cells.type !== "trend") return cells;
  const { index, counts, ...rest } = cells;
  const writer = new ByteWriter(64 + 3 * index.length);
  writeCells(writer, { index, counts });
  return { ...rest, cells: writer.take() };
}

function unpackCells(packed: PackedSeries["cells"]): Cells | null {
  if (packed.type !== "trend") return packed;
  const { cells, ...rest } = packed;
  const reader = new ByteReader(cells);
  const read = readCells(reader);
  return read === null || reader.left > 0 ? null : { ...rest, ...read };
}
