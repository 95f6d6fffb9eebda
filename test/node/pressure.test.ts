// Goal: a manager in trouble slows the reports of its workers down, step by step, and nothing that has to arrive waits
// for it. Method: the level from given signals, and a real Tenant over a clock of the test.

import { describe, expect, test } from "bun:test";
import type { PressureLevel } from "../../src/health/backpressure.ts";
import type { OverloadLevel } from "../../src/health/overload.ts";
import { ManagerPressure } from "../../src/node/pressure.ts";
import { attemptOf, cutOf, M1, TenantScene } from "../scenarios/tenant-scene.ts";
import { VirtualClock } from "./fake-world.ts";

const ATTEMPT = attemptOf(1);

/** A worker that runs an attempt whose manager asks for that level. */
async function pressed(pressure: PressureLevel): Promise<TenantScene> {
  const scene = new TenantScene();
  await scene.run(ATTEMPT);
  scene.renew(M1, { pressure });
  return scene;
}

/** Sequence numbers of the cuts sent in so many seconds in which the core reports once a second. */
async function sentIn(scene: TenantScene, seconds: number, pressure: PressureLevel): Promise<number[]> {
  for (let second = 1; second <= seconds; second++) {
    scene.renew(M1, { pressure });
    scene.report({ kind: "snapshot", snapshot: cutOf(ATTEMPT, second, second) });
    await scene.clock.advance(1_000);
  }
  return scene.streamed.map(({ part }) => part.cut.seq);
}

describe("a worker's snapshots", () => {
  test("[MW-9.3.1] [MW-11.2.1] go out as they come while nobody is pressed", async () => {
    expect(await sentIn(await pressed("none"), 5, "none")).toEqual([1, 2, 3, 4, 5]);
  });

  test("[MW-9.3.2] [MW-11.2.2] go out every other second to a manager that throttles", async () => {
    const sent = await sentIn(await pressed("throttle"), 9, "throttle");
    expect(sent.length).toBeGreaterThanOrEqual(4);
    expect(sent.length).toBeLessThanOrEqual(5);
  });

  test("[MW-9.3.3] [LD-21.1.5] [MW-11.2.3] go out every fourth second at batch, all attempts together", async () => {
    const scene = await pressed("batch");
    const other = attemptOf(2, { share: 1 });
    await scene.run(other);
    for (let second = 1; second <= 9; second++) {
      scene.renew(M1, { pressure: "batch" });
      for (const attempt of [ATTEMPT, other])
        scene.report({ kind: "snapshot", snapshot: cutOf(attempt, second, second) });
      await scene.clock.advance(1_000);
    }
    const tokens = scene.streamed.map(({ part }) => `${part.cut.attempt.token}:${part.cut.seq}`);
    // The very first goes at once; then both at a time, each with the newest there is.
    expect(tokens.length).toBeLessThanOrEqual(6);
    expect(tokens.slice(-2).map((text) => text.split(":")[1])).toEqual(
      Array(2).fill(tokens.at(-1)?.split(":")[1] ?? ""),
    );
  });

  test("[MW-9.3.4] [MW-11.2.4] are held back for 10 s at reject, and the final one is not", async () => {
    const scene = await pressed("reject");
    expect(await sentIn(scene, 9, "reject")).toEqual([1]);
    scene.report({ kind: "snapshot", snapshot: cutOf(ATTEMPT, 10, 40, true) });
    await scene.clock.advance(0);
    const last = scene.streamed.at(-1)?.part;
    expect([last?.cut.seq, last?.cut.isFinal, last?.base]).toEqual([10, true, 0]);
    scene.report({ kind: "ended", attempt: ATTEMPT, valueJson: null, thrown: null });
    await scene.clock.advance(0);
    expect(scene.reports("over").length).toBe(1);
  });

  test("[MW-11.1.2] [MW-11.1.3] follow the highest level any manager says, until that word is 15 s old", async () => {
    const scene = await pressed("none");
    scene.renew({ manager: "m2", token: 1 }, { job: "other", pressure: "reject" });
    expect(scene.tenant.pressure).toBe("reject");
    await sentIn(scene, 14, "none");
    expect(scene.tenant.pressure).toBe("reject");
    await scene.clock.advance(2_000);
    expect(scene.tenant.pressure).toBe("none");
    scene.report({ kind: "snapshot", snapshot: cutOf(ATTEMPT, 20, 20) });
    await scene.clock.advance(0);
    expect(scene.streamed.at(-1)?.part.cut.seq).toBe(20);
  });
});

describe("the level of a manager", () => {
  type Signals = { overload: OverloadLevel; queued: number };
  function manager(signals: Signals) {
    const clock = new VirtualClock();
    return {
      clock,
      pressure: new ManagerPressure({ clock, overload: () => signals.overload, queued: () => signals.queued }),
    };
  }

  test("[MW-11.1.1] [LD-21.4.1] rises with its overload or its queue, whichever is worse", async () => {
    const signals: Signals = { overload: "healthy", queued: 0 };
    const { clock, pressure } = manager(signals);
    expect(pressure.level()).toBe("none");
    signals.queued = 3_600;
    await clock.advance(250);
    expect(pressure.level()).toBe("batch");
    signals.overload = "overloaded";
    await clock.advance(250);
    expect(pressure.level()).toBe("reject");
  });

  test("falls by one step at a time, each after 2 s of less", async () => {
    const signals: Signals = { overload: "stressed", queued: 0 };
    const { clock, pressure } = manager(signals);
    expect(pressure.level()).toBe("batch");
    signals.overload = "healthy";
    const levels: PressureLevel[] = [];
    for (let quarter = 0; quarter < 24; quarter++) {
      await clock.advance(250);
      levels.push(pressure.level());
    }
    expect([...new Set(levels)]).toEqual(["batch", "throttle", "none"]);
    expect(levels.indexOf("throttle")).toBeGreaterThanOrEqual(7);
  });
});
