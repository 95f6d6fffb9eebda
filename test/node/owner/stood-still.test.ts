// Goal: an owner that stood still hears what was said meanwhile before it tells anything, and tells nothing of a job
// that may be another's by now. Method: a simulated cluster whose owner's process is paused, virtual time.

import { expect, setDefaultTimeout, test } from "bun:test";
import { clusterUp, eventsOf, steady } from "../../scenarios/cluster.ts";

setDefaultTimeout(60_000);

type Told = {
  /** Requests of each second that was told. */
  readonly seconds: ReadonlyMap<number, number>;
  readonly owners: readonly (string | null)[];
};

/** A job of 25 s whose owner stands still for so long after 4 s. The client is a client of that owner's. */
function paused(ms: number): Told {
  const cluster = clusterUp({ seed: 4 });
  const submitted = cluster.submit("c0", "job1", { workflows: steady(25) });
  cluster.until(() => eventsOf(submitted, "second").length === 4);
  const owner = cluster.ownerOf("job1");
  cluster.host(owner ?? "").pause();
  cluster.run(ms);
  cluster.host(owner ?? "").resume();
  cluster.run(2_000);
  const later = cluster.ownerOf("job1");
  let isOver = false;
  void submitted.job.result.then(() => void (isOver = true));
  cluster.until(() => isOver);
  const seconds = eventsOf(submitted, "second").map(({ window }): [number, number] => [
    window.second,
    window.series.reduce(
      (sum, { id, cells }) => sum + (id.metric === "http_reqs" && cells.type === "counter" ? cells.count : 0),
      0,
    ),
  ]);
  return { seconds: new Map(seconds), owners: [owner, later] };
}

test("for less than it takes to replace it: each second holds what was measured in it", () => {
  const { seconds, owners } = paused(2_800);
  expect(owners[1]).toBe(owners[0]);
  const whole = Array.from({ length: 25 }, (_, second) => seconds.get(second) ?? 0);
  expect(Math.min(...whole)).toBeGreaterThan(0.8 * Math.max(...whole));
});

test("for longer: no second is told as empty in which the workers went on", () => {
  const { seconds, owners } = paused(9_000);
  expect(owners[1]).not.toBe(owners[0]);
  expect(seconds.size).toBeGreaterThan(15);
  expect([...seconds.values()]).not.toContain(0);
});
