// Cost of the HTTP client alone: 64 loops of keep-alive GETs against a URL for some seconds, on this thread.
// Run: taskset -c 0 bun bench/micro/http-client.ts http://127.0.0.1:8080/ [seconds=5] [loops=64]
// Prints requests/s and CPU us/request of this process. Compare with `taskset -c 0 wrk -t1 -c64 -d5 URL`, in turns.

import { HttpClient } from "../../src/engine/http/client.ts";
import { HttpCore } from "../../src/engine/http/core.ts";
import type { Exchange } from "../../src/engine/http/owner.ts";
import { HTTP_DEFAULTS } from "../../src/load/options/http.ts";
import type { HttpPlan } from "../../src/load/plan.ts";

const [url = "http://127.0.0.1:8080/", seconds = "5", loops = "64"] = process.argv.slice(2);
const plan: HttpPlan = { ...HTTP_DEFAULTS, insecureSkipTlsVerify: true };

class Count {
  readonly isStopping = false;
  requests = 0;
  failed = 0;
  waitingMs = 0;
  record(exchange: Exchange): void {
    this.requests++;
    this.waitingMs += exchange.waitingMs;
    if (!exchange.isExpected) this.failed++;
  }
}

const core = new HttpCore(plan);
const count = new Count();
let isOver = false;
async function loop(): Promise<void> {
  const http = new HttpClient(core, count);
  while (!isOver) {
    const response = await http.get(url);
    if (response.error !== "") throw new Error(response.error);
  }
  http.close();
}
const running = Array.from({ length: Number(loops) }, loop);
await Bun.sleep(1_000);
const before = { requests: count.requests, cpu: process.cpuUsage(), atMs: performance.now() };
await Bun.sleep(Number(seconds) * 1_000);
const cpu = process.cpuUsage(before.cpu);
const requests = count.requests - before.requests;
const rate = (requests / (performance.now() - before.atMs)) * 1_000;
const memory = process.memoryUsage.rss() / 1_048_576;
console.log(
  `${rate.toFixed(0)} requests/s, ${((cpu.user + cpu.system) / requests).toFixed(2)} us CPU/request ` +
    `(user ${(cpu.user / requests).toFixed(2)}), ` +
    `${count.failed} failed, ${(count.waitingMs / count.requests).toFixed(2)} ms mean wait, ${memory.toFixed(0)} MiB`,
);
isOver = true;
await Promise.all(running);
core.close();
