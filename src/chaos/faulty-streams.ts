// Streams of a node that can be cut off, delayed and lossy. A stream never loses bytes: a cut holds everything up, as a
// network that is gone does, and once it is over, connections on which something was held up break, so that both sides
// dial anew. Who dialled knows the other node by its address and enforces a cut in both directions; connections from
// others are only held up when the node is cut off from everybody.

import { NetError } from "../io/net-error.ts";
import type { Address, Clock, Connection, Streams } from "../io/world.ts";
import type { FaultTable } from "./fault-table.ts";
import { FaultyConnection } from "./faulty-connection.ts";

/** RFC 6298: how long a lost opening of a connection waits for its repetition. */
const REDIAL_MS = 1_000;

/** The same streams under the faults of the table. */
export function faultyStreams(streams: Streams, clock: Clock, faults: FaultTable): Streams {
  return {
    listen: (at, accept) =>
      streams.listen(at, (connection) => {
        if (isCut(faults, null)) hold(connection, faults);
        else accept(new FaultyConnection({ connection, other: null, clock, faults }));
      }),
    connect: (to, options) => connect({ streams, clock, faults }, to, options.timeoutMs),
  };
}

async function connect(
  { streams, clock, faults }: { readonly streams: Streams; readonly clock: Clock; readonly faults: FaultTable },
  to: Address,
  timeoutMs: number,
): Promise<Connection> {
  const startedAtMs = clock.nowMs();
  let waitMs = faults.delayMs;
  while (faults.isLost() && waitMs < timeoutMs) waitMs += REDIAL_MS;
  if (waitMs > 0) await elapse(clock, Math.min(waitMs, timeoutMs));
  if (isCut(faults, to)) await healed(clock, faults, to, timeoutMs - (clock.nowMs() - startedAtMs));
  const leftMs = timeoutMs - (clock.nowMs() - startedAtMs);
  if (leftMs <= 0 || isCut(faults, to)) throw new NetError("timeout", "connect to", to);
  const connection = await streams.connect(to, { timeoutMs: leftMs });
  return new FaultyConnection({ connection, other: to, clock, faults });
}

/** No connection comes about when one direction is cut. */
function isCut(faults: FaultTable, other: Address | null): boolean {
  return faults.isCut(other, "tcp", "out") || faults.isCut(other, "tcp", "in");
}

/** A connection that nobody here hears of. */
function hold(connection: Connection, faults: FaultTable): void {
  const forget = faults.onChange(() => {
    if (!isCut(faults, null)) connection.destroy();
  });
  connection.handle({ onBytes: () => {}, onDrain: () => {}, onClose: forget });
}

function healed(clock: Clock, faults: FaultTable, to: Address, timeoutMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimer(timeoutMs, resolve);
  const forget = faults.onChange(() => {
    if (!isCut(faults, to)) resolve();
  });
  return promise.finally(() => {
    timer.cancel();
    forget();
  });
}

function elapse(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(delayMs, resolve));
}
