// Goal: every request is counted once. Method: a target in its own process counts what it sees, and its count must be
// http_reqs - unsent exactly: in every executor, over two cores, and when a run is stopped half-way.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startTarget, type Target } from "../target/start.ts";
import { removeDirs, submit, submitArgs, summaryOf, type RunOptions, type SubmitRun } from "./run.ts";
import { sentRequests, valueOf, type Summary } from "./summary.ts";

setDefaultTimeout(120_000);
afterAll(removeDirs);

/** Runs the text against the target and holds its http_reqs to the target's count. Out: the run and the summary. */
async function counted(
  target: Target,
  source: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<{ ended: SubmitRun; summary: Summary }> {
  const ended = await submit(source, args, { ...options, env: { ...options.env, HYPERSCALE_CORES: "2" } });
  const summary = summaryOf(ended);
  expect(sentRequests(summary)).toBe((await target.counts()).total);
  return { ended, summary };
}

/** A workflow file of one scenario that gets `path` and checks the status. */
function oneScenario(target: Target, scenario: string, path = "/"): string {
  return `
    export const options = { scenarios: { one: { ${scenario}, gracefulStop: "5s" } } };
    export default async function ({ http, check, sleep }) {
      const res = await http.get("${target.url}${path}");
      check(res, { "status is 200": (r) => r.status === 200 });
      await sleep(0.005);
    }`;
}

describe("the target's own count is http_reqs - unsent over two cores", () => {
  const SCHEDULES: readonly (readonly [name: string, scenario: string, requests: number | null])[] = [
    ["shared-iterations", `executor: "shared-iterations", vus: 7, iterations: 501`, 501],
    ["per-vu-iterations", `executor: "per-vu-iterations", vus: 7, iterations: 31`, 217],
    ["constant-vus", `executor: "constant-vus", vus: 9, duration: "1s"`, null],
    [
      "ramping-vus",
      `executor: "ramping-vus", stages: [{ duration: "600ms", target: 12 }, { duration: "600ms", target: 0 }]`,
      null,
    ],
    [
      "constant-arrival-rate",
      `executor: "constant-arrival-rate", rate: 300, duration: "1s", preAllocatedVUs: 20, maxVUs: 40`,
      null,
    ],
    [
      "ramping-arrival-rate",
      `executor: "ramping-arrival-rate", startRate: 50, stages: [{ duration: "1s", target: 400 }], preAllocatedVUs: 20`,
      null,
    ],
  ];
  test.concurrent.each(SCHEDULES)("%s", async (_, scenario, requests) => {
    await using target = await startTarget();
    const { ended, summary } = await counted(target, oneScenario(target, scenario), []);
    expect(ended.exitCode).toBe(0);
    expect(summary.job.state).toBe("completed");
    expect(sentRequests(summary)).toBeGreaterThan(0);
    expect(valueOf(summary, "iterations", "count")).toBe(valueOf(summary, "http_reqs", "count"));
    expect(valueOf(summary, "checks", "passes")).toBe(valueOf(summary, "http_reqs", "count"));
    if (requests !== null) expect(valueOf(summary, "http_reqs", "count")).toBe(requests);
    if (scenario.includes("arrival"))
      expect(summary.accounting.started + summary.accounting.dropped).toBe(summary.accounting.scheduled);
  });
});

describe("a run that is stopped half-way is counted exactly too", () => {
  test.concurrent("one SIGINT ends it gracefully: exit 105, summary written, count exact", async () => {
    await using target = await startTarget();
    const { ended, summary } = await counted(
      target,
      oneScenario(target, `executor: "constant-vus", vus: 20, duration: "60s"`, "/delay/30"),
      [],
      {
        signals: [{ signal: "SIGINT", when: async () => (await target.counts()).total >= 200 }],
      },
    );
    expect(ended.exitCode).toBe(105);
    expect(summary.job.state).toBe("cancelled");
    expect(ended.durationMs).toBeLessThan(20_000);
  });

  test.concurrent("one SIGINT in an arrival-rate run", async () => {
    await using target = await startTarget();
    const scenario = `executor: "constant-arrival-rate", rate: 400, duration: "60s", preAllocatedVUs: 30, maxVUs: 60`;
    const { ended, summary } = await counted(target, oneScenario(target, scenario, "/delay/30"), [], {
      signals: [{ signal: "SIGINT", when: async () => (await target.counts()).total >= 200 }],
    });
    expect(ended.exitCode).toBe(105);
    expect(summary.accounting.started + summary.accounting.dropped).toBe(summary.accounting.scheduled);
  });

  test.concurrent("abortOnFail ends it: exit 99, count exact", async () => {
    await using target = await startTarget();
    const source = `
      export const options = {
        vus: 20, duration: "60s", gracefulStop: "5s",
        thresholds: { http_reqs: [{ threshold: "count<300", abortOnFail: true }] },
      };
      export default async ({ http }) => { await http.get("${target.url}/delay/20"); };`;
    const { ended, summary } = await counted(target, source, []);
    expect(ended.exitCode).toBe(99);
    expect(summary.metrics["http_reqs"]?.thresholds?.["count<300"]?.ok).toBe(false);
    expect(ended.durationMs).toBeLessThan(20_000);
  });

  test.concurrent("vu.abort ends it: exit 108, count exact", async () => {
    await using target = await startTarget();
    const source = `
      export const options = { vus: 20, duration: "60s", gracefulStop: "5s" };
      export default async ({ http, id, iteration, abort }) => {
        await http.get("${target.url}/delay/10");
        if (id === 13 && iteration === 9) abort("seen enough");
      };`;
    const { ended, summary } = await counted(target, source, []);
    expect(ended.exitCode).toBe(108);
    expect(summary.job.state).toBe("aborted");
    expect(ended.output).toContain("seen enough");
  });

  test.concurrent("requests longer than gracefulStop are closed, and still count once each", async () => {
    await using target = await startTarget();
    const source = `
      export const options = { vus: 6, duration: "500ms", gracefulStop: "300ms" };
      export default async ({ http }) => { await http.get("${target.url}/delay/20000"); };`;
    const { ended, summary } = await counted(target, source, []);
    expect(ended.exitCode).toBe(0);
    expect(valueOf(summary, "http_reqs", "count")).toBe(6);
    expect(valueOf(summary, "http_req_failed", "passes")).toBe(6);
    expect(valueOf(summary, "iterations", "count")).toBe(0);
    expect(ended.durationMs).toBeLessThan(10_000);
  });
});

describe("every attempt on the wire counts, whatever it was for", () => {
  test.concurrent("redirects, digest challenges, batches, setup and teardown", async () => {
    await using target = await startTarget();
    const digest = target.url.replace("http://", "http://ada:lovelace@");
    const source = `
      export const options = { vus: 3, iterations: 9 };
      export async function setup({ http }) { await http.get("${target.url}/status/201"); return {}; }
      export default async ({ http, check }) => {
        const redirected = await http.get("${target.url}/redirect/3");
        const known = await http.get("${digest}/digest", { auth: "digest" });
        const both = await http.batch(["${target.url}/", "${target.url}/bytes/2000"]);
        check(null, {
          "redirects were followed": () => redirected.status === 200 && redirected.url === "${target.url}/",
          "digest was accepted": () => known.status === 200,
          "the batch answered in order": () => both[0].body.length === 12 && both[1].body.length === 2000,
        });
      };
      export async function teardown({ http }) { await http.get("${target.url}/status/202"); }`;
    const { ended, summary } = await counted(target, source, []);
    expect(summary.checks.map(({ name, passes, fails }) => ({ name, passes, fails }))).toEqual([
      { name: "redirects were followed", passes: 9, fails: 0 },
      { name: "digest was accepted", passes: 9, fails: 0 },
      { name: "the batch answered in order", passes: 9, fails: 0 },
    ]);
    const { paths } = await target.counts();
    expect(paths["/status/201"]).toBe(1);
    expect(paths["/status/202"]).toBe(1);
    expect(paths["/redirect/1"]).toBe(9);
    expect(ended.exitCode).toBe(0);
  });

  test.concurrent("failed requests count where they reached a socket, and are unsent where not", async () => {
    await using target = await startTarget();
    const source = `
      export const options = { vus: 2, iterations: 10 };
      export default async ({ http }) => {
        await http.get("${target.brokenUrl}/resetearly");
        await http.get("${target.brokenUrl}/close");
        await http.get("http://127.0.0.1:1/");
      };`;
    const { ended, summary } = await counted(target, source, []);
    expect(ended.exitCode).toBe(0);
    expect(summary.accounting.unsent).toBe(10);
    expect(valueOf(summary, "http_reqs", "count")).toBe(30);
    expect(valueOf(summary, "http_req_failed", "rate")).toBe(1);
    expect((await target.counts()).paths).toEqual({ "/resetearly": 10, "/close": 10 });
  });

  test.concurrent("a URL alone, with the flags of the command line", async () => {
    await using target = await startTarget();
    const ended = await submitArgs([
      `${target.url}/echo`,
      "-u",
      "4",
      "-i",
      "40",
      "-X",
      "POST",
      "-b",
      "ping",
      "-H",
      "x-from: flags",
      "--cores",
      "2",
    ]);
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(0);
    expect(sentRequests(summary)).toBe(40);
    expect((await target.counts()).paths).toEqual({ "/echo": 40 });
  });
});
