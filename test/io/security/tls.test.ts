// Goal: under TLS only members of the cluster get in, and a stream is then like any other. Method: the conformance
// suite of streams over real sockets; then strangers of each kind, many times, and nothing they say may arrive.

import { describe, expect, test } from "bun:test";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { connect as connectTls } from "node:tls";
import { createClock } from "../../../src/io/clock.ts";
import { netErrorCode } from "../../../src/io/net-error.ts";
import { createAuthority, issueLeaf, NODE_SERVER_NAME, readPrivateKey } from "../../../src/io/security/certificate.ts";
import { deriveCluster } from "../../../src/io/security/cluster-key.ts";
import {
  CLOCK_ALLOWANCE_MS,
  issueCredentials,
  selfIssue,
  type Credentials,
} from "../../../src/io/security/credentials.ts";
import { describeIdentity, type PeerIdentity } from "../../../src/io/security/peer-identity.ts";
import { createTlsStreams, type TlsOptions } from "../../../src/io/security/tls.ts";
import type { Connection } from "../../../src/io/world.ts";
import { streamSuite } from "../conformance/streams.ts";
import { REAL, until } from "../conformance/world-under-test.ts";

const clock = createClock();
const HERE = { host: "127.0.0.1", port: 0 };
const DAY_MS = 86_400_000;
const KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(8);
const cluster = deriveCluster(KEY);
const manager = selfIssue({ keys: [KEY], role: "manager", node: "m1", epochMs: clock.epochMs() });
const worker = issueCredentials({ keys: [KEY], role: "worker", node: null, epochMs: clock.epochMs(), lifeMs: DAY_MS });

/** Credentials with another leaf: by an authority, for an identity and days from now. */
function withLeaf(leaf: {
  authority?: ReturnType<typeof createAuthority>;
  identity?: PeerIdentity;
  days?: readonly [number, number];
}): Credentials {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const identity = leaf.identity ?? { cluster: cluster.id, role: "manager", node: "m2" };
  const [begin, end] = leaf.days ?? [-1, 1];
  const certificate = issueLeaf(leaf.authority ?? cluster.authority, {
    identity,
    privateKey,
    beginMs: clock.epochMs() + begin * DAY_MS,
    endMs: clock.epochMs() + end * DAY_MS,
    serial: randomBytes(16),
  });
  return { ...manager, identity, certificate, privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) };
}

/** The same name, another key. */
const rogueAuthority = createAuthority(
  cluster.authority.name,
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
);

function signedByWorker(): Credentials {
  const workerKey = readPrivateKey(worker.privateKey);
  if (typeof workerKey === "string") throw new Error(workerKey);
  const forged = withLeaf({ authority: createAuthority(describeIdentity(worker.identity), workerKey) });
  return { ...forged, certificate: forged.certificate + worker.certificate };
}

type Door = {
  readonly port: number;
  readonly accepted: Connection[];
  readonly heard: string[];
  readonly refused: string[];
  close(): void;
};

/** A listener that keeps who got in, what was said, and who was refused. */
async function open(options: Partial<TlsOptions> = {}): Promise<Door> {
  const [accepted, heard, refused]: [Connection[], string[], string[]] = [[], [], []];
  const streams = createTlsStreams({
    credentials: manager,
    clock,
    onRefused: (_from, why) => refused.push(why),
    ...options,
  });
  const listener = await streams.listen(HERE, (connection) => {
    connection.handle({
      onBytes: (bytes) => heard.push(new TextDecoder().decode(bytes)),
      onDrain: () => {},
      onClose: () => {},
    });
    accepted.push(connection);
  });
  const close = (): void => {
    listener.close();
    for (const connection of accepted) connection.destroy();
  };
  return { port: listener.address.port, accepted, heard, refused, close };
}

/** "in", or the code and words of the refusal. */
async function knock(credentials: Credentials, port: number, timeoutMs = 4_000): Promise<string> {
  try {
    const streams = createTlsStreams({ credentials, clock });
    const connection = await streams.connect({ host: "127.0.0.1", port }, { timeoutMs });
    connection.handle({ onBytes: () => {}, onDrain: () => {}, onClose: () => {} });
    connection.destroy();
    return "in";
  } catch (error) {
    return `${netErrorCode(error) ?? "no net error"}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const waitFor = (what: string, condition: () => boolean): Promise<void> => until({ clock }, what, condition);

describe("streams under TLS", () =>
  streamSuite({
    name: "TLS",
    run: (body) =>
      REAL.run((here, there) => {
        const streams = createTlsStreams({ credentials: manager, clock });
        return body({ ...here, ports: { ...here.ports, streams } }, { ...there, ports: { ...there.ports, streams } });
      }),
  }));

test("each side knows who the other proved to be", async () => {
  const door = await open();
  const streams = createTlsStreams({ credentials: worker, clock });
  const connection = await streams.connect({ host: "localhost", port: door.port }, { timeoutMs: 4_000 });
  connection.handle({ onBytes: () => {}, onDrain: () => {}, onClose: () => {} });
  expect(connection.peer).toEqual({ cluster: cluster.id, role: "manager", node: "m1" });
  await waitFor("the other side", () => door.accepted.length === 1);
  expect(door.accepted[0]?.peer).toEqual({ cluster: cluster.id, role: "worker", node: null });
  connection.destroy();
  door.close();
});

describe("a stranger is refused, and both sides say why:", () => {
  const foreign = selfIssue({ keys: [OTHER_KEY], role: "manager", node: "m2", epochMs: clock.epochMs() });
  const strangers: readonly (readonly [
    name: string,
    who: Credentials,
    here: readonly string[],
    there: readonly string[],
  ])[] = [
    [
      "one of another cluster",
      foreign,
      [foreign.identity.cluster, cluster.id, "not signed by an authority"],
      [foreign.identity.cluster, cluster.id, "not signed by an authority"],
    ],
    [
      "one with a certificate of an authority of the same name",
      withLeaf({ authority: rogueAuthority }),
      ["manager m2", "not signed by an authority"],
      ["without accepting this manager m2", cluster.id],
    ],
    [
      "one whose certificate expired",
      withLeaf({ days: [-9, -8] }),
      ["manager m2", "expired at", "the clock here says"],
      ["may have expired"],
    ],
    [
      "one whose certificate is of the future",
      withLeaf({ days: [8, 9] }),
      ["manager m2", "is valid from", "the clock here says"],
      ["clock be far off"],
    ],
    [
      "one whose certificate a worker signed",
      signedByWorker(),
      ["not signed by an authority"],
      ["without accepting this manager m2"],
    ],
    [
      "one of another cluster under the same authority",
      withLeaf({ identity: { cluster: "elsewhere", role: "manager", node: "m2" } }),
      ["manager m2 of cluster elsewhere", `manager m1 of cluster ${cluster.id}`],
      ["refused this one", "manager m2 of cluster elsewhere", `manager m1 of cluster ${cluster.id}`],
    ],
  ];
  for (const [name, who, here, there] of strangers)
    test(name, async () => {
      const door = await open();
      const answer = await knock(who, door.port);
      expect(answer).toStartWith("denied: ");
      for (const word of there) expect(answer).toContain(word);
      if (who === foreign) {
        // It does not believe the listener either, and goes before it shows anything.
        expect(door.accepted).toEqual([]);
      } else {
        await waitFor("the refusal", () => door.refused.length === 1);
        for (const word of here) expect(door.refused[0]).toContain(word);
      }
      expect(door.accepted).toEqual([]);
      door.close();
    });

  test("one without a certificate, and what it says with its handshake is not heard", async () => {
    const door = await open();
    let isClosed = false;
    await Bun.connect({
      hostname: "127.0.0.1",
      port: door.port,
      tls: { ca: cluster.authority.certificate, serverName: NODE_SERVER_NAME, rejectUnauthorized: true },
      socket: {
        handshake: (socket) => void socket.write("let me in"),
        data: () => {},
        error: () => {},
        close: () => {
          isClosed = true;
        },
      },
    });
    await waitFor("the close", () => isClosed);
    expect(door.refused).toEqual([expect.stringContaining("it shows no certificate")]);
    expect(door.accepted).toEqual([]);
    expect(door.heard).toEqual([]);
    door.close();
  });

  test("one that speaks no TLS: text, zeros, a frame, nothing but noise", async () => {
    const door = await open();
    const said = [Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.alloc(4_096), Buffer.of(3, 0, 0, 0, 1, 10, 0, 1, 2, 3)];
    said.push(...Array.from({ length: 20 }, () => randomBytes(300)));
    for (const bytes of said) {
      let isClosed = false;
      await Bun.connect({
        hostname: "127.0.0.1",
        port: door.port,
        socket: {
          open: (socket) => {
            socket.write(bytes);
            socket.end();
          },
          data: () => {},
          close: () => {
            isClosed = true;
          },
        },
      });
      await waitFor("the close", () => isClosed);
    }
    expect(door.accepted).toEqual([]);
    expect(door.heard).toEqual([]);
    expect(await knock(manager, door.port)).toBe("in");
    door.close();
  });

  test("one that speaks an older TLS with a good certificate", async () => {
    const door = await open();
    const socket = connectTls({
      host: "127.0.0.1",
      port: door.port,
      cert: worker.certificate,
      key: worker.privateKey,
      ca: [...worker.authorities],
      servername: NODE_SERVER_NAME,
      maxVersion: "TLSv1.2",
    });
    socket.on("error", () => {});
    socket.on("secureConnect", () => socket.write("old words"));
    await waitFor("the refusal", () => door.refused.length === 1);
    expect(door.refused[0]).toContain("TLSv1.3 is needed");
    expect(door.accepted).toEqual([]);
    expect(door.heard).toEqual([]);
    socket.destroy();
    door.close();
  });
});

test("of 1,000 with rogue certificates among members none gets in, and every member does", async () => {
  const door = await open();
  const rogue = withLeaf({ authority: rogueAuthority, identity: worker.identity });
  const answers: string[] = [];
  for (let round = 0; round < 50; round++) {
    const crowd = Array.from({ length: 20 }, () => knock(rogue, door.port));
    answers.push(...(await Promise.all(crowd)));
    expect(await knock(worker, door.port)).toBe("in");
  }
  expect(answers.filter((answer) => answer.startsWith("denied: ")).length).toBe(1_000);
  await waitFor("the refusals", () => door.refused.length === 1_000);
  expect(door.accepted.length).toBe(50);
  door.close();
}, 60_000);

test("a connection ends when the certificate of the other side does", async () => {
  const dayMs = 86_400_000;
  const keys = [new Uint8Array(32).fill(7)];
  const made = { keys, node: null, epochMs: Date.now() };
  const short = issueCredentials({ ...made, role: "worker", lifeMs: dayMs });
  // By the listener's clock there are two seconds left; TLS itself goes by this machine's.
  const soon = { epochMs: () => Date.now() + dayMs + CLOCK_ALLOWANCE_MS - 2_000 };
  const door = await open({ credentials: selfIssue({ ...made, role: "manager" }), clock: soon });
  const streams = createTlsStreams({ credentials: short, clock });
  const connection = await streams.connect({ host: "127.0.0.1", port: door.port }, { timeoutMs: 4_000 });
  const gone = Promise.withResolvers<void>();
  connection.handle({ onBytes: () => {}, onDrain: () => {}, onClose: () => gone.resolve() });
  connection.write(new TextEncoder().encode("in time"));
  await gone.promise;
  expect(door.heard).toEqual(["in time"]);
  expect(door.refused).toHaveLength(1);
  expect(door.refused[0]).toMatch(/certificate of worker of cluster [0-9a-f]+ expired at 20/);
  door.close();
});

describe("whoever connects does not believe", () => {
  test("a listener with a rogue certificate, or a client's: it shows nothing of its own", async () => {
    const client = issueCredentials({
      keys: [KEY],
      role: "client",
      node: null,
      epochMs: clock.epochMs(),
      lifeMs: DAY_MS,
    });
    for (const [who, words] of [
      [withLeaf({ authority: rogueAuthority }), "not signed by an authority"],
      [withLeaf({ days: [-9, -8] }), "expired at"],
      [client, "INVALID_PURPOSE"],
    ] as const) {
      const door = await open({ credentials: who });
      const answer = await knock(worker, door.port);
      expect(answer).toStartWith("denied: ");
      expect(answer).toContain(words);
      expect(door.accepted).toEqual([]);
      door.close();
    }
  });

  test("a listener in clear", async () => {
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n") },
    });
    expect(await knock(worker, listener.port)).toStartWith("denied: ");
    listener.stop(true);
  });

  test("a listener that never gives its verdict, or says what is none", async () => {
    const said: readonly (readonly [string | Uint8Array, string])[] = [
      ["", "timeout: "],
      [Uint8Array.of(0), "timeout: "],
      ["hello", "it does not speak this protocol"],
      [Uint8Array.of(0, 3, 0x1b, 0x5b, 0x41), "refused this one: ?[A"],
    ];
    for (const [bytes, words] of said) {
      const listener = Bun.listen({
        hostname: "127.0.0.1",
        port: 0,
        tls: {
          cert: manager.certificate,
          key: manager.privateKey,
          ca: [...manager.authorities],
          requestCert: true,
          rejectUnauthorized: true,
        },
        socket: { handshake: (socket) => void socket.write(bytes), data: () => {} },
      });
      expect(await knock(worker, listener.port, 300)).toContain(words);
      listener.stop(true);
    }
  });
});

test("a key is changed node by node without a refusal, and the old one is shut out in the end", async () => {
  const at = (keys: readonly Uint8Array[], node: string): Credentials =>
    selfIssue({ keys, role: "manager", node, epochMs: clock.epochMs() });
  const steps = [[KEY], [KEY, OTHER_KEY], [OTHER_KEY, KEY], [OTHER_KEY]];
  for (const [step, keys] of steps.entries()) {
    const before = at(steps[Math.max(0, step - 1)] ?? keys, "m1");
    const after = at(keys, "m2");
    for (const [listening, connecting] of [
      [before, after],
      [after, before],
    ] as const) {
      const door = await open({ credentials: listening });
      expect(await knock(connecting, door.port)).toBe("in");
      door.close();
    }
  }
  const door = await open({ credentials: at([OTHER_KEY], "m1") });
  expect(await knock(manager, door.port)).toStartWith("denied: ");
  door.close();
});

describe("strangers who do not get on with it", () => {
  test("are put out after a time, or when more come than may wait; members get in all the while", async () => {
    const door = await open({ limits: { handshakes: 5, handshakeMs: 500 } });
    let closes = 0;
    const stand = (): Promise<unknown> =>
      Bun.connect({
        hostname: "127.0.0.1",
        port: door.port,
        socket: {
          data: () => {},
          close: () => {
            closes++;
          },
        },
      });
    for (let at = 0; at < 8; at++) await stand();
    await waitFor("the first to be put out", () => closes === 3);
    expect(door.refused).toEqual(Array(3).fill(expect.stringContaining("5 others had come after it")));
    expect(await knock(worker, door.port)).toBe("in");
    expect(await knock(worker, door.port)).toBe("in");
    await waitFor("all to be put out", () => closes === 8);
    expect(door.refused.filter((why) => why.includes("no handshake in 0.5 s")).length).toBe(4);
    expect(door.refused.length).toBe(8);
    door.close();
  });
});

test("bytes changed under way end the connection, and nothing of them is delivered", async () => {
  const door = await open();
  let isChanging = false;
  type Side = { other: Bun.Socket<Side> | null; early: Buffer[] };
  const pass = (socket: Bun.Socket<Side>, bytes: Buffer): void => {
    if (isChanging) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    if (socket.data.other === null) socket.data.early.push(Buffer.from(bytes));
    else socket.data.other.write(bytes);
  };
  const between = Bun.listen<Side>({
    hostname: "127.0.0.1",
    port: 0,
    data: { other: null, early: [] },
    socket: {
      open: async (socket) => {
        socket.data = { other: null, early: [] };
        const other = await Bun.connect<Side>({
          hostname: "127.0.0.1",
          port: door.port,
          data: { other: socket, early: [] },
          socket: { data: pass, close: ({ data }) => void data.other?.end() },
        });
        socket.data.other = other;
        for (const bytes of socket.data.early) other.write(bytes);
      },
      data: pass,
      close: ({ data }) => void data.other?.end(),
    },
  });
  const streams = createTlsStreams({ credentials: worker, clock });
  const connection = await streams.connect({ host: "127.0.0.1", port: between.port }, { timeoutMs: 4_000 });
  const closes: string[] = [];
  connection.handle({ onBytes: () => {}, onDrain: () => {}, onClose: (reason) => closes.push(reason) });
  connection.write(new TextEncoder().encode("as said"));
  await waitFor("the words", () => door.heard.join("") === "as said");
  isChanging = true;
  connection.write(new TextEncoder().encode("not as said"));
  await waitFor("the close", () => closes.length === 1);
  expect(door.heard.join("")).toBe("as said");
  between.stop(true);
  door.close();
});
