// Clusters with a key: keys and credentials that the executable made, one manager with them, a worker. Not a test.

import { expect } from "bun:test";
import { join } from "node:path";
import { freePorts, Node } from "./cluster.ts";
import { freshDir, run } from "./run.ts";

/** Keys and credentials of one cluster, made by the executable. */
export type Keys = {
  readonly dir: string;
  readonly key: string;
  readonly worker: string;
  readonly client: string;
  readonly operator: string;
};

/** A key, and credentials of each role from it. */
export async function makeKeys(): Promise<Keys> {
  const dir = freshDir();
  const key = join(dir, "cluster.key");
  const [worker, client, operator] = [join(dir, "worker"), join(dir, "client"), join(dir, "operator")];
  for (const args of [
    ["create", "--out", key],
    ["issue", "--role", "worker", "--key-file", key, "--out", worker],
    ["issue", "--role", "client", "--key-file", key, "--out", client],
    ["issue", "--role", "operator", "--key-file", key, "--out", operator],
  ]) {
    const made = await run(["key", ...args]);
    expect(made.exitCode, made.stderr).toBe(0);
  }
  return { dir, key, worker, client, operator };
}

export type OneManager = { readonly node: Node; readonly port: number; readonly dir: string } & AsyncDisposable;

/** A cluster of one manager. */
export async function manager(keys: Keys, more: readonly string[] = []): Promise<OneManager> {
  const [port = 0] = await freePorts(1);
  const dir = freshDir();
  const args = ["manager", "--tcp", String(port), "--data", join(dir, "m0"), "--key-file", keys.key, ...more];
  const node = new Node({ name: "m0", port, dir, args });
  await node.start();
  await node.until(/leader of term/);
  return { node, port, dir, [Symbol.asyncDispose]: async () => void (await node.end("SIGKILL")) };
}

/** A worker of it, in the same folder; `security`: what it proves itself with. */
export async function worker(of: OneManager, security: readonly string[]): Promise<Node> {
  const [port = 0] = await freePorts(1);
  const args = ["worker", "--tcp", String(port), "--data", join(of.dir, "w0"), "--cores", "1"];
  const managers = ["--managers", `127.0.0.1:${of.port}`];
  const node = new Node({ name: "w0", port, dir: of.dir, args: [...args, ...managers, ...security] });
  await node.start();
  return node;
}

/** It answers a client, and ends in order. */
export async function expectAlive(keys: Keys, { node, port }: OneManager): Promise<void> {
  const ended = await run(["status", "--managers", `127.0.0.1:${port}`, "--credentials", keys.client]);
  expect(ended.exitCode, ended.stderr).toBe(0);
  expect(await node.end("SIGTERM"), node.said).toBe(0);
  expect(node.said).not.toContain("internal error");
}
