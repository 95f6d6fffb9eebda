// One connection between two nodes that speak a protocol: the handshake, frames in, frames out by lanes. Bounded
// everywhere: what is not sent in time is shed from the least important lane, but never from the most important one.
// It does not dial and does not look whether the other side lives.

import { assert } from "../base/assert.ts";
import type { CloseReason, Clock, Connection, Timer } from "../io/world.ts";
import { decode, encode } from "./codec.ts";
import { createSplitter, encodeFrame, type Frame, FRAME_BYTES_MAX, LANE_NUMBERS, LANES, type Lane } from "./frame.ts";
import { type HandshakeRefusal, type Hello, helloSchema, judge } from "./handshake.ts";
import type { Message, Misread, Protocol } from "./protocol.ts";

/**
 * Why a channel is over. closed: one side said so in order. ended, reset: the connection did, without a word. refused:
 * the handshake. protocol: the other side sent what cannot be. timeout: no handshake in time. overflow: the other side
 * takes messages too slowly.
 */
export type ChannelEnd = {
  readonly reason: "closed" | "ended" | "reset" | "refused" | "protocol" | "timeout" | "overflow";
  readonly message: string;
  /** When refused. */
  readonly refusal: HandshakeRefusal | null;
};

export type ChannelCounters = {
  messagesIn: number;
  messagesOut: number;
  bytesIn: number;
  bytesOut: number;
  /** Of an unknown tag, or not of their schema: dropped. */
  unknown: number;
  invalid: number;
  /** Not sent: the lane was full. */
  shed: number;
  /** Replaced by a newer one of the same key before they were sent. */
  replaced: number;
};

export type Channel<Any extends Message> = {
  /** Who is there; null before the handshake is done. */
  peer(): Hello | null;
  readonly isDialler: boolean;
  /**
   * false: not taken: closed, no handshake yet, or the lane is full. `key`: a message of the same kind and key that
   * still waits is replaced at its place.
   */
  send(message: Any, options?: { readonly key?: string }): boolean;
  /** One handler each, set in the turn the channel is opened. */
  onOpen(handle: (peer: Hello) => void): void;
  onMessage(handle: (message: Any) => void): void;
  /** What the other side said and this version cannot read: it is dropped all the same. */
  onMisread(handle: (misread: Misread) => void): void;
  /** Once, and nothing after it; also when this side closed it. */
  onClose(handle: (end: ChannelEnd) => void): void;
  /** Sends what waits, says goodbye, ends. Idempotent. */
  close(message?: string): void;
  readonly counters: Readonly<ChannelCounters>;
};

export type ChannelOptions<Any extends Message> = {
  readonly clock: Clock;
  /** What this node says of itself now. */
  readonly hello: Hello;
  readonly protocol: Protocol<Any>;
  readonly isDialler: boolean;
  /** For the handshake. */
  readonly timeoutMs: number;
  /** What is wrong with who the other side says it is, given what it proved; null: nothing. */
  readonly vet?: (theirs: Hello) => string | null;
  readonly lanes?: Readonly<Record<Lane, LaneLimits>>;
};

/** Messages and bytes that may wait in a lane. */
export type LaneLimits = { readonly messagesMax: number; readonly bytesMax: number };

/**
 * critical holds what consensus may have under way to one peer (8 MiB of entries and four chunks of a snapshot) and as
 * much again; the others, some seconds of what passes through them.
 */
export const LANE_LIMITS: Readonly<Record<Lane, LaneLimits>> = {
  critical: { messagesMax: 8_192, bytesMax: 20 * 1_048_576 },
  control: { messagesMax: 8_192, bytesMax: 16 * 1_048_576 },
  submit: { messagesMax: 1_024, bytesMax: 8 * 1_048_576 },
  stats: { messagesMax: 4_096, bytesMax: 8 * 1_048_576 },
};

const TAG_HELLO = 0;
const TAG_GOODBYE = 1;
/** Small frames are written together up to so many bytes. */
const WRITE_BYTES = 65_536;
const GOODBYE_LENGTH_MAX = 512;

/** Speaks on a connection that was just made or accepted. In: handlers are set before this turn ends. */
export function openChannel<Any extends Message>(connection: Connection, options: ChannelOptions<Any>): Channel<Any> {
  return new StreamChannel(connection, options);
}

type Waiting = { bytes: Uint8Array; readonly key: string | null };
type LaneQueue = {
  readonly limits: LaneLimits;
  readonly waiting: Waiting[];
  /** Waiting messages by key. */
  readonly byKey: Map<string, Waiting>;
  /** First that still waits. */
  head: number;
  bytes: number;
};

class StreamChannel<Any extends Message> implements Channel<Any> {
  readonly #connection: Connection;
  readonly #options: ChannelOptions<Any>;
  /** In the order of LANES. */
  readonly #lanes: readonly LaneQueue[];
  /** Messages that wait in all of them. */
  #waiting = 0;
  readonly #splitter = createSplitter();
  readonly #timer: Timer;
  readonly counters: ChannelCounters = {
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    unknown: 0,
    invalid: 0,
    shed: 0,
    replaced: 0,
  };
  #peer: Hello | null = null;
  #isBlocked = false;
  #isFlushing = false;
  #isClosing = false;
  #end: ChannelEnd | null = null;
  #goodbye: string | null = null;
  #opened: ((peer: Hello) => void) | null = null;
  #heard: ((message: Any) => void) | null = null;
  #misread: ((misread: Misread) => void) | null = null;
  #closed: ((end: ChannelEnd) => void) | null = null;

  constructor(connection: Connection, options: ChannelOptions<Any>) {
    this.#connection = connection;
    this.#options = options;
    const limits = options.lanes ?? LANE_LIMITS;
    assertLanes(limits);
    this.#lanes = LANES.map((name) => emptyLane(limits[name]));
    this.#timer = options.clock.setTimer(options.timeoutMs, () =>
      this.#break("timeout", `no handshake within ${options.timeoutMs} ms`),
    );
    connection.handle({
      onBytes: (bytes) => this.#receive(bytes),
      onDrain: () => {
        this.#isBlocked = false;
        this.#flush();
      },
      onClose: (reason) => this.#over(reason),
    });
    this.#write(encodeFrame({ lane: "critical", tag: TAG_HELLO, payload: encode(options.hello) }));
  }

  get isDialler(): boolean {
    return this.#options.isDialler;
  }

  peer(): Hello | null {
    return this.#peer;
  }

  onOpen(handle: (peer: Hello) => void): void {
    this.#opened = handle;
  }

  onMessage(handle: (message: Any) => void): void {
    this.#heard = handle;
  }

  onMisread(handle: (misread: Misread) => void): void {
    this.#misread = handle;
  }

  onClose(handle: (end: ChannelEnd) => void): void {
    this.#closed = handle;
  }

  send(message: Any, options?: { readonly key?: string }): boolean {
    if (this.#peer === null || this.#isClosing || this.#end !== null) return false;
    const packed = this.#options.protocol.pack(message);
    const bytes = packed.frame;
    const key = options?.key === undefined ? null : `${message.kind} ${options.key}`;
    const lane = this.#lane(packed.lane);
    const older = key === null ? undefined : lane.byKey.get(key);
    if (older !== undefined) {
      lane.bytes += bytes.length - older.bytes.length;
      older.bytes = bytes;
      this.counters.replaced++;
      return true;
    }
    if (isFull(lane, bytes.length) && !this.#isBlocked) this.#flush();
    if (isFull(lane, bytes.length)) {
      this.counters.shed++;
      if (packed.lane === "critical")
        this.#break("overflow", `${lane.bytes} bytes of what must not be shed wait for a slow peer`);
      return false;
    }
    const waiting = { bytes, key };
    lane.waiting.push(waiting);
    lane.bytes += bytes.length;
    this.#waiting++;
    if (key !== null) lane.byKey.set(key, waiting);
    this.#flushSoon();
    return true;
  }

  close(message = "it closed the link"): void {
    if (this.#isClosing || this.#end !== null) return;
    this.#isClosing = true;
    this.#flush();
    const payload = encode(message.slice(0, GOODBYE_LENGTH_MAX));
    this.#connection.write(encodeFrame({ lane: "critical", tag: TAG_GOODBYE, payload }));
    this.#connection.end();
    this.#finish({ reason: "closed", message, refusal: null });
  }

  /** What this turn says goes out together, the important first. */
  #flushSoon(): void {
    if (this.#isFlushing || this.#isBlocked) return;
    this.#isFlushing = true;
    queueMicrotask(this.#flushLater);
  }

  readonly #flushLater = (): void => {
    this.#isFlushing = false;
    this.#flush();
  };

  #flush(): void {
    while (this.#waiting > 0 && !this.#isBlocked && this.#end === null) {
      const first = this.#next();
      let bytes = first.length;
      if (this.#waiting === 0 || bytes >= WRITE_BYTES) {
        this.counters.messagesOut++;
        this.#write(first);
        continue;
      }
      const frames = [first];
      while (this.#waiting > 0 && bytes < WRITE_BYTES) {
        const frame = this.#next();
        frames.push(frame);
        bytes += frame.length;
      }
      this.counters.messagesOut += frames.length;
      this.#write(joined(frames, bytes));
    }
  }

  /** Takes the first of the most important lane. In: something waits. */
  #next(): Uint8Array {
    let number = 0;
    let lane = this.#lanes[number];
    while (lane !== undefined && lane.head === lane.waiting.length) lane = this.#lanes[++number];
    const first = lane?.waiting[lane.head];
    assert(lane !== undefined && first !== undefined, "something waits");
    this.#waiting--;
    lane.head++;
    lane.bytes -= first.bytes.length;
    if (first.key !== null) lane.byKey.delete(first.key);
    if (lane.head === lane.waiting.length) {
      lane.waiting.length = 0;
      lane.head = 0;
    } else if (lane.head > 1_024) {
      lane.waiting.splice(0, lane.head);
      lane.head = 0;
    }
    return first.bytes;
  }

  #lane(name: Lane): LaneQueue {
    const lane = this.#lanes[LANE_NUMBERS[name]];
    assert(lane !== undefined, "there is such a lane");
    return lane;
  }

  #write(bytes: Uint8Array): void {
    this.counters.bytesOut += bytes.length;
    if (!this.#connection.write(bytes)) this.#isBlocked = true;
  }

  #receive(chunk: Uint8Array): void {
    this.counters.bytesIn += chunk.length;
    const { frames, problem } = this.#splitter.push(chunk);
    for (const frame of frames) {
      if (this.#end !== null) return;
      this.#take(frame);
    }
    if (problem !== null) this.#break("protocol", `the other side sent ${problem}`);
  }

  #take({ tag, payload }: Frame): void {
    if (tag === TAG_GOODBYE) {
      const decoded = decode(payload);
      this.#goodbye = decoded.ok && typeof decoded.value === "string" ? decoded.value.slice(0, GOODBYE_LENGTH_MAX) : "";
      return;
    }
    if (this.#peer === null) return this.#greet(tag, payload);
    const unpacked = this.#options.protocol.unpack(tag, payload);
    if (unpacked.kind !== "message") {
      this.counters[unpacked.kind]++;
      if (unpacked.kind === "invalid") this.#misread?.(unpacked);
      return;
    }
    this.counters.messagesIn++;
    this.#heard?.(unpacked.message);
  }

  #greet(tag: number, payload: Uint8Array): void {
    if (tag !== TAG_HELLO) return this.#break("protocol", `tag ${tag} came before the handshake`);
    const decoded = decode(payload);
    const parsed = helloSchema.safeParse(decoded.ok ? decoded.value : null);
    if (!parsed.success) return this.#break("protocol", "the other side sent a handshake that is none");
    const judgement = judge(this.#options.hello, parsed.data);
    // The other side judges by itself, from the hello that is on its way to it.
    if (!judgement.ok) return this.#refuse(judgement.code, judgement.message);
    const claim = this.#options.vet?.(parsed.data) ?? null;
    if (claim !== null) return this.#refuse("identity", claim);
    this.#timer.cancel();
    this.#peer = parsed.data;
    this.#opened?.(parsed.data);
  }

  #refuse(refusal: HandshakeRefusal, message: string): void {
    this.#connection.end();
    this.#finish({ reason: "refused", message, refusal });
  }

  /** The connection is of no more use. */
  #break(reason: "protocol" | "timeout" | "overflow", message: string): void {
    this.#finish({ reason, message, refusal: null });
    this.#connection.destroy();
  }

  #over(reason: CloseReason): void {
    if (this.#goodbye !== null) return this.#finish({ reason: "closed", message: this.#goodbye, refusal: null });
    if (reason === "closed") return;
    const message = reason === "ended" ? "the other side ended the connection" : "the connection broke";
    this.#finish({ reason, message, refusal: null });
  }

  #finish(end: ChannelEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#timer.cancel();
    this.#waiting = 0;
    for (const lane of this.#lanes) {
      lane.waiting.length = 0;
      lane.byKey.clear();
    }
    this.#closed?.(end);
  }
}

function emptyLane(limits: LaneLimits): LaneQueue {
  return { limits, waiting: [], byKey: new Map(), head: 0, bytes: 0 };
}

/** Whether so many bytes more do not fit. */
function isFull({ limits, waiting, head, bytes }: LaneQueue, more: number): boolean {
  return waiting.length - head >= limits.messagesMax || bytes + more > limits.bytesMax;
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** One message fits every lane. */
function assertLanes(limits: Readonly<Record<Lane, LaneLimits>>): void {
  for (const name of LANES)
    assert(limits[name].messagesMax > 0 && limits[name].bytesMax >= FRAME_BYTES_MAX, `lane ${name} holds a frame`);
}
