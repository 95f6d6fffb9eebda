// One side of a simulated stream, as its process has it (Connection) and as its system has it. The bytes go through
// the pipe of each direction (pipe.ts). The system of a host that is up answers for a process that is gone: with a
// reset. Who crashed says nothing.

import { assert } from "../base/assert.ts";
import { WRITE_BUFFER_BYTES, type Address, type CloseReason, type Connection } from "../io/world.ts";
import type { ConnectionHandlers } from "../io/world.ts";
import type { Boot } from "./boot.ts";
import type { Machine, Network } from "./network.ts";
import { Pipe } from "./pipe.ts";

/** Where a side of a connection is. */
export type Side = { readonly machine: Machine; readonly boot: Boot; readonly address: Address };

/** Both sides of a new connection; the opened one is handed to `accept` when the opening one first says something. */
export function connectionPair(
  network: Network,
  sides: { readonly opening: Side; readonly opened: Side },
  accept: (connection: SimConnection) => void,
): { readonly opening: SimConnection; readonly opened: SimConnection } {
  const opening = new SimConnection(network, sides.opening, sides.opened.address, null);
  const opened = new SimConnection(network, sides.opened, sides.opening.address, accept);
  opening.join(opened);
  opened.join(opening);
  return { opening, opened };
}

export class SimConnection implements Connection {
  readonly local: Address;
  readonly remote: Address;
  readonly peer = null;
  readonly machine: Machine;
  readonly #network: Network;
  readonly #boot: Boot;
  readonly #accept: ((connection: SimConnection) => void) | null;
  #peer: SimConnection | null = null;
  #out: Pipe | null = null;
  #handlers: ConnectionHandlers | null = null;
  /** What came before the process had set its handlers. */
  #early: ((handlers: ConnectionHandlers) => void)[] = [];
  #isGone = false;
  #isEnding = false;
  #isDestroyed = false;
  #isClosed = false;

  constructor(network: Network, side: Side, remote: Address, accept: ((connection: SimConnection) => void) | null) {
    this.#network = network;
    this.#boot = side.boot;
    this.machine = side.machine;
    this.local = side.address;
    this.remote = remote;
    this.#accept = accept;
    this.machine.connections.add(this);
  }

  /** Once, before anything else. */
  join(peer: SimConnection): void {
    this.#peer = peer;
    this.#out = new Pipe(this.#network, this, peer);
  }

  // What the process does.

  get pendingBytes(): number {
    return this.#isGone ? 0 : this.#pipe.pendingBytes;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isGone || this.#isEnding || this.#boot.isOver) return false;
    this.#pipe.write(this.#network.copy(bytes));
    return this.#pipe.pendingBytes <= WRITE_BUFFER_BYTES;
  }

  handle(handlers: ConnectionHandlers): void {
    assert(this.#handlers === null, "a connection is handled once");
    this.#handlers = handlers;
    if (this.#early.length > 0) this.#soon("handle", () => this.#flushEarly(handlers));
  }

  end(): void {
    if (this.#isGone || this.#isEnding || this.#boot.isOver) return;
    this.#isEnding = true;
    this.#pipe.end();
  }

  destroy(): void {
    if (this.#isDestroyed || this.#isClosed || this.#boot.isOver) return;
    this.#isDestroyed = true;
    if (!this.#isGone) {
      this.#leave();
      this.#pipe.sendReset();
    }
    this.#soon("close", () => this.#close("closed"));
  }

  // What the system does.

  /** Whether the system knows it no more and answers with a reset. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Tells the other side that this one knows of the connection. */
  establish(): void {
    this.#pipe.open();
  }

  /** The other side knows of it. */
  receiveOpen(): void {
    this.#boot.deliver(() => this.#accept?.(this));
  }

  /** In: the bytes, the process's own, cut in two there (0: they are not); the pipe is told when it took them. */
  receiveBytes(bytes: Uint8Array, cutAt: number, from: Pipe): void {
    if (this.#boot.isPaused) this.#boot.deliver(() => this.#take(bytes, cutAt, from));
    else if (this.#boot.enter()) this.#take(bytes, cutAt, from);
  }

  #take(bytes: Uint8Array, cutAt: number, from: Pipe): void {
    if (cutAt === 0) this.#hear(bytes);
    else {
      this.#hear(bytes.subarray(0, cutAt));
      this.#hear(bytes.subarray(cutAt));
    }
    from.taken(bytes.length);
  }

  #hear(bytes: Uint8Array): void {
    const handlers = this.#handlers;
    if (handlers === null || this.#early.length > 0) this.#early.push((late) => this.#read(late, bytes));
    else this.#read(handlers, bytes);
  }

  #read(handlers: ConnectionHandlers, bytes: Uint8Array): void {
    if (!this.#isDestroyed && !this.#isClosed) handlers.onBytes(bytes);
  }

  /** There is room for writes again. */
  receiveDrain(): void {
    this.#soon("drain", () =>
      this.#tell((handlers) => {
        if (!this.#isGone && !this.#isEnding) handlers.onDrain();
      }),
    );
  }

  /** The other side said that it ended: this one does so too. */
  receiveEnd(): void {
    if (this.#isGone) return;
    this.#pipe.finish();
    this.#forget();
    this.#boot.deliver(() => this.#close(this.#isEnding ? "closed" : "ended"));
  }

  /** It is broken: by the other side, or because that one did not answer for too long. */
  receiveReset(): void {
    if (this.#isGone) return;
    this.#network.counts.resets++;
    this.#leave();
    this.#boot.deliver(() => this.#close("reset"));
  }

  /** Something in between sends a reset both ways. */
  breakBothSides(): void {
    this.receiveReset();
    this.#peer?.receiveReset();
  }

  /** The process was killed: the system ends the connection. */
  kill(): void {
    if (this.#isGone) return;
    if (this.#network.happens(this.#network.options.endOnKillProbability)) {
      this.#pipe.finish();
      this.#forget();
      return;
    }
    this.#leave();
    this.#pipe.sendReset();
  }

  /** The machine lost power. */
  vanish(): void {
    if (!this.#isGone) this.#leave();
  }

  get #pipe(): Pipe {
    assert(this.#out !== null, "the connection is joined");
    return this.#out;
  }

  #leave(): void {
    this.#pipe.stop();
    this.#forget();
  }

  #forget(): void {
    this.#isGone = true;
    this.machine.connections.delete(this);
  }

  #close(reason: CloseReason): void {
    this.#tell((handlers) => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      handlers.onClose(this.#isDestroyed ? "closed" : reason);
    });
  }

  #tell(run: (handlers: ConnectionHandlers) => void): void {
    if (this.#handlers === null || this.#early.length > 0) this.#early.push(run);
    else run(this.#handlers);
  }

  #flushEarly(handlers: ConnectionHandlers): void {
    // What one of them adds comes after it.
    for (let run = this.#early[0]; run !== undefined; run = this.#early[0]) {
      run(handlers);
      this.#early.shift();
    }
  }

  #soon(kind: string, run: () => void): void {
    const { kernel } = this.#network;
    kernel.after(0, kernel.label(kind, this.machine.name), () => this.#boot.deliver(run));
  }
}
