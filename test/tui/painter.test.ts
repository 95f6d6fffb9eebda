// Goal: the painter redraws in place and leaves a clean screen and a visible cursor, also after a resize. Method: its
// output is played to a small terminal emulator that knows exactly the codes a painter may use.

import { expect, test } from "bun:test";
import { Painter } from "../../src/tui/painter.ts";

/** A screen of `columns` that grows downwards; wraps long lines; throws on a code it does not know. */
class Emulator {
  columns: number;
  rows: string[] = [""];
  row = 0;
  column = 0;
  isCursorVisible = true;
  isSynchronized = false;
  isStuck = false;
  writes = 0;

  constructor(columns: number) {
    this.columns = columns;
  }

  readonly canvas = {
    size: () => ({ columns: this.columns, rows: 24 }),
    isBusy: () => this.isStuck,
    write: (text: string) => this.#play(text),
  };

  text(): string {
    return this.rows
      .map((row) => row.trimEnd())
      .join("\n")
      .trimEnd();
  }

  /** As most terminals do it: lines longer than the new width are wrapped into several. */
  narrow(columns: number): void {
    const rows: string[] = [];
    let cursorRow = 0;
    this.rows.forEach((row, at) => {
      if (at === this.row) cursorRow = rows.length;
      const text = row.trimEnd();
      for (let from = 0; from === 0 || from < text.length; from += columns) rows.push(text.slice(from, from + columns));
    });
    this.columns = columns;
    this.rows = rows;
    this.row = cursorRow;
  }

  #play(text: string): void {
    this.writes++;
    for (const [code] of text.matchAll(/\x1b\[[?0-9;]*[A-Za-z]|[\s\S]/gu)) this.#one(code);
  }

  #one(code: string): void {
    const up = /^\x1b\[(\d+)A$/.exec(code);
    if (up !== null) this.row = Math.max(0, this.row - Number(up[1]));
    else if (code === "\x1b[K") this.rows[this.row] = (this.rows[this.row] ?? "").slice(0, this.column);
    else if (code === "\x1b[J")
      this.rows = [...this.rows.slice(0, this.row), (this.rows[this.row] ?? "").slice(0, this.column)];
    else if (code === "\x1b[?25l") this.isCursorVisible = false;
    else if (code === "\x1b[?25h") this.isCursorVisible = true;
    else if (code === "\x1b[?2026h") this.isSynchronized = true;
    else if (code === "\x1b[?2026l") this.isSynchronized = false;
    else if (code === "\r") this.column = 0;
    else if (code === "\n") this.#lineFeed();
    else if (code.startsWith("\x1b")) throw new Error(`unknown code ${JSON.stringify(code)}`);
    else this.#put(code);
  }

  #lineFeed(): void {
    this.row++;
    this.column = 0;
    this.rows[this.row] ??= "";
  }

  #put(char: string): void {
    if (this.column >= this.columns) this.#lineFeed();
    const row = (this.rows[this.row] ?? "").padEnd(this.column);
    this.rows[this.row] = row.slice(0, this.column) + char + row.slice(this.column + 1);
    this.column++;
  }
}

test("frames replace each other in place, longer or shorter", () => {
  const screen = new Emulator(40);
  const painter = new Painter(screen.canvas);
  painter.paint(["one", "two", "three"]);
  expect(screen.text()).toBe("one\ntwo\nthree");
  painter.paint(["ONE", "2"]);
  expect(screen.text()).toBe("ONE\n2");
  painter.paint(["1", "2", "3", "4"]);
  expect(screen.text()).toBe("1\n2\n3\n4");
});

test("what was on the screen before stays, and text printed above stays too", () => {
  const screen = new Emulator(40);
  const painter = new Painter(screen.canvas);
  screen.canvas.write("$ command\n");
  painter.paint(["live"]);
  painter.printAbove("log line\nand another");
  painter.paint(["live 2"]);
  expect(screen.text()).toBe("$ command\nlog line\nand another\nlive 2");
});

test("before the first frame and after the last, text is printed as it is", () => {
  const screen = new Emulator(40);
  const painter = new Painter(screen.canvas);
  painter.printAbove("before");
  painter.paint(["live"]);
  painter.close(["final"]);
  painter.printAbove("after");
  expect(screen.text()).toBe("before\nfinal\nafter");
});

test("the cursor is hidden while drawing and given back on close, once", () => {
  const screen = new Emulator(40);
  const painter = new Painter(screen.canvas);
  painter.paint(["live"]);
  expect(screen.isCursorVisible).toBe(false);
  painter.close();
  expect(screen.isCursorVisible).toBe(true);
  const writes = screen.writes;
  painter.close();
  painter.paint(["ghost"]);
  expect(screen.writes).toBe(writes);
});

test("a painter that never drew leaves no trace", () => {
  const screen = new Emulator(40);
  new Painter(screen.canvas).close();
  expect(screen.writes).toBe(0);
});

test("each frame is one synchronized write, and an equal frame none", () => {
  const screen = new Emulator(40);
  const painter = new Painter(screen.canvas);
  painter.paint(["a", "b"]);
  painter.paint(["a", "c"]);
  expect(screen.writes).toBe(2);
  expect(screen.isSynchronized).toBe(false);
  painter.paint(["a", "c"]);
  expect(screen.writes).toBe(2);
});

test("a terminal that has not taken the last frame is given no other", () => {
  const screen = new Emulator(40);
  const painter = new Painter(screen.canvas);
  painter.paint(["a"]);
  screen.isStuck = true;
  painter.paint(["b"]);
  expect(screen.text()).toBe("a");
  screen.isStuck = false;
  painter.paint(["c"]);
  expect(screen.text()).toBe("c");
});

test("after the terminal became narrower nothing of the wrapped frame is left", () => {
  const screen = new Emulator(40);
  const painter = new Painter(screen.canvas);
  painter.printAbove("log");
  painter.paint(["x".repeat(35), "y".repeat(10), "z".repeat(39)]);
  screen.narrow(15);
  painter.paint(["short", "er"]);
  expect(screen.text()).toBe("log\nshort\ner");
});

test("after the terminal became wider an equal frame is drawn again", () => {
  const screen = new Emulator(20);
  const painter = new Painter(screen.canvas);
  painter.paint(["a"]);
  screen.columns = 60;
  painter.paint(["a"]);
  expect(screen.writes).toBe(2);
  expect(screen.text()).toBe("a");
});
