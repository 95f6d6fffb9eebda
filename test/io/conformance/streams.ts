// What every stream does, whoever made it.

import { expect, test } from "bun:test";
import { createPrng, nextBelow } from "../../../src/base/prng.ts";
import { netErrorCode } from "../../../src/io/net-error.ts";
import {
  WRITE_BUFFER_BYTES,
  type Address,
  type CloseReason,
  type Connection,
  type Listener,
} from "../../../src/io/world.ts";
import { until, type Peer, type WorldUnderTest } from "./world-under-test.ts";

/** What one side of a connection saw. */
class Seen {
  readonly pieces: Uint8Array[] = [];
  bytes = 0;
  drains = 0;
  readonly closes: CloseReason[] = [];
  readonly connection: Connection;

  constructor(connection: Connection, onBytes: (bytes: Uint8Array) => void = () => {}) {
    this.connection = connection;
    connection.handle({
      onBytes: (bytes) => {
        this.pieces.push(bytes);
        this.bytes += bytes.length;
        onBytes(bytes);
      },
      onDrain: () => this.drains++,
      onClose: (reason) => this.closes.push(reason),
    });
  }

  get text(): string {
    return new TextDecoder().decode(Buffer.concat(this.pieces));
  }
}

type Pair = { readonly client: Seen; readonly server: Seen; readonly listener: Listener };

async function connected(here: Peer, there: Peer): Promise<Pair> {
  const accepted: Seen[] = [];
  const listener = await there.ports.streams.listen({ host: there.host, port: 0 }, (connection) =>
    accepted.push(new Seen(connection)),
  );
  const client = new Seen(await here.ports.streams.connect(listener.address, { timeoutMs: 2_000 }));
  await until(here.ports, "the other side", () => accepted.length === 1);
  const server = accepted[0];
  if (server === undefined) throw new Error("nobody was accepted");
  return { client, server, listener };
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => "no error",
    (error: unknown) => netErrorCode(error) ?? String(error),
  );
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

/** The tests of the streams port. */
export function streamSuite(world: WorldUnderTest): void {
  test("both sides know each other's address, and say things both ways", () =>
    world.run(async (here, there) => {
      const { client, server, listener } = await connected(here, there);
      expect(client.connection.remote).toEqual(listener.address);
      expect(server.connection.local).toEqual(listener.address);
      expect(server.connection.remote).toEqual(client.connection.local);
      client.connection.write(text("hello"));
      await until(here.ports, "hello", () => server.text === "hello");
      // Not a Buffer, whose slice is no copy.
      expect(server.pieces[0]?.constructor).toBe(Uint8Array);
      server.connection.write(text("well "));
      server.connection.write(text("met"));
      await until(here.ports, "the answer", () => client.text === "well met");
      expect(client.connection.pendingBytes).toBe(0);
      client.connection.destroy();
      listener.close();
    }));

  test("5 MB in odd pieces arrive in order, both ways at once", () =>
    world.run(async (here, there) => {
      const { client, server, listener } = await connected(here, there);
      const prng = createPrng(7);
      const total = 5_000_000;
      const written = Uint8Array.from({ length: total }, (_, at) => (at * 31 + (at >> 8)) % 251);
      for (let at = 0; at < total;) {
        const length = 1 + nextBelow(prng, at % 3 === 0 ? 200_000 : 700);
        const piece = written.slice(at, at + length);
        client.connection.write(piece);
        server.connection.write(piece);
        // A write takes a copy.
        piece.fill(0);
        at += length;
      }
      await until(here.ports, "all bytes", () => client.bytes >= total && server.bytes >= total);
      for (const side of [client, server]) expect(Buffer.compare(Buffer.concat(side.pieces), written)).toBe(0);
      client.connection.destroy();
      listener.close();
    }));

  test("write says stop beyond the buffer, and onDrain says go on", () =>
    world.run(async (here, there) => {
      const { client, server, listener } = await connected(here, there);
      const piece = new Uint8Array(65_536);
      let written = 0;
      let mayWrite = true;
      while (mayWrite && written < 2 ** 28) {
        mayWrite = client.connection.write(piece);
        written += piece.length;
        expect(mayWrite).toBe(client.connection.pendingBytes <= WRITE_BUFFER_BYTES);
      }
      expect(mayWrite).toBe(false);
      expect(client.connection.pendingBytes).toBeGreaterThan(WRITE_BUFFER_BYTES);
      expect(client.connection.pendingBytes).toBeLessThanOrEqual(WRITE_BUFFER_BYTES + piece.length);
      expect(client.drains).toBe(0);
      await until(here.ports, "room", () => client.drains === 1);
      expect(client.connection.pendingBytes).toBeLessThanOrEqual(WRITE_BUFFER_BYTES / 2);
      await until(here.ports, "all bytes", () => server.bytes === written);
      expect(client.drains).toBe(1);
      client.connection.destroy();
      listener.close();
    }));

  test("end sends what is pending; the other side sees an end, this side its own close", () =>
    world.run(async (here, there) => {
      const { client, server, listener } = await connected(here, there);
      client.connection.write(new Uint8Array(8_000_000));
      client.connection.end();
      client.connection.end();
      expect(client.connection.write(text("too late"))).toBe(false);
      await until(here.ports, "both closes", () => client.closes.length + server.closes.length >= 2);
      expect(server.bytes).toBe(8_000_000);
      expect(server.closes).toEqual(["ended"]);
      expect(client.closes).toEqual(["closed"]);
      expect(server.connection.write(text("gone"))).toBe(false);
      listener.close();
    }));

  test("bytes come in after end, until the close", () =>
    world.run(async (here, there) => {
      const { client, server, listener } = await connected(here, there);
      server.connection.write(text("on its way"));
      client.connection.end();
      await until(here.ports, "the close", () => client.closes.length === 1);
      expect(client.text).toBe("on its way");
      await until(here.ports, "the other close", () => server.closes.length === 1);
      listener.close();
    }));

  test("destroy breaks it for the other side; this side sees its close later, and nothing else", () =>
    world.run(async (here, there) => {
      const { client, server, listener } = await connected(here, there);
      server.connection.write(text("never read"));
      client.connection.destroy();
      expect(client.closes).toEqual([]);
      client.connection.destroy();
      client.connection.end();
      expect(client.connection.write(text("gone"))).toBe(false);
      await until(here.ports, "both closes", () => client.closes.length + server.closes.length >= 2);
      expect(client.closes).toEqual(["closed"]);
      expect(server.closes).toEqual(["reset"]);
      expect(client.bytes).toBe(0);
      listener.close();
    }));

  test("what is said before the handlers are set is kept, in order", () =>
    world.run(async (here, there) => {
      const kept: Connection[] = [];
      const listener = await there.ports.streams.listen({ host: there.host, port: 0 }, (connection) =>
        kept.push(connection),
      );
      const client = new Seen(await here.ports.streams.connect(listener.address, { timeoutMs: 2_000 }));
      for (const word of ["one ", "two ", "three"]) {
        client.connection.write(text(word));
        await new Promise<void>((resolve) => {
          here.ports.clock.setTimer(5, resolve);
        });
      }
      client.connection.end();
      await until(here.ports, "the close", () => client.closes.length === 1);
      const [connection] = kept;
      if (connection === undefined) throw new Error("nobody was accepted");
      const server = new Seen(connection);
      expect(server.pieces).toEqual([]);
      await until(here.ports, "the end", () => server.closes.length === 1);
      expect(server.text).toBe("one two three");
      expect(server.closes).toEqual(["ended"]);
      listener.close();
    }));

  test("a handler may answer, end and destroy within its call", () =>
    world.run(async (here, there) => {
      const listener = await there.ports.streams.listen({ host: there.host, port: 0 }, (connection) => {
        new Seen(connection, (bytes) => {
          connection.write(bytes);
          if (bytes.length > 1) connection.destroy();
          else connection.end();
        });
      });
      const [one, other] = [
        new Seen(await here.ports.streams.connect(listener.address, { timeoutMs: 2_000 })),
        new Seen(await here.ports.streams.connect(listener.address, { timeoutMs: 2_000 })),
      ];
      one.connection.write(text("x"));
      await until(here.ports, "the end", () => one.closes.length === 1);
      expect(one.text).toBe("x");
      expect(one.closes).toEqual(["ended"]);
      other.connection.destroy();
      listener.close();
    }));

  test("a connect where nobody listens is refused, also after a listener closed", () =>
    world.run(async (here, there) => {
      const listener = await there.ports.streams.listen({ host: there.host, port: 0 }, () => {});
      const address: Address = listener.address;
      listener.close();
      listener.close();
      expect(await codeOf(here.ports.streams.connect(address, { timeoutMs: 2_000 }))).toBe("refused");
    }));

  test("closing a listener leaves its connections", () =>
    world.run(async (here, there) => {
      const { client, server, listener } = await connected(here, there);
      listener.close();
      client.connection.write(text("still here"));
      await until(here.ports, "the words", () => server.text === "still here");
      expect(client.closes).toEqual([]);
      client.connection.destroy();
    }));

  test("a port with a listener is in use", () =>
    world.run(async (here) => {
      const listener = await here.ports.streams.listen({ host: here.host, port: 0 }, () => {});
      expect(await codeOf(here.ports.streams.listen(listener.address, () => {}))).toBe("inUse");
      listener.close();
      (await here.ports.streams.listen(listener.address, () => {})).close();
    }));

  test("a name that does not resolve is unreachable; an address of another host cannot be listened at", () =>
    world.run(async (here) => {
      const nowhere = { host: "no-such-host.invalid", port: 9 };
      expect(await codeOf(here.ports.streams.connect(nowhere, { timeoutMs: 5_000 }))).toBe("unreachable");
      expect(await codeOf(here.ports.streams.listen({ host: "192.0.2.1", port: 0 }, () => {}))).toBe("other");
    }));
}
