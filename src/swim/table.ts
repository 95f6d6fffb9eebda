// The table of members: who enters, changes status, is buried, is forgotten. Every change of a status goes through
// here, so that suspicions, the dead, rumours and effects always agree with it.

import { assert } from "../base/assert.ts";
import { nextBelow } from "../base/prng.ts";
import type { Incarnation, Member, NodeId, ShownStatus, Status, Update } from "./member.ts";
import { isRunning, shownStatus } from "./member.ts";
import { drop, spread } from "./gossip.ts";
import { runningCount, type Swim, type Turn } from "./state.ts";
import { openSuspicion } from "./suspicion.ts";

/** Takes a node in that was not known; null when the table is full. It enters alive, without being spread. */
export function enter(turn: Turn, update: Update): Member | null {
  const { state, now } = turn;
  assert(!state.members.has(update.id), "only an unknown node enters");
  if (runningCount(state) >= state.config.limits.membersMax) {
    state.counters.membersRefused++;
    return null;
  }
  const member: Member = {
    id: update.id,
    address: update.address,
    role: update.role,
    incarnation: update.incarnation,
    status: "alive",
    statusAt: now,
    payload: update.payload,
    isConfirmed: false,
    learnedAt: now,
    failures: 0,
  };
  state.members.set(member.id, member);
  insertAtRandom(state, member.id);
  return member;
}

/** A place among those still to be probed in this cycle, so that it is probed within it (SWIM 4.3). */
export function insertAtRandom(state: Swim, id: NodeId): void {
  const { order } = state;
  const cleanAt = 2 * state.members.size + 64;
  if (order.length > cleanAt) {
    state.order = order.filter((known) => state.members.has(known) && known !== id);
    state.cursor = 0;
  }
  state.order.push(id);
  const at = state.cursor + nextBelow(state.prng, state.order.length - state.cursor);
  const last = state.order.length - 1;
  const [other = id] = [state.order[at]];
  state.order[at] = id;
  state.order[last] = other;
}

/**
 * Gives a member a newer statement, tells the shell and the others. `accuser` for suspect. False when there is no
 * room for the suspicion: nothing changed.
 */
export function restate(
  turn: Turn,
  member: Member,
  statement: { readonly incarnation: Incarnation; readonly status: Status; readonly accuser?: NodeId },
  before: ShownStatus | null = shownStatus(member),
): boolean {
  const { state, now } = turn;
  const { status } = statement;
  const isFull = state.suspicions.size >= state.config.limits.suspicionsMax && !state.suspicions.has(member.id);
  if (status === "suspect" && isFull) return false;
  const wasRunning = isRunning(member);
  const wasDead = member.status === "dead";
  const isSameBoot = member.incarnation.boot === statement.incarnation.boot;
  if (member.status !== status) member.statusAt = now;
  member.incarnation = statement.incarnation;
  member.status = status;
  state.suspicions.delete(member.id);
  if (status === "suspect") {
    const accuser = statement.accuser ?? state.self;
    state.suspicions.set(member.id, openSuspicion(state.config, runningCount(state), accuser, now));
    state.counters.suspicions++;
  }
  if (isRunning(member)) {
    state.dead.delete(member.id);
    if (!wasRunning) insertAtRandom(state, member.id);
    if (wasDead && isSameBoot) state.counters.falseDeaths++;
  } else {
    if (status === "dead") state.counters.deaths++;
    state.dead.delete(member.id);
    state.dead.set(member.id, now);
  }
  announce(turn, member, before, !isSameBoot);
  spread(state, member.id);
  if (state.dead.size > state.config.limits.deadMax) forgetOldestDead(turn);
  return true;
}

/** Tells the shell of a shown status that changed, or of a new start whose former end nobody noticed. */
function announce(turn: Turn, member: Member, before: ShownStatus | null, isRestart: boolean): void {
  const after = shownStatus(member);
  if ((before === after && !isRestart) || member.id === turn.state.self) return;
  const { id, incarnation, address, role } = member;
  turn.effects.push({ kind: "member", id, before, after, incarnation, address, role });
}

/** The node itself was heard. Out: true when that is news. */
export function confirmMember(turn: Turn, member: Member): boolean {
  member.failures = 0;
  if (member.isConfirmed) return false;
  const before = shownStatus(member);
  member.isConfirmed = true;
  announce(turn, member, before, false);
  for (const seed of turn.state.seeds) {
    const { host, udp } = seed.address;
    if (host === member.address.host && udp === member.address.udp) seed.node = member.id;
  }
  return true;
}

/** Removes every trace of a node but what is under way to it. */
export function forget(state: Swim, id: NodeId): void {
  assert(id !== state.self, "a node does not forget itself");
  state.members.delete(id);
  state.dead.delete(id);
  state.suspicions.delete(id);
  drop(state, id);
}

/** A member known by hearsay alone that never answered: dropped without a word of death. */
export function dropUnconfirmed(turn: Turn, member: Member): void {
  assert(!member.isConfirmed, "a confirmed member is suspected instead");
  const { id, incarnation, address, role } = member;
  turn.effects.push({ kind: "member", id, before: shownStatus(member), after: null, incarnation, address, role });
  forget(turn.state, id);
}

/** Forgets the dead whose time is over. */
export function sweepDead(turn: Turn): void {
  const { state, now } = turn;
  for (const [id, at] of state.dead) {
    if (now - at < state.config.deadMs) return;
    if (id !== state.self) forget(state, id);
  }
}

function forgetOldestDead(turn: Turn): void {
  for (const id of turn.state.dead.keys()) {
    if (id === turn.state.self) continue;
    return forget(turn.state, id);
  }
}
