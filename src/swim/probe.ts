// Failure detection: one probe a period in randomized round-robin order, directly, then through others and by
// stream; probes by hint when a stream was reset; and probes run for others.
// Sources: SWIM sections 3.1 and 4.3; Lifeguard IV.A (local health, nacks); memberlist state.go.

import { nextBelow } from "../base/prng.ts";
import { HEALTH_SCORE_MAX } from "./config.ts";
import { fill, sendDatagram } from "./gossip.ts";
import { type Address, isRunning, type Member, type NodeId } from "./member.ts";
import { accuse, bury } from "./merge.ts";
import type { Datagram, PingReq, StreamPing } from "./messages.ts";
import {
  adjustHealth,
  drawMembers,
  isLeaving,
  nextSeq,
  type Probe,
  runningCount,
  type Swim,
  type Turn,
} from "./state.ts";
import { STREAM_RUMOUR_BYTES } from "./size.ts";
import { deathAt, nackMs, suspicionDueAt, suspicionMinMs } from "./suspicion.ts";
import { dropUnconfirmed } from "./table.ts";

/** Unanswered probes before a member known by hearsay may be dropped. */
const HEARSAY_FAILURES = 3;

/** Earliest thing a probe, a relay or a suspicion waits for. */
export function probeDueAt(state: Swim): number {
  let at = isLeaving(state) ? Number.POSITIVE_INFINITY : state.probeAt;
  for (const probe of state.probes.values()) at = Math.min(at, probe.indirectAt, probe.endAt);
  for (const relay of state.relays.values()) at = Math.min(at, relay.nackAt);
  if (isLeaving(state)) return at;
  for (const suspicion of state.suspicions.values())
    at = Math.min(at, suspicionDueAt(suspicion, state.config.lastCallMs));
  return at;
}

/** Everything of detection that is due. */
export function tickProbes(turn: Turn): void {
  const { state, now } = turn;
  for (const probe of state.probes.values()) {
    if (now >= probe.endAt) endProbe(turn, probe);
    else if (now >= probe.indirectAt) askOthers(turn, probe);
  }
  for (const [seq, relay] of state.relays) {
    if (now < relay.nackAt) continue;
    state.relays.delete(seq);
    sendNack(turn, relay, false);
  }
  if (isLeaving(state)) return;
  tickSuspicions(turn);
  if (now >= state.probeAt) startRound(turn);
}

function startRound(turn: Turn): void {
  const { state, now } = turn;
  const { probeMs, timeoutMs } = state.config;
  const stretch = state.score + 1;
  state.probeAt = now + probeMs * stretch;
  const target = nextTarget(state);
  if (target === null) return;
  const indirectAt = now + timeoutMs * stretch;
  startProbe(turn, target, { kind: "round", indirectAt, endAt: state.probeAt });
}

/** The next one of this cycle that runs; a new shuffle when the cycle is over. Null: nobody to probe. */
export function nextTarget(state: Swim): Member | null {
  for (let cycle = 0; cycle < 2; cycle++) {
    while (state.cursor < state.order.length) {
      const member = state.members.get(state.order[state.cursor++] ?? "");
      if (member !== undefined && member.id !== state.self && isRunning(member)) return member;
    }
    reshuffle(state);
  }
  return null;
}

function reshuffle(state: Swim): void {
  const order = [...state.members.values()].filter((member) => isRunning(member) && member.id !== state.self);
  for (let at = order.length - 1; at > 0; at--) {
    const other = nextBelow(state.prng, at + 1);
    const [a, b] = [order[at], order[other]];
    if (a === undefined || b === undefined) continue;
    order[at] = b;
    order[other] = a;
  }
  state.order = order.map(({ id }) => id);
  state.cursor = 0;
}

function startProbe(turn: Turn, target: Member, plan: Pick<Probe, "kind" | "indirectAt" | "endAt">): Probe | null {
  const { state } = turn;
  if (state.probes.size >= state.config.limits.probesMax) return null;
  const seq = nextSeq(state);
  const probe: Probe = { ...plan, seq, target: target.id, relays: [], nacks: [], refusals: 0, isDirectRefused: false };
  state.probes.set(seq, probe);
  state.counters.probes++;
  ping(turn, target, seq);
  return probe;
}

/** A suspect is told that it is one, so that it can refute (Lifeguard's buddy system); a stranger is told who asks. */
function ping(turn: Turn, target: Member, seq: number): void {
  const { label } = turn.state.config;
  sendDatagram(turn, target, { kind: "ping", label, seq, target: target.id, updates: [] }, introduction(turn, target));
}

function introduction(turn: Turn, target: Member): NodeId[] {
  const first = target.status === "alive" ? [] : [target.id];
  return target.isConfirmed ? first : [...first, turn.state.self];
}

function askOthers(turn: Turn, probe: Probe): void {
  const { state } = turn;
  const { label, indirectProbes } = state.config;
  probe.indirectAt = Number.POSITIVE_INFINITY;
  const target = state.members.get(probe.target);
  if (target === undefined) return;
  const isHint = probe.kind === "hint";
  const fits = (member: Member): boolean => member.status === "alive" && member.isConfirmed && member.id !== target.id;
  for (const relay of drawMembers(state, indirectProbes, fits)) {
    probe.relays.push(relay.id);
    const { address } = target;
    const first = target.status === "alive" ? [] : [target.id];
    const request: PingReq = {
      kind: "pingReq",
      label,
      seq: probe.seq,
      target: target.id,
      address,
      isHint,
      updates: [],
    };
    sendDatagram(turn, relay, request, first);
  }
  streamProbe(turn, target, probe.seq, probe.endAt - turn.now);
}

function streamProbe(turn: Turn, target: Member, seq: number, timeoutMs: number): void {
  const { updates } = fill(turn.state, STREAM_RUMOUR_BYTES, introduction(turn, target));
  const message: StreamPing = { kind: "streamPing", label: turn.state.config.label, seq, target: target.id, updates };
  turn.effects.push({ kind: "streamProbe", to: target.id, address: target.address, seq, message, timeoutMs });
}

/** An ack of this question: from the member itself or through one of the relays asked. */
export function handleAck(turn: Turn, from: NodeId, seq: number): void {
  const { state } = turn;
  const relay = state.relays.get(seq);
  if (relay !== undefined && relay.target === from) {
    state.relays.delete(seq);
    const ack: Datagram = { kind: "ack", label: state.config.label, seq: relay.seq, updates: [] };
    // The answer may say that the member refuted: what it says of itself goes along.
    return sendDatagram(turn, { id: relay.requester, address: relay.address }, ack, [relay.target]);
  }
  const probe = state.probes.get(seq);
  if (probe === undefined || (probe.target !== from && !probe.relays.includes(from))) return;
  state.counters.acks++;
  state.probes.delete(seq);
  const target = state.members.get(probe.target);
  if (target !== undefined) target.failures = 0;
  if (probe.kind === "round") adjustHealth(turn, -1);
}

/** A relay is well, the target did not answer it. */
export function handleNack(turn: Turn, from: NodeId, seq: number, isRefused: boolean): void {
  const probe = turn.state.probes.get(seq);
  if (probe === undefined || !probe.relays.includes(from) || probe.nacks.includes(from)) return;
  turn.state.counters.nacks++;
  probe.nacks.push(from);
  if (isRefused) probe.refusals++;
  judgeHint(turn, probe);
}

/** The stream probe of that number was refused or stayed silent. */
export function handleStreamFailed(turn: Turn, seq: number, reason: "refused" | "silent"): void {
  const { state } = turn;
  if (reason === "silent") return;
  const relay = state.relays.get(seq);
  if (relay !== undefined) {
    state.relays.delete(seq);
    return sendNack(turn, relay, true);
  }
  const probe = state.probes.get(seq);
  if (probe === undefined || probe.isDirectRefused) return;
  probe.isDirectRefused = true;
  probe.refusals++;
  if (probe.kind === "round") startHint(turn, probe.target);
  judgeHint(turn, probe);
}

/** Probes at once, by all ways together: a reset stream is a hint that the process is gone. One at a time a member. */
export function startHint(turn: Turn, id: NodeId): void {
  const { state, now } = turn;
  const target = state.members.get(id);
  if (target === undefined || id === state.self || !isRunning(target) || !target.isConfirmed) return;
  for (const probe of state.probes.values()) if (probe.kind === "hint" && probe.target === id) return;
  state.counters.hints++;
  const probe = startProbe(turn, target, { kind: "hint", indirectAt: now, endAt: now + state.config.timeoutMs });
  if (probe !== null) askOthers(turn, probe);
}

/**
 * A hint needs no more waiting when everyone asked has spoken. A port that refused two peers is a fact: dead at
 * once.
 */
function judgeHint(turn: Turn, probe: Probe): void {
  const isAnswered = probe.isDirectRefused && probe.nacks.length === probe.relays.length;
  if (probe.kind === "hint" && isAnswered && probe.refusals >= 2) endProbe(turn, probe);
}

function endProbe(turn: Turn, probe: Probe): void {
  const { state } = turn;
  state.probes.delete(probe.seq);
  state.counters.probesFailed++;
  if (probe.kind === "round") {
    const missed = probe.relays.length - probe.nacks.length;
    // Nobody could be asked: the fault may be here. Else every nack that did not come says so.
    adjustHealth(turn, Math.min(HEALTH_SCORE_MAX, probe.relays.length === 0 ? 1 : missed));
  }
  const target = state.members.get(probe.target);
  if (target === undefined || !isRunning(target) || isLeaving(state)) return;
  if (!target.isConfirmed) return countUnanswered(turn, target);
  if (probe.kind === "hint" && probe.refusals >= 2) return bury(turn, target);
  const wasSuspect = target.status === "suspect";
  accuse(turn, target);
  if (!wasSuspect && target.status === "suspect") tellSuspect(turn, target);
}

/** The suspect hears of it at once, by datagram and by stream, and refutes long before its time is over. */
function tellSuspect(turn: Turn, target: Member): void {
  const { state } = turn;
  sendDatagram(turn, target, { kind: "gossip", label: state.config.label, updates: [] }, [target.id]);
  streamProbe(turn, target, nextSeq(state), suspicionMinMs(state.config, runningCount(state)));
}

/** A member that never spoke here cannot be suspected here; after a while of silence it is dropped. */
function countUnanswered(turn: Turn, target: Member): void {
  const { state, now } = turn;
  target.failures++;
  // Accused by one who did hear it: this silence counts as well.
  if (target.status === "suspect") return accuse(turn, target);
  const isOverdue = now - target.learnedAt >= state.config.unconfirmedMs;
  if (target.failures >= HEARSAY_FAILURES && isOverdue) dropUnconfirmed(turn, target);
}

function tickSuspicions(turn: Turn): void {
  const { state, now } = turn;
  const { lastCallMs } = state.config;
  for (const [id, suspicion] of state.suspicions) {
    if (now < suspicionDueAt(suspicion, lastCallMs)) continue;
    const member = state.members.get(id);
    if (member === undefined) continue;
    if (suspicion.calledAt === null) {
      suspicion.calledAt = now;
      const seq = nextSeq(state);
      ping(turn, member, seq);
      streamProbe(turn, member, seq, lastCallMs);
    } else if (now >= deathAt(suspicion, lastCallMs)) bury(turn, member);
  }
}

/** Probes a node for another one. Dropped when too many wait: the asker counts it as a missed nack. */
export function handlePingReq(turn: Turn, from: NodeId, address: Address, request: PingReq): void {
  const { state, now } = turn;
  if (request.target === state.self || state.relays.size >= state.config.limits.relaysMax) return;
  const seq = nextSeq(state);
  const nackAt = now + nackMs(state.config);
  state.relays.set(seq, { requester: from, address, seq: request.seq, target: request.target, nackAt });
  const { label } = state.config;
  const first = state.members.get(request.target)?.status === "alive" ? [] : [request.target];
  const target = { id: request.target, address: request.address };
  sendDatagram(turn, target, { kind: "ping", label, seq, target: request.target, updates: [] }, first);
  if (!request.isHint) return;
  const { updates } = fill(state, STREAM_RUMOUR_BYTES, first);
  const message: StreamPing = { kind: "streamPing", label, seq, target: request.target, updates };
  const timeoutMs = nackMs(state.config);
  turn.effects.push({ kind: "streamProbe", to: target.id, address: target.address, seq, message, timeoutMs });
}

function sendNack(
  turn: Turn,
  relay: { readonly requester: NodeId; readonly address: Address; readonly seq: number },
  isRefused: boolean,
): void {
  const { label } = turn.state.config;
  const nack: Datagram = { kind: "nack", label, seq: relay.seq, isRefused, updates: [] };
  sendDatagram(turn, { id: relay.requester, address: relay.address }, nack);
}
