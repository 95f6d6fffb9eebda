// Goal: what ends on a simulated host ends wholly, and what must outlive a process does. Method: processes that do a bit
// of everything for ever, ended in each way, and watched.

import { describe, expect, test } from "bun:test";
import { diskErrorCode } from "../../src/io/disk-error.ts";
import type { NodeWorld } from "../../src/io/world.ts";
import { LOG_LINES_MAX, SimHost, type Exit } from "../../src/sim/host.ts";
import type { Network } from "../../src/sim/network.ts";
import { Cluster } from "./cluster.ts";

/** Appends its tag on every sign of life: timers, disk, promises, and datagrams and streams of `peer`. */
function busy(
  world: NodeWorld,
  who: { readonly host: string; readonly peer: string },
  sign: (kind: string) => void,
): void {
  const tick = (): void => {
    sign("timer");
    world.clock.setTimer(5, tick);
  };
  const write = async (): Promise<void> => {
    await world.disk.makeDirectory("/data");
    for (;;) {
      await world.disk.list("/data");
      sign("disk");
    }
  };
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      world.clock.setTimer(ms, resolve);
    });
  const talk = async (): Promise<void> => {
    const socket = await world.datagrams.bind({ host: who.host, port: 100 });
    socket.onDatagram(() => sign("datagram"));
    await world.streams.listen({ host: who.host, port: 200 }, (connection) =>
      connection.handle({ onBytes: () => sign("stream"), onDrain: () => {}, onClose: () => sign("close") }),
    );
    for (;;) {
      const connection = await world.streams
        .connect({ host: who.peer, port: 200 }, { timeoutMs: 100 })
        .catch(() => null);
      let isOpen = connection !== null;
      connection?.handle({
        onBytes: () => {},
        onDrain: () => {},
        onClose: () => {
          isOpen = false;
          sign("close");
        },
      });
      do {
        socket.send({ host: who.peer, port: 100 }, new Uint8Array(1));
        connection?.write(new Uint8Array(1));
        await wait(3);
        sign("promise");
      } while (isOpen);
    }
  };
  tick();
  void write();
  void talk();
}

const KINDS = ["datagram", "disk", "promise", "stream", "timer"];

function kindsOf(signs: readonly string[], tag: string): readonly string[] {
  return [
    ...new Set(signs.filter((sign) => sign.startsWith(`${tag} `)).map((sign) => sign.split(" ")[1] ?? "")),
  ].sort();
}

/** A host whose n-th process is busy and signs with its number. */
function busyHost(): { readonly cluster: Cluster; readonly host: SimHost; readonly signs: string[] } {
  const cluster = new Cluster();
  const signs: string[] = [];
  const host = new SimHost(cluster.network, "m1", { disk: { latencyMs: () => 1 } });
  host.start((world) => {
    const tag = host.boots;
    busy(world, { host: "m1", peer: "m1" }, (kind) => signs.push(`${tag} ${kind}`));
  });
  cluster.pass(100);
  expect(kindsOf(signs, "1")).toEqual(KINDS);
  return { cluster, host, signs };
}

describe("a process", () => {
  test("that was killed, or whose host lost power, does nothing any more", () => {
    for (const end of ["kill", "crash"] as const) {
      const { cluster, host, signs } = busyHost();
      host[end]();
      signs.length = 0;
      cluster.pass(10_000);
      expect(signs).toEqual([]);
      expect(host.isRunning).toBe(false);
      expect(host.isUp).toBe(end === "kill");
    }
  });

  test("that is started again lives, while nothing of the one before does", () => {
    for (const end of ["kill", "crash", "restart"] as const) {
      const { cluster, host, signs } = busyHost();
      host.pause();
      cluster.pass(10);
      host[end]();
      signs.length = 0;
      if (end !== "restart") host.restart();
      cluster.pass(1_000);
      expect(kindsOf(signs, "1")).toEqual([]);
      expect(kindsOf(signs, "2")).toEqual(KINDS);
      expect(host.boots).toBe(2);
    }
  });

  test("that is paused does nothing, and goes on where it stood", () => {
    const { cluster, host, signs } = busyHost();
    host.pause();
    expect(host.isPaused).toBe(true);
    signs.length = 0;
    cluster.pass(5_000);
    expect(signs).toEqual([]);
    host.resume();
    cluster.pass(100);
    expect(kindsOf(signs, "1")).toEqual(KINDS);
    expect(host.isPaused).toBe(false);
  });

  test("that is paused, resumed and paused again at once still keeps its order", () => {
    const cluster = new Cluster();
    const { host, world } = cluster.host("m1");
    const fired: number[] = [];
    for (let at = 1; at <= 10; at++) world.clock.setTimer(at, () => fired.push(at));
    host.pause();
    cluster.pass(5.5);
    host.resume();
    host.pause();
    cluster.pass(10);
    expect(fired).toEqual([]);
    host.resume();
    cluster.pass(10);
    expect(fired).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test("that exits is gone at once, and its exit is kept and told", () => {
    const cluster = new Cluster();
    const told: Exit[] = [];
    const host = new SimHost(cluster.network, "m1", { onExit: (exit) => told.push(exit) });
    const after: string[] = [];
    host.start((world) => {
      world.clock.setTimer(20, () => after.push("timer"));
      world.clock.setTimer(10, () => {
        world.process.exit(74, "the disk failed");
        world.process.exit(1, "again");
        world.clock.setTimer(0, () => after.push("set after"));
      });
    });
    cluster.pass(1_000);
    expect(after).toEqual([]);
    expect(host.exits).toEqual([{ atMs: 10, code: 74, message: "the disk failed" }]);
    expect(told).toEqual([...host.exits]);
    host.restart();
    cluster.pass(1_000);
    expect(host.exits.length).toBe(2);
  });

  test("draws other random bytes at each start, the same ones in the same run again", () => {
    const draws = (): readonly string[] => {
      const cluster = new Cluster(5);
      const { host, world } = cluster.host("m1");
      const first = world.random.bytes(8).toHex();
      host.kill();
      return [first, cluster.boot(host).random.bytes(8).toHex()];
    };
    expect(new Set(draws()).size).toBe(2);
    expect(draws()).toEqual(draws());
  });
});

describe("the disk", () => {
  /** Writes without a sync, or with. */
  const written = (sync: boolean): { readonly cluster: Cluster; readonly host: SimHost } => {
    const cluster = new Cluster();
    const { host, world } = cluster.host("m1");
    const write = async (): Promise<void> => {
      await world.disk.makeDirectory("/data");
      const file = await world.disk.open("/data/a", "create");
      await file.write(0, new Uint8Array([1, 2, 3]));
      if (!sync) return;
      await file.syncData();
      await world.disk.syncDirectory("/data");
    };
    cluster.settled(write());
    return { cluster, host };
  };
  const kept = (host: SimHost): boolean => host.disk.peek("/data/a")?.length === 3;

  test("keeps what was written over a kill, and what was synced over a crash", () => {
    const killed = written(false);
    killed.host.kill();
    expect(kept(killed.host)).toBe(true);
    const synced = written(true);
    synced.host.crash(() => 0);
    expect(kept(synced.host)).toBe(true);
    const lost = written(false);
    lost.host.crash(() => 0);
    expect(kept(lost.host)).toBe(false);
  });

  test("is empty after a wipe, which needs the process to be gone", () => {
    const { host } = written(true);
    expect(() => host.wipe()).toThrow("nothing runs");
    host.kill();
    host.wipe();
    expect(host.disk.paths()).toEqual([]);
  });

  test("takes faults and latency from the host's options, also after a wipe", () => {
    const cluster = new Cluster();
    const { host } = cluster.host("m1");
    host.kill();
    host.configureDisk({ latencyMs: () => 25, fault: ({ operation }) => (operation === "list" ? "io" : null) });
    host.wipe();
    const world = cluster.boot(host);
    const startMs = cluster.kernel.nowMs;
    cluster.settled(world.disk.makeDirectory("/data"));
    expect(cluster.kernel.nowMs - startMs).toBe(25);
    const code = cluster.settled(world.disk.list("/data").catch((error: unknown) => diskErrorCode(error)));
    expect(code).toBe("io");
  });
});

describe("the log", () => {
  test("keeps the last lines from a level up, each with time and host", () => {
    const cluster = new Cluster();
    const { host, world } = cluster.host("m1", { logLevel: "info" });
    cluster.pass(12.5);
    world.log.debug("not kept");
    world.log.info("kept", { term: 3 });
    expect(host.logLines).toEqual(["12.500 m1 info  kept term=3"]);
    for (let at = 0; at < LOG_LINES_MAX + 9; at++) world.log.warn("line");
    expect(host.logLines.length).toBe(LOG_LINES_MAX + 1);
    expect(host.logLines[0]).toBe("(10 lines before)");
  });

  test("keeps nothing by default, nor of a process that ended", () => {
    const cluster = new Cluster();
    const silent = cluster.host("m1");
    silent.world.log.error("not kept");
    const ended = cluster.host("m2", { logLevel: "debug" });
    ended.host.kill();
    ended.world.log.error("not kept");
    expect([silent.host.logLines, ended.host.logLines]).toEqual([[], []]);
  });
});

describe("a run", () => {
  /** Three hosts busy with each other under faults of every kind. */
  const run = (
    seed: number,
  ): { readonly trace: string; readonly counts: Network["counts"]; readonly signs: number } => {
    const { kernel, network } = new Cluster(seed, { stallMs: 2_000, endOnKillProbability: 0.2 });
    let signs = 0;
    const names = ["m1", "m2", "m3"];
    const hosts = names.map((name, at) => {
      const host = new SimHost(network, name, { disk: { latencyMs: () => 0.4 }, driftPpm: 100 });
      host.start((world) => busy(world, { host: name, peer: names[(at + 1) % 3] ?? name }, () => signs++));
      return host;
    });
    network.setLink({ lossProbability: 0.1, duplicateProbability: 0.1, reorderProbability: 0.1 });
    hosts.forEach((host, at) => {
      const label = kernel.label("nemesis", host.name);
      kernel.after(100 + at * 10, label, () => host.pause());
      kernel.after(200, label, () => host.resume());
      kernel.after(300 + at * 40, label, () => host.crash());
      kernel.after(330 + at * 40, label, () => host.restart());
      kernel.after(500 + 100 * at, label, () => network.isolate(host.name, "from"));
      kernel.after(580 + 100 * at, label, () => network.heal());
      kernel.after(900 + at, label, () => host.kill());
    });
    kernel.run(1_500);
    return { trace: `${kernel.traceHash} ${kernel.events}`, counts: network.counts, signs };
  };

  test("is the same for the same seed, and another for another", () => {
    const runs = [1, 2, 3, 4, 5].map(run);
    expect([1, 2, 3, 4, 5].map(run)).toEqual(runs);
    expect(new Set(runs.map(({ trace }) => trace)).size).toBe(5);
    // Nothing proves anything where nothing happened.
    expect(Math.min(...runs.map(({ signs }) => signs))).toBeGreaterThan(1_000);
    const sum = (count: keyof Network["counts"]): number => runs.reduce((total, run) => total + run.counts[count], 0);
    expect(sum("datagramsLost")).toBeGreaterThan(100);
    expect(sum("datagramsDoubled")).toBeGreaterThan(100);
    expect(sum("streamBytes")).toBeGreaterThan(1_000);
    expect(sum("resets")).toBeGreaterThan(5);
    expect(sum("stalls")).toBeGreaterThan(5);
  });
});
