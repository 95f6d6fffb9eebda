// Goal: files are read and written whole, and what goes wrong is said as a sentence with the path. Method: a fresh
// folder, and the kernel's own full device.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, openSync, writeSync } from "node:fs";
import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  exists,
  isFolder,
  openSink,
  readBytes,
  readText,
  requireWritable,
  resolvePath,
  writeText,
} from "../../src/io/files.ts";
import { HyperscaleError } from "../../src/base/error.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hyperscale-files-"));
  await mkdir(join(folder, "sub"));
  await writeFile(join(folder, "old"), "old text");
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function failureOf(work: Promise<unknown>): Promise<HyperscaleError> {
  const thrown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (thrown instanceof HyperscaleError) return thrown;
  throw new Error(`expected a HyperscaleError, not ${String(thrown)}`);
}

test("text is written with its folders and read back", async () => {
  const path = join(folder, "a/b/c.txt");
  await writeText(path, "grüße\n");
  expect(await readText(path)).toBe("grüße\n");
  expect(await readBytes(path)).toEqual(new Uint8Array(Buffer.from("grüße\n")));
});

test("a text replaces its file at once, with its mode and through its link: who has the old one open keeps it", async () => {
  const path = join(folder, "replaced/file");
  await writeText(path, "before");
  await chmod(path, 0o640);
  await link(path, join(folder, "replaced/old"));
  await symlink("file", join(folder, "replaced/link"));
  await writeText(join(folder, "replaced/link"), "after");
  expect(await readFile(path, "utf8")).toBe("after");
  expect((await stat(path)).mode & 0o777).toBe(0o640);
  expect(await readFile(join(folder, "replaced/old"), "utf8")).toBe("before");
  expect((await readdir(join(folder, "replaced"))).sort()).toEqual(["file", "link", "old"]);
});

test("a text into a pipe goes straight into it, and the pipe stays", async () => {
  const path = join(folder, "text-pipe");
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
  const reader = Bun.spawn(["cat", path], { stdout: "pipe" });
  await writeText(path, "text\n");
  expect(await new Response(reader.stdout).text()).toBe("text\n");
  expect((await stat(path)).isFIFO()).toBe(true);
});

test.each(["/dev/fd", "/proc/self/fd"])(
  "%s/N is the file that is open, written on from where it stands",
  async (fds) => {
    const path = join(folder, "shared");
    const descriptor = openSync(path, "w");
    const name = `${fds}/${descriptor}`;
    writeSync(descriptor, "before ");
    await requireWritable(name);
    await writeText(name, "text ");
    const sink = await openSink(name);
    await sink.write("lines ");
    await sink.close();
    writeSync(descriptor, "after");
    closeSync(descriptor);
    expect(await readFile(path, "utf8")).toBe("before text lines after");
  },
);

test("what exists and what is a folder", async () => {
  expect(await exists(join(folder, "old"))).toBe(true);
  expect(await exists(join(folder, "nothing"))).toBe(false);
  expect(await exists(join(folder, "old/below"))).toBe(false);
  expect(await isFolder(join(folder, "sub"))).toBe(true);
  expect(await isFolder(join(folder, "old"))).toBe(false);
  expect(await isFolder(join(folder, "nothing"))).toBe(false);
});

test("asking whether a path can be written changes nothing", async () => {
  await requireWritable(join(folder, "old"));
  expect(await readFile(join(folder, "old"), "utf8")).toBe("old text");
  await requireWritable(join(folder, "new"));
  expect(await exists(join(folder, "new"))).toBe(false);
});

test("a pipe is written once, and whoever reads it sees its end only then", async () => {
  const path = join(folder, "pipe");
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
  const reader = Bun.spawn(["cat", path], { stdout: "pipe" });
  await requireWritable(path);
  const sink = await openSink(path);
  await sink.write("text\n");
  await sink.close();
  expect(await new Response(reader.stdout).text()).toBe("text\n");
});

test("a sink empties its file and appends writes in order", async () => {
  const path = join(folder, "sink");
  await writeFile(path, "before");
  const sink = await openSink(path);
  await sink.write("one ");
  await sink.write(new TextEncoder().encode("two"));
  await sink.close();
  await sink.close();
  expect(await readFile(path, "utf8")).toBe("one two");
});

describe("failures are of storage, with path and reason", () => {
  const cases: readonly (readonly [name: string, work: () => Promise<unknown>, message: RegExp])[] = [
    ["reading nothing", () => readText(join(folder, "nothing")), /^cannot read .*\/nothing: no such file or folder$/],
    ["reading a folder", () => readText(join(folder, "sub")), /^cannot read .*\/sub: it is a folder$/],
    ["writing to a folder", () => writeText(join(folder, "sub"), ""), /^cannot write .*\/sub: it is a folder$/],
    ["writing below a file", () => writeText(join(folder, "old/below"), ""), /^cannot write .*old\/below: /],
    [
      "a path in no folder",
      () => requireWritable(join(folder, "nowhere/x")),
      /^cannot write .*nowhere\/x: no such file or folder$/,
    ],
    [
      "opening a sink in no folder",
      () => openSink(join(folder, "nowhere/x")),
      /^cannot write .*nowhere\/x: no such file or folder$/,
    ],
    [
      "a file that nobody opened",
      () => writeText("/dev/fd/900", "x"),
      /^cannot write \/dev\/fd\/900: no such file is open$/,
    ],
    ["a full disk", () => writeText("/dev/full", "x"), /^cannot write \/dev\/full: no space left on the disk$/],
    [
      "a full disk under a sink",
      async () => {
        const sink = await openSink("/dev/full");
        await sink.write("x").finally(() => sink.close());
      },
      /^cannot write \/dev\/full: no space left on the disk$/,
    ],
  ];
  for (const [name, work, message] of cases) {
    test(name, async () => {
      const failure = await failureOf(work());
      expect(failure.code).toBe("storage");
      expect(failure.message).toMatch(message);
    });
  }
});

test("paths are resolved against a folder unless they are absolute", () => {
  expect(resolvePath("/work", "a/../b")).toBe("/work/b");
  expect(resolvePath("/work", "/b")).toBe("/b");
});
