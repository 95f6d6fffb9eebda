// A small cluster of cores in virtual time: a seeded network that drops, repeats, delays and reorders, one-way cuts,
// crashes between any two effects with only durable state kept, wiped and damaged disks. Not a model of sockets or of
// a disk. The cores run unchanged; checkers.ts looks at them after every step.

import { assert } from "../../src/base/assert.ts";
import { createPrng, nextBelow, nextFloat, type Prng } from "../../src/base/prng.ts";
import * as shipped from "../../src/raft/raft.ts";
import type {
  CommandEntry,
  Durable,
  DurableRecord,
  Entry,
  NodeId,
  Raft,
  RaftConfig,
  RaftEffect,
  RaftEvent,
  RaftMessage,
  Snapshot,
} from "../../src/raft/raft.ts";

/** The four functions of the core: the shipped ones, or those of a planted bug. */
export type Core = Pick<typeof shipped, "create" | "step" | "deadline" | "view">;

/** Probabilities 0..1 and ms. Applies to every link that is not cut. */
export type Network = {
  readonly dropRate: number;
  readonly repeatRate: number;
  readonly delayMsMin: number;
  readonly delayMsMax: number;
};

export const CALM: Network = { dropRate: 0, repeatRate: 0, delayMsMin: 1, delayMsMax: 2 };

/** The state machine of these tests: the list of applied commands. */
export type Applied = { readonly index: number; readonly key: string };

export type Node = {
  readonly id: NodeId;
  state: Raft | null;
  /** What the disk holds. */
  durable: { hard: Durable["hard"]; snapshot: Snapshot | null; entries: Entry[] };
  applied: Applied[];
  appliedThrough: number;
  pausedUntil: number;
  tickAt: number;
  boots: number;
};

export type Cluster = {
  readonly core: Core;
  readonly configOf: (id: NodeId) => RaftConfig;
  readonly prng: Prng;
  readonly nodes: Map<NodeId, Node>;
  now: number;
  sequence: number;
  /** Ticks in a row that left their deadline where it was: a core that spins is broken. */
  spins: number;
  readonly queue: Delivery[];
  network: Network;
  /** "from>to" of links that carry nothing. */
  readonly cuts: Set<string>;
  /** Called after every step, before its effects are performed. */
  readonly observers: ((cluster: Cluster, node: Node, event: RaftEvent, effects: readonly RaftEffect[]) => void)[];
  /** Chance that a step's effects are cut short by a crash. */
  crashRate: number;
};

type Delivery = {
  readonly at: number;
  readonly order: number;
  readonly to: NodeId;
  readonly boot: number | null;
  readonly event: RaftEvent;
};

export function createCluster(options: {
  readonly seed: number;
  readonly configOf?: (id: NodeId) => RaftConfig;
  readonly core?: Core;
}): Cluster {
  return {
    core: options.core ?? shipped,
    configOf: options.configOf ?? shipped.lan,
    prng: createPrng(options.seed, "cluster"),
    nodes: new Map(),
    now: 1_000,
    sequence: 0,
    spins: 0,
    queue: [],
    network: CALM,
    cuts: new Set(),
    observers: [],
    crashRate: 0,
  };
}

/** A node with an empty disk, running. */
export function addBlank(cluster: Cluster, id: NodeId): Node {
  const node: Node = {
    id,
    state: null,
    durable: { hard: shipped.BLANK, snapshot: null, entries: [] },
    applied: [],
    appliedThrough: 0,
    pausedUntil: 0,
    tickAt: 0,
    boots: 0,
  };
  cluster.nodes.set(id, node);
  start(cluster, node);
  return node;
}

/** Nodes that already are the voters of a cluster with an empty log. */
export function addFormed(cluster: Cluster, voters: readonly NodeId[]): void {
  for (const id of voters) {
    const node = addBlank(cluster, id);
    node.durable = {
      hard: { ...shipped.BLANK, cluster: "c", standing: "member" },
      entries: [],
      snapshot: {
        index: 0,
        term: 0,
        membership: { cluster: "c", voters: [...voters], learners: [], replacing: null },
        sessions: { evictedThrough: 0, clients: [] },
        bytes: new Uint8Array(0),
      },
    };
    start(cluster, node);
  }
}

export function nodeOf(cluster: Cluster, id: NodeId): Node {
  const node = cluster.nodes.get(id);
  assert(node !== undefined, `there is a node ${id}`);
  return node;
}

/** Boots from what is durable. */
export function start(cluster: Cluster, node: Node): void {
  node.boots++;
  const { hard, snapshot, entries } = node.durable;
  node.applied = snapshot === null ? [] : decodeApplied(snapshot.bytes);
  node.appliedThrough = snapshot?.index ?? 0;
  node.state = cluster.core.create(
    cluster.configOf(node.id),
    { hard, snapshot, entries: [...entries] },
    { seed: nextBelow(cluster.prng, 2 ** 31), now: cluster.now },
  );
  schedule(cluster, node);
}

/** Stops at once; the disk stays. Streams to it break: the others get the hint when `resets`. */
export function crash(cluster: Cluster, node: Node, resets = false): void {
  node.state = null;
  if (!resets) return;
  for (const other of cluster.nodes.values()) {
    if (other.id !== node.id && !isCut(cluster, node.id, other.id))
      // Behind all that was sent on the stream: what it said last is not heard after its end.
      post(cluster, other, cluster.network.delayMsMax + 1, { kind: "peerReset", peer: node.id });
  }
}

export function restart(cluster: Cluster, node: Node): void {
  if (node.state === null) start(cluster, node);
}

/** The disk is empty afterwards; the node runs, blank. */
export function wipe(cluster: Cluster, node: Node): void {
  node.durable = { hard: shipped.BLANK, snapshot: null, entries: [] };
  start(cluster, node);
}

/** The disk lost entries from `from` on, and with `votes` the term and vote too (it goes back to `term`). */
export function damage(
  cluster: Cluster,
  node: Node,
  lost: { readonly from: number; readonly term: number | null },
): void {
  const { durable } = node;
  durable.entries = durable.entries.filter((entry) => entry.index < lost.from);
  durable.hard =
    lost.term === null
      ? { ...durable.hard, lost: durable.hard.lost === "votes" ? "votes" : "entries" }
      : { ...durable.hard, term: lost.term, vote: null, lost: "votes" };
  start(cluster, node);
}

export function cut(cluster: Cluster, from: NodeId, to: NodeId): void {
  cluster.cuts.add(`${from}>${to}`);
}

export function isolate(cluster: Cluster, id: NodeId): void {
  for (const other of cluster.nodes.keys()) {
    if (other === id) continue;
    cut(cluster, id, other);
    cut(cluster, other, id);
  }
}

export function heal(cluster: Cluster): void {
  cluster.cuts.clear();
}

export function isCut(cluster: Cluster, from: NodeId, to: NodeId): boolean {
  return cluster.cuts.has(`${from}>${to}`);
}

/** Gives a running node an event now. */
export function give(cluster: Cluster, id: NodeId, event: RaftEvent): readonly RaftEffect[] {
  return takeStep(cluster, nodeOf(cluster, id), event);
}

/** Runs until virtual time `until`, or until `done` holds. Out: whether it did. */
export function runUntil(cluster: Cluster, until: number, done: () => boolean = () => false): boolean {
  while (!done()) {
    const delivery = cluster.queue[0];
    const node = earliest(cluster);
    const at = Math.min(delivery?.at ?? Infinity, node?.tickAt ?? Infinity);
    if (at > until) {
      cluster.now = Math.max(cluster.now, until);
      return done();
    }
    cluster.now = Math.max(cluster.now, at);
    if (delivery !== undefined && delivery.at <= (node?.tickAt ?? Infinity)) deliver(cluster);
    else if (node !== null) takeStep(cluster, node, { kind: "tick" });
  }
  return true;
}

export function runFor(cluster: Cluster, forMs: number, done?: () => boolean): boolean {
  return runUntil(cluster, cluster.now + forMs, done);
}

/** Nodes that lead, newest term first. */
export function leaders(cluster: Cluster): Node[] {
  const leading = [...cluster.nodes.values()].filter((node) => node.state?.role === "leader");
  return leading.sort((left, right) => (right.state?.hard.term ?? 0) - (left.state?.hard.term ?? 0));
}

/** The newest leader, if any. */
export function leaderOf(cluster: Cluster): Node | null {
  return leaders(cluster)[0] ?? null;
}

function earliest(cluster: Cluster): Node | null {
  let best: Node | null = null;
  for (const node of cluster.nodes.values()) {
    if (node.state !== null && node.tickAt < (best?.tickAt ?? Infinity)) best = node;
  }
  return best;
}

function deliver(cluster: Cluster): void {
  const delivery = pop(cluster.queue);
  const node = delivery === undefined ? undefined : cluster.nodes.get(delivery.to);
  if (delivery === undefined || node === undefined || node.state === null) return;
  // What the state machine answered to an earlier boot is gone with it.
  if (delivery.boot !== null && delivery.boot !== node.boots) return;
  if (cluster.now < node.pausedUntil)
    return push(cluster.queue, { ...delivery, at: node.pausedUntil, order: ++cluster.sequence });
  takeStep(cluster, node, delivery.event);
}

function takeStep(cluster: Cluster, node: Node, event: RaftEvent): readonly RaftEffect[] {
  const { state } = node;
  if (state === null) return [];
  const effects = cluster.core.step(state, cluster.now, event);
  cluster.spins = event.kind === "tick" && cluster.core.deadline(state) <= cluster.now ? cluster.spins + 1 : 0;
  assert(cluster.spins < 100, `${node.id} does not move its deadline`);
  for (const observe of cluster.observers) observe(cluster, node, event, effects);
  const crashesAt =
    nextFloat(cluster.prng) < cluster.crashRate ? nextBelow(cluster.prng, effects.length + 1) : effects.length + 1;
  for (const [at, effect] of effects.entries()) {
    if (at === crashesAt) break;
    execute(cluster, node, effect);
  }
  if (crashesAt <= effects.length) crash(cluster, node);
  else schedule(cluster, node);
  return effects;
}

function schedule(cluster: Cluster, node: Node): void {
  if (node.state !== null) node.tickAt = Math.max(cluster.core.deadline(node.state), cluster.now, node.pausedUntil);
}

/** Pauses a node (SIGSTOP): it hears and does nothing until then. */
export function pause(cluster: Cluster, node: Node, forMs: number): void {
  node.pausedUntil = cluster.now + forMs;
  schedule(cluster, node);
}

function execute(cluster: Cluster, node: Node, effect: RaftEffect): void {
  switch (effect.kind) {
    case "persist":
      return record(node, effect.record);
    case "send":
      return transmit(cluster, node.id, effect.to, effect.message);
    case "commit":
      return apply(node, effect.commands, effect.through);
    case "installSnapshot": {
      node.applied = decodeApplied(effect.snapshot.bytes);
      node.appliedThrough = effect.snapshot.index;
      return;
    }
    case "takeSnapshot":
      return post(
        cluster,
        node,
        5,
        { kind: "snapshotTaken", index: effect.index, bytes: encodeApplied(node.applied) },
        node.boots,
      );
    default:
      return;
  }
}

/** Replays one record as a write-ahead log would. */
export function record(node: Pick<Node, "durable">, entry: DurableRecord): void {
  const { durable } = node;
  switch (entry.kind) {
    case "hard":
      durable.hard = entry.hard;
      return;
    case "entries":
      durable.entries.push(...entry.entries);
      return;
    case "truncate":
      durable.entries = durable.entries.filter((held) => held.index < entry.from);
      return;
    case "snapshot": {
      durable.snapshot = entry.snapshot;
      durable.entries = entry.dropsLog ? [] : durable.entries.filter((held) => held.index > entry.snapshot.index);
      return;
    }
  }
}

function apply(node: Node, commands: readonly CommandEntry[], through: number): void {
  for (const command of commands)
    node.applied.push({ index: command.index, key: `${command.client} ${command.sequence} ${text(command.command)}` });
  node.appliedThrough = through;
}

function transmit(cluster: Cluster, from: NodeId, to: NodeId, message: RaftMessage): void {
  const { dropRate, repeatRate } = cluster.network;
  const receiver = cluster.nodes.get(to);
  if (receiver === undefined || isCut(cluster, from, to) || nextFloat(cluster.prng) < dropRate) return;
  const copies = nextFloat(cluster.prng) < repeatRate ? 2 : 1;
  for (let copy = 0; copy < copies; copy++)
    post(cluster, receiver, delayMs(cluster), { kind: "message", from, message });
}

function delayMs(cluster: Cluster): number {
  const { delayMsMin, delayMsMax } = cluster.network;
  return delayMsMin + nextFloat(cluster.prng) * (delayMsMax - delayMsMin);
}

function post(cluster: Cluster, node: Node, inMs: number, event: RaftEvent, boot: number | null = null): void {
  push(cluster.queue, { at: cluster.now + inMs, order: ++cluster.sequence, to: node.id, boot, event });
}

// A binary heap by (at, order).
function push(heap: Delivery[], delivery: Delivery): void {
  let at = heap.length;
  heap.push(delivery);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || !isBefore(delivery, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = delivery;
}

function pop(heap: Delivery[]): Delivery | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    const left = heap[child];
    const right = heap[child + 1];
    if (left === undefined) break;
    if (right !== undefined && isBefore(right, left)) child++;
    const below = heap[child];
    if (below === undefined || !isBefore(below, last)) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
  return first;
}

function isBefore(left: Delivery, right: Delivery): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}

export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export function text(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}

function encodeApplied(applied: readonly Applied[]): Uint8Array {
  return bytes(applied.map(({ index, key }) => `${index} ${key}`).join("\n"));
}

function decodeApplied(value: Uint8Array): Applied[] {
  const lines = text(value);
  if (lines === "") return [];
  return lines
    .split("\n")
    .map((line) => ({ index: Number(line.slice(0, line.indexOf(" "))), key: line.slice(line.indexOf(" ") + 1) }));
}
