// What membership promises, each as a check of a given core that throws when it is broken: run on the shipped core by
// claims.test.ts, and on cores with planted bugs by mutants.test.ts. In virtual time, seeded.

import { expect } from "bun:test";
import { nextBelow } from "../../src/base/prng.ts";
import { lan, type NodeId, type SwimEffect } from "../../src/swim/swim.ts";
import {
  addNode,
  addressOf,
  at,
  type Cluster,
  type Core,
  createCluster,
  deliver,
  idOf,
  isConverged,
  kill,
  type Network,
  restart,
  run,
  type SimNode,
  stall,
  statusAt,
  up,
  warmCluster,
} from "./cluster.ts";
import {
  acquaint,
  answering,
  createSolo,
  give,
  gossip,
  hear,
  hearStream,
  LABEL,
  only,
  pass,
  sent,
  shownAs,
  statement,
} from "./solo.ts";

const config = lan({ label: LABEL, seeds: [0, 1, 2].map(addressOf) });

function nodeAt(cluster: Cluster, index: number): SimNode {
  const node = cluster.nodes.get(idOf(index));
  if (node === undefined) throw new Error(`there is no node ${index}`);
  return node;
}

function falseDeaths(cluster: Cluster): readonly string[] {
  return cluster.deaths
    .filter(({ isFalse }) => isFalse)
    .map(({ by, about, at: time }) => `${by} buried ${about} at ${time}`);
}

/** Kills the last nodes one after another, each when the one before is known. Out: ms until all knew, rising. */
export function killTimes(
  cluster: Cluster,
  kills: number,
  mode: "silent" | "process",
  streamsTo: readonly SimNode[] = [],
): number[] {
  const times: number[] = [];
  for (let index = 0; index < kills; index++) {
    const target = nodeAt(cluster, cluster.nodes.size - 1 - index);
    run(cluster, cluster.now + 2_000 + nextBelow(cluster.prng, 1_000));
    const killedAt = cluster.now;
    kill(cluster, target, mode, streamsTo);
    const knows = new Set<NodeId>();
    let seen = cluster.deaths.length;
    const isKnown = (): boolean => {
      for (; seen < cluster.deaths.length; seen++) {
        const death = cluster.deaths[seen];
        if (death?.about === target.id) knows.add(death.by);
      }
      return knows.size >= cluster.nodes.size - 1 - index;
    };
    times.push(run(cluster, killedAt + 120_000, isKnown) ? cluster.now - killedAt : Number.POSITIVE_INFINITY);
  }
  return times.sort((a, b) => a - b);
}

function median(times: readonly number[]): number {
  return times[Math.floor(times.length / 2)] ?? Number.NaN;
}

/** Effects of all nodes, while `act` runs. */
function observed(cluster: Cluster, act: () => void): { readonly node: SimNode; readonly effect: SwimEffect }[] {
  const seen: { readonly node: SimNode; readonly effect: SwimEffect }[] = [];
  cluster.observe = (node, effect) => seen.push({ node, effect });
  act();
  cluster.observe = null;
  return seen;
}

function isSuspicion({ effect }: { readonly effect: SwimEffect }): boolean {
  return effect.kind === "member" && effect.after === "suspect";
}

/** Nodes of a pool with a network that is bad all the time, for so many minutes: who was buried alive. */
function badWeather(core: Core, network: Partial<Network>, size: number, minutes: number): Cluster {
  const cluster = warmCluster(config, size, 11, network, core);
  run(cluster, cluster.now + minutes * 60_000);
  return cluster;
}

export const CLAIMS = {
  "started together, nodes find each other and bury nobody [LD-41.1.1]": (core: Core): void => {
    for (const seed of [1, 2, 3]) {
      const cluster = createCluster({ ...config, seeds: [...config.seeds, addressOf(200)] }, seed, {}, core);
      for (let index = 0; index < 7; index++) {
        at(cluster, cluster.now + nextBelow(cluster.prng, 3_000), () => addNode(cluster, index));
      }
      // A configured peer that never comes is no member and never dies.
      const isFound = run(cluster, 30_000, () => cluster.nodes.size === 7 && isConverged(cluster));
      expect(isFound).toBe(true);
      const reports = observed(cluster, () => run(cluster, cluster.now + 70_000));
      expect(reports.filter(({ effect }) => effect.kind === "seedSilent")).toHaveLength(7);
      expect(cluster.deaths).toEqual([]);
    }
  },

  "a silent host is known by all within the figures at 10 and 100 members": (core: Core): void => {
    const ten: number[] = [];
    for (const seed of [1, 2, 3, 4]) ten.push(...killTimes(warmCluster(config, 10, seed, {}, core), 3, "silent"));
    expect(median(ten.sort((a, b) => a - b))).toBeLessThan(3_500);
    expect(median(killTimes(warmCluster(config, 100, 3, {}, core), 5, "silent"))).toBeLessThan(5_500);
  },

  "a killed process is known by all within a second": (core: Core): void => {
    for (const size of [4, 10, 60]) {
      const cluster = warmCluster(config, size, 4, {}, core);
      const watchers = [0, 1, 2].map((index) => nodeAt(cluster, index));
      expect(
        Math.max(...killTimes(cluster, Math.min(6, size - 3), "process", watchers.slice(0, size - 1))),
      ).toBeLessThan(1_000);
      expect(falseDeaths(cluster)).toEqual([]);
    }
  },

  "at 30 % loss with stream probes nobody live is buried [LD-42.2.5]": (core: Core): void => {
    const cluster = badWeather(core, { loss: 0.3, duplicates: 0.1, delayMaxMs: 40 }, 24, 10);
    expect(falseDeaths(cluster)).toEqual([]);
    expect(up(cluster).reduce((sum, { core: { counters } }) => sum + counters.suspicions, 0)).toBe(0);
  },

  "at 30 % loss without stream probes suspicions come and are refuted": (core: Core): void => {
    const cluster = badWeather(core, { loss: 0.3, streams: "none" }, 12, 5);
    const total = (count: (node: SimNode) => number): number => up(cluster).reduce((sum, node) => sum + count(node), 0);
    expect(total(({ core: { counters } }) => counters.refutations)).toBeGreaterThan(10);
    expect(falseDeaths(cluster)).toEqual([]);
  },

  "who is reached through others only is never buried": (core: Core): void => {
    const isCut = (from: NodeId, to: NodeId): boolean => from < idOf(2) && to < idOf(2) && from !== to;
    const cluster = warmCluster(config, 6, 9, { isCut }, core);
    run(cluster, cluster.now + 120_000);
    expect(cluster.deaths).toEqual([]);
    // Nor even suspected: every probe is answered through another.
    expect(up(cluster).map(({ core: { counters } }) => counters.suspicions)).toEqual(new Array(6).fill(0));
  },

  "who can only be spoken to one way refutes and stays [LD-24.3.3]": (core: Core): void => {
    // Node 0 hears nothing of node 1; all else works.
    const isCut = (from: NodeId, to: NodeId): boolean => from === idOf(1) && to === idOf(0);
    const cluster = warmCluster(config, 6, 9, { isCut }, core);
    run(cluster, cluster.now + 120_000);
    expect(cluster.deaths).toEqual([]);
  },

  "a partition heals: all are alive again everywhere [LD-24.3.4]": (core: Core): void => {
    let isHealed = false;
    const isCut = (from: NodeId, to: NodeId): boolean => !isHealed && from < idOf(4) !== to < idOf(4);
    const cluster = warmCluster(config, 10, 6, { isCut }, core);
    run(cluster, cluster.now + 40_000);
    expect(statusAt(nodeAt(cluster, 0), idOf(9))).toBe("dead");
    expect(statusAt(nodeAt(cluster, 9), idOf(0))).toBe("dead");
    isHealed = true;
    expect(run(cluster, cluster.now + 8_000, () => isConverged(cluster))).toBe(true);
  },

  "a goodbye is known by all in 2 s, without suspicion, and is final": (core: Core): void => {
    for (const loss of [0, 0.1]) {
      const cluster = warmCluster(config, 20, 8, { loss }, core);
      run(cluster, cluster.now + 2_000);
      const target = nodeAt(cluster, 19);
      const seen = observed(cluster, () => {
        deliver(cluster, target, { kind: "leave" });
        run(cluster, cluster.now + 2_000);
      });
      expect(seen.filter(isSuspicion)).toEqual([]);
      expect(seen.filter(({ effect }) => effect.kind === "left")).toHaveLength(1);
      expect(up(cluster).map((node) => statusAt(node, target.id))).toEqual(new Array(19).fill("left"));
      expect(target.core.isGone).toBe(true);
      target.isUp = false;
      run(cluster, cluster.now + 20_000);
      expect(up(cluster).map((node) => statusAt(node, target.id))).toEqual(new Array(19).fill("left"));
    }
  },

  "a restarted node is not killed by what was said of its former life": (core: Core): void => {
    const cluster = warmCluster(config, 10, 12, {}, core);
    const target = nodeAt(cluster, 9);
    for (let life = 0; life < 3; life++) {
      run(cluster, cluster.now + 1_000);
      kill(cluster, target, "silent");
      // Back in the middle of its suspicion, or after its funeral.
      run(cluster, cluster.now + 2_300 + life * 1_500);
      restart(cluster, target);
      const restartedAt = cluster.now;
      expect(run(cluster, cluster.now + 5_000, () => isConverged(cluster))).toBe(true);
      run(cluster, cluster.now + 15_000);
      // It is above its former life from the start, it need not defend itself.
      expect(target.core.counters.refutations).toBe(0);
      expect(target.bootOnDisk).toBe(life + 2);
      expect(cluster.deaths.filter((death) => death.at > restartedAt + 1_000 && death.about === target.id)).toEqual([]);
    }
    expect(falseDeaths(cluster)).toEqual([]);
  },

  "one who stands still buries nobody, and stands in his own way alone [LD-50.3]": (core: Core): void => {
    const cluster = warmCluster(config, 32, 13, {}, core);
    const slow = [3, 9, 21, 30].map((index) => nodeAt(cluster, index));
    for (let time = 0; time < 90_000; time += 3_000) {
      for (const node of slow)
        at(cluster, cluster.now + time + nextBelow(cluster.prng, 500), () => stall(cluster, node, 2_000));
    }
    const healthBefore = slow.map(({ core: { score } }) => score);
    let worst = 0;
    cluster.observe = (node, effect) => {
      if (effect.kind === "health" && slow.includes(node)) worst = Math.max(worst, effect.score);
    };
    run(cluster, cluster.now + 90_000);
    const slowIds = slow.map(({ id }) => id);
    expect(healthBefore).toEqual([0, 0, 0, 0]);
    expect(worst).toBeGreaterThan(0);
    expect(falseDeaths(cluster).filter((text) => !slowIds.some((id) => text.includes(`buried ${id}`)))).toEqual([]);
    const buriedBySlow = cluster.deaths.filter(({ by, about }) => slowIds.includes(by) && !slowIds.includes(about));
    expect(buriedBySlow).toEqual([]);
  },

  "after a long sleep nobody is buried for it": (core: Core): void => {
    const cluster = warmCluster(config, 10, 14, {}, core);
    const sleeper = nodeAt(cluster, 4);
    run(cluster, cluster.now + 700);
    stall(cluster, sleeper, 30_000);
    run(cluster, cluster.now + 60_000, () => false);
    expect(cluster.deaths.filter(({ by }) => by === sleeper.id)).toEqual([]);
    expect(isConverged(cluster)).toBe(true);
  },

  "a suspicion that was opened before a stall is not judged by the lost time": (core: Core): void => {
    const solo = createSolo({ core });
    acquaint(solo, 6);
    hear(solo, 2, gossip(statement(1, "suspect", { by: [idOf(2), idOf(3), idOf(4)] })));
    solo.now += 20_000;
    const effects = give(solo, { kind: "tick" });
    expect(only(effects, "stall")).toHaveLength(1);
    expect(shownAs(solo, 1)).toBe("suspect");
    pass(solo, 1_500, answering(solo, [1]));
    expect(shownAs(solo, 1)).toBe("suspect");
    pass(solo, 4_000, answering(solo, [1]));
    expect(shownAs(solo, 1)).toBe("dead");
  },

  "news reach all, with the state of every node, in time [A16]": (core: Core): void => {
    for (const loss of [0, 0.3]) {
      const cluster = warmCluster(config, 50, 15, { loss }, core);
      run(cluster, cluster.now + 2_000);
      const source = nodeAt(cluster, 7);
      deliver(cluster, source, { kind: "payload", bytes: new Uint8Array([9, 9]) });
      const hasNews = (node: SimNode): boolean => node.core.members.get(source.id)?.payload?.bytes[0] === 9;
      expect(run(cluster, cluster.now + 3_000, () => up(cluster).every(hasNews))).toBe(true);
    }
  },

  "views that differ are made equal by anti-entropy alone": (core: Core): void => {
    const cluster = warmCluster(config, 40, 16, { loss: 1 }, core);
    // No datagram arrives and no probe runs: only streams are left.
    for (const node of cluster.nodes.values()) node.core.probeAt = Number.POSITIVE_INFINITY;
    const source = nodeAt(cluster, 7);
    deliver(cluster, source, { kind: "payload", bytes: new Uint8Array([9, 9]) });
    nodeAt(cluster, 3).core.members.delete(idOf(20));
    const isEqual = (): boolean =>
      up(cluster).every(
        ({ core: { members } }) => members.get(source.id)?.payload?.version === 2 && members.has(idOf(20)),
      );
    expect(isEqual()).toBe(false);
    // One exchange a node each 30 s: the news double, there and back, with every round.
    expect(run(cluster, cluster.now + 360_000, isEqual)).toBe(true);
  },

  "an idle node sends less than 600 B/s, at 10 members as at 200 [MW-10.3.3]": (core: Core): void => {
    for (const size of [10, 200]) {
      const cluster = warmCluster(config, size, 17, {}, core);
      run(cluster, cluster.now + 1_000);
      const before = cluster.datagramBytes + cluster.streamBytes;
      run(cluster, cluster.now + 30_000);
      const rate = (cluster.datagramBytes + cluster.streamBytes - before) / size / 30;
      expect(rate).toBeLessThan(600);
      expect(rate).toBeGreaterThan(300);
    }
  },

  "every member is probed once in each cycle, in another order each time [A1]": (core: Core): void => {
    const solo = createSolo({ core });
    acquaint(solo, 20);
    const targets: NodeId[] = [];
    // Three cycles.
    pass(solo, 500 * 62, (effect) => {
      if (effect.kind === "send" && effect.message.kind === "ping" && effect.to !== null) targets.push(effect.to);
      answering(solo)(effect);
    });
    for (let from = 0; from + 39 < targets.length; from++) {
      const window = targets.slice(from, from + 39);
      // Between two probes of a member lie less than two cycles.
      expect(new Set(window).size).toBe(20);
    }
    // An order that is kept would repeat itself with the cycle.
    expect(targets.slice(20, 40)).not.toEqual(targets.slice(40, 60));
  },

  "a suspect is told, and told again before the verdict": (core: Core): void => {
    const solo = createSolo({ core });
    acquaint(solo, 5);
    hear(solo, 2, gossip(statement(1, "suspect", { by: [idOf(2), idOf(3), idOf(4)] })));
    const calls = (effects: readonly SwimEffect[]): unknown[] =>
      sent(effects, "ping").flatMap(({ to, message }) => (to === idOf(1) ? message.updates.slice(0, 1) : []));
    // No round falls on the suspect: what it is told here is told because it is one.
    solo.state.probeAt = solo.now + 10_000;
    expect(calls(pass(solo, 1_450, answering(solo, [1])))).toEqual([]);
    // The last half second of the shortest suspicion begins here.
    const effects = pass(solo, 100, answering(solo, [1]));
    expect(calls(effects)).toMatchObject([{ id: idOf(1), status: "suspect" }]);
    expect(only(effects, "streamProbe").filter(({ to }) => to === idOf(1))).toHaveLength(1);
    expect(shownAs(solo, 1)).toBe("suspect");
  },

  "who is accused refutes at once, above the accusation, and not without end": (core: Core): void => {
    const solo = createSolo({ core });
    acquaint(solo, 5);
    let count = 0;
    for (let times = 0; times < 20; times++) {
      hear(solo, 1, gossip(statement(0, "suspect", { incarnation: { boot: 1, count }, by: [idOf(1)] })));
      const own = solo.core.view(solo.state).incarnation;
      if (times === 0) expect(own.count).toBe(1);
      count = Math.max(count, own.count);
    }
    expect(count).toBe(5);
    const effects = pass(solo, 2_500, answering(solo));
    expect(solo.core.view(solo.state).incarnation.count).toBe(6);
    const told = sent(effects, "gossip").flatMap(({ message }) => message.updates.filter(({ id }) => id === idOf(0)));
    expect(told.some(({ incarnation, status }) => incarnation.count === 6 && status === "alive")).toBe(true);
  },

  "who never spoke is never accused, and is dropped without a death [A10, LD-41.1.3]": (core: Core): void => {
    const solo = createSolo({ core });
    acquaint(solo, 3);
    hear(solo, 1, gossip(statement(9)));
    expect(shownAs(solo, 9)).toBe("unconfirmed");
    const effects = pass(solo, 59_000, answering(solo, [9]));
    expect(shownAs(solo, 9)).toBe("unconfirmed");
    expect(only(effects, "member").filter(({ id }) => id === idOf(9))).toEqual([]);
    const later = pass(solo, 30_000, answering(solo, [9]));
    expect(only(later, "member").filter(({ id }) => id === idOf(9))).toMatchObject([
      { before: "unconfirmed", after: null },
    ]);
    expect(shownAs(solo, 9)).toBeNull();
  },

  "a port that refused one peer is a hint, one that refused two is a fact": (core: Core): void => {
    for (const refusedByRelay of [false, true]) {
      const solo = createSolo({ core });
      acquaint(solo, 5);
      const effects = give(solo, { kind: "reset", node: idOf(1) });
      const [probe] = only(effects, "streamProbe");
      const requests = sent(effects, "pingReq");
      expect(sent(effects, "ping")).toHaveLength(1);
      expect(requests).toHaveLength(3);
      if (probe === undefined) throw new Error("no stream probe");
      give(solo, { kind: "streamFailed", seq: probe.seq, reason: "refused" });
      requests.forEach(({ to, message }, index) => {
        const nack = {
          kind: "nack",
          label: LABEL,
          seq: message.seq,
          isRefused: refusedByRelay && index === 0,
          updates: [],
        } as const;
        give(solo, { kind: "datagram", from: to ?? "", address: addressOf(0), message: { ...nack, updates: [] } });
      });
      expect(shownAs(solo, 1)).toBe(refusedByRelay ? "dead" : "alive");
      pass(solo, 260, answering(solo, [1]));
      expect(shownAs(solo, 1)).toBe(refusedByRelay ? "dead" : "suspect");
    }
  },

  "10,000 suspicions of one member do not put its end off [A4, LD-41.17.2]": (core: Core): void => {
    const solo = createSolo({ core });
    acquaint(solo, 9);
    const startedAt = solo.now;
    hear(solo, 1, gossip(statement(5, "suspect", { by: [idOf(1)] })));
    let diedAt = 0;
    for (let times = 0; times < 1_000 && diedAt === 0; times++) {
      for (let each = 0; each < 10; each++) {
        hear(solo, 1 + (each % 4), gossip(statement(5, "suspect", { by: [idOf(100 + times * 10 + each)] })));
      }
      const deaths = only(pass(solo, 10, answering(solo, [5])), "member").filter(({ after }) => after === "dead");
      if (deaths.length > 0) diedAt = solo.now;
    }
    expect(diedAt - startedAt).toBeGreaterThanOrEqual(2_000);
    expect(diedAt - startedAt).toBeLessThanOrEqual(2_020);
  },

  "a node does not answer for another one that had its address": (core: Core): void => {
    const cluster = warmCluster(config, 8, 18, {}, core);
    const gone = nodeAt(cluster, 7);
    kill(cluster, gone, "silent");
    // A wiped disk: the same place, another node.
    const address = addressOf(7);
    cluster.nodes.delete(gone.id);
    const heir = addNode(cluster, 107);
    cluster.byAddress.set(`${address.host}:${address.udp}`, heir);
    run(cluster, cluster.now + 30_000);
    const others = up(cluster).filter((node) => node !== heir);
    expect(others.map((node) => statusAt(node, gone.id))).toEqual(new Array(7).fill("dead"));
  },

  "an answer counts from the one asked alone": (core: Core): void => {
    const solo = createSolo({ core });
    acquaint(solo, 4);
    const acksBefore = core.view(solo.state).counters.acks;
    let pings = 0;
    pass(solo, 2_000, (effect) => {
      if (effect.kind !== "send" || effect.message.kind !== "ping") return;
      pings++;
      const other = [1, 2, 3, 4].find((index) => idOf(index) !== effect.to) ?? 1;
      hear(solo, other, { kind: "ack", label: LABEL, seq: effect.message.seq, updates: [] });
    });
    expect(pings).toBeGreaterThan(0);
    expect(core.view(solo.state).counters.acks).toBe(acksBefore);
  },

  "what another node remembers of a death is doubted first": (core: Core): void => {
    const solo = createSolo({ core });
    acquaint(solo, 4);
    hearStream(solo, 1, {
      kind: "state",
      label: LABEL,
      bucketCount: 1,
      buckets: [0],
      wantsReply: false,
      members: [statement(3, "dead"), statement(4, "left"), statement(9, "dead")],
    });
    expect([3, 4, 9].map((index) => shownAs(solo, index))).toEqual(["suspect", "left", null]);
  },
} as const;
