// Goal: a simulated stream breaks, stalls and lies the way TCP does: it keeps order, loses nothing unless it is reset, and
// a side learns of the other's end only when something gets through. Method: each fault on one connection between two
// hosts; the contract it shares with real streams is in test/io.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow } from "../../src/base/prng.ts";
import { netErrorCode } from "../../src/io/net-error.ts";
import type { Connection, NodeWorld } from "../../src/io/world.ts";
import type { SimHost } from "../../src/sim/host.ts";
import type { NetworkOptions } from "../../src/sim/network.ts";
import { Cluster, Side } from "./cluster.ts";

type Two = {
  readonly cluster: Cluster;
  readonly nearHost: SimHost;
  readonly farHost: SimHost;
  readonly world: NodeWorld;
  readonly near: Side;
  readonly far: Side;
};

/** m1 connected to m2, and what both see. */
function two(options: Partial<NetworkOptions> = {}, seed = 1): Two {
  const cluster = new Cluster(seed, { splitProbability: 0, ...options });
  const { host: nearHost, world } = cluster.host("m1");
  const { host: farHost, world: farWorld } = cluster.host("m2");
  return { cluster, nearHost, farHost, world, ...cluster.stream(world, farWorld, "m2") };
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at % 256);

describe("bytes", () => {
  test("take the latency of their link, each way its own", () => {
    const { cluster, near, far } = two();
    cluster.network.setLink({ from: "m1", to: "m2", latencyMinMs: 50, latencyMeanMs: 50 });
    near.say(1);
    far.say(2);
    cluster.pass(10);
    expect([far.bytes, near.bytes]).toEqual([[], [2]]);
    cluster.pass(41);
    expect(far.bytes).toEqual([1]);
  });

  test("wait for those before them that take longer", () => {
    const { cluster, near, far } = two();
    cluster.network.setLink({ latencyMinMs: 100, latencyMeanMs: 100 });
    near.say(1);
    cluster.pass(1);
    cluster.network.setLink({ latencyMinMs: 1, latencyMeanMs: 1 });
    near.say(2);
    cluster.pass(90);
    expect(far.bytes).toEqual([]);
    cluster.pass(10);
    expect(far.bytes).toEqual([1, 2]);
  });

  test("share the bandwidth of their link", () => {
    const { cluster, near, far } = two({ streamWindowBytes: 2 ** 22 });
    cluster.network.setLink({ latencyMinMs: 0.1, latencyMeanMs: 0.1, bytesPerMs: 1_000 });
    near.connection.write(new Uint8Array(500_000));
    cluster.pass(250);
    expect(far.bytes.length).toBeGreaterThan(100_000);
    expect(far.bytes.length).toBeLessThan(260_000);
    cluster.pass(260);
    expect(far.bytes.length).toBe(500_000);
  });

  test("lost for a long time come with the next repeat once nothing is lost any more", () => {
    const { cluster, near, far } = two();
    cluster.network.setLink({ lossProbability: 1 });
    near.say(1, 2);
    cluster.pass(12_000);
    expect(far.bytes).toEqual([]);
    cluster.network.setLink({ lossProbability: 0 });
    cluster.pass(5_001);
    expect(far.bytes).toEqual([1, 2]);
  });

  test("keep their order and are all there under heavy loss, only later", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { cluster, near, far } = two({}, seed);
      cluster.network.setLink({ lossProbability: 0.3, latencyMinMs: 1, latencyMeanMs: 20 });
      const startMs = cluster.kernel.nowMs;
      for (let at = 0; at < 500; at++) {
        near.say(at % 256);
        cluster.pass(1);
      }
      expect(cluster.kernel.runUntil(() => far.bytes.length === 500, startMs + 60_000)).toBe(true);
      expect(far.bytes).toEqual([...upTo(500)]);
      expect(cluster.kernel.nowMs - startMs).toBeGreaterThan(600);
    }
  });

  test("may come in other pieces than they were written in", () => {
    const { cluster, near, far } = two({ splitProbability: 1 });
    near.say(...upTo(60));
    near.say(...upTo(40));
    cluster.pass(10);
    expect(far.bytes).toEqual([...upTo(60), ...upTo(40)]);
    expect(far.pieces.length).toBe(2);
    expect(far.pieces).not.toEqual([60, 40]);
  });

  test("wait with the sender while the other process is paused, and arrive when it goes on", () => {
    const { cluster, farHost, near, far } = two({ streamWindowBytes: 1_000 });
    farHost.pause();
    near.connection.write(Uint8Array.from(upTo(5_000)));
    cluster.pass(600_000);
    expect(near.connection.pendingBytes).toBe(4_000);
    expect(far.bytes).toEqual([]);
    expect([near.closed, far.closed]).toEqual([null, null]);
    farHost.resume();
    cluster.pass(1_000);
    expect(far.bytes).toEqual([...upTo(5_000)]);
    expect(near.connection.pendingBytes).toBe(0);
  });
});

describe("a cut", () => {
  test("stalls bytes, which all come in order once it is healed", () => {
    const { cluster, near, far } = two();
    cluster.network.cut("m1", "m2");
    for (const byte of upTo(50)) {
      near.say(byte);
      cluster.pass(100);
    }
    expect(far.bytes).toEqual([]);
    cluster.network.heal();
    cluster.pass(10_000);
    expect(far.bytes).toEqual([...upTo(50)]);
    expect([near.closed, far.closed]).toEqual([null, null]);
  });

  test("one way leaves the bytes of the other way, until the sender hears no more that they arrived", () => {
    const { cluster, near, far } = two({ streamWindowBytes: 1_000 });
    cluster.network.cut("m2", "m1");
    near.connection.write(Uint8Array.from(upTo(3_000)));
    far.say(9);
    cluster.pass(5_000);
    expect(far.bytes).toEqual([...upTo(1_000)]);
    expect(near.bytes).toEqual([]);
    cluster.network.heal();
    cluster.pass(20_000);
    expect(far.bytes).toEqual([...upTo(3_000)]);
    expect(near.bytes).toEqual([9]);
    expect(near.closed).toBeNull();
  });

  test("that lasts resets the side that sent something; the other one hears nothing, and is told when it speaks", () => {
    const { cluster, near, far } = two({ stallMs: 30_000 });
    cluster.network.partition([["m1"], ["m2"]]);
    near.say(1);
    cluster.pass(29_000);
    expect(near.closed).toBeNull();
    cluster.pass(10_000);
    expect([near.closed, far.closed]).toEqual(["reset", null]);
    cluster.network.heal();
    cluster.pass(100_000);
    expect([far.bytes, far.closed]).toEqual([[], null]);
    far.say(2);
    cluster.pass(1_000);
    expect(far.closed).toBe("reset");
  });

  test("that nobody speaks into goes unseen", () => {
    const { cluster, near, far } = two();
    cluster.network.partition([["m1"], ["m2"]]);
    cluster.pass(3_600_000);
    cluster.network.heal();
    near.say(1);
    cluster.pass(100);
    expect(far.bytes).toEqual([1]);
  });
});

describe("the end of the other process", () => {
  test("by a kill is seen at once, as an end or a reset", () => {
    const reasons = new Set<string | null>();
    for (let seed = 1; seed <= 20; seed++) {
      const { cluster, farHost, near } = two({}, seed);
      farHost.kill();
      expect(near.closed).toBeNull();
      cluster.pass(100);
      reasons.add(near.closed);
    }
    expect(reasons).toEqual(new Set(["ended", "reset"]));
  });

  test("by a kill is not seen through a cut; the next bytes that get through are answered with a reset", () => {
    const { cluster, farHost, near } = two({ endOnKillProbability: 0 });
    cluster.network.cut("m2", "m1");
    farHost.kill();
    cluster.pass(10_000);
    expect(near.closed).toBeNull();
    cluster.network.heal();
    cluster.pass(10_000);
    expect(near.closed).toBeNull();
    near.say(1);
    cluster.pass(1_000);
    expect(near.closed).toBe("reset");
  });

  test("by a crash is not seen: only what is sent once the host is up again finds out", () => {
    const { cluster, farHost, near } = two();
    farHost.crash();
    cluster.pass(3_600_000);
    expect(near.closed).toBeNull();
    cluster.boot(farHost);
    cluster.pass(3_600_000);
    expect(near.closed).toBeNull();
    near.say(1);
    cluster.pass(1_000);
    expect(near.closed).toBe("reset");
  });

  test("by a crash: bytes sent into the silence are answered when the host is back, or reset in the end", () => {
    for (const [downMs, isInTime] of [
      [10_000, true],
      [90_000, false],
    ] as const) {
      const { cluster, farHost, near } = two({ stallMs: 60_000 });
      farHost.crash();
      near.say(1);
      cluster.pass(downMs);
      expect(near.closed).toBe(isInTime ? null : "reset");
      cluster.boot(farHost);
      cluster.pass(10_000);
      expect(near.closed).toBe("reset");
    }
  });

  test("of a crash on this side: nothing of it goes on, and the other side keeps its half", () => {
    const { cluster, nearHost, near, far } = two();
    cluster.network.cut("m1", "m2");
    near.say(1);
    cluster.pass(1_000);
    nearHost.crash();
    cluster.network.heal();
    cluster.pass(100_000);
    expect([far.bytes, far.closed, near.closed]).toEqual([[], null, null]);
  });
});

test("under any faults each side has read a prefix of what the other wrote, and all of it once they are over", () => {
  let resets = 0;
  let stalls = 0;
  for (let seed = 1; seed <= 25; seed++) {
    const { cluster, nearHost, farHost, near, far } = two(
      { splitProbability: 0.2, streamWindowBytes: 3_000, stallMs: 8_000 },
      seed,
    );
    const prng = createPrng(seed, "faults");
    const written = { near: 0, far: 0 };
    const write = (side: "near" | "far", connection: Connection): void => {
      const bytes = Uint8Array.from({ length: nextBelow(prng, 2_000) }, (_, at) => (written[side] + at) % 251);
      if (near.closed === null && far.closed === null) {
        connection.write(bytes);
        written[side] += bytes.length;
      }
    };
    const faults: readonly (() => void)[] = [
      () => cluster.network.cut("m1", "m2"),
      () => cluster.network.cut("m2", "m1"),
      () => cluster.network.heal(),
      () => nearHost.pause(),
      () => farHost.pause(),
      () => nearHost.resume(),
      () => farHost.resume(),
      () => cluster.network.setLink({ lossProbability: nextBelow(prng, 5) / 10 }),
    ];
    for (let step = 0; step < 80; step++) {
      write("near", near.connection);
      write("far", far.connection);
      if (step % 2 === 0) faults[nextBelow(prng, faults.length)]?.();
      cluster.pass(nextBelow(prng, 300));
    }
    cluster.network.heal();
    cluster.network.resetLinks();
    nearHost.resume();
    farHost.resume();
    cluster.pass(60_000);
    stalls += cluster.network.counts.stalls;
    const isWhole = near.closed === null && far.closed === null;
    if (!isWhole) resets++;
    for (const [side, count] of [
      [far, written.near],
      [near, written.far],
    ] as const) {
      expect(side.bytes.every((byte, at) => byte === at % 251)).toBe(true);
      if (isWhole) expect(side.bytes.length).toBe(count);
      else expect(side.bytes.length).toBeLessThanOrEqual(count);
      if (isWhole) expect(side.connection.pendingBytes).toBe(0);
    }
  }
  expect(stalls).toBeGreaterThan(30);
  expect(resets).toBeLessThan(20);
});

test("a process that crashed sends nothing again, even when something of it is still on its way", () => {
  const { cluster, nearHost, near, far } = two();
  cluster.network.cut("m1", "m2");
  near.say(1);
  cluster.pass(10);
  cluster.network.heal();
  near.say(2);
  nearHost.crash();
  cluster.pass(100_000);
  expect(far.bytes).toEqual([]);
});

test("the system of a host forgets a connection once it is over", () => {
  const { cluster, farHost, near } = two({ endOnKillProbability: 0 });
  const counts = (): readonly number[] => ["m1", "m2"].map((host) => cluster.network.connectionsOf(host));
  expect(counts()).toEqual([1, 1]);
  farHost.crash();
  expect(counts()).toEqual([1, 0]);
  near.connection.end();
  cluster.pass(100_000);
  expect(counts()).toEqual([0, 0]);
});

describe("a reset in between", () => {
  test("is seen by both sides, and by no other connection", () => {
    const { cluster, world, near, far } = two();
    const other = cluster.stream(world, cluster.host("m3").world, "m3");
    cluster.network.resetConnections("m1", "m2");
    cluster.pass(10);
    expect([near.closed, far.closed]).toEqual(["reset", "reset"]);
    expect([other.near.closed, other.far.closed]).toEqual([null, null]);
    cluster.network.resetConnections("m3");
    cluster.pass(10);
    expect([other.near.closed, other.far.closed]).toEqual(["reset", "reset"]);
  });
});

describe("a connect", () => {
  const attempt = (prepare: (two: Two) => void, timeoutMs = 3_000): readonly [code: string | null, ms: number] => {
    const hosts = two();
    const { cluster, world } = hosts;
    cluster.settled(hosts.cluster.boot(restarted(hosts)).streams.listen({ host: "m2", port: 7 }, () => {}));
    prepare(hosts);
    const startMs = cluster.kernel.nowMs;
    const connecting = world.streams.connect({ host: "m2", port: 7 }, { timeoutMs });
    const code = cluster.settled(
      connecting.then(
        () => "connected",
        (error: unknown) => netErrorCode(error),
      ),
    );
    return [code, cluster.kernel.nowMs - startMs];
  };
  const restarted = ({ farHost }: Two): SimHost => {
    farHost.kill();
    return farHost;
  };

  test("to a host that runs succeeds in a round trip", () => {
    const [code, ms] = attempt(() => {});
    expect(code).toBe("connected");
    expect(ms).toBeLessThan(5);
  });

  test("is refused by a host whose process is gone", () => {
    const [code, ms] = attempt(({ farHost }) => farHost.kill());
    expect(code).toBe("refused");
    expect(ms).toBeLessThan(5);
  });

  test("gets no answer from a host that is down, nor through a cut of either way", () => {
    expect(attempt(({ farHost }) => farHost.crash())).toEqual(["timeout", 3_000]);
    expect(attempt(({ cluster }) => cluster.network.cut("m1", "m2"))).toEqual(["timeout", 3_000]);
    expect(attempt(({ cluster }) => cluster.network.cut("m2", "m1"))).toEqual(["timeout", 3_000]);
  });

  test("to a paused process succeeds: its system answers", () => {
    expect(attempt(({ farHost }) => farHost.pause())[0]).toBe("connected");
  });

  test("asks again after a loss", () => {
    const [code, ms] = attempt(({ cluster }) => {
      cluster.network.cut("m1", "m2");
      cluster.kernel.after(1_500, cluster.kernel.label("test", ""), () => cluster.network.heal());
    }, 10_000);
    expect(code).toBe("connected");
    expect(ms).toBeGreaterThan(2_900);
    expect(ms).toBeLessThan(3_100);
  });

  test("that succeeds after its timeout is given up on both sides", () => {
    const cluster = new Cluster();
    const { world } = cluster.host("m1");
    const { world: farWorld } = cluster.host("m2");
    const accepted: Side[] = [];
    cluster.settled(
      farWorld.streams.listen({ host: "m2", port: 7 }, (connection) => accepted.push(new Side(connection))),
    );
    cluster.network.setLink({ latencyMinMs: 100, latencyMeanMs: 100 });
    const outcome = cluster.outcome(world.streams.connect({ host: "m2", port: 7 }, { timeoutMs: 150 }));
    cluster.pass(10_000);
    expect(outcome()).toHaveProperty("error");
    expect(accepted).toEqual([]);
    expect(["m1", "m2"].map((host) => cluster.network.connectionsOf(host))).toEqual([0, 0]);
  });
});
