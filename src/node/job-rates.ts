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

type Line = { readonly rate: () => JobRate; readonly atMs: number };

export class JobRates {
  readonly #clock: Clock;
  readonly #links: Pick<Links, "onMessage" | "peers" | "send">;
  readonly #ownerOf: (job: string) => NodeId | null;
  /** The one that was renewed longest ago first. */
  readonly #lines = new Map<string, Line>();
  /** Views of jobs that this node owns, which the others were not told of. */
  readonly #untold = new Map<string, JobView>();
  /** While there is something to tell. */
  #timer: Timer | null = null;
  #isClosed = false;

  /** `ownerOf`: as far as this node knows. Who was replaced and does not know it yet is not believed. */
  constructor(
    clock: Clock,
    links: Pick<Links, "onMessage" | "peers" | "send">,
    ownerOf: (job: string) => NodeId | null,
  ) {
    this.#clock = clock;
    this.#links = links;
    this.#ownerOf = ownerOf;
    links.onMessage((from, message) => {
      if (from.role !== "manager" || message.kind !== "rates") return;
      for (const [job, rate] of message.body.rates) if (this.#ownerOf(job) === from.node) this.#renew(job, () => rate);
    });
  }

  /** A view of a job that this node owns. */
  note(job: string, view: JobView): void {
    this.#renew(job, () => rateOf(view));
    this.#untold.set(job, view);
    if (this.#timer === null && !this.#isClosed) this.#arm();
  }

  /** Out: null where nothing was heard of it for some seconds. */
  of(job: string): JobRate | null {
    const line = this.#lines.get(job);
    return line === undefined || this.#isOld(line) ? null : line.rate();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #renew(job: string, rate: () => JobRate): void {
    this.#lines.delete(job);
    this.#lines.set(job, { rate, atMs: this.#clock.nowMs() });
    for (const [oldest, line] of this.#lines) {
      if (!this.#isOld(line)) return;
      this.#lines.delete(oldest);
    }
  }

  #isOld({ atMs }: Line): boolean {
    return this.#clock.nowMs() - atMs > OLD_MS;
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(TELL_MS, () => {
      this.#timer = null;
      if (this.#untold.size === 0) return;
      this.#arm();
      this.#tell();
    });
  }

  /** A job of which there is nothing new is not told again: it has ended, or another owns it. */
  #tell(): void {
    const own = [...this.#untold].slice(-LINES_MAX);
    this.#untold.clear();
    const body = { rates: own.map(([job, view]): [string, JobRate] => [job, rateOf(view)]) };
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
