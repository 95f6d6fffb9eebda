// One engine thread and nothing else: no manager, no worker, no reports but the last. Does what work/one-get.ts says for
// some seconds and prints its count and rate as JSON. Run by embedded.ts, pinned to a core.
// Usage: bun bench/engine-alone.ts URL VUS SECONDS

import { join } from "node:path";
import { bundleFile } from "../src/engine/bundle.ts";
import type { EngineReply, EngineRequest } from "../src/engine/messages.ts";
import { createThreads } from "../src/io/threads.ts";
import { type Snapshot, UNSTEERED } from "../src/load/share.ts";
import { prepareShare, TOKEN } from "../test/engine/prepared.ts";

const [url = "", vus = "64", seconds = "10"] = Bun.argv.slice(2);
const source = await bundleFile(join(import.meta.dir, "work/one-get.ts"));
const thread = createThreads<EngineRequest, EngineReply>().spawn();
let last: Snapshot | null = null;
thread.onCrash((message) => {
  throw new Error(message);
});
thread.onReply((reply) => {
  switch (reply.kind) {
    case "ready": {
      const atEpochMs = performance.timeOrigin + performance.now() + 50;
      thread.post({ kind: "start", token: TOKEN, atEpochMs, jobStartEpochMs: atEpochMs, steering: UNSTEERED });
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
thread.post(
  prepareShare({
    executor: { kind: "constant-vus", vus: Number(vus), durationMs: Number(seconds) * 1_000 },
    bundle: { code: source.code, entry: source.entry, files: {} },
    env: { TARGET: url },
    reportMs: 1_000,
  }),
);
