// All streams of a node: those it accepts, those it keeps up to wanted addresses, and those it dials to say one thing.
// One link to a node at a time. What the messages mean is not known here.

import { createPrng, seedOf } from "../../base/prng.ts";
import { type LimitedWarning, limitWarnings } from "../../io/log-limit.ts";
import { NetError, type NetErrorCode } from "../../io/net-error.ts";
import { claimProblem, type PeerRole } from "../../io/security/peer-identity.ts";
import type { Address, Connection, Listener, NodeWorld, Timer } from "../../io/world.ts";
import { type Channel, type ChannelEnd, openChannel } from "../../wire/channel.ts";
import type { Hello } from "../../wire/handshake.ts";
import type { Misread } from "../../wire/protocol.ts";
import { addressKey, Dialler, isAt, type Target } from "./dialler.ts";
import { addCounts, type LinkCounters, noCounts } from "./link-counters.ts";
import { bootNumber } from "../identity.ts";
import { maySay, type NodeMessage, nodeProtocol } from "../protocol.ts";

/** A node's id (identity.ts). */
export type NodeId = string;

/**
 * Why a link is gone. closed: one side said so in order (stopping, idle, a newer link). The others are hints that the
 * node may be gone. overflow: it took its messages too slowly.
 */
export type LinkDown = {
  readonly reason: "closed" | "ended" | "reset" | "refused" | "protocol" | "timeout" | "overflow";
  readonly message: string;
};

/** Why nothing could be said to an address. handshake: it answered and was refused, or hung up unnamed. */
export type DialFailure = NetErrorCode | "handshake";

/** The other end of a link's connection. */
export type Origin = Pick<Connection, "remote" | "peer">;

export type SendOptions = {
  /** A message of the same kind and key to that node that still waits is replaced: the newest wins. */
  readonly key?: string;
};

export type Links = {
  /** Where others reach this node's streams. */
  readonly address: Address;
  /**
   * false: not taken: there is no link to that node, it is none that may hear this, or its lane is full. true: it may
   * still be lost with the link.
   */
  send(to: NodeId, message: NodeMessage, options?: SendOptions): boolean;
  /**
   * By the link to `expect`, or by one to that address, dialled when there is none and kept while it is used. `failed`:
   * at most once, when the message could not be sent. A link to another node than `expect` fails as `handshake`.
   */
  sendTo(address: Address, expect: NodeId | null, message: NodeMessage, failed?: (failure: DialFailure) => void): void;
  /** Keeps a link to whoever is there, from now on: dials again and again (100 ms to 2 s between). Idempotent. */
  want(address: Address): void;
  unwant(address: Address): void;
  /** Who is at the other end of the link to that node; null when there is none. */
  peer(node: NodeId): Hello | null;
  peers(): readonly Hello[];
  /** Where what was said came from, and who proved to say it. In: the sender as it was told to `onMessage`. */
  origin(from: Hello): Origin | null;
  /** The node last met at a wanted address; null before. This node's own id for its own address. */
  nodeAt(address: Address): NodeId | null;
  /** Breaks the link to that node, if any. */
  drop(node: NodeId): void;
  /** Any number of handlers each, called in order. */
  onMessage(handle: (from: Hello, message: NodeMessage) => void): void;
  /** What a linked node said and this version cannot read: dropped, and in the log. */
  onMisread(handle: (from: Hello, misread: Misread) => void): void;
  /** There is a link to that node where there was none; a new boot of it comes after the `onDown` of the old one. */
  onUp(handle: (peer: Hello) => void): void;
  onDown(handle: (peer: Hello, why: LinkDown) => void): void;
  /** A wanted address could not be dialled; `node`: who was last met there; `why`: a sentence. Every failed try. */
  onRefused(handle: (address: Address, failure: DialFailure, node: NodeId | null, why: string) => void): void;
  readonly counters: Readonly<LinkCounters>;
  /** All who listen to these links are there: from here on it accepts, dials and hears. Idempotent. */
  begin(): void;
  /** Says goodbye on all links. Idempotent. */
  close(): void;
};

export type LinksOptions = {
  readonly world: Pick<NodeWorld, "clock" | "random" | "streams" | "log">;
  /** null: this node accepts nothing (a client). */
  readonly listen: Address | null;
  /** What this node says of itself, given where it listens ({host: "", port: 0} when it does not). */
  readonly hello: (listening: Address) => Hello;
  /** For a connect, and for a handshake. Default 3 s. */
  readonly timeoutMs?: number;
  /** Links this node accepts at once. */
  readonly linksMax?: number;
  /**
   * Until `begin` whoever connects waits, and nobody is dialled: a message to a node that is still being put together
   * would be lost, and missed by its sender only when it is said again. Default false.
   */
  readonly isHeld?: boolean;
};

/** Starts to listen. Throws NetError when the address cannot be bound. */
export async function openLinks(options: LinksOptions): Promise<Links> {
  const links = new NodeLinks(options);
  await links.listen();
  return links;
}

const TIMEOUT_MS = 3_000;
const LINKS_MAX = 8_192;
/** Two links to a node that both came within this were dialled by both sides at once. */
const SETTLE_MS = 2_000;
/** How long the one that is not kept is still read. */
const RETIRE_MS = 1_000;
const SWEEP_MS = 10_000;
/** A link that was dialled to say one thing is closed when nothing passed for so many sweeps. */
const IDLE_SWEEPS = 6;
/** Messages that wait for one dial, and addresses dialled at once. */
const CALLS_MAX = 64;
const DIALS_MAX = 256;

/** Said to the older of two processes under one id. */
const LATER_START = "a later start of this node is linked";

type Link = {
  readonly channel: Channel<NodeMessage>;
  readonly hello: Hello;
  readonly openedAtMs: number;
  /** Messages that had passed at the last sweep, and sweeps since one did. */
  passed: number;
  idleSweeps: number;
};
type Call = {
  readonly expect: NodeId | null;
  readonly message: NodeMessage;
  readonly failed: ((failure: DialFailure) => void) | undefined;
};

class NodeLinks implements Links {
  readonly #options: LinksOptions;
  readonly #role: PeerRole;
  readonly #timeoutMs: number;
  readonly #dialler: Dialler;
  readonly #links = new Map<NodeId, Link>();
  /** Every channel that is not over, with or without a handshake. */
  readonly #channels = new Set<Channel<NodeMessage>>();
  /** By what a connection said of itself first. */
  readonly #origins = new WeakMap<Hello, Origin>();
  /** Channels whose other side said what it may not say. */
  readonly #accused = new WeakSet<Channel<NodeMessage>>();
  readonly #warn: LimitedWarning;
  /** What waits for a dial that is under way, by address. */
  readonly #calls = new Map<string, Call[]>();
  readonly #messageHandlers: ((from: Hello, message: NodeMessage) => void)[] = [];
  readonly #misreadHandlers: ((from: Hello, misread: Misread) => void)[] = [];
  readonly #upHandlers: ((peer: Hello) => void)[] = [];
  readonly #downHandlers: ((peer: Hello, why: LinkDown) => void)[] = [];
  readonly #refusedHandlers: Parameters<Links["onRefused"]>[0][] = [];
  readonly #totals: LinkCounters = noCounts();
  readonly #timers = new Set<Timer>();
  #listener: Listener | null = null;
  /** What waits for `begin`; null after it. */
  #held: { readonly accepted: Connection[]; readonly dials: Address[] } | null;
  #isClosed = false;

  constructor(options: LinksOptions) {
    const { clock, random } = options.world;
    this.#options = options;
    this.#held = options.isHeld === true ? { accepted: [], dials: [] } : null;
    this.#role = this.#own().role;
    this.#warn = limitWarnings(() => options.world.log, clock);
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    const prng = createPrng(seedOf(random.bytes(6)), "links");
    this.#dialler = new Dialler({ clock, prng, dial: (target) => this.#dialTarget(target) });
    this.#later(SWEEP_MS, () => this.#sweep());
  }

  async listen(): Promise<void> {
    const { listen, world } = this.#options;
    if (listen === null) return;
    const listener = await world.streams.listen(listen, (connection) => {
      const count = this.#channels.size + (this.#held?.accepted.length ?? 0);
      if (this.#isClosed || count >= (this.#options.linksMax ?? LINKS_MAX)) return connection.destroy();
      if (this.#held === null) this.#open(connection, false);
      else this.#held.accepted.push(connection);
    });
    if (this.#isClosed) listener.close();
    this.#listener = listener;
  }

  get address(): Address {
    return this.#listener?.address ?? { host: "", port: 0 };
  }

  get counters(): LinkCounters {
    const sums = { ...this.#totals };
    for (const { counters } of this.#channels) addCounts(sums, counters);
    return sums;
  }

  send(to: NodeId, message: NodeMessage, options?: SendOptions): boolean {
    const link = this.#links.get(to);
    // Whoever claims another's name gets nothing that is not for its own role.
    if (link === undefined || !maySay(this.#role, message.kind, link.hello.role)) {
      this.#totals.shed++;
      return false;
    }
    return link.channel.send(message, options);
  }

  sendTo(address: Address, expect: NodeId | null, message: NodeMessage, failed?: Call["failed"]): void {
    const node = expect ?? this.#linkedAt(address);
    if (node !== null && this.#links.has(node)) {
      if (!this.send(node, message)) failed?.("other");
      return;
    }
    const key = addressKey(address);
    const waiting = this.#calls.get(key);
    if (this.#isClosed || (waiting?.length ?? 0) >= CALLS_MAX || this.#calls.size >= DIALS_MAX)
      return failed?.("other");
    const call = { expect, message, failed };
    if (waiting !== undefined) waiting.push(call);
    else {
      this.#calls.set(key, [call]);
      this.#dial(address);
    }
  }

  want(address: Address): void {
    if (!this.#isClosed) this.#dialler.add(address);
  }

  unwant(address: Address): void {
    this.#dialler.remove(address);
  }

  peer(node: NodeId): Hello | null {
    return this.#links.get(node)?.hello ?? null;
  }

  peers(): readonly Hello[] {
    return Array.from(this.#links.values(), ({ hello }) => hello);
  }

  origin(from: Hello): Origin | null {
    return this.#origins.get(from) ?? null;
  }

  nodeAt(address: Address): NodeId | null {
    return this.#dialler.find(address)?.node ?? null;
  }

  drop(node: NodeId): void {
    this.#links.get(node)?.channel.close("the link is given up");
  }

  onMessage(handle: (from: Hello, message: NodeMessage) => void): void {
    this.#messageHandlers.push(handle);
  }

  onMisread(handle: (from: Hello, misread: Misread) => void): void {
    this.#misreadHandlers.push(handle);
  }

  onUp(handle: (peer: Hello) => void): void {
    this.#upHandlers.push(handle);
  }

  onDown(handle: (peer: Hello, why: LinkDown) => void): void {
    this.#downHandlers.push(handle);
  }

  onRefused(handle: (address: Address, failure: DialFailure, node: NodeId | null, why: string) => void): void {
    this.#refusedHandlers.push(handle);
  }

  begin(): void {
    const held = this.#held;
    this.#held = null;
    if (held === null || this.#isClosed) return;
    for (const connection of held.accepted) this.#open(connection, false);
    for (const address of held.dials) this.#dial(address);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const connection of this.#held?.accepted ?? []) connection.destroy();
    this.#listener?.close();
    this.#dialler.close();
    for (const timer of this.#timers) timer.cancel();
    for (const channel of [...this.#channels]) channel.close("it stops");
  }

  #nowMs(): number {
    return this.#options.world.clock.nowMs();
  }

  #own(): Hello {
    return this.#options.hello(this.address);
  }

  /** Speaks on a connection; `address`: which one was dialled for it. */
  #open(connection: Connection, isDialler: boolean, address: Address | null = null): void {
    const { clock } = this.#options.world;
    const channel = openChannel(connection, {
      clock,
      hello: this.#own(),
      protocol: nodeProtocol,
      isDialler,
      timeoutMs: this.#timeoutMs,
      vet: (hello) => claimProblem(connection.peer, hello),
    });
    this.#channels.add(channel);
    channel.onOpen((hello) => {
      this.#origins.set(hello, { remote: connection.remote, peer: connection.peer });
      // Whoever hears of the link can ask who is at an address.
      for (const target of this.#dialler.targets())
        if (isAt(target, hello, address)) this.#dialler.met(target, hello.node);
      this.#adopt(channel, hello);
      if (address !== null) this.#reached(address, hello);
    });
    channel.onMessage((message) => {
      const hello = channel.peer();
      if (hello === null) return;
      if (!maySay(hello.role, message.kind, this.#role)) return this.#forbid(channel, hello, message.kind);
      for (const handle of this.#messageHandlers) handle(hello, message);
    });
    channel.onMisread((misread) => {
      const hello = channel.peer();
      if (hello !== null) this.#misread(hello, misread);
    });
    channel.onClose((end) => {
      this.#channels.delete(channel);
      addCounts(this.#totals, channel.counters);
      const hello = channel.peer();
      if (hello === null) return this.#unmet(address, end);
      if (this.#links.get(hello.node)?.channel === channel) this.#down(hello, end);
    });
  }

  /** A channel with a handshake: it becomes the link to that node, or the one that is there stays. */
  #adopt(channel: Channel<NodeMessage>, hello: Hello): void {
    const link: Link = { channel, hello, openedAtMs: this.#nowMs(), passed: 0, idleSweeps: 0 };
    const held = this.#links.get(hello.node);
    if (held === undefined) {
      this.#links.set(hello.node, link);
      for (const handle of this.#upHandlers) handle(hello);
      return;
    }
    if (held.hello.role !== hello.role) {
      // Ids are random: it is no accident. Whoever proved to be a manager did not come by its id elsewhere.
      this.#warn("two nodes of different roles claim one id", {
        node: hello.node,
        roles: `${held.hello.role} ${hello.role}`,
      });
      if (hello.role !== "manager") return channel.close("a node of another role is linked under this id");
      held.channel.close("a manager is linked under this id");
      return this.#adopt(channel, hello);
    }
    if (held.hello.boot !== hello.boot) {
      if (bootNumber(hello.boot) < bootNumber(held.hello.boot)) return channel.close(LATER_START);
      held.channel.close(LATER_START);
      return this.#adopt(channel, hello);
    }
    if (this.#isBetter(channel, held)) {
      this.#links.set(hello.node, link);
      this.#retire(held.channel);
    } else this.#retire(channel);
  }

  /**
   * Both sides must come to the same answer: of links dialled by both at once, the one that the smaller id dialled; a
   * later one is there because the other side lost the earlier.
   */
  #isBetter(channel: Channel<NodeMessage>, held: Link): boolean {
    const isFresh = this.#nowMs() - held.openedAtMs < SETTLE_MS;
    if (!isFresh || channel.isDialler === held.channel.isDialler) return true;
    return channel.isDialler === this.#own().node < held.hello.node;
  }

  #misread(from: Hello, misread: Misread): void {
    const said = { node: from.node, problem: misread.text };
    this.#warn(`a ${from.role} said "${misread.of}" in a form that this version cannot read: dropped`, said);
    for (const handle of this.#misreadHandlers) handle(from, misread);
  }

  /** Said once a link. */
  #forbid(channel: Channel<NodeMessage>, { role, node }: Hello, kind: NodeMessage["kind"]): void {
    this.#totals.forbidden++;
    if (this.#accused.has(channel)) return;
    this.#accused.add(channel);
    this.#warn(`a ${role} may not say "${kind}" to a ${this.#role}: dropped`, { node });
  }

  #retire(channel: Channel<NodeMessage>): void {
    this.#later(RETIRE_MS, () => channel.close("another link is kept"));
  }

  #down(hello: Hello, { reason, message }: ChannelEnd): void {
    this.#links.delete(hello.node);
    if (reason === "closed" && message === LATER_START)
      this.#warn(`${LATER_START} elsewhere: does a second process run from a copy of its folder?`, {
        said: `${hello.role} ${hello.node}`,
      });
    for (const handle of this.#downHandlers) handle(hello, { reason, message });
    if (!this.#isClosed) this.#dialler.lost(hello.node);
  }

  #dialTarget(target: Target): void {
    const known = target.node ?? this.#linkedAt(target.address);
    if (known !== null && this.#links.has(known)) return this.#dialler.met(target, known);
    const { host, tcp } = this.#own().address;
    if (host === target.address.host && tcp === target.address.port) return this.#isSelf(target);
    this.#dial(target.address);
  }

  #isSelf(target: Target): void {
    target.isSelf = true;
    this.#dialler.met(target, this.#own().node);
  }

  #dial(address: Address): void {
    if (this.#held !== null) return void this.#held.dials.push(address);
    const { streams } = this.#options.world;
    this.#totals.dials++;
    streams.connect(address, { timeoutMs: this.#timeoutMs }).then(
      (connection) => (this.#isClosed ? connection.destroy() : this.#open(connection, true, address)),
      (error: unknown) => {
        if (!(error instanceof NetError)) throw error;
        // Nobody is there yet, or no more: that is said by who misses it.
        if (error.code === "denied") this.#warn(error.message);
        this.#failed(address, error.code, error.reason);
      },
    );
  }

  /** A dialled address answered with a handshake. */
  #reached(address: Address, hello: Hello): void {
    for (const { expect, message, failed } of this.#takeCalls(address)) {
      if (expect !== null && expect !== hello.node) failed?.("handshake");
      else if (!this.send(hello.node, message)) failed?.("other");
    }
  }

  /** A channel ended before its handshake. */
  #unmet(address: Address | null, end: ChannelEnd): void {
    if (end.reason === "refused") {
      this.#totals.refusals++;
      if (end.refusal !== "self") this.#warn(end.message);
    }
    if (address === null) return;
    const target = this.#dialler.find(address);
    if (target !== null && end.refusal === "self") this.#isSelf(target);
    // Whoever is silent is stopped, cut off or starved, and refuses nobody.
    this.#failed(address, end.reason === "timeout" ? "timeout" : "handshake", end.message);
  }

  #failed(address: Address, failure: DialFailure, why: string): void {
    if (this.#isClosed) return;
    this.#totals.dialsFailed++;
    const target = this.#dialler.find(address);
    for (const { failed } of this.#takeCalls(address)) failed?.(failure);
    if (target === null || target.isSelf) return;
    for (const handle of this.#refusedHandlers) handle(address, failure, target.node, why);
    this.#dialler.failed(target);
  }

  #takeCalls(address: Address): readonly Call[] {
    const key = addressKey(address);
    const calls = this.#calls.get(key) ?? [];
    this.#calls.delete(key);
    return calls;
  }

  #linkedAt(address: Address): NodeId | null {
    for (const { hello } of this.#links.values())
      if (hello.address.host === address.host && hello.address.tcp === address.port) return hello.node;
    return null;
  }

  /** Closes what this node dialled, does not want and has not used for long. */
  #sweep(): void {
    const wanted = new Set([...this.#dialler.targets()].map(({ node }) => node));
    for (const link of [...this.#links.values()]) {
      const { channel, hello } = link;
      const passed = channel.counters.messagesIn + channel.counters.messagesOut;
      link.idleSweeps = passed === link.passed ? link.idleSweeps + 1 : 0;
      link.passed = passed;
      if (channel.isDialler && !wanted.has(hello.node) && link.idleSweeps >= IDLE_SWEEPS)
        channel.close("the link was idle");
    }
    this.#later(SWEEP_MS, () => this.#sweep());
  }

  #later(delayMs: number, run: () => void): void {
    if (this.#isClosed) return;
    const timer = this.#options.world.clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }
}
