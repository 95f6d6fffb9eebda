// One try to connect, as every kind of stream makes it: it ends once, as a connection or a NetError, within its time.

import { NetError, netError } from "./net-error.ts";
import type { Address, Connection } from "./world.ts";

/** The first end counts; later ones do nothing. */
export type ConnectAttempt = {
  /** Rejects with a NetError: `timeout` after the time given. */
  readonly connected: Promise<Connection>;
  /** Nobody waits for it any more. */
  readonly isOver: boolean;
  succeed(connection: Connection): void;
  /** In: what the system threw, or a NetError. */
  fail(thrown: unknown): void;
};

/** A try that begins now. */
export function beginConnect(to: Address, timeoutMs: number): ConnectAttempt {
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  let isOver = false;
  const end = (act: () => void): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    act();
  };
  const timer = setTimeout(() => end(() => reject(new NetError("timeout", "connect to", to))), timeoutMs);
  return {
    connected: promise,
    get isOver() {
      return isOver;
    },
    succeed: (connection) => end(() => resolve(connection)),
    fail: (thrown) => end(() => reject(netError("connect to", to, thrown))),
  };
}

/** The bytes as a plain array: the `slice` of a Buffer shares its bytes. */
export function plainBytes({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
