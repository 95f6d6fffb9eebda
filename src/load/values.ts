// What people read off a metric: its values in k6's shapes, and any single one by its name. Cells come from merge.ts.

import { never } from "../base/assert.ts";
import { quantile } from "./histogram.ts";
import type { Cells } from "./series.ts";

/**
 * One value by name: those of the summary, and of a trend also "p(N)" with any N from 0 to 100 and "sum". A counter's
 * count is the sum of what was added, as in k6. Out: null if that type of metric has no such value.
 */
export function statOf(cells: Cells, stat: string, seconds: number): number | null {
  switch (cells.type) {
    case "counter":
      if (stat === "count") return cells.sum;
      if (stat === "rate") return seconds > 0 ? cells.sum / seconds : 0;
      return null;
    case "rate":
      if (stat === "rate") return cells.total === 0 ? 0 : cells.passes / cells.total;
      if (stat === "passes") return cells.passes;
      if (stat === "fails") return cells.total - cells.passes;
      return null;
    case "gauge":
      if (stat !== "value" && stat !== "min" && stat !== "max") return null;
      return cells.atMs === -Infinity ? 0 : cells[stat];
    case "trend": {
      if (stat === "count" || stat === "sum") return cells[stat];
      if (stat === "min" || stat === "max") return cells.count === 0 ? 0 : cells[stat];
      if (stat === "avg") return cells.count === 0 ? 0 : cells.sum / cells.count;
      const percent = stat === "med" ? 50 : percentOf(stat);
      return percent === null ? null : quantile(cells, percent / 100);
    }
    default:
      return never(cells);
  }
}

/** 99.5 of "p(99.5)". Out: null if the text is no percentile from 0 to 100. */
export function percentOf(stat: string): number | null {
  const match = /^p\(\s*(\d+(?:\.\d+)?)\s*\)$/.exec(stat);
  if (match === null) return null;
  const percent = Number(match[1]);
  return percent <= 100 ? percent : null;
}
