// Submits on their way into the ledger: the content is here and on a majority's disks, then the job is proposed, many
// in one entry while another is under way. A content that many jobs are of is read and spread once in a while, not for
// each of them. Who may submit how much is admission.ts's.

import { HyperscaleError, messageOf } from "../base/error.ts";
import { diskErrorCode } from "../io/disk-error.ts";
import type { Clock } from "../io/world.ts";
import type { Effect } from "../ledger/effects.ts";
import { type JobSpec, SUBMITS_MAX } from "../ledger/entries.ts";
import { encode } from "../wire/codec.ts";
import type { Blobs } from "./blobs/blobs.ts";
import { jobSpecOf } from "./job-spec.ts";
import type { LedgerPort, ProposalOutcome } from "./ledger-port.ts";
import { unpackSubmission } from "./submission.ts";

/** A submission has to be here, and on a majority's disks, within so long; else the client asks again. */
const FETCH_MS = 20_000;
/**
 * A content that was spread so long ago is spread again before another job names it. Shorter than nodes keep what
 * nothing names (BlobStore's grace): meanwhile nobody has removed it.
 */
const FRESH_MS = 20_000;
/** Contents remembered. */
const CONTENTS_MAX = 1_024;
/** Entries of submits under way: the next are gathered meanwhile. */
const ENTRIES_MAX = 2;
/** Bytes of specs in one entry; a single larger one goes alone. */
const SPEC_BYTES_MAX = 256 * 1_024;

/** `unavailable`: nothing was decided, ask again. */
export type SubmitAnswer =
  { readonly kind: "accepted" } | { readonly kind: "refused"; readonly code: string; readonly message: string };

/** One submit as a client asked for it. content: the submission, where it came along. */
export type AskedSubmit = {
  readonly client: string;
  readonly id: string;
  readonly digest: string;
  readonly content: Uint8Array | null;
};

export type SubmitPorts = {
  readonly clock: Clock;
  readonly ledger: Pick<LedgerPort, "state" | "propose">;
  readonly blobs: Pick<Blobs, "pull" | "replicate">;
};

type Content = {
  readonly digest: string;
  readonly spec: JobSpec;
  readonly specBytes: number;
  readonly spreadAtMs: number;
};
type Read = { readonly content: Content } | { readonly content: null; readonly answer: SubmitAnswer };
type Waiting = { readonly id: string; readonly content: Content; readonly settle: (answer: SubmitAnswer) => void };

export class Submits {
  readonly #ports: SubmitPorts;
  /** By digest, the one longest unused first. */
  readonly #contents = new Map<string, Content>();
  readonly #reading = new Map<string, Promise<Read>>();
  #waiting: Waiting[] = [];
  #underWay = 0;
  #isFlushing = false;

  constructor(ports: SubmitPorts) {
    this.#ports = ports;
  }

  /** Resolves when the job is committed and applied here, or refused. Never rejects. Idempotent by id and digest. */
  async take(asked: AskedSubmit): Promise<SubmitAnswer> {
    const { id, digest } = asked;
    const known = this.#known(id, digest);
    if (known !== null) return known;
    const read = this.#fresh(digest) ?? (await this.#read(asked));
    if (read.content === null) return read.answer;
    const { content } = read;
    return new Promise((settle) => {
      this.#waiting.push({ id, content, settle });
      this.#flushSoon();
    });
  }

  // ── contents ──────────────────────────────────────────────────────────────────────────────────

  #fresh(digest: string): Read | null {
    const content = this.#contents.get(digest);
    if (content === undefined || this.#ports.clock.nowMs() - content.spreadAtMs >= FRESH_MS) return null;
    this.#contents.delete(digest);
    this.#contents.set(digest, content);
    return { content };
  }

  /** Once for all who submit it just now. */
  #read(asked: AskedSubmit): Promise<Read> {
    const { digest } = asked;
    const running = this.#reading.get(digest);
    if (running !== undefined) return running;
    const reading = this.#spread(asked)
      .catch((error: unknown): Read => ({ content: null, answer: failed(error) }))
      .finally(() => this.#reading.delete(digest));
    this.#reading.set(digest, reading);
    return reading;
  }

  /** The submission is fetched and kept by a majority. Nothing of a peer is believed but what has that digest. */
  async #spread({ client, digest, content }: AskedSubmit): Promise<Read> {
    const { blobs, clock } = this.#ports;
    const bytes = content ?? (await blobs.pull(digest, { from: [client], timeoutMs: FETCH_MS }));
    const read = unpackSubmission(bytes);
    if (read.submission === null)
      return { content: null, answer: { kind: "refused", code: "invalid", message: read.message } };
    const { plan, retries } = read.submission;
    const spec = jobSpecOf(plan, retries);
    const spreadAtMs = clock.nowMs();
    const kept = await blobs.replicate(bytes, { timeoutMs: FETCH_MS });
    if (kept !== digest) {
      const message = `the submission came as ${kept} and is named ${digest}`;
      return { content: null, answer: { kind: "refused", code: "invalid", message } };
    }
    const made: Content = { digest, spec, specBytes: encode(spec).length, spreadAtMs };
    this.#contents.delete(digest);
    this.#contents.set(digest, made);
    for (const oldest of this.#contents.keys()) {
      if (this.#contents.size <= CONTENTS_MAX) break;
      this.#contents.delete(oldest);
    }
    return { content: made };
  }

  // ── entries ───────────────────────────────────────────────────────────────────────────────────

  /** What came in one turn goes together. */
  #flushSoon(): void {
    if (this.#isFlushing || this.#underWay >= ENTRIES_MAX) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      while (this.#waiting.length > 0 && this.#underWay < ENTRIES_MAX) this.#flush();
    });
  }

  #flush(): void {
    const jobs = this.#take();
    const contents = [...new Set(jobs.map(({ content }) => content))];
    const places = new Map(contents.map((content, at) => [content, at]));
    this.#underWay++;
    this.#ports.ledger.propose(
      {
        kind: "submits",
        contents: contents.map(({ digest, spec }) => ({ digest, submission: digest, spec })),
        jobs: jobs.map(({ id, content }) => ({ job: id, of: places.get(content) ?? 0 })),
      },
      (outcome) => {
        this.#underWay--;
        this.#settle(jobs, outcome);
        if (this.#waiting.length > 0) this.#flushSoon();
      },
    );
  }

  /** The first that wait, as many as fit one entry. */
  #take(): readonly Waiting[] {
    const contents = new Set<Content>();
    let bytes = 0;
    let count = 0;
    for (const { content } of this.#waiting) {
      if (!contents.has(content)) bytes += content.specBytes;
      contents.add(content);
      if (count > 0 && (count >= SUBMITS_MAX || bytes > SPEC_BYTES_MAX)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  #settle(jobs: readonly Waiting[], outcome: ProposalOutcome): void {
    const refusals = refusalsOf(outcome);
    for (const { id, content, settle } of jobs) settle(this.#answerOf(id, content.digest, outcome, refusals));
  }

  #answerOf(
    id: string,
    digest: string,
    outcome: ProposalOutcome,
    refusals: ReadonlyMap<string, SubmitAnswer>,
  ): SubmitAnswer {
    if (outcome.kind === "refused")
      return outcome.code === "expired" ? unavailable(outcome.message) : { ...outcome, kind: "refused" };
    // An id may be twice in the entry, of two contents: what the ledger holds decides.
    return this.#known(id, digest) ?? refusals.get(id) ?? unavailable("it is not known what became of the submit");
  }

  /** What the ledger says of a submit already. Out: null when it is new. */
  #known(id: string, digest: string): SubmitAnswer | null {
    const job = this.#ports.ledger.state.jobs.get(id);
    if (job === undefined) return null;
    if (job.digest === digest) return { kind: "accepted" };
    return { kind: "refused", code: "conflict", message: `job ${id} exists with another content` };
  }
}

function refusalsOf(outcome: ProposalOutcome): ReadonlyMap<string, SubmitAnswer> {
  const effects: readonly Effect[] = (outcome.kind === "applied" ? outcome.effects : null) ?? [];
  const refusals = new Map<string, SubmitAnswer>();
  for (const effect of effects)
    if (effect.kind === "refused")
      refusals.set(effect.job, { kind: "refused", code: effect.code, message: effect.message });
  return refusals;
}

/** A full disk is said, without its paths: it does not get better by asking this manager again. */
function failed(error: unknown): SubmitAnswer {
  if (error instanceof HyperscaleError && error.code === "storage" && diskErrorCode(error.cause) === "full")
    return { kind: "refused", code: "disk_full", message: "the disk of the manager is full" };
  return unavailable(messageOf(error));
}

function unavailable(message: string): SubmitAnswer {
  return { kind: "refused", code: "unavailable", message };
}
