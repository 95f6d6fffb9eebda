// Membership on sockets: the swim core with the datagram socket and the links around it. It informs; who owns what is
// the ledger's to say.

import { seedOf } from "../../base/prng.ts";
import type { Address, DatagramSocket, NodeWorld, Timer } from "../../io/world.ts";
import {
  type Address as SwimAddress,
  create,
  deadline,
  type Role,
  step,
  type StreamMessage,
  type Swim,
  type SwimConfig,
  type SwimEffect,
  type SwimEvent,
  type SwimView,
  view,
} from "../../swim/swim.ts";
import type { Hello } from "../../wire/handshake.ts";
import { decodeDatagram, encodeDatagram } from "./datagram.ts";
import { DeadlineTimer } from "../deadline-timer.ts";
import type { Identity } from "../identity.ts";
import type { Links, NodeId } from "./links.ts";

/** A member's status changed, or it started anew (swim/contract.ts). */
export type MemberChange = Extract<SwimEffect, { readonly kind: "member" }>;

export type Membership = {
  view(): SwimView;
  /** Any number of handlers each. */
  onMember(handle: (change: MemberChange) => void): void;
  /** What that member says of itself, at most 512 B. */
  onPayload(handle: (node: NodeId, bytes: Uint8Array) => void): void;
  /** This node's own health: 0 well, 8 worst. */
  onHealth(handle: (score: number) => void): void;
  /** A hint: that node's stream broke. Links tell it by themselves. */
  reset(node: NodeId): void;
  /** That node proved itself alive otherwise. Links tell it by themselves. */
  heard(node: NodeId): void;
  /** A node is at that address: it is called until it answers, like a configured one. */
  seek(address: SwimAddress): void;
  /** What this node says of itself from now on, at most 512 B. */
  setPayload(bytes: Uint8Array): void;
  /** Says goodbye; resolves when it is told, in the time the preset gives it at most. */
  leave(): Promise<void>;
  /** Stops at once, without a word. Idempotent. */
  close(): void;
};

export type MembershipOptions = {
  readonly world: Pick<NodeWorld, "clock" | "random" | "log">;
  readonly identity: Identity;
  readonly role: Role;
  /** Bound; closed with the membership. */
  readonly socket: DatagramSocket;
  /** Where others reach this node. */
  readonly address: SwimAddress;
  readonly links: Links;
  /** A preset of swim/config.ts. */
  readonly config: SwimConfig;
  readonly payload?: Uint8Array;
  /**
   * Others know a start of this node with that count, which its folder did not make: its next start has to be above.
   * Until that is durable a start may be taken for an older one, which is refuted again.
   */
  readonly raised?: (boot: number) => void;
};

/** Starts at once. In: a socket and links that are open. */
export function openMembership(options: MembershipOptions): Membership {
  return new Shell(options);
}

/** A stream probe without an answer yet. */
type Probe = { readonly to: NodeId; readonly timer: Timer };
type Handlers = {
  readonly member: ((change: MemberChange) => void)[];
  readonly payload: ((node: NodeId, bytes: Uint8Array) => void)[];
  readonly health: ((score: number) => void)[];
};

class Shell implements Membership {
  readonly #options: MembershipOptions;
  readonly #swim: Swim;
  readonly #timer: DeadlineTimer;
  readonly #probes = new Map<number, Probe>();
  readonly #handlers: Handlers = { member: [], payload: [], health: [] };
  #events: SwimEvent[] = [];
  #isAwake = false;
  #isOver = false;
  #left: (() => void) | null = null;

  constructor(options: MembershipOptions) {
    const { world, identity, role, address, config, socket, links } = options;
    this.#options = options;
    // The folder counted this start already (identity.ts): what the core asks to keep is kept.
    const self = { id: identity.node, address, role, bootBefore: identity.boot - 1, payload: options.payload ?? null };
    this.#swim = create(config, self, seedOf(world.random.bytes(6)));
    this.#timer = new DeadlineTimer(
      world.clock,
      () => deadline(this.#swim),
      () => this.#post({ kind: "tick" }),
    );
    socket.onDatagram((from, bytes) => this.#receive(from, bytes));
    links.onMessage((from, message) => {
      if (message.kind === "swim" && from.role !== "client") this.#hear(from, message.body);
    });
    links.onUp(({ node, role: peer }) => {
      if (peer !== "client") this.heard(node);
    });
    links.onDown(({ node, role: peer }, { reason }) => {
      this.#failProbes(node);
      if (reason !== "closed" && peer !== "client") this.reset(node);
    });
    links.onRefused((_, failure, node) => {
      if (failure === "refused" && node !== null) this.reset(node);
    });
    this.#post({ kind: "tick" });
  }

  view(): SwimView {
    return view(this.#swim);
  }

  onMember(handle: (change: MemberChange) => void): void {
    this.#handlers.member.push(handle);
  }

  onPayload(handle: (node: NodeId, bytes: Uint8Array) => void): void {
    this.#handlers.payload.push(handle);
  }

  onHealth(handle: (score: number) => void): void {
    this.#handlers.health.push(handle);
  }

  reset(node: NodeId): void {
    this.#post({ kind: "reset", node });
  }

  heard(node: NodeId): void {
    this.#post({ kind: "heard", node });
  }

  seek(address: SwimAddress): void {
    this.#post({ kind: "seed", address });
  }

  setPayload(bytes: Uint8Array): void {
    this.#post({ kind: "payload", bytes });
  }

  async leave(): Promise<void> {
    if (this.#isOver || this.#left !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#left = resolve;
    this.#post({ kind: "leave" });
    await promise;
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.close();
    for (const { timer } of this.#probes.values()) timer.cancel();
    this.#options.socket.close();
    this.#left?.();
  }

  #receive(from: Address, bytes: Uint8Array): void {
    const envelope = decodeDatagram(bytes);
    if (envelope === null) return;
    const address = { host: from.host, udp: from.port, tcp: envelope.tcp };
    this.#post({ kind: "datagram", from: envelope.from, address, message: envelope.message });
  }

  #hear({ node, address }: Hello, message: StreamMessage): void {
    if (message.kind === "streamAck" && this.#probes.get(message.seq)?.to === node) this.#endProbe(message.seq);
    this.#post({ kind: "stream", from: node, address, message });
  }

  #post(event: SwimEvent): void {
    if (this.#isOver) return;
    this.#events.push(event);
    if (this.#isAwake) return;
    this.#isAwake = true;
    queueMicrotask(() => {
      this.#isAwake = false;
      this.#turn();
    });
  }

  #turn(): void {
    const nowMs = this.#options.world.clock.nowMs();
    const events = this.#events;
    this.#events = [];
    for (const event of events) {
      if (this.#isOver) return;
      for (const effect of step(this.#swim, nowMs, event)) this.#perform(effect);
    }
    this.#timer.rearm();
  }

  #perform(effect: SwimEffect): void {
    const { socket, links, identity, address, world } = this.#options;
    switch (effect.kind) {
      case "persistBoot":
        return this.#counted(effect.boot);
      case "send": {
        const { host, udp } = effect.address;
        const bytes = encodeDatagram({ from: identity.node, tcp: address.tcp, message: effect.message });
        return socket.send({ host, port: udp }, bytes);
      }
      case "stream":
        return links.sendTo(streamOf(effect.address), effect.to, { kind: "swim", body: effect.message });
      case "streamProbe":
        return this.#probe(effect);
      case "member":
        world.log.info(`member ${effect.after ?? "forgotten"}`, { node: effect.id, role: effect.role });
        // A link to it that still seems to stand is half open; whoever wants it dials again.
        if (effect.after === "dead") links.drop(effect.id);
        for (const handle of this.#handlers.member) handle(effect);
        return;
      case "payload":
        for (const handle of this.#handlers.payload) handle(effect.id, effect.payload.bytes);
        return;
      case "health":
        for (const handle of this.#handlers.health) handle(effect.score);
        return;
      case "left":
        this.#left?.();
        return;
      case "stall":
        return world.log.warn("this node stood still", { lateMs: Math.round(effect.lateMs) });
      case "seedSilent":
        return world.log.warn("a configured peer does not answer", {
          host: effect.address.host,
          udp: effect.address.udp,
        });
      case "conflict":
        return world.log.warn("two nodes live under one id: a copied data folder?", {
          node: effect.id,
          host: effect.address.host,
        });
      case "suspicious":
        return world.log.debug("a message was ignored", { from: effect.from, reason: effect.reason });
    }
  }

  /** The folder counted this start. A later one is known of a copy of the folder, or from before it was restored. */
  #counted(boot: number): void {
    const { identity, world, raised } = this.#options;
    if (boot <= identity.boot) return;
    world.log.warn(
      "others know a later start of this node than its data folder: was the folder copied or restored? " +
        "Where another process runs from a copy, stop one of the two; else start this one again: others take its " +
        "datagrams for old ones until then",
      { node: identity.node, own: identity.boot, known: boot },
    );
    raised?.(boot);
  }

  #probe({ to, address, seq, message, timeoutMs }: Extract<SwimEffect, { kind: "streamProbe" }>): void {
    const { links, world } = this.#options;
    const timer = world.clock.setTimer(timeoutMs, () => this.#failProbe(seq, "silent"));
    this.#probes.set(seq, { to, timer });
    links.sendTo(streamOf(address), to, { kind: "swim", body: message }, (failure) =>
      this.#failProbe(seq, failure === "refused" ? "refused" : "silent"),
    );
  }

  /** The link to that node broke: what was asked on it is not answered any more. */
  #failProbes(node: NodeId): void {
    for (const [seq, { to }] of [...this.#probes]) if (to === node) this.#failProbe(seq, "silent");
  }

  #failProbe(seq: number, reason: "refused" | "silent"): void {
    if (!this.#endProbe(seq)) return;
    this.#post({ kind: "streamFailed", seq, reason });
  }

  /** Out: whether it was open. */
  #endProbe(seq: number): boolean {
    const probe = this.#probes.get(seq);
    probe?.timer.cancel();
    return this.#probes.delete(seq);
  }
}

function streamOf({ host, tcp }: SwimAddress): Address {
  return { host, port: tcp };
}
