// Every bound and every duration of the consensus core, with its derivation, and the assertions that tie them together.
// Nothing here is negotiated: all members of a cluster run the same preset.

import { assert } from "../base/assert.ts";

/** Largest frame of the wire (design: length-prefixed frames, cap 1 MiB). One message is one frame. */
export const FRAME_BYTES_MAX = 1_048_576;
/** What a message costs beside its entries or chunk: kind, cluster, term, indexes, length prefixes. Generous. */
export const MESSAGE_OVERHEAD_BYTES = 1_024;
/** What an entry costs beside its command: index, term, kind, client id (<= 64 B), sequence, since. Generous. */
export const ENTRY_OVERHEAD_BYTES = 160;
/** Terms and indexes stay far below 2^53, so that sums and increments never lose a bit. A term that high is refused. */
export const TERM_MAX = 2 ** 48;
export const INDEX_MAX = 2 ** 48;
/** Longest id of a node, a client or a cluster, in UTF-16 units. */
export const ID_LENGTH_MAX = 64;
/** Health score of the membership layer: 0 is well, 8 stretches election timeouts to twice their length. */
export const HEALTH_SCORE_MAX = 8;

/** Syncs, one after another, that an election may take on slow disks. */
export const ELECTION_SYNCS = 3;
/** A disk that is slower counts as so slow: a leader that dies is to be missed within minutes all the same. */
export const SYNC_MS_MAX = 10_000;

export type RaftLimits = {
  /** Bytes of one command. One entry must fit one append message, which must fit one frame. */
  readonly commandBytesMax: number;
  /** Bytes of entries in one append message (a single larger entry cannot exist, see commandBytesMax). */
  readonly appendBytesMax: number;
  /** Entries in one append message: bounds the work of one step at the receiver. */
  readonly appendEntriesMax: number;
  /**
   * Append messages with entries sent to one follower and not yet answered. Raise for long links, costs memory per
   * peer.
   */
  readonly inflightMessagesMax: number;
  /** Bytes of the same; a follower that stopped answering holds at most this much of the leader's send queue. */
  readonly inflightBytesMax: number;
  /** Entries a leader holds uncommitted before it refuses proposals as `busy`. */
  readonly uncommittedEntriesMax: number;
  readonly uncommittedBytesMax: number;
  /** Entries since the last snapshot after which one is asked for. Raise: fewer snapshots, longer restart. */
  readonly snapshotEntries: number;
  /** Bytes of entries since the last snapshot after which one is asked for. */
  readonly snapshotLogBytes: number;
  /** Entries kept in memory behind a snapshot, so that a follower that is a little late needs no snapshot. */
  readonly trailingEntries: number;
  /** A leader whose log holds this many entries refuses proposals as `busy`: its shell does not deliver snapshots. */
  readonly logEntriesMax: number;
  readonly snapshotChunkBytes: number;
  /** Chunks of a snapshot sent to one follower and not yet answered. */
  readonly snapshotWindowChunks: number;
  readonly snapshotBytesMax: number;
  /** Reads waiting for their round. */
  readonly readsMax: number;
  /** Proposals or reads in one event. */
  readonly batchMax: number;
  readonly votersMax: number;
  readonly learnersMax: number;
  /** Entries a learner may be behind the leader's last when it is made a voter. */
  readonly promoteLagMax: number;
  /**
   * Clients remembered for deduplication, and sequences for each: as many proposals a client may have open
   * (sessions.ts).
   */
  readonly clientsMax: number;
  readonly sequencesMax: number;
};

/** Static settings of one node's core. Durations in ms of the monotonic clock. */
export type RaftConfig = {
  readonly self: string;
  /** Time between a leader's messages to each peer. Lower: faster reads and detection of loss, more traffic. */
  readonly heartbeatMs: number;
  /** T: election timeouts are drawn from [T, 2T]. Lower: faster failover, more false elections. */
  readonly electionMs: number;
  /**
   * A leader without a quorum's answer to anything sent within this time steps down. 0.9 T: before any follower may
   * elect.
   */
  readonly quorumMs: number;
  readonly limits: RaftLimits;
};

export const LIMITS: RaftLimits = {
  commandBytesMax: 1_000_000,
  appendBytesMax: 1_000_000 + ENTRY_OVERHEAD_BYTES,
  appendEntriesMax: 1_024,
  inflightMessagesMax: 64,
  inflightBytesMax: 8 * 1_048_576,
  uncommittedEntriesMax: 8_192,
  uncommittedBytesMax: 64 * 1_048_576,
  snapshotEntries: 8_192,
  snapshotLogBytes: 64 * 1_048_576,
  trailingEntries: 2_048,
  logEntriesMax: 65_536,
  snapshotChunkBytes: 262_144,
  // 4 x 256 KiB in flight: 10 MB/s at 100 ms of round trip, far beyond a ledger's size.
  snapshotWindowChunks: 4,
  snapshotBytesMax: 268_435_456,
  readsMax: 4_096,
  batchMax: 1_024,
  votersMax: 7,
  learnersMax: 9,
  promoteLagMax: 256,
  // A client is one boot of a manager: a few at a time. 32 x 512 remembered sequences are under 400 KiB of a snapshot.
  clientsMax: 32,
  sequencesMax: 512,
};

/** One datacenter: heartbeat 100 ms, elections after 500 to 1000 ms. */
export function lan(self: string): RaftConfig {
  return { self, heartbeatMs: 100, electionMs: 500, quorumMs: 450, limits: LIMITS };
}

/** Between datacenters: heartbeat 500 ms, elections after 5 to 10 s. */
export function wan(self: string): RaftConfig {
  return { self, heartbeatMs: 500, electionMs: 5_000, quorumMs: 4_500, limits: LIMITS };
}

/** Throws AssertionError when the settings contradict each other. */
export function assertConfig(config: RaftConfig): void {
  const { heartbeatMs, electionMs, quorumMs, limits } = config;
  assert(config.self.length > 0 && config.self.length <= ID_LENGTH_MAX, "self is 1 to 64 characters");
  // Two heartbeats may be lost in a row without an election, and a leader steps down before a follower may stand.
  assert(heartbeatMs > 0 && 3 * heartbeatMs <= quorumMs, "three heartbeats fit the quorum time");
  assert(quorumMs <= 0.9 * electionMs, "a leader steps down before the shortest election timeout");
  for (const [name, value] of Object.entries(limits))
    assert(Number.isSafeInteger(value) && value > 0, `limit ${name} is positive`);
  assert(limits.commandBytesMax + ENTRY_OVERHEAD_BYTES <= limits.appendBytesMax, "one entry fits one append");
  assert(limits.appendBytesMax + MESSAGE_OVERHEAD_BYTES <= FRAME_BYTES_MAX, "one append fits one frame");
  assert(limits.appendBytesMax <= limits.inflightBytesMax, "one append fits the window");
  // The first chunk carries the sessions and the membership: 24 B per sequence (two integers), 160 B per client and
  // member.
  const sessionBytes =
    limits.clientsMax * (160 + limits.sequencesMax * 24) + (limits.votersMax + limits.learnersMax) * 160;
  assert(
    limits.snapshotChunkBytes + sessionBytes + MESSAGE_OVERHEAD_BYTES <= FRAME_BYTES_MAX,
    "a first chunk fits one frame",
  );
  assert(limits.trailingEntries <= limits.snapshotEntries, "a snapshot frees memory");
  assert(
    limits.snapshotEntries + limits.trailingEntries + limits.uncommittedEntriesMax <= limits.logEntriesMax,
    "the log holds a round",
  );
  assert(
    limits.appendEntriesMax <= limits.uncommittedEntriesMax && limits.batchMax <= limits.uncommittedEntriesMax,
    "a batch fits",
  );
}
