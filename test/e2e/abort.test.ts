// Goal: a threshold on merged data that is to end the test does so within 2 s on a cluster, wherever the load runs.
// Method: a manager and two workers of the built executable; the target says when the last request came.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { startTarget } from "../target/start.ts";
import { Cluster, sentOf } from "./cluster.ts";
import { removeDirs, summaryOf } from "./run.ts";

setDefaultTimeout(60_000);
afterAll(removeDirs);

/** The threshold is false from this count on; what comes later than this after it is too late. */
const REQUESTS = 400;
const STOP_MS_MAX = 2_000;

test("[MW-9.1.3] a threshold with abortOnFail ends a job on two workers within 2 s of being false", async () => {
  await using target = await startTarget();
  await using cluster = await Cluster.start();
  const source = `
    export const options = {
      vus: 8, duration: "30s",
      thresholds: { http_reqs: [{ threshold: "count<${REQUESTS}", abortOnFail: true }] },
    };
    export default async ({ http, sleep }) => { await http.get("${target.url}/"); await sleep(0.02); };`;
  const times: number[] = [];
  let isOver = false;
  const watching = (async () => {
    for (let before = 0; !isOver; await Bun.sleep(50)) {
      const { total } = await target.counts();
      if (before < REQUESTS && total >= REQUESTS) times.push(performance.now());
      if (total > before && times.length > 0) times[1] = performance.now();
      before = total;
    }
  })();
  const ended = await cluster.submit(source, []);
  isOver = true;
  await watching;
  expect(ended.exitCode, ended.output).toBe(99);
  const summary = summaryOf(ended);
  expect(summary.generator.nodes).toHaveLength(2);
  expect((await target.counts()).total).toBe(sentOf(summary));
  const [falseAtMs = Infinity, lastAtMs = Infinity] = times;
  expect(lastAtMs - falseAtMs).toBeLessThan(STOP_MS_MAX + 100);
});
