// Goal: nothing grows without end, whatever comes: members, the dead, suspicions, rumours, relays, datagrams. And what
// comes never throws. Method: churn of 100,000 nodes, tables filled to their limits, random messages of every form.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DATAGRAM_BYTES_MAX, LIMITS } from "../../src/swim/config.ts";
import { type Update } from "../../src/swim/member.ts";
import { datagramSchema, streamMessageSchema } from "../../src/swim/messages.ts";
import { type Swim, type SwimEvent, view } from "../../src/swim/swim.ts";
import * as shipped from "../../src/swim/swim.ts";
import { addressOf, idOf } from "./cluster.ts";
import {
  acquaint,
  answering,
  createSolo,
  give,
  gossip,
  hear,
  LABEL,
  only,
  pass,
  sent,
  type Solo,
  statement,
} from "./solo.ts";

const TIGHT = {
  membersMax: 200,
  deadMax: 50,
  suspicionsMax: 20,
  rumoursMax: 30,
  relaysMax: 8,
  probesMax: 8,
  seedsMax: 4,
};

/** Entries of every table of the state. */
function sizes(state: Swim): Readonly<Record<string, number>> {
  const { members, dead, suspicions, order, probes, relays, rumours } = state;
  return {
    members: members.size,
    dead: dead.size,
    suspicions: suspicions.size,
    order: order.length,
    probes: probes.size,
    relays: relays.size,
    rumours: rumours.tellings.size,
    levels: rumours.levels.reduce((sum, level) => sum + level.size, 0),
  };
}

function expectBounded(state: Swim): void {
  const { limits } = state.config;
  const now = sizes(state);
  expect(now["dead"]).toBeLessThanOrEqual(limits.deadMax);
  expect(now["members"]).toBeLessThanOrEqual(limits.membersMax + limits.deadMax);
  expect(now["suspicions"]).toBeLessThanOrEqual(limits.suspicionsMax);
  expect(now["rumours"]).toBeLessThanOrEqual(limits.rumoursMax);
  expect(now["levels"]).toBe(now["rumours"] ?? -1);
  expect(now["relays"]).toBeLessThanOrEqual(limits.relaysMax);
  expect(now["probes"]).toBeLessThanOrEqual(limits.probesMax);
  expect(now["order"]).toBeLessThanOrEqual(2 * (limits.membersMax + limits.deadMax) + 65);
}

describe("tables", () => {
  test("stay within their limits while 100,000 nodes come and go [A8]", () => {
    const solo = createSolo({ config: { limits: TIGHT } });
    acquaint(solo, 3);
    for (let index = 10; index < 100_010; index++) {
      hear(solo, 1, gossip(statement(index)));
      if (index >= 60) hear(solo, 2, gossip(statement(index - 50, index % 3 === 0 ? "left" : "dead")));
      if (index % 50 === 0) solo.now += 10;
      if (index % 5_000 === 0) expectBounded(solo.state);
    }
    expectBounded(solo.state);
    expect(sizes(solo.state)["dead"]).toBe(TIGHT.deadMax);
    expect(view(solo.state).members.length).toBeLessThan(130);
  });

  test("refuse what is above them, and say so", () => {
    const solo = createSolo({ config: { limits: TIGHT } });
    for (let index = 1; index < 400; index++) hear(solo, 1, gossip(statement(index)));
    expect(sizes(solo.state)["members"]).toBe(TIGHT.membersMax);
    expect(view(solo.state).counters.membersRefused).toBe(400 - TIGHT.membersMax);
    for (let index = 2; index < 150; index++) hear(solo, 1, gossip(statement(index, "suspect", { by: [idOf(1)] })));
    expect(sizes(solo.state)["suspicions"]).toBe(TIGHT.suspicionsMax);
    for (let seq = 0; seq < 100; seq++) {
      hear(solo, 1, {
        kind: "pingReq",
        label: LABEL,
        seq,
        target: idOf(2),
        address: addressOf(2),
        isHint: false,
        updates: [],
      });
    }
    expect(sizes(solo.state)["relays"]).toBe(TIGHT.relaysMax);
    for (let index = 1; index < 150; index++) give(solo, { kind: "reset", node: idOf(index) });
    expectBounded(solo.state);
  });

  test("[MW-5.4.2] [LD-37.1.4] [LD-37.2.3] forget the dead after their time, and whom nobody misses costs nothing more", () => {
    const solo = createSolo({ config: { deadMs: 60_000 } });
    acquaint(solo, 3);
    hear(solo, 1, gossip(statement(3, "dead"), statement(2, "left")));
    pass(solo, 59_000, answering(solo, [2, 3]));
    expect(sizes(solo.state)["dead"]).toBe(2);
    pass(solo, 3_000, answering(solo, [2, 3]));
    expect(sizes(solo.state)).toMatchObject({ dead: 0, members: 2, rumours: 0, suspicions: 0 });
  });
});

describe("rumours", () => {
  test("are told so many times and no more, the least told first [A12]", () => {
    const solo = createSolo();
    acquaint(solo, 20);
    hear(solo, 1, gossip(statement(30)));
    let told = 0;
    pass(solo, 20_000, (effect) => {
      if (effect.kind === "send") told += effect.message.updates.filter(({ id }) => id === idOf(30)).length;
      answering(solo, [30])(effect);
    });
    // 6 x ceil(log10(22 + 1)); probes of an unconfirmed member introduce this node, not the member.
    expect(told).toBe(12);
  });

  test("that wait keep every datagram within its budget", () => {
    const solo = createSolo();
    acquaint(solo, 5);
    const bytes = new Uint8Array(500);
    for (let index = 10; index < 200; index++) {
      const extra: Partial<Update> = index % 4 === 0 ? { payload: { version: 1, bytes } } : {};
      hear(solo, 1, gossip(statement(index, "alive", extra)));
    }
    const sends = only(pass(solo, 1_000, answering(solo)), "send");
    expect(sends.length).toBeGreaterThan(30);
    for (const send of sends) expect(send.bytes).toBeLessThanOrEqual(DATAGRAM_BYTES_MAX);
    expect(Math.max(...sends.map(({ message }) => message.updates.length))).toBeGreaterThan(12);
  });

  test("that wait leave room for what sealing adds, where it is told so", () => {
    const solo = createSolo({ config: { datagramBytesMax: 1_000 } });
    acquaint(solo, 5);
    for (let index = 10; index < 200; index++) hear(solo, 1, gossip(statement(index)));
    const sends = only(pass(solo, 1_000, answering(solo)), "send");
    expect(Math.max(...sends.map(({ bytes }) => bytes))).toBeLessThanOrEqual(1_000);
    expect(Math.max(...sends.map(({ bytes }) => bytes))).toBeGreaterThan(900);
  });

  test("that wait fill a stream probe only as far as its schema allows", () => {
    const solo = createSolo();
    acquaint(solo, 5);
    for (let index = 10; index < 400; index++) hear(solo, 1, gossip(statement(index)));
    const [probe] = only(give(solo, { kind: "reset", node: idOf(1) }), "streamProbe");
    expect(probe?.message.updates.length).toBe(64);
    expect(streamMessageSchema.safeParse(probe?.message).success).toBe(true);
  });

  test("of the own load are told at most once a second, the newest", () => {
    const solo = createSolo();
    acquaint(solo, 5);
    const versions = new Set<number>();
    for (let change = 0; change < 100; change++) {
      give(solo, { kind: "payload", bytes: new Uint8Array([change]) });
      for (const { message } of sent(solo.effects, "gossip").concat(sent(pass(solo, 20, answering(solo)), "gossip"))) {
        for (const { payload } of message.updates) if (payload !== null) versions.add(payload.version);
      }
    }
    // 2 s of changes: the first at once, one more each second; a telling under way takes the newest along.
    expect(versions.size).toBeGreaterThan(0);
    expect(versions.size).toBeLessThan(60);
    pass(solo, 3_000, answering(solo));
    expect(view(solo.state).members[0]?.payload?.bytes).toEqual(new Uint8Array([99]));
    expect(only(give(solo, { kind: "payload", bytes: new Uint8Array(513) }), "suspicious")).toHaveLength(1);
  });
});

const ids = fc.integer({ min: 0, max: 12 }).map(idOf);
const anyId = fc.oneof(
  { weight: 9, arbitrary: ids },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 64 }) },
);
const u32 = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constantFrom(0, 1, 0xffff_ffff));
const anyAddress = fc.oneof(
  fc.integer({ min: 0, max: 12 }).map(addressOf),
  fc.record({ host: fc.string({ minLength: 1, maxLength: 253 }), udp: fc.nat(65_535), tcp: fc.nat(65_535) }),
);
const anyUpdate: fc.Arbitrary<Update> = fc.record({
  id: anyId,
  address: anyAddress,
  role: fc.constantFrom("manager", "worker", "gate"),
  incarnation: fc.record({
    boot: fc.oneof(fc.nat(3), fc.constantFrom(2 ** 40, 2 ** 40 - 1)),
    count: fc.oneof(fc.nat(3), fc.constantFrom(2 ** 31, 2 ** 31 - 1)),
  }),
  status: fc.constantFrom("alive", "suspect", "dead", "left"),
  by: fc.array(anyId, { maxLength: 8 }),
  payload: fc.option(
    fc.record({ version: fc.integer({ min: 1, max: 2 ** 40 }), bytes: fc.uint8Array({ maxLength: 512 }) }),
  ),
});
const updates = fc.array(anyUpdate, { maxLength: 12 });
const label = fc.oneof({ weight: 9, arbitrary: fc.constant(LABEL) }, { weight: 1, arbitrary: fc.constant("other") });
/** Numbers near the node's own, so that some answers hit a question that is open. */
const anyDatagram = fc.oneof(
  fc.record({ kind: fc.constant("ping" as const), label, seq: u32, target: fc.option(anyId), updates }),
  fc.record({ kind: fc.constant("ack" as const), label, seq: u32, updates }),
  fc.record({
    kind: fc.constant("pingReq" as const),
    label,
    seq: u32,
    target: anyId,
    address: anyAddress,
    isHint: fc.boolean(),
    updates,
  }),
  fc.record({ kind: fc.constant("nack" as const), label, seq: u32, isRefused: fc.boolean(), updates }),
  fc.record({ kind: fc.constant("gossip" as const), label, updates }),
);
const anyStreamMessage = fc.oneof(
  fc.record({ kind: fc.constant("streamPing" as const), label, seq: u32, target: anyId, updates }),
  fc.record({ kind: fc.constant("streamAck" as const), label, seq: u32, updates }),
  fc.record({
    kind: fc.constant("digest" as const),
    label,
    salt: u32,
    hashes: fc.array(u32, { minLength: 1, maxLength: 64 }),
    self: anyUpdate,
  }),
  fc.record({
    kind: fc.constant("state" as const),
    label,
    bucketCount: fc.integer({ min: 1, max: 64 }),
    buckets: fc.array(fc.nat(63), { maxLength: 64 }),
    wantsReply: fc.boolean(),
    members: updates,
  }),
);
const anyEvent: fc.Arbitrary<SwimEvent> = fc.oneof(
  fc.record({ kind: fc.constant("datagram" as const), from: anyId, address: anyAddress, message: anyDatagram }),
  fc.record({ kind: fc.constant("stream" as const), from: anyId, address: anyAddress, message: anyStreamMessage }),
  fc.record({
    kind: fc.constant("streamFailed" as const),
    seq: u32,
    reason: fc.constantFrom("refused" as const, "silent" as const),
  }),
  fc.record({ kind: fc.constant("reset" as const), node: anyId }),
  fc.record({ kind: fc.constant("heard" as const), node: anyId }),
  fc.record({ kind: fc.constant("stalled" as const), lateMs: fc.integer({ min: 0, max: 100_000 }) }),
  fc.record({ kind: fc.constant("payload" as const), bytes: fc.uint8Array({ maxLength: 600 }) }),
  fc.constant({ kind: "tick" as const }),
);
const script = fc.array(fc.tuple(fc.integer({ min: 0, max: 700 }), anyEvent), { maxLength: 60 });

/** Everything a core does with these events; numbers that answer a question are moved near the node's own. */
function play(solo: Solo, events: readonly (readonly [waitMs: number, event: SwimEvent])[]): unknown[] {
  const log: unknown[] = [];
  for (const [waitMs, event] of events) {
    log.push(...pass(solo, waitMs));
    log.push(...give(solo, hitting(solo, event)));
    expectBounded(solo.state);
  }
  return log;
}

function hitting(solo: Solo, event: SwimEvent): SwimEvent {
  const near = (seq: number): number => (seq % 3 === 0 ? seq : (solo.state.seq - (seq % 4) + 2 ** 32) % 2 ** 32);
  if (event.kind === "streamFailed") return { ...event, seq: near(event.seq) };
  if (event.kind !== "datagram" || !("seq" in event.message)) return event;
  return { ...event, message: { ...event.message, seq: near(event.message.seq) } };
}

describe("whatever comes", () => {
  test("nothing throws, every table keeps its bound, every datagram its budget, every message its schema", () => {
    fc.assert(
      fc.property(script, fc.boolean(), (events, isTight) => {
        const solo = createSolo({
          config: { limits: isTight ? { ...TIGHT, membersMax: 6, deadMax: 3, suspicionsMax: 2 } : LIMITS },
        });
        acquaint(solo, 4);
        for (const effect of play(solo, events)) {
          const message = typeof effect === "object" && effect !== null && "message" in effect ? effect.message : null;
          if (message === null) continue;
          const isValid = datagramSchema.safeParse(message).success || streamMessageSchema.safeParse(message).success;
          expect(isValid).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("a cloned state goes on exactly as the original", () => {
    fc.assert(
      fc.property(script, script, (before, after) => {
        const solo = createSolo();
        acquaint(solo, 4);
        play(solo, before);
        const twin: Solo = { ...solo, state: structuredClone(solo.state) };
        expect(play(twin, after)).toEqual(play(solo, after));
        expect(twin.state).toEqual(solo.state);
      }),
      { numRuns: 60 },
    );
  });

  test("a node that has left does nothing more", () => {
    const solo = createSolo();
    acquaint(solo, 4);
    give(solo, { kind: "leave" });
    pass(solo, 2_000);
    expect(shipped.deadline(solo.state)).toBe(Number.POSITIVE_INFINITY);
    fc.assert(
      fc.property(anyEvent, (event) => expect(give(solo, event)).toEqual([])),
      { numRuns: 50 },
    );
  });
});
