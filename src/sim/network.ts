// The simulated network: the machines by name, the links between every two of them, and the faults a nemesis sets on
// them. What goes over the links is datagrams.ts and streams.ts.

import { assert } from "../base/assert.ts";
import { nextFloat, type Prng } from "../base/prng.ts";
import type { Address } from "../io/world.ts";
import type { DatagramPort } from "./datagrams.ts";
import type { Kernel, Label } from "./kernel.ts";
import { LAN_LINK, Link, LOOPBACK_LINK, type LinkOptions } from "./link.ts";
import type { SimConnection } from "./connection.ts";
import type { StreamPort } from "./streams.ts";

export type NetworkOptions = {
  /** Of every link at the start. */
  readonly link: LinkOptions;
  /** Bytes of datagrams a socket holds for a process that does not read; more are dropped. */
  readonly datagramBufferBytes: number;
  /** Bytes of a stream on their way or unread; more wait with the sender. */
  readonly streamWindowBytes: number;
  /** First wait for bytes that did not arrive; doubled each time. */
  readonly retransmitMinMs: number;
  readonly retransmitMaxMs: number;
  /** First wait for an answer to a connect; doubled each time. */
  readonly connectRetryMs: number;
  /** A connection whose bytes do not arrive for so long is reset. */
  readonly stallMs: number;
  /** Of bytes that arrive: they come in two pieces. */
  readonly splitProbability: number;
  /**
   * Of a connection whose process is killed: the other side sees an end in order (systems do that when the process
   * left nothing unread), not a reset.
   */
  readonly endOnKillProbability: number;
};

export const NETWORK_OPTIONS: NetworkOptions = {
  link: LAN_LINK,
  datagramBufferBytes: 212_992,
  streamWindowBytes: 262_144,
  retransmitMinMs: 200,
  retransmitMaxMs: 5_000,
  connectRetryMs: 1_000,
  stallMs: 60_000,
  splitProbability: 0.1,
  endOnKillProbability: 0.5,
};

/** A host as the network sees it. It answers while it is up, whether or not a process runs there. */
export type Machine = {
  readonly name: string;
  readonly index: number;
  readonly datagramLabel: Label;
  isUp: boolean;
  nextPort: number;
  readonly datagramPorts: Map<number, DatagramPort>;
  readonly streamPorts: Map<number, StreamPort>;
  readonly connections: Set<SimConnection>;
};

/** What passed and what did not, since the start. */
export type NetworkCounts = {
  datagrams: number;
  datagramBytes: number;
  datagramsLost: number;
  datagramsDoubled: number;
  streamBytes: number;
  connects: number;
  resets: number;
  stalls: number;
};

const SHELF_BYTES = 65_536;
const PORT_FIRST = 40_000;
const PORTS = 20_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;
const ANY = /^(0\.0\.0\.0|::)$/;

export class Network {
  readonly kernel: Kernel;
  readonly options: NetworkOptions;
  readonly prng: Prng;
  readonly counts: NetworkCounts = {
    datagrams: 0,
    datagramBytes: 0,
    datagramsLost: 0,
    datagramsDoubled: 0,
    streamBytes: 0,
    connects: 0,
    resets: 0,
    stalls: 0,
  };
  #machines = new Map<string, Machine>();
  #byIndex: Machine[] = [];
  #links: (Link | undefined)[][] = [];
  /** What is under way lies here, one after the other: nothing is written twice at one place. */
  #shelf = new Uint8Array(0);
  #shelfUsed = 0;

  constructor(kernel: Kernel, options: Partial<NetworkOptions> = {}) {
    this.kernel = kernel;
    this.options = { ...NETWORK_OPTIONS, ...options };
    this.prng = kernel.prng("network");
  }

  /** Names of all hosts, in the order they came. */
  get hosts(): readonly string[] {
    return this.#byIndex.map(({ name }) => name);
  }

  /** Adds a machine that is up. In: a name that is not taken. */
  attach(name: string): Machine {
    assert(!this.#machines.has(name) && !LOOPBACK.test(name) && !ANY.test(name), `${name} names a new host`);
    const machine: Machine = {
      name,
      index: this.#byIndex.length,
      datagramLabel: this.kernel.label("datagram", name),
      isUp: true,
      nextPort: 0,
      datagramPorts: new Map(),
      streamPorts: new Map(),
      connections: new Set(),
    };
    this.#machines.set(name, machine);
    this.#byIndex.push(machine);
    this.#links.push([]);
    return machine;
  }

  /** The machine an address names, seen from `from`; null when the name does not resolve. */
  resolve(from: Machine, host: string): Machine | null {
    return this.#machines.get(host) ?? (LOOPBACK.test(host) ? from : null);
  }

  /** Whether a process on `machine` may bind there. */
  isLocal(machine: Machine, host: string): boolean {
    return host === machine.name || LOOPBACK.test(host) || ANY.test(host);
  }

  /** Whether what is bound at `at` hears what came from `from` to its machine. */
  hears(at: Address, machine: Machine, from: Machine): boolean {
    return from === machine || !LOOPBACK.test(at.host);
  }

  /** The address that the other side of a packet sees: names stay as the sender spelled the way. */
  sourceHost(source: Machine, targetHost: string): string {
    return LOOPBACK.test(targetHost) ? targetHost : source.name;
  }

  /** A port nobody on the machine has in `taken`; the asked one, or null when that is taken. */
  pickPort(machine: Machine, port: number, isTaken: (port: number) => boolean): number | null {
    if (port !== 0) return isTaken(port) ? null : port;
    for (let tries = 0; tries < PORTS; tries++) {
      const candidate = PORT_FIRST + (machine.nextPort++ % PORTS);
      if (!isTaken(candidate)) return candidate;
    }
    return null;
  }

  link(source: Machine, target: Machine): Link {
    const row = this.#links[source.index];
    assert(row !== undefined, "the machine is attached");
    let link = row[target.index];
    if (link === undefined) {
      const isLoopback = source === target;
      const prng = this.kernel.prng(`link ${source.name} ${target.name}`);
      link = new Link(isLoopback ? LOOPBACK_LINK : this.options.link, prng, isLoopback);
      row[target.index] = link;
    }
    return link;
  }

  /** Changes what the matching links do from now on; without a name all sources or all targets match. */
  setLink(changes: Partial<LinkOptions> & { readonly from?: string; readonly to?: string }): void {
    const { from, to, ...options } = changes;
    this.#each(from, to, (link) => link.configure(options));
  }

  /** Puts every link's options back to those of the start; cuts stay. */
  resetLinks(): void {
    this.#each(undefined, undefined, (link) => link.configure(this.options.link));
  }

  /** Nothing passes from one host to the other; the way back is as it was. */
  cut(from: string, to: string): void {
    this.#each(from, to, (link) => link.setCut(true));
  }

  /** Undoes `cut` of this direction. */
  mend(from: string, to: string): void {
    this.#each(from, to, (link) => link.setCut(false));
  }

  isCut(from: string, to: string): boolean {
    return this.link(this.#named(from), this.#named(to)).isCut;
  }

  /** Nothing passes between hosts of different groups; hosts in no group make up one more. Other cuts stay. */
  partition(groups: readonly (readonly string[])[]): void {
    const groupOf = (name: string): number => groups.findIndex((group) => group.includes(name));
    for (const source of this.hosts)
      for (const target of this.hosts) if (groupOf(source) !== groupOf(target)) this.cut(source, target);
  }

  /** Nothing passes from the host or to it, or one of both. */
  isolate(host: string, direction: "both" | "from" | "to" = "both"): void {
    if (direction !== "to") this.#each(host, undefined, (link) => link.setCut(true));
    if (direction !== "from") this.#each(undefined, host, (link) => link.setCut(true));
  }

  /** Ends all cuts; what the links do otherwise stays. */
  heal(): void {
    this.#each(undefined, undefined, (link) => link.setCut(false));
  }

  /** Something between the hosts breaks their open connections, or those of one host to all: both sides see a reset. */
  resetConnections(host: string, other?: string): void {
    const machine = this.#named(host);
    const broken = [...machine.connections].filter(
      ({ remote }) => other === undefined || this.resolve(machine, remote.host)?.name === other,
    );
    for (const connection of broken) connection.breakBothSides();
  }

  /** Connections the host's system knows of, those included whose other side is gone without a word. */
  connectionsOf(host: string): number {
    return this.#named(host).connections.size;
  }

  /** A copy that nobody else has: a view of a large piece of memory, as memory of its own costs several times that. */
  copy(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (length > SHELF_BYTES / 4) return bytes.slice();
    if (this.#shelfUsed + length > this.#shelf.length) {
      this.#shelf = new Uint8Array(SHELF_BYTES);
      this.#shelfUsed = 0;
    }
    const start = this.#shelfUsed;
    this.#shelfUsed += length;
    this.#shelf.set(bytes, start);
    return this.#shelf.subarray(start, this.#shelfUsed);
  }

  /** Whether an event of this probability happens. */
  happens(probability: number): boolean {
    return probability > 0 && nextFloat(this.prng) < probability;
  }

  #each(from: string | undefined, to: string | undefined, act: (link: Link) => void): void {
    const sources = from === undefined ? this.#byIndex : [this.#named(from)];
    const targets = to === undefined ? this.#byIndex : [this.#named(to)];
    for (const source of sources) for (const target of targets) act(this.link(source, target));
  }

  #named(name: string): Machine {
    const machine = this.#machines.get(name);
    assert(machine !== undefined, `${name} is a host`);
    return machine;
  }
}
