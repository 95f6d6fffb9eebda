// The outside as a record of small ports. The real ones are beside this file; tests and the simulator bring their own.
// Only entry points build the real one, everything else is handed it. Only `clock` may be asked what time it is.

import type { Log } from "./log.ts";
import type { PeerIdentity } from "./security/peer-identity.ts";

/** A timer that was set; `cancel` may come at any time, more than once. */
export type Timer = { cancel(): void };

export type Clock = {
  /** Monotonic ms from an arbitrary zero of this process. Never jumps; the only time that decides anything. */
  nowMs(): number;
  /** Wall time in epoch ms, steady in step with `nowMs` for the life of the process. For display and time stamps. */
  epochMs(): number;
  /** Runs `run` once after `delayMs` (negative counts as 0), never before this call returns. */
  setTimer(delayMs: number, run: () => void): Timer;
};

/** A thread with an event loop of its own that answers messages. Messages are copied, in order, both ways. */
export type Thread<Request, Reply> = {
  post(request: Request): void;
  /** One handler; replies before it is set are not lost. None comes after `terminate`. */
  onReply(handle: (reply: Reply) => void): void;
  /** The thread ended by itself or failed. At most once, never after `terminate`. */
  onCrash(handle: (message: string) => void): void;
  /** Ends it at once, even in an endless loop. Idempotent. */
  terminate(): void;
};

export type Threads<Request, Reply> = { spawn(): Thread<Request, Reply> };

export type Memory = {
  /** Bytes this process holds in memory now. */
  residentBytes(): number;
  /** Frees what the calling thread no longer uses; holds it up for some ms. */
  collect(): void;
  /** Bytes it may hold: the limit of its cgroup, or the machine's memory where there is none. */
  limitBytes(): number;
};

export type Random = {
  /** So many bytes nobody can foresee. */
  bytes(count: number): Uint8Array;
};

/**
 * A file opened by its disk. Positions and lengths in bytes. Every method may fail with a DiskError
 * (disk-error.ts); after a failed sync nothing is known about what it should have made durable, and asking again
 * does not help.
 */
export type DiskFile = {
  /** Up to `length` bytes from `position`; fewer (or none) at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array>;
  /**
   * Bytes taken, at least 1 and maybe fewer than given. Not durable before `syncData`. Beyond the end, zeros fill
   * the gap.
   */
  write(position: number, bytes: Uint8Array): Promise<number>;
  /** What was written before the call, and the size, are on disk when it returns (fdatasync). */
  syncData(): Promise<void>;
  sizeBytes(): Promise<number>;
  /** Idempotent. */
  close(): Promise<void>;
};

/** A lock on a path; the system releases it when the process ends in any way. */
export type DiskLock = { release(): Promise<void> };

/**
 * Files and folders by absolute path. Names are durable only after `syncDirectory` of their folder. Fails with
 * DiskError.
 */
export type Disk = {
  /** read, write: the file is there (else `missing`). create: it is not (else `exists`), and is opened for writing. */
  open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile>;
  /** Names in the folder, sorted. */
  list(directory: string): Promise<readonly string[]>;
  /** Makes the folder and those above it, and their names durable; fine when it is there. */
  makeDirectory(path: string): Promise<void>;
  /**
   * Within one folder, atomically: after a crash it is there under one of the names. A file of the new name is
   * replaced.
   */
  rename(source: string, target: string): Promise<void>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
  /** What was created, renamed and removed in the folder before the call is on disk when it returns. */
  syncDirectory(path: string): Promise<void>;
  /** An exclusive lock, making the file where missing; null when another holder has it. Never waits. */
  lock(path: string): Promise<DiskLock | null>;
};

/** Where a socket is: a name or IP address, and a port (0 when binding: any free one). */
export type Address = { readonly host: string; readonly port: number };

/** The most a datagram may hold. */
export const DATAGRAM_BYTES_MAX = 65_507;

/** A bound datagram socket. */
export type DatagramSocket = {
  /** As bound, with the port the system chose. */
  readonly address: Address;
  /** Bytes that it adds to each datagram on its way: 0 in clear. */
  readonly overheadBytes: number;
  /**
   * Best effort: a datagram may be lost, doubled, delayed or overtaken; never throws, never waits. At most
   * DATAGRAM_BYTES_MAX, else it is dropped. Takes a copy.
   */
  send(to: Address, bytes: Uint8Array): void;
  /** One handler. The bytes are the handler's own. Not called before it is set: what came earlier is lost. */
  onDatagram(handle: (from: Address, bytes: Uint8Array) => void): void;
  /** Nothing is received after it. Idempotent. */
  close(): void;
};

/** Who sends, which sealed datagrams have to know: a node, and the count of its starts, which grows with each. */
export type DatagramSender = { readonly node: string; readonly boot: number };

export type Datagrams = {
  /** Fails with a NetError. */
  bind(at: Address, sender?: DatagramSender): Promise<DatagramSocket>;
};

/**
 * Why a connection is over: the other side ended it in order, it broke (reset, timeout), or this side closed it. The
 * system ends the connections of a process that is killed in one way or the other: "ended" promises nothing.
 */
export type CloseReason = "ended" | "reset" | "closed";

export type ConnectionHandlers = {
  /** Bytes in order; the handler's own. They may come in any pieces. */
  onBytes(bytes: Uint8Array): void;
  /** After `write` returned false: at most half of WRITE_BUFFER_BYTES wait. */
  onDrain(): void;
  /** Once, never within a call of this side; nothing comes after it. */
  onClose(reason: CloseReason): void;
};

/** An ordered stream of bytes both ways. It may break at any time, and a peer may vanish without a word. */
export type Connection = {
  readonly local: Address;
  readonly remote: Address;
  /** Who the other side proved to be; null where nobody proves anything: in clear, in memory, simulated. */
  readonly peer: PeerIdentity | null;
  /**
   * Takes all of the bytes (a copy). false: more than WRITE_BUFFER_BYTES wait, stop until `onDrain`. After `end`,
   * `destroy` and the close nothing happens and it is false.
   */
  write(bytes: Uint8Array): boolean;
  /** Bytes that were taken and not handed to the system. */
  readonly pendingBytes: number;
  /** Once; what comes before is kept. */
  handle(handlers: ConnectionHandlers): void;
  /**
   * Sends what is pending, then ends the stream; bytes come in until the other side has seen that, and then the close
   * ("closed"), which may never come where the other side is gone. Idempotent.
   */
  end(): void;
  /** Breaks it at once; what is pending is lost, nothing but the close ("closed") comes. Idempotent. */
  destroy(): void;
};

/** Bytes a connection holds for a slow peer before `write` says stop. */
export const WRITE_BUFFER_BYTES = 1_048_576;

export type Listener = {
  /** As bound, with the port the system chose. */
  readonly address: Address;
  /** No new connections; those there are stay. Idempotent. */
  close(): void;
};

export type Streams = {
  /** Fails with a NetError. */
  listen(at: Address, accept: (connection: Connection) => void): Promise<Listener>;
  /** Fails with a NetError: refused, unreachable, timeout. */
  connect(to: Address, options: { readonly timeoutMs: number }): Promise<Connection>;
};

export type Process = {
  /** Ends this process; `message` is said first. Nothing of this node runs after it. */
  exit(code: number, message: string): void;
};

/** What a node of a cluster needs, apart from engines. */
export type NodeWorld = {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly datagrams: Datagrams;
  readonly streams: Streams;
  readonly process: Process;
  readonly log: Log;
};

/** All of it. Request, Reply: what is said to and by the threads it spawns. */
export type World<Request, Reply> = NodeWorld & {
  readonly threads: Threads<Request, Reply>;
  readonly memory: Memory;
};
