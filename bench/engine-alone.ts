// One engine thread and nothing else: no manager, no worker, no reports but the last. Does what work/one-get.ts says for
// some seconds and prints its count and rate as JSON. Run by embedded.ts, pinned to a core.
// Usage: bun bench/engine-alone.ts URL VUS SECONDS

import { join } from "node:path";
import { Board } from "../src/engine/board.ts";
import { bundleFile } from "../src/engine/bundle.ts";
import { createFeedCursors } from "../src/engine/feed-cursors.ts";
import type { EngineReply, EngineRequest } from "../src/engine/messages.ts";
import { createThreads } from "../src/io/threads.ts";
import type { Executor } from "../src/load/plan.ts";
import { type Snapshot, UNSTEERED } from "../src/load/share.ts";
import { jobPlan, workflowPlan } from "../test/node/plans.ts";

const [url = "", vus = "64", seconds = "10"] = Bun.argv.slice(2);
const source = await bundleFile(join(import.meta.dir, "work/one-get.ts"));
const executor: Executor = { kind: "constant-vus", vus: Number(vus), durationMs: Number(seconds) * 1_000 };
const env = { TARGET: url };
const plan = jobPlan({ workflows: [workflowPlan("default", { executor })], env });
const thread = createThreads<EngineRequest, EngineReply>().spawn();
const permit = new Float64Array(new SharedArrayBuffer(8)).fill(Infinity);
const attempt = { job: "alone", workflow: "default", share: 0, attempt: 1, token: 1 };
let last: Snapshot | null = null;
thread.onCrash((message) => {
  throw new Error(message);
});
thread.onReply((reply) => {
  switch (reply.kind) {
    case "ready": {
      const atEpochMs = performance.timeOrigin + performance.now() + 50;
      thread.post({ kind: "start", token: 1, atEpochMs, jobStartEpochMs: atEpochMs, steering: UNSTEERED });
      return;
    }
    case "snapshot":
      last = reply.snapshot;
      return;
    case "broken":
      throw new Error(reply.message);
    case "ended": {
      if (last === null) throw new Error("it ended without a word");
      const requests = last.accounting.completed;
      console.log(JSON.stringify({ requests, perSecond: requests / (last.elapsedMs / 1_000) }));
      process.exit(0);
    }
  }
});
thread.post({
  kind: "prepare",
  board: new Board().shared,
  permit: permit.buffer,
  feedCursors: createFeedCursors(0),
  attempt,
  spec: {
    workflow: "default",
    share: 0,
    shares: 1,
    executor,
    vuBase: 0,
    startTimeMs: 0,
    gracefulStopMs: 5_000,
    minIterationDurationMs: 0,
    resume: null,
  },
  run: { kind: "export", name: "default" },
  plan,
  http: plan.http,
  bundle: { code: source.code, entry: source.entry, files: {} },
  tags: { workflow: "default" },
  env,
  context: {},
  setupData: null,
  reportMs: 1_000,
});
