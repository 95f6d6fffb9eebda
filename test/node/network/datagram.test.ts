// Goal: membership's datagrams come back as they went, never larger than the core counted, and hostile ones are nothing.
// Method: messages from a seed, their bytes against swim/size.ts, and damaged bytes.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, nextU32, type Prng } from "../../../src/base/prng.ts";
import { createSealer, sealOverheadBytes } from "../../../src/io/security/seal.ts";
import { decodeDatagram, encodeDatagram } from "../../../src/node/network/datagram.ts";
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

describe("datagrams", () => {
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
      if (decodeDatagram(bytes.subarray(0, bytes.length - nextBelow(prng, 3))) === null) refused++;
    }
    expect(refused).toBeGreaterThan(5_000);
  });
});
