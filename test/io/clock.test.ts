// The real clock: monotonic and wall time in step, timers that fire late but never early or after a cancel.

import { expect, test } from "bun:test";
import { createClock } from "../../src/io/clock.ts";

test("monotonic time does not go back, and wall time moves in step with it", () => {
  const clock = createClock();
  const offsets: number[] = [];
  let last = clock.nowMs();
  for (let at = 0; at < 1_000; at++) {
    const nowMs = clock.nowMs();
    expect(nowMs).toBeGreaterThanOrEqual(last);
    last = nowMs;
    offsets.push(clock.epochMs() - nowMs);
  }
  expect(Math.max(...offsets) - Math.min(...offsets)).toBeLessThan(50);
  expect(Math.abs(clock.epochMs() - Date.now())).toBeLessThan(60_000);
});

test("a timer fires once, not before its time and never within the call; a cancelled one does not", async () => {
  const clock = createClock();
  const fired: string[] = [];
  clock.setTimer(1, () => fired.push("cancelled")).cancel();
  const setAt = clock.nowMs();
  const done = new Promise<number>((resolve) =>
    clock.setTimer(5, () => {
      fired.push("due");
      resolve(clock.nowMs() - setAt);
    }),
  );
  clock.setTimer(-7, () => fired.push("past"));
  expect(fired).toEqual([]);
  expect(await done).toBeGreaterThanOrEqual(4);
  expect(fired).toEqual(["past", "due"]);
});

test("a wait longer than setTimeout takes does not fire at once", async () => {
  const clock = createClock();
  let hasFired = false;
  const timer = clock.setTimer(2 ** 40, () => {
    hasFired = true;
  });
  await new Promise<void>((resolve) => clock.setTimer(5, resolve));
  expect(hasFired).toBe(false);
  timer.cancel();
});
