// Goal: what an owner knew of its job does not go with it: the next one counts, bounds and judges as if it had been
// there. Method: two owners over one ledger and one vault, workers played by the test, virtual time; the assign entry
// says whose turn it is.

import { describe, expect, test } from "bun:test";
import { apply } from "../../../src/ledger/apply.ts";
import type { Proposal } from "../../../src/ledger/entries.ts";
import { createLedger } from "../../../src/ledger/job.ts";
import { select } from "../../../src/load/merge.ts";
import type { JobPlan } from "../../../src/load/plan.ts";
import type { JobResult } from "../../../src/load/result.ts";
import type { AttemptId } from "../../../src/load/share.ts";
import { jobSpecOf } from "../../../src/node/job-spec.ts";
import { createEmbeddedLedger, type LedgerPort } from "../../../src/node/ledger-port.ts";
import type { WorkerRequest } from "../../../src/node/messages.ts";
import { Owner } from "../../../src/node/owner/owner.ts";
import { createMemoryVault, type Kept, type Vault } from "../../../src/node/owner/vault.ts";
import { cutOf } from "../../scenarios/tenant-scene.ts";
import { VirtualClock } from "../fake-world.ts";
import { BUNDLE, jobPlan, threshold, workflowPlan } from "../plans.ts";

class Succession {
  readonly clock = new VirtualClock();
  readonly ledger: LedgerPort;
  readonly ordered: { readonly worker: string; readonly request: WorkerRequest }[] = [];
  result: JobResult | null = null;
  readonly #plan: JobPlan;
  readonly #kept = new Map<string, Kept>();
  readonly #owners = new Map<string, Owner>();

  constructor(plan: Partial<JobPlan>, ledger?: LedgerPort) {
    this.#plan = jobPlan(plan);
    this.ledger = ledger ?? createEmbeddedLedger(this.clock);
    for (const node of ["m1", "m2"]) this.#owners.set(node, this.#owner(node));
  }

  #owner(node: string): Owner {
    const vault: Vault = {
      ...createMemoryVault(() => ({ plan: this.#plan, bundle: BUNDLE, retries: 0 })),
      keep: (kept) => {
        const name = `kept ${this.#kept.size}`;
        this.#kept.set(name, kept);
        return Promise.resolve(name);
      },
      load: (name) => {
        const kept = this.#kept.get(name);
        return kept === undefined ? Promise.reject(new Error(`there is no ${name}`)) : Promise.resolve(kept);
      },
    };
    return new Owner({
      node,
      boot: "1",
      clock: this.clock,
      ledger: this.ledger,
      vault,
      order: (worker, _job, request) => void this.ordered.push({ worker, request }),
      tell: () => {},
      finished: (_job, result) => void (this.result = result),
      note: () => {},
      reportMs: 1_000,
      viewMs: 1_000,
      startLeadMs: 0,
      caughtUpAtMs: () => this.clock.nowMs(),
      doesCheckpoint: true,
    });
  }

  of(node: string): Owner {
    const owner = this.#owners.get(node);
    if (owner === undefined) throw new Error(`there is no ${node}`);
    return owner;
  }

  join(worker: string): void {
    this.ledger.propose({ kind: "join", worker, boot: "1", cores: 1, labels: {} });
  }

  submit(): void {
    const spec = jobSpecOf(this.#plan, 0);
    this.ledger.propose({ kind: "submit", job: "j", digest: "d", submission: "", spec });
    this.assign("m1");
  }

  assign(owner: string): void {
    this.ledger.propose({ kind: "assign", job: "j", owner, boot: "1" });
  }

  /** Everything dispatched so far, in order, each once. */
  get dispatched(): readonly AttemptId[] {
    const all = this.ordered.flatMap(({ request }) => (request.kind === "dispatch" ? [request.attempt] : []));
    return [...new Map(all.map((attempt) => [attempt.token, attempt])).values()];
  }

  /** The newest attempt, ready and begun under that owner. */
  async begin(owner: string): Promise<AttemptId> {
    await this.clock.advance(0);
    const attempt = this.dispatched.at(-1);
    if (attempt === undefined) throw new Error("nothing was dispatched");
    this.of(owner).hear({ kind: "ready", attempt });
    await this.clock.advance(0);
    return attempt;
  }

  /** Its worker has counted so many requests after so many seconds. */
  counted(owner: string, attempt: AttemptId, seconds: number, requests: number, isFinal = false): void {
    this.of(owner).hear({ kind: "snapshot", snapshot: cutOf(attempt, seconds * 10, requests, isFinal) });
  }

  async end(owner: string, attempt: AttemptId): Promise<JobResult> {
    this.of(owner).hear({ kind: "ended", attempt, valueJson: null, thrown: null });
    await this.clock.until(() => this.result !== null, 10_000);
    if (this.result === null) throw new Error("no result");
    return this.result;
  }
}

function requestsOf({ workflows }: JobResult): number {
  const cells = select(workflows[0]?.series ?? [], "http_reqs", {});
  return cells?.type === "counter" ? cells.count : 0;
}

const LONG: Partial<JobPlan> = {
  workflows: [workflowPlan("default", { executor: { kind: "constant-vus", vus: 1, durationMs: 60_000 } })],
};

/** One attempt on w1 under m1, with 100 requests in its first second. */
async function begun(plan = LONG) {
  const scene = new Succession(plan);
  scene.join("w1");
  scene.submit();
  const attempt = await scene.begin("m1");
  await scene.clock.advance(1_000);
  scene.counted("m1", attempt, 1, 100);
  return { scene, attempt };
}

describe("the next owner", () => {
  test("[LD-30.1.3] counts what the last one held at its checkpoint, when the worker died with it", async () => {
    const { scene } = await begun();
    await scene.clock.advance(5_000);
    scene.assign("m2");
    await scene.clock.advance(0);
    scene.ledger.propose({ kind: "leave", worker: "w1", boot: "1", isCertain: true });
    scene.join("w2");
    const second = await scene.begin("m2");
    expect(scene.ordered.at(-2)?.worker).toBe("w2");
    scene.counted("m2", second, 1, 7, true);
    const result = await scene.end("m2", second);
    expect(requestsOf(result)).toBe(107);
    // From the checkpoint on, whoever owned it: three times 100 a second, for five seconds and more.
    expect(result.unreportedMax).toBeGreaterThanOrEqual(1_500);
  });

  test("tells the bound of what nobody heard, though it was the last one that lost the worker", async () => {
    const { scene } = await begun();
    await scene.clock.advance(2_000);
    scene.ledger.propose({ kind: "leave", worker: "w1", boot: "1", isCertain: true });
    scene.join("w2");
    const second = await scene.begin("m1");
    scene.assign("m2");
    await scene.clock.advance(0);
    scene.counted("m2", second, 1, 7, true);
    const result = await scene.end("m2", second);
    expect(requestsOf(result)).toBe(107);
    expect(result.unreportedMax).toBeGreaterThanOrEqual(300);
    expect(result.disturbed.map(({ why }) => why)).toContain("worker w1 is gone");
  });

  test("takes the pace of an attempt that began in the middle of its schedule from where it began", async () => {
    const { scene, attempt: first } = await begun();
    await scene.clock.advance(20_000);
    scene.counted("m1", first, 21, 2_100);
    scene.ledger.propose({ kind: "leave", worker: "w1", boot: "1", isCertain: true });
    scene.join("w2");
    const second = await scene.begin("m1");
    await scene.clock.advance(1_000);
    scene.counted("m1", second, 22, 100);
    await scene.clock.advance(5_000);
    scene.assign("m2");
    await scene.clock.advance(0);
    scene.ledger.propose({ kind: "leave", worker: "w2", boot: "1", isCertain: true });
    // The second that died with it: its share does not run again, and the job is over.
    await scene.clock.until(() => scene.result !== null, 10_000);
    if (scene.result === null) throw new Error("no result");
    expect(requestsOf(scene.result)).toBe(2_200);
    // Three times 100 a second from its checkpoint on. Over the whole schedule until then it would be 5 a second.
    expect(scene.result.unreportedMax).toBeGreaterThanOrEqual(1_500);
  });

  test("counts the time that a worker measured while nobody led and ledger time stood still", async () => {
    const { scene, attempt } = await begun({ ...LONG, thresholds: [threshold("http_reqs", "rate<150")] });
    await scene.clock.advance(5_000);
    scene.assign("m2");
    await scene.clock.advance(0);
    scene.counted("m2", attempt, 60, 6_000, true);
    const result = await scene.end("m2", attempt);
    expect(result.workflows[0]).toMatchObject({ fromMs: 0, toMs: 60_000 });
    expect(result.durationMs).toBe(60_000);
    expect(result.thresholds.map(({ ok, value }) => [ok, value])).toEqual([[true, 100]]);
    expect(result.disturbed).toEqual([{ from: 1_000, to: 60_000, why: "the owner of the job changed" }]);
    expect(result.vus?.vusMax.max).toBe(1);
  });

  test("holds a threshold for failed that failed under the last one", async () => {
    const expression = "rate>0 for 10s";
    const { scene, attempt } = await begun({ ...LONG, thresholds: [threshold("http_reqs", expression)] });
    const ownerToken = scene.ledger.state.jobs.get("j")?.owner?.token ?? -1;
    scene.ledger.propose({ kind: "verdict", job: "j", ownerToken, metricKey: "http_reqs", expression, isAbort: false });
    scene.assign("m2");
    await scene.clock.advance(0);
    scene.counted("m2", attempt, 2, 200, true);
    const result = await scene.end("m2", attempt);
    expect(result.thresholds.map(({ ok }) => ok)).toEqual([false]);
  });

  test("takes on what a snapshot of the ledger brought, and gives up what is another's by then", async () => {
    const clock = new VirtualClock();
    const state = createLedger();
    const resets: (() => void)[] = [];
    const port: LedgerPort = {
      state,
      nowMs: () => clock.nowMs(),
      propose: () => {},
      onApplied: () => {},
      onReset: (handle) => void resets.push(handle),
    };
    const scene = new Succession(LONG, port);
    let index = 0;
    // Nobody hears of these: they came in one piece.
    const assigned = (owner: string): void =>
      void apply(state, ++index, { kind: "assign", job: "j", owner, boot: "1", atMs: 0 });
    const spec = jobSpecOf(jobPlan(LONG), 0);
    apply(state, ++index, { kind: "submit", job: "j", digest: "d", submission: "", spec, atMs: 0 });
    assigned("m1");
    expect(scene.of("m1").of("j")).toBeNull();
    for (const reset of resets) reset();
    expect([scene.of("m1").of("j")?.token, scene.of("m2").of("j")]).toEqual([index, null]);
    assigned("m2");
    for (const reset of resets) reset();
    expect([scene.of("m1").of("j"), scene.of("m2").of("j")?.token]).toEqual([null, index]);
  });

  test("goes on with a job of its own where a snapshot of the ledger took the place of entries", () => {
    const clock = new VirtualClock();
    const state = createLedger();
    const resets: (() => void)[] = [];
    const proposed: string[] = [];
    const scene = new Succession(LONG, {
      state,
      nowMs: () => clock.nowMs(),
      propose: ({ kind }) => void proposed.push(kind),
      onApplied: () => {},
      onReset: (handle) => void resets.push(handle),
    });
    let index = 0;
    const unheard = (proposal: Proposal): void => {
      apply(state, ++index, { ...proposal, atMs: 0 });
      for (const reset of resets) reset();
    };
    const job = "j";
    unheard({ kind: "submit", job, digest: "d", submission: "", spec: jobSpecOf(jobPlan(LONG), 0) });
    unheard({ kind: "assign", job, owner: "m1", boot: "1" });
    const ownerToken = index;
    unheard({ kind: "join", worker: "w1", boot: "1", cores: 1, labels: {} });
    expect(proposed.splice(0)).toEqual(["place"]);
    unheard({ kind: "place", job, ownerToken, workflow: "default" });
    expect(proposed.splice(0)).toEqual(["dispatch"]);
    expect(scene.dispatched).toEqual([]);
    unheard({ kind: "dispatch", job, ownerToken, workflow: "default", share: 0 });
    expect(scene.dispatched.map(({ share }) => share)).toEqual([0]);
    unheard({ kind: "ready", job, workflow: "default", share: 0, attemptToken: index });
    expect(proposed.splice(0)).toEqual(["start"]);
    expect(scene.of("m1").of(job)?.token).toBe(ownerToken);
  });
});

test("[LD-41.11.3] a value that is proposed is committed before the end of its attempt, however long it takes", async () => {
  const clock = new VirtualClock();
  const inner = createEmbeddedLedger(clock);
  const held: (() => void)[] = [];
  const slow: LedgerPort = {
    ...inner,
    propose: (proposal, settled) =>
      proposal.kind === "provide"
        ? void held.push(() => inner.propose(proposal, settled))
        : inner.propose(proposal, settled),
  };
  const scene = new Succession(
    { workflows: [workflowPlan("first"), workflowPlan("then", { after: ["first"] })] },
    slow,
  );
  scene.join("w1");
  scene.submit();
  const attempt = await scene.begin("m1");
  scene.of("m1").hear({ kind: "provide", attempt, key: "user", json: '"ada"', vu: 1, iteration: 0 });
  scene.of("m1").hear({ kind: "ended", attempt, valueJson: null, thrown: null });
  await clock.advance(1_000);
  expect(inner.state.jobs.get("j")?.workflows.get("first")?.state).toBe("running");
  for (const propose of held) propose();
  await clock.advance(0);
  expect(scene.ordered.flatMap(({ request }) => (request.kind === "dispatch" ? [request.context] : []))).toEqual([
    {},
    { user: '"ada"' },
  ]);
});
