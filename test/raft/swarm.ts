// One seeded run of a cluster under random faults, then a quiet phase in which it must make progress. The seed decides
// everything: number of nodes, network, which faults, when. Throws on a violation; returns how often what was seen.

import { assert } from "../../src/base/assert.ts";
import { createPrng, nextBelow, nextFloat, type Prng } from "../../src/base/prng.ts";
import { LIMITS } from "../../src/raft/limits.ts";
import { lan, type NodeId, type Proposal, type RaftConfig } from "../../src/raft/raft.ts";
import { note, Violation, watch, type Watch } from "./checkers.ts";
import {
  addBlank,
  addFormed,
  bytes,
  CALM,
  type Cluster,
  type Core,
  crash,
  createCluster,
  cut,
  damage,
  give,
  heal,
  isolate,
  leaderOf,
  leaders,
  type Node,
  pause,
  restart,
  runFor,
} from "./cluster.ts";

/** Bounds so small that every one of them is met within seconds. */
export function tight(self: NodeId): RaftConfig {
  return {
    ...lan(self),
    limits: {
      ...LIMITS,
      appendEntriesMax: 4,
      inflightMessagesMax: 3,
      uncommittedEntriesMax: 64,
      batchMax: 16,
      snapshotEntries: 24,
      trailingEntries: 6,
      logEntriesMax: 128,
      snapshotChunkBytes: 1_024,
      promoteLagMax: 4,
      clientsMax: 3,
      sequencesMax: 4,
    },
  };
}

export type SwarmOptions = { readonly seed: number; readonly core?: Core; readonly forMs?: number };

type Run = {
  readonly cluster: Cluster;
  readonly watched: Watch;
  readonly prng: Prng;
  /** Proposals not yet known to be committed. */
  readonly open: Proposal[];
  /** Some of long ago, asked again now and then. */
  readonly past: Proposal[];
  client: { id: string; sequence: number; since: number };
  clients: number;
  nodes: number;
  reads: number;
  /** A seat whose disk is gone, and the node that shall take it. */
  replacing: { readonly before: NodeId; readonly after: NodeId } | null;
  readonly isLeaseRun: boolean;
  readonly isDiskRun: boolean;
};

/** Runs one seed. */
export function swarm(options: SwarmOptions): Watch {
  const prng = createPrng(options.seed, "swarm");
  const isLeaseRun = nextFloat(prng) < 0.4;
  const cluster = createCluster({
    seed: options.seed,
    configOf: tight,
    ...(options.core === undefined ? {} : { core: options.core }),
  });
  const watched = watch(cluster);
  watched.areLeasesChecked = isLeaseRun;
  const run: Run = {
    cluster,
    watched,
    prng,
    open: [],
    past: [],
    client: { id: "c1", sequence: 0, since: 0 },
    clients: 1,
    nodes: nextFloat(prng) < 0.6 ? 3 : 5,
    reads: 0,
    replacing: null,
    isLeaseRun,
    isDiskRun: !isLeaseRun && nextFloat(prng) < 0.6,
  };
  const ids = Array.from({ length: run.nodes }, (_, at) => `n${at + 1}`);
  if (nextFloat(prng) < 0.3) form(run, ids);
  else addFormed(cluster, ids);
  cluster.network = {
    dropRate: nextFloat(prng) * 0.2,
    repeatRate: nextFloat(prng) * 0.3,
    delayMsMin: 1,
    delayMsMax: 2 + nextFloat(prng) ** 3 * 150,
  };
  cluster.crashRate = nextFloat(prng) < 0.5 ? 0 : 0.002;
  const until = cluster.now + (options.forMs ?? 20_000);
  while (cluster.now < until) {
    runFor(cluster, 20 + nextFloat(prng) * 150);
    act(run);
    if (nextFloat(prng) < 0.15) fault(run);
  }
  settle(run);
  return watched;
}

function form(run: Run, ids: readonly NodeId[]): void {
  const { cluster } = run;
  for (const id of ids) addBlank(cluster, id);
  for (const id of ids) give(cluster, id, { kind: "form", peers: ids });
  for (const node of cluster.nodes.values()) {
    if (nextFloat(run.prng) > 0.3) continue;
    runFor(cluster, 1 + nextFloat(run.prng) * 10);
    crash(cluster, node);
    bringBack(run, node);
  }
  note(run.watched, "formed");
}

/** A blank node is told its peers again after each boot, as its configuration would. */
function bringBack(run: Run, node: Node): void {
  restart(run.cluster, node);
  const isFounder = /^n\d$/.test(node.id);
  const peers = Array.from({ length: run.nodes }, (_, at) => `n${at + 1}`);
  if (isFounder && node.durable.hard.standing === "blank") give(run.cluster, node.id, { kind: "form", peers });
}

/** Clients at work: proposals (some repeated), reads, a health score now and then. */
function act(run: Run): void {
  const { cluster, prng } = run;
  const alive = [...cluster.nodes.values()].filter(({ state }) => state !== null);
  const somebody = alive[nextBelow(prng, Math.max(1, alive.length))];
  const target = nextFloat(prng) < 0.8 ? (leaderOf(cluster) ?? somebody) : somebody;
  if (target === undefined || target.pausedUntil > cluster.now) return;
  if (nextFloat(prng) < 0.05) openClient(run, target);
  const proposals = Array.from({ length: 1 + nextBelow(prng, 6) }, () => nextProposal(run));
  if (run.open.length > 0 && nextFloat(prng) < 0.5) {
    const again = run.open[nextBelow(prng, run.open.length)];
    if (again !== undefined) proposals.push(again, again);
  }
  const past = run.past[nextBelow(prng, Math.max(1, run.past.length))];
  if (past !== undefined && nextFloat(prng) < 0.2) proposals.push(past);
  const first = proposals[0];
  if (first !== undefined && nextFloat(prng) < 0.2) run.past.push(first);
  give(cluster, target.id, { kind: "propose", proposals });
  run.open.push(...proposals);
  run.open.splice(0, Math.max(0, run.open.length - 8));
  // Of everyone that believes it leads: a deposed one must not answer from the past.
  for (const leader of leaders(cluster))
    if (leader.pausedUntil <= cluster.now) give(cluster, leader.id, { kind: "read", ids: [`r${++run.reads}`] });
  if (nextFloat(prng) < 0.05) give(cluster, target.id, { kind: "health", score: nextBelow(prng, 9) });
  continueReplacing(run);
}

function openClient(run: Run, target: Node): void {
  run.clients++;
  run.client = { id: `c${run.clients}`, sequence: 0, since: target.state?.commit ?? 0 };
}

function nextProposal(run: Run): Proposal {
  run.client.sequence++;
  const { id, sequence, since } = run.client;
  return { client: id, sequence, since, command: bytes(`v${sequence}`) };
}

function fault(run: Run): void {
  const { cluster, prng, isLeaseRun, isDiskRun } = run;
  const nodes = [...cluster.nodes.values()].filter((node) => node.id !== run.replacing?.before);
  const victim = nodes[nextBelow(prng, nodes.length)];
  const other = nodes[nextBelow(prng, nodes.length)];
  if (victim === undefined || other === undefined) return;
  const kind = nextBelow(prng, 12);
  if (kind <= 1) return heal(cluster);
  if (kind === 2) return isolate(cluster, nextFloat(prng) < 0.5 ? (leaderOf(cluster)?.id ?? victim.id) : victim.id);
  if (kind === 3 && victim !== other) return cut(cluster, victim.id, other.id);
  if (kind === 4) return crash(cluster, victim, !isLeaseRun);
  if (kind === 5 || kind === 6) {
    for (const node of nodes) if (node.state === null) bringBack(run, node);
    return;
  }
  if (kind === 7) return pause(cluster, victim, nextFloat(prng) * 2_000);
  if (kind === 8 && !isLeaseRun)
    return void give(cluster, leaderOf(cluster)?.id ?? victim.id, {
      kind: "transfer",
      to: nextFloat(prng) < 0.5 ? null : other.id,
    });
  if (kind === 9 && !isLeaseRun) return void give(cluster, victim.id, { kind: "peerReset", peer: other.id });
  if (kind === 10 && isDiskRun) return nextFloat(prng) < 0.4 ? trap(run) : harmDisk(run, victim);
  if (kind === 11 && !isDiskRun) return changeMembers(run);
}

/**
 * The worst moment for a disk to fail: one voter lags, the leader and the victim alone hold what is committed; then the
 * victim's disk loses it and the leader is cut off.
 */
function trap(run: Run): void {
  const { cluster, prng, watched } = run;
  const leader = leaderOf(cluster);
  const others = [...cluster.nodes.values()].filter(
    (node) => node !== leader && node.state !== null && node.durable.hard.standing === "member",
  );
  const victim = others[nextBelow(prng, Math.max(1, others.length))];
  const isWhole = [...cluster.nodes.values()].every(({ durable }) => durable.hard.lost === "nothing");
  if (leader === null || victim === undefined || others.length !== 2 || !isWhole || run.replacing !== null) return;
  heal(cluster);
  for (const other of others) if (other !== victim) cut(cluster, leader.id, other.id);
  for (let times = 0; times < 3; times++) {
    runFor(cluster, 60);
    give(cluster, leader.id, { kind: "propose", proposals: [nextProposal(run)] });
  }
  runFor(cluster, 60);
  const { entries, snapshot, hard } = victim.durable;
  if (victim.state === null || hard.lost !== "nothing") return;
  const from = Math.max((snapshot?.index ?? 0) + 1, (entries.at(-1)?.index ?? 0) - 2);
  watched.areCopiesChecked = false;
  damage(cluster, victim, {
    from,
    term:
      nextFloat(prng) < 0.5
        ? Math.min(hard.term, entries.find((entry) => entry.index < from)?.term ?? snapshot?.term ?? 0)
        : null,
  });
  heal(cluster);
  isolate(cluster, leader.id);
  runFor(cluster, 2_500);
  heal(cluster);
  note(watched, "disk trap");
}

/** Takes a voter's disk, or part of it, while every other voter's is whole. */
function harmDisk(run: Run, victim: Node): void {
  const { cluster, prng, watched } = run;
  const isWhole = [...cluster.nodes.values()].every(({ durable }) => durable.hard.lost === "nothing");
  const { hard, entries, snapshot } = victim.durable;
  if (run.replacing !== null || !isWhole || hard.standing !== "member") return;
  if (nextFloat(prng) < 0.5) {
    watched.areCopiesChecked = false;
    const base = snapshot?.index ?? 0;
    const from = base + 1 + nextBelow(prng, entries.length + 1);
    const last = entries.findLast((entry) => entry.index < from) ?? snapshot;
    damage(cluster, victim, { from, term: nextFloat(prng) < 0.6 ? Math.min(last?.term ?? 0, hard.term) : null });
    note(watched, "disk damaged");
    return;
  }
  const after = `x${++run.nodes}`;
  run.replacing = { before: victim.id, after };
  watched.areCopiesChecked = false;
  crash(cluster, victim, true);
  addBlank(cluster, after);
  note(watched, "disk wiped");
}

/** The operator: asks whoever leads until the seat is taken. */
function continueReplacing(run: Run): void {
  const { cluster, replacing, watched } = run;
  const leader = leaderOf(cluster);
  const membership =
    leader === null || leader.state === null
      ? undefined
      : leader.state.memberships.findLast(({ index }) => index <= (leader.state?.commit ?? 0))?.membership;
  if (replacing === null || leader === null || membership === undefined) return;
  if (membership.voters.includes(replacing.after) && !membership.voters.includes(replacing.before)) {
    run.replacing = null;
    cluster.nodes.delete(replacing.before);
    note(watched, "seat replaced");
    return;
  }
  if (membership.replacing === null)
    give(cluster, leader.id, { kind: "change", id: "replace", change: { kind: "replace", ...replacing } });
}

/** Learners in, voters out, learners up; never fewer than two voters. */
function changeMembers(run: Run): void {
  const { cluster, prng, watched } = run;
  const leader = leaderOf(cluster);
  const membership = leader?.state?.memberships.at(-1)?.membership;
  if (leader === null || membership === undefined) return;
  const learner = membership.learners[0];
  if (learner !== undefined)
    return void give(cluster, leader.id, {
      kind: "change",
      id: "p",
      change: nextFloat(prng) < 0.8 ? { kind: "promote", node: learner } : { kind: "remove", node: learner },
    });
  if (membership.voters.length > 3) {
    const node = membership.voters[nextBelow(prng, membership.voters.length)];
    if (node !== undefined) give(cluster, leader.id, { kind: "change", id: "r", change: { kind: "remove", node } });
    return;
  }
  const node = `x${++run.nodes}`;
  addBlank(cluster, node);
  give(cluster, leader.id, { kind: "change", id: "a", change: { kind: "addLearner", node } });
  note(watched, "learner asked");
}

/** Everything is mended: a new proposal must be committed everywhere, in bounded time. */
function settle(run: Run): void {
  const { cluster } = run;
  heal(cluster);
  cluster.network = CALM;
  cluster.crashRate = 0;
  for (const node of cluster.nodes.values()) {
    node.pausedUntil = 0;
    if (node.id !== run.replacing?.before && node.state === null) bringBack(run, node);
    if (node.state !== null) give(cluster, node.id, { kind: "health", score: 0 });
  }
  const proposal = { client: "last", sequence: 1, since: Number.MAX_SAFE_INTEGER, command: bytes("end") };
  const deadlineAt = cluster.now + 20_000;
  const isDone = (): boolean => run.watched.appliedAt.has("last 1") && run.replacing === null && areLevel(cluster);
  while (cluster.now < deadlineAt && !isDone()) {
    runFor(cluster, 100);
    continueReplacing(run);
    const leader = leaderOf(cluster);
    if (leader !== null) give(cluster, leader.id, { kind: "propose", proposals: [proposal] });
  }
  if (!isDone()) throw new Violation(`no progress in 20 s of calm: ${picture(cluster)}`);
}

/** Every member of the newest leader's cluster is full and has applied the same. */
function areLevel(cluster: Cluster): boolean {
  const leader = leaderOf(cluster);
  const membership = leader?.state?.memberships.at(-1)?.membership;
  if (leader === null || membership === undefined) return false;
  return [...membership.voters, ...membership.learners].every((id) => {
    const node = cluster.nodes.get(id);
    assert(node !== undefined, `member ${id} exists`);
    return (
      node.appliedThrough === leader.appliedThrough &&
      node.durable.hard.lost === "nothing" &&
      node.durable.hard.standing === "member" &&
      JSON.stringify(node.applied) === JSON.stringify(leader.applied)
    );
  });
}

function picture(cluster: Cluster): string {
  return [...cluster.nodes.values()]
    .map(({ id, state, durable, appliedThrough }) => {
      return `${id}: ${state?.role ?? "down"} term ${durable.hard.term} ${durable.hard.standing} lost ${durable.hard.lost} applied ${appliedThrough} leader ${state?.leader}`;
    })
    .join("; ");
}
