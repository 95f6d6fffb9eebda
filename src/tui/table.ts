// Tables of text: columns as wide as their widest cell, numbers to the right, and in a narrow terminal fewer columns.

import { createPaint, lineOf, padded, span, type Style, widthOf } from "./cells.ts";

export type Cell = { readonly text: string; readonly style?: Style };

export type Column<Row> = {
  readonly head: string;
  readonly of: (row: Row) => Cell | string;
  /** Right-aligned. */
  readonly isNumber?: true;
  /** In a narrow terminal the column with the highest goes first; without one it stays. */
  readonly rank?: number;
};

export type TableOptions = { readonly columns: number; readonly color: boolean };

const GAP = 2;

/**
 * The heading, then a line a row, none longer than `columns` cells. A column with a rank is left out where no row has a
 * text in it.
 */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], options: TableOptions): string[] {
  const paint = createPaint(options.color);
  const filled = columns
    .map((column) => {
      const cells = rows.map((row) => cellOf(column.of(row)));
      return { ...column, cells, width: cells.reduce((most, { text }) => Math.max(most, widthOf(text)), 0) };
    })
    .filter(({ width, rank }) => width > 0 || rank === undefined)
    .map((column) => ({ ...column, width: Math.max(column.width, widthOf(column.head)) }));
  const kept = fitting(filled, options.columns);
  const line = (cellAt: (column: (typeof kept)[number]) => Cell, style: Style): string => {
    const spans = kept.map((column, at) => {
      const { text, style: own = style } = cellAt(column);
      const isLast = at === kept.length - 1;
      if (column.isNumber === true) {
        const left = " ".repeat(Math.max(0, column.width - widthOf(text)));
        return span(`${left}${text}${isLast ? "" : " ".repeat(GAP)}`, own);
      }
      return span(isLast ? text : padded(text, column.width + GAP), own);
    });
    return lineOf(spans, options.columns, paint);
  };
  return [
    line(({ head }) => ({ text: head }), "dim"),
    ...rows.map((_, row) => line(({ cells }) => cells[row] ?? NONE, "plain")),
  ];
}

const NONE: Cell = { text: "" };

function cellOf(cell: Cell | string): Cell {
  return typeof cell === "string" ? { text: cell } : cell;
}

function fitting<Filled extends { readonly width: number; readonly rank?: number }>(
  columns: readonly Filled[],
  most: number,
): readonly Filled[] {
  let kept = columns;
  while (kept.reduce((sum, { width }) => sum + width + GAP, -GAP) > most) {
    const [last] = kept.filter(({ rank }) => rank !== undefined).toSorted((a, b) => (b.rank ?? 0) - (a.rank ?? 0));
    if (last === undefined) break;
    kept = kept.filter((column) => column !== last);
  }
  return kept;
}
