// Goal: the whole screen is drawn without flicker, fits, and the terminal is given back as it was. Method: what is written
// to a canvas that only remembers.

import { expect, test } from "bun:test";
import { FullScreen } from "../../src/tui/full-screen.ts";

function canvas(columns = 80, rows = 24) {
  const state = { written: "", columns, rows, isBusy: false };
  const screen = new FullScreen({
    size: () => ({ columns: state.columns, rows: state.rows }),
    write: (text) => {
      state.written += text;
    },
    isBusy: () => state.isBusy,
  });
  return { state, screen };
}

test("it takes the other screen at the first frame and gives it back with the cursor, once", () => {
  const { state, screen } = canvas();
  screen.paint(["a", "b"]);
  expect(state.written).toStartWith("\x1b[?1049h\x1b[?25l");
  expect(state.written).toContain("\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J");
  screen.close();
  screen.close();
  expect(state.written.split("\x1b[?25h\x1b[?1049l")).toHaveLength(2);
  screen.paint(["c"]);
  expect(state.written).not.toContain("c\x1b[K");
});

test("one that drew nothing leaves the terminal alone", () => {
  const { state, screen } = canvas();
  screen.close();
  expect(state.written).toBe("");
});

test("the same frame is not drawn again, unless the terminal has another size", () => {
  const { state, screen } = canvas();
  screen.paint(["a"]);
  const { length } = state.written;
  screen.paint(["a"]);
  expect(state.written.length).toBe(length);
  state.columns = 60;
  screen.paint(["a"]);
  expect(state.written.length).toBeGreaterThan(length);
});

test("lines that do not fit are left out, and a frame is skipped while the terminal is busy", () => {
  const { state, screen } = canvas(80, 3);
  screen.paint(["a", "b", "c", "d"]);
  expect(state.written).not.toContain("d\x1b[K");
  state.isBusy = true;
  screen.paint(["x"]);
  expect(state.written).not.toContain("x\x1b[K");
});
