// What a worker keeps of one attempt until its end is committed: the newest cut of every series, the values provided,
// how it ended. Everything can be told again to an owner that missed it, or is new.

import { changedSince, type Changes, noteChanges } from "../../load/changes.ts";
import { applySnapshot, type HeldAttempt } from "../../load/merge.ts";
import { type AttemptId, type Snapshot, type Steering, UNSTEERED } from "../../load/share.ts";
import { packChanges } from "../delta-codec.ts";
import type { WorkerReport } from "../messages.ts";
import { type HeldReport, VALUE_BYTES_MAX, type WireReport, type WireSnapshot } from "../worker-messages.ts";

/** Bytes of series in one message: with its cut it stays well below a frame. */
const PART_BYTES = 512 * 1024;

type Provide = Extract<WireReport, { kind: "provide" }>;
type End = Extract<WireReport, { kind: "over" }>["end"];

export type Outbox = {
  readonly attempt: AttemptId;
  state: HeldReport["state"];
  held: HeldAttempt | null;
  /** Which cut changed what of it. */
  readonly changes: Changes;
  content: Snapshot["content"];
  /** The snapshot up to which its present owner holds everything. */
  acked: number;
  /** Values provided so far, and of each key the one that counts. */
  offers: number;
  readonly provided: Map<string, Provide>;
  abortReason: string | null;
  errors: readonly { readonly message: string; readonly count: number }[];
  /** What is left of its share may run again when its core fails: then only cuts of its own count. */
  mayRunAgain: boolean;
  /** Why it is stopped though nobody ordered it; it is handed back then. */
  returning: string | null;
  end: End | null;
  /** What is asked of its workflow, as its owner last said. */
  steering: Steering;
  /** It is to start at this instant of the worker's clock, as soon as there is a lease. */
  start: { readonly atMs: number; readonly jobElapsedMs: number; readonly errorMs: number | null } | null;
};

export function createOutbox(attempt: AttemptId): Outbox {
  return {
    attempt,
    state: "preparing",
    held: null,
    changes: new Map(),
    content: "all",
    acked: 0,
    offers: 0,
    provided: new Map(),
    abortReason: null,
    errors: [],
    mayRunAgain: true,
    returning: null,
    end: null,
    steering: UNSTEERED,
    start: null,
  };
}

/** What the worker says of it at every renewal. */
export function heldReport({ attempt, state, held, offers, abortReason, steering }: Outbox): HeldReport {
  const report = { attempt, state, seq: held?.cut.seq ?? 0, offers, isAborting: abortReason !== null };
  return steering === UNSTEERED ? report : { ...report, steering };
}

export function keepSnapshot(outbox: Outbox, snapshot: Snapshot): void {
  outbox.held = applySnapshot(outbox.held, snapshot);
  noteChanges(outbox.changes, outbox.held, snapshot.seq);
  outbox.content = snapshot.content;
}

/** One more value. Out: the report of it. Of a key the highest (VU, iteration) counts. */
export function keepValue(outbox: Outbox, value: Omit<Provide, "offer" | "isAgain">): Provide {
  const report = { ...value, offer: ++outbox.offers, isAgain: false };
  const known = outbox.provided.get(value.key);
  const counts =
    known === undefined || value.vu > known.vu || (value.vu === known.vu && value.iteration >= known.iteration);
  if (counts) outbox.provided.set(value.key, report);
  return report;
}

/** The newest cut with all that its owner does not hold yet, in as many messages as it takes; none before a cut. */
export function snapshotParts(outbox: Outbox, ownerToken: number): WireSnapshot[] {
  const { held, acked, content, start } = outbox;
  if (held === null) return [];
  const parts = packChanges(changedSince(outbox.changes, held, acked), PART_BYTES);
  return parts.map((changes, part) => ({
    ownerToken,
    base: acked,
    part,
    parts: parts.length,
    content: acked === 0 ? "all" : content,
    cut: held.cut,
    startErrorMs: start?.errorMs ?? null,
    changes,
  }));
}

/** Everything but snapshots that an owner has to know: values beyond `offers`, what was asked for, errors, the end. */
export function reportsSince(outbox: Outbox, offers: number): WireReport[] {
  const { attempt, state, abortReason, errors } = outbox;
  const reports: WireReport[] = [];
  if (state === "ready") reports.push({ kind: "ready", attempt });
  if (offers < outbox.offers) {
    const values = [...outbox.provided.values()];
    // The last of them stands for all, whatever was provided in between and does not count.
    const offerAt = (at: number): number => (at === values.length - 1 ? outbox.offers : 0);
    reports.push(...values.map((value, at) => ({ ...value, isAgain: true, offer: offerAt(at) })));
  }
  if (abortReason !== null) reports.push({ kind: "abort", attempt, reason: abortReason });
  if (errors.length > 0) reports.push({ kind: "errors", attempt, errors });
  const over = overReport(outbox);
  if (over !== null) reports.push(over);
  return reports;
}

/** Out: null while it is not over. */
export function overReport({ attempt, held, offers, end }: Outbox): WireReport | null {
  return end === null ? null : { kind: "over", attempt, seq: held?.cut.seq ?? 0, offers, end };
}

/** What a one-shot function returned travels in one message, or counts as thrown. */
export function closedOf({ valueJson, thrown }: Extract<WorkerReport, { kind: "ended" }>): NonNullable<Outbox["end"]> {
  const bytes = valueJson?.length ?? 0;
  if (bytes <= VALUE_BYTES_MAX) return { kind: "closed", valueJson, thrown };
  return {
    kind: "closed",
    valueJson: null,
    thrown: `it returned ${bytes} bytes of JSON; it may return ${VALUE_BYTES_MAX}`,
  };
}
