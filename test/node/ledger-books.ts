// What tests of replicas write down: which entry each manager applied at which index, in all its lives, and what became
// of every proposal. Judges that replicas agree and that nothing is applied twice or lost. Not a test itself.

import { expect } from "bun:test";
import type { Proposal } from "../../src/ledger/entries.ts";
import type { ProposalOutcome } from "../../src/node/ledger-port.ts";
import type { Replica } from "../../src/node/consensus/replica.ts";
import type { Manager } from "./sim-managers.ts";

/** A submit of a job with one small workflow. */
export function submitOf(job: string): Proposal {
  const workflow = {
    name: "load",
    role: "user",
    after: [],
    priority: "auto",
    sharesMax: 1,
    fromMs: 0,
    toMs: 60_000,
    timeoutMs: null,
    vus: 1,
    requires: {},
    prefers: {},
    executor: "constant-vus",
    scaleMax: null,
    pool: null,
  } as const;
  return { kind: "submit", job, digest: `of ${job}`, submission: "", spec: { workflows: [workflow], retries: 0 } };
}

/** A job's id carries its creation time; these are of virtual time 0. */
export function jobId(number: number): string {
  return `job-${number}`;
}

export class Books {
  /** The entry at each index, as JSON, by the first manager that applied it. */
  readonly #entries = new Map<number, string>();
  readonly #outcomes = new Map<string, ProposalOutcome>();
  readonly #proposed = new Set<string>();
  #jobs = 0;
  /** Times a snapshot replaced a state. */
  resets = 0;

  /** Looks at one life of a manager. */
  watch(replica: Replica): void {
    replica.onApplied(({ index, entry }) => {
      const text = JSON.stringify(entry);
      const known = this.#entries.get(index);
      if (known !== undefined && known !== text) throw new Error(`two entries at ${index}: ${known} and ${text}`);
      this.#entries.set(index, text);
    });
    replica.onReset(() => void this.resets++);
  }

  /** Proposes a job of its own; out: its id. */
  submit(manager: Manager): string {
    const job = jobId(++this.#jobs);
    this.#proposed.add(job);
    manager.replica?.propose(submitOf(job), (outcome) => {
      if (this.#outcomes.has(job)) throw new Error(`${job} was settled twice`);
      this.#outcomes.set(job, outcome);
    });
    return job;
  }

  outcome(job: string): ProposalOutcome | null {
    return this.#outcomes.get(job) ?? null;
  }

  /** Jobs that were told to be applied. */
  get acknowledged(): readonly string[] {
    return [...this.#outcomes].filter(([, { kind }]) => kind === "applied").map(([job]) => job);
  }

  /** Each job's submit is at one index at most; what was acknowledged is in the manager's ledger. */
  check(manager: Manager): void {
    const submits = [...this.#entries.values()].filter((text) => text.includes('"submit"'));
    expect(new Set(submits.map((text) => /"job":"([^"]+)"/.exec(text)?.[1])).size).toBe(submits.length);
    const jobs = manager.replica?.state.jobs;
    expect(this.acknowledged.filter((job) => jobs?.has(job) !== true)).toEqual([]);
  }
}
