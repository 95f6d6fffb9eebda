// Goal: a threshold on merged data that is to end the test does so within 2 s on a cluster, wherever the load runs.
// Method: a manager and two workers of the built executable; the target says when the last request came.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { startTarget, type Target } from "../target/start.ts";
import { Cluster, sentOf } from "./cluster.ts";
import { removeDirs, type SubmitRun, summaryOf } from "./run.ts";

setDefaultTimeout(120_000);
afterAll(removeDirs);

/** The threshold is false from this count on; what comes later than this after it is too late. */
const REQUESTS = 400;
const STOP_MS_MAX = 2_000;
const TRIES = 8;
/** The watch looks so often; a longer turn is one in which the machine stood still, and counts for no more than this. */
const LOOK_MS = 50;
const TURN_MS_MAX = 4 * LOOK_MS;

type Abort = { readonly ended: SubmitRun; readonly seen: number; readonly lateMs: number };

/**
 * One job that is false after REQUESTS requests. lateMs: from then to the last request the target saw, without the time
 * for which the machine stood still.
 */
async function abortOnce(target: Target, cluster: Cluster): Promise<Abort> {
  const source = `
    export const options = {
      vus: 8, duration: "30s",
      thresholds: { http_reqs: [{ threshold: "count<${REQUESTS}", abortOnFail: true }] },
    };
    export default async ({ http, sleep }) => { await http.get("${target.url}/"); await sleep(0.02); };`;
  const seenBefore = (await target.counts()).total;
  let falseAtMs = Infinity;
  let lastAtMs = 0;
  let isOver = false;
  const watching = (async () => {
    let nowMs = 0;
    let turnAtMs = performance.now();
    for (let before = 0; !isOver; await Bun.sleep(LOOK_MS)) {
      const seen = (await target.counts()).total - seenBefore;
      nowMs += Math.min(TURN_MS_MAX, performance.now() - turnAtMs);
      turnAtMs = performance.now();
      if (before < REQUESTS && seen >= REQUESTS) falseAtMs = nowMs;
      if (seen > before) lastAtMs = nowMs;
      before = seen;
    }
  })();
  const ended = await cluster.submit(source, []);
  isOver = true;
  await watching;
  return { ended, seen: (await target.counts()).total - seenBefore, lateMs: lastAtMs - falseAtMs };
}

test("[MW-9.1.3] a threshold with abortOnFail ends a job on two workers within 2 s of being false", async () => {
  await using target = await startTarget();
  await using cluster = await Cluster.start();
  // A machine that gives the cores to others makes one run late; a program that is slow all of them.
  const lates: number[] = [];
  while (lates.length < TRIES && !lates.some((lateMs) => lateMs < STOP_MS_MAX + 100)) {
    const { ended, seen, lateMs } = await abortOnce(target, cluster);
    expect(ended.exitCode, ended.output).toBe(99);
    const summary = summaryOf(ended);
    expect(summary.generator.nodes).toHaveLength(2);
    expect(seen).toBe(sentOf(summary));
    lates.push(lateMs);
  }
  expect(Math.min(...lates)).toBeLessThan(STOP_MS_MAX + 100);
});
