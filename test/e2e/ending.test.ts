// Goal: a run ends the way it should: by which exit code, in what order, with teardown and numbers. Method: one small
// file for each ending against the scripted target.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startTarget } from "../target/start.ts";
import { removeDirs, submit, summaryOf } from "./run.ts";
import { sentRequests, valueOf } from "./summary.ts";

setDefaultTimeout(120_000);
afterAll(removeDirs);
const TWO_CORES = ["--cores", "2"];

describe("how a run ends", () => {
  test.concurrent("thresholds that fail: exit 99, the run complete, the failed one marked", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      export const options = {
        vus: 2, iterations: 20,
        thresholds: {
          http_req_failed: ["rate<0.1"], http_req_duration: ["p(95)<10000"], "http_reqs{status:503}": ["count<5"],
        },
      };
      export default async ({ http, iteration }) => {
        await http.get("${target.url}/status/" + (iteration % 2 === 0 ? 503 : 200));
      };`);
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(99);
    expect(summary.job.state).toBe("completed");
    expect(valueOf(summary, "iterations", "count")).toBe(20);
    expect(summary.metrics["http_req_failed"]?.thresholds).toMatchObject({ "rate<0.1": { ok: false } });
    expect(summary.metrics["http_req_duration"]?.thresholds).toMatchObject({ "p(95)<10000": { ok: true } });
    expect(summary.metrics["http_reqs{status:503}"]?.thresholds).toMatchObject({ "count<5": { ok: false } });
    expect(ended.stderr).toMatch(/http_req_failed/);
  });

  test.concurrent("a threshold over seconds fails only after that many bad ones", async () => {
    const file = (forSeconds: number): string => `
      import { Gauge, Rate } from "hyperscale";
      const good = new Rate("good");
      export const options = {
        vus: 1, duration: "4500ms",
        thresholds: { good: [{ threshold: "rate>0.5 for ${forSeconds}s", abortOnFail: true }] },
      };
      export default async ({ sleep }) => { good.add(false); await sleep(0.05); };`;
    const [two, thirty] = await Promise.all([submit(file(2)), submit(file(30))]);
    expect(two.exitCode).toBe(99);
    expect(summaryOf(two).job.durationMs).toBeLessThan(4_400);
    expect(thirty.exitCode).toBe(0);
  });

  test.concurrent("setup that throws: exit 107, nothing starts, no teardown", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      export const options = { vus: 1, iterations: 5 };
      export async function setup() { throw new Error("the database is empty"); }
      export default async ({ http }) => { await http.get("${target.url}/seen?run"); };
      export async function teardown({ http }) { await http.get("${target.url}/seen?teardown"); }`);
    expect(ended.exitCode).toBe(107);
    expect(ended.stderr).toContain("the database is empty");
    expect((await target.counts()).total).toBe(0);
  });

  test.concurrent("setup that takes too long: exit 100, nothing starts", async () => {
    await using target = await startTarget();
    const ended = await submit(`
      export const options = { vus: 1, iterations: 5, setupTimeout: "500ms" };
      export async function setup({ sleep }) { await sleep(30); }
      export default async ({ http }) => { await http.get("${target.url}/seen?run"); };`);
    expect(ended.exitCode).toBe(100);
    expect(ended.stderr).toMatch(/setup/);
    expect(ended.durationMs).toBeLessThan(20_000);
    expect((await target.counts()).total).toBe(0);
  });

  test.concurrent("teardown that takes too long: exit 101, the numbers are there", async () => {
    const ended = await submit(`
      export const options = { vus: 1, iterations: 5, teardownTimeout: "500ms" };
      export default async () => {};
      export async function teardown({ sleep }) { await sleep(30); }`);
    expect(ended.exitCode).toBe(101);
    expect(ended.stderr).toMatch(/teardown/);
    expect(valueOf(summaryOf(ended), "iterations", "count")).toBe(5);
    expect(ended.durationMs).toBeLessThan(20_000);
  });

  test.concurrent("teardown runs after abort, after abortOnFail and after Ctrl+C", async () => {
    const file = (url: string, ending: string, options: string): string => `
      export const options = { vus: 2, duration: "30s", gracefulStop: "2s", ${options} };
      export async function setup() { return 1; }
      export default async ({ http, sleep, iteration, abort }) => {
        await http.get("${url}/seen?run");
        await sleep(0.02);
        ${ending}
      };
      export async function teardown({ http }) { await http.get("${url}/seen?teardown"); }`;
    const endings = [
      { ending: `if (iteration === 5) abort("enough");`, options: "", exitCode: 108, isInterrupted: false },
      {
        ending: "",
        options: `thresholds: { http_reqs: [{ threshold: "count<10", abortOnFail: true }] }`,
        exitCode: 99,
        isInterrupted: false,
      },
      { ending: "", options: "", exitCode: 105, isInterrupted: true },
    ];
    await Promise.all(
      endings.map(async ({ ending, options, exitCode, isInterrupted }) => {
        await using target = await startTarget();
        const signals = isInterrupted
          ? [{ signal: "SIGINT" as const, when: async () => (await target.counts()).total > 10 }]
          : [];
        const ended = await submit(file(target.url, ending, options), TWO_CORES, { signals });
        expect(ended.exitCode).toBe(exitCode);
        expect((await target.counts()).paths["/seen?teardown"]).toBe(1);
        expect(sentRequests(summaryOf(ended))).toBe((await target.counts()).total);
      }),
    );
  });

  test.concurrent("a second Ctrl+C leaves at once", async () => {
    await using target = await startTarget();
    // Two signals that a busy process has not seen yet are one to it: the second comes a moment later.
    let firstMs = 0;
    const isLater = (): boolean => performance.now() - (firstMs ||= performance.now()) > 500;
    const ended = await submit(
      `
      export const options = { vus: 2, duration: "60s", gracefulStop: "50s" };
      export default async ({ http }) => { await http.get("${target.url}/delay/40000"); };`,
      [],
      {
        signals: [
          { signal: "SIGINT", when: async () => (await target.counts()).total >= 2 },
          { signal: "SIGINT", when: isLater },
        ],
      },
    );
    expect(ended.exitCode).toBe(105);
    expect(ended.durationMs).toBeLessThan(20_000);
  });

  test.concurrent("abort in teardown runs it once, ends at once and exits 108", async () => {
    const ended = await submit(`
      export const options = { iterations: 1 };
      export default () => {};
      export function teardown({ abort }) { console.log("tearing down"); abort("too bad"); }`);
    expect(ended.exitCode).toBe(108);
    expect(ended.stderr.split("tearing down")).toHaveLength(2);
    expect(ended.stderr).toContain("error: too bad");
    expect(ended.durationMs).toBeLessThan(20_000);
  });

  test.concurrent("checks that fail do not fail the run", async () => {
    const ended = await submit(`
      export const options = { vus: 1, iterations: 4 };
      export default async ({ check, iteration }) => { check(iteration, { "even": (n) => n % 2 === 0 }); };`);
    expect(ended.exitCode).toBe(0);
    expect(summaryOf(ended).checks).toMatchObject([{ name: "even", passes: 2, fails: 2 }]);
    expect(valueOf(summaryOf(ended), "checks", "rate")).toBe(0.5);
    expect(ended.stdout).toContain("even");
  });
});
