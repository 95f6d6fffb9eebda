// Goal: the simulated core does what a real one does: drives every executor by the shipped driver, counts what it
// sends, and fails as told. Method: drawn jobs on an embedded manager and worker in virtual time; the result is held
// against what the simulated target saw.

import { describe, expect, test } from "bun:test";
import type { JobResult } from "../../src/load/result.ts";
import { runEmbedded } from "../../src/node/embedded.ts";
import { requestsOf } from "../../src/sim/checkers/counting.ts";
import { SIM_EPOCH_MS } from "../../src/sim/clock.ts";
import { SimThreads } from "../../src/sim/engine.ts";
import { SimHost } from "../../src/sim/host.ts";
import { Kernel } from "../../src/sim/kernel.ts";
import { Network } from "../../src/sim/network.ts";
import { SimTarget } from "../../src/sim/target.ts";
import { drawWorkload, type Job } from "../../src/sim/workload.ts";

const MEMORY = { residentBytes: () => 1, collect: () => undefined, limitBytes: () => 1e9 };

/** Runs one job to its end on a worker of four cores. */
function run(job: Job, seed: number): { readonly result: JobResult; readonly target: SimTarget } {
  const kernel = new Kernel(seed);
  const host = new SimHost(new Network(kernel), "laptop");
  const nothing = (): void => undefined;
  const target = new SimTarget(() => kernel.nowMs, { prepared: nothing, joined: nothing, arrived: nothing });
  const results: JobResult[] = [];
  host.start((world) => {
    const threads = new SimThreads({ node: "laptop", clock: world.clock, prng: kernel.prng("engine"), target });
    const { id, plan, bundle, retries } = job;
    runEmbedded({
      world: { ...world, threads, memory: MEMORY },
      id,
      plan,
      bundle,
      retries,
      cores: 4,
      memoryMaxBytes: null,
      onEvent: (event) => {
        if (event.kind === "finished") results.push(event.result);
      },
    });
  });
  kernel.runUntil(() => results.length > 0, 200_000);
  const [result] = results;
  if (result === undefined) throw new Error(`${job.kind} has not ended`);
  return { result, target };
}

const jobs = Array.from({ length: 8 }, (_, seed) =>
  drawWorkload(new Kernel(40 + seed).prng("workload"), {
    submits: 25,
    clients: 1,
    untilMs: 1_600,
    epochMs: SIM_EPOCH_MS,
  }),
).flatMap((actions) => actions.flatMap((action) => (action.kind === "submit" ? [action.job] : [])));

describe("the simulated core", () => {
  test("counts what it sends, whatever the executor and whatever goes wrong", () => {
    const kinds = new Set<string>();
    for (const [seed, job] of jobs.entries()) {
      const { result, target } = run(job, seed);
      const unsent = result.workflows.reduce((sum, { accounting }) => sum + accounting.unsent, 0);
      const missing = target.seen - (requestsOf(result) - unsent);
      expect([job.kind, missing >= 0 && missing <= result.unreportedMax]).toEqual([job.kind, true]);
      kinds.add(job.kind);
    }
    expect(kinds.size).toBe(12);
  });

  test("ends every job as its script says", () => {
    for (const [seed, job] of jobs.entries()) {
      const { result } = run(job, seed);
      const isBad = ["setupThrows", "setupHangs", "teardownThrows", "broken"].includes(job.kind);
      if (isBad) expect([job.kind, result.state]).toEqual([job.kind, "failed"]);
      if (["single", "long", "parallel", "chain", "oneShots"].includes(job.kind))
        expect([job.kind, result.state]).toEqual([job.kind, "completed"]);
    }
  });
});
