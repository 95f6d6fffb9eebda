// Goal: rows of a file are what its author meant, or it is said why not. Method: files handed to a module's host, read by
// the module "hyperscale" as a test's top level reads them.

import { expect, test } from "bun:test";
import { installModule, ModuleHost } from "../../src/engine/module.ts";

/** What data() of a .csv file with this text makes: rows, or the message of what it throws. */
async function rowsOf(text: string): Promise<number | string> {
  const host = new ModuleHost(null, { "rows.csv": new TextEncoder().encode(text) });
  installModule(() => host);
  const { data } = await import("hyperscale");
  try {
    return data("rows.csv").length;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

test("a .csv file with semicolons or tabs between its columns is refused, and says so", async () => {
  const hint = (found: string, header: string): string =>
    `data("rows.csv"): its columns are separated by ${found} (${header}), and have to be by commas: save it so`;
  expect(await rowsOf("\uFEFFname;age\r\nann;7\r\n")).toBe(hint("semicolons", '"name;age"'));
  expect(await rowsOf("name;age\nann;7,5\n")).toBe(hint("semicolons", '"name;age"'));
  expect(await rowsOf("name\tage\nann\t7\n")).toBe(hint("tabs", '"name\\tage"'));
});

test("semicolons elsewhere in a .csv file are a value's", async () => {
  expect(await rowsOf("name\na;b\n")).toBe(1);
  expect(await rowsOf("name,note;s\nann,a;b\nbob,\n")).toBe(2);
  expect(await rowsOf('"a;b"\n1\n2\n')).toBe(2);
});
