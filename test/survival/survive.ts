// Kills, freezes and restarts nodes of a real cluster in the middle of jobs, again and again, and holds every job to
// what is promised: it completes, the target's own count is the summary's but for the bound that is printed, no work is
// done twice at once, and work that lost its worker goes on elsewhere in time. Exit code 1 when one round is not so.
// Usage: bun run survive [--rounds 3] [--seconds 20] [--only leader,worker] [--executors constant-vus,...] [--seed 1]

import { parseArgs } from "node:util";
import { createPrng, nextBelow, nextFloat, type Prng } from "../../src/base/prng.ts";
import { Cluster, eventually } from "../e2e/cluster.ts";
import { removeDirs } from "../e2e/run.ts";
import { judgeJob, type Round } from "./judge.ts";
import { startTarget } from "./start-target.ts";
import { WORKFLOWS } from "./workflows.ts";

/** design 6: the lease, and how long a move may take at most after certain death or after the lease. */
const LEASE_MS = 10_000;
const MOVE_MS = 3_000;
/** Frozen for longer than the lease, so that its work is elsewhere when it goes on. */
const FROZEN_MS = 16_000;
/** How often some nodes stand still one after the other, how many at most, and for how long: most of them shortly. */
const STALLS = 6;
const STALLED_MAX = 3;
const STALL_MS_MIN = 200;
const STALL_MS_MAX = 15_000;

type Scene = {
  readonly cluster: Cluster;
  readonly leader: string;
  readonly owner: string;
  readonly worker: string;
  readonly prng: Prng;
};
/** What is done to the cluster in the middle of a job, and what it may cost. */
type Disturbance = {
  readonly run: (scene: Scene) => Promise<void>;
  /** A worker is gone: requests may be unreported, and its work moves within so long. */
  readonly moveMsMax: number | null;
  /** Schedule added to that of the round. */
  readonly extraSeconds?: number;
  /** Everything stops with it: how long the work stands still is not judged. */
  readonly isTotal?: boolean;
};

const DISTURBANCES: Readonly<Record<string, Disturbance>> = {
  leader: { run: ({ cluster, leader }) => restart(cluster, [leader]), moveMsMax: null },
  owner: { run: ({ cluster, owner }) => restart(cluster, [owner]), moveMsMax: null },
  worker: { run: ({ cluster, worker }) => restart(cluster, [worker]), moveMsMax: MOVE_MS },
  frozen: {
    run: async ({ cluster, worker }) => {
      const node = cluster.node(worker);
      node.signal("SIGSTOP");
      await Bun.sleep(FROZEN_MS);
      node.signal("SIGCONT");
    },
    moveMsMax: LEASE_MS + MOVE_MS,
    extraSeconds: 14,
  },
  stalls: {
    run: async ({ cluster, prng }) => {
      for (let at = 0; at < STALLS; at++) {
        const nodes = [...cluster.nodes.values()];
        while (nodes.length > 1 + (at % STALLED_MAX)) nodes.splice(nextBelow(prng, nodes.length), 1);
        for (const node of nodes) node.signal("SIGSTOP");
        await Bun.sleep(STALL_MS_MIN + nextFloat(prng) ** 3 * (STALL_MS_MAX - STALL_MS_MIN));
        for (const node of nodes) node.signal("SIGCONT");
        await Bun.sleep(STALL_MS_MIN + nextFloat(prng) * 1_000);
      }
    },
    moveMsMax: Infinity,
    isTotal: true,
    extraSeconds: 20,
  },
  "worker and owner": {
    run: ({ cluster, worker, owner }) => restart(cluster, [worker, owner]),
    moveMsMax: Infinity,
    extraSeconds: 10,
  },
  majority: {
    run: async ({ cluster, leader }) => {
      const other = ["m0", "m1", "m2"].find((name) => name !== leader) ?? "m0";
      await restart(cluster, [leader, other], 4_000);
    },
    moveMsMax: null,
  },
  all: {
    run: ({ cluster }) => restart(cluster, [...cluster.nodes.keys()]),
    moveMsMax: Infinity,
    isTotal: true,
  },
};

/** Kills them at once, and starts them again after a while. */
async function restart(cluster: Cluster, names: readonly string[], downMs = 1_500): Promise<void> {
  await Promise.all(names.map((name) => cluster.node(name).end("SIGKILL")));
  await Bun.sleep(downMs);
  await Promise.all(names.map((name) => cluster.node(name).start()));
}

async function round(kind: string, executor: string, seconds: number, prng: Prng): Promise<Round> {
  const disturbance = DISTURBANCES[kind];
  const workflow = WORKFLOWS[executor];
  if (disturbance === undefined || workflow === undefined) throw new Error(`there is no ${kind} or no ${executor}`);
  await using target = await startTarget();
  const cluster = await Cluster.start();
  try {
    const source = workflow(target.url, seconds + (disturbance.extraSeconds ?? 0));
    const submitted = cluster.submit(source, ["--id", "job"], { deadlineMs: (seconds + 120) * 1_000 });
    const halfway = seconds * 60;
    const early = submitted.then(({ output }) =>
      Promise.reject(new Error(`it ended before it was disturbed: ${output}`)),
    );
    await Promise.race([eventually("half of the load", async () => (await target.log()).length >= halfway), early]);
    early.catch(() => {});
    const scene = { ...(await sceneOf(cluster)), prng };
    const atMs = await target.now();
    await disturbance.run(scene);
    return judgeJob(disturbance, await submitted, await target.log(), atMs);
  } finally {
    await cluster.stop();
  }
}

/** Who is who, as soon as somebody leads and the job is owned. */
async function sceneOf(cluster: Cluster): Promise<Omit<Scene, "prng">> {
  let scene: Omit<Scene, "prng"> | null = null;
  await eventually("a leader, and an owner of the job", async () => {
    const status = await cluster.status();
    const owner = status.jobs.find(({ id }) => id === "job")?.owner;
    if (status.leader === null || owner === null || owner === undefined) return false;
    scene = {
      cluster,
      leader: cluster.nameOf(status, status.leader),
      owner: cluster.nameOf(status, owner),
      worker: "w0",
    };
    return true;
  });
  if (scene === null) throw new Error("nobody leads");
  return scene;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "20" },
      only: { type: "string", default: Object.keys(DISTURBANCES).join(",") },
      seed: { type: "string", default: "1" },
      executors: { type: "string", default: Object.keys(WORKFLOWS).join(",") },
    },
  });
  const executors = values.executors.split(",");
  let failed = 0;
  for (const kind of values.only.split(",")) {
    const moves: number[] = [];
    for (let at = 0; at < Number(values.rounds); at++) {
      const executor = executors[at % executors.length] ?? "constant-vus";
      const prng = createPrng(Number(values.seed), `${kind} ${at}`);
      const { text, movedMs, problems } = await round(kind, executor, Number(values.seconds), prng);
      if (movedMs !== null) moves.push(movedMs);
      if (problems.length > 0) failed++;
      console.log(`${problems.length === 0 ? "kept  " : "BROKEN"} ${kind} gone, ${executor}: ${text}`);
      for (const problem of problems) console.log(`       ${problem}`);
      removeDirs();
    }
    if (moves.length > 0) console.log(`       moved after ${Math.max(...moves).toFixed(0)} ms at most`);
  }
  console.log(`${failed} rounds broken`);
  if (failed > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
