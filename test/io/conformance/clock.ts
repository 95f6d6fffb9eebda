// What every clock and every source of randomness does, whoever made it.

import { expect, test } from "bun:test";
import { until, type WorldUnderTest } from "./world-under-test.ts";

/** The tests of the clock port. */
export function clockSuite(world: WorldUnderTest): void {
  test("monotonic time does not go back, and moves on by at least what a timer waits", () =>
    world.run(async ({ ports: { clock } }) => {
      let lastMs = clock.nowMs();
      for (let round = 0; round < 20; round++) {
        await new Promise<void>((resolve) => {
          clock.setTimer(1, resolve);
        });
        expect(clock.nowMs()).toBeGreaterThan(lastMs);
        lastMs = clock.nowMs();
      }
    }));

  test("wall time is in step with monotonic time", () =>
    world.run(async ({ ports: { clock } }) => {
      const before = clock.epochMs() - clock.nowMs();
      await new Promise<void>((resolve) => {
        clock.setTimer(5, resolve);
      });
      expect(Math.abs(clock.epochMs() - clock.nowMs() - before)).toBeLessThan(50);
      expect(clock.epochMs()).toBeGreaterThan(Date.UTC(2020, 0));
    }));

  test("timers fire in the order they are due, once, and never within the call that sets them", () =>
    world.run(async ({ ports }) => {
      const fired: string[] = [];
      ports.clock.setTimer(60, () => fired.push("last"));
      ports.clock.setTimer(30, () => fired.push("second"));
      ports.clock.setTimer(-5, () => fired.push("first"));
      expect(fired).toEqual([]);
      await until(ports, "three timers", () => fired.length >= 3);
      expect(fired).toEqual(["first", "second", "last"]);
    }));

  test("timers set for the same time fire in the order they were set", () =>
    world.run(async ({ ports }) => {
      const fired: number[] = [];
      for (let at = 0; at < 50; at++) ports.clock.setTimer(3, () => fired.push(at));
      await until(ports, "50 timers", () => fired.length === 50);
      expect(fired).toEqual(Array.from({ length: 50 }, (_, at) => at));
    }));

  test("a cancelled timer does not fire; cancelling again, or after it fired, is fine", () =>
    world.run(async ({ ports }) => {
      const fired: string[] = [];
      const cancelled = ports.clock.setTimer(2, () => fired.push("cancelled"));
      cancelled.cancel();
      cancelled.cancel();
      const due = ports.clock.setTimer(10, () => fired.push("due"));
      await until(ports, "the other timer", () => fired.length > 0);
      due.cancel();
      expect(fired).toEqual(["due"]);
    }));

  test("a timer may set and cancel others", () =>
    world.run(async ({ ports }) => {
      const fired: string[] = [];
      const later = ports.clock.setTimer(40, () => fired.push("later"));
      ports.clock.setTimer(1, () => {
        later.cancel();
        ports.clock.setTimer(0, () => fired.push("set within"));
        fired.push("first");
      });
      await until(ports, "the timer within", () => fired.length === 2);
      let isPast = false;
      ports.clock.setTimer(60, () => {
        isPast = true;
      });
      await until(ports, "the time of the cancelled one", () => isPast);
      expect(fired).toEqual(["first", "set within"]);
    }));
}

/** The tests of the port of randomness. */
export function randomSuite(world: WorldUnderTest): void {
  test("bytes are as many as asked, all values come, and no two draws are alike", () =>
    world.run(async ({ ports: { random } }) => {
      expect(random.bytes(0).length).toBe(0);
      const drawn = random.bytes(20_000);
      expect(drawn.length).toBe(20_000);
      expect(new Set(drawn).size).toBe(256);
      expect(random.bytes(16)).not.toEqual(random.bytes(16));
    }));

  test("hosts draw apart", () =>
    world.run(async (here, there) => {
      expect(here.ports.random.bytes(16)).not.toEqual(there.ports.random.bytes(16));
    }));
}
