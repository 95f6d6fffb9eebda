// Goal: a circuit opens when a peer fails, leaves it alone, tries it with bounded probes, and closes when it is well;
// nothing late, lost or of another peer disturbs it. Method: transcripts of single circuits, random traffic against
// peers of a known kind with bounds checked at every step, planted settings.

import { describe, expect, test } from "bun:test";
import { createPrng, nextBelow, nextFloat } from "../../src/base/prng.ts";
import {
  admitTo,
  CIRCUITS,
  type Circuits,
  type CircuitConfig,
  circuitConfigSchema,
  type CircuitView,
  circuitViews,
  createCircuits,
  forget,
  openTimeMs,
  type Permit,
  report,
} from "../../src/health/circuit.ts";

const STEADY = circuitConfigSchema.parse({ jitter: 0 });

function permitOf(state: Circuits, now: number, peer = "a", config = STEADY): Permit | null {
  const decision = admitTo(state, config, now, peer);
  return decision.kind === "admitted" ? decision.permit : null;
}

/** One request with its outcome; false: it was refused. */
function request(state: Circuits, now: number, isSuccess: boolean, peer = "a", config = STEADY): boolean {
  const permit = permitOf(state, now, peer, config);
  if (permit !== null) report(state, config, now, { permit, isSuccess });
  return permit !== null;
}

function viewOf(state: Circuits, now: number, peer = "a", config = STEADY): CircuitView {
  const view = circuitViews(state, config, now).find((one) => one.peer === peer);
  if (view === undefined) throw new Error(`${peer} has no circuit`);
  return view;
}

/** A circuit that opened at `now` by failures in a row. */
function opened(now = 0, config: CircuitConfig = STEADY): Circuits {
  const state = createCircuits(1);
  for (let number = 0; number < config.consecutiveMax; number++) request(state, now, false, "a", config);
  return state;
}

describe("closed", () => {
  test("[GM-3.3.1] [MW-5.3.1] five failures in a row open it, four do not, a success between starts anew", () => {
    const state = createCircuits(1);
    for (let number = 0; number < 4; number++) request(state, number, false);
    request(state, 4, true);
    for (let number = 0; number < 4; number++) request(state, 5 + number, false);
    expect(viewOf(state, 9).state).toBe("closed");
    request(state, 10, false);
    expect(viewOf(state, 10)).toMatchObject({ state: "open", opens: 1, nextProbeAtMs: 5_010 });
  });

  test("half of at least 20 outcomes failed open it; of 19, or less than half, do not", () => {
    const outcomes = (number: number, failsEvery: number): Circuits => {
      const state = createCircuits(1);
      for (let at = 1; at <= number; at++) request(state, at, at % failsEvery !== 0);
      return state;
    };
    expect(viewOf(outcomes(19, 2), 20)).toMatchObject({ state: "closed", failures: 9, samples: 19 });
    expect(viewOf(outcomes(20, 2), 20).state).toBe("open");
    expect(viewOf(outcomes(400, 3), 400).state).toBe("closed");
  });

  test("failures older than the window do not count", () => {
    const state = createCircuits(1);
    for (let at = 0; at < 40; at++) request(state, at * 4_000, at % 2 === 0);
    expect(viewOf(state, 156_000).state).toBe("closed");
    expect(viewOf(state, 156_000).samples).toBeLessThan(9);
    expect(viewOf(state, 300_000)).toMatchObject({ failures: 0, samples: 0, nextProbeAtMs: null });
  });
});

describe("open", () => {
  test("[GM-3.3.2] [MW-5.3.2] it refuses, and says when to come back", () => {
    const state = opened();
    expect(admitTo(state, STEADY, 0, "a")).toEqual({ kind: "refused", retryAfterMs: 5_000 });
    expect(admitTo(state, STEADY, 4_999, "a")).toEqual({ kind: "refused", retryAfterMs: 1 });
    expect(admitTo(state, STEADY, 5_000, "a").kind).toBe("admitted");
  });

  test("the open time doubles up to its maximum", () => {
    const times = [1, 2, 3, 4, 5, 6, 2_000].map((streak) => openTimeMs(STEADY, streak));
    expect(times).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });

  test("jitter spreads the first probes of a hundred nodes over +- 20 %", () => {
    const dueAt = Array.from({ length: 100 }, (_, seed) => {
      const state = createCircuits(seed);
      for (let number = 0; number < 5; number++) request(state, 0, false, "a", CIRCUITS);
      return viewOf(state, 0, "a", CIRCUITS).nextProbeAtMs ?? 0;
    });
    expect(Math.min(...dueAt)).toBeGreaterThanOrEqual(4_000);
    expect(Math.max(...dueAt)).toBeLessThanOrEqual(6_000);
    expect(Math.max(...dueAt) - Math.min(...dueAt)).toBeGreaterThan(1_500);
  });

  test("outcomes of requests sent before it opened change nothing", () => {
    const state = createCircuits(1);
    const early = permitOf(state, 0);
    if (early === null) throw new Error("a closed circuit admits");
    for (let number = 0; number < 5; number++) request(state, 0, false);
    const before = structuredClone(state);
    report(state, STEADY, 1, { permit: early, isSuccess: true });
    report(state, STEADY, 1, { permit: early, isSuccess: false });
    expect(state).toEqual(before);
  });
});

describe("half-open", () => {
  test("[GM-3.3.3] [MW-5.3.3] one probe is let through at a time", () => {
    const state = opened();
    expect(permitOf(state, 5_000)).not.toBeNull();
    expect(permitOf(state, 5_000)).toBeNull();
    expect(viewOf(state, 5_000).state).toBe("half-open");
    const three = circuitConfigSchema.parse({ jitter: 0, probesMax: 3, closeAfter: 3 });
    const wide = opened(0, three);
    expect(Array.from({ length: 5 }, () => permitOf(wide, 5_000, "a", three) !== null)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  test("[GM-3.3.4] [MW-5.3.4] a probe that succeeds closes it, with a clean slate", () => {
    const state = opened();
    request(state, 5_000, true);
    expect(viewOf(state, 5_000)).toMatchObject({ state: "closed", failures: 0, samples: 0, nextProbeAtMs: null });
    for (let number = 0; number < 4; number++) expect(request(state, 5_001, false)).toBe(true);
    expect(viewOf(state, 5_001).state).toBe("closed");
  });

  test("[GM-3.3.5] a probe that fails opens it again, for longer", () => {
    const state = opened();
    request(state, 5_000, false);
    expect(viewOf(state, 5_000)).toMatchObject({ state: "open", opens: 2, nextProbeAtMs: 15_000 });
  });

  test("it closes only after as many successes in a row as are wanted", () => {
    const config = circuitConfigSchema.parse({ jitter: 0, closeAfter: 3 });
    const state = opened(0, config);
    request(state, 5_000, true, "a", config);
    request(state, 5_000, true, "a", config);
    expect(viewOf(state, 5_000, "a", config).state).toBe("half-open");
    request(state, 5_000, false, "a", config);
    expect(viewOf(state, 5_000, "a", config).state).toBe("open");
    for (const isClosed of [false, false, true]) {
      request(state, 15_000, true, "a", config);
      expect(viewOf(state, 15_000, "a", config).state === "closed").toBe(isClosed);
    }
  });

  test("a probe without an outcome counts as failed: it cannot hold the circuit half-open", () => {
    const state = opened();
    const lost = permitOf(state, 5_000);
    expect(admitTo(state, STEADY, 14_000, "a")).toEqual({ kind: "refused", retryAfterMs: 1_000 });
    expect(admitTo(state, STEADY, 15_000, "a").kind).toBe("refused");
    expect(viewOf(state, 15_000)).toMatchObject({ state: "open", nextProbeAtMs: 25_000 });
    if (lost !== null) report(state, STEADY, 15_001, { permit: lost, isSuccess: true });
    expect(viewOf(state, 15_001).state).toBe("open");
    expect(request(state, 25_000, true)).toBe(true);
    expect(viewOf(state, 25_000).state).toBe("closed");
  });

  test("a probe reported twice counts once", () => {
    const config = circuitConfigSchema.parse({ jitter: 0, closeAfter: 2 });
    const state = opened(0, config);
    const permit = permitOf(state, 5_000, "a", config);
    if (permit === null) throw new Error("a probe is due");
    report(state, config, 5_000, { permit, isSuccess: true });
    report(state, config, 5_000, { permit, isSuccess: true });
    expect(viewOf(state, 5_000, "a", config).state).toBe("half-open");
  });

  test("[LD-45.7] who flaps is left alone ever longer, and after a calm minute only shortly again", () => {
    const state = createCircuits(1);
    const closedAt: number[] = [];
    // It answers probes and fails everything else.
    for (let now = 0; now < 600_000; now += 100) {
      const isProbe = state.peers.get("a")?.phase !== "closed";
      if (request(state, now, isProbe && state.peers.has("a")) && isProbe) closedAt.push(now);
    }
    expect(closedAt.length).toBeLessThan(16);
    expect(viewOf(state, 600_000).opens).toBeLessThan(16);
    const { openUntil } = state.peers.get("a") ?? { openUntil: 0 };
    const calmAt = openUntil + STEADY.calmMs;
    expect(request(state, openUntil, true)).toBe(true);
    for (let number = 0; number < 5; number++) request(state, calmAt, false);
    expect(viewOf(state, calmAt).nextProbeAtMs).toBe(calmAt + 5_000);
  });
});

describe("many peers", () => {
  test("[GM-3.3.6] one peer's circuit does not touch another's", () => {
    const state = opened();
    expect(request(state, 1, true, "b")).toBe(true);
    expect(request(state, 1, true, "a")).toBe(false);
    expect(circuitViews(state, STEADY, 1).map((view) => [view.peer, view.state])).toEqual([
      ["b", "closed"],
      ["a", "open"],
    ]);
  });

  test("[GP-4.3] a peer that is gone is forgotten, and outcomes for it count for nobody", () => {
    const state = createCircuits(1);
    const early = Array.from({ length: 9 }, () => permitOf(state, 0));
    forget(state, "a");
    expect(circuitViews(state, STEADY, 0)).toEqual([]);
    for (const met of [false, true]) {
      if (met) request(state, 1, true);
      for (const permit of early) if (permit !== null) report(state, STEADY, 1, { permit, isSuccess: false });
    }
    expect(viewOf(state, 1)).toMatchObject({ state: "closed", failures: 0, samples: 1 });
  });

  test("[MW-16.3.3] the view shows state, failures, openings and the next probe of each", () => {
    const state = opened(100);
    request(state, 100, true, "b");
    expect(circuitViews(state, STEADY, 200)).toEqual([
      { peer: "a", state: "open", failures: 5, samples: 5, opens: 1, nextProbeAtMs: 5_100 },
      { peer: "b", state: "closed", failures: 0, samples: 1, opens: 0, nextProbeAtMs: null },
    ]);
    expect(viewOf(state, 5_100).state).toBe("half-open");
  });

  test("the table has its bound; the longest unused goes first", () => {
    const config = circuitConfigSchema.parse({ peersMax: 3 });
    const state = createCircuits(1);
    for (const peer of ["a", "b", "c", "a", "d"]) request(state, 0, true, peer, config);
    expect([...state.peers.keys()]).toEqual(["c", "a", "d"]);
  });
});

/** An hour of requests to a peer that fails so often; lost outcomes and late ones among them. */
function hour(
  seed: number,
  failing: number,
): { readonly state: Circuits; readonly sent: number; readonly asked: number } {
  const prng = createPrng(seed);
  const state = createCircuits(seed);
  const open: Permit[] = [];
  let [sent, asked] = [0, 0];
  for (let now = 0; now < 3_600_000; now += 100) {
    asked++;
    const permit = permitOf(state, now, "a", CIRCUITS);
    if (permit !== null) {
      sent++;
      open.push(permit);
    }
    while (open.length > 0 && nextFloat(prng) < 0.6) {
      const [ended] = open.splice(nextBelow(prng, open.length), 1);
      if (ended === undefined || nextFloat(prng) < 0.01) continue;
      report(state, CIRCUITS, now, { permit: ended, isSuccess: nextFloat(prng) >= failing });
    }
    const circuit = state.peers.get("a");
    expect(circuit?.probes.size ?? 0).toBeLessThanOrEqual(CIRCUITS.probesMax);
    expect((circuit?.openUntil ?? 0) - now).toBeLessThanOrEqual(CIRCUITS.openMaxMs * (1 + CIRCUITS.jitter));
    expect(open.length).toBeLessThan(100);
  }
  return { state, sent, asked };
}

test("an hour with a dead peer costs almost nothing, with a well one nothing is refused", () => {
  const dead = hour(1, 1);
  expect(dead.sent).toBeLessThan(120);
  const well = hour(2, 0);
  expect(well.sent).toBe(well.asked);
  // One of ten failing is lived with; nine of ten is not.
  expect(hour(3, 0.1).sent / 36_000).toBeGreaterThan(0.95);
  expect(hour(4, 0.9).sent / 36_000).toBeLessThan(0.05);
});

test("the same seed gives the same decisions, also on a clone", () => {
  const one = opened(0, CIRCUITS);
  const clone = structuredClone(one);
  for (let now = 0; now < 200_000; now += 500)
    expect(request(clone, now, false, "a", CIRCUITS)).toBe(request(one, now, false, "a", CIRCUITS));
  expect(clone).toEqual(one);
});

test("settings that contradict themselves are refused", () => {
  expect(circuitConfigSchema.safeParse({ openMs: 9, openMaxMs: 8 }).error?.message).toContain("openMs is at most");
  expect(circuitConfigSchema.safeParse({ errorRate: 0 }).success).toBe(false);
});
