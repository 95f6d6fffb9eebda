// Goal: ports under faults keep their contract, do what each fault says and nothing else, and are well again when it is
// over. Method: the conformance suite of all ports over faulty ones; then two simulated hosts, faults on one or both of
// them, and what arrives at the other.

import { describe, expect, test } from "bun:test";
import type { Fault } from "../../src/chaos/faults.ts";
import { diskErrorCode } from "../../src/io/disk-error.ts";
import { netErrorCode } from "../../src/io/net-error.ts";
import type { CloseReason, Connection } from "../../src/io/world.ts";
import { datagramSuite } from "../io/conformance/datagrams.ts";
import { diskSuite } from "../io/conformance/disk.ts";
import { streamSuite } from "../io/conformance/streams.ts";
import { until } from "../io/conformance/world-under-test.ts";
import { type FaultyPeer, HOUR_MS, runFaulty, underFault } from "./faulty-world-under-test.ts";

const HEALTHY = underFault(null);
describe("datagrams without a fault", () => datagramSuite(HEALTHY));
describe("streams without a fault", () => streamSuite(HEALTHY));
describe("a disk without a fault", () => diskSuite(HEALTHY));
describe("a disk that is slow", () => diskSuite(underFault({ kind: "diskSlow", ms: 3 })));

const cutFrom = (peer: FaultyPeer, port: number, direction: "in" | "out" | "both" = "both"): Fault => ({
  kind: "cut",
  peers: [{ host: peer.host, tcp: port, udp: port }],
  direction,
});

const sleep = ({ ports: { clock } }: FaultyPeer, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.setTimer(ms, resolve));

/** A listener on `there`, and a connection to it from `here`. */
async function connected(here: FaultyPeer, there: FaultyPeer, port = 700) {
  const accepted = Promise.withResolvers<Connection>();
  const listener = await there.ports.streams.listen({ host: there.host, port }, (connection) => {
    accepted.resolve(connection);
    heard(connection, server);
  });
  const server = ears();
  const client = ears();
  const dialled = await here.ports.streams.connect({ host: there.host, port }, { timeoutMs: 1_000 });
  heard(dialled, client);
  return { dialled, accepted: await accepted.promise, client, server, listener };
}

type Ears = { text: string; closed: CloseReason | null };
const ears = (): Ears => ({ text: "", closed: null });

function heard(connection: Connection, into: Ears): void {
  connection.handle({
    onBytes: (bytes) => {
      into.text += new TextDecoder().decode(bytes);
    },
    onDrain: () => {},
    onClose: (reason) => {
      into.closed = reason;
    },
  });
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a cut", () => {
  test("takes datagrams both ways, of the peers it names alone, and ends by itself", () =>
    runFaulty(async (here, there) => {
      const near = await here.ports.datagrams.bind({ host: here.host, port: 500 });
      const far = await there.ports.datagrams.bind({ host: there.host, port: 500 });
      const other = await there.ports.datagrams.bind({ host: there.host, port: 501 });
      const got: string[] = [];
      for (const [name, socket] of [
        ["near", near],
        ["far", far],
        ["other", other],
      ] as const)
        socket.onDatagram((_from, bytes) => got.push(`${name} ${new TextDecoder().decode(bytes)}`));
      here.faults.inflict(cutFrom(there, 500), 1_000);
      near.send(far.address, bytesOf("lost"));
      far.send(near.address, bytesOf("lost"));
      near.send(other.address, bytesOf("kept"));
      other.send(near.address, bytesOf("kept"));
      await until(here.ports, "what is not cut", () => got.length === 2);
      expect(got.toSorted()).toEqual(["near kept", "other kept"]);
      await until(here.ports, "the end of the fault", () => here.faults.active.length === 0);
      far.send(near.address, bytesOf("again"));
      await until(here.ports, "what came after", () => got.length === 3);
      expect(got.at(-1)).toBe("near again");
    }));

  test("one way leaves the other way open", () =>
    runFaulty(async (here, there) => {
      const near = await here.ports.datagrams.bind({ host: here.host, port: 500 });
      const far = await there.ports.datagrams.bind({ host: there.host, port: 500 });
      const got: string[] = [];
      near.onDatagram(() => got.push("near"));
      far.onDatagram(() => got.push("far"));
      here.faults.inflict(cutFrom(there, 500, "out"), HOUR_MS);
      near.send(far.address, bytesOf("lost"));
      far.send(near.address, bytesOf("kept"));
      await sleep(here, 500);
      expect(got).toEqual(["near"]);
    }));

  test("holds up a stream both ways without a word, and breaks it on both sides when it is over", () =>
    runFaulty(async (here, there) => {
      const { dialled, accepted, client, server } = await connected(here, there);
      dialled.write(bytesOf("before"));
      await until(here.ports, "what came before", () => server.text === "before");
      // Only who dialled knows whom it speaks to: it holds up both directions.
      here.faults.inflict(cutFrom(there, 700), 2_000);
      expect(dialled.write(bytesOf("lost"))).toBeTrue();
      accepted.write(bytesOf("lost too"));
      await sleep(here, 1_500);
      expect([server.text, client.text, server.closed, client.closed]).toEqual(["before", "", null, null]);
      await until(here.ports, "both to break", () => server.closed !== null && client.closed !== null);
      expect(client.closed).toBe("reset");
      expect([server.text, client.text]).toEqual(["before", ""]);
      const again = await here.ports.streams.connect({ host: there.host, port: 700 }, { timeoutMs: 1_000 });
      expect(again.remote.port).toBe(700);
    }));

  test("leaves alone a stream on which nothing was said meanwhile", () =>
    runFaulty(async (here, there) => {
      const { dialled, client, server } = await connected(here, there);
      here.faults.inflict(cutFrom(there, 700), 500);
      await until(here.ports, "the end of the fault", () => here.faults.active.length === 0);
      dialled.write(bytesOf("after"));
      await until(here.ports, "what came after", () => server.text === "after");
      expect([client.closed, server.closed]).toEqual([null, null]);
    }));

  test("lets no connection come about in either direction, and says timeout", () =>
    runFaulty(async (here, there) => {
      const listener = await there.ports.streams.listen({ host: there.host, port: 700 }, () => {});
      for (const direction of ["both", "in", "out"] as const) {
        here.faults.heal();
        here.faults.inflict(cutFrom(there, 700, direction), HOUR_MS);
        const startedAtMs = here.ports.clock.nowMs();
        const failed = await here.ports.streams
          .connect(listener.address, { timeoutMs: 400 })
          .then(() => null, netErrorCode);
        expect(failed).toBe("timeout");
        expect(here.ports.clock.nowMs() - startedAtMs).toBeGreaterThanOrEqual(399);
      }
    }));

  test("that ends while somebody dials lets the connection come about", () =>
    runFaulty(async (here, there) => {
      const listener = await there.ports.streams.listen({ host: there.host, port: 700 }, () => {});
      here.faults.inflict(cutFrom(there, 700), 300);
      const connection = await here.ports.streams.connect(listener.address, { timeoutMs: 5_000 });
      expect(connection.remote.port).toBe(700);
    }));

  test("from everybody holds up also what others dialled, and what they dial now", () =>
    runFaulty(async (here, there) => {
      const { dialled, accepted, client, server } = await connected(here, there);
      there.faults.inflict({ kind: "cut", peers: null, direction: "both" }, HOUR_MS);
      dialled.write(bytesOf("lost"));
      accepted.write(bytesOf("lost"));
      const dials = ears();
      heard(await here.ports.streams.connect({ host: there.host, port: 700 }, { timeoutMs: 1_000 }), dials);
      await sleep(here, 2_000);
      expect([server.text, client.text, client.closed, dials.text, dials.closed]).toEqual(["", "", null, "", null]);
      there.faults.heal();
      await until(here.ports, "all to break", () => client.closed !== null && dials.closed !== null);
      expect(server.closed).toBe("reset");
    }));

  test("keeps from the other side that this one has closed, until it is over", () =>
    runFaulty(async (here, there) => {
      const { dialled, client, server } = await connected(here, there);
      here.faults.inflict(cutFrom(there, 700), HOUR_MS);
      dialled.destroy();
      await until(here.ports, "its own close", () => client.closed === "closed");
      await sleep(here, 1_000);
      expect(server.closed).toBeNull();
      here.faults.heal();
      await until(here.ports, "the other side to learn of it", () => server.closed !== null);
      expect(client.closed).toBe("closed");
    }));

  test("makes a sender wait once its buffer is full", () =>
    runFaulty(async (here, there) => {
      const { dialled } = await connected(here, there);
      here.faults.inflict(cutFrom(there, 700), HOUR_MS);
      const chunk = new Uint8Array(600_000);
      expect([dialled.write(chunk), dialled.write(chunk)]).toEqual([true, false]);
      expect(dialled.pendingBytes).toBe(1_200_000);
    }));
});

describe("delay and loss", () => {
  test("a delayed node is heard later by just that", () =>
    runFaulty(async (here, there) => {
      const { dialled, accepted, client, server } = await connected(here, there);
      here.faults.inflict({ kind: "delay", ms: 200 }, HOUR_MS);
      const startedAtMs = here.ports.clock.nowMs();
      dialled.write(bytesOf("late"));
      accepted.write(bytesOf("prompt"));
      await until(here.ports, "the other direction", () => client.text === "prompt");
      expect(here.ports.clock.nowMs() - startedAtMs).toBeLessThan(100);
      await until(here.ports, "the delayed", () => server.text === "late");
      expect(here.ports.clock.nowMs() - startedAtMs).toBeGreaterThanOrEqual(200);
    }));

  test("of datagrams about the part that was asked for is lost; of a stream nothing, and its order holds", () =>
    runFaulty(async (here, there) => {
      const near = await here.ports.datagrams.bind({ host: here.host, port: 500 });
      const far = await there.ports.datagrams.bind({ host: there.host, port: 500 });
      let count = 0;
      far.onDatagram(() => count++);
      const { dialled, server } = await connected(here, there);
      here.faults.inflict({ kind: "loss", ratio: 0.3 }, HOUR_MS);
      let text = "";
      for (let at = 0; at < 400; at++) {
        near.send(far.address, bytesOf("x"));
        text += `${at},`;
        dialled.write(bytesOf(`${at},`));
        if (at % 20 === 0) await sleep(here, 20);
      }
      await until(here.ports, "the whole stream", () => server.text.length === text.length);
      expect(server.text).toBe(text);
      expect(count).toBeGreaterThan(200);
      expect(count).toBeLessThan(350);
    }));

  test("bytes that were delayed when a cut began do not come after it", () =>
    runFaulty(async (here, there) => {
      const { dialled, client, server } = await connected(here, there);
      here.faults.inflict({ kind: "delay", ms: 300 }, 400);
      dialled.write(bytesOf("too late"));
      here.faults.inflict(cutFrom(there, 700), 1_000);
      await until(here.ports, "the break", () => client.closed !== null);
      await sleep(here, 500);
      expect(server.text).toBe("");
    }));
});

describe("a disk", () => {
  const codeOf = (run: Promise<unknown>): Promise<string | null> => run.then(() => null, diskErrorCode);

  test("that is slow takes so much longer for every sync, and for nothing else", () =>
    runFaulty(async (here) => {
      const { clock, disk } = here.ports;
      const file = await disk.open(`${here.folder}/file`, "create");
      here.faults.inflict({ kind: "diskSlow", ms: 2_000 }, HOUR_MS);
      const startedAtMs = clock.nowMs();
      await file.write(0, bytesOf("text"));
      await file.read(0, 4);
      expect(clock.nowMs() - startedAtMs).toBeLessThan(100);
      await file.syncData();
      expect(clock.nowMs() - startedAtMs).toBeGreaterThanOrEqual(2_000);
    }));

  test("that is full takes nothing more, and still gives what it has", () =>
    runFaulty(async (here) => {
      const { disk } = here.ports;
      const file = await disk.open(`${here.folder}/file`, "create");
      await file.write(0, bytesOf("text"));
      here.faults.inflict({ kind: "diskFull" }, HOUR_MS);
      expect(await codeOf(file.write(4, bytesOf("more")))).toBe("full");
      expect(await codeOf(disk.open(`${here.folder}/other`, "create"))).toBe("full");
      expect(await file.read(0, 4)).toEqual(bytesOf("text"));
      await file.syncData();
      here.faults.heal();
      expect(await file.write(4, bytesOf("more"))).toBe(4);
    }));

  test("that is broken fails everything, also a sync that was under way", () =>
    runFaulty(async (here) => {
      const { disk } = here.ports;
      const file = await disk.open(`${here.folder}/file`, "create");
      await file.write(0, bytesOf("text"));
      here.faults.inflict({ kind: "diskSlow", ms: 500 }, HOUR_MS);
      const underWay = codeOf(file.syncData());
      here.faults.inflict({ kind: "diskBroken" }, HOUR_MS);
      const attempts = [file.read(0, 1), file.write(0, bytesOf("x")), file.syncData(), disk.list(here.folder)];
      expect(await Promise.all(attempts.map(codeOf))).toEqual(["io", "io", "io", "io"]);
      expect(await underWay).toBe("io");
    }));
});
