// The jobs of a random run: small ones, submitted without end, some twice under one id, some cancelled. Everything that
// is said and answered is written down for the verdict.

import { messageOf } from "../../base/error.ts";
import { mintJobId } from "../../base/ids.ts";
import type { Bundle } from "../../engine/messages.ts";
import type { CountingServer } from "../../io/counting-server.ts";
import type { NodeWorld, Timer } from "../../io/world.ts";
import { HTTP_DEFAULTS } from "../../load/options/http.ts";
import type { JobPlan } from "../../load/plan.ts";
import type { JobResult } from "../../load/result.ts";
import type { ClusterClient, FollowedJob } from "../../node/cluster-client.ts";
import type { JobLine } from "../../node/status.ts";
import type { EndRecord, JobRecord } from "./verdict.ts";

/** Requests of one job, and users that send them. */
const REQUESTS = 20;
const VUS = 2;
/** Attempts that may fail before the job does: engine threads are ended on purpose. */
const RETRIES = 20;
/** Every so many jobs one is submitted twice, and one is cancelled. */
const TWICE_EVERY = 5;
const CANCEL_EVERY = 8;
/** The second submit, and the cancel, come within so long. */
const LATER_MS = 2_000;
const JOB_MS_MAX = 120_000;

type Written = {
  readonly id: string;
  readonly submits: { readonly atMs: number; acknowledgedAtMs: number | null; refusal: string | null }[];
  isCancelled: boolean;
  readonly ends: EndRecord[];
};

export type SubmitsOptions = {
  readonly world: Pick<NodeWorld, "clock" | "random">;
  /** Jobs go to each of them in turn. */
  readonly clients: readonly ClusterClient[];
  readonly server: CountingServer;
  readonly bundle: Bundle;
  readonly perSecond: number;
};

export class Submits {
  readonly #options: SubmitsOptions;
  readonly #startedAtMs: number;
  readonly #jobs: Written[] = [];
  readonly #timers = new Set<Timer>();
  #isOver = false;

  constructor(options: SubmitsOptions) {
    this.#options = options;
    this.#startedAtMs = options.world.clock.nowMs();
    this.#submitNext();
  }

  /** ms since the first submit. */
  get elapsedMs(): number {
    return this.#options.world.clock.nowMs() - this.#startedAtMs;
  }

  get submitted(): number {
    return this.#jobs.length;
  }

  get acknowledged(): number {
    return this.#jobs.filter(isAcknowledged).length;
  }

  /** Acknowledged jobs whose result nobody has yet. */
  get open(): number {
    return this.#jobs.filter((job) => isAcknowledged(job) && job.ends.length === 0).length;
  }

  /** No more submits; what was acknowledged is still followed. */
  stop(): void {
    this.#isOver = true;
    for (const timer of this.#timers) timer.cancel();
  }

  /** Asks once more for the results that nobody has. */
  followOpen(client: ClusterClient): void {
    for (const job of this.#jobs)
      if (isAcknowledged(job) && job.ends.length === 0)
        this.#hear(
          job,
          client.follow(job.id, () => {}),
        );
  }

  /**
   * In: the jobs as each manager lists them. Those that have fallen out of a full list count as listed as they ended.
   */
  records(lists: readonly (readonly JobLine[])[], listMax: number): readonly JobRecord[] {
    const byId = lists.map((jobs) => ({
      isFull: jobs.length >= listMax,
      lines: new Map(jobs.map((job) => [job.id, job])),
    }));
    return this.#jobs.map(({ id, submits, isCancelled, ends }) => ({
      id,
      submits,
      isCancelled,
      ends,
      planned: REQUESTS,
      served: this.#options.server.count(pathOf(id)),
      listed: byId.flatMap(({ isFull, lines }) => {
        const line = lines.get(id);
        if (line === undefined) return isFull ? [] : [null];
        return [{ outcome: line.outcome, result: line.result }];
      }),
    }));
  }

  #submitNext(): void {
    const { perSecond, world, clients } = this.#options;
    const number = this.#jobs.length;
    const id = mintJobId(world.clock.epochMs(), world.random.bytes(10));
    const job: Written = { id, submits: [], isCancelled: false, ends: [] };
    this.#jobs.push(job);
    this.#submit(job, clients[number % clients.length]);
    if (number % TWICE_EVERY === 0) this.#later(() => this.#submit(job, clients[(number + 1) % clients.length]));
    if (number % CANCEL_EVERY === CANCEL_EVERY - 1)
      this.#later(() => this.#cancel(job, clients[number % clients.length]));
    // By the clock and not by the last one, so that the rate holds.
    this.#arm((this.#jobs.length / perSecond) * 1_000 - this.elapsedMs, () => this.#submitNext());
  }

  #submit(job: Written, client: ClusterClient | undefined): void {
    if (client === undefined) return;
    const { bundle, server } = this.#options;
    const submit: Written["submits"][number] = { atMs: this.elapsedMs, acknowledgedAtMs: null, refusal: null };
    job.submits.push(submit);
    const followed = client.submit(
      job.id,
      { plan: planOf(`${server.url}${pathOf(job.id)}`), bundle, retries: RETRIES },
      () => {},
    );
    followed.accepted.then(
      () => {
        submit.acknowledgedAtMs = this.elapsedMs;
      },
      // Nothing was promised.
      (thrown: unknown) => {
        submit.refusal = messageOf(thrown);
      },
    );
    this.#hear(job, followed);
  }

  #hear(job: Written, { result }: FollowedJob): void {
    result.then(
      (ended) => void job.ends.push(endOf(ended, this.elapsedMs)),
      // Looked for again before the verdict.
      () => {},
    );
  }

  #cancel(job: Written, client: ClusterClient | undefined): void {
    job.isCancelled = true;
    client?.cancel(job.id, "other").catch(() => {
      // It may have ended, or never been accepted.
    });
  }

  /** After a time that nobody chose. */
  #later(run: () => void): void {
    const [draw = 0] = this.#options.world.random.bytes(1);
    this.#arm((draw / 256) * LATER_MS, run);
  }

  #arm(delayMs: number, run: () => void): void {
    if (this.#isOver) return;
    const timer = this.#options.world.clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      if (!this.#isOver) run();
    });
    this.#timers.add(timer);
  }
}

/** The workflow of all jobs: where each sends to is in its environment. */
export const WORKFLOW_SOURCE = `export default async ({ http, env }) => { await http.get(env.CHAOS_TARGET); };\n`;

function isAcknowledged({ submits }: Written): boolean {
  return submits.some(({ acknowledgedAtMs }) => acknowledgedAtMs !== null);
}

function pathOf(id: string): string {
  return `/${id}`;
}

function planOf(target: string): JobPlan {
  return {
    name: "chaos",
    workflows: [
      {
        name: "default",
        after: [],
        run: { kind: "export", name: "default" },
        executor: { kind: "shared-iterations", vus: VUS, iterations: REQUESTS, maxDurationMs: JOB_MS_MAX },
        startTimeMs: 0,
        gracefulStopMs: 2_000,
        minIterationDurationMs: 0,
        env: {},
        tags: {},
        priority: "auto",
      },
    ],
    setup: null,
    teardown: null,
    thresholds: [],
    http: HTTP_DEFAULTS,
    tags: {},
    env: { CHAOS_TARGET: target },
    feeds: [],
    summaryTrendStats: [],
  };
}

function endOf(result: JobResult, atMs: number): EndRecord {
  let requests = 0;
  for (const { series, accounting } of result.workflows) {
    for (const { id, cells } of series)
      if (id.metric === "http_reqs" && cells.type === "counter") requests += cells.sum;
    requests -= accounting.unsent;
  }
  return { atMs, state: result.state, reason: result.reason, requests, unreportedMax: result.unreportedMax };
}
