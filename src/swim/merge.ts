// What others say: merging statements into the table by the order of member.ts, and refuting what they say of this
// node.
// Sources: SWIM section 4.2 (suspicion, incarnation); Lifeguard IV.B (confirmations); memberlist state.go
// (merging).

import { compareIncarnations, compareStatements, isRunning, isSameAddress, nextIncarnation } from "./member.ts";
import { BOOT_MAX, type Incarnation, type Member, type NodeId, type Update } from "./member.ts";
import { spread } from "./gossip.ts";
import { adjustHealth, isLeaving, selfOf, type Swim, type Turn } from "./state.ts";
import { confirm } from "./suspicion.ts";
import { enter, restate } from "./table.ts";

/** rumour: news on its way. sync: everything another node holds, old things too. */
export type Source = "rumour" | "sync";

/**
 * Merges statements. Out: ids of the dead and departed of whom the sender does not know, for it to be told.
 */
export function mergeAll(turn: Turn, from: NodeId, updates: readonly Update[], source: Source): NodeId[] {
  const corrections: NodeId[] = [];
  for (const update of updates) {
    if (update.id === turn.state.self) mergeAboutSelf(turn, update);
    else if (!merge(turn, from, update, source)) corrections.push(update.id);
  }
  return corrections;
}

/** False when the statement is older than a death or goodbye known here. */
function merge(turn: Turn, from: NodeId, update: Update, source: Source): boolean {
  const { state } = turn;
  const member = state.members.get(update.id);
  if (member === undefined) {
    mergeUnknown(turn, from, update, source);
    return true;
  }
  if (update.status === "alive" && isHijack(member, update)) {
    turn.effects.push({ kind: "conflict", id: member.id, address: update.address });
    return true;
  }
  const isPayloadNews = isNewerPayload(member, update);
  const bootBefore = member.incarnation.boot;
  const order = compareStatements(update, member);
  if (order > 0) mergeNewer(turn, from, member, update, source);
  else if (order === 0 && update.status === "suspect") mergeAccusers(state, member, update.by);
  if (isPayloadNews) takePayload(turn, member, update, bootBefore);
  return order >= 0 || isRunning(member);
}

function mergeUnknown(turn: Turn, from: NodeId, update: Update, source: Source): void {
  const isGone = update.status === "dead" || update.status === "left";
  // Another node's memory of the dead, longer than one's own, must not keep them in memory for ever.
  if (isGone && source === "sync") return;
  const member = enter(turn, update);
  if (member === null) return;
  if (update.payload !== null) turn.effects.push({ kind: "payload", id: member.id, payload: update.payload });
  const { incarnation, status } = update;
  const isTaken = restate(turn, member, { incarnation, status, accuser: update.by[0] ?? from }, null);
  if (!isTaken) restate(turn, member, { incarnation, status: "alive" }, null);
  if (status === "suspect") mergeAccusers(turn.state, member, update.by);
}

function mergeNewer(turn: Turn, from: NodeId, member: Member, update: Update, source: Source): void {
  const { incarnation } = update;
  if (incarnation.boot > member.incarnation.boot) {
    member.address = update.address;
    member.role = update.role;
  }
  // A death that another node remembers may be refuted long since; as a suspicion it can be refuted again.
  const isOldDeath = source === "sync" && update.status === "dead" && isRunning(member);
  const status = isOldDeath ? "suspect" : update.status;
  const accusers = isOldDeath ? [from] : update.by;
  const isSameSuspicion =
    status === "suspect" && member.status === "suspect" && compareIncarnations(incarnation, member.incarnation) === 0;
  if (!isSameSuspicion && !restate(turn, member, { incarnation, status, accuser: accusers[0] ?? from })) {
    // No room to suspect it: its incarnation is news all the same.
    if (compareIncarnations(incarnation, member.incarnation) > 0)
      restate(turn, member, { incarnation, status: "alive" });
  }
  if (status === "suspect") mergeAccusers(turn.state, member, accusers);
}

/** Independent accusers shorten a suspicion; a new one is news for the others too. */
function mergeAccusers(state: Swim, member: Member, accusers: readonly NodeId[]): void {
  const suspicion = state.suspicions.get(member.id);
  if (suspicion === undefined) return;
  for (const accuser of accusers) {
    if (accuser !== member.id && confirm(suspicion, accuser)) spread(state, member.id);
  }
}

/** A name is taken over only by a higher boot counter, which only the holder of the data directory can have. */
function isHijack(member: Member, update: Update): boolean {
  return update.incarnation.boot === member.incarnation.boot && !isSameAddress(member.address, update.address);
}

function isNewerPayload(member: Member, update: Update): boolean {
  const boots = update.incarnation.boot - member.incarnation.boot;
  if (boots !== 0) return boots > 0;
  return update.payload !== null && update.payload.version > (member.payload?.version ?? 0);
}

function takePayload(turn: Turn, member: Member, update: Update, bootBefore: number): void {
  // A newer boot that was not taken over (no room for its suspicion) changes nothing else either.
  if (update.incarnation.boot > bootBefore && member.incarnation.boot === bootBefore) return;
  member.payload = update.payload;
  if (update.payload === null) return;
  turn.effects.push({ kind: "payload", id: member.id, payload: update.payload });
  spread(turn.state, member.id);
}

/**
 * This node accuses a member, or confirms the accusation. The caller has heard the member itself, or only confirms.
 */
export function accuse(turn: Turn, member: Member): void {
  const { state } = turn;
  const suspicion = state.suspicions.get(member.id);
  if (suspicion !== undefined) {
    if (confirm(suspicion, state.self)) spread(state, member.id);
    return;
  }
  if (member.status !== "alive") return;
  restate(turn, member, { incarnation: member.incarnation, status: "suspect", accuser: state.self });
}

/** This node declares a member dead. */
export function bury(turn: Turn, member: Member): void {
  restate(turn, member, { incarnation: member.incarnation, status: "dead" });
}

function mergeAboutSelf(turn: Turn, update: Update): void {
  const { state, effects } = turn;
  const own = selfOf(state);
  if (isLeaving(state) || update.incarnation.boot < own.incarnation.boot) return;
  const order = compareIncarnations(update.incarnation, own.incarnation);
  if (update.status === "alive" && !isSameAddress(update.address, own.address) && order >= 0) {
    effects.push({ kind: "conflict", id: own.id, address: update.address });
  }
  const isAccused = update.status !== "alive" && (order >= 0 || update.status === "left");
  if (!isAccused && order <= 0) return;
  // A goodbye outranks every count of its boot, so only the next boot is above it.
  const { boot } = update.incarnation;
  if (update.status === "left" && boot === BOOT_MAX) return;
  const above = update.status === "left" ? { boot: boot + 1, count: 0 } : nextIncarnation(update.incarnation);
  if (above === null) {
    effects.push({ kind: "suspicious", from: own.id, reason: "an accusation that cannot be refuted" });
    return;
  }
  refuteFrom(turn, above);
}

/** Refutes at once while there are tokens, else as soon as there is one. */
function refuteFrom(turn: Turn, least: Incarnation): void {
  const { state } = turn;
  const waiting = state.refuteAbove;
  state.refuteAbove = waiting !== null && compareIncarnations(waiting, least) > 0 ? waiting : least;
  tickRefutation(turn);
}

/** When a refutation that waits may go out; Infinity when none does. */
export function refuteDueAt(state: Swim): number {
  if (state.refuteAbove === null) return Number.POSITIVE_INFINITY;
  return state.refuteTokens >= 1 ? state.now : state.refuteTokensAt + state.config.refuteRefillMs;
}

/** Sends the waiting refutation if the limit allows. */
export function tickRefutation(turn: Turn): void {
  const { state, now } = turn;
  const { refuteBurst, refuteRefillMs } = state.config;
  if (state.refuteAbove === null) return;
  const refilled = Math.floor((now - state.refuteTokensAt) / refuteRefillMs);
  state.refuteTokens = Math.min(refuteBurst, state.refuteTokens + refilled);
  state.refuteTokensAt = state.refuteTokens === refuteBurst ? now : state.refuteTokensAt + refilled * refuteRefillMs;
  if (state.refuteTokens < 1) return;
  state.refuteTokens--;
  const own = selfOf(state);
  if (state.refuteAbove.boot > own.incarnation.boot) {
    turn.effects.push({ kind: "persistBoot", boot: state.refuteAbove.boot });
  }
  own.incarnation = state.refuteAbove;
  state.refuteAbove = null;
  state.counters.refutations++;
  // Who is accused may be the slow one (Lifeguard IV.A).
  adjustHealth(turn, 1);
  spread(state, own.id);
}
