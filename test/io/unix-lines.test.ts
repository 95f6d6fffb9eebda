// Goal: a socket that only its owner can open answers a line by a line. Method: sockets in a fresh folder.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askLine, listenLines } from "../../src/io/unix-lines.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lines-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WAIT_MS = 5_000;

describe("a socket of lines", () => {
  test("answers each line by one, however long, and is its owner's alone", async () => {
    const path = join(folder, "a.sock");
    const server = listenLines(path, async (line) => `heard ${line}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const long = "ü".repeat(400_000);
    expect(await askLine(path, "one", WAIT_MS)).toBe("heard one");
    expect(await askLine(path, long, WAIT_MS)).toBe(`heard ${long}`);
    server.close();
    expect(existsSync(path)).toBeFalse();
  });

  test("takes the place of one whose process is gone", async () => {
    const path = join(folder, "b.sock");
    writeFileSync(path, "");
    const server = listenLines(path, async () => "new");
    expect(await askLine(path, "who", WAIT_MS)).toBe("new");
    server.close();
  });

  test("that is not there, or does not answer in time, gives nothing", async () => {
    expect(await askLine(join(folder, "none.sock"), "who", WAIT_MS)).toBeNull();
    const path = join(folder, "c.sock");
    const server = listenLines(path, () => new Promise(() => {}));
    expect(await askLine(path, "who", 50)).toBeNull();
    server.close();
  });

  test("at a path that is too long for the system says so", () => {
    const path = join(folder, `${"x".repeat(120)}.sock`);
    expect(() => listenLines(path, async () => "")).toThrow(/is longer than 107 bytes/);
  });
});
