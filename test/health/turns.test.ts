// Goal: turns keep the rate exactly, whoever comes when it was told is let in, in the order of the first asking, and
// what nobody comes for holds up the others for its turn alone. Method: tables, and random runs of clients that come
// back in time, too early or never, against a count of what the rate allows.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  createTurns,
  returnTurn,
  takeTurn,
  type TurnDecision,
  type Turns,
  turnsConfigSchema,
} from "../../src/health/turns.ts";

const CONFIG = turnsConfigSchema.parse({ horizonMs: 1_000, keptMs: 500, clientsMax: 3, promisesMax: 50 });
const RATE = { perSecond: 10, burst: 2 };

function ask(state: Turns, now: number, id: string, client = "c", rate = RATE): TurnDecision {
  return takeTurn(state, CONFIG, now, { client, id, rate });
}

describe("one client", () => {
  test("has its burst, then turns one interval apart, and nothing beyond the horizon", () => {
    const state = createTurns();
    const waits = Array.from({ length: 14 }, (_, at) => ask(state, 0, `j${at}`)).map((decision) =>
      decision.kind === "taken" ? 0 : decision.kind === "promised" ? decision.retryAfterMs : "refused",
    );
    expect(waits).toEqual([0, 0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000, "refused", "refused"]);
    expect(ask(state, 0, "j13")).toEqual({ kind: "refused", retryAfterMs: 250 });
  });

  test("is told the same time when it comes too early, and is let in from then on, once", () => {
    const state = createTurns();
    ask(state, 0, "a");
    ask(state, 0, "b");
    expect(ask(state, 0, "c")).toEqual({ kind: "promised", retryAfterMs: 100 });
    expect(ask(state, 40, "c")).toEqual({ kind: "promised", retryAfterMs: 60 });
    expect(ask(state, 100, "c")).toEqual({ kind: "taken" });
    expect(ask(state, 100, "c")).toEqual({ kind: "promised", retryAfterMs: 100 });
  });

  test("may be late for a while; after that its turn is lost, and it stands behind the others", () => {
    const state = createTurns();
    for (const id of ["a", "b", "late", "too late"]) ask(state, 0, id);
    expect(state.promised).toBe(2);
    expect(ask(state, 590, "late")).toEqual({ kind: "taken" });
    for (const id of ["x", "y", "z"]) ask(state, 710, id);
    // Its turn was at 200 and is kept for 500 ms.
    expect(ask(state, 710, "too late")).toEqual({ kind: "promised", retryAfterMs: 200 });
    expect(state.promised).toBe(2);
  });

  test("at another level goes on at that rate; turns that were promised stay", () => {
    const state = createTurns();
    for (const id of ["a", "b", "c"]) ask(state, 0, id);
    expect(ask(state, 0, "d", "c", { perSecond: 5, burst: 1 })).toMatchObject({ kind: "promised", retryAfterMs: 300 });
    expect(ask(state, 100, "c", "c", { perSecond: 5, burst: 1 })).toEqual({ kind: "taken" });
  });
});

test("a turn that is given back comes again without another to pay", () => {
  const state = createTurns();
  expect(ask(state, 0, "a").kind).toBe("taken");
  expect(returnTurn(state, CONFIG, 0, { client: "c", id: "a", afterMs: 250 })).toEqual({
    kind: "promised",
    retryAfterMs: 250,
  });
  expect(ask(state, 250, "a").kind).toBe("taken");
  expect(ask(state, 250, "b").kind).toBe("taken");
  expect(ask(state, 250, "c").kind).toBe("taken");
  expect(ask(state, 250, "d").kind).toBe("promised");
});

describe("tables", () => {
  test("clients beyond the limit share a queue; the idle are forgotten", () => {
    const state = createTurns();
    for (const client of ["a", "b", "c"]) ask(state, 0, "x", client);
    expect(ask(state, 0, "x", "d").kind).toBe("taken");
    expect(ask(state, 0, "y", "e").kind).toBe("taken");
    expect(ask(state, 0, "z", "f").kind).toBe("promised");
    ask(state, 5_000, "x", "g");
    ask(state, 5_000, "y", "g");
    expect([...state.queues.keys()]).toEqual(["g"]);
  });

  test("promises are limited over all clients, and given back as they are used", () => {
    const state = createTurns();
    const fast = { perSecond: 1_000, burst: 1 };
    const kinds = Array.from({ length: 60 }, (_, at) => ask(state, 0, `j${at}`, "c", fast).kind);
    expect(kinds.filter((kind) => kind === "promised")).toHaveLength(50);
    expect(kinds.slice(51)).toEqual(Array.from({ length: 9 }, () => "refused"));
    expect(ask(state, 1, "j1", "c", fast).kind).toBe("taken");
    expect(ask(state, 1, "more", "c", fast).kind).toBe("promised");
  });
});

test("who comes back when it was told is let in at its second try, in order; the rate is never exceeded", () => {
  const arrivals = fc.array(
    fc.record({ gapMs: fc.nat(150), client: fc.constantFrom("a", "b"), delayMs: fc.nat(100), comes: fc.boolean() }),
    { minLength: 1, maxLength: 80 },
  );
  fc.assert(
    fc.property(arrivals, (list) => {
      const state = createTurns();
      const events: { atMs: number; id: string; client: string; asked: number; delayMs: number; comes: boolean }[] = [];
      let now = 0;
      for (const [at, { gapMs, client, delayMs, comes }] of list.entries())
        events.push({ atMs: (now += gapMs), id: `j${at}`, client, asked: 0, delayMs, comes });
      const taken = new Map<string, number[]>();
      for (let next = earliest(events); next !== undefined; next = earliest(events)) {
        events.splice(events.indexOf(next), 1);
        const decision = ask(state, next.atMs, next.id, next.client);
        if (decision.kind === "taken")
          taken.set(next.client, [...(taken.get(next.client) ?? []), next.atMs - next.delayMs * next.asked]);
        // Let in at the second try, whatever others did meanwhile.
        else if (next.asked > 0) throw new Error(`${next.id} is ${decision.kind} again`);
        else if (decision.kind === "promised" && next.comes)
          events.push({ ...next, asked: 1, atMs: next.atMs + decision.retryAfterMs + next.delayMs });
      }
      // Turns, not when they were used: who comes a little late may meet the next.
      for (const times of taken.values()) {
        const sorted = times.toSorted((a, b) => a - b);
        for (let from = 0; from < sorted.length; from++)
          for (let to = from + 1; to < sorted.length; to++) {
            const spanMs = (sorted[to] ?? 0) - (sorted[from] ?? 0);
            expect(to - from + 1).toBeLessThanOrEqual(RATE.burst + (spanMs + 2) / 100 + 1e-6);
          }
      }
    }),
    { numRuns: 300 },
  );
});

function earliest<Event extends { readonly atMs: number }>(events: readonly Event[]): Event | undefined {
  return events.reduce<Event | undefined>(
    (best, one) => (best === undefined || one.atMs < best.atMs ? one : best),
    undefined,
  );
}
