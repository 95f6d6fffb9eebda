// What a node takes on: by the class of a request, the node's overload level and how much of each class is under way.
// Critical (membership, consensus, cancel) is always taken. Refused requests are told when to come back.

import * as z from "../base/schema.ts";
import { assert } from "../base/assert.ts";
import { createPrng, nextFloat, type Prng } from "../base/prng.ts";
import type { OverloadLevel } from "./overload.ts";

/** Classes of requests, most important first; the wire's lanes. */
export const REQUEST_CLASSES = ["critical", "control", "submit", "stats"] as const;
/** How much a request matters. */
export type RequestClass = (typeof REQUEST_CLASSES)[number];
type Sheddable = Exclude<RequestClass, "critical">;

const part = z.number().min(0).max(1);
const perLevel = z.strictObject({ healthy: z.literal(0), busy: part, stressed: part, overloaded: part });
const inFlight = z.int().min(1);

/** Settings of shedding. There is none for critical: it cannot be shed by mistake of a setting. */
export const sheddingConfigSchema = z.strictObject({
  /**
   * Part of each class refused at each level. Control (what people ask and order): half when overloaded. Submit (new
   * work): half when stressed, all when overloaded. Stats (what can be had later) go first. Raise: the node recovers
   * faster, and more is sent twice.
   */
  control: perLevel.default({ healthy: 0, busy: 0, stressed: 0, overloaded: 0.5 }),
  submit: perLevel.default({ healthy: 0, busy: 0, stressed: 0.5, overloaded: 1 }),
  stats: perLevel.default({ healthy: 0, busy: 0.5, stressed: 0.9, overloaded: 1 }),
  /**
   * Requests of a class under way at once (500, 300, 200), whatever the level. Raise: more memory and latency before
   * the first refusal.
   */
  inFlightMax: z
    .strictObject({ control: inFlight, submit: inFlight, stats: inFlight })
    .default({ control: 500, submit: 300, stats: 200 }),
  /** Of all classes together, critical included (1,000): from there on submit and stats are refused. */
  inFlightTotalMax: inFlight.default(1_000),
  /**
   * What the refused are told to wait, drawn from [half, one and a half] so that they do not come back together.
   * Raise: less repeated traffic, slower return of the load.
   */
  retryAfterMs: z
    .strictObject({ healthy: inFlight, busy: inFlight, stressed: inFlight, overloaded: inFlight })
    .default({ healthy: 250, busy: 500, stressed: 1_000, overloaded: 2_000 }),
});
/** Checked settings. */
export type SheddingConfig = Readonly<z.infer<typeof sheddingConfigSchema>>;
/** The defaults, for every node. */
export const SHEDDING: SheddingConfig = sheddingConfigSchema.parse({});

/** State of one node: plain data, changed by `admit` and `finish` alone. */
export type Shedding = {
  readonly prng: Prng;
  readonly inFlight: Record<RequestClass, number>;
  /** Totals since the start. */
  readonly taken: Record<RequestClass, number>;
  readonly shed: Record<Sheddable, number>;
};

/** `full`: too many of its class, or of all, are under way. `overload`: the node's level. */
export type Admission =
  | { readonly kind: "taken" }
  | { readonly kind: "shed"; readonly why: "overload" | "full"; readonly retryAfterMs: number };

/** Nothing is under way. In: seed of the draws. */
export function createShedding(seed: number): Shedding {
  return {
    prng: createPrng(seed, "shedding"),
    inFlight: { critical: 0, control: 0, submit: 0, stats: 0 },
    taken: { critical: 0, control: 0, submit: 0, stats: 0 },
    shed: { control: 0, submit: 0, stats: 0 },
  };
}

/** A request arrives. What is taken is under way until `finish`. */
export function admit(
  state: Shedding,
  config: SheddingConfig,
  requestClass: RequestClass,
  level: OverloadLevel,
): Admission {
  const why = requestClass === "critical" ? null : refusalOf(state, config, requestClass, level);
  if (requestClass === "critical" || why === null) {
    state.inFlight[requestClass]++;
    state.taken[requestClass]++;
    return { kind: "taken" };
  }
  state.shed[requestClass]++;
  const retryAfterMs = Math.ceil(config.retryAfterMs[level] * (0.5 + nextFloat(state.prng)));
  return { kind: "shed", why, retryAfterMs };
}

/** A request that was taken has ended, however it ended. */
export function finish(state: Shedding, requestClass: RequestClass): void {
  assert(state.inFlight[requestClass] > 0, `a ${requestClass} request that ends was taken`);
  state.inFlight[requestClass]--;
}

function refusalOf(
  state: Shedding,
  config: SheddingConfig,
  requestClass: Sheddable,
  level: OverloadLevel,
): "overload" | "full" | null {
  const { inFlight } = state;
  if (inFlight[requestClass] >= config.inFlightMax[requestClass]) return "full";
  const total = inFlight.critical + inFlight.control + inFlight.submit + inFlight.stats;
  if (requestClass !== "control" && total >= config.inFlightTotalMax) return "full";
  const refused = config[requestClass][level];
  return refused > 0 && nextFloat(state.prng) < refused ? "overload" : null;
}
