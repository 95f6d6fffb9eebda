// A whole job through manager, ledger and worker in one process, in virtual time, with engines that pretend. Asked are
// the right end, the right numbers (everything counted once, nothing lost with a bad core), nothing left running.

import { describe, expect, test } from "bun:test";
import { type Embedded, runEmbedded } from "../../src/node/embedded.ts";
import type { ClientEvent } from "../../src/node/messages.ts";
import { select } from "../../src/load/merge.ts";
import type { JobPlan } from "../../src/load/plan.ts";
import { isSaturated, type JobResult } from "../../src/load/result.ts";
import { FakeWorld } from "./fake-world.ts";
import { BUNDLE, jobPlan, threshold, workflowPlan } from "./plans.ts";

class Job {
  readonly world = new FakeWorld();
  readonly events: ClientEvent[] = [];
  readonly #plan: JobPlan;
  readonly #cores: number;
  #embedded: Embedded | null = null;

  constructor(plan: Partial<JobPlan> = {}, cores = 2) {
    this.#plan = jobPlan(plan);
    this.#cores = cores;
  }

  begin(options: { readonly retries?: number } = {}): this {
    this.#embedded = runEmbedded({
      world: this.world,
      id: "j",
      plan: this.#plan,
      bundle: BUNDLE,
      cores: this.#cores,
      memoryMaxBytes: 500e6,
      ...options,
      onEvent: (event) => this.events.push(event),
    });
    return this;
  }

  cancel(by: "user" | "other"): void {
    this.#embedded?.cancel(by);
  }

  close(): void {
    this.#embedded?.close();
  }

  of<Kind extends ClientEvent["kind"]>(kind: Kind): Extract<ClientEvent, { kind: Kind }>[] {
    return this.events.filter((event): event is Extract<ClientEvent, { kind: Kind }> => event.kind === kind);
  }

  /** Runs to the end and closes. Nothing may be left behind. */
  async result(): Promise<JobResult> {
    await this.world.clock.until(() => this.of("finished").length > 0);
    this.close();
    await this.world.clock.advance(30_000);
    expect(this.events.at(-1)?.kind).toBe("finished");
    expect(this.world.alive).toEqual([]);
    expect(this.world.clock.pending).toBe(0);
    const [finished] = this.of("finished");
    if (finished === undefined) throw new Error("no result");
    return finished.result;
  }
}

function requests(result: JobResult, workflow = "default"): number {
  const cells = select(result.workflows.find(({ name }) => name === workflow)?.series ?? [], "http_reqs", {});
  return cells?.type === "counter" ? cells.count : 0;
}

describe("a job that goes well", () => {
  test("asks for labels, which choose among the workers of a cluster: here is one, and it runs", async () => {
    const labelled = workflowPlan("default", { requires: { region: "mars" }, prefers: { type: "fast" } });
    expect(await new Job({ workflows: [labelled] }).begin().result()).toMatchObject({ state: "completed" });
  });

  test("[MW-8.4.1] runs on every core and counts every request once, in the total and over the seconds", async () => {
    const job = new Job().begin();
    const result = await job.result();
    expect(result).toMatchObject({
      id: "j",
      state: "completed",
      errorCode: null,
      reason: "",
      late: 0,
      unreportedMax: 0,
      disturbed: [],
      warnings: [],
    });
    expect(job.world.engines.length).toBe(2);
    expect(requests(result)).toBe(600);
    expect(job.world.sent).toBe(600);
    expect(result.workflows[0]?.accounting).toEqual({
      scheduled: 600,
      started: 600,
      completed: 600,
      interrupted: 0,
      dropped: 0,
      unsent: 0,
    });
    expect(result.workflows[0]).toMatchObject({ name: "default", state: "completed", fromMs: 0, toMs: 3_000 });
    expect(result.cores).toEqual([
      { node: "local", core: 0, cpu: 0.5, loopLagMsMax: 3, seconds: 3, saturatedSeconds: 0 },
      { node: "local", core: 1, cpu: 0.5, loopLagMsMax: 3, seconds: 3, saturatedSeconds: 0 },
    ]);
    expect(result.errors).toEqual([{ workflow: "default", message: "Error: boom", count: 4 }]);
    const seconds = job.of("second").map(({ window }) => {
      const cells = select(window.series, "http_reqs", {});
      return [window.second, window.vus, cells?.type === "counter" ? cells.count : 0];
    });
    expect(seconds.slice(0, 3)).toEqual([
      [0, 10, 200],
      [1, 10, 200],
      [2, 10, 200],
    ]);
  });

  test("[MW-9.1.1] [LD-23.1.1] shows itself ten times a second, and its last view agrees with the result", async () => {
    const job = new Job().begin();
    await job.result();
    const views = job.of("view").map(({ view }) => view);
    expect(views.length).toBeGreaterThan(28);
    const middle = views.find(({ elapsedMs }) => elapsedMs > 2_150);
    expect(middle).toMatchObject({ state: "running", requestsPerSecond: 200, failedRatio: 0, isSaturated: false });
    expect(middle?.latencyAll).toMatchObject({ avg: 5, max: 5 });
    expect(middle?.workflows).toMatchObject([
      { name: "default", state: "running", vus: 10, vusMax: 10, totalMs: 3_000, iterationsTotal: null },
    ]);
    const last = views.at(-1);
    expect(last).toMatchObject({
      state: "ended",
      requests: 600,
      workflows: [{ state: "ended", completed: 600, vus: 0 }],
    });
    expect(last?.histogram.reduce((sum, { count }) => sum + count, 0)).toBe(600);
  });

  test("[MW-3.3.3] [MW-8.2.2] runs setup first and teardown last, and hands on setup's value and the provided context", async () => {
    const job = new Job({
      setup: { timeoutMs: 5_000 },
      teardown: { timeoutMs: 5_000 },
      workflows: [
        workflowPlan("login", { executor: { kind: "per-vu-iterations", vus: 1, iterations: 1, maxDurationMs: 500 } }),
        workflowPlan("browse", { after: ["login"] }),
      ],
    });
    job.world.behaviours.set("::setup", { value: { token: 1 } });
    job.world.behaviours.set("login", { provides: [{ key: "user", json: '"ada"', vu: 1 }] });
    const result = await job.begin().result();
    const prepared = job.world.engines.flatMap((engine) => engine.prepared);
    const seen = prepared.map(({ attempt, spec, context, setupData }) => ({
      token: attempt.token,
      workflow: spec.workflow,
      context,
      setupData,
    }));
    expect(seen.sort((a, b) => a.token - b.token).map(({ token: _token, ...rest }) => rest)).toEqual([
      { workflow: "::setup", context: {}, setupData: undefined },
      { workflow: "login", context: {}, setupData: { token: 1 } },
      { workflow: "browse", context: { user: "ada" }, setupData: { token: 1 } },
      { workflow: "browse", context: { user: "ada" }, setupData: { token: 1 } },
      { workflow: "::teardown", context: { user: "ada" }, setupData: { token: 1 } },
    ]);
    expect(result.workflows.map(({ name, state }) => [name, state])).toEqual([
      ["login", "completed"],
      ["browse", "completed"],
      ["::setup", "completed"],
      ["::teardown", "completed"],
    ]);
    // The first core's thread has loaded the code and is used again; nobody spawns more threads than cores.
    expect(job.world.engines.length).toBe(2);
  });

  test("hands on a null that setup returned as one, and nothing as nothing", async () => {
    for (const value of [null, undefined]) {
      const job = new Job({ setup: { timeoutMs: 5_000 } });
      job.world.behaviours.set("::setup", { value });
      await job.begin().result();
      const seen = job.world.engines.flatMap(({ prepared }) => prepared).slice(1);
      expect(seen.map(({ setupData }) => setupData)).toEqual(seen.map(() => value));
      expect(seen.length).toBeGreaterThan(0);
    }
  });

  test("[MW-8.2.3] a share gets its own function, tags, environment and VU numbers", async () => {
    const job = new Job({
      tags: { run: "7" },
      env: { HOST: "x" },
      workflows: [
        workflowPlan("a", { tags: { team: "red" }, env: { PATH: "/a" }, run: { kind: "export", name: "first" } }),
        workflowPlan("b", { executor: { kind: "constant-vus", vus: 4, durationMs: 1_000 }, startTimeMs: 500 }),
      ],
    });
    const result = await job.begin().result();
    const [a, b] = job.world.engines.flatMap((engine) => engine.prepared);
    expect(a).toMatchObject({
      run: { kind: "export", name: "first" },
      tags: { run: "7", team: "red", workflow: "a" },
      env: { HOST: "x", PATH: "/a" },
    });
    expect(a?.spec).toMatchObject({ vuBase: 0, share: 0, shares: 1, feedStripe: { index: 0, of: 1 } });
    expect(b?.spec).toMatchObject({ vuBase: 10, startTimeMs: 500, feedStripe: { index: 0, of: 1 } });
    expect(result.workflows.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [0, 3_000],
      [500, 1_500],
    ]);
  });
});

describe("a core that fails", () => {
  test("[MW-6.4.2] [MW-8.3.3] a stalled one is ended after 5 s without heartbeat, its numbers are kept, the job fails with its name", async () => {
    const job = new Job();
    job.world.behaviours.set("default", { stallAtMs: 1_250 });
    const result = await job.begin().result();
    expect(result).toMatchObject({ state: "failed", errorCode: "failed" });
    expect(result.reason).toMatch(
      /^core [01] of local stalled in workflow "default": its event loop did not turn for 5 s/,
    );
    expect(requests(result)).toBe(250);
    expect(job.world.sent).toBe(250);
    expect(result.durationMs).toBeGreaterThan(5_900);
    expect(result.durationMs).toBeLessThan(7_000);
    expect(result.disturbed).toMatchObject(
      [0, 1].map((core) => ({
        from: 1_200,
        to: result.durationMs,
        why: `core ${core} of local failed (stalled) in workflow "default"`,
      })),
    );
    expect(result.workflows[0]?.state).toBe("failed");
  });

  test("[MW-6.4.1] a crashed one fails the job with its message; the healthy one stops gracefully, teardown runs", async () => {
    const job = new Job({
      teardown: { timeoutMs: 1_000 },
      workflows: [
        workflowPlan("bad", { executor: { kind: "constant-vus", vus: 1, durationMs: 10_000 } }),
        workflowPlan("good", { executor: { kind: "constant-vus", vus: 1, durationMs: 10_000 } }),
      ],
    });
    job.world.behaviours.set("bad", { crashAtMs: 1_000 });
    const result = await job.begin().result();
    expect(result.reason).toBe('core 0 of local crashed in workflow "bad": the thread ended with code 1');
    expect(result.workflows.map(({ name, state }) => [name, state])).toEqual([
      ["bad", "failed"],
      ["good", "cancelled"],
      ["::teardown", "completed"],
    ]);
    expect(requests(result, "bad") + requests(result, "good")).toBe(job.world.sent);
    expect(result.durationMs).toBeLessThan(2_000);
  });

  test("with retry budget its share runs again on a new thread and the job completes", async () => {
    const job = new Job(
      { workflows: [workflowPlan("default", { executor: { kind: "constant-vus", vus: 1, durationMs: 2_000 } })] },
      1,
    );
    job.world.behaviours.set("default", { crashAtMs: 500 });
    job.begin({ retries: 1 });
    await job.world.clock.until(() => job.world.engines.length === 1 && job.world.engines[0]?.sent === 50);
    job.world.behaviours.clear();
    const result = await job.result();
    expect(result.state).toBe("completed");
    expect(job.world.engines.length).toBe(2);
    // What the core did beyond its last cut runs again, so it is not counted: it is told of as unreported.
    const missing = job.world.sent - requests(result);
    expect(missing).toBeGreaterThan(0);
    expect(missing).toBeLessThanOrEqual(result.unreportedMax);
  });

  test("[MW-20.1.3] code that does not load ends the job as load with its message, before anything is sent", async () => {
    const job = new Job({ teardown: { timeoutMs: 1_000 } });
    job.world.behaviours.set("default", { brokenBy: "SyntaxError: unexpected }" });
    const result = await job.begin().result();
    expect(result).toMatchObject({ state: "failed", errorCode: "load", reason: "SyntaxError: unexpected }" });
    expect(result.workflows.map(({ name }) => name)).toEqual(["default"]);
    expect(job.world.sent).toBe(0);
  });

  test("[MW-20.1.1] one that never becomes ready is given up after 10 s", async () => {
    const job = new Job();
    job.world.behaviours.set("default", { readyAfterMs: Infinity });
    const result = await job.begin().result();
    expect(result.reason).toContain("it was not ready 10 s after it got the test");
    expect(result.durationMs).toBe(0);
  });

  test("[MW-20.2.3] [LD-41.13.3] over the memory limit all threads end, numbers are kept, the message says limit, use and what to do", async () => {
    const job = new Job().begin();
    await job.world.clock.advance(1_000);
    expect(job.of("finished")).toEqual([]);
    job.world.residentBytes = 600e6;
    const result = await job.result();
    expect(result).toMatchObject({ state: "failed", errorCode: "failed" });
    expect(result.reason).toContain("ran out of memory");
    expect(result.reason).toContain("holds 600 MB, over its limit of 500 MB");
    expect(result.reason).toContain("--memory-max");
    expect(requests(result)).toBeGreaterThan(150);
    expect(result.durationMs).toBeLessThan(1_500);
  });

  test("[MW-10.3.2] [LD-50.3] a main thread that was held up itself accuses no core", async () => {
    const job = new Job().begin();
    await job.world.clock.advance(1_000);
    job.world.clock.leap(8_000);
    const result = await job.result();
    expect(result.state).toBe("completed");
  });
});

describe("a job that is stopped", () => {
  test.each([
    ["user", "interrupted"],
    ["other", "cancelled"],
  ] as const)("[MW-8.4.3] by %s: gracefully, with everything counted, as %s", async (by, errorCode) => {
    const job = new Job().begin();
    await job.world.clock.advance(1_500);
    job.cancel(by);
    const result = await job.result();
    expect(result).toMatchObject({ state: "cancelled", errorCode });
    expect(requests(result)).toBe(job.world.sent);
    expect(result.workflows[0]?.state).toBe("cancelled");
    expect(result.durationMs).toBeLessThan(1_700);
  });

  test("a core that does not stop is ended 2 s after gracefulStop, and its numbers are kept", async () => {
    const job = new Job({
      workflows: [workflowPlan("default", { executor: { kind: "constant-vus", vus: 1, durationMs: 60_000 } })],
    });
    job.world.behaviours.set("default", { stopTakesMs: Infinity });
    job.begin();
    await job.world.clock.advance(1_000);
    job.cancel("user");
    const result = await job.result();
    expect(result).toMatchObject({ state: "cancelled", errorCode: "interrupted" });
    expect(result.disturbed).toMatchObject([{ why: 'core 0 of local failed (stalled) in workflow "default"' }]);
    expect(result.workflows[0]?.state).toBe("failed");
    expect(result.durationMs).toBeGreaterThan(7_900);
    expect(result.durationMs).toBeLessThan(8_200);
    // What was sent between the last report and the end may be on no board; all that is on it counts.
    expect(requests(result)).toBe(job.world.sent);
  });

  test("[MW-8.1.4] before it started, its threads end and nothing is sent", async () => {
    const job = new Job({ teardown: { timeoutMs: 1_000 } });
    job.world.behaviours.set("default", { readyAfterMs: 5_000 });
    job.begin();
    await job.world.clock.advance(1_000);
    job.cancel("user");
    const result = await job.result();
    expect(result).toMatchObject({
      state: "cancelled",
      durationMs: 0,
      workflows: [{ name: "default", state: "skipped" }],
    });
    expect(job.world.sent).toBe(0);
  });

  test("in the very moment it is submitted, it ends without having begun", async () => {
    const job = new Job({ setup: { timeoutMs: 1_000 } }).begin();
    job.cancel("user");
    expect(await job.result()).toMatchObject({ state: "cancelled", errorCode: "interrupted", durationMs: 0 });
    expect(job.world.sent).toBe(0);
  });

  test("a setup that hangs is stopped at its limit: nothing starts", async () => {
    const job = new Job({ setup: { timeoutMs: 2_000 }, teardown: { timeoutMs: 1_000 } });
    job.world.behaviours.set("::setup", { oneShotMs: 60_000, stopTakesMs: Infinity });
    const result = await job.begin().result();
    expect(result).toMatchObject({ state: "failed", errorCode: "setup-timeout" });
    expect(result.workflows.map(({ name, state }) => [name, state])).toEqual([
      ["default", "skipped"],
      ["::setup", "failed"],
    ]);
    expect(result.durationMs).toBeLessThan(4_500);
  });

  test("a setup that throws ends it as load with what was thrown", async () => {
    const job = new Job({ setup: { timeoutMs: 2_000 } });
    job.world.behaviours.set("::setup", { thrown: "Error: no login" });
    expect(await job.begin().result()).toMatchObject({
      state: "failed",
      errorCode: "load",
      reason: "setup threw: Error: no login",
    });
  });

  test("a teardown that hangs is named", async () => {
    const job = new Job({ teardown: { timeoutMs: 2_000 } });
    job.world.behaviours.set("::teardown", { oneShotMs: 60_000 });
    expect(await job.begin().result()).toMatchObject({ state: "failed", errorCode: "teardown-timeout" });
  });

  test("by vu.abort: with its reason, and teardown runs", async () => {
    const job = new Job({ teardown: { timeoutMs: 2_000 } });
    job.world.behaviours.set("default", { abortAtMs: 700 });
    const result = await job.begin().result();
    expect(result).toMatchObject({ state: "aborted", errorCode: "aborted", reason: "enough" });
    expect(result.workflows.map(({ name, state }) => [name, state])).toEqual([
      ["default", "cancelled"],
      ["::teardown", "completed"],
    ]);
    expect(result.durationMs).toBeLessThan(1_000);
  });
});

describe("thresholds", () => {
  test("that fail on the final data leave the job completed, as thresholds", async () => {
    const job = new Job({
      thresholds: [threshold("http_req_duration", "p(95)<2"), threshold("http_reqs", "count>=600")],
    });
    const result = await job.begin().result();
    expect(result).toMatchObject({ state: "completed", errorCode: "thresholds" });
    expect(result.thresholds.map(({ expression, ok }) => [expression, ok])).toEqual([
      ["p(95)<2", false],
      ["count>=600", true],
    ]);
  });

  test("with abortOnFail stop the job on merged data within two seconds, not before delayAbortEval", async () => {
    for (const [delayAbortEvalMs, fromMs, toMs] of [
      [0, 0, 2_000],
      [2_500, 2_500, 4_000],
    ] as const) {
      const job = new Job({
        workflows: [workflowPlan("default", { executor: { kind: "constant-vus", vus: 2, durationMs: 60_000 } })],
        thresholds: [threshold("http_req_failed", "rate<0.1", { abortOnFail: true, delayAbortEvalMs })],
      });
      job.world.behaviours.set("default", { failedPerSecond: 50 });
      const result = await job.begin().result();
      expect(result).toMatchObject({ state: "aborted", errorCode: "thresholds", thresholds: [{ ok: false }] });
      expect(result.durationMs).toBeGreaterThan(fromMs);
      expect(result.durationMs).toBeLessThan(toMs);
      expect(requests(result)).toBe(job.world.sent);
    }
  });

  test("for so many seconds fail once and for all, and stop the job only if asked to", async () => {
    for (const abortOnFail of [false, true]) {
      const job = new Job({
        workflows: [workflowPlan("default", { executor: { kind: "constant-vus", vus: 2, durationMs: 8_000 } })],
        thresholds: [threshold("http_req_duration", "avg<2 for 3s", { abortOnFail })],
      });
      const result = await job.begin().result();
      expect(result).toMatchObject({
        state: abortOnFail ? "aborted" : "completed",
        errorCode: "thresholds",
        thresholds: [{ ok: false, value: 5 }],
      });
      if (abortOnFail) expect(result.durationMs).toBeLessThan(4_500);
    }
  });

  test("see the VUs, and a metric without samples passes", async () => {
    const job = new Job({ thresholds: [threshold("vus", "value<5"), threshold("checks", "rate>0.99")] });
    const result = await job.begin().result();
    expect(result.thresholds).toEqual([
      { metricKey: "vus", expression: "value<5", ok: false, value: 10 },
      { metricKey: "checks", expression: "rate>0.99", ok: true, value: null },
    ]);
  });
});

describe("honesty", () => {
  test("[MW-10.3.1] dropped iterations are warned about by name and number, and saturated seconds are told for each core", async () => {
    const job = new Job({}, 1);
    job.world.behaviours.set("default", { droppedPerSecond: 10, saturatedPart: 0.5 });
    const result = await job.begin().result();
    expect(result.warnings).toHaveLength(1);
    expect(result.warnings[0]).toContain('workflow "default" dropped 30 of 330 iterations');
    expect(result.cores.map(({ node, core }) => [node, core])).toEqual([["local", 0]]);
    expect(result.cores.every(isSaturated)).toBe(true);
  });

  test("[MW-20.2.2] a value over the limit of provide is warned about, not lost silently", async () => {
    const job = new Job();
    job.world.behaviours.set("default", { provides: [{ key: "big", json: `"${"x".repeat(70_000)}"`, vu: 1 }] });
    const result = await job.begin().result();
    expect(result.warnings).toEqual([expect.stringContaining('provide("big") in "default" is 70002 bytes')]);
    expect(job.of("log").map(({ level }) => level)).toEqual(["warn"]);
  });

  test("close ends every thread and timer at once, and nothing is said after it", async () => {
    const job = new Job().begin();
    await job.world.clock.advance(1_000);
    const { length } = job.events;
    job.close();
    await job.world.clock.advance(10_000);
    expect(job.events.length).toBe(length);
    expect(job.world.alive).toEqual([]);
    expect(job.world.clock.pending).toBe(0);
  });
});
