// Datagrams between simulated hosts: best effort over the links, dropped where nobody listens or reads.

import { NetError } from "../io/net-error.ts";
import { DATAGRAM_BYTES_MAX, type Address, type Datagrams, type DatagramSocket } from "../io/world.ts";
import type { Boot } from "./boot.ts";
import type { Machine, Network } from "./network.ts";

/** A datagram socket as its machine knows it. */
export type DatagramPort = {
  readonly address: Address;
  /** Hands it over or drops it. */
  receive(from: Address, bytes: Uint8Array): void;
};

/** The port of one process. */
export function simDatagrams(network: Network, machine: Machine, boot: Boot): Datagrams {
  return {
    bind: async (at) => {
      if (boot.isOver) return new Promise<never>(() => {});
      if (!network.isLocal(machine, at.host))
        throw new NetError("other", "bind", at, { reason: "it is no address of this host" });
      const port = network.pickPort(machine, at.port, (candidate) => machine.datagramPorts.has(candidate));
      if (port === null) throw new NetError("inUse", "bind", at);
      const socket = new SimDatagramSocket(network, machine, boot, { host: at.host, port });
      machine.datagramPorts.set(port, socket);
      return socket;
    },
  };
}

class SimDatagramSocket implements DatagramSocket, DatagramPort {
  readonly address: Address;
  readonly overheadBytes = 0;
  readonly #network: Network;
  readonly #machine: Machine;
  readonly #boot: Boot;
  #isOpen = true;
  #heldBytes = 0;
  #handle: ((from: Address, bytes: Uint8Array) => void) | null = null;

  constructor(network: Network, machine: Machine, boot: Boot, address: Address) {
    this.#network = network;
    this.#machine = machine;
    this.#boot = boot;
    this.address = address;
  }

  send(to: Address, bytes: Uint8Array): void {
    if (!this.#isOpen || this.#boot.isOver || bytes.length > DATAGRAM_BYTES_MAX) return;
    const { counts, kernel } = this.#network;
    counts.datagrams++;
    counts.datagramBytes += bytes.length;
    const target = this.#network.resolve(this.#machine, to.host);
    const link = target === null ? null : this.#network.link(this.#machine, target);
    if (target === null || link === null || link.isCut || link.losesPacket()) {
      counts.datagramsLost++;
      return;
    }
    const from = { host: this.#network.sourceHost(this.#machine, to.host), port: this.address.port };
    kernel.noteBytes(bytes);
    const copies = link.doublesPacket() ? 2 : 1;
    counts.datagramsDoubled += copies - 1;
    for (let copy = 0; copy < copies; copy++) {
      const packet = { from, to: target, port: to.port, bytes: this.#network.copy(bytes) };
      this.#travel(packet, link.latencyMs() + link.reorderDelayMs());
    }
  }

  onDatagram(handle: (from: Address, bytes: Uint8Array) => void): void {
    this.#handle = handle;
  }

  close(): void {
    if (this.#isOpen && !this.#boot.isOver) this.#machine.datagramPorts.delete(this.address.port);
    this.#isOpen = false;
  }

  receive(from: Address, bytes: Uint8Array): void {
    if (this.#heldBytes + bytes.length > this.#network.options.datagramBufferBytes) {
      this.#network.counts.datagramsLost++;
      return;
    }
    this.#heldBytes += bytes.length;
    this.#boot.deliver(() => {
      this.#heldBytes -= bytes.length;
      if (this.#isOpen) this.#handle?.(from, bytes);
    });
  }

  #travel(
    packet: { readonly from: Address; readonly to: Machine; readonly port: number; readonly bytes: Uint8Array },
    delayMs: number,
  ): void {
    const network = this.#network;
    const source = this.#machine;
    network.kernel.after(delayMs, packet.to.datagramLabel, () => {
      const { to, port } = packet;
      const socket = to.isUp && !network.link(source, to).isCut ? to.datagramPorts.get(port) : undefined;
      if (socket === undefined || !network.hears(socket.address, to, source)) network.counts.datagramsLost++;
      else socket.receive(packet.from, packet.bytes);
    });
  }
}
