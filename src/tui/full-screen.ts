// The whole terminal as a sheet that is drawn again and again, without flicker, and given back as it was. What the
// lines say is watch-lines.ts's.

import type { Canvas } from "./painter.ts";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const SYNC_BEGIN = "\x1b[?2026h";
const SYNC_END = "\x1b[?2026l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** Close it, whatever happens, to give the terminal back. */
export class FullScreen {
  readonly #canvas: Canvas;
  #last = "";
  #isOpen = false;
  #isClosed = false;

  constructor(canvas: Canvas) {
    this.#canvas = canvas;
  }

  /**
   * Shows these lines from the top; each must be shorter than the terminal is wide. What is more than fits is left out.
   * A frame is left out while the terminal has not taken the last one.
   */
  paint(lines: readonly string[]): void {
    if (this.#isClosed || this.#canvas.isBusy()) return;
    const { columns, rows } = this.#canvas.size();
    const shown = lines.slice(0, Math.max(1, rows));
    const frame = `${columns}x${rows}\n${shown.join("\n")}`;
    if (frame === this.#last) return;
    this.#last = frame;
    const enter = this.#isOpen ? "" : ENTER;
    this.#isOpen = true;
    const body = shown.map((line) => `${line}${CLEAR_LINE}`).join("\r\n");
    this.#canvas.write(`${enter}${SYNC_BEGIN}${HOME}${body}${CLEAR_BELOW}${SYNC_END}`);
  }

  /** Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isOpen) this.#canvas.write(LEAVE);
  }
}
