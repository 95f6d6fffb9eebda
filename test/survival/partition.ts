// Cuts a real cluster apart, each node on a machine (network namespace) of its own, in the middle of a job: the minority
// acknowledges nothing, the majority goes on, after the cut is healed all agree again in time, the job is counted right
// and no work was done twice at once. Exit code 1 when one round is not so. Linux as root.
// Usage: bun run partition [--rounds 1] [--only "leader alone,worker alone"] [--seconds 30]

import { join } from "node:path";
import { parseArgs } from "node:util";
import type { NodeStatus } from "../../src/node/status.ts";
import { Cluster, eventually } from "../e2e/cluster.ts";
import { executable, freshDir, removeDirs, run } from "../e2e/run.ts";
import { Hosts } from "./hosts.ts";
import { judgeJob } from "./judge.ts";
import { startTarget } from "./start-target.ts";
import { WORKFLOWS } from "./workflows.ts";

/** Issue's promises: heal converges, and a worker that is cut off has its work elsewhere after lease and some. */
const HEAL_MS = 5_000;
const MOVE_MS = 13_000;
/** How long a submit to a minority is waited for, and how long a cut lasts at least. */
const REFUSED_MS = 6_000;
const CUT_MS = 16_000;

type Cut = {
  /** The node that is cut off: of the managers the leader or a follower, or a worker. */
  readonly who: "leader" | "follower" | "worker";
  /** Which way nothing is heard, as seen from the rest. */
  readonly ways: "both" | "in" | "out";
};

const CUTS: Readonly<Record<string, Cut>> = {
  "leader alone": { who: "leader", ways: "both" },
  "follower alone": { who: "follower", ways: "both" },
  "leader deaf": { who: "leader", ways: "in" },
  "leader mute": { who: "leader", ways: "out" },
  "follower deaf": { who: "follower", ways: "in" },
  "follower mute": { who: "follower", ways: "out" },
  "worker alone": { who: "worker", ways: "both" },
};

async function round(kind: string, cut: Cut, seconds: number): Promise<readonly string[]> {
  const hosts = await Hosts.create(5);
  const key = join(freshDir(), "cluster.key");
  await run(["key", "create", "--out", key]);
  await using target = await startTarget(hosts.here);
  const cluster = await Cluster.start(hosts.places(["--key-file", key]), ["--key-file", key]);
  try {
    const workflow = WORKFLOWS["constant-vus"];
    if (workflow === undefined) throw new Error("no workflow");
    const submitted = cluster.submit(workflow(target.url, seconds), ["--id", "job"], { deadlineMs: 180_000 });
    await eventually("the load", async () => (await target.log()).length >= 1_000);
    await eventually("a leader", async () => (await cluster.status()).leader !== null);
    const status = await cluster.status();
    const leader = cluster.nameOf(status, status.leader);
    const follower = ["m0", "m1", "m2"].find((name) => name !== leader) ?? "m0";
    const name = cut.who === "leader" ? leader : cut.who === "follower" ? follower : "w0";
    const atMs = await target.now();
    await cutOff(hosts, cluster, name, cut.ways);
    const problems: string[] = [];
    const cutAtMs = performance.now();
    if (cut.who !== "worker") problems.push(...(await duringCut(cluster, name, key, cut)));
    await Bun.sleep(Math.max(0, CUT_MS - (performance.now() - cutAtMs)));
    await hosts.heal();
    const healedAtMs = performance.now();
    await eventually("all to agree again", () => agree(cluster));
    const healMs = performance.now() - healedAtMs;
    if (healMs > HEAL_MS) problems.push(`they agreed ${healMs.toFixed(0)} ms after the cut was healed`);
    const isWorker = cut.who === "worker";
    const judged = judgeJob(
      { moveMsMax: isWorker ? MOVE_MS : null, isTotal: false },
      await submitted,
      await target.log(),
      atMs,
    );
    console.log(`       ${kind}: healed after ${healMs.toFixed(0)} ms; ${judged.text}`);
    return [...problems, ...judged.problems];
  } finally {
    await cluster.stop();
    await hosts.remove();
  }
}

/** Managers and workers alike; the target stays in reach. */
async function cutOff(hosts: Hosts, cluster: Cluster, name: string, ways: Cut["ways"]): Promise<void> {
  const own = cluster.node(name).place.host;
  for (const { place } of cluster.nodes.values()) {
    if (place.host === own) continue;
    if (ways !== "in") await hosts.cut(own, place.host);
    if (ways !== "out") await hosts.cut(place.host, own);
  }
}

/** A submit to the one that is alone is not acknowledged, one to the others is. Out: what was not so. */
async function duringCut(cluster: Cluster, alone: string, key: string, { ways }: Cut): Promise<readonly string[]> {
  const problems: string[] = [];
  const others = ["m0", "m1", "m2"].filter((name) => name !== alone).map((name) => cluster.addressOf(name));
  const began = performance.now();
  const args = ["-i", "1", "-u", "1", "--detach", "-q", "--key-file", key];
  const minority = run(
    ["submit", "http://127.0.0.1:9/", "--id", "minority", ...args, "--managers", cluster.addressOf(alone)],
    {
      signals: [{ signal: "SIGKILL", when: () => performance.now() - began > REFUSED_MS }],
    },
  );
  const majority = await run([
    "submit",
    "http://127.0.0.1:9/",
    "--id",
    "majority",
    ...args,
    "--managers",
    others.join(","),
  ]);
  const tookMs = performance.now() - began;
  console.log(`       the majority acknowledged a submit ${tookMs.toFixed(0)} ms after the cut`);
  if (majority.exitCode !== 0) problems.push(`the majority refused a submit: ${majority.output}`);
  const ended = await minority;
  // One that still hears, or is still heard, may pass a submit on; one that is cut off both ways cannot.
  if (ways === "both" && (ended.exitCode === 0 || ended.stdout.includes("minority")))
    problems.push(`the minority acknowledged a submit: ${ended.output}`);
  return problems;
}

async function agree(cluster: Cluster): Promise<boolean> {
  const seen: NodeStatus[] = [];
  for (const name of ["m0", "m1", "m2"]) seen.push(await cluster.status(name));
  const [first] = seen;
  return seen.every(
    ({ leader, quorum, members }) =>
      leader !== null &&
      leader === first?.leader &&
      quorum?.have === 3 &&
      members.every(({ status }) => status === "alive"),
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "1" },
      seconds: { type: "string", default: "30" },
      only: { type: "string", default: Object.keys(CUTS).join(",") },
    },
  });
  await executable();
  let failed = 0;
  for (const kind of values.only.split(",")) {
    const cut = CUTS[kind];
    if (cut === undefined) throw new Error(`there is no cut "${kind}": ${Object.keys(CUTS).join(", ")}`);
    for (let at = 0; at < Number(values.rounds); at++) {
      const problems = await round(kind, cut, Number(values.seconds));
      console.log(`${problems.length === 0 ? "kept  " : "BROKEN"} ${kind}`);
      for (const problem of problems) console.log(`       ${problem}`);
      if (problems.length > 0) failed++;
      removeDirs();
    }
  }
  console.log(`${failed} rounds broken`);
  if (failed > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
