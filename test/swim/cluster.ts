// A pool of nodes in virtual time for tests and the bench: seeded loss, delay, duplication, cuts, stalls, kills,
// restarts. It performs the effects of the real core and keeps the truth beside it, so that false deaths and delays
// can be told.

import { createPrng, nextBelow, nextFloat, type Prng } from "../../src/base/prng.ts";
import { type Member, shownStatus } from "../../src/swim/member.ts";
import type { StreamMessage } from "../../src/swim/messages.ts";
import { sizeOf, UDP_HEADER_BYTES } from "../../src/swim/size.ts";
import type { Address, NodeId, ShownStatus, Swim, SwimConfig, SwimEffect, SwimEvent } from "../../src/swim/swim.ts";
import * as shipped from "../../src/swim/swim.ts";

/** What is under test: the shipped core, or one with a planted bug. */
export type Core = Pick<typeof shipped, "create" | "step" | "deadline" | "view">;

export type Network = {
  /** Share of datagrams lost, each on its own. */
  loss: number;
  /** Share of datagrams delivered twice. */
  duplicates: number;
  delayMinMs: number;
  delayMaxMs: number;
  /**
   * clean: streams deliver in time. lossy: each leg is resent after 200, 400, ... ms when lost. none: no stream
   * probes.
   */
  streams: "clean" | "lossy" | "none";
  /** Nothing goes from one to the other. */
  isCut: (from: NodeId, to: NodeId) => boolean;
};

export type SimNode = {
  readonly id: NodeId;
  readonly address: Address;
  readonly role: "manager" | "worker";
  core: Swim;
  /** Process runs. */
  isUp: boolean;
  /** Host answers (refuses) when the process does not run. */
  isHostUp: boolean;
  bootOnDisk: number;
  stalledUntil: number;
  inbox: SwimEvent[];
  tickAt: number;
  /** Ticks at one instant, to see a core that asks for ticks without end. */
  turnedAt: number;
  turns: number;
};

export type Death = { readonly at: number; readonly by: NodeId; readonly about: NodeId; readonly isFalse: boolean };
type Entry = { readonly at: number; readonly order: number; readonly run: () => void };

export type Cluster = {
  readonly subject: Core;
  readonly nodes: Map<NodeId, SimNode>;
  readonly byAddress: Map<string, SimNode>;
  readonly config: SwimConfig;
  readonly network: Network;
  readonly prng: Prng;
  readonly heap: Entry[];
  now: number;
  order: number;
  steps: number;
  datagrams: number;
  datagramBytes: number;
  streamBytes: number;
  readonly deaths: Death[];
  /** Called for every effect. */
  observe: ((node: SimNode, effect: SwimEffect) => void) | null;
};

export const PERFECT: Network = {
  loss: 0,
  duplicates: 0,
  delayMinMs: 0.2,
  delayMaxMs: 1.2,
  streams: "clean",
  isCut: () => false,
};

/** An empty pool. `seed` decides everything that is random. */
export function createCluster(
  config: SwimConfig,
  seed: number,
  network: Partial<Network> = {},
  subject: Core = shipped,
): Cluster {
  return {
    subject,
    nodes: new Map(),
    byAddress: new Map(),
    config,
    network: { ...PERFECT, ...network },
    prng: createPrng(seed, "network"),
    heap: [],
    now: 1_000,
    order: 0,
    steps: 0,
    datagrams: 0,
    datagramBytes: 0,
    streamBytes: 0,
    deaths: [],
    observe: null,
  };
}

/** Address of the n-th node. */
export function addressOf(index: number): Address {
  return { host: `10.0.${index >> 8}.${index & 255}`, udp: 9_001, tcp: 9_000 };
}

/** Id of the n-th node: as long as real ones. */
export function idOf(index: number): NodeId {
  return `node-${String(index).padStart(11, "0")}`;
}

/** Adds and starts the n-th node. */
export function addNode(
  cluster: Cluster,
  index: number,
  options: { readonly seeds?: readonly Address[] } = {},
): SimNode {
  const id = idOf(index);
  const address = addressOf(index);
  const role = index < 3 ? "manager" : "worker";
  const node: SimNode = {
    id,
    address,
    role,
    core: boot(cluster, { id, address, role, bootOnDisk: 0 }, options.seeds ?? cluster.config.seeds),
    isUp: true,
    isHostUp: true,
    bootOnDisk: 0,
    stalledUntil: 0,
    inbox: [],
    tickAt: Number.POSITIVE_INFINITY,
    turnedAt: 0,
    turns: 0,
  };
  cluster.nodes.set(id, node);
  cluster.byAddress.set(`${address.host}:${address.udp}`, node);
  deliver(cluster, node, { kind: "tick" });
  return node;
}

function boot(
  cluster: Cluster,
  node: Pick<SimNode, "id" | "address" | "role" | "bootOnDisk">,
  seeds: readonly Address[],
): Swim {
  const { id, address, role, bootOnDisk } = node;
  const self = { id, address, role, bootBefore: bootOnDisk, payload: new Uint8Array([1, 2, 3, 4]) };
  return cluster.subject.create({ ...cluster.config, seeds }, self, nextBelow(cluster.prng, 2 ** 31));
}

/** n nodes that all know and have heard each other, as after hours of quiet. */
export function warmCluster(
  config: SwimConfig,
  count: number,
  seed: number,
  network: Partial<Network> = {},
  subject: Core = shipped,
): Cluster {
  const cluster = createCluster(config, seed, network, subject);
  for (let index = 0; index < count; index++) addNode(cluster, index, { seeds: [] });
  cluster.heap.length = 0;
  const nodes = [...cluster.nodes.values()];
  for (const node of nodes) {
    const { core } = node;
    for (const other of nodes) if (other !== node) core.members.set(other.id, warmRecord(other, cluster.now));
    core.order = nodes.map(({ id }) => id).filter((id) => id !== node.id);
    core.cursor = core.order.length;
    core.rumours.tellings.clear();
    core.rumours.levels.length = 0;
    node.tickAt = Number.POSITIVE_INFINITY;
    schedule(cluster, node);
  }
  Object.assign(cluster, { datagrams: 0, datagramBytes: 0, streamBytes: 0, steps: 0 });
  return cluster;
}

function warmRecord({ core, id }: SimNode, now: number): Member {
  const own = core.members.get(id);
  if (own === undefined) throw new Error("a node knows itself");
  return { ...own, statusAt: now, learnedAt: now };
}

/** Runs `run` at a time to come. */
export function at(cluster: Cluster, time: number, run: () => void): void {
  push(cluster.heap, { at: Math.max(time, cluster.now), order: cluster.order++, run });
}

/** Lets time pass. Stops early when `isDone`; out: whether it did. */
export function run(cluster: Cluster, untilMs: number, isDone: (() => boolean) | null = null): boolean {
  for (;;) {
    const next = cluster.heap[0];
    if (next === undefined || next.at > untilMs) break;
    pop(cluster.heap);
    cluster.now = next.at;
    next.run();
    if (isDone?.() === true) return true;
  }
  cluster.now = Math.max(cluster.now, untilMs);
  return isDone?.() ?? false;
}

/** Gives the core an event now, unless its process is down or stands still. */
export function deliver(cluster: Cluster, node: SimNode, event: SwimEvent): void {
  if (!node.isUp) return;
  if (node.stalledUntil > cluster.now) {
    if (event.kind !== "datagram" || node.inbox.length < 256) node.inbox.push(event);
    return;
  }
  cluster.steps++;
  for (const effect of cluster.subject.step(node.core, cluster.now, event)) {
    perform(cluster, node, effect);
    cluster.observe?.(node, effect);
  }
  schedule(cluster, node);
}

/** One wake-up a node at a time: moved only when the deadline comes nearer. */
function schedule(cluster: Cluster, node: SimNode): void {
  const due = Math.max(cluster.subject.deadline(node.core), cluster.now);
  if (due === Number.POSITIVE_INFINITY || due >= node.tickAt) return;
  node.tickAt = due;
  at(cluster, due, () => {
    if (node.tickAt !== due) return;
    node.tickAt = Number.POSITIVE_INFINITY;
    if (!node.isUp || node.stalledUntil > cluster.now) return;
    if (cluster.subject.deadline(node.core) > cluster.now) return schedule(cluster, node);
    node.turns = node.turnedAt === due ? node.turns + 1 : 0;
    node.turnedAt = due;
    if (node.turns > 1_000) throw new Error(`${node.id} ticks at ${due} without end`);
    deliver(cluster, node, { kind: "tick" });
  });
}

function perform(cluster: Cluster, node: SimNode, effect: SwimEffect): void {
  switch (effect.kind) {
    case "persistBoot":
      node.bootOnDisk = effect.boot;
      return;
    case "send": {
      cluster.datagrams++;
      cluster.datagramBytes += effect.bytes + UDP_HEADER_BYTES;
      const target = cluster.byAddress.get(`${effect.address.host}:${effect.address.udp}`);
      if (target === undefined) return;
      const event: SwimEvent = { kind: "datagram", from: node.id, address: node.address, message: effect.message };
      const copies = nextFloat(cluster.prng) < cluster.network.duplicates ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) {
        if (nextFloat(cluster.prng) < cluster.network.loss) continue;
        travel(cluster, node, target, delayMs(cluster), event);
      }
      return;
    }
    case "stream":
      return sendStream(cluster, node, effect.address, effect.message, 1);
    case "streamProbe":
      return probeStream(cluster, node, effect);
    case "member": {
      if (effect.after !== "dead") return;
      const target = cluster.nodes.get(effect.id);
      const isLive = target !== undefined && target.isUp && target.bootOnDisk === effect.incarnation.boot;
      cluster.deaths.push({ at: cluster.now, by: node.id, about: effect.id, isFalse: isLive });
      return;
    }
    default:
      return;
  }
}

function travel(cluster: Cluster, source: SimNode, target: SimNode, afterMs: number, event: SwimEvent): void {
  if (cluster.network.isCut(source.id, target.id)) return;
  at(cluster, cluster.now + afterMs, () => {
    if (!cluster.network.isCut(source.id, target.id)) deliver(cluster, target, event);
  });
}

function delayMs(cluster: Cluster): number {
  const { delayMinMs, delayMaxMs } = cluster.network;
  return delayMinMs + (delayMaxMs - delayMinMs) * nextFloat(cluster.prng);
}

/** Time of so many legs on a stream: a lost segment is sent again after 200 ms, then 400 ms, ... */
function streamDelayMs(cluster: Cluster, legs: number): number {
  let total = 0;
  for (let leg = 0; leg < legs; leg++) {
    total += delayMs(cluster);
    if (cluster.network.streams !== "lossy") continue;
    for (let resendMs = 200; nextFloat(cluster.prng) < cluster.network.loss; resendMs *= 2) total += resendMs;
  }
  return total;
}

function sendStream(cluster: Cluster, node: SimNode, address: Address, message: StreamMessage, legs: number): void {
  cluster.streamBytes += sizeOf(message);
  const target = cluster.byAddress.get(`${address.host}:${address.udp}`);
  if (target === undefined) return;
  const event: SwimEvent = { kind: "stream", from: node.id, address: node.address, message };
  travel(cluster, node, target, streamDelayMs(cluster, legs), event);
}

/** A probe dials: a connection is three legs, a refused one two. */
function probeStream(cluster: Cluster, node: SimNode, effect: Extract<SwimEffect, { kind: "streamProbe" }>): void {
  const { seq, address, timeoutMs, message } = effect;
  const target = cluster.byAddress.get(`${address.host}:${address.udp}`);
  const isCut =
    target === undefined || cluster.network.isCut(node.id, target.id) || cluster.network.isCut(target.id, node.id);
  const fail = (afterMs: number, reason: "refused" | "silent"): void =>
    at(cluster, cluster.now + afterMs, () => deliver(cluster, node, { kind: "streamFailed", seq, reason }));
  if (cluster.network.streams === "none" || isCut || !target.isHostUp) return fail(timeoutMs, "silent");
  if (!target.isUp) return fail(streamDelayMs(cluster, 2), "refused");
  sendStream(cluster, node, address, message, 3);
}

/** Ends a process. silent: with its host, nobody is told. process: peers with a stream to it see a reset. */
export function kill(
  cluster: Cluster,
  node: SimNode,
  mode: "silent" | "process",
  streamsTo: readonly SimNode[] = [],
): void {
  node.isUp = false;
  node.isHostUp = mode === "process";
  node.inbox = [];
  if (mode === "silent") return;
  for (const peer of streamsTo) {
    if (peer !== node) travel(cluster, node, peer, delayMs(cluster), { kind: "reset", node: node.id });
  }
}

/** Starts a process anew from its disk. */
export function restart(cluster: Cluster, node: SimNode, seeds: readonly Address[] = cluster.config.seeds): void {
  node.core = boot(cluster, node, seeds);
  node.isUp = true;
  node.isHostUp = true;
  node.stalledUntil = 0;
  node.tickAt = Number.POSITIVE_INFINITY;
  deliver(cluster, node, { kind: "tick" });
}

/** The process stands still for so long; then its timers fire before it reads its sockets. */
export function stall(cluster: Cluster, node: SimNode, forMs: number): void {
  if (!node.isUp) return;
  node.stalledUntil = cluster.now + forMs;
  at(cluster, node.stalledUntil, () => {
    if (!node.isUp || node.stalledUntil > cluster.now) return;
    const waiting = node.inbox;
    node.inbox = [];
    node.tickAt = Number.POSITIVE_INFINITY;
    if (cluster.subject.deadline(node.core) <= cluster.now) deliver(cluster, node, { kind: "tick" });
    waiting.forEach((event, index) => at(cluster, cluster.now + 0.02 * index, () => deliver(cluster, node, event)));
    schedule(cluster, node);
  });
}

/** How one node shows another; null when it does not know it. */
export function statusAt(node: SimNode, about: NodeId): ShownStatus | null {
  const member = node.core.members.get(about);
  return member === undefined ? null : shownStatus(member);
}

export function up(cluster: Cluster): SimNode[] {
  return [...cluster.nodes.values()].filter(({ isUp, core }) => isUp && !core.isGone);
}

/** Every running node has every running node alive, in its present incarnation, and nobody else as running. */
export function isConverged(cluster: Cluster, isHearsayEnough = false): boolean {
  const running = up(cluster);
  const ids = new Set(running.map(({ id }) => id));
  return running.every(({ core }) => {
    if (core.members.size - core.dead.size !== running.length) return false;
    for (const member of core.members.values()) {
      if (!ids.has(member.id)) {
        if (member.status !== "dead" && member.status !== "left") return false;
        continue;
      }
      const own = cluster.nodes.get(member.id)?.core.members.get(member.id);
      if (member.status !== "alive" || own === undefined) return false;
      if (!isHearsayEnough && !member.isConfirmed) return false;
      if (own.incarnation.boot !== member.incarnation.boot || own.incarnation.count !== member.incarnation.count)
        return false;
    }
    return true;
  });
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || isBefore(above, entry)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const left = heap[2 * at + 1];
    const right = heap[2 * at + 2];
    if (left === undefined) break;
    const isRight = right !== undefined && isBefore(right, left);
    const child = isRight ? right : left;
    if (isBefore(last, child)) break;
    heap[at] = child;
    at = 2 * at + (isRight ? 2 : 1);
  }
  heap[at] = last;
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
