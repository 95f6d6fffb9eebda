// What changed of an attempt's series, as bytes of a snapshot message. A series is named once, by its id, and from then
// on by its number: who reads has the ids of everything up to the cut the delta is based on. Reading checks all of it.

import type { ChangedSeries } from "../load/changes.ts";
import type { Cells, MetricType, Series, SeriesId } from "../load/series.ts";
import { ByteReader, ByteWriter } from "./byte-writer.ts";
import { readCells, writeCells } from "./cells-codec.ts";

/** Series one attempt may have. */
export const SERIES_MAX = 262_144;
const TEXT_MAX = 4_096;
const TAGS_MAX = 256;

const TYPES: readonly MetricType[] = ["counter", "rate", "gauge", "trend"];
const CONTAINS = ["default", "time", "data"] as const;
/** Beside the type in a series' first byte. */
const NEW = 0x80;

/** Ids of an attempt's series, by their numbers. */
export type SeriesNames = ReadonlyMap<number, SeriesId>;

/** In as many pieces as it takes to keep each below `bytesMax` or at a single series; at least one, maybe empty. */
export function packChanges(changed: readonly ChangedSeries[], bytesMax: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const writer = new ByteWriter(4_096);
  for (const one of changed) {
    const start = writer.length;
    writeSeries(writer, one);
    if (start > 0 && writer.length > bytesMax) pieces.push(writer.take(start));
  }
  pieces.push(writer.take());
  return pieces;
}

/** The series of one piece, and the ids it names first. Out: null when it is none, or names a number nobody knows. */
export function unpackChanges(
  bytes: Uint8Array,
  known: SeriesNames,
): { readonly series: readonly Series[]; readonly names: SeriesNames } | null {
  const reader = new ByteReader(bytes);
  const names = new Map<number, SeriesId>();
  const series: Series[] = [];
  while (reader.left > 0) {
    const number = reader.whole();
    const head = reader.byte();
    const type = TYPES[head & ~NEW];
    if (type === undefined || number >= SERIES_MAX) return null;
    const named = (head & NEW) !== 0 ? readId(reader, type) : (known.get(number) ?? null);
    if (named === null || named.type !== type) return null;
    if ((head & NEW) !== 0) names.set(number, named);
    const cells = readOf(reader, type);
    if (cells === null) return null;
    series.push({ id: named, cells });
  }
  return reader.isBad ? null : { series, names };
}

function writeSeries(writer: ByteWriter, { number, isNew, series: { id, cells } }: ChangedSeries): void {
  writer.whole(number);
  writer.byte(TYPES.indexOf(cells.type) | (isNew ? NEW : 0));
  if (isNew) {
    writer.text(id.key);
    writer.text(id.metric);
    writer.byte(CONTAINS.indexOf(id.contains));
    const tags = Object.entries(id.tags);
    writer.whole(tags.length);
    for (const [name, value] of tags) {
      writer.text(name);
      writer.text(value);
    }
  }
  switch (cells.type) {
    case "counter":
      writer.whole(cells.count);
      return writer.real(cells.sum);
    case "rate":
      writer.whole(cells.passes);
      return writer.whole(cells.total);
    case "gauge":
      for (const value of [cells.value, cells.min, cells.max, cells.atMs]) writer.real(value);
      return;
    case "trend":
      writer.whole(cells.count);
      writer.whole(cells.clamped);
      for (const value of [cells.sum, cells.min, cells.max]) writer.real(value);
      return writeCells(writer, cells);
  }
}

function readId(reader: ByteReader, type: MetricType): SeriesId | null {
  const key = reader.text(TEXT_MAX);
  const metric = reader.text(TEXT_MAX);
  const contains = CONTAINS[reader.byte()];
  const count = reader.whole();
  if (contains === undefined || count > TAGS_MAX) return null;
  const tags: Record<string, string> = {};
  for (let at = 0; at < count; at++) {
    const name = reader.text(TEXT_MAX);
    // Set as a name like any other, whatever it is called.
    Object.defineProperty(tags, name, {
      value: reader.text(TEXT_MAX),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return reader.isBad ? null : { key, metric, type, contains, tags };
}

function readOf(reader: ByteReader, type: MetricType): Cells | null {
  switch (type) {
    case "counter":
      return checked({ type, count: reader.whole(), sum: reader.real() }, [], reader);
    case "rate":
      return checked({ type, passes: reader.whole(), total: reader.whole() }, [], reader);
    case "gauge": {
      const [value, min, max, atMs] = [reader.real(), reader.real(), reader.real(), reader.real()];
      return checked({ type, value, min, max, atMs }, [min, max, atMs], reader);
    }
    case "trend": {
      const [count, clamped] = [reader.whole(), reader.whole()];
      const [sum, min, max] = [reader.real(), reader.real(), reader.real()];
      const cells = readCells(reader);
      return cells === null ? null : checked({ type, count, sum, min, max, clamped, ...cells }, [min, max], reader);
    }
  }
}

/** Extremes and times decide things: a number that is none would spoil them for good. */
function checked(cells: Cells, reals: readonly number[], reader: ByteReader): Cells | null {
  return reader.isBad || reals.some(Number.isNaN) ? null : cells;
}
