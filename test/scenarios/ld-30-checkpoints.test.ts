// Scenario LD-30, owner and worker of a job die together: goal, that what was committed of it is with a majority and
// not with its maker alone. Method: real nodes on simulated hosts, virtual time.

import { expect, test } from "bun:test";
import { counted } from "../node/sim-cluster.ts";
import { clusterUp, jobOf, seen, steady } from "./cluster.ts";

test("[LD-30.1.3] [LD-36.4.1] [LD-36.4.2] the owner and a worker die for good: their job has all that was checkpointed, and the rest is bounded", () => {
  const cluster = clusterUp({ workers: 2, cores: 1, seed: 5 });
  const submitted = cluster.submit("c0", "job1", { workflows: steady(9, { vus: 2 }) });
  const checkpoints = (): number =>
    [...(jobOf(cluster)?.workflows.values() ?? [])]
      .flatMap(({ shares }) => shares.flatMap(({ attempts }) => attempts))
      .filter(({ checkpoint }) => checkpoint !== null).length;
  cluster.until(() => checkpoints() === 2, 30_000);
  const before = seen(cluster);
  const owner = cluster.ownerOf("job1");
  if (owner === null) throw new Error("nobody owns the job");
  cluster.kill(owner);
  cluster.kill("w0");
  const result = cluster.finish(submitted);
  const { requests, unsent } = counted(result);
  const missing = seen(cluster) - (requests - unsent);
  expect(result.state).toBe("completed");
  expect(result.unreportedMax).toBeGreaterThan(0);
  expect(missing).toBeGreaterThanOrEqual(0);
  expect(missing).toBeLessThanOrEqual(result.unreportedMax + result.late);
  // Of the 5 s and more before the deaths no more is missing than what one worker did after the checkpoint.
  expect(missing).toBeLessThan(before / 4);
}, 30_000);
