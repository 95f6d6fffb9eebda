// Goal: a node or client that cannot do what it was told says what was wrong, with the values of both sides, and exits
// with the code of the manual. Method: the built executable, one process at a time, each with one thing wrong.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePorts, Node } from "./cluster.ts";
import { freshDir, removeDirs, run } from "./run.ts";

setDefaultTimeout(60_000);
afterAll(removeDirs);

async function expectRefused(args: readonly string[], exitCode: number, ...words: readonly string[]): Promise<void> {
  const ended = await run(args);
  expect(ended.stdout).toBe("");
  for (const word of words) expect(ended.stderr).toContain(word);
  expect(ended.stderr).not.toContain("internal error");
  expect(ended.exitCode, ended.stderr).toBe(exitCode);
}

/** A manager of its own that runs until the end of the block. */
async function aManager(): Promise<{ readonly node: Node; readonly dir: string } & AsyncDisposable> {
  const [port = 0] = await freePorts(1);
  const dir = freshDir();
  const node = new Node({ name: "m0", port, dir, args: ["manager", "--tcp", String(port), "--data", join(dir, "m0")] });
  await node.start();
  await node.until(/leader of term/);
  return { node, dir, [Symbol.asyncDispose]: async () => void (await node.end("SIGKILL")) };
}

describe("a client says", () => {
  const file = { "test.ts": "export const options = { iterations: 1 };\nexport default async () => {};" };

  test.concurrent("that nobody is there, and where it looked", async () => {
    const [first, second] = await freePorts(2);
    const managers = `127.0.0.1:${first},127.0.0.1:${second}`;
    const ended = await run(["submit", "test.ts", "--managers", managers], { files: file });
    expect(ended.exitCode).toBe(75);
    for (const word of [`127.0.0.1:${first}`, `127.0.0.1:${second}`, "nothing listens there"])
      expect(ended.stderr).toContain(word);
  });

  test.concurrent("that a worker is no manager, and how to find one", async () => {
    const [port = 0, nobody = 0] = await freePorts(2);
    const dir = freshDir();
    const args = ["worker", "--tcp", String(port), "--data", join(dir, "w0"), "--managers", `127.0.0.1:${nobody}`];
    const node = new Node({ name: "w0", port, dir, args });
    await node.start();
    await node.until(/linked to 0 managers/);
    const place = `127.0.0.1:${port}`;
    const isThere = `${place} (worker `;
    await Promise.all([
      expectRefused(["jobs", "--managers", place], 75, "no manager answered", isThere, "managers are asked for this"),
      expectRefused(["status", place, "--job", "x", "--watch"], 75, isThere, "hyperscale status NODE"),
      expectRefused(["status", place, "--job", "x"], 104, "knows no jobs: managers do"),
    ]);
    await node.end("SIGKILL");
  });

  test.concurrent("that managers are missing where they are needed", () =>
    expectRefused(["jobs"], 104, "--managers", "HYPERSCALE_MANAGERS"),
  );

  test.concurrent("that --detach needs a cluster, and that what needs the end does not go with it", async () => {
    const alone = await run(["submit", "test.ts", "--detach"], { files: file });
    expect(alone.exitCode).toBe(104);
    expect(alone.stderr).toContain("--managers");
    const args = ["submit", "test.ts", "--detach", "--html", "a.html", "--managers", "127.0.0.1:19000"];
    const both = await run(args, { files: file });
    expect(both.exitCode).toBe(104);
    expect(both.stderr).toContain("--html");
  });

  test.concurrent("what a manager refuses before the test is sent: a job id that is none", async () => {
    const ended = await run(["submit", "test.ts", "--id", "a b", "--managers", "127.0.0.1:19000"], { files: file });
    expect(ended.exitCode).toBe(104);
    expect(ended.stderr).toContain('"a b" is no id');
  });
});

describe("a manager or worker refuses", () => {
  const cases: readonly (readonly [name: string, args: readonly string[], ...words: readonly string[]])[] = [
    [
      "a list of peers without itself, naming both",
      ["manager", "--tcp", "19000", "--peers", "127.0.0.1:19002,127.0.0.1:19004"],
      "--peers",
      "127.0.0.1:19002,127.0.0.1:19004",
      "does not name this manager, which is at 127.0.0.1:19000",
    ],
    [
      "a list of peers with another UDP port for itself",
      ["manager", "--tcp", "19000", "--udp", "19500", "--peers", "127.0.0.1:19000"],
      "UDP port 19001",
      "19500",
    ],
    ["a peer without a port", ["manager", "--peers", "127.0.0.1"], '"127.0.0.1" is no address of a node', "HOST:PORT"],
    ["a port that is none", ["manager", "--tcp", "70000"], '"70000" is no port', "65535"],
    ["an unknown profile", ["manager", "--profile", "moon"], '"moon" is no profile', "local, lan, wan"],
    ["to listen beyond loopback without credentials", ["manager", "--host", "0.0.0.0"], "loopback only", "0.0.0.0"],
    ["an unfit environment", ["worker", "--environment", "a b", "--managers", "127.0.0.1:19000"], '"a b"'],
    ["to be a worker of nobody", ["worker"], "--managers", "127.0.0.1:9000"],
    ["no cores", ["worker", "--managers", "127.0.0.1:19000", "--cores", "0"], "--cores"],
    ["a label without a name", ["worker", "--managers", "127.0.0.1:19000", "--label", "=x"], "--label", "NAME=VALUE"],
    ["a free port and no folder", ["worker", "--managers", "127.0.0.1:19000", "--tcp", "0"], "--data"],
  ];
  for (const [name, args, ...words] of cases) test.concurrent(name, () => expectRefused(args, 104, ...words));

  test.concurrent("a port that is taken", async () => {
    await using other = await aManager();
    const port = String(other.node.port);
    const args = ["manager", "--tcp", port, "--udp", "0", "--data", join(other.dir, "m1")];
    await expectRefused(args, 104, port, "in use", "--tcp");
  });

  test.concurrent("a folder that another process uses", async () => {
    await using other = await aManager();
    const [port] = await freePorts(1);
    const folder = join(other.dir, "m0");
    await expectRefused(["manager", "--tcp", String(port), "--data", folder], 74, folder, "used by another process");
  });

  test.concurrent("a folder of another role, and one of another environment", async () => {
    const other = await aManager();
    await other.node.end("SIGKILL");
    const [port] = await freePorts(1);
    const shared = ["--tcp", String(port), "--data", join(other.dir, "m0")];
    await expectRefused(["worker", ...shared, "--managers", "127.0.0.1:19000"], 74, "manager", "worker");
    await expectRefused(["manager", ...shared, "--environment", "blue"], 74, '"default"', '"blue"');
  });

  test.concurrent("a folder whose identity is damaged", async () => {
    const dir = freshDir();
    await Bun.write(join(dir, "node.json"), "{ not json");
    const [port] = await freePorts(1);
    await expectRefused(["manager", "--tcp", String(port), "--data", dir], 74, "node.json", "damaged");
  });

  test.concurrent("a folder that is a file", async () => {
    const dir = freshDir();
    await Bun.write(join(dir, "file"), "");
    await expectRefused(["manager", "--data", join(dir, "file")], 74, join(dir, "file"), "a file of that name");
  });
});

describe("a node stays, and says why, when", () => {
  test.concurrent("a worker is of another environment than its manager", async () => {
    await using manager = await aManager();
    const [port = 0] = await freePorts(1);
    const data = join(manager.dir, "w0");
    mkdirSync(data);
    const args = ["worker", "--tcp", String(port), "--data", data, "--environment", "blue"];
    const worker = new Node({
      name: "w0",
      port,
      dir: manager.dir,
      args: [...args, "--managers", `127.0.0.1:${manager.node.port}`],
    });
    await worker.start();
    await worker.until(/blue.*default|default.*blue/);
    expect(await worker.end("SIGTERM")).toBe(0);
    expect(await manager.node.end("SIGTERM")).toBe(0);
  });

  test.concurrent("--exit-without-managers: a worker ends with 75 when nobody is there", async () => {
    const [port, nobody] = await freePorts(2);
    const args = ["--tcp", String(port), "--data", freshDir(), "--managers", `127.0.0.1:${nobody}`, "--cores", "1"];
    const ended = await run(["worker", ...args, "--exit-without-managers", "500ms"]);
    expect(ended.exitCode, ended.output).toBe(75);
    expect(ended.stderr).toContain("no manager was there for 500ms");
  });
});

describe("a cluster of one", () => {
  test.concurrent("options come from variables and a config file as well", async () => {
    const [port] = await freePorts(1);
    const dir = freshDir();
    const node = new Node({ name: "m0", port: port ?? 0, dir, args: ["manager", "--config", "node.json"] });
    await Bun.write(join(dir, "node.json"), JSON.stringify({ tcp: port, data: "here" }));
    await node.start();
    await node.until(/leader of term/);
    expect(node.said).toContain(`127.0.0.1:${port}`);
    expect(node.said).toContain(join(dir, "here"));
    const status = await run(["status"], { env: { HYPERSCALE_MANAGERS: `127.0.0.1:${port}` } });
    expect(status.exitCode, status.output).toBe(0);
    expect(status.stdout).toContain("1 of 1 manager, 1 needed");
    expect(await node.end("SIGTERM")).toBe(0);
  });
});
