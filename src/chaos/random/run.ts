// A random run from its first submit to its verdict: peace, faults by plan, healing, waiting until everything is whole,
// and looking at every job.

import type { Bundle } from "../../engine/messages.ts";
import type { CountingServer } from "../../io/counting-server.ts";
import type { Clock, NodeWorld } from "../../io/world.ts";
import type { ClusterClient } from "../../node/cluster-client.ts";
import type { JobLine } from "../../node/status.ts";
import type { Operator } from "../operator.ts";
import { leaderOf, type SeenNode } from "../targets.ts";
import { PEACE_MS, planFaults, type PlannedFault, type ProfileName, PROFILES } from "./fault-plan.ts";
import { inflictPlanned, startAllGone } from "./inflict.ts";
import { Submits } from "./submits.ts";
import { type FaultRecord, isPeaceShown, judgeRun, type Verdict } from "./verdict.ts";

/** A cluster that has only begun may take longer until it acknowledges enough: it is left alone for so long at most. */
const PEACE_MS_MAX = 30_000;
/** After the last fault the nodes have so long to come together. */
const WHOLE_MS = 60_000;
/** Then every job has to end, however many wait; but none for so long is a standstill. */
const STANDSTILL_MS = 60_000;
const LOOK_MS = 250;
/** Requests that are on their way when a job's result is there arrive within so long. */
const LATE_MS = 1_500;
/** Jobs a manager lists at most (node/status.ts). */
const LIST_MAX = 1_000;

export type RandomOptions = {
  readonly world: Pick<NodeWorld, "clock" | "random">;
  readonly operator: Operator;
  readonly clients: readonly ClusterClient[];
  readonly server: CountingServer;
  /** Of WORKFLOW_SOURCE (submits.ts). */
  readonly bundle: Bundle;
  readonly profile: ProfileName;
  readonly seed: number;
  readonly forMs: number;
  readonly perSecond: number;
  /** What happens, one line each; ms since the run began. */
  readonly note: (atMs: number, text: string) => void;
};

export type RandomOutcome = {
  readonly verdict: Verdict;
  readonly faults: readonly FaultRecord[];
  readonly durationMs: number;
};

/** Runs it. Nodes that are gone in the end are started again, whatever happened. */
export async function runRandom(options: RandomOptions): Promise<RandomOutcome> {
  const { world, operator, clients, note, profile, seed, forMs } = options;
  const { clock } = world;
  const kinds: readonly string[] = PROFILES[profile];
  const submits = new Submits(options);
  const records: FaultRecord[] = [];
  const undoing: Promise<void>[] = [];
  const fire = async (fault: PlannedFault): Promise<void> => {
    const record = await fireOne(options, submits, fault, undoing);
    records.push(record.fault);
    undoing.push(
      record.ended.then(
        (endedAtMs) => void records.splice(records.indexOf(record.fault), 1, { ...record.fault, endedAtMs }),
      ),
    );
  };
  const peaceMs = await peace(clock, submits);
  // Faults of a cluster that does not work would prove nothing.
  const planned = isPeaceShown(submits.acknowledged, peaceMs) ? planFaults(profile, seed, forMs) : [];
  const laterMs = peaceMs - PEACE_MS;
  for (const fault of planned) {
    await until(clock, fault.atMs + laterMs - submits.elapsedMs);
    await fire(fault);
  }
  if (planned.length > 0) await until(clock, forMs + laterMs - submits.elapsedMs);
  await Promise.all(undoing.splice(0));
  note(submits.elapsedMs, "healing");
  for (const node of await operator.look()) await operator.heal(node).catch(() => 0);
  await startAllGone(operator);
  submits.stop();
  const isWhole = await holdsWithin(clock, WHOLE_MS, async () => areTogether(await operator.look()));
  note(submits.elapsedMs, isWhole ? "all nodes are together again" : "the nodes are not together");
  const [client] = clients;
  if (client !== undefined) submits.followOpen(client);
  while (submits.open > 0) {
    const { open } = submits;
    if (!(await holdsWithin(clock, STANDSTILL_MS, async () => submits.open < open))) break;
  }
  await until(clock, LATE_MS);
  const lists: (readonly JobLine[])[] = [];
  for (const { told, entry } of await operator.look())
    if (entry.role === "manager") lists.push(told?.status.jobs ?? []);
  const faults = [...records].sort((left, right) => (left.firedAtMs ?? 0) - (right.firedAtMs ?? 0));
  return {
    verdict: judgeRun({ kinds, peaceMs, faults, isWhole, jobs: submits.records(lists, LIST_MAX) }),
    faults,
    durationMs: submits.elapsedMs,
  };
}

/** Waits until the cluster has shown that it works. Out: ms since the run began. */
async function peace(clock: Clock, submits: Submits): Promise<number> {
  await until(clock, PEACE_MS);
  await holdsWithin(clock, PEACE_MS_MAX - PEACE_MS, async () => isPeaceShown(submits.acknowledged, submits.elapsedMs));
  return submits.elapsedMs;
}

/** Does one fault, and undoes it after its time in the background. */
async function fireOne(
  { operator, world: { clock }, note }: RandomOptions,
  submits: Submits,
  fault: PlannedFault,
  undoing: Promise<void>[],
): Promise<{ readonly fault: FaultRecord; readonly ended: Promise<number | null> }> {
  const { kind, lastsMs } = fault;
  const isTotal = kind === "blackout";
  const firedAtMs = submits.elapsedMs;
  const inflicted = await inflictPlanned(operator, clock, fault);
  if (inflicted.target === null) {
    note(submits.elapsedMs, `${kind} hit nothing: ${inflicted.why}`);
    const missed = { kind, target: "", firedAtMs: null, endedAtMs: null, isTotal };
    return { fault: missed, ended: Promise.resolve(null) };
  }
  const { target, undo } = inflicted;
  note(firedAtMs, `${kind} ${target} for ${(lastsMs / 1_000).toFixed(1)} s`);
  const ended = (async () => {
    await until(clock, lastsMs);
    // A node that does not start again is started once more in the end, and missed then.
    await undo().catch((error: unknown) => note(submits.elapsedMs, `${kind} could not be undone: ${String(error)}`));
    return submits.elapsedMs;
  })();
  undoing.push(ended.then(() => undefined));
  return { fault: { kind, target, firedAtMs, endedAtMs: null, isTotal }, ended };
}

/** Everybody answers, all managers know one leader and all of each other, and the pool holds every worker. */
export function areTogether(nodes: readonly SeenNode[]): boolean {
  const leader = leaderOf(nodes);
  const workers = nodes.filter(({ entry }) => entry.role === "worker");
  return (
    leader !== null &&
    nodes.every(({ told, entry }) => {
      if (told === null || told.faults.length > 0) return false;
      if (entry.role === "worker") return true;
      const { status } = told;
      const pool = new Set(status.workers.map(({ id }) => id));
      return (
        status.leader === leader &&
        status.quorum !== null &&
        status.quorum.have === status.quorum.voters.length &&
        workers.every((worker) => pool.has(worker.entry.id))
      );
    })
  );
}

async function holdsWithin(clock: Clock, timeoutMs: number, holds: () => Promise<boolean>): Promise<boolean> {
  const startedAtMs = clock.nowMs();
  while (!(await holds())) {
    if (clock.nowMs() - startedAtMs >= timeoutMs) return false;
    await until(clock, LOOK_MS);
  }
  return true;
}

function until(clock: Clock, delayMs: number): Promise<void> {
  return delayMs <= 0 ? Promise.resolve() : new Promise((resolve) => void clock.setTimer(delayMs, resolve));
}
