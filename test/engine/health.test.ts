// Goal: a share of any length tells how busy its core was, and only what lasted is judged. Method: a monitor around a
// thread that burns for a while.

import { expect, test } from "bun:test";
import { Board } from "../../src/engine/board.ts";
import { HealthMonitor } from "../../src/engine/health.ts";

function burn(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

test("a share shorter than a second tells its CPU time, and is not called saturated", () => {
  const monitor = new HealthMonitor(new Board(), () => {});
  burn(20);
  monitor.begin();
  burn(40);
  monitor.end();
  const { seconds, cpuSeconds, saturatedSeconds } = monitor.read();
  expect(seconds).toBeGreaterThanOrEqual(0.04);
  expect(cpuSeconds).toBeGreaterThan(0);
  expect(cpuSeconds).toBeLessThanOrEqual(seconds * 1.1);
  expect(saturatedSeconds).toBe(0);
});

test("what a loop stood still is told, at once and once, and nothing of the time before it began", async () => {
  const monitor = new HealthMonitor(new Board(), () => {});
  burn(700);
  const beganMs = performance.now();
  monitor.begin();
  expect(monitor.read().stillMs).toBe(0);
  burn(700);
  // The beat that was due after 100 ms has not come yet.
  const still = monitor.read().stillMs;
  expect(still).toBeGreaterThan(500);
  await new Promise((resolve) => setTimeout(resolve, 0));
  monitor.end();
  expect(monitor.read().stillMs).toBeGreaterThanOrEqual(still);
  expect(monitor.read().stillMs).toBeLessThanOrEqual(performance.now() - beganMs);
});
