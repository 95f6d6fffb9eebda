// A node's own picture of the cluster, for people and programs: any node gives it, whether anybody leads or not.
// Derived from what the node holds, never stored.

import * as z from "../base/schema.ts";
import { PRESSURE_LEVELS } from "../health/backpressure.ts";
import { labelsSchema } from "../base/labels.ts";
import { type Job, type LedgerState, liveAttempts } from "../ledger/job.ts";
import { waitingCount } from "../ledger/roll.ts";
import type { RaftView } from "../raft/raft.ts";
import type { SwimView } from "../swim/swim.ts";
import { type JobRate, jobRateSchema } from "./job-rates.ts";
import type { NodeAddress } from "./station.ts";
import { attemptIdSchema, attemptStateSchema } from "./worker-messages.ts";

const id = z.string().min(1).max(256);
const count = z.int().nonnegative();
const address = z.object({ host: z.string().max(256), tcp: count, udp: count });

/** cores: shares of it that hold one. result: name of the blob. */
export const jobLineSchema = z.object({
  id,
  state: z.enum(["open", "closing", "finished"]),
  outcome: z.string().max(64).nullable(),
  isPaused: z.boolean(),
  cores: count,
  owner: id.nullable(),
  result: id.nullable(),
  /** What it does just now; null: it does not run, or its owner was not heard lately. */
  live: jobRateSchema.nullable().default(null),
});

export type JobLine = z.infer<typeof jobLineSchema>;

/** The document of `status --json`. Keys may be added under version 1. */
export const nodeStatusSchema = z.object({
  version: z.literal(1),
  /** Who speaks: what follows is what this node knows. */
  node: z.object({
    id,
    role: z.enum(["manager", "worker", "gate"]),
    boot: id,
    address,
    environment: z.string().max(64),
    /** Its datacenter, as it was told. */
    dc: z.string().max(64).nullable().default(null),
  }),
  /** null: not formed yet, or a node that does not know. */
  cluster: id.nullable(),
  leader: id.nullable(),
  /** null: a node that has no part in elections. */
  term: count.nullable(),
  /** Managers: those that count, how many of them this node takes for alive (itself included), how many it takes. */
  quorum: z
    .object({
      have: count,
      need: count,
      voters: z.array(id).max(64).readonly(),
      /** Managers on their way to become voters. */
      learners: z.array(id).max(64).readonly().default([]),
      replacing: z.object({ before: id, after: id }).nullable().default(null),
      /** Entry of the log since which they are these. */
      membershipIndex: count.default(0),
      /** What is said here is not committed yet. */
      isChanging: z.boolean().default(false),
      /** Entries of the log that a manager does not hold yet; empty where the node does not lead. */
      behind: z.record(id, count).default({}),
    })
    .nullable(),
  /** Why this node has no part in the cluster, and what to do; null: it has. */
  problem: z.string().max(4_096).nullable().default(null),
  /** Its disk has no room: submits are refused until it has. */
  isDiskFull: z.boolean().default(false),
  members: z
    .array(
      z.object({
        id,
        role: z.enum(["manager", "worker", "gate"]),
        address,
        /** unconfirmed: others speak of it, it has not spoken to this node. */
        status: z.enum(["alive", "suspect", "dead", "left", "unconfirmed"]),
        incarnation: z.object({ boot: count, count }),
        /** There is a connection between it and this node. */
        isLinked: z.boolean(),
      }),
    )
    .readonly(),
  /** The pool. busy: cores that hold a share. Empty where the node is a worker. */
  workers: z
    .array(
      z.object({
        id,
        boot: id,
        cores: count,
        busy: count,
        labels: labelsSchema,
        /** What its busy cores run. */
        jobs: z
          .array(z.object({ id, cores: count }))
          .readonly()
          .default([]),
      }),
    )
    .readonly(),
  /** The newest at the end, at most 1,000. */
  jobs: z.array(jobLineSchema).readonly(),
  /** Live jobs that wait until a manager has room for them. */
  waiting: count,
  /**
   * What came of requests to other managers lately: failures of how many samples; open: none are sent to it just now,
   * half-open: one is tried. opens: how often it opened so far.
   */
  circuits: z
    .array(
      z.object({
        peer: id,
        state: z.enum(["closed", "open", "half-open"]),
        failures: count,
        samples: count,
        opens: count,
      }),
    )
    .max(64)
    .readonly(),
  /** How much it asks of its workers' reports (a worker: what is asked of it): batch and reject mean late figures. */
  pressure: z.enum(PRESSURE_LEVELS).default("none"),
  /** How often this node has suspected a member since it started. */
  suspicions: count.default(0),
  /**
   * From what a leader says to its members' answers, on the lane that nothing may hold up: how many were timed lately,
   * and ms that 99 % of them took. null: it does not lead.
   */
  answers: z.object({ count, p99Ms: z.number().nonnegative() }).nullable().default(null),
  /** What a worker runs. */
  shares: z.array(attemptIdSchema.extend({ state: attemptStateSchema })).readonly(),
});

/** JSON Schema (2020-12) of the document, as text: what status.schema.json holds. More keys may come. */
export function statusJsonSchemaText(): string {
  return z.jsonSchemaText(nodeStatusSchema, {
    title: "hyperscale status",
    description: "Printed by `hyperscale status --json`: a cluster as one of its nodes knows it.",
  });
}

export type NodeStatus = z.infer<typeof nodeStatusSchema>;

const JOBS_MAX = 1_000;

/** What any role knows. linked: ids of the nodes it is connected to. */
export type Standing = {
  readonly node: string;
  readonly boot: string;
  readonly address: NodeAddress;
  readonly environment: string;
  readonly dc: string | null;
  readonly swim: SwimView;
  readonly linked: readonly string[];
};

export function managerStatus(
  standing: Standing,
  known: {
    readonly raft: RaftView;
    readonly ledger: LedgerState;
    readonly problem: string | null;
    readonly isDiskFull: boolean;
    readonly circuits: NodeStatus["circuits"];
    readonly pressure: NodeStatus["pressure"];
    readonly answers: NodeStatus["answers"];
    readonly rateOf: (job: string) => JobRate | null;
  },
): NodeStatus {
  const { raft, ledger, problem, isDiskFull, circuits, pressure, answers, rateOf } = known;
  const common = commonOf("manager", standing);
  const voters = raft.membership?.voters ?? [];
  const alive = new Set(common.members.filter(({ status }) => status === "alive").map((member) => member.id));
  const busy = busyCores(ledger);
  return {
    ...common,
    cluster: raft.cluster,
    leader: raft.leader,
    term: raft.term,
    quorum: {
      have: voters.filter((voter) => voter === standing.node || alive.has(voter)).length,
      need: Math.floor(voters.length / 2) + 1,
      voters,
      learners: raft.membership?.learners ?? [],
      replacing: raft.membership?.replacing ?? null,
      membershipIndex: raft.membershipIndex,
      isChanging: raft.isChanging,
      behind: Object.fromEntries(Object.entries(raft.peers).map(([peer, { lag }]) => [peer, lag])),
    },
    problem,
    isDiskFull,
    answers: raft.role === "leader" ? answers : null,
    workers: [...ledger.workers].map(([worker, { boot, cores, labels }]) => ({
      id: worker,
      boot,
      cores,
      busy: busy.get(`${worker} ${boot}`)?.cores.size ?? 0,
      labels,
      jobs: [...(busy.get(`${worker} ${boot}`)?.jobs ?? [])].map(([id, taken]) => ({ id, cores: taken.size })),
    })),
    jobs: newestJobs(ledger, rateOf),
    waiting: waitingCount(ledger),
    circuits,
    pressure,
  };
}

/** The newest jobs, the newest at the end. */
function newestJobs({ jobs }: LedgerState, rateOf: (job: string) => JobRate | null): readonly JobLine[] {
  const lines: JobLine[] = [];
  let older = jobs.size - JOBS_MAX;
  for (const job of jobs.values())
    if (--older < 0) lines.push(lineOf(job, job.phase === "finished" ? null : rateOf(job.id)));
  return lines;
}

/**
 * A page of all jobs in the order of their submits, those whose submitIndex is greater than `after`. `next`: what to
 * ask for next, null at the end.
 */
export function jobPage(
  { jobs }: LedgerState,
  after: number,
): { readonly jobs: readonly JobLine[]; readonly next: number | null } {
  const lines: JobLine[] = [];
  let last = after;
  for (const job of jobs.values()) {
    if (job.submitIndex <= after) continue;
    if (lines.length === JOBS_MAX) return { jobs: lines, next: last };
    lines.push(lineOf(job, null));
    last = job.submitIndex;
  }
  return { jobs: lines, next: null };
}

function lineOf(job: Job, live: JobRate | null): JobLine {
  return {
    id: job.id,
    // Cancelled or given up, it is on its way out while its shares still drain.
    state: job.phase === "open" && job.ending !== null ? "closing" : job.phase,
    outcome: job.outcome?.state ?? null,
    isPaused: job.isPaused,
    cores: job.spec === null ? placesOf(job).length : 0,
    owner: job.owner?.node ?? null,
    result: job.result,
    live,
  };
}

export function workerStatus(
  standing: Standing,
  known: Pick<NodeStatus, "shares" | "pressure" | "problem">,
): NodeStatus {
  return { ...commonOf("worker", standing), ...known };
}

function commonOf(role: "manager" | "worker", standing: Standing): NodeStatus {
  const { node, boot, address, environment, dc, swim } = standing;
  const linked = new Set(standing.linked);
  return {
    version: 1,
    node: { id: node, role, boot, address, environment, dc },
    cluster: null,
    leader: null,
    term: null,
    quorum: null,
    problem: null,
    isDiskFull: false,
    suspicions: swim.counters.suspicions,
    answers: null,
    members: swim.members.map((member) => ({
      id: member.id,
      role: member.role,
      address: member.address,
      status: member.status,
      incarnation: member.incarnation,
      isLinked: linked.has(member.id),
    })),
    workers: [],
    jobs: [],
    waiting: 0,
    circuits: [],
    pressure: "none",
    shares: [],
  };
}

type Busy = { readonly cores: Set<number>; readonly jobs: Map<string, Set<number>> };

/** Cores that hold a share, in all and by job; by worker and its life. */
function busyCores({ roll }: LedgerState): ReadonlyMap<string, Busy> {
  const all = new Map<string, Busy>();
  for (const job of roll.owned.values()) {
    for (const { worker, core } of placesOf(job)) {
      const busy = all.get(worker) ?? { cores: new Set(), jobs: new Map() };
      all.set(worker, busy);
      busy.cores.add(core);
      busy.jobs.set(job.id, (busy.jobs.get(job.id) ?? new Set()).add(core));
    }
  }
  return all;
}

/** Every share of the job that runs: its core, and the worker in that life of it. */
function placesOf(job: Job): readonly { readonly worker: string; readonly core: number }[] {
  return [...job.workflows.values()].flatMap((workflow) =>
    liveAttempts(job, workflow).map(({ attempt: { worker, boot, core } }) => ({ worker: `${worker} ${boot}`, core })),
  );
}
