// One whole job on real engine threads against a server on loopback: the parts that pretend elsewhere fit the real
// ones. The server's own count is the judge. Ends with the job; no waiting on time.

import { expect, test } from "bun:test";
import type { EngineReply, EngineRequest } from "../../src/engine/messages.ts";
import { createWorld } from "../../src/io/real-world.ts";
import { select } from "../../src/load/merge.ts";
import type { JobResult } from "../../src/load/result.ts";
import { runEmbedded } from "../../src/node/embedded.ts";
import { jobPlan, workflowPlan } from "./plans.ts";

test("[MW-8.2.1] [MW-8.3.2] [LD-36.3.1] setup, two workflows with a value handed on, and teardown: the server's count is the job's", async () => {
  const paths = new Map<string, number>();
  const server = Bun.serve({
    port: 0,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      paths.set(pathname, (paths.get(pathname) ?? 0) + 1);
      return new Response("ok");
    },
  });
  const code = `
    const at = (path) => "${server.url}" + path;
    export async function setup({ http }) { await http.get(at("setup")); return { user: "ada" }; }
    export async function login({ http, provide }, data) {
      await http.get(at("login/" + data.user));
      provide("token", "t1");
    }
    export async function browse({ http, context }) { await http.get(at("browse/" + context.token)); }
    export async function teardown({ http }, data) { await http.get(at("teardown/" + data.user)); }`;
  const executor = { kind: "shared-iterations", vus: 4, iterations: 50, maxDurationMs: 20_000 } as const;
  const plan = jobPlan({
    setup: { timeoutMs: 10_000 },
    teardown: { timeoutMs: 10_000 },
    workflows: [
      workflowPlan("login", {
        run: { kind: "export", name: "login" },
        executor: { ...executor, vus: 1, iterations: 1 },
      }),
      workflowPlan("browse", { run: { kind: "export", name: "browse" }, after: ["login"], executor }),
    ],
  });
  const result = await new Promise<JobResult>((resolve) => {
    const job = runEmbedded({
      world: createWorld<EngineRequest, EngineReply>(),
      id: "j",
      plan,
      bundle: { code, entry: "test.ts", files: {} },
      cores: 2,
      memoryMaxBytes: null,
      onEvent: (event) => {
        if (event.kind !== "finished") return;
        job.close();
        resolve(event.result);
      },
    });
  });
  await server.stop(true);
  expect(result).toMatchObject({ state: "completed", reason: "", errorCode: null });
  expect(Object.fromEntries(paths)).toEqual({ "/setup": 1, "/login/ada": 1, "/browse/t1": 50, "/teardown/ada": 1 });
  const counts = result.workflows.map(({ name, series }) => {
    const cells = select(series, "http_reqs", {});
    return [name, cells?.type === "counter" ? cells.count : 0];
  });
  expect(Object.fromEntries(counts)).toEqual({ login: 1, browse: 50, "::setup": 1, "::teardown": 1 });
  // As in k6, what setup and teardown measure is in a group of theirs.
  const groups = result.workflows.map(({ series }) => [...new Set(series.map(({ id }) => id.tags["group"]))]);
  expect(groups).toEqual([[undefined], [undefined], ["::setup"], ["::teardown"]]);
  expect(result.workflows.map(({ accounting: { unsent, completed } }) => [completed, unsent])).toEqual([
    [1, 0],
    [50, 0],
    [1, 0],
    [1, 0],
  ]);
});
