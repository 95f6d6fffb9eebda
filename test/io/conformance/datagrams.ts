// What every datagram socket does, whoever made it. Nothing is lost between these hosts.

import { expect, test } from "bun:test";
import { netErrorCode } from "../../../src/io/net-error.ts";
import { DATAGRAM_BYTES_MAX, type Address, type DatagramSocket } from "../../../src/io/world.ts";
import { until, type Peer, type WorldUnderTest } from "./world-under-test.ts";

type Received = { readonly from: Address; readonly bytes: Uint8Array };

async function bound(peer: Peer): Promise<{ readonly socket: DatagramSocket; readonly received: Received[] }> {
  const received: Received[] = [];
  const socket = await peer.ports.datagrams.bind({ host: peer.host, port: 0 });
  socket.onDatagram((from, bytes) => received.push({ from, bytes }));
  return { socket, received };
}

/** The tests of the datagrams port. */
export function datagramSuite(world: WorldUnderTest): void {
  test("a socket bound to port 0 has a port, and two have different ones", () =>
    world.run(async (here) => {
      const [one, other] = [await bound(here), await bound(here)];
      expect(one.socket.address.host).toBe(here.host);
      expect(one.socket.address.port).toBeGreaterThan(0);
      expect(other.socket.address.port).not.toBe(one.socket.address.port);
      one.socket.close();
      other.socket.close();
    }));

  test("a datagram arrives whole with the address to answer to, and so does the answer", () =>
    world.run(async (here, there) => {
      const [asker, answerer] = [await bound(here), await bound(there)];
      answerer.socket.onDatagram((from, bytes) =>
        answerer.socket.send(
          from,
          bytes.map((byte) => byte + 1),
        ),
      );
      const sent = new Uint8Array([1, 2, 3]);
      asker.socket.send(answerer.socket.address, sent);
      // The socket took a copy.
      sent.fill(9);
      await until(here.ports, "the answer", () => asker.received.length > 0);
      expect([...(asker.received[0]?.bytes ?? [])]).toEqual([2, 3, 4]);
      expect(asker.received[0]?.from).toEqual(answerer.socket.address);
      asker.socket.close();
      answerer.socket.close();
    }));

  test("an empty datagram and the longest one arrive, a longer one is dropped", () =>
    world.run(async (here, there) => {
      const [sender, receiver] = [await bound(here), await bound(there)];
      for (const length of [DATAGRAM_BYTES_MAX + 1, 0, DATAGRAM_BYTES_MAX, 1]) {
        sender.socket.send(receiver.socket.address, new Uint8Array(length).fill(7));
        if (length <= DATAGRAM_BYTES_MAX)
          await until(here.ports, `${length} bytes`, () => receiver.received.at(-1)?.bytes.length === length);
      }
      expect(receiver.received.map(({ bytes }) => bytes.length)).toEqual([0, DATAGRAM_BYTES_MAX, 1]);
      sender.socket.close();
      receiver.socket.close();
    }));

  test("the bytes handed over are the handler's own", () =>
    world.run(async (here, there) => {
      const [sender, receiver] = [await bound(here), await bound(there)];
      for (let at = 0; at < 20; at++) {
        sender.socket.send(receiver.socket.address, new Uint8Array(64).fill(at));
        await until(here.ports, "a datagram", () => receiver.received.length > at);
      }
      expect(receiver.received.map(({ bytes }) => bytes[63])).toEqual(Array.from({ length: 20 }, (_, at) => at));
      expect(receiver.received[0]?.bytes.constructor).toBe(Uint8Array);
      const copy = receiver.received[3]?.bytes.slice();
      receiver.received[3]?.bytes.fill(200);
      expect(copy?.[0]).toBe(3);
      expect(receiver.received[4]?.bytes[0]).toBe(4);
      sender.socket.close();
      receiver.socket.close();
    }));

  test("a port that is bound is in use; a closed socket gives it back, neither sends nor receives", () =>
    world.run(async (here, there) => {
      const [one, other] = [await bound(here), await bound(there)];
      const { address } = one.socket;
      const refused = await here.ports.datagrams.bind(address).catch((error: unknown) => netErrorCode(error));
      expect(refused).toBe("inUse");
      one.socket.close();
      one.socket.close();
      other.socket.send(address, new Uint8Array(1));
      one.socket.send(other.socket.address, new Uint8Array(1));
      const again = await here.ports.datagrams.bind(address);
      const heard: number[] = [];
      again.onDatagram((_from, bytes) => heard.push(bytes.length));
      await until(here.ports, "the datagram to who is bound now", () => {
        other.socket.send(address, new Uint8Array(2));
        return heard.includes(2);
      });
      expect(one.received).toEqual([]);
      expect(other.received).toEqual([]);
      again.close();
      other.socket.close();
    }));

  test("a datagram to nobody, or to a name that does not resolve, hurts nobody", () =>
    world.run(async (here, there) => {
      const [one, other, gone] = [await bound(here), await bound(there), await bound(there)];
      const nobody = gone.socket.address;
      gone.socket.close();
      for (let count = 1; count <= 5; count++) {
        one.socket.send(nobody, new Uint8Array(1));
        one.socket.send({ host: "no-such-host.invalid", port: 9 }, new Uint8Array(1));
        one.socket.send(other.socket.address, new Uint8Array(count));
        await until(here.ports, "those to somebody", () => other.received.length >= count);
      }
      expect(other.received.map(({ bytes }) => bytes.length)).toEqual([1, 2, 3, 4, 5]);
      one.socket.close();
      other.socket.close();
    }));

  test("a name that means this host is resolved", () =>
    world.run(async (here) => {
      const socket = await here.ports.datagrams.bind({ host: "127.0.0.1", port: 0 });
      const heard: Address[] = [];
      socket.onDatagram((from) => heard.push(from));
      socket.send({ host: "localhost", port: socket.address.port }, new Uint8Array(1));
      await until(here.ports, "the datagram", () => heard.length === 1);
      expect(heard[0]?.port).toBe(socket.address.port);
      socket.close();
    }));

  test("an address of another host cannot be bound", () =>
    world.run(async (here) => {
      const outcome = await here.ports.datagrams
        .bind({ host: "192.0.2.1", port: 0 })
        .catch((error: unknown) => netErrorCode(error));
      expect(outcome).toBe("other");
    }));
}
