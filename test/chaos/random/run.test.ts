// Goal: a random run hurts only a cluster that works, and waits a while for one that has only begun. Method: the run on
// a clock that jumps from timer to timer, with clients that acknowledge as the test says, and no nodes.

import { expect, test } from "bun:test";
import { runRandom } from "../../../src/chaos/random/run.ts";
import { Operator } from "../../../src/chaos/operator.ts";
import type { Registry } from "../../../src/chaos/registry.ts";
import type { Clock } from "../../../src/io/world.ts";
import type { ClusterClient, FollowedJob } from "../../../src/node/cluster-client.ts";
import { VirtualClock } from "../../node/fake-world.ts";

const unused = (): never => {
  throw new Error("a random run does not ask for this here");
};

/** Acknowledges so many ms from now on, and ends no job. */
function clientThatAcknowledges(clock: Clock, afterMs: number): ClusterClient {
  const fromMs = clock.nowMs() + afterMs;
  const follow = (): FollowedJob => ({
    accepted: new Promise((resolve) => {
      if (clock.nowMs() >= fromMs) resolve();
    }),
    result: new Promise(() => {}),
    cancel: () => {},
  });
  return {
    submit: follow,
    follow,
    cancel: async () => {},
    hand: unused,
    steer: unused,
    jobs: unused,
    change: unused,
    status: unused,
    contact: unused,
    close: unused,
  };
}

const registry: Registry = {
  folder: { path: "/nowhere", names: unused, read: unused, write: unused, remove: unused, pathOf: unused },
  entries: () => [],
  put: unused,
  remove: unused,
  logFileOf: unused,
};

async function runWith(afterMs: number): Promise<{ readonly invalid: string; readonly lines: readonly string[] }> {
  const clock = new VirtualClock();
  const lines: string[] = [];
  let draws = 0;
  const running = runRandom({
    world: { clock, random: { bytes: (count) => new Uint8Array(count).fill(draws++ % 256) } },
    operator: new Operator({ registry, clock, environment: {} }),
    clients: [clientThatAcknowledges(clock, afterMs)],
    server: { url: "http://127.0.0.1:1", count: () => 0, close: () => {} },
    bundle: { code: "", entry: "chaos.js", files: {} },
    profile: "process",
    seed: 1,
    forMs: 10_000,
    perSecond: 2,
    note: (atMs, text) => void lines.push(`${Math.round(atMs / 1_000)} s ${text}`),
  });
  let isOver = false;
  const outcome = running.finally(() => {
    isOver = true;
  });
  await clock.until(() => isOver);
  return { invalid: (await outcome).verdict.invalid, lines };
}

test("a cluster that acknowledges nothing is not hurt, and half a minute is enough to say so", async () => {
  const { invalid, lines } = await runWith(Infinity);
  expect(invalid).toBe("only 0.00 jobs a second were acknowledged in 30.0 s without a fault, and it takes 1");
  expect(lines[0]).toBe("30 s healing");
});

test("a cluster that takes ten seconds to begin is hurt when it acknowledges a job a second", async () => {
  const [atOnce, later] = [await runWith(0), await runWith(10_000)];
  const lateBySeconds = Number.parseFloat(later.lines[0] ?? "") - Number.parseFloat(atOnce.lines[0] ?? "");
  // From 10 s on two a second are acknowledged: at 20 s, not at 5 s, they are as many as the seconds.
  expect(lateBySeconds).toBeWithin(13, 16);
  expect(later.lines.length).toBe(atOnce.lines.length);
  expect(later.lines[0]).toContain("hit nothing");
  expect(later.invalid).toStartWith("these faults never hit anything");
});
