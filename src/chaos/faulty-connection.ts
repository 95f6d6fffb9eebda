// One connection under the faults of its node. What a cut holds up is not kept: such a connection is torn, and breaks
// on both sides when the cut is over. Before that neither side learns anything, not even that the other has closed it.

import { assert } from "../base/assert.ts";
import type { PeerIdentity } from "../io/security/peer-identity.ts";
import {
  type Address,
  type Clock,
  type CloseReason,
  type Connection,
  type ConnectionHandlers,
  type Timer,
  WRITE_BUFFER_BYTES,
} from "../io/world.ts";
import type { FaultTable } from "./fault-table.ts";

/** What one packet carries, and how long its sender waits before it sends a lost one again (Linux: at least 200 ms). */
const SEGMENT_BYTES = 1_448;
const RESEND_MS = 200;
const RESENDS_MAX = 5;
const DRAIN_LOOK_MS = 10;

type Delayed = { readonly bytes: Uint8Array; readonly dueAtMs: number };

export class FaultyConnection implements Connection {
  readonly #inner: Connection;
  readonly #other: Address | null;
  readonly #clock: Clock;
  readonly #faults: FaultTable;
  readonly #forget: () => void;
  #handlers: ConnectionHandlers | null = null;
  readonly #delayed: Delayed[] = [];
  #delayedBytes = 0;
  #timer: Timer | null = null;
  /** Something was held up: bytes, or the end. */
  #isTornOut = false;
  #isTornIn = false;
  #tornBytes = 0;
  #wantsDrain = false;
  #isEnding = false;
  #isDestroyed = false;
  #isClosed = false;

  constructor(options: {
    readonly connection: Connection;
    /** Where the other node is known to be; null: it dialled. */
    readonly other: Address | null;
    readonly clock: Clock;
    readonly faults: FaultTable;
  }) {
    this.#inner = options.connection;
    this.#other = options.other;
    this.#clock = options.clock;
    this.#faults = options.faults;
    this.#forget = options.faults.onChange(() => this.#look());
  }

  get local(): Address {
    return this.#inner.local;
  }

  get remote(): Address {
    return this.#inner.remote;
  }

  get peer(): PeerIdentity | null {
    return this.#inner.peer;
  }

  get pendingBytes(): number {
    return this.#inner.pendingBytes + this.#delayedBytes + this.#tornBytes;
  }

  handle(handlers: ConnectionHandlers): void {
    assert(this.#handlers === null, "a connection is handled once");
    this.#handlers = handlers;
    // Not before: the connection itself keeps what comes earlier.
    this.#inner.handle({
      onBytes: (bytes) => this.#receive(bytes),
      onDrain: () => this.#drained(),
      onClose: (reason) => this.#innerClosed(reason),
    });
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver || this.#isEnding) return false;
    if (this.#isHeldOut()) {
      this.#isTornOut = true;
      this.#tornBytes += bytes.length;
    } else {
      const dueAtMs = this.#dueAtMs(bytes.length);
      if (dueAtMs === null) this.#inner.write(bytes);
      else this.#delay({ bytes: bytes.slice(), dueAtMs });
    }
    const isTaken = this.pendingBytes <= WRITE_BUFFER_BYTES;
    this.#wantsDrain ||= !isTaken;
    return isTaken;
  }

  end(): void {
    if (this.#isOver || this.#isEnding) return;
    this.#isEnding = true;
    if (this.#isHeldOut()) this.#isTornOut = true;
    else if (this.#delayed.length === 0) this.#inner.end();
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#isDestroyed = true;
    // The other side does not learn of it before the cut is over.
    if (this.#isHeldOut()) this.#isTornOut = true;
    else this.#inner.destroy();
    this.#tell("closed");
  }

  get #isOver(): boolean {
    return this.#isDestroyed || this.#isClosed;
  }

  #isHeldOut(): boolean {
    return this.#isTornOut || this.#faults.isCut(this.#other, "tcp", "out");
  }

  #isHeldIn(): boolean {
    return this.#isTornIn || this.#faults.isCut(this.#other, "tcp", "in");
  }

  /** When bytes that are written now may go; null: at once. Never before those that wait already. */
  #dueAtMs(length: number): number | null {
    const nowMs = this.#clock.nowMs();
    const last = this.#delayed.at(-1);
    const segments = Math.min(64, Math.ceil(length / SEGMENT_BYTES));
    let waitMs = 0;
    for (let segment = 0; segment < segments; segment++) waitMs = Math.max(waitMs, this.#resendMs());
    const dueAtMs = Math.max(nowMs + this.#faults.delayMs + waitMs, last?.dueAtMs ?? 0);
    return dueAtMs <= nowMs && last === undefined ? null : dueAtMs;
  }

  /** How much later a segment arrives because it was lost, maybe more than once: the wait doubles (RFC 6298). */
  #resendMs(): number {
    let waitMs = 0;
    for (let resend = 0; resend < RESENDS_MAX && this.#faults.isLost(); resend++) waitMs += RESEND_MS * 2 ** resend;
    return waitMs;
  }

  #delay(delayed: Delayed): void {
    this.#delayed.push(delayed);
    this.#delayedBytes += delayed.bytes.length;
    if (this.#timer === null) this.#arm();
  }

  #arm(): void {
    const [first] = this.#delayed;
    this.#timer =
      first === undefined
        ? null
        : this.#clock.setTimer(Math.max(0, first.dueAtMs - this.#clock.nowMs()), () => this.#sendDue());
  }

  #sendDue(): void {
    const nowMs = this.#clock.nowMs();
    for (let first = this.#delayed[0]; first !== undefined && first.dueAtMs <= nowMs; first = this.#delayed[0]) {
      this.#delayed.shift();
      this.#delayedBytes -= first.bytes.length;
      if (this.#isHeldOut()) {
        this.#isTornOut = true;
        this.#tornBytes += first.bytes.length;
      } else this.#inner.write(first.bytes);
    }
    this.#arm();
    if (this.#isEnding && this.#delayed.length === 0 && !this.#isTornOut) this.#inner.end();
    this.#drained();
  }

  #drained(): void {
    if (!this.#wantsDrain || this.#isOver || this.#isEnding || this.#isTornOut) return;
    if (this.pendingBytes <= WRITE_BUFFER_BYTES / 2) {
      this.#wantsDrain = false;
      this.#handlers?.onDrain();
    } else if (this.#timer === null) {
      // What was delayed is with the connection now, which may not know that somebody waits.
      this.#timer = this.#clock.setTimer(DRAIN_LOOK_MS, () => this.#sendDue());
    }
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (this.#isHeldIn()) this.#isTornIn = true;
    else this.#handlers?.onBytes(bytes);
  }

  #innerClosed(reason: CloseReason): void {
    // An end does not come through a cut either.
    if (this.#isHeldIn()) this.#isTornIn = true;
    else this.#tell(this.#isTornOut ? "reset" : reason);
  }

  /** A fault came or went: what was held up by one that is over breaks now. */
  #look(): void {
    const isTorn =
      (this.#isTornOut && !this.#faults.isCut(this.#other, "tcp", "out")) ||
      (this.#isTornIn && !this.#faults.isCut(this.#other, "tcp", "in"));
    if (!isTorn) return;
    this.#isTornOut = false;
    this.#inner.destroy();
    this.#tell("reset");
    this.#forget();
  }

  /** Says that it is over, once, and never within a call of the owner. */
  #tell(reason: CloseReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    if (!this.#isTornOut) this.#forget();
    queueMicrotask(() => this.#handlers?.onClose(reason));
  }
}
