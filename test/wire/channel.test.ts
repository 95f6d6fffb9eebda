// Goal: what matters most goes first, everything that waits is bounded, and no peer's bytes do more than end its own
// connection. Method: channels on connections whose other end the test plays: it says when they drain, and writes raw
// bytes.

import { describe, expect, test } from "bun:test";
import * as z from "../../src/base/schema.ts";
import type { CloseReason, Clock, Connection, ConnectionHandlers } from "../../src/io/world.ts";
import {
  type Channel,
  type ChannelEnd,
  type ChannelOptions,
  LANE_LIMITS,
  openChannel,
} from "../../src/wire/channel.ts";
import { decode, encode } from "../../src/wire/codec.ts";
import { createSplitter, encodeFrame, type Frame } from "../../src/wire/frame.ts";
import type { Hello } from "../../src/wire/handshake.ts";
import { defineProtocol, type MessageOf } from "../../src/wire/protocol.ts";

const TABLE = {
  vote: { tag: 10, lane: "critical", schema: z.object({ term: z.int() }) },
  order: { tag: 11, lane: "control", schema: z.object({ number: z.int() }) },
  part: { tag: 12, lane: "submit", schema: z.object({ bytes: z.instanceof(Uint8Array) }) },
  stats: { tag: 13, lane: "stats", schema: z.object({ second: z.int(), of: z.string().default("") }) },
} as const;
type Any = MessageOf<typeof TABLE>;
const protocol = defineProtocol<Any>(TABLE);

const hello = (node: string, more: Partial<Hello> = {}): Hello => ({
  cluster: null,
  environment: "test",
  role: "manager",
  node,
  boot: "1-0",
  address: { host: node, udp: 1, tcp: 2 },
  major: 1,
  minor: 0,
  features: [],
  ...more,
});

/** The channel's end of a connection, and what the test does with the other. */
class Wire implements Connection {
  readonly local = { host: "here", port: 1 };
  readonly remote = { host: "there", port: 2 };
  readonly peer = null;
  readonly pendingBytes = 0;
  readonly #splitter = createSplitter();
  readonly frames: Frame[] = [];
  writes = 0;
  isFull = false;
  state: "open" | "ended" | "destroyed" = "open";
  #handlers: ConnectionHandlers | null = null;

  handle(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }
  write(bytes: Uint8Array): boolean {
    this.writes++;
    this.frames.push(...this.#splitter.push(Uint8Array.from(bytes)).frames);
    return !this.isFull;
  }
  end(): void {
    this.state = "ended";
  }
  destroy(): void {
    this.state = "destroyed";
  }
  drain(): void {
    this.isFull = false;
    this.#handlers?.onDrain();
  }
  receive(...frames: readonly Frame[]): void {
    for (const frame of frames) this.#handlers?.onBytes(encodeFrame(frame));
  }
  bytes(bytes: Uint8Array): void {
    this.#handlers?.onBytes(bytes);
  }
  over(reason: CloseReason): void {
    this.#handlers?.onClose(reason);
  }
  /** Numbers in the messages sent so far, by kind. */
  get sent(): readonly string[] {
    return this.frames
      .filter(({ tag }) => tag >= 10)
      .map(({ tag, payload }) => {
        const unpacked = protocol.unpack(tag, payload);
        if (unpacked.kind !== "message") return unpacked.kind;
        const { kind, body } = unpacked.message;
        return `${kind} ${Object.values(body).find((value) => typeof value === "number") ?? ""}`.trim();
      });
  }
}

class Timers implements Clock {
  timers: { readonly delayMs: number; run: (() => void) | null }[] = [];
  nowMs = (): number => 0;
  epochMs = (): number => 0;
  setTimer(delayMs: number, run: () => void): { cancel: () => void } {
    const timer: (typeof this.timers)[number] = { delayMs, run };
    this.timers.push(timer);
    return {
      cancel: () => {
        timer.run = null;
      },
    };
  }
  fire(): void {
    for (const { run } of this.timers.splice(0)) run?.();
  }
}

type Open = {
  readonly wire: Wire;
  readonly channel: Channel<Any>;
  readonly clock: Timers;
  readonly heard: Any[];
  readonly ends: ChannelEnd[];
};

function open(options: Partial<ChannelOptions<Any>> = {}): Open {
  const wire = new Wire();
  const clock = new Timers();
  const channel = openChannel<Any>(wire, {
    clock,
    hello: hello("a"),
    protocol,
    isDialler: true,
    timeoutMs: 1_000,
    ...options,
  });
  const heard: Any[] = [];
  const ends: ChannelEnd[] = [];
  channel.onMessage((message) => heard.push(message));
  channel.onClose((end) => ends.push(end));
  return { wire, channel, clock, heard, ends };
}

const greeting = (from: Hello): Frame => ({ lane: "critical", tag: 0, payload: encode(from) });

function greeted(options: Partial<ChannelOptions<Any>> = {}): Open {
  const opened = open(options);
  opened.wire.receive(greeting(hello("b")));
  return opened;
}

/** All microtasks have run. */
async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe("the handshake", () => {
  test("[MW-17.1.1] [MW-17.1.2] is said first, and messages pass once the other side's has come", async () => {
    const { wire, channel, heard } = open();
    expect(wire.frames.map(({ tag }) => tag)).toEqual([0]);
    expect(decode(wire.frames[0]?.payload ?? new Uint8Array(0))).toMatchObject({ ok: true, value: { node: "a" } });
    expect(channel.send({ kind: "vote", body: { term: 1 } })).toBe(false);
    const peers: string[] = [];
    channel.onOpen((peer) => peers.push(peer.node));
    wire.receive(greeting(hello("b")), { lane: "critical", tag: 10, payload: encode({ term: 4 }) });
    expect(peers).toEqual(["b"]);
    expect(channel.peer()?.node).toBe("b");
    expect(heard).toEqual([{ kind: "vote", body: { term: 4 } }]);
    expect(channel.send({ kind: "vote", body: { term: 2 } })).toBe(true);
    await settled();
    expect(wire.sent).toEqual(["vote 2"]);
  });

  test("with a node that does not belong here ends in order, with both sides' values", () => {
    const { wire, ends } = open();
    wire.receive(greeting(hello("b", { environment: "prod" })));
    expect(wire.state).toBe("ended");
    expect(ends).toMatchObject([{ reason: "refused", refusal: "environment" }]);
    expect(ends[0]?.message).toContain('"prod"');
  });

  test("of one that proved to be another is refused with the reason", () => {
    const { wire, ends } = open({ vet: ({ node }) => `it says it is ${node}` });
    wire.receive(greeting(hello("b")));
    expect(wire.state).toBe("ended");
    expect(ends).toEqual([{ reason: "refused", refusal: "identity", message: "it says it is b" }]);
  });

  test("that does not come in time ends the connection", () => {
    const { wire, clock, ends } = open();
    clock.fire();
    expect(wire.state).toBe("destroyed");
    expect(ends).toMatchObject([{ reason: "timeout" }]);
  });

  const bad: readonly (readonly [name: string, frame: Frame])[] = [
    ["a message instead", { lane: "critical", tag: 10, payload: encode({ term: 1 }) }],
    ["a hello without a node", { lane: "critical", tag: 0, payload: encode({ ...hello("b"), node: "" }) }],
    ["a hello that cannot be decoded", { lane: "critical", tag: 0, payload: Uint8Array.of(0xc1) }],
  ];
  for (const [name, frame] of bad) {
    test(`${name} breaks the connection`, () => {
      const { wire, ends } = open();
      wire.receive(frame);
      expect(wire.state).toBe("destroyed");
      expect(ends).toMatchObject([{ reason: "protocol" }]);
    });
  }
});

describe("lanes", () => {
  test("what was said in one turn goes out together, the important first", async () => {
    const { wire, channel } = greeted();
    const before = wire.writes;
    channel.send({ kind: "stats", body: { second: 1, of: "" } });
    channel.send({ kind: "order", body: { number: 2 } });
    channel.send({ kind: "vote", body: { term: 3 } });
    await settled();
    expect(wire.sent).toEqual(["vote 3", "order 2", "stats 1"]);
    expect(wire.writes - before).toBe(1);
  });

  test("[MW-10.4.3] [LD-44.9] [LD-42.3.4] critical passes everything that waits for a slow peer", async () => {
    const { wire, channel } = greeted();
    wire.isFull = true;
    channel.send({ kind: "stats", body: { second: 0, of: "" } });
    await settled();
    for (let second = 1; second <= 3; second++) channel.send({ kind: "stats", body: { second, of: "" } });
    channel.send({ kind: "part", body: { bytes: new Uint8Array(9) } });
    channel.send({ kind: "order", body: { number: 7 } });
    channel.send({ kind: "vote", body: { term: 9 } });
    await settled();
    expect(wire.sent).toEqual(["stats 0"]);
    wire.drain();
    expect(wire.sent).toEqual(["stats 0", "vote 9", "order 7", "part", "stats 1", "stats 2", "stats 3"]);
  });

  test("[MW-10.4.1] [LD-41.30.3] [LD-21.4.3] the newest of a kind and key takes the place of one that waits, and of no other", async () => {
    const { wire, channel } = greeted();
    wire.isFull = true;
    channel.send({ kind: "stats", body: { second: 0, of: "" } });
    await settled();
    channel.send({ kind: "stats", body: { second: 1, of: "x" } }, { key: "x" });
    channel.send({ kind: "stats", body: { second: 2, of: "y" } }, { key: "y" });
    channel.send({ kind: "order", body: { number: 3 } }, { key: "x" });
    channel.send({ kind: "stats", body: { second: 4, of: "x" } }, { key: "x" });
    wire.drain();
    expect(wire.sent).toEqual(["stats 0", "order 3", "stats 4", "stats 2"]);
    expect(channel.counters.replaced).toBe(1);
    channel.send({ kind: "stats", body: { second: 5, of: "x" } }, { key: "x" });
    await settled();
    expect(wire.sent.at(-1)).toBe("stats 5");
  });

  const lanes = {
    critical: { messagesMax: 3, bytesMax: 4_000_000 },
    control: { messagesMax: 2, bytesMax: 4_000_000 },
    submit: { messagesMax: 100, bytesMax: 1_048_576 },
    stats: { messagesMax: 2, bytesMax: 4_000_000 },
  } as const;

  test("[MW-10.2.3] [LD-41.30.5] that are full take no more, by count and by bytes, and take again after a drain", async () => {
    const { wire, channel } = greeted({ lanes });
    wire.isFull = true;
    channel.send({ kind: "stats", body: { second: 0, of: "" } });
    await settled();
    const stats = [1, 2, 3].map((second) => channel.send({ kind: "stats", body: { second, of: "" } }));
    expect(stats).toEqual([true, true, false]);
    const parts = [1, 2, 3].map(() => channel.send({ kind: "part", body: { bytes: new Uint8Array(400_000) } }));
    expect(parts).toEqual([true, true, false]);
    expect(channel.counters.shed).toBe(2);
    expect(channel.send({ kind: "order", body: { number: 1 } })).toBe(true);
    wire.drain();
    expect(channel.send({ kind: "stats", body: { second: 4, of: "" } })).toBe(true);
  });

  test("a burst larger than a lane goes out at once when the peer takes it", () => {
    const { wire, channel, ends } = greeted({ lanes });
    for (let term = 0; term < 100; term++) expect(channel.send({ kind: "vote", body: { term } })).toBe(true);
    expect(ends).toEqual([]);
    expect(wire.sent.length).toBeGreaterThan(90);
  });

  test("a flood of questions and submits is bounded, and holds up neither what is critical nor orders", async () => {
    const { wire, channel } = greeted();
    wire.isFull = true;
    channel.send({ kind: "stats", body: { second: 0, of: "" } });
    await settled();
    let taken = 0;
    for (let second = 0; second < 50_000; second++)
      if (channel.send({ kind: "stats", body: { second, of: `${second}` } }, { key: `${second}` })) taken++;
    for (let number = 0; number < 50_000; number++)
      if (channel.send({ kind: "part", body: { bytes: new Uint8Array(100) } })) taken++;
    expect(taken).toBe(LANE_LIMITS.stats.messagesMax + LANE_LIMITS.submit.messagesMax);
    expect(channel.counters.shed).toBe(100_000 - taken);
    const before = wire.frames.length;
    expect(channel.send({ kind: "order", body: { number: 1 } })).toBe(true);
    expect(channel.send({ kind: "vote", body: { term: 1 } })).toBe(true);
    wire.drain();
    const [first, second, third] = wire.frames.slice(before);
    expect([first?.lane, second?.lane, third?.lane]).toEqual(["critical", "control", "submit"]);
  });

  test("critical is never shed: a peer that cannot take it loses its connection", async () => {
    const { wire, channel, ends } = greeted({ lanes });
    wire.isFull = true;
    channel.send({ kind: "vote", body: { term: 0 } });
    await settled();
    for (let term = 1; term <= 3; term++) expect(channel.send({ kind: "vote", body: { term } })).toBe(true);
    expect(ends).toEqual([]);
    expect(channel.send({ kind: "vote", body: { term: 4 } })).toBe(false);
    expect(ends).toMatchObject([{ reason: "overflow" }]);
    expect(wire.state).toBe("destroyed");
  });
});

describe("what a peer sends", () => {
  test("[LD-38.3.2] of an unknown tag or not of its schema is counted and dropped, and the rest is heard", () => {
    const { wire, channel, heard, ends } = greeted();
    wire.receive(
      { lane: "stats", tag: 999, payload: encode({ later: 1 }) },
      { lane: "stats", tag: 13, payload: encode({ second: "one" }) },
      { lane: "stats", tag: 13, payload: Uint8Array.of(0xc1) },
      { lane: "stats", tag: 13, payload: encode({ second: 5, later: true }) },
    );
    expect(heard).toEqual([{ kind: "stats", body: { second: 5, of: "" } }]);
    expect(channel.counters).toMatchObject({ unknown: 1, invalid: 2, messagesIn: 1 });
    expect(ends).toEqual([]);
  });

  test("[LD-38.1.4] that is no frame ends the connection, after the messages before it", () => {
    const { wire, heard, ends } = greeted();
    const good = encodeFrame({ lane: "critical", tag: 10, payload: encode({ term: 1 }) });
    wire.bytes(Uint8Array.from([...good, 0xff, 0xff, 0xff, 0xff, 0, 0, 0]));
    expect(heard).toHaveLength(1);
    expect(ends).toMatchObject([{ reason: "protocol" }]);
    expect(wire.state).toBe("destroyed");
  });
});

describe("the end", () => {
  test("on this side says goodbye after what waits; the other side knows that it was in order", async () => {
    const { wire, channel, ends } = greeted();
    channel.send({ kind: "order", body: { number: 1 } });
    channel.close("it stops");
    channel.close("twice");
    expect(wire.sent).toEqual(["order 1"]);
    expect(wire.state).toBe("ended");
    expect(ends).toEqual([{ reason: "closed", message: "it stops", refusal: null }]);
    expect(channel.send({ kind: "vote", body: { term: 1 } })).toBe(false);
    const goodbye = wire.frames.at(-1);
    const other = greeted();
    if (goodbye !== undefined) other.wire.receive(goodbye);
    other.wire.over("ended");
    expect(other.ends).toEqual([{ reason: "closed", message: "it stops", refusal: null }]);
    await settled();
  });

  for (const reason of ["ended", "reset"] as const) {
    test(`of the other side without a goodbye is told as ${reason}, once`, () => {
      const { wire, heard, ends } = greeted();
      wire.over(reason);
      wire.receive({ lane: "critical", tag: 10, payload: encode({ term: 1 }) });
      wire.over(reason);
      expect(ends).toMatchObject([{ reason }]);
      expect(heard).toEqual([]);
    });
  }
});
