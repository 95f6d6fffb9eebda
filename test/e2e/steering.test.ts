// Goal: people pause, resume and scale a job that runs on a cluster, its counts stay exact, and what cannot be done is
// refused by name. Method: processes of the built executable and one job with an arrival rate beside looping VUs; the
// target tells what was really sent, and by which VU.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { startTarget } from "../target/start.ts";
import { Cluster, eventually, sentOf } from "./cluster.ts";
import { removeDirs, run, summaryOf } from "./run.ts";

setDefaultTimeout(90_000);
afterAll(removeDirs);

const PAUSE_MS = 2_000;

test("a pause of 2 s costs no arrival and no count; a workflow is scaled up and down while it runs", async () => {
  await using target = await startTarget();
  await using cluster = await Cluster.start();
  const source = `
    export const options = { scenarios: {
      steady: { executor: "constant-arrival-rate", rate: 50, duration: "6s", preAllocatedVUs: 200, exec: "steady" },
      loop: { executor: "constant-vus", vus: 2, duration: "6s", exec: "loop" },
    } };
    export const steady = ({ http }) => http.get("${target.url}/steady");
    export const loop = async ({ http, id, sleep }) => { await http.get("${target.url}/seen?vu=" + id); await sleep(0.05); };`;
  const tell = async (command: string, ...args: readonly string[]): Promise<string> => {
    const ended = await cluster.run([command, "job", ...args]);
    return `${ended.exitCode} ${ended.stderr.trim()}`;
  };
  const total = async (): Promise<number> => (await target.counts()).total;
  const vus = async (): Promise<number> =>
    Object.keys((await target.counts()).paths).filter((path) => path.startsWith("/seen")).length;
  const running = cluster.submit(source, ["--id", "job"]);
  await eventually("the first requests", async () => (await total()) > 20);
  expect(await vus()).toBe(2);

  expect(await tell("pause")).toStartWith("0 job job is paused");
  await eventually("the pause to be seen", async () => (await cluster.status()).jobs[0]?.isPaused === true);
  const before = await total();
  await Bun.sleep(PAUSE_MS);
  const refusals: readonly (readonly [args: readonly string[], text: string])[] = [
    [
      ["scale", "job", "--workflow", "steady", "--vus", "3"],
      'workflow "steady" cannot be scaled: its executor is constant-arr',
    ],
    [["scale", "job", "--workflow", "lop", "--vus", "3"], 'the job has no workflow "lop"'],
    [["scale", "job", "--vus", "0"], '--vus: "0" is no whole number of at least 1'],
    [["scale", "job"], "--vus: how many virtual users the workflow shall have is missing"],
    [["pause", "nobody"], "there is no job nobody"],
  ];
  // A job that is paused does not end meanwhile.
  for (const refused of refusals.map(async ([args, text]) => ({ args, text, ended: await cluster.run(args) }))) {
    const { args, text, ended } = await refused;
    expect(ended.stderr).toContain(text);
    expect(ended.exitCode, args.join(" ")).toBe(104);
  }
  const alone = await run(["pause", "job"]);
  expect(alone.exitCode).toBe(104);
  expect(alone.stderr).toContain("--managers");

  // Of about 180 that would have come; what was on its way when the pause was seen may still arrive.
  expect((await total()) - before).toBeLessThanOrEqual(30);
  expect(await tell("resume")).toBe("0 job job goes on");
  await eventually("it to go on", async () => (await total()) > before + 20);

  expect(await tell("scale", "--vus", "7")).toBe(
    "0 the one workflow of job job that can be scaled has 7 virtual users from now on",
  );
  await eventually("seven looping VUs", async () => (await vus()) === 7);
  expect(await tell("scale", "--vus", "1", "--workflow", "loop")).toStartWith('0 workflow "loop" of job job has 1');

  const ended = await running;
  expect(ended.exitCode, ended.output).toBe(0);
  const summary = summaryOf(ended);
  expect(summary.accounting).toMatchObject({ unreportedMax: 0, late: 0 });
  expect(await total()).toBe(sentOf(summary));
  expect((await target.counts()).paths["/steady"]).toBe(300);
  const { durationMs, pausedMs } = summary.job;
  expect(Number(pausedMs)).toBeGreaterThanOrEqual(PAUSE_MS);
  expect(durationMs).toBeGreaterThanOrEqual(6_000 + Number(pausedMs) - 50);
  const rate = summary.workflows["steady"]?.metrics["http_reqs"]?.values["rate"] ?? 0;
  expect(rate).toBeGreaterThan(40);
  expect(rate).toBeLessThan(52);
  expect(ended.stdout).toContain("of them paused");

  expect(await tell("pause")).toStartWith("104 ");
  expect(await tell("resume")).toBe("104 error: job job has ended already");
});
