// What the clients of a simulated cluster ask for: submits of all kinds, repeated and conflicting ones, cancels. All of
// it is drawn before the run, so that a run can be repeated with some of it left out.

import { mintJobId } from "../base/ids.ts";
import type { Prng } from "../base/prng.ts";
import type { Bundle } from "../engine/messages.ts";
import { HTTP_DEFAULTS } from "../load/options/http.ts";
import { type Executor, type JobPlan, type Priority, SETUP, TEARDOWN, type WorkflowPlan } from "../load/plan.ts";
import type { SteerOrder } from "../node/client-messages.ts";
import { between, happens, oneOf, weighted, wholeBetween } from "./draw.ts";
import { type Script, scriptBundle } from "./script.ts";

/** One job as it is submitted. */
export type Job = {
  readonly id: string;
  readonly plan: JobPlan;
  readonly bundle: Bundle;
  readonly retries: number;
  /** What it is for, for people. */
  readonly kind: JobKind;
};

/** `number`: of the action. again: the same submit by another client. conflict: the same id, another content. */
export type Action =
  | {
      readonly kind: "submit";
      readonly number: number;
      readonly atMs: number;
      readonly client: number;
      readonly job: Job;
    }
  | {
      readonly kind: "again";
      readonly number: number;
      readonly atMs: number;
      readonly client: number;
      readonly job: Job;
    }
  | {
      readonly kind: "conflict";
      readonly number: number;
      readonly atMs: number;
      readonly client: number;
      readonly job: Job;
    }
  | {
      readonly kind: "cancel";
      readonly number: number;
      readonly atMs: number;
      readonly client: number;
      readonly id: string;
      readonly by: "user" | "other";
    }
  | {
      readonly kind: "steer";
      readonly number: number;
      readonly atMs: number;
      readonly client: number;
      readonly id: string;
      readonly order: SteerOrder;
    };

const KINDS = [
  "single",
  "long",
  "parallel",
  "chain",
  "oneShots",
  "setupThrows",
  "setupHangs",
  "teardownThrows",
  "broken",
  "crashing",
  "killing",
  "aborting",
] as const;
export type JobKind = (typeof KINDS)[number];
const WEIGHTS: Readonly<Record<JobKind, number>> = {
  single: 22,
  long: 18,
  parallel: 10,
  chain: 14,
  oneShots: 14,
  setupThrows: 2,
  setupHangs: 2,
  teardownThrows: 2,
  broken: 2,
  crashing: 6,
  killing: 1,
  aborting: 3,
};

export type WorkloadOptions = {
  readonly submits: number;
  readonly clients: number;
  /** Submits come before this, in ms of true time. */
  readonly untilMs: number;
  /** Epoch ms at true time 0. */
  readonly epochMs: number;
  /** Jobs are paused, resumed and scaled, too. Default false. */
  readonly isSteered?: boolean;
};

/** All actions of a run, in order of time. */
export function drawWorkload(prng: Prng, options: WorkloadOptions): readonly Action[] {
  const { submits, clients, untilMs, epochMs, isSteered = false } = options;
  const actions: Action[] = [];
  const add = (action: Action): void => void actions.push(action);
  for (let submit = 0; submit < submits; submit++) {
    const atMs = between(prng, 1_500, untilMs);
    const client = wholeBetween(prng, 0, clients - 1);
    const number = submit * 3;
    const id = mintJobId(
      epochMs + atMs,
      Uint8Array.from({ length: 10 }, () => wholeBetween(prng, 0, 31)),
    );
    const job = drawJob(prng, id);
    add({ kind: "submit", number, atMs, client, job });
    // By somebody else: one client asks once for a job.
    const next = { number: number + 1, client: (client + 1) % clients };
    if (happens(prng, 0.15)) add({ kind: "again", ...next, atMs: atMs + between(prng, 0, 4_000), job });
    else if (happens(prng, 0.06))
      add({ kind: "conflict", ...next, atMs: atMs + between(prng, 500, 4_000), job: other(job) });
    const by = happens(prng, 0.5) ? "user" : "other";
    if (happens(prng, 0.12))
      add({ kind: "cancel", number: number + 2, client, atMs: atMs + between(prng, 0, 6_000), id, by });
  }
  if (isSteered) for (const action of [...actions]) if (action.kind === "submit") steer(prng, action, clients, add);
  return actions.sort((left, right) => left.atMs - right.atMs);
}

/** Some jobs are paused for a while, and scaled. Resumed more than once: whoever asks may be gone by then. */
function steer(
  prng: Prng,
  { number, atMs, job: { id } }: Extract<Action, { kind: "submit" }>,
  clients: number,
  add: (action: Action) => void,
): void {
  const ask = (afterMs: number, order: SteerOrder): void =>
    add({
      kind: "steer",
      number: number + 2,
      atMs: atMs + afterMs,
      client: wholeBetween(prng, 0, clients - 1),
      id,
      order,
    });
  if (happens(prng, 0.25)) {
    const pauseMs = between(prng, 200, 5_000);
    ask(pauseMs, { kind: "pause" });
    const lastMs = between(prng, 100, 8_000);
    for (const more of [0, 2_000, 10_000, 30_000, 60_000]) ask(pauseMs + lastMs + more, { kind: "resume" });
  }
  if (happens(prng, 0.25))
    for (let times = wholeBetween(prng, 1, 3); times > 0; times--)
      ask(between(prng, 200, 9_000), { kind: "scale", workflow: null, vus: wholeBetween(prng, 1, 9) });
}

function other(job: Job): Job {
  return { ...job, bundle: { ...job.bundle, code: `${job.bundle.code} ` } };
}

type Scripts = Readonly<Record<string, Partial<Script>>>;
type Drawn = { readonly workflows: readonly WorkflowPlan[]; readonly scripts: Scripts };

function drawJob(prng: Prng, id: string): Job {
  const kind = weighted(prng, WEIGHTS, KINDS);
  const { workflows, scripts } = drawWorkflows(prng, kind);
  const hasSetup = kind === "oneShots" || kind.startsWith("setup") || kind.startsWith("teardown");
  const plan: JobPlan = {
    name: kind,
    workflows,
    setup: hasSetup ? { timeoutMs: kind === "setupHangs" ? 2_000 : 20_000 } : null,
    teardown: hasSetup ? { timeoutMs: 20_000 } : null,
    thresholds: [],
    http: HTTP_DEFAULTS,
    tags: {},
    env: {},
    feeds: [],
    summaryTrendStats: [],
  };
  const oneShots: Scripts = {
    [SETUP]: {
      latencyMs: between(prng, 20, 400),
      doesThrow: kind === "setupThrows",
      doesHang: kind === "setupHangs",
    },
    [TEARDOWN]: { latencyMs: between(prng, 20, 400), doesThrow: kind === "teardownThrows" },
  };
  const retries = kind === "crashing" ? wholeBetween(prng, 0, 2) : wholeBetween(prng, 0, 3);
  return { id, plan, bundle: scriptBundle({ ...oneShots, ...scripts }, id), retries, kind };
}

function drawWorkflows(prng: Prng, kind: JobKind): Drawn {
  const priority = weighted(prng, { low: 60, auto: 20, normal: 15, high: 4, exclusive: 1 }, PRIORITIES);
  const latencyMs = between(prng, 30, 250);
  const load = (name: string, after: readonly string[], executor: Executor): WorkflowPlan => ({
    name,
    after,
    run: { kind: "workflow", name },
    executor,
    startTimeMs: happens(prng, 0.1) ? 500 : 0,
    gracefulStopMs: 2_000,
    minIterationDurationMs: 0,
    env: {},
    tags: {},
    priority,
  });
  const short = (): Executor => drawExecutor(prng, between(prng, 800, 3_000));
  switch (kind) {
    case "long":
      return {
        workflows: [load("a", [], drawExecutor(prng, between(prng, 8_000, 13_000)))],
        scripts: { a: { latencyMs: between(prng, 200, 500) } },
      };
    case "parallel":
      return { workflows: [load("a", [], short()), load("b", [], short())], scripts: { a: { latencyMs } } };
    case "chain":
      return {
        workflows: [
          load("a", [], short()),
          load("b", ["a"], short()),
          load("c", happens(prng, 0.5) ? ["a", "b"] : ["b"], short()),
        ],
        scripts: { a: { latencyMs, provide: { key: "token" } }, b: { latencyMs, provide: { key: "order" } } },
      };
    case "broken":
      return { workflows: [load("a", [], short())], scripts: { a: { isBroken: true } } };
    case "crashing":
      return { workflows: [load("a", [], short())], scripts: { a: { latencyMs, crashMs: between(prng, 200, 900) } } };
    case "killing":
      return { workflows: [load("a", [], short())], scripts: { a: { latencyMs, killMs: between(prng, 50, 700) } } };
    case "aborting":
      return { workflows: [load("a", [], short())], scripts: { a: { latencyMs, abortMs: between(prng, 100, 1_500) } } };
    default:
      return { workflows: [load("a", [], short())], scripts: { a: { latencyMs } } };
  }
}

const PRIORITIES: readonly Priority[] = ["low", "auto", "normal", "high", "exclusive"];
const EXECUTORS: readonly Executor["kind"][] = [
  "shared-iterations",
  "per-vu-iterations",
  "constant-vus",
  "ramping-vus",
  "constant-arrival-rate",
  "ramping-arrival-rate",
];
/** Far beyond what the iterations take, lost workers included. */
const ITERATIONS_MS_MAX = 60_000;

/** An executor that runs for about `durationMs` and sends some tens of requests. */
function drawExecutor(prng: Prng, durationMs: number): Executor {
  const vus = wholeBetween(prng, 1, 3);
  const half = Math.round(durationMs / 2);
  const rate = wholeBetween(prng, 4, 12);
  const arrivals = {
    timeUnitMs: 1_000,
    preAllocatedVus: vus,
    maxVus: vus + 2,
    onLate: oneOf(prng, ["drop", "queue"] as const),
  };
  const kind = oneOf(prng, EXECUTORS);
  switch (kind) {
    case "shared-iterations":
      return { kind, vus, iterations: vus * Math.ceil(durationMs / 250), maxDurationMs: ITERATIONS_MS_MAX };
    case "per-vu-iterations":
      return { kind, vus, iterations: Math.ceil(durationMs / 250), maxDurationMs: ITERATIONS_MS_MAX };
    case "ramping-vus":
      return {
        kind,
        startVus: 1,
        stages: [
          { durationMs: half, target: vus + 1 },
          { durationMs: half, target: 1 },
        ],
        gracefulRampDownMs: 2_000,
      };
    case "constant-arrival-rate":
      return { kind, rate, durationMs: Math.round(durationMs), ...arrivals };
    case "ramping-arrival-rate":
      return {
        kind,
        startRate: 2,
        stages: [
          { durationMs: half, target: rate },
          { durationMs: half, target: 2 },
        ],
        ...arrivals,
      };
    default:
      return { kind: "constant-vus", vus, durationMs: Math.round(durationMs) };
  }
}
