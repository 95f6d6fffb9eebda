// What an owner has heard of one attempt over the network: snapshots put together from their parts, values and the end
// in order. It knows when something is missing; reconcile.ts has it told again.

import type { Snapshot } from "../../load/share.ts";
import { unpackAll } from "../series-codec.ts";
import type { Heard } from "./reconcile.ts";
import type { PackedSeries } from "../series-codec.ts";
import type { WireReport, WireSnapshot } from "../worker-messages.ts";

export type Over = Extract<WireReport, { kind: "over" }>;

export type Intake = {
  /** Everything up to this snapshot is held. */
  seq: number;
  /** Everything up to this value was proposed. */
  offers: number;
  over: Over | null;
  /** The snapshot whose parts are coming in. */
  parts: { readonly seq: number; readonly of: number; readonly series: Map<number, readonly PackedSeries[]> } | null;
};

export function createIntake(): Intake {
  return { seq: 0, offers: 0, over: null, parts: null };
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
export function takePart(intake: Intake, { base, part, parts, content, cut, series }: WireSnapshot): Snapshot | null {
  if (base > intake.seq || cut.seq <= intake.seq || part >= parts) return null;
  if (intake.parts === null || intake.parts.seq !== cut.seq || intake.parts.of !== parts) {
    if (intake.parts !== null && intake.parts.seq > cut.seq) return null;
    intake.parts = { seq: cut.seq, of: parts, series: new Map() };
  }
  intake.parts.series.set(part, series);
  if (intake.parts.series.size < parts) return null;
  const whole = [...intake.parts.series.values()].flatMap(unpackAll);
  intake.parts = null;
  intake.seq = cut.seq;
  return { ...cut, content, series: whole };
}

/** A provided value. Out: whether it is to be proposed. A gap is left open: all that count are told again then. */
export function takeOffer(intake: Intake, { offer, isAgain }: { offer: number; isAgain: boolean }): boolean {
  if (isAgain) intake.offers = Math.max(intake.offers, offer);
  else if (offer !== intake.offers + 1) return false;
  else intake.offers = offer;
  return true;
}
