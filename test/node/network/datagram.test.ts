// Goal: membership's datagrams come back as they went, never larger than the core counted, and hostile ones are nothing.
// Method: messages from a seed, their bytes against swim/size.ts, and damaged bytes.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, nextU32, type Prng } from "../../../src/base/prng.ts";
import { createSealer, sealOverheadBytes } from "../../../src/io/security/seal.ts";
import { decodeDatagram, encodeDatagram } from "../../../src/node/network/datagram.ts";
import { datagramSchema } from "../../../src/swim/messages.ts";
import { sizeOf } from "../../../src/swim/size.ts";
import type { Datagram, Update } from "../../../src/swim/swim.ts";

const NODE = "0123456789abcdef";

function update(prng: Prng): Update {
  const by = Array.from({ length: nextBelow(prng, 4) }, () => NODE);
  return {
    id: NODE,
    address: { host: "10.1.2.3", udp: nextBelow(prng, 65_536), tcp: nextBelow(prng, 65_536) },
    role: nextBelow(prng, 2) === 0 ? "manager" : "worker",
    incarnation: { boot: 1 + nextBelow(prng, 300), count: nextBelow(prng, 5) },
    status: (["alive", "suspect", "dead", "left"] as const)[nextBelow(prng, 4)] ?? "alive",
    by,
    payload: nextBelow(prng, 3) === 0 ? { version: 7, bytes: new Uint8Array(nextBelow(prng, 512)) } : null,
  };
}

function datagram(prng: Prng): Datagram {
  const updates = Array.from({ length: nextBelow(prng, 12) }, () => update(prng));
  const head = { label: "prod cluster", seq: nextU32(prng), updates };
  switch (nextBelow(prng, 5)) {
    case 0:
      return { kind: "ping", ...head, target: nextBelow(prng, 2) === 0 ? null : NODE };
    case 1:
      return { kind: "ack", ...head };
    case 2: {
      const address = { host: "host.example", udp: 9_001, tcp: 9_000 };
      return { kind: "pingReq", ...head, target: NODE, address, isHint: nextBelow(prng, 2) === 0 };
    }
    case 3:
      return { kind: "nack", ...head, isRefused: nextBelow(prng, 2) === 0 };
    default:
      return { kind: "gossip", label: head.label, updates };
  }
}

/** Around every bound there is. */
const TEXTS = ["x", "x".repeat(64), "x".repeat(253), "", "x".repeat(65), "x".repeat(254)];
const NUMBERS = [0, 1, 65_535, 65_536, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 40 + 1, -1, 1.5, NaN];

/** A datagram of which one thing in three is at some bound or beyond it. */
function edgy(prng: Prng): Datagram {
  const or = <Value>(usual: Value, others: readonly Value[]): Value =>
    nextBelow(prng, 12) === 0 ? (others[nextBelow(prng, others.length)] ?? usual) : usual;
  const count = (usual: number, most: number): number => or(usual, [most, most + 1]);
  const listOf = <Value>(length: number, one: () => Value): Value[] => Array.from({ length }, one);
  const address = () => ({ host: or("h", TEXTS), udp: or(1, NUMBERS), tcp: or(2, NUMBERS) });
  const statement = (): Update => ({
    id: or(NODE, TEXTS),
    address: address(),
    role: "gate",
    incarnation: { boot: or(3, NUMBERS), count: or(4, NUMBERS) },
    status: "suspect",
    by: listOf(count(1, 8), () => or(NODE, TEXTS)),
    payload: nextBelow(prng, 2) === 0 ? { version: or(5, NUMBERS), bytes: new Uint8Array(count(3, 512)) } : null,
  });
  const updates = nextBelow(prng, 3) === 0 ? listOf(nextBelow(prng, 20) === 0 ? count(1, 64) : 1, statement) : [];
  const head = { label: or("prod", TEXTS), seq: or(6, NUMBERS), updates };
  switch (nextBelow(prng, 5)) {
    case 0:
      return { kind: "ping", ...head, target: or<string | null>(null, [...TEXTS, NODE]) };
    case 1:
      return { kind: "ack", ...head };
    case 2:
      return { kind: "pingReq", ...head, target: or(NODE, TEXTS), address: address(), isHint: false };
    case 3:
      return { kind: "nack", ...head, isRefused: true };
    default:
      return { kind: "gossip", label: head.label, updates };
  }
}

describe("datagrams", () => {
  test("are read if and only if their schema accepts them", () => {
    const prng = createPrng(4);
    let [accepted, refused] = [0, 0];
    for (let round = 0; round < 10_000; round++) {
      const message = edgy(prng);
      const { success } = datagramSchema.safeParse(message);
      const envelope = { from: NODE, tcp: 9_000, message };
      expect(decodeDatagram(encodeDatagram(envelope))).toEqual(success ? envelope : null);
      if (success) accepted++;
      else refused++;
    }
    expect(Math.min(accepted, refused)).toBeGreaterThan(2_000);
  });

  test("of nobody, or from a port that is none, are nothing", () => {
    const message: Datagram = { kind: "gossip", label: "prod", updates: [] };
    expect(decodeDatagram(encodeDatagram({ from: NODE, tcp: 65_535, message }))).not.toBeNull();
    for (const from of ["", "x".repeat(65)])
      expect(decodeDatagram(encodeDatagram({ from, tcp: 9_000, message }))).toBeNull();
    for (const tcp of [-1, 65_536, 1.5])
      expect(decodeDatagram(encodeDatagram({ from: NODE, tcp, message }))).toBeNull();
  });

  test("come back as they went, no larger than counted", () => {
    const prng = createPrng(1);
    const random = { bytes: (count: number) => new Uint8Array(count) };
    const sealer = createSealer({ gossipKeys: [new Uint8Array(32)], node: NODE, bootCounter: 1, random });
    for (let round = 0; round < 2_000; round++) {
      const envelope = { from: NODE, tcp: 9_000, message: datagram(prng) };
      const bytes = encodeDatagram(envelope);
      expect(bytes.length).toBeLessThanOrEqual(sizeOf(envelope.message));
      // What the core counts up to its budget, sealed, fits the 1,400 bytes.
      if (round % 20 === 0) expect(sealer.seal(bytes).length).toBe(bytes.length + sealOverheadBytes(NODE));
      expect(decodeDatagram(bytes)).toEqual(envelope);
    }
  });

  test("that are damaged are nothing or well formed, and never throw", () => {
    const prng = createPrng(2);
    let refused = 0;
    for (let round = 0; round < 20_000; round++) {
      const bytes = encodeDatagram({ from: NODE, tcp: 9_000, message: datagram(prng) }).slice();
      for (let count = 1 + nextBelow(prng, 3); count > 0; count--)
        bytes[nextBelow(prng, bytes.length)] = nextU32(prng) & 0xff;
      const decoded = decodeDatagram(bytes.subarray(0, bytes.length - nextBelow(prng, 3)));
      if (decoded === null) refused++;
      else if (!datagramSchema.safeParse(decoded.message).success) throw new Error("it is none of its schema");
    }
    expect(refused).toBeGreaterThan(5_000);
  });
});
