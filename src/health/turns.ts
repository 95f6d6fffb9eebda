// Who may do something at a limited rate, in the order in which it was asked: what comes too early is promised a turn,
// is told when, and is let in when it comes again then, without another to pay. So nobody who comes back in time is
// refused twice, and no part of the rate is lost to those who guess. Rates without turns: rate-limit.ts.
// Source: the generic cell rate algorithm (ITU-T I.371), each promise a cell that has been paid for.

import * as z from "../base/schema.ts";

/** Settings of turns. Durations in ms. */
export const turnsConfigSchema = z.strictObject({
  /** No turn is promised further ahead (15 s). Raise: longer queues, and longer waits in them. */
  horizonMs: z.int().min(1).default(15_000),
  /** A promise is kept so long after its time (10 s), then it is lost. Raise: for those who are cut off meanwhile. */
  keptMs: z.int().min(1).default(10_000),
  /** Clients told apart (10,000); those that find no place share one queue. */
  clientsMax: z.int().min(1).default(10_000),
  /** Promises to all together (100,000, about 150 B each); beyond nothing is promised. */
  promisesMax: z.int().min(0).default(100_000),
});
/** Checked settings. */
export type TurnsConfig = Readonly<z.infer<typeof turnsConfigSchema>>;
/** The defaults, for every node. */
export const TURNS: TurnsConfig = turnsConfigSchema.parse({});

/** Turns a second of one client, and how many at once after a rest. */
export type TurnRate = { readonly perSecond: number; readonly burst: number };

/** `id`: what is asked for, the same when it comes again. */
export type TurnRequest = { readonly client: string; readonly id: string; readonly rate: TurnRate };

/** promised: it has its turn from then on (whole ms from now, at least 1). refused: nothing is kept for it. */
export type LaterTurn = { readonly kind: "promised" | "refused"; readonly retryAfterMs: number };
export type TurnDecision = { readonly kind: "taken" } | LaterTurn;

/** One client's queue. */
type Queue = {
  /** When all turns given so far are used up at the steady rate (theoretical arrival time). */
  paidUntilMs: number;
  /** When each is let in, by id, in the order of the promises. */
  readonly promises: Map<string, number>;
};

/** State of one node: plain data. */
export type Turns = {
  /** By client, the one longest untouched first. */
  readonly queues: Map<string, Queue>;
  /** Of those who found no place. */
  shared: Queue | null;
  promised: number;
};

const TAKEN: TurnDecision = { kind: "taken" };
/** Who keeps time to the ms may be early by one. */
const EARLY_MS = 1;
/** Where nothing is promised: how soon it is worth asking again, at least. */
const REFUSED_MS = 250;
/** Idle queues forgotten by one call: the table shrinks faster than it grows, at constant cost. */
const FORGET_MAX = 2;

/** Nobody is known. */
export function createTurns(): Turns {
  return { queues: new Map(), shared: null, promised: 0 };
}

/** One asks for its turn. In: ms, never less than before. */
export function takeTurn(state: Turns, config: TurnsConfig, now: number, request: TurnRequest): TurnDecision {
  const { client, id, rate } = request;
  forgetIdle(state, config, now);
  const queue = queueOf(state, config, client);
  dropLate(state, queue, now - config.keptMs);
  const promisedMs = queue.promises.get(id);
  if (promisedMs !== undefined) {
    if (now < promisedMs - EARLY_MS) return { kind: "promised", retryAfterMs: Math.ceil(promisedMs - now) };
    keepNoMore(state, queue, id);
    return TAKEN;
  }
  const intervalMs = 1_000 / rate.perSecond;
  // Sums of intervals may come out a hair late.
  const freeMs = queue.paidUntilMs - (Math.max(1, rate.burst) - 1) * intervalMs - 1e-6;
  if (freeMs <= now) {
    queue.paidUntilMs = Math.max(now, queue.paidUntilMs) + intervalMs;
    return TAKEN;
  }
  const tooFarMs = freeMs - now - config.horizonMs;
  if (tooFarMs > 0) return { kind: "refused", retryAfterMs: Math.ceil(Math.max(REFUSED_MS, tooFarMs)) };
  if (state.promised >= config.promisesMax)
    return { kind: "refused", retryAfterMs: Math.ceil(Math.max(REFUSED_MS, freeMs - now)) };
  queue.paidUntilMs += intervalMs;
  return promise(state, queue, id, { now, atMs: freeMs });
}

/** What was taken could not be done after all, for another reason: it has its turn again in `afterMs`, paid for. */
export function returnTurn(
  state: Turns,
  config: TurnsConfig,
  now: number,
  given: { readonly client: string; readonly id: string; readonly afterMs: number },
): LaterTurn {
  const queue = queueOf(state, config, given.client);
  if (state.promised >= config.promisesMax) return { kind: "refused", retryAfterMs: Math.ceil(given.afterMs) };
  return promise(state, queue, given.id, { now, atMs: now + given.afterMs });
}

function promise(state: Turns, queue: Queue, id: string, at: { now: number; atMs: number }): LaterTurn {
  queue.promises.set(id, at.atMs);
  state.promised++;
  return { kind: "promised", retryAfterMs: Math.max(1, Math.ceil(at.atMs - at.now)) };
}

function keepNoMore(state: Turns, queue: Queue, id: string): void {
  if (queue.promises.delete(id)) state.promised--;
}

/** Promises before that time are lost. The oldest are first but for those of `returnTurn`, which go a little later. */
function dropLate(state: Turns, queue: Queue, beforeMs: number): void {
  for (const [id, atMs] of queue.promises) {
    if (atMs >= beforeMs) return;
    keepNoMore(state, queue, id);
  }
}

function queueOf(state: Turns, config: TurnsConfig, client: string): Queue {
  const known = state.queues.get(client);
  if (known !== undefined) {
    // To the end: the order of the map is the order of the last touch.
    state.queues.delete(client);
    state.queues.set(client, known);
    return known;
  }
  const queue: Queue = { paidUntilMs: -Infinity, promises: new Map() };
  if (state.queues.size < config.clientsMax) {
    state.queues.set(client, queue);
    return queue;
  }
  state.shared ??= queue;
  return state.shared;
}

/** Forgets the oldest if they owe nothing and wait for nothing. */
function forgetIdle(state: Turns, config: TurnsConfig, now: number): void {
  let forgotten = 0;
  for (const [client, queue] of state.queues) {
    dropLate(state, queue, now - config.keptMs);
    if (forgotten === FORGET_MAX || queue.promises.size > 0 || queue.paidUntilMs > now) return;
    state.queues.delete(client);
    forgotten++;
  }
}
