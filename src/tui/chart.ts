// A curve as a small chart of characters, for the plan that `validate` prints. Pure text.

import { formatDuration } from "../base/units.ts";

export type ChartOptions = {
  readonly title: string;
  /** Cells of the whole chart, its scale included. */
  readonly columns: number;
  /** Lines of the plotted area. */
  readonly rows: number;
  readonly totalMs: number;
};

const EIGHTHS = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/** Cells left for values when a chart is `columns` wide: as many values are drawn. */
export function chartCells(columns: number): number {
  return Math.max(10, columns - SCALE_COLUMNS);
}

/** Lines of a chart: a title, the area under the values (one a cell), the time axis. Values are >= 0. */
export function chartLines(values: readonly number[], options: ChartOptions): string[] {
  const most = values.reduce((max, value) => Math.max(max, value), 0);
  const lines = [options.title];
  for (let row = options.rows; row >= 1; row--) {
    const label = row === options.rows ? numberText(most) : row === 1 ? "0" : "";
    const cells = values.map((value) => EIGHTHS[eighths(value, most, row, options.rows)] ?? " ").join("");
    lines.push(`${label.padStart(SCALE_COLUMNS - 3)} ┤ ${cells}`.trimEnd());
  }
  const end = formatDuration(options.totalMs);
  lines.push(`${" ".repeat(SCALE_COLUMNS - 2)}└${"─".repeat(values.length + 1)}`);
  lines.push(`${" ".repeat(SCALE_COLUMNS)}0s${end.padStart(Math.max(end.length + 1, values.length - 2))}`);
  return lines;
}

const SCALE_COLUMNS = 10;

/** How full a cell of a row is, 0 to 8. Any value above 0 is seen in the lowest row. */
function eighths(value: number, most: number, row: number, rows: number): number {
  if (most === 0 || value <= 0) return 0;
  const height = Math.max(1, Math.round((value / most) * rows * 8));
  return Math.max(0, Math.min(8, height - (row - 1) * 8));
}

function numberText(value: number): string {
  return value >= 1_000_000
    ? `${Number((value / 1_000_000).toFixed(1))}M`
    : value >= 10_000
      ? `${Number((value / 1_000).toFixed(1))}k`
      : String(Number(value.toFixed(1)));
}
