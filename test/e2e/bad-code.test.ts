// Goal: a test's own code cannot take the program down or spoil its numbers. Method: VUs that throw, forget to
// await, never yield or eat memory, against a counting target: the run ends in time, by the right code, with
// the numbers kept.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startTarget } from "../target/start.ts";
import { removeDirs, submit, summaryOf } from "./run.ts";
import { sentRequests, valueOf } from "./summary.ts";

setDefaultTimeout(120_000);
afterAll(removeDirs);

describe("a VU that throws", () => {
  test.concurrent("fails its iteration, is reported once with its count, and the run goes on", async () => {
    const ended = await submit(`
      export const options = { vus: 2, iterations: 40 };
      export default async ({ iteration, sleep }) => {
        await sleep(0.001);
        if (iteration % 2 === 1) throw new TypeError("the cart is empty");
      };`);
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(0);
    expect(valueOf(summary, "iterations", "count")).toBe(40);
    const errors = summary.errors.filter(({ message }) => message.includes("the cart is empty"));
    expect(errors.map(({ count }) => count)).toEqual([20]);
    expect(ended.stdout).toContain("the cart is empty");
  });

  test.concurrent("a throw that is no Error, and a rejection nobody awaits, are reported too", async () => {
    const ended = await submit(`
      export const options = { vus: 1, iterations: 4 };
      export default async ({ iteration, sleep }) => {
        if (iteration === 1) throw "just text";
        if (iteration === 2) Promise.reject(new Error("nobody waits for me"));
        await sleep(0.01);
      };`);
    expect(valueOf(summaryOf(ended), "iterations", "count")).toBe(4);
    expect(ended.output).toContain("just text");
    expect(ended.output).toContain("nobody waits for me");
  });

  test.concurrent("what the last iteration rejects and nobody awaits is told, too", async () => {
    const ended = await submit('export default () => void Promise.reject(new Error("nobody waits for the last"));');
    expect(ended.stderr).toContain("Error: nobody waits for the last");
    expect(ended.exitCode).toBe(0);
  });
});

describe("a VU that forgets to await", () => {
  test.concurrent("its requests are awaited for it, counted exactly, and warned about once", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      export const options = { vus: 4, iterations: 40 };
      export default async ({ http }) => { http.get("${target.url}/delay/20"); };`,
      ["--cores", "2"],
    );
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(0);
    expect(valueOf(summary, "http_reqs", "count")).toBe(40);
    expect(sentRequests(summary)).toBe((await target.counts()).total);
    expect(summary.warnings.filter((warning) => warning.includes("missing await?")).length).toBe(1);
    expect(ended.output).toContain("missing await?");
  });
});

describe("a VU that awaits nothing", () => {
  test.concurrent("leaves the other VUs their timers while it goes on", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      export const options = { vus: 2, duration: "50s" };
      let ended = 0;
      export default async ({ id, http, sleep, abort }) => {
        if (ended === 20) abort("the other is done");
        if (id === 1) return;
        await sleep(0.05);
        await http.get("${target.url}/");
        ended++;
      }`,
      ["--cores", "1"],
    );
    expect(ended.exitCode).toBe(108);
    expect((await target.counts()).total).toBe(20);
    expect(sentRequests(summaryOf(ended))).toBe(20);
  });

  test.concurrent("ends when its time is over", async () => {
    const ended = await submit('export const options = { duration: "1s" }; export default async () => {};');
    expect(ended.exitCode).toBe(0);
    expect(summaryOf(ended).job.durationMs).toBeGreaterThanOrEqual(1_000);
  });
});

describe("a VU that never yields", () => {
  test.concurrent("while (true) is ended after 5 s: exit 110, and the numbers before it are kept", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      export const options = { vus: 1, duration: "60s" };
      export default async ({ http, iteration }) => {
        await http.get("${target.url}/");
        if (iteration === 20) while (true) {}
      };`,
      ["--cores", "1"],
    );
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(110);
    expect(summary.job.state).toBe("failed");
    expect(ended.output).toMatch(/stalled/i);
    expect((await target.counts()).total).toBe(21);
    expect(sentRequests(summary)).toBe(21);
    expect(ended.durationMs).toBeLessThan(30_000);
  });
});

describe("a VU that eats memory", () => {
  test.concurrent("is ended at --memory-max: exit 110, and the numbers before it are kept", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      const hoard = [];
      export const options = { vus: 1, duration: "60s" };
      export default async ({ http, sleep }) => {
        await http.get("${target.url}/");
        hoard.push(new Uint8Array(20_000_000).fill(1));
        await sleep(0.05);
      };`,
      ["--cores", "1", "--memory-max", "500MB"],
    );
    const summary = summaryOf(ended);
    expect(ended.exitCode).toBe(110);
    expect(summary.job.state).toBe("failed");
    expect(ended.output).toMatch(/memory/i);
    // A machine that stands still may have it ended in the middle of a request.
    const missing = (await target.counts()).total - sentRequests(summary);
    expect(missing).toBeGreaterThanOrEqual(0);
    expect(missing).toBeLessThanOrEqual(summary.accounting.unreportedMax);
    const [, held, unit] = /the process holds ([\d.]+) (MB|GB), over its limit of 500 MB/.exec(ended.output) ?? [];
    expect(Number(held) * (unit === "GB" ? 1_000 : 1)).toBeLessThan(1_500);
  });
});

describe("a VU that eats memory without ever yielding", () => {
  test.concurrent("is ended before it takes the machine", async () => {
    await using target = await startTarget();
    const ended = await submit(
      `
      const hoard = [];
      export const options = { vus: 1, duration: "60s" };
      export default async ({ http }) => {
        await http.get("${target.url}/");
        for (;;) hoard.push(new Array(10_000).fill(Math.random()));
      };`,
      ["--cores", "1", "--memory-max", "500MB"],
    );
    expect(ended.exitCode).toBe(110);
    expect(sentRequests(summaryOf(ended))).toBe(1);
    expect(ended.output).toMatch(/memory|stalled/i);
    expect(ended.durationMs).toBeLessThan(30_000);
  });
});

describe("code that reaches for the process", () => {
  test.concurrent("process.exit throws in the VU, and the run ends by itself", async () => {
    const ended = await submit(`
      export const options = { vus: 1, iterations: 3 };
      export default async () => { process.exit(7); };`);
    expect(ended.exitCode).toBe(0);
    expect(valueOf(summaryOf(ended), "iterations", "count")).toBe(3);
    expect(ended.output).toMatch(/process\.exit/);
  });
});
