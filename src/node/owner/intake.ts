// What an owner has heard of one attempt over the network: snapshots put together from their parts, values and the end
// in order. It knows when something is missing; reconcile.ts has it told again.

import type { Series, SeriesId } from "../../load/series.ts";
import type { Snapshot } from "../../load/share.ts";
import { unpackChanges } from "../delta-codec.ts";
import type { Heard } from "./reconcile.ts";
import type { WireReport, WireSnapshot } from "../worker-messages.ts";

/** Parts of one snapshot that are waited with. */
const SNAPSHOT_BYTES_MAX = 64 * 1_048_576;

export type Over = Extract<WireReport, { kind: "over" }>;

export type Intake = {
  /** Everything up to this snapshot is held. */
  seq: number;
  /** Everything up to this value was proposed. */
  offers: number;
  over: Over | null;
  /** Ids of the series heard of, by their numbers. */
  readonly names: Map<number, SeriesId>;
  /** The snapshot whose parts are coming in. */
  parts: { readonly seq: number; readonly of: number; readonly changes: Map<number, Uint8Array> } | null;
};

export function createIntake(): Intake {
  return { seq: 0, offers: 0, over: null, names: new Map(), parts: null };
}

/** For reconcile. */
export function heardOf({ seq, offers, over }: Intake): Heard {
  return { seq, offers, isOver: over !== null };
}

/** True when the attempt is over and nothing of it is missing. */
export function isWhole({ seq, offers, over }: Intake): boolean {
  return over !== null && seq >= over.seq && offers >= over.offers;
}

/**
 * One part of a snapshot. Out: the snapshot once its last part is here, if nothing before it is missing; else null.
 * Loss, repetition and disorder leave at most something to be told again.
 */
export function takePart(intake: Intake, { base, part, parts, content, cut, changes }: WireSnapshot): Snapshot | null {
  if (base > intake.seq || cut.seq <= intake.seq || part >= parts) return null;
  if (intake.parts === null || intake.parts.seq !== cut.seq || intake.parts.of !== parts) {
    if (intake.parts !== null && intake.parts.seq > cut.seq) return null;
    intake.parts = { seq: cut.seq, of: parts, changes: new Map() };
  }
  const held = intake.parts.changes;
  held.set(part, changes);
  if (held.size < parts) {
    const bytes = [...held.values()].reduce((sum, { length }) => sum + length, 0);
    if (bytes > SNAPSHOT_BYTES_MAX) intake.parts = null;
    return null;
  }
  intake.parts = null;
  const ordered = [...held].sort(([a], [b]) => a - b).map(([, piece]) => piece);
  const series = unpackParts(intake, ordered);
  if (series === null) return null;
  intake.seq = cut.seq;
  return { ...cut, content, series };
}

/** Out: null when one of them is none: nothing of the snapshot is believed then. */
function unpackParts(intake: Intake, parts: readonly Uint8Array[]): Series[] | null {
  const series: Series[] = [];
  const names: (readonly [number, SeriesId])[] = [];
  for (const part of parts) {
    const read = unpackChanges(part, intake.names);
    if (read === null) return null;
    series.push(...read.series);
    names.push(...read.names);
  }
  for (const [number, id] of names) intake.names.set(number, id);
  return series;
}

/** A provided value. Out: whether it is to be proposed. A gap is left open: all that count are told again then. */
export function takeOffer(intake: Intake, { offer, isAgain }: { offer: number; isAgain: boolean }): boolean {
  if (isAgain) intake.offers = Math.max(intake.offers, offer);
  else if (offer !== intake.offers + 1) return false;
  else intake.offers = offer;
  return true;
}
