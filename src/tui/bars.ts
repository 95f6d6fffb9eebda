// Small pictures in characters: progress bars, sparklines, horizontal bars. Pure text, no colour.

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;
const LEVELS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/** k6's progress bar: "[=====>----]". In: part 0..1, `columns` with the brackets, at least 3. */
export function progressBar(part: number, columns: number): string {
  const inner = Math.max(1, columns - 2);
  const done = Math.min(inner, Math.floor(clamp(part) * inner));
  const head = done < inner && part > 0 ? ">" : "";
  return `[${"=".repeat(done)}${head}${"-".repeat(inner - done - head.length)}]`;
}

/** The last `columns` of the values as heights from 0 to their maximum. All zero: the lowest level. */
export function sparkline(values: readonly number[], columns: number): string {
  const shown = values.slice(-columns);
  const most = shown.reduce((max, value) => Math.max(max, value), 0);
  return shown.map((value) => LEVELS[most === 0 ? 0 : Math.min(7, Math.floor((value / most) * 7.999))] ?? "").join("");
}

/** A bar of part 0..1 of `columns` cells, to an eighth of a cell; anything above 0 shows at least a sliver. */
export function horizontalBar(part: number, columns: number): string {
  const eighths = Math.round(clamp(part) * columns * 8);
  const shown = part > 0 ? Math.max(1, eighths) : 0;
  return `${"█".repeat(Math.floor(shown / 8))}${EIGHTHS[shown % 8] ?? ""}`;
}

function clamp(part: number): number {
  return Number.isFinite(part) ? Math.max(0, Math.min(1, part)) : 0;
}
