// An owner of one job over a ledger of one, with workers and a follower that the test plays. Virtual time. Not a test
// itself.

import type { JobPlan } from "../../src/load/plan.ts";
import type { JobResult } from "../../src/load/result.ts";
import type { AttemptId } from "../../src/load/share.ts";
import { jobSpecOf } from "../../src/node/job-spec.ts";
import { createEmbeddedLedger } from "../../src/node/ledger-port.ts";
import type { LiveEvent, WorkerReport, WorkerRequest } from "../../src/node/messages.ts";
import { Owner } from "../../src/node/owner/owner.ts";
import { createMemoryVault } from "../../src/node/owner/vault.ts";
import { VirtualClock } from "../node/fake-world.ts";
import { BUNDLE, jobPlan } from "../node/plans.ts";

export class OwnerScene {
  readonly clock = new VirtualClock();
  readonly ledger = createEmbeddedLedger(this.clock);
  /** What the workers were told, by worker. */
  readonly ordered: { readonly worker: string; readonly request: WorkerRequest }[] = [];
  readonly events: LiveEvent[] = [];
  result: JobResult | null = null;
  readonly #owner: Owner;

  /** Job "j" of that plan, on workers of one core each. */
  constructor(plan: Partial<JobPlan>, workers: readonly string[], retries = 0) {
    const whole = jobPlan(plan);
    this.#owner = new Owner({
      node: "m1",
      boot: "1",
      clock: this.clock,
      ledger: this.ledger,
      vault: createMemoryVault(() => ({ plan: whole, bundle: BUNDLE, retries })),
      order: (worker, _job, request) => void this.ordered.push({ worker, request }),
      tell: (_job, event) => void this.events.push(event),
      finished: (_job, result) => void (this.result = result),
      note: () => {},
      reportMs: 100,
      viewMs: 100,
      startLeadMs: 0,
      caughtUpAtMs: () => this.clock.nowMs(),
      doesCheckpoint: false,
    });
    for (const worker of workers) this.ledger.propose({ kind: "join", worker, boot: "1", cores: 1, labels: {} });
    const spec = jobSpecOf(whole, retries);
    this.ledger.propose({ kind: "submit", job: "j", digest: "d", submission: "", spec });
    this.ledger.propose({ kind: "assign", job: "j", owner: "m1", boot: "1" });
  }

  say(report: WorkerReport): void {
    this.#owner.hear(report);
  }

  /** Everything that was dispatched so far, in order. */
  get dispatched(): readonly AttemptId[] {
    return this.ordered.flatMap(({ request }) => (request.kind === "dispatch" ? [request.attempt] : []));
  }

  /** All that was dispatched is ready, and begins. */
  async begin(): Promise<readonly AttemptId[]> {
    await this.clock.advance(0);
    for (const attempt of this.dispatched) this.say({ kind: "ready", attempt });
    await this.clock.advance(0);
    return this.dispatched;
  }
}
