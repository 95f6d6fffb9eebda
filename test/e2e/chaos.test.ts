// Goal: `chaos` hurts nodes of the built executable as it says, every fault ends by itself, and nothing else is touched.
// Method: three managers and two workers with --chaos in a registry of their own, one after another of its actions, seen
// from outside: processes, statuses, who acknowledges a submit; and a short random run, whose verdict has to hold.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { EXIT_UNPROVEN } from "../../src/cli/exit.ts";
import { Cluster, eventually, type Place } from "./cluster.ts";
import { cleanEnv, executable, freshDir, removeDirs, run, type Run } from "./run.ts";

setDefaultTimeout(120_000);
afterAll(removeDirs);

const listSchema = z.strictObject({
  version: z.literal(1),
  nodes: z.array(
    z.strictObject({
      id: z.string(),
      role: z.enum(["manager", "worker"]),
      pid: z.number(),
      address: z.strictObject({ host: z.string(), tcp: z.number(), udp: z.number() }),
      data: z.string(),
      state: z.enum(["running", "paused", "gone", "stranger"]),
      why: z.string().nullable(),
      doesAnswer: z.boolean(),
      faults: z.array(z.looseObject({ kind: z.string(), text: z.string(), leftMs: z.number() })),
    }),
  ),
});
type Listed = z.infer<typeof listSchema>["nodes"][number];

const verdictSchema = z.looseObject({
  version: z.literal(1),
  verdict: z.enum(["held", "violated", "invalid"]),
  acknowledged: z.number(),
  lost: z.literal(0),
  duplicated: z.literal(0),
  overBound: z.literal(0),
  findings: z.array(z.unknown()),
  recovery: z.array(z.looseObject({ kind: z.string(), faults: z.number(), acknowledgedMsP50: z.number().nullable() })),
});

const JOB = `export const options = { vus: 1, iterations: 1 };
  export default async ({ sleep }) => { await sleep(0.01); };`;

/** A cluster under chaos. Nodes that `chaos restart` started are nobody's children: they are ended by their id. */
async function withChaos(
  prove: (cluster: Cluster, chaos: (line: string) => Promise<Run>) => Promise<void>,
): Promise<void> {
  const registry = freshDir();
  const args = ["--chaos", "--runtime-dir", registry];
  const place: Place = { host: "127.0.0.1", prefix: [], args };
  const chaos = (line: string): Promise<Run> =>
    run(["chaos", ...line.split(" "), "--runtime-dir", registry], { deadlineMs: 110_000 });
  const cluster = await Cluster.start(Array.from({ length: 5 }, () => place));
  try {
    await prove(cluster, chaos);
  } finally {
    for (const { pid, state } of await list(chaos)) if (state === "running" || state === "paused") process.kill(pid, 9);
    await cluster.stop();
  }
}

async function list(chaos: (line: string) => Promise<Run>): Promise<readonly Listed[]> {
  const listed = await chaos("list --json");
  expect(listed.exitCode, listed.output).toBe(0);
  return listSchema.parse(JSON.parse(listed.stdout)).nodes;
}

async function expectDone(ended: Run): Promise<void> {
  expect(ended.exitCode, ended.output).toBe(0);
}

test.concurrent("[LD-33.2.1] [LD-33.2.4] nodes suffer what they are ordered to, and recover by themselves", () =>
  withChaos(async (cluster, chaos) => {
    const nodes = await list(chaos);
    expect(nodes.map(({ role, state, doesAnswer }) => `${role} ${state} ${doesAnswer}`)).toEqual([
      ...Array.from({ length: 3 }, () => "manager running true"),
      ...Array.from({ length: 2 }, () => "worker running true"),
    ]);
    expect(cluster.node("m0").said).toContain("it takes fault orders (--chaos)");

    // Cut off from the others a leader acknowledges nothing, and they go on without it.
    await expectDone(await chaos("partition leader followers --for 2m"));
    // Who led at that moment: on a slow machine another may have led before.
    let leader = "";
    let other = "";
    await eventually("one to be alone, and the others to have a leader of theirs", async () => {
      const seen = new Map<string, string | null>();
      for (const name of ["m0", "m1", "m2"]) {
        const status = await cluster.status(name);
        seen.set(name, status.leader === null ? null : cluster.nameOf(status, status.leader));
      }
      leader = [...seen.keys()].find((name) => seen.get(name) === null) ?? "";
      other = [...seen.keys()].find((name) => name !== leader) ?? "";
      const led = [...seen.values()].filter((name) => name !== null);
      return led.length === 2 && new Set(led).size === 1 && !led.includes(leader);
    });
    const submitAt = (name: string, id: string): Promise<Run> =>
      run(["submit", "test.ts", "--detach", "--id", id, "--managers", cluster.addressOf(name)], {
        files: { "test.ts": JOB },
      });
    let isAcknowledged = false;
    const minority = submitAt(leader, "minority").finally(() => {
      isAcknowledged = true;
    });
    await expectDone(await submitAt(other, "majority"));
    expect((await cluster.status(other)).jobs.map(({ id }) => id)).toEqual(["majority"]);
    expect((await list(chaos)).filter(({ faults }) => faults.length > 0)).toHaveLength(3);
    expect([(await cluster.status(leader)).leader, isAcknowledged]).toEqual([null, false]);
    await expectDone(await chaos("heal"));
    await eventually("all to agree again", async () => {
      const status = await cluster.status(leader);
      return (
        status.quorum?.have === 3 && status.jobs.some(({ id, state }) => id === "majority" && state === "finished")
      );
    });
    await expectDone(await minority);
    // Nobody heals this one: it is over by itself.
    await expectDone(await chaos("isolate worker --for 2s"));
    await eventually("it to be over", async () => (await list(chaos)).every(({ faults }) => faults.length === 0));

    // A stopped process is woken by whom it told before it was stopped.
    await expectDone(await chaos("pause worker --for 4s"));
    expect((await list(chaos)).map(({ state }) => state)).toContain("paused");
    await eventually("it to go on by itself", async () =>
      (await list(chaos)).every(({ state }) => state === "running"),
    );

    // Slow syncs cost time, and no more. (What those cost that take longer than an election is simulated: this machine
    // may be starved by itself.)
    await expectDone(await chaos("disk slow 200ms managers --for 60s"));
    await expectDone(await submitAt("m0", "slow"));
    const slow = await list(chaos);
    expect(slow.flatMap(({ faults }) => faults.map(({ text }) => text))).toEqual(
      Array.from({ length: 3 }, () => "syncs 200ms slower"),
    );
    const healed = await chaos("heal");
    await expectDone(healed);
    expect(healed.stderr).toContain("is healed of 1");

    // Killed, and started again as it was.
    const [worker] = slow.filter(({ role }) => role === "worker");
    await expectDone(await chaos("kill leader"));
    await expectDone(await chaos(`kill ${worker?.id.slice(0, 8) ?? ""}`));
    expect((await list(chaos)).filter(({ state }) => state === "gone")).toHaveLength(2);
    // A role means who is gone, before who runs.
    await expectDone(await chaos("restart worker"));
    expect((await list(chaos)).filter(({ state }) => state === "gone").map(({ role }) => role)).toEqual(["manager"]);
    await expectDone(await chaos("restart manager"));
    const again = await list(chaos);
    expect(again.map(({ id, state }) => `${id} ${state}`)).toEqual(nodes.map(({ id }) => `${id} running`));
  }),
);

test.concurrent("a random run hurts a cluster under submits in every way of its profile, and its verdict holds", () =>
  withChaos(async (_cluster, chaos) => {
    const attempt = (): Promise<Run> => chaos("random --for 10s --seed 5 --profile network --json");
    let random = await attempt();
    // Ten seconds of a starved machine may be too few for every kind of fault: such a run says nothing, as it says.
    for (let tries = 1; tries < 3 && random.exitCode === EXIT_UNPROVEN; tries++) random = await attempt();
    const verdict = verdictSchema.parse(JSON.parse(random.stdout));
    expect(verdict.findings, random.stderr).toEqual([]);
    expect([random.exitCode, verdict.verdict], random.stderr).toEqual([0, "held"]);
    expect(verdict.recovery.map(({ faults }) => faults > 0)).toEqual(Array.from({ length: 5 }, () => true));
  }),
);

test.concurrent("a folder of nodes that is not there is named, and not made", async () => {
  const missing = join(freshDir(), "nods");
  for (const line of ["list", "kill leader", "random"]) {
    const ended = await run(["chaos", ...line.split(" "), "--runtime-dir", missing]);
    expect(ended.stderr).toContain(`--runtime-dir: there is no folder ${missing}`);
    expect(ended.exitCode).toBe(104);
  }
  expect(existsSync(missing)).toBe(false);
});

test.concurrent("what cannot be done is said, and nothing is touched", async () => {
  const empty = freshDir();
  const chaos = (line: string): Promise<Run> => run(["chaos", ...line.split(" "), "--runtime-dir", empty]);
  const refusals: readonly (readonly [line: string, exitCode: number, text: string])[] = [
    ["kill leader", 104, "no node on this machine runs with --chaos"],
    ["random", 104, "chaos random needs three managers and a worker with --chaos"],
    ["kil leader", 2, "did you mean kill?"],
    ["kill", 2, "a TARGET is missing"],
    ["kill leader worker", 2, 'unexpected argument "worker": chaos kill takes no more'],
    ["list all", 2, 'unexpected argument "all"'],
    ["disk", 2, "slow, eio or full is missing"],
    ["disk slwo 2s", 2, 'chaos disk has no "slwo"'],
    ["delay soon", 104, 'TIME: "soon" is no duration'],
    ["loss 120%", 104, "is no part of a whole"],
    ["random --profile wild", 104, "profiles: mixed, network, process, disk"],
    ["random --for 2s", 104, "is less than 10s"],
  ];
  for (const [line, exitCode, text] of refusals) {
    const ended = await chaos(line);
    expect(ended.stderr).toContain(text);
    expect(ended.exitCode, `${line}: ${ended.output}`).toBe(exitCode);
  }
  expect((await chaos("list")).stdout).toBe("no node on this machine runs with --chaos\n");
});

test.concurrent("a process that took the place of a node is not taken for it", async () => {
  const registry = freshDir();
  const data = freshDir();
  await using node = Bun.spawn(
    [await executable(), "manager", "--chaos", "--tcp", "0", "--data", data, "--runtime-dir", registry],
    { env: cleanEnv(data), stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  );
  const chaos = (line: string): Promise<Run> => run(["chaos", ...line.split(" "), "--runtime-dir", registry]);
  await eventually("it to register", async () => (await list(chaos)).length === 1);
  const folder = join(registry, "nodes");
  const file = readdirSync(folder).find((name) => name.endsWith(".json")) ?? "";
  const entry = z.looseObject({ startTime: z.string() }).parse(JSON.parse(readFileSync(join(folder, file), "utf8")));
  writeFileSync(join(folder, file), JSON.stringify({ ...entry, startTime: "17" }));
  const [listed] = await list(chaos);
  expect(listed).toMatchObject({ state: "stranger", pid: node.pid });
  const killed = await chaos(`kill ${listed?.id ?? ""}`);
  expect(killed.exitCode).toBe(104);
  expect(killed.stderr).toContain(`is not touched: process ${node.pid} started at tick`);
  expect(node.exitCode).toBeNull();
  // In order it leaves the registry.
  writeFileSync(join(folder, file), JSON.stringify(entry));
  node.kill("SIGTERM");
  await node.exited;
  expect(readdirSync(folder)).toEqual([]);
});
