// Goal: what a manager had no room for is asked again not before it said, spread out, within the budget, and given up in
// the end. Method: a clock that the test advances and a manager that always refuses.

import { expect, test } from "bun:test";
import { ComeAgain, PATIENCE_MS } from "../../src/node/come-again.ts";
import { VirtualClock } from "./fake-world.ts";

type Told = { readonly beganAtMs?: number | null; readonly hasTurn?: boolean };

class Scene {
  readonly clock = new VirtualClock();
  readonly again = new ComeAgain(this.clock, 7);
  readonly beganAtMs = this.clock.nowMs();
  /** When each was said again, from the beginning. */
  readonly said: number[] = [];
  gaveUpAfterMs: number | null = null;

  refuse(key: number, retryAfterMs: number, { beganAtMs = this.beganAtMs, hasTurn = false }: Told = {}): void {
    this.again.refused(key, {
      retryAfterMs,
      beganAtMs,
      hasTurn,
      say: () => {
        this.said.push(this.clock.nowMs() - this.beganAtMs);
        if (!hasTurn) this.refuse(key, retryAfterMs, { beganAtMs });
      },
      giveUp: (afterMs) => (this.gaveUpAfterMs = afterMs),
    });
  }
}

test("it is asked again after what was said, and later each time", async () => {
  const scene = new Scene();
  scene.refuse(1, 500);
  expect(scene.again.isWaiting(1)).toBe(true);
  await scene.clock.advance(499);
  expect(scene.said).toEqual([]);
  await scene.clock.advance(102);
  expect(scene.said).toHaveLength(1);
  await scene.clock.advance(10_000);
  const gaps = scene.said.map((atMs, at) => atMs - (scene.said[at - 1] ?? 0));
  for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(500);
  expect(Math.max(...gaps.slice(3))).toBeGreaterThan(900);
});

test("it is given up when its time is over, and says after how long; who has no deadline goes on", async () => {
  const scene = new Scene();
  scene.refuse(1, 1_000);
  await scene.clock.advance(2 * PATIENCE_MS);
  expect(scene.gaveUpAfterMs).toBeLessThanOrEqual(PATIENCE_MS);
  expect(scene.gaveUpAfterMs).toBeGreaterThan(PATIENCE_MS - 4_000);
  expect(scene.again.isWaiting(1)).toBe(false);
  const endless = new Scene();
  endless.refuse(1, 1_000, { beganAtMs: null });
  await endless.clock.advance(10 * PATIENCE_MS);
  expect(endless.gaveUpAfterMs).toBeNull();
  expect(endless.said.at(-1)).toBeGreaterThan(9 * PATIENCE_MS);
});

test("many that were refused together do not come back together, and no more than the budget lets", async () => {
  const scene = new Scene();
  for (let key = 0; key < 120; key++) {
    scene.again.first();
    scene.refuse(key, 100);
  }
  await scene.clock.advance(6_000);
  // A tenth of the first attempts, and sixty a second, over ten seconds.
  expect(scene.said.length).toBeGreaterThan(120);
  expect(scene.said.length).toBeLessThanOrEqual(12 + 600);
  expect(new Set(scene.said).size).toBeGreaterThan(20);
});

test("what was given a turn comes at that time exactly, however many there are, and is not given up before", async () => {
  const scene = new Scene();
  for (let key = 0; key < 2_000; key++) scene.refuse(key, 10 * (key + 1), { hasTurn: true });
  scene.refuse(9_999, PATIENCE_MS + 5_000, { hasTurn: true });
  await scene.clock.advance(2 * PATIENCE_MS);
  expect(scene.said).toEqual([...Array.from({ length: 2_000 }, (_, at) => 10 * (at + 1)), PATIENCE_MS + 5_000]);
  expect(scene.gaveUpAfterMs).toBeNull();
});

test("what is answered, and what is closed, is not asked again", async () => {
  const scene = new Scene();
  scene.refuse(1, 100);
  scene.refuse(2, 100);
  scene.again.forget(1);
  expect(scene.again.isWaiting(1)).toBe(false);
  scene.again.close();
  await scene.clock.advance(60_000);
  expect(scene.said).toEqual([]);
});

test("what was not decided is asked again soon, each time later, and may be asked at any time", async () => {
  const { clock, again } = new Scene();
  const beganAtMs = clock.nowMs();
  const said: number[] = [];
  const undecided = (): void =>
    again.undecided(1, () => {
      said.push(clock.nowMs() - beganAtMs);
      undecided();
    });
  undecided();
  expect(again.isWaiting(1)).toBe(false);
  await clock.advance(1_500);
  expect(said).toEqual([100, 300, 700, 1_500]);
  await clock.advance(10_000);
  expect(said.at(-1)).toBe(11_100);
  again.forget(1);
  await clock.advance(10_000);
  expect(said.at(-1)).toBe(11_100);
});
