// Goal: links do to datagrams what they are told, at the rate they are told, in the direction they are told. Method:
// thousands of datagrams a fault, counted; bounds of five standard deviations.

import { describe, expect, test } from "bun:test";
import type { Address, DatagramSocket, NodeWorld } from "../../src/io/world.ts";
import { Cluster } from "./cluster.ts";

const COUNT = 10_000;

type Bound = { readonly socket: DatagramSocket; readonly numbers: number[]; readonly sources: Address[] };

function bound(cluster: Cluster, world: NodeWorld, host: string): Bound {
  const socket = cluster.settled(world.datagrams.bind({ host, port: 0 }));
  const numbers: number[] = [];
  const sources: Address[] = [];
  socket.onDatagram((from, bytes) => {
    numbers.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
    sources.push(from);
  });
  return { socket, numbers, sources };
}

function send(from: Bound, to: Bound, number: number): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  from.socket.send(to.socket.address, bytes);
}

/** Three hosts with a socket each, named as they are. */
function three(seed = 1): { readonly cluster: Cluster; readonly m1: Bound; readonly m2: Bound; readonly m3: Bound } {
  const cluster = new Cluster(seed);
  const [m1, m2, m3] = ["m1", "m2", "m3"].map((name) => bound(cluster, cluster.host(name).world, name));
  if (m1 === undefined || m2 === undefined || m3 === undefined) throw new Error("three hosts");
  return { cluster, m1, m2, m3 };
}

/** Which of the directed pairs of three hosts let a datagram through: "12" is m1 to m2. */
function passing(seed: number, fault: (cluster: Cluster) => void): string {
  const { cluster, m1, m2, m3 } = three(seed);
  fault(cluster);
  const hosts = [m1, m2, m3];
  hosts.forEach((from, source) => hosts.forEach((to) => send(from, to, source + 1)));
  cluster.pass(1_000);
  const seen = hosts.flatMap(({ numbers }, target) => numbers.map((source) => `${source}${target + 1}`));
  return seen
    .filter((pair) => pair[0] !== pair[1])
    .sort()
    .join(" ");
}

describe("a link", () => {
  test("without faults loses and doubles nothing, and takes at least its least latency", () => {
    const { cluster, m1, m2 } = three();
    cluster.network.setLink({ latencyMinMs: 5, latencyMeanMs: 15 });
    const delays: number[] = [];
    const sentMs = cluster.kernel.nowMs;
    m2.socket.onDatagram(() => delays.push(cluster.kernel.nowMs - sentMs));
    for (let at = 0; at < COUNT; at++) send(m1, m2, at);
    cluster.pass(10_000);
    expect(delays.length).toBe(COUNT);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(5);
    const meanMs = delays.reduce((sum, delay) => sum + delay, 0) / COUNT;
    expect(Math.abs(meanMs - 15)).toBeLessThan((5 * 10) / Math.sqrt(COUNT));
  });

  for (const [lossProbability, duplicateProbability] of [
    [0.1, 0],
    [0.3, 0],
    [0, 0.2],
    [0.2, 0.5],
  ] as const) {
    test(`loses ${lossProbability} and doubles ${duplicateProbability} of the datagrams`, () => {
      const { cluster, m1, m2, m3 } = three();
      cluster.network.setLink({ from: "m1", to: "m2", lossProbability, duplicateProbability });
      for (let at = 0; at < COUNT; at++) {
        send(m1, m2, at);
        send(m1, m3, at);
        send(m2, m1, at);
      }
      cluster.pass(1_000);
      const arrived = new Set(m2.numbers).size;
      const expected = COUNT * (1 - lossProbability);
      const doubled = m2.numbers.length - arrived;
      const near = (value: number, mean: number): boolean => Math.abs(value - mean) <= 5 * Math.sqrt(mean);
      expect(near(arrived, expected)).toBe(true);
      expect(near(doubled, expected * duplicateProbability)).toBe(true);
      expect(m3.numbers.length).toBe(COUNT);
      expect(m1.numbers.length).toBe(COUNT);
      expect(cluster.network.counts.datagramsLost).toBe(COUNT - arrived);
      expect(cluster.network.counts.datagramsDoubled).toBe(doubled);
    });
  }

  test("holds datagrams back so that later ones overtake them, and keeps their order otherwise", () => {
    const overtaken = (reorderProbability: number): number => {
      const { cluster, m1, m2 } = three();
      cluster.network.setLink({ latencyMinMs: 1, latencyMeanMs: 1, reorderProbability, reorderMs: 10 });
      for (let at = 0; at < 2_000; at++) {
        send(m1, m2, at);
        cluster.pass(0.1);
      }
      cluster.pass(1_000);
      expect(m2.numbers.length).toBe(2_000);
      return m2.numbers.filter((number, at) => number !== at).length;
    };
    expect(overtaken(0)).toBe(0);
    expect(overtaken(0.1)).toBeGreaterThan(500);
  });

  test("goes back to what it was at the start", () => {
    const { cluster, m1, m2 } = three();
    cluster.network.setLink({ lossProbability: 1 });
    send(m1, m2, 1);
    cluster.pass(10);
    cluster.network.resetLinks();
    send(m1, m2, 2);
    cluster.pass(10);
    expect(m2.numbers).toEqual([2]);
  });

  test("refuses options that make no sense, and names that are no host", () => {
    const { cluster } = three();
    expect(() => cluster.network.setLink({ lossProbability: 1.5 })).toThrow("probability");
    expect(() => cluster.network.setLink({ latencyMinMs: 5, latencyMeanMs: 1 })).toThrow("latency");
    expect(() => cluster.network.cut("m1", "nobody")).toThrow("nobody");
    expect(() => cluster.host("m1")).toThrow("new host");
  });
});

describe("nothing passes", () => {
  const ALL = "12 13 21 23 31 32";
  const cases: readonly (readonly [name: string, fault: (cluster: Cluster) => void, left: string])[] = [
    ["anywhere without a fault", () => {}, ALL],
    ["one way where it is cut", ({ network }) => network.cut("m1", "m2"), "13 21 23 31 32"],
    ["between the groups of a partition", ({ network }) => network.partition([["m1"], ["m2", "m3"]]), "23 32"],
    ["between a group and those in none", ({ network }) => network.partition([["m1", "m2"]]), "12 21"],
    ["from or to an isolated host", ({ network }) => network.isolate("m2"), "13 31"],
    ["from a host that is isolated one way", ({ network }) => network.isolate("m2", "from"), "12 13 31 32"],
    ["to a host that is isolated one way", ({ network }) => network.isolate("m2", "to"), "13 21 23 31"],
    [
      "where it is cut still, after another was mended",
      ({ network }) => {
        network.cut("m1", "m2");
        network.cut("m2", "m1");
        network.mend("m1", "m2");
      },
      "12 13 23 31 32",
    ],
    [
      "nowhere, once healed",
      ({ network }) => {
        network.partition([["m1"], ["m2"], ["m3"]]);
        network.heal();
      },
      ALL,
    ],
  ];
  for (const [name, fault, left] of cases) test(name, () => expect(passing(1, fault)).toBe(left));

  test("for what was on its way when the cut came", () => {
    const { cluster, m1, m2 } = three();
    cluster.network.setLink({ latencyMinMs: 10, latencyMeanMs: 10 });
    send(m1, m2, 1);
    cluster.pass(5);
    cluster.network.cut("m1", "m2");
    cluster.pass(10);
    cluster.network.heal();
    cluster.pass(100);
    expect(m2.numbers).toEqual([]);
  });

  test("but within a host, whatever the fault", () => {
    const { cluster, m1 } = three();
    cluster.network.isolate("m1");
    cluster.network.setLink({ lossProbability: 1 });
    send(m1, m1, 5);
    cluster.pass(10);
    expect(m1.numbers).toEqual([5]);
    expect(m1.sources).toEqual([m1.socket.address]);
  });
});

describe("a socket", () => {
  test("bound to loopback hears its own host only", () => {
    const cluster = new Cluster();
    const { world } = cluster.host("m1");
    const other = bound(cluster, cluster.host("m2").world, "m2");
    const local = bound(cluster, world, "127.0.0.1");
    const near = bound(cluster, world, "m1");
    const bytes = new Uint8Array(4);
    other.socket.send({ host: "m1", port: local.socket.address.port }, bytes);
    other.socket.send({ host: "127.0.0.1", port: local.socket.address.port }, bytes);
    near.socket.send({ host: "localhost", port: local.socket.address.port }, bytes);
    cluster.pass(10);
    expect(local.numbers).toEqual([0]);
    expect(local.sources[0]?.host).toBe("localhost");
  });

  test("of a paused process keeps what comes up to its bound, and drops the rest", () => {
    const cluster = new Cluster(1, { datagramBufferBytes: 400 });
    const sender = bound(cluster, cluster.host("m1").world, "m1");
    const { host, world } = cluster.host("m2");
    const receiver = bound(cluster, world, "m2");
    host.pause();
    for (let at = 0; at < 500; at++) {
      send(sender, receiver, at);
      cluster.pass(2);
    }
    expect(receiver.numbers).toEqual([]);
    host.resume();
    cluster.pass(1);
    expect(receiver.numbers).toEqual(Array.from({ length: 100 }, (_, at) => at));
    send(sender, receiver, 1_000);
    cluster.pass(10);
    expect(receiver.numbers.at(-1)).toBe(1_000);
  });

  test("of a process that ended hears nothing; that of the next one does", () => {
    const cluster = new Cluster();
    const sender = bound(cluster, cluster.host("m1").world, "m1");
    const { host, world } = cluster.host("m2");
    const old = bound(cluster, world, "m2");
    send(sender, old, 1);
    host.kill();
    cluster.pass(10);
    const next = bound(cluster, cluster.boot(host), "m2");
    old.socket.close();
    send(sender, next, 2);
    old.socket.send(sender.socket.address, new Uint8Array(4));
    cluster.pass(10);
    host.crash();
    send(sender, next, 3);
    cluster.pass(10);
    expect([old.numbers, next.numbers, sender.numbers]).toEqual([[], [2], []]);
  });
});
