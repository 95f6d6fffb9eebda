// Measures membership in virtual time and writes bench/swim.md: detection, false deaths, rumours, traffic, by size,
// loss, streams and starved members. Exit code 1 when a promised figure is not kept. The numbers come from the shipped
// core in the pool of test/swim/cluster.ts; seeds are fixed, so they can be had again.
// Usage: bun bench/swim.ts [--quick]

import { join } from "node:path";
import { createPrng, nextBelow } from "../src/base/prng.ts";
import { lan, type NodeId } from "../src/swim/swim.ts";
import {
  addressOf,
  at,
  type Cluster,
  deliver,
  idOf,
  kill,
  type Network,
  run,
  type SimNode,
  stall,
  up,
  warmCluster,
} from "../test/swim/cluster.ts";
import { percentile } from "./table.ts";

const FILE = join(import.meta.dir, "swim.md");
const isQuick = process.argv.includes("--quick");
const CONFIG = lan({ label: "main/production", seeds: [0, 1, 2].map(addressOf) });
const SIZES = isQuick ? [10, 100] : [10, 100, 1_000];
const LOSSES = [0, 0.1, 0.2, 0.3];
/** Every tenth member stands still 2 s of every 3 s. */
const STALL_MS = 2_000;
const STALL_PERIOD_MS = 3_000;

type Cell = {
  readonly first: readonly number[];
  readonly all: readonly number[];
  readonly falseHealthy: number;
  readonly falseStarved: number;
  readonly nodeHours: number;
  readonly bytesPerSecond: number;
};

type Conditions = {
  readonly size: number;
  readonly loss: number;
  readonly streams: Network["streams"];
  readonly isStarved: boolean;
  readonly seed: number;
};

function seconds(ms: number): string {
  return Number.isFinite(ms) ? (ms / 1_000).toFixed(2) : "never";
}

function pool({ size, loss, streams, isStarved, seed }: Conditions): { cluster: Cluster; starved: Set<NodeId> } {
  const cluster = warmCluster(CONFIG, size, seed, { loss, streams });
  const starved = new Set<NodeId>();
  if (!isStarved) return { cluster, starved };
  const random = createPrng(seed, "starved");
  for (let index = 1; index < size; index += 10) {
    const node = cluster.nodes.get(idOf(index));
    if (node === undefined) continue;
    starved.add(node.id);
    const again = (): void => {
      if (!node.isUp) return;
      stall(cluster, node, STALL_MS);
      at(cluster, cluster.now + STALL_PERIOD_MS, again);
    };
    at(cluster, cluster.now + nextBelow(random, STALL_PERIOD_MS), again);
  }
  return { cluster, starved };
}

/** Live members somebody declared dead: each once in ten seconds. */
function falseDeaths(cluster: Cluster, isCounted: (id: NodeId) => boolean): number {
  const wrong = cluster.deaths.filter(({ isFalse, about }) => isFalse && isCounted(about));
  return new Set(wrong.map(({ about, at: time }) => `${about} ${Math.floor(time / 10_000)}`)).size;
}

/** Time from the kill to the first verdict, and until every running member knows; Infinity after two minutes. */
function killOne(
  cluster: Cluster,
  target: SimNode,
  mode: "silent" | "process",
  peers: readonly SimNode[],
): [number, number] {
  const killedAt = cluster.now;
  const before = cluster.deaths.length;
  const wanted = up(cluster).length - 1;
  kill(cluster, target, mode, peers);
  const knows = new Set<NodeId>();
  let seen = before;
  let firstAt = Number.POSITIVE_INFINITY;
  const isKnown = (): boolean => {
    for (; seen < cluster.deaths.length; seen++) {
      const death = cluster.deaths[seen];
      if (death?.about !== target.id) continue;
      firstAt = Math.min(firstAt, death.at - killedAt);
      knows.add(death.by);
    }
    return knows.size >= wanted;
  };
  const isDone = run(cluster, killedAt + 120_000, isKnown);
  return [firstAt, isDone ? cluster.now - killedAt : Number.POSITIVE_INFINITY];
}

/** Quiet weather, then kills of members that are not starved, one at a time, in several pools. */
function measure(conditions: Omit<Conditions, "seed">, mode: "silent" | "process" = "silent"): Cell {
  const { size } = conditions;
  // A thousand members without stream probes storm with suspicions: one kill, without much ado.
  const isStorm = size >= 1_000 && conditions.streams === "none" && conditions.loss >= 0.2;
  const pools = size >= 1_000 ? 1 : size >= 100 ? 2 : 12;
  const kills = isStorm ? 1 : isQuick ? 2 : size >= 1_000 ? 3 : size >= 100 ? 8 : 3;
  const quietMs = isStorm ? 1_000 : size >= 1_000 ? 5_000 : size >= 100 ? 30_000 : 120_000;
  const first: number[] = [];
  const all: number[] = [];
  const sums = { healthy: 0, starved: 0, hours: 0, bytes: 0, seconds: 0 };
  for (let index = 0; index < pools; index++) {
    const { cluster, starved } = pool({ ...conditions, seed: 100 + index });
    const startedAt = cluster.now;
    run(cluster, startedAt + quietMs);
    sums.bytes += cluster.datagramBytes + cluster.streamBytes;
    sums.seconds += (size * quietMs) / 1_000;
    const watchers = [0, 2, 3].flatMap((each) => cluster.nodes.get(idOf(each)) ?? []);
    const targets = [...cluster.nodes.values()].filter(({ id }) => !starved.has(id)).slice(-kills);
    for (const target of targets) {
      const [verdictMs, knownMs] = killOne(cluster, target, mode, watchers);
      first.push(verdictMs);
      all.push(knownMs);
      run(cluster, cluster.now + 2_000 + nextBelow(cluster.prng, 1_000));
    }
    sums.healthy += falseDeaths(cluster, (id) => !starved.has(id));
    sums.starved += falseDeaths(cluster, (id) => starved.has(id));
    sums.hours += (size * (cluster.now - startedAt)) / 3_600_000;
  }
  return {
    first,
    all,
    falseHealthy: sums.healthy,
    falseStarved: sums.starved,
    nodeHours: sums.hours,
    bytesPerSecond: sums.bytes / sums.seconds,
  };
}

/** Time until a new payload of one member is at all others; how often a rumour alone did not get there. */
function rumours(size: number, loss: number): { readonly times: readonly number[]; readonly incomplete: number } {
  const times: number[] = [];
  let incomplete = 0;
  const cluster = warmCluster(CONFIG, size, 7, { loss });
  // The rumour alone: no anti-entropy in these runs.
  for (const node of cluster.nodes.values()) node.core.syncAt = Number.POSITIVE_INFINITY;
  // Beyond the time in which a node tells no second payload.
  run(cluster, cluster.now + 10_000);
  const rounds = isQuick ? 5 : size >= 1_000 ? 6 : 60;
  for (let round = 0; round < rounds; round++) {
    const source = cluster.nodes.get(idOf(nextBelow(cluster.prng, size)));
    if (source === undefined) continue;
    const toldAt = cluster.now;
    deliver(cluster, source, { kind: "payload", bytes: new Uint8Array(12).fill(round) });
    const version = source.core.members.get(source.id)?.payload?.version;
    const hasIt = (node: SimNode): boolean => node.core.members.get(source.id)?.payload?.version === version;
    let missing = [...cluster.nodes.values()];
    let isSlot = 0;
    const isDone = run(cluster, toldAt + 8_000, () => {
      // Large pools are looked at every 256th event until few are missing.
      if (size >= 1_000 && isSlot++ % 256 !== 0 && missing.length > 4) return false;
      missing = missing.filter((node) => !hasIt(node));
      return missing.length === 0;
    });
    if (isDone) times.push(cluster.now - toldAt);
    else incomplete++;
    run(cluster, toldAt + 14_000);
  }
  return { times, incomplete };
}

function idleTraffic(size: number): { readonly datagrams: number; readonly streams: number } {
  const cluster = warmCluster(CONFIG, size, 3, {});
  run(cluster, cluster.now + 1_000);
  const { datagramBytes, streamBytes, now } = cluster;
  run(cluster, now + (size >= 1_000 ? 30_000 : 120_000));
  const total = (size * (cluster.now - now)) / 1_000;
  return {
    datagrams: (cluster.datagramBytes - datagramBytes) / total,
    streams: (cluster.streamBytes - streamBytes) / total,
  };
}

/** No kills: live members that were declared dead in so many node-hours, 100 members. */
function longWeather(streams: Network["streams"], loss: number, hours: number): { wrong: number; hours: number } {
  let wrong = 0;
  const pools = Math.ceil(hours / 25);
  for (let seed = 0; seed < pools; seed++) {
    const { cluster } = pool({ size: 100, loss, streams, isStarved: false, seed: 500 + seed });
    run(cluster, cluster.now + (hours / pools / 100) * 3_600_000);
    wrong += falseDeaths(cluster, () => true);
  }
  return { wrong, hours };
}

const lines: string[] = [];
const broken: string[] = [];
function write(...added: readonly string[]): void {
  lines.push(...added);
  for (const line of added) console.log(line);
}
function row(...cells: readonly (string | number)[]): void {
  write(`| ${cells.join(" | ")} |`);
}
function promise(text: string, isKept: boolean): void {
  write(`- ${isKept ? "kept" : "BROKEN"}: ${text}`);
  if (!isKept) broken.push(text);
}

function perHour(count: number, hours: number): string {
  return count === 0 ? `0 (< ${(3 / hours).toFixed(2)})` : (count / hours).toFixed(2);
}

write(
  "# Membership, measured",
  "",
  "Generated by `bun bench/swim.ts`: the shipped core with the `lan` preset, in virtual time, seeds fixed.",
  "One-way delay 0.2 to 1.2 ms. Loss strikes each datagram on its own. Streams: **no** = stream probes never get",
  "through; **yes** = they do in time. Starved: every tenth member stands still 2 s of every 3 s. Times in seconds.",
  "False deaths: live members that somebody declared dead, per node-hour of the pool; after a zero, the 95 % bound (3 / node-hours).",
  "Left out for the time they take to compute: 1,000 members at 30 % loss without stream probes, and of the starved",
  "thousand all but one.",
  "",
  "## A host falls silent",
  "",
  "| members | loss | streams | starved | kills | first verdict p50 | all know p50 | p99 " +
    "| false deaths, healthy | starved | node-hours | B/s per node |",
  "| ---: | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
);
const knownAtRest = new Map<number, number>();
for (const size of SIZES) {
  for (const isStarved of [false, true]) {
    for (const streams of ["none", "clean"] as const) {
      for (const loss of LOSSES) {
        // Large pools take long: of those with starved members only one is measured.
        if (size >= 1_000 && isStarved && (streams === "none" || loss !== 0)) continue;
        // Half a minute of computing for a second of that storm of suspicions.
        if (size >= 1_000 && streams === "none" && loss >= 0.3) continue;
        const cell = measure({ size, loss, streams, isStarved });
        if (loss === 0 && streams === "clean" && !isStarved) knownAtRest.set(size, percentile(cell.all, 0.5));
        const starvedText = isStarved ? perHour(cell.falseStarved, cell.nodeHours) : "";
        row(
          ...[
            size,
            `${loss * 100} %`,
            streams === "clean" ? "yes" : "no",
            isStarved ? "10 %" : "none",
            cell.all.length,
          ],
          ...[percentile(cell.first, 0.5), percentile(cell.all, 0.5), percentile(cell.all, 0.99)].map(seconds),
          ...[perHour(cell.falseHealthy, cell.nodeHours), starvedText],
          ...[cell.nodeHours.toFixed(1), cell.bytesPerSecond.toFixed(0)],
        );
      }
    }
  }
}

write("", "## A process is killed, three peers had a stream to it", "");
write(
  "| members | loss | kills | first verdict p50 | all know p50 | p99 |",
  "| ---: | ---: | ---: | ---: | ---: | ---: |",
);
const knownAfterReset = new Map<number, number>();
for (const size of SIZES) {
  for (const loss of [0, 0.1]) {
    const { first, all } = measure({ size, loss, streams: "clean", isStarved: false }, "process");
    if (loss === 0) knownAfterReset.set(size, percentile(all, 0.99));
    const times = [percentile(first, 0.5), percentile(all, 0.5), percentile(all, 0.99)].map(seconds);
    row(size, `${loss * 100} %`, all.length, ...times);
  }
}

write(
  "",
  "## Rumours, without anti-entropy",
  "",
  "Incomplete: still missing somewhere after 8 s, so that anti-entropy brings it.",
  "",
);
write(
  "| members | loss | rumours | all have it p50 | p99 | incomplete |",
  "| ---: | ---: | ---: | ---: | ---: | ---: |",
);
for (const size of SIZES) {
  for (const loss of [0, 0.1, 0.3]) {
    const { times, incomplete } = rumours(size, loss);
    const count = times.length + incomplete;
    row(size, `${loss * 100} %`, count, seconds(percentile(times, 0.5)), seconds(percentile(times, 0.99)), incomplete);
  }
}

write(
  "",
  "## Traffic of an idle node",
  "",
  "Bytes sent per second: datagrams with 60 B of sealing and 28 B of headers, stream messages with 80 B.",
  "",
);
write("| members | datagrams | streams | together |", "| ---: | ---: | ---: | ---: |");
const idle = new Map<number, number>();
for (const size of SIZES) {
  const { datagrams, streams } = idleTraffic(size);
  idle.set(size, datagrams + streams);
  write(`| ${size} | ${datagrams.toFixed(0)} | ${streams.toFixed(0)} | ${(datagrams + streams).toFixed(0)} |`);
}

write("", "## Live members, 100 of them, in bad weather for long", "");
write(
  "Streams **late**: each leg of a stream probe is lost as datagrams are, and sent again after 200 ms, 400 ms, ...",
  "",
);
write("| loss | streams | node-hours | false deaths | per node-hour |", "| ---: | --- | ---: | ---: | ---: |");
const weather: readonly (readonly [streams: Network["streams"], name: string, loss: number, hours: number])[] = [
  ["clean", "yes", 0.3, isQuick ? 10 : 120],
  ["lossy", "late", 0.1, isQuick ? 2 : 20],
  ["lossy", "late", 0.3, isQuick ? 2 : 10],
  ["none", "no", 0.1, isQuick ? 2 : 20],
  ["none", "no", 0.3, isQuick ? 2 : 10],
];
let wrongWithStreams = 0;
for (const [streams, name, loss, hours] of weather) {
  const { wrong } = longWeather(streams, loss, hours);
  if (streams === "clean") wrongWithStreams = wrong;
  write(`| ${loss * 100} % | ${name} | ${hours} | ${wrong} | ${perHour(wrong, hours)} |`);
}

write("", "## Promised figures", "");
for (const [size, limitMs] of [
  [10, 3_500],
  [100, 5_500],
  [1_000, 8_500],
] as const) {
  const known = knownAtRest.get(size);
  if (known !== undefined)
    promise(
      `a silent host is known by all ${size} in ${seconds(known)} s p50 (limit ${limitMs / 1_000} s)`,
      known <= limitMs,
    );
}
for (const [size, known] of knownAfterReset) {
  if (size <= 100)
    promise(`a killed process is known by all ${size} in ${seconds(known)} s p99 (limit 1 s)`, known <= 1_000);
}
promise(
  `no false death at 30 % loss with stream probes in ${weather[0]?.[3] ?? 0} node-hours: ${wrongWithStreams}`,
  wrongWithStreams === 0,
);
for (const [size, rate] of idle)
  promise(`an idle node of ${size} sends ${rate.toFixed(0)} B/s (limit 600)`, rate < 600);

if (!isQuick) await Bun.write(FILE, `${lines.join("\n")}\n`);
if (broken.length > 0) process.exitCode = 1;
