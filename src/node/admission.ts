// What a manager takes on for clients: so much a second of each, so much at once, and less while its own loop is late.
// Who is refused is told when to come again; a submit has its turn then (health/turns.ts). Cancels are always taken;
// who looks after a cluster in trouble sees it, and its jobs, longer than new work is taken on.

import { createCounts, count, total } from "../health/sliding-counts.ts";
import { CONTROL_NODE, createOverload, observe, type OverloadLevel } from "../health/overload.ts";
import { createRateLimits, type Operation, RATES, type RateConfig, type RateRule, take } from "../health/rate-limit.ts";
import { admit, createShedding, finish, type RequestClass, SHEDDING } from "../health/shedding.ts";
import { createTurns, returnTurn, takeTurn, type LaterTurn, type TurnDecision, TURNS } from "../health/turns.ts";
import type { Clock, Timer } from "../io/world.ts";
import type { ToDesk } from "./client-messages.ts";

/** How often the loop is asked how late it is, and over how many of those it is judged. */
const PULSE_MS = 250;
const PULSES = 4;

/** How many submits a second one client may make, twice as many at once; null: any number. */
export type SubmitRate = number | null;

/** Tokens a second of a client that submits, and how many at once (reliability: token buckets). */
export const SUBMIT_RATE = RATES.submit?.perSecond ?? 0;

/**
 * Classes of what clients ask for. A page of jobs after the first, and a cancel, are of no operation. turn: the name of
 * what waits its turn, the same when it comes again; left out: it is asked anew each time.
 */
export type Asked = {
  readonly requestClass: RequestClass;
  readonly operation: Operation | null;
  readonly turn?: string;
};

/** What a request is to a manager: an order is rare, and a cancel never waits. */
export function askedOf(request: ToDesk): Asked {
  switch (request.kind) {
    case "submit":
      return { requestClass: "submit", operation: "submit", turn: request.id };
    case "cancel":
    case "steer":
      return { requestClass: "critical", operation: null };
    case "follow":
      return { requestClass: "control", operation: null };
    case "jobs":
      // The rest of a long list costs more than all other questions, and can wait.
      return request.after === 0
        ? { requestClass: "control", operation: "status" }
        : { requestClass: "stats", operation: null };
    case "status":
      return { requestClass: "control", operation: "status" };
    case "change":
      return { requestClass: "control", operation: "admin" };
  }
}

/** `leave` has to follow each `taken`. hasTurn: it is let in if it comes then. */
export type Entrance =
  | { readonly kind: "taken" }
  | { readonly kind: "refused"; readonly retryAfterMs: number; readonly hasTurn: boolean; readonly message: string };

/** For status and tests. */
export type AdmissionView = { readonly level: OverloadLevel; readonly lagMs: number; readonly refusedLately: number };

const TAKEN: Entrance = { kind: "taken" };
const REFUSED_WINDOW_MS = 10_000;

export class Admission {
  readonly #clock: Clock;
  readonly #rates: RateConfig;
  readonly #limits = createRateLimits();
  readonly #turns = createTurns();
  readonly #shedding;
  readonly #overload = createOverload(CONTROL_NODE);
  readonly #refused = createCounts(REFUSED_WINDOW_MS, 10, 1);
  /** Of the last pulses. */
  #lagMs = 0;
  #pulses = 0;
  #timer: Timer | null = null;
  #isClosed = false;

  /** In: seed of the draws. */
  constructor(options: { readonly clock: Clock; readonly seed: number; readonly submitRate: SubmitRate }) {
    this.#clock = options.clock;
    this.#rates = { ...RATES, submit: submitRule(options.submitRate) };
    this.#shedding = createShedding(options.seed);
    this.#pulse();
  }

  /** May this client be served now? What is taken is under way until `leave`. */
  enter(client: string, asked: Asked): Entrance {
    const nowMs = this.#clock.nowMs();
    const { level } = this.#overload;
    const { operation, requestClass, turn } = asked;
    const rule = operation === null ? null : this.#rates[operation];
    if (operation !== null && rule !== null) {
      const decision = this.#rated(client, nowMs, { operation, turn, rule });
      if (decision.kind !== "taken") return this.#refuse(nowMs, decision, limitText(operation, rule, level));
    }
    const admission = admit(this.#shedding, SHEDDING, requestClass, level);
    if (admission.kind === "taken") return TAKEN;
    const why =
      admission.why === "full"
        ? "this manager has as many requests under way as it takes"
        : `this manager is ${level}: its loop is ${Math.round(this.#lagMs)} ms late`;
    const { retryAfterMs } = admission;
    // It has paid for its turn, and does not pay again.
    const later: LaterTurn =
      turn !== undefined && rule !== null
        ? returnTurn(this.#turns, TURNS, nowMs, { client, id: turn, afterMs: retryAfterMs })
        : { kind: "refused", retryAfterMs };
    return this.#refuse(nowMs, later, why);
  }

  /** What was taken has been answered. */
  leave({ requestClass }: Asked): void {
    finish(this.#shedding, requestClass);
  }

  view(): AdmissionView {
    return {
      level: this.#overload.level,
      lagMs: this.#lagMs,
      refusedLately: total(this.#refused, this.#clock.nowMs(), 0),
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #rated(
    client: string,
    nowMs: number,
    asked: { readonly operation: Operation; readonly turn: string | undefined; readonly rule: RateRule },
  ): TurnDecision {
    const { operation, turn, rule } = asked;
    const { level } = this.#overload;
    if (turn !== undefined) {
      const part = this.#rates.factor[level];
      const rate = { perSecond: rule.perSecond * part, burst: rule.burst * part };
      return takeTurn(this.#turns, TURNS, nowMs, { client, id: turn, rate });
    }
    const decision = take(this.#limits, this.#rates, nowMs, { client, operation, level });
    return decision.kind === "allowed" ? { kind: "taken" } : decision;
  }

  #refuse(nowMs: number, { kind, retryAfterMs }: LaterTurn, message: string): Entrance {
    count(this.#refused, nowMs, 0);
    return { kind: "refused", retryAfterMs, hasTurn: kind === "promised", message };
  }

  /** A timer that comes late tells how long everything else waits too. One sample a second. */
  #pulse(): void {
    const dueAtMs = this.#clock.nowMs() + PULSE_MS;
    this.#timer = this.#clock.setTimer(PULSE_MS, () => {
      if (this.#isClosed) return;
      const lagMs = Math.max(0, this.#clock.nowMs() - dueAtMs);
      this.#lagMs = this.#pulses === 0 ? lagMs : Math.max(this.#lagMs, lagMs);
      this.#pulses++;
      if (this.#pulses === PULSES) {
        this.#pulses = 0;
        observe(this.#overload, CONTROL_NODE, { latencyMs: this.#lagMs, cpu: null, memory: null });
      }
      this.#pulse();
    });
  }
}

function submitRule(rate: SubmitRate): RateRule | null {
  return rate === null ? null : { perSecond: rate, burst: Math.max(1, 2 * rate), penaltyMs: 0 };
}

function limitText(operation: Operation, { perSecond, burst }: RateRule, level: OverloadLevel): string {
  const what = operation === "submit" ? "submits" : operation === "admin" ? "orders" : "questions";
  const less = level === "healthy" || level === "busy" ? "" : `, and less while it is ${level}`;
  return `this manager takes ${perSecond} ${what} a second from one client, ${burst} at once${less}`;
}
