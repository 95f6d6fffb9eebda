// Goal: each host has a time of its own, wrong in the ways real ones are and in no other. Method: clocks against the
// kernel's time.

import { describe, expect, test } from "bun:test";
import { SIM_EPOCH_MS } from "../../src/sim/clock.ts";
import { Cluster } from "./cluster.ts";

describe("monotonic time", () => {
  test("starts anywhere, and runs fast or slow by its drift", () => {
    const cluster = new Cluster();
    const [fast, slow] = [
      cluster.host("m1", { driftPpm: 500 }).world.clock,
      cluster.host("m2", { driftPpm: -500 }).world.clock,
    ];
    const [fastZero, slowZero] = [fast.nowMs(), slow.nowMs()];
    expect(fastZero).not.toBe(slowZero);
    cluster.pass(1_000_000);
    expect(fast.nowMs() - fastZero).toBeCloseTo(1_000_500, 2);
    expect(slow.nowMs() - slowZero).toBeCloseTo(999_500, 2);
  });

  test("does not jump when the drift or the wall clock changes", () => {
    const cluster = new Cluster();
    const { host, world } = cluster.host("m1");
    cluster.pass(1_000);
    const before = world.clock.nowMs();
    host.clock.setDrift(10_000);
    host.clock.jumpWall(-3_600_000);
    expect(world.clock.nowMs()).toBe(before);
    cluster.pass(1_000);
    expect(world.clock.nowMs() - before).toBeCloseTo(1_010, 6);
  });

  test("begins anew with each process, after a kill as after a crash", () => {
    const cluster = new Cluster();
    const { host, world } = cluster.host("m1");
    const startMs = world.clock.nowMs();
    host.kill();
    const killedMs = cluster.boot(host).clock.nowMs();
    expect(Math.abs(killedMs - startMs)).toBeGreaterThan(1_000);
    host.crash();
    expect(Math.abs(cluster.boot(host).clock.nowMs() - killedMs)).toBeGreaterThan(1_000);
  });
});

describe("wall time", () => {
  test("is off by what it is told and jumps at once", () => {
    const cluster = new Cluster();
    const { host, world } = cluster.host("m1", { wallOffsetMs: -120_000 });
    cluster.pass(5_000);
    expect(world.clock.epochMs()).toBe(SIM_EPOCH_MS + 5_000 - 120_000);
    host.clock.jumpWall(500);
    expect(world.clock.epochMs()).toBe(SIM_EPOCH_MS + 5_000 - 119_500);
  });
});

describe("timers", () => {
  test("take their time by the clock of their host", () => {
    const cluster = new Cluster();
    const { world } = cluster.host("m1", { driftPpm: 100_000 });
    const fired: number[] = [];
    world.clock.setTimer(1_100, () => fired.push(cluster.kernel.nowMs));
    cluster.pass(2_000);
    expect(fired).toEqual([1_000]);
  });

  test("never fire early by that clock, even when it slows down meanwhile", () => {
    const cluster = new Cluster();
    const { host, world } = cluster.host("m1", { driftPpm: 1_000 });
    const setMs = world.clock.nowMs();
    const fired: number[] = [];
    world.clock.setTimer(10_000, () => fired.push(world.clock.nowMs() - setMs));
    cluster.pass(5_000);
    host.clock.setDrift(-50_000);
    cluster.pass(10_000);
    expect(fired.length).toBe(1);
    expect(fired[0]).toBeGreaterThanOrEqual(10_000 - 1e-5);
    expect(fired[0]).toBeLessThan(10_001);
  });

  test("of a paused process fire late, all of them, in order, and new ones after them", () => {
    const cluster = new Cluster();
    const { host, world } = cluster.host("m1");
    const fired: string[] = [];
    const setMs = world.clock.nowMs();
    for (const ms of [30, 10, 20])
      world.clock.setTimer(ms, () => fired.push(`${ms} at ${Math.round(world.clock.nowMs() - setMs)}`));
    world.clock.setTimer(100, () => fired.push("after"));
    const cancelled = world.clock.setTimer(15, () => fired.push("cancelled"));
    host.pause();
    cluster.pass(50);
    expect(fired).toEqual([]);
    cancelled.cancel();
    host.resume();
    cluster.pass(0);
    expect(fired).toEqual(["10 at 50", "20 at 50", "30 at 50"]);
    cluster.pass(100);
    expect(fired.at(-1)).toBe("after");
  });

  test("of a process that ended never fire, whether it was killed, lost power or was paused before", () => {
    const cluster = new Cluster();
    const fired: string[] = [];
    const ends = { killed: "kill", crashed: "crash", restarted: "restart" } as const;
    for (const [name, end] of Object.entries(ends)) {
      const { host, world } = cluster.host(name);
      world.clock.setTimer(10, () => fired.push(name));
      host.pause();
      cluster.pass(20);
      world.clock.setTimer(0, () => fired.push(name));
      host[end]();
      host.resume();
      world.clock.setTimer(1, () => fired.push(name));
    }
    cluster.pass(1_000);
    expect(fired).toEqual([]);
  });
});
