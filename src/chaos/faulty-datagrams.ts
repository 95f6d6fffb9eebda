// Datagrams of a node that can be cut off, delayed and lost: dropped where they leave and where they arrive.

import type { Clock, Datagrams, DatagramSocket } from "../io/world.ts";
import type { FaultTable } from "./fault-table.ts";

/** Datagrams that wait for their delay at most; more are lost. */
const DELAYED_MAX = 10_000;

/** The same datagrams under the faults of the table. */
export function faultyDatagrams(datagrams: Datagrams, clock: Clock, faults: FaultTable): Datagrams {
  return { bind: async (at, sender) => faultySocket(await datagrams.bind(at, sender), clock, faults) };
}

function faultySocket(socket: DatagramSocket, clock: Clock, faults: FaultTable): DatagramSocket {
  let delayed = 0;
  return {
    address: socket.address,
    overheadBytes: socket.overheadBytes,
    send: (to, bytes) => {
      if (faults.isCut(to, "udp", "out") || faults.isLost()) return;
      const { delayMs } = faults;
      if (delayMs === 0) return socket.send(to, bytes);
      if (delayed >= DELAYED_MAX) return;
      const copy = bytes.slice();
      delayed++;
      clock.setTimer(delayMs, () => {
        delayed--;
        // A cut takes what is on its way too.
        if (!faults.isCut(to, "udp", "out")) socket.send(to, copy);
      });
    },
    onDatagram: (handle) =>
      socket.onDatagram((from, bytes) => {
        if (!faults.isCut(from, "udp", "in")) handle(from, bytes);
      }),
    close: () => socket.close(),
  };
}
