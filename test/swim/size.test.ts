// Goal: the estimates of size.ts are never below what a codec makes. Method: random messages, packed by an existing
// codec (msgpack, fields by position), against the estimate; and typical messages against what the traffic figures
// assume.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { pack } from "msgpackr";
import type { Update } from "../../src/swim/member.ts";
import type { Datagram, StreamMessage } from "../../src/swim/messages.ts";
import { SEAL_BYTES, sizeOf, STREAM_OVERHEAD_BYTES, updateBytes } from "../../src/swim/size.ts";
import { addressOf, idOf } from "./cluster.ts";
import { LABEL, statement } from "./solo.ts";

const STATUSES = ["alive", "suspect", "dead", "left"] as const;
const ROLES = ["manager", "worker", "gate"] as const;

/** A statement as a list of fields; names as numbers. */
function fields({ id, address, role, incarnation, status, by, payload }: Update): unknown[] {
  const { host, udp, tcp } = address;
  const said = payload === null ? [] : [payload.version, payload.bytes];
  const numbers = [ROLES.indexOf(role), STATUSES.indexOf(status), incarnation.boot, incarnation.count];
  return [id, host, udp, tcp, ...numbers, by, ...said];
}

const updates: fc.Arbitrary<Update> = fc.record({
  id: fc.string({ minLength: 1, maxLength: 64, unit: "binary" }).map((text) => text.slice(0, 64)),
  address: fc.record({ host: fc.string({ minLength: 1, maxLength: 253 }), udp: fc.nat(65_535), tcp: fc.nat(65_535) }),
  role: fc.constantFrom(...ROLES),
  incarnation: fc.record({ boot: fc.nat(2 ** 31), count: fc.nat(2 ** 31) }),
  status: fc.constantFrom(...STATUSES),
  by: fc.array(fc.string({ minLength: 1, maxLength: 64 }), { maxLength: 8 }),
  payload: fc.option(
    fc.record({ version: fc.integer({ min: 1, max: 2 ** 40 }), bytes: fc.uint8Array({ maxLength: 512 }) }),
  ),
});

test("a statement is never larger than its estimate, and not much smaller", () => {
  fc.assert(
    fc.property(updates, (update) => {
      const packed = pack(fields(update)).length;
      expect(packed).toBeLessThanOrEqual(updateBytes(update));
      expect(updateBytes(update) - packed).toBeLessThan(40 + 2 * update.id.length + 2 * update.address.host.length);
    }),
  );
});

test("a message is never larger than its estimate", () => {
  fc.assert(
    fc.property(fc.array(updates, { maxLength: 20 }), fc.nat(0xffff_ffff), (list, seq) => {
      const [first] = list;
      const id = first?.id ?? "a";
      const address = first?.address ?? addressOf(1);
      const { host, udp, tcp } = address;
      const told = list.map(fields);
      const datagrams: readonly (readonly [message: Datagram, packed: unknown[]])[] = [
        [{ kind: "ping", label: LABEL, seq, target: id, updates: list }, [1, LABEL, seq, id, told]],
        [{ kind: "ack", label: LABEL, seq, updates: list }, [2, LABEL, seq, told]],
        [
          { kind: "pingReq", label: LABEL, seq, target: id, address, isHint: true, updates: list },
          [3, LABEL, seq, id, host, udp, tcp, true, told],
        ],
        [{ kind: "nack", label: LABEL, seq, isRefused: true, updates: list }, [4, LABEL, seq, true, told]],
        [{ kind: "gossip", label: LABEL, updates: list }, [5, LABEL, told]],
      ];
      for (const [message, packed] of datagrams) {
        expect(pack(packed).length + SEAL_BYTES).toBeLessThanOrEqual(sizeOf(message));
      }
      const hashes = list.map((_, at) => (seq ^ at) >>> 0).concat(seq);
      const self = first ?? statement(1);
      const streams: readonly (readonly [message: StreamMessage, packed: unknown[]])[] = [
        [{ kind: "streamPing", label: LABEL, seq, target: id, updates: list }, [6, LABEL, seq, id, told]],
        [{ kind: "streamAck", label: LABEL, seq, updates: list }, [7, LABEL, seq, told]],
        [{ kind: "digest", label: LABEL, salt: seq, hashes, self }, [8, LABEL, seq, hashes, fields(self)]],
        [
          { kind: "state", label: LABEL, bucketCount: 64, buckets: [1, 63], wantsReply: true, members: list },
          [9, LABEL, 64, [1, 63], true, told],
        ],
      ];
      for (const [message, packed] of streams) {
        expect(pack(packed).length + STREAM_OVERHEAD_BYTES).toBeLessThanOrEqual(sizeOf(message));
      }
    }),
    { numRuns: 60 },
  );
});

test("a bare probe and its answer are as small as the traffic figures assume", () => {
  expect(sizeOf({ kind: "ping", label: LABEL, seq: 1, target: idOf(1), updates: [] })).toBe(98);
  expect(sizeOf({ kind: "ack", label: LABEL, seq: 1, updates: [] })).toBe(81);
  expect(updateBytes(statement(1))).toBe(41);
});
