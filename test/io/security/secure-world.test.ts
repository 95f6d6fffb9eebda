// Goal: in a secured world members reach each other by streams and datagrams, strangers do not, and nobody is handed
// over before the self-test is through. Method: worlds of this machine with credentials of two keys, on loopback.

import { describe, expect, test } from "bun:test";
import { netErrorCode } from "../../../src/io/net-error.ts";
import { createWorld } from "../../../src/io/real-world.ts";
import { createLog } from "../../../src/io/log.ts";
import { selfIssue } from "../../../src/io/security/credentials.ts";
import type { PeerRole } from "../../../src/io/security/peer-identity.ts";
import { secureWorld } from "../../../src/io/security/secure-world.ts";
import type { Connection } from "../../../src/io/world.ts";

const HERE = { host: "127.0.0.1", port: 0 };
const [KEY, OTHER] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];

function world(key: Uint8Array, role: PeerRole) {
  const lines: string[] = [];
  const log = createLog({ level: "info", color: false, line: (text) => void lines.push(text) });
  const credentials = selfIssue({ keys: [key], role, node: null, epochMs: Date.now() });
  return { ...secureWorld(createWorld(log), credentials), lines };
}

const deaf = (connection: Connection): void =>
  connection.handle({ onBytes: () => {}, onDrain: () => {}, onClose: () => {} });

describe("a secured world", () => {
  test("hands connections over after its self-test alone, and tells who is there", async () => {
    const [manager, worker] = [world(KEY, "manager"), world(KEY, "worker")];
    let isTested = false;
    void manager.tested.then(() => {
      isTested = true;
    });
    const accepted = Promise.withResolvers<Connection>();
    let wasTested = false;
    const listener = await manager.world.streams.listen(HERE, (connection) => {
      wasTested = isTested;
      deaf(connection);
      accepted.resolve(connection);
    });
    const connection = await worker.world.streams.connect(listener.address, { timeoutMs: 5_000 });
    deaf(connection);
    expect(connection.peer?.role).toBe("manager");
    const other = await accepted.promise;
    expect([other.peer?.role, wasTested]).toEqual(["worker", true]);
    connection.destroy();
    other.destroy();
    listener.close();
  });

  test("refuses the holder of another key, on both sides, and says so in its log", async () => {
    const [manager, stranger] = [world(KEY, "manager"), world(OTHER, "client")];
    const taken: Connection[] = [];
    const listener = await manager.world.streams.listen(HERE, (connection) => void taken.push(connection));
    const failed = stranger.world.streams.connect(listener.address, { timeoutMs: 5_000 });
    expect(await failed.then(() => null, netErrorCode)).toBe("denied");
    expect(taken).toEqual([]);
    listener.close();
  });

  test("seals datagrams: members hear them, and one in clear or under another key is dropped with words", async () => {
    const [manager, worker, stranger] = [world(KEY, "manager"), world(KEY, "worker"), world(OTHER, "worker")];
    const heard: string[] = [];
    const receiving = await manager.world.datagrams.bind(HERE, { node: "m", boot: 1 });
    const done = Promise.withResolvers<void>();
    receiving.onDatagram((_from, bytes) => {
      heard.push(new TextDecoder().decode(bytes));
      if (heard.includes("last")) done.resolve();
    });
    const sockets = [
      await stranger.world.datagrams.bind(HERE, { node: "s", boot: 1 }),
      await createWorld().datagrams.bind(HERE),
      await worker.world.datagrams.bind(HERE, { node: "w", boot: 1 }),
    ];
    expect(sockets.map(({ overheadBytes }) => overheadBytes > 50)).toEqual([true, false, true]);
    const [foreign, clear, own] = sockets;
    foreign?.send(receiving.address, new TextEncoder().encode("foreign"));
    clear?.send(receiving.address, new TextEncoder().encode("clear"));
    // Loopback keeps the order of one sender alone.
    while (manager.lines.length < 2) await new Promise((resolve) => setImmediate(resolve));
    own?.send(receiving.address, new TextEncoder().encode("last"));
    await done.promise;
    expect(heard).toEqual(["last"]);
    expect(manager.lines.join("\n")).toMatch(/under a key that this node does not have/);
    expect(manager.lines.join("\n")).toMatch(/it is not sealed/);
    for (const socket of [receiving, ...sockets]) socket.close();
  });
});
