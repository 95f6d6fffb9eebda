// Text in character cells: styled spans joined into lines that never exceed a width. No escape code is written without
// colour. Cursor movement is painter.ts's.

import { createColors } from "picocolors";

export type Style = "plain" | "bold" | "dim" | "good" | "bad" | "warn" | "accent";
/** A piece of a line. */
export type Span = { readonly text: string; readonly style: Style };
/** Puts the escape codes of a style around text; leaves it as it is without colour. */
export type Paint = (text: string, style: Style) => string;

/** The painting of styles, with or without colour. */
export function createPaint(color: boolean): Paint {
  const colors = createColors(color);
  const paints: Readonly<Record<Style, (text: string) => string>> = {
    plain: (text) => text,
    bold: colors.bold,
    dim: colors.dim,
    good: colors.green,
    bad: colors.red,
    warn: colors.yellow,
    accent: colors.cyan,
  };
  return (text, style) => (text === "" ? "" : paints[style](text));
}

/** A span; plain unless said otherwise. */
export function span(text: string, style: Style = "plain"): Span {
  return { text, style };
}

/** Spans as one line of at most `columns` cells; what does not fit ends in "…". */
export function lineOf(spans: readonly Span[], columns: number, paint: Paint): string {
  let left = columns;
  let line = "";
  const total = spans.reduce((sum, each) => sum + widthOf(each.text), 0);
  for (const { text, style } of spans) {
    const isCut = total > columns && widthOf(text) >= left;
    // One letter more, so that a piece that just fits is cut too: something follows it.
    line += paint(isCut ? cut(`${text}.`, left) : text, style);
    left -= widthOf(text);
    if (isCut) break;
  }
  return line;
}

/** Text of exactly `columns` cells: filled with spaces on the right, or cut with "…". */
export function padded(text: string, columns: number): string {
  const width = widthOf(text);
  return width > columns ? cut(text, columns) : text + " ".repeat(columns - width);
}

/** Text within `columns` cells, ending in "…" where it was longer. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  if (columns <= 0) return "";
  let kept = "";
  let width = 0;
  for (const char of text) {
    const charWidth = charCells(char);
    if (width + charWidth > columns - 1) break;
    kept += char;
    width += charWidth;
  }
  return `${kept}…`;
}

/** Text in lines within `columns` cells, broken at spaces; a word that is longer is cut in two. */
export function wrapped(text: string, columns: number): string[] {
  const room = Math.max(1, columns);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (widthOf(longer) <= room) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = word;
    while (widthOf(line) > room) {
      const part = cut(line, room + 1).slice(0, -1);
      if (part === "") break;
      lines.push(part);
      line = line.slice(part.length);
    }
  }
  return [...lines, line];
}

/** Cells a text takes, without escape codes in it. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += charCells(char);
  return width;
}

/** Text of users made harmless: control characters would move the cursor. */
export function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
}

/**
 * 0 for combining marks, 2 for East Asian wide characters and emoji, else 1 (Unicode TR 11, the wide ranges in use).
 */
function charCells(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (/^[\p{Mn}\p{Me}\u200b-\u200f\ufe00-\ufe0f]/u.test(char)) return 0;
  const isWide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return isWide ? 2 : 1;
}
