// Which datacenter a gate sends work to: class first (a near one in trouble never beats a far one that is well), then a
// score within the class, lower is better, then hysteresis. Round trips are measured by the gate's own probes and
// corrected by what dispatches to that datacenter really took.

import * as z from "../base/schema.ts";
import type { PressureLevel } from "./backpressure.ts";

/** From best to worst; the last is never used. */
export const DATACENTER_CLASSES = ["healthy", "busy", "degraded", "unhealthy"] as const;
/** How a datacenter is. */
export type DatacenterClass = (typeof DATACENTER_CLASSES)[number];

const weight = z.number().min(0);
const penalty = z.number().min(1);
const durationMs = z.number().positive();

/** Settings of routing. */
export const routingConfigSchema = z.strictObject({
  /** Round trip and its deviation where none was measured (100, 50 ms). Raise: unknown ones are tried later. */
  rttDefaultMs: durationMs.default(100),
  deviationDefaultMs: durationMs.default(50),
  /** Bounds of the round trip that is scored: 1 ms, so that loopback does not win by a factor of 100, and 10 s. */
  rttMinMs: durationMs.default(1),
  rttMaxMs: durationMs.default(10_000),
  /** Load = 1 + these x (used cores, queue / (queue + queueHalf), open circuits). Raise: load outweighs distance. */
  coresWeight: weight.default(0.5),
  queueWeight: weight.default(0.3),
  queueHalf: z.number().positive().default(10),
  circuitsWeight: weight.default(0.2),
  /** A round trip of fewer samples than samplesFull costs up to this part more (0.5). Raise: the known is preferred. */
  unsureWeight: weight.default(0.5),
  samplesFull: z.int().min(1).default(10),
  /** Factor of one the submitter prefers (0.9). Lower: the wish outweighs more distance. */
  preferredFactor: z.number().positive().max(1).default(0.9),
  /** Factor by the backpressure its managers signal (the worst of them). */
  pressureFactor: z
    .strictObject({ none: penalty, throttle: penalty, batch: penalty, reject: penalty })
    .default({ none: 1, throttle: 1.25, batch: 1.75, reject: 2.5 }),
  /** After a failed dispatch its score is multiplied by failedFactor (2) for failedMs (60 s). */
  failedFactor: penalty.default(2),
  failedMs: durationMs.default(60_000),
  /** Facts older than this (60 s) put it one class down. Lower: a slow link looks like trouble. */
  staleMs: durationMs.default(60_000),
  /** Weight of a new observed latency (0.2). Raise: follows the last dispatches, and their luck. */
  observedAlpha: z.number().positive().max(1).default(0.2),
  /** Trust in the observed: min(1, samples / samplesFull), fading linearly to nothing over this (300 s) of silence. */
  observedTtlMs: durationMs.default(300_000),
  /** An observed latency counts as at most this (60 s). */
  observedMaxMs: durationMs.default(60_000),
  /** A choice is kept at least so long (30 s) within its class, */
  holdMs: durationMs.default(30_000),
  /** and left then only for a score of at most this part of its own (0.8). Raise: smaller changes move work. */
  switchRatio: z.number().positive().max(1).default(0.8),
  /** Datacenters remembered (256); beyond it the one longest unheard of goes. */
  datacentersMax: z.int().min(1).default(256),
});
/** Checked settings. */
export type RoutingConfig = Readonly<z.infer<typeof routingConfigSchema>>;
/** The defaults, for gates. */
export const ROUTING: RoutingConfig = routingConfigSchema.parse({});

/** What a gate knows of one datacenter. Counts of `total` are those configured or ever registered. */
export type DatacenterFacts = {
  readonly name: string;
  readonly managers: { readonly live: number; readonly total: number };
  readonly workers: { readonly healthy: number; readonly total: number };
  readonly cores: { readonly free: number; readonly total: number };
  /** Workflows waiting for cores. */
  readonly queued: number;
  /** Circuits to its managers. */
  readonly circuits: { readonly open: number; readonly total: number };
  /** null: no probe was answered yet. */
  readonly rtt: { readonly meanMs: number; readonly deviationMs: number; readonly samples: number } | null;
  readonly pressure: PressureLevel;
  readonly isPreferred: boolean;
  /** When all this was said. */
  readonly heardAt: number;
};

/** What dispatches taught about one datacenter. */
export type Experience = {
  /** Moving average of dispatch to first answer. */
  latencyMs: number;
  samples: number;
  /** End of the newest dispatch that counted; samples that end earlier come too late. */
  at: number;
  /** null: none. */
  failedAt: number | null;
};
/** By datacenter, the one longest unheard of first. */
export type Experiences = Map<string, Experience>;

/** One candidate, scored. */
export type Ranked = { readonly name: string; readonly class: DatacenterClass; readonly score: number };
/** Where a job's work goes at present. */
export type Choice = { readonly name: string; readonly since: number };

/** A dispatch to a datacenter was answered. In: `at`, when. One that ended before the newest known changes nothing. */
export function learnLatency(
  state: Experiences,
  config: RoutingConfig,
  sample: { readonly name: string; readonly latencyMs: number; readonly at: number },
): void {
  const experience = experienceOf(state, config, sample.name);
  if (sample.at < experience.at) return;
  const latencyMs = Math.min(config.observedMaxMs, Math.max(0, sample.latencyMs));
  const alpha = experience.samples === 0 ? 1 : config.observedAlpha;
  experience.latencyMs += alpha * (latencyMs - experience.latencyMs);
  experience.samples = Math.min(config.samplesFull, experience.samples + 1);
  experience.at = sample.at;
}

/** A dispatch to a datacenter failed. */
export function learnFailure(state: Experiences, config: RoutingConfig, now: number, name: string): void {
  experienceOf(state, config, name).failedAt = now;
}

/** The class of a datacenter. Majorities are of the total, so that a lost half is seen as one. */
export function classOf(config: RoutingConfig, now: number, facts: DatacenterFacts): DatacenterClass {
  const { managers, workers, cores, heardAt } = facts;
  if (managers.live === 0 || workers.healthy === 0) return "unhealthy";
  const isMinority = ({ part, total }: { part: number; total: number }): boolean => part < Math.floor(total / 2) + 1;
  const isDegraded =
    isMinority({ part: managers.live, total: managers.total }) ||
    isMinority({ part: workers.healthy, total: workers.total });
  const fresh = isDegraded ? "degraded" : cores.free <= 0 ? "busy" : "healthy";
  if (now - heardAt < config.staleMs) return fresh;
  return DATACENTER_CLASSES[DATACENTER_CLASSES.indexOf(fresh) + 1] ?? "unhealthy";
}

/** Upper bound of the round trip: mean + 2 deviations, within its bounds; the defaults where none was measured. */
export function rttBoundMs(config: RoutingConfig, rtt: DatacenterFacts["rtt"]): number {
  const { rttDefaultMs, deviationDefaultMs, rttMinMs, rttMaxMs } = config;
  const bound = rtt === null ? rttDefaultMs + 2 * deviationDefaultMs : rtt.meanMs + 2 * rtt.deviationMs;
  return Math.min(rttMaxMs, Math.max(rttMinMs, bound));
}

/** Trust in observed latencies, 0..1: min(1, n / samplesFull) x (1 - silence / observedTtlMs). */
export function confidenceOf(config: RoutingConfig, now: number, experience: Experience | undefined): number {
  if (experience === undefined || experience.samples === 0) return 0;
  const fresh = Math.max(0, 1 - Math.max(0, now - experience.at) / config.observedTtlMs);
  return Math.min(1, experience.samples / config.samplesFull) * fresh;
}

/** 1 + cores used + queue + circuits, each by its weight. */
export function loadOf(config: RoutingConfig, { cores, queued, circuits }: DatacenterFacts): number {
  const used = cores.total > 0 ? 1 - cores.free / cores.total : 1;
  const waiting = queued / (queued + config.queueHalf);
  const open = circuits.total > 0 ? circuits.open / circuits.total : 0;
  return 1 + config.coresWeight * used + config.queueWeight * waiting + config.circuitsWeight * open;
}

/** latency x load x doubt x preference x pressure x failure; ms, lower is better. */
export function scoreOf(state: Experiences, config: RoutingConfig, now: number, facts: DatacenterFacts): number {
  const experience = state.get(facts.name);
  const confidence = confidenceOf(config, now, experience);
  const bound = rttBoundMs(config, facts.rtt);
  const latencyMs = confidence * Math.max(config.rttMinMs, experience?.latencyMs ?? 0) + (1 - confidence) * bound;
  const sureness = Math.max(confidence, Math.min(1, (facts.rtt?.samples ?? 0) / config.samplesFull));
  const doubt = 1 + config.unsureWeight * (1 - sureness);
  const failedAt = experience?.failedAt ?? null;
  const failure = failedAt !== null && now - failedAt < config.failedMs ? config.failedFactor : 1;
  const preference = facts.isPreferred ? config.preferredFactor : 1;
  return latencyMs * loadOf(config, facts) * doubt * preference * config.pressureFactor[facts.pressure] * failure;
}

/**
 * The candidates that may be used, best first: by class, score, name. The first is the choice, the others are what to
 * fall back on in turn. Empty: none may be used.
 */
export function rankDatacenters(
  state: Experiences,
  config: RoutingConfig,
  now: number,
  candidates: readonly DatacenterFacts[],
): readonly Ranked[] {
  return candidates
    .map((facts) => ({
      name: facts.name,
      class: classOf(config, now, facts),
      score: scoreOf(state, config, now, facts),
    }))
    .filter((ranked) => ranked.class !== "unhealthy")
    .sort((a, b) => classRank(a) - classRank(b) || a.score - b.score || (a.name < b.name ? -1 : 1));
}

/**
 * Where work goes now. In: the previous choice, null at first; `ranked` from rankDatacenters. Kept unless it may not be
 * used any more, a better class exists, or it was held long enough and a clearly better score exists.
 */
export function choose(
  config: RoutingConfig,
  now: number,
  previous: Choice | null,
  ranked: readonly Ranked[],
): Choice | null {
  const [best] = ranked;
  if (best === undefined) return null;
  const present = previous === null ? undefined : ranked.find(({ name }) => name === previous.name);
  if (previous === null || present === undefined || classRank(best) < classRank(present))
    return best.name === previous?.name ? previous : { name: best.name, since: now };
  const isHeld = now - previous.since < config.holdMs;
  if (isHeld || best.score > config.switchRatio * present.score) return previous;
  return best.name === previous.name ? previous : { name: best.name, since: now };
}

function classRank(ranked: Ranked): number {
  return DATACENTER_CLASSES.indexOf(ranked.class);
}

function experienceOf(state: Experiences, config: RoutingConfig, name: string): Experience {
  const known = state.get(name);
  const experience = known ?? { latencyMs: 0, samples: 0, at: Number.NEGATIVE_INFINITY, failedAt: null };
  state.delete(name);
  state.set(name, experience);
  for (const oldest of state.keys()) {
    if (state.size <= config.datacentersMax) break;
    state.delete(oldest);
  }
  return experience;
}
