// Goal: a data folder or a disk that cannot be used is said with what is wrong and what to do, and nothing acknowledged is
// risked for it. Method: the built executable with damaged, copied and full folders; a small disk is a tmpfs, which takes
// rights that are not there everywhere.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts, Node } from "./cluster.ts";
import { freshDir, removeDirs, run } from "./run.ts";

setDefaultTimeout(90_000);
afterAll(removeDirs);

const SUBMIT = { "test.ts": "export const options = { iterations: 1 };\nexport default async () => {};" };

function managerOf(dir: string, data: string, port: number): Node {
  return new Node({ name: "m0", port, dir, args: ["manager", "--tcp", String(port), "--data", data] });
}

test.concurrent(
  "a log that is damaged in the middle: the file, the place and what to do, and nothing is changed",
  async () => {
    const [port = 0] = await freePorts(1);
    const dir = freshDir();
    const data = join(dir, "m0");
    const node = managerOf(dir, data, port);
    await node.start();
    await node.until(/leader of term/);
    for (const id of ["a", "b"]) {
      const args = ["submit", "test.ts", "--detach", "-q", "--id", id, "--managers", `127.0.0.1:${port}`];
      expect((await run(args, { files: SUBMIT })).exitCode).toBe(0);
    }
    await node.end("SIGKILL");
    const segments = join(data, "log/wal/log");
    const [first = ""] = readdirSync(segments).filter((name) => name.endsWith(".wal"));
    const bytes = readFileSync(join(segments, first));
    const written = bytes.findLastIndex((byte) => byte !== 0);
    const at = Math.floor(written / 3);
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    writeFileSync(join(segments, first), bytes);
    const refused = await run(["manager", "--tcp", String(port), "--data", data]);
    expect(refused.exitCode, refused.output).toBe(74);
    for (const word of ["the log is damaged", first, "at byte", "from the other managers"])
      expect(refused.stderr).toContain(word);
    expect(readFileSync(join(segments, first)).equals(bytes)).toBe(true);
  },
);

test.concurrent(
  "a folder that was copied: two nodes with one id are noticed, with an address of theirs and what it may be",
  async () => {
    const [port = 0, first = 0, second = 0] = await freePorts(3);
    const dir = freshDir();
    const manager = managerOf(dir, join(dir, "m0"), port);
    const worker = (name: "w0" | "w1", tcp: number): Node => {
      const args = ["worker", "--tcp", String(tcp), "--data", join(dir, name), "--cores", "1"];
      return new Node({ name, port: tcp, dir, args: [...args, "--managers", `127.0.0.1:${port}`] });
    };
    const nodes = [manager, worker("w0", first), worker("w1", second)];
    const [, one, copy] = nodes;
    try {
      await manager.start();
      await manager.until(/leader of term/);
      await one?.start();
      await manager.until(/1 worker with 1 core/);
      await one?.end("SIGKILL");
      cpSync(join(dir, "w0"), join(dir, "w1"), { recursive: true });
      rmSync(join(dir, "w1/node.lock"), { force: true });
      await one?.start();
      await one?.until(/linked to 1 manager/, one.said.length);
      await copy?.start();
      // By their links or by their datagrams, whichever meet first.
      await manager.until(/two (nodes live under one id|processes run as one node).*copied data folder/);
      expect(manager.said).toMatch(/127\.0\.0\.1.*copied data folder|copied data folder.*127\.0\.0\.1/);
    } finally {
      await Promise.all(nodes.map((node) => node.end("SIGKILL")));
    }
  },
);

const hasTmpfs = process.getuid?.() === 0 && Bun.which("mount") !== null;

test.skipIf(!hasTmpfs)(
  "a disk that is full: at the start it is refused, later submits are refused with disk_full, and go on when there is space",
  async () => {
    const [port = 0] = await freePorts(1);
    const dir = freshDir();
    const disk = join(dir, "disk");
    mkdirSync(disk);
    const mount = (size: string): boolean =>
      Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${size}`, "none", disk]).success;
    if (!mount("4m")) return;
    const data = join(disk, "m0");
    const node = managerOf(dir, data, port);
    // Contents that differ, and fill more than what is left of a block: what is on the disk already takes no space again.
    const submit = (id: string, iterations: number) =>
      run(
        [
          "submit",
          "test.ts",
          "--detach",
          "-q",
          "--id",
          id,
          "-i",
          String(iterations),
          "-e",
          `FILL=${"x".repeat(10_000)}`,
          "--managers",
          `127.0.0.1:${port}`,
        ],
        {
          files: SUBMIT,
        },
      );
    try {
      const small = await run(["manager", "--tcp", String(port), "--data", data]);
      expect(small.exitCode, small.output).toBe(74);
      expect(small.stderr).toContain("no space left on the disk");
      expect(small.stderr).toContain(data);
      Bun.spawnSync(["umount", disk]);
      expect(mount("64m")).toBe(true);
      await node.start();
      await node.until(/leader of term/);
      expect((await submit("before", 1)).exitCode).toBe(0);
      const filler = join(disk, "filler");
      Bun.spawnSync(["dd", "if=/dev/zero", `of=${filler}`, "bs=64k"], { stderr: "ignore" });
      const refused = await submit("meanwhile", 2);
      expect(refused.exitCode, refused.output).toBe(75);
      for (const word of ["disk of the manager is full", "free space"]) expect(refused.stderr).toContain(word);
      rmSync(filler);
      expect((await submit("after", 3)).exitCode).toBe(0);
      const listed = await run(["jobs", "--json", "--managers", `127.0.0.1:${port}`]);
      const { jobs }: { jobs: readonly { readonly id: string }[] } = JSON.parse(listed.stdout);
      expect(jobs.map(({ id }) => id)).toEqual(["before", "after"]);
    } finally {
      await node.end("SIGKILL");
      Bun.spawnSync(["umount", "-l", disk]);
    }
  },
);
