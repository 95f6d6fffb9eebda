// Goal: an open model stays honest when the server stalls. Method: the target's whole process stalls for 1 s at
// second 3 of a 10 s run at 100/s with 10 VUs; what could not start in time must show, as latency or as dropped
// iterations.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { startTarget } from "../target/start.ts";
import { removeDirs, submit, summaryOf, type SubmitRun } from "./run.ts";
import { sentRequests, valueOf, type Summary } from "./summary.ts";

const PointSchema = z.object({
  metric: z.string(),
  type: z.string(),
  data: z.object({ time: z.string().optional(), value: z.number().optional(), count: z.number().optional() }),
});

setDefaultTimeout(120_000);
afterAll(removeDirs);

async function stalled(onLate: string): Promise<{ ended: SubmitRun; summary: Summary }> {
  await using target = await startTarget();
  const ended = await submit(
    `
    export const options = { scenarios: { open: {
      executor: "constant-arrival-rate", rate: 100, timeUnit: "1s", duration: "10s", preAllocatedVUs: 10, maxVUs: 10,
      ${onLate}
    } } };
    export default async ({ http }) => { await http.get("${target.url}/stall?at=3000&ms=1000"); };`,
    ["--cores", "2"],
  );
  const summary = summaryOf(ended);
  expect(ended.exitCode).toBe(0);
  expect(sentRequests(summary)).toBe((await target.counts()).total);
  expect(summary.accounting.scheduled).toBe(1_000);
  expect(summary.accounting.started + summary.accounting.dropped).toBe(1_000);
  return { ended, summary };
}

describe("a server that stalls for 1 s in a 10 s run at 100/s with maxVUs 10", () => {
  test.concurrent(`onLate "queue": nothing is dropped and p(99) of response_time shows the wait`, async () => {
    const { summary } = await stalled(`onLate: "queue"`);
    expect(summary.accounting.dropped).toBe(0);
    expect(valueOf(summary, "iterations", "count")).toBe(1_000);
    expect(valueOf(summary, "response_time", "p(99)")).toBeGreaterThanOrEqual(800);
    expect(valueOf(summary, "response_time", "med")).toBeLessThan(valueOf(summary, "response_time", "p(99)"));
    expect(valueOf(summary, "iteration_lateness", "p(99)")).toBeGreaterThanOrEqual(500);
  });

  test.concurrent("by default: what found no VU is dropped, counted, and said in the summary", async () => {
    const { ended, summary } = await stalled("");
    const dropped = valueOf(summary, "dropped_iterations", "count");
    expect(dropped).toBeGreaterThanOrEqual(80);
    // A machine that stands still drops more; those that found a VU have run all the same.
    expect(dropped).toBeLessThan(1_000);
    expect(summary.accounting.dropped).toBe(dropped);
    expect(valueOf(summary, "iterations", "count")).toBe(1_000 - dropped);
    expect(ended.stdout).toMatch(/dropped_iterations/);
    expect(ended.output).toMatch(new RegExp(`${dropped}[^\n]*dropped|dropped[^\n]*${dropped}`, "i"));
  });
});

test("a second's trends hold the samples of that second, not those of its neighbours", async () => {
  const ended = await submit(
    `
    export const options = { scenarios: { open: {
      executor: "constant-arrival-rate", rate: 200, duration: "5s", preAllocatedVUs: 10, maxVUs: 50,
    } } };
    export default async ({ sleep }) => { await sleep("5ms"); };`,
    ["--cores", "2", "-o", "json=out.json"],
  );
  expect(summaryOf(ended).accounting).toMatchObject({ scheduled: 1_000 });
  const text = await Bun.file(join(ended.dir, "out.json")).text();
  const points = text
    .trim()
    .split("\n")
    .map((line) => PointSchema.parse(JSON.parse(line)))
    .filter(({ type }) => type === "Point");
  const bySecond = (wanted: string) =>
    points
      .filter(({ metric }) => metric === wanted)
      .map(({ data: { time, count, value } }) => ({ time, count: count ?? value ?? 0 }));
  const samples = bySecond("response_time");
  // However even its pace is: in each second as many samples as iterations that ended in it.
  expect(samples).toEqual(bySecond("iterations"));
  // Nothing ends in a second that the machine stood through.
  expect(samples.length).toBeGreaterThanOrEqual(2);
  const sum = samples.reduce((total, { count }) => total + count, 0);
  expect(sum).toBe(valueOf(summaryOf(ended), "response_time", "count") ?? -1);
});
