// A worker among managers that the test plays, message by message: a real Tenant over cores that obey at once. Virtual
// time. Not a test itself.

import type { PressureLevel } from "../../src/health/backpressure.ts";
import type { AttemptId, Snapshot } from "../../src/load/share.ts";
import type { CoreRequest, WorkerReport } from "../../src/node/messages.ts";
import { createStreamPair, type Stream } from "../../src/node/stream.ts";
import { Tenant } from "../../src/node/worker/tenant.ts";
import type { Command, FromWorker, WireReport, WireSnapshot } from "../../src/node/worker-messages.ts";
import { VirtualClock } from "../node/fake-world.ts";
import { BUNDLE, jobPlan } from "../node/plans.ts";
import { seriesOf } from "../load/samples.ts";

/** What an answer to a renewal says. agoMs: since it was asked for; ownerMs: the owner's clock, this worker's if left out. */
export type Renewal = {
  readonly job?: string;
  readonly agoMs?: number;
  readonly pressure?: PressureLevel;
  readonly ownerMs?: number;
};
export type Owner = { readonly manager: string; readonly token: number; readonly boot?: string };
/** The owner that dispatches, unless a test says otherwise. */
export const M1: Owner = { manager: "m1", token: 10 };

export function attemptOf(token: number, more: Partial<AttemptId> = {}): AttemptId {
  return { job: "j", workflow: "default", share: 0, token, ...more };
}

export class TenantScene {
  readonly clock = new VirtualClock();
  /** What the cores were told, apart from leases: how long each said that they may send, in ms. */
  readonly ordered: CoreRequest[] = [];
  readonly leases: number[] = [];
  readonly said: { readonly manager: string; readonly message: FromWorker }[] = [];
  readonly streamed: { readonly manager: string; readonly part: WireSnapshot }[] = [];
  readonly warned: string[] = [];
  readonly tenant: Tenant;
  /** Cores that got an attempt say that they are ready; stopped ones end at once. */
  isObedient = true;
  /** What answers when a submission is asked for. */
  fetch = (): Promise<"found"> => Promise.resolve("found");
  readonly #cores: Stream<WorkerReport, CoreRequest>;

  constructor() {
    const [toCores, fromCores] = createStreamPair<CoreRequest, WorkerReport>();
    this.#cores = fromCores;
    fromCores.onMessage((request) => this.#obey(request));
    this.tenant = new Tenant({
      clock: this.clock,
      cores: toCores,
      coreCount: 4,
      boot: "1",
      labels: {},
      say: (manager, message) => void this.said.push({ manager, message }),
      stream: (manager, part) => void this.streamed.push({ manager, part }),
      managers: () => ["m1", "m2"],
      submission: async () => {
        await this.fetch();
        return { plan: jobPlan(), bundle: BUNDLE, retries: 0 };
      },
      warn: (text) => void this.warned.push(text),
    });
  }

  #obey(request: CoreRequest): void {
    if (request.kind === "lease") return void this.leases.push(request.forMs);
    this.ordered.push(request);
    if (!this.isObedient) return;
    if (request.kind === "dispatch") this.report({ kind: "ready", attempt: request.attempt });
    if (request.kind !== "stop") return;
    this.report({ kind: "snapshot", snapshot: cutOf(request.attempt, 99, 1_000, true) });
    this.report({ kind: "ended", attempt: request.attempt, valueJson: null, thrown: null });
  }

  /** What a core says. */
  report(report: WorkerReport): void {
    this.#cores.send(report);
  }

  command({ manager, token, boot = "1" }: Owner, command: Command): void {
    this.tenant.hear({ node: manager, boot }, { kind: "command", ownerToken: token, command });
  }

  dispatch(owner: Owner, attempt: AttemptId, core = 0): void {
    this.command(owner, {
      kind: "dispatch",
      attempt,
      core,
      place: { share: attempt.share, shares: 1, resume: null, feedStripe: { index: 0, of: 1 } },
      submission: "digest",
      context: {},
      setupJson: null,
      reportMs: 1_000,
    });
  }

  start(owner: Owner, attempt: AttemptId): void {
    this.command(owner, { kind: "start", attempt, startAtMs: this.clock.nowMs(), inMs: 0, jobElapsedMs: 0 });
  }

  /** The owner's answer to a renewal that was asked for `agoMs` ago. */
  renew(
    { manager, token, boot = "1" }: Owner,
    { job = "j", agoMs = 0, pressure = "none", ownerMs = this.clock.nowMs() }: Renewal = {},
  ): void {
    const nowMs = this.clock.nowMs();
    this.tenant.hear(
      { node: manager, boot },
      {
        kind: "renewed",
        sentAtMs: nowMs - agoMs,
        ownerMs,
        pressure,
        jobs: [{ job, ownerToken: token }],
      },
    );
  }

  /** Dispatched, ready, leased and started by that owner. */
  async run(attempt: AttemptId, owner: Owner = M1): Promise<void> {
    this.dispatch(owner, attempt);
    await this.clock.advance(0);
    this.renew(owner, { job: attempt.job });
    this.start(owner, attempt);
    await this.clock.advance(0);
  }

  /** State of an attempt; null: the worker has none. */
  state(token: number): string | null {
    return this.tenant.held.find(({ attempt }) => attempt.token === token)?.state ?? null;
  }

  /** Tokens of the attempts the cores were told to stop, and how. */
  get stops(): readonly string[] {
    return this.ordered.flatMap((one) => (one.kind === "stop" ? [`${one.attempt.token} ${one.mode}`] : []));
  }

  /** Reports of one kind, with the owner they went to. */
  reports<Kind extends WireReport["kind"]>(kind: Kind) {
    return this.said.flatMap(({ manager, message }) => {
      if (message.kind !== "report" || !isOf(message.report, kind)) return [];
      return [{ manager, ownerToken: message.ownerToken, report: message.report }];
    });
  }
}

function isOf<Kind extends WireReport["kind"]>(
  report: WireReport,
  kind: Kind,
): report is Extract<WireReport, { kind: Kind }> {
  return report.kind === kind;
}

/** A cut in which so many requests were counted. */
export function cutOf(attempt: AttemptId, seq: number, requests: number, isFinal = false): Snapshot {
  return {
    attempt,
    seq,
    elapsedMs: seq * 100,
    content: isFinal ? "all" : "changed",
    isFinal,
    resume: { kind: "elapsed", elapsedMs: seq * 100, feeds: {} },
    accounting: { scheduled: requests, started: requests, completed: requests, interrupted: 0, dropped: 0, unsent: 0 },
    generator: { seconds: 0, saturatedSeconds: 0, cpuSeconds: 0, loopLagMsMax: 0, loopLagMsP99: 0, stillMs: 0 },
    vus: 1,
    vusMax: 1,
    series: [seriesOf("http_reqs", {}, { type: "counter", count: requests, sum: requests })],
  };
}
