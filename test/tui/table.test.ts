// Goal: tables line up, and a narrow terminal gets the columns that matter. Method: small tables as whole texts.

import { expect, test } from "bun:test";
import { widthOf } from "../../src/tui/cells.ts";
import { type Column, table } from "../../src/tui/table.ts";

type Row = { readonly name: string; readonly count: number; readonly note: string };

const COLUMNS: readonly Column<Row>[] = [
  { head: "NAME", of: ({ name }) => name },
  { head: "COUNT", of: ({ count }) => String(count), isNumber: true, rank: 1 },
  { head: "NOTE", of: ({ note }) => ({ text: note, style: "dim" }), rank: 2 },
];
const ROWS: readonly Row[] = [
  { name: "a", count: 5, note: "first" },
  { name: "longer", count: 1_234, note: "" },
];
const text = (columns: number, rows: readonly Row[] = ROWS): string =>
  table(COLUMNS, rows, { columns, color: false })
    .map((line) => line.trimEnd())
    .join("\n");

test("numbers stand to the right, texts to the left", () => {
  expect(text(80)).toBe("NAME    COUNT  NOTE\na           5  first\nlonger   1234");
});

test("where it is narrow the column of the highest rank goes first, one without a rank never, and nothing overruns", () => {
  expect(text(19)).toBe("NAME    COUNT\na           5\nlonger   1234");
  expect(text(12)).toBe("NAME\na\nlonger");
  expect(text(4)).toBe("NAME\na\nlon…");
  for (let columns = 1; columns < 30; columns++)
    for (const line of table(COLUMNS, ROWS, { columns, color: false }))
      expect(widthOf(line)).toBeLessThanOrEqual(columns);
});

test("a column that may go is left out where nobody has anything in it", () => {
  expect(text(80, [{ name: "a", count: 5, note: "" }])).toBe("NAME  COUNT\na         5");
});
