// Circuit breakers, one per peer. A peer whose requests fail is left alone for a while (open), then tried with a few
// requests (half-open), then trusted again (closed). What a peer refuses with a time to come back is no failure: it
// answered. Numbers: Polly's window and open time; its 10 % is resilience4j's and opossum's 50 % here, because a
// peer that answers nine of ten is better than none.

import * as z from "../base/schema.ts";
import { createPrng, nextFloat, type Prng } from "../base/prng.ts";
import { clear, count, createCounts, type SlidingCounts, total } from "./sliding-counts.ts";

/** Settings of the breakers. Durations in ms. */
export const circuitConfigSchema = z
  .strictObject({
    /** How far back failures count (30 s). Raise: rarer requests are judged, old trouble is remembered longer. */
    windowMs: z.int().min(10).default(30_000),
    /** Part of the window's outcomes that failed, from which the circuit opens (0.5). Lower: opens sooner. */
    errorRate: z.number().positive().max(1).default(0.5),
    /** Fewer outcomes than this prove no rate (20). Lower: a few failures open it. */
    samplesMin: z.int().min(1).default(20),
    /** So many failures in a row open it, however few the samples (5): dispatches to one worker are rare. */
    consecutiveMax: z.int().min(1).default(5),
    /** First open time (5 s); it doubles each time the circuit opens again before it was quiet for calmMs. */
    openMs: z.int().min(1).default(5_000),
    /** It never grows beyond this (60 s). Raise: less traffic to the dead, later return of the healed. */
    openMaxMs: z.int().min(1).default(60_000),
    /** Each open time is drawn from +- this part (0.2), so that all nodes do not try a peer at once. */
    jitter: z.number().min(0).max(0.9).default(0.2),
    /** Closed so long, the open time begins small again (60 s). Lower: a flapping peer is tried more often. */
    calmMs: z.int().min(0).default(60_000),
    /** Probes under way at once while half-open (1). Raise: faster verdict, more load on one who just came back. */
    probesMax: z.int().min(1).default(1),
    /** Successful probes in a row that close it (1). Raise: slower return, fewer mistaken ones. */
    closeAfter: z.int().min(1).default(1),
    /** A probe without an outcome for so long failed (10 s): a lost one cannot hold the circuit half-open. */
    probeTimeoutMs: z.int().min(1).default(10_000),
    /** Peers remembered (4,096, as many as there may be members); beyond it the one longest unused goes. */
    peersMax: z.int().min(1).default(4_096),
  })
  .refine(({ openMs, openMaxMs }) => openMs <= openMaxMs, "openMs is at most openMaxMs");
/** Checked settings. */
export type CircuitConfig = Readonly<z.infer<typeof circuitConfigSchema>>;
/** The defaults, for every node. */
export const CIRCUITS: CircuitConfig = circuitConfigSchema.parse({});

/** Slices of the window: outcomes leave it a tenth at a time. */
const SLICES = 10;
const [SUCCESS, FAILURE] = [0, 1];

/** One peer's circuit; all times are of the clock that passes `now`. */
export type Circuit = {
  phase: "closed" | "open" | "half-open";
  /** New with every change of phase: an outcome of a request admitted before it says nothing about this phase. */
  epoch: number;
  readonly outcomes: SlidingCounts;
  /** Failures in a row. */
  consecutive: number;
  /** Times it opened, in all, and since it was last calm. */
  opens: number;
  streak: number;
  /** When it was closed last. */
  closedAt: number;
  /** Open: when it becomes half-open. */
  openUntil: number;
  /** Half-open: when each probe under way began, by its number. */
  readonly probes: Map<number, number>;
  probeNumber: number;
  /** Half-open: probes in a row that succeeded. */
  probesPassed: number;
};

/** All circuits of a node. */
export type Circuits = {
  readonly prng: Prng;
  /** The one longest unused first. */
  readonly peers: Map<string, Circuit>;
  /** The newest epoch of any: no two phases share one, not even those of a peer forgotten and met again. */
  epoch: number;
};

/** Leave to send one request; its outcome is reported with it. */
export type Permit = {
  readonly peer: string;
  readonly epoch: number;
  /** null: an ordinary request. */
  readonly probe: number | null;
};

/** The answer to `admitTo`. retryAfterMs: whole ms until a probe may go, 1 at least. */
export type CircuitDecision =
  { readonly kind: "admitted"; readonly permit: Permit } | { readonly kind: "refused"; readonly retryAfterMs: number };

/** For status. `failures` and `samples`: of the window. `nextProbeAtMs`: null when closed. */
export type CircuitView = {
  readonly peer: string;
  readonly state: "closed" | "open" | "half-open";
  readonly failures: number;
  readonly samples: number;
  readonly opens: number;
  readonly nextProbeAtMs: number | null;
};

/** No peer is known. In: seed of the jitter. */
export function createCircuits(seed: number): Circuits {
  return { prng: createPrng(seed, "circuits"), peers: new Map(), epoch: 0 };
}

/** May a request be sent to this peer now? */
export function admitTo(state: Circuits, config: CircuitConfig, now: number, peer: string): CircuitDecision {
  const circuit = touch(state, config, now, peer);
  tick(state, config, now, circuit);
  if (circuit.phase === "closed") return { kind: "admitted", permit: { peer, epoch: circuit.epoch, probe: null } };
  if (circuit.phase === "half-open" && circuit.probes.size < config.probesMax) {
    const probe = ++circuit.probeNumber;
    circuit.probes.set(probe, now);
    return { kind: "admitted", permit: { peer, epoch: circuit.epoch, probe } };
  }
  return { kind: "refused", retryAfterMs: Math.max(1, Math.ceil(nextProbeAt(config, circuit) - now)) };
}

/** How a permitted request ended. An outcome of an earlier phase, or of a forgotten peer, changes nothing. */
export function report(
  state: Circuits,
  config: CircuitConfig,
  now: number,
  outcome: { readonly permit: Permit; readonly isSuccess: boolean },
): void {
  const { permit, isSuccess } = outcome;
  const circuit = state.peers.get(permit.peer);
  if (circuit === undefined) return;
  tick(state, config, now, circuit);
  if (circuit.epoch !== permit.epoch) return;
  count(circuit.outcomes, now, isSuccess ? SUCCESS : FAILURE);
  circuit.consecutive = isSuccess ? 0 : circuit.consecutive + 1;
  if (permit.probe !== null) return settleProbe(state, config, now, { circuit, probe: permit.probe, isSuccess });
  if (!isSuccess && hasFailed(config, now, circuit)) open(state, config, now, circuit);
}

/** The peer is gone for good. */
export function forget(state: Circuits, peer: string): void {
  state.peers.delete(peer);
}

/** What status shows of every circuit at `now`. Changes nothing. */
export function circuitViews(state: Circuits, config: CircuitConfig, now: number): readonly CircuitView[] {
  return [...state.peers].map(([peer, circuit]) => {
    const failures = total(circuit.outcomes, now, FAILURE);
    const isDue = circuit.phase === "open" && now >= circuit.openUntil;
    return {
      peer,
      state: isDue ? "half-open" : circuit.phase,
      failures,
      samples: failures + total(circuit.outcomes, now, SUCCESS),
      opens: circuit.opens,
      nextProbeAtMs: circuit.phase === "closed" ? null : nextProbeAt(config, circuit),
    };
  });
}

/** The open time before jitter. In: which opening in a row, from 1. min(openMs 2^(n - 1), openMaxMs). */
export function openTimeMs(config: CircuitConfig, streak: number): number {
  // 2^52 ms is past any maximum: the exponent is held back so that the product stays finite.
  return Math.min(config.openMaxMs, config.openMs * 2 ** Math.min(52, streak - 1));
}

function touch(state: Circuits, config: CircuitConfig, now: number, peer: string): Circuit {
  const known = state.peers.get(peer);
  const circuit = known ?? createCircuit(config, now, ++state.epoch);
  if (known !== undefined) state.peers.delete(peer);
  state.peers.set(peer, circuit);
  for (const oldest of state.peers.keys()) {
    if (state.peers.size <= config.peersMax) break;
    state.peers.delete(oldest);
  }
  return circuit;
}

function createCircuit(config: CircuitConfig, now: number, epoch: number): Circuit {
  return {
    phase: "closed",
    epoch,
    outcomes: createCounts(config.windowMs, SLICES, 2),
    consecutive: 0,
    opens: 0,
    streak: 0,
    closedAt: now,
    openUntil: 0,
    probes: new Map(),
    probeNumber: 0,
    probesPassed: 0,
  };
}

/** What time alone changes: the end of the open time, and probes that were lost. */
function tick(state: Circuits, config: CircuitConfig, now: number, circuit: Circuit): void {
  if (circuit.phase === "open" && now >= circuit.openUntil) {
    enter(state, circuit, "half-open");
    circuit.probesPassed = 0;
  }
  if (circuit.phase !== "half-open") return;
  for (const startedAt of circuit.probes.values())
    if (now - startedAt >= config.probeTimeoutMs) return open(state, config, now, circuit);
}

function settleProbe(
  state: Circuits,
  config: CircuitConfig,
  now: number,
  settled: { readonly circuit: Circuit; readonly probe: number; readonly isSuccess: boolean },
): void {
  const { circuit, probe, isSuccess } = settled;
  if (!circuit.probes.delete(probe)) return;
  if (!isSuccess) return open(state, config, now, circuit);
  circuit.probesPassed++;
  if (circuit.probesPassed < config.closeAfter) return;
  enter(state, circuit, "closed");
  circuit.closedAt = now;
  // What was counted before says nothing of the peer that came back.
  clear(circuit.outcomes);
}

function hasFailed(config: CircuitConfig, now: number, circuit: Circuit): boolean {
  if (circuit.consecutive >= config.consecutiveMax) return true;
  const failures = total(circuit.outcomes, now, FAILURE);
  const samples = failures + total(circuit.outcomes, now, SUCCESS);
  return samples >= config.samplesMin && failures >= samples * config.errorRate;
}

function open(state: Circuits, config: CircuitConfig, now: number, circuit: Circuit): void {
  const wasCalm = circuit.phase === "closed" && now - circuit.closedAt >= config.calmMs;
  circuit.streak = wasCalm ? 1 : circuit.streak + 1;
  circuit.opens++;
  const factor = 1 + config.jitter * (2 * nextFloat(state.prng) - 1);
  circuit.openUntil = now + Math.ceil(openTimeMs(config, circuit.streak) * factor);
  enter(state, circuit, "open");
}

function enter(state: Circuits, circuit: Circuit, phase: Circuit["phase"]): void {
  circuit.phase = phase;
  circuit.epoch = ++state.epoch;
  circuit.probes.clear();
}

/** When the next probe may start: the end of the open time, or of the oldest probe at the latest. */
function nextProbeAt(config: CircuitConfig, circuit: Circuit): number {
  if (circuit.phase === "open" || circuit.probes.size < config.probesMax) return circuit.openUntil;
  return Math.min(...circuit.probes.values()) + config.probeTimeoutMs;
}
