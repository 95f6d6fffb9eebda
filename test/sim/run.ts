// bun run sim: simulates clusters, seed after seed, and holds them to what they promise. Not part of the executable.
//
//   --seeds N         seeds to run (default 100)       --seed S      the first one, or the only one (default 1)
//   --nodes 3|5       managers (default: both)         --profile P   all, net, disk, crash, clock, calm, steer
//   --jobs J          processes (default 2)            --twice N     run the first N twice and compare traces
//   --without-faults 1,2 --without-actions 3,4         leave these out (of one seed)
//   --log             print what one seed logged       --sometimes   fail when something never happened
//   --shrink N        failures that are made smaller (default 2)

import { PROFILES, type Profile } from "../../src/sim/profile.ts";
import { judged, run, type RunOutcome, type RunPlan, type Strays } from "../../src/sim/run.ts";
import { commandOf, scheduleLines, shrink } from "../../src/sim/shrink.ts";
import { addTally, emptyTally, missingOf, planOf, swarm, type Tally, tallyLines } from "../../src/sim/swarm.ts";

/**
 * For a batch. What a run leaves behind is garbage almost to the last byte: a heap that may grow to half a gigabyte
 * before it is collected costs 5 % less time. Nothing here runs hot enough to be worth compiling again at the last tier
 * before it has run five times as often as usual: another 5 %.
 */
const RUNTIME = {
  BUN_JSC_smallHeapSize: "500000000",
  BUN_JSC_largeHeapSize: "500000000",
  BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: "300000",
};

/** Failures that are shrunk. */
const SHRUNK_MAX = 2;

const argv = process.argv.slice(2);
const has = (name: string): boolean => argv.includes(`--${name}`);
const valueOf = (name: string): string | null => {
  const at = argv.indexOf(`--${name}`);
  return at < 0 ? null : (argv[at + 1] ?? null);
};
const numberOf = (name: string, otherwise: number): number => Number(valueOf(name) ?? otherwise);
const numbersOf = (name: string): ReadonlySet<number> => new Set(valueOf(name)?.split(",").map(Number));
const profile: Profile = PROFILES.find((one) => one === valueOf("profile")) ?? "all";
const managers = valueOf("nodes") === null ? null : numberOf("nodes", 3);
const seed = numberOf("seed", 1);
const seeds = numberOf("seeds", valueOf("seed") === null ? 100 : 1);

/** What nobody caught; the simulator runs in this thread, so whatever it is, it is of the run at hand. */
const strays: Strays = [];
const gather = (thrown: unknown): void =>
  void strays.push(thrown instanceof Error ? (thrown.stack ?? String(thrown)) : String(thrown));
process.on("uncaughtException", gather);
process.on("unhandledRejection", gather);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const runOne = (plan: RunPlan): RunOutcome => run(plan, strays);

if (has("child")) await child();
else if (seeds === 1) await one();
else await many();

/** A part of a batch, for the process that started this one. */
async function child(): Promise<void> {
  const tally = await swarm(
    {
      next: nextSeed,
      managers,
      profile,
      isTwice: (one) => one - seed < numberOf("twice", 0),
      strays,
      settled,
    },
    ({ plan, violation }) => {
      if (violation !== null) console.error(`seed ${plan.seed}: ${violation.message.split("\n")[0]}`);
    },
  );
  console.log(JSON.stringify(tally));
  process.disconnect?.();
}

/** Asks the process that started this one. */
function nextSeed(): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  process.once("message", (answer: unknown) => resolve(typeof answer === "number" ? answer : null));
  process.send?.("next");
  return promise;
}

async function many(): Promise<void> {
  const startedMs = performance.now();
  const jobs = numberOf("jobs", 2);
  let at = 0;
  const take = (): number | null => (at < seeds ? seed + at++ : null);
  const parts = await Promise.all(Array.from({ length: Math.min(jobs, seeds) }, () => part(take)));
  const tally = parts.map((one) => one.tally).reduce(addTally, emptyTally());
  const cpuMs = parts.reduce((sum, one) => sum + one.cpuMs, 0);
  const seconds = (performance.now() - startedMs) / 1_000;
  console.log(tallyLines(tally).join("\n"));
  console.log(
    `${seconds.toFixed(1)} s, ${((tally.seeds * 60) / seconds).toFixed(0)} seeds a minute; ` +
      `${(cpuMs / tally.seeds).toFixed(0)} ms of CPU time a seed`,
  );
  const missing = missingOf(tally);
  if (missing.length > 0) console.log(`never happened: ${missing.join(", ")}`);
  for (const { seed: failed, managers: nodes, property, text } of tally.failures.slice(0, 20))
    console.log(`FAILED seed ${failed} (${nodes} managers) ${property}: ${text.split("\n")[0]}`);
  for (const failure of tally.failures.slice(0, numberOf("shrink", SHRUNK_MAX)))
    if (failure.property !== "trace") tellFailure({ ...planOf(failure.seed, { managers, profile }) });
  const isIncomplete = has("sometimes") && missing.length > 0;
  process.exitCode = tally.failures.length > 0 || isIncomplete ? 1 : 0;
}

/** One process, which takes seeds until there are no more. Out: CPU time of all its threads too, in ms. */
async function part(take: () => number | null): Promise<{ readonly tally: Tally; readonly cpuMs: number }> {
  const args = ["--child", "--seed", `${seed}`, "--twice", `${numberOf("twice", 0)}`, "--profile", profile];
  if (managers !== null) args.push("--nodes", `${managers}`);
  const running = Bun.spawn([process.execPath, import.meta.path, ...args], {
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, ...RUNTIME },
    ipc: (_, child) => child.send(take()),
  });
  const text = await new Response(running.stdout).text();
  const code = await running.exited;
  if (code !== 0) throw new Error(`a part of the batch ended with ${code}`);
  const tally: Tally = JSON.parse(text);
  return { tally, cpuMs: Number(running.resourceUsage()?.cpuTime.total ?? 0) / 1_000 };
}

async function one(): Promise<void> {
  const plan: RunPlan = {
    ...planOf(seed, { managers, profile }),
    withoutFaults: numbersOf("without-faults"),
    withoutActions: numbersOf("without-actions"),
    isVerbose: has("log"),
  };
  const startedMs = performance.now();
  const ran = runOne(plan);
  const ms = performance.now() - startedMs;
  await settled();
  const outcome = judged(ran, strays);
  if (has("log")) console.log(outcome.logLines.toSorted((a, b) => parseFloat(a) - parseFloat(b)).join("\n"));
  console.log(scheduleLines(outcome).join("\n"));
  console.log(Array.from(outcome.eventsByKind, ([kind, count]) => `${kind} ${count}`).join(", "));
  console.log(Array.from(outcome.sometimes, ([what, count]) => `${what} ${count}`).join(", "));
  console.log(
    `${outcome.violation === null ? "held" : `FAILED ${outcome.violation.message}`}: trace ${outcome.traceHash}, ` +
      `${Math.round(outcome.virtualMs)} virtual ms, ${outcome.events} events, ${outcome.commits} commits, ` +
      `${outcome.jobs} jobs, ${outcome.requests} requests in ${Math.round(ms)} ms`,
  );
  if (outcome.violation !== null) process.exitCode = 1;
}

function tellFailure(plan: RunPlan): void {
  const outcome = runOne(plan);
  console.log(`\nseed ${plan.seed} at commit ${commit()}: ${outcome.violation?.message}`);
  console.log(`repeat it: ${commandOf(plan)}`);
  const small = shrink(outcome, runOne);
  console.log(`shrunk to ${small.faults.length} faults and ${small.actions.length} actions: ${commandOf(small.plan)}`);
  console.log(scheduleLines(small).join("\n"));
}

function commit(): string {
  return Bun.spawnSync(["git", "rev-parse", "--short", "HEAD"]).stdout.toString().trim();
}
