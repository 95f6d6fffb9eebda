// Goal: keys and credentials are what they should be, or a node or client says what is wrong with the values of both
// sides; and a key is changed while the cluster runs. Method: the built executable with files that are spoiled in one way
// each, and a manager and a worker that are restarted at every step of a change.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeCredentialFile } from "../../src/io/security/credential-file.ts";
import { issueCredentials } from "../../src/io/security/credentials.ts";
import { readKeyFile } from "../../src/io/security/key-file.ts";
import { freePorts } from "./cluster.ts";
import { type Keys, makeKeys, manager, worker } from "./keyed.ts";
import { executable, freshDir, removeDirs, run, submitArgs } from "./run.ts";

setDefaultTimeout(60_000);
afterAll(removeDirs);

let keys: Keys;
beforeAll(async () => {
  await executable();
  keys = await makeKeys();
});

test.concurrent("a worker whose credentials end soon says so, and one that holds the key", async () => {
  await using at = await manager(keys);
  const short = join(freshDir(), "short.credentials");
  const issue = ["key", "issue", "--role", "worker", "--days", "3", "--key-file", keys.key, "--out", short];
  expect((await run(issue)).exitCode).toBe(0);
  const node = await worker(at, ["--credentials", short]);
  await node.until(/its credentials end at 20..-.*issue new ones/);
  expect(await node.end("SIGTERM")).toBe(0);
  const holder = await worker(at, ["--key-file", keys.key]);
  await holder.until(/this worker holds the key of the cluster.*key issue --role worker/);
  expect(await holder.end("SIGTERM")).toBe(0);
  expect(holder.said).not.toContain("credentials end at");
});

test.concurrent(
  "a key is changed in three steps: members stay, results stay readable, and the old key is out",
  async () => {
    const own = await makeKeys();
    await using at = await manager(own);
    const asked = ["--managers", `127.0.0.1:${at.port}`, "--credentials"];
    const node = await worker(at, ["--credentials", own.worker]);
    const source = "export const options = { iterations: 1 }; export default async () => {};";
    const ended = await submitArgs(["test.ts", ...asked, own.client], { files: { "test.ts": source } });
    expect(ended.exitCode, ended.output).toBe(0);
    const results = ["results", ended.summary?.job.id ?? "", ...asked];
    /** New credentials in the place of the old, the worker restarted with them. */
    const reissue = async (): Promise<void> => {
      for (const [role, out] of [
        ["worker", own.worker],
        ["client", own.client],
      ] as const) {
        rmSync(out);
        const issued = await run(["key", "issue", "--role", role, "--key-file", own.key, "--out", out]);
        expect(issued.exitCode, issued.stderr).toBe(0);
      }
      const from = at.node.said.length;
      expect(await node.end("SIGTERM")).toBe(0);
      await node.start();
      await at.node.until(/member alive .*role=worker/, from);
    };
    const step = async (name: string): Promise<void> => {
      const changed = await run(["key", name, "--key-file", own.key]);
      expect(changed.exitCode, changed.stderr).toBe(0);
      const from = at.node.said.length;
      expect(await at.node.end("SIGTERM")).toBe(0);
      await at.node.start();
      await at.node.until(/leader of .*; 1 worker with 1 core/, from);
      expect((await run([...results, own.client])).exitCode).toBe(0);
    };
    const before = join(own.dir, "before.credentials");
    writeFileSync(before, readFileSync(own.client), { mode: 0o600 });
    await step("add");
    await reissue();
    await step("promote");
    await at.node.until(/blobs are under the key in use now/);
    await reissue();
    await step("retire");
    const refused = await run([...results, before]);
    expect(refused.exitCode).toBe(75);
    expect(refused.stderr).toContain("no node takes this client");
    expect(await node.end("SIGTERM")).toBe(0);
  },
);

describe("a node or client refuses to start with", () => {
  const cases: readonly (readonly [
    name: string,
    args: (given: { readonly dir: string }) => readonly string[] | Promise<readonly string[]>,
    exitCode: number,
    ...words: readonly string[],
  ])[] = [
    [
      "a key file that is not there",
      () => ["manager", "--key-file", "/nowhere/cluster.key"],
      74,
      "/nowhere/cluster.key",
    ],
    [
      "a key file that others may read",
      async ({ dir }) => {
        const path = join(dir, "open.key");
        await Bun.write(path, readFileSync(keys.key));
        chmodSync(path, 0o640);
        return ["manager", "--key-file", path];
      },
      104,
      "mode 640",
      "must be 600",
      "chmod 600",
    ],
    [
      "a damaged key file",
      async ({ dir }) => {
        const path = join(dir, "bad.key");
        await Bun.write(path, readFileSync(keys.key, "utf8").trim().slice(0, -3));
        chmodSync(path, 0o600);
        return ["manager", "--key-file", path];
      },
      104,
      "no key file",
      "damaged",
      "hyperscale key create",
    ],
    [
      "credentials of a worker as a manager",
      () => ["manager", "--credentials", keys.worker],
      104,
      "worker",
      "manager",
      "--key-file",
    ],
    [
      "credentials of a client as a worker",
      () => ["worker", "--managers", "127.0.0.1:19000", "--credentials", keys.client],
      104,
      "is for a client",
      "this is a worker\n",
      "key issue --role worker",
    ],
    [
      "credentials of a worker as a client",
      () => ["jobs", "--managers", "127.0.0.1:19000", "--credentials", keys.worker],
      104,
      "worker of cluster",
      "this is a client",
    ],
    [
      "a key file as credentials",
      () => ["jobs", "--managers", "127.0.0.1:19000", "--credentials", keys.key],
      104,
      "holds no credentials",
    ],
    [
      "credentials that have expired",
      async ({ dir }) => {
        const path = join(dir, "old.credentials");
        const epochMs = Date.now() - 30 * 86_400_000;
        const ring = await readKeyFile(keys.key);
        await writeCredentialFile(
          path,
          issueCredentials({ keys: ring, role: "client", node: null, epochMs, lifeMs: 1 }),
        );
        return ["jobs", "--managers", "127.0.0.1:19000", "--credentials", path];
      },
      104,
      "expired at",
      "clock says",
    ],
    [
      "two ways to prove itself",
      () => ["manager", "--key-file", keys.key, "--credentials", keys.worker],
      104,
      "--credentials",
      "--key-file",
    ],
    ["half a certificate", () => ["manager", "--tls-cert", "/x.pem"], 104, "--tls-cert, --tls-key and --tls-ca"],
    [
      "another address than loopback and no credentials",
      () => ["manager", "--host", "0.0.0.0"],
      104,
      "0.0.0.0",
      "loopback",
      "hyperscale key create",
    ],
  ];
  for (const [name, args, exitCode, ...words] of cases)
    test.concurrent(name, async () => {
      const dir = freshDir();
      const ended = await run(await args({ dir }), { dir });
      for (const word of words) expect(ended.stderr).toContain(word);
      expect(ended.stderr).not.toContain("internal error");
      expect(ended.exitCode, ended.stderr).toBe(exitCode);
    });

  test.concurrent("credentials for another worker than its folder is", async () => {
    const dir = freshDir();
    const [port] = await freePorts(1);
    const path = join(dir, "w7.credentials");
    const made = await run(["key", "issue", "--role", "worker", "--node", "w7", "--key-file", keys.key, "--out", path]);
    expect(made.exitCode, made.stderr).toBe(0);
    await Bun.write(
      join(dir, "node.json"),
      `{"version":1,"role":"worker","environment":"default","node":"aa","boot":1}`,
    );
    const args = ["worker", "--managers", "127.0.0.1:19000", "--tcp", String(port), "--data", dir];
    const ended = await run([...args, "--credentials", path]);
    expect(ended.exitCode).toBe(74);
    for (const word of ["node aa", "node w7"]) expect(ended.stderr).toContain(word);
  });
});
