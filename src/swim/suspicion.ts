// The formulas of detection and dissemination, and the clock of one suspicion. Pure numbers, no tables.
// Sources: Lifeguard (arXiv 1707.00788) sections IV.B and IV.C; memberlist suspicion.go and util.go.

import { assert } from "../base/assert.ts";
import type { SwimConfig } from "./config.ts";
import type { Ms, NodeId } from "./member.ts";

/** A member that is accused. `accusers` are distinct; the first one opened it. */
export type Suspicion = {
  startedAt: Ms;
  readonly minMs: Ms;
  readonly maxMs: Ms;
  /** Confirmations at which the shortest time is reached. */
  readonly wanted: number;
  readonly accusers: NodeId[];
  /** When the suspect was asked a last time; null: not yet. */
  calledAt: Ms | null;
};

/** Shortest suspicion. In: members that run, self included. Out: mult x max(1, log10 N) x period, ms. */
export function suspicionMinMs(config: SwimConfig, members: number): Ms {
  return Math.floor(config.suspicionMult * Math.max(1, Math.log10(Math.max(1, members))) * config.probeMs);
}

/**
 * Confirmations worth waiting for: mult - 2, or none where so few members could not give them (self and suspect
 * cannot).
 */
export function confirmationsWanted(config: SwimConfig, members: number): number {
  const wanted = config.suspicionMult - 2;
  return members - 2 < wanted ? 0 : wanted;
}

/**
 * Whole length of a suspicion with n of k independent confirmations: max - (max - min) x ln(n + 1) / ln(k + 1),
 * never below min; min at once when k = 0. Out: ms from its start.
 */
export function suspicionMs(confirmations: number, wanted: number, minMs: Ms, maxMs: Ms): Ms {
  assert(confirmations >= 0 && wanted >= 0 && minMs <= maxMs, "a suspicion's numbers make sense");
  if (wanted === 0) return minMs;
  const share = Math.log(confirmations + 1) / Math.log(wanted + 1);
  return Math.max(minMs, Math.floor(maxMs - (maxMs - minMs) * share));
}

/**
 * Times one node tells one rumour: mult x ceil(log10(N + 1)), and no fewer than 2 x mult. When each of N nodes tells
 * it t times, N x e^-t of them never hear it.
 */
export function retransmitLimit(mult: number, members: number): number {
  return mult * Math.max(2, Math.ceil(Math.log10(members + 1)));
}

/** Stretch of anti-entropy (and of payload gossip) with size: 1 up to 32 members, then ceil(log2 N - log2 32) + 1. */
export function syncScale(members: number): number {
  return members <= 32 ? 1 : Math.ceil(Math.log2(members) - Math.log2(32)) + 1;
}

/** How long a relay waits before it says nack: early enough to arrive within the asker's period (Lifeguard: 80 %). */
export function nackMs(config: SwimConfig): Ms {
  return Math.floor(0.8 * Math.min(config.timeoutMs, config.probeMs - config.timeoutMs));
}

/** A fresh suspicion by one accuser. */
export function openSuspicion(config: SwimConfig, members: number, accuser: NodeId, now: Ms): Suspicion {
  const minMs = suspicionMinMs(config, members);
  return {
    startedAt: now,
    minMs,
    maxMs: minMs * config.suspicionMaxMult,
    wanted: confirmationsWanted(config, members),
    accusers: [accuser],
    calledAt: null,
  };
}

/** Adds an independent accuser; false when it is none or no more are wanted. Never starts the time anew. */
export function confirm(suspicion: Suspicion, accuser: NodeId): boolean {
  if (suspicion.accusers.length > suspicion.wanted || suspicion.accusers.includes(accuser)) return false;
  suspicion.accusers.push(accuser);
  return true;
}

/** When the suspect is dead unless it refutes: its time is over, and so is the wait for its last answer. */
export function deathAt(suspicion: Suspicion, lastCallMs: Ms): Ms {
  const { startedAt, minMs, maxMs, wanted, accusers, calledAt } = suspicion;
  const endAt = startedAt + suspicionMs(accusers.length - 1, wanted, minMs, maxMs);
  return calledAt === null ? endAt : Math.max(endAt, calledAt + lastCallMs);
}

/** When something is to be done about it: the last call, then the verdict. */
export function suspicionDueAt(suspicion: Suspicion, lastCallMs: Ms): Ms {
  const endAt = deathAt(suspicion, lastCallMs);
  return suspicion.calledAt === null ? endAt - lastCallMs : endAt;
}
