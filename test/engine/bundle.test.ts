// Goal: a test is bundled with all it imports, and what cannot be is named with file, line and column. Method: files in
// a fresh folder.

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { HyperscaleError } from "../../src/base/error.ts";
import { bundleFile, bundleSource } from "../../src/engine/bundle.ts";

const dir = mkdtempSync(join(tmpdir(), "bundle-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(dir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

// Here, before anything is bundled: Bun lists a folder once for builds that follow each other at once.
write("beside.ts", 'export const beside = "found";');

async function refusal(work: Promise<unknown>): Promise<HyperscaleError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof HyperscaleError) return error;
  }
  throw new Error("it was not refused");
}

test("imports of files and packages are bundled, hyperscale is left open", async () => {
  write("node_modules/tiny/package.json", '{"name":"tiny","main":"index.js"}');
  write("node_modules/tiny/index.js", 'module.exports = { tiny: "from the package" };');
  write("part.ts", 'export const part: string = "from the file";');
  const path = write(
    "main.ts",
    'import { part } from "./part.ts"; import { tiny } from "tiny"; import { Counter } from "hyperscale";' +
      "export default () => [part, tiny, Counter];",
  );
  const { code, entry, baseDir } = await bundleFile(path);
  expect(code).toContain("from the file");
  expect(code).toContain("from the package");
  expect(code).toMatch(/from\s*"hyperscale"/);
  expect([entry, baseDir]).toEqual(["main.ts", dir]);
});

test("a syntax error is named with file, line and column, and shown", async () => {
  const error = await refusal(bundleFile(write("bad.ts", "export default () => 1;\nconst x = ;\n")));
  expect(error.code).toBe("load");
  expect(error.message).toMatch(/bad\.ts:2:11: .*\n {4}const x = ;\n {14}\^/);
});

test("an import that does not resolve says what to do, and k6's modules say where their parts are", async () => {
  const missing = await refusal(bundleFile(write("missing.ts", 'import x from "not-there"; export default x;')));
  expect(missing.message).toMatch(/missing\.ts:1:15: Could not resolve: "not-there"\. Install it/);
  const k6 = await refusal(bundleFile(write("k6.ts", 'import http from "k6/http"; export default () => http;')));
  expect(k6.message).toContain("http, check, group and sleep come with the VU");
  const jslib = 'import { uuidv4 } from "https://jslib.k6.io/k6-utils/1.4.0/index.js"; export default uuidv4;';
  const remote = await refusal(bundleFile(write("remote.ts", jslib)));
  expect(remote.message).toMatch(/remote\.ts: Could not resolve: "https:.*index\.js"\. URLs are not fetched: save the/);
});

test("an import of what is no code is refused: it would be the name of a file that no worker has", async () => {
  write("query.graphql", "query { a }");
  write("rows.csv", "a,b\n1,2\n");
  const text = 'import q from "./query.graphql"; import rows from "./rows.csv"; export default () => [q, rows];';
  const error = await refusal(bundleFile(write("assets.ts", text)));
  expect(error.message).toBe("./query.graphql, ./rows.csv cannot be imported: it is neither code nor JSON");
  expect(error.hint).toContain('Read it with open("./...")');
});

test("what is no workflow file is refused before it is read", async () => {
  const none = await refusal(bundleFile(join(dir, "none.ts")));
  expect([none.message, none.hint]).toEqual([
    expect.stringContaining("no such file"),
    expect.stringContaining("the path of a workflow file"),
  ]);
  expect((await refusal(bundleFile("localhost:8080/a"))).hint).toContain("http://localhost:8080/a");
  expect((await refusal(bundleFile(dir))).message).toContain("not a file");
  expect((await refusal(bundleFile(write("notes.txt", "hello")))).message).toContain("not a workflow file");
});

test("a text that is no file is bundled as if it lay in the folder given", async () => {
  const text = 'import { beside } from "./beside.ts"; export default () => beside;';
  const { code } = await bundleSource(text, "stdin.ts", dir);
  expect(code).toContain("found");
});
