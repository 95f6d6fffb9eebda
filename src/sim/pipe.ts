// One direction of a simulated stream: what the sender's process wrote, what is on its way in order, and what its
// receiver did not read. A lost packet delays what is behind it; a cut stalls it until a repeat gets through; a
// receiver that is gone answers with a reset. Timing as of TCP (RFC 6298), roughly.

import { nextBelow } from "../base/prng.ts";
import { WRITE_BUFFER_BYTES } from "../io/world.ts";
import type { SimConnection } from "./connection.ts";
import type { Label } from "./kernel.ts";
import type { Link } from "./link.ts";
import type { Network } from "./network.ts";

type Segment = {
  readonly kind: "open" | "bytes" | "end";
  readonly first: Uint8Array;
  /** What was written behind it in the same turn. */
  more: Uint8Array[] | null;
  bytes: number;
  readonly sentMs: number;
  /** It came; it is handed over once all before it did. */
  isHere: boolean;
};

const SEGMENT_BYTES_MAX = 65_536;
const NOTHING = new Uint8Array(0);

export class Pipe {
  readonly #network: Network;
  readonly #source: SimConnection;
  readonly #target: SimConnection;
  readonly #link: Link;
  readonly #back: Link;
  readonly #label: Label;
  /** Written and not sent. */
  #queue: Uint8Array[] = [];
  #pendingBytes = 0;
  #wantsDrain = false;
  #isEnding = false;
  #hasEnded = false;
  /** Nothing is sent any more, not even again. */
  #isStopped = false;
  /** Sent and not received, in order; the first `#late` of them came to a closed way and wait for a repeat. */
  #transit: Segment[] = [];
  #late = 0;
  #lastArrivalMs = 0;
  /** Sent, and not known to be read. */
  #inFlightBytes = 0;
  /** Of those, read where the way back is cut. */
  #unheardBytes = 0;
  #stalledSinceMs: number | null = null;
  #repeatMs = 0;

  constructor(network: Network, source: SimConnection, target: SimConnection) {
    this.#network = network;
    this.#source = source;
    this.#target = target;
    this.#link = network.link(source.machine, target.machine);
    this.#back = network.link(target.machine, source.machine);
    this.#label = network.kernel.label("stream", target.machine.name);
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  open(): void {
    this.#send("open", NOTHING);
  }

  /** In: bytes nobody else changes. */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#queue.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#pump();
    if (this.#pendingBytes > WRITE_BUFFER_BYTES) this.#wantsDrain = true;
  }

  /** Ends it once everything is sent. */
  end(): void {
    this.#isEnding = true;
    this.#pump();
  }

  /** Ends it now; what was not sent is lost. */
  finish(): void {
    this.#queue = [];
    this.#pendingBytes = 0;
    this.end();
  }

  /** Sends nothing any more; what is on its way may arrive. */
  stop(): void {
    this.#isStopped = true;
    this.#queue = [];
    this.#pendingBytes = 0;
    if (this.#late > 0) this.#transit = [];
    this.#late = 0;
  }

  /** Tells the receiver, once, after what is on its way. */
  sendReset(): void {
    const { kernel } = this.#network;
    if (this.#link.isCut || this.#link.losesPacket()) return;
    const delayMs = Math.max(this.#link.latencyMs(), this.#lastArrivalMs - kernel.nowMs);
    kernel.after(delayMs, kernel.label("reset", this.#target.machine.name), () => {
      if (this.#isReachable) this.#target.receiveReset();
    });
  }

  get #isReachable(): boolean {
    return !this.#link.isCut && this.#target.machine.isUp;
  }

  #pump(): void {
    const { streamWindowBytes } = this.#network.options;
    while (this.#inFlightBytes < streamWindowBytes) {
      const first = this.#queue[0];
      if (first === undefined) break;
      const room = Math.min(SEGMENT_BYTES_MAX, streamWindowBytes - this.#inFlightBytes);
      if (first.length <= room) {
        this.#queue.shift();
        this.#sendBytes(first);
      } else {
        this.#queue[0] = first.subarray(room);
        this.#sendBytes(first.subarray(0, room));
      }
    }
    if (this.#wantsDrain && this.#pendingBytes <= WRITE_BUFFER_BYTES / 2) {
      this.#wantsDrain = false;
      this.#source.receiveDrain();
    }
    if (this.#isEnding && !this.#hasEnded && this.#queue.length === 0 && !this.#isStopped) {
      this.#hasEnded = true;
      this.#send("end", NOTHING);
    }
  }

  #sendBytes(piece: Uint8Array): void {
    const { counts, kernel } = this.#network;
    counts.streamBytes += piece.length;
    this.#pendingBytes -= piece.length;
    this.#inFlightBytes += piece.length;
    kernel.noteBytes(piece);
    // What is written in one turn goes in one packet where there is room.
    const last = this.#transit[this.#transit.length - 1];
    const joins = last !== undefined && last.kind === "bytes" && last.sentMs === kernel.nowMs;
    if (joins && last.bytes + piece.length <= SEGMENT_BYTES_MAX) {
      last.more ??= [];
      last.more.push(piece);
      last.bytes += piece.length;
      this.#link.occupy(kernel.nowMs, piece.length);
      return;
    }
    this.#send("bytes", piece);
  }

  #send(kind: Segment["kind"], first: Uint8Array): void {
    const sentMs = this.#network.kernel.nowMs;
    const segment: Segment = { kind, first, more: null, bytes: first.length, sentMs, isHere: false };
    this.#transit.push(segment);
    this.#travel(segment, this.#network.options.retransmitMinMs);
  }

  /** A packet that is lost is sent again, by how the link is then. */
  #travel(segment: Segment, repeatMs: number): void {
    const { kernel, options } = this.#network;
    const throughMs = this.#link.occupy(kernel.nowMs, segment.bytes);
    if (repeatMs <= options.stallMs && this.#link.losesPacket()) {
      const waitMs = throughMs + Math.min(repeatMs, options.retransmitMaxMs) - kernel.nowMs;
      kernel.after(waitMs, kernel.label("again", this.#source.machine.name), () => {
        if (this.#isStopped) this.#transit = [];
        else if (this.#transit.includes(segment)) this.#travel(segment, 2 * repeatMs);
      });
      return;
    }
    const arrivalMs = throughMs + this.#link.latencyMs();
    this.#lastArrivalMs = Math.max(arrivalMs, this.#lastArrivalMs);
    kernel.after(this.#lastArrivalMs - kernel.nowMs, this.#label, () => {
      segment.isHere = true;
      this.#arrive();
    });
  }

  /** Hands over what came, up to the first gap. */
  #arrive(): void {
    while (this.#transit[this.#late]?.isHere === true) {
      if (this.#late === 0 && this.#isReachable) this.#receive();
      else this.#wait();
    }
  }

  /** The next segment does not get through for now. */
  #wait(): void {
    if (this.#isStopped) {
      this.#transit = [];
      return;
    }
    this.#late++;
    this.#stall();
  }

  /** Hands the first segment to the other side. */
  #receive(): void {
    if (this.#target.isGone) return this.#refuse();
    const segment = this.#transit.shift();
    if (segment === undefined) return;
    if (segment.kind === "open") this.#target.receiveOpen();
    else if (segment.kind === "end") this.#target.receiveEnd();
    else this.#target.receiveBytes(joined(segment), this.#cut(segment.bytes), this);
  }

  /** The other side's system knows of no such connection. */
  #refuse(): void {
    if (this.#back.isCut) return this.#wait();
    const { kernel } = this.#network;
    this.stop();
    this.#transit = [];
    kernel.after(this.#back.latencyMs(), kernel.label("reset", this.#source.machine.name), () =>
      this.#source.receiveReset(),
    );
  }

  /** Where the bytes that come together are cut in two, now and then; else 0. */
  #cut(bytes: number): number {
    const splits = bytes > 1 && this.#network.happens(this.#network.options.splitProbability);
    return splits ? 1 + nextBelow(this.#network.prng, bytes - 1) : 0;
  }

  /** The other side's process took so many bytes. */
  taken(bytes: number): void {
    if (this.#isStopped) return;
    if (this.#back.isCut) {
      this.#unheardBytes += bytes;
      this.#stall();
    } else if (this.#queue.length === 0) this.#inFlightBytes -= bytes;
    else {
      const { kernel } = this.#network;
      kernel.after(this.#back.latencyMs(), kernel.label("acknowledge", this.#source.machine.name), () => {
        this.#inFlightBytes -= bytes;
        if (!this.#isStopped) this.#pump();
      });
    }
  }

  #stall(): void {
    if (this.#stalledSinceMs !== null) return;
    this.#network.counts.stalls++;
    this.#stalledSinceMs = this.#network.kernel.nowMs;
    this.#repeatMs = this.#network.options.retransmitMinMs;
    this.#repeatLater();
  }

  #repeatLater(): void {
    const { kernel } = this.#network;
    kernel.after(this.#repeatMs, kernel.label("repeat", this.#source.machine.name), () => this.#repeat());
    this.#repeatMs = Math.min(2 * this.#repeatMs, this.#network.options.retransmitMaxMs);
  }

  /** Sends again what did not arrive, and asks for what was not heard. */
  #repeat(): void {
    const sinceMs = this.#stalledSinceMs;
    if (sinceMs === null || this.#isStopped || this.#network.kernel.nowMs - sinceMs >= this.#network.options.stallMs)
      return this.#giveUp();
    if (this.#isReachable && !(this.#target.isGone && this.#back.isCut)) {
      for (let left = this.#late; left > 0 && this.#transit.length > 0; left--) {
        this.#late--;
        this.#receive();
      }
      this.#late = Math.min(this.#late, this.#transit.length);
    }
    if (this.#isReachable && !this.#back.isCut && this.#unheardBytes > 0) {
      this.#inFlightBytes -= this.#unheardBytes;
      this.#unheardBytes = 0;
      this.#pump();
    }
    if (this.#late > 0 || this.#unheardBytes > 0) this.#repeatLater();
    else this.#stalledSinceMs = null;
  }

  #giveUp(): void {
    this.#stalledSinceMs = null;
    if (this.#isStopped) return;
    this.sendReset();
    this.#source.receiveReset();
    this.stop();
  }
}

function joined({ first, more, bytes }: Segment): Uint8Array {
  if (more === null) return first;
  const whole = new Uint8Array(bytes);
  whole.set(first);
  let at = first.length;
  for (const piece of more) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
