// Goal: a key file is the owner's alone or it is refused, with words that say what to do; it is never overwritten; and
// a user's own processes find one key together. Method: real files in a fresh folder, each spoiled in one way.

import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HyperscaleError } from "../../../src/base/error.ts";
import {
  changeKeyFile,
  createKeyFile,
  KEYS_MAX,
  openLocalKey,
  parseKeys,
  readKeyFile,
} from "../../../src/io/security/key-file.ts";

const root = mkdtempSync(join(tmpdir(), "keys-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const isRoot = process.geteuid?.() === 0;

let files = 0;
async function keyFile(): Promise<string> {
  const path = join(root, `${files++}.key`);
  await createKeyFile(path);
  return path;
}

/** Message and hint of a refusal. */
async function refusalOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no refusal",
    (error: unknown) => {
      if (!(error instanceof HyperscaleError)) throw error;
      return `${error.code}: ${error.message} (${error.hint ?? ""})`;
    },
  );
}

describe("a key file", () => {
  test("is made with mode 600, and read back as one key of 32 bytes, another in each", async () => {
    const [one, other] = [await keyFile(), await keyFile()];
    expect(statSync(one).mode & 0o777).toBe(0o600);
    const [key, ...rest] = await readKeyFile(one);
    expect(key?.length).toBe(32);
    expect(rest).toEqual([]);
    expect(await readKeyFile(other)).not.toEqual(await readKeyFile(one));
    expect(readdirSync(root).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("is changed in three steps: a new key is accepted, then in use, then alone", async () => {
    const path = await keyFile();
    const [old] = await readKeyFile(path);
    const added = await changeKeyFile(path, "add");
    expect(added).toHaveLength(2);
    expect(added[0]).toEqual(old ?? new Uint8Array());
    expect(await readKeyFile(path)).toEqual(added);
    expect(await changeKeyFile(path, "promote")).toEqual([...added].reverse());
    expect(await changeKeyFile(path, "retire")).toEqual(added.slice(1));
    expect(await readKeyFile(path)).toEqual(added.slice(1));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    for (const step of ["promote", "retire"] as const)
      expect(await refusalOf(changeKeyFile(path, step))).toContain("it holds one key");
    for (let count = 1; count < KEYS_MAX; count++) await changeKeyFile(path, "add");
    expect(await refusalOf(changeKeyFile(path, "add"))).toContain(`${KEYS_MAX} keys already`);
  });

  test("is never overwritten", async () => {
    const path = await keyFile();
    const before = readFileSync(path, "utf8");
    expect(await refusalOf(createKeyFile(path))).toContain("exists already");
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  for (const mode of [0o640, 0o604, 0o660, 0o644, 0o601])
    test(`of mode ${mode.toString(8)} is refused, with the command that mends it`, async () => {
      const path = await keyFile();
      chmodSync(path, mode);
      const refusal = await refusalOf(readKeyFile(path));
      expect(refusal).toStartWith("invalid:");
      expect(refusal).toContain(`mode ${mode.toString(8)}, and it must be 600`);
      expect(refusal).toContain(`chmod 600 ${path}`);
    });

  test("behind a symbolic link is refused", async () => {
    const path = await keyFile();
    symlinkSync(path, `${path}.link`);
    expect(await refusalOf(readKeyFile(`${path}.link`))).toContain("symbolic link");
  });

  test("with a second name is refused", async () => {
    const path = await keyFile();
    linkSync(path, `${path}.hard`);
    expect(await refusalOf(readKeyFile(path))).toContain("hard links");
  });

  test("whose maker died before it took away the name it was written under has one name again", async () => {
    const path = await keyFile();
    const keys = await readKeyFile(path);
    linkSync(path, `${path}.0b7c.tmp`);
    expect(await readKeyFile(path)).toEqual(keys);
    expect(statSync(path).nlink).toBe(1);
    // A name of that form that is another file is none of its names.
    linkSync(path, `${path}.hard`);
    writeFileSync(`${path}.other.tmp`, "x");
    expect(await refusalOf(readKeyFile(path))).toContain("hard links");
    expect(readFileSync(`${path}.other.tmp`, "utf8")).toBe("x");
  });

  test.skipIf(!isRoot)("of another user is refused: both users are named", async () => {
    const path = await keyFile();
    chownSync(path, 12_345, 12_345);
    expect(await refusalOf(readKeyFile(path))).toContain("belongs to user 12345, and this process runs as user 0");
  });

  test("that is a folder, is missing, or is huge is refused", async () => {
    const directory = join(root, `${files++}`);
    mkdirSync(directory);
    expect(await refusalOf(readKeyFile(directory))).toContain("no ordinary file");
    expect(await refusalOf(readKeyFile(join(root, "none")))).toContain("no such file");
    const path = join(root, `${files++}.key`);
    writeFileSync(path, "#".repeat(100_000), { mode: 0o600 });
    expect(await refusalOf(readKeyFile(path))).toContain("100000 bytes");
  });
});

describe("the text of a key file", () => {
  const line = (byte: number): string => `hyperscale-key-1:${Buffer.alloc(32, byte).toString("base64url")}`;

  test("holds the key in use first, then those accepted still", () => {
    const keys = parseKeys(`# words\n\n${line(1)}\n  ${line(2)}\r\n`, "f");
    expect(keys).toEqual([new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]);
  });

  const bad: readonly (readonly [name: string, text: string, message: string])[] = [
    ["nothing", "# only words\n", "holds no key"],
    ["something else", `${line(1)}\nhunter2\n`, "line 2 does not begin with"],
    ["a key that was cut", line(1).slice(0, -1), "the key in line 1 is damaged"],
    ["a key with a stray character", `${line(1)}!`, "the key in line 1 is damaged"],
    ["one key twice", `${line(1)}\n${line(1)}`, "line 2 holds a key that is there already"],
    ["too many keys", [1, 2, 3, 4, 5].map(line).join("\n"), "at most 4"],
  ];
  for (const [name, text, message] of bad)
    test(`with ${name} is refused, without showing the line`, () => {
      expect(() => parseKeys(text, "/etc/c.key")).toThrow(message);
      expect(() => parseKeys(text, "/etc/c.key")).toThrow("/etc/c.key is no key file");
      expect(() => parseKeys(text, "/etc/c.key")).not.toThrow("hunter2");
    });
});

describe("the key of a user's own processes", () => {
  test("is made once and reused, in the runtime folder, by 20 that start at once", async () => {
    const runtime = join(root, "run");
    const opened = await Promise.all(
      Array.from({ length: 20 }, () => openLocalKey({ XDG_RUNTIME_DIR: runtime, HOME: "/nowhere" })),
    );
    expect(new Set(opened.map(({ keys }) => Buffer.from(keys[0] ?? []).toString("hex"))).size).toBe(1);
    expect(opened[0]?.path).toBe(join(runtime, "hyperscale", "local.key"));
    expect(statSync(join(runtime, "hyperscale")).mode & 0o777).toBe(0o700);
    expect(statSync(join(runtime, "hyperscale", "local.key")).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(runtime, "hyperscale"))).toEqual(["local.key"]);
  });

  test("is in the folder of state where there is no runtime folder", async () => {
    expect((await openLocalKey({ HOME: join(root, "home") })).path).toBe(
      join(root, "home", ".local", "state", "hyperscale", "local.key"),
    );
    expect((await openLocalKey({ XDG_STATE_HOME: join(root, "state"), HOME: "/nowhere" })).path).toBe(
      join(root, "state", "hyperscale", "local.key"),
    );
    expect(await refusalOf(openLocalKey({}))).toContain("neither XDG_RUNTIME_DIR nor HOME");
  });

  test("is refused in a folder that others may write into, and when it is open to others", async () => {
    const runtime = join(root, "open");
    const { path } = await openLocalKey({ XDG_RUNTIME_DIR: runtime });
    chmodSync(path, 0o644);
    expect(await refusalOf(openLocalKey({ XDG_RUNTIME_DIR: runtime }))).toContain("mode 644");
    chmodSync(path, 0o600);
    chmodSync(join(runtime, "hyperscale"), 0o777);
    expect(await refusalOf(openLocalKey({ XDG_RUNTIME_DIR: runtime }))).toContain("may write into");
  });
});
