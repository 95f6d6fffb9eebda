// What the jobs that run do at this moment, one small line each, on every manager: an owner's views pass by here, and
// once a second it tells the others. For status alone: lines may get lost, and an old one counts as none.

import * as z from "../base/schema.ts";
import type { Clock, Timer } from "../io/world.ts";
import type { JobView } from "../load/result.ts";
import type { Links, NodeId } from "./network/links.ts";

const count = z.number().nonnegative();

/** Rates are of the last whole second; failedRatio of the whole run, 0 to 1; p99Ms of requests in that second. */
export const jobRateSchema = z.object({
  name: z.string().max(256),
  phase: z.enum(["preparing", "setup", "running", "paused", "teardown", "ended"]),
  elapsedMs: count,
  vus: count,
  requests: count,
  requestsPerSecond: count,
  iterationsPerSecond: count,
  p99Ms: count,
  failedRatio: count,
});

export type JobRate = z.infer<typeof jobRateSchema>;

/** Lines of one owner in one message: 100 B each. */
const LINES_MAX = 256;

/** An owner to the other managers, once a second while it has jobs that run. Idempotent. */
export const ratesSchema = z.object({
  rates: z
    .array(z.tuple([z.string().min(1).max(256), jobRateSchema]))
    .max(LINES_MAX)
    .readonly(),
});

const TELL_MS = 1_000;
const OLD_MS = 5_000;

type Line = { readonly rate: JobRate; readonly atMs: number; readonly isOwn: boolean };

export class JobRates {
  readonly #clock: Clock;
  readonly #links: Links;
  readonly #lines = new Map<string, Line>();
  #timer: Timer | null = null;

  constructor(clock: Clock, links: Links) {
    this.#clock = clock;
    this.#links = links;
    links.onMessage((from, message) => {
      if (from.role !== "manager" || message.kind !== "rates") return;
      const atMs = clock.nowMs();
      for (const [job, rate] of message.body.rates) this.#lines.set(job, { rate, atMs, isOwn: false });
    });
    this.#arm();
  }

  /** A view of a job that this node owns. */
  note(job: string, view: JobView): void {
    this.#lines.set(job, { rate: rateOf(view), atMs: this.#clock.nowMs(), isOwn: true });
  }

  /** Out: null where nothing was heard of it for some seconds. */
  of(job: string): JobRate | null {
    const line = this.#lines.get(job);
    return line === undefined || this.#isOld(line) ? null : line.rate;
  }

  close(): void {
    this.#timer?.cancel();
  }

  #isOld({ atMs }: Line): boolean {
    return this.#clock.nowMs() - atMs > OLD_MS;
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(TELL_MS, () => {
      this.#arm();
      this.#tell();
    });
  }

  #tell(): void {
    for (const [job, line] of this.#lines) if (this.#isOld(line)) this.#lines.delete(job);
    const own = [...this.#lines].filter(([, { isOwn }]) => isOwn).slice(-LINES_MAX);
    if (own.length === 0) return;
    const body = { rates: own.map(([job, { rate }]): [string, JobRate] => [job, rate]) };
    const managers: NodeId[] = this.#links.peers().flatMap(({ node, role }) => (role === "manager" ? [node] : []));
    for (const manager of managers) this.#links.send(manager, { kind: "rates", body }, { key: "rates" });
  }
}

function rateOf(view: JobView): JobRate {
  return {
    name: view.name.slice(0, 256),
    phase: view.state,
    elapsedMs: Math.max(0, view.elapsedMs),
    vus: view.workflows.reduce((sum, { vus }) => sum + vus, 0),
    requests: view.requests,
    requestsPerSecond: view.requestsPerSecond,
    iterationsPerSecond: view.iterationsPerSecond,
    p99Ms: view.latencyNow.p99,
    failedRatio: view.failedRatio,
  };
}
