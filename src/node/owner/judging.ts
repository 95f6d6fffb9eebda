// What an owner makes of the numbers of its job: whole seconds, verdicts on thresholds, views for those who follow; and
// at the end the result. What is measured where is run.ts's, what a threshold means load/thresholds.ts's.

import type { Job } from "../../ledger/job.ts";
import { type Wait, waitOf } from "../../ledger/waiting.ts";
import { pausedWithin } from "../../load/pauses.ts";
import type { JobResult } from "../../load/result.ts";
import { type ForeignSeal, foreignSeals, takeSeals } from "./adoption.ts";
import type { Ownership } from "./ownership.ts";
import { buildResult, finalThresholds, outcomeOf } from "./result.ts";
import { closeSeconds, judgeLive, lastSeconds, loadStartMs, pausesOf } from "./run.ts";
import { jobView, type Waits } from "./view.ts";

/** Thresholds on the whole are judged this often. */
const JUDGE_MS = 400;
/** An owner that did not look for so long stood still. */
const STILL_MS = 1_000;
/** It waits so long at most to hear from who leads that the job is still its own. */
const DOUBT_MS = 3_000;
/** Who waits for cores so long is told what for: most get theirs at once, and workers may only be joining. */
const WAIT_MS = 3_000;

export class Judging {
  readonly #own: Ownership;
  #judgedAtMs = -Infinity;
  #lookedAtMs: number;
  /** Since when it goes on after it stood still. */
  #wokeAtMs = -Infinity;
  /** Workflows whose wait was told of. */
  readonly #toldOf = new Set<string>();
  /** Made when everything has ended, told when that is committed. */
  #result: JobResult | null = null;

  constructor(own: Ownership) {
    this.#own = own;
    this.#lookedAtMs = own.ports.clock.nowMs();
    this.#arm();
  }

  #arm(): void {
    this.#own.arm(this.#own.ports.viewMs, () => {
      this.#arm();
      this.#look();
    });
  }

  #look(): void {
    const { run, ports } = this.#own;
    const job = this.#own.job();
    if (job === null || job.phase === "finished" || this.#isDoubtful()) return;
    const elapsedMs = this.#own.elapsedMs(job);
    this.#completeSeconds(job, elapsedMs);
    const loadMs = loadStartMs(job);
    const isDue = ports.clock.nowMs() - this.#judgedAtMs >= JUDGE_MS;
    if (isDue && loadMs !== null && job.phase === "open") {
      this.#judgedAtMs = ports.clock.nowMs();
      const pauses = pausesOf(job, elapsedMs);
      const seconds = Math.max(0, elapsedMs - loadMs - pausedWithin(pauses, loadMs, elapsedMs)) / 1_000;
      const unpausedMs = elapsedMs - pausedWithin(pauses, 0, elapsedMs);
      for (const { outcome, isAbort } of judgeLive(run, unpausedMs, seconds)) this.#condemn(job, outcome, isAbort);
    }
    const waits = this.#waits(job);
    for (const [workflow, wait] of waits) this.#tellWait(workflow, wait);
    this.#own.tell({ kind: "view", view: jobView(run, job, elapsedMs, waits) });
  }

  /**
   * It stood still for as long as it takes to give the job to another, and has not heard since that nobody did: what it
   * holds is old then, and what it did not hear would pass for nothing.
   */
  #isDoubtful(): boolean {
    const { clock, caughtUpAtMs } = this.#own.ports;
    const nowMs = clock.nowMs();
    if (nowMs - this.#lookedAtMs > STILL_MS) this.#wokeAtMs = nowMs;
    this.#lookedAtMs = nowMs;
    return nowMs - this.#wokeAtMs < DOUBT_MS && caughtUpAtMs() < this.#wokeAtMs;
  }

  #waits(job: Job): Waits {
    const { ledger } = this.#own.ports;
    const waits = new Map<string, Wait>();
    for (const [name, workflow] of job.workflows) {
      if (workflow.state !== "queued" || ledger.nowMs() - (workflow.queuedAtMs ?? Infinity) < WAIT_MS) continue;
      const wait = waitOf(ledger.state, job, workflow);
      if (wait !== null) waits.set(name, wait);
    }
    return waits;
  }

  /** Once for each workflow. */
  #tellWait(workflow: string, { text, isStuck }: Wait): void {
    if (this.#toldOf.has(workflow)) return;
    this.#toldOf.add(workflow);
    this.#own.tell({ kind: "log", level: isStuck ? "warn" : "info", workflow, text: `it waits for cores: ${text}` });
  }

  #completeSeconds(job: Job, elapsedMs: number): void {
    const { windows, failures } = closeSeconds(this.#own.run, elapsedMs, pausesOf(job, elapsedMs));
    for (const window of windows) this.#own.tell({ kind: "second", window });
    for (const { outcome, isAbort } of failures) this.#condemn(job, outcome, isAbort);
  }

  #condemn(
    job: Job,
    { metricKey, expression }: { readonly metricKey: string; readonly expression: string },
    isAbort: boolean,
  ): void {
    if (isAbort && job.ending !== null) return;
    this.#own.propose({ kind: "verdict", job: job.id, ownerToken: this.#own.token, metricKey, expression, isAbort });
  }

  /** Everything has ended: thresholds are judged, the result is made and kept, the finish proposed. */
  judge(): void {
    const own = this.#own;
    const { run, ports } = own;
    const job = own.job();
    if (job === null || job.phase !== "closing" || this.#result !== null) return;
    const foreign = foreignSeals(run, job);
    if (foreign.length > 0) return this.#read(foreign);
    const endMs = own.elapsedMs(job);
    this.#completeSeconds(job, endMs);
    const seconds = lastSeconds(run, endMs);
    const thresholds = finalThresholds(run, job, endMs);
    const thresholdsFailed = thresholds.filter(({ ok }) => !ok).length;
    run.outcomes = thresholds;
    run.lastSecond = seconds.at(-1) ?? run.lastSecond;
    run.latencies = null;
    if (job.originMs === null) run.startedAtEpochMs = ports.clock.epochMs();
    for (const window of seconds) own.tell({ kind: "second", window });
    const result = buildResult(run, job, { outcome: outcomeOf(job, thresholdsFailed), endMs, thresholds });
    this.#result = result;
    // Now, not with the commit of the end: after that nobody follows the job any more.
    own.tell({ kind: "view", view: jobView(run, job, endMs) });
    own.keep(
      () => ports.vault.keepResult(result),
      (name) => own.propose({ kind: "finish", job: job.id, ownerToken: own.token, thresholdsFailed, result: name }),
    );
  }

  /** Seals that an earlier owner got in after this one had taken over count as well: what they name is read. */
  #read(foreign: readonly ForeignSeal[]): void {
    const { vault } = this.#own.ports;
    this.#own.keep(
      () => Promise.all(foreign.map(({ name }) => (name === "" ? null : vault.load(name)))),
      (kept) => {
        takeSeals(this.#own.run, foreign, kept);
        this.judge();
      },
    );
  }

  /** The end is committed. Out: whether it is one that was made here. */
  finish(): boolean {
    const job = this.#own.job();
    if (job === null || this.#result === null) return false;
    this.#own.ports.finished(job.id, this.#result);
    return true;
  }
}
