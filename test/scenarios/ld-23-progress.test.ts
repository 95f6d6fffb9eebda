// Several clients that follow one job: each gets every second of it, whatever the others do. A simulated cluster in
// virtual time.

import { expect, setDefaultTimeout, test } from "bun:test";
import { clusterUp, eventsOf, seen, steady } from "./cluster.ts";

setDefaultTimeout(60_000);

test("[LD-23.2.2] [LD-23.2.3] [LD-23.2.4] of three clients one stands still and one dies: the third misses nothing", () => {
  const cluster = clusterUp();
  const workflows = steady(5, { vus: 4 });
  const [first, slow, dead] = ["c0", "c1", "c2"].map((client) => cluster.submit(client, "job1", { workflows }));
  if (first === undefined || slow === undefined || dead === undefined) throw new Error("there are three");
  cluster.until(() => [first, slow, dead].every((one) => eventsOf(one, "second").length >= 2));
  expect(seen(cluster)).toBeGreaterThan(0);
  cluster.host("c1").pause();
  cluster.kill("c2");
  const result = cluster.finish(first);
  expect(result).toMatchObject({ state: "completed", disturbed: [] });
  const seconds = eventsOf(first, "second").map(({ window }) => window.second);
  expect(seconds.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
  // Who stood still gets its result when it goes on.
  expect(slow.result).toBeNull();
  cluster.host("c1").resume();
  expect(cluster.finish(slow)).toEqual(result);
});
