// Real datagrams: UDP sockets of Bun.

import { isIP } from "node:net";
import { rethrowLater } from "./callback-error.ts";
import { HostNames } from "./host-names.ts";
import { netError } from "./net-error.ts";
import { DATAGRAM_BYTES_MAX, type Address, type Datagrams, type DatagramSocket } from "./world.ts";

/** This machine's UDP. */
export function createDatagrams(): Datagrams {
  return { bind };
}

async function bind(at: Address): Promise<DatagramSocket> {
  let handleDatagram: ((from: Address, bytes: Uint8Array) => void) | null = null;
  let isOpen = true;
  try {
    const socket = await Bun.udpSocket({
      hostname: at.host,
      port: at.port,
      binaryType: "uint8array",
      socket: {
        data: (_socket, bytes, port, host) => {
          if (isOpen) handleDatagram?.({ host, port }, bytes);
        },
        error: (error) => rethrowLater(error),
      },
    });
    const names = new HostNames(socket.address.family === "IPv6" ? 6 : 4);
    return {
      address: { host: at.host, port: socket.port },
      overheadBytes: 0,
      send: (to, bytes) => {
        if (!isOpen || bytes.length > DATAGRAM_BYTES_MAX) return;
        if (isIP(to.host) !== 0) return sendNow(socket, to, bytes);
        // The look-up may take longer than the caller keeps the bytes as they are.
        const copy = bytes.slice();
        names.withIp(to.host, (ip) => {
          if (isOpen) sendNow(socket, { host: ip, port: to.port }, copy);
        });
      },
      onDatagram: (handle) => {
        handleDatagram = handle;
      },
      close: () => {
        if (isOpen) socket.close();
        isOpen = false;
      },
    };
  } catch (error) {
    throw netError("bind", at, error);
  }
}

/**
 * Sends or drops. A send first fails with what the network said of an earlier one (nobody listens there), and then
 * this one was not sent: hence once more.
 */
function sendNow(socket: Bun.udp.Socket<"uint8array">, to: Address, bytes: Uint8Array): void {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      socket.send(bytes, to.port, to.host);
      return;
    } catch (error) {
      if (!(error instanceof Error && "syscall" in error)) return;
    }
  }
}
