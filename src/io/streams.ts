// Real streams: TCP sockets of Bun, in clear. A connection is handed over in `open`; under TLS (security/tls.ts) it is
// once the peer has proved who it is, and then it is the same.

import { assert } from "../base/assert.ts";
import { rethrowLater } from "./callback-error.ts";
import { beginConnect, plainBytes } from "./connect-attempt.ts";
import { netError } from "./net-error.ts";
import type { PeerIdentity } from "./security/peer-identity.ts";
import {
  WRITE_BUFFER_BYTES,
  type Address,
  type CloseReason,
  type Connection,
  type ConnectionHandlers,
  type Listener,
  type Streams,
} from "./world.ts";

/** What hangs on a socket: its connection, once it is open. */
type Holder = { connection: SocketConnection | null };
type Socket = Bun.Socket<Holder>;
/** What a connection needs of its socket, whatever hangs on it. */
type RawSocket = Pick<
  Socket,
  "write" | "shutdown" | "terminate" | "localAddress" | "localPort" | "remoteAddress" | "remotePort"
>;

/** This machine's TCP. */
export function createStreams(): Streams {
  return { listen, connect };
}

async function listen(at: Address, accept: (connection: Connection) => void): Promise<Listener> {
  try {
    const listener = Bun.listen<Holder>({
      hostname: at.host,
      port: at.port,
      data: { connection: null },
      socket: socketHandlers((socket) => accept(opened(socket))),
    });
    return { address: { host: at.host, port: listener.port }, close: () => listener.stop() };
  } catch (error) {
    throw netError("listen at", at, error);
  }
}

function connect(to: Address, { timeoutMs }: { readonly timeoutMs: number }): Promise<Connection> {
  const attempt = beginConnect(to, timeoutMs);
  Bun.connect<Holder>({
    hostname: to.host,
    port: to.port,
    data: { connection: null },
    socket: socketHandlers((socket) => {
      if (attempt.isOver) socket.terminate();
      else attempt.succeed(opened(socket));
    }),
  }).catch((error: unknown) => attempt.fail(error));
  return attempt.connected;
}

function opened(socket: Socket): SocketConnection {
  const connection = new SocketConnection(socket, null);
  socket.data = { connection };
  socket.setNoDelay(true);
  return connection;
}

function socketHandlers(open: (socket: Socket) => void): Bun.SocketHandler<Holder> {
  return {
    open,
    data: (socket, bytes) => socket.data.connection?.receive(plainBytes(bytes)),
    drain: (socket) => socket.data.connection?.flush(),
    close: (socket, error) => socket.data.connection?.receiveClose(error),
    // A failed connect is told by its promise.
    connectError: () => {},
    error: (_socket, error) => rethrowLater(error),
  };
}

/** A connection over a socket of Bun, whose callbacks `data`, `drain` and `close` are passed on to it. */
export class SocketConnection implements Connection {
  readonly local: Address;
  readonly remote: Address;
  readonly peer: PeerIdentity | null;
  readonly #socket: RawSocket;
  /** What the system did not take yet. */
  #queue: Uint8Array[] = [];
  #pendingBytes = 0;
  #wantsDrain = false;
  #handlers: ConnectionHandlers | null = null;
  /** What came before the handlers were set. */
  #early: ((handlers: ConnectionHandlers) => void)[] = [];
  #isEnding = false;
  #isDestroyed = false;
  #isClosed = false;

  constructor(socket: RawSocket, peer: PeerIdentity | null) {
    this.#socket = socket;
    this.peer = peer;
    this.local = { host: socket.localAddress, port: socket.localPort };
    this.remote = { host: socket.remoteAddress, port: socket.remotePort };
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver || this.#isEnding) return false;
    const taken = this.#pendingBytes === 0 ? Math.max(0, this.#socket.write(bytes)) : 0;
    if (taken < bytes.length && !this.#isOver) {
      this.#queue.push(bytes.slice(taken));
      this.#pendingBytes += bytes.length - taken;
    }
    if (this.#pendingBytes > WRITE_BUFFER_BYTES) this.#wantsDrain = true;
    return this.#pendingBytes <= WRITE_BUFFER_BYTES;
  }

  handle(handlers: ConnectionHandlers): void {
    assert(this.#handlers === null, "a connection is handled once");
    this.#handlers = handlers;
    if (this.#early.length > 0) queueMicrotask(() => this.#flushEarly(handlers));
  }

  end(): void {
    if (this.#isOver || this.#isEnding) return;
    this.#isEnding = true;
    if (this.#pendingBytes === 0) this.#socket.shutdown();
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#isDestroyed = true;
    this.#forgetPending();
    this.#socket.terminate();
  }

  /** The socket's `data`. */
  receive(bytes: Uint8Array): void {
    this.#tell((handlers) => {
      if (!this.#isDestroyed) handlers.onBytes(bytes);
    });
  }

  /** The socket's `drain`: hands it what it takes. */
  flush(): void {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const taken = Math.max(0, this.#socket.write(first));
      this.#pendingBytes -= taken;
      if (taken < first.length) {
        this.#queue[0] = first.subarray(taken);
        break;
      }
      this.#queue.shift();
    }
    if (this.#isEnding && this.#pendingBytes === 0 && !this.#isOver) this.#socket.shutdown();
    if (!this.#wantsDrain || this.#isEnding || this.#pendingBytes > WRITE_BUFFER_BYTES / 2) return;
    this.#wantsDrain = false;
    this.#tell((handlers) => {
      if (!this.#isOver) handlers.onDrain();
    });
  }

  /** The socket's `close`, maybe within a call of ours. In: the error that broke it. */
  receiveClose(error: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#forgetPending();
    const reason = this.#closeReason(error);
    queueMicrotask(() => this.#tell((handlers) => handlers.onClose(reason)));
  }

  #closeReason(error: unknown): CloseReason {
    if (this.#isDestroyed) return "closed";
    if (error !== undefined && error !== null) return "reset";
    return this.#isEnding ? "closed" : "ended";
  }

  get #isOver(): boolean {
    return this.#isDestroyed || this.#isClosed;
  }

  #forgetPending(): void {
    this.#queue = [];
    this.#pendingBytes = 0;
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
}
