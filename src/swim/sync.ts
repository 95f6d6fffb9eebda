// Anti-entropy: now and then the whole view is compared with one random member's, by hashes of buckets first, and
// only what differs is sent. Makes sure of what gossip leaves out: a rumour dies before it reached all in 1 to 30 %
// of cases.

import { BUCKETS_MAX, STATE_BYTES_MAX } from "./config.ts";
import { statementOf } from "./gossip.ts";
import { compareStatements, isRunning, type Member, type NodeId, rankOf, type Update } from "./member.ts";
import type { Digest, StateMessage } from "./messages.ts";
import { mergeAll } from "./merge.ts";
import { nextFloat, nextU32 } from "../base/prng.ts";
import { updateBytes } from "./size.ts";
import { drawMembers, runningCount, selfOf, type Swim, type Turn } from "./state.ts";
import { syncScale } from "./suspicion.ts";

/** Members a bucket is meant to hold. */
const BUCKET_MEMBERS = 8;

/** Time to the next comparison, spread by a tenth so that a pool does not march in step. */
export function syncDelayMs(state: Swim): number {
  return state.config.syncMs * syncScale(runningCount(state)) * (0.9 + 0.2 * nextFloat(state.prng));
}

/** Compares with one random member when it is time. */
export function tickSync(turn: Turn): void {
  const { state, now } = turn;
  if (now < state.syncAt) return;
  state.syncAt = now + syncDelayMs(state);
  const [peer] = drawMembers(state, 1, (member) => member.status === "alive");
  if (peer !== undefined) startSync(turn, peer);
}

/** Compares with a member that is new here or came back, at once, but not with many at a time. */
export function syncWithNewcomer(turn: Turn, peer: Member): void {
  const { state, now } = turn;
  if (now < state.extraSyncAt) return;
  state.extraSyncAt = now + state.config.probeMs;
  startSync(turn, peer);
}

function startSync(turn: Turn, peer: Member): void {
  const { state } = turn;
  state.counters.syncs++;
  const count = Math.min(BUCKETS_MAX, Math.ceil(runningCount(state) / BUCKET_MEMBERS));
  const salt = nextU32(state.prng);
  const self = statementOf(state, selfOf(state));
  const message: Digest = {
    kind: "digest",
    label: state.config.label,
    salt,
    hashes: bucketHashes(state, count, salt),
    self,
  };
  turn.effects.push({ kind: "stream", to: peer.id, address: peer.address, message });
}

/** Answers a digest with everything in the buckets that differ. Equal views are not answered. */
export function handleDigest(turn: Turn, from: NodeId, digest: Digest): void {
  const { state } = turn;
  mergeAll(turn, from, [digest.self], "rumour");
  const peer = state.members.get(from);
  if (peer === undefined) return;
  const bucketCount = digest.hashes.length;
  const own = bucketHashes(state, bucketCount, digest.salt);
  const differing = own.flatMap((hash, bucket) => (hash === digest.hashes[bucket] ? [] : [bucket]));
  if (differing.length === 0) return;
  const wanted = new Set(differing);
  const held = new Map<number, Update[]>(differing.map((bucket) => [bucket, []]));
  for (const member of state.members.values()) {
    const bucket = bucketOf(member.id, bucketCount);
    if (wanted.has(bucket)) held.get(bucket)?.push(statementOf(state, member));
  }
  for (const part of inParts(held)) {
    const message: StateMessage = { kind: "state", label: state.config.label, bucketCount, wantsReply: true, ...part };
    turn.effects.push({ kind: "stream", to: from, address: peer.address, message });
  }
}

/** Takes what the other holds, and sends back what is newer here. */
export function handleState(turn: Turn, from: NodeId, message: StateMessage): void {
  const { state } = turn;
  const news = message.wantsReply ? newerHere(state, message) : [];
  mergeAll(turn, from, message.members, "sync");
  const peer = state.members.get(from);
  if (peer === undefined || news.length === 0) return;
  const { label } = state.config;
  for (const { members } of inParts(new Map([[0, news]]))) {
    const reply: StateMessage = { kind: "state", label, bucketCount: 1, buckets: [], wantsReply: false, members };
    turn.effects.push({ kind: "stream", to: from, address: peer.address, message: reply });
  }
}

function newerHere(state: Swim, { members, buckets, bucketCount }: StateMessage): Update[] {
  const theirs = new Map(members.map((update) => [update.id, update]));
  const covered = new Set(buckets);
  const news: Update[] = [];
  for (const member of state.members.values()) {
    if (!covered.has(bucketOf(member.id, bucketCount))) continue;
    const their = theirs.get(member.id);
    const isNews =
      their === undefined ||
      compareStatements(member, their) > 0 ||
      (isRunning(member) && (member.payload?.version ?? 0) > (their.payload?.version ?? 0));
    if (isNews) news.push(statementOf(state, member));
  }
  return news;
}

/** Cuts whole buckets into messages of at most STATE_BYTES_MAX; a bucket larger than that is cut as well. */
function inParts(held: ReadonlyMap<number, readonly Update[]>): { buckets: number[]; members: Update[] }[] {
  const parts: { buckets: number[]; members: Update[] }[] = [];
  let part: { buckets: number[]; members: Update[] } = { buckets: [], members: [] };
  let bytes = 0;
  const close = (): void => {
    if (part.buckets.length > 0 || part.members.length > 0) parts.push(part);
    part = { buckets: [], members: [] };
    bytes = 0;
  };
  for (const [bucket, updates] of held) {
    const size = updates.reduce((sum, update) => sum + updateBytes(update), 0);
    if (bytes + size > STATE_BYTES_MAX) close();
    if (size <= STATE_BYTES_MAX) part.buckets.push(bucket);
    for (const update of updates) {
      if (bytes + updateBytes(update) > STATE_BYTES_MAX) close();
      part.members.push(update);
      bytes += updateBytes(update);
    }
  }
  close();
  return parts;
}

/** One hash a bucket over its running members; the order of the table does not matter. */
export function bucketHashes(state: Swim, count: number, salt: number): number[] {
  const hashes = new Array<number>(count).fill(0);
  for (const member of state.members.values()) {
    if (!isRunning(member)) continue;
    const bucket = bucketOf(member.id, count);
    hashes[bucket] = ((hashes[bucket] ?? 0) + memberHash(member, salt)) >>> 0;
  }
  return hashes;
}

function bucketOf(id: NodeId, count: number): number {
  return count === 1 ? 0 : mixed(textHash(id, 2_166_136_261)) % count;
}

function memberHash({ id, incarnation, status, payload }: Member, salt: number): number {
  let hash = textHash(id, (2_166_136_261 ^ salt) >>> 0);
  for (const part of [incarnation.boot, incarnation.count, rankOf(status), payload?.version ?? 0]) {
    hash = Math.imul(hash ^ (part >>> 0), 16_777_619);
    hash = Math.imul(hash ^ Math.floor(part / 0x1_0000_0000), 16_777_619);
  }
  return mixed(hash >>> 0);
}

/** FNV-1a over UTF-16 units. */
function textHash(text: string, start: number): number {
  let hash = start;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16_777_619);
  return hash >>> 0;
}

/** The finisher of MurmurHash3: every bit of the input reaches every bit of the output. */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
