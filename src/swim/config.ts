// Every duration and bound of membership, with its formula, and the assertions that tie them together. The presets
// follow memberlist's shape (hashicorp/memberlist, config.go) with a local area network's timers halved. All
// members of a pool run the same preset.

import { assert } from "../base/assert.ts";
import type { Address } from "./member.ts";

/** Largest datagram with everything around it but IP and UDP: fits an Ethernet frame through one tunnel. */
export const DATAGRAM_BYTES_MAX = 1_400;
/** Most accusers a statement carries: the first and the confirmations wanted of the largest preset, rounded up. */
export const ACCUSERS_MAX = 8;
/** Statements in one probe, answer or gossip; a datagram rarely holds 30. Bounds the work of one step. */
export const UPDATES_MAX = 64;
export const ID_LENGTH_MAX = 64;
export const HOST_LENGTH_MAX = 253;
export const LABEL_LENGTH_MAX = 64;
/** Bytes a node may say of itself. One alive update with it fits a datagram beside a probe. */
export const PAYLOAD_BYTES_MAX = 512;
/** The local health score runs from 0 (well) to this; timers stretch by score + 1. */
export const HEALTH_SCORE_MAX = 8;
/** Digest buckets: 64 x 4 B stay small, and at 1,000 members a difference costs 16 records. */
export const BUCKETS_MAX = 64;
/** One stream message of records: a quarter of the wire's frame. */
export const STATE_BYTES_MAX = 262_144;

export type SwimLimits = {
  /** Members that run. A new one beyond it is refused and counted. 4,096 x ~250 B = 1 MB. */
  readonly membersMax: number;
  /** The dead and the departed that are remembered; beyond it the oldest is forgotten. */
  readonly deadMax: number;
  /** Suspicions at one time; beyond it an accusation is put off to the next failed probe. */
  readonly suspicionsMax: number;
  /** Rumours waiting; beyond it the most often told is dropped (anti-entropy brings it anyway). */
  readonly rumoursMax: number;
  /** Indirect probes served at one time; beyond it requests are dropped. */
  readonly relaysMax: number;
  /** Own probes under way: the round's and the hints'. */
  readonly probesMax: number;
  readonly seedsMax: number;
};

export type SwimConfig = {
  /** Cluster and environment, in every message. A message with another label is dropped: two pools never merge. */
  readonly label: string;
  /** Configured peers. Asked until they answer, never suspected before they did. */
  readonly seeds: readonly Address[];
  /** Protocol period: one member is probed each. Lower: faster detection, traffic grows as 1/probeMs. */
  readonly probeMs: number;
  /**
   * Wait for a direct ack before asking others. Above the 99th percentile of the round trip. Hint probes end after
   * it.
   */
  readonly timeoutMs: number;
  /**
   * Members asked to probe in one's stead. Each one makes a lost answer less likely, at 4 datagrams per failed
   * probe.
   */
  readonly indirectProbes: number;
  /**
   * Shortest suspicion = this x max(1, log10 N) x probeMs; confirmations wanted = this - 2. Higher: slower, more
   * accurate.
   */
  readonly suspicionMult: number;
  /** Longest suspicion (nobody confirms) = this x the shortest. */
  readonly suspicionMaxMult: number;
  /** A suspect is asked a last time this long before it is buried: room for a round trip, delays nothing. */
  readonly lastCallMs: number;
  /** Rumours go out this often, while there are any, */
  readonly gossipMs: number;
  /** to so many random members. */
  readonly gossipNodes: number;
  /**
   * A rumour is told this x ceil(log10(N + 1)) times by each node. Higher: reaches all in more cases, more traffic.
   */
  readonly retransmitMult: number;
  /** Anti-entropy with one random member this often; stretched by ceil(log2 N - 5) + 1 above 32 members. */
  readonly syncMs: number;
  /** Silent seeds and the dead are called this often, so that a healed partition closes. */
  readonly reconnectMs: number;
  /** How long a leaving node goes on telling so. */
  readonly leaveMs: number;
  /** Own payload is told at most this often (stretched as syncMs is); the newest wins. */
  readonly payloadMs: number;
  /** So many refutations at once; the first is never held back, */
  readonly refuteBurst: number;
  /** and one more each of these. Beyond, a refutation is delayed, never dropped. */
  readonly refuteRefillMs: number;
  /** A tick this late means the node itself stood still: its timers prove nothing. */
  readonly stallMs: number;
  /** After a stall, so long only what waits in the sockets is read. */
  readonly drainMs: number;
  /** How long the dead are remembered (and called). */
  readonly deadMs: number;
  /**
   * A member known by hearsay that answered none of 3 probes is dropped after this, not declared dead; silent seeds
   * are reported after it.
   */
  readonly unconfirmedMs: number;
  /** Largest datagram without what is put around it on its way: sealing takes some of DATAGRAM_BYTES_MAX. */
  readonly datagramBytesMax: number;
  readonly limits: SwimLimits;
};

export const LIMITS: SwimLimits = {
  membersMax: 4_096,
  deadMax: 1_024,
  suspicionsMax: 1_024,
  rumoursMax: 1_024,
  relaysMax: 256,
  probesMax: 256,
  seedsMax: 256,
};

export type Pool = { readonly label: string; readonly seeds: readonly Address[] };

const SHARED = {
  suspicionMaxMult: 6, // memberlist
  retransmitMult: 6, // memberlist's 4 leaves somebody out in 3 % of rumours among 99: 99 x e^-8; 99 x e^-12 is 0.06 %
  refuteBurst: 5,
  refuteRefillMs: 2_000, // 5 in 10 s
  drainMs: 50, // a turn of the event loop that reads every socket
  datagramBytesMax: DATAGRAM_BYTES_MAX,
  limits: LIMITS,
} as const;

/** One datacenter: managers and workers. Silent host known by all in 3.5 s (N = 10), 5.5 s (100), 8.5 s (1,000). */
export function lan(pool: Pool): SwimConfig {
  return {
    ...SHARED,
    ...pool,
    probeMs: 500, // half of memberlist's
    timeoutMs: 250, // half of memberlist's; 100 x a datacenter's round trip
    indirectProbes: 3,
    suspicionMult: 4,
    lastCallMs: 500,
    gossipMs: 100,
    gossipNodes: 3,
    syncMs: 15_000,
    reconnectMs: 1_000,
    leaveMs: 1_000,
    payloadMs: 1_000,
    stallMs: 250,
    deadMs: 600_000,
    unconfirmedMs: 60_000,
  };
}

/** Between datacenters: gates. */
export function wan(pool: Pool): SwimConfig {
  return {
    ...SHARED,
    ...pool,
    probeMs: 5_000,
    timeoutMs: 3_000,
    indirectProbes: 3,
    suspicionMult: 6, // four confirmations: links between datacenters fail one by one
    lastCallMs: 3_000,
    gossipMs: 500,
    gossipNodes: 4,
    syncMs: 60_000,
    reconnectMs: 10_000,
    leaveMs: 3_000,
    payloadMs: 5_000,
    stallMs: 1_500,
    deadMs: 3_600_000,
    unconfirmedMs: 120_000,
  };
}

/** Loopback: nothing is lost, but processes share cores and stand still together, so suspicion is not hurried. */
export function local(pool: Pool): SwimConfig {
  return {
    ...lan(pool),
    timeoutMs: 200,
    indirectProbes: 1, // a second path on loopback is the same path
    suspicionMult: 3,
    gossipMs: 50,
    syncMs: 5_000,
    stallMs: 200,
    lastCallMs: 400,
  };
}

/** Throws AssertionError when the settings contradict each other. */
export function assertConfig(config: SwimConfig): void {
  const { probeMs, timeoutMs, limits } = config;
  assert(config.label.length > 0 && config.label.length <= LABEL_LENGTH_MAX, "a label is 1 to 64 characters");
  assert(config.seeds.length <= limits.seedsMax, `at most ${limits.seedsMax} peers are configured`);
  // The second half of a period is for the indirect probes: as long as their nack takes, at least.
  assert(timeoutMs > 0 && timeoutMs < probeMs, "a probe's timeout lies within its period");
  assert(config.suspicionMult >= 2 && config.suspicionMult - 1 <= ACCUSERS_MAX, "all accusers wanted fit a statement");
  assert(config.suspicionMaxMult >= 1, "the longest suspicion is not below the shortest");
  assert(config.lastCallMs >= timeoutMs, "a last call leaves time for an answer");
  assert(config.lastCallMs <= config.suspicionMult * probeMs, "a last call lies within the shortest suspicion");
  assert(config.indirectProbes >= 0 && config.gossipNodes >= 1 && config.retransmitMult >= 1, "counts make sense");
  assert(config.refuteBurst >= 1, "the first refutation is never held back");
  assert(config.gossipMs > 0 && config.syncMs > 0 && config.reconnectMs > 0, "periods are positive");
  assert(
    config.datagramBytesMax > PAYLOAD_BYTES_MAX && config.datagramBytesMax <= DATAGRAM_BYTES_MAX,
    "a datagram holds what a node says of itself, and fits an Ethernet frame",
  );
  for (const [name, value] of Object.entries(limits))
    assert(Number.isSafeInteger(value) && value > 0, `limit ${name} is positive`);
}
