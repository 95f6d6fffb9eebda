// Listening and connecting between simulated hosts. A machine that is up answers for its processes: a connection, even
// to a paused one, or a refusal. One that is down, and a link that is cut, give no answer.

import { NetError } from "../io/net-error.ts";
import type { Address, Connection, Listener, Streams } from "../io/world.ts";
import type { Boot } from "./boot.ts";
import { connectionPair, type SimConnection } from "./connection.ts";
import type { Scheduled } from "./kernel.ts";
import type { Machine, Network } from "./network.ts";

/** A listening socket as its machine knows it. */
export type StreamPort = {
  readonly address: Address;
  readonly boot: Boot;
  /** Hands over a connection, in a turn of the process. */
  accept(connection: SimConnection): void;
};

/** The port of one process. */
export function simStreams(network: Network, machine: Machine, boot: Boot): Streams {
  return {
    listen: async (at, accept) => (boot.isOver ? neverSettling() : listen(network, { machine, boot, at }, accept)),
    connect: (to, { timeoutMs }) => {
      if (boot.isOver) return neverSettling();
      const target = network.resolve(machine, to.host);
      if (target === null)
        return Promise.reject(
          new NetError("unreachable", "connect to", to, { reason: "the name of the host does not resolve" }),
        );
      return new Promise((resolve, reject) =>
        new Connecting(network, { machine, boot, target, to }, { resolve, reject }).start(timeoutMs),
      );
    },
  };
}

function listen(
  network: Network,
  where: { readonly machine: Machine; readonly boot: Boot; readonly at: Address },
  accept: (connection: Connection) => void,
): Listener {
  const { machine, boot, at } = where;
  if (!network.isLocal(machine, at.host))
    throw new NetError("other", "listen at", at, { reason: "it is no address of this host" });
  const port = network.pickPort(machine, at.port, (candidate) => machine.streamPorts.has(candidate));
  if (port === null) throw new NetError("inUse", "listen at", at);
  let isOpen = true;
  const address = { host: at.host, port };
  machine.streamPorts.set(port, {
    address,
    boot,
    accept: (connection) => {
      if (isOpen) accept(connection);
      else connection.destroy();
    },
  });
  return {
    address,
    close: () => {
      if (isOpen && !boot.isOver) machine.streamPorts.delete(port);
      isOpen = false;
    },
  };
}

/** One attempt to connect: asks again until there is an answer or the time is up. */
class Connecting {
  readonly #network: Network;
  readonly #machine: Machine;
  readonly #boot: Boot;
  readonly #target: Machine;
  readonly #to: Address;
  readonly #settle: {
    readonly resolve: (connection: Connection) => void;
    readonly reject: (error: NetError) => void;
  };
  #pair: ReturnType<typeof connectionPair> | null = null;
  #isSettled = false;
  #timers: Scheduled[] = [];

  constructor(
    network: Network,
    where: { readonly machine: Machine; readonly boot: Boot; readonly target: Machine; readonly to: Address },
    settle: {
      readonly resolve: (connection: Connection) => void;
      readonly reject: (error: NetError) => void;
    },
  ) {
    this.#network = network;
    this.#machine = where.machine;
    this.#boot = where.boot;
    this.#target = where.target;
    this.#to = where.to;
    this.#settle = settle;
  }

  start(timeoutMs: number): void {
    const { counts, kernel } = this.#network;
    counts.connects++;
    const giveUp = (): void => this.#fail(new NetError("timeout", "connect to", this.#to));
    this.#timers.push(kernel.after(timeoutMs, kernel.label("connect timeout", this.#machine.name), giveUp));
    this.#ask(this.#network.options.connectRetryMs);
  }

  #ask(retryMs: number): void {
    if (this.#isSettled || this.#boot.isOver) return;
    const { kernel } = this.#network;
    const link = this.#network.link(this.#machine, this.#target);
    if (!link.isCut && !link.losesPacket())
      kernel.after(link.latencyMs(), kernel.label("connect", this.#target.name), () => {
        if (!link.isCut && this.#target.isUp) this.#answer();
      });
    this.#timers = this.#timers.slice(0, 1);
    this.#timers.push(
      kernel.after(retryMs, kernel.label("connect again", this.#machine.name), () => this.#ask(2 * retryMs)),
    );
  }

  /** The target's system got the question. */
  #answer(): void {
    const { kernel } = this.#network;
    const port = this.#target.streamPorts.get(this.#to.port);
    const isHeard = port !== undefined && this.#network.hears(port.address, this.#target, this.#machine);
    if (isHeard && this.#pair === null && !this.#isSettled && !this.#boot.isOver) this.#pair = this.#paired(port);
    const pair = this.#pair;
    const back = this.#network.link(this.#target, this.#machine);
    if (back.isCut || back.losesPacket()) return;
    kernel.after(back.latencyMs(), kernel.label("connected", this.#machine.name), () => {
      if (back.isCut || !this.#machine.isUp) return;
      if (pair !== null) this.#succeed(pair.opening);
      else this.#fail(new NetError("refused", "connect to", this.#to));
    });
  }

  #paired(port: StreamPort): ReturnType<typeof connectionPair> {
    const isTaken = (candidate: number): boolean => this.#machine.streamPorts.has(candidate);
    const opening = {
      host: this.#network.sourceHost(this.#machine, this.#to.host),
      port: this.#network.pickPort(this.#machine, 0, isTaken) ?? 0,
    };
    return connectionPair(
      this.#network,
      {
        opening: { machine: this.#machine, boot: this.#boot, address: opening },
        opened: { machine: this.#target, boot: port.boot, address: this.#to },
      },
      (connection) => port.accept(connection),
    );
  }

  #succeed(connection: SimConnection): void {
    if (this.#isSettled || this.#boot.isOver) return;
    this.#finish();
    connection.establish();
    this.#boot.deliver(() => this.#settle.resolve(connection));
  }

  #fail(error: NetError): void {
    if (this.#isSettled || this.#boot.isOver) return;
    this.#finish();
    this.#pair?.opening.destroy();
    this.#boot.deliver(() => this.#settle.reject(error));
  }

  #finish(): void {
    this.#isSettled = true;
    for (const timer of this.#timers) timer.cancel();
  }
}

function neverSettling(): Promise<never> {
  return new Promise<never>(() => {});
}
