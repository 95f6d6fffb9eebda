// Draws lines in place at the bottom of a terminal, again and again, without flicker: cursor up, rewrite each line,
// clear what is left, all within one synchronized write. What the lines say is live.ts's.

import { widthOf } from "./cells.ts";

/** What the painter needs of a terminal's stream (io/terminal.ts has it). */
export type Canvas = {
  size(): { readonly columns: number; readonly rows: number };
  write(text: string): void;
  isBusy(): boolean;
};

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const SYNC_BEGIN = "\x1b[?2026h";
const SYNC_END = "\x1b[?2026l";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** A live region of a terminal. Close it, whatever happens, to give the cursor back. */
export class Painter {
  readonly #canvas: Canvas;
  #lines: readonly string[] = [];
  #columns = 0;
  #isHidden = false;
  #isClosed = false;

  constructor(canvas: Canvas) {
    this.#canvas = canvas;
  }

  /** Shows these lines in place of those before. A frame is left out while the terminal has not taken the last one. */
  paint(lines: readonly string[]): void {
    if (this.#isClosed || this.#canvas.isBusy()) return;
    const { columns } = this.#canvas.size();
    if (
      columns === this.#columns &&
      lines.length === this.#lines.length &&
      lines.every((line, at) => line === this.#lines[at])
    )
      return;
    this.#draw("", lines);
  }

  /** Prints text that stays, above the live lines. */
  printAbove(text: string): void {
    const whole = text.endsWith("\n") ? text : `${text}\n`;
    if (this.#isClosed || this.#lines.length === 0) this.#canvas.write(whole);
    else this.#draw(whole, this.#lines);
  }

  /** Leaves `lines` on the screen for good and gives the cursor back. Idempotent. */
  close(lines: readonly string[] = this.#lines): void {
    if (this.#isClosed) return;
    if (lines.length > 0 || this.#lines.length > 0) this.#draw("", lines);
    this.#isClosed = true;
    if (this.#isHidden) this.#canvas.write(SHOW_CURSOR);
  }

  #draw(above: string, lines: readonly string[]): void {
    const { columns } = this.#canvas.size();
    const up = this.#rowsDrawn(columns);
    const hide = this.#isHidden ? "" : HIDE_CURSOR;
    this.#isHidden = true;
    const back = up === 0 ? "\r" : `\r\x1b[${up}A`;
    const staying = above === "" ? "" : above.replaceAll("\n", `${CLEAR_LINE}\n`);
    const live = lines.map((line) => `${line}${CLEAR_LINE}\n`).join("");
    this.#canvas.write(`${SYNC_BEGIN}${hide}${back}${staying}${live}${CLEAR_BELOW}${SYNC_END}`);
    this.#lines = lines;
    this.#columns = columns;
  }

  /** Rows the last frame takes on the screen now: a narrower terminal has wrapped its lines. */
  #rowsDrawn(columns: number): number {
    if (columns >= this.#columns) return this.#lines.length;
    return this.#lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(widthOf(withoutCodes(line)) / columns)), 0);
  }
}

function withoutCodes(line: string): string {
  return line.replace(/\x1b\[[0-9;]*m/g, "");
}
