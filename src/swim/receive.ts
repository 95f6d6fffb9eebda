// What arrives: which messages are heard at all, who is thereby confirmed, what is merged, and what is answered.

import { never } from "../base/assert.ts";
import { fill, sendDatagram, statementOf } from "./gossip.ts";
import { type Address, isRunning, type NodeId, type Update } from "./member.ts";
import { mergeAll } from "./merge.ts";
import type { Datagram, StateMessage, StreamAck, StreamMessage, StreamPing } from "./messages.ts";
import { handleAck, handleNack, handlePingReq } from "./probe.ts";
import { STREAM_RUMOUR_BYTES } from "./size.ts";
import { isLeaving, selfOf, type Swim, type Turn } from "./state.ts";
import { handleDigest, handleState, syncWithNewcomer } from "./sync.ts";
import { confirmMember } from "./table.ts";

/** A datagram of a member, or of one who wants to be. */
export function receiveDatagram(turn: Turn, from: NodeId, address: Address, message: Datagram): void {
  const { state } = turn;
  if (!isWelcome(turn, from, message)) return;
  // Meant for the node that had this address before.
  if (message.kind === "ping" && message.target !== null && message.target !== state.self) return;
  const isNew = isNewcomer(state, from);
  const corrections = mergeAll(turn, from, message.updates, "rumour");
  hear(turn, from, isNew);
  const { label } = state.config;
  switch (message.kind) {
    case "ping": {
      const first = replyFirst(state, from, message.updates, message.target === null, corrections);
      return sendDatagram(turn, { id: from, address }, { kind: "ack", label, seq: message.seq, updates: [] }, first);
    }
    case "ack":
      handleAck(turn, from, message.seq);
      break;
    case "pingReq":
      handlePingReq(turn, from, address, message);
      break;
    case "nack":
      handleNack(turn, from, message.seq, message.isRefused);
      break;
    case "gossip":
      break;
    default:
      return never(message);
  }
  if (corrections.length > 0) {
    sendDatagram(turn, { id: from, address }, { kind: "gossip", label, updates: [] }, corrections);
  }
}

/** A message by stream; the sender proved itself in the handshake. */
export function receiveStream(turn: Turn, from: NodeId, address: Address, message: StreamMessage): void {
  const { state } = turn;
  if (!isWelcome(turn, from, message)) return;
  switch (message.kind) {
    case "streamPing": {
      if (message.target !== state.self) return;
      answerStreamPing(turn, from, address, message);
      break;
    }
    case "streamAck": {
      mergeAll(turn, from, message.updates, "rumour");
      handleAck(turn, from, message.seq);
      break;
    }
    case "digest": {
      handleDigest(turn, from, message);
      break;
    }
    case "state": {
      handleState(turn, from, message);
      break;
    }
    default:
      return never(message);
  }
  hear(turn, from, false);
}

function answerStreamPing(turn: Turn, from: NodeId, address: Address, message: StreamPing): void {
  const { state } = turn;
  const corrections = mergeAll(turn, from, message.updates, "rumour");
  const first = replyFirst(state, from, message.updates, false, corrections);
  const { updates } = fill(state, STREAM_RUMOUR_BYTES, first);
  const ack: StreamAck = { kind: "streamAck", label: state.config.label, seq: message.seq, updates };
  turn.effects.push({ kind: "stream", to: from, address, message: ack });
}

/**
 * Statements an answer opens with: this node's own where it is asked for or wrong, the asker's where it is not
 * well.
 */
function replyFirst(
  state: Swim,
  from: NodeId,
  updates: readonly Update[],
  isStranger: boolean,
  corrections: readonly NodeId[],
): NodeId[] {
  const isAboutSelf = isStranger || updates.some(({ id }) => id === state.self);
  const asker = state.members.get(from);
  const isAskerAccused = asker !== undefined && asker.status !== "alive";
  return [...(isAboutSelf ? [state.self] : []), ...(isAskerAccused ? [from] : []), ...corrections];
}

/** False for messages of another pool, or in this node's own name. */
function isWelcome(turn: Turn, from: NodeId, message: { readonly label: string }): boolean {
  const { state, effects } = turn;
  if (from === state.self) effects.push({ kind: "suspicious", from, reason: "speaks in this node's name" });
  else if (message.label !== state.config.label)
    effects.push({ kind: "suspicious", from, reason: "is of another pool" });
  else return true;
  return false;
}

function isNewcomer(state: Swim, id: NodeId): boolean {
  const member = state.members.get(id);
  return member === undefined || !isRunning(member);
}

/**
 * A node proved itself on a stream. One that is held for gone is told so, and refutes: with a data folder that was
 * restored from before its last starts its datagrams are dropped as old, and who left is not called.
 */
export function hearStream(turn: Turn, id: NodeId): void {
  const { state, effects } = turn;
  const member = state.members.get(id);
  if (member !== undefined && !isRunning(member) && !isLeaving(state)) {
    const members = [statementOf(state, member), statementOf(state, selfOf(state))];
    const { label } = state.config;
    const told: StateMessage = { kind: "state", label, bucketCount: 1, buckets: [], wantsReply: false, members };
    effects.push({ kind: "stream", to: id, address: member.address, message: told });
  }
  hear(turn, id, false);
}

/** The node itself spoke: it is confirmed, and one who is new or came back is compared views with. */
export function hear(turn: Turn, id: NodeId, wasNew: boolean): void {
  const member = turn.state.members.get(id);
  if (member === undefined) return;
  const isFirst = confirmMember(turn, member);
  const isBack = wasNew && isRunning(member);
  if (!isLeaving(turn.state) && isRunning(member) && (isBack || (isFirst && wasNew))) syncWithNewcomer(turn, member);
}
