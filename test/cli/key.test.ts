// Goal: `key` tells people and programs the same of a key file and of credentials, and never a key. Method: real files
// in a fresh folder, each action with --json and without.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { runProgram } from "../../src/cli/program.ts";
import { createWorld } from "../../src/io/real-world.ts";
import { fakeTerminal } from "./fake-terminal.ts";

const keySchema = z.strictObject({
  version: z.literal(1),
  file: z.string(),
  keys: z.array(z.strictObject({ cluster: z.string(), state: z.enum(["in use", "accepted"]) })).min(1),
});
const credentialSchema = z.strictObject({
  version: z.literal(1),
  file: z.string(),
  cluster: z.string(),
  role: z.enum(["manager", "worker", "client", "operator"]),
  node: z.string().nullable(),
  until: z.iso.datetime(),
  problem: z.string().nullable(),
});

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hyperscale-key-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function key(...args: readonly string[]): Promise<string> {
  const terminal = fakeTerminal(["key", ...args], { directory: folder });
  const code = await runProgram(terminal, "1.0.0", async () => createWorld());
  expect(terminal.stderr()).toBe("");
  expect(code).toBe(0);
  return terminal.stdout();
}

test("a key file and credentials are told as JSON, without what is secret", async () => {
  const made = keySchema.parse(JSON.parse(await key("create", "--json")));
  expect(made).toMatchObject({ file: join(folder, "cluster.key"), keys: [{ state: "in use" }] });
  const cluster = made.keys[0]?.cluster ?? "";
  expect(keySchema.parse(JSON.parse(await key("show", "--json")))).toEqual(made);
  expect(await key("show")).toBe(`${made.file}: key of cluster ${cluster}, in use\n`);

  const worker = JSON.parse(await key("issue", "--role", "worker", "--node", "w7", "--out", "w7", "--json"));
  const issued = credentialSchema.parse(worker);
  expect(issued).toMatchObject({ file: join(folder, "w7"), cluster, role: "worker", node: "w7", problem: null });
  expect(credentialSchema.parse(JSON.parse(await key("show", "w7", "--json")))).toEqual(issued);
  expect(await key("show", "w7")).toMatch(/w7: .*worker.* until .*\nit is good now\n$/);

  const added = await key("add", "--json");
  expect(keySchema.parse(JSON.parse(added)).keys.map(({ state }) => state)).toEqual(["in use", "accepted"]);
  const secrets = (await readFile(made.file, "utf8")).split(/\s+/).filter((word) => word.length > 30);
  expect(secrets).toHaveLength(2);
  for (const secret of secrets) expect(added).not.toContain(secret);
});
