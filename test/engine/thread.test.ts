// Goal: an engine thread reports when it is asked to, and at once when it sends faster than its reports said. Method: a
// real thread against a server of the test; how fast it sends is the workflow's doing.

import { expect, test } from "bun:test";
import type { EngineReply, EngineRequest } from "../../src/engine/messages.ts";
import { createThreads } from "../../src/io/threads.ts";
import type { Executor } from "../../src/load/plan.ts";
import { type Snapshot, UNSTEERED } from "../../src/load/share.ts";
import { prepareShare, TOKEN } from "./prepared.ts";

/** Waits 20 ms before every request until `slowMs` have passed. */
const CODE = `export default async ({ http, sleep, env, iteration }) => {
  globalThis.beganMs ??= performance.now();
  if (performance.now() - globalThis.beganMs < Number(env.SLOW_MS)) await sleep(0.02);
  await http.get(env.TARGET);
};`;

function snapshotsOf(slowMs: number): Promise<readonly Snapshot[]> {
  return snapshotsWith(CODE, { kind: "constant-vus", vus: 2, durationMs: 1_900 }, { slowMs, reportMs: 1_000 });
}

async function snapshotsWith(
  code: string,
  executor: Executor,
  { slowMs, reportMs }: { readonly slowMs: number; readonly reportMs: number },
): Promise<readonly Snapshot[]> {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("ok") });
  const thread = createThreads<EngineRequest, EngineReply>().spawn();
  const snapshots: Snapshot[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      thread.onCrash((message) => reject(new Error(message)));
      thread.onReply((reply) => {
        if (reply.kind === "broken") reject(new Error(reply.message));
        if (reply.kind === "snapshot") snapshots.push(reply.snapshot);
        if (reply.kind === "ended") resolve();
        if (reply.kind !== "ready") return;
        const atEpochMs = performance.timeOrigin + performance.now();
        thread.post({ kind: "start", token: TOKEN, atEpochMs, jobStartEpochMs: atEpochMs, steering: UNSTEERED });
      });
      thread.post(
        prepareShare({
          executor,
          bundle: { code, entry: "test.ts", files: {} },
          env: { TARGET: server.url.href, SLOW_MS: String(slowMs) },
          reportMs,
        }),
      );
    });
  } finally {
    thread.terminate();
    await server.stop(true);
  }
  return snapshots;
}

function requestsOf({ series }: Snapshot): number {
  return series.reduce((sum, { id, cells }) => sum + (id.metric === "http_reqs" && "sum" in cells ? cells.sum : 0), 0);
}

/** Requests until then, at nearly the pace of an early report: one and a half times what was told. */
function paced(told: Snapshot, elapsedMs: number): number {
  return requestsOf(told) + 1.4 * (requestsOf(told) / told.elapsedMs) * (elapsedMs - told.elapsedMs);
}

test("a report comes when it is due, and no other without more requests than the pace so far accounts for", async () => {
  const snapshots = await snapshotsOf(Infinity);
  const [told, ...later] = snapshots;
  expect(told?.content).toBe("changed");
  expect(snapshots.at(-1)).toMatchObject({ content: "all", isFinal: true });
  if (told === undefined) throw new Error("no report");
  for (const [at, early] of later.entries()) {
    const before = snapshots[at];
    if (early.content !== "scalars" || before === undefined) continue;
    expect(requestsOf(early) - requestsOf(before)).toBeGreaterThan(
      paced(told, early.elapsedMs) - paced(told, before.elapsedMs),
    );
  }
});

test("who sends faster than its reports said reports at once, with all requests so far", async () => {
  let snapshots = await snapshotsOf(1_300);
  // A thread that is not let run when the report is due has nothing to say early: it is tried again.
  for (let tries = 1; tries < 4 && snapshots[1]?.content !== "scalars"; tries++) snapshots = await snapshotsOf(1_300);
  expect(snapshots.map(({ content }) => content).slice(0, 2)).toEqual(["changed", "scalars"]);
  const [told, early, ...later] = snapshots;
  if (told === undefined || early === undefined) throw new Error("no early report");
  expect(requestsOf(early)).toBeGreaterThan(paced(told, early.elapsedMs));
  const last = later.at(-1);
  expect(last?.isFinal).toBe(true);
  expect(last === undefined ? 0 : requestsOf(last)).toBe(last?.accounting.completed ?? Number.NaN);
});

test("a share whose VUs end within its first second tells of them, though others outlast it", async () => {
  const code = "export default async ({ id, sleep }) => sleep(id < 3 ? 0.01 : 1.2);";
  const executor = { kind: "per-vu-iterations", vus: 3, iterations: 1, maxDurationMs: 5_000 } as const;
  const snapshots = await snapshotsWith(code, executor, { slowMs: 0, reportMs: 1_000 });
  expect(Math.max(...snapshots.map(({ vus }) => vus))).toBe(3);
});

test("a share that ends within a second tells the most VUs it had, not only those of its last reports", async () => {
  const code = "export default async ({ id, sleep }) => sleep(id < 3 ? 0.01 : 0.3);";
  const executor = { kind: "per-vu-iterations", vus: 3, iterations: 1, maxDurationMs: 5_000 } as const;
  const snapshots = await snapshotsWith(code, executor, { slowMs: 0, reportMs: 100 });
  expect(Math.max(...snapshots.map(({ vus }) => vus))).toBe(3);
});
