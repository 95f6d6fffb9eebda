// Where an owner keeps what must outlive it: the cuts behind seals and checkpoints, and results. In a cluster blobs on
// a majority's disks; embedded nothing, because there nobody comes after. What is said of a fault goes along with them.

import * as z from "../../base/schema.ts";
import { HyperscaleError } from "../../base/error.ts";
import type { Job, LedgerState } from "../../ledger/job.ts";
import { type HeldAttempt, joinVus } from "../../load/merge.ts";
import type { Disturbance, JobResult, VusSeen } from "../../load/result.ts";
import { decoderOf, encode } from "../../wire/codec.ts";
import type { Blobs } from "../blobs/blobs.ts";
import { packResult } from "../result-codec.ts";
import { packSeries, packedSeriesSchema, unpackAll } from "../series-codec.ts";
import { CLEAR_VALUES, type StoredValues } from "../stored-values.ts";
import { type Submission, unpackSubmission } from "../submission.ts";
import { cutSchema } from "../worker-messages.ts";
import type { Unheard } from "./unreported.ts";

/** One attempt as kept: everything held of it. */
export type KeptAttempt = {
  readonly held: HeldAttempt;
  readonly errors: readonly { readonly message: string; readonly count: number }[];
};

/** What else the next owner has to know: it is in no entry. Times in ms of job time. */
export type Notes = {
  readonly startedAtEpochMs: number;
  readonly warnings: readonly string[];
  readonly disturbed: readonly { readonly from: number; readonly to: number; readonly why: string }[];
  readonly unheard: readonly ({ readonly token: number } & Unheard)[];
  readonly late: number;
  /** Over the seconds made so far; null: none. */
  readonly vus: VusSeen | null;
};

export type Kept = { readonly notes: Notes; readonly attempts: readonly KeptAttempt[] };

/** `keep` resolves when it is on a majority's disks: its name. Whatever rejects may be asked again. */
export type Vault = {
  /** How values that workflows hand on stand in the ledger. */
  readonly values: Pick<StoredValues, "sealText" | "openText">;
  submission(job: Job): Submission | Promise<Submission>;
  keep(kept: Kept): string | Promise<string>;
  keepResult(result: JobResult): string | null | Promise<string>;
  load(name: string): Promise<Kept>;
};

/** Nothing is kept: for a job whose owner, client and worker are one process. */
export function createMemoryVault(submissionOf: (job: Job) => Submission): Vault {
  return {
    values: CLEAR_VALUES,
    submission: submissionOf,
    keep: ({ attempts }) => attempts.map(({ held: { cut } }) => `${cut.attempt.token}:${cut.seq}`).join(),
    keepResult: () => null,
    load: () => Promise.reject(new Error("nothing is kept of an embedded job")),
  };
}

const count = z.number().nonnegative();
const gauge = z.object({
  type: z.literal("gauge"),
  value: z.number(),
  min: z.number(),
  max: z.number(),
  atMs: z.number(),
});
const readKept = decoderOf(
  z.object({
    notes: z.object({
      startedAtEpochMs: z.number(),
      warnings: z.array(z.string()),
      disturbed: z.array(z.object({ from: z.number(), to: z.number(), why: z.string() })),
      unheard: z.array(z.object({ token: count, requests: count, seconds: count })),
      late: count,
      vus: z.object({ vus: gauge, vusMax: gauge }).nullable().default(null),
    }),
    attempts: z.array(
      z.object({
        cut: cutSchema,
        series: z.array(packedSeriesSchema),
        errors: z.array(z.object({ message: z.string(), count })),
      }),
    ),
  }),
);

export function packKept({ notes, attempts }: Kept): Uint8Array {
  return encode({
    notes,
    attempts: attempts.map(({ held, errors }) => ({
      cut: held.cut,
      series: Array.from(held.series.values(), ({ series }) => packSeries(series)),
      errors,
    })),
  });
}

/** Throws when the bytes are none: a blob is what its digest says, so that its maker was another version. */
export function unpackKept(bytes: Uint8Array): Kept {
  const decoded = readKept(bytes);
  if (!decoded.ok) throw new Error(`a kept snapshot cannot be read: ${decoded.message}`);
  const { notes, attempts } = decoded.value;
  return {
    notes,
    attempts: attempts.map(({ cut, series, errors }) => ({
      held: {
        cut,
        series: new Map(unpackAll(series).map((one) => [one.id.key, { seq: cut.seq, series: one }])),
      },
      errors,
    })),
  };
}

/** What both say, each thing once. */
export function joinNotes(left: Notes, right: Notes): Notes {
  const unheard = new Map(left.unheard.map((one) => [one.token, one]));
  for (const one of right.unheard) {
    const known = unheard.get(one.token) ?? one;
    unheard.set(one.token, {
      token: one.token,
      requests: Math.max(one.requests, known.requests),
      seconds: Math.max(one.seconds, known.seconds),
    });
  }
  const disturbed = new Map<string, Disturbance>();
  for (const one of [...left.disturbed, ...right.disturbed]) {
    const key = `${one.from} ${one.why}`;
    // One that still went on when the first was written down.
    disturbed.set(key, { ...one, to: Math.max(one.to, disturbed.get(key)?.to ?? one.to) });
  }
  return {
    startedAtEpochMs: left.startedAtEpochMs === 0 ? right.startedAtEpochMs : left.startedAtEpochMs,
    warnings: [...new Set([...left.warnings, ...right.warnings])],
    disturbed: [...disturbed.values()].sort((a, b) => a.from - b.from),
    unheard: [...unheard.values()],
    late: Math.max(left.late, right.late),
    vus: joinVus(left.vus, right.vus),
  };
}

/** Kept as blobs on a majority's disks. Everything may reject, and be asked again. */
export function createBlobVault(blobs: Blobs, values: StoredValues): Vault {
  return {
    values,
    submission: async ({ submission: digest }) => {
      const read = unpackSubmission(await blobs.pull(digest));
      if (read.submission === null) throw new HyperscaleError("storage", read.message);
      return read.submission;
    },
    keep: (kept) => blobs.replicate(packKept(kept)),
    keepResult: (result) => blobs.replicate(packResult(result)),
    load: async (name) => unpackKept(await blobs.pull(name)),
  };
}

/** Names of everything a ledger's jobs still need. */
export function reachable(state: LedgerState): Set<string> {
  const names = new Set<string>();
  for (const job of state.jobs.values()) {
    names.add(job.submission);
    if (job.result !== null) names.add(job.result);
    // What a finished job measured is in its result.
    if (job.phase === "finished") continue;
    for (const { shares } of job.workflows.values()) {
      for (const { attempts } of shares) {
        for (const { seal, checkpoint } of attempts) {
          // An attempt that measured nothing has no blob.
          for (const cut of [seal, checkpoint]) if (cut !== null && cut.snapshot !== "") names.add(cut.snapshot);
        }
      }
    }
  }
  return names;
}
